//! Bytes of a segment: a header, then frames. Numbers are big-endian.
//!
//! ```text
//! header  magic 8 | format 2 | realm 32 | first sequence 8 | salt 4 | crc32c 4
//! frame   crc32c 4 | body length 4 | kind 1 | sequence 8 | durable 8 | body
//! ```
//!
//! `durable` is the last record that was on disk when the frame was written. So a broken frame that a later one calls
//! durable is damage, and one that no later frame vouches for is a write that was never finished. The salt is random and
//! starts the checksums of the segment's frames, so that nobody can hide a frame inside a record.

/// First bytes of every segment.
const MAGIC: &[u8; 8] = b"WEFTLOG\n";
/// Version of the format.
pub(crate) const FORMAT: u16 = 1;
/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 58;
/// Bytes of a frame before its body.
pub(crate) const FRAME_BYTES: usize = 25;
/// Most bytes of a record.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A record.
    Record = 1,
    /// A note that everything before is durable.
    Mark = 2,
    /// The end of a segment; the next one exists.
    End = 3,
}

/// A frame with the right checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    /// Number of the record; for others, of the next record.
    pub(crate) sequence: u64,
    /// Last record known to be on disk when this was written.
    pub(crate) durable: u64,
    pub(crate) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Returns a frame without a body.
    pub(crate) const fn note(kind: Kind, sequence: u64, durable: u64) -> Self {
        Self { kind, sequence, durable, body: &[] }
    }

    pub(crate) fn write(&self, salt: u32, out: &mut Vec<u8>) {
        let start = out.len();
        let length = u32::try_from(self.body.len()).expect("records are bounded");
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&length.to_be_bytes());
        out.push(self.kind as u8);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.durable.to_be_bytes());
        out.extend_from_slice(self.body);
        let checksum = crc32c::crc32c_append(salt, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&checksum.to_be_bytes());
    }

    /// Reads the frame at the start of `bytes`; `None` when there is no whole and unbroken one.
    pub(crate) fn read(salt: u32, bytes: &'a [u8]) -> Option<Self> {
        let length = u32_at(bytes, 4)? as usize;
        let kind = match bytes.get(8)? {
            1 => Kind::Record,
            2 => Kind::Mark,
            3 => Kind::End,
            _ => return None,
        };
        if length > MAX_RECORD_BYTES || (kind != Kind::Record && length > 0) {
            return None;
        }
        let whole = bytes.get(..FRAME_BYTES + length)?;
        if crc32c::crc32c_append(salt, &whole[4..]) != u32_at(bytes, 0)? {
            return None;
        }
        let (sequence, durable) = (u64_at(bytes, 9)?, u64_at(bytes, 17)?);
        Some(Self { kind, sequence, durable, body: &whole[FRAME_BYTES..] })
    }

    pub(crate) const fn len(&self) -> usize {
        FRAME_BYTES + self.body.len()
    }
}

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) format: u16,
    pub(crate) realm: [u8; 32],
    pub(crate) first: u64,
    pub(crate) salt: u32,
}

impl Header {
    pub(crate) fn bytes(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(MAGIC);
        out[8..10].copy_from_slice(&self.format.to_be_bytes());
        out[10..42].copy_from_slice(&self.realm);
        out[42..50].copy_from_slice(&self.first.to_be_bytes());
        out[50..54].copy_from_slice(&self.salt.to_be_bytes());
        let checksum = crc32c::crc32c(&out[..54]);
        out[54..].copy_from_slice(&checksum.to_be_bytes());
        out
    }

    /// Reads a header; the error says what does not fit.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let header = bytes.get(..HEADER_BYTES).ok_or("it is too short")?;
        if &header[..8] != MAGIC {
            return Err("it does not begin like one");
        }
        if u32_at(header, 54) != Some(crc32c::crc32c(&header[..54])) {
            return Err("the checksum of its header is wrong");
        }
        let format = u16::from_be_bytes([header[8], header[9]]);
        let mut realm = [0; 32];
        realm.copy_from_slice(&header[10..42]);
        let (first, salt) = (u64_at(header, 42), u32_at(header, 50));
        let whole = "the header is whole";
        Ok(Self { format, realm, first: first.expect(whole), salt: salt.expect(whole) })
    }
}

/// Returns the file name of the segment that begins with record `first`.
pub(crate) fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

/// Returns the first record of a segment by its file name.
pub(crate) fn segment_first(name: &str) -> Option<u64> {
    let first = name.strip_suffix(".log")?.parse().ok()?;
    (segment_name(first) == name).then_some(first)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns bytes as hexadecimal digits.
    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn bytes_of_the_format_are_fixed() {
        let header = Header { format: FORMAT, realm: [0x11; 32], first: 7, salt: 0x0102_0304 };
        let bytes = header.bytes();
        let realm = "11".repeat(32);
        let start = format!("574546544c4f470a0001{realm}000000000000000701020304");
        assert_eq!(hex(&bytes[..54]), start);
        assert_eq!(hex(&bytes[54..]), format!("{:08x}", crc32c::crc32c(&bytes[..54])));
        assert_eq!(Header::read(&bytes), Ok(header));

        let frame = Frame { kind: Kind::Record, sequence: 7, durable: 6, body: b"weft" };
        let mut bytes = Vec::new();
        frame.write(header.salt, &mut bytes);
        let rest = "00000004010000000000000007000000000000000677656674";
        assert_eq!(hex(&bytes[4..]), rest);
        assert_eq!(Frame::read(header.salt, &bytes), Some(frame));
        assert_eq!(Frame::read(header.salt + 1, &bytes), None);
    }

    #[test]
    fn the_checksum_is_crc32c() {
        // RFC 3720, B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
    }
}
