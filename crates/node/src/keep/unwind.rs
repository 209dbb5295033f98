//! The way back: what each batch of the database overwrote, for as long as L1 may take back what it rests on (P48).

use super::{
    codec::Keep as _,
    moment::Moment,
    tables::{
        BATCHED, BLOCK_NUMBERS, BLOCKS, BLOOMS, BUNDLES, COMMITMENTS, ELEMENTS, ESCROW, FACTS,
        HEADS, MOMENT, NOTICES, OUTCOMES, PLACES, RECENT, REWOUND, RUNS, SLOTS, UNDO, WAITING,
    },
};
use crate::engine::L1;
use std::{collections::VecDeque, ops::Bound};
use weft_state::{Batch, Database, Durability, Pair, Read, StoreError, Table, under};

/// What is said about the order of slots stands whatever L1 does.
const LEFT_OUT: [Table; 5] = [COMMITMENTS, ELEMENTS, NOTICES, BUNDLES, UNDO];

/// Tables of the node that a batch may bring back.
const OWN: [Table; 13] = [
    FACTS,
    BLOCKS,
    BLOCK_NUMBERS,
    PLACES,
    BLOOMS,
    OUTCOMES,
    SLOTS,
    RECENT,
    ESCROW,
    HEADS,
    WAITING,
    RUNS,
    BATCHED,
];

/// Bytes of a row before the batch.
const HEAD_BYTES: usize = 16;

/// A row to be written: the way back over one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UndoRow {
    /// Rows are numbered in the order of their batches.
    number: u64,
    /// Last record of the log before the batch.
    before: u64,
    /// Last record of the log after it.
    after: u64,
}

impl UndoRow {
    /// Adds to a batch the way back over it; `view` shows what it overwrites.
    pub(super) fn add_to(self, batch: &mut Batch, view: &dyn Read) -> Result<(), StoreError> {
        let inverse = batch.inverse(view, &LEFT_OUT)?;
        let head = [self.before.to_be_bytes(), self.after.to_be_bytes()].concat();
        let row = [head, inverse.to_bytes()].concat();
        batch.put(UNDO, self.number.to_be_bytes(), row);
        Ok(())
    }

    fn read(key: &[u8], row: &[u8]) -> Result<Self, StoreError> {
        let number = |bytes: Option<&[u8]>| {
            let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
            bytes.map(u64::from_be_bytes).ok_or_else(corrupt)
        };
        Ok(Self {
            number: number(Some(key))?,
            before: number(row.get(..8))?,
            after: number(row.get(8..HEAD_BYTES))?,
        })
    }
}

/// Rows that are in the database or on their way.
#[derive(Debug, Default)]
pub(crate) struct Undos {
    rows: VecDeque<UndoRow>,
    next: u64,
    /// Last record that the last batch covers.
    last: u64,
}

impl Undos {
    /// Reads the rows of a database whose last batch covers record `last`.
    pub(crate) fn read(view: &dyn Read, last: u64) -> Result<Self, StoreError> {
        let rows = under(view, UNDO, &[])?;
        let rows = rows.iter().map(|(key, row)| UndoRow::read(key, row));
        let rows = rows.collect::<Result<VecDeque<_>, _>>()?;
        let next = rows.back().map_or(0, |row| row.number + 1);
        Ok(Self { rows, next, last })
    }

    /// Returns the row of the batch that covers everything up to record `after`, when L1 may yet change something from
    /// record `first` on; rows that nobody needs any more go.
    pub(crate) fn next(
        &mut self,
        after: u64,
        first: Option<u64>,
        news: &mut Batch,
    ) -> Option<UndoRow> {
        let is_over = |row: &mut UndoRow| first.is_none_or(|first| row.after < first);
        while let Some(row) = self.rows.pop_front_if(is_over) {
            news.delete(UNDO, row.number.to_be_bytes());
        }
        let before = std::mem::replace(&mut self.last, after);
        first?;
        let row = UndoRow { number: self.next, before, after };
        self.next += 1;
        self.rows.push_back(row);
        Some(row)
    }

    /// Returns the first record that has to be repeated when everything is taken back that can be.
    pub(crate) fn first_record(&self) -> Option<u64> {
        self.rows.front().map(|row| row.before + 1)
    }
}

/// Returns up to which record of the log the database stands, L1 there, and the last record behind which it was rewound.
pub(crate) fn stands(database: &Database) -> Result<(u64, L1, u64), StoreError> {
    let view = database.view()?;
    let moment = view.get(FACTS, MOMENT)?;
    let moment = moment.map(|bytes| Moment::from_bytes(&bytes)).transpose()?;
    let rewound = view.get(FACTS, REWOUND)?;
    let rewound = rewound.map(|bytes| u64::from_bytes(&bytes)).transpose()?.unwrap_or_default();
    Ok(match moment {
        Some(moment) => (moment.sequence, moment.l1.unwrap_or_default(), rewound),
        None => (0, L1::default(), rewound),
    })
}

/// Takes a database back to where it stood before record `first`, because of record `because`. Killed at any point it is
/// where some batch left it, and is asked to again.
pub(crate) fn unwind(database: &Database, first: u64, because: u64) -> Result<(), StoreError> {
    while stands(database)?.0 >= first {
        let Some((key, row)) = last_row(&*database.view()?)? else {
            let why = format!("nothing leads back to before record {first}");
            return Err(StoreError::Corrupt(why));
        };
        let mut batch = Batch::from_bytes(row.get(HEAD_BYTES..).ok_or_else(corrupt)?, &OWN)?;
        batch.delete(UNDO, key);
        database.commit(&batch, Durability::Later)?;
    }
    let mut batch = Batch::new();
    batch.put(FACTS, REWOUND, because.to_bytes());
    database.commit(&batch, Durability::Safe)
}

fn last_row(view: &dyn Read) -> Result<Option<Pair>, StoreError> {
    view.range(UNDO, (Bound::Unbounded, Bound::Unbounded))?.next_back().transpose()
}

fn corrupt() -> StoreError {
    StoreError::Corrupt("the way back over a batch".to_owned())
}
