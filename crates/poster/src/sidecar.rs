//! Blobs with their proofs (EIP-4844, EIP-7594).

use crate::error::PostError;
use alloy_eips::{
    eip4844::{Blob, BlobTransactionSidecar, Bytes48},
    eip7594::{BlobTransactionSidecarEip7594, BlobTransactionSidecarVariant},
};
use alloy_primitives::B256;
use eip4844::Context;
use rust_eth_kzg::{DASContext, TrustedSetup, UsePrecomp};
use std::{fmt::Debug, sync::LazyLock};
use weft_batch::blobs;

/// What proofs of cells are made with: two to three seconds of processor time at first use, then a third of one for each
/// blob. Tables would halve the latter and double the former.
static CELLS: LazyLock<DASContext> =
    LazyLock::new(|| DASContext::new(&TrustedSetup::default(), UsePrecomp::No));

/// What proofs of whole blobs are made with, at once.
static BLOBS: LazyLock<Context> = LazyLock::new(|| Context::new(&TrustedSetup::default()));

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
    /// Puts a payload into blobs and makes their proofs: for cells two to three seconds of processor time at first use, then a third of
    /// one for each blob.
    ///
    /// # Errors
    ///
    /// [`PostError::Blobs`] for a payload that fits no transaction.
    pub fn new(payload: &[u8], form: Form) -> Result<Self, PostError> {
        let packed = blobs::pack(payload).map_err(|why| PostError::Blobs(why.to_string()))?;
        let packed: Vec<Blob> = packed.iter().map(|blob| Blob::from_slice(blob)).collect();
        let variant = match form {
            Form::Cells => with_cell_proofs(packed).map(BlobTransactionSidecarVariant::Eip7594)?,
            Form::Blobs => with_blob_proofs(packed).map(BlobTransactionSidecarVariant::Eip4844)?,
        };
        let hashes = variant.versioned_hashes().collect();
        Ok(Self { variant, hashes })
    }
}

fn wrong(why: impl Debug) -> PostError {
    PostError::Blobs(format!("{why:?}"))
}

fn with_cell_proofs(blobs: Vec<Blob>) -> Result<BlobTransactionSidecarEip7594, PostError> {
    let (mut commitments, mut cell_proofs) = (Vec::new(), Vec::new());
    for blob in &blobs {
        let commitment = CELLS.blob_to_kzg_commitment(&blob.0).map_err(wrong)?;
        let (_, proofs) = CELLS.compute_cells_and_kzg_proofs(&blob.0).map_err(wrong)?;
        commitments.push(Bytes48::new(commitment));
        cell_proofs.extend(proofs.map(Bytes48::new));
    }
    Ok(BlobTransactionSidecarEip7594::new(blobs, commitments, cell_proofs))
}

fn with_blob_proofs(blobs: Vec<Blob>) -> Result<BlobTransactionSidecar, PostError> {
    let (mut commitments, mut proofs) = (Vec::new(), Vec::new());
    for blob in &blobs {
        let commitment = BLOBS.blob_to_kzg_commitment(&blob.0).map_err(wrong)?;
        let proof = BLOBS.compute_blob_kzg_proof(&blob.0, &commitment).map_err(wrong)?;
        commitments.push(Bytes48::new(commitment));
        proofs.push(Bytes48::new(proof));
    }
    Ok(BlobTransactionSidecar::new(blobs, commitments, proofs))
}
