//! A disk in memory that fails as told, for tests.
//!
//! It keeps what programs see apart from what would survive a power cut. Every write, sync or change of a name
//! counts as one step, so that a fault can be put at any of them.

use crate::disk::{Disk, DiskFile};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk has room for this many more bytes.
    FullAfter(u64),
    /// The first sync from this step on fails, and what was to be synced is lost while programs still see it.
    SyncFails(u64),
    /// The program ends at this step; a write that is this step is cut short.
    Dies(u64),
}

/// A change of a file.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

#[derive(Debug, Clone, Default)]
struct Contents {
    /// What programs see.
    seen: Vec<u8>,
    /// What survives.
    safe: Vec<u8>,
    /// What may survive.
    pending: Vec<Change>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, Contents>,
    names: BTreeMap<String, u64>,
    safe_names: BTreeMap<String, u64>,
    next_file: u64,
    step: u64,
    fault: Option<Fault>,
    is_dead: bool,
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

impl SimDisk {
    /// Sets or clears what goes wrong next; the program runs again if it had ended.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut state = self.lock();
        (state.fault, state.is_dead) = (fault, false);
    }

    /// Returns the number of steps so far.
    pub fn steps(&self) -> u64 {
        self.lock().step
    }

    /// Cuts the power: of what was not synced, `chance` says which pieces survive; asked with a bound, it returns a
    /// number below it.
    pub fn cut_power(&self, chance: &mut dyn FnMut(usize) -> usize) {
        let mut state = self.lock();
        let (old, new) = (state.safe_names.clone(), state.names.clone());
        let mut names = BTreeMap::new();
        for name in old.keys().chain(new.keys()) {
            let chosen = if chance(2) == 0 { old.get(name) } else { new.get(name) };
            names.extend(chosen.map(|file| (name.clone(), *file)));
        }
        (state.names, state.safe_names) = (names.clone(), names);
        for file in state.files.values_mut() {
            for change in std::mem::take(&mut file.pending) {
                survive(&mut file.safe, change, chance);
            }
            file.seen = file.safe.clone();
        }
    }

    /// Returns a disk as a killed program leaves it; whoever uses this one goes on.
    pub fn after_kill(&self) -> Self {
        let state = self.lock();
        let left = |contents: &Contents| {
            let bytes = contents.seen.clone();
            Contents { seen: bytes.clone(), safe: bytes, pending: Vec::new() }
        };
        let files = state.files.iter().map(|(id, contents)| (*id, left(contents))).collect();
        let (names, next_file) = (state.names.clone(), state.next_file);
        let safe_names = names.clone();
        let left = State { files, names, safe_names, next_file, ..State::default() };
        Self(Arc::new(Mutex::new(left)))
    }

    /// Returns the names and lengths of all files.
    pub fn files(&self) -> Vec<(String, usize)> {
        let state = self.lock();
        let len = |(name, id): (&String, &u64)| (name.clone(), state.files[id].seen.len());
        state.names.iter().map(len).collect()
    }

    /// Changes what is in a file, on the disk itself.
    ///
    /// # Panics
    ///
    /// Panics when there is no such file.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let id = state.names[name];
        let file = state.files.get_mut(&id).expect("names have files");
        change(&mut file.seen);
        file.safe = file.seen.clone();
        file.pending.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

/// Lets a change reach the disk whole, in part or not at all.
fn survive(safe: &mut Vec<u8>, change: Change, chance: &mut dyn FnMut(usize) -> usize) {
    let Change::Write(offset, bytes) = &change else {
        if chance(2) == 0 {
            apply(safe, &change);
        }
        return;
    };
    match chance(4) {
        0 => {}
        1 => apply(safe, &change),
        2 => apply(safe, &Change::Write(*offset, bytes[..chance(bytes.len() + 1)].to_vec())),
        _ => {
            for (index, piece) in bytes.chunks(16).enumerate() {
                if chance(2) == 0 {
                    apply(safe, &Change::Write(offset + index * 16, piece.to_vec()));
                }
            }
        }
    }
}

fn apply(contents: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(offset, bytes) => {
            let end = offset + bytes.len();
            contents.resize(contents.len().max(end), 0);
            contents[*offset..end].copy_from_slice(bytes);
        }
        Change::SetLen(len) => contents.resize(*len, 0),
    }
}

impl State {
    /// Counts a step; `Err` when the program ends at it or has ended.
    fn step(&mut self) -> io::Result<()> {
        self.step += 1;
        self.is_dead |= matches!(self.fault, Some(Fault::Dies(at)) if self.step >= at);
        if self.is_dead { Err(io::Error::other("the program has ended")) } else { Ok(()) }
    }

    fn change(&mut self, id: u64, change: Change) {
        let file = self.files.get_mut(&id).expect("open files exist");
        apply(&mut file.seen, &change);
        file.pending.push(change);
    }

    /// Returns how many of `len` bytes can be written, and what comes after them.
    fn room(&mut self, len: usize) -> (usize, io::Result<()>) {
        let was_dead = self.is_dead;
        if let Err(error) = self.step() {
            return (if was_dead { 0 } else { len / 2 }, Err(error));
        }
        let Some(Fault::FullAfter(left)) = &mut self.fault else { return (len, Ok(())) };
        if *left >= len as u64 {
            *left -= len as u64;
            return (len, Ok(()));
        }
        let fits = std::mem::take(left) as usize;
        (fits, Err(io::ErrorKind::StorageFull.into()))
    }
}

impl Disk for SimDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.lock();
        let id = state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.files[id].seen.clone())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        state.step()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.next_file += 1;
        let id = state.next_file;
        state.files.insert(id, Contents::default());
        state.names.insert(name.to_owned(), id);
        Ok(Box::new(SimFile { disk: self.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let id = *self.lock().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { disk: self.clone(), id }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        state.names.remove(name).map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.step()?;
        state.safe_names = state.names.clone();
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    id: u64,
}

impl DiskFile for SimFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.lock();
        let (fits, result) = state.room(bytes.len());
        state.change(self.id, Change::Write(offset as usize, bytes[..fits].to_vec()));
        result
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step()?;
        state.change(self.id, Change::SetLen(len as usize));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.step()?;
        let fails = matches!(state.fault, Some(Fault::SyncFails(at)) if state.step >= at);
        if fails {
            state.fault = None;
        }
        let file = state.files.get_mut(&self.id).expect("open files exist");
        let pending = std::mem::take(&mut file.pending);
        if fails {
            return Err(io::Error::other("input/output error"));
        }
        pending.iter().for_each(|change| apply(&mut file.safe, change));
        Ok(())
    }
}
