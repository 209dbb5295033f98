//! The calls between rollups that a transaction made, as the node tells them.

use super::{report::short, stage::Stage};
use alloy_primitives::{Address, B256, Bytes, U256};
use eyre::{Result, WrapErr, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

/// Crossings of one item.
#[derive(Debug)]
pub(super) struct Thread {
    /// Calls from the rollup of the transaction.
    pub(super) calls: Vec<CrossCall>,
    hops: usize,
    hash: B256,
    told: Value,
}

/// A call that crossed.
#[derive(Debug, Clone)]
pub(super) struct CrossCall {
    /// Rollup called.
    pub(super) to: u64,
    /// Contract called.
    pub(super) target: Address,
    /// Wei that moved.
    pub(super) value: U256,
    pub(super) data: Bytes,
    /// How it ended, as the protocol names it; empty while it has not.
    pub(super) status: String,
    /// Gas that it took, in units.
    pub(super) gas_used: u64,
    /// Calls that crossed during it.
    pub(super) inside: Vec<Self>,
}

/// A hop as the node tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hop {
    #[serde(rename = "type")]
    kind: String,
    to: u64,
    #[serde(default)]
    target: Address,
    #[serde(default)]
    value: U256,
    #[serde(default)]
    data: Bytes,
    #[serde(default)]
    status: String,
    #[serde(default)]
    gas_used: u64,
}

impl Thread {
    /// Asks for the thread of a transaction.
    pub(super) async fn of(stage: &Stage, hash: B256) -> Result<Self> {
        let told: Value = stage.realm.entry().request("weft_getThread", json!([hash])).await?;
        let hops: Vec<Hop> = serde_json::from_value(told["hops"].clone())
            .wrap_err_with(|| format!("unexpected answer to weft_getThread: {told}"))?;
        Ok(Self { calls: nest(&hops)?, hops: hops.len(), hash, told })
    }

    /// Returns what stands beside the tree.
    pub(super) fn summary(&self) -> String {
        format!("one transaction, {} hops, {}", self.hops, short(self.hash))
    }

    /// Returns what the node told.
    pub(super) fn json(&self) -> Value {
        self.told.clone()
    }
}

/// Puts calls into the calls during which they were made.
fn nest(hops: &[Hop]) -> Result<Vec<CrossCall>> {
    let mut open: Vec<CrossCall> = Vec::new();
    let mut done = Vec::new();
    for hop in hops {
        match hop.kind.as_str() {
            "call" => open.push(CrossCall {
                to: hop.to,
                target: hop.target,
                value: hop.value,
                data: hop.data.clone(),
                status: String::new(),
                gas_used: 0,
                inside: Vec::new(),
            }),
            "return" => {
                let Some(mut call) = open.pop() else { bail!("a return without a call") };
                (call.status, call.gas_used) = (hop.status.clone(), hop.gas_used);
                open.last_mut().map_or(&mut done, |outer| &mut outer.inside).push(call);
            }
            _ => {}
        }
    }
    ensure!(open.is_empty(), "{} calls have not returned", open.len());
    Ok(done)
}
