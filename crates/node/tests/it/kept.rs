//! A node that goes on from its database: the same answers as one that repeats everything, and nothing wrong ever.

use crate::{
    crossing::counters,
    world::{A, B, Draft, World, address, config},
};
use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use weft_contracts::Counter;
use weft_journal::{OpenError, sim::SimDisk};
use weft_node::{DevConfig, Mining, Node, NodeError};
use weft_state::{
    StoreError,
    sim::{Fault, SimMedium},
};

/// A log and a database.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disks {
    pub(crate) log: SimDisk,
    pub(crate) state: SimMedium,
}

impl Disks {
    /// Returns what is left when the program is killed now.
    pub(crate) fn after_kill(&self) -> Self {
        // The database first: it is never ahead of the log.
        let state = self.state.after_kill();
        Self { state, log: self.log.after_kill() }
    }
}

pub(crate) fn on(disks: &Disks) -> DevConfig {
    DevConfig { state_medium: Some(Arc::new(disks.state.clone())), ..replaying(&disks.log) }
}

/// A configuration without a database, which repeats the whole log.
pub(crate) fn replaying(log: &SimDisk) -> DevConfig {
    DevConfig {
        log_disk: Some(Arc::new(log.clone())),
        state_sync_ms: 0,
        keep_log: true,
        ..config()
    }
}

/// A history of all kinds of items, and what clients may ask about it.
#[derive(Debug, Default)]
pub(crate) struct History {
    step: u64,
    counters: Option<(Address, Address, Address)>,
    hashes: Vec<(u64, B256)>,
    nonces: BTreeMap<(u64, usize), u64>,
}

impl History {
    fn nonce(&mut self, chain: u64, account: usize) -> u64 {
        let nonce = self.nonces.entry((chain, account)).or_default();
        *nonce += 1;
        *nonce - 1
    }

    async fn send(&mut self, world: &World, draft: Draft) {
        self.hashes.push((draft.chain_id, world.send(&draft).await));
    }

    pub(crate) async fn go_on(&mut self, world: &World) {
        if self.counters.is_none() {
            self.counters = Some(counters(world).await);
            self.nonces.extend([((A, 0), 2), ((B, 0), 1)]);
        }
        let (here, _, proxy) = self.counters.unwrap();
        self.step += 1;
        match self.step % 5 {
            0 => {
                let legs = [A, B].map(|chain| {
                    Draft::new(chain, 1, self.nonce(chain, 1)).pay(address(9), 5).leg()
                });
                let salt = B256::from(U256::from(self.step));
                let bundle = json!([{ "salt": salt, "legs": legs }]);
                let sent = world.rpc(A, "weft_sendBundle", bundle).await;
                let hash = sent["bundleId"].clone();
                self.hashes.push((A, serde_json::from_value(hash).unwrap()));
            }
            // Two wait for the one that comes last.
            1 if self.step % 10 == 1 => {
                let nonce = 3 * (self.step / 10);
                self.send(world, Draft::new(B, 2, nonce + 2)).await;
                self.send(world, Draft::new(B, 2, nonce + 1)).await;
                if self.step > 10 {
                    self.send(world, Draft::new(B, 2, nonce - 3)).await;
                }
            }
            // A leg that reverts takes its bundle with it.
            2 => {
                let nonce = self.nonces.get(&(B, 1)).copied().unwrap_or_default();
                let fails = Draft::new(B, 1, nonce).call(here, Counter::incrementCall {});
                let leg = Draft { to: None, data: [0xfe].into(), ..fails }.leg();
                let salt = B256::from(U256::from(self.step));
                let _ = world
                    .try_rpc(A, "weft_sendBundle", json!([{ "salt": salt, "legs": [leg] }]))
                    .await;
            }
            3 => {
                let nonce = self.nonce(B, 3);
                self.send(world, Draft::new(B, 3, nonce).pay(address(8), self.step)).await;
            }
            _ => {
                let nonce = self.nonce(A, 0);
                let call = Counter::incrementViaCall { proxy };
                self.send(world, Draft::new(A, 0, nonce).call(here, call)).await;
            }
        }
    }
}

/// Returns everything that a client can ask about a history.
pub(crate) async fn answers(world: &World, history: &History) -> Vec<Value> {
    let mut all = Vec::new();
    let (here, there, _) = history.counters.unwrap();
    for (chain, counter) in [(A, here), (B, there)] {
        let head = world.rpc(chain, "eth_blockNumber", json!([])).await;
        let head: U256 = serde_json::from_value(head).unwrap();
        for number in 0..=head.to::<u64>() {
            let number = format!("{number:#x}");
            let block = world.rpc(chain, "eth_getBlockByNumber", json!([number, true])).await;
            all.push(world.rpc(chain, "eth_getBlockByHash", json!([block["hash"], true])).await);
            assert_eq!(all.last(), Some(&block));
            all.push(world.rpc(chain, "eth_getBlockReceipts", json!([number])).await);
            let proof = json!([counter, ["0x0", "0x1"], number]);
            all.push(answer(world, chain, "eth_getProof", proof).await);
            all.push(answer(world, chain, "eth_getBalance", json!([address(9), number])).await);
        }
        let everything = json!([{ "fromBlock": "0x0" }]);
        let logs = world.rpc(chain, "eth_getLogs", everything).await;
        assert!(!logs.as_array().unwrap().is_empty());
        all.push(logs);
        let named = json!([{ "fromBlock": "0x0", "address": counter }]);
        all.push(world.rpc(chain, "eth_getLogs", named).await);
        for method in ["txpool_content", "weft_escrow"] {
            all.push(world.rpc(chain, method, json!([])).await);
        }
        for account in 0..4 {
            let count = json!([address(account), "pending"]);
            all.push(world.rpc(chain, "eth_getTransactionCount", count).await);
        }
    }
    for (chain, hash) in &history.hashes {
        for method in [
            "eth_getTransactionByHash",
            "eth_getTransactionReceipt",
            "weft_getOutcome",
            "weft_getThread",
        ] {
            all.push(answer(world, *chain, method, json!([hash])).await);
        }
    }
    for (chain, hash) in history.hashes.iter().rev().take(3) {
        let tracer = json!([hash, { "tracer": "callTracer" }]);
        all.push(answer(world, *chain, "debug_traceTransaction", tracer).await);
    }
    all
}

/// Returns an answer or an error, for comparing either.
async fn answer(world: &World, chain: u64, method: &str, params: Value) -> Value {
    match world.try_rpc(chain, method, params).await {
        Ok(value) => value,
        Err(error) => json!([error.code(), error.message()]),
    }
}

#[tokio::test]
async fn a_restart_answers_like_a_node_that_repeats_everything() {
    let disks = Disks::default();
    let world = World::with(on(&disks)).await;
    let mut history = History::default();
    let mut left = Vec::new();
    for step in 0..60 {
        history.go_on(&world).await;
        if step % 6 == 5 {
            left.push(disks.state.after_kill());
        }
    }
    let expected = answers(&world, &history).await;
    let all = world.rpc(A, "weft_health", json!([])).await["lastRecord"].as_u64().unwrap();
    drop(world);

    let log = disks.log.after_kill();
    let replayed = World::with(replaying(&log)).await;
    assert_eq!(replayed.node.repeated_records(), all);
    assert_eq!(answers(&replayed, &history).await, expected);
    replayed.node.stop().await.unwrap();

    let mut repeated = Vec::new();
    for state in left {
        let disks = Disks { log: log.after_kill(), state };
        for life in 0..2 {
            let world = World::with(on(&disks)).await;
            assert_eq!(answers(&world, &history).await, expected, "after {repeated:?}");
            match life {
                0 => repeated.push(world.node.repeated_records()),
                // A clean end leaves nothing to repeat.
                _ => assert_eq!(world.node.repeated_records(), 0),
            }
            world.node.stop().await.unwrap();
        }
        // It can be built on, and what was built is found again.
        let mut copy = History { nonces: history.nonces.clone(), ..History::default() };
        (copy.step, copy.counters) = (history.step, history.counters);
        let world = World::with(on(&disks)).await;
        for _ in 0..10 {
            copy.go_on(&world).await;
        }
        let grown = answers(&world, &copy).await;
        let left = disks.after_kill();
        drop(world);
        let world = World::with(on(&left)).await;
        assert_eq!(answers(&world, &copy).await, grown);
    }
    println!("of {all} records were repeated: {repeated:?}");
    assert!(repeated.is_sorted_by(|earlier, later| earlier >= later), "{repeated:?}");
    // The keeper stands behind other threads, so the first steps may end before it wrote anything.
    assert!(repeated.last().is_some_and(|count| *count < all / 2), "{repeated:?}");
}

#[tokio::test]
async fn old_states_are_pruned_unless_all_are_wanted() {
    for archive in [false, true] {
        let disks = Disks::default();
        let config = || DevConfig { archive, ..on(&disks) };
        let mut world = World::with(config()).await;
        let before = world.balance(A, address(9), "latest").await;
        for nonce in 0..140 {
            world.send(&Draft::new(A, 0, nonce).pay(address(9), 1)).await;
        }
        for _ in 0..2 {
            let asked = json!([address(9), "0x5"]);
            let balance = world.try_rpc(A, "eth_getBalance", asked).await;
            match archive {
                true => assert_eq!(balance.unwrap(), json!(before + U256::from(5))),
                false => {
                    let error = balance.unwrap_err();
                    assert_eq!(error.code(), -32000, "{error:?}");
                    assert!(error.message().starts_with("historical state unavailable"));
                }
            }
            let recent = world.balance(A, address(9), "0x64").await;
            assert_eq!(recent, before + U256::from(100));
            let block = world.rpc(A, "eth_getBlockByNumber", json!(["0x5", true])).await;
            let hash = &block["transactions"][0]["hash"];
            assert_eq!(world.receipt(A, hash).await["blockNumber"], "0x5");
            world.node.stop().await.unwrap();
            world = World::with(config()).await;
        }
    }
}

#[tokio::test]
async fn the_log_before_the_state_goes_unless_it_is_wanted() {
    for keep_log in [false, true] {
        let disks = Disks::default();
        let config = || DevConfig { keep_log, log_segment_bytes: 2_000, ..on(&disks) };
        let world = World::with(config()).await;
        let mut last = B256::ZERO;
        for nonce in 0..100 {
            last = world.send(&Draft::new(A, 0, nonce)).await;
        }
        world.node.stop().await.unwrap();
        let files = disks.log.files();
        let has_first = files.iter().any(|(name, _)| name == "00000000000000000001.log");
        assert_eq!(has_first, keep_log, "{files:?}");
        assert!(keep_log || files.len() < 8, "{files:?}");
        let world = World::with(config()).await;
        assert_eq!(world.receipt(A, last).await["status"], "0x1");
        world.node.stop().await.unwrap();
        // Without the state the rest of the log is of no use.
        let blank = Disks { state: SimMedium::default(), ..disks.clone() };
        let started = Node::start(DevConfig { keep_log, ..on(&blank) }).await;
        match keep_log {
            true => started.unwrap().stop().await.unwrap(),
            false => assert!(matches!(started, Err(NodeError::NoState)), "{started:?}"),
        }
    }
}

fn bundle() -> Value {
    let legs = [A, B].map(|chain| Draft::new(chain, 1, 0).pay(address(9), 5).leg());
    json!([{ "salt": B256::ZERO, "legs": legs }])
}

/// Sends until the node says that it takes nothing more; returns what was answered.
async fn send_until_stopped(world: &World) -> Vec<B256> {
    let mut sent = Vec::new();
    for nonce in 1..2_000 {
        let raw = json!([Draft::new(A, 0, nonce).pay(address(9), 1).raw()]);
        match world.try_rpc(A, "eth_sendRawTransaction", raw).await {
            Ok(hash) => sent.push(serde_json::from_value(hash).unwrap()),
            Err(error) => {
                assert_eq!(error.code(), -32603, "{error:?}");
                assert!(error.message().contains("state"), "{error:?}");
                return sent;
            }
        }
    }
    panic!("{} transactions were taken", sent.len());
}

#[tokio::test]
async fn a_failing_state_stops_signing_and_takes_nothing_back() {
    for fault in [Fault::Full(0), Fault::Sync, Fault::Torn] {
        let disks = Disks::default();
        let world = World::with(on(&disks)).await;
        let first = world.send(&Draft::new(A, 0, 0)).await;
        disks.state.set_fault(Some(fault));
        let sent = send_until_stopped(&world).await;
        let health = world.rpc(A, "weft_health", json!([])).await;
        assert_eq!(health["ok"], false);
        assert!(health["stopped"].as_str().unwrap().contains("state"), "{health}");
        let refused = world.refused(B, "weft_sendBundle", bundle()).await;
        assert!(refused.message().starts_with("not durable: the state"), "{refused:?}");
        let key = world.rpc(A, "weft_getPromiseKey", json!([])).await;
        assert_eq!(key["signing"], false, "{key}");
        let left = disks.after_kill();
        let _ = world.node.stop().await;

        let world = World::with(on(&left)).await;
        for hash in [first].iter().chain(&sent) {
            assert_eq!(world.receipt(A, hash).await["status"], "0x1", "{fault:?}");
        }
        let count = world.rpc(A, "eth_getTransactionCount", json!([address(0), "latest"])).await;
        let count: U256 = serde_json::from_value(count).unwrap();
        world.send(&Draft::new(A, 0, count.to())).await;
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_read_ends_the_node_cleanly() {
    let disks = Disks::default();
    let world = World::with(on(&disks)).await;
    // More than fits the pages that a start reads anyway.
    let mut large = Vec::new();
    for nonce in 0..12 {
        // Returns 20,000 bytes of its own code as the contract.
        let mut code = alloy_primitives::hex!("614e206000600039614e206000f3").to_vec();
        code.resize(20_100, nonce as u8);
        let hash = world
            .send(&Draft { gas: 8_000_000, ..Draft::new(A, 0, nonce).create(&code.into()) })
            .await;
        let receipt = world.receipt(A, hash).await;
        let contract: Address = serde_json::from_value(receipt["contractAddress"].clone()).unwrap();
        large.push(contract);
    }
    world.node.stop().await.unwrap();
    let world = World::with(DevConfig { state_sync_ms: 3_600_000, ..on(&disks) }).await;
    // What a transaction needs before it has a position is in memory from here on.
    let nothing = Draft { to: Some(address(7)), ..Draft::new(A, 0, 12) };
    world.send(&nothing).await;
    disks.state.set_fault(Some(Fault::Read));
    let mut errors = Vec::new();
    for (nonce, contract) in (13..).zip(&large) {
        let draft = Draft { to: Some(*contract), ..Draft::new(A, 0, nonce) };
        let sent = world.try_rpc(A, "eth_sendRawTransaction", json!([draft.raw()])).await;
        errors.extend(sent.err());
    }
    assert!(errors.iter().all(|error| error.code() == -32603), "{errors:?}");
    let last = errors.last().unwrap().message();
    assert!(last == "engine stopped" || last.contains("state"), "{errors:?}");
    let _ = world.node.stop().await;
    let error = Node::start(on(&disks)).await.unwrap_err();
    assert!(matches!(error, NodeError::Store(StoreError::Io(_))), "{error:?}");
    disks.state.set_fault(None);
    let world = World::with(on(&disks)).await;
    let count = world.rpc(A, "eth_getTransactionCount", json!([address(0), "pending"])).await;
    let count: U256 = serde_json::from_value(count).unwrap();
    world.send(&Draft::new(A, 0, count.to())).await;
}

#[tokio::test]
async fn a_state_that_does_not_belong_here_is_refused_by_name() {
    let disks = Disks::default();
    let world = World::with(on(&disks)).await;
    let early = disks.log.after_kill();
    for nonce in 0..5 {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    world.node.stop().await.unwrap();

    let other = DevConfig { slot_ms: 100, ..on(&disks) };
    let error = Node::start(other).await.unwrap_err();
    assert!(matches!(error, NodeError::OtherConfig { what: "slot", .. }), "{error:?}");

    let ahead = Disks { log: early, state: disks.state.after_kill() };
    let error = Node::start(on(&ahead)).await.unwrap_err();
    assert!(matches!(error, NodeError::Log(OpenError::TooShort { .. })), "{error:?}");

    // The same realm with another history.
    let twin = Disks::default();
    let world = World::with(on(&twin)).await;
    for nonce in 0..9 {
        world.send(&Draft::new(A, 1, nonce)).await;
    }
    world.node.stop().await.unwrap();
    let mixed = Disks { log: twin.log, state: disks.state.after_kill() };
    let error = Node::start(on(&mixed)).await.unwrap_err();
    assert!(matches!(error, NodeError::Recovery { .. }), "{error:?}");

    let torn = disks.after_kill();
    torn.state.damage(|bytes| bytes[64..320].fill(0xa5));
    let error = Node::start(on(&torn)).await.unwrap_err();
    assert!(matches!(error, NodeError::Store(_)), "{error:?}");
}

/// Transactions of the long history.
const MANY: u64 = 20_000;
/// Senders that share them.
const SENDERS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_after_a_long_history_repeats_only_its_end() {
    let disks = Disks::default();
    let many = DevConfig { mining: Mining::Slots, slot_ms: 50, seed: None, ..on(&disks) };
    let config = DevConfig { state_sync_ms: 200, ..many };
    let world = Arc::new(World::with(config.clone()).await);
    let senders = (0..SENDERS).map(|account| {
        let world = world.clone();
        tokio::spawn(async move {
            let mut last = B256::ZERO;
            for nonce in 0..MANY / SENDERS {
                last = world.send(&Draft::new(A, account as usize, nonce).pay(address(9), 1)).await;
            }
            last
        })
    });
    let mut last = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        last.push(sender.await.unwrap());
    }
    let sent = world.rpc(A, "weft_health", json!([])).await["lastRecord"].as_u64().unwrap();
    // Until the database has it all.
    while world.rpc(A, "weft_health", json!([])).await["lastRecordInState"].as_u64() < Some(sent) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = disks.after_kill();
    drop(world);
    let began = std::time::Instant::now();
    let world = World::with(DevConfig {
        log_disk: Some(Arc::new(left.log.clone())),
        state_medium: Some(Arc::new(left.state.clone())),
        ..config
    })
    .await;
    let repeated = world.node.repeated_records();
    println!("{sent} records, {repeated} repeated, started in {:?}", began.elapsed());
    assert!(sent > MANY);
    assert!(repeated < 1_000, "{repeated} of {sent} records were repeated");
    for hash in last {
        assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    }
    let first = world.rpc(A, "eth_getBlockByNumber", json!(["0x1", false])).await;
    assert_eq!(first["number"], "0x1");
}
