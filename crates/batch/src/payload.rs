//! The payload: an encoded batch with its compressible half compressed.
//!
//! ```text
//! version 1 | method 1 | bytes of the plain stream | bytes of it packed | packed | noise
//! ```
//!
//! Methods: 0 nothing, 1 Brotli with a window of at most 16 MiB. Compression has no one form, and needs none: what is
//! signed and hashed is the encoding inside.

use crate::{batch::split, brotli::decompress};
use alloc::vec::Vec;
use thiserror::Error;
use weft_types::codec::{CodecError, ENCODING_VERSION, Reader, Writer};

/// Most bytes of an encoded batch.
pub const MAX_BATCH_BYTES: usize = 1 << 24;

/// The plain stream as it is.
const STORED: u8 = 0;
/// The plain stream as a stream of Brotli.
const BROTLI: u8 = 1;

/// Compresses: a shell's matter, because no compressor has to give the same bytes everywhere.
pub trait Compress {
    /// Returns a stream of Brotli; nothing when that does not work out.
    fn compress(&mut self, plain: &[u8]) -> Option<Vec<u8>>;
}

/// Reason for refusing a payload.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidPayload {
    /// What holds the frame is not what it should be.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The stream cannot be decompressed.
    #[error("cannot decompress: {0}")]
    Stream(&'static str),
    /// The stream holds more or less than is said.
    #[error("{found} bytes decompressed, {declared} declared")]
    Size {
        /// Bytes decompressed.
        found: usize,
        /// Bytes declared.
        declared: usize,
    },
}

/// Packs an encoded batch.
///
/// # Errors
///
/// [`CodecError`] for bytes that are no encoded batch.
pub fn pack(encoding: &[u8], with: &mut impl Compress) -> Result<Vec<u8>, CodecError> {
    let (plain, noise) = split(encoding)?;
    let packed = with.compress(plain).filter(|packed| packed.len() < plain.len());
    let (method, body) = match &packed {
        Some(packed) => (BROTLI, packed.as_slice()),
        None => (STORED, plain),
    };
    let mut out = Writer::with_capacity(body.len() + noise.len() + 16);
    out.u8(ENCODING_VERSION).u8(method).len(plain.len()).bytes(body).raw(noise);
    Ok(out.finish())
}

/// Returns the encoded batch of a payload.
///
/// # Errors
///
/// Any [`InvalidPayload`].
pub fn unpack(payload: &[u8]) -> Result<Vec<u8>, InvalidPayload> {
    let mut input = Reader::new(payload);
    match input.u8()? {
        ENCODING_VERSION => {}
        found => return Err(CodecError::Tag { what: "payload version", found }.into()),
    }
    let method = input.u8()?;
    let declared = input.bounded_len(MAX_BATCH_BYTES)?;
    let len = input.bounded_len(MAX_BATCH_BYTES)?;
    let body = input.raw(len)?;
    let plain = match method {
        STORED => body.to_vec(),
        BROTLI => decompress(body, declared).map_err(InvalidPayload::Stream)?,
        found => return Err(CodecError::Tag { what: "method of a payload", found }.into()),
    };
    if plain.len() != declared {
        return Err(InvalidPayload::Size { found: plain.len(), declared });
    }
    let noise = rest(input)?;
    let mut out = Writer::with_capacity(plain.len() + noise.len() + 8);
    out.u8(ENCODING_VERSION).bytes(&plain).raw(noise);
    Ok(out.finish())
}

fn rest<'a>(mut input: Reader<'a>) -> Result<&'a [u8], CodecError> {
    match input.finish() {
        Err(CodecError::Trailing { left }) => input.raw(left),
        _ => Ok(&[]),
    }
}
