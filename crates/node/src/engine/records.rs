//! Headers and closing records of recent slots: with a signed checkpoint behind them they show what was ordered, and what
//! was not (P2, P47).

use std::collections::VecDeque;
use weft_types::{SlotHeader, SlotNumber, SlotRecord};

/// Slots that are kept; evidence reaches back a quarter as far.
const KEPT: usize = 1 << 12;

/// The last closed slots, without gaps.
#[derive(Debug, Default)]
pub(crate) struct Records(VecDeque<(SlotHeader, SlotRecord)>);

impl Records {
    /// Takes the next closed slot.
    pub(super) fn push(&mut self, header: SlotHeader, record: SlotRecord) {
        let follows = |last: &(SlotHeader, SlotRecord)| last.0.number.next() == header.number;
        if !self.0.back().is_none_or(follows) {
            // Development helpers go back in time.
            self.0.clear();
        }
        self.0.push_back((header, record));
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// Returns a closed slot.
    pub(crate) fn get(&self, slot: SlotNumber) -> Option<&(SlotHeader, SlotRecord)> {
        let first = self.0.front()?.0.number;
        let index = slot.get().checked_sub(first.get())?;
        self.0.get(usize::try_from(index).ok()?)
    }
}
