//! Why a chain is refused.

use alloy_primitives::B256;
use thiserror::Error;

/// Reason for refusing a chain.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The genesis file does not describe a chain that can be imported.
    #[error("genesis: {0}")]
    Genesis(String),
    /// A block cannot be read.
    #[error("block {number}: {why}")]
    Unreadable {
        /// Number that the block would have.
        number: u64,
        /// What is wrong with the bytes.
        why: String,
    },
    /// A block breaks a rule.
    #[error("block {number} ({hash}): {why}")]
    Invalid {
        /// Number that the block would have.
        number: u64,
        /// Its hash.
        hash: B256,
        /// The rule.
        why: InvalidBlock,
    },
}

/// Rule that a block breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidBlock {
    /// A header field is not what it must be.
    #[error("unexpected {field}: declared {declared}, computed {computed}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What the header says.
        declared: String,
        /// What it must say.
        computed: String,
    },
    /// A header field is out of bounds.
    #[error("{field} {value} is out of bounds: {bound}")]
    Bound {
        /// Name of the field.
        field: &'static str,
        /// What the header says.
        value: String,
        /// What it must keep to.
        bound: String,
    },
    /// A header field is there before its fork or missing after it.
    #[error("{field} must be {}", if *.needed { "present" } else { "absent" })]
    Presence {
        /// Name of the field.
        field: &'static str,
        /// True when the fork needs it.
        needed: bool,
    },
    /// An ommer does not belong here.
    #[error("ommer {index}: {why}")]
    Ommer {
        /// Its index in the block.
        index: usize,
        /// What is wrong.
        why: String,
    },
    /// A transaction cannot be executed.
    #[error("transaction {index}: {why}")]
    Transaction {
        /// Its index in the block.
        index: usize,
        /// What is wrong.
        why: String,
    },
    /// A system contract is missing or failed.
    #[error("system call: {0}")]
    SystemCall(String),
    /// The block is larger than EIP-7934 allows.
    #[error("{size} bytes are over the limit of {limit}")]
    Size {
        /// Length of its encoding.
        size: usize,
        /// Longest encoding allowed.
        limit: usize,
    },
    /// The state cannot be read.
    #[error("state: {0}")]
    State(String),
}

/// Checks that a header field is what it must be.
pub(crate) fn expect<T: PartialEq + std::fmt::Debug>(
    field: &'static str,
    declared: T,
    computed: T,
) -> Result<(), InvalidBlock> {
    if declared == computed {
        return Ok(());
    }
    let (declared, computed) = (format!("{declared:?}"), format!("{computed:?}"));
    Err(InvalidBlock::Field { field, declared, computed })
}

/// Checks that a header field keeps to a bound.
pub(crate) fn within(
    field: &'static str,
    value: impl ToString,
    holds: bool,
    bound: impl FnOnce() -> String,
) -> Result<(), InvalidBlock> {
    if holds {
        return Ok(());
    }
    Err(InvalidBlock::Bound { field, value: value.to_string(), bound: bound() })
}

/// Checks that a header field is there exactly when its fork needs it.
pub(crate) fn present<T>(
    field: &'static str,
    value: Option<&T>,
    needed: bool,
) -> Result<(), InvalidBlock> {
    if value.is_some() == needed { Ok(()) } else { Err(InvalidBlock::Presence { field, needed }) }
}
