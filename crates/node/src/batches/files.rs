//! A directory of batches: enough to derive everything again.

use super::{
    compress::Brotli,
    recorder::{BatchSink, LastBatch},
};
use alloy_primitives::B256;
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use thiserror::Error;
use weft_batch::{Compress, InvalidPayload, RealmConfig, SignedBatch, blobs, payload};
use weft_derive::ForcedBatch;
use weft_types::{Decode as _, Domain, Encode as _, SlotNumber, codec::CodecError};

/// Name of the file that says what the realm is made of.
const REALM: &str = "realm.weft";
/// Most bytes of a file that is read.
const MAX_FILE: u64 = 64 << 20;

/// Why a directory of batches is of no use.
#[derive(Debug, Error)]
pub enum BatchFileError {
    /// A file cannot be read or written.
    #[error("{path}")]
    File {
        /// File.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// A file is too long for what it should be.
    #[error("{path} has {found} bytes, over {MAX_FILE}")]
    TooLong {
        /// File.
        path: PathBuf,
        /// Its bytes.
        found: u64,
    },
    /// A file is not what it should be.
    #[error("{path}")]
    Codec {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// Nobody signed the batch: what it leads to stands on L1 alone.
    #[error("batch {0} is an inbox-only one, which `weft verify --l1` derives")]
    Forced(u64),
    /// A payload is none.
    #[error("{path}")]
    Payload {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: InvalidPayload,
    },
}

/// Name of the file that says on which blocks of L1 the batches rest.
const L1: &str = "l1.txt";

/// On which blocks of L1 batches rest, by number and hash, as far as L1 may take them back (P48).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestsOn {
    /// L1 has to have these.
    pub on: Vec<(u64, B256)>,
    /// L1 must not have these.
    pub not_on: Vec<(u64, B256)>,
}

impl RestsOn {
    /// Returns a line for each: a sign, the number, the hash.
    fn text(&self) -> String {
        let line = |sign: &str, (number, hash): &(u64, B256)| format!("{sign} {number} {hash}\n");
        let on = self.on.iter().map(|block| line("+", block));
        on.chain(self.not_on.iter().map(|block| line("-", block))).collect()
    }

    fn read(text: &str) -> Option<Self> {
        let mut rests = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (sign, number, hash) = (words.next()?, words.next()?, words.next()?);
            let block = (number.parse().ok()?, hash.parse().ok()?);
            match (sign, words.next()) {
                ("+", None) => rests.on.push(block),
                ("-", None) => rests.not_on.push(block),
                _ => return None,
            }
        }
        Some(rests)
    }
}

/// A directory of batches.
#[derive(Debug, Clone)]
pub struct BatchDir(PathBuf);

impl BatchDir {
    /// Makes a directory for batches, which must not exist or be empty.
    ///
    /// # Errors
    ///
    /// [`BatchFileError::File`].
    pub fn create(path: &Path) -> Result<Self, BatchFileError> {
        let failed = |source| BatchFileError::File { path: path.into(), source };
        fs::create_dir_all(path).map_err(failed)?;
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(failed(io::Error::other("it is not empty")));
        }
        Ok(Self(path.into()))
    }

    /// Opens a directory of batches.
    pub fn open(path: &Path) -> Self {
        Self(path.into())
    }

    /// Returns the path of batch `number`, from 1.
    pub fn path_of(&self, number: u64) -> PathBuf {
        self.0.join(format!("batch-{number:08}.weft"))
    }

    /// Returns the number of batches.
    pub fn count(&self) -> u64 {
        let is_there =
            |number: &u64| self.path_of(*number).exists() || self.path_of_forced(*number).exists();
        (1..).take_while(is_there).count() as u64
    }

    /// Returns the path of what L1 says of batch `number`, when that is an inbox-only one.
    fn path_of_forced(&self, number: u64) -> PathBuf {
        self.0.join(format!("batch-{number:08}.l1.txt"))
    }

    /// Reads what L1 says of batch `number`, when that is an inbox-only one.
    ///
    /// # Errors
    ///
    /// [`BatchFileError`].
    pub fn forced(&self, number: u64) -> Result<Option<ForcedBatch>, BatchFileError> {
        let path = self.path_of_forced(number);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = read(&path)?;
        let forced = std::str::from_utf8(&bytes).ok().and_then(|text| read_forced(number, text));
        let source = CodecError::NotCanonical("a line about an inbox-only batch");
        forced.map(Some).ok_or(BatchFileError::Codec { path, source })
    }

    /// Keeps what L1 says of an inbox-only batch.
    pub(crate) fn keep_forced(&self, forced: &ForcedBatch) -> io::Result<()> {
        let ForcedBatch { slot, inbox_cursor, unix_ms, hash, .. } = forced;
        let line = format!("{slot} {inbox_cursor} {unix_ms} {hash}\n");
        self.write(&self.path_of_forced(forced.number), line.as_bytes())
    }

    /// Returns the last batch, whoever posted it.
    pub(crate) fn last(&self, domain: &Domain) -> Result<Option<LastBatch>, BatchFileError> {
        let number = self.count();
        if let Some(ForcedBatch { slot, inbox_cursor, hash, .. }) = self.forced(number)? {
            return Ok(Some(LastBatch { number, hash, slot, inbox_cursor }));
        }
        let signed = if number == 0 { None } else { self.batch(number)? };
        Ok(signed.map(|SignedBatch { batch, .. }| LastBatch {
            number,
            hash: batch.hash(domain),
            slot: batch.last(),
            inbox_cursor: batch.inbox_cursor,
        }))
    }

    /// Reads what the realm is made of.
    ///
    /// # Errors
    ///
    /// [`BatchFileError`].
    pub fn realm(&self) -> Result<RealmConfig, BatchFileError> {
        let path = self.0.join(REALM);
        let bytes = read(&path)?;
        RealmConfig::decode(&bytes).map_err(|source| BatchFileError::Codec { path, source })
    }

    /// Reads the payload of batch `number`, from 1; nothing when there is none.
    ///
    /// # Errors
    ///
    /// [`BatchFileError`].
    pub fn payload(&self, number: u64) -> Result<Option<Vec<u8>>, BatchFileError> {
        let path = self.path_of(number);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }

    /// Reads batch `number`, from 1; nothing when there is none.
    ///
    /// # Errors
    ///
    /// [`BatchFileError`].
    pub fn batch(&self, number: u64) -> Result<Option<SignedBatch>, BatchFileError> {
        let path = self.path_of(number);
        let Some(bytes) = self.payload(number)? else {
            return match self.path_of_forced(number).exists() {
                true => Err(BatchFileError::Forced(number)),
                false => Ok(None),
            };
        };
        let encoding = payload::unpack(&bytes);
        let encoding =
            encoding.map_err(|source| BatchFileError::Payload { path: path.clone(), source })?;
        let batch = SignedBatch::decode(&encoding);
        batch.map(Some).map_err(|source| BatchFileError::Codec { path, source })
    }

    /// Returns on which blocks of L1 the batches rest. Whoever reads it before and after a batch and finds the same knows that
    /// it holds for that batch.
    ///
    /// # Errors
    ///
    /// [`BatchFileError`].
    pub fn rests(&self) -> Result<RestsOn, BatchFileError> {
        let path = self.0.join(L1);
        if !path.exists() {
            return Ok(RestsOn::default());
        }
        let bytes = read(&path)?;
        let rests = std::str::from_utf8(&bytes).ok().and_then(RestsOn::read);
        let source = CodecError::NotCanonical("a line of blocks of L1");
        rests.ok_or(BatchFileError::Codec { path, source })
    }

    /// Says on which blocks of L1 the batches rest, unless that is there already.
    pub(crate) fn rest_on(&self, rests: &RestsOn) -> io::Result<()> {
        if self.rests().is_ok_and(|known| known == *rests) {
            return Ok(());
        }
        self.write(&self.0.join(L1), rests.text().as_bytes())
    }

    /// Tells whether it is said what the realm is made of.
    pub(crate) fn has_realm(&self) -> bool {
        self.0.join(REALM).exists()
    }

    /// Says what the realm is made of.
    pub(crate) fn realm_written(&self, config: &RealmConfig) -> io::Result<()> {
        self.write(&self.0.join(REALM), &config.encode())
    }

    /// Writes a batch; one whose payload fits no transaction is refused.
    pub(crate) fn keep(&self, batch: &SignedBatch, with: &mut impl Compress) -> io::Result<()> {
        let bytes = payload::pack(&batch.encode(), with).map_err(io::Error::other)?;
        if blobs::count(bytes.len()) > blobs::MAX_BLOBS {
            let why = format!("batch {} has {} bytes", batch.batch.number, bytes.len());
            return Err(io::Error::other(why));
        }
        self.write(&self.path_of(batch.batch.number), &bytes)
    }

    /// Removes the batches with slot `first` or a later one, the last one first: what they say is not so any more.
    pub(crate) fn forget_from(&self, first: u64) -> Result<(), BatchFileError> {
        for number in (1..=self.count()).rev() {
            let forced = self.forced(number)?;
            let (path, last) = match forced {
                Some(forced) => (self.path_of_forced(number), Some(forced.slot)),
                None => (self.path_of(number), self.batch(number)?.map(|it| it.batch.last())),
            };
            if last.is_none_or(|last| last.get() < first) {
                break;
            }
            let failed = |source| BatchFileError::File { path: path.clone(), source };
            fs::remove_file(&path).map_err(failed)?;
            fs::File::open(&self.0).and_then(|dir| dir.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// Keeps the payload of a batch as L1 has it.
    pub(crate) fn keep_payload(&self, number: u64, payload: &[u8]) -> io::Result<()> {
        self.write(&self.path_of(number), payload)
    }

    /// Writes a file whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let part = path.with_extension("part");
        let mut file = fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        fs::File::open(&self.0)?.sync_all()
    }
}

fn read_forced(number: u64, text: &str) -> Option<ForcedBatch> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let slot = SlotNumber::new(words.next()?.parse().ok()?);
    let (inbox_cursor, unix_ms) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let hash = words.next()?.parse().ok()?;
    let forced = ForcedBatch { number, slot, inbox_cursor, unix_ms, hash };
    words.next().is_none().then_some(forced)
}

fn read(path: &Path) -> Result<Vec<u8>, BatchFileError> {
    let failed = |source| BatchFileError::File { path: path.into(), source };
    let found = fs::metadata(path).map_err(failed)?.len();
    if found > MAX_FILE {
        return Err(BatchFileError::TooLong { path: path.into(), found });
    }
    fs::read(path).map_err(failed)
}

impl BatchSink for BatchDir {
    fn realm(&mut self, config: &RealmConfig) -> io::Result<()> {
        self.realm_written(config)
    }

    fn batch(&mut self, batch: &SignedBatch) -> io::Result<()> {
        self.keep(batch, &mut Brotli)
    }
}
