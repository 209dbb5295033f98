//! The last closed slots, as they go into batches: for whoever follows before L1 holds them.

use std::{collections::VecDeque, sync::Arc};

/// Most slots.
const MAX_SLOTS: usize = 1 << 12;
/// Most bytes of their rows.
const MAX_BYTES: usize = 16 << 20;

/// Rows of the last closed slots, without gaps.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// Number of the first one.
    first: u64,
    rows: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

impl Shelf {
    /// Takes the next closed slot.
    pub(super) fn push(&mut self, number: u64, row: &[u8]) {
        if number != self.first + self.rows.len() as u64 {
            // Batches begin behind those of an earlier run.
            *self = Self { first: number, ..Self::default() };
        }
        self.bytes += row.len();
        self.rows.push_back(row.into());
        while self.rows.len() > MAX_SLOTS || self.bytes > MAX_BYTES && self.rows.len() > 1 {
            let oldest = self.rows.pop_front();
            self.bytes -= oldest.map_or(0, |row| row.len());
            self.first += 1;
        }
    }

    /// Returns up to so many slots from one on, and the number of the first of them: a later one when that is not here any more.
    pub(super) fn from(&self, slot: u64, most: usize) -> (u64, Vec<Arc<[u8]>>) {
        let first = slot.max(self.first);
        let skipped = usize::try_from(first - self.first).unwrap_or(usize::MAX);
        (first, self.rows.iter().skip(skipped).take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_slots_stay_within_their_bounds_and_without_gaps() {
        let mut shelf = Shelf::default();
        (1..=MAX_SLOTS as u64 + 3).for_each(|number| shelf.push(number, &[number as u8]));
        let (first, rows) = shelf.from(1, 2);
        assert_eq!((first, rows.len(), rows[0][0]), (4, 2, 4), "the oldest made room");
        assert_eq!(
            shelf.from(MAX_SLOTS as u64 + 4, 2).1.len(),
            0,
            "nothing is behind the last one"
        );
        assert_eq!(shelf.from(u64::MAX, 2).1.len(), 0);
        shelf.push(9_000, &vec![0; MAX_BYTES + 1]);
        assert_eq!(
            (shelf.from(1, 9).0, shelf.from(1, 9).1.len()),
            (9_000, 1),
            "no gap, and one stays"
        );
        shelf.push(9_001, &[1]);
        assert_eq!((shelf.from(1, 9).0, shelf.bytes), (9_001, 1));
    }
}
