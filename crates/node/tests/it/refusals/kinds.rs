//! What the names of parameters in the reference stand for: a value that can be read, values that cannot, and
//! well-formed ones that name nothing.

use alloy_primitives::Bytes;
use serde_json::{Value, json};

/// What differs from port to port.
pub(super) struct Samples {
    pub(super) raw: Bytes,
    pub(super) dump: Value,
    pub(super) chain_id: u64,
}

/// A parameter.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) good: Value,
    pub(super) bad: Vec<Value>,
    pub(super) unknown: Vec<Unknown>,
    /// True when its size is bounded only by a limit of the method's own.
    pub(super) has_limit: bool,
}

/// A value that names nothing.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) value: Value,
    /// Code of the error; an empty answer when there is none.
    pub(super) expected: Option<i32>,
    pub(super) empty: Value,
}

impl Kind {
    fn new(good: Value, bad: Vec<Value>) -> Self {
        Self { good, bad, unknown: Vec::new(), has_limit: false }
    }

    fn limited(self) -> Self {
        Self { has_limit: true, ..self }
    }

    /// Says what comes back for values that name nothing: null, or an error.
    fn unknown(mut self, values: Vec<Value>, expected: Option<i32>) -> Self {
        let empty = Value::Null;
        let unknown = |value| Unknown { value, expected, empty: empty.clone() };
        self.unknown.extend(values.into_iter().map(unknown));
        self
    }

    fn unknown_is(mut self, value: Value, empty: Value) -> Self {
        self.unknown.push(Unknown { value, expected: None, empty });
        self
    }
}

const ADDRESS: &str = "0x1000000000000000000000000000000000000001";

fn no_hash() -> String {
    format!("0x{}", "ab".repeat(32))
}

/// Values that are no text.
fn no_text() -> Vec<Value> {
    vec![json!(true), json!(7), json!(1.5), json!([]), json!({}), json!([[["0x01"]]])]
}

fn with(mut values: Vec<Value>, more: &[&str]) -> Vec<Value> {
    values.extend(more.iter().map(|text| json!(text)));
    values
}

/// Texts that are no bytes of one length.
fn no_bytes_of(length: usize) -> Vec<Value> {
    let digits = "1".repeat(2 * length);
    let texts = [
        digits.clone(),
        format!("0x{}", &digits[1..]),
        format!("0x{digits}11"),
        format!("0x{}zz", &digits[2..]),
        format!("0x0x{}", &digits[2..]),
        format!("0X{digits}"),
        format!(" 0x{digits}"),
    ];
    let mut bad = with(no_text(), &["", "0x", "0xzz", "ü€"]);
    bad.extend(texts.iter().map(|text| json!(text)));
    bad.push(json!(vec![1; length]));
    bad
}

fn hash(good: &str) -> Kind {
    Kind::new(json!(good), no_bytes_of(32))
}

fn bytes(good: Value) -> Kind {
    let bad = ["zz", "01", "0xzz", "0x1", "0x0x01", "0X01", " 0x01", "latest"];
    Kind::new(good, with(no_text(), &bad))
}

/// Numbers as the node reads them itself: hex, decimal or JSON.
fn number(good: Value) -> Kind {
    let texts = ["", "0x", "0xzz", "0x+1", "0x-1", "+1", "-1", "1e3", "1_0", "0x1_0", " 1", "ü€"];
    let mut bad = with(vec![json!(true), json!(-1), json!(1.5), json!([]), json!({})], &texts);
    bad.extend([json!(1e300), json!("0x1ffffffffffffffff"), json!("18446744073709551616")]);
    Kind::new(good, bad)
}

/// Numbers as Ethereum's libraries read them.
fn quantity(good: Value, too_large: &str) -> Kind {
    let mut bad = with(vec![json!(true), json!(-1), json!(1.5), json!([]), json!({})], &["0xzz"]);
    bad.extend([json!("ü€"), json!(too_large), json!("0".repeat(10_000) + "x")]);
    Kind::new(good, bad)
}

fn block_number() -> Kind {
    let texts = ["latest!", "", "0xzz", "0x1ffffffffffffffff", "new", "0x0x1", "0x+1"];
    Kind::new(
        json!("0x0"),
        with(vec![json!(true), json!(1.5), json!([]), json!({}), json!(-1)], &texts),
    )
}

fn block_id() -> Kind {
    let mut kind = block_number();
    kind.good = json!("latest");
    kind.bad.extend([
        json!({ "blockHash": 7 }),
        json!({ "blockHash": "0x12" }),
        json!({ "blockNumber": "0xzz" }),
        json!({ "blockNumber": "0x1", "blockHash": no_hash() }),
    ]);
    kind
}

/// A block by whatever the method calls it by, and what the method says about one that does not exist.
fn block(method: &str) -> Kind {
    let answer = match method {
        "eth_getBlockByNumber"
        | "eth_getBlockByHash"
        | "eth_getBlockReceipts"
        | "eth_getBlockTransactionCountByNumber"
        | "eth_getBlockTransactionCountByHash"
        | "eth_getHeaderByNumber"
        | "eth_getHeaderByHash"
        | "eth_getUncleCountByBlockNumber"
        | "eth_getUncleCountByBlockHash"
        | "eth_getUncleByBlockNumberAndIndex"
        | "eth_getUncleByBlockHashAndIndex"
        | "eth_getTransactionByBlockNumberAndIndex"
        | "eth_getTransactionByBlockHashAndIndex"
        | "eth_getRawTransactionByBlockNumberAndIndex"
        | "eth_getRawTransactionByBlockHashAndIndex"
        | "ots_getBlockDetails"
        | "ots_getBlockDetailsByHash"
        | "ots_getBlockTransactions" => None,
        "debug_getRawBlock"
        | "debug_getRawHeader"
        | "debug_getRawReceipts"
        | "debug_executionWitness" => Some(-32001),
        "eth_getBalance"
        | "eth_getTransactionCount"
        | "eth_getCode"
        | "eth_getStorageAt"
        | "eth_getStorageValues"
        | "eth_getProof"
        | "eth_call"
        | "eth_estimateGas"
        | "eth_createAccessList"
        | "eth_simulateV1"
        | "eth_feeHistory"
        | "ots_hasCode"
        | "debug_traceCall"
        | "debug_traceBlockByNumber"
        | "debug_traceBlockByHash" => Some(-32000),
        // Searches count from a block's number, and begin at the end for one beyond it.
        "ots_searchTransactionsBefore" | "ots_searchTransactionsAfter" => {
            return number(json!("0x0"));
        }
        _ => panic!("what does {method} say about a block that does not exist?"),
    };
    let by_hash = method.contains("ByHash") || method.contains("ByBlockHash");
    let kind = match method {
        // These read any name of a block, as they do on an imported chain.
        "eth_getHeaderByHash"
        | "eth_getHeaderByNumber"
        | "eth_getUncleCountByBlockHash"
        | "eth_getUncleCountByBlockNumber"
        | "eth_getUncleByBlockHashAndIndex"
        | "eth_getUncleByBlockNumberAndIndex"
        | "eth_getRawTransactionByBlockHashAndIndex"
        | "eth_getRawTransactionByBlockNumberAndIndex"
        | "ots_getBlockDetails"
        | "ots_getBlockDetailsByHash" => block_id(),
        _ if by_hash => hash(&no_hash()),
        "eth_getBlockByNumber"
        | "eth_getBlockTransactionCountByNumber"
        | "eth_getTransactionByBlockNumberAndIndex"
        | "eth_feeHistory"
        | "debug_traceBlockByNumber"
        | "ots_getBlockTransactions" => block_number(),
        _ => block_id(),
    };
    match by_hash {
        true => kind.unknown(vec![json!(no_hash())], answer),
        false => kind.unknown(vec![json!("0xffff")], answer),
    }
}

/// A transaction, item or bundle that does not exist.
fn known_by_hash(method: &str) -> Kind {
    let answer = match method {
        "debug_traceTransaction"
        | "ots_traceTransaction"
        | "ots_getInternalOperations"
        | "ots_getTransactionError" => Some(-32000),
        _ => None,
    };
    hash(&no_hash()).unknown(vec![json!(no_hash())], answer)
}

fn object(good: Value, bad: &[Value]) -> Kind {
    let mut all = vec![json!(true), json!(7), json!("0x01"), json!("zz")];
    all.extend_from_slice(bad);
    Kind::new(good, all)
}

fn call() -> Kind {
    object(
        json!({ "to": ADDRESS, "data": "0x" }),
        &[
            json!({ "to": 5 }),
            json!({ "to": "0x12" }),
            json!({ "to": ADDRESS, "data": "0x1" }),
            json!({ "to": ADDRESS, "data": "zz" }),
            json!({ "to": ADDRESS, "gas": "0xzz" }),
            json!({ "to": ADDRESS, "value": "-1" }),
            json!({ "to": ADDRESS, "value": format!("0x1{}", "0".repeat(64)) }),
            json!({ "to": ADDRESS, "nonce": "0x1ffffffffffffffff" }),
            json!({ "to": ADDRESS, "accessList": 1 }),
            json!({ "to": ADDRESS, "authorizationList": [{}] }),
        ],
    )
}

/// A bundle as block builders take it.
fn searchers(samples: &Samples) -> Kind {
    let (raw, id) = (&samples.raw, samples.chain_id);
    let kind = object(
        json!({ "txs": [raw] }),
        &[
            json!({}),
            json!({ "txs": 1 }),
            json!({ "txs": [7] }),
            json!({ "txs": ["01"] }),
            json!({ "txs": ["0x01"] }),
            json!({ "txs": [{ "raw": raw }] }),
            json!({ "txs": [{ "chainId": "soon", "raw": raw }] }),
            json!({ "txs": [{ "chainId": id, "raw": raw, "extra": 1 }] }),
            json!({ "txs": [raw], "blockNumber": "latest" }),
            json!({ "txs": [raw], "minTimestamp": -1 }),
            json!({ "txs": [raw], "max_timestamp": "0x1ffffffffffffffff" }),
            json!({ "txs": [raw], "revertingTxHashes": ["0x12"] }),
            json!({ "txs": [raw], "revertingTxHashes": [no_hash()] }),
            json!({ "txs": [raw], "salt": "0x12" }),
            json!({ "txs": [raw], "replacementUuid": "a" }),
        ],
    );
    kind.limited()
}

fn bundle(good: Value) -> Kind {
    let leg = |leg: Value| json!({ "legs": [leg] });
    object(
        good,
        &[
            json!({}),
            json!({ "legs": 1 }),
            json!({ "legs": [{}] }),
            json!({ "legs": [], "salt": "0x12" }),
            json!({ "legs": [], "level": "absolute" }),
            json!({ "legs": [], "extra": 1 }),
            leg(json!({ "chainId": "0x1ffffffffffffffff", "raw": "0x" })),
            leg(json!({ "chainId": -1, "raw": "0x" })),
            leg(json!({ "chainId": 901, "raw": "0x1" })),
            leg(json!({ "chainId": 901, "from": "0x01" })),
            leg(json!({ "chainId": 901, "mayRevert": "yes" })),
        ],
    )
}

fn payload() -> Value {
    json!({ "blockStateCalls": [{ "calls": [{ "to": ADDRESS }] }] })
}

fn payload_kind(good: Value, wrap: impl Fn(Value) -> Value) -> Kind {
    let bad = [
        json!({}),
        json!({ "blockStateCalls": 1 }),
        json!({ "blockStateCalls": [] }),
        json!({ "blockStateCalls": [{ "calls": [{ "to": 5 }] }] }),
        json!({ "blockStateCalls": [{ "stateOverrides": { "0x12": {} } }] }),
        json!({ "blockStateCalls": [{ "blockOverrides": { "number": "0xzz" } }] }),
    ];
    object(good, &bad.map(wrap)).limited()
}

/// Returns what a name in the reference stands for.
pub(super) fn kind(method: &str, name: &str, samples: &Samples) -> Kind {
    match name {
        "address" => Kind::new(json!(ADDRESS), no_bytes_of(20)),
        "its chain id" => number(json!(902)).unknown(vec![json!(7), json!("0x7")], Some(-38005)),
        "block" | "newestBlock" => block(method),
        "parentHash" => hash(&no_hash()).unknown(vec![json!(no_hash())], Some(-32000)),
        "txHash" | "bundle id" | "bundle id or transaction hash" | "hash" | "transaction hash" => {
            known_by_hash(method)
        }
        "raw" => {
            let mut kind = bytes(json!(samples.raw)).limited();
            kind.bad.extend([json!("0x"), json!("0x02"), json!("0x02c0"), json!("0xc0")]);
            kind
        }
        "data" | "code" => bytes(json!("0x6000")),
        "slot" | "value" if method.ends_with("torageAt") => {
            let long = format!("0x{}", "1".repeat(65));
            Kind::new(json!("0x1"), with(no_text(), &["0xzz", "ü€", "0x0x1", "+1", &long]))
        }
        "slots" => {
            let bad = [json!(["0xzz"]), json!([1]), json!([[]]), json!([format!("0x{:065}", 1)])];
            object(json!(["0x1"]), &bad).limited()
        }
        "{address: [slot]}" => object(
            json!({ ADDRESS: [format!("{:#066x}", 1)] }),
            &[json!({}), json!({ ADDRESS: ["0x1"] }), json!({ ADDRESS: 1 }), json!({ "0x1": [] })],
        )
        .limited(),
        "versionedHash" => hash(&no_hash()).unknown(vec![json!(no_hash())], None),
        "depth" => number(json!("0x0")).limited(),
        "wei" => quantity(json!("0x1"), &format!("0x1{}", "0".repeat(64))),
        "nonce" => number(json!("0x1")),
        "blocks" => number(json!("0x1")).limited(),
        "seconds" if method.contains("Timestamp") => number(json!("0xffffffff")).limited(),
        "seconds" => number(json!("0x1")).limited(),
        "millis" => number(json!("0x1")).limited(),
        "enabled" => {
            let bad = [json!(1), json!("true"), json!("0x1"), json!([]), json!({})];
            Kind::new(json!(true), bad.to_vec())
        }
        "id" => number(json!("0xffff")).unknown_is(json!("0xfffe"), json!(false)),
        "index" | "page" | "blockCount" => number(json!("0x0")),
        "pageSize" => number(json!(10)).limited(),
        "filterId" => {
            let kind = quantity(json!("0xffff"), "0x1ffffffffffffffff");
            match method {
                "eth_uninstallFilter" => kind.unknown_is(json!("0xfffe"), json!(false)),
                _ => kind.unknown(vec![json!("0xfffe")], Some(-32000)),
            }
        }
        "subscriptionId" => Kind::new(json!("0xffff"), vec![json!({}), json!(true)]),
        "fullTransactions" => Kind::new(json!(true), vec![json!(1), json!("true"), json!([])]),
        "call" => call(),
        "transaction" => {
            let mut kind = call();
            kind.good = json!({ "from": ADDRESS, "to": ADDRESS });
            kind.bad.push(json!({ "to": ADDRESS }));
            kind
        }
        "stateOverrides" => object(
            json!({ ADDRESS: { "balance": "0x1" } }),
            &[
                json!({ "0x12": {} }),
                json!({ ADDRESS: 1 }),
                json!({ ADDRESS: { "balance": "0xzz" } }),
                json!({ ADDRESS: { "code": "0x1" } }),
                json!({ ADDRESS: { "state": {}, "stateDiff": {} } }),
            ],
        ),
        "blockOverrides" => object(
            json!({ "number": "0x10" }),
            &[json!({ "number": "0xzz" }), json!({ "time": "-1" }), json!({ "feeRecipient": 1 })],
        ),
        "options" => object(
            json!({ "tracer": "callTracer" }),
            &[
                json!({ "tracer": 7 }),
                json!({ "disableStorage": "no" }),
                json!({ "timeout": 1 }),
                json!({ "timeout": "soon" }),
            ],
        )
        .unknown(vec![json!({ "tracer": "{step: function() {}}" })], Some(-32000)),
        "payload" => payload_kind(payload(), |payload| payload),
        "{chainId: payload}" => {
            let chain = samples.chain_id.to_string();
            let mut kind = payload_kind(
                json!({ (chain.clone()): payload() }),
                |payload| json!({ (chain.clone()): payload }),
            );
            kind.bad.extend([json!({ "x": payload() }), json!({ "901": {}, "0x385": {} })]);
            kind.unknown(vec![json!({ "7": payload() })], Some(-38005))
        }
        "filter" if method == "eth_subscribe" => {
            let kind = filter();
            Kind { good: json!({ "address": ADDRESS }), ..kind }
        }
        "filter" => filter(),
        "kind" => subscription("logs"),
        "\"promises\" or \"flashblocks\" or \"notices\"" => subscription("promises"),
        "\"sealed\" or \"plaintext\"" => subscription("plaintext"),
        "\"kzg\"" => subscription("kzg"),
        "rewardPercentiles" => object(
            json!([0, 50, 100]),
            &[json!([101]), json!([-1]), json!([50, 10]), json!(["a"]), json!({})],
        )
        .limited(),
        "conditions" => object(
            json!({ "blockNumberMin": "0x0" }),
            &[
                json!({ "blockNumberMin": "soon" }),
                json!({ "knownAccounts": { "0x12": {} } }),
                json!({ "knownAccounts": { ADDRESS: 1 } }),
            ],
        )
        .limited(),
        // EIP-7966: what is no time in range counts as none.
        "milliseconds" => Kind::new(json!(1), Vec::new()),
        // Ganache's form of it, an object, says nothing.
        "timestamp" => {
            let mut kind = number(json!("0xfffffff0")).limited();
            kind.bad.retain(|value| !value.is_object());
            kind
        }
        "{salt?, level?, legs: [{chainId, raw, mayRevert?}]}" | "as weft_sendBundle" => {
            let leg = json!({ "chainId": samples.chain_id, "raw": samples.raw });
            let unknown = json!({ "legs": [{ "chainId": 7, "raw": samples.raw }] });
            let kind = bundle(json!({ "legs": [leg] })).limited();
            kind.unknown(vec![unknown], Some(-38005))
        }
        "{txs: [raw or {chainId, raw}], blockNumber?, minTimestamp?, maxTimestamp?, \
         revertingTxHashes?, salt?}" => searchers(samples),
        "{salt?, level?, legs: [{chainId, from, to?, value, data, mayRevert?}]}" => {
            let leg = json!({ "chainId": samples.chain_id, "from": ADDRESS });
            let unknown = json!({ "legs": [{ "chainId": 7, "from": ADDRESS }] });
            let kind = bundle(json!({ "legs": [leg] })).limited();
            kind.unknown(vec![unknown], Some(-38005))
        }
        "envelope" => {
            let whole = envelope();
            let shorter = json!(&whole[..whole.len() - 2]);
            let longer = json!(format!("{whole}00"));
            let mut kind = bytes(json!(whole));
            kind.bad.extend([json!("0x"), json!("0x01"), shorter, longer]);
            kind
        }
        "envelopes" => {
            let mut bad = no_text();
            let short = no_bytes_of(32).into_iter().map(|one| json!([one]));
            bad.retain(|value| *value != json!([]));
            bad.extend(short);
            Kind::new(json!([no_hash(), format!("0x{}", "22".repeat(32))]), bad)
        }
        "orderPromises" => {
            let bad = ["zz", "0xzz", "0x1", "0x0x01", "0x", "0x01"].map(|text| json!([text]));
            let mut all = no_text();
            all.retain(|value| *value != json!([]));
            all.extend(bad);
            Kind::new(json!([]), all)
        }
        "signature" => Kind::new(json!(format!("0x{}", "11".repeat(65))), no_bytes_of(65)),
        "value" | "proof" => Kind::new(json!(format!("0x{}", "11".repeat(256))), no_bytes_of(256)),
        "epoch" => number(json!(1)),
        // The nodes of this test write no batches.
        "slot" if method == "weft_getSlots" => {
            let mut kind = number(json!(1)).unknown(vec![json!("0xffffffffff")], Some(-32000));
            kind.bad.push(json!(0));
            kind
        }
        "most" => number(json!(1)),
        "slot" => number(json!(1)).unknown(vec![json!("0xffffffffff")], None),
        "member" => {
            let mut kind = number(json!(1));
            kind.bad.push(json!("0x100000000"));
            kind
        }
        "share" => bytes(json!("0x01")),
        "closingHead" | "secret" => hash(&format!("0x{}", "11".repeat(32))),
        "dump" => {
            let mut newer = samples.dump.clone();
            newer["version"] = json!(u32::MAX);
            let mut other = samples.dump.clone();
            other["chains"] = json!([]);
            object(samples.dump.clone(), &[json!([]), json!({}), newer, other])
        }
        "payloadAttributes" => object(
            json!({
                "timestamp": "0xffffffff", "prevRandao": no_hash(),
                "suggestedFeeRecipient": ADDRESS, "withdrawals": [],
                "parentBeaconBlockRoot": no_hash(),
            }),
            &[json!({}), json!([]), json!({ "timestamp": "0xzz" })],
        ),
        "transactions" => object(json!([]), &[json!({}), json!([7]), json!(["0x1"])]).limited(),
        "extraData" => Kind::new(json!("0x"), with(no_text(), &["0xzz", "0x1"])),
        _ => panic!("{method}: nobody has said what {name} may be; add it here"),
    }
}

/// Returns a well-formed envelope.
fn envelope() -> String {
    let vectors = include_str!("../../../../../vectors/sealing/envelopes.json");
    let vectors: Value = serde_json::from_str(vectors).expect("vectors are JSON");
    vectors["vectors"][0]["envelope"].as_str().expect("a case has an envelope").to_owned()
}

fn filter() -> Kind {
    object(
        json!({}),
        &[
            json!({ "fromBlock": "0xffffffffffffffffffff" }),
            json!({ "fromBlock": "new" }),
            json!({ "topics": [[[[]]]] }),
            json!({ "topics": ["0x12"] }),
            json!({ "topics": [null, null, null, null, null] }),
            json!({ "address": 1 }),
            json!({ "address": "0x12" }),
            json!({ "blockHash": "0x12" }),
            json!({ "blockHash": no_hash(), "fromBlock": "0x1" }),
        ],
    )
    .limited()
}

fn subscription(good: &str) -> Kind {
    Kind::new(json!(good), with(no_text(), &["", "nonsense", "newheads"]))
}
