//! JSON Schemas of parameters, by the names that the reference gives them.

use serde_json::{Value, json};

const ADDRESSES: &[&str] = &["address"];
const HASHES: &[&str] = &[
    "bundle id",
    "bundle id or transaction hash",
    "closingHead",
    "hash",
    "parentHash",
    "txHash",
    "versionedHash",
];
const BYTES: &[&str] =
    &["code", "data", "envelope", "extraData", "raw", "secret", "share", "signature"];
const NUMBERS: &[&str] = &[
    "blockCount",
    "blocks",
    "depth",
    "epoch",
    "filterId",
    "id",
    "index",
    "its chain id",
    "member",
    "millis",
    "milliseconds",
    "most",
    "nonce",
    "page",
    "pageSize",
    "seconds",
    "slot",
    "timestamp",
    "wei",
];
const OBJECTS: &[&str] = &[
    "blockOverrides",
    "call",
    "conditions",
    "filter",
    "options",
    "payload",
    "payloadAttributes",
    "stateOverrides",
    "transaction",
];
const ARRAYS: &[&str] =
    &["envelopes", "orderPromises", "rewardPercentiles", "slots", "transactions"];
const FLAGS: &[&str] = &["enabled", "fullTransactions"];
const BLOCKS: &[&str] = &["block", "newestBlock"];

/// Returns what a parameter of this name has to look like; nothing for what may be anything.
pub(super) fn schema(name: &str) -> Value {
    let is_in = |names: &[&str]| names.contains(&name);
    match name {
        _ if is_in(ADDRESSES) => hex("{40}"),
        _ if is_in(HASHES) => hex("{64}"),
        _ if is_in(BYTES) => hex("*"),
        _ if is_in(NUMBERS) => number(),
        _ if is_in(OBJECTS) || name.starts_with('{') => json!({ "type": "object" }),
        _ if is_in(ARRAYS) || name.starts_with('[') => json!({ "type": "array" }),
        _ if is_in(FLAGS) => json!({ "type": "boolean" }),
        _ if is_in(BLOCKS) => block(),
        _ if name.starts_with('"') => words(name),
        _ => json!({}),
    }
}

fn hex(digits: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^0x[0-9a-fA-F]{digits}$") })
}

fn number() -> Value {
    json!({ "oneOf": [{ "type": "integer", "minimum": 0 }, hex("+")] })
}

/// EIP-1898.
fn block() -> Value {
    let tags = json!({ "enum": ["earliest", "finalized", "safe", "latest", "pending"] });
    json!({ "oneOf": [tags, hex("+"), { "type": "object" }] })
}

fn words(name: &str) -> Value {
    let words: Vec<_> = name.split(" or ").map(|word| word.trim_matches('"')).collect();
    json!({ "enum": words })
}
