//! A realm goes on from what L1 holds of it: what left by state proof is burned first, and what was void never happened (P46).

use crate::{
    batches::{Hashes, hashes},
    l1::{Script, deposit, leg, payload, says, someone},
    reorg::{hasty, wait},
    world::{A, B, Draft, World, address, config},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use serde_json::json;
use std::{fs, path::PathBuf};
use weft_batch::{RealmConfig, SignedBatch};
use weft_derive::{Derivation, ForcedBatch, InboxEntry, Recover};
use weft_node::{
    BatchDir, BatchLimits, BatchOptions, DevConfig, L1Block, L1Entry, NodeError, OnL1, PostedBatch,
    resume,
};
use weft_types::{Exit, L1Event, NetworkId};

const LEAVER: usize = 5;

/// A realm that ran, and its L1.
struct Past {
    _dir: tempfile::TempDir,
    data: PathBuf,
    config: DevConfig,
    realm: RealmConfig,
    batches: Vec<PostedBatch>,
    /// How many of them are settled.
    settled: usize,
    blocks: Hashes,
    l1: Script,
    /// The forced payment of all that the leaver has.
    forced: B256,
}

/// Blocks of L1 with their entries.
pub(crate) fn blocks(l1: &Script) -> Vec<(L1Block, Vec<L1Entry>)> {
    let entries = |number: u64| {
        let all = (0..).zip(&l1.entries);
        let own = all.filter(move |(_, (on, ..))| *on == number);
        own.map(|(index, (_, log_index, payload))| L1Entry {
            index,
            log_index: *log_index,
            payload: payload.clone(),
        })
        .collect()
    };
    l1.blocks.iter().map(|block| (*block, entries(block.number))).collect()
}

async fn past() -> Past {
    let dir = tempfile::tempdir().unwrap();
    let (data, live) = (dir.path().join("data"), dir.path().join("batches"));
    let limits = BatchLimits { slots: 2, ..BatchLimits::default() };
    let options = BatchOptions { dir: live.clone(), limits, is_volatile: false };
    let config = DevConfig {
        data_dir: Some(data.clone()),
        batches: Some(options),
        state_sync_ms: 0,
        ..hasty(config())
    };
    let world = World::with(config.clone()).await;
    let (mut l1, dir_of) = (Script::default(), BatchDir::open(&live));
    says(&world, l1.mine(&[deposit(A, someone(1), 11)])).await;
    for nonce in 0..6 {
        world.send(&Draft::new(A, 0, nonce).pay(someone(2), 1)).await;
        world.send(&Draft::new(B, 0, nonce).pay(someone(2), 1)).await;
    }
    wait(|| dir_of.count() >= 3).await;
    let settled = dir_of.count();
    // Behind what is settled: a forced payment of nearly everything, and more.
    let rich = world.balance(A, address(LEAVER), "latest").await;
    let all = Draft::new(A, LEAVER, 0);
    let all = Draft { value: rich - U256::from(10_u64.pow(17)), ..all.pay(someone(3), 0) };
    says(&world, l1.mine(&[payload(&L1Event::Forced(leg(&all)))])).await;
    assert!(world.balance(A, someone(3), "latest").await > U256::ZERO, "it ran, once");
    for nonce in 6..12 {
        world.send(&Draft::new(A, 0, nonce).pay(someone(2), 1)).await;
    }
    wait(|| dir_of.count() >= settled + 2).await;
    // L1 pays what the leaver had, and voids what is not settled.
    let exit = Exit {
        network: NetworkId::new(A as u32),
        account: address(LEAVER),
        origin_network: NetworkId::L1,
        token: Address::ZERO,
        amount: rich,
    };
    let payloads = [payload(&L1Event::Exit(exit)), deposit(B, someone(4), 9)];
    says(&world, l1.mine(&payloads)).await;
    assert_eq!(world.balance(B, someone(4), "latest").await, U256::ZERO, "all behind it waits");
    let blocks = hashes(&world, &[A, B]).await;
    world.node.stop().await.unwrap();
    let signed = |number| {
        let (batch, payload) = (dir_of.batch(number).unwrap(), dir_of.payload(number).unwrap());
        PostedBatch::Signed(Box::new(batch.unwrap()), payload.unwrap().into())
    };
    let batches = (1..=dir_of.count()).map(signed).collect();
    let (realm, settled) = (dir_of.realm().unwrap(), settled as usize);
    let forced = keccak256(all.raw());
    Past { _dir: dir, data, config, realm, batches, settled, blocks, l1, forced }
}

impl Past {
    /// Returns what stands on L1 after the exit.
    fn on_l1(&self) -> OnL1 {
        OnL1 {
            blocks: blocks(&self.l1),
            batches: self.batches[..self.settled].to_vec(),
            must_reach: 3,
        }
    }

    fn signed(&self, index: usize) -> &SignedBatch {
        match &self.batches[index] {
            PostedBatch::Signed(signed, _) => signed,
            PostedBatch::Forced(_) => panic!("an inbox-only batch"),
        }
    }

    fn dir(&self) -> BatchDir {
        BatchDir::open(&self.data.with_file_name("batches"))
    }

    /// Derives everything that is in the directory of batches now.
    fn derived(&self, inbox: &[InboxEntry]) -> (Hashes, Derivation) {
        let (dir, mut all) = (self.dir(), Hashes::new());
        let mut derivation = Derivation::new(dir.realm().unwrap()).unwrap();
        let mut note = |block: &weft_evm::ClosedBlock| {
            all.insert((block.network.get().into(), block.header.number), block.hash);
        };
        for number in 1..=dir.count() {
            match dir.forced(number).unwrap() {
                Some(forced) => {
                    derivation.apply_forced(&forced, inbox, &mut note).unwrap();
                }
                None => {
                    let batch = dir.batch(number).unwrap().unwrap();
                    derivation.apply(&batch, inbox, &mut Recover, &mut note).unwrap();
                }
            }
        }
        (all, derivation)
    }
}

#[tokio::test]
async fn p46_a_realm_goes_on_behind_what_is_settled_and_burns_what_left_first() {
    let past = past().await;
    resume(&past.config, &past.realm, past.on_l1()).unwrap();
    let world = World::with(past.config.clone()).await;
    // A node whose slots close when asked to closes the first one when L1 goes on.
    let mut l1 = past.l1.clone();
    says(&world, l1.mine(&[])).await;
    // The exit was paid, so the payment that stood before it finds nothing.
    assert_eq!(world.balance(A, address(LEAVER), "latest").await, U256::ZERO);
    assert_eq!(world.balance(A, someone(3), "latest").await, U256::ZERO);
    let outcome = world.rpc(A, "weft_getOutcome", json!([past.forced])).await;
    assert_eq!(outcome["outcome"], "removed", "{outcome}");
    // What is settled stands, what was void does not, and what waited behind the exit arrives.
    let new = hashes(&world, &[A, B]).await;
    for head in &past.signed(past.settled - 1).batch.heads {
        let at = (u64::from(head.network.get()), head.number);
        assert_eq!(new[&at], head.hash);
        assert_eq!(past.blocks[&at], head.hash);
    }
    assert_eq!(world.balance(A, someone(1), "latest").await, U256::from(11));
    assert_eq!(world.balance(B, someone(4), "latest").await, U256::from(9));
    // Nonces are those of the settled state: what was void can be sent again.
    let nonce = world.rpc(A, "eth_getTransactionCount", json!([address(0), "latest"])).await;
    let nonce = u64::from_str_radix(nonce.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    for nonce in nonce..nonce + 6 {
        world.send(&Draft::new(A, 0, nonce).pay(someone(2), 1)).await;
    }
    let dir = past.dir();
    wait(|| dir.count() >= past.settled as u64 + 2).await;
    let all = hashes(&world, &[A, B]).await;
    world.node.stop().await.unwrap();
    // The next batch reaches the exit, follows the settled one, and derives to the same.
    let next = dir.batch(past.settled as u64 + 1).unwrap().unwrap().batch;
    let settled = &past.signed(past.settled - 1).batch;
    assert_eq!(next.parent, settled.hash(&past.realm.domain));
    assert_eq!(next.first, settled.last().next());
    assert!(next.inbox_cursor >= 3);
    let (blocks, derivation) = past.derived(&l1.inbox());
    let known = blocks.iter().filter(|((chain, _), _)| [A, B].contains(chain));
    assert!(known.clone().count() > 8 && known.clone().all(|(at, hash)| all[at] == *hash));
    let account = derivation.realm().state(NetworkId::new(A as u32)).unwrap();
    assert!(account.account(&address(LEAVER)).is_none_or(|it| it.info.balance.is_zero()));
    // The same from the database, and from the log alone.
    for from_log in [false, true] {
        if from_log {
            fs::remove_file(past.data.join("state")).unwrap();
        }
        let world = World::with(past.config.clone()).await;
        assert_eq!(hashes(&world, &[A, B]).await, all, "{from_log}");
        world.node.stop().await.unwrap();
    }
    // What was there is beside it.
    assert!(past.data.join("void-1/log").is_dir() && past.data.join("void-1/state").is_file());
    assert!(!past.data.join("resumed").exists());
}

#[tokio::test]
async fn p46_a_realm_goes_on_behind_inbox_only_batches() {
    let past = past().await;
    let settled = past.signed(past.settled - 1).batch.clone();
    let last_ms = settled.slots.last().unwrap().unix_ms;
    let forced = |number: u64, inbox_cursor, after_ms| ForcedBatch {
        number: settled.number + number,
        slot: weft_types::SlotNumber::new(settled.last().get() + number),
        inbox_cursor,
        unix_ms: last_ms + after_ms,
        hash: B256::repeat_byte(number as u8),
    };
    let mut on_l1 = past.on_l1();
    on_l1.batches.extend([
        PostedBatch::Forced(forced(1, 3, 60_000)),
        PostedBatch::Forced(forced(2, 4, 61_000)),
    ]);
    resume(&past.config, &past.realm, on_l1).unwrap();
    let world = World::with(past.config.clone()).await;
    let mut l1 = past.l1.clone();
    says(&world, l1.mine(&[])).await;
    assert_eq!(world.balance(A, someone(3), "latest").await, U256::ZERO);
    assert_eq!(world.balance(B, someone(4), "latest").await, U256::from(9));
    let nonce = world.rpc(B, "eth_getTransactionCount", json!([address(1), "latest"])).await;
    assert_eq!(nonce, "0x0");
    for nonce in 0..6 {
        world.send(&Draft::new(B, 1, nonce).pay(someone(2), 1)).await;
    }
    let dir = past.dir();
    wait(|| dir.count() >= settled.number + 4).await;
    let all = hashes(&world, &[A, B]).await;
    world.node.stop().await.unwrap();
    assert_eq!(dir.forced(settled.number + 1).unwrap(), Some(forced(1, 3, 60_000)));
    let next = dir.batch(settled.number + 3).unwrap().unwrap().batch;
    assert_eq!((next.parent, next.inbox_cursor), (B256::repeat_byte(2), 4));
    let (blocks, _) = past.derived(&past.l1.inbox());
    let known = blocks.iter().filter(|((chain, _), _)| [A, B].contains(chain));
    assert!(known.clone().count() > 8 && known.clone().all(|(at, hash)| all[at] == *hash));
    // A start goes on behind it, also when an inbox-only batch is the last one.
    let world = World::with(past.config.clone()).await;
    assert_eq!(hashes(&world, &[A, B]).await, all);
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn p46_what_does_not_lead_where_it_says_makes_no_directory() {
    let past = past().await;
    let refused = |on_l1: OnL1, why: &str| {
        let error = resume(&past.config, &past.realm, on_l1).unwrap_err();
        assert!(matches!(&error, NodeError::Config(said) if said.contains(why)), "{error}");
    };
    // An entry that is missing, one that is another one, a batch that is left out.
    let mut on_l1 = past.on_l1();
    on_l1.blocks.truncate(1);
    refused(on_l1, "inbox entry 1 is missing");
    let mut on_l1 = past.on_l1();
    on_l1.blocks[0].1[0].payload = deposit(A, someone(1), 12).into();
    refused(on_l1, "another one here");
    let mut on_l1 = past.on_l1();
    on_l1.batches.remove(1);
    let error = resume(&past.config, &past.realm, on_l1).unwrap_err();
    assert!(matches!(error, NodeError::Config(_)), "{error}");
    // What was there is still there.
    let world = World::with(past.config.clone()).await;
    assert_eq!(hashes(&world, &[A, B]).await, past.blocks);
    world.node.stop().await.unwrap();
}
