//! Who signs.

use alloy_primitives::{Address, B256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use std::fmt;
use thiserror::Error;
use weft_types::Signature;

/// Holder of a key that signs digests. It decides nothing: what may be signed is the guard's matter.
pub trait Signer: Send + fmt::Debug {
    /// Returns the address of the key.
    fn address(&self) -> Address;

    /// Signs a digest.
    ///
    /// # Errors
    ///
    /// [`SignError`] when there is no signature; the caller then promises nothing.
    fn sign(&mut self, digest: B256) -> Result<Signature, SignError>;
}

/// Why there is no signature.
#[derive(Debug, Error)]
pub enum SignError {
    /// The key itself is of no use.
    #[error("the key does not sign: {0}")]
    Key(String),
    /// The program that holds the key does not answer as it should.
    #[error("signer program {program}: {why}")]
    Program {
        /// Program.
        program: String,
        /// What went wrong.
        why: String,
    },
}

/// A key in this process.
pub struct LocalSigner(PrivateKeySigner);

impl LocalSigner {
    /// Takes a private key; `None` when it is none.
    pub fn new(key: &B256) -> Option<Self> {
        PrivateKeySigner::from_bytes(key).ok().map(Self)
    }
}

// The key never gets into a log.
impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalSigner").field(&self.0.address()).finish()
    }
}

impl Signer for LocalSigner {
    fn address(&self) -> Address {
        self.0.address()
    }

    fn sign(&mut self, digest: B256) -> Result<Signature, SignError> {
        let signature =
            self.0.sign_hash_sync(&digest).map_err(|error| SignError::Key(error.to_string()))?;
        Signature::new(signature).ok_or_else(|| SignError::Key("high s".to_owned()))
    }
}
