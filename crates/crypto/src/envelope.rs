//! The envelope: what a user submits, and the parts of it that everybody can read (P12, P13).

use crate::hash::{Part, Transcript};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use core::fmt;
use thiserror::Error;
use weft_types::{CodecError, Decode, Domain, Encode, NetworkId, Reader, SlotNumber, Writer};

/// Which delay scheme sealed an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SchemeId {
    /// Key of an epoch.
    EpochKey = 1,
    /// A puzzle of the envelope's own.
    Puzzle = 2,
    /// A committee's threshold signature over an epoch: the workspace `threshold/` opens it.
    Threshold = 3,
    /// A puzzle of the envelope's own whose content is proven: the crate `weft-decryptable` opens it.
    Proven = 4,
}

impl SchemeId {
    /// Returns the bytes of the scheme's head.
    pub const fn head_bytes(self) -> usize {
        match self {
            Self::EpochKey => 33,
            Self::Puzzle | Self::Proven => 256,
            Self::Threshold => 112,
        }
    }

    fn from_byte(found: u8) -> Result<Self, CodecError> {
        match found {
            1 => Ok(Self::EpochKey),
            2 => Ok(Self::Puzzle),
            3 => Ok(Self::Threshold),
            4 => Ok(Self::Proven),
            _ => Err(CodecError::Tag { what: "sealing scheme", found }),
        }
    }
}

/// Length of a padded plaintext: 256 bytes times a power of two, up to 128 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SizeBucket(u8);

/// Bytes in front of a padded plaintext that hold its length.
const LENGTH_BYTES: usize = 4;
/// The largest size bucket.
const MAX_SIZE: u8 = 9;
/// The largest gas bucket.
const MAX_GAS: u8 = 10;

/// A plaintext is longer than the bucket takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{found} bytes do not fit the bucket's {bound}")]
pub struct TooLong {
    /// Bytes found.
    pub found: usize,
    /// Bytes that fit.
    pub bound: usize,
}

impl SizeBucket {
    /// Names bucket `index`, of `256 << index` bytes; nothing when there is none.
    pub const fn new(index: u8) -> Option<Self> {
        if index <= MAX_SIZE { Some(Self(index)) } else { None }
    }

    /// Returns the smallest bucket that takes a plaintext of `len` bytes.
    ///
    /// # Errors
    ///
    /// [`TooLong`].
    pub fn for_len(len: usize) -> Result<Self, TooLong> {
        let largest = Self(MAX_SIZE).capacity();
        (0..=MAX_SIZE)
            .map(Self)
            .find(|bucket| bucket.capacity() >= len)
            .ok_or(TooLong { found: len, bound: largest })
    }

    /// Returns the bucket's number.
    pub const fn index(self) -> u8 {
        self.0
    }

    /// Returns the bytes of a padded plaintext.
    pub const fn bytes(self) -> usize {
        256 << self.0
    }

    /// Returns the bytes of the longest plaintext.
    pub const fn capacity(self) -> usize {
        self.bytes() - LENGTH_BYTES
    }
}

/// Gas that the content may use: 2^15 times a power of two, up to 2^25.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GasBucket(u8);

impl GasBucket {
    /// Names bucket `index`, of `32,768 << index` gas; nothing when there is none.
    pub const fn new(index: u8) -> Option<Self> {
        if index <= MAX_GAS { Some(Self(index)) } else { None }
    }

    /// Returns the bound.
    pub const fn gas_limit(self) -> u64 {
        32_768 << self.0
    }
}

/// What the sequencer must know of an envelope before it can read it. All of it is bound: a ciphertext with any other
/// carriage is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carriage {
    /// Who pays the carriage fee.
    pub payer: Address,
    /// Where the payer's deposit lies.
    pub deposit: NetworkId,
    /// The target, when the user leaves it in clear.
    pub rollup: Option<NetworkId>,
    /// The epoch in which it is ordered.
    pub epoch: u64,
    /// The last slot in which it may be ordered.
    pub valid_until: SlotNumber,
    /// Length of the padded plaintext.
    pub size: SizeBucket,
    /// Gas that the content may use.
    pub gas: GasBucket,
    /// Highest fee for both buckets, in wei.
    pub max_fee_wei: u128,
}

/// A sealed item as submitted. Its payer signs [`Self::id`].
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Scheme.
    pub scheme: SchemeId,
    /// Name of the key, setup or committee that it is sealed to.
    pub key: B256,
    /// What everybody can read.
    pub carriage: Carriage,
    /// The scheme's own part, [`SchemeId::head_bytes`] long; any bytes at all.
    pub head: Vec<u8>,
    /// The seed, masked by what the head hides.
    pub masked_seed: B256,
    /// The padded plaintext under the seed's stream, [`SizeBucket::bytes`] long.
    pub body: Vec<u8>,
}

impl Envelope {
    /// Returns the hash of everything.
    pub fn id(&self, domain: &Domain) -> B256 {
        Transcript::of_realm(domain, Part::Envelope).put(&self.encode()).finish()
    }

    /// Returns the hash of what is readable; it goes into every mask.
    pub fn readable(&self, domain: &Domain) -> B256 {
        readable(domain, self.scheme, &self.key, &self.carriage)
    }
}

/// Returns the hash of scheme, key and carriage.
pub(crate) fn readable(domain: &Domain, scheme: SchemeId, key: &B256, carriage: &Carriage) -> B256 {
    let mut out = Writer::default();
    out.u8(scheme as u8).hash(key).put(carriage);
    Transcript::of_realm(domain, Part::Readable).put(out.as_slice()).finish()
}

impl Encode for Carriage {
    fn encode_to(&self, out: &mut Writer) {
        out.address(&self.payer).u32(self.deposit.get()).bool(self.rollup.is_some());
        if let Some(rollup) = self.rollup {
            out.u32(rollup.get());
        }
        out.u64(self.epoch).u64(self.valid_until.get()).u8(self.size.0).u8(self.gas.0);
        out.raw(&self.max_fee_wei.to_be_bytes());
    }
}

impl Decode for Carriage {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            payer: input.address()?,
            deposit: NetworkId::new(input.u32()?),
            rollup: match input.bool()? {
                true => Some(NetworkId::new(input.u32()?)),
                false => None,
            },
            epoch: input.u64()?,
            valid_until: SlotNumber::new(input.u64()?),
            size: bucket(input.u8()?, "size bucket", SizeBucket::new)?,
            gas: bucket(input.u8()?, "gas bucket", GasBucket::new)?,
            max_fee_wei: u128::from_be_bytes(crate::share::array(input)?),
        })
    }
}

fn bucket<T>(
    found: u8,
    what: &'static str,
    make: impl Fn(u8) -> Option<T>,
) -> Result<T, CodecError> {
    make(found).ok_or(CodecError::Tag { what, found })
}

impl Encode for Envelope {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(self.scheme as u8).hash(&self.key).put(&self.carriage);
        out.raw(&self.head).hash(&self.masked_seed).raw(&self.body);
    }
}

impl Decode for Envelope {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let scheme = SchemeId::from_byte(input.u8()?)?;
        let key = input.hash()?;
        let carriage: Carriage = input.get()?;
        let head = input.raw(scheme.head_bytes())?.to_vec();
        let masked_seed = input.hash()?;
        let body = input.raw(carriage.size.bytes())?.to_vec();
        Ok(Self { scheme, key, carriage, head, masked_seed, body })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("scheme", &self.scheme)
            .field("key", &self.key)
            .field("carriage", &self.carriage)
            .finish_non_exhaustive()
    }
}

/// Pads a plaintext: its length in four bytes, itself, zeros.
///
/// # Errors
///
/// [`TooLong`] when the bucket is too small.
pub(crate) fn pad(plaintext: &[u8], bucket: SizeBucket) -> Result<Vec<u8>, TooLong> {
    let (found, bound) = (plaintext.len(), bucket.capacity());
    if found > bound {
        return Err(TooLong { found, bound });
    }
    let mut padded = Vec::with_capacity(bucket.bytes());
    padded.extend((found as u32).to_be_bytes());
    padded.extend(plaintext);
    padded.resize(bucket.bytes(), 0);
    Ok(padded)
}

/// Returns the plaintext of a padded one; nothing when its length or its zeros are wrong.
pub(crate) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (len, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (plaintext, zeros) = rest.split_at_checked(len)?;
    zeros.iter().all(|byte| *byte == 0).then_some(plaintext)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_they_say() {
        for len in [0, 1, 252, 253, 508, 509, 131_068] {
            let bucket = SizeBucket::for_len(len).unwrap();
            assert!(bucket.capacity() >= len);
            let smaller = bucket.0.checked_sub(1).map(SizeBucket);
            assert!(smaller.is_none_or(|smaller| smaller.capacity() < len));
        }
        let refused = TooLong { found: 131_069, bound: 131_068 };
        assert_eq!(SizeBucket::for_len(131_069), Err(refused));
        assert_eq!(SizeBucket::new(10), None);
        assert_eq!(GasBucket::new(10).unwrap().gas_limit(), 1 << 25);
        assert_eq!(GasBucket::new(11), None);
    }

    #[test]
    fn padding_has_one_form() {
        let bucket = SizeBucket::new(0).unwrap();
        for len in [0, 1, 100, 252] {
            let plaintext = alloc::vec![7; len];
            assert_eq!(unpad(&pad(&plaintext, bucket).unwrap()), Some(&plaintext[..]));
        }
        assert!(pad(&[0; 253], bucket).is_err());
        let mut padded = pad(&[7; 100], bucket).unwrap();
        padded[255] = 1;
        assert_eq!(unpad(&padded), None);
        padded[..4].copy_from_slice(&253_u32.to_be_bytes());
        assert_eq!(unpad(&padded), None);
        padded[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(unpad(&padded), None);
        assert_eq!(unpad(&[0; 3]), None);
    }
}
