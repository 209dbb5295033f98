//! Development helpers, over all rollups at once.

use crate::{
    crossing::counters,
    world::{A, B, Draft, World, address, config},
};
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};
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
