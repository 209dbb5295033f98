//! The vector of a slot's running hashes.

use crate::element::Element;
use alloc::vec::Vec;
use alloy_primitives::B256;
use thiserror::Error;
use weft_types::{
    CodecError, Decode, Domain, Encode, Reader, Section, SlotNumber, Writer, chain_next,
    chain_start,
};

/// Most items of a slot in its two sections with a chain.
pub const MAX_ITEMS: u32 = 1 << 20;

/// A slot has more items than [`MAX_ITEMS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{found} items in a slot are over the bound of {MAX_ITEMS}")]
pub struct TooManyItems {
    /// Items found.
    pub found: u64,
}

/// How many items a slot has, by section. They fix where each position stands in the vector: sealed items first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    sealed: u32,
    plaintext: u32,
}

impl Counts {
    /// Takes the numbers of items.
    ///
    /// # Errors
    ///
    /// [`TooManyItems`].
    pub const fn new(sealed: u32, plaintext: u32) -> Result<Self, TooManyItems> {
        let found = sealed as u64 + plaintext as u64;
        if found > MAX_ITEMS as u64 {
            Err(TooManyItems { found })
        } else {
            Ok(Self { sealed, plaintext })
        }
    }

    /// Returns the number of items in `section`; none in a section without a chain of its own (P2).
    pub const fn of(self, section: Section) -> u32 {
        match section {
            Section::Sealed => self.sealed,
            Section::Plaintext => self.plaintext,
            _ => 0,
        }
    }

    /// Returns the length of the vector.
    pub const fn total(self) -> u32 {
        self.sealed + self.plaintext
    }

    /// Returns where a position stands in the vector; nothing when the section ends before it.
    pub fn index(self, section: Section, index: u32) -> Option<u32> {
        let first = if section == Section::Plaintext { self.sealed } else { 0 };
        (index < self.of(section)).then(|| first + index)
    }
}

impl Encode for Counts {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.sealed).u32(self.plaintext);
    }
}

impl Decode for Counts {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Self::new(input.u32()?, input.u32()?).map_err(|TooManyItems { found }| CodecError::Length {
            found: usize::try_from(found).unwrap_or(usize::MAX),
            bound: MAX_ITEMS as usize,
        })
    }
}

/// The running hashes of a slot as elements: those of its sealed items, then those of its plaintext items (P15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotVector {
    slot: SlotNumber,
    counts: Counts,
    elements: Vec<Element>,
}

impl SlotVector {
    /// Computes the vector from the hashes of the slot's items.
    ///
    /// # Errors
    ///
    /// [`TooManyItems`].
    pub fn of_items(
        domain: &Domain,
        slot: SlotNumber,
        sealed: &[B256],
        plaintext: &[B256],
    ) -> Result<Self, TooManyItems> {
        let running = |section, items: &[B256]| -> Vec<B256> {
            let start = chain_start(domain, slot, section);
            let next = |chain: &mut B256, (index, item): (u32, &B256)| {
                *chain = chain_next(chain, index, item);
                Some(*chain)
            };
            (0..).zip(items).scan(start, next).collect()
        };
        let sealed = running(Section::Sealed, sealed);
        Self::of_chains(slot, &sealed, &running(Section::Plaintext, plaintext))
    }

    /// Takes the running hash after each item, as the order promises name it.
    ///
    /// # Errors
    ///
    /// [`TooManyItems`].
    pub fn of_chains(
        slot: SlotNumber,
        sealed: &[B256],
        plaintext: &[B256],
    ) -> Result<Self, TooManyItems> {
        let count = |items: &[B256]| u32::try_from(items.len()).unwrap_or(u32::MAX);
        let counts = Counts::new(count(sealed), count(plaintext))?;
        let elements = sealed.iter().chain(plaintext).map(Element::of).collect();
        Ok(Self { slot, counts, elements })
    }

    /// Returns the slot.
    pub const fn slot(&self) -> SlotNumber {
        self.slot
    }

    /// Returns how many items the slot has.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the elements.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }
}
