//! The published JSON-RPC conversations of ethereum/execution-apis about the published chain.

use crate::world::{A, World, config};
use alloy_primitives::{Address, Bytes};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_ethereum::{BlockReader, ForeignChain, genesis};
use weft_node::{DevConfig, ImportedChain, Production};

/// Where the test client finds the first chain of a node, whatever its id.
const CHAIN: u64 = A;

/// Conversations that may come out otherwise; the reasons are in `docs/reference/json-rpc.md`.
const MAY_FAIL: &[&str] = &[];

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/execution-apis")
}

fn imported() -> ImportedChain {
    let genesis = genesis(&fs::read(vectors().join("genesis.json")).unwrap()).unwrap();
    let mut chain = ForeignChain::new(genesis.clone());
    let file = fs::read(vectors().join("chain.rlp")).unwrap();
    let blocks = BlockReader::new(&file[..]).map(|raw| chain.import(&raw.unwrap()).unwrap());
    ImportedChain { blocks: blocks.collect(), genesis, production: None }
}

pub(crate) async fn world() -> World {
    World::with(DevConfig { imported: Some(imported()), ..config() }).await
}

/// One to which the node adds blocks.
pub(crate) async fn produced(production: Production) -> World {
    let chain = ImportedChain { production: Some(production), ..imported() };
    World::with(DevConfig { imported: Some(chain), ..config() }).await
}

/// Returns a transaction of somebody who never sent one.
pub(crate) fn transaction() -> Bytes {
    let file = "eth_sendRawTransaction/send-dynamic-fee-access-list-transaction.io";
    let turns = read(String::new(), &fs::read_to_string(vectors().join(file)).unwrap()).turns;
    turns[0].params[0].as_str().unwrap().parse().unwrap()
}

/// One request with the answer that is expected.
#[derive(Debug)]
struct Turn {
    method: String,
    params: Value,
    expected: Value,
}

/// A conversation, and whether only its form counts.
#[derive(Debug)]
struct Conversation {
    name: String,
    form_only: bool,
    turns: Vec<Turn>,
}

fn conversations() -> Vec<Conversation> {
    let mut all = Vec::new();
    for folder in fs::read_dir(vectors()).unwrap().map(|entry| entry.unwrap().path()) {
        let files = folder.is_dir().then(|| fs::read_dir(&folder).unwrap());
        for file in files.into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let folder = folder.file_name().unwrap().to_str().unwrap();
            let name = format!("{folder}/{}", file.file_stem().unwrap().to_str().unwrap());
            all.push(read(name, &fs::read_to_string(&file).unwrap()));
        }
    }
    all.sort_by(|left, right| left.name.cmp(&right.name));
    all
}

fn read(name: String, text: &str) -> Conversation {
    let with = |prefix: &'static str| {
        let lines = text.lines().filter_map(move |line| line.strip_prefix(prefix));
        lines.map(|line| serde_json::from_str::<Value>(line).unwrap())
    };
    let turns = with(">> ").zip(with("<< ")).map(|(request, expected)| Turn {
        method: request["method"].as_str().unwrap().to_owned(),
        params: request.get("params").cloned().unwrap_or(json!([])),
        expected,
    });
    let form_only = text.lines().any(|line| line.starts_with("//") && line.contains("speconly"));
    Conversation { name, form_only, turns: turns.collect() }
}

async fn hold(world: &World, conversation: &Conversation) -> Result<(), String> {
    for turn in &conversation.turns {
        let answer = world.try_rpc(CHAIN, &turn.method, turn.params.clone()).await;
        let answer = match answer {
            Ok(result) => json!({ "result": result }),
            Err(error) => {
                let data = error.data().map(|data| serde_json::from_str::<Value>(data.get()));
                let mut shown = json!({ "code": error.code() });
                if let Some(Ok(data)) = data {
                    shown["data"] = data;
                }
                json!({ "error": shown })
            }
        };
        let mut expected = turn.expected.clone();
        let members = expected.as_object_mut().unwrap();
        members.retain(|name, _| name == "result" || name == "error");
        if let Some(error) = expected.get_mut("error").and_then(Value::as_object_mut) {
            error.remove("message");
        }
        // Traces are compared whole, although only their form is published as binding.
        let form_only = conversation.form_only && !conversation.name.starts_with("debug_trace");
        if form_only && answer.get("error").is_none() {
            continue;
        }
        if let Some(difference) = difference("", &expected, &answer) {
            return Err(difference);
        }
    }
    Ok(())
}

/// Says where two values differ, comparing as JSON does: numbers by value.
fn difference(at: &str, left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => None,
        (Value::Array(l), Value::Array(r)) if l.len() == r.len() => {
            let pairs = l.iter().zip(r).enumerate();
            pairs.into_iter().find_map(|(index, (l, r))| difference(&format!("{at}/{index}"), l, r))
        }
        (Value::Object(l), Value::Object(r)) if l.keys().eq(r.keys()) => {
            // A hash says least, so it comes last.
            let (hashes, rest): (Vec<_>, Vec<_>) = l.iter().partition(|(key, _)| *key == "hash");
            let mut all = rest.into_iter().chain(hashes);
            all.find_map(|(key, value)| difference(&format!("{at}/{key}"), value, &r[key]))
        }
        _ if left == right => None,
        _ => {
            let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
            Some(format!("{at}: expected {}, got {}", short(left), short(right)))
        }
    }
}

#[tokio::test]
async fn published_conversations_come_out_as_published() {
    let world = world().await;
    let mut failed = Vec::new();
    let mut passed = 0;
    for conversation in conversations() {
        let name = &conversation.name;
        match hold(&world, &conversation).await {
            Ok(()) => passed += 1,
            Err(_) if MAY_FAIL.contains(&name.as_str()) => {}
            Err(why) => failed.push(format!("{name}: {why}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(passed >= 118, "only {passed} conversations were held");
}

#[tokio::test]
async fn the_head_of_an_imported_chain_is_safe_and_final() {
    let world = world().await;
    for tag in ["latest", "safe", "finalized"] {
        let block = world.rpc(CHAIN, "eth_getBlockByNumber", json!([tag, false])).await;
        assert_eq!(block["number"], "0x36", "{tag}");
    }
    let pending = world.rpc(CHAIN, "eth_getBlockByNumber", json!(["pending", false])).await;
    assert_eq!(pending["number"], "0x37");
}

#[tokio::test]
async fn a_call_runs_by_the_rules_of_its_block() {
    let world = world().await;
    // PUSH0, which came with Shanghai (block 39); then BLOBBASEFEE, which came with Cancun (block 42).
    let run = async |code: &str, block: &str| {
        let call = json!([{ "to": Address::repeat_byte(7) }, block,
            { (Address::repeat_byte(7).to_string()): { "code": code } }]);
        world.try_rpc(CHAIN, "eth_call", call).await.is_ok()
    };
    assert!(!run("0x5f5f5ff3", "0x26").await);
    assert!(run("0x5f5f5ff3", "0x27").await);
    assert!(!run("0x4a00", "0x29").await);
    assert!(run("0x4a00", "0x2a").await);
    assert!(run("0x4a00", "pending").await);
}

#[tokio::test]
async fn old_states_are_read_and_proven_as_they_were() {
    let world = world().await;
    let busy = "0x7dcd17433742f4c0ca53122ab541d0ba67fc27df";
    let mut last = None;
    for number in [0_u64, 10, 30, 54] {
        let block = json!(format!("{number:#x}"));
        let header = world.rpc(CHAIN, "eth_getHeaderByNumber", json!([block])).await;
        let slot = world.rpc(CHAIN, "eth_getStorageAt", json!([busy, "0x0", block])).await;
        let proof = world.rpc(CHAIN, "eth_getProof", json!([busy, ["0x0"], block])).await;
        let root = proof["accountProof"][0].as_str().unwrap();
        let root = root.parse::<alloy_primitives::Bytes>().unwrap();
        assert_eq!(json!(alloy_primitives::keccak256(root)), header["stateRoot"], "{number}");
        let proven: alloy_primitives::U256 =
            serde_json::from_value(proof["storageProof"][0]["value"].clone()).unwrap();
        assert_eq!(json!(alloy_primitives::B256::from(proven)), slot, "{number}");
        assert_ne!(last, Some(slot.clone()));
        last = Some(slot);
    }
}

#[tokio::test]
async fn ommers_can_be_asked_for() {
    let world = world().await;
    let count = world.rpc(CHAIN, "eth_getUncleCountByBlockNumber", json!(["0x3"])).await;
    assert_eq!(count, "0x1");
    let block = world.rpc(CHAIN, "eth_getBlockByNumber", json!(["0x3", false])).await;
    let ommer = world.rpc(CHAIN, "eth_getUncleByBlockNumberAndIndex", json!(["0x3", "0x0"])).await;
    assert_eq!(ommer["hash"], block["uncles"][0]);
    let none = world.rpc(CHAIN, "eth_getUncleByBlockNumberAndIndex", json!(["0x3", "0x1"])).await;
    assert_eq!(none, Value::Null);
}

#[tokio::test]
async fn bad_transactions_are_refused_and_good_ones_wait() {
    let world = world().await;
    let send = async |raw: &str| world.try_rpc(CHAIN, "eth_sendRawTransaction", json!([raw])).await;
    let raw = &transaction().to_string();
    for (bad, why) in [
        ("0x", "invalid transaction"),
        ("0x02", "invalid transaction"),
        (&raw[..raw.len() - 2], "invalid transaction"),
    ] {
        let error = send(bad).await.unwrap_err();
        assert!(error.message().contains(why), "{}", error.message());
    }
    let hash = send(raw).await.unwrap();
    assert_eq!(send(raw).await.unwrap_err().message(), "already known");
    let found = world.rpc(CHAIN, "eth_getTransactionByHash", json!([hash])).await;
    assert_eq!((&found["hash"], &found["blockHash"]), (&hash, &Value::Null));
    let status = world.rpc(CHAIN, "txpool_status", json!([])).await;
    // Its nonce is 3 and the account has sent nothing.
    assert_eq!(status, json!({ "pending": "0x0", "queued": "0x1" }));
    let from = world.rpc(CHAIN, "txpool_contentFrom", json!([found["from"]])).await;
    assert_eq!(from["queued"]["3"]["hash"], hash);
    let number = world.rpc(CHAIN, "eth_blockNumber", json!([])).await;
    assert_eq!(number, "0x36");
}

#[tokio::test]
async fn every_method_refuses_what_it_cannot_read() {
    let world = world().await;
    let unknown = format!("0x{}", "ab".repeat(32));
    let slots: Vec<String> = (0..1025).map(|slot| format!("{slot:#066x}")).collect();
    let address = Address::repeat_byte(7).to_string();
    let cases = [
        ("debug_getRawBlock", json!([]), -32602),
        ("debug_getRawBlock", json!(["2"]), -32602),
        ("debug_getRawBlock", json!(["0x99"]), -32001),
        ("debug_getRawHeader", json!([unknown]), -32001),
        ("debug_getRawReceipts", json!([{}]), -32602),
        ("debug_getRawTransaction", json!([&unknown[2..]]), -32602),
        ("debug_getRawTransaction", json!(["0x12"]), -32602),
        ("eth_getHeaderByNumber", json!(["new"]), -32602),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x3"]), -32602),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x3", "x"]), -32602),
        ("eth_getBlockByHash", json!([&unknown[2..], true]), -32602),
        ("eth_getTransactionByHash", json!(["0x"]), -32602),
        ("eth_getProof", json!([address, ["0xzz"], "latest"]), -32602),
        ("eth_getProof", json!([address, slots, "latest"]), -32602),
        ("eth_getProof", json!([address, [], "0x99"]), -32000),
        ("eth_getStorageValues", json!([{ (address.clone()): slots }]), -38026),
        ("eth_getStorageValues", json!([{}]), -32602),
        ("eth_getStorageValues", json!([{ (address.clone()): ["0x1"] }]), -32602),
        ("eth_getStorageAt", json!([address, "0xzz", "latest"]), -32602),
        ("eth_getStorageAt", json!([address, format!("0x{}", "1".repeat(65))]), -32602),
        ("eth_getLogs", json!([{ "fromBlock": "0x5", "toBlock": "0x4" }]), -32602),
        ("eth_getLogs", json!([{ "fromBlock": "0x5", "toBlock": "0x99" }]), -32602),
        ("eth_getLogs", json!([{ "blockHash": unknown }]), -32000),
        ("eth_getLogs", json!([{ "blockHash": unknown, "fromBlock": "0x1" }]), -32602),
        ("eth_feeHistory", json!(["0x1", "0x99", []]), -32000),
        ("eth_feeHistory", json!(["0x1", "latest", [101]]), -32602),
        ("eth_call", json!([{ "to": address, "gas": "0xzz" }]), -32602),
        ("eth_call", json!([{ "to": address }, "0x99"]), -32000),
        ("eth_createAccessList", json!([]), -32602),
        ("eth_createAccessList", json!([{ "to": address, "chainId": "0x1" }]), -32000),
        ("eth_estimateGas", json!([{ "from": address, "value": "0x1" }]), -32000),
        ("txpool_contentFrom", json!([]), -32602),
        ("testing_buildBlockV1", json!([unknown, {}]), -32602),
        ("weft_sendBundle", json!([]), -32601),
        ("evm_mine", json!([]), -32601),
    ];
    for (method, params, code) in cases {
        let error = world.try_rpc(CHAIN, method, params.clone()).await.unwrap_err();
        assert_eq!(error.code(), code, "{method} {params}: {}", error.message());
    }
}

#[tokio::test]
async fn otterscan_finds_its_way_through_an_imported_chain() {
    let world = world().await;
    assert_eq!(world.rpc(CHAIN, "ots_getApiLevel", json!([])).await, 8);
    let busy = "0x7dcd17433742f4c0ca53122ab541d0ba67fc27df";
    assert_eq!(world.rpc(CHAIN, "ots_hasCode", json!([busy, "latest"])).await, true);
    // Proof of work, with an ommer: five ether, a 32nd more, and 7/8 for the ommer.
    let details = world.rpc(CHAIN, "ots_getBlockDetails", json!(["0x3"])).await;
    let ether = |eighths: u128| format!("{:#x}", eighths * 5_000_000_000_000_000_000 / 32);
    assert_eq!(details["issuance"]["blockReward"], ether(33));
    assert!(details["block"].get("transactions").is_none());
    let details = world.rpc(CHAIN, "ots_getBlockDetails", json!(["latest"])).await;
    assert_eq!(details["issuance"]["issuance"], "0x0");
    let pages = async |page: u64| {
        world.rpc(CHAIN, "ots_getBlockTransactions", json!(["0x3", page, 1])).await
    };
    let all = world.rpc(CHAIN, "eth_getBlockByNumber", json!(["0x3", false])).await;
    let hashes = all["transactions"].as_array().unwrap();
    let last = pages(0).await["fullblock"]["transactions"][0]["hash"].clone();
    assert_eq!(Some(&last), hashes.last());
    assert_eq!(pages(99).await["receipts"], json!([]));
    let creator = "0x9344b07175800259691961298ca11c824e65032d";
    let found = world.rpc(CHAIN, "ots_getContractCreator", json!([creator])).await;
    let created = world.rpc(CHAIN, "eth_getTransactionByHash", json!([found["hash"]])).await;
    assert_eq!(created["from"], found["creator"]);
    let again =
        world.rpc(CHAIN, "ots_getTransactionBySenderAndNonce", json!([created["from"], 0])).await;
    assert_eq!(again, found["hash"]);
}

#[tokio::test]
async fn searches_page_through_everything_once() {
    let world = world().await;
    let busy = "0x7dcd17433742f4c0ca53122ab541d0ba67fc27df";
    let (mut before, mut down) = (json!(0), Vec::new());
    loop {
        let params = json!([busy, before, 5]);
        let page = world.rpc(CHAIN, "ots_searchTransactionsBefore", params).await;
        let txs = page["txs"].as_array().unwrap().clone();
        assert_eq!(txs.len(), page["receipts"].as_array().unwrap().len());
        assert_eq!(page["firstPage"], before == json!(0));
        before = txs.last().unwrap()["blockNumber"].clone();
        down.extend(txs.iter().map(|tx| tx["hash"].clone()));
        if page["lastPage"] == json!(true) {
            break;
        }
    }
    let (mut after, mut up) = (json!(0), Vec::new());
    loop {
        let params = json!([busy, after, 5]);
        let page = world.rpc(CHAIN, "ots_searchTransactionsAfter", params).await;
        let txs = page["txs"].as_array().unwrap().clone();
        assert_eq!(page["lastPage"], after == json!(0));
        up.splice(0..0, txs.iter().map(|tx| tx["hash"].clone()));
        if page["firstPage"] == json!(true) {
            break;
        }
        after = txs[0]["blockNumber"].clone();
    }
    assert!(down.len() > 10);
    assert_eq!(down, up);
    let error = world.refused(CHAIN, "ots_searchTransactionsAfter", json!([busy, 0, 0])).await;
    assert_eq!(error.code(), -32602);
}

#[tokio::test]
async fn the_node_says_what_can_be_asked() {
    let world = world().await;
    let document = world.rpc(CHAIN, "rpc.discover", json!([])).await;
    let methods = document["methods"].as_array().unwrap();
    let named = |name: &str| methods.iter().find(|method| method["name"] == name);
    assert!(named("weft_sendBundle").is_none());
    let params = &named("eth_getBalance").unwrap()["params"];
    assert_eq!((&params[0]["name"], &params[0]["required"]), (&json!("address"), &json!(true)));
    assert_eq!((&params[1]["name"], &params[1]["required"]), (&json!("block"), &json!(false)));
    assert_eq!(params[0]["schema"]["pattern"], "^0x[0-9a-fA-F]{40}$");
    assert!(params[1]["schema"]["oneOf"][0]["enum"].as_array().unwrap().contains(&json!("safe")));
    // `value` is a word of storage for one method and whatever ends a chain of squarings for another.
    let anything = methods.iter().flat_map(|it| it["params"].as_array().unwrap());
    let anything = anything.filter(|it| it["schema"] == json!({})).map(|it| &it["name"]);
    let known =
        ["kind", "value", "level", "name", "proof", "subscriptionId"].map(|name| json!(name));
    assert_eq!(
        anything.filter(|name| !known.contains(name)).collect::<Vec<_>>(),
        Vec::<&Value>::new()
    );
}
