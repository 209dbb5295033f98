//! Where in the log of a node that follows what begins: batches that L1 may take back, and slots that are in none yet.

use crate::{engine::placed::MAX_DEPTH, record::PostedMark};
use alloy_primitives::B256;
use std::collections::VecDeque;
use weft_types::codec::{CodecError, Decode as _, Encode as _, Reader, Writer};

/// Most batches that are remembered: L1 takes few in a block.
const MAX_BATCHES: usize = 1 << 12;
/// Most slots.
const MAX_SLOTS: usize = 1 << 20;

/// A batch all of which ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) posted: PostedMark,
    pub(super) first_slot: u64,
    /// First record of the log that belongs to it.
    pub(super) from: u64,
}

/// A slot that ran and is in no batch yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotMark {
    pub(super) number: u64,
    pub(super) hash: B256,
    /// First record of the log that belongs to it.
    pub(super) from: u64,
}

/// Both, in order.
// Invariant: batches follow each other, and the slots follow the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Those that L1 may take back, behind the last one that it does not.
    batches: VecDeque<Mark>,
    slots: VecDeque<SlotMark>,
    /// The last block of L1 that was heard of.
    tip: u64,
}

impl Marks {
    /// Returns the number of the last batch; zero before the first.
    pub(super) fn last_batch(&self) -> u64 {
        self.batches.back().map_or(0, |mark| mark.posted.number)
    }

    /// Returns the first slot that is in no batch.
    pub(super) fn first_ahead(&self) -> u64 {
        self.batches.back().map_or(1, |mark| mark.posted.last_slot + 1)
    }

    /// Returns the slot that comes next.
    pub(super) fn next_slot(&self) -> u64 {
        self.first_ahead() + self.slots.len() as u64
    }

    /// Returns how many slots are in no batch.
    pub(super) fn ahead(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &SlotMark> {
        self.slots.iter()
    }

    pub(super) fn batch(&self, number: u64) -> Option<&Mark> {
        self.batches.iter().find(|mark| mark.posted.number == number)
    }

    /// Returns the batches that end before a slot, in order.
    pub(super) fn posted_before(&self, slot: u64) -> Vec<PostedMark> {
        let before = self.batches.iter().map(|mark| mark.posted);
        before.filter(|posted| posted.last_slot < slot).collect()
    }

    /// Returns true when there is a batch behind `last` that was on L1 by block `block`.
    pub(super) fn has_behind(&self, last: u64, block: u64) -> bool {
        let is_one = |mark: &Mark| mark.posted.number > last && mark.posted.block <= block;
        self.batches.iter().any(is_one)
    }

    /// Returns true when a batch can be undone: L1 may take it back.
    pub(super) const fn may_go(&self, mark: &Mark) -> bool {
        mark.posted.block.saturating_add(MAX_DEPTH) > self.tip
    }

    /// Notes the slot that comes next, from a record of the log on.
    pub(super) fn begin(&mut self, hash: B256, from: u64) {
        self.slots.push_back(SlotMark { number: self.next_slot(), hash, from });
    }

    /// Notes that the first slots are in a batch, or that the block of L1 which holds one is another one.
    pub(super) fn posted(&mut self, posted: PostedMark) {
        let known = self.batches.iter_mut().find(|mark| mark.posted.number == posted.number);
        if let Some(mark) = known {
            mark.posted = posted;
            return;
        }
        let is_in = |mark: &mut SlotMark| mark.number <= posted.last_slot;
        let Some(first) = self.slots.pop_front_if(is_in) else { return };
        while self.slots.pop_front_if(is_in).is_some() {}
        self.batches.push_back(Mark { posted, first_slot: first.number, from: first.from });
        self.forget();
    }

    /// Takes note of L1's last block. An endpoint may be behind; what leads back is gone by the highest one.
    pub(super) fn settle(&mut self, tip: u64) {
        self.tip = self.tip.max(tip);
        self.forget();
    }

    /// Forgets batches that L1 does not take back, but for the last one of them.
    fn forget(&mut self) {
        while self.batches.get(1).is_some_and(|second| !self.may_go(second))
            || self.batches.len() > MAX_BATCHES
        {
            self.batches.pop_front();
        }
    }

    /// Returns the first record of the log that may have to be undone.
    pub(crate) fn first_record(&self) -> Option<u64> {
        let batch = self.batches.iter().find(|mark| self.may_go(mark)).map(|mark| mark.from);
        batch.or_else(|| self.slots.front().map(|slot| slot.from))
    }

    pub(crate) fn write_to(&self, out: &mut Writer) {
        out.u64(self.tip).len(self.batches.len());
        for Mark { posted, first_slot, from } in &self.batches {
            out.bytes(&posted.encode()).u64(*first_slot).u64(*from);
        }
        out.len(self.slots.len());
        for SlotMark { number, hash, from } in &self.slots {
            out.u64(*number).hash(hash).u64(*from);
        }
    }

    pub(crate) fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (tip, count) = (input.u64()?, input.bounded_len(MAX_BATCHES + 1)?);
        let mark = |_| {
            let posted = PostedMark::decode(&input.bytes()?)?;
            Ok(Mark { posted, first_slot: input.u64()?, from: input.u64()? })
        };
        let batches = (0..count).map(mark).collect::<Result<_, CodecError>>()?;
        let count = input.bounded_len(MAX_SLOTS)?;
        let slot =
            |_| Ok(SlotMark { number: input.u64()?, hash: input.hash()?, from: input.u64()? });
        let slots = (0..count).map(slot).collect::<Result<_, CodecError>>()?;
        Ok(Self { batches, slots, tip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(number: u64, block: u64, last_slot: u64) -> PostedMark {
        PostedMark { number, hash: B256::with_last_byte(number as u8), block, last_slot }
    }

    fn marks() -> Marks {
        let mut marks = Marks::default();
        for slot in 1..=5 {
            marks.begin(B256::with_last_byte(slot), 10 * u64::from(slot));
        }
        marks.posted(posted(1, 7, 2));
        marks.posted(posted(2, 8, 4));
        marks
    }

    #[test]
    fn slots_become_batches_which_stay_until_l1_takes_none_of_them_back() {
        let mut marks = marks();
        assert_eq!((marks.last_batch(), marks.next_slot(), marks.ahead()), (2, 6, 1));
        assert_eq!(marks.batch(2).map(|mark| (mark.first_slot, mark.from)), Some((3, 30)));
        assert_eq!(marks.first_record(), Some(10));
        marks.settle(7 + MAX_DEPTH);
        assert_eq!(marks.first_record(), Some(30), "the first one stays where it is");
        assert!(marks.batch(1).is_some(), "what comes next follows it");
        marks.settle(8 + MAX_DEPTH);
        assert_eq!((marks.first_record(), marks.batch(1)), (Some(50), None));
        assert_eq!(marks.last_batch(), 2);
    }

    #[test]
    fn an_l1_that_is_behind_brings_nothing_back() {
        let mut marks = marks();
        marks.settle(8 + MAX_DEPTH);
        marks.settle(8);
        let last = *marks.batch(2).unwrap();
        assert!(!marks.may_go(&last), "what leads back to it is gone");
        assert!(marks.has_behind(1, 8) && !marks.has_behind(1, 7) && !marks.has_behind(2, 8));
    }

    #[test]
    fn a_batch_that_moved_to_another_block_keeps_its_place() {
        let mut marks = marks();
        marks.posted(posted(1, 9, 2));
        assert_eq!(marks.batch(1).map(|mark| (mark.posted.block, mark.from)), Some((9, 10)));
        assert_eq!(marks.ahead(), 1);
    }

    #[test]
    fn what_is_undone_leaves_the_batches_before_it_posted() {
        let mut again = Marks::default();
        for slot in 1..=4 {
            again.begin(B256::with_last_byte(slot), 10 * u64::from(slot));
        }
        // As a log is repeated in which slot 5 is void, and with it that batch 2 was noted behind it.
        marks().posted_before(5).into_iter().for_each(|posted| again.posted(posted));
        assert_eq!((again.last_batch(), again.next_slot(), again.ahead()), (2, 5, 0));
        assert!(marks().posted_before(2).is_empty());
        assert_eq!(marks().posted_before(3), [posted(1, 7, 2)]);
    }

    #[test]
    fn marks_are_read_back_as_they_were_written() {
        let mut out = Writer::default();
        marks().write_to(&mut out);
        let bytes = out.finish();
        let mut input = Reader::new(&bytes);
        assert_eq!(Marks::read_from(&mut input), Ok(marks()));
        assert!(input.is_empty());
        assert!(Marks::read_from(&mut Reader::new(&bytes[..bytes.len() - 1])).is_err());
    }
}
