//! Properties of the encodings: one value, one encoding, and nothing else is accepted.

use crate::strategies;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::keccak256;
use proptest::{collection::vec, prelude::*};
use std::fmt::Debug;
use weft_types::{
    Bundle, Decode, Domain, Encode, Hop, Item, Place, Section, SignedTx, SlotHeader, SlotRecord,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn p22_hops_have_one_encoding(hop in strategies::hop(), flip: prop::sample::Index) {
        let hash = hop.hash();
        prop_assert_eq!(hash, keccak256(&hop.encode()[1..]));
        let other = one_encoding(&hop, &flip);
        prop_assert!(other.is_none_or(|other| other.hash() != hash));
    }

    #[test]
    fn p9_slot_headers_have_one_encoding(
        (header, domain) in (strategies::header(), strategies::domain()),
        flip: prop::sample::Index,
    ) {
        let other = one_encoding(&header, &flip);
        prop_assert!(other.is_none_or(|other| other.hash(&domain) != header.hash(&domain)));
        for network in &header.available {
            prop_assert!(header.is_available(*network));
        }
    }

    #[test]
    fn p2_slot_records_have_one_encoding(
        (record, domain) in (strategies::record(), strategies::domain()),
        flip: prop::sample::Index,
    ) {
        let other = one_encoding(&record, &flip);
        prop_assert!(other.is_none_or(|other| other.hash(&domain) != record.hash(&domain)));
    }

    #[test]
    fn p1_domains_and_places_have_one_encoding(
        (domain, place) in (strategies::domain(), strategies::place()),
        flip: prop::sample::Index,
    ) {
        one_encoding::<Domain>(&domain, &flip);
        one_encoding::<Place>(&place, &flip);
    }

    #[test]
    fn places_order_like_their_encodings(a in strategies::place(), b in strategies::place()) {
        // What was opened runs before what got its position in the slot, but has the last byte.
        let mut b = b;
        if a.position.slot == b.position.slot {
            b.position.section = a.position.section;
        }
        prop_assert_eq!(a.cmp(&b), a.encode().cmp(&b.encode()));
    }

    #[test]
    fn places_order_by_slot_turn_and_index(a in strategies::place(), b in strategies::place(), is_near: bool) {
        let mut b = b;
        if is_near {
            b.position.slot = a.position.slot;
        }
        let turn = |section| match section {
            Section::L1Born => 0,
            Section::Opened => 1,
            Section::Sealed => 2,
            Section::Plaintext => 3,
        };
        let key = |place: &Place| {
            let Place { position, leg, k } = *place;
            (position.slot.get(), turn(position.section), position.index, leg, k)
        };
        prop_assert_eq!(a.cmp(&b), key(&a).cmp(&key(&b)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn p2_items_have_one_encoding(
        (item, domain) in (strategies::item(), strategies::domain()),
        flip: prop::sample::Index,
    ) {
        let other = one_encoding(&item, &flip);
        // A sealed item is named by its envelope, which everything else about it follows from; what was reorged keeps its name.
        let has_a_name = crate::samples::has_a_name(&item);
        prop_assert!(
            has_a_name || other.is_none_or(|other| other.hash(&domain) != item.hash(&domain))
        );
    }

    #[test]
    fn p18_bundles_have_one_encoding_and_one_realm(
        ((domain, bundle), other) in (strategies::bundle(), strategies::domain()),
        flip: prop::sample::Index,
    ) {
        one_encoding::<Bundle>(&bundle, &flip);
        let decoded = Bundle::decode(&bundle.encode()).unwrap();
        prop_assert!(decoded.recheck(&domain));
        prop_assert!(domain == other || !decoded.recheck(&other));
    }

    #[test]
    fn signed_transactions_have_one_encoding(
        draft in strategies::draft(),
        flip: prop::sample::Index,
    ) {
        let raw = draft.raw();
        let tx = SignedTx::decode(raw.clone()).unwrap();
        prop_assert_eq!(tx.envelope().encoded_2718(), raw.to_vec());
        prop_assert_eq!(tx.hash(), keccak256(&raw));
        if let Ok(other) = SignedTx::decode(flipped(&raw, &flip).into()) {
            prop_assert_ne!(other.hash(), tx.hash());
            prop_assert_eq!(other.envelope().encoded_2718(), other.raw().to_vec());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_never_panic_and_are_canonical_when_accepted(
        tail in vec(prop_oneof![3 => Just(0_u8), 1 => 1..5_u8, 2 => any::<u8>()], 0..400),
        version in prop_oneof![9 => Just(1_u8), 1 => any::<u8>()],
    ) {
        let input = [&[version][..], &tail].concat();
        canonical::<Hop>(&input)?;
        canonical::<Item>(&input)?;
        canonical::<SlotHeader>(&input)?;
        canonical::<SlotRecord>(&input)?;
        canonical::<Domain>(&input)?;
        canonical::<Place>(&input)?;
        if let Ok(tx) = SignedTx::decode(tail.into()) {
            prop_assert_eq!(tx.envelope().encoded_2718(), tx.raw().to_vec());
        }
    }
}

fn canonical<T: Encode + Decode>(input: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = T::decode(input) {
        prop_assert_eq!(value.encode(), input);
    }
    Ok(())
}

/// Checks that `value` comes back from its encoding, that no part of the encoding and nothing longer is accepted,
/// and that one flipped bit is refused or another value, which is returned.
fn one_encoding<T>(value: &T, flip: &prop::sample::Index) -> Option<T>
where
    T: Encode + Decode + PartialEq + Debug,
{
    let encoding = value.encode();
    assert_eq!(&T::decode(&encoding).unwrap(), value);
    let cut = flip.index(encoding.len());
    assert!(T::decode(&encoding[..cut]).is_err(), "{cut} bytes of {} suffice", encoding.len());
    assert!(T::decode(&[&encoding[..], &[0]].concat()).is_err());
    let other = flipped(&encoding, flip);
    let decoded = T::decode(&other).ok()?;
    assert_ne!(&decoded, value);
    assert_eq!(decoded.encode(), other);
    Some(decoded)
}

fn flipped(bytes: &[u8], flip: &prop::sample::Index) -> Vec<u8> {
    let bit = flip.index(bytes.len() * 8);
    let mut other = bytes.to_vec();
    other[bit / 8] ^= 1 << (bit % 8);
    other
}
