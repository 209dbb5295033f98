//! A medium in memory that fails as told, for tests.
//!
//! It keeps what programs see apart from what would survive a power cut.

use crate::medium::Medium;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is room for this many bytes in all.
    Full(u64),
    /// Every sync fails.
    Sync,
    /// Every write fails, after half of it.
    Torn,
    /// Every read fails.
    Read,
}

/// A change that may not survive.
#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Debug, Default)]
struct State {
    /// What programs see.
    seen: Vec<u8>,
    /// What survives.
    safe: Vec<u8>,
    /// What may survive.
    pending: Vec<Change>,
    fault: Option<Fault>,
    bytes_read: u64,
}

/// A medium in memory. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct SimMedium(Arc<Mutex<State>>);

impl SimMedium {
    /// Sets or clears what goes wrong from now on.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// Returns how many bytes were read.
    pub fn bytes_read(&self) -> u64 {
        self.lock().bytes_read
    }

    /// Returns the medium as a power cut leaves it: of what was not synced, `chance` says which pieces survive; asked
    /// with a bound, it returns a number below it. Whoever uses this one still sees what it wrote.
    pub fn after_power_cut(&self, chance: &mut dyn FnMut(usize) -> usize) -> Self {
        let state = self.lock();
        let mut left = state.safe.clone();
        for change in &state.pending {
            match change {
                Change::Write(offset, bytes) => {
                    let end = bytes.len() * chance(3) / 2;
                    write(&mut left, *offset, &bytes[..end.min(bytes.len())]);
                }
                Change::SetLen(len) if chance(2) == 0 => left.resize(index(*len), 0),
                Change::SetLen(_) => {}
            }
        }
        Self::holding(left)
    }

    /// Returns the medium as a killed program leaves it.
    pub fn after_kill(&self) -> Self {
        Self::holding(self.lock().seen.clone())
    }

    /// Changes what is there.
    pub fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        change(&mut state.seen);
        state.safe = state.seen.clone();
        state.pending.clear();
    }

    fn holding(bytes: Vec<u8>) -> Self {
        let state = State { seen: bytes.clone(), safe: bytes, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl State {
    fn change(&mut self, change: Change) {
        match &change {
            Change::Write(offset, bytes) => write(&mut self.seen, *offset, bytes),
            Change::SetLen(len) => self.seen.resize(index(*len), 0),
        }
        self.pending.push(change);
    }

    fn check_room(&self, len: u64) -> io::Result<()> {
        match self.fault {
            Some(Fault::Full(most)) if len > most => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl Medium for SimMedium {
    fn size(&self) -> io::Result<u64> {
        Ok(self.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.lock();
        if state.fault == Some(Fault::Read) {
            return Err(io::Error::other("input/output error"));
        }
        let from = index(offset);
        let bytes = state.seen.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        state.bytes_read += out.len() as u64;
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.check_room(len)?;
        state.change(Change::SetLen(len));
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        state.check_room(offset + bytes.len() as u64)?;
        if state.fault == Some(Fault::Torn) {
            state.change(Change::Write(offset, bytes[..bytes.len() / 2].to_vec()));
            return Err(io::Error::other("input/output error"));
        }
        state.change(Change::Write(offset, bytes.to_vec()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.fault == Some(Fault::Sync) {
            return Err(io::Error::other("input/output error"));
        }
        state.safe = state.seen.clone();
        state.pending.clear();
        Ok(())
    }
}

fn write(bytes: &mut Vec<u8>, offset: u64, piece: &[u8]) {
    let (from, to) = (index(offset), index(offset) + piece.len());
    bytes.resize(bytes.len().max(to), 0);
    bytes[from..to].copy_from_slice(piece);
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("media in memory are addressable")
}
