//! What would happen.

use crate::{error::ClientError, realm::Realm};
use alloy_primitives::{B256, Bytes, U64};
use alloy_rpc_types_eth::simulate::{SimulatePayload, SimulatedBlock};
use serde::Deserialize;
use std::collections::BTreeMap;
use weft_types::{BundleId, InvalidReason, RemovalCause};

/// What a bundle would do on the open slot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedBundle {
    /// The bundle.
    pub bundle_id: BundleId,
    /// False when it would be removed.
    pub included: bool,
    /// How often it would cross from rollup to rollup, there and back counted as two.
    pub hops: u64,
    /// Legs in order.
    pub legs: Vec<SimulatedLeg>,
    /// Why it would be removed.
    pub cause: Option<RemovalCause>,
    /// The same for people.
    pub reason: Option<String>,
    /// Leg that would fail, from 0.
    pub leg: Option<u16>,
    /// EIP-155 id of the rollup on which it would fail.
    pub chain_id: Option<u64>,
    /// Why that leg could not start, when it could not.
    pub invalid: Option<InvalidReason>,
    /// What it would revert with.
    pub revert_data: Option<Bytes>,
}

/// What a leg would do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedLeg {
    /// EIP-155 id.
    pub chain_id: U64,
    /// Transaction.
    pub tx_hash: B256,
    /// False when an earlier leg ended the bundle.
    pub ran: bool,
    /// Whether it would succeed.
    pub success: Option<bool>,
    /// Gas that it would use.
    pub gas_used: Option<U64>,
    /// What it would return or revert with.
    pub output: Option<Bytes>,
}

impl Realm {
    /// Simulates blocks of several rollups at once (`weft_simulate`), by EIP-155 id. Calls may cross; block by block, the
    /// calls of the lowest id run first.
    ///
    /// # Errors
    ///
    /// [`ClientError::Rpc`], with the codes of `eth_simulateV1`.
    pub async fn simulate(
        &self,
        payloads: &BTreeMap<u64, SimulatePayload>,
    ) -> Result<BTreeMap<u64, Vec<SimulatedBlock>>, ClientError> {
        let named: BTreeMap<String, &SimulatePayload> =
            payloads.iter().map(|(id, payload)| (format!("{id:#x}"), payload)).collect();
        let answer: BTreeMap<U64, Vec<SimulatedBlock>> = self.ask("weft_simulate", [named]).await?;
        Ok(answer.into_iter().map(|(id, blocks)| (id.to(), blocks)).collect())
    }
}
