//! `SignedTx::decode`: refuses, or accepts the only bytes of what was signed.
#![no_main]

use alloy_eips::eip2718::Encodable2718;
use libfuzzer_sys::fuzz_target;
use weft_types::SignedTx;

fuzz_target!(|input: &[u8]| {
    if let Ok(tx) = SignedTx::decode(input.to_vec().into()) {
        assert_eq!(tx.envelope().encoded_2718(), input);
        let _ = tx.hash();
    }
});
