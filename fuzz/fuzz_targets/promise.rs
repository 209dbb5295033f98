//! `SignedPromise::decode` and `Equivocation::decode`: refuse, or give the one value that has this encoding; whatever is
//! decoded can be checked, and evidence is a contradiction of one key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weft_types::{Decode, Encode, Equivocation, SignedPromise};

fuzz_target!(|input: &[u8]| {
    if let Ok(promise) = SignedPromise::decode(input) {
        assert_eq!(promise.encode(), input);
        let _ = promise.statement.claims();
        if let Ok(signer) = promise.signer() {
            assert_eq!(promise.verify(signer), Ok(()));
            // No promise contradicts itself.
            assert!(Equivocation::new(promise.clone(), promise).is_err());
        }
    }
    if let Ok(evidence) = Equivocation::decode(input) {
        assert_eq!(evidence.encode(), input);
        let (first, second) = evidence.promises();
        assert_eq!(first.signer(), second.signer());
        let _ = evidence.contradiction();
    }
});
