//! Canonical binary encoding: big-endian integers, no optional forms.
//!
//! Numbers that are usually small, lengths among them, are written as one byte of length and then that many bytes
//! without leading zeros. Hops are hashed by the million: a return, and a call with little data, fit one block of
//! Keccak this way.
//!
//! Every value has exactly one encoding; decoding refuses trailing bytes, unknown tags and lengths over the
//! caller's bound, so that `encode(decode(x)) == x` for every accepted `x`.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256};
use thiserror::Error;

/// Version byte that starts every top-level encoding.
pub const ENCODING_VERSION: u8 = 1;
/// Longest byte string accepted inside an encoding, in bytes.
pub const MAX_BYTES: usize = 1 << 24;
/// Longest list accepted inside an encoding, in elements.
pub const MAX_LIST: usize = 1 << 16;

/// Reason for refusing an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The input ended inside a value.
    #[error("input ends {missing} bytes early")]
    Short {
        /// Bytes that were still needed.
        missing: usize,
    },
    /// Bytes follow the value.
    #[error("{left} bytes follow the value")]
    Trailing {
        /// Bytes left over.
        left: usize,
    },
    /// A tag, flag or version has no meaning here.
    #[error("byte {found:#04x} is not a valid {what}")]
    Tag {
        /// What was being read.
        what: &'static str,
        /// The byte found.
        found: u8,
    },
    /// A length is over its bound.
    #[error("length {found} is over the bound {bound}")]
    Length {
        /// Length found.
        found: usize,
        /// Largest accepted length.
        bound: usize,
    },
    /// A value is well formed but not allowed, such as unsorted entries of a sorted list.
    #[error("not canonical: {0}")]
    NotCanonical(&'static str),
}

/// Grows an encoding.
#[derive(Debug, Default, Clone)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Creates an empty writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Appends one byte.
    #[inline]
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Appends a boolean as 0 or 1.
    #[inline]
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    /// Appends two bytes.
    #[inline]
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends four bytes.
    #[inline]
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends eight bytes.
    #[inline]
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    /// Appends a number without leading zeros, behind its length.
    #[inline]
    pub fn number(&mut self, value: impl Into<u128>) -> &mut Self {
        let value = value.into();
        match u64::try_from(value) {
            Ok(value) => self.small(value),
            Err(_) => {
                let zeros = value.leading_zeros() as usize / 8;
                self.u8(16 - zeros as u8).raw(&value.to_be_bytes()[zeros..])
            }
        }
    }

    /// Appends a number of up to 64 bits. A copy of fixed size, cut to length, is several times cheaper than one of
    /// the digits alone.
    #[inline]
    fn small(&mut self, value: u64) -> &mut Self {
        let zeros = value.leading_zeros() / 8;
        let len = 8 - zeros as u8;
        let digits = value.checked_shl(8 * zeros).unwrap_or_default().to_be_bytes();
        let mut out = [len; 9];
        out[1..].copy_from_slice(&digits);
        self.raw(&out);
        self.0.truncate(self.0.len() - zeros as usize);
        self
    }

    /// Appends a 256-bit number without leading zeros, behind its length.
    #[inline]
    pub fn number256(&mut self, value: U256) -> &mut Self {
        match u128::try_from(value) {
            Ok(value) => self.number(value),
            Err(_) => {
                let len = value.byte_len();
                self.u8(len as u8).raw(&value.to_be_bytes::<32>()[32 - len..])
            }
        }
    }

    /// Appends thirty-two bytes.
    #[inline]
    pub fn u256(&mut self, value: U256) -> &mut Self {
        self.raw(&value.to_be_bytes::<32>())
    }

    /// Appends a hash.
    #[inline]
    pub fn hash(&mut self, value: &B256) -> &mut Self {
        self.raw(value.as_slice())
    }

    /// Appends an address.
    #[inline]
    pub fn address(&mut self, value: &Address) -> &mut Self {
        self.raw(value.as_slice())
    }

    /// Appends a length-prefixed byte string.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.len(value.len()).raw(value)
    }

    /// Appends a length prefix.
    ///
    /// # Panics
    ///
    /// Panics when `len` does not fit 32 bits, which no bounded value reaches.
    #[inline]
    pub fn len(&mut self, len: usize) -> &mut Self {
        self.number(u32::try_from(len).expect("bounded lengths fit 32 bits"))
    }

    /// Appends bytes without a prefix.
    #[inline]
    pub fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(value);
        self
    }

    /// Appends a value.
    #[inline]
    pub fn put<T: Encode>(&mut self, value: &T) -> &mut Self {
        value.encode_to(self);
        self
    }

    /// Appends a length-prefixed list.
    pub fn list<T: Encode>(&mut self, values: &[T]) -> &mut Self {
        self.len(values.len());
        values.iter().for_each(|value| value.encode_to(self));
        self
    }

    /// Returns the bytes written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Forgets everything written, keeping the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the encoding.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes an encoding apart.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the beginning of `input`.
    pub const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Takes `len` bytes.
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        if self.0.len() < len {
            return Err(CodecError::Short { missing: len - self.0.len() });
        }
        let (head, tail) = self.0.split_at(len);
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let mut out = [0; N];
        out.copy_from_slice(self.raw(N)?);
        Ok(out)
    }

    /// Takes one byte.
    pub fn u8(&mut self) -> Result<u8, CodecError> {
        Ok(self.array::<1>()?[0])
    }

    /// Takes a boolean.
    pub fn bool(&mut self) -> Result<bool, CodecError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(CodecError::Tag { what: "boolean", found }),
        }
    }

    /// Takes two bytes.
    pub fn u16(&mut self) -> Result<u16, CodecError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Takes four bytes.
    pub fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes eight bytes.
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Takes a number that [`Writer::number`] wrote and that fits `T`.
    pub fn number<T: TryFrom<U256>>(&mut self) -> Result<T, CodecError> {
        let bound = size_of::<T>();
        let found = usize::from(self.u8()?);
        if found > bound {
            return Err(CodecError::Length { found, bound });
        }
        let digits = self.raw(found)?;
        if digits.first() == Some(&0) {
            return Err(CodecError::NotCanonical("number with a leading zero"));
        }
        let value = U256::from_be_slice(digits);
        T::try_from(value).map_err(|_| CodecError::Length { found, bound })
    }

    /// Takes thirty-two bytes.
    pub fn u256(&mut self) -> Result<U256, CodecError> {
        self.array::<32>().map(U256::from_be_bytes)
    }

    /// Takes a hash.
    pub fn hash(&mut self) -> Result<B256, CodecError> {
        self.array::<32>().map(B256::from)
    }

    /// Takes an address.
    pub fn address(&mut self) -> Result<Address, CodecError> {
        self.array::<20>().map(Address::from)
    }

    /// Takes a byte string of at most [`MAX_BYTES`].
    pub fn bytes(&mut self) -> Result<Bytes, CodecError> {
        let len = self.bounded_len(MAX_BYTES)?;
        self.raw(len).map(Bytes::copy_from_slice)
    }

    /// Takes a length of at most `bound`.
    pub fn bounded_len(&mut self, bound: usize) -> Result<usize, CodecError> {
        let found = self.number::<u32>()? as usize;
        if found > bound { Err(CodecError::Length { found, bound }) } else { Ok(found) }
    }

    /// Takes a value.
    pub fn get<T: Decode>(&mut self) -> Result<T, CodecError> {
        T::decode_from(self)
    }

    /// Takes a list of at most [`MAX_LIST`] values.
    pub fn list<T: Decode>(&mut self) -> Result<Vec<T>, CodecError> {
        self.bounded_list(MAX_LIST)
    }

    /// Takes a list of at most `bound` values.
    pub fn bounded_list<T: Decode>(&mut self, bound: usize) -> Result<Vec<T>, CodecError> {
        let len = self.bounded_len(bound)?;
        let mut out = Vec::new();
        for _ in 0..len {
            out.push(T::decode_from(self)?);
        }
        Ok(out)
    }

    /// Returns true when nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the reading; bytes left over are an error.
    pub const fn finish(self) -> Result<(), CodecError> {
        if self.0.is_empty() { Ok(()) } else { Err(CodecError::Trailing { left: self.0.len() }) }
    }
}

/// A value with a canonical encoding.
pub trait Encode {
    /// Appends the encoding to `out`.
    fn encode_to(&self, out: &mut Writer);

    /// Returns the encoding behind the version byte.
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(ENCODING_VERSION);
        self.encode_to(&mut out);
        out.finish()
    }
}

/// A value that can be read back from its canonical encoding.
pub trait Decode: Sized {
    /// Reads the value from `input`.
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError>;

    /// Reads the value from a whole encoding with its version byte.
    ///
    /// # Errors
    ///
    /// Any [`CodecError`]; a caller cannot repair the input.
    fn decode(input: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(input);
        match reader.u8()? {
            ENCODING_VERSION => {}
            found => return Err(CodecError::Tag { what: "encoding version", found }),
        }
        let value = Self::decode_from(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}
