//! The guard's file: two records, written in turn, each with a checksum.
//!
//! A write that tears leaves the other record, and nothing was signed under the torn one. Each record names the file
//! that it was written to by inode number and time of birth: a copy, as backups make and bring back, has others.

use super::{
    GuardError,
    mark::{EPOCHS, Mark, SealedMark},
};
use alloy_primitives::{Address, B256, keccak256};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};
use weft_types::{CodecError, Decode, Encode, Position, Reader, SlotNumber, Writer};

/// Bytes of a record with its checksum; two records never share a sector of the disk.
const RECORD: usize = 512;
/// Distance of the two records.
const STRIDE: u64 = 4096;
/// Starts each record: kind of file and version.
const MAGIC: &[u8; 8] = b"weftgrd1";

/// The open, locked file.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
    identity: B256,
    /// Number of the last record.
    sequence: u64,
}

/// A record as it is on disk.
#[derive(Debug)]
struct Record {
    sequence: u64,
    identity: B256,
    mark: Mark,
}

impl RecordFile {
    pub(super) fn create(path: &Path, mark: &Mark) -> Result<(), GuardError> {
        let failed = |source| GuardError::File { path: path.into(), source };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(failed)?;
        let identity = identity(&file).map_err(failed)?;
        let mut created = Self { path: path.into(), file, identity, sequence: 0 };
        created.write(mark)?;
        created.write(mark)?;
        // The name has to last as long as the content.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = File::open(directory.unwrap_or_else(|| Path::new(".")));
        directory.and_then(|directory| directory.sync_all()).map_err(failed)
    }

    /// Opens the file and returns its newest record, and whether it is the very file that was written, undamaged.
    pub(super) fn open(path: &Path) -> Result<(Self, Mark, bool), GuardError> {
        let failed = |source| GuardError::File { path: path.into(), source };
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(GuardError::Busy(path.into())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let identity = identity(&file).map_err(failed)?;
        let records = [read(&file, 0).map_err(failed)?, read(&file, 1).map_err(failed)?];
        let is_whole = records.iter().all(Option::is_some);
        let newest = records.into_iter().flatten().max_by_key(|record| record.sequence);
        let Record { sequence, identity: written, mark } =
            newest.ok_or_else(|| GuardError::Damaged(path.into()))?;
        let is_original = is_whole && written == identity;
        Ok((Self { path: path.into(), file, identity, sequence }, mark, is_original))
    }

    /// Writes the next record and waits until the disk has it.
    pub(super) fn write(&mut self, mark: &Mark) -> Result<(), GuardError> {
        self.sequence += 1;
        let record =
            Record { sequence: self.sequence, identity: self.identity, mark: mark.clone() };
        let wrote = self
            .file
            .write_all_at(&record.to_bytes(), (self.sequence % 2) * STRIDE)
            .and_then(|()| self.file.sync_data());
        wrote.map_err(|source| GuardError::File { path: self.path.clone(), source })
    }
}

/// Returns record `index`; `None` when it is damaged.
fn read(file: &File, index: u64) -> io::Result<Option<Record>> {
    let mut bytes = [0; RECORD];
    match file.read_exact_at(&mut bytes, index * STRIDE) {
        Ok(()) => Ok(Record::from_bytes(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns what tells a file from its copies.
fn identity(file: &File) -> io::Result<B256> {
    let metadata = file.metadata()?;
    // Not every file system knows the time of birth; the inode number tells most copies apart.
    let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let mut out = Writer::default();
    out.u64(metadata.ino()).number(born.map_or(0, |born| born.as_nanos()));
    Ok(keccak256(out.as_slice()))
}

impl Record {
    fn to_bytes(&self) -> [u8; RECORD] {
        let mut out = Writer::with_capacity(RECORD);
        out.raw(MAGIC).put(self);
        let mut bytes = [0; RECORD];
        let body = RECORD - 32;
        bytes[..out.as_slice().len()].copy_from_slice(out.as_slice());
        let checksum = keccak256(&bytes[..body]);
        bytes[body..].copy_from_slice(checksum.as_slice());
        bytes
    }

    fn from_bytes(bytes: &[u8; RECORD]) -> Option<Self> {
        let (body, checksum) = bytes.split_at(RECORD - 32);
        if keccak256(body).as_slice() != checksum {
            return None;
        }
        let mut reader = Reader::new(body.strip_prefix(MAGIC)?);
        reader.get().ok()
    }
}

impl Encode for Record {
    fn encode_to(&self, out: &mut Writer) {
        let Mark {
            key,
            realm,
            floor,
            seen,
            slot,
            section,
            count,
            chain,
            sealed,
            executed,
            parent,
            committed: (committed, commitment),
            epochs,
            unix_ms,
        } = &self.mark;
        out.u64(self.sequence).hash(&self.identity).address(key).hash(realm).u64(floor.get());
        out.u64(seen.get());
        out.put(&Position { slot: *slot, section: *section, index: *count }).hash(chain);
        out.hash(parent).u64(*unix_ms).bool(executed.is_some());
        if let Some(executed) = executed {
            out.put(executed);
        }
        // Records from before there were sealed items have zeros here, which say that there were none.
        out.u64(sealed.slot.get()).u32(sealed.count).hash(&sealed.chain);
        // The same holds for commitments and keys of epochs.
        out.u64(committed.get()).hash(commitment);
        epochs.iter().for_each(|(epoch, digest)| {
            out.u64(*epoch).hash(digest);
        });
    }
}

impl Decode for Record {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (sequence, identity) = (input.u64()?, input.hash()?);
        let (key, realm): (Address, B256) = (input.address()?, input.hash()?);
        let floor = SlotNumber::new(input.u64()?);
        let seen = SlotNumber::new(input.u64()?);
        let Position { slot, section, index: count }: Position = input.get()?;
        let (chain, parent, unix_ms) = (input.hash()?, input.hash()?, input.u64()?);
        let executed = if input.bool()? { Some(input.get()?) } else { None };
        let (slot_of_sealed, count_of_sealed) = (SlotNumber::new(input.u64()?), input.u32()?);
        let sealed =
            SealedMark { slot: slot_of_sealed, count: count_of_sealed, chain: input.hash()? };
        let committed = (SlotNumber::new(input.u64()?), input.hash()?);
        let mut epochs = [(0, B256::ZERO); EPOCHS];
        for known in &mut epochs {
            *known = (input.u64()?, input.hash()?);
        }
        let mark = Mark {
            key,
            realm,
            floor,
            seen,
            slot,
            section,
            count,
            chain,
            sealed,
            executed,
            parent,
            committed,
            epochs,
            unix_ms,
        };
        Ok(Self { sequence, identity, mark })
    }
}
