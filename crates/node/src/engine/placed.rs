//! Blocks of L1 whose entries have positions and that L1 may still take back (P48).

use alloy_primitives::B256;
use std::collections::{BTreeSet, VecDeque};
use weft_types::codec::{CodecError, Reader, Writer};

/// Blocks that L1 may take back.
pub(crate) const MAX_DEPTH: u64 = 64;
/// Most blocks that are remembered. Each is one that L1 had, so that there are as many as the depth, but for branches.
const MAX_PLACED: usize = 1 << 16;

/// A block of L1 with entries that have positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    /// Slot of the first of them.
    pub(crate) slot: u64,
    /// Record of the log with which the first of them got its position.
    pub(crate) sequence: u64,
    /// How many of them there are.
    pub(crate) entries: u64,
    /// True when L1 does not have the block any more.
    pub(crate) is_gone: bool,
}

/// From where on everything has to be folded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewind {
    /// First record of the log.
    pub(crate) sequence: u64,
    /// Its slot.
    pub(crate) slot: u64,
}

/// Such blocks, in the order in which their first entries got their positions.
// Invariant: the first one is not too deep to be taken back. So whatever stands behind one that may be is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PlacedBlocks(VecDeque<Placed>);

impl PlacedBlocks {
    /// Notes that the next entry of a block has a position.
    pub(super) fn add(&mut self, block: Placed) {
        match self.0.iter_mut().find(|known| known.hash == block.hash) {
            Some(known) => known.entries += block.entries,
            None => self.0.push_back(block),
        }
    }

    /// Forgets blocks that L1 cannot take back any more; returns the number of the last of them.
    pub(super) fn settle(&mut self, tip: u64) -> Option<u64> {
        let mut last = None;
        while let Some(block) = self.0.pop_front_if(|block| block.number + MAX_DEPTH <= tip) {
            last = last.max((!block.is_gone).then_some(block.number));
        }
        last
    }

    /// L1 has no block after `to` any more: returns how many positions are affected, and from where on.
    pub(super) fn back(&mut self, to: u64) -> (u64, Option<Rewind>) {
        let (mut entries, mut first) = (0, None);
        for block in self.0.iter_mut().filter(|block| !block.is_gone && block.number > to) {
            block.is_gone = true;
            entries += block.entries;
            first.get_or_insert(Rewind { sequence: block.sequence, slot: block.slot });
        }
        (entries, first)
    }

    /// L1 has a block: returns how many of its entries have positions since it had it before, and from where on that
    /// changes something.
    pub(super) fn forward(&mut self, hash: B256) -> (u64, Option<Rewind>) {
        let mut gone = self.0.iter_mut().filter(|block| block.is_gone);
        match gone.find(|block| block.hash == hash) {
            Some(block) => {
                block.is_gone = false;
                let first = Rewind { sequence: block.sequence, slot: block.slot };
                (block.entries, Some(first))
            }
            None => (0, None),
        }
    }

    /// Returns the first record from which on something may have to be folded again.
    pub(crate) fn first_record(&self) -> Option<u64> {
        self.0.front().map(|block| block.sequence)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Placed> {
        self.0.iter()
    }

    pub(crate) fn gone(&self) -> BTreeSet<B256> {
        self.0.iter().filter(|block| block.is_gone).map(|block| block.hash).collect()
    }

    pub(super) fn write_to(&self, out: &mut Writer) {
        out.len(self.0.len());
        for Placed { number, hash, slot, sequence, entries, is_gone } in &self.0 {
            out.u64(*number).hash(hash).u64(*slot).u64(*sequence).u64(*entries).bool(*is_gone);
        }
    }

    pub(super) fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let count = input.bounded_len(MAX_PLACED)?;
        let one = |_| {
            Ok(Placed {
                number: input.u64()?,
                hash: input.hash()?,
                slot: input.u64()?,
                sequence: input.u64()?,
                entries: input.u64()?,
                is_gone: input.bool()?,
            })
        };
        (0..count).map(one).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64, branch: u8, sequence: u64) -> Placed {
        let hash = B256::with_last_byte(branch);
        Placed { number, hash, slot: sequence, sequence, entries: 1, is_gone: false }
    }

    #[test]
    fn what_l1_takes_back_and_gives_again_is_found_from_its_first_record_on() {
        let mut placed = PlacedBlocks::default();
        placed.add(block(5, 1, 10));
        placed.add(block(6, 2, 20));
        placed.add(block(6, 2, 21));
        placed.add(block(7, 3, 30));
        assert_eq!(placed.back(7), (0, None));
        assert_eq!(placed.back(5), (3, Some(Rewind { sequence: 20, slot: 20 })));
        assert_eq!(placed.back(5), (0, None), "once");
        assert_eq!(placed.gone().len(), 2);
        placed.add(block(6, 4, 40));
        assert_eq!(placed.back(5), (1, Some(Rewind { sequence: 40, slot: 40 })));
        assert_eq!(
            placed.forward(B256::with_last_byte(2)),
            (2, Some(Rewind { sequence: 20, slot: 20 }))
        );
        assert_eq!(placed.forward(B256::with_last_byte(2)), (0, None));
        assert_eq!(placed.first_record(), Some(10));
        assert_eq!(placed.settle(5 + MAX_DEPTH - 1), None);
        assert_eq!(placed.settle(5 + MAX_DEPTH), Some(5));
        assert_eq!(placed.settle(7 + MAX_DEPTH), Some(6), "one that is gone settles nothing");
        assert_eq!(placed.first_record(), None);
    }
}
