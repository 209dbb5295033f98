//! What a guard lets through, over restarts, crashes and restored copies.

use crate::lane::{checkpoint, key, orders, result, signer};
use alloy_primitives::{Address, B256};
use std::{fs, os::unix::fs::FileExt as _, path::Path};
use tempfile::TempDir;
use weft_promise::{Guard, GuardError, IssueError, Issuer, Start, Verdict, Word, guard::Setting};
use weft_types::{Domain, OrderPromise, Section, SignedGroup, SlotNumber, Statement};

const NOW: u64 = 1_763_719_200_000;

fn setting(now_ms: u64) -> Setting {
    let lane_slot = SlotNumber::new(7);
    Setting {
        key: key(),
        domain: Domain::dev(),
        slot_ms: 200,
        lane_slot,
        now_ms,
        is_restored: false,
    }
}

fn fresh(directory: &TempDir) -> std::path::PathBuf {
    let path = directory.path().join("guard");
    Guard::create(&path, key(), NOW).unwrap();
    path
}

fn open(path: &Path, now_ms: u64) -> (Guard, Start) {
    Guard::open(path, &setting(now_ms)).unwrap()
}

fn admit(guard: &mut Guard, order: &OrderPromise) -> Verdict {
    guard.admit(&Statement::Order(order.clone())).unwrap()
}

/// Signs the first positions of a slot and closes the file.
fn signed(path: &Path, slot: u64, count: u32) {
    let mut guard = open(path, NOW).0;
    for order in orders(slot, count, 0) {
        assert_eq!(admit(&mut guard, &order), Verdict::Sign);
    }
    guard.flush(NOW).unwrap();
}

#[test]
fn a_restart_goes_on_where_the_lane_was_and_signs_nothing_twice() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    assert_eq!(open(&path, NOW).0.highest(), None);
    signed(&path, 7, 3);
    let (mut guard, start) = open(&path, NOW + 1000);
    assert_eq!(start, Start::Current);
    assert_eq!(guard.highest(), Some(SlotNumber::new(7)));
    let verdicts: Vec<_> = orders(7, 5, 0).iter().map(|order| admit(&mut guard, order)).collect();
    use Verdict::{Old, Sign};
    assert_eq!(verdicts, [Old, Old, Old, Sign, Sign]);
    assert_eq!(admit(&mut guard, &orders(6, 1, 0)[0]), Old);
    assert_eq!(admit(&mut guard, &orders(8, 1, 0)[0]), Sign);
}

/// The same orders in the section of sealed items.
fn sealed_orders(slot: u64, count: u32, salt: u8) -> Vec<OrderPromise> {
    let mut orders = orders(slot, count, salt);
    orders.iter_mut().for_each(|order| order.position.section = Section::Sealed);
    orders
}

#[test]
fn sealed_items_are_ordered_beside_plaintext_and_each_once() {
    // P2: both sections of a slot grow at the same time.
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    let mut guard = open(&path, NOW).0;
    let (plain, sealed) = (orders(7, 3, 0), sealed_orders(7, 3, 1));
    for (plain, sealed) in plain.iter().zip(&sealed) {
        assert_eq!(admit(&mut guard, plain), Verdict::Sign);
        assert_eq!(admit(&mut guard, sealed), Verdict::Sign);
        assert_eq!(admit(&mut guard, sealed), Verdict::Old);
    }
    guard.flush(NOW).unwrap();
    drop(guard);
    let mut guard = open(&path, NOW).0;
    let verdicts: Vec<_> =
        sealed_orders(7, 4, 1).iter().map(|order| admit(&mut guard, order)).collect();
    use Verdict::{Old, Sign};
    assert_eq!(verdicts, [Old, Old, Old, Sign], "a restart forgets none");
    assert_eq!(admit(&mut guard, &orders(8, 1, 0)[0]), Sign);
    assert_eq!(admit(&mut guard, &sealed_orders(7, 5, 1)[4]), Old, "slot 7 is over");
    assert_eq!(admit(&mut guard, &sealed_orders(9, 1, 1)[0]), Sign);
    let other = sealed_orders(9, 1, 2).remove(0);
    let error = guard.admit(&Statement::Order(other)).unwrap_err();
    assert!(matches!(error, GuardError::Contradiction(_)), "{error:?}");
}

#[test]
fn a_lane_with_other_content_stops_all_signing() {
    // The last signed position, and the one behind it.
    for (count, checked) in [(3, 2), (4, 3)] {
        let directory = TempDir::new().unwrap();
        let path = fresh(&directory);
        signed(&path, 7, 3);
        let mut guard = open(&path, NOW).0;
        let other = orders(7, count, 1).remove(checked);
        let error = guard.admit(&Statement::Order(other)).unwrap_err();
        assert!(matches!(error, GuardError::Contradiction(_)), "{error}");
        let honest = Statement::Order(orders(9, 1, 0).remove(0));
        assert!(matches!(guard.admit(&honest), Err(GuardError::Broken)));
        assert!(matches!(guard.flush(NOW), Err(GuardError::Broken)));
    }
}

#[test]
fn results_are_signed_once_and_only_behind_their_order() {
    let mut guard = Guard::in_memory();
    let all = orders(7, 2, 0);
    assert!(guard.admit(&result(&all[0])).is_err());
    let mut guard = Guard::in_memory();
    admit(&mut guard, &all[0]);
    assert_eq!(guard.admit(&result(&all[0])).unwrap(), Verdict::Sign);
    assert_eq!(guard.admit(&result(&all[0])).unwrap(), Verdict::Old);
    admit(&mut guard, &all[1]);
    // A result of another item at the signed position names another running hash.
    assert!(guard.admit(&result(&orders(7, 2, 1)[1])).is_err());
}

#[test]
fn checkpoints_say_what_was_signed() {
    let parent = B256::repeat_byte(1);
    let all = orders(7, 2, 0);
    let mut guard = Guard::in_memory();
    let start = all[0].prev_chain;
    assert_eq!(guard.admit(&checkpoint(7, 0, start, parent)).unwrap(), Verdict::Sign);
    admit(&mut guard, &all[0]);
    assert_eq!(guard.admit(&checkpoint(7, 1, all[0].chain, parent)).unwrap(), Verdict::Sign);
    assert_eq!(guard.admit(&checkpoint(7, 0, start, parent)).unwrap(), Verdict::Old);
    for lie in [
        checkpoint(7, 1, all[1].chain, parent),
        checkpoint(7, 2, all[1].chain, parent),
        checkpoint(7, 1, all[0].chain, B256::ZERO),
        checkpoint(8, 1, all[0].chain, parent),
    ] {
        let mut guard = Guard::in_memory();
        guard.admit(&checkpoint(7, 0, start, parent)).unwrap();
        admit(&mut guard, &all[0]);
        assert!(guard.admit(&lie).is_err(), "{lie:?}");
    }
}

#[test]
fn a_restored_copy_is_quiet_for_every_slot_that_may_have_been_signed() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    signed(&path, 7, 3);
    let backup = directory.path().join("backup");
    fs::copy(&path, &backup).unwrap();
    // The original goes on for 10 s, 50 slots.
    {
        let mut guard = open(&path, NOW + 10_000).0;
        admit(&mut guard, &orders(57, 1, 0)[0]);
        guard.flush(NOW + 10_000).unwrap();
    }
    fs::remove_file(&path).unwrap();
    fs::copy(&backup, &path).unwrap();
    let (mut guard, start) = open(&path, NOW + 10_000);
    assert_eq!(start, Start::Waits(SlotNumber::new(7 + 50 + 2)));
    for slot in [7, 8, 57, 59] {
        assert_eq!(admit(&mut guard, &orders(slot, 1, 9)[0]), Verdict::Wait, "{slot}");
    }
    // A restart does not shorten the wait.
    drop(guard);
    let (mut guard, start) = open(&path, NOW + 11_000);
    assert_eq!(start, Start::Waits(SlotNumber::new(59)));
    assert_eq!(admit(&mut guard, &orders(60, 1, 9)[0]), Verdict::Sign);
}

#[test]
fn an_operator_can_say_that_the_disk_is_an_old_one() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    signed(&path, 7, 3);
    let restored = Setting { is_restored: true, ..setting(NOW + 2_000) };
    let (_, start) = Guard::open(&path, &restored).unwrap();
    assert_eq!(start, Start::Waits(SlotNumber::new(7 + 10 + 2)));
}

#[test]
fn a_copy_from_before_the_first_signature_waits_as_well() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    let copy = directory.path().join("copy");
    fs::copy(&path, &copy).unwrap();
    assert_eq!(open(&path, NOW).1, Start::Current);
    assert_eq!(open(&copy, NOW + 2_000).1, Start::Waits(SlotNumber::new(7 + 10 + 2)));
}

#[test]
fn one_torn_record_costs_a_wait_and_two_cost_the_key() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    signed(&path, 7, 3);
    let flip = |at: u64| {
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    };
    flip(100);
    assert!(matches!(open(&path, NOW).1, Start::Waits(_)));
    // Opening wrote one record again, so both are damaged once more.
    flip(100);
    flip(4096 + 100);
    let error = Guard::open(&path, &setting(NOW)).unwrap_err();
    assert!(matches!(error, GuardError::Damaged(_)), "{error}");
}

#[test]
fn every_flipped_byte_of_a_record_is_noticed() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    signed(&path, 7, 3);
    let whole = fs::read(&path).unwrap();
    for at in (0..512).chain(4096..4096 + 512) {
        let mut altered = whole.clone();
        altered[at] ^= 0x40;
        fs::write(&path, &altered).unwrap();
        let (mut guard, start) = open(&path, NOW);
        assert!(matches!(start, Start::Waits(_)), "byte {at}");
        assert_eq!(admit(&mut guard, &orders(7, 1, 1)[0]), Verdict::Wait, "byte {at}");
    }
}

#[test]
fn other_keys_realms_clocks_and_processes_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    signed(&path, 7, 3);
    let refusal = |setting: Setting| Guard::open(&path, &setting).unwrap_err().to_string();
    let other = Setting { key: Address::ZERO, ..setting(NOW) };
    assert!(refusal(other).ends_with("belongs to another key"));
    let realm = Domain { realm: 1, ..Domain::dev() };
    let other = Setting { domain: realm, ..setting(NOW) };
    assert!(refusal(other).ends_with("belongs to another realm"));
    assert!(refusal(setting(NOW - 60_000)).contains("60000 ms behind"));
    let held = open(&path, NOW);
    assert!(refusal(setting(NOW)).ends_with("used by another process"));
    drop(held);
    assert!(Guard::create(&path, key(), NOW).is_err(), "a guard file is never overwritten");
    let missing = directory.path().join("missing");
    assert!(matches!(Guard::open(&missing, &setting(NOW)), Err(GuardError::File { .. })));
}

#[test]
fn what_was_issued_is_on_disk_before_it_is_handed_out() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    let mut issuer = Issuer::new(Domain::dev(), Box::new(signer()), open(&path, NOW).0);
    let all = orders(7, 3, 0);
    let statements: Vec<_> = all.iter().cloned().map(Statement::Order).collect();
    let groups = issuer.issue(statements.clone(), NOW).unwrap();
    let promises: Vec<_> = groups.iter().flat_map(SignedGroup::promises).collect();
    assert_eq!(promises.len(), 3);
    assert!(promises.iter().all(|promise| promise.verify(key()).is_ok()));
    assert!(promises.iter().all(|promise| promise.signature == promises[0].signature));
    assert_eq!(issuer.issue(statements, NOW).unwrap(), []);
    // The process dies: nothing is written any more. Another lane finds the positions taken.
    drop(issuer);
    let mut issuer = Issuer::new(Domain::dev(), Box::new(signer()), open(&path, NOW).0);
    let other = Statement::Order(orders(7, 3, 1).remove(2));
    let refused = issuer.issue(vec![other], NOW).unwrap_err();
    assert!(matches!(refused, IssueError::Guard(GuardError::Contradiction(_))), "{refused}");
}

fn commitment(slot: u64, digest: u8) -> Word {
    Word::Commitment { slot: SlotNumber::new(slot), digest: B256::repeat_byte(digest) }
}

fn epoch(epoch: u64, since: u64, digest: u8) -> Word {
    Word::Epoch { epoch, since: SlotNumber::new(since), digest: B256::repeat_byte(digest) }
}

#[test]
fn a_word_has_one_value_also_after_a_restart() {
    use Verdict::{Old, Sign};
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    let (mut guard, _) = open(&path, NOW);
    for (word, expected) in [
        (commitment(3, 1), Sign),
        (commitment(3, 1), Sign),
        (commitment(5, 2), Sign),
        (commitment(4, 9), Old),
        (epoch(2, 1, 1), Sign),
        (epoch(1, 1, 2), Sign),
        (epoch(2, 1, 1), Sign),
    ] {
        assert_eq!(guard.admit_word(&word).unwrap(), expected, "{word:?}");
    }
    guard.flush(NOW).unwrap();
    drop(guard);
    let (mut guard, start) = open(&path, NOW);
    assert_eq!(start, Start::Current);
    assert_eq!(guard.admit_word(&commitment(5, 2)).unwrap(), Sign, "the same again");
    assert_eq!(guard.admit_word(&commitment(4, 1)).unwrap(), Old);
    // Epochs that are forgotten are not said again.
    for number in 3..=6 {
        assert_eq!(guard.admit_word(&epoch(number, 1, 3)).unwrap(), Sign);
    }
    assert_eq!(guard.admit_word(&epoch(2, 1, 1)).unwrap(), Old);
    assert!(matches!(guard.admit_word(&epoch(6, 1, 4)), Err(GuardError::SecondWord(_))));
    assert!(matches!(guard.admit_word(&commitment(9, 1)), Err(GuardError::Broken)));
    drop(guard);
    let (mut guard, _) = open(&path, NOW);
    assert!(matches!(guard.admit_word(&commitment(5, 3)), Err(GuardError::SecondWord(_))));
}

#[test]
fn a_restored_guard_says_nothing_about_what_may_have_been_said() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    let (mut guard, _) = open(&path, NOW);
    guard.admit_word(&commitment(3, 1)).unwrap();
    guard.flush(NOW).unwrap();
    drop(guard);
    let restored = Setting { is_restored: true, ..setting(NOW) };
    let (mut guard, start) = Guard::open(&path, &restored).unwrap();
    let Start::Waits(floor) = start else { panic!("{start:?}") };
    let floor = floor.get();
    assert_eq!(guard.admit_word(&commitment(floor, 7)).unwrap(), Verdict::Wait);
    assert_eq!(guard.admit_word(&epoch(1, floor, 7)).unwrap(), Verdict::Wait);
    assert_eq!(guard.admit_word(&commitment(floor + 1, 7)).unwrap(), Verdict::Sign);
    assert_eq!(guard.admit_word(&epoch(9, floor + 1, 7)).unwrap(), Verdict::Sign);
}

#[test]
fn an_older_lane_commits_to_no_slot_that_was_promised() {
    let directory = TempDir::new().unwrap();
    let path = fresh(&directory);
    signed(&path, 40, 1);
    // The lane of `setting` is behind the slot that was signed.
    let (mut guard, _) = open(&path, NOW);
    for slot in [39, 40] {
        assert_eq!(guard.admit_word(&commitment(slot, 1)).unwrap(), Verdict::Old);
    }
    assert_eq!(guard.admit_word(&commitment(41, 1)).unwrap(), Verdict::Sign);
}
