//! Both places for tables: what they keep, what they refuse.

use proptest::prelude::*;
use std::{collections::BTreeMap, fs, ops::Bound, path::Path, sync::Arc};
use weft_state::{
    Batch, Database, Durability, Options, StoreError, Table,
    sim::{Fault, SimMedium},
};

const LEFT: Table = Table::new(16, "left");
const RIGHT: Table = Table::new(63, "right");

fn both() -> (Vec<Database>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = Database::open(&directory.path().join("db"), &Options::default()).unwrap();
    (vec![Database::memory(), file], directory)
}

fn put(database: &Database, table: Table, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(table, key, value);
    database.commit(&batch, Durability::Safe).unwrap();
}

#[test]
fn a_batch_spans_tables() {
    let (databases, _directory) = both();
    for database in databases {
        let mut batch = Batch::new();
        batch.put(LEFT, *b"key", *b"one");
        batch.put(RIGHT, *b"key", *b"two");
        batch.delete(RIGHT, *b"nothing");
        assert_eq!(batch.len(), 3);
        assert_eq!(batch.pending(RIGHT, b"nothing"), Some(None));
        database.commit(&batch, Durability::Safe).unwrap();
        let view = database.view().unwrap();
        assert_eq!(view.get(LEFT, b"key").unwrap().unwrap(), b"one");
        assert_eq!(view.get(RIGHT, b"key").unwrap().unwrap(), b"two");
        assert_eq!(view.get(RIGHT, b"nothing").unwrap(), None);
    }
}

#[test]
fn a_view_shows_one_moment() {
    let (databases, _directory) = both();
    for database in databases {
        put(&database, LEFT, b"key", b"old");
        let view = database.view().unwrap();
        put(&database, LEFT, b"key", b"new");
        put(&database, RIGHT, b"key", b"new");
        assert_eq!(view.get(LEFT, b"key").unwrap().unwrap(), b"old");
        assert_eq!(view.get(RIGHT, b"key").unwrap(), None);
        assert_eq!(database.view().unwrap().get(LEFT, b"key").unwrap().unwrap(), b"new");
    }
}

#[test]
fn files_keep_what_was_committed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let database = Database::open(&path, &Options::default()).unwrap();
    put(&database, LEFT, b"key", b"value");
    let mut batch = Batch::new();
    batch.put(LEFT, *b"later", *b"value");
    database.commit(&batch, Durability::Later).unwrap();
    put(&database, RIGHT, b"key", b"value");
    drop(database);
    let view = Database::open(&path, &Options::default()).unwrap().view().unwrap();
    for (table, key) in [(LEFT, b"key".as_slice()), (LEFT, b"later"), (RIGHT, b"key")] {
        assert_eq!(view.get(table, key).unwrap().unwrap(), b"value");
    }
}

#[test]
fn a_crash_falls_back_to_the_last_safe_commit() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("db"), directory.path().join("copy"));
    let database = Database::open(&path, &Options::default()).unwrap();
    for round in 0..20_u8 {
        let mut batch = Batch::new();
        (0..200_u8).for_each(|key| batch.put(LEFT, [key], vec![round; 100]));
        batch.put(RIGHT, *b"round", [round]);
        let is_safe = round % 4 == 0;
        let durability = if is_safe { Durability::Safe } else { Durability::Later };
        database.commit(&batch, durability).unwrap();
        // What a process leaves behind that is killed now.
        fs::copy(&path, &copy).unwrap();
        let view = Database::open(&copy, &Options::default()).unwrap().view().unwrap();
        let safe = round - round % 4;
        assert_eq!(view.get(RIGHT, b"round").unwrap().unwrap(), [safe]);
        for key in 0..200 {
            assert_eq!(view.get(LEFT, &[key]).unwrap().unwrap(), [safe; 100]);
        }
    }
}

#[test]
fn files_of_others_are_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    for content in [&b"redb"[..], b"SQLite format 3\0", &[0; 10_000]] {
        fs::write(&path, content).unwrap();
        let error = Database::open(&path, &Options::default()).unwrap_err();
        assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let error = Database::open(directory.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::NotADatabase { .. } | StoreError::Io(_)), "{error}");
    let error = Database::open(&path.join("missing/db"), &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
}

#[test]
fn other_formats_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let facts = redb::TableDefinition::<&[u8], &[u8]>::new("00");
    let set = |format: Option<u32>| {
        let database = redb::Database::create(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        let mut table = transaction.open_table(facts).unwrap();
        if let Some(format) = format {
            table.insert(b"format".as_slice(), format.to_be_bytes().as_slice()).unwrap();
        }
        drop(table);
        transaction.commit().unwrap();
    };
    set(None);
    let error = Database::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
    set(Some(999));
    let error = Database::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Format { found: 999, expected: 2, .. }), "{error}");
    set(Some(2));
    Database::open(&path, &Options::default()).unwrap();
}

#[test]
fn a_file_has_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let _first = Database::open(&path, &Options::default()).unwrap();
    let error = Database::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
}

#[test]
fn damaged_files_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    put(&Database::open(&path, &Options::default()).unwrap(), LEFT, b"key", b"value");
    let whole = fs::read(&path).unwrap();
    for length in [10, 100, 4096, whole.len() / 2] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Database::open(&path, &Options::default()).is_err(), "{length} bytes");
    }
    let mut flipped = whole;
    flipped[64..320].fill(0xa5);
    fs::write(&path, &flipped).unwrap();
    assert!(Database::open(&path, &Options::default()).is_err());
}

/// Whatever bit a disk flips: what is read is what was written, or an error.
#[test]
fn a_flipped_bit_is_never_read_as_another_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let key = |number: u16| number.to_be_bytes();
    let value = |number: u16| vec![number as u8; 20 + usize::from(number % 50)];
    let mut batch = Batch::new();
    (0..500).for_each(|number| batch.put(LEFT, key(number), value(number)));
    let database = Database::open(&path, &Options::default()).unwrap();
    database.commit(&batch, Durability::Safe).unwrap();
    drop(database);
    let whole = fs::read(&path).unwrap();
    let (mut caught, mut same) = (0, 0);
    // Inside values: where an inner page makes no sense any more the library gives up, which ends a node too.
    let inside =
        |at: &usize| whole[*at] != 0 && whole[at - 8..at + 8].iter().all(|it| *it == whole[*at]);
    for at in (8..whole.len() - 8).filter(inside).step_by(41) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        let (pairs, read) = read_all(&path);
        for (read, found) in pairs {
            // A key that is another one now does not fit its value.
            let number = u16::from_be_bytes(read.try_into().unwrap());
            assert_eq!(found, value(number), "byte {at}, key {number}");
        }
        for (number, found) in (0..).zip(read) {
            match found {
                Ok(Some(found)) => {
                    assert_eq!(found, value(number), "byte {at}, key {number}");
                    same += 1;
                }
                Ok(None) => {}
                Err(error) => {
                    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
                    caught += 1;
                }
            }
        }
    }
    assert!(caught > 50 && same > 10_000, "{caught} {same}");
}

type Pair = (Vec<u8>, Vec<u8>);
type Found = Result<Option<Vec<u8>>, StoreError>;

/// Reads a table from end to end as far as that goes, and 500 keys one by one.
fn read_all(path: &Path) -> (Vec<Pair>, Vec<Found>) {
    let Ok(database) = Database::open(path, &Options::default()) else { return Default::default() };
    let view = database.view().unwrap();
    let pairs = view.range(LEFT, (Bound::Unbounded, Bound::Unbounded)).unwrap();
    let pairs = pairs.map_while(Result::ok).collect();
    (pairs, (0..500_u16).map(|number| view.get(LEFT, &number.to_be_bytes())).collect())
}

fn on(medium: &SimMedium) -> Result<Database, StoreError> {
    Database::open_on(Arc::new(medium.clone()), &Options { cache_bytes: 1 << 16 })
}

/// Writes the same number under many keys, so that halves of a batch show.
fn fill(database: &Database, round: u8, durability: Durability) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    (0..200_u8).for_each(|key| batch.put(LEFT, [key], vec![round; 100 + usize::from(round)]));
    database.commit(&batch, durability)
}

/// Returns the number that all keys have.
fn filled(database: &Database) -> Option<u8> {
    let view = database.view().unwrap();
    let round = view.get(LEFT, &[0]).unwrap().map(|value| value[0]);
    for key in 0..200 {
        assert_eq!(view.get(LEFT, &[key]).unwrap().map(|value| value[0]), round);
    }
    round
}

#[test]
fn no_power_cut_leaves_half_a_batch() {
    for seed in 0..40_usize {
        let mut state = seed;
        let mut chance = |bound: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % bound
        };
        let medium = SimMedium::default();
        let database = on(&medium).unwrap();
        let mut safe = None;
        for round in 0..8_u8 {
            let is_safe = round % 3 == 0;
            let durability = if is_safe { Durability::Safe } else { Durability::Later };
            fill(&database, round, durability).unwrap();
            safe = if is_safe { Some(round) } else { safe };
            assert_eq!(filled(&on(&medium.after_kill()).unwrap()), safe);
            assert_eq!(filled(&on(&medium.after_power_cut(&mut chance)).unwrap()), safe);
        }
    }
}

#[test]
fn a_failed_batch_is_gone_whole_and_nothing_follows_it() {
    for fault in [Fault::Sync, Fault::Torn, Fault::Full(0), Fault::Full(1 << 20)] {
        let medium = SimMedium::default();
        let database = on(&medium).unwrap();
        fill(&database, 1, Durability::Safe).unwrap();
        medium.set_fault(Some(fault));
        let mut large = Batch::new();
        (0..100_u8).for_each(|key| large.put(RIGHT, [key], vec![key; 1 << 16]));
        let error = database.commit(&large, Durability::Safe).unwrap_err();
        assert!(matches!(error, StoreError::Io(_)), "{fault:?}: {error}");
        medium.set_fault(None);
        // What an operating system says after an error proves nothing.
        let error = fill(&database, 2, Durability::Safe).unwrap_err();
        assert!(matches!(error, StoreError::Stopped), "{fault:?}: {error}");
        let left = medium.after_kill();
        drop(database);
        let database = on(&left).unwrap();
        assert_eq!(filled(&database), Some(1), "{fault:?}");
        assert_eq!(database.view().unwrap().get(RIGHT, &[0]).unwrap(), None);
        fill(&database, 2, Durability::Safe).unwrap();
    }
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn ranges_are_those_of_an_ordered_map(
        batches in prop::collection::vec(
            prop::collection::vec((prop::collection::vec(0_u8..4, 0..4), any::<Option<u8>>()), 1..20),
            1..5,
        ),
        bounds in prop::collection::vec(
            (0..3, prop::collection::vec(0_u8..4, 0..4), 0..3, prop::collection::vec(0_u8..4, 0..4)),
            1..20,
        ),
    ) {
        let (databases, _directory) = both();
        for database in databases {
            let mut model = Model::new();
            for writes in &batches {
                let mut batch = Batch::new();
                for (key, value) in writes {
                    match value {
                        Some(value) => {
                            model.insert(key.clone(), vec![*value]);
                            batch.put(LEFT, key.clone(), vec![*value]);
                        }
                        None => {
                            model.remove(key);
                            batch.delete(LEFT, key.clone());
                        }
                    }
                }
                database.commit(&batch, Durability::Later).unwrap();
            }
            let view = database.view().unwrap();
            for (from_kind, from, to_kind, to) in &bounds {
                let span = (bound(*from_kind, from), bound(*to_kind, to));
                let within = |key: &Vec<u8>| std::ops::RangeBounds::<[u8]>::contains(&span, key.as_slice());
                let wanted: Vec<_> = model.clone().into_iter().filter(|(key, _)| within(key)).collect();
                let found: Result<Vec<_>, _> = view.range(LEFT, span).unwrap().collect();
                let back: Result<Vec<_>, _> = view.range(LEFT, span).unwrap().rev().collect();
                prop_assert_eq!(&found.unwrap(), &wanted);
                prop_assert!(back.unwrap().into_iter().eq(wanted.into_iter().rev()));
            }
        }
    }
}

fn bound(kind: i32, key: &[u8]) -> Bound<&[u8]> {
    match kind {
        0 => Bound::Included(key),
        1 => Bound::Excluded(key),
        _ => Bound::Unbounded,
    }
}

#[test]
fn reads_that_fail_are_errors_until_the_file_is_opened_again() {
    let medium = SimMedium::default();
    let mut batch = Batch::new();
    (0..12_u8).for_each(|key| batch.put(LEFT, [key], vec![key; 20_000]));
    on(&medium).unwrap().commit(&batch, Durability::Safe).unwrap();
    let database = on(&medium).unwrap();
    let view = database.view().unwrap();
    view.get(LEFT, &[0]).unwrap();
    medium.set_fault(Some(Fault::Read));
    let error = (1..12).find_map(|key| view.get(LEFT, &[key]).err()).unwrap();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
    medium.set_fault(None);
    assert_eq!(
        on(&medium.after_kill()).unwrap().view().unwrap().get(LEFT, &[7]).unwrap().unwrap(),
        [7; 20_000]
    );
}

#[test]
fn opening_reads_little_of_a_large_file() {
    let medium = SimMedium::default();
    let database = Database::open_on(Arc::new(medium.clone()), &Options::default()).unwrap();
    for round in 0..20_u8 {
        let mut batch = Batch::new();
        (0..50_u8).for_each(|key| batch.put(LEFT, [round, key], vec![key; 20_000]));
        let durability = if round < 18 { Durability::Safe } else { Durability::Later };
        database.commit(&batch, durability).unwrap();
    }
    let killed = medium.after_kill();
    drop(database);
    for medium in [killed, medium.after_kill()] {
        let database = Database::open_on(Arc::new(medium.clone()), &Options::default()).unwrap();
        let view = database.view().unwrap();
        assert_eq!(view.get(LEFT, &[17, 49]).unwrap().unwrap(), [49; 20_000]);
        let read = medium.bytes_read();
        assert!(read < 2_000_000, "{read} bytes were read");
    }
}
