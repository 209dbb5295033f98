//! Golden encodings and hashes of batches, in `vectors/batch/batches.json`.
//!
//! `WEFT_BLESS=1` writes the file instead; changing it is a decision, not a chore.

use crate::samples::batches;
use alloy_primitives::hex;
use serde_json::{Value, json};
use weft_batch::SignedBatch;
use weft_types::Domain;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/batch/batches.json");

#[test]
#[expect(clippy::disallowed_methods, reason = "vectors are files, and blessing them is asked for")]
fn p40_batch_vectors_hold() {
    let vectors = batches().into_iter().map(|(name, batch)| {
        json!({
            "name": name,
            "encoding": hex::encode_prefixed(batch.encode()),
            "hash": batch.batch.hash(&Domain::dev()),
        })
    });
    let computed = json!({
        "rule": "hash = H(domain, tag 50, encoding without the signature, which is its last 65 bytes)",
        "vectors": vectors.collect::<Vec<_>>(),
    });
    if std::env::var("WEFT_BLESS").is_ok() {
        let text = serde_json::to_string_pretty(&computed).unwrap() + "\n";
        std::fs::create_dir_all(std::path::Path::new(FILE).parent().unwrap()).unwrap();
        std::fs::write(FILE, text).unwrap();
    }
    let stored: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    assert_eq!(stored, computed);
    for vector in stored["vectors"].as_array().unwrap() {
        let bytes = hex::decode(vector["encoding"].as_str().unwrap()).unwrap();
        let batch = SignedBatch::decode(&bytes).unwrap();
        assert_eq!(json!(batch.batch.hash(&Domain::dev())), vector["hash"]);
    }
}
