//! Exits by state proof are burned before anything else moves what L1 paid.

use crate::{
    honest::forced,
    sequencer::{A, B, Draft, ETHER, Sequencer, address, derive},
};
use alloy_primitives::{Address, B256, U256};
use weft_batch::{RollupGenesis, SignedBatch};
use weft_derive::{Derivation, ForcedBatch, InboxEntry, Lie, LieKind, Recover};
use weft_types::{Exit, L1Born, L1Event, L1Ref, NetworkId, Outcome, Removal, RemovalCause};

/// Who leaves, and where it sends all it has.
const LEAVER: usize = 5;
const RECEIVER: Address = Address::repeat_byte(0x99);
const HAS: u128 = 1_000 * ETHER;

/// The exit of all that an account had when the realm began.
pub(crate) fn exit(network: NetworkId, key: usize, unix_ms: u64, log_index: u32) -> InboxEntry {
    let origin = L1Ref { block_hash: B256::repeat_byte(2), log_index };
    let exit = Exit {
        network,
        account: address(key),
        origin_network: NetworkId::L1,
        token: Address::ZERO,
        amount: U256::from(HAS),
    };
    InboxEntry { unix_ms, item: L1Born { origin, event: L1Event::Exit(exit) } }
}

/// Somebody forces a payment of nearly all it has, and leaves by state proof while nothing settles.
fn twice() -> Sequencer {
    let mut sequencer = Sequencer::new();
    let now = sequencer.now_ms();
    let all = Draft::pay(A, LEAVER, 0, HAS - ETHER);
    sequencer.inbox = vec![forced(&all, now, 0), exit(A, LEAVER, now, 1)];
    sequencer
}

fn kind(sequencer: &Sequencer, batch: SignedBatch) -> LieKind {
    let lie: Lie = derive(&sequencer.config, &sequencer.inbox, &[batch]).unwrap_err();
    *lie.kind
}

#[test]
fn p46_what_left_is_not_there_to_be_spent_by_what_was_forced_before() {
    let mut sequencer = twice();
    sequencer.take_exits();
    sequencer.take_inbox(1);
    sequencer.close();
    let batch = sequencer.batch();
    assert_eq!(batch.batch.inbox_cursor, 2);
    let removals: Vec<_> = batch.batch.slots[0].removals.iter().map(|it| it.cause).collect();
    assert_eq!(removals, [RemovalCause::Invalid]);
    assert_eq!(sequencer.balance(A, address(LEAVER)), U256::ZERO);
    assert_eq!(sequencer.balance(A, RECEIVER), U256::ZERO);
    // What the rollup may take out is what its accounts have.
    assert_eq!(sequencer.escrow(A), U256::from(7 * HAS));
    let (blocks, _) = derive(&sequencer.config, &sequencer.inbox, &[batch]).unwrap();
    assert_eq!(blocks, sequencer.blocks);
}

#[test]
fn p46_a_batch_that_pays_twice_is_a_lie() {
    // In the order of the inbox: the payment first, and nothing is left to burn.
    let mut sequencer = twice();
    for index in 0..2 {
        let entry = sequencer.inbox[index].item.clone();
        assert_eq!(sequencer.submit(&weft_types::Item::L1Born(entry)), Outcome::Included);
    }
    sequencer.take_inbox(0);
    sequencer.close();
    assert_eq!(sequencer.balance(A, RECEIVER), U256::from(HAS - ETHER));
    let mut batch = sequencer.batch().batch;
    batch.inbox_cursor = 2;
    let batch = crate::sequencer::sign(batch);
    let lie = derive(&sequencer.config, &sequencer.inbox, &[batch]).unwrap_err();
    // Derivation burns first, so the payment is removed, which the batch does not say.
    assert!(matches!(*lie.kind, LieKind::Removal { claimed: None, .. }), "{lie}");
}

#[test]
fn p46_nothing_runs_and_no_batch_ends_before_an_exit_is_burned() {
    let first = LieKind::ExitsFirst { entry: 1 };
    // A transaction of the sequencer's in a slot before.
    let mut sequencer = twice();
    sequencer.submit(&Draft::pay(A, LEAVER, 0, HAS - ETHER).item());
    sequencer.close();
    sequencer.take_exits();
    sequencer.take_inbox(1);
    sequencer.close();
    let batch = sequencer.batch();
    assert_eq!(kind(&sequencer, batch), first);
    // The cursor passes it in a slot that takes nothing.
    let mut sequencer = twice();
    sequencer.inbox.remove(0);
    sequencer.close_after(13_000);
    let mut batch = sequencer.batch().batch;
    batch.inbox_cursor = 1;
    let batch = crate::sequencer::sign(batch);
    assert_eq!(kind(&sequencer, batch), LieKind::ExitsFirst { entry: 0 });
    // An empty slot before is no harm.
    let mut sequencer = twice();
    sequencer.close();
    sequencer.take_exits();
    sequencer.take_inbox(1);
    sequencer.close();
    let batch = sequencer.batch();
    derive(&sequencer.config, &sequencer.inbox, &[batch]).unwrap();
}

#[test]
fn p46_an_absent_rollup_delays_no_exit() {
    let mut sequencer = twice();
    let now = sequencer.now_ms();
    sequencer.halt(B);
    sequencer.close();
    let before = sequencer.batch();
    sequencer.inbox.push(exit(B, LEAVER, now, 2));
    let entries: Vec<_> = [1, 2, 0].map(|index: usize| sequencer.inbox[index].item.clone()).into();
    let outcomes = entries.into_iter().map(|it| sequencer.submit(&weft_types::Item::L1Born(it)));
    let outcomes: Vec<_> = outcomes.collect();
    let is_away = |outcome: &Outcome| matches!(outcome, Outcome::Removed(Removal { cause, .. }) if *cause == RemovalCause::Unavailable);
    assert_eq!(outcomes.iter().map(is_away).collect::<Vec<_>>(), [false, true, false]);
    sequencer.close();
    let mut batch = sequencer.batch().batch;
    batch.inbox_cursor = 3;
    batch.parent = before.batch.hash(&sequencer.config.domain);
    let batches = [before, crate::sequencer::sign(batch)];
    let lie = derive(&sequencer.config, &sequencer.inbox, &batches).unwrap_err();
    assert_eq!(*lie.kind, LieKind::ExitsFirst { entry: 2 });
    // Where nobody claims anything, the rollup is there for it.
    let mut derivation = Derivation::new(sequencer.config.clone()).unwrap();
    derivation.apply(&batches[0], &sequencer.inbox, &mut Recover, &mut |_| {}).unwrap();
    let forced = ForcedBatch {
        number: 2,
        slot: batches[0].batch.last().next(),
        inbox_cursor: 3,
        unix_ms: sequencer.now_ms(),
        hash: B256::repeat_byte(9),
    };
    let derived = derivation.apply_forced(&forced, &sequencer.inbox, &mut |_| {}).unwrap();
    assert_eq!((derived.items, derived.removed, derived.blocks), (3, 1, 2));
    let escrow = derivation.realm().escrow();
    let left = |network| escrow.balance(network, weft_evm::TokenId::ETHER);
    assert_eq!((left(A), left(B)), (U256::from(7 * HAS), U256::from(7 * HAS)));
}

#[test]
fn p46_an_inbox_only_batch_burns_first_as_an_honest_one_does() {
    let mut sequencer = twice();
    sequencer.take_exits();
    sequencer.take_inbox(1);
    sequencer.close();
    let honest = sequencer.batch().batch;
    let forced = ForcedBatch {
        number: 1,
        slot: honest.first,
        inbox_cursor: 2,
        unix_ms: honest.slots[0].unix_ms,
        hash: B256::repeat_byte(9),
    };
    let mut derivation = Derivation::new(sequencer.config.clone()).unwrap();
    let mut blocks = Vec::new();
    let out = &mut |block: &weft_evm::ClosedBlock| {
        blocks.push((block.network, block.header.number, block.hash));
    };
    let derived = derivation.apply_forced(&forced, &sequencer.inbox, out).unwrap();
    assert_eq!((derived.items, derived.removed), (2, 1));
    assert_eq!(blocks, sequencer.blocks);
}

#[test]
fn p46_a_rollup_that_accounts_left_before_it_joined_never_does() {
    let stranger = NetworkId::new(977);
    let mut sequencer = Sequencer::new();
    let genesis = RollupGenesis { chain_id: 977, ..sequencer.config.rollups[1].clone() };
    let join = |sequencer: &mut Sequencer| {
        sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
        sequencer.close();
        let mut batch = sequencer.batch().batch;
        batch.slots[0].joined.push(genesis.clone());
        let batch = crate::sequencer::sign(batch);
        derive(&sequencer.config, &sequencer.inbox, &[batch]).unwrap_err().kind
    };
    // Without an exit the lie is another one: this sequencer's headers do not list it.
    let joined = join(&mut Sequencer::new());
    assert!(matches!(*joined, LieKind::Availability { .. }), "{joined:?}");
    sequencer.inbox = vec![exit(stranger, LEAVER, sequencer.now_ms(), 0)];
    let entry = sequencer.inbox[0].item.clone();
    let outcome = sequencer.submit(&weft_types::Item::L1Born(entry));
    assert!(matches!(outcome, Outcome::Removed(removal) if removal.cause == RemovalCause::Invalid));
    sequencer.take_inbox(0);
    let joined = join(&mut sequencer);
    let why = "accounts left it by state proof before it joined";
    assert_eq!(*joined, LieKind::Join(why));
}
