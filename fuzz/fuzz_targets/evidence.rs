//! `Evidence::decode`: refuses, or gives the one value that has this encoding; whatever is decoded can be checked, and
//! convicts whom it accuses or nobody.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_evidence::{Convicted, Evidence, Registry};
use weft_types::{Decode, Encode};

fuzz_target!(|input: &[u8]| {
    let Ok(evidence) = Evidence::decode(input) else { return };
    assert_eq!(evidence.encode(), input);
    let Some(accused) = evidence.accused() else { return };
    let mut registry = Registry {
        domain: *evidence.domain(),
        sequencers: [].into(),
        members: [].into(),
        open_epochs: (0..16).collect(),
    };
    match accused {
        Convicted::Sequencer(key) => {
            registry.sequencers.insert(key);
        }
        Convicted::Member { member, key } => {
            registry.members.insert(member, key);
        }
    }
    if let Ok(conviction) = evidence.check(&registry) {
        assert_eq!(conviction.convicted, accused);
        let _ = conviction.id(evidence.domain());
    }
});
