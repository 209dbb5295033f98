//! Signatures over digests.

use crate::codec::{CodecError, Decode, Encode, Reader, Writer};
use alloc::string::{String, ToString};
use alloy_consensus::crypto::secp256k1::recover_signer;
use alloy_primitives::{Address, B256, Signature as Inner, hex};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Recoverable secp256k1 signature in its one accepted form: `r || s || parity`, low s, parity 0 or 1.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature(Inner);

impl Signature {
    /// Takes a signature; the other form of it, with high s, is refused.
    pub fn new(inner: Inner) -> Option<Self> {
        inner.normalize_s().is_none().then_some(Self(inner))
    }

    /// Reads `r || s || parity`.
    pub fn from_bytes(bytes: &[u8; 65]) -> Option<Self> {
        if bytes[64] > 1 {
            return None;
        }
        Self::new(Inner::from_bytes_and_parity(&bytes[..64], bytes[64] == 1))
    }

    /// Returns `r || s || parity`.
    pub fn to_bytes(self) -> [u8; 65] {
        let mut bytes = self.0.as_bytes();
        bytes[64] = u8::from(self.0.v());
        bytes
    }

    /// Returns who signed `digest`; `None` when nobody can have.
    pub fn signer(&self, digest: B256) -> Option<Address> {
        recover_signer(&self.0, digest).ok()
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(*self))
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        hex::encode_prefixed(signature.to_bytes())
    }
}

impl TryFrom<String> for Signature {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes: [u8; 65] = hex::decode_to_array(text).map_err(|error| error.to_string())?;
        Self::from_bytes(&bytes).ok_or_else(|| "not a signature in its one accepted form".into())
    }
}

impl Encode for Signature {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&self.to_bytes());
    }
}

impl Decode for Signature {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut bytes = [0; 65];
        bytes.copy_from_slice(input.raw(65)?);
        Self::from_bytes(&bytes).ok_or(CodecError::NotCanonical("signature with high s or parity"))
    }
}
