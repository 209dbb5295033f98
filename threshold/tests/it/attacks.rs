//! What must not open, and what must open all the same.

use crate::committee::{
    Committee, EPOCH, carriage, committee, dealt, opener, scheme, scheme_of, sealed,
};
use alloy_primitives::Address;
use commonware_codec::Encode as _;
use commonware_cryptography::bls12381::primitives::ops::threshold;
use commonware_math::algebra::{Additive as _, CryptoGroup as _};
use commonware_parallel::Sequential;
use commonware_utils::{NZU32, test_rng};
use std::panic::{AssertUnwindSafe, catch_unwind};
use weft_crypto::{Carriage, DelayScheme as _, Envelope, FalseClaim, SchemeId, Verdict};
use weft_threshold::{
    HEAD_BYTES, InvalidKey, MinPk, PartialSignature, PublicKey, Refused, Signature,
    ThresholdScheme, insecure,
};
use weft_types::{Decode as _, Domain, Encode as _};

fn opened(envelope: &Envelope) -> Verdict {
    let [first, second] =
        [[0, 1, 2], [3, 1, 0]].map(|members| scheme().open(envelope, &opener(members)).unwrap());
    assert_eq!(first, second);
    first
}

fn partials<const N: usize>(members: [usize; N]) -> [PartialSignature<MinPk>; N] {
    members.map(|member| scheme().sign(&committee().1[member]))
}

#[test]
fn p11_any_quorum_and_the_seed_give_one_verdict() {
    for plaintext in [&b""[..], b"swap", &[7; 252], &[7; 1_000]] {
        let envelope = sealed(plaintext, 1);
        let Verdict::Opened { plaintext: found, seed } = opened(&envelope) else { panic!("opens") };
        assert_eq!(found[..], *plaintext);
        let shown = scheme().verify_opening(&envelope, &seed);
        assert_eq!(shown, Ok(Verdict::Opened { plaintext: found, seed }));
        // A sequencer that calls it undecryptable is refuted, with the opener or with the seed alone.
        let claim = scheme().verdict(&envelope, &Verdict::Undecryptable, &opener([0, 1, 2]));
        assert_eq!(claim, Err(FalseClaim::Verdict));
        let claim = scheme().verdict(&envelope, &Verdict::Malformed { seed }, &opener([0, 1, 2]));
        assert_eq!(claim, Err(FalseClaim::Verdict));
    }
}

#[test]
fn p11_wrongly_padded_content_is_malformed_and_its_seed_shows_it() {
    let seed = alloy_primitives::B256::repeat_byte(5);
    let envelope = scheme().rebuild(&carriage(0), &[0xff; 256], &seed);
    assert_eq!(opened(&envelope), Verdict::Malformed { seed });
    assert_eq!(scheme().verify_opening(&envelope, &seed), Ok(Verdict::Malformed { seed }));
}

#[test]
fn envelopes_survive_their_encoding() {
    let envelope = sealed(b"swap", 2);
    assert_eq!((envelope.scheme, envelope.head.len()), (SchemeId::Threshold, HEAD_BYTES));
    assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope.clone()));
    assert_eq!(sealed(b"swap", 2), envelope, "the same entropy, content and carriage");
    assert_ne!(sealed(b"swap", 3).head, envelope.head);
}

#[test]
fn p11_a_change_of_any_byte_is_dead() {
    let envelope = sealed(b"swap", 3);
    let Verdict::Opened { seed, .. } = opened(&envelope) else { panic!("opens") };
    let (bytes, opener) = (envelope.encode(), opener([0, 1, 2]));
    let mut undecryptable = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(changed) = Envelope::decode(&changed) else { continue };
        match scheme().open(&changed, &opener) {
            Ok(verdict) => assert_eq!(verdict, Verdict::Undecryptable, "byte {at}"),
            Err(_) => assert!(changed.key != envelope.key || changed.scheme != envelope.scheme),
        }
        assert!(scheme().verify_opening(&changed, &seed).is_err(), "byte {at}");
        undecryptable += usize::from(changed.key == envelope.key);
    }
    // All of head, masked seed and body, and most of what is readable.
    assert!(undecryptable > HEAD_BYTES + 32 + 256 + 40, "{undecryptable}");
}

#[test]
fn t7_p13_copies_under_another_payer_fee_or_bucket_are_dead() {
    let envelope = sealed(b"swap", 4);
    let own = envelope.carriage;
    let copies = [
        Carriage { payer: Address::repeat_byte(0xbb), ..own },
        Carriage { max_fee_wei: own.max_fee_wei + 1, ..own },
        Carriage { epoch: EPOCH + 1, ..own },
        Carriage { gas: weft_crypto::GasBucket::new(4).unwrap(), ..own },
        Carriage { rollup: Some(weft_types::NetworkId::new(901)), ..own },
        Carriage { deposit: weft_types::NetworkId::new(901), ..own },
        Carriage { valid_until: weft_types::SlotNumber::new(100), ..own },
    ];
    for carriage in copies {
        let copy = Envelope { carriage, ..envelope.clone() };
        assert_eq!(opened(&copy), Verdict::Undecryptable, "{carriage:?}");
    }
}

#[test]
fn heads_that_are_none_are_undecryptable() {
    let envelope = sealed(b"swap", 5);
    let infinity = [&[0xc0][..], &[0; HEAD_BYTES - 1]].concat();
    let generator = [PublicKey::generator().encode().as_ref(), &[7; 64]].concat();
    let mut negated = envelope.head.clone();
    negated[0] ^= 0x20;
    let mut uncompressed = envelope.head.clone();
    uncompressed[0] &= 0x7f;
    for head in [
        vec![0; HEAD_BYTES],
        vec![0xff; HEAD_BYTES],
        vec![],
        infinity,
        generator,
        negated,
        uncompressed,
    ] {
        let changed = Envelope { head: head.clone(), ..envelope.clone() };
        assert_eq!(opened(&changed), Verdict::Undecryptable, "{head:?}");
    }
}

#[test]
fn p17_a_signature_of_another_epoch_or_realm_opens_nothing() {
    let (sharing, shares) = committee();
    let later = scheme_of(committee(), EPOCH + 1);
    assert!(later.open(&sealed(b"swap", 6), &opener([0, 1, 2])).is_err(), "a foreign envelope");
    let signed = [0, 1, 2].map(|member| later.sign(&shares[member]));
    let Err(Refused::TooFew { holding: 0, required: 3, wrong }) =
        scheme().collect(sharing, &signed)
    else {
        panic!("signatures of another epoch")
    };
    assert_eq!(wrong, [0, 1, 2].into());
    let signature = threshold::recover::<MinPk, _>(sharing, &signed, &Sequential).unwrap();
    assert!(matches!(scheme().opener(signature), Err(Refused::Signature)));
    let realm = Domain { realm: 9, ..Domain::dev() };
    let realm = ThresholdScheme::new(realm, *sharing.public(), EPOCH).unwrap();
    assert_ne!(realm.key_id(), scheme().key_id());
    assert!(matches!(realm.opener(*opener([0, 1, 2]).signature()), Err(Refused::Signature)));
    let (other, envelope) = (later.collect(sharing, &signed).unwrap().opener, sealed(b"swap", 6));
    let opened = catch_unwind(AssertUnwindSafe(|| scheme().open(&envelope, &other)));
    assert!(opened.is_err(), "an opener of another epoch is its owner's mistake");
}

#[test]
fn fewer_than_the_quorum_open_nothing() {
    let (sharing, _) = committee();
    let two = partials([0, 1]);
    let too_few = |partials: &[_]| match scheme().collect(sharing, partials) {
        Err(Refused::TooFew { holding, required: 3, .. }) => holding,
        other => panic!("{other:?}"),
    };
    assert_eq!(too_few(&[]), 0);
    assert_eq!(too_few(&two), 2);
    assert_eq!(too_few(&partials([0, 1, 1, 0])), 2, "twice is not two");
    // What two can make up alone: parts in a third one's name, and sums.
    for value in [two[0].value, two[1].value, two[0].value + &two[1].value, Signature::zero()] {
        assert!(matches!(scheme().opener(value), Err(Refused::Signature)));
        let third = PartialSignature { index: partials([2])[0].index, value };
        let forged = [two[0].clone(), two[1].clone(), third];
        assert_eq!(too_few(&forged), 2);
        let made = threshold::recover::<MinPk, _>(sharing, &forged, &Sequential).unwrap();
        assert!(matches!(scheme().opener(made), Err(Refused::Signature)));
    }
}

#[test]
fn wrong_signatures_are_named_and_stop_nobody() {
    let (sharing, _) = committee();
    let mut all = partials([0, 1, 2, 3]);
    // Member 2 says what member 3 would, and says it again; and members 0 and 3 repeat themselves.
    all[2].value = all[3].value;
    let sent = [&all[..], &all[2..], &all[..1]].concat();
    let collected = scheme().collect(sharing, &sent).unwrap();
    assert_eq!(collected.wrong, [2].into());
    assert_eq!(collected.opener, opener([0, 1, 3]), "one signature, whoever makes it");
    let Err(Refused::TooFew { holding, required, wrong }) = scheme().collect(sharing, &all[..3])
    else {
        panic!("two right ones are too few")
    };
    assert_eq!((holding, required, wrong), (2, 3, [2].into()));
    // A member that does not exist.
    let (_, more) = dealt(7);
    let stranger = scheme().sign(&more[6]);
    let collected = scheme().collect(sharing, &[&partials([0, 1, 3])[..], &[stranger]].concat());
    assert_eq!(collected.unwrap().wrong, [6].into());
}

#[test]
fn members_of_another_committee_sign_nothing_here() {
    let (sharing, _) = committee();
    let other: Committee = insecure::deal(&Domain::dev(), OtherRng(test_rng()), NZU32!(4)).unwrap();
    assert_ne!(other.0.public(), sharing.public());
    let signed = [0, 1, 2].map(|member| scheme().sign(&other.1[member]));
    assert!(matches!(scheme().collect(sharing, &signed), Err(Refused::TooFew { holding: 0, .. })));
    assert!(matches!(scheme().collect(&other.0, &signed), Err(Refused::Committee)));
    assert!(!scheme().holds(&other.0, &signed[0]));
}

#[test]
fn keys_that_are_none_are_refused() {
    let key = committee().0.public().encode();
    let of_bytes = |bytes: &[u8]| ThresholdScheme::of_bytes(Domain::dev(), bytes, EPOCH);
    assert_eq!(of_bytes(&key).unwrap().key_id(), scheme().key_id());
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    let mut uncompressed = key.to_vec();
    uncompressed[0] &= 0x7f;
    let longer = [&key[..], &[0]].concat();
    for bytes in [&infinity[..], &uncompressed, &longer, &key[..47], &[0; 48], &[0xff; 48], &[]] {
        assert_eq!(of_bytes(bytes).unwrap_err(), InvalidKey);
    }
    let zero = ThresholdScheme::new(Domain::dev(), PublicKey::zero(), EPOCH);
    assert_eq!(zero.unwrap_err(), InvalidKey);
    for bytes in [&[0; 96][..], &[0xff; 96], &[]] {
        assert!(matches!(scheme().opener_of_bytes(bytes), Err(Refused::Signature)));
    }
    let opener = opener([0, 1, 2]);
    assert_eq!(scheme().opener_of_bytes(&opener.to_bytes()).unwrap(), opener);
}

#[test]
fn one_dealer_deals_for_development_alone() {
    for domain in [
        Domain { realm: 1, ..Domain::dev() },
        Domain { l1_chain_id: 1, ..Domain::dev() },
        Domain { settlement: Address::repeat_byte(1), ..Domain::dev() },
    ] {
        let dealt = insecure::deal(&domain, test_rng(), NZU32!(4));
        assert_eq!(dealt.unwrap_err(), insecure::NotDevelopment);
    }
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", opener([0, 1, 2]), committee().1[0]);
    let secret = alloy_primitives::hex::encode(opener([0, 1, 2]).to_bytes());
    assert!(!shown.contains(&secret[..16]) && shown.contains("Opener(..)"), "{shown}");
}

/// Other numbers than those of the tests' committee.
struct OtherRng<R>(R);

impl<R: rand_core::TryRng> rand_core::TryRng for OtherRng<R> {
    type Error = R::Error;

    fn try_next_u32(&mut self) -> Result<u32, R::Error> {
        self.0.try_next_u32().map(|number| !number)
    }

    fn try_next_u64(&mut self) -> Result<u64, R::Error> {
        self.0.try_next_u64().map(|number| !number)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), R::Error> {
        self.0.try_fill_bytes(out)?;
        out.iter_mut().for_each(|byte| *byte = !*byte);
        Ok(())
    }
}

impl<R: rand_core::TryCryptoRng> rand_core::TryCryptoRng for OtherRng<R> {}
