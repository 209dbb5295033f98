//! Vectors, roots and Merkle openings against the model.

use crate::model;
use alloy_primitives::{Address, B256, keccak256};
use proptest::prelude::*;
use weft_commitment::{
    Counts, KzgCommitment, MAX_ITEMS, Opening, SlotCommitment, SlotVector, TooManyItems, Tree,
};
use weft_types::{CodecError, Decode, Domain, Encode, Section, SlotNumber};

pub(crate) const SLOT: SlotNumber = SlotNumber::new(1_000_003);

pub(crate) fn domain() -> Domain {
    let settlement = Address::repeat_byte(0x5e);
    Domain { l1_chain_id: 1, settlement, realm: 7, ..Domain::dev() }
}

pub(crate) fn items(section: u8, count: usize) -> Vec<B256> {
    (0..count as u32)
        .map(|index| keccak256([&[section][..], &index.to_be_bytes()].concat()))
        .collect()
}

pub(crate) fn vector(sealed: usize, plaintext: usize) -> SlotVector {
    SlotVector::of_items(&domain(), SLOT, &items(1, sealed), &items(2, plaintext)).unwrap()
}

/// A commitment whose KZG part is not looked at.
pub(crate) fn unopened(vector: &SlotVector) -> SlotCommitment {
    let kzg = vec![KzgCommitment::ZERO; vector.elements().len().div_ceil(4_096)];
    SlotCommitment::new(&domain(), vector, kzg).unwrap()
}

proptest! {
    #[test]
    fn p15_vector_root_and_hash_are_those_of_the_model(sealed in 0..40_usize, plaintext in 0..80_usize) {
        let (domain, vector) = (domain(), vector(sealed, plaintext));
        let mut chains = model::chains(&domain, SLOT.get(), 1, &items(1, sealed));
        chains.extend(model::chains(&domain, SLOT.get(), 2, &items(2, plaintext)));
        let elements: Vec<_> = chains.iter().map(model::element).collect();
        let found: Vec<_> = vector.elements().iter().map(|element| *element.word()).collect();
        prop_assert_eq!(&found, &elements);
        let commitment = unopened(&vector);
        prop_assert_eq!(commitment.root(), model::root(&domain, &elements));
        let kzg = vec![0; 48 * commitment.kzg().len()];
        let counts = [sealed as u32, plaintext as u32];
        prop_assert_eq!(
            commitment.hash(&domain),
            model::hash(&domain, SLOT.get(), counts, commitment.root(), &kzg)
        );
        prop_assert_eq!(SlotCommitment::decode(&commitment.encode()), Ok(commitment));
    }

    #[test]
    fn p15_every_element_opens_at_its_position_and_nowhere_else(
        sealed in 0..12_usize,
        plaintext in 1..24_usize,
        other in any::<prop::sample::Index>(),
    ) {
        let (domain, vector) = (domain(), vector(sealed, plaintext));
        let (tree, commitment) = (Tree::new(&domain, vector.elements()), unopened(&vector));
        for (section, count) in [(Section::Sealed, sealed), (Section::Plaintext, plaintext)] {
            for index in 0..count as u32 {
                let opening = Opening::new(&vector, &tree, section, index).unwrap();
                prop_assert_eq!(Opening::decode(&opening.encode()), Ok(opening.clone()));
                for at in 0..count as u32 + 2 {
                    let opens = commitment.opens(&domain, section, at, &opening);
                    prop_assert_eq!(opens, at == index, "{} at {}", index, at);
                }
                let wrong = vector.elements()[other.index(vector.elements().len())];
                let changed = Opening { element: wrong, ..opening.clone() };
                let same = wrong == opening.element;
                prop_assert_eq!(commitment.opens(&domain, section, index, &changed), same);
                let mut longer = opening.clone();
                longer.siblings.push(B256::ZERO);
                prop_assert!(!commitment.opens(&domain, section, index, &longer));
                let mut shorter = opening;
                if shorter.siblings.pop().is_some() {
                    prop_assert!(!commitment.opens(&domain, section, index, &shorter));
                }
            }
        }
    }
}

#[test]
fn p15_another_order_has_another_root_and_the_count_is_bound() {
    let (domain, items) = (domain(), items(2, 9));
    let root = |items: &[B256]| {
        let vector = SlotVector::of_items(&domain, SLOT, &[], items).unwrap();
        unopened(&vector)
    };
    let honest = root(&items);
    let mut reordered = items.clone();
    reordered.swap(3, 4);
    let mut inserted = items.clone();
    inserted.insert(0, B256::repeat_byte(9));
    for other in [&reordered[..], &inserted[..], &items[..8], &items[1..]] {
        assert_ne!(root(other).root(), honest.root());
    }
    // The same elements in the other section are another commitment under the same root.
    let vector = vector(0, 3);
    let chains: Vec<_> = vector.elements().iter().map(|element| *element.word()).collect();
    let moved = SlotVector::of_chains(SLOT, &chains, &[]).unwrap();
    assert_eq!(unopened(&moved).root(), unopened(&vector).root());
    assert_ne!(unopened(&moved).hash(&domain), unopened(&vector).hash(&domain));
}

#[test]
fn p1_one_realm_s_commitment_is_none_of_another() {
    let vector = vector(2, 5);
    let there = Domain { realm: 8, ..domain() };
    let commitment = unopened(&vector);
    assert_ne!(commitment.hash(&domain()), commitment.hash(&there));
    let tree = Tree::new(&domain(), vector.elements());
    let opening = Opening::new(&vector, &tree, Section::Plaintext, 2).unwrap();
    assert!(commitment.opens(&domain(), Section::Plaintext, 2, &opening));
    assert!(!commitment.opens(&there, Section::Plaintext, 2, &opening));
}

#[test]
fn an_inner_node_is_no_element() {
    let (domain, vector) = (domain(), vector(0, 4));
    let tree = Tree::new(&domain, vector.elements());
    let siblings = tree.siblings(0).unwrap();
    // The node above the first two elements, offered as an element of a tree of two.
    let mut bytes = Tree::new(&domain, &vector.elements()[..2]).root();
    let refused = Err(CodecError::NotCanonical("element over 248 bits"));
    assert_eq!(weft_commitment::Element::decode(&[&[1][..], bytes.as_slice()].concat()), refused);
    bytes[0] = 0;
    let element = weft_commitment::Element::of(&bytes);
    let offered = Opening { element, siblings: siblings[1..].to_vec() };
    assert!((0..4).all(|at| !unopened(&vector).opens(&domain, Section::Plaintext, at, &offered)));
}

#[test]
fn what_no_slot_has_is_refused() {
    assert_eq!(Counts::new(MAX_ITEMS, 0).map(Counts::total), Ok(MAX_ITEMS));
    let found = u64::from(MAX_ITEMS) + 1;
    assert_eq!(Counts::new(1, MAX_ITEMS), Err(TooManyItems { found }));
    assert_eq!(
        Counts::new(u32::MAX, u32::MAX).map_err(|error| error.found),
        Err(2 * u64::from(u32::MAX))
    );
    let empty = unopened(&vector(0, 0));
    assert_eq!((empty.root(), empty.kzg().len()), (B256::ZERO, 0));
    let mut bytes = empty.encode();
    *bytes.last_mut().unwrap() = 1;
    let refused = Err(CodecError::NotCanonical("root of an empty slot"));
    assert_eq!(SlotCommitment::decode(&bytes), refused);
    let vector = vector(1, 2);
    assert_eq!(SlotCommitment::new(&domain(), &vector, vec![]), None);
    assert_eq!(SlotCommitment::new(&domain(), &vector, vec![KzgCommitment::ZERO; 2]), None);
    let bytes = unopened(&vector).encode();
    for end in 0..bytes.len() {
        assert!(SlotCommitment::decode(&bytes[..end]).is_err());
    }
    assert!(SlotCommitment::decode(&[&bytes[..], &[0]].concat()).is_err());
}
