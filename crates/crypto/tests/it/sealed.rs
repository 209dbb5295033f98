//! Envelopes: one verdict each, whichever way they are opened.

use crate::{
    epoch::{list, released, solved},
    known::setup,
};
use alloy_primitives::{Address, B256};
use proptest::prelude::*;
use std::sync::LazyLock;
use weft_crypto::{
    Carriage, DelayScheme, Envelope, EpochKeyScheme, EpochSecret, FalseClaim, GasBucket,
    PuzzleScheme, SizeBucket, Solution, TooLong, Verdict,
};
use weft_types::{CodecError, Decode, Domain, Encode, NetworkId, SlotNumber};

pub(crate) fn carriage() -> Carriage {
    Carriage {
        payer: Address::repeat_byte(0xaa),
        deposit: NetworkId::L1,
        rollup: None,
        epoch: 7,
        valid_until: SlotNumber::new(99),
        size: SizeBucket::new(0).unwrap(),
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

pub(crate) fn epoch_key() -> &'static EpochKeyScheme {
    static SCHEME: LazyLock<EpochKeyScheme> = LazyLock::new(|| EpochKeyScheme::new(list()));
    &SCHEME
}

pub(crate) fn puzzles() -> PuzzleScheme<'static> {
    PuzzleScheme::new(Domain::dev(), setup())
}

fn secrets() -> &'static [EpochSecret; 2] {
    static SECRETS: LazyLock<[EpochSecret; 2]> = LazyLock::new(|| [released(), solved()]);
    &SECRETS
}

/// Solves an envelope's puzzle, if it has one.
pub(crate) fn solution(envelope: &Envelope) -> Solution {
    let chain = puzzles().solve(envelope).ok().map(|mut chain| {
        chain.finish();
        chain
    });
    puzzles().solution(envelope, chain.as_ref()).unwrap()
}

/// Opens an envelope with every key that there is, and asserts that they agree.
pub(crate) fn opened(envelope: &Envelope) -> Verdict {
    if envelope.scheme == epoch_key().scheme() {
        let [fast, slow] = secrets().each_ref().map(|secret| epoch_key().open(envelope, secret));
        assert_eq!(fast, slow);
        return fast.unwrap();
    }
    puzzles().open(envelope, &solution(envelope)).unwrap()
}

/// Seals under both schemes.
pub(crate) fn sealed(carriage: &Carriage, plaintext: &[u8], entropy: u8) -> [Envelope; 2] {
    let entropy = B256::repeat_byte(entropy);
    [
        epoch_key().encrypt(carriage, plaintext, &entropy).unwrap(),
        puzzles().encrypt(carriage, plaintext, &entropy).unwrap(),
    ]
}

/// Asks the envelope's own scheme what a seed shows.
pub(crate) fn shown(envelope: &Envelope, seed: &B256) -> Result<Verdict, FalseClaim> {
    match epoch_key().own(envelope) {
        Ok(()) => epoch_key().verify_opening(envelope, seed),
        Err(_) => puzzles().verify_opening(envelope, seed),
    }
}

#[test]
fn p11_released_key_solved_puzzle_and_seed_give_one_verdict() {
    for envelope in sealed(&carriage(), b"a transaction", 1) {
        let Verdict::Opened { plaintext, seed } = opened(&envelope) else { panic!("opens") };
        assert_eq!(plaintext, b"a transaction"[..]);
        assert_eq!(shown(&envelope, &seed), Ok(Verdict::Opened { plaintext, seed }));
    }
}

#[test]
fn p12_all_lengths_of_a_bucket_look_alike() {
    let lengths = [0, 1, 100, 252].map(|len| {
        let [epoch, puzzle] = sealed(&carriage(), &vec![1; len], 2);
        [epoch.encode().len(), puzzle.encode().len()]
    });
    assert!(lengths.iter().all(|found| *found == lengths[0]), "{lengths:?}");
    let refused = Err(TooLong { found: 253, bound: 252 });
    assert_eq!(epoch_key().encrypt(&carriage(), &[1; 253], &B256::ZERO), refused);
}

#[test]
fn every_size_bucket_opens() {
    for index in 0..=9 {
        let carriage = Carriage { size: SizeBucket::new(index).unwrap(), ..carriage() };
        let plaintext = vec![index; carriage.size.capacity()];
        let [envelope, _] = sealed(&carriage, &plaintext, index);
        let Verdict::Opened { plaintext: found, .. } = opened(&envelope) else { panic!("opens") };
        assert_eq!(found, plaintext);
    }
}

#[test]
fn p12_a_rollup_in_clear_is_bound_too() {
    let carriage = Carriage { rollup: Some(NetworkId::new(5)), ..carriage() };
    for mut envelope in sealed(&carriage, b"x", 3) {
        assert!(matches!(opened(&envelope), Verdict::Opened { .. }));
        envelope.carriage.rollup = None;
        assert_eq!(opened(&envelope), Verdict::Undecryptable);
    }
}

#[test]
fn entropy_used_twice_shows_no_difference_of_plaintexts() {
    let [first, _] = sealed(&carriage(), b"one", 4);
    let [second, _] = sealed(&carriage(), b"two", 4);
    let zeros = first.body.iter().zip(&second.body).filter(|(a, b)| a == b).count();
    assert!(zeros < 32, "bodies share {zeros} of 256 bytes");
    assert_ne!(first.head, second.head);
}

#[test]
fn envelopes_of_other_keys_get_no_verdict() {
    let [epoch, puzzle] = sealed(&carriage(), b"x", 5);
    assert!(epoch_key().open(&puzzle, &secrets()[0]).is_err());
    assert!(puzzles().verify_opening(&epoch, &B256::ZERO).is_err());
    let mut other = epoch;
    other.key = B256::ZERO;
    assert!(epoch_key().open(&other, &secrets()[0]).is_err());
}

#[test]
fn unknown_schemes_and_buckets_are_refused() {
    let [envelope, _] = sealed(&carriage(), b"x", 5);
    let with = |at: usize, byte| {
        let mut bytes = envelope.encode();
        bytes[at] = byte;
        Envelope::decode(&bytes)
    };
    assert_eq!(with(1, 1).as_ref(), Ok(&envelope));
    for found in [0, 5, 0xff] {
        assert_eq!(with(1, found), Err(CodecError::Tag { what: "sealing scheme", found }));
    }
    // Version, scheme, key, payer, deposit, no rollup, epoch, last slot: then the buckets.
    let size = 2 + 32 + 20 + 4 + 1 + 8 + 8;
    assert_eq!(with(size, 10), Err(CodecError::Tag { what: "size bucket", found: 10 }));
    assert_eq!(with(size + 1, 11), Err(CodecError::Tag { what: "gas bucket", found: 11 }));
    assert!(matches!(with(size, 1), Err(CodecError::Short { .. })));
}

#[test]
fn plaintexts_and_keys_do_not_show_in_debug_output() {
    for envelope in sealed(&carriage(), b"SECRETSECRET", 6) {
        let verdict = opened(&envelope);
        assert_eq!(format!("{verdict:?}"), "Opened(..)");
        assert!(!format!("{envelope:?}").contains("body"));
    }
    let [_, puzzle] = sealed(&carriage(), b"x", 6);
    assert_eq!(format!("{:?}", solution(&puzzle)), "Solution(..)");
}

/// Envelopes of every sort: right ones, changed ones, and ones of random parts.
fn envelopes() -> impl Strategy<Value = Envelope> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let heads = prop_oneof![
        Just(vec![0; 256]),
        Just(setup().group().identity().to_vec()),
        Just(setup().base().to_vec()),
        Just([list().key().to_bytes().to_vec(), vec![0; 223]].concat()),
        prop::collection::vec(any::<u8>(), 256),
        any::<[u8; 32]>().prop_map(|x| [vec![2], x.to_vec(), vec![0; 223]].concat()),
    ];
    let parts = (any::<bool>(), any::<u8>(), changes, prop::option::of(heads));
    parts.prop_map(|(puzzle, entropy, changes, head)| {
        let mut envelope =
            sealed(&carriage(), &[entropy; 20], entropy)[usize::from(puzzle)].clone();
        for (index, byte) in changes {
            envelope.body[index.index(256)] = byte;
        }
        if let Some(head) = head {
            envelope.head = head[..envelope.head.len()].to_vec();
        }
        envelope
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn p11_every_envelope_has_one_verdict(envelope in envelopes(), guess in any::<[u8; 32]>()) {
        let verdict = opened(&envelope);
        let seed = match &verdict {
            Verdict::Opened { seed, .. } | Verdict::Malformed { seed } => *seed,
            Verdict::Undecryptable => guess.into(),
        };
        let shown = shown(&envelope, &seed);
        match verdict {
            Verdict::Undecryptable => prop_assert_eq!(shown, Err(FalseClaim::Seed)),
            verdict => prop_assert_eq!(shown, Ok(verdict)),
        }
    }

    #[test]
    fn p11_any_bytes_are_refused_or_have_one_verdict(
        input in prop::collection::vec(any::<u8>(), 0..700),
        change in (any::<prop::sample::Index>(), 1_u8..=255),
        puzzle in any::<bool>(),
    ) {
        prop_assert!(Envelope::decode(&input).is_err(), "random bytes have no right length");
        let original = sealed(&carriage(), b"x", 9)[usize::from(puzzle)].clone();
        let mut bytes = original.encode();
        let at = change.0.index(bytes.len());
        bytes[at] ^= change.1;
        if let Ok(envelope) = Envelope::decode(&bytes) {
            prop_assert_eq!(envelope.encode(), bytes);
            prop_assert_ne!(envelope.id(&Domain::dev()), original.id(&Domain::dev()));
            let own = epoch_key().own(&envelope).is_ok() || puzzles().own(&envelope).is_ok();
            if own {
                prop_assert_eq!(opened(&envelope), Verdict::Undecryptable);
            }
        }
    }

    #[test]
    fn envelopes_round_trip(
        plaintext in prop::collection::vec(any::<u8>(), 0..600), entropy in any::<u8>(),
    ) {
        let size = SizeBucket::for_len(plaintext.len()).unwrap();
        for envelope in sealed(&Carriage { size, ..carriage() }, &plaintext, entropy) {
            prop_assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope.clone()));
            let Verdict::Opened { plaintext: found, .. } = opened(&envelope) else {
                panic!("opens")
            };
            prop_assert_eq!(&found[..], &plaintext[..]);
        }
    }
}
