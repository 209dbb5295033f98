//! `Item::decode`: refuses, or gives the one value that has this encoding, with markers that agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_types::{Decode, Domain, Encode, Item, Marker};

fuzz_target!(|input: &[u8]| {
    let Ok(item) = Item::decode(input) else { return };
    assert_eq!(item.encode(), input);
    let _ = item.hash(&Domain::dev());
    if let Some(bundle) = item.bundle() {
        let _ = bundle.recheck(&Domain::dev());
        for leg in bundle.legs() {
            let marker = Marker::of(&leg.tx).expect("decoding refuses contradictory markers");
            let expected = bundle.is_marked().then_some(bundle.id());
            assert_eq!(marker.map(Marker::bundle), expected);
        }
    }
});
