//! `Hop::decode`: refuses, or gives the one value that has this encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_types::{Decode, Encode, Hop};

fuzz_target!(|input: &[u8]| {
    if let Ok(hop) = Hop::decode(input) {
        assert_eq!(hop.encode(), input);
        let _ = hop.hash();
    }
});
