//! A realm with sealed items goes on from what L1 holds of it: what was opened runs again, what was not is given up (P13, P41, P46).

use crate::{
    batches::{Hashes, derive, hashes},
    l1::{Script, payload},
    resume::blocks,
    sealed::{
        key, options, outcome, pay, ran_in_two, sealing, send, send_much, start, transfer, until,
    },
    world::{A, B, World, address},
};
use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_batch::Batch;
use weft_derive::{Derivation, ForcedBatch, Recover};
use weft_node::{
    BatchDir, BatchLimits, BatchOptions, DevConfig, NodeError, OnL1, PostedBatch, SealingOptions,
    resume,
};
use weft_types::{Exit, L1Event, NetworkId};

/// A node that keeps what it does in a directory, in batches as short as they may be.
fn durable(home: &Path) -> DevConfig {
    let limits = BatchLimits { slots: 1, ..BatchLimits::default() };
    let options = BatchOptions { dir: home.join("batches"), limits, is_volatile: false };
    DevConfig {
        data_dir: Some(home.join("data")),
        batches: Some(options),
        state_sync_ms: 0,
        l1_confirmations: 0,
        // So that much goes into one epoch on a busy machine.
        slot_ms: 100,
        ..sealing()
    }
}

fn dir(home: &Path) -> BatchDir {
    BatchDir::open(&home.join("batches"))
}

/// The batches of a node, as L1 has them.
fn posted(home: &Path) -> Vec<PostedBatch> {
    let dir = dir(home);
    let one = |number| {
        let (batch, payload) = (dir.batch(number).unwrap(), dir.payload(number).unwrap());
        PostedBatch::Signed(Box::new(batch.unwrap()), payload.unwrap().into())
    };
    (1..=dir.count()).map(one).collect()
}

fn batch(posted: &PostedBatch) -> &Batch {
    match posted {
        PostedBatch::Signed(signed, _) => &signed.batch,
        PostedBatch::Forced(_) => panic!("an inbox-only batch"),
    }
}

/// Sends a payment and waits until its block is in a batch.
async fn pay_and_post(world: &World, home: &Path, account: usize, nonce: u64) {
    let hash = world.send(&pay(A, account, nonce, address(9))).await;
    let mut block = 0;
    until(async || {
        let receipt = world.rpc(A, "eth_getTransactionReceipt", json!([hash])).await;
        let number: Option<U256> = serde_json::from_value(receipt["blockNumber"].clone()).unwrap();
        block = number.map_or(0, |number| number.to());
        block > 0
    })
    .await;
    posts(home, block).await;
}

/// Waits until a block of the first rollup is in a batch.
async fn posts(home: &Path, block: u64) {
    let dir = dir(home);
    let network = NetworkId::new(A as u32);
    let is_in = |batch: &Batch| {
        batch.heads.iter().any(|head| head.network == network && head.number >= block)
    };
    let mut next = 1;
    until(async || {
        while next <= dir.count() {
            let is_forced = dir.forced(next).unwrap().is_some();
            if !is_forced && is_in(&dir.batch(next).unwrap().unwrap().batch) {
                return true;
            }
            next += 1;
        }
        false
    })
    .await;
}

/// Seals a payment in a new epoch, and sees to it that it runs and that everything in the directory of batches derives.
async fn goes_on(world: World, home: &Path, account: usize, inbox: &Script) -> Hashes {
    let key = key(&world).await;
    let sent = send(&world, &key.seal(&transfer(account, 0), 77)).await;
    let found = outcome(&world, &sent["item"]).await;
    assert_eq!(found["outcome"], "included", "{found}");
    pay_and_post(&world, home, account, 0).await;
    let all = hashes(&world, &[A, B]).await;
    world.node.stop().await.unwrap();
    let (dir, mut derived) = (dir(home), Hashes::new());
    let mut derivation = Derivation::new(dir.realm().unwrap()).unwrap();
    let mut note = |block: &weft_evm::ClosedBlock| {
        derived.insert((block.network.get().into(), block.header.number), block.hash);
    };
    for number in 1..=dir.count() {
        match dir.forced(number).unwrap() {
            Some(forced) => {
                drop(derivation.apply_forced(&forced, &inbox.inbox(), &mut note).unwrap())
            }
            None => {
                let batch = dir.batch(number).unwrap().unwrap();
                derivation.apply(&batch, &inbox.inbox(), &mut Recover, &mut note).unwrap();
            }
        }
    }
    let known = derived.iter().filter(|((chain, _), _)| [A, B].contains(chain));
    assert!(known.clone().count() > 3);
    // Slots went on between the last look and the stop.
    known.filter(|(at, _)| all.contains_key(at)).for_each(|(at, hash)| assert_eq!(all[at], *hash));
    all
}

/// A realm whose epoch took two slots, and items that no epoch could have.
struct Past {
    _dir: tempfile::TempDir,
    home: PathBuf,
    items: Vec<Value>,
    found: Vec<Value>,
    blocks: Hashes,
    posted: Vec<PostedBatch>,
    elsewhere: PathBuf,
}

async fn past() -> Past {
    let temp = tempfile::tempdir().unwrap();
    let (home, elsewhere) = (temp.path().join("old"), temp.path().join("new"));
    let world = start(durable(&home)).await;
    let key = key(&world).await;
    let items = send_much(&world, &key).await;
    pay_and_post(&world, &home, 5, 0).await;
    let found = ran_in_two(&world, &items).await;
    pay_and_post(&world, &home, 5, 1).await;
    let blocks = hashes(&world, &[A, B]).await;
    world.node.stop().await.unwrap();
    let posted = posted(&home);
    Past { _dir: temp, home, items, found, blocks, posted, elsewhere }
}

impl Past {
    /// The number of batches up to the first one for which something holds.
    fn until(&self, holds: impl Fn(&Batch) -> bool) -> usize {
        self.posted.iter().position(|posted| holds(batch(posted))).unwrap() + 1
    }

    fn resume(&self, on_l1: OnL1) -> Result<(), NodeError> {
        resume(&durable(&self.elsewhere), &dir(&self.home).realm().unwrap(), on_l1)
    }

    fn on_l1(&self, batches: usize) -> OnL1 {
        OnL1 { batches: self.posted[..batches].to_vec(), ..OnL1::default() }
    }

    /// An inbox-only batch behind so many others.
    fn forced(&self, batches: usize) -> PostedBatch {
        let last = batch(&self.posted[batches - 1]);
        PostedBatch::Forced(ForcedBatch {
            number: last.number + 1,
            slot: last.last().next(),
            inbox_cursor: 0,
            // Long over when the node goes on: slots follow the clock.
            unix_ms: last.slots.last().unwrap().unix_ms + 200,
            hash: B256::repeat_byte(9),
        })
    }
}

#[tokio::test]
async fn p41_a_realm_with_sealed_items_goes_on_from_its_batches_alone() {
    let past = past().await;
    past.resume(past.on_l1(past.posted.len())).unwrap();
    let world = World::with(durable(&past.elsewhere)).await;
    // The same blocks, the same outcomes.
    let again = hashes(&world, &[A, B]).await;
    for head in &batch(past.posted.last().unwrap()).heads {
        for number in 1..=head.number {
            let at = (u64::from(head.network.get()), number);
            assert_eq!(again.get(&at), past.blocks.get(&at), "{at:?}");
        }
    }
    assert_eq!(ran_in_two(&world, &past.items).await, past.found);
    let all = goes_on(world, &past.elsewhere, 4, &Script::default()).await;
    // The same from the database, from the log alone, and from a start that ends what a kill broke off.
    let data = past.elsewhere.join("data");
    for from in ["state", "log", "kill"] {
        match from {
            "log" => fs::remove_file(data.join("state")).unwrap(),
            "kill" => {
                let resumed = data.join("resumed");
                fs::create_dir(&resumed).unwrap();
                fs::rename(data.join("log"), resumed.join("log")).unwrap();
                fs::rename(data.join("state"), resumed.join("state")).unwrap();
                fs::create_dir(data.join("log")).unwrap();
                fs::write(data.join("state"), "old").unwrap();
                fs::write(resumed.join("complete"), "void-3").unwrap();
            }
            _ => {}
        }
        let world = World::with(durable(&past.elsewhere)).await;
        let again = hashes(&world, &[A, B]).await;
        assert!(all.iter().all(|(at, hash)| again[at] == *hash), "{from}");
        assert_eq!(ran_in_two(&world, &past.items).await, past.found, "{from}");
        world.node.stop().await.unwrap();
    }
    assert_eq!(fs::read_to_string(data.join("void-3/state")).unwrap(), "old");
}

#[tokio::test]
async fn p46_what_is_not_opened_is_given_up_behind_an_inbox_only_batch() {
    let past = past().await;
    let open = past.until(|batch| batch.slots.iter().any(|slot| !slot.sealed.is_empty()));
    let half = past.until(|batch| batch.slots.iter().any(|slot| slot.opening.is_some()));
    for (cut, opened) in [(open, 0), (half, 5)] {
        // Without that, nobody could open it.
        let error = past.resume(past.on_l1(cut)).unwrap_err();
        let NodeError::Config(why) = error else { panic!("{error}") };
        assert!(why.contains("is ordered and not opened") && why.contains("post-inbox"), "{why}");
        assert!(!past.elsewhere.join("data/state").exists());
        let mut on_l1 = past.on_l1(cut);
        on_l1.batches.push(past.forced(cut));
        past.resume(on_l1).unwrap();
        let world = World::with(durable(&past.elsewhere)).await;
        for (index, item) in past.items.iter().enumerate() {
            let found = outcome(&world, item).await;
            match index {
                // The first one is part of a bundle that is never complete.
                0 if opened > 0 => assert_eq!(found["outcome"], "part", "{found}"),
                _ if index < opened => assert_eq!(found, past.found[index]),
                _ => {
                    assert_eq!(found["outcome"], "dropped", "{found}");
                    assert!(found["reason"].as_str().unwrap().contains("given up"), "{found}");
                    assert_eq!(found["position"]["section"], "sealed", "{found}");
                }
            }
        }
        goes_on(world, &past.elsewhere, 4, &Script::default()).await;
        fs::remove_dir_all(&past.elsewhere).unwrap();
    }
}

#[tokio::test]
async fn p46_what_is_not_opened_is_given_up_behind_exits() {
    let past = past().await;
    let cut = past.until(|batch| batch.slots.iter().any(|slot| slot.opening.is_some()));
    let exit = Exit {
        network: NetworkId::new(A as u32),
        account: address(2),
        origin_network: NetworkId::L1,
        token: Address::ZERO,
        amount: U256::from(10_u64.pow(18)),
    };
    let mut l1 = Script::default();
    let _ = l1.mine(&[payload(&L1Event::Exit(exit))]);
    let on_l1 = OnL1 { blocks: blocks(&l1), must_reach: 1, ..past.on_l1(cut) };
    past.resume(on_l1).unwrap();
    let world = World::with(durable(&past.elsewhere)).await;
    let found = outcome(&world, &past.items[7]).await;
    assert_eq!(found["outcome"], "dropped", "{found}");
    assert_eq!(outcome(&world, &past.items[1]).await, past.found[1]);
    goes_on(world, &past.elsewhere, 4, &l1).await;
    let next = dir(&past.elsewhere).batch(cut as u64 + 1).unwrap().unwrap().batch;
    let born: u32 = next.slots.iter().map(|slot| slot.l1_born).sum();
    assert_eq!((next.inbox_cursor, born), (1, 1));
}

#[tokio::test]
async fn p17_what_was_late_is_late_again() {
    let temp = tempfile::tempdir().unwrap();
    let (home, elsewhere) = (temp.path().join("old"), temp.path().join("new"));
    // Whoever stands still for a moment is late.
    let hasty = SealingOptions { close_margin_ms: 0, ..options() };
    let config = |home: &Path| DevConfig { sealing: Some(hasty.clone()), ..durable(home) };
    let world = start(config(&home)).await;
    let key = key(&world).await;
    let item = send(&world, &key.seal(&transfer(1, 0), 1)).await["item"].clone();
    pay_and_post(&world, &home, 5, 0).await;
    world.node.stop().await.unwrap();
    until(async || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let batches = posted(&home);
        let last = batch(batches.last().unwrap()).slots.last().unwrap().unix_ms;
        now.as_millis() > u128::from(last) + 2_500
    })
    .await;
    let world = World::with(config(&home)).await;
    let found = outcome(&world, &item).await;
    assert_eq!(found["cause"], "Late", "{found}");
    pay_and_post(&world, &home, 5, 1).await;
    let expected = hashes(&world, &[A, B]).await;
    world.node.stop().await.unwrap();
    let posted = posted(&home);
    assert!(posted.iter().any(|posted| batch(posted).slots.iter().any(|slot| slot.is_late)));
    let on_l1 = OnL1 { batches: posted, ..OnL1::default() };
    resume(&config(&elsewhere), &dir(&home).realm().unwrap(), on_l1).unwrap();
    let (_, derived) = derive(&elsewhere.join("batches")).unwrap();
    for from_log in [false, true] {
        if from_log {
            fs::remove_file(elsewhere.join("data/state")).unwrap();
        }
        let world = World::with(config(&elsewhere)).await;
        let again = hashes(&world, &[A, B]).await;
        assert!(derived.keys().filter(|(chain, _)| [A, B].contains(chain)).count() > 2);
        for (at, hash) in derived.iter().filter(|((chain, _), _)| [A, B].contains(chain)) {
            assert_eq!((again.get(at), expected.get(at)), (Some(hash), Some(hash)), "{at:?}");
        }
        assert_eq!(outcome(&world, &item).await, found);
        world.node.stop().await.unwrap();
    }
}
