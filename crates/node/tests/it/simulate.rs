//! `eth_simulateV1` and `weft_simulate`: what is simulated is what happens.

use crate::{
    crossing::counters,
    world::{A, B, Draft, World, address},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use weft_contracts::{Counter, Manager, addresses::MANAGER};

async fn simulate(world: &World, payload: Value) -> Value {
    world.rpc(A, "eth_simulateV1", json!([payload, "latest"])).await
}

/// Returns a draft as a call with everything that decides about its execution.
fn as_call(draft: &Draft) -> Value {
    json!({
        "from": address(draft.account),
        "to": draft.to,
        "nonce": U256::from(draft.nonce),
        "gas": U256::from(draft.gas),
        "value": draft.value,
        "input": draft.data,
        "maxFeePerGas": U256::from(draft.fee),
        "maxPriorityFeePerGas": U256::from(draft.fee.min(1_000_000_000)),
    })
}

/// Fields of a block that a simulation tells in advance.
const FIELDS: [&str; 17] = [
    "number",
    "parentHash",
    "timestamp",
    "miner",
    "gasLimit",
    "gasUsed",
    "baseFeePerGas",
    "mixHash",
    "extraData",
    "parentBeaconBlockRoot",
    "stateRoot",
    "receiptsRoot",
    "logsBloom",
    "requestsHash",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
];

/// Simulates drafts, sends them, and compares blocks and receipts with what was simulated; returns that.
async fn comes_true(world: &World, drafts: &[(u64, Vec<Draft>)]) -> Value {
    let payloads = drafts.iter().map(|(chain_id, drafts)| {
        let calls: Vec<_> = drafts.iter().map(as_call).collect();
        let payload = json!({ "blockStateCalls": [{ "calls": calls }], "validation": true });
        (format!("{chain_id:#x}"), payload)
    });
    let payloads: Map<String, Value> = payloads.collect();
    let simulated = world.rpc(A, "weft_simulate", json!([payloads])).await;
    let mut sent = Vec::new();
    for draft in drafts.iter().flat_map(|(_, drafts)| drafts) {
        sent.push(world.send(draft).await);
    }
    world.rpc(A, "evm_mine", json!([])).await;
    let mut sent = sent.into_iter();
    for (chain_id, drafts) in drafts {
        let block = world.rpc(*chain_id, "eth_getBlockByNumber", json!(["latest", false])).await;
        let own = &simulated[format!("{chain_id:#x}")][0];
        for field in FIELDS {
            assert_eq!(own[field], block[field], "{chain_id} {field}");
            assert!(!own[field].is_null(), "{field}");
        }
        for call in own["calls"].as_array().unwrap().iter().take(drafts.len()) {
            is_receipt(call, &world.receipt(*chain_id, sent.next()).await);
        }
    }
    simulated
}

/// Compares a simulated call with the receipt of the transaction that it foretold.
fn is_receipt(call: &Value, receipt: &Value) {
    for field in ["gasUsed", "status"] {
        assert_eq!(call[field], receipt[field], "{field}");
    }
    let (logs, seen) = (call["logs"].as_array().unwrap(), receipt["logs"].as_array().unwrap());
    assert_eq!(logs.len(), seen.len());
    for (log, seen) in logs.iter().zip(seen) {
        for field in ["address", "topics", "data", "logIndex", "blockNumber"] {
            assert_eq!(log[field], seen[field], "{field}");
        }
    }
}

/// A simulation of anything that may happen on three rollups, and then it happens. `WEFT_SEED` repeats a run.
#[tokio::test]
async fn what_is_simulated_at_random_is_what_happens() {
    let named = std::env::var("WEFT_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = named.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("WEFT_SEED={seed}");
    let mut draws = 0_u64;
    let mut draw = |below: u64| {
        draws += 1;
        let bytes = keccak256([seed.to_be_bytes(), draws.to_be_bytes()].concat());
        u64::from_be_bytes(bytes[..8].try_into().unwrap()) % below
    };
    let world = World::with_slots().await;
    let chains = [A, B, B + 1];
    for chain_id in chains {
        world.send(&Draft::new(chain_id, 0, 0).create(&Counter::BYTECODE)).await;
    }
    world.rpc(A, "evm_mine", json!([])).await;
    let counter = address(0).create(0);
    // Rollup C has no proxy of A's counter: calls of it fail.
    for (on, nonce, of) in [(A, 1, B), (A, 2, B + 1), (B, 1, A), (B, 2, B + 1), (B + 1, 1, B)] {
        let create = Manager::createCrossChainProxyCall { original: counter, network: of };
        world.send(&Draft::new(on, 0, nonce).call(MANAGER, create)).await;
    }
    world.rpc(A, "evm_mine", json!([])).await;
    let mut nonces = BTreeMap::<(u64, usize), u64>::new();
    for _ in 0..12 {
        let mut drafts = Vec::new();
        for chain_id in chains {
            let mut own = Vec::new();
            for _ in 0..=draw(5) {
                let account = 1 + draw(4) as usize;
                let nonce = nonces.entry((chain_id, account)).or_default();
                let draft = Draft { gas: 400_000, ..Draft::new(chain_id, account, *nonce) };
                *nonce += 1;
                let other = chains[draw(3) as usize];
                own.push(match draw(8) {
                    0 => draft.pay(Address::with_last_byte(draw(9) as u8 + 1), draw(100)),
                    1 => Draft { gas: 3_000_000, ..draft.create(&Counter::BYTECODE) },
                    2 => draft.call(counter, Counter::incrementAndRevertCall {}),
                    3 => Draft { data: vec![draw(256) as u8; 5].into(), ..draft.pay(counter, 0) },
                    _ if other == chain_id => draft.call(counter, Counter::incrementCall {}),
                    kind => {
                        let network = u32::try_from(other).unwrap();
                        let proxy = weft_contracts::proxy_address(network, counter);
                        match kind {
                            4 => draft.call(counter, Counter::undoViaCall { proxy }),
                            _ => draft.call(counter, Counter::incrementViaCall { proxy }),
                        }
                    }
                });
            }
            drafts.push((chain_id, own));
        }
        comes_true(&world, &drafts).await;
    }
}

#[tokio::test]
async fn what_is_simulated_over_two_rollups_is_what_happens() {
    let world = World::with_slots().await;
    for chain_id in [A, B] {
        world.send(&Draft::new(chain_id, 0, 0).create(&Counter::BYTECODE)).await;
    }
    world.rpc(A, "evm_mine", json!([])).await;
    let counter = address(0).create(0);
    let proxy = world.proxy(A, counter, B).await;
    let back = world.proxy(B, counter, A).await;
    let create = Manager::createCrossChainProxyCall { original: counter, network: B };
    let here = [
        Draft::new(A, 0, 1).call(MANAGER, create),
        Draft::new(A, 0, 2).call(counter, Counter::incrementViaCall { proxy }),
        Draft::new(A, 1, 0).call(counter, Counter::undoViaCall { proxy }),
        Draft::new(A, 2, 0).pay(address(7), 77),
        Draft { data: Bytes::from_static(&[1, 2, 3, 4]), ..Draft::new(A, 2, 1).pay(counter, 0) },
    ];
    let create = Manager::createCrossChainProxyCall { original: counter, network: A };
    let there = [
        Draft::new(B, 0, 1).call(MANAGER, create),
        Draft::new(B, 1, 0).call(counter, Counter::incrementViaCall { proxy: back }),
    ];
    let simulated = comes_true(&world, &[(A, here.to_vec()), (B, there.to_vec())]).await;
    for chain in ["0x385", "0x386"] {
        assert!(!simulated[chain][0]["weftInbound"].as_array().unwrap().is_empty());
    }
    assert_eq!(simulated["0x385"][0]["calls"][1]["returnData"], json!(B256::with_last_byte(1)));
    assert_eq!(simulated["0x385"][0]["calls"][4]["status"], "0x0");
}

#[tokio::test]
async fn blocks_follow_each_other_and_calls_cross() {
    let world = World::start().await;
    let (here, _, proxy) = counters(&world).await;
    let data = Bytes::from(Counter::incrementViaCall { proxy }.abi_encode());
    let call = json!({ "from": address(3), "to": here, "input": data });
    let blocks = simulate(&world, json!({
        "blockStateCalls": [{ "calls": [call, call] }, { "blockOverrides": { "number": "0x6" }, "calls": [call] }],
    }))
    .await;
    assert_eq!(blocks.as_array().unwrap().len(), 4, "gaps are filled");
    let head = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(blocks[0]["parentHash"], head["hash"]);
    for index in 1..4 {
        assert_eq!(blocks[index]["parentHash"], blocks[index - 1]["hash"]);
    }
    let output = |block: usize, call: usize| blocks[block]["calls"][call]["returnData"].clone();
    let outputs = (output(0, 0), output(0, 1), output(3, 0));
    assert_eq!(
        outputs,
        (
            json!(B256::with_last_byte(1)),
            json!(B256::with_last_byte(2)),
            json!(B256::with_last_byte(3))
        )
    );
    // Nothing is kept.
    assert_eq!(world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await, head);
    let again = simulate(&world, json!({ "blockStateCalls": [{ "calls": [call] }] })).await;
    assert_eq!(again[0]["calls"][0]["returnData"], output(0, 0));
}

#[tokio::test]
async fn overrides_hold_for_all_that_follows() {
    let world = World::start().await;
    let to = Address::with_last_byte(0x55);
    // NUMBER | TIMESTAMP | BASEFEE | COINBASE
    let code = "0x435f5242602052486040524160605260805ff3";
    let call = json!({ "from": to, "to": to, "value": "0x1" });
    let blocks = simulate(&world, json!({
        "blockStateCalls": [
            {
                "stateOverrides": { to.to_string(): { "code": code, "balance": "0x5", "nonce": "0x9" } },
                "blockOverrides": { "time": "0x77777777", "baseFeePerGas": "0x7", "feeRecipient": address(4) },
                "calls": [call],
            },
            { "calls": [{ "to": to }] },
        ],
        "traceTransfers": true,
        "returnFullTransactions": true,
    }))
    .await;
    let output: Bytes =
        serde_json::from_value(blocks[0]["calls"][0]["returnData"].clone()).unwrap();
    let word = |index: usize| U256::from_be_slice(&output[32 * index..32 * index + 32]);
    assert_eq!((word(0), word(2)), (U256::from(1), U256::from(7)));
    assert_eq!(word(3), U256::from_be_slice(address(4).as_slice()));
    let log = &blocks[0]["calls"][0]["logs"][0];
    assert_eq!(log["address"], "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
    assert_eq!(log["data"], json!(B256::with_last_byte(1)));
    assert_eq!(blocks[0]["transactions"][0]["nonce"], "0x9");
    assert_eq!(blocks[0]["logsBloom"], json!(Bytes::from(vec![0; 256])), "transfers are no logs");
    assert_eq!(blocks[1]["calls"][0]["status"], "0x1");
    assert_eq!(blocks[1]["timestamp"], "0x77777783");
    assert_eq!(blocks[1]["miner"], json!(address(4)));

    // The identity contract, elsewhere.
    let identity = Address::with_last_byte(4);
    let there = Address::with_last_byte(0x99);
    let blocks = simulate(&world, json!({ "blockStateCalls": [{
        "stateOverrides": { identity.to_string(): { "code": "0x", "movePrecompileToAddress": there } },
        "calls": [{ "to": there, "input": "0x1234" }, { "to": identity, "input": "0x1234" }],
    }]}))
    .await;
    let calls = &blocks[0]["calls"];
    assert_eq!(
        (&calls[0]["returnData"], &calls[1]["returnData"]),
        (&json!("0x1234"), &json!("0x"))
    );
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused() {
    let world = World::start().await;
    let poor = Address::with_last_byte(0x55);
    let code = async |payload: Value| {
        world.refused(A, "eth_simulateV1", json!([payload, "latest"])).await.code()
    };
    let block = |block: Value| json!({ "blockStateCalls": [block] });
    let checked =
        |call: Value| json!({ "blockStateCalls": [{ "calls": [call] }], "validation": true });
    assert_eq!(code(json!({ "blockStateCalls": [] })).await, -32602);
    assert_eq!(code(json!({ "blockStateCalls": 1 })).await, -32602);
    assert_eq!(code(json!({ "blockStateCalls": vec![json!({}); 257] })).await, -38026);
    assert_eq!(code(block(json!({ "blockOverrides": { "number": "0xffff" } }))).await, -38026);
    assert_eq!(code(block(json!({ "blockOverrides": { "number": "0x0" } }))).await, -38020);
    assert_eq!(code(block(json!({ "blockOverrides": { "time": "0x1" } }))).await, -38021);
    assert_eq!(
        code(block(json!({ "calls": [{ "from": poor, "to": poor, "value": "0x1" }] }))).await,
        -38014
    );
    assert_eq!(
        code(block(json!({ "calls": [{ "to": poor, "gas": "0xffffffff" }] }))).await,
        -38015
    );
    assert_eq!(code(block(json!({ "calls": [{ "to": poor, "gas": "0x1" }] }))).await, -38013);
    assert_eq!(code(block(json!({ "calls": [{ "to": poor, "chainId": "0x1" }] }))).await, -32000);
    assert_eq!(code(checked(json!({ "to": poor }))).await, -38012);
    let fee = "0x2540be400";
    let nonce = |nonce: &str| {
        checked(
            json!({ "from": address(0), "to": poor, "nonce": nonce, "maxFeePerGas": fee, "gas": "0x5208" }),
        )
    };
    assert_eq!(code(nonce("0x5")).await, -38011);
    world.send(&Draft::new(A, 0, 0).pay(poor, 1)).await;
    assert_eq!(code(nonce("0x0")).await, -38010);
    let both = json!({ poor.to_string(): { "state": {}, "stateDiff": {} } });
    assert_eq!(code(block(json!({ "stateOverrides": both }))).await, -32602);
    let moved = json!({ poor.to_string(): { "movePrecompileToAddress": address(1) } });
    assert_eq!(code(block(json!({ "stateOverrides": moved }))).await, -32000);
    assert_eq!(
        world
            .refused(A, "eth_simulateV1", json!([{ "blockStateCalls": [{}] }, "0x99"]))
            .await
            .code(),
        -32000
    );

    let many =
        async |payloads: Value| world.refused(A, "weft_simulate", json!([payloads])).await.code();
    assert_eq!(many(json!({})).await, -32602);
    assert_eq!(many(json!({ "x": { "blockStateCalls": [{}] } })).await, -32602);
    assert_eq!(
        many(json!({ "901": { "blockStateCalls": [{}] }, "0x385": { "blockStateCalls": [{}] } }))
            .await,
        -32602
    );
    assert_eq!(many(json!({ "7": { "blockStateCalls": [{}] } })).await, -38005);

    // A call that never ends is stopped.
    let forever = json!({ poor.to_string(): { "code": "0x5b5f56" } });
    let endless = json!({ "stateOverrides": forever, "calls": [{ "to": poor }] });
    let answer = simulate(&world, block(endless)).await;
    assert_eq!(answer[0]["calls"][0]["error"], json!({ "code": -32015, "message": "out of gas" }));
}

#[tokio::test]
async fn calls_and_estimates_see_another_block() {
    let world = World::start().await;
    let to = Address::with_last_byte(0x55);
    // NUMBER, TIMESTAMP and COINBASE as three words.
    let state = json!({ to.to_string(): { "code": "0x435f52426020524160405260605ff3" } });
    let block = json!({ "number": "0x1234", "time": "0x77777777", "feeRecipient": address(4) });
    for at in ["latest", "pending"] {
        let answer = world.rpc(A, "eth_call", json!([{ "to": to }, at, state, block])).await;
        let output: Bytes = serde_json::from_value(answer).unwrap();
        let word = |index: usize| U256::from_be_slice(&output[32 * index..32 * index + 32]);
        assert_eq!((word(0), word(1)), (U256::from(0x1234), U256::from(0x7777_7777)), "{at}");
        assert_eq!(word(2), U256::from_be_slice(address(4).as_slice()));
        world.rpc(A, "eth_estimateGas", json!([{ "to": to }, at, state, block])).await;
    }
    for wrong in [
        json!({ "number": "x" }),
        json!({ "baseFeePerGas": B256::repeat_byte(0xff) }),
        json!({ "blockHash": {} }),
    ] {
        let refused =
            world.refused(A, "eth_call", json!([{ "to": to }, "latest", {}, wrong])).await;
        assert_eq!(refused.code(), -32602);
    }
}
