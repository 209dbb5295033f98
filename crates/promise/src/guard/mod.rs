//! Never two signatures for one position.
//!
//! The guard keeps the highest position that was signed. It is flushed to disk before the key is used, so a process that
//! dies in between has promised less than it may, never more. What was signed, or may have been, is not signed again.
//!
//! A guard that may be a copy of an older one (a restored backup) does not know what was signed since. It then keeps quiet
//! for every slot that can have been open since it was written: [`Start::Waits`].

mod mark;
mod record;

use mark::Mark;
use record::RecordFile;
use std::{io, path::Path, path::PathBuf};
use thiserror::Error;
use weft_types::{Domain, Encode as _, Position, SlotNumber, Statement};

use alloy_primitives::{Address, B256, keccak256};

/// How far the clock may be behind the guard's record, in milliseconds.
const CLOCK_SLACK_MS: u64 = 10_000;
/// Slots added to those that the clock says can have been open.
const MARGIN_SLOTS: u64 = 2;

/// Highest position that was signed.
#[derive(Debug)]
pub struct Guard {
    mark: Mark,
    /// What of `mark` is on disk; none for a guard in memory.
    file: Option<RecordFile>,
    is_flushed: bool,
    /// After a failed write nobody knows what is on disk.
    is_broken: bool,
}

/// Something beside promises that is said once: a second value for it would be evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// What the order of a closed slot is committed to (P15).
    Commitment {
        /// Slot.
        slot: SlotNumber,
        /// What is signed.
        digest: B256,
    },
    /// The key of an epoch.
    Epoch {
        /// Epoch, from 1.
        epoch: u64,
        /// First slot in which this key can have been announced.
        since: SlotNumber,
        /// What is signed.
        digest: B256,
    },
}

impl Word {
    /// Returns what is signed.
    pub const fn digest(&self) -> B256 {
        match self {
            Self::Commitment { digest, .. } | Self::Epoch { digest, .. } => *digest,
        }
    }
}

/// Whether a statement may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is new.
    Sign,
    /// Its position was signed before.
    Old,
    /// Its slot may have been open when a newer record than this one was written.
    Wait,
}

/// How a guard begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It knows everything that was signed.
    Current,
    /// It may be an old copy: nothing is signed up to and including this slot.
    Waits(SlotNumber),
}

/// What a guard must be told to begin.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Key that it guards.
    pub key: Address,
    /// Realm in which the key signs.
    pub domain: Domain,
    /// Shortest length of a slot, in milliseconds.
    pub slot_ms: u64,
    /// Slot at which the lane is now.
    pub lane_slot: SlotNumber,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// True when an operator says that the file comes from a backup.
    pub is_restored: bool,
}

/// Why the guard lets nothing be signed.
#[derive(Debug, Error)]
pub enum GuardError {
    /// The file cannot be read, written or flushed.
    #[error("guard file {path}: {source}")]
    File {
        /// File.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process uses the file.
    #[error("guard file {0} is used by another process")]
    Busy(PathBuf),
    /// No record in the file can be read.
    #[error(
        "guard file {0} is damaged: nobody knows what its key signed. Take another key, or the guard file of a backup"
    )]
    Damaged(PathBuf),
    /// The file belongs to another key or realm.
    #[error("guard file {path} belongs to another {what}")]
    Foreign {
        /// File.
        path: PathBuf,
        /// Key or realm.
        what: &'static str,
    },
    /// The clock went back.
    #[error(
        "the clock is {behind_ms} ms behind the last signature; nothing is signed until it is right"
    )]
    Clock {
        /// Milliseconds.
        behind_ms: u64,
    },
    /// The lane tells another history than the one that was signed.
    #[error(
        "position {0} was signed with other content: this lane does not follow from what was promised"
    )]
    Contradiction(Position),
    /// A word has another value than the one that was signed.
    #[error("a second value for {0:?}: this lane does not follow from what was said")]
    SecondWord(Word),
    /// An earlier write failed.
    #[error("the guard file failed before: nothing is signed until a restart")]
    Broken,
}

impl Guard {
    /// Begins without a file: for keys that are worth nothing.
    pub fn in_memory() -> Self {
        Self { mark: Mark::default(), file: None, is_flushed: true, is_broken: false }
    }

    /// Makes the file of a key that has signed nothing.
    ///
    /// # Errors
    ///
    /// [`GuardError::File`], also when the file exists.
    pub fn create(path: &Path, key: Address, now_ms: u64) -> Result<(), GuardError> {
        RecordFile::create(path, &Mark { key, unix_ms: now_ms, ..Mark::default() })
    }

    /// Opens the file of a key.
    ///
    /// # Errors
    ///
    /// [`GuardError`] when the key must not sign.
    pub fn open(path: &Path, setting: &Setting) -> Result<(Self, Start), GuardError> {
        let (mut file, mut mark, is_original) = RecordFile::open(path)?;
        let foreign = |what| Err(GuardError::Foreign { path: path.into(), what });
        let realm = realm(&setting.domain);
        if mark.key != setting.key {
            return foreign("key");
        }
        if ![B256::ZERO, realm].contains(&mark.realm) {
            return foreign("realm");
        }
        let behind_ms = mark.unix_ms.saturating_sub(setting.now_ms);
        if behind_ms > CLOCK_SLACK_MS {
            return Err(GuardError::Clock { behind_ms });
        }
        mark.realm = realm;
        if setting.is_restored || !is_original {
            mark.floor = mark.floor.max(possible_slot(&mark, setting));
        }
        if setting.lane_slot < mark.slot && mark.committed.0 < mark.slot {
            // The lane may be an older copy that comes to another order of slots which were promised.
            mark.committed = (mark.slot, B256::ZERO);
        }
        mark.unix_ms = mark.unix_ms.max(setting.now_ms);
        mark.seen = mark.seen.max(setting.lane_slot);
        // The file says from here on that it is where it belongs, so the floor has to be in it.
        file.write(&mark)?;
        let start = match mark.floor.get() {
            0 => Start::Current,
            _ => Start::Waits(mark.floor),
        };
        Ok((Self { mark, file: Some(file), is_flushed: true, is_broken: false }, start))
    }

    /// Returns the last slot in which nothing is signed, while the guard waits.
    pub fn floor(&self) -> Option<SlotNumber> {
        Some(self.mark.floor).filter(|floor| floor.get() > 0)
    }

    /// Decides about the next statement; those of a lane come in its order.
    ///
    /// # Errors
    ///
    /// [`GuardError::Contradiction`] when the lane is not the one that was promised, [`GuardError::Broken`].
    pub fn admit(&mut self, statement: &Statement) -> Result<Verdict, GuardError> {
        if self.is_broken {
            return Err(GuardError::Broken);
        }
        let verdict = self.mark.admit(statement).map_err(GuardError::Contradiction);
        // A lane that tells another history stays refused.
        self.is_broken |= verdict.is_err();
        self.is_flushed &= verdict.as_ref().is_ok_and(|verdict| *verdict != Verdict::Sign);
        verdict
    }

    /// Returns the last slot of which anything was signed; none before the first signature.
    pub fn highest(&self) -> Option<SlotNumber> {
        let Mark { slot, sealed, executed, committed, .. } = &self.mark;
        let executed = executed.map_or(SlotNumber::default(), |position| position.slot);
        let highest = (*slot).max(sealed.slot).max(executed).max(committed.0);
        (highest != SlotNumber::default()).then_some(highest)
    }

    /// Decides about a word.
    ///
    /// # Errors
    ///
    /// [`GuardError::SecondWord`], [`GuardError::Broken`].
    pub fn admit_word(&mut self, word: &Word) -> Result<Verdict, GuardError> {
        if self.is_broken {
            return Err(GuardError::Broken);
        }
        let verdict = self.mark.admit_word(word).map_err(GuardError::SecondWord);
        self.is_broken |= verdict.is_err();
        self.is_flushed &= verdict.as_ref().is_ok_and(|verdict| *verdict != Verdict::Sign);
        verdict
    }

    /// Writes what was admitted to disk; only then may it be signed.
    ///
    /// # Errors
    ///
    /// [`GuardError`]; after it nothing is admitted any more.
    pub fn flush(&mut self, now_ms: u64) -> Result<(), GuardError> {
        if self.is_broken {
            return Err(GuardError::Broken);
        }
        if self.is_flushed {
            return Ok(());
        }
        self.mark.unix_ms = self.mark.unix_ms.max(now_ms);
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(&self.mark)
        {
            self.is_broken = true;
            return Err(error);
        }
        self.is_flushed = true;
        Ok(())
    }

    /// Forgets everything, for development nodes that go back in time; a guard with a file never does.
    pub fn forget(&mut self) -> bool {
        if self.file.is_none() {
            *self = Self::in_memory();
        }
        self.file.is_none()
    }
}

/// Returns the last slot that can have been open by now, going by the record.
fn possible_slot(mark: &Mark, setting: &Setting) -> SlotNumber {
    let since_ms = setting.now_ms.saturating_sub(mark.unix_ms);
    let slots = since_ms / setting.slot_ms.max(1) + MARGIN_SLOTS;
    // A record from before the first signature names no slot; the lane does.
    let known = mark.slot.max(mark.seen).max(setting.lane_slot);
    SlotNumber::new(known.get().saturating_add(slots))
}

fn realm(domain: &Domain) -> B256 {
    keccak256(domain.encode())
}
