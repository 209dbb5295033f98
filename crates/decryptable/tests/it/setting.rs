//! What several tests use.

use alloy_primitives::{Address, B256};
use std::sync::LazyLock;
use weft_crypto::{Carriage, Envelope, GasBucket, Setup, SizeBucket, setup::RSA_2048};
use weft_decryptable::{Opening, Proof, ProvenScheme, ProvingKey, Sealed};
use weft_types::{Domain, NetworkId, SlotNumber};

pub(crate) const DELAY: u64 = 1_000;

pub(crate) fn setup() -> &'static Setup {
    static SETUP: LazyLock<Setup> =
        LazyLock::new(|| Setup::prepare(&RSA_2048, DELAY).expect("the modulus is usable"));
    &SETUP
}

pub(crate) fn scheme() -> ProvenScheme<'static> {
    ProvenScheme::new(Domain::dev(), setup())
}

pub(crate) fn size(index: u8) -> SizeBucket {
    SizeBucket::new(index).unwrap()
}

/// Development keys of the smallest size.
pub(crate) fn keys() -> &'static ProvingKey {
    static KEYS: LazyLock<ProvingKey> =
        LazyLock::new(|| ProvingKey::insecure_development(&RSA_2048, size(0)).unwrap());
    &KEYS
}

pub(crate) fn carriage() -> Carriage {
    Carriage {
        payer: Address::repeat_byte(0xaa),
        deposit: NetworkId::L1,
        rollup: None,
        epoch: 7,
        valid_until: SlotNumber::new(99),
        size: size(0),
        gas: GasBucket::new(3).unwrap(),
        max_fee_wei: 1_000_000,
    }
}

/// Carriages that differ from [`carriage`] in one field each.
pub(crate) fn other_carriages() -> Vec<Carriage> {
    let same = carriage();
    vec![
        Carriage { payer: Address::repeat_byte(0xab), ..same },
        Carriage { deposit: NetworkId::new(1), ..same },
        Carriage { rollup: Some(NetworkId::new(2)), ..same },
        Carriage { epoch: 8, ..same },
        Carriage { valid_until: SlotNumber::new(100), ..same },
        Carriage { gas: GasBucket::new(4).unwrap(), ..same },
        Carriage { max_fee_wei: 1_000_001, ..same },
    ]
}

/// Seals and proves.
pub(crate) fn proven(plaintext: &[u8], entropy: u8) -> (Sealed, Proof) {
    let entropy = B256::repeat_byte(entropy);
    let sealed = scheme().seal(&carriage(), plaintext, &entropy).unwrap();
    let proof = scheme().prove(keys(), &sealed, &entropy).unwrap();
    (sealed, proof)
}

/// The same envelope and proof for all tests that only look at them.
pub(crate) fn sample() -> &'static (Sealed, Proof) {
    static SAMPLE: LazyLock<(Sealed, Proof)> = LazyLock::new(|| proven(b"swap", 1));
    &SAMPLE
}

/// Opens an envelope by squaring.
pub(crate) fn opened(envelope: &Envelope) -> Opening {
    let chain = scheme().puzzles().solve(envelope).ok().map(|mut chain| {
        chain.finish();
        chain
    });
    let solution = scheme().puzzles().solution(envelope, chain.as_ref()).unwrap();
    scheme().open(envelope, &solution).unwrap()
}
