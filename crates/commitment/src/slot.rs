//! The commitment of one slot, and openings of it.

use crate::{
    element::Element,
    evaluation::{ELEMENTS_PER_COMMITMENT, KzgCommitment},
    merkle::{Tree, root_of},
    vector::{Counts, MAX_ITEMS, SlotVector},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use weft_types::{
    CodecError, Decode, Domain, Encode, Reader, Section, Signature, SlotNumber, Tag, Writer,
};

/// What a slot's order is committed to (P15).
///
/// Invariant: `kzg` has one commitment for every 4,096 elements begun, and the root of an empty vector is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotCommitment {
    slot: SlotNumber,
    counts: Counts,
    root: B256,
    kzg: Vec<KzgCommitment>,
}

impl SlotCommitment {
    /// Commits to a vector, given its KZG commitments (`commit` with the feature `kzg`); nothing when there are more or
    /// fewer than the vector needs.
    pub fn new(domain: &Domain, vector: &SlotVector, kzg: Vec<KzgCommitment>) -> Option<Self> {
        let root = Tree::new(domain, vector.elements()).root();
        let (slot, counts) = (vector.slot(), vector.counts());
        (kzg.len() == commitments(counts)).then_some(Self { slot, counts, root, kzg })
    }

    /// Returns the slot.
    pub const fn slot(&self) -> SlotNumber {
        self.slot
    }

    /// Returns how many items the slot has.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the Merkle root; zero for an empty slot.
    pub const fn root(&self) -> B256 {
        self.root
    }

    /// Returns the KZG commitments: number k to elements 4,096 k and on.
    pub fn kzg(&self) -> &[KzgCommitment] {
        &self.kzg
    }

    /// Returns the hash of everything, which is what the sequencer signs: `H(domain, tag 41, encoding)`.
    pub fn hash(&self, domain: &Domain) -> B256 {
        let mut out = Writer::default();
        self.encode_to(&mut out);
        domain.hash(Tag::SlotCommitment, out.as_slice())
    }

    /// Tells whether `opening` opens item `index` of `section`, counted from 0.
    pub fn opens(&self, domain: &Domain, section: Section, index: u32, opening: &Opening) -> bool {
        let Some(index) = self.counts.index(section, index) else { return false };
        let Opening { element, siblings } = opening;
        root_of(domain, element, index, self.counts.total(), siblings) == Some(self.root)
    }
}

/// Returns how many KZG commitments a vector needs.
const fn commitments(counts: Counts) -> usize {
    counts.total().div_ceil(ELEMENTS_PER_COMMITMENT) as usize
}

impl Encode for SlotCommitment {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.slot.get()).put(&self.counts).hash(&self.root);
        self.kzg.iter().for_each(|commitment| {
            out.raw(commitment.as_slice());
        });
    }
}

impl Decode for SlotCommitment {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let slot = SlotNumber::new(input.u64()?);
        let (counts, root): (Counts, B256) = (input.get()?, input.hash()?);
        if counts.total() == 0 && !root.is_zero() {
            return Err(CodecError::NotCanonical("root of an empty slot"));
        }
        let read = |_| input.raw(KzgCommitment::len_bytes()).map(KzgCommitment::from_slice);
        let kzg = (0..commitments(counts)).map(read).collect::<Result<_, _>>()?;
        Ok(Self { slot, counts, root, kzg })
    }
}

/// One element with its way to the Merkle root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Element.
    pub element: Element,
    /// Siblings from the leaf up.
    pub siblings: Vec<B256>,
}

impl Opening {
    /// Opens item `index` of `section`; nothing when the vector has none there. `tree` is that of the vector.
    pub fn new(vector: &SlotVector, tree: &Tree, section: Section, index: u32) -> Option<Self> {
        let index = vector.counts().index(section, index)?;
        let element = *vector.elements().get(index as usize)?;
        Some(Self { element, siblings: tree.siblings(index)? })
    }
}

impl Encode for Opening {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.element).len(self.siblings.len());
        self.siblings.iter().for_each(|sibling| {
            out.hash(sibling);
        });
    }
}

impl Decode for Opening {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let element = input.get()?;
        let len = input.bounded_len(MAX_ITEMS.ilog2() as usize)?;
        let siblings = (0..len).map(|_| input.hash()).collect::<Result<_, _>>()?;
        Ok(Self { element, siblings })
    }
}

/// A slot commitment with the sequencer's signature over its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCommitment {
    /// What is committed to.
    pub commitment: SlotCommitment,
    /// Signature over [`SlotCommitment::hash`].
    pub signature: Signature,
}

impl SignedCommitment {
    /// Returns whose commitment this is in `domain`; nothing when nobody can have signed it. Any signature fits *some* key.
    pub fn signer(&self, domain: &Domain) -> Option<Address> {
        self.signature.signer(self.commitment.hash(domain))
    }
}

impl Encode for SignedCommitment {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.commitment).put(&self.signature);
    }
}

impl Decode for SignedCommitment {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { commitment: input.get()?, signature: input.get()? })
    }
}
