//! Bundles: included whole, removed whole, refused by name.

use crate::{
    crossing::counters,
    world::{A, B, Draft, World, address, config},
};
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall;
use serde_json::{Value, json};
use std::time::Duration;
use weft_contracts::Counter;
use weft_node::{DevConfig, Limits};

async fn send(world: &World, legs: &[Value]) -> Value {
    world.rpc(A, "weft_sendBundle", json!([{ "legs": legs }])).await
}

async fn refused(world: &World, bundle: Value) -> (i32, String) {
    let error = world.refused(A, "weft_sendBundle", json!([bundle])).await;
    (error.code(), error.message().to_owned())
}

#[tokio::test]
async fn a_bundle_is_included_on_all_its_rollups() {
    let world = World::start().await;
    let legs = [Draft::new(A, 1, 0).pay(address(9), 1), Draft::new(B, 2, 0).pay(address(9), 2)];
    let sent = send(&world, &[legs[0].leg(), legs[1].leg()]).await;
    assert_eq!(sent["protected"], false);
    assert_eq!(world.receipt(A, &sent["txHashes"][0]).await["status"], "0x1");
    assert_eq!(world.receipt(B, &sent["txHashes"][1]).await["status"], "0x1");
    let outcome = world.rpc(B, "weft_getOutcome", json!([sent["bundleId"]])).await;
    assert_eq!(outcome["outcome"], "included");
    assert_eq!(outcome["siblings"][1]["txHash"], sent["txHashes"][1]);
    let bundle = world.rpc(A, "weft_getBundle", json!([sent["bundleId"]])).await;
    assert_eq!(bundle["status"], "included");
}

#[tokio::test]
async fn a_failing_leg_removes_its_siblings_and_names_itself() {
    let world = World::start().await;
    let (_, there, _) = counters(&world).await;
    let pay = Draft::new(A, 1, 0).pay(address(9), 1);
    let fail = Draft::new(B, 2, 0).call(there, Counter::incrementAndRevertCall {});
    let sent = send(&world, &[pay.leg(), fail.leg()]).await;
    assert_eq!(world.receipt(A, &sent["txHashes"][0]).await, Value::Null);
    assert_eq!(world.receipt(B, &sent["txHashes"][1]).await, Value::Null);
    let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
    assert_eq!(outcome["outcome"], "removed");
    assert_eq!(outcome["cause"], "Failed");
    assert_eq!((&outcome["chainId"], &outcome["leg"]), (&json!(B), &json!(1)));
    let data: Bytes = serde_json::from_value(outcome["revertData"].clone()).unwrap();
    assert_eq!(data[..4], <Counter::Refused as alloy_sol_types::SolError>::SELECTOR);
    let sibling = world.rpc(A, "weft_getOutcome", json!([sent["txHashes"][0]])).await;
    assert_eq!(sibling["cause"], "Sibling");
    assert_eq!(sibling["chainId"], json!(B));
    // The sibling's nonce was not used: the same transaction may run alone.
    world.send(&pay).await;
}

#[tokio::test]
async fn a_leg_that_may_revert_does_not_remove_its_siblings() {
    let world = World::start().await;
    let (_, there, _) = counters(&world).await;
    let mut fail = Draft::new(B, 2, 0).call(there, Counter::incrementAndRevertCall {}).leg();
    fail["mayRevert"] = json!(true);
    let sent = send(&world, &[Draft::new(A, 1, 0).leg(), fail]).await;
    assert_eq!(world.receipt(A, &sent["txHashes"][0]).await["status"], "0x1");
    assert_eq!(world.receipt(B, &sent["txHashes"][1]).await["status"], "0x0");
}

#[tokio::test]
async fn wrong_bundles_have_named_errors() {
    let limits = Limits { max_bundle_legs: 3, max_bundle_bytes: 2_000, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    let leg = |account| Draft::new(A, account, 0).leg();
    let (code, message) = refused(&world, json!({ "legs": [] })).await;
    assert_eq!((code, message.starts_with("EmptyBundle")), (-38011, true), "{message}");
    let (code, _) = refused(&world, json!({ "legs": [leg(1), leg(2), leg(3), leg(4)] })).await;
    assert_eq!(code, -38002);
    let big = Draft { data: vec![0; 3_000].into(), ..Draft::new(A, 1, 0) };
    assert_eq!(refused(&world, json!({ "legs": [big.leg()] })).await.0, -38002);
    assert_eq!(refused(&world, json!({ "legs": [leg(1), leg(1)] })).await.0, -38003);
    let same_nonce = Draft::new(A, 1, 0).pay(address(2), 1).leg();
    assert_eq!(refused(&world, json!({ "legs": [leg(1), same_nonce] })).await.0, -38003);
    let foreign = json!({ "chainId": 7, "raw": Draft::new(A, 1, 0).raw() });
    assert_eq!(refused(&world, json!({ "legs": [foreign] })).await.0, -38005);
    let wrong = json!({ "chainId": B, "raw": Draft::new(A, 1, 0).raw() });
    assert_eq!(refused(&world, json!({ "legs": [wrong] })).await.0, -38006);
    let level = json!({ "level": "cryptographic", "legs": [leg(1)] });
    assert_eq!(refused(&world, level).await.0, -38010);
    let undecodable = json!({ "chainId": A, "raw": "0x02ff" });
    assert_eq!(refused(&world, json!({ "legs": [undecodable] })).await.0, -32602);
}

#[tokio::test]
async fn bundles_are_neither_replayed_nor_given_two_positions() {
    let world = World::start().await;
    let legs = json!([Draft::new(A, 1, 0).leg(), Draft::new(B, 1, 0).leg()]);
    world.rpc(A, "weft_sendBundle", json!([{ "legs": legs }])).await;
    assert_eq!(refused(&world, json!({ "legs": legs })).await.0, -38004);
    let salted = json!({ "legs": legs, "salt": B256::with_last_byte(1) });
    assert_eq!(refused(&world, salted).await.0, -38004);
}

#[tokio::test]
async fn a_bundle_waits_for_its_nonces_outside() {
    let world = World::start().await;
    let legs = [Draft::new(A, 2, 1), Draft::new(B, 2, 0), Draft::new(A, 2, 2)];
    let bundle = json!({ "legs": legs.each_ref().map(Draft::leg) });
    let (code, message) = refused(&world, bundle.clone()).await;
    assert_eq!(code, -38013);
    assert_eq!(message, "NonceTooHigh: nonce too high: bundle leg 0 has nonce 1, expected 0");
    let gap = json!({ "legs": [Draft::new(A, 1, 0).leg(), Draft::new(A, 1, 2).leg()] });
    let (code, message) = refused(&world, gap).await;
    assert_eq!((code, message.ends_with("leg 1 has nonce 2, expected 1")), (-38013, true));
    world.send(&Draft::new(A, 2, 0)).await;
    let sent = world.rpc(A, "weft_sendBundle", json!([bundle])).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
    assert_eq!(outcome["outcome"], "included");
}

#[tokio::test]
async fn a_completed_bundle_ahead_of_its_nonces_is_dropped_and_may_be_prepared_again() {
    let world = World::start().await;
    let (id, first, second) = prepared(&world, 1).await;
    let ahead = Draft { nonce: 1, ..first };
    world.send(&ahead).await;
    let raw = json!([second.raw()]);
    assert_eq!(world.refused(B, "eth_sendRawTransaction", raw).await.code(), -38013);
    let outcome = world.rpc(A, "weft_getOutcome", json!([id])).await;
    assert_eq!(outcome["outcome"], "dropped");
    assert!(outcome["reason"].as_str().unwrap().contains("nonce too high"), "{outcome}");
    world.send(&Draft::new(A, 1, 0)).await;
    prepared(&world, 1).await;
    world.send(&ahead).await;
    world.send(&second).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([id])).await;
    assert_eq!(outcome["outcome"], "included");
}

#[tokio::test]
async fn t13_a_bundle_that_was_removed_at_a_bad_moment_may_come_again() {
    let world = World::start().await;
    let (id, first, second) = prepared(&world, 1).await;
    let marked = json!({
        "salt": B256::with_last_byte(1), "legs": [first.leg(), second.leg()],
    });
    let plain = json!({ "legs": [Draft::new(A, 1, 1).leg(), Draft::new(B, 1, 1).leg()] });
    for (bundle, bad) in [(marked, "0x0"), (plain, "0x1")] {
        world.rpc(B, "anvil_setBalance", json!([address(1), bad])).await;
        for _ in 0..2 {
            let sent = world.rpc(A, "weft_sendBundle", json!([bundle])).await;
            let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
            assert_eq!(
                (&outcome["outcome"], &outcome["cause"]),
                (&json!("removed"), &json!("Invalid"))
            );
        }
        world.rpc(B, "anvil_setBalance", json!([address(1), config().balance])).await;
        let sent = world.rpc(A, "weft_sendBundle", json!([bundle])).await;
        let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
        assert_eq!(outcome["outcome"], "included");
    }
    let outcome = world.rpc(A, "weft_getOutcome", json!([id])).await;
    assert_eq!(outcome["outcome"], "included");
}

#[tokio::test]
async fn t13_a_prepared_bundle_that_was_removed_may_be_prepared_again() {
    let world = World::start().await;
    let (id, first, second) = prepared(&world, 1).await;
    let bundle = json!({
        "salt": B256::with_last_byte(1), "legs": [first.leg(), second.leg()],
    });
    world.rpc(B, "anvil_setBalance", json!([address(1), "0x0"])).await;
    world.rpc(A, "weft_sendBundle", json!([bundle])).await;
    world.rpc(B, "anvil_setBalance", json!([address(1), config().balance])).await;
    prepared(&world, 1).await;
    world.send(&first).await;
    world.send(&second).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([id])).await;
    assert_eq!(outcome["outcome"], "included");
    let request = json!({ "salt": B256::with_last_byte(1), "legs": [
        { "chainId": A, "from": address(1), "to": address(9), "value": "0x1", "data": "0x" },
        { "chainId": B, "from": address(1), "to": address(9), "value": "0x2" },
    ]});
    let error = world.refused(A, "weft_prepareBundle", json!([request])).await;
    assert_eq!(error.code(), -38001);
}

#[tokio::test]
async fn a_failed_bundle_without_markers_may_come_again() {
    let world = World::start().await;
    let (_, there, _) = counters(&world).await;
    let fail = Draft::new(B, 2, 0).call(there, Counter::incrementAndRevertCall {});
    for _ in 0..2 {
        let sent = send(&world, &[Draft::new(A, 1, 0).leg(), fail.leg()]).await;
        let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
        assert_eq!(outcome["cause"], "Failed");
    }
}

#[tokio::test]
async fn unsigned_bundles_make_room_for_each_other() {
    let limits = Limits { max_prepared: 2, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    let (_, first, second) = prepared(&world, 1).await;
    world.send(&first).await;
    let (_, evicted, _) = prepared(&world, 2).await;
    let (_, third, _) = prepared(&world, 3).await;
    let error = world.refused(A, "eth_sendRawTransaction", json!([evicted.raw()])).await;
    assert_eq!(error.code(), -38007);
    world.send(&third).await;
    let request = json!({ "legs": [{ "chainId": A, "from": address(1), "to": address(9) }] });
    let error = world.refused(A, "weft_prepareBundle", json!([request])).await;
    assert_eq!(error.code(), -38009);
    let completing = world.send(&second).await;
    assert_eq!(world.receipt(B, completing).await["status"], "0x1");
}

/// Prepares a bundle of two payments and returns its id and the signed legs.
async fn prepared(world: &World, salt: u8) -> (Value, Draft, Draft) {
    let request = json!({ "salt": B256::with_last_byte(salt), "legs": [
        { "chainId": A, "from": address(1), "to": address(9), "value": "0x1", "data": "0x" },
        { "chainId": B, "from": address(1), "to": address(9), "value": "0x2" },
    ]});
    let answer = world.rpc(A, "weft_prepareBundle", json!([request])).await;
    let draft = |index: usize, chain_id: u64, value: u64| {
        let data: Bytes = serde_json::from_value(answer["legs"][index]["data"].clone()).unwrap();
        Draft { data, ..Draft::new(chain_id, 1, 0).pay(address(9), value) }
    };
    (answer["bundleId"].clone(), draft(0, A, 1), draft(1, B, 2))
}

#[tokio::test]
async fn marked_legs_are_held_until_their_bundle_is_complete() {
    let world = World::start().await;
    let (id, first, second) = prepared(&world, 1).await;
    let held = world.send(&first).await;
    assert_eq!(world.receipt(A, held).await, Value::Null);
    assert_eq!(world.rpc(A, "weft_getOutcome", json!([held])).await, Value::Null);
    let pending = world.rpc(A, "eth_getTransactionByHash", json!([held])).await;
    assert_eq!(pending["blockHash"], Value::Null);
    let next = world.rpc(A, "eth_getTransactionCount", json!([address(1), "pending"])).await;
    assert_eq!(next, "0x1");
    let bundle = world.rpc(A, "weft_getBundle", json!([id])).await;
    assert_eq!(bundle["status"], "waiting");
    assert_eq!(bundle["legs"][0]["txHash"], json!(held));

    let completing = world.send(&second).await;
    assert_eq!(world.receipt(A, held).await["status"], "0x1");
    assert_eq!(world.receipt(B, completing).await["status"], "0x1");
    let outcome = world.rpc(A, "weft_getOutcome", json!([id])).await;
    assert_eq!((&outcome["outcome"], &outcome["protected"]), (&json!("included"), &json!(true)));
}

#[tokio::test]
async fn a_prepared_bundle_that_is_sent_whole_waits_for_nothing() {
    let world = World::start().await;
    let (id, first, second) = prepared(&world, 1).await;
    let request = json!({
        "salt": B256::with_last_byte(1), "legs": [first.leg(), second.leg()],
    });
    let answer = world.rpc(A, "weft_sendBundle", json!([request])).await;
    assert_eq!(answer["bundleId"], id);
    let bundle = world.rpc(A, "weft_getBundle", json!([id])).await;
    assert_ne!(bundle["status"], "waiting");
    let outcome = world.rpc(A, "weft_getOutcome", json!([id])).await;
    assert_eq!(outcome["outcome"], "included");
}

#[tokio::test]
async fn marked_transactions_do_not_run_alone() {
    let world = World::start().await;
    let (_, first, _) = prepared(&world, 1).await;
    let other = Draft { data: first.data.clone(), ..Draft::new(A, 1, 0).pay(address(8), 1) };
    let error = world.refused(A, "eth_sendRawTransaction", json!([other.raw()])).await;
    assert_eq!(error.code(), -38008);
    let world = World::start().await;
    let error = world.refused(A, "eth_sendRawTransaction", json!([first.raw()])).await;
    assert_eq!(error.code(), -38007);
    // Lifted out of its bundle into another one, a marked leg does not fit.
    let legs = json!({ "legs": [first.leg(), Draft::new(B, 1, 0).leg()] });
    assert_eq!(refused(&world, legs).await.0, -38003);
}

#[tokio::test]
async fn bundles_that_stay_incomplete_expire() {
    let limits = Limits { prepared_ttl: Duration::ZERO, ..Limits::default() };
    let world = World::with(DevConfig { limits, ..config() }).await;
    let (id, first, _) = prepared(&world, 1).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([id])).await;
    assert_eq!(outcome["outcome"], "dropped");
    assert!(outcome["reason"].as_str().unwrap().starts_with("expired"));
    let error = world.refused(A, "eth_sendRawTransaction", json!([first.raw()])).await;
    assert_eq!(error.code(), -38007);
}

#[tokio::test]
async fn creations_are_marked_in_their_access_list() {
    let world = World::start().await;
    let request = json!({ "legs": [
        { "chainId": A, "from": address(1), "data": Counter::BYTECODE },
        { "chainId": B, "from": address(1), "to": address(9) },
    ]});
    let answer = world.rpc(A, "weft_prepareBundle", json!([request])).await;
    let list: AccessList = serde_json::from_value(answer["legs"][0]["accessList"].clone()).unwrap();
    let create = Draft::new(A, 1, 0).create(&Counter::BYTECODE);
    let created = world.send(&Draft { access_list: list, ..create }).await;
    let data: Bytes = serde_json::from_value(answer["legs"][1]["data"].clone()).unwrap();
    world.send(&Draft { data, ..Draft::new(B, 1, 0) }).await;
    let receipt = world.receipt(A, created).await;
    assert_eq!(receipt["contractAddress"], json!(address(1).create(0)));
}

#[tokio::test]
async fn a_failed_marked_bundle_is_dead() {
    let world = World::start().await;
    let (_, there, _) = counters(&world).await;
    let call = Bytes::from(Counter::incrementAndRevertCall {}.abi_encode());
    let request = json!({ "legs": [
        { "chainId": A, "from": address(1), "to": address(9) },
        { "chainId": B, "from": address(1), "to": there, "data": call },
    ]});
    let answer = world.rpc(A, "weft_prepareBundle", json!([request])).await;
    let data = |index: usize| -> Bytes {
        serde_json::from_value(answer["legs"][index]["data"].clone()).unwrap()
    };
    let first = Draft { data: data(0), ..Draft::new(A, 1, 0) };
    let second = Draft { data: data(1), to: Some(there), ..Draft::new(B, 1, 0) };
    world.send(&first).await;
    world.send(&second).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([answer["bundleId"]])).await;
    assert_eq!(outcome["cause"], "Failed");
    let again = json!({ "legs": [first.leg(), second.leg()] });
    assert_eq!(refused(&world, again).await.0, -38004);
}

#[tokio::test]
async fn simulated_bundles_leave_nothing_behind() {
    let world = World::start().await;
    let (_, there, _) = counters(&world).await;
    let legs = json!([
        Draft::new(A, 1, 0).pay(address(9), 1).leg(),
        Draft::new(B, 1, 0).call(there, Counter::incrementCall {}).leg(),
    ]);
    let before = world.balance(A, address(9), "pending").await;
    let answer = world.rpc(A, "weft_simulateBundle", json!([{ "legs": legs }])).await;
    assert_eq!(answer["included"], true);
    assert_eq!(answer["legs"][1]["output"], format!("{:#066x}", 1));
    assert_eq!(world.balance(A, address(9), "pending").await, before);
    assert_eq!(world.rpc(A, "weft_getOutcome", json!([answer["bundleId"]])).await, Value::Null);
    world.rpc(A, "weft_sendBundle", json!([{ "legs": legs }])).await;
    assert_eq!(world.balance(A, address(9), "pending").await, before + U256::from(1));
}

#[tokio::test]
async fn p13_who_wastes_much_in_clear_waits_and_others_do_not() {
    let limits = Limits { removed_gas: 100_000, ..config().limits };
    let world = World::with(DevConfig { limits, ..config() }).await;
    // The second leg reverts, so both are removed; nobody signed for this pair as a whole.
    let fails = |salt: u8, account: usize| {
        let reverts = Draft::new(B, account, 0).create(&Bytes::from_static(&[0x5f, 0x5f, 0xfd]));
        let legs = [Draft::new(A, account, 0).pay(address(9), 1).leg(), reverts.leg()];
        json!([{ "salt": B256::repeat_byte(salt), "legs": legs }])
    };
    let mut refusal = None;
    for salt in 1..=60 {
        if let Err(error) = world.try_rpc(A, "weft_sendBundle", fails(salt, 1)).await {
            refusal = Some(format!("{error:?}"));
            break;
        }
    }
    let refusal = refusal.expect("the waste is bounded");
    assert!(refusal.contains("removed lately") && refusal.contains("retryAfterMs"), "{refusal}");
    // Its transactions, and what others send, go on.
    world.send(&Draft::new(A, 1, 0).pay(address(9), 1)).await;
    world.send(&Draft::new(A, 2, 0).pay(address(9), 1)).await;
}

/// What searchers send to block builders, in both spellings, over two rollups.
#[tokio::test]
async fn what_searchers_send_to_builders_is_a_bundle() {
    let world = World::start().await;
    let (_, there, _) = counters(&world).await;
    let next = world.block_number(A).await + 1;
    let legs = [Draft::new(A, 1, 0).pay(address(9), 1), Draft::new(B, 2, 0).pay(address(9), 2)];
    let camel = json!({
        "txs": [legs[0].raw(), { "chainId": B, "raw": legs[1].raw() }],
        "blockNumber": format!("{next:#x}"),
        "minTimestamp": 0,
        "maxTimestamp": u64::MAX.to_string(),
    });
    let sent = world.rpc(A, "eth_sendBundle", json!([camel])).await;
    let hashes: Vec<B256> = serde_json::from_value(sent["txHashes"].clone()).unwrap();
    assert_eq!(sent["bundleHash"], json!(alloy_primitives::keccak256(hashes.concat())));
    assert_eq!(world.receipt(A, &sent["txHashes"][0]).await["status"], "0x1");
    assert_eq!(world.receipt(B, &sent["txHashes"][1]).await["status"], "0x1");

    let fail = Draft::new(B, 3, 0).call(there, Counter::incrementAndRevertCall {});
    let snake = json!({
        "txs": [
            { "chain_id": format!("{A:#x}"), "tx": Draft::new(A, 1, 1).raw() },
            { "chain_id": B, "signed_transaction": fail.raw() },
        ],
        "reverting_tx_hashes": [fail.hash()],
    });
    let sent = world.rpc(B, "eth_sendBundle", json!([snake])).await;
    assert_eq!(world.receipt(A, &sent["txHashes"][0]).await["status"], "0x1");
    assert_eq!(world.receipt(B, &sent["txHashes"][1]).await["status"], "0x0");
    // The same without the list: none of them.
    let fail = Draft::new(B, 4, 0).call(there, Counter::incrementAndRevertCall {});
    let strict = json!({ "txs": [Draft::new(A, 1, 2).raw(), fail.raw()] });
    let sent = world.rpc(B, "eth_sendBundle", json!([strict])).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
    assert_eq!((&outcome["outcome"], &outcome["cause"]), (&json!("removed"), &json!("Failed")));
    assert_eq!(world.receipt(A, &sent["txHashes"][0]).await, Value::Null);
}

/// A bundle for a later block waits for it, and one for an earlier block is too late.
#[tokio::test]
async fn a_searchers_bundle_runs_in_its_block_or_not_at_all() {
    let world = World::start().await;
    world.send(&Draft::new(A, 0, 0)).await;
    let open = world.block_number(A).await + 1;
    let bundle = |nonce: u64, block: u64| {
        let legs = [A, B].map(|chain| Draft::new(chain, 1, nonce).pay(address(9), 3).raw());
        json!([{ "txs": legs, "blockNumber": block }])
    };
    let error = world.refused(A, "eth_sendBundle", bundle(0, open - 1)).await;
    assert!(error.message().contains("is over"), "{error}");
    let later = world.rpc(A, "eth_sendBundle", bundle(0, open + 1)).await;
    let error = world.refused(A, "eth_sendBundle", bundle(0, open + 1)).await;
    assert_eq!(error.code(), -38001, "{error}");
    let past = json!([{ "txs": [Draft::new(B, 2, 0).raw()], "maxTimestamp": 1 }]);
    let error = world.refused(A, "eth_sendBundle", past).await;
    assert!(error.message().contains("maxTimestamp 1 is over"), "{error}");
    // Its block comes when another one is closed.
    world.send(&Draft::new(A, 0, 1)).await;
    let first = world.receipt(A, &later["txHashes"][0]).await;
    assert_eq!(first["blockNumber"], json!(format!("{:#x}", open + 1)));
    assert_eq!(world.receipt(B, &later["txHashes"][1]).await["status"], "0x1");
    // The same payments with other nonces are another bundle. What cannot run in its block is dropped, with the reason.
    let gap = world.rpc(A, "eth_sendBundle", bundle(5, open + 3)).await;
    world.send(&Draft::new(A, 0, 2)).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([gap["bundleId"]])).await;
    assert_eq!(outcome["outcome"], "dropped");
    assert!(outcome["reason"].as_str().unwrap().contains("nonce too high"), "{outcome}");
}
