//! Reading one segment.

use crate::{
    error::OpenError,
    format::{FRAME_BYTES, Frame, HEADER_BYTES, Header, Kind},
};
use std::collections::VecDeque;

/// Takes records, with their numbers.
pub(crate) type Visit<'a, E> = dyn FnMut(u64, &[u8]) -> Result<(), E> + 'a;

/// What a segment turned out to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Number of the record that comes next.
    pub(crate) next: u64,
    /// End of the last good frame.
    pub(crate) good: usize,
    /// Up to here the bytes were on disk when a later frame was written.
    pub(crate) sure: usize,
    /// True when the segment says that another follows.
    pub(crate) is_ended: bool,
    /// True when bytes follow that are no good frame.
    pub(crate) is_torn: bool,
}

/// Reads the frames of a segment with a good header.
///
/// Bytes that were never promised may be broken at the end; they are left out. Broken ones that were are an error.
pub(crate) fn scan<E: From<OpenError>>(
    name: &str,
    bytes: &[u8],
    header: &Header,
    visit: &mut Visit<'_, E>,
) -> Result<Scanned, E> {
    let mut found = Scanned {
        next: header.first,
        good: HEADER_BYTES,
        sure: 0,
        is_ended: false,
        is_torn: false,
    };
    // Ends of records that no frame has called durable yet.
    let mut unsure = VecDeque::new();
    while let Some(frame) = Frame::read(header.salt, &bytes[found.good..]) {
        check_frame(name, &found, &frame)?;
        while unsure.front().is_some_and(|(sequence, _)| *sequence <= frame.durable) {
            found.sure = unsure.pop_front().map_or(found.sure, |(_, end)| end);
        }
        found.good += frame.len();
        match frame.kind {
            Kind::Record => {
                visit(frame.sequence, frame.body)?;
                unsure.push_back((frame.sequence, found.good));
                found.next += 1;
            }
            Kind::Mark => {}
            Kind::End => found.is_ended = true,
        }
    }
    found.is_torn = found.good < bytes.len();
    if found.is_torn {
        check_tail(name, bytes, header.salt, &found)?;
    }
    Ok(found)
}

/// Checks that an unbroken frame is the one that belongs here.
fn check_frame(name: &str, found: &Scanned, frame: &Frame<'_>) -> Result<(), OpenError> {
    let (offset, expected) = (found.good, found.next);
    if frame.sequence != expected {
        let found = frame.sequence;
        return Err(OpenError::WrongSequence { name: name.to_owned(), offset, found, expected });
    }
    let why = if found.is_ended {
        "something follows the end"
    } else if frame.durable >= frame.sequence {
        "it calls itself durable"
    } else {
        return Ok(());
    };
    Err(OpenError::Damaged { name: name.to_owned(), offset, sequence: expected, why })
}

/// Looks behind a broken frame: one that calls the broken record durable proves that it was whole once.
fn check_tail(name: &str, bytes: &[u8], salt: u32, found: &Scanned) -> Result<(), OpenError> {
    let tail = &bytes[found.good..];
    // Every record takes a frame, so later ones cannot be further ahead than this.
    let most = found.next + (tail.len() / FRAME_BYTES) as u64;
    let proves = |at: usize| {
        let frame = Frame::read(salt, &tail[at..]);
        frame.is_some_and(|frame| (found.next..=most).contains(&frame.durable))
    };
    if !found.is_ended && !(1..tail.len()).any(proves) {
        return Ok(());
    }
    let why = if found.is_ended { "bytes follow its end" } else { "its checksum is wrong" };
    let (name, offset, sequence) = (name.to_owned(), found.good, found.next);
    Err(OpenError::Damaged { name, offset, sequence, why })
}
