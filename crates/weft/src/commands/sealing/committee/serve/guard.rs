//! Never two closing heads for one epoch (T12), whatever happens to the process, the file or its copies.
//!
//! The file has two records, written in turn, each with a checksum, and is flushed before a signature leaves. Each record
//! names the file that it was written to, so that a copy, as backups make and bring back, is known as one: it does not know
//! what was released since, and keeps quiet for every epoch that may have been.

use alloy_primitives::{Address, B256, keccak256};
use eyre::{Report, Result, WrapErr, bail, ensure, eyre};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use thiserror::Error;
use weft_crypto::MemberId;
use weft_types::{CodecError, Domain, Reader, Writer};

/// Bytes of a record with its checksum, and the distance of the two.
const RECORD: usize = 8_192;
/// Starts each record: kind of file and version.
const MAGIC: &[u8; 8] = b"weftmbr1";
/// Releases that are remembered one by one; before them nothing is released any more.
const REMEMBERED: usize = 64;
/// Epochs for which members announce ahead, which a copy does not touch either.
const AHEAD: u64 = 2;
/// How far the clock may be behind the last record, in milliseconds.
const CLOCK_SLACK_MS: u64 = 10_000;
/// How often an epoch can be shorter than its slots: an opening ends a slot early.
const HASTE: u64 = 2;

/// What was released.
#[derive(Debug)]
pub(super) struct Guard {
    file: File,
    identity: B256,
    sequence: u64,
    is_copy: bool,
    mark: Mark,
    /// The last epoch that was believed to be open, and when, in milliseconds since the Unix epoch.
    anchor: (u64, u64),
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Mark {
    key: Address,
    member: MemberId,
    /// Hash of realm, setup and sequencer; zero before the first use.
    realm: B256,
    /// Nothing is released up to and including this epoch but what stands in `released`.
    floor: u64,
    /// Highest epoch that the member knows of.
    seen: u64,
    epoch_ms: u64,
    /// When it was written, in milliseconds since the Unix epoch.
    unix_ms: u64,
    /// Key list and closing head of the last releases.
    released: BTreeMap<u64, (B256, B256)>,
}

/// The realm in which a member releases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) domain: Domain,
    pub(super) setup: B256,
    pub(super) sequencer: Address,
    pub(super) epoch_slots: u64,
    /// Length of an epoch.
    pub(super) epoch_ms: u64,
    /// Epoch that is open, by the node's word.
    pub(super) epoch: u64,
}

/// Why nothing is signed.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    /// The epoch was released for another order.
    #[error("epoch {epoch} was released for closing head {released}, not {asked}")]
    OtherHead {
        /// Epoch.
        epoch: u64,
        /// Head for which it was released.
        released: B256,
        /// Head that is asked for.
        asked: B256,
    },
    /// A newer file than this copy may have released it.
    #[error("epoch {0} may have been released before: this member keeps quiet about it")]
    Floor(u64),
    /// It cannot be over yet.
    #[error("epoch {0} cannot be over by this machine's clock")]
    Early(u64),
    /// The file failed.
    #[error("the guard file failed")]
    Broken(Report),
}

impl Guard {
    /// Opens the file of a member's key, or makes it.
    pub(super) fn open(
        path: &Path,
        key: Address,
        member: MemberId,
        is_restored: bool,
    ) -> Result<Self> {
        let name = path.display();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(path).wrap_err_with(|| format!("cannot open {name}"))?;
        file.try_lock().map_err(|_| eyre!("{name} is used by another process"))?;
        let identity = identity(&file)?;
        if file.metadata()?.len() == 0 {
            let mark = Mark { key, member, unix_ms: now_ms(), ..Mark::default() };
            let mut made =
                Self { file, identity, sequence: 0, is_copy: false, mark, anchor: (0, 0) };
            made.write()?;
            made.write()?;
            sync_directory(path)?;
            return Ok(made);
        }
        let records = [read(&file, 0)?, read(&file, 1)?];
        let is_whole = records.iter().all(Option::is_some);
        let newest = records.into_iter().flatten().max_by_key(|record| record.sequence);
        let Some(Record { sequence, identity: written, mark }) = newest else {
            bail!("{name} is damaged: nobody knows what was released. Take another seed and key")
        };
        ensure!((mark.key, mark.member) == (key, member), "{name} is of another key or member");
        let is_copy = is_restored || !is_whole || written != identity;
        Ok(Self { file, identity, sequence, is_copy, mark, anchor: (0, 0) })
    }

    /// Returns true before the first use.
    pub(super) fn is_unused(&self) -> bool {
        self.mark.realm.is_zero()
    }

    /// Begins in a realm; returns the last epoch about which nothing is said.
    pub(super) fn begin(&mut self, setting: &Setting) -> Result<u64> {
        let realm = setting.name();
        let mark = &mut self.mark;
        ensure!(
            [B256::ZERO, realm].contains(&mark.realm),
            "the guard file belongs to another realm, setup or sequencer"
        );
        let now = now_ms();
        let behind = mark.unix_ms.saturating_sub(now);
        ensure!(behind <= CLOCK_SLACK_MS, "the clock is {behind} ms behind the guard file");
        let is_new = mark.realm.is_zero();
        // A shorter epoch would let more of them pass in the same time.
        ensure!(
            is_new || mark.epoch_ms == setting.epoch_ms,
            "epochs are {} ms long by the guard file, {} ms by the node",
            mark.epoch_ms,
            setting.epoch_ms
        );
        // The file was written some time after the epoch that it knows began.
        let latest = latest_epoch((mark.seen, mark.unix_ms), mark.epoch_ms, now).saturating_add(1);
        ensure!(
            is_new || setting.epoch <= latest,
            "the node says that epoch {} is open; by the guard file and the clock none after {latest} can be",
            setting.epoch
        );
        self.anchor = (setting.epoch, now);
        if self.is_copy {
            let possible = mark.possible_epoch(setting, now);
            mark.floor = mark.floor.max(possible);
        }
        if !is_new {
            mark.go_back_to(setting.epoch);
        }
        mark.realm = realm;
        mark.epoch_ms = setting.epoch_ms;
        mark.seen = mark.seen.max(setting.epoch);
        // The record says from here on that the file is where it belongs, so the floor has to be in it.
        self.write()?;
        self.is_copy = false;
        Ok(self.mark.floor)
    }

    /// Returns true for an epoch that cannot begin soon by this machine's clock, whatever a node says. A share for such an
    /// epoch would give its puzzle away long before anybody seals to it (P17).
    pub(super) fn is_far(&self, epoch: u64) -> bool {
        epoch > self.latest(now_ms()).saturating_add(AHEAD)
    }

    /// Notes which epoch is open by a node's word; one that cannot be is not believed. Epochs are numbered again in a realm that
    /// went on from L1: nothing is said of those for which a share may be known for long, or a secret.
    pub(super) fn see(&mut self, epoch: u64) -> Result<()> {
        let now = now_ms();
        if self.mark.go_back_to(epoch) {
            self.anchor = (epoch, now);
            return self.write();
        }
        if epoch > self.anchor.0 && epoch <= self.latest(now) {
            self.anchor = (epoch, now);
            self.mark.seen = self.mark.seen.max(epoch);
        }
        Ok(())
    }

    const fn latest(&self, now_ms: u64) -> u64 {
        latest_epoch(self.anchor, self.mark.epoch_ms, now_ms)
    }

    /// Returns true for an epoch about which nothing is said any more.
    pub(super) fn is_closed(&self, epoch: u64) -> bool {
        epoch <= self.mark.floor
    }

    /// Notes for which list and head an epoch is released; only then may it be signed. The same again is no news.
    pub(super) fn claim(&mut self, epoch: u64, list: B256, head: B256) -> Result<(), Refusal> {
        if let Some((known, released)) = self.mark.released.get(&epoch).copied() {
            let is_same = (known, released) == (list, head);
            let other = Refusal::OtherHead { epoch, released, asked: head };
            return if is_same { Ok(()) } else { Err(other) };
        }
        if self.is_copy || self.is_closed(epoch) {
            return Err(Refusal::Floor(epoch));
        }
        if epoch > self.latest(now_ms()) {
            return Err(Refusal::Early(epoch));
        }
        self.mark.released.insert(epoch, (list, head));
        while self.mark.released.len() > REMEMBERED
            && let Some((oldest, _)) = self.mark.released.pop_first()
        {
            self.mark.floor = self.mark.floor.max(oldest);
        }
        self.mark.seen = self.mark.seen.max(epoch);
        self.write().map_err(Refusal::Broken)
    }

    /// Writes the next record and waits until the disk has it.
    fn write(&mut self) -> Result<()> {
        self.mark.unix_ms = self.mark.unix_ms.max(now_ms());
        self.sequence += 1;
        let record =
            Record { sequence: self.sequence, identity: self.identity, mark: self.mark.clone() };
        let at = (self.sequence % 2) * RECORD as u64;
        let written = self.file.write_all_at(&record.to_bytes(), at);
        written.and_then(|()| self.file.sync_all()).wrap_err("cannot write the guard file")
    }
}

impl Setting {
    fn name(&self) -> B256 {
        let mut out = Writer::default();
        out.put(&self.domain).hash(&self.setup).address(&self.sequencer).u64(self.epoch_slots);
        keccak256(out.as_slice())
    }
}

impl Mark {
    /// Takes note that an epoch is open before the last one that was; tells whether that is news.
    fn go_back_to(&mut self, epoch: u64) -> bool {
        let floor = self.seen.saturating_add(AHEAD);
        if epoch >= self.seen || self.floor >= floor {
            return false;
        }
        self.floor = floor;
        true
    }

    /// Returns the last epoch that a newer file can have released by now.
    fn possible_epoch(&self, setting: &Setting, now_ms: u64) -> u64 {
        let epoch_ms = if self.epoch_ms == 0 { setting.epoch_ms } else { self.epoch_ms };
        let known = latest_epoch((self.seen, self.unix_ms), epoch_ms, now_ms);
        known.max(setting.epoch).saturating_add(AHEAD)
    }
}

/// Returns the last epoch that can be open at a time, when one was seen at another.
const fn latest_epoch((seen, at_ms): (u64, u64), epoch_ms: u64, now_ms: u64) -> u64 {
    let epoch_ms = if epoch_ms == 0 { 1 } else { epoch_ms };
    seen.saturating_add(now_ms.saturating_sub(at_ms).saturating_mul(HASTE) / epoch_ms)
}

/// A record as it is on disk.
#[derive(Debug)]
struct Record {
    sequence: u64,
    identity: B256,
    mark: Mark,
}

impl Record {
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(RECORD);
        let Mark { key, member, realm, floor, seen, epoch_ms, unix_ms, released } = &self.mark;
        out.raw(MAGIC).u64(self.sequence).hash(&self.identity).address(key).u32(*member);
        out.hash(realm).u64(*floor).u64(*seen).u64(*epoch_ms).u64(*unix_ms).len(released.len());
        for (epoch, (list, head)) in released {
            out.u64(*epoch).hash(list).hash(head);
        }
        let mut bytes = out.finish();
        bytes.resize(RECORD - 32, 0);
        let checksum = keccak256(&bytes);
        bytes.extend_from_slice(checksum.as_slice());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, checksum) = bytes.split_at_checked(RECORD - 32)?;
        if keccak256(body).as_slice() != checksum {
            return None;
        }
        Self::read(&mut Reader::new(body.strip_prefix(MAGIC)?)).ok()
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (sequence, identity) = (input.u64()?, input.hash()?);
        let (key, member, realm) = (input.address()?, input.u32()?, input.hash()?);
        let (floor, seen) = (input.u64()?, input.u64()?);
        let (epoch_ms, unix_ms) = (input.u64()?, input.u64()?);
        let mut released = BTreeMap::new();
        for _ in 0..input.bounded_len(REMEMBERED)? {
            released.insert(input.u64()?, (input.hash()?, input.hash()?));
        }
        let mark = Mark { key, member, realm, floor, seen, epoch_ms, unix_ms, released };
        Ok(Self { sequence, identity, mark })
    }
}

/// Returns record `index`; `None` when it is damaged.
fn read(file: &File, index: u64) -> Result<Option<Record>> {
    let mut bytes = vec![0; RECORD];
    match file.read_exact_at(&mut bytes, index * RECORD as u64) {
        Ok(()) => Ok(Record::from_bytes(&bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error).wrap_err("cannot read the guard file"),
    }
}

/// Returns what tells a file from its copies.
fn identity(file: &File) -> Result<B256> {
    let metadata = file.metadata()?;
    // Not every file system knows the time of birth; the inode number tells most copies apart.
    let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let mut out = Writer::default();
    out.u64(metadata.ino()).number(born.map_or(0, |born| born.as_nanos()));
    Ok(keccak256(out.as_slice()))
}

/// The name has to last as long as the content.
fn sync_directory(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(parent.unwrap_or_else(|| Path::new(".")));
    directory.and_then(|directory| directory.sync_all()).wrap_err("cannot flush the directory")
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const KEY: Address = Address::repeat_byte(1);
    const LIST: B256 = B256::repeat_byte(2);
    const HEAD: B256 = B256::repeat_byte(3);
    const OTHER: B256 = B256::repeat_byte(4);

    fn setting(epoch: u64) -> Setting {
        Setting {
            domain: Domain::dev(),
            setup: B256::repeat_byte(9),
            sequencer: Address::repeat_byte(8),
            epoch_slots: 5,
            epoch_ms: 1_000,
            epoch,
        }
    }

    fn open(path: &Path) -> Result<Guard> {
        let mut guard = Guard::open(path, KEY, 1, false)?;
        guard.begin(&setting(10))?;
        // Time passed.
        guard.anchor.0 += 1_000;
        Ok(guard)
    }

    #[test]
    fn p17_no_share_is_dealt_and_nothing_released_for_epochs_that_cannot_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let mut guard = Guard::open(&path, KEY, 1, false).unwrap();
        let hourly = |epoch| Setting { epoch_ms: 3_600_000, ..setting(epoch) };
        guard.begin(&hourly(10)).unwrap();
        for epoch in [13, 1_000, u64::MAX] {
            guard.see(epoch).unwrap();
            assert!(guard.is_far(epoch), "{epoch}");
            assert!(matches!(guard.claim(epoch, LIST, HEAD), Err(Refusal::Early(_))), "{epoch}");
        }
        // A node that counts up finds no other member after a hundred words.
        (11..111).for_each(|epoch| guard.see(epoch).unwrap());
        assert!(!guard.is_far(12) && guard.is_far(13));
        guard.claim(10, LIST, HEAD).unwrap();
        drop(guard);
        // Nor does one that starts the member again, or says that epochs are short.
        let mut guard = Guard::open(&path, KEY, 1, false).unwrap();
        assert!(guard.begin(&hourly(1_000)).is_err());
        assert!(guard.begin(&setting(10)).is_err());
        guard.begin(&hourly(11)).unwrap();
    }

    #[test]
    fn epochs_pass_at_most_twice_as_fast_as_their_slots() {
        assert_eq!(latest_epoch((10, 5_000), 1_000, 5_499), 10);
        assert_eq!(latest_epoch((10, 5_000), 1_000, 5_500), 11);
        assert_eq!(latest_epoch((10, 5_000), 1_000, 8_000), 16);
        assert_eq!(latest_epoch((10, 5_000), 1_000, 4_000), 10);
        assert_eq!(latest_epoch((u64::MAX, 0), 0, u64::MAX), u64::MAX);
    }

    #[test]
    fn t12_an_epoch_is_claimed_for_one_head_whoever_asks_and_however_often() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let mut guard = open(&path).unwrap();
        guard.claim(10, LIST, HEAD).unwrap();
        for _ in 0..2 {
            assert!(matches!(guard.claim(10, LIST, OTHER), Err(Refusal::OtherHead { .. })));
            assert!(matches!(guard.claim(10, OTHER, HEAD), Err(Refusal::OtherHead { .. })));
            guard.claim(10, LIST, HEAD).unwrap();
            drop(guard);
            guard = open(&path).unwrap();
        }
        guard.claim(11, LIST, OTHER).unwrap();
        assert!(open(&path).is_err(), "one process at a time");
    }

    #[test]
    fn t12_a_copy_keeps_quiet_about_what_may_have_been_released_since() {
        let dir = tempfile::tempdir().unwrap();
        let (path, copy) = (dir.path().join("guard"), dir.path().join("copy"));
        let mut guard = open(&path).unwrap();
        guard.claim(10, LIST, HEAD).unwrap();
        fs::copy(&path, &copy).unwrap();
        guard.claim(11, LIST, HEAD).unwrap();
        let mut restored = open(&copy).unwrap();
        assert!(matches!(restored.claim(11, LIST, OTHER), Err(Refusal::Floor(11))));
        assert!(matches!(restored.claim(12, LIST, OTHER), Err(Refusal::Floor(12))));
        restored.claim(10, LIST, HEAD).unwrap();
        restored.claim(13, LIST, HEAD).unwrap();
        // A second start of the copy is a start of the file that it is by now.
        drop(restored);
        let mut again = Guard::open(&copy, KEY, 1, false).unwrap();
        again.begin(&setting(13)).unwrap();
        again.anchor.0 += 1_000;
        assert!(matches!(again.claim(12, LIST, OTHER), Err(Refusal::Floor(12))));
        again.claim(14, LIST, HEAD).unwrap();
    }

    #[test]
    fn p17_epochs_that_are_numbered_again_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let mut guard = open(&path).unwrap();
        guard.anchor = (20, now_ms());
        guard.mark.seen = 20;
        // The realm went on from L1: what was announced for 21 and 22 is known for as long as that took.
        guard.see(15).unwrap();
        assert!(guard.is_closed(22) && !guard.is_closed(23));
        assert!(matches!(guard.claim(15, LIST, HEAD), Err(Refusal::Floor(15))));
        for epoch in 16..=24 {
            guard.anchor = (epoch - 1, now_ms() - 1_000);
            guard.see(epoch).unwrap();
        }
        guard.claim(23, LIST, HEAD).unwrap();
        drop(guard);
        // The same for a member that was away meanwhile.
        let mut guard = Guard::open(&path, KEY, 1, false).unwrap();
        assert_eq!(guard.begin(&setting(11)).unwrap(), 26);
        drop(guard);
        let mut guard = Guard::open(&path, KEY, 1, false).unwrap();
        assert_eq!(guard.begin(&setting(12)).unwrap(), 26, "once");
    }

    #[test]
    fn t12_what_was_forgotten_is_never_released_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut guard = open(&dir.path().join("guard")).unwrap();
        for epoch in 10..10 + REMEMBERED as u64 + 1 {
            guard.claim(epoch, LIST, HEAD).unwrap();
        }
        assert!(matches!(guard.claim(10, LIST, OTHER), Err(Refusal::Floor(10))));
        assert!(matches!(guard.claim(9, LIST, OTHER), Err(Refusal::Floor(9))));
    }

    #[test]
    fn a_torn_record_leaves_the_other_and_counts_as_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let mut guard = open(&path).unwrap();
        guard.claim(10, LIST, HEAD).unwrap();
        let last = (guard.sequence % 2) * RECORD as u64;
        guard.file.write_all_at(&[0xff; 100], last + 20).unwrap();
        drop(guard);
        let mut guard = open(&path).unwrap();
        assert!(matches!(guard.claim(10, LIST, OTHER), Err(Refusal::Floor(10))));
        for index in 0..2 {
            guard.file.write_all_at(&[0xff; 100], index * RECORD as u64).unwrap();
        }
        drop(guard);
        assert!(open(&path).is_err(), "nobody knows what it released");
    }

    #[test]
    fn another_key_realm_or_member_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        drop(open(&path).unwrap());
        assert!(Guard::open(&path, Address::ZERO, 1, false).is_err());
        assert!(Guard::open(&path, KEY, 2, false).is_err());
        let mut guard = Guard::open(&path, KEY, 1, false).unwrap();
        assert!(guard.begin(&Setting { sequencer: KEY, ..setting(10) }).is_err());
        assert!(guard.begin(&Setting { setup: LIST, ..setting(10) }).is_err());
        guard.begin(&setting(10)).unwrap();
    }
}
