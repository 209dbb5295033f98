//! The calls between rollups that a transaction made, as the node tells them.

use super::stage::Stage;
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use eyre::{Result, WrapErr};
use serde::Deserialize;
use serde_json::{Value, json};
use weft_types::Status;

/// Crossings of one item.
#[derive(Debug)]
pub(super) struct Thread {
    /// Calls from the rollup of the transaction.
    pub(super) calls: Vec<CrossCall>,
    hops: usize,
    told: Value,
}

/// A call that crossed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CrossCall {
    /// Rollup called.
    pub(super) to: u64,
    /// Contract called.
    pub(super) target: Address,
    /// Wei that moved.
    pub(super) value: U256,
    pub(super) data: Bytes,
    /// How it ended.
    pub(super) status: Status,
    /// Gas that it took, in units.
    pub(super) gas_used: U64,
    /// Calls that crossed during it.
    pub(super) calls: Vec<Self>,
}

/// Answer of `weft_getThread`, as far as it is used.
#[derive(Debug, Deserialize)]
struct Told {
    legs: Vec<Leg>,
    hops: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Leg {
    calls: Vec<CrossCall>,
}

impl Thread {
    /// Asks for the thread of a transaction.
    pub(super) async fn of(stage: &Stage, hash: B256) -> Result<Self> {
        let told: Value = stage.realm.entry().request("weft_getThread", json!([hash])).await?;
        let Told { legs, hops } = serde_json::from_value(told.clone())
            .wrap_err_with(|| format!("unexpected answer to weft_getThread: {told}"))?;
        let calls = legs.into_iter().flat_map(|leg| leg.calls).collect();
        Ok(Self { calls, hops: hops.len(), told })
    }

    /// Returns what stands beside the tree.
    pub(super) fn summary(&self) -> String {
        format!("one transaction, {} hops", self.hops)
    }

    /// Returns what the node told.
    pub(super) fn json(&self) -> Value {
        self.told.clone()
    }
}
