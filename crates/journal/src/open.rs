//! From what is on disk to a log that can be written to.

use crate::{
    disk::{Disk, DiskFile},
    error::OpenError,
    format::{FORMAT, HEADER_BYTES, Header, segment_first, segment_name},
    scan::{Scanned, Visit, scan},
    writer::Segment,
};
use std::collections::VecDeque;

/// A log that was read and repaired.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) segments: VecDeque<u64>,
    pub(crate) current: Segment,
    pub(crate) next: u64,
}

/// A segment that was read.
struct Read {
    header: Header,
    bytes: Vec<u8>,
    scanned: Scanned,
}

/// The last two segments.
#[derive(Default)]
struct Tail {
    before: Option<Read>,
    last: Option<Read>,
}

/// Reads all records after `after`, then makes the log ready for more.
pub(crate) fn open<E: From<OpenError>>(
    disk: &dyn Disk,
    realm: &[u8; 32],
    after: u64,
    mut visit: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<Opened, E> {
    let mut segments = segments(disk)?;
    let mut visit_new = |sequence: u64, body: &[u8]| match sequence {
        _ if sequence <= after => Ok(()),
        _ => visit(sequence, body),
    };
    if segments.front().is_some_and(|first| *first > after + 1) {
        return Err(OpenError::MissingSegment { expected: after + 1 }.into());
    }
    let unread = unread(&segments, after);
    let tail = read_all(disk, realm, &mut segments, unread, &mut visit_new)?;
    let ended = tail.last.as_ref().map_or(0, |last| last.scanned.next - 1);
    if ended < after {
        return Err(OpenError::TooShort { last: ended, needed: after }.into());
    }
    let next = ended + 1;
    let current = match &tail.last {
        Some(last) => resume(disk, tail.before.as_ref(), last)?,
        None => {
            segments.push_back(next);
            let failed = OpenError::disk("create a segment", "");
            Segment::create(disk, *realm, next).map_err(failed)?
        }
    };
    Ok(Opened { segments, current, next })
}

/// Gives every record after `after` to `visit`, and makes nothing ready.
pub(crate) fn read<E: From<OpenError>>(
    disk: &dyn Disk,
    realm: &[u8; 32],
    after: u64,
    mut visit: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut segments = segments(disk)?;
    let mut visit_new = |sequence: u64, body: &[u8]| match sequence {
        _ if sequence <= after => Ok(()),
        _ => visit(sequence, body),
    };
    let unread = unread(&segments, after);
    read_all(disk, realm, &mut segments, unread, &mut visit_new).map(drop)
}

/// Returns the first records of all segments, in order.
fn segments(disk: &dyn Disk) -> Result<VecDeque<u64>, OpenError> {
    let names = disk.names().map_err(OpenError::disk("list the files", ""))?;
    let mut firsts = Vec::new();
    for name in names.into_iter().filter(|name| name.ends_with(".log")) {
        let why = "its name is not the number of a record";
        let first = segment_first(&name).filter(|first| *first > 0);
        firsts.push(first.ok_or(OpenError::NotASegment { name, why })?);
    }
    firsts.sort_unstable();
    Ok(firsts.into())
}

/// Returns how many segments need not be read, as all their records were asked to be left out. The last two are read
/// whatever they hold: they may have to be repaired.
fn unread(segments: &VecDeque<u64>, after: u64) -> usize {
    let ended = segments.iter().skip(1).take_while(|first| **first <= after + 1).count();
    ended.min(segments.len().saturating_sub(2))
}

/// Reads every segment but the first `unread`; one that was being made when the log stopped is removed.
fn read_all<E: From<OpenError>>(
    disk: &dyn Disk,
    realm: &[u8; 32],
    segments: &mut VecDeque<u64>,
    unread: usize,
    visit: &mut Visit<'_, E>,
) -> Result<Tail, E> {
    let mut tail = Tail::default();
    for (index, first) in segments.clone().into_iter().enumerate().skip(unread) {
        let name = segment_name(first);
        let bytes = disk.read(&name).map_err(OpenError::disk("read", &name))?;
        let is_last = index + 1 == segments.len();
        if is_last && is_unborn(&bytes, first, tail.last.as_ref()) {
            disk.remove(&name).map_err(OpenError::disk("remove", &name))?;
            disk.sync_names().map_err(OpenError::disk("sync the names of", &name))?;
            segments.pop_back();
            return Ok(tail);
        }
        let header = read_header(&name, &bytes, realm, first)?;
        if let Some(last) = &tail.last {
            check_joint(last, first)?;
        }
        let scanned = scan(&name, &bytes, &header, visit)?;
        tail = Tail { before: tail.last, last: Some(Read { header, bytes, scanned }) };
    }
    match &tail.last {
        Some(last) if last.scanned.is_ended => {
            Err(OpenError::MissingSegment { expected: last.scanned.next }.into())
        }
        _ => Ok(tail),
    }
}

/// Returns true for a segment that was being made when the log stopped: without a record, and the one before does not
/// know of it.
fn is_unborn(bytes: &[u8], first: u64, before: Option<&Read>) -> bool {
    let is_unknown = match before {
        None => first == 1,
        Some(before) => !before.scanned.is_ended && before.scanned.next == first,
    };
    bytes.len() <= HEADER_BYTES && is_unknown
}

fn read_header(
    name: &str,
    bytes: &[u8],
    realm: &[u8; 32],
    first: u64,
) -> Result<Header, OpenError> {
    let name = || name.to_owned();
    let header = Header::read(bytes).map_err(|why| OpenError::NotASegment { name: name(), why })?;
    if header.format != FORMAT {
        let found = header.format;
        return Err(OpenError::Version { name: name(), found, expected: FORMAT });
    }
    if header.realm != *realm {
        return Err(OpenError::OtherRealm { name: name() });
    }
    if header.first != first {
        let why = "its header names another record than its file name";
        return Err(OpenError::NotASegment { name: name(), why });
    }
    Ok(header)
}

/// Checks that a segment goes on where the one before ended.
fn check_joint(last: &Read, first: u64) -> Result<(), OpenError> {
    let Read { header, scanned, .. } = last;
    if !scanned.is_ended {
        return Err(OpenError::Damaged {
            name: segment_name(header.first),
            offset: scanned.good,
            sequence: scanned.next,
            why: "its end is missing",
        });
    }
    if scanned.next != first {
        return Err(OpenError::MissingSegment { expected: scanned.next });
    }
    Ok(())
}

/// Makes the last segment ready for more.
fn resume(disk: &dyn Disk, before: Option<&Read>, last: &Read) -> Result<Segment, OpenError> {
    if let Some(before) = before.filter(|_| last.scanned.next == last.header.first) {
        // The first record of a segment comes after the end of the one before; here there is none yet.
        repair(disk, before)?;
    }
    let file = repair(disk, last)?;
    disk.sync_names().map_err(OpenError::disk("sync the names of", "the files"))?;
    Ok(Segment { file, header: last.header, len: last.scanned.good as u64 })
}

/// Cuts off what is torn and writes again what may be in memory only.
///
/// After a failed sync the operating system may show bytes that never reached the disk, so reading them proves
/// nothing. Writing the same bytes in their place harms nothing whenever it is interrupted.
fn repair(disk: &dyn Disk, read: &Read) -> Result<Box<dyn DiskFile>, OpenError> {
    let Read { header, bytes, scanned } = read;
    let name = segment_name(header.first);
    let mut file = disk.open(&name).map_err(OpenError::disk("open", &name))?;
    if scanned.is_torn {
        file.set_len(scanned.good as u64).map_err(OpenError::disk("cut", &name))?;
    }
    let unsure = &bytes[scanned.sure..scanned.good];
    file.write_at(scanned.sure as u64, unsure).map_err(OpenError::disk("write", &name))?;
    file.sync().map_err(OpenError::disk("sync", &name))?;
    Ok(file)
}
