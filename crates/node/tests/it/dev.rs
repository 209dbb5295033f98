//! Development helpers, over all rollups at once.

use crate::{
    crossing::counters,
    world::{A, B, Draft, World, address, config},
};
use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use weft_contracts::{Counter, addresses};
use weft_node::{DevConfig, Node, NodeError};

async fn numbers(world: &World) -> Vec<Value> {
    let mut numbers = Vec::new();
    for id in [A, B, B + 1] {
        numbers.push(world.rpc(id, "eth_blockNumber", json!([])).await);
    }
    numbers
}

#[tokio::test]
async fn a_revert_takes_all_rollups_back() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let before = numbers(&world).await;
    let id = world.rpc(A, "evm_snapshot", json!([])).await;
    let draft = Draft::new(A, 0, 2).call(here, Counter::incrementViaCall { proxy });
    let hash = world.send(&draft).await;
    assert_ne!(numbers(&world).await, before);
    assert_eq!(world.rpc(B, "evm_revert", json!([id])).await, true);
    assert_eq!(numbers(&world).await, before);
    assert_eq!(world.receipt(A, hash).await, Value::Null);
    assert_eq!(world.rpc(A, "weft_getOutcome", json!([hash])).await, Value::Null);
    let counted = world.rpc(B, "eth_getStorageAt", json!([there, "0x0", "latest"])).await;
    assert_eq!(counted, format!("{:#066x}", 0));
    assert_eq!(world.rpc(A, "evm_revert", json!([id])).await, false);
    // The same transaction runs again.
    assert_eq!(world.send(&draft).await, hash);
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
}

#[tokio::test]
async fn later_snapshots_die_with_a_revert() {
    let world = World::start().await;
    let first = world.rpc(A, "evm_snapshot", json!([])).await;
    let second = world.rpc(A, "evm_snapshot", json!([])).await;
    assert_eq!(world.rpc(A, "evm_revert", json!([first])).await, true);
    assert_eq!(world.rpc(A, "evm_revert", json!([second])).await, false);
}

#[tokio::test]
async fn a_dumped_realm_is_loaded_whole() {
    let world = World::start().await;
    let (here, there, proxy) = counters(&world).await;
    let draft = Draft::new(A, 0, 2).call(here, Counter::incrementViaCall { proxy });
    let hash = world.send(&draft).await;
    let dump = world.rpc(A, "weft_dumpState", json!([])).await;
    let system = world.rpc(B, "eth_getBlockByNumber", json!(["latest", true])).await;

    let other = World::start().await;
    other.send(&Draft::new(A, 4, 0)).await;
    assert_eq!(other.rpc(B, "weft_loadState", json!([dump])).await, true);
    assert_eq!(numbers(&other).await, numbers(&world).await);
    assert_eq!(other.receipt(A, hash).await, world.receipt(A, hash).await);
    let loaded = other.rpc(B, "eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(loaded, system);
    let receipt = other.receipt(B, &system["transactions"][0]["hash"]).await;
    assert_eq!(receipt["weftOrigin"]["txHash"], json!(hash));
    let again = Draft::new(A, 0, 3).call(here, Counter::incrementViaCall { proxy });
    let again = other.send(&again).await;
    assert_eq!(other.receipt(A, again).await["status"], "0x1");
    let counted = other.rpc(B, "eth_getStorageAt", json!([there, "0x0", "latest"])).await;
    assert_eq!(counted, format!("{:#066x}", 2));
    assert_eq!(
        other.rpc(A, "weft_escrow", json!([])).await,
        world.rpc(A, "weft_escrow", json!([])).await
    );
}

#[tokio::test]
async fn state_files_are_written_and_read() {
    let path = std::env::temp_dir().join(format!("weft-state-{}.json", std::process::id()));
    let world = World::with(DevConfig { dump_state: Some(path.clone()), ..config() }).await;
    world.send(&Draft::new(A, 0, 0).pay(address(9), 5)).await;
    let balance = world.balance(A, address(9), "latest").await;
    world.node.stop().await.unwrap();
    let world = World::with(DevConfig { load_state: Some(path.clone()), ..config() }).await;
    assert_eq!(world.balance(A, address(9), "latest").await, balance);
    world.node.stop().await.unwrap();
    let two = DevConfig { load_state: Some(path.clone()), rollups: 2, ..config() };
    assert!(matches!(Node::start(two).await.unwrap_err(), NodeError::InvalidState { .. }));
    std::fs::remove_file(&path).unwrap();
    let gone = DevConfig { load_state: Some(path), ..config() };
    assert!(matches!(Node::start(gone).await.unwrap_err(), NodeError::StateFile { .. }));
}

#[tokio::test]
async fn empty_blocks_are_mined_on_the_rollup_that_is_asked() {
    let world = World::start().await;
    world.rpc(B, "evm_mine", json!([])).await;
    world.rpc(B, "anvil_mine", json!(["0x3"])).await;
    assert_eq!(numbers(&world).await, ["0x0", "0x4", "0x0"]);
    let mut last = 0;
    for number in 0..=4 {
        let block = world.rpc(B, "eth_getBlockByNumber", json!([format!("{number:#x}"), false]));
        let timestamp = block.await["timestamp"].as_str().unwrap()[2..].to_owned();
        let timestamp = u64::from_str_radix(&timestamp, 16).unwrap();
        assert!(timestamp > last);
        last = timestamp;
    }
    world.send(&Draft::new(B, 0, 0)).await;
}

#[tokio::test]
async fn cheats_write_to_the_state() {
    let world = World::start().await;
    world.send(&Draft::new(A, 0, 0)).await;
    let at = Address::with_last_byte(0x42);
    world.rpc(A, "anvil_setNonce", json!([at, "0x9"])).await;
    world.rpc(A, "anvil_setCode", json!([at, "0x5f545f5260205ff3"])).await;
    let value = format!("{:#066x}", 5);
    world.rpc(A, "anvil_setStorageAt", json!([at, "0x0", value])).await;
    assert_eq!(world.rpc(A, "eth_getTransactionCount", json!([at, "latest"])).await, "0x9");
    assert_eq!(world.rpc(A, "eth_call", json!([{ "to": at }])).await, value);
    assert_eq!(world.rpc(A, "eth_getCode", json!([at, "0x0"])).await, "0x");
    world.send(&Draft::new(A, 0, 1)).await;
    assert_eq!(world.rpc(A, "eth_call", json!([{ "to": at }])).await, value);
}

#[tokio::test]
async fn system_contracts_keep_their_code_nonce_and_storage() {
    let world = World::start().await;
    let predeploys = [
        addresses::RESERVED,
        addresses::MANAGER,
        addresses::BRIDGE,
        addresses::DEAD_REGISTRY,
        addresses::SYSTEM_SENDER,
        addresses::HISTORY_STORAGE,
        addresses::BEACON_ROOTS,
    ];
    for at in predeploys {
        let zero = format!("{:#066x}", 0);
        for (method, params) in [
            ("anvil_setCode", json!([at, "0xfe"])),
            ("hardhat_setNonce", json!([at, "0x9"])),
            ("anvil_setStorageAt", json!([at, "0x0", zero])),
        ] {
            let error = world.refused(A, method, params).await;
            assert_eq!(error.code(), -32602, "{method}");
            assert!(error.message().contains("system contract"), "{}", error.message());
        }
        world.rpc(A, "anvil_setBalance", json!([at, "0x5"])).await;
    }
    let (here, _, proxy) = counters(&world).await;
    let draft = Draft::new(A, 0, 2).call(here, Counter::incrementViaCall { proxy });
    let hash = world.send(&draft).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
}

#[tokio::test]
async fn time_can_be_moved_forward() {
    let world = World::start().await;
    let time = || async {
        let block = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
        u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
    };
    let before = time().await;
    world.rpc(A, "evm_increaseTime", json!([3_600])).await;
    world.send(&Draft::new(A, 0, 0)).await;
    assert!(time().await >= before + 3_600);
}

#[tokio::test]
async fn a_seed_fixes_block_hashes() {
    let mut heads = Vec::new();
    for _ in 0..2 {
        let world = World::start().await;
        counters(&world).await;
        let mut hashes = Vec::new();
        for id in [A, B] {
            let block = world.rpc(id, "eth_getBlockByNumber", json!(["latest", false])).await;
            hashes.push(block["hash"].clone());
        }
        heads.push(hashes);
    }
    assert_eq!(heads[0], heads[1]);
}

#[tokio::test]
async fn old_states_say_that_they_are_gone() {
    let world = World::start().await;
    world.rpc(A, "anvil_mine", json!([130])).await;
    let balance =
        |block: &'static str| world.try_rpc(A, "eth_getBalance", json!([address(0), block]));
    assert!(balance("0x2").await.is_ok());
    let error = balance("0x1").await.unwrap_err();
    assert!(error.message().starts_with("historical state unavailable"), "{}", error.message());
    let error = balance("0xffffff").await.unwrap_err();
    assert_eq!(error.message(), "header not found");
    assert_eq!(world.balance(A, address(0), "latest").await, config().balance);
    assert_ne!(config().balance, U256::ZERO);
}

/// An account whose key nobody has sends, on both rollups, and its transactions are like others.
#[tokio::test]
async fn an_impersonated_account_sends_without_its_key() {
    let world = World::start().await;
    let nobody = Address::repeat_byte(0xab);
    let payment = json!([{ "from": nobody, "to": address(1), "value": "0x5" }]);
    let error = world.refused(A, "eth_sendTransaction", payment.clone()).await;
    assert!(error.message().contains("unknown account"), "{error}");
    world.rpc(A, "hardhat_impersonateAccount", json!([nobody])).await;
    for chain in [A, B] {
        world.rpc(chain, "anvil_setBalance", json!([nobody, "0xde0b6b3a7640000"])).await;
        let before = world.balance(chain, address(1), "latest").await;
        let hash = world.rpc(chain, "eth_sendTransaction", payment.clone()).await;
        let receipt = world.receipt(chain, &hash).await;
        assert_eq!((&receipt["status"], &receipt["from"]), (&json!("0x1"), &json!(nobody)));
        assert_eq!(world.balance(chain, address(1), "latest").await, before + U256::from(5));
        let found = world.rpc(chain, "eth_getTransactionByHash", json!([hash])).await;
        assert_eq!((&found["from"], &found["nonce"]), (&json!(nobody), &json!("0x0")));
        let trace = world.rpc(chain, "debug_traceTransaction", json!([hash])).await;
        assert_eq!(trace["failed"], false, "{trace}");
    }
    // Nothing is signed in its name.
    let error = world.refused(A, "eth_signTransaction", payment.clone()).await;
    assert!(error.message().contains("unknown account"), "{error}");
    assert_eq!(world.rpc(B, "anvil_stopImpersonatingAccount", json!([nobody])).await, true);
    assert_eq!(world.rpc(B, "anvil_stopImpersonatingAccount", json!([nobody])).await, false);
    world.refused(B, "eth_sendTransaction", payment.clone()).await;
    world.rpc(B, "anvil_autoImpersonateAccount", json!([true])).await;
    world.rpc(B, "eth_sendTransaction", payment).await;
}

/// Several transactions in one block, made when somebody asks for it.
#[tokio::test]
async fn without_automine_slots_close_on_request_or_after_an_interval() {
    let world = World::start().await;
    assert_eq!(world.rpc(A, "anvil_getAutomine", json!([])).await, true);
    world.rpc(A, "evm_setAutomine", json!([false])).await;
    assert_eq!(world.rpc(B, "hardhat_getAutomine", json!([])).await, false);
    let before = world.block_number(A).await;
    let hashes = [world.send(&Draft::new(A, 1, 0)).await, world.send(&Draft::new(A, 2, 0)).await];
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.block_number(A).await, before);
    world.rpc(A, "evm_mine", json!([])).await;
    for hash in hashes {
        let receipt = world.receipt(A, hash).await;
        assert_eq!(receipt["blockNumber"], json!(format!("{:#x}", before + 1)));
    }
    // A block of a time of its own.
    let info = world.rpc(A, "anvil_nodeInfo", json!([])).await;
    let time = u64::from_str_radix(&info["currentBlockTimestamp"].as_str().unwrap()[2..], 16);
    let time = time.unwrap() + 1_000;
    world.rpc(A, "evm_mine", json!([time])).await;
    let block = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
    // Closing what was open takes a moment of this clock.
    let near = [time, time + 1].map(|time| json!(format!("{time:#x}")));
    assert!(near.contains(&block["timestamp"]), "{block}");
    // Every 50 ms, whatever the slot time is.
    world.rpc(A, "evm_setIntervalMining", json!([50])).await;
    let hash = world.send(&Draft::new(A, 3, 0)).await;
    let begun = Instant::now();
    while world.receipt(A, hash).await["blockHash"] == json!(B256::ZERO) {
        assert!(begun.elapsed() < Duration::from_secs(10), "no block came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.rpc(A, "evm_setAutomine", json!([true])).await;
    assert_eq!(world.rpc(A, "anvil_getIntervalMining", json!([])).await, Value::Null);
}

#[tokio::test]
async fn the_open_block_gets_the_base_fee_that_is_asked_for() {
    let world = World::start().await;
    let fee = 7_000_000_000u64;
    world.rpc(A, "hardhat_setNextBlockBaseFeePerGas", json!([format!("{fee:#x}")])).await;
    let cheap = Draft { fee: u128::from(fee) - 1, tip: 0, ..Draft::new(A, 1, 0) };
    world.refused(A, "eth_sendRawTransaction", json!([cheap.raw()])).await;
    world.send(&Draft { fee: u128::from(fee), tip: 0, ..Draft::new(A, 1, 0) }).await;
    let block = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(block["baseFeePerGas"], json!(format!("{fee:#x}")));
}

#[tokio::test]
async fn what_waits_can_be_dropped() {
    let world = World::start().await;
    let ahead = world.send(&Draft::new(A, 1, 3)).await;
    assert_eq!(world.rpc(A, "anvil_dropTransaction", json!([ahead])).await, json!(ahead));
    assert_eq!(world.rpc(A, "hardhat_dropTransaction", json!([ahead])).await, Value::Null);
    assert_eq!(world.rpc(A, "txpool_status", json!([])).await["queued"], "0x0");
}
