//! The open slot.

use crate::{
    admit::Submission,
    chain::SectionChain,
    input::Effect,
    sealed::{SealedItem, Turn},
};
use alloc::collections::{BTreeMap, BTreeSet};
use alloy_primitives::{Address, B256};
use weft_types::{Domain, Halt, Position, Section, SlotHeader, SlotRecord, halts_hash};

/// The open slot: its header and what has a position so far.
#[derive(Debug, Clone)]
pub(crate) struct OpenSlot {
    header: SlotHeader,
    /// Section of the last item.
    section: Section,
    l1_born: u32,
    opened: SectionChain,
    sealed: SectionChain,
    plaintext: SectionChain,
    gas: u64,
    gas_by_origin: BTreeMap<Address, u64>,
    halts: BTreeSet<Halt>,
}

impl OpenSlot {
    pub(crate) fn new(domain: &Domain, header: SlotHeader) -> Self {
        Self {
            section: Section::L1Born,
            l1_born: 0,
            opened: SectionChain::start(domain, header.number, Section::Opened),
            sealed: SectionChain::start(domain, header.number, Section::Sealed),
            plaintext: SectionChain::start(domain, header.number, Section::Plaintext),
            gas: 0,
            gas_by_origin: BTreeMap::new(),
            halts: BTreeSet::new(),
            header,
        }
    }

    pub(crate) const fn header(&self) -> &SlotHeader {
        &self.header
    }

    pub(crate) const fn section(&self) -> Section {
        self.section
    }

    pub(crate) const fn items(&self) -> u32 {
        // Invariant: the sum is at most `max_items_per_slot`, and the items of closed epochs.
        self.l1_born + self.opened.count() + self.sealed.count() + self.plaintext.count()
    }

    pub(crate) const fn l1_born(&self) -> u32 {
        self.l1_born
    }

    pub(crate) const fn gas(&self) -> u64 {
        self.gas
    }

    pub(crate) fn gas_of(&self, origin: &Address) -> u64 {
        self.gas_by_origin.get(origin).copied().unwrap_or(0)
    }

    /// Gives the next position of its section to an item that was checked against this slot.
    pub(crate) fn push(&mut self, submission: &Submission) -> (Position, Effect) {
        let Submission { item, section, declared_gas, origin } = *submission;
        self.section = section;
        // Invariant: both sums are at most the configured bounds.
        self.gas += declared_gas;
        if let Some(origin) = origin {
            *self.gas_by_origin.entry(origin).or_default() += declared_gas;
        }
        let (index, prev_chain, chain) = match section {
            Section::L1Born => {
                self.l1_born += 1;
                (self.l1_born - 1, B256::ZERO, B256::ZERO)
            }
            Section::Plaintext => push_chained(&mut self.plaintext, &item),
            Section::Sealed | Section::Opened => unreachable!("submissions were checked"),
        };
        let position = Position { slot: self.header.number, section, index };
        (position, Effect::Positioned { position, item, prev_chain, chain })
    }

    /// Gives the next position among the sealed, which does not end any other section: they run elsewhere.
    pub(crate) fn push_sealed(&mut self, item: B256) -> (Position, Effect) {
        let (index, prev_chain, chain) = push_chained(&mut self.sealed, &item);
        let position = Position { slot: self.header.number, section: Section::Sealed, index };
        (position, Effect::Positioned { position, item, prev_chain, chain })
    }

    /// Lets an opened item run here.
    pub(crate) fn push_opened(&mut self, sealed: &SealedItem, is_late: bool) -> Turn {
        let SealedItem { item, position: ordered, gas_limit, .. } = *sealed;
        // Invariant: an epoch's gas fits an empty slot; what is late uses none.
        self.gas = self.gas.saturating_add(if is_late { 0 } else { gas_limit });
        let (index, _, chain) = push_chained(&mut self.opened, &item);
        let position = Position { slot: self.header.number, section: Section::Opened, index };
        Turn { item, ordered, position, chain }
    }

    /// Notes that a rollup stopped.
    pub(crate) fn halt(&mut self, halt: Halt) {
        self.halts.insert(halt);
    }

    /// Tells whether anything is in it that its header does not say.
    pub(crate) fn is_begun(&self) -> bool {
        self.items() > 0 || !self.halts.is_empty()
    }

    pub(crate) fn record(&self, domain: &Domain) -> SlotRecord {
        SlotRecord {
            header: self.header.hash(domain),
            l1_born: self.l1_born,
            sealed: self.sealed.count(),
            sealed_chain: self.sealed.head(),
            plaintext: self.plaintext.count(),
            plaintext_chain: self.plaintext.head(),
            halts: halts_hash(domain, self.halts.iter()),
        }
    }
}

fn push_chained(chain: &mut SectionChain, item: &B256) -> (u32, B256, B256) {
    let prev = chain.head();
    let index = chain.push(item);
    (index, prev, chain.head())
}
