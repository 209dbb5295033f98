//! Blobs with their proofs (EIP-4844, EIP-7594).

use crate::error::PostError;
use alloy_eips::{
    eip4844::{Blob, BlobTransactionSidecar, env_settings::EnvKzgSettings},
    eip7594::{BlobTransactionSidecarEip7594, BlobTransactionSidecarVariant},
};
use alloy_primitives::B256;
use weft_batch::blobs;

/// Which proofs L1 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One for each cell: since Osaka.
    Cells,
    /// One for each blob: before.
    Blobs,
}

/// The blobs of a batch.
#[derive(Debug, Clone)]
pub struct Sidecar {
    /// With the proofs that were asked for.
    pub variant: BlobTransactionSidecarVariant,
    /// Versioned hashes.
    pub hashes: Vec<B256>,
}

impl Sidecar {
    /// Puts a payload into blobs and makes their proofs; a second of processor time for each blob.
    ///
    /// # Errors
    ///
    /// [`PostError::Blobs`] for a payload that fits no transaction.
    pub fn new(payload: &[u8], form: Form) -> Result<Self, PostError> {
        let wrong = |why: &dyn std::fmt::Display| PostError::Blobs(why.to_string());
        let packed = blobs::pack(payload).map_err(|why| wrong(&why))?;
        let packed: Vec<Blob> = packed.iter().map(|blob| Blob::from_slice(blob)).collect();
        let settings = EnvKzgSettings::Default;
        let settings = settings.get();
        let variant = match form {
            Form::Cells => {
                BlobTransactionSidecarEip7594::try_from_blobs_with_settings(packed, settings)
                    .map(BlobTransactionSidecarVariant::Eip7594)
            }
            Form::Blobs => BlobTransactionSidecar::try_from_blobs_with_settings(packed, settings)
                .map(BlobTransactionSidecarVariant::Eip4844),
        };
        let variant = variant.map_err(|why| wrong(&format!("{why:?}")))?;
        let hashes = variant.versioned_hashes().collect();
        Ok(Self { variant, hashes })
    }
}
