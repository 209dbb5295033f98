//! What was signed, as far as it matters for what comes.

use super::{Verdict, Word};
use alloy_primitives::{Address, B256};
use weft_types::{
    Checkpoint, ExecutionPromise, OrderPromise, Position, Section, SlotNumber, Statement,
};

/// Highest positions that were signed, and where the chain stood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark {
    pub(super) key: Address,
    /// Hash of the domain; zero before the first use.
    pub(super) realm: B256,
    /// Last slot in which nothing is signed, because an unknown record may have been newer; 0 for none.
    pub(super) floor: SlotNumber,
    /// Slot at which the lane was when the file was opened last.
    pub(super) seen: SlotNumber,
    pub(super) slot: SlotNumber,
    pub(super) section: Section,
    /// Items of the section whose order was signed.
    pub(super) count: u32,
    /// Running hash after them; zero when nothing was signed in the slot.
    pub(super) chain: B256,
    /// Slot, number of items and running hash of the sealed section whose order was signed last: it grows beside the
    /// other (P2).
    pub(super) sealed: SealedMark,
    /// Last position whose execution was signed.
    pub(super) executed: Option<Position>,
    /// Parent that a checkpoint of the slot named; zero for none.
    pub(super) parent: B256,
    /// Last slot whose commitment was signed, and the digest; slot 0 for none.
    pub(super) committed: (SlotNumber, B256),
    /// Last epochs whose keys were signed, ascending, and the digests; epoch 0 for none.
    pub(super) epochs: [(u64, B256); EPOCHS],
    /// When it was written.
    pub(super) unix_ms: u64,
}

/// Epochs whose signed keys are remembered: more than are announced ahead at a time.
pub(super) const EPOCHS: usize = 4;

/// Where the order of sealed items stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SealedMark {
    pub(super) slot: SlotNumber,
    pub(super) count: u32,
    pub(super) chain: B256,
}

impl SealedMark {
    /// Decides about a position of the slot that is open, or of a later one.
    fn order(&mut self, promise: &OrderPromise) -> Result<Verdict, Position> {
        let Position { slot, index, .. } = promise.position;
        if slot < self.slot || (slot == self.slot && index + 1 < self.count) {
            return Ok(Verdict::Old);
        }
        if slot == self.slot && index < self.count {
            let same = promise.chain == self.chain;
            return if same { Ok(Verdict::Old) } else { Err(promise.position) };
        }
        if slot == self.slot && index == self.count && promise.prev_chain != self.chain {
            return Err(promise.position);
        }
        *self = Self { slot, count: index.saturating_add(1), chain: promise.chain };
        Ok(Verdict::Sign)
    }
}

impl Mark {
    /// Decides about a statement and remembers it when it is to be signed.
    pub(super) fn admit(&mut self, statement: &Statement) -> Result<Verdict, Position> {
        let slot = match statement {
            Statement::Order(promise) => promise.position.slot,
            Statement::Execution(promise) => promise.position.slot,
            Statement::Checkpoint(checkpoint) => checkpoint.slot,
            // What it says was signed, or it is nothing for this key: `Issuer::bundle` asks for the promises themselves.
            Statement::Bundle(_) => return Ok(Verdict::Old),
        };
        if slot <= self.floor {
            return Ok(Verdict::Wait);
        }
        match statement {
            Statement::Order(promise) => self.order(promise),
            Statement::Execution(promise) => self.execution(promise),
            Statement::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Statement::Bundle(_) => Ok(Verdict::Old),
        }
    }

    /// Decides about a word and remembers it when it is to be signed; the error is a second value for something said.
    pub(super) fn admit_word(&mut self, word: &Word) -> Result<Verdict, Word> {
        match *word {
            Word::Commitment { slot, digest } => {
                let (last, known) = self.committed;
                if slot <= self.floor {
                    return Ok(Verdict::Wait);
                }
                // Without a digest the slot is one of an older lane, which nobody knows.
                if slot < last || (slot == last && known.is_zero()) {
                    return Ok(Verdict::Old);
                }
                if slot == last && digest != known {
                    return Err(*word);
                }
                self.committed = (slot, digest);
            }
            Word::Epoch { epoch, since, digest } => {
                if since <= self.floor || epoch == 0 {
                    return Ok(Verdict::Wait);
                }
                match self.epochs.iter().find(|(known, _)| *known == epoch) {
                    Some((_, known)) if *known == digest => {}
                    Some(_) => return Err(*word),
                    // What was said about epochs before these is not known any more.
                    None if epoch < self.epochs[0].0 => return Ok(Verdict::Old),
                    None => {
                        self.epochs[0] = (epoch, digest);
                        self.epochs.sort_unstable();
                    }
                }
            }
        }
        Ok(Verdict::Sign)
    }

    fn order(&mut self, promise: &OrderPromise) -> Result<Verdict, Position> {
        let Position { slot, section, index } = promise.position;
        if section == Section::Sealed {
            // A slot that is over in one section is over in the other.
            return if slot < self.slot { Ok(Verdict::Old) } else { self.sealed.order(promise) };
        }
        let here = (slot, section);
        if here < (self.slot, self.section) {
            return Ok(Verdict::Old);
        }
        if here == (self.slot, self.section) && self.has_chain() {
            if index + 1 == self.count && promise.chain != self.chain {
                return Err(promise.position);
            }
            if index < self.count {
                return Ok(Verdict::Old);
            }
            if index == self.count && promise.prev_chain != self.chain {
                return Err(promise.position);
            }
        }
        self.enter(slot);
        (self.section, self.count, self.chain) = (section, index.saturating_add(1), promise.chain);
        Ok(Verdict::Sign)
    }

    fn execution(&mut self, promise: &ExecutionPromise) -> Result<Verdict, Position> {
        if self.executed.is_some_and(|executed| promise.position <= executed) {
            return Ok(Verdict::Old);
        }
        let Position { slot, section, index } = promise.position;
        if section == Section::Opened {
            // These run before anything else of their slot; what orders them was signed when they were sealed.
            if slot < self.slot {
                return Ok(Verdict::Old);
            }
            self.executed = Some(promise.position);
            return Ok(Verdict::Sign);
        }
        // A result names the running hash as well: nothing is signed about a position beyond the order.
        let place = (slot, section, u64::from(index) + 1);
        if place > (self.slot, self.section, u64::from(self.count)) {
            return Err(promise.position);
        }
        let is_last = place == (self.slot, self.section, u64::from(self.count));
        if is_last && promise.chain != self.chain {
            return Err(promise.position);
        }
        self.executed = Some(promise.position);
        Ok(Verdict::Sign)
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<Verdict, Position> {
        let Checkpoint { slot, parent, section, count, chain, .. } = *checkpoint;
        let position = Position { slot, section, index: count };
        if (slot, section, count) < (self.slot, self.section, self.count) {
            return Ok(Verdict::Old);
        }
        let is_here = (slot, section, count) == (self.slot, self.section, self.count);
        let contradicts = is_here && self.has_chain() && chain != self.chain
            || slot == self.slot && !self.parent.is_zero() && parent != self.parent;
        // Beyond what was promised only the start of a chain is known.
        if contradicts || (!is_here && count > 0) {
            return Err(position);
        }
        self.enter(slot);
        (self.section, self.count, self.chain, self.parent) = (section, count, chain, parent);
        Ok(Verdict::Sign)
    }

    fn has_chain(&self) -> bool {
        !self.chain.is_zero()
    }

    /// Goes to a slot; what was known about another one is over.
    fn enter(&mut self, slot: SlotNumber) {
        if slot != self.slot {
            (self.slot, self.count, self.chain, self.parent) = (slot, 0, B256::ZERO, B256::ZERO);
        }
    }
}
