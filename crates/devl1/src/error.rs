//! What goes wrong with a chain for development.

use alloy_primitives::B256;
use std::{io, path::PathBuf};
use thiserror::Error;
use weft_node::BlobArchiveError;

/// Why a chain does not do what it should.
#[derive(Debug, Error)]
pub enum DevL1Error {
    /// A program did not start.
    #[error("cannot start {}: {why}", program.display())]
    Program {
        /// Program.
        program: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no anvil.
    #[error("no anvil: name its program in {}, or put it on the path", crate::ANVIL_VARIABLE)]
    NoAnvil,
    /// Nobody can listen at the port.
    #[error("cannot listen on port {port}: {why}")]
    Port {
        /// Port.
        port: u16,
        /// Why.
        why: io::Error,
    },
    /// The archive, which may lack a blob that the backend has forgotten too.
    #[error(transparent)]
    Archive(#[from] BlobArchiveError),
    /// The node does not start.
    #[error("cannot start the chain: {0}")]
    Node(String),
    /// No mined transaction has this hash.
    #[error("transaction {0} is not mined")]
    NotMined(B256),
    /// The reorg is deeper than the chain, or than anybody need survive.
    #[error("a reorg of {depth} blocks is too deep: at most {most}")]
    TooDeep {
        /// Blocks to replace.
        depth: u64,
        /// Most.
        most: u64,
    },
    /// The backend refused.
    #[error("{method}: {why}")]
    Refused {
        /// What it was asked.
        method: &'static str,
        /// What it said.
        why: String,
    },
}

impl DevL1Error {
    pub(crate) fn refused(method: &'static str, why: impl ToString) -> Self {
        Self::Refused { method, why: why.to_string() }
    }
}
