//! L1 takes back what has a position: positions stand, everything else is what it would have been without it (P48, T6).

use crate::{
    batches::{Hashes, export, hashes},
    kept::{Disks, History, answers, on, replaying},
    l1::{Script, deposit, says, someone},
    world::{A, B, Draft, World, address, config},
};
use alloy_primitives::{B256, U256};
use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use weft_contracts::Counter;
use weft_derive::InboxEntry;
use weft_node::{
    BatchDir, BatchLimits, BatchOptions, DEV_ACCOUNTS, DevConfig, L1Standing, L1Update, Verifier,
};
use weft_promise::read_promise;
use weft_types::{Equivocation, SignedPromise, Statement};

/// An account that has nothing but what L1 brings.
pub(crate) const POOR: usize = 9;

/// A realm that waits for no confirmations, in which [`POOR`] has nothing.
pub(crate) fn hasty(config: DevConfig) -> DevConfig {
    DevConfig { l1_confirmations: 0, accounts: DEV_ACCOUNTS[..6].to_vec(), ..config }
}

pub(crate) fn ether(count: u64) -> u64 {
    count * 20_000_000_000_000_000
}

/// Derives every block from batches and an inbox.
pub(crate) fn derived(from: &Path, inbox: Vec<InboxEntry>) -> (Hashes, Verifier) {
    let dir = BatchDir::open(from);
    let mut verifier = Verifier::new(dir.realm().unwrap()).unwrap();
    verifier.take_inbox(inbox);
    let mut all = Hashes::new();
    let mut note = |block: &weft_evm::ClosedBlock| {
        all.insert((block.network.get().into(), block.header.number), block.hash);
    };
    verifier.apply_all(&dir, &mut |_| (), &mut note).unwrap();
    (all, verifier)
}

async fn listen(world: &World, kind: &'static str, what: Value) -> (WsClient, Subscription<Value>) {
    let url = world.node.rollups()[0].url.replacen("http", "ws", 1);
    let client = WsClientBuilder::new().build(url).await.unwrap();
    let feed = match kind {
        "logs" => client.subscribe("eth_subscribe", rpc_params!["logs", what], "eth_unsubscribe"),
        kind => client.subscribe("weft_subscribe", rpc_params![kind], "weft_unsubscribe"),
    };
    let feed = feed.await.unwrap();
    (client, feed)
}

async fn outcome(world: &World, chain: u64, hash: B256) -> Value {
    world.rpc(chain, "weft_getOutcome", json!([hash])).await
}

async fn promised(world: &World, hash: B256) -> (SignedPromise, SignedPromise) {
    let answer = world.rpc(A, "weft_getPromise", json!([hash])).await;
    let read = |name: &str| read_promise(&answer[name].to_string()).unwrap().0;
    (read("order"), read("execution"))
}

#[tokio::test]
async fn p48_a_reorg_leaves_positions_and_folds_the_rest_again() {
    for depth in [1, 7, 64] {
        let dir = tempfile::tempdir().unwrap();
        let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
        let config = hasty(DevConfig { data_dir: Some(data.clone()), ..config() });
        let world = World::with(config.clone()).await;
        let mut l1 = Script::default();
        let (_client, mut feed) = listen(&world, "promises", Value::Null).await;
        says(&world, l1.mine(&[deposit(A, someone(1), 11)])).await;
        world.send(&Draft::new(A, 0, 0).pay(someone(2), 1)).await;
        let before = hashes(&world, &[A, B]).await;
        // What goes, and what stands on it.
        let gone = [deposit(A, address(POOR), ether(9)), deposit(B, someone(1), 5)];
        says(&world, l1.mine(&gone[..1])).await;
        for _ in 2..depth {
            says(&world, l1.mine(&[])).await;
        }
        let spent = world.send(&Draft::new(A, POOR, 0).pay(someone(3), 7)).await;
        let plain = world.send(&Draft::new(A, 1, 0).pay(someone(4), 3)).await;
        let elsewhere = world.send(&Draft::new(B, 1, 0).pay(someone(4), 4)).await;
        let legs = [A, B].map(|chain| Draft::new(chain, 2, 0).pay(someone(5), 5).leg());
        let bundle = json!([{ "salt": B256::ZERO, "legs": legs }]);
        world.rpc(A, "weft_sendBundle", bundle).await;
        if depth > 1 {
            says(&world, l1.mine(&gone[1..])).await;
        }
        let late = world.send(&Draft::new(A, 1, 1).pay(someone(4), 3)).await;
        assert_eq!(world.receipt(A, spent).await["status"], "0x1");
        let (order, execution) = promised(&world, plain).await;
        let receipts = [
            world.receipt(A, plain).await,
            world.receipt(B, elsewhere).await,
            world.receipt(A, late).await,
        ];
        let old = hashes(&world, &[A, B]).await;

        let standing = |number: u64| L1Standing { chain_id: A, number, hash: old[&(A, number)] };
        let last = old.keys().filter(|(chain, _)| *chain == A).map(|key| key.1).max().unwrap();
        says(&world, L1Update::Posted(vec![standing(last)])).await;
        says(&world, l1.back(depth)).await;

        let safe = world.rpc(A, "eth_getBlockByNumber", json!(["safe", false])).await;
        let common = before.keys().filter(|(chain, _)| *chain == A).map(|key| key.1).max();
        assert_eq!(safe["number"], json!(format!("{:#x}", common.unwrap())));
        let new = hashes(&world, &[A, B]).await;
        assert!(before.iter().all(|(at, hash)| new[at] == *hash), "nothing before it changed");
        let again = world.receipt(A, plain).await;
        assert_ne!(again["blockHash"], receipts[0]["blockHash"]);
        // What stood on it fell, by its own rules, at its position; what did not stands.
        let fallen = outcome(&world, A, spent).await;
        assert_eq!(fallen["outcome"], "removed", "{fallen}");
        assert_eq!(world.receipt(A, spent).await, Value::Null);
        assert_eq!(world.balance(A, someone(3), "latest").await, U256::ZERO);
        assert_eq!(world.balance(A, address(POOR), "latest").await, U256::ZERO);
        assert_eq!(world.balance(B, someone(1), "latest").await, U256::ZERO);
        assert_eq!(world.balance(A, someone(1), "latest").await, U256::from(11));
        for (chain, was) in [(A, &receipts[0]), (B, &receipts[1]), (A, &receipts[2])] {
            let is = world.receipt(chain, was["transactionHash"].clone()).await;
            for field in ["status", "gasUsed", "logs", "to"] {
                assert_eq!(is[field], was[field], "{is}");
            }
        }
        assert_eq!(world.balance(A, someone(5), "latest").await, U256::from(5));
        assert_eq!(world.balance(B, someone(5), "latest").await, U256::from(5));
        // What was promised about the order stands; a result names the block that it rests on.
        assert_eq!(promised(&world, plain).await, (order.clone(), execution.clone()));
        let Statement::Execution(execution) = execution.statement else { panic!() };
        assert_ne!(execution.l1_origin, B256::ZERO);
        assert!(l1.blocks.iter().all(|block| block.hash != execution.l1_origin), "it is void");

        // The other branch: what it brings comes last.
        says(&world, l1.mine(&[deposit(A, address(POOR), ether(8))])).await;
        says(&world, l1.mine(&[])).await;
        world.send(&Draft::new(A, POOR, 0).pay(someone(6), 2)).await;
        assert_eq!(world.balance(A, someone(6), "latest").await, U256::from(2));
        let after = world.send(&Draft::new(B, 1, 1).pay(someone(4), 4)).await;
        let (_, after) = promised(&world, after).await;
        let Statement::Execution(after) = after.statement else { panic!() };
        assert!(l1.blocks.iter().any(|block| block.hash == after.l1_origin), "it stands");
        hear(&mut feed).await;

        // The same from the database, from the log alone, and from batches with what L1 holds now.
        let all = hashes(&world, &[A, B]).await;
        world.node.stop().await.unwrap();
        for from_log in [false, true] {
            if from_log {
                std::fs::remove_file(data.join("state")).unwrap();
            }
            let world = World::with(config.clone()).await;
            assert_eq!(hashes(&world, &[A, B]).await, all);
            assert_eq!(outcome(&world, A, spent).await["outcome"], "removed");
            world.node.stop().await.unwrap();
        }
        export(&data, &batches);
        let (blocks, verifier) = derived(&batches, l1.inbox());
        let of_both = blocks.into_iter().filter(|((chain, _), _)| [A, B].contains(chain));
        assert_eq!(of_both.collect::<Hashes>(), all);
        let lost = if depth > 1 { 2 } else { 1 };
        assert_eq!(verifier.done().derived.removed, lost + 1, "both deposits, and what fell");
    }
}

/// Hears all there is to hear; no two promises contradict each other (T6).
async fn hear(feed: &mut Subscription<Value>) {
    let mut heard: Vec<SignedPromise> = Vec::new();
    // Checkpoints never end.
    let end = tokio::time::Instant::now() + std::time::Duration::from_millis(500);
    while let Ok(Some(promise)) = tokio::time::timeout_at(end, feed.next()).await {
        let promise = read_promise(&promise.unwrap().to_string()).unwrap().0;
        for other in &heard {
            assert!(Equivocation::new(other.clone(), promise.clone()).is_err());
        }
        heard.push(promise);
    }
    let orders = heard.iter().filter(|said| matches!(said.statement, Statement::Order(_)));
    assert!(orders.count() > 8, "the feed goes on over it");
}

#[tokio::test]
async fn p48_what_l1_gives_again_is_as_if_it_had_never_been_gone() {
    let disks = Disks::default();
    let world = World::with(hasty(on(&disks))).await;
    let mut l1 = Script::default();
    says(&world, l1.mine(&[])).await;
    let first = l1.mine(&[deposit(A, address(POOR), ether(5)), b"junk".to_vec()]);
    says(&world, first.clone()).await;
    world.send(&Draft::new(A, POOR, 0).pay(someone(3), 7)).await;
    let all = hashes(&world, &[A, B]).await;
    let mut other = l1.clone();
    let back = other.back(1);
    says(&world, back.clone()).await;
    says(&world, other.mine(&[deposit(A, someone(1), 3)])).await;
    assert_ne!(hashes(&world, &[A, B]).await[&(A, 1)], all[&(A, 1)]);
    assert_eq!(world.balance(A, someone(1), "latest").await, U256::from(3));
    says(&world, back).await;
    says(&world, first).await;
    let again = hashes(&world, &[A, B]).await;
    assert!(all.iter().all(|(at, hash)| again[at] == *hash), "{all:?} {again:?}");
    assert_eq!(world.balance(A, someone(1), "latest").await, U256::ZERO);
    assert_eq!(world.balance(A, someone(3), "latest").await, U256::from(7));
    says(&world, l1.mine(&[deposit(A, someone(2), 2)])).await;
    assert_eq!(world.balance(A, someone(2), "latest").await, U256::from(2));
    let all = hashes(&world, &[A, B]).await;
    world.node.stop().await.unwrap();
    for config in [on(&disks), replaying(&disks.log)] {
        let world = World::with(hasty(config)).await;
        assert_eq!(hashes(&world, &[A, B]).await, all);
        world.node.stop().await.unwrap();
    }
}

#[tokio::test]
async fn subscribers_and_filters_hear_which_logs_are_gone() {
    let disks = Disks::default();
    let world = World::with(hasty(on(&disks))).await;
    let mut l1 = Script::default();
    let counter = world.counter(A, 0, 0).await;
    says(&world, l1.mine(&[])).await;
    let wanted = json!({ "address": counter });
    let (_client, mut logs) = listen(&world, "logs", wanted.clone()).await;
    let filter = world.rpc(A, "eth_newFilter", json!([wanted])).await;
    let unasked = world.rpc(A, "eth_newFilter", json!([wanted])).await;
    says(&world, l1.mine(&[deposit(A, someone(1), 3)])).await;
    let hash = world.send(&Draft::new(A, 0, 1).call(counter, Counter::incrementCall {})).await;
    let told = logs.next().await.unwrap().unwrap();
    assert_eq!(told["transactionHash"], json!(hash));
    let changes = |id: &Value| world.rpc(A, "eth_getFilterChanges", json!([id]));
    assert_eq!(changes(&filter).await, json!([told]));
    says(&world, l1.back(1)).await;
    let gone = logs.next().await.unwrap().unwrap();
    let new = logs.next().await.unwrap().unwrap();
    assert_eq!((&gone["removed"], &new["removed"]), (&json!(true), &json!(false)));
    assert_eq!((&gone["blockHash"], &gone["data"]), (&told["blockHash"], &told["data"]));
    assert_eq!(new["transactionHash"], json!(hash));
    assert_ne!(new["blockHash"], told["blockHash"]);
    assert_eq!(changes(&filter).await, json!([gone, new]));
    assert_eq!(changes(&unasked).await, json!([new]), "who never heard of it hears nothing of it");
    assert_eq!(world.rpc(A, "eth_getLogs", json!([{ "fromBlock": "0x0" }])).await, json!([new]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_point_of_the_way_back_ends_in_the_same_state() {
    let disks = Disks::default();
    let config = |disks: &Disks| DevConfig { state_sync_ms: 0, ..hasty(on(disks)) };
    let world = World::with(config(&disks)).await;
    let (mut l1, mut history) = (Script::default(), History::default());
    says(&world, l1.mine(&[])).await;
    for step in 0..12_u64 {
        history.go_on(&world).await;
        let payloads = [deposit(A, someone(1), step), b"junk".to_vec()];
        says(&world, l1.mine(&payloads[..(step % 3) as usize])).await;
    }
    let (before, killed) = (disks.after_kill(), Arc::new(AtomicBool::new(false)));
    // Kills while it is on its way, at whatever points there are.
    let (watched, is_over) = (disks.clone(), killed.clone());
    let killer = std::thread::spawn(move || {
        let mut left = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            left.push(watched.after_kill());
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        left
    });
    says(&world, l1.back(7)).await;
    let expected = answers(&world, &history).await;
    killed.store(true, Ordering::Relaxed);
    let mut left = killer.join().unwrap();
    // The log has what L1 took back, the database nothing of it; and the other way round nothing at all.
    left.push(Disks { log: disks.log.after_kill(), state: before.state.after_kill() });
    left.push(Disks { log: disks.log.after_kill(), state: Default::default() });
    world.node.stop().await.unwrap();
    let every = left.len().div_ceil(40);
    for (at, disks) in left.iter().enumerate().rev().step_by(every) {
        let world = World::with(config(disks)).await;
        // A kill before the log had it leaves a node that L1 tells again.
        let has_heard = world.node.engine().l1_tip().await.unwrap() == l1.blocks.last().copied();
        if !has_heard {
            let to = *l1.blocks.last().unwrap();
            says(&world, L1Update::Back { to }).await;
        }
        assert_eq!(answers(&world, &history).await, expected, "kill {at}");
        world.node.stop().await.unwrap();
    }
    println!("{} kills", left.len());
}

#[tokio::test]
async fn batches_of_what_is_gone_are_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("live"));
    let limits = BatchLimits { slots: 3, ..BatchLimits::default() };
    let options = BatchOptions { dir: batches.clone(), limits, is_volatile: false };
    let config = hasty(DevConfig {
        data_dir: Some(data.clone()),
        batches: Some(options),
        state_sync_ms: 0,
        ..config()
    });
    let world = World::with(config.clone()).await;
    let mut l1 = Script::default();
    says(&world, l1.mine(&[deposit(A, someone(1), 1)])).await;
    for nonce in 0..9 {
        world.send(&Draft::new(A, 0, nonce).pay(someone(2), 1)).await;
    }
    let dir_of = BatchDir::open(&batches);
    let written = || (1..=dir_of.count()).map(|number| dir_of.payload(number).unwrap().unwrap());
    wait(|| dir_of.count() >= 2).await;
    let early: Vec<_> = written().collect();
    says(&world, l1.mine(&[deposit(A, someone(1), 2)])).await;
    for nonce in 9..18 {
        world.send(&Draft::new(A, 0, nonce).pay(someone(2), 1)).await;
    }
    // Ten blocks were there before the second deposit, so that the last batch says what comes behind it.
    let blocks = || derived(&batches, l1.inbox()).0.keys().filter(|(chain, _)| *chain == A).count();
    wait(|| blocks() >= 14).await;
    let stale: Vec<_> = written().collect();
    says(&world, l1.back(1)).await;
    says(&world, l1.mine(&[deposit(A, someone(1), 4)])).await;
    for nonce in 18..24 {
        world.send(&Draft::new(A, 0, nonce).pay(someone(2), 1)).await;
    }
    wait(|| dir_of.count() > stale.len() as u64).await;
    let last = hashes(&world, &[A]).await;
    world.node.stop().await.unwrap();
    let now: Vec<_> = written().collect();
    assert!(now[..early.len()] == early, "what rests on nothing that is gone stays");
    let at = stale.len() - 1;
    assert!(now[at] != stale[at], "batch {} says what is gone", at + 1);
    let (blocks, _) = derived(&batches, l1.inbox());
    assert!(blocks.len() > 15);
    for (at, hash) in blocks.iter().filter(|((chain, _), _)| *chain == A) {
        assert_eq!(last[at], *hash);
    }
    // A start finds them as they are.
    let world = World::with(config).await;
    let again: Vec<_> = written().collect();
    assert!(again[..now.len()] == now);
    world.node.stop().await.unwrap();
}

pub(crate) async fn wait(is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("waited too long");
}
