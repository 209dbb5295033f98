//! `Envelope::decode`: refuses, or gives the one value that has this encoding; whatever is decoded has one verdict, by the
//! released secret, by the solved one and by the seed.
#![no_main]

#[allow(dead_code, reason = "only verdicts are needed of it")]
#[path = "../../crates/crypto/examples/corpus/cases.rs"]
mod cases;

use cases::Keys;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use weft_crypto::Envelope;
use weft_types::{Decode, Encode};

/// The keys of `vectors/sealing/verdicts.json`, so that its byte strings open here.
static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new(1));

fuzz_target!(|input: &[u8]| {
    let case = KEYS.judge().judged(input.to_vec());
    let decoded = Envelope::decode(input);
    assert_eq!(decoded.is_err(), case.verdict == "refused");
    if let Ok(envelope) = decoded {
        assert_eq!(envelope.encode(), input);
    }
});
