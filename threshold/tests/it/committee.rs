//! Committees, and what is sealed to them.

use alloy_primitives::{Address, B256};
use commonware_utils::{NZU32, test_rng};
use std::sync::LazyLock;
use weft_crypto::{Carriage, DelayScheme as _, Envelope, GasBucket, SizeBucket};
use weft_threshold::{MinPk, Opener, Share, Sharing, ThresholdScheme, insecure};
use weft_types::{Domain, NetworkId, SlotNumber};

pub(crate) type Committee = (Sharing<MinPk>, Vec<Share>);

pub(crate) const EPOCH: u64 = 7;

/// Four members, of whom three sign.
pub(crate) fn committee() -> &'static Committee {
    static COMMITTEE: LazyLock<Committee> = LazyLock::new(|| dealt(4));
    &COMMITTEE
}

pub(crate) fn dealt(members: u32) -> Committee {
    insecure::deal(&Domain::dev(), test_rng(), NZU32!(members)).unwrap()
}

pub(crate) fn scheme() -> ThresholdScheme {
    scheme_of(committee(), EPOCH)
}

pub(crate) fn scheme_of((sharing, _): &Committee, epoch: u64) -> ThresholdScheme {
    ThresholdScheme::new(Domain::dev(), *sharing.public(), epoch).unwrap()
}

pub(crate) fn opener(members: [usize; 3]) -> Opener {
    let (sharing, shares) = committee();
    let partials = members.map(|member| scheme().sign(&shares[member]));
    let collected = scheme().collect(sharing, &partials).unwrap();
    assert!(collected.wrong.is_empty());
    collected.opener
}

pub(crate) fn carriage(len: usize) -> Carriage {
    Carriage {
        payer: Address::repeat_byte(0xaa),
        deposit: NetworkId::L1,
        rollup: None,
        epoch: EPOCH,
        valid_until: SlotNumber::new(99),
        size: SizeBucket::for_len(len).unwrap(),
        gas: GasBucket::new(3).unwrap(),
        max_fee_wei: 1_000_000,
    }
}

pub(crate) fn sealed(plaintext: &[u8], entropy: u8) -> Envelope {
    let entropy = B256::repeat_byte(entropy);
    scheme().encrypt(&carriage(plaintext.len()), plaintext, &entropy).unwrap()
}
