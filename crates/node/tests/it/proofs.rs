//! Proofs of state that wallets and bridges check against headers.

use crate::world::{A, Draft, World, address};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use serde_json::{Value, json};
use weft_contracts::Counter;

fn word<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// Checks a proof against the root in a block's header; returns whether the account exists.
async fn check(world: &World, proof: &Value, block: &str) -> bool {
    let header = world.rpc(A, "eth_getBlockByNumber", json!([block, false])).await;
    let path = Nibbles::unpack(keccak256(word::<Address>(&proof["address"])));
    let nonce: U256 = word(&proof["nonce"]);
    let leaf = TrieAccount {
        nonce: nonce.to(),
        balance: word(&proof["balance"]),
        storage_root: word(&proof["storageHash"]),
        code_hash: word(&proof["codeHash"]),
    };
    let root: B256 = word(&header["stateRoot"]);
    let nodes: Vec<Bytes> = word(&proof["accountProof"]);
    for slot in proof["storageProof"].as_array().unwrap() {
        let key: U256 = word(&slot["key"]);
        let value: U256 = word(&slot["value"]);
        let nodes: Vec<Bytes> = word(&slot["proof"]);
        let value = (!value.is_zero()).then(|| alloy_rlp::encode(value));
        let path = Nibbles::unpack(keccak256(B256::from(key)));
        verify_proof(leaf.storage_root, path, value, &nodes).unwrap();
    }
    let exists = verify_proof(root, path, Some(alloy_rlp::encode(leaf)), &nodes).is_ok();
    assert!(exists || verify_proof(root, path, None, &nodes).is_ok());
    exists
}

#[tokio::test]
async fn proofs_hold_against_the_headers_of_their_blocks() {
    let world = World::start().await;
    let counter = world.counter(A, 0, 0).await;
    for nonce in 1..4 {
        world.send(&Draft::new(A, 0, nonce).call(counter, Counter::incrementCall {})).await;
    }
    let long = format!("0x{:064x}", 7);
    for block in ["latest", "0x1", "0x2", "0x0"] {
        let keys = json!(["0x0", long]);
        let proof = world.rpc(A, "eth_getProof", json!([counter, keys, block])).await;
        assert_eq!(check(&world, &proof, block).await, block != "0x0");
        let read = world.rpc(A, "eth_getStorageAt", json!([counter, "0x0", block])).await;
        let (slots, read) = (&proof["storageProof"], word::<B256>(&read));
        assert_eq!(word::<U256>(&slots[0]["value"]), U256::from_be_bytes(read.0));
        assert_eq!((&slots[0]["key"], &slots[1]["key"]), (&json!("0x0"), &json!(long)));
        for account in [address(0), address(1), Address::repeat_byte(0x99)] {
            let proof = world.rpc(A, "eth_getProof", json!([account, [], block])).await;
            let exists = check(&world, &proof, block).await;
            assert_eq!(exists, account != Address::repeat_byte(0x99));
        }
    }
}

#[tokio::test]
async fn proofs_that_nobody_can_give_are_refused() {
    let world = World::start().await;
    let error = world.refused(A, "eth_getProof", json!([address(0), [], "pending"])).await;
    assert_eq!(error.code(), -32000);
    let error = world.refused(A, "eth_getProof", json!([address(0), [], "0x99"])).await;
    assert_eq!(error.message(), "header not found");
    for keys in
        [json!(["0xzz"]), json!([format!("0x{}", "1".repeat(65))]), json!([1]), json!("0x0")]
    {
        let error = world.refused(A, "eth_getProof", json!([address(0), keys, "latest"])).await;
        assert_eq!(error.code(), -32602, "{keys}");
    }
    let many = vec!["0x0"; 1025];
    let error = world.refused(A, "eth_getProof", json!([address(0), many, "latest"])).await;
    assert_eq!(error.message(), "too many slots (max 1024)");
    world.rpc(A, "anvil_mine", json!([140])).await;
    let error = world.refused(A, "eth_getProof", json!([address(0), [], "0x1"])).await;
    assert!(error.message().starts_with("historical state unavailable"), "{}", error.message());
    let proof = world.rpc(A, "eth_getProof", json!([address(0), [], "0x14"])).await;
    assert!(check(&world, &proof, "0x14").await);
}
