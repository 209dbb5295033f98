//! What stands against posting or settling.

use alloy_primitives::{Address, B256};
use std::{io, path::PathBuf};
use thiserror::Error;

/// What stands against posting or settling.
#[derive(Debug, Error)]
pub enum PostError {
    /// L1 cannot be asked; the next turn may work.
    #[error("L1 does not answer: {0}")]
    L1(String),
    /// L1 answers what makes no sense.
    #[error("L1 answers wrongly: {0}")]
    Answer(String),
    /// The endpoint is of another chain than the realm's.
    #[error("the endpoint is of chain {found}, the realm's L1 is {expected}")]
    Chain {
        /// Chain of the endpoint.
        found: u64,
        /// Chain of the realm.
        expected: u64,
    },
    /// A file cannot be read or written.
    #[error("{path}")]
    File {
        /// File.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// The journal is of another account or hub, or is none.
    #[error("journal {path}: {why}")]
    Journal {
        /// File.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Batches cannot be read.
    #[error("batches: {0}")]
    Source(String),
    /// There is no signature.
    #[error("no signature: {0}")]
    Sign(String),
    /// Blobs cannot be made.
    #[error("blobs: {0}")]
    Blobs(String),
    /// The contract refuses, and trying again would not help.
    #[error("the hub refuses: {0}")]
    Refused(String),
    /// L1 has a batch of this number with another content, signed by the sequencer: two batches of one number exist.
    #[error("batch {number} stands on L1 with content {found}, here it is {expected}")]
    PostedOtherwise {
        /// Number of the batch.
        number: u64,
        /// Content on L1.
        found: B256,
        /// Content here.
        expected: B256,
    },
    /// What L1 says of a batch is not what its content says.
    #[error("batch {number}: the header on L1 says another {what} than the content")]
    Header {
        /// Number of the batch.
        number: u64,
        /// The field.
        what: &'static str,
    },
    /// The content of a batch is not there.
    #[error("cannot read the blobs")]
    Missing(#[from] weft_l1::BlobError),
    /// Something on L1 is not so, or does not derive.
    #[error("not attested: {0}")]
    Audit(#[from] weft_l1::AuditError),
    /// There is nothing to say about these batches.
    #[error("not attested: {0}")]
    Statement(#[from] weft_statement::NotAStatement),
    /// Too few attesters say the same.
    #[error("{found} of {threshold} attesters signed this statement")]
    TooFew {
        /// Signatures that count.
        found: usize,
        /// Signatures that are needed.
        threshold: usize,
    },
    /// The account cannot pay.
    #[error("{account} has {has} wei, a posting may cost {needs}")]
    Funds {
        /// Account that pays.
        account: Address,
        /// What it has.
        has: u128,
        /// What it may need.
        needs: u128,
    },
    /// A planted end.
    #[doc(hidden)]
    #[error("ended at {0:?}")]
    Planted(crate::poster::Step),
}
