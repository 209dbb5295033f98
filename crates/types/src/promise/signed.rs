//! A promise that stands alone.

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::Domain,
    promise::{Group, Path, Signature, Statement},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
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

/// Statements under one signature, from which each promise can be made. Takes far less room than the promises, whose
/// paths overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedGroup {
    domain: Domain,
    group: Group,
    statements: Vec<Statement>,
    signature: Signature,
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

impl SignedGroup {
    /// Signs statements with `sign`, which gets what is to be signed; `None` when there are none, or more than
    /// [`MAX_GROUP`](crate::promise::MAX_GROUP).
    ///
    /// # Errors
    ///
    /// Whatever `sign` answers.
    pub fn sign<E>(
        domain: Domain,
        statements: Vec<Statement>,
        sign: impl FnOnce(B256) -> Result<Signature, E>,
    ) -> Option<Result<Self, E>> {
        let leaves = statements.iter().map(|statement| statement.leaf(&domain)).collect();
        let group = Group::new(domain, leaves)?;
        let signed = sign(group.digest());
        Some(signed.map(|signature| Self { domain, group, statements, signature }))
    }

    /// Returns the statements, in the order of their numbers.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Returns the promise of statement `index`; `None` when the group has no such statement.
    pub fn promise(&self, index: u16) -> Option<SignedPromise> {
        Some(SignedPromise {
            domain: self.domain,
            statement: self.statements.get(usize::from(index))?.clone(),
            path: self.group.path(index)?,
            signature: self.signature,
        })
    }

    /// Returns all promises, in order.
    pub fn promises(&self) -> impl Iterator<Item = SignedPromise> + '_ {
        (0..self.statements.len() as u16).filter_map(|index| self.promise(index))
    }
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
