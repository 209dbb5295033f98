//! Payloads in blobs of EIP-4844 (P40).
//!
//! A blob is 4,096 field elements of 32 bytes, each below a prime of 255 bits, so 254 bits of each can be used freely.
//! Four elements hold 127 bytes: 31 in the low bytes of each, and three in the six low bits of their top bytes. That is
//! 130,048 of 131,072 bytes, 99.2 %.
//!
//! The first four bytes of the first blob are the payload's length, big-endian; what follows the payload is zero.

use alloc::{vec, vec::Vec};
use thiserror::Error;

/// Bytes of a blob.
pub const BLOB_BYTES: usize = 131_072;
/// Bytes of payload that one blob holds.
pub const BLOB_CAPACITY: usize = BLOB_BYTES / GROUP * GROUP_CAPACITY;
/// Most blobs of one transaction (EIP-7594).
pub const MAX_BLOBS: usize = 6;
/// Bytes of four field elements.
const GROUP: usize = 128;
/// Bytes that they hold.
const GROUP_CAPACITY: usize = 127;
/// Bytes of the length in front of the payload.
const LENGTH: usize = 4;

/// Reason for refusing blobs or a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidBlobs {
    /// The payload does not fit one transaction.
    #[error("payload of {found} bytes is over {bound}")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Most bytes.
        bound: usize,
    },
    /// There are other blobs than the payload needs.
    #[error("{found} blobs, a payload of {bytes} bytes needs {expected}")]
    Count {
        /// Blobs found.
        found: usize,
        /// Blobs that the payload needs.
        expected: usize,
        /// Bytes of the payload.
        bytes: usize,
    },
    /// A blob is not 131,072 bytes long.
    #[error("blob {blob} is {found} bytes long")]
    Size {
        /// Number of the blob.
        blob: usize,
        /// Its bytes.
        found: usize,
    },
    /// A bit is set that a payload leaves zero.
    #[error("blob {blob} has bits that are not the payload's")]
    Stray {
        /// Number of the blob.
        blob: usize,
    },
}

/// Returns how many blobs a payload of `bytes` needs.
pub const fn count(bytes: usize) -> usize {
    (bytes + LENGTH).div_ceil(BLOB_CAPACITY)
}

/// Packs a payload.
///
/// # Errors
///
/// [`InvalidBlobs::TooLong`].
pub fn pack(payload: &[u8]) -> Result<Vec<Vec<u8>>, InvalidBlobs> {
    let bound = MAX_BLOBS * BLOB_CAPACITY - LENGTH;
    if payload.len() > bound {
        return Err(InvalidBlobs::TooLong { found: payload.len(), bound });
    }
    let mut bytes = (payload.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    Ok(bytes.chunks(BLOB_CAPACITY).map(fill).collect())
}

fn fill(bytes: &[u8]) -> Vec<u8> {
    let mut blob = vec![0; BLOB_BYTES];
    for (group, bytes) in blob.chunks_mut(GROUP).zip(bytes.chunks(GROUP_CAPACITY)) {
        let mut full = [0; GROUP_CAPACITY];
        full[..bytes.len()].copy_from_slice(bytes);
        fill_group(group, &full);
    }
    blob
}

/// Puts 127 bytes into four elements: the last three are cut into four times six bits.
fn fill_group(group: &mut [u8], bytes: &[u8; GROUP_CAPACITY]) {
    let bits = u32::from_be_bytes([0, bytes[124], bytes[125], bytes[126]]);
    for (place, element) in group.chunks_mut(32).enumerate() {
        element[0] = (bits >> (18 - 6 * place)) as u8 & 0x3f;
        element[1..].copy_from_slice(&bytes[31 * place..31 * (place + 1)]);
    }
}

/// Takes 127 bytes out of four elements; nothing when one of them has a top bit.
fn drain_group(group: &[u8]) -> Option<[u8; GROUP_CAPACITY]> {
    let (mut bytes, mut bits) = ([0; GROUP_CAPACITY], 0_u32);
    for (place, element) in group.chunks(32).enumerate() {
        if element[0] > 0x3f {
            return None;
        }
        bits = bits << 6 | u32::from(element[0]);
        bytes[31 * place..31 * (place + 1)].copy_from_slice(&element[1..]);
    }
    bytes[124..].copy_from_slice(&bits.to_be_bytes()[1..]);
    Some(bytes)
}

/// Returns the payload of blobs.
///
/// # Errors
///
/// Any [`InvalidBlobs`].
pub fn unpack<T: AsRef<[u8]>>(blobs: &[T]) -> Result<Vec<u8>, InvalidBlobs> {
    let mut bytes = Vec::with_capacity(blobs.len().min(MAX_BLOBS) * BLOB_CAPACITY);
    for (number, blob) in blobs.iter().enumerate().take(MAX_BLOBS + 1) {
        let blob = blob.as_ref();
        if blob.len() != BLOB_BYTES {
            return Err(InvalidBlobs::Size { blob: number, found: blob.len() });
        }
        for group in blob.chunks(GROUP) {
            let group = drain_group(group).ok_or(InvalidBlobs::Stray { blob: number })?;
            bytes.extend_from_slice(&group);
        }
    }
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return Err(InvalidBlobs::Count { found: 0, expected: 1, bytes: 0 });
    };
    let len = u32::from_be_bytes(*length) as usize;
    let (found, expected) = (blobs.len(), count(len));
    if found != expected || found > MAX_BLOBS {
        return Err(InvalidBlobs::Count { found, expected, bytes: len });
    }
    let (payload, zeros) = rest.split_at(len);
    match zeros.iter().position(|byte| *byte != 0) {
        Some(at) => Err(InvalidBlobs::Stray { blob: (LENGTH + len + at) / BLOB_CAPACITY }),
        None => Ok(payload.to_vec()),
    }
}
