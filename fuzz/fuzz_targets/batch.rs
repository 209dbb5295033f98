//! `SignedBatch::decode`, payloads and configurations: refuse, or give the one value that has this encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_batch::{RealmConfig, SignedBatch, payload};
use weft_types::{Decode, Domain, Encode};

fuzz_target!(|input: &[u8]| {
    if let Ok(batch) = SignedBatch::decode(input) {
        assert_eq!(batch.encode(), input);
        let _ = batch.signer(&Domain::dev());
    }
    if let Ok(encoding) = payload::unpack(input) {
        let _ = SignedBatch::decode(&encoding);
    }
    if let Ok(config) = RealmConfig::decode(input) {
        assert_eq!(config.encode(), input);
    }
});
