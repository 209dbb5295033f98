//! What a puzzle's solution decrypts: the body's encoding, padding and masks.
//!
//! A body of `256 << size` bytes is `8 << size` elements of 32 bytes, each of which masks 31 bytes of plaintext. The tag
//! stands where other schemes have the masked seed.

use crate::{
    poseidon::{Arithmetic, Duplex, Plain, RATE},
    square::{CHUNKS, chunks},
};
use alloy_primitives::{B256, Bytes};
use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use crypto_bigint::U2048;
use weft_crypto::{SizeBucket, TooLong};
use zeroize::Zeroizing;

/// Bytes of plaintext in an element.
pub(crate) const PLAIN_BYTES: usize = 31;
/// Bytes of an element.
const ELEMENT_BYTES: usize = 32;
/// Bytes in front of a padded plaintext that hold its length.
pub(crate) const LENGTH_BYTES: usize = 4;

/// Returns the elements of a body.
pub(crate) const fn elements(size: SizeBucket) -> usize {
    size.bytes() / ELEMENT_BYTES
}

/// Returns the bytes of the longest plaintext of a bucket.
pub const fn capacity(size: SizeBucket) -> usize {
    PLAIN_BYTES * elements(size) - LENGTH_BYTES
}

/// A body as numbers, and its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Masked<N> {
    pub(crate) body: Vec<N>,
    pub(crate) tag: N,
}

/// Masks a plaintext under a key, in numbers or in a circuit.
pub(crate) fn mask<A: Arithmetic>(
    arithmetic: &mut A,
    key: &[A::Number],
    plain: &[A::Number],
) -> Masked<A::Number> {
    let mut duplex = Duplex::new(arithmetic, purpose(plain.len()), key);
    let blocks = plain.chunks(RATE).flat_map(|block| duplex.mask(arithmetic, block));
    let body = blocks.collect();
    Masked { body, tag: duplex.tag() }
}

/// Unmasks a body; nothing when the tag is another.
pub(crate) fn unmask(key: &[Fr], masked: &Masked<Fr>) -> Option<Vec<Fr>> {
    let mut duplex = Duplex::new(&mut Plain, purpose(masked.body.len()), key);
    let blocks = masked.body.chunks(RATE).flat_map(|block| duplex.unmask(&mut Plain, block));
    let plain = blocks.collect();
    (duplex.tag() == masked.tag).then_some(plain)
}

fn purpose(elements: usize) -> Fr {
    let name = [b"weft proven puzzle 1".as_slice(), &(elements as u64).to_be_bytes()].concat();
    Fr::from_be_bytes_mod_order(&name)
}

/// Returns the halves of the hash of what is readable.
pub(crate) fn context(readable: &B256) -> [Fr; 2] {
    [&readable[..16], &readable[16..]].map(Fr::from_be_bytes_mod_order)
}

/// Returns what the masks come from: everything readable, and the solution.
pub(crate) fn key(readable: &B256, solution: &U2048) -> Zeroizing<[Fr; 2 + CHUNKS]> {
    let [high, low] = context(readable);
    let chunks = Zeroizing::new(chunks(solution));
    Zeroizing::new(core::array::from_fn(|at| match at {
        0 => high,
        1 => low,
        _ => chunks[at - 2],
    }))
}

/// Pads a plaintext: its length in four bytes, itself, zeros.
pub(crate) fn pad(plaintext: &[u8], size: SizeBucket) -> Result<Zeroizing<Vec<u8>>, TooLong> {
    let (found, bound) = (plaintext.len(), capacity(size));
    if found > bound {
        return Err(TooLong { found, bound });
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(LENGTH_BYTES + bound));
    padded.extend((found as u32).to_be_bytes());
    padded.extend(plaintext);
    padded.resize(LENGTH_BYTES + bound, 0);
    Ok(padded)
}

/// Returns the numbers of a padded plaintext.
pub(crate) fn plain(padded: &[u8]) -> Vec<Fr> {
    padded.chunks(PLAIN_BYTES).map(Fr::from_be_bytes_mod_order).collect()
}

/// Returns the plaintext of its numbers; nothing when they are too large, the length is or the zeros are none.
pub(crate) fn unpad(plain: &[Fr]) -> Option<Bytes> {
    let mut padded = Vec::with_capacity(plain.len() * PLAIN_BYTES);
    for number in plain {
        let bytes = number.into_bigint().to_bytes_be();
        let (head, tail) = bytes.split_at(ELEMENT_BYTES - PLAIN_BYTES);
        if head != [0] {
            return None;
        }
        padded.extend(tail);
    }
    let (len, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (plaintext, zeros) = rest.split_at_checked(len)?;
    zeros.iter().all(|byte| *byte == 0).then(|| Bytes::copy_from_slice(plaintext))
}

/// Writes elements, 32 bytes each.
pub(crate) fn encode(elements: &[Fr]) -> Vec<u8> {
    elements.iter().flat_map(|element| element.into_bigint().to_bytes_be()).collect()
}

/// Reads elements; nothing when one is not below the order of the field, or the bytes do not divide.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Fr>> {
    if !bytes.len().is_multiple_of(ELEMENT_BYTES) {
        return None;
    }
    bytes
        .chunks(ELEMENT_BYTES)
        .map(|chunk| {
            let element = Fr::from_be_bytes_mod_order(chunk);
            (encode(&[element]) == chunk).then_some(element)
        })
        .collect()
}
