//! A node on a disk that may fail: what was answered is there again.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::{B256, U256, keccak256};
use jsonrpsee::core::client::Subscription;
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use weft_journal::{
    Disk,
    sim::{Fault, SimDisk},
};
use weft_node::{DevConfig, Limits, Mining, Node, NodeError, Priority};
use weft_promise::read_promise;
use weft_types::{Equivocation, Statement};

fn on(disk: &SimDisk) -> DevConfig {
    DevConfig { log_disk: Some(Arc::new(disk.clone())), ..config() }
}

/// A configuration in which slots close only with their time.
fn slow(disk: &SimDisk) -> DevConfig {
    DevConfig { mining: Mining::Slots, slot_ms: 30_000, ..on(disk) }
}

async fn start(disk: &SimDisk) -> World {
    World::with(on(disk)).await
}

/// Returns everything that a client can see of the last blocks.
async fn view(world: &World) -> Vec<Value> {
    let mut seen = Vec::new();
    for chain in [A, B, B + 1] {
        seen.push(world.rpc(chain, "eth_getBlockByNumber", json!(["latest", true])).await);
        for account in [0, 1, 9] {
            let account = address(account);
            seen.push(world.rpc(chain, "eth_getBalance", json!([account, "pending"])).await);
            seen.push(
                world.rpc(chain, "eth_getTransactionCount", json!([account, "pending"])).await,
            );
        }
    }
    seen
}

/// Says whether a transaction is in a block or in the open slot.
async fn is_included(world: &World, hash: &B256) -> bool {
    world.rpc(A, "weft_getOutcome", json!([hash])).await["outcome"] == "included"
}

fn bundle(salt: u64, nonce: u64) -> Value {
    let legs = [A, B].map(|chain| Draft::new(chain, 1, nonce).pay(address(9), 5).leg());
    json!([{ "salt": B256::from(U256::from(salt)), "legs": legs }])
}

#[tokio::test]
async fn a_restart_finds_everything_again() {
    let disk = SimDisk::default();
    let world = start(&disk).await;
    let counter = world.counter(A, 0, 0).await;
    let hash = world.send(&Draft::new(A, 0, 1).pay(address(9), 7)).await;
    let sent = world.rpc(A, "weft_sendBundle", bundle(1, 0)).await;
    let waits = world.send(&Draft::new(B, 0, 3)).await;
    let (before, receipt) = (view(&world).await, world.receipt(A, hash).await);
    world.node.stop().await.unwrap();

    let world = start(&disk).await;
    assert_eq!(view(&world).await, before);
    assert_eq!(world.receipt(A, hash).await, receipt);
    let code = world.rpc(A, "eth_getCode", json!([counter, "latest"])).await;
    assert_ne!(code, "0x");
    let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
    assert_eq!(outcome["outcome"], "included");
    let found = world.rpc(B, "eth_getTransactionByHash", json!([waits])).await;
    assert_eq!(found["blockHash"], Value::Null);
    // What waited runs when its turn comes, and what ran does not run again.
    for nonce in 0..3 {
        world.send(&Draft::new(B, 0, nonce)).await;
    }
    assert_eq!(world.receipt(B, waits).await["status"], "0x1");
    let error = world.refused(A, "weft_sendBundle", bundle(1, 0)).await;
    assert_eq!(error.code(), -38004, "{error:?}");
}

#[tokio::test]
async fn a_power_cut_takes_nothing_that_was_answered() {
    let untouched = World::with(config()).await.balance(B, address(9), "pending").await;
    for seed in 0..6usize {
        let disk = SimDisk::default();
        let mut world = World::with(slow(&disk)).await;
        let mut sent = Vec::new();
        for nonce in 0..6 {
            sent.push(world.send(&Draft::new(A, 0, nonce).pay(address(9), 1)).await);
            world.rpc(A, "weft_sendBundle", bundle(nonce, nonce)).await;
            if nonce % 2 == 1 {
                // The old node still runs; its disk no longer listens to it.
                let mut state = seed;
                disk.set_fault(Some(Fault::Dies(0)));
                disk.cut_power(&mut |bound| {
                    state =
                        state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 33) % bound.max(1)
                });
                world.node.stop().await.unwrap();
                disk.set_fault(None);
                world = World::with(slow(&disk)).await;
            }
            for hash in &sent {
                assert!(is_included(&world, hash).await, "seed {seed}");
            }
        }
        let paid = world.balance(B, address(9), "pending").await;
        assert_eq!(paid - untouched, U256::from(6 * 5));
    }
}

#[tokio::test]
async fn legs_that_wait_for_their_bundle_survive() {
    let disk = SimDisk::default();
    let world = start(&disk).await;
    let unsigned = |chain: u64| json!({ "chainId": chain, "from": address(2), "to": address(9), "value": "0x3" });
    let request = json!([{ "legs": [unsigned(A), unsigned(B)] }]);
    let prepared = world.rpc(A, "weft_prepareBundle", request).await;
    let marker: alloy_primitives::Bytes =
        serde_json::from_value(prepared["marker"].clone()).unwrap();
    let leg = |chain| {
        let mut draft = Draft::new(chain, 2, 0).pay(address(9), 3);
        draft.data = marker.clone();
        draft
    };
    world.send(&leg(A)).await;
    world.node.stop().await.unwrap();
    let world = start(&disk).await;
    let hash = world.send(&leg(B)).await;
    assert_eq!(world.receipt(B, hash).await["status"], "0x1");
    world.node.stop().await.unwrap();
    let world = start(&disk).await;
    assert_eq!(world.receipt(B, hash).await["status"], "0x1");
    let waiting = world.rpc(A, "weft_getBundle", json!([prepared["bundleId"]])).await;
    assert_eq!(waiting["status"], "included");
}

#[tokio::test]
async fn a_failing_disk_stops_promises_and_not_reads() {
    let faults =
        [(Fault::SyncFails(0), "input/output error"), (Fault::FullAfter(10), "no storage space")];
    for (fault, why) in faults {
        let disk = SimDisk::default();
        let world = World::with(slow(&disk)).await;
        let (_client, mut feed) = world.promises().await;
        let kept = world.send(&Draft::new(A, 0, 0)).await;
        while !heard(&mut feed).await.contains(&"order") {}
        let health = world.rpc(A, "weft_health", json!([])).await;
        assert_eq!((&health["ok"], &health["durable"]), (&json!(true), &json!(true)));
        disk.set_fault(Some(fault));
        let draft = Draft::new(A, 0, 1);
        for _ in 0..2 {
            let error = world.refused(A, "eth_sendRawTransaction", json!([draft.raw()])).await;
            assert_eq!(error.code(), -32603, "{error:?}");
            assert!(error.message().starts_with("not durable: "), "{error:?}");
            assert!(error.message().contains(why), "{error:?}");
        }
        let error = world.refused(B, "weft_sendBundle", bundle(1, 0)).await;
        assert_eq!(error.code(), -32603, "{error:?}");
        // P14: no signature rests on what is not on disk.
        let late = heard(&mut feed).await;
        assert!(!late.contains(&"order") && !late.contains(&"execution"), "{late:?}");
        let promised = world.rpc(A, "weft_getPromise", json!([draft.hash()])).await;
        assert_eq!(promised, Value::Null);
        assert!(is_included(&world, &kept).await);
        let health = world.rpc(A, "weft_health", json!([])).await;
        assert_eq!(health["ok"], false);
        assert!(health["stopped"].as_str().unwrap().contains(why), "{health}");
        world.node.stop().await.unwrap();

        disk.set_fault(None);
        let world = World::with(slow(&disk)).await;
        assert!(is_included(&world, &kept).await);
        // Whether the refused one survived is open; sent again it is there.
        let _ = world.try_rpc(A, "eth_sendRawTransaction", json!([draft.raw()])).await;
        let count = world.rpc(A, "eth_getTransactionCount", json!([address(0), "pending"])).await;
        assert_eq!(count, "0x2");
    }
}

/// What the feed says for a while.
async fn heard(feed: &mut Subscription<Value>) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    let end = Instant::now() + Duration::from_millis(300);
    while let Ok(Some(Ok(message))) = timeout_at(end, feed.next()).await {
        let statement = read_promise(&message.to_string()).unwrap().0.statement;
        kinds.push(match statement {
            Statement::Order(_) => "order",
            Statement::Execution(_) => "execution",
            Statement::Checkpoint(_) => "checkpoint",
            Statement::Bundle(_) => "bundle",
        });
    }
    kinds
}

/// Who was given a promise keeps it: a node that starts again has the item, and signs nothing about it a second time.
#[tokio::test]
async fn p14_a_restart_keeps_what_was_promised_and_goes_on_without_contradiction() {
    let disk = SimDisk::default();
    let world = World::with(slow(&disk)).await;
    let first = world.send(&Draft::new(A, 0, 0)).await;
    let before = world.rpc(A, "weft_getPromise", json!([first])).await;
    world.node.stop().await.unwrap();
    let world = World::with(slow(&disk)).await;
    assert!(is_included(&world, &first).await);
    assert_eq!(world.rpc(A, "weft_getPromise", json!([first])).await, Value::Null);
    let second = world.send(&Draft::new(A, 0, 1)).await;
    let after = world.rpc(A, "weft_getPromise", json!([second])).await;
    let [before, after] = [&before, &after].map(|answer| {
        ["order", "execution"].map(|kind| read_promise(&answer[kind].to_string()).unwrap().0)
    });
    let (Statement::Order(old), Statement::Order(new)) =
        (&before[0].statement, &after[0].statement)
    else {
        panic!("{before:?} {after:?}")
    };
    assert!(new.position.slot > old.position.slot);
    for old in &before {
        for new in &after {
            assert!(Equivocation::new(old.clone(), new.clone()).is_err());
        }
    }
}

#[tokio::test]
async fn an_altered_log_is_refused() {
    let disk = SimDisk::default();
    let world = start(&disk).await;
    for nonce in 0..3 {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    world.node.stop().await.unwrap();
    let (name, len) = disk.files().remove(0);
    for at in [9, 100, len / 2, len - 100] {
        let whole = disk.read(&name).unwrap();
        disk.damage(&name, |bytes| bytes[at] ^= 4);
        let error = Node::start(on(&disk)).await.unwrap_err();
        assert!(matches!(error, NodeError::Log(_)), "{at}: {error:?}");
        disk.damage(&name, |bytes| *bytes = whole);
    }
    start(&disk).await;
}

#[tokio::test]
async fn a_directory_of_another_configuration_is_refused() {
    let disk = SimDisk::default();
    start(&disk).await.node.stop().await.unwrap();
    let others = [
        ("rollups", DevConfig { rollups: 2, ..on(&disk) }),
        ("slot", DevConfig { slot_ms: 100, ..on(&disk) }),
        ("seed", DevConfig { seed: None, ..on(&disk) }),
        ("first chain id", DevConfig { first_chain_id: 7, ..on(&disk) }),
        ("balance", DevConfig { balance: U256::ONE, ..on(&disk) }),
    ];
    for (what, other) in others {
        let error = Node::start(other).await.unwrap_err();
        assert!(error.to_string().contains(what), "{what}: {error}");
        assert!(matches!(error, NodeError::OtherConfig { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn what_no_log_holds_is_refused() {
    let disk = SimDisk::default();
    let world = start(&disk).await;
    let calls = [
        ("evm_snapshot", json!([])),
        ("evm_revert", json!(["0x1"])),
        ("evm_mine", json!([])),
        ("evm_increaseTime", json!([5])),
        ("anvil_setBalance", json!([address(0), "0x1"])),
        ("anvil_setStorageAt", json!([address(0), "0x1", "0x1"])),
    ];
    for (method, params) in calls {
        let error = world.refused(A, method, params).await;
        assert_eq!(error.code(), -32000, "{method}: {error:?}");
        assert!(error.message().contains("data directory"), "{error:?}");
    }
    for other in [
        DevConfig { executors: vec![A], ..on(&disk) },
        DevConfig { load_state: Some(PathBuf::from("x")), ..on(&disk) },
    ] {
        let error = Node::start(other).await.unwrap_err();
        assert!(error.to_string().contains("data directory"), "{error}");
    }
}

#[tokio::test]
async fn one_node_at_a_time_uses_a_directory() {
    let name = format!("weft-data-dir-{}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let here = || DevConfig { data_dir: Some(path.clone()), ..config() };
    let world = World::with(here()).await;
    let hash = world.send(&Draft::new(A, 0, 0)).await;
    let error = Node::start(here()).await.unwrap_err();
    assert!(matches!(error, NodeError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another node"), "{error}");
    world.node.stop().await.unwrap();
    let world = World::with(here()).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    world.node.stop().await.unwrap();
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn a_log_may_end_after_any_record() {
    let disk = SimDisk::default();
    let world = start(&disk).await;
    for nonce in 0..3 {
        world.send(&Draft::new(A, 0, nonce)).await;
    }
    world.node.stop().await.unwrap();
    let (name, len) = disk.files().remove(0);
    let whole = disk.read(&name).unwrap();
    for end in (58..len).step_by(7) {
        let disk = SimDisk::default();
        disk.create(&name).unwrap();
        disk.damage(&name, |bytes| *bytes = whole[..end].to_vec());
        // What is left leads somewhere, and what is added to it is found again.
        for _ in 0..2 {
            let world = start(&disk).await;
            let count = world.rpc(A, "eth_getTransactionCount", json!([address(0), "pending"]));
            let count: U256 = serde_json::from_value(count.await).unwrap();
            world.send(&Draft::new(A, 0, count.to())).await;
            world.node.stop().await.unwrap();
        }
    }
}

#[tokio::test]
async fn refused_input_never_reaches_the_log() {
    let disk = SimDisk::default();
    let limits = Limits { max_gapped: 1, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..slow(&disk) }).await;
    let kept = Draft::new(A, 0, 0);
    world.send(&kept).await;
    let waits = Draft::new(A, 0, 2);
    world.send(&waits).await;
    let plain = Draft::new(A, 1, 0);
    let refused = [
        kept.clone(),
        waits.clone(),
        Draft { value: U256::from(1), ..kept },
        Draft { value: U256::from(1), ..waits },
        Draft::new(A, 2, 5),
        Draft { fee: 1, ..plain.clone() },
        Draft { gas: 20_999, ..plain.clone() },
        Draft { gas: 60_000_001, ..plain.clone() },
        Draft { value: U256::MAX >> 8, ..plain.clone() },
        Draft::new(B, 1, 0),
    ];
    let log = || async {
        let health = world.rpc(A, "weft_health", json!([])).await;
        (health["lastRecord"].clone(), health["lastRecordOnDisk"].clone())
    };
    let before = log().await;
    assert!(before.0.as_u64().is_some(), "{before:?}");
    for draft in &refused {
        world.refused(A, "eth_sendRawTransaction", json!([draft.raw()])).await;
    }
    for raw in ["0x", "0x02c0", "0xdeadbeef"] {
        world.refused(A, "eth_sendRawTransaction", json!([raw])).await;
    }
    assert_eq!(log().await, before);
    world.send(&plain).await;
    assert_ne!(log().await, before);
}

#[tokio::test]
async fn what_waits_for_an_auction_survives_with_its_replacements() {
    let disk = SimDisk::default();
    let config = || DevConfig { priority: Priority::Fees, ..slow(&disk) };
    let world = World::with(config()).await;
    let first = Draft::new(A, 0, 0);
    let replaced = world.send(&first).await;
    let better = Draft { fee: first.fee * 2, tip: first.tip * 2, ..first };
    let better = world.send(&better).await;
    world.rpc(A, "weft_sendBundle", bundle(1, 0)).await;
    let leg = keccak256(Draft::new(A, 1, 0).pay(address(9), 5).raw());
    world.node.stop().await.unwrap();
    // The policy may change between two starts: positions are in the log, not the rule that led to them.
    for config in [config(), slow(&disk)] {
        let world = World::with(config).await;
        let found = world.rpc(A, "eth_getTransactionByHash", json!([better])).await;
        assert_eq!(found["hash"], json!(better));
        let outcome = world.rpc(A, "weft_getOutcome", json!([replaced])).await;
        assert_eq!(outcome["outcome"], "dropped");
        let found = world.rpc(A, "eth_getTransactionByHash", json!([leg])).await;
        assert_eq!(found["hash"], json!(leg));
        world.node.stop().await.unwrap();
    }
}
