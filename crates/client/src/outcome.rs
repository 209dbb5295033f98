//! What becomes of bundles and transactions.

use crate::{
    error::ClientError,
    realm::{Realm, by_hash},
};
use alloy_primitives::{B256, Bytes, U64};
use alloy_sol_types::{SolError, decode_revert_reason};
use serde::Deserialize;
use std::{
    fmt,
    time::{Duration, Instant},
};
use weft_types::{InvalidReason, RemovalCause};

/// What became of a bundle or transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// It was executed: its transactions are in a block of every rollup concerned.
    #[serde(rename = "included")]
    Executed(Executed),
    /// It had a position and is in no block; nothing of it is left.
    Removed(Removed),
    /// It is a leg of a bundle that was sealed in parts, not all of which had been opened in its turn: it did nothing. Asked for
    /// by the bundle's id, the bundle is not complete.
    Part(OpenedPart),
    /// It never had a turn.
    Dropped(Dropped),
}

/// Something that was executed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// Slot in which it ran.
    pub slot: u64,
    /// Legs in order; a single transaction is one leg.
    #[serde(rename = "siblings")]
    pub legs: Vec<LegResult>,
    /// Transactions in which other rollups recorded what came in (P29).
    pub system: Vec<SystemTransaction>,
}

/// A leg with its result.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegResult {
    /// EIP-155 id.
    pub chain_id: u64,
    /// Transaction.
    pub tx_hash: B256,
    /// True when the bundle stands even if it reverts.
    pub may_revert: bool,
    /// `None` when it did not run.
    pub success: Option<bool>,
    /// Gas that it used.
    pub gas_used: Option<U64>,
    /// What it returned or reverted with.
    pub output: Option<Bytes>,
}

/// A transaction by which a rollup recorded what came in from others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemTransaction {
    /// EIP-155 id.
    pub chain_id: u64,
    /// Transaction.
    pub tx_hash: B256,
}

/// Something that is in no block, and the leg that is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Slot in which it had a position.
    pub slot: u64,
    /// Why, as the protocol counts it.
    pub cause: RemovalCause,
    /// EIP-155 id of the rollup on which it failed; of what was sealed and is no item, none.
    pub chain_id: Option<u64>,
    /// Leg that failed, from 0.
    pub leg: u16,
    /// Its transaction.
    pub tx_hash: Option<B256>,
    /// What went wrong, for people.
    pub reason: String,
    /// Why the leg could not start, when it could not.
    pub invalid: Option<InvalidReason>,
    /// What the leg reverted with, unchanged.
    pub revert_data: Bytes,
}

/// A leg of a bundle, sealed apart from the others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenedPart {
    /// Slot in which it had its turn.
    pub slot: u64,
    /// The bundle. What became of it is known under this id.
    pub bundle_id: B256,
    /// Number of the leg, from 0.
    pub leg: u16,
    /// How many there are.
    pub legs: u16,
}

/// Something that never had a turn: it had no position, or was sealed and given up before it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dropped {
    /// What went wrong, for people.
    pub reason: String,
}

impl Removed {
    /// Returns the error of a contract that the leg reverted with, if it is this one.
    pub fn error<E: SolError>(&self) -> Option<E> {
        E::abi_decode(&self.revert_data).ok()
    }

    /// Returns what a `require` or a panic said.
    pub fn revert_reason(&self) -> Option<String> {
        let is_empty = self.revert_data.is_empty();
        (!is_empty).then(|| decode_revert_reason(&self.revert_data)).flatten()
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, leg, chain_id, reason, .. } = self;
        match chain_id {
            Some(chain_id) => write!(f, "{cause:?} at leg {leg} on {chain_id}: ")?,
            None => write!(f, "{cause:?}: ")?,
        }
        match self.revert_reason() {
            Some(words) => f.write_str(&words),
            None => f.write_str(reason),
        }
    }
}

impl Outcome {
    /// Returns what was executed, or why nothing was.
    ///
    /// # Errors
    ///
    /// The outcome itself, when it is another one.
    pub fn executed(self) -> Result<Executed, Self> {
        match self {
            Self::Executed(executed) => Ok(executed),
            other => Err(other),
        }
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the wait is given up; the item may still be included later.
    pub longest: Duration,
    /// Between two looks.
    pub between: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { longest: Duration::from_secs(60), between: Duration::from_millis(25) }
    }
}

impl Realm {
    /// Returns what became of a bundle or transaction, or of an envelope by its hash; `None` while that is undecided, an
    /// envelope waits to be opened, or the node never saw it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`].
    pub async fn outcome(&self, id: B256) -> Result<Option<Outcome>, ClientError> {
        let told: Option<serde_json::Value> = self.ask("weft_getOutcome", by_hash(id)).await?;
        let decided = told.filter(|told| told["outcome"] != "sealed");
        let read = |told| {
            serde_json::from_value(told).map_err(|error| ClientError::Answer(error.to_string()))
        };
        decided.map(read).transpose()
    }

    /// Waits until it is decided what becomes of a bundle or transaction.
    ///
    /// # Errors
    ///
    /// [`ClientError::Undecided`] or [`ClientError::Rpc`].
    pub async fn wait_for(&self, id: B256, patience: Patience) -> Result<Outcome, ClientError> {
        let begun = Instant::now();
        loop {
            if let Some(outcome) = self.outcome(id).await? {
                return Ok(outcome);
            }
            let waited = begun.elapsed();
            if waited >= patience.longest {
                return Err(ClientError::Undecided { id, waited });
            }
            tokio::time::sleep(patience.between).await;
        }
    }
}
