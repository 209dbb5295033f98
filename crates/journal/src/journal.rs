//! The log as its users see it.

use crate::{
    disk::Disk,
    error::{OpenError, Poisoned},
    format::MAX_RECORD_BYTES,
    open::{Opened, open, read},
    shared::{Shared, Ticket},
    writer::Writer,
};
use std::{sync::Arc, thread::JoinHandle};

/// What a log is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Hash of the realm's domain (P1); a log of another realm is refused.
    pub realm: [u8; 32],
    /// Bytes after which a segment ends.
    pub segment_bytes: u64,
    /// Bytes of records that may wait for the disk before [`Journal::is_behind`] says so.
    pub max_waiting_bytes: usize,
}

impl Options {
    /// Returns segments of 64 MiB, and room for 32 MiB of waiting records.
    pub const fn new(realm: [u8; 32]) -> Self {
        Self { realm, segment_bytes: 64 << 20, max_waiting_bytes: 32 << 20 }
    }
}

/// A write-ahead log that is open for writing.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    max_waiting_bytes: usize,
}

impl Journal {
    /// Opens the log in a directory, or begins one; gives every record after number `after` to `visit`, in order.
    ///
    /// Writes that were never confirmed may be torn by a crash; they are cut off. What `visit` saw is on disk when
    /// this returns.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the disk fails or the log is not whole, and what `visit` returns. Records may have been
    /// visited by then; nothing is to be built on them.
    pub fn open<E: From<OpenError>>(
        disk: Arc<dyn Disk>,
        options: &Options,
        after: u64,
        visit: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let Opened { segments, current, next } = open(&*disk, &options.realm, after, visit)?;
        let shared = Shared::new(next);
        let writer = Writer {
            disk,
            shared: Arc::clone(&shared),
            segment_bytes: options.segment_bytes,
            segments,
            current,
            durable: next - 1,
            frames: Vec::new(),
        };
        let thread = std::thread::Builder::new().name("weft-journal".to_owned());
        let thread = thread.spawn(move || writer.run());
        let writer = Some(thread.map_err(OpenError::disk("start the writer", ""))?);
        Ok(Self { shared, writer, max_waiting_bytes: options.max_waiting_bytes })
    }

    /// Gives every record after number `after` to `visit`, in order, of a log that nobody has open: for whoever has to know
    /// what comes before anything is done about it. Records that are missing at the beginning are for [`Self::open`] to
    /// complain about.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn read<E: From<OpenError>>(
        disk: &dyn Disk,
        options: &Options,
        after: u64,
        visit: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        read(disk, &options.realm, after, visit)
    }

    /// Adds a record, without waiting for the disk.
    ///
    /// # Errors
    ///
    /// [`Poisoned`] when the log has stopped.
    ///
    /// # Panics
    ///
    /// Panics when the record is longer than [`MAX_RECORD_BYTES`].
    pub fn append(&self, record: Vec<u8>) -> Result<Ticket, Poisoned> {
        assert!(record.len() <= MAX_RECORD_BYTES, "a record of {} bytes", record.len());
        let mut state = self.shared.lock();
        if let Some(poison) = &state.poison {
            return Err(poison.clone());
        }
        state.waiting_bytes += record.len();
        state.records.push(record);
        state.next += 1;
        let sequence = state.next - 1;
        drop(state);
        self.shared.wake();
        Ok(Ticket { sequence, shared: Arc::clone(&self.shared) })
    }

    /// Returns a ticket for everything added so far.
    pub fn last(&self) -> Ticket {
        let sequence = self.shared.lock().next - 1;
        Ticket { sequence, shared: Arc::clone(&self.shared) }
    }

    /// Returns the number of the last record that is on disk.
    pub fn durable(&self) -> u64 {
        self.shared.lock().durable
    }

    /// Returns why the log stopped, when it did.
    pub fn failure(&self) -> Option<Poisoned> {
        self.shared.lock().poison.clone()
    }

    /// Returns true when so much waits for the disk that no more should be added for others.
    pub fn is_behind(&self) -> bool {
        self.shared.lock().waiting_bytes > self.max_waiting_bytes
    }

    /// Removes segments whose records are all before `sequence`, some time later.
    pub fn remove_before(&self, sequence: u64) {
        self.shared.lock().remove_before = Some(sequence);
        self.shared.wake();
    }

    /// Writes what waits and closes the log.
    ///
    /// # Errors
    ///
    /// [`Poisoned`] when the log stopped before.
    pub fn close(mut self) -> Result<(), Poisoned> {
        self.stop();
        self.failure().map_or(Ok(()), Err)
    }

    fn stop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.wake();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has poisoned the log.
            let _ = writer.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop();
    }
}
