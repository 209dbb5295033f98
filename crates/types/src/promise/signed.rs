//! A promise that stands alone.

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::Domain,
    promise::{Path, Signature, Statement},
};
use alloy_primitives::Address;
use thiserror::Error;

/// A statement with everything that is needed to check it offline: domain, path and signature of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPromise {
    /// Realm.
    pub domain: Domain,
    /// What is promised.
    pub statement: Statement,
    /// Way to what is signed.
    pub path: Path,
    /// Signature of the group.
    pub signature: Signature,
}

/// Why a promise binds nobody.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PromiseError {
    /// It is not a promise.
    #[error("not a promise: {0}")]
    Encoding(#[from] CodecError),
    /// It cannot be kept by anybody.
    #[error("the promise contradicts itself: {0}")]
    Flaw(&'static str),
    /// No group has such a path.
    #[error("the path fits no group")]
    Path,
    /// No key made the signature.
    #[error("the signature is not valid")]
    Signature,
    /// Another key made the signature.
    #[error("signed by {found}, expected {expected}; an altered byte looks the same")]
    Signer {
        /// Key that was expected.
        expected: Address,
        /// Key that fits the signature.
        found: Address,
    },
}

impl SignedPromise {
    /// Returns the key whose promise this is.
    ///
    /// # Errors
    ///
    /// [`PromiseError`] when it is nobody's. Any signature fits *some* key: compare it with the one that you know, or use
    /// [`Self::verify`].
    pub fn signer(&self) -> Result<Address, PromiseError> {
        if let Some(flaw) = self.statement.flaw(&self.domain) {
            return Err(PromiseError::Flaw(flaw));
        }
        let leaf = self.statement.leaf(&self.domain);
        let digest = self.path.digest(&self.domain, leaf).ok_or(PromiseError::Path)?;
        self.signature.signer(digest).ok_or(PromiseError::Signature)
    }

    /// Checks that the promise is that of `key`.
    ///
    /// # Errors
    ///
    /// [`PromiseError`] when it is not.
    pub fn verify(&self, key: Address) -> Result<(), PromiseError> {
        let found = self.signer()?;
        if found == key { Ok(()) } else { Err(PromiseError::Signer { expected: key, found }) }
    }
}

impl Encode for SignedPromise {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.domain).put(&self.statement).put(&self.path).put(&self.signature);
    }
}

impl Decode for SignedPromise {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            domain: input.get()?,
            statement: input.get()?,
            path: input.get()?,
            signature: input.get()?,
        })
    }
}
