//! The order that somebody's own word fixes, and what of it is shown.

use crate::error::NotEvidence;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use weft_commitment::{Element, Opening, SignedCommitment};
use weft_types::{
    Checkpoint, CodecError, Domain, Reader, Section, SignedPromise, SlotHeader, SlotNumber,
    SlotRecord, Statement, Writer, chain_next, chain_start, codec::MAX_LIST, promise::Claim,
};

/// Most slots between a word and the slot that it is held against.
pub const MAX_PAST: usize = 1 << 10;
/// Most openings beside one commitment.
const MAX_OPENINGS: usize = 4;

/// A closed slot, as the next header names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedSlot {
    /// Header.
    pub header: SlotHeader,
    /// Closing record.
    pub record: SlotRecord,
}

/// A signed word that fixes where a section's running chain stands after some items.
///
/// Without a past it is the word's own claim, and more items may follow. With one the word is a checkpoint, whose
/// `parent` fixes every closed slot before; the last of `past` is the slot in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The word.
    pub word: SignedPromise,
    /// Closed slots, from the word's own downwards.
    pub past: Vec<ClosedSlot>,
}

/// A stretch of a section's items up to an [`Ending`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Index of the first of them; that of the end when there are none.
    pub from: u32,
    /// Running hash before the first.
    pub before: B256,
    /// Hashes of the items.
    pub items: Vec<B256>,
}

/// An opening of a slot commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedAt {
    /// Index in the section, from 0.
    pub index: u32,
    /// The element there.
    pub opening: Opening,
}

/// An order that binds somebody, and what of it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
// Boxed where it is kept.
#[allow(clippy::large_enum_variant)]
pub enum Shown {
    /// By its items, up to where a word says that the running chain stands.
    Items(Ending, Stretch),
    /// By openings of a signed commitment, which is about a closed slot.
    Openings(SignedCommitment, Vec<OpenedAt>),
}

/// An order that was checked against its signature, in one section of one slot.
#[derive(Debug)]
pub(crate) struct Order<'s> {
    domain: &'s Domain,
    pub(crate) signer: Address,
    pub(crate) slot: SlotNumber,
    section: Section,
    /// Items of the section; more may follow when the slot is not known to be closed.
    pub(crate) count: u32,
    pub(crate) is_closed: bool,
    shown: &'s Shown,
}

impl Shown {
    /// Checks everything that is shown about `section` of `slot`.
    pub(crate) fn check<'s>(
        &'s self,
        domain: &'s Domain,
        slot: SlotNumber,
        section: Section,
    ) -> Result<Order<'s>, NotEvidence> {
        let order = |signer, count, is_closed| Order {
            domain,
            signer,
            slot,
            section,
            count,
            is_closed,
            shown: self,
        };
        match self {
            Self::Items(ending, stretch) => {
                let signer = ending.word.signer()?;
                let (count, chain) = ending.end(domain, slot, section)?;
                stretch.check(domain, slot, section, (count, chain))?;
                Ok(order(signer, count, !ending.past.is_empty()))
            }
            Self::Openings(signed, openings) => {
                let signer = signed.signer(domain).ok_or(NotEvidence::Signature)?;
                let commitment = &signed.commitment;
                if commitment.slot() != slot {
                    return Err(NotEvidence::Unrelated("promise and commitment are of two slots"));
                }
                let opens =
                    |at: &OpenedAt| commitment.opens(domain, section, at.index, &at.opening);
                if !openings.iter().all(opens) {
                    return Err(NotEvidence::NotShown("the elements that are said to be opened"));
                }
                Ok(order(signer, commitment.counts().of(section), true))
            }
        }
    }
}

impl Order<'_> {
    /// Returns the low bits of the running hash after `count` items, if they are shown.
    pub(crate) fn after(&self, count: u32) -> Option<Element> {
        if count == 0 {
            return Some(Element::of(&chain_start(self.domain, self.slot, self.section)));
        }
        match self.shown {
            Shown::Items(_, stretch) => {
                let items = stretch.items.get(..count.checked_sub(stretch.from)? as usize)?;
                let chain = stretch.fold(items);
                Some(Element::of(&chain))
            }
            Shown::Openings(_, openings) => {
                let found = openings.iter().find(|opened| opened.index == count - 1);
                found.map(|opened| opened.opening.element)
            }
        }
    }

    /// Tells whether it is shown that `item` stands at `index`, given the running hash before it.
    pub(crate) fn holds(&self, item: &B256, index: u32, before: &B256) -> bool {
        let Some(count) = index.checked_add(1).filter(|count| *count <= self.count) else {
            return false;
        };
        let after = Element::of(&chain_next(before, index, item));
        self.after(index) == Some(Element::of(before)) && self.after(count) == Some(after)
    }
}

impl Ending {
    /// Returns how many items of the section the word fixes, and the running hash after them.
    fn end(
        &self,
        domain: &Domain,
        slot: SlotNumber,
        section: Section,
    ) -> Result<(u32, B256), NotEvidence> {
        if self.past.is_empty() {
            return self.said(slot, section);
        }
        let Statement::Checkpoint(Checkpoint { slot: open, parent, .. }) = &self.word.statement
        else {
            return Err(NotEvidence::NotShown("the past of a word that names none"));
        };
        let (mut next, mut parent) = (*open, *parent);
        for ClosedSlot { header, record } in &self.past {
            if record.hash(domain) != parent || header.hash(domain) != record.header {
                return Err(NotEvidence::NotShown("the closed slots that the word rests on"));
            }
            if header.number.get().checked_add(1) != Some(next.get()) {
                return Err(NotEvidence::Unrelated("slots do not follow each other"));
            }
            (next, parent) = (header.number, header.parent);
        }
        if next != slot {
            return Err(NotEvidence::Unrelated("promise and word are of two slots"));
        }
        let record = &self.past[self.past.len() - 1].record;
        if section == Section::Sealed {
            Ok((record.sealed, record.sealed_chain))
        } else if section == Section::Plaintext {
            Ok((record.plaintext, record.plaintext_chain))
        } else {
            Err(NotEvidence::Unrelated("a section without a chain"))
        }
    }

    /// Returns what the word itself says of the section: of two claims the later one.
    fn said(&self, slot: SlotNumber, section: Section) -> Result<(u32, B256), NotEvidence> {
        let claims = self.word.statement.claims();
        let chains = claims.iter().filter_map(|(claim, chain)| match claim {
            Claim::Chain(of, part, count) if *of == slot && *part == section => {
                Some((*count, *chain))
            }
            _ => None,
        });
        chains
            .max_by_key(|(count, _)| *count)
            .ok_or(NotEvidence::Unrelated("promise and word are of two sections"))
    }
}

impl Stretch {
    fn fold(&self, items: &[B256]) -> B256 {
        let next = |chain, (index, item): (u32, &B256)| chain_next(&chain, index, item);
        (self.from..).zip(items).fold(self.before, next)
    }

    /// Checks that the items lead to the end. Nobody finds other ones that do: each running hash has one preimage, which
    /// holds its index.
    fn check(
        &self,
        domain: &Domain,
        slot: SlotNumber,
        section: Section,
        (count, chain): (u32, B256),
    ) -> Result<(), NotEvidence> {
        let len = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        let starts = self.from != 0 || self.before == chain_start(domain, slot, section);
        let ends = self.from.checked_add(len) == Some(count) && self.fold(&self.items) == chain;
        if starts && ends { Ok(()) } else { Err(NotEvidence::NotShown("the items up to the end")) }
    }
}

/// Writes a promise without its domain, which evidence names once.
pub(crate) fn put_promise(out: &mut Writer, promise: &SignedPromise) {
    out.put(&promise.statement).put(&promise.path).put(&promise.signature);
}

/// Reads what [`put_promise`] wrote.
pub(crate) fn get_promise(
    input: &mut Reader<'_>,
    domain: &Domain,
) -> Result<SignedPromise, CodecError> {
    Ok(SignedPromise {
        domain: *domain,
        statement: input.get()?,
        path: input.get()?,
        signature: input.get()?,
    })
}

impl Shown {
    pub(crate) fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Items(ending, stretch) => {
                put_promise(out.u8(0), &ending.word);
                out.len(ending.past.len());
                for ClosedSlot { header, record } in &ending.past {
                    out.put(header).put(record);
                }
                out.number(stretch.from).hash(&stretch.before).len(stretch.items.len());
                stretch.items.iter().for_each(|item| {
                    out.hash(item);
                });
            }
            Self::Openings(signed, openings) => {
                out.u8(1).put(signed).len(openings.len());
                for OpenedAt { index, opening } in openings {
                    out.number(*index).put(opening);
                }
            }
        }
    }

    pub(crate) fn decode_from(input: &mut Reader<'_>, domain: &Domain) -> Result<Self, CodecError> {
        match input.u8()? {
            0 => {
                let word = get_promise(input, domain)?;
                let len = input.bounded_len(MAX_PAST)?;
                let closed = |_| Ok(ClosedSlot { header: input.get()?, record: input.get()? });
                let past = (0..len).map(closed).collect::<Result<_, CodecError>>()?;
                let (from, before) = (input.number()?, input.hash()?);
                let len = input.bounded_len(MAX_LIST)?;
                let items = (0..len).map(|_| input.hash()).collect::<Result<_, _>>()?;
                Ok(Self::Items(Ending { word, past }, Stretch { from, before, items }))
            }
            1 => {
                let signed = input.get()?;
                let len = input.bounded_len(MAX_OPENINGS)?;
                let opened = |_| Ok(OpenedAt { index: input.number()?, opening: input.get()? });
                let openings: Vec<OpenedAt> =
                    (0..len).map(opened).collect::<Result<_, CodecError>>()?;
                if openings.windows(2).any(|pair| pair[0].index >= pair[1].index) {
                    return Err(CodecError::NotCanonical("openings are not in increasing order"));
                }
                Ok(Self::Openings(signed, openings))
            }
            found => Err(CodecError::Tag { what: "way of showing an order", found }),
        }
    }
}
