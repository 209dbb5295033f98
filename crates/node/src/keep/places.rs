//! Where transactions stand: by hash, in sorted runs.
//!
//! Hashes arrive in no order. A tree of single keys rewrites a page for nearly each of them; here a batch writes its
//! own transactions as one sorted run, and runs of the same level become one of the next (ADR 0017). A run is cut into
//! rows, so that a look into it reads one.

use super::{
    codec::Keep,
    tables::{self, PLACES, RUNS},
};
use alloy_primitives::B256;
use std::ops::Bound;
use weft_state::{Batch, Read, StoreError};
use weft_types::{
    NetworkId,
    codec::{CodecError, Reader, Writer},
};

/// Bytes of a hash that an entry holds; the block tells whether it was the one.
const PREFIX: usize = 16;
/// Bytes of an entry: prefix, number of the block, index in it.
const ENTRY: usize = PREFIX + 5 + 3;
/// Entries of a row, which fills a page of the file.
const ROW: usize = 160;
/// Runs of a level that become one of the next.
const FAN: usize = 8;
/// Most entries of a run that was made of others: about 50 MB.
const MAX_ENTRIES: u64 = 1 << 21;

type Entry = [u8; ENTRY];

/// A sorted run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    number: u64,
    level: u8,
    entries: u64,
}

impl Keep for Run {
    fn write_to(&self, out: &mut Writer) {
        out.u64(self.number).u8(self.level).u64(self.entries);
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { number: input.u64()?, level: input.u8()?, entries: input.u64()? })
    }
}

/// A transaction and where it stands: number of the block, index in it.
pub(super) type Place<'a> = (&'a B256, u64, usize);

/// Puts into `batch` where more transactions of a rollup stand. `view` shows what all batches before wrote.
pub(super) fn add<'a>(
    view: &dyn Read,
    batch: &mut Batch,
    network: NetworkId,
    places: impl Iterator<Item = Place<'a>>,
) -> Result<(), StoreError> {
    let mut entries: Vec<Entry> = places.map(entry).collect();
    if entries.is_empty() {
        return Ok(());
    }
    entries.sort_unstable();
    let mut runs = runs(view, network)?;
    let number = runs.iter().map(|run| run.number + 1).max().unwrap_or_default();
    let mut level = 0;
    while let Some(same) = full(&runs, level, entries.len() as u64) {
        for run in same {
            take(view, batch, network, run, &mut entries)?;
        }
        // Each part is sorted already, which this sort makes use of.
        entries.sort();
        runs.retain(|run| run.level != level);
        level += 1;
    }
    put(batch, network, number, &entries);
    runs.push(Run { number, level, entries: entries.len() as u64 });
    batch.put(RUNS, tables::network(network), runs.to_bytes());
    Ok(())
}

/// Returns where the transactions stand whose hashes begin like `hash`, the last ones first.
pub(super) fn find(
    view: &dyn Read,
    network: NetworkId,
    hash: &B256,
) -> Result<Vec<(u64, usize)>, StoreError> {
    let prefix = &hash[..PREFIX];
    let mut found = Vec::new();
    for run in runs(view, network)?.iter().rev() {
        read_rows(view, network, run.number, prefix, |row| {
            let like = row.iter().filter(|entry| entry.starts_with(prefix));
            found.extend(like.map(place));
            row.last().is_some_and(|last| last.starts_with(prefix))
        })?;
    }
    // Runs are in the order of levels rather than of time.
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found)
}

fn runs(view: &dyn Read, network: NetworkId) -> Result<Vec<Run>, StoreError> {
    let bytes = view.get(RUNS, &tables::network(network))?;
    bytes.map_or(Ok(Vec::new()), |bytes| Vec::from_bytes(&bytes))
}

/// Returns the runs of a level that become one with `more` entries; `None` while they stay as they are.
fn full(runs: &[Run], level: u8, more: u64) -> Option<Vec<Run>> {
    let same: Vec<_> = runs.iter().filter(|run| run.level == level).copied().collect();
    let sum = same.iter().map(|run| run.entries).sum::<u64>() + more;
    (same.len() + 1 >= FAN && sum <= MAX_ENTRIES).then_some(same)
}

/// Takes the entries of a run, which is no more then.
fn take(
    view: &dyn Read,
    batch: &mut Batch,
    network: NetworkId,
    run: Run,
    entries: &mut Vec<Entry>,
) -> Result<(), StoreError> {
    let before = entries.len();
    read_rows(view, network, run.number, &[], |row| {
        batch.delete(PLACES, key(network, run.number, &row));
        entries.extend(row);
        true
    })?;
    if (entries.len() - before) as u64 != run.entries {
        return Err(StoreError::Corrupt(format!("run {} of transactions", run.number)));
    }
    Ok(())
}

fn put(batch: &mut Batch, network: NetworkId, run: u64, entries: &[Entry]) {
    for row in entries.chunks(ROW) {
        batch.put(PLACES, key(network, run, row), row.as_flattened());
    }
}

/// A row stands at its last prefix: the first row from a prefix on is the one that has it.
fn key(network: NetworkId, run: u64, row: &[Entry]) -> Vec<u8> {
    let last = row.last().map_or(&[][..], |entry| &entry[..]);
    tables::row(network, run, last)
}

/// Shows the rows of a run from the one that may hold a prefix, while `is_on` says so.
fn read_rows(
    view: &dyn Read,
    network: NetworkId,
    run: u64,
    prefix: &[u8],
    mut is_on: impl FnMut(Vec<Entry>) -> bool,
) -> Result<(), StoreError> {
    let (from, to) = (tables::row(network, run, prefix), tables::row(network, run + 1, &[]));
    let span = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
    for pair in view.range(PLACES, span)? {
        if !is_on(read_row(&pair?.1)?) {
            break;
        }
    }
    Ok(())
}

fn read_row(bytes: &[u8]) -> Result<Vec<Entry>, StoreError> {
    let (entries, rest) = bytes.as_chunks();
    match (entries, rest) {
        ([_, ..], []) => Ok(entries.to_vec()),
        _ => Err(StoreError::Corrupt("a row of transactions".to_owned())),
    }
}

fn entry((hash, number, index): Place<'_>) -> Entry {
    let mut entry = [0; ENTRY];
    entry[..PREFIX].copy_from_slice(&hash[..PREFIX]);
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    assert!(number >> 40 == 0 && index >> 24 == 0, "blocks and their transactions are numbered");
    entry[PREFIX..].copy_from_slice(&(number << 24 | index).to_be_bytes());
    entry
}

fn place(entry: &Entry) -> (u64, usize) {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&entry[PREFIX..]);
    let place = u64::from_be_bytes(bytes);
    // Never over 2^24.
    (place >> 24, (place & 0xff_ffff) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_state::{Database, Durability};

    const NETWORK: NetworkId = NetworkId::new(901);
    const OTHER: NetworkId = NetworkId::new(902);

    fn hash(number: u64, index: usize) -> B256 {
        alloy_primitives::keccak256((number, index as u64).to_bytes())
    }

    fn keep(database: &Database, network: NetworkId, number: u64, count: usize) {
        let hashes: Vec<_> = (0..count).map(|index| hash(number, index)).collect();
        let places = hashes.iter().enumerate().map(|(index, hash)| (hash, number, index));
        let mut batch = Batch::new();
        add(&*database.view().unwrap(), &mut batch, network, places).unwrap();
        database.commit(&batch, Durability::Later).unwrap();
    }

    #[test]
    fn every_transaction_is_found_where_it_stands_and_no_other() {
        let database = Database::memory();
        // Sizes on both sides of a row, and enough batches for two levels.
        let counts = [1, 7, ROW - 1, ROW, ROW + 1, 0, 2 * ROW];
        let count = |number: u64| counts[number as usize % counts.len()];
        for number in 0..150 {
            keep(&database, NETWORK, number, count(number));
            keep(&database, OTHER, number, 1);
        }
        let view = database.view().unwrap();
        for number in 0..150 {
            for index in 0..count(number) {
                let found = find(&*view, NETWORK, &hash(number, index)).unwrap();
                assert_eq!(found, [(number, index)]);
            }
            assert_eq!(find(&*view, NETWORK, &hash(number, 5000)).unwrap(), []);
        }
        let runs = runs(&*view, NETWORK).unwrap();
        assert!(runs.len() < 3 * FAN && runs.iter().any(|run| run.level == 2), "{runs:?}");
        let rows = weft_state::under(&*view, PLACES, &tables::network(NETWORK)).unwrap();
        let kept: usize = rows.iter().map(|(_, row)| row.len() / ENTRY).sum();
        assert_eq!(kept, (0..150).map(count).sum::<usize>(), "what became another run is gone");
    }

    #[test]
    fn hashes_that_begin_alike_are_all_found() {
        let database = Database::memory();
        let alike: Vec<B256> = (0..2 * ROW as u16)
            .map(|end| {
                let mut hash = B256::repeat_byte(7);
                hash[30..].copy_from_slice(&end.to_be_bytes());
                hash
            })
            .collect();
        let mut batch = Batch::new();
        let places = alike.iter().enumerate().map(|(index, hash)| (hash, 3, index));
        add(&*database.view().unwrap(), &mut batch, NETWORK, places).unwrap();
        database.commit(&batch, Durability::Later).unwrap();
        let found = find(&*database.view().unwrap(), NETWORK, &alike[0]).unwrap();
        assert_eq!(found.len(), alike.len());
        assert_eq!(found[0], (3, alike.len() - 1), "the last one first");
    }

    #[test]
    fn large_runs_stay_as_they_are() {
        let run = |number, entries| Run { number, level: 4, entries };
        let runs: Vec<_> = (0..9).map(|number| run(number, MAX_ENTRIES / 4)).collect();
        assert_eq!(full(&runs, 4, 1), None);
        assert_eq!(full(&runs[..6], 3, 1), None);
        let small: Vec<_> = (0..7).map(|number| run(number, 5)).collect();
        assert_eq!(full(&small, 4, 1).map(|runs| runs.len()), Some(7));
    }

    #[test]
    fn damaged_rows_are_errors() {
        let database = Database::memory();
        keep(&database, NETWORK, 1, 3);
        let [(key, row)] = &weft_state::under(&*database.view().unwrap(), PLACES, &[]).unwrap()[..]
        else {
            panic!("one row")
        };
        for damaged in [&row[..row.len() - 1], &[]] {
            let mut batch = Batch::new();
            batch.put(PLACES, key.clone(), damaged);
            database.commit(&batch, Durability::Later).unwrap();
            let found = find(&*database.view().unwrap(), NETWORK, &hash(1, 0));
            assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
        }
        let mut batch = Batch::new();
        batch.put(PLACES, key.clone(), &row[..ENTRY]);
        database.commit(&batch, Durability::Later).unwrap();
        let mut entries = Vec::new();
        let run = Run { number: 0, level: 0, entries: 3 };
        let view = database.view().unwrap();
        let taken = take(&*view, &mut Batch::new(), NETWORK, run, &mut entries);
        assert!(matches!(taken, Err(StoreError::Corrupt(_))), "a run without all of its entries");
    }
}
