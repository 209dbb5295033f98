//! P18: legs cannot be lifted out of a marked bundle.

use crate::{
    draft::{By, Draft, Form, OTHER_KEY, id_of, marked_bundle, unmarked_bundle},
    samples::{HASH, SALT},
    strategies,
};
use alloy_eips::eip2930::AccessListItem;
use alloy_primitives::{Address, B256, Bytes, U256};
use proptest::prelude::*;
use weft_types::{
    Bundle, BundleId, CodecError, Decode, Domain, InvalidBundle, Leg, Marker, RESERVED,
    SafetyLevel, SignedTx, Writer,
    bundle::{MARKER_LEN, MAX_LEGS},
};

const DOMAIN: Domain = Domain::dev();
const LEVEL: SafetyLevel = SafetyLevel::Reputation;

fn drafts() -> [Draft; 3] {
    let receive = Draft { data: Bytes::new(), ..Draft::new(Form::Eip1559, 902) };
    [Draft::new(Form::Eip1559, 901), receive, Draft::new(Form::Eip2930, 903)]
}

fn new(legs: Vec<Leg>) -> Result<Bundle, InvalidBundle> {
    Bundle::new(&DOMAIN, SALT, LEVEL, legs)
}

fn id(drafts: &[Draft]) -> BundleId {
    id_of(&DOMAIN, SALT, LEVEL, drafts)
}

fn marker(draft: &Draft) -> Result<Option<Marker>, InvalidBundle> {
    Marker::of(&SignedTx::decode(draft.raw()).unwrap())
}

#[test]
fn p18_unmarked_legs_make_an_unprotected_bundle() {
    let bundle = unmarked_bundle(&DOMAIN, SALT, LEVEL, &drafts());
    assert!(!bundle.is_marked());
    assert_eq!(bundle.id(), id(&drafts()));
    assert!(drafts().iter().all(|draft| marker(draft) == Ok(None)));
}

#[test]
fn p18_every_leg_may_be_marked_in_its_own_way() {
    for by in [[By::Suffix; 3], [By::AccessList; 3], [By::Suffix, By::AccessList, By::Suffix]] {
        let pairs: Vec<_> = drafts().into_iter().zip(by).collect();
        let bundle = marked_bundle(&DOMAIN, SALT, LEVEL, &pairs);
        assert!(bundle.is_marked());
        assert_eq!(bundle.id(), id(&drafts()), "the marker is no part of the identity");
        for (leg, by) in bundle.legs().iter().zip(by) {
            let found = Marker::of(&leg.tx).unwrap().unwrap();
            assert_eq!(found.bundle(), bundle.id());
            assert_eq!(matches!(found, Marker::Suffix(_)), by == By::Suffix);
        }
    }
}

#[test]
fn p18_a_suffix_is_a_marker_only_whole_and_at_the_end() {
    let suffix = BundleId::new(HASH).suffix();
    let cases: [(&[u8], bool); 6] = [
        (&suffix, true),
        (&[&[1; 100][..], &suffix].concat(), true),
        (&[&suffix[..], &[0]].concat(), false),
        (&suffix[1..], false),
        (&[&[0xee][..], &suffix[1..]].concat(), false),
        (&[], false),
    ];
    for (data, found) in cases {
        assert_eq!(Marker::suffix_of(data), found.then_some(BundleId::new(HASH)), "{data:?}");
    }
    assert_eq!(suffix.len(), MARKER_LEN);
}

#[test]
fn p18_only_keys_of_the_reserved_address_are_markers() {
    let mut draft = Draft::new(Form::Eip2930, 901);
    let other = AccessListItem { address: Address::ZERO, storage_keys: vec![HASH] };
    draft.access_list = vec![other, AccessListItem { address: RESERVED, storage_keys: vec![] }];
    assert_eq!(marker(&draft), Ok(None));
    draft.access_list[1].storage_keys.push(HASH);
    assert_eq!(marker(&draft), Ok(Some(Marker::AccessList(BundleId::new(HASH)))));
}

#[test]
fn p18_two_markers_on_one_leg_contradict_each_other() {
    let bundle = BundleId::new(HASH);
    let plain = Draft::new(Form::Eip1559, 901);
    let entry = |keys: &[B256]| AccessListItem { address: RESERVED, storage_keys: keys.to_vec() };
    let listed = |list| Draft { access_list: list, ..plain.clone() };
    for draft in [
        plain.marked(bundle, By::Suffix).marked(bundle, By::AccessList),
        plain.marked(bundle, By::Suffix).marked(BundleId::new(SALT), By::AccessList),
        listed(vec![entry(&[HASH, SALT])]),
        listed(vec![entry(&[HASH, HASH])]),
        listed(vec![entry(&[HASH]), entry(&[HASH])]),
    ] {
        let leg = draft.leg();
        let contradictory = InvalidBundle::Contradictory { tx: leg.tx.hash() };
        assert_eq!(marker(&draft), Err(contradictory));
        assert_eq!(new(vec![leg]), Err(contradictory));
    }
}

#[test]
fn p18_a_bundle_is_marked_on_every_leg_or_on_none() {
    let id = id(&drafts());
    for unmarked in 0..3 {
        let mut legs: Vec<Leg> =
            drafts().iter().map(|draft| draft.marked(id, By::Suffix).leg()).collect();
        legs[unmarked] = drafts()[unmarked].leg();
        assert_eq!(new(legs.clone()), Err(InvalidBundle::PartlyMarked { leg: unmarked }));
        assert_eq!(Bundle::decode(&encoding(id, &legs)), Err(refused("bundle markers")));
    }
}

#[test]
fn p18_a_leg_is_not_lifted_into_another_bundle() {
    let declared = id(&drafts());
    let legs: Vec<Leg> =
        drafts().iter().map(|draft| draft.marked(declared, By::Suffix).leg()).collect();
    for kept in [vec![0], vec![1, 2], vec![1, 0, 2], vec![0, 2]] {
        let lifted: Vec<Leg> = kept.iter().map(|leg| legs[*leg].clone()).collect();
        let plain: Vec<Draft> = kept.iter().map(|leg| drafts()[*leg].clone()).collect();
        let computed = id(&plain);
        assert_eq!(
            new(lifted.clone()),
            Err(InvalidBundle::OtherBundle { leg: 0, declared, computed })
        );
        let named = Bundle::decode(&encoding(computed, &lifted));
        assert_eq!(named, Err(refused("bundle markers")), "its markers name another bundle");
        let unnamed = Bundle::decode(&encoding(declared, &lifted)).unwrap();
        assert!(!unnamed.recheck(&DOMAIN), "its identity is not that of its legs");
    }
}

#[test]
fn p18_a_leg_marked_for_another_realm_or_salt_is_refused() {
    let [draft, ..] = drafts();
    let plain = std::slice::from_ref(&draft);
    let other = Domain { realm: 1, ..DOMAIN };
    for declared in [id_of(&other, SALT, LEVEL, plain), id_of(&DOMAIN, HASH, LEVEL, plain)] {
        let leg = draft.marked(declared, By::AccessList).leg();
        let computed = id(plain);
        let error = InvalidBundle::OtherBundle { leg: 0, declared, computed };
        assert_eq!(new(vec![leg]), Err(error));
    }
}

#[test]
fn p18_bundles_have_between_one_and_64_different_legs() {
    let legs: Vec<Leg> = (0..=MAX_LEGS as u64)
        .map(|nonce| Draft { nonce, ..Draft::new(Form::Legacy, 901) }.leg())
        .collect();
    assert_eq!(new(vec![]), Err(InvalidBundle::Empty));
    assert!(new(legs[..MAX_LEGS].to_vec()).is_ok());
    let error = InvalidBundle::TooManyLegs { legs: MAX_LEGS + 1, limit: MAX_LEGS };
    assert_eq!(new(legs.clone()), Err(error));
    let twice = vec![legs[0].clone(), legs[1].clone(), legs[0].clone()];
    let error = InvalidBundle::DuplicateLeg { tx: legs[0].tx.hash() };
    assert_eq!(new(twice.clone()), Err(error));
    let id = BundleId::default();
    assert_eq!(Bundle::decode(&encoding(id, &[])), Err(refused("bundle legs")));
    assert_eq!(Bundle::decode(&encoding(id, &twice)), Err(refused("bundle legs")));
}

#[test]
fn errors_name_what_they_found() {
    let (declared, computed) = (BundleId::new(SALT), BundleId::new(HASH));
    let error = InvalidBundle::OtherBundle { leg: 2, declared, computed };
    let expected = format!("leg 2 is marked for bundle {SALT}, this is bundle {HASH}");
    assert_eq!(error.to_string(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn p18_nonce_gas_fees_and_form_are_the_wallets_matter(
        drafts in strategies::drafts(1..4),
        nonce: u32,
        gas_limit: u32,
        max_fee: u32,
    ) {
        let before = id(&drafts);
        let mut after = drafts;
        for draft in &mut after {
            draft.nonce += u64::from(nonce);
            draft.gas_limit = gas_limit.into();
            draft.max_fee = max_fee.into();
            draft.max_tip = 0;
            if draft.form == Form::Legacy {
                draft.form = Form::Eip1559;
            }
        }
        prop_assert_eq!(id(&after), before);
    }

    #[test]
    fn p18_everything_else_is_in_the_identity(
        drafts in strategies::drafts(1..4),
        at: prop::sample::Index,
        change in 0..CHANGES.len(),
    ) {
        let before = id(&drafts);
        let mut after = drafts.clone();
        let (name, apply) = CHANGES[change];
        apply(&mut after[at.index(drafts.len())]);
        prop_assert_ne!(id(&after), before, "{}", name);
        prop_assert_ne!(id_of(&DOMAIN, HASH, LEVEL, &drafts), before);
        prop_assert_ne!(id_of(&DOMAIN, SALT, SafetyLevel::Cryptographic, &drafts), before);
        prop_assert_ne!(id_of(&Domain { realm: 1, ..DOMAIN }, SALT, LEVEL, &drafts), before);
        prop_assert_ne!(id(&drafts[1..]), before);
    }

    #[test]
    fn p18_order_is_in_the_identity(mut drafts in strategies::drafts(2..5)) {
        // Legs that differ by their nonce only have one shape.
        drafts.iter_mut().zip(1_u64..).for_each(|(draft, value)| draft.value = U256::from(value));
        let before = id(&drafts);
        drafts.rotate_left(1);
        prop_assert_ne!(id(&drafts), before);
    }
}

type Change = (&'static str, fn(&mut Draft));

const CHANGES: [Change; 6] = [
    ("network", |draft| draft.network += 1),
    ("sender", |draft| {
        draft.key = if draft.key == OTHER_KEY { crate::draft::KEY } else { OTHER_KEY };
    }),
    ("to", |draft| {
        let to = draft.to.unwrap_or_default();
        draft.to = Some(Address::from_word(B256::from(U256::from_be_slice(&to[..]) ^ U256::ONE)));
    }),
    ("value", |draft| draft.value ^= U256::ONE),
    ("data", |draft| draft.data = [&draft.data[..], &[0]].concat().into()),
    ("may_revert", |draft| draft.may_revert = !draft.may_revert),
];

fn encoding(id: BundleId, legs: &[Leg]) -> Vec<u8> {
    let mut out = Writer::default();
    out.u8(1).hash(&SALT).put(&LEVEL).hash(&id.hash()).list(legs);
    out.finish()
}

const fn refused(what: &'static str) -> CodecError {
    CodecError::NotCanonical(what)
}
