//! The two streams of an encoding: what compresses, and what does not.
//!
//! Signatures, hashes and secrets are random. Between other bytes they cost more than their length, because they spoil
//! the statistics of a compressor; in a stream of their own they cost exactly that.

use alloc::vec::Vec;
use alloy_primitives::B256;
use weft_types::codec::{CodecError, Reader, Writer};

/// Grows both streams.
#[derive(Debug, Default)]
pub(crate) struct Out {
    pub(crate) plain: Writer,
    pub(crate) noise: Writer,
}

/// Takes both streams apart.
#[derive(Debug)]
pub(crate) struct In<'a> {
    pub(crate) plain: Reader<'a>,
    pub(crate) noise: Reader<'a>,
}

/// A part of a batch.
pub(crate) trait Wire: Sized {
    /// Appends the encoding.
    fn write(&self, out: &mut Out);

    /// Reads the value back.
    fn read(input: &mut In<'_>) -> Result<Self, CodecError>;
}

impl Out {
    pub(crate) fn list<T: Wire>(&mut self, values: &[T]) {
        self.plain.len(values.len());
        values.iter().for_each(|value| value.write(self));
    }

    /// Appends random bytes whose number the reader cannot know.
    pub(crate) fn random(&mut self, bytes: &[u8]) {
        self.plain.len(bytes.len());
        self.noise.raw(bytes);
    }
}

impl In<'_> {
    /// Takes a list that is not empty, because a flag says that it is there.
    pub(crate) fn some<T: Wire>(&mut self, bound: usize) -> Result<Vec<T>, CodecError> {
        let values = self.list(bound)?;
        if values.is_empty() {
            return Err(CodecError::NotCanonical("an empty list that is said to be there"));
        }
        Ok(values)
    }

    pub(crate) fn list<T: Wire>(&mut self, bound: usize) -> Result<Vec<T>, CodecError> {
        let len = self.plain.bounded_len(bound)?;
        let mut values = Vec::new();
        for _ in 0..len {
            values.push(T::read(self)?);
        }
        Ok(values)
    }

    pub(crate) fn random(&mut self, bound: usize) -> Result<Vec<u8>, CodecError> {
        let len = self.plain.bounded_len(bound)?;
        self.noise.raw(len).map(<[u8]>::to_vec)
    }

    pub(crate) fn hash(&mut self) -> Result<B256, CodecError> {
        self.noise.hash()
    }
}
