//! Tables in a file.

use crate::{
    batch::Batch,
    database::{Durability, Options, Store},
    error::StoreError,
    medium::{Backend, Medium},
    read::{Pairs, Read, Span, is_void},
    table::{META, TABLES, Table},
};
use redb::{
    DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase, TableDefinition, TableError,
};
use std::{
    fmt, fs,
    io::{self, Read as _},
    path::Path,
    sync::{Arc, OnceLock},
};

/// Format of the file, in the table of facts under [`FORMAT_KEY`], which alone has no checksum.
const FORMAT: u32 = 2;
const FORMAT_KEY: &[u8] = b"format";
/// What a redb file begins with.
const MAGIC: [u8; 9] = *b"redb\x1a\x0a\xa9\x0d\x0a";

/// Name of each table in the file.
const NAMES: [&str; TABLES] = [
    "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15",
    "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
    "32", "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47",
    "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63",
];

/// Bytes of the checksum behind each value.
const CHECKSUM: usize = size_of::<u32>();

/// Returns the checksum of a value in its place: a byte that a disk flipped, or a value under another key, does not match.
fn checksum(table: Table, key: &[u8], value: &[u8]) -> [u8; CHECKSUM] {
    let begin = crc32c::crc32c(&[table.id()]);
    let begin = crc32c::crc32c_append(begin, &(key.len() as u64).to_be_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(begin, key), value).to_be_bytes()
}

/// Returns a value as it was written.
fn checked(table: Table, key: &[u8], stored: &[u8]) -> Result<Vec<u8>, StoreError> {
    let (value, found) = stored.split_last_chunk::<CHECKSUM>().unwrap_or((&[], &[0; CHECKSUM]));
    if *found != checksum(table, key, value) {
        let name = table.name();
        return Err(StoreError::Corrupt(format!("a value of {name} does not match its checksum")));
    }
    Ok(value.to_vec())
}

const fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(NAMES[table.index()])
}

/// A redb file.
#[derive(Debug)]
pub(crate) struct FileStore {
    database: Arc<redb::Database>,
}

impl FileStore {
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let is_new = check_magic(path)?;
        let opened = redb::Builder::new().set_cache_size(options.cache_bytes).create(path);
        Self::begin(path, is_new, opened)
    }

    pub(crate) fn open_on(medium: Arc<dyn Medium>, options: &Options) -> Result<Self, StoreError> {
        let path = Path::new("the medium");
        let is_new = medium.size()? == 0;
        let mut builder = redb::Builder::new();
        let opened =
            builder.set_cache_size(options.cache_bytes).create_with_backend(Backend(medium));
        Self::begin(path, is_new, opened)
    }

    fn begin(
        path: &Path,
        is_new: bool,
        opened: Result<redb::Database, DatabaseError>,
    ) -> Result<Self, StoreError> {
        let database = opened.map_err(|error| open_error(path, error))?;
        let store = Self { database: Arc::new(database) };
        // A crash during creation leaves a file without tables.
        if is_new || store.is_blank()? {
            store.write_format().map_err(failed)?;
        } else {
            store.check_format(path)?;
        }
        Ok(store)
    }

    fn is_blank(&self) -> Result<bool, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        Ok(transaction.list_tables().map_err(failed)?.next().is_none())
    }

    fn check_format(&self, path: &Path) -> Result<(), StoreError> {
        match self.format()? {
            Some(FORMAT) => Ok(()),
            Some(found) => {
                Err(StoreError::Format { path: path.to_owned(), found, expected: FORMAT })
            }
            None => Err(not_ours(path, "it names no format")),
        }
    }

    fn format(&self) -> Result<Option<u32>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let facts = match transaction.open_table(definition(META)) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            facts => facts.map_err(failed)?,
        };
        let found = facts.get(FORMAT_KEY).map_err(failed)?;
        Ok(found.and_then(|bytes| bytes.value().try_into().ok()).map(u32::from_be_bytes))
    }

    fn write_format(&self) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        let format = FORMAT.to_be_bytes();
        drop(transaction.open_table(definition(META))?.insert(FORMAT_KEY, format.as_slice())?);
        Ok(transaction.commit()?)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        match durability {
            // Opening after a crash must not read the whole file, which is what redb does otherwise.
            Durability::Safe => transaction.set_quick_repair(true),
            Durability::Later => transaction.set_durability(redb::Durability::None)?,
        }
        let mut stored = Vec::new();
        for (table, writes) in batch.tables() {
            let mut open = transaction.open_table(definition(table))?;
            for (key, value) in writes {
                match value {
                    Some(value) => {
                        stored.clear();
                        stored.extend_from_slice(value);
                        stored.extend_from_slice(&checksum(table, key, value));
                        drop(open.insert(key.as_slice(), stored.as_slice())?);
                    }
                    None => drop(open.remove(key.as_slice())?),
                }
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Store for FileStore {
    fn view(&self) -> Result<Arc<dyn Read>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let tables = [const { OnceLock::new() }; TABLES];
        Ok(Arc::new(FileView { transaction, tables, _database: self.database.clone() }))
    }

    fn commit(&self, batch: &Batch, durability: Durability) -> Result<(), StoreError> {
        self.write(batch, durability).map_err(failed)
    }
}

type OpenTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The file at one moment.
struct FileView {
    transaction: ReadTransaction,
    /// Tables that were read; `None` for those that do not exist.
    tables: [OnceLock<Option<OpenTable>>; TABLES],
    /// Transactions end with their database.
    _database: Arc<redb::Database>,
}

impl fmt::Debug for FileView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileView").finish_non_exhaustive()
    }
}

impl FileView {
    fn table(&self, table: Table) -> Result<Option<&OpenTable>, StoreError> {
        let cell = &self.tables[table.index()];
        if cell.get().is_none() {
            let opened = match self.transaction.open_table(definition(table)) {
                Ok(opened) => Some(opened),
                Err(TableError::TableDoesNotExist(_)) => None,
                Err(error) => return Err(failed(error)),
            };
            // Another thread may have been faster with the same table.
            let _ = cell.set(opened);
        }
        Ok(cell.get().and_then(Option::as_ref))
    }
}

impl Read for FileView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(open) = self.table(table)? else { return Ok(None) };
        let found = open.get(key).map_err(failed)?;
        found.map(|stored| checked(table, key, stored.value())).transpose()
    }

    fn range<'a>(&'a self, table: Table, span: Span<'a>) -> Result<Pairs<'a>, StoreError> {
        let open = self.table(table)?.filter(|_| !is_void(&span));
        let Some(open) = open else { return Ok(Box::new(std::iter::empty())) };
        let pairs = open.range::<&[u8]>(span).map_err(failed)?;
        // The name of the format is no value of anybody.
        let pairs = pairs.filter(
            move |pair| !matches!(pair, Ok((key, _)) if table == META && key.value() == FORMAT_KEY),
        );
        Ok(Box::new(pairs.map(move |pair| {
            let (key, stored) = pair.map_err(failed)?;
            Ok((key.value().to_vec(), checked(table, key.value(), stored.value())?))
        })))
    }
}

/// Refuses a file of another program before redb looks at it; returns true when there is none yet.
fn check_magic(path: &Path) -> Result<bool, StoreError> {
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    if file.metadata()?.is_dir() {
        return Err(not_ours(path, "it is a directory"));
    }
    let mut begin = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut begin)?;
    match begin.as_slice() {
        [] => Ok(true),
        found if found == MAGIC => Ok(false),
        _ => Err(not_ours(path, "it begins otherwise")),
    }
}

fn not_ours(path: &Path, why: &str) -> StoreError {
    StoreError::NotADatabase { path: path.to_owned(), why: why.to_owned() }
}

fn open_error(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
        DatabaseError::UpgradeRequired(version) => {
            not_ours(path, &format!("its file format {version} is too old"))
        }
        other => failed(other),
    }
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => error.into(),
        redb::Error::PreviousIo | redb::Error::DatabaseClosed | redb::Error::LockPoisoned(_) => {
            StoreError::Stopped
        }
        redb::Error::Corrupted(why) => StoreError::Corrupt(why),
        other => StoreError::Corrupt(other.to_string()),
    }
}
