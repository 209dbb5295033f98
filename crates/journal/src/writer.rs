//! The thread that writes.

use crate::{
    disk::{Disk, DiskFile},
    format::{FORMAT, Frame, Header, Kind, segment_name},
    shared::{Shared, Work},
};
use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    io,
    sync::Arc,
};

/// The segment that is written to.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) header: Header,
    pub(crate) len: u64,
}

/// The writer's side of a log.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) segment_bytes: u64,
    /// First records of all segments, the last of which is written to.
    pub(crate) segments: VecDeque<u64>,
    pub(crate) current: Segment,
    /// Last record on disk.
    pub(crate) durable: u64,
    /// Bytes of the last group, kept for the next: memory that nobody touched before costs more than the write.
    pub(crate) frames: Vec<u8>,
}

/// Most bytes of memory that are kept for the next group.
const KEPT_BYTES: usize = 8 << 20;

impl Writer {
    /// Writes until the log is closed or an error poisons it.
    pub(crate) fn run(mut self) {
        let guard = PoisonOnPanic(Arc::clone(&self.shared));
        while let Some(done) = self.work() {
            if let Err(error) = done {
                self.shared.poison(&error.to_string());
                break;
            }
        }
        std::mem::forget(guard);
    }

    /// Does the next piece of work; `None` when the log is closed.
    fn work(&mut self) -> Option<io::Result<()>> {
        match self.shared.next_work() {
            Work::Write(first, records) => Some(self.write_group(first, &records)),
            Work::Remove(before) => Some(self.remove_before(before)),
            Work::Stop => None,
        }
    }

    /// Writes records, waits for the disk once, and tells everybody.
    fn write_group(&mut self, first: u64, records: &[Vec<u8>]) -> io::Result<()> {
        if self.current.len >= self.segment_bytes {
            self.begin_segment(first)?;
        }
        self.frames.clear();
        self.frames.shrink_to(KEPT_BYTES);
        for (body, sequence) in records.iter().zip(first..) {
            let frame = Frame { kind: Kind::Record, sequence, durable: self.durable, body };
            frame.write(self.current.header.salt, &mut self.frames);
        }
        self.current.write(&self.frames)?;
        self.current.file.sync()?;
        self.durable = first + records.len() as u64 - 1;
        // The next sync takes it along. It tells damage from torn writes, if only the process dies.
        self.note(Kind::Mark)?;
        self.shared.resolve(self.durable, records.iter().map(Vec::len).sum());
        Ok(())
    }

    /// Goes on in a new segment. The old one says so only after the new one is there to stay, and nothing is written to
    /// the new one before the old one says so.
    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        let segment = Segment::create(&*self.disk, self.current.header.realm, first)?;
        self.note(Kind::End)?;
        self.current.file.sync()?;
        self.current = segment;
        self.segments.push_back(first);
        Ok(())
    }

    fn note(&mut self, kind: Kind) -> io::Result<()> {
        let mut frame = Vec::new();
        let note = Frame::note(kind, self.durable + 1, self.durable);
        note.write(self.current.header.salt, &mut frame);
        self.current.write(&frame)
    }

    fn remove_before(&mut self, before: u64) -> io::Result<()> {
        while let Some(second) = self.segments.get(1).copied()
            && second <= before
        {
            let first = self.segments.pop_front().expect("there are two");
            self.disk.remove(&segment_name(first))?;
            // One by one: a gap would look like a lost file.
            self.disk.sync_names()?;
        }
        Ok(())
    }
}

impl Segment {
    /// Makes a segment that is there to stay.
    pub(crate) fn create(disk: &dyn Disk, realm: [u8; 32], first: u64) -> io::Result<Self> {
        let salt = RandomState::new().hash_one(first) as u32;
        let header = Header { format: FORMAT, realm, first, salt };
        let mut file = disk.create(&segment_name(first))?;
        let bytes = header.bytes();
        file.write_at(0, &bytes)?;
        file.sync()?;
        disk.sync_names()?;
        Ok(Self { file, header, len: bytes.len() as u64 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(self.len, bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// Lets nobody wait for a writer that is gone.
struct PoisonOnPanic(Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        self.0.poison("the log's writer stopped");
    }
}
