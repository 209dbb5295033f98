//! What was signed, for who asks, and for the database.

use super::Saying;
use crate::promises::Bundles;
use alloy_primitives::B256;
use std::{collections::BTreeMap, sync::Arc};
use weft_commitment::{Element, Opening, SignedCommitment, SlotVector, Tree};
use weft_evidence::{EpochNotice, Signed};
use weft_types::{
    CodecError, Decode, Domain, Reader, Section, Signature, SignedPromise, SlotNumber, Writer,
};

/// Slots whose commitments are in memory.
const MAX_SLOTS: usize = 1 << 12;
/// Most elements in memory.
const MAX_ELEMENTS: usize = 1 << 19;
/// Epochs whose notices are in memory.
const MAX_EPOCHS: usize = 1 << 10;
/// Most elements of a slot that are read.
const MAX_READ: usize = 1 << 20;

/// A signed commitment, and the vector that it can be opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) signed: SignedCommitment,
    pub(crate) vector: SlotVector,
}

impl Committed {
    /// Opens the item at an index of a section; nothing when there is none.
    pub(crate) fn open(&self, domain: &Domain, section: Section, index: u32) -> Option<Opening> {
        let tree = Tree::new(domain, self.vector.elements());
        Opening::new(&self.vector, &tree, section, index)
    }

    /// Returns the row of the elements in the database.
    pub(crate) fn elements(&self) -> Vec<u8> {
        let counts = self.vector.counts();
        let mut out = Writer::default();
        out.u32(counts.of(Section::Sealed));
        self.vector.elements().iter().for_each(|element| {
            out.hash(element.word());
        });
        out.finish()
    }

    /// Reads both rows.
    pub(crate) fn read(signed: &[u8], elements: &[u8]) -> Result<Self, CodecError> {
        let signed = SignedCommitment::decode(signed)?;
        let mut input = Reader::new(elements);
        let sealed = input.u32()? as usize;
        let total = (signed.commitment.counts().total() as usize).min(MAX_READ);
        let words = (0..total).map(|_| input.get::<Element>().map(|element| *element.word()));
        let words: Vec<B256> = words.collect::<Result<_, _>>()?;
        input.finish()?;
        let wrong = || CodecError::NotCanonical("elements of another commitment");
        let (sealed, plaintext) = words.split_at_checked(sealed).ok_or_else(wrong)?;
        let vector = SlotVector::of_chains(signed.commitment.slot(), sealed, plaintext);
        let vector = vector.map_err(|_| wrong())?;
        Ok(Self { signed, vector })
    }
}

/// Something new for the database.
#[derive(Debug, Clone)]
pub(crate) enum Fresh {
    Commitment(Arc<Committed>),
    Epoch(Box<Signed<EpochNotice>>),
    /// The promise of a bundle.
    Bundle(Box<SignedPromise>),
}

/// What was signed last.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    slots: BTreeMap<SlotNumber, Arc<Committed>>,
    elements: usize,
    epochs: BTreeMap<u64, Signed<EpochNotice>>,
    bundles: Bundles,
    /// For the database, when there is one.
    fresh: Option<Vec<Fresh>>,
}

impl Shelf {
    pub(crate) fn new(has_database: bool) -> Self {
        Self { fresh: has_database.then(Vec::new), ..Self::default() }
    }

    /// Takes what was signed.
    pub(crate) fn put(&mut self, saying: Saying, signature: Signature) -> Fresh {
        let fresh = match saying {
            Saying::Commitment(vector, commitment) => {
                let signed = SignedCommitment { commitment, signature };
                let committed = Arc::new(Committed { signed, vector });
                self.put_slot(committed.clone());
                Fresh::Commitment(committed)
            }
            Saying::Epoch(notice, _) => {
                let signed = Signed { notice, signature };
                self.epochs.insert(notice.epoch, signed);
                while self.epochs.len() > MAX_EPOCHS {
                    self.epochs.pop_first();
                }
                Fresh::Epoch(Box::new(signed))
            }
        };
        self.fresh.iter_mut().for_each(|all| all.push(fresh.clone()));
        fresh
    }

    /// Takes the promise of a bundle.
    pub(crate) fn put_bundle(&mut self, promise: SignedPromise) {
        let fresh = || Fresh::Bundle(Box::new(promise.clone()));
        self.fresh.iter_mut().for_each(|all| all.push(fresh()));
        self.bundles.put(promise);
    }

    pub(crate) fn bundle(&self, name: &B256) -> Option<SignedPromise> {
        self.bundles.get(name)
    }

    fn put_slot(&mut self, committed: Arc<Committed>) {
        self.elements += committed.vector.elements().len();
        self.slots.insert(committed.vector.slot(), committed);
        while (self.slots.len() > MAX_SLOTS || self.elements > MAX_ELEMENTS)
            && self.slots.len() > 1
            && let Some((_, oldest)) = self.slots.pop_first()
        {
            self.elements -= oldest.vector.elements().len();
        }
    }

    pub(crate) fn slot(&self, slot: SlotNumber) -> Option<Arc<Committed>> {
        self.slots.get(&slot).cloned()
    }

    pub(crate) fn epoch(&self, epoch: u64) -> Option<Signed<EpochNotice>> {
        self.epochs.get(&epoch).copied()
    }

    /// Returns what the database does not have yet.
    pub(crate) fn take_fresh(&mut self) -> Vec<Fresh> {
        self.fresh.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Forgets everything, as development nodes do that go back in time.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.fresh.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_commitment::{SlotCommitment, commit};
    use weft_types::Encode as _;

    fn committed(sealed: u8, plaintext: u8) -> Committed {
        let chains = |count: u8| (1..=count).map(B256::repeat_byte).collect::<Vec<_>>();
        let slot = SlotNumber::new(7);
        let vector = SlotVector::of_chains(slot, &chains(sealed), &chains(plaintext)).unwrap();
        let commitment =
            SlotCommitment::new(&Domain::dev(), &vector, commit(vector.elements())).unwrap();
        let signature = Signature::from_bytes(&[1; 65]).unwrap();
        Committed { signed: SignedCommitment { commitment, signature }, vector }
    }

    #[test]
    fn rows_read_back_and_open_what_was_committed() {
        let whole = committed(3, 2);
        let (signed, elements) = (whole.signed.encode(), whole.elements());
        let read = Committed::read(&signed, &elements).unwrap();
        assert_eq!(read, whole);
        let opening = read.open(&Domain::dev(), Section::Plaintext, 1).unwrap();
        let commitment = &read.signed.commitment;
        assert!(commitment.opens(&Domain::dev(), Section::Plaintext, 1, &opening));
        assert!(read.open(&Domain::dev(), Section::Sealed, 3).is_none());
        for cut in [0, 3, elements.len() - 1] {
            assert!(Committed::read(&signed, &elements[..cut]).is_err());
        }
        let mut other = elements;
        other[0] = 1;
        assert!(Committed::read(&signed, &other).is_err());
    }
}
