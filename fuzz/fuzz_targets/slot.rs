//! `SlotHeader::decode` and `SlotRecord::decode`: refuse, or give the one value that has this encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_types::{Decode, Domain, Encode, SlotHeader, SlotRecord};

fuzz_target!(|input: &[u8]| {
    if let Ok(header) = SlotHeader::decode(input) {
        assert_eq!(header.encode(), input);
        assert!(header.available.iter().all(|network| header.is_available(*network)));
        let _ = header.hash(&Domain::dev());
    }
    if let Ok(record) = SlotRecord::decode(input) {
        assert_eq!(record.encode(), input);
        let _ = record.hash(&Domain::dev());
    }
});
