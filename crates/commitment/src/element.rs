//! One element of the vector.

use alloy_primitives::B256;
use weft_types::{CodecError, Decode, Encode, Reader, Writer};

/// The low 248 bits of a running hash: a number that every field of 255 bits has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Element(B256);

impl Element {
    /// Takes the low 248 bits of a running hash.
    pub const fn of(chain: &B256) -> Self {
        let mut bytes = chain.0;
        bytes[0] = 0;
        Self(B256::new(bytes))
    }

    /// Returns the number as 32 bytes, of which the first is zero.
    pub const fn word(&self) -> &B256 {
        &self.0
    }
}

impl Encode for Element {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.0);
    }
}

impl Decode for Element {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let word = input.hash()?;
        if word[0] == 0 {
            Ok(Self(word))
        } else {
            Err(CodecError::NotCanonical("element over 248 bits"))
        }
    }
}
