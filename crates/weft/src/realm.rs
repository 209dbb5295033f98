//! The rollups behind one endpoint.

use crate::rpc::Rpc;
use alloy_primitives::B256;
use eyre::{Result, WrapErr, ensure, eyre};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_types::Domain;

/// Answer of `weft_chains`, as far as it is used.
#[derive(Debug, Deserialize)]
struct Listed {
    chains: Vec<Chain>,
    /// Realm; nodes from before say nothing.
    domain: Option<Domain>,
    /// Who gets a position first: `fcfs` or `fees`.
    priority: Option<String>,
    /// Whether sealed items are taken.
    sealed: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chain {
    chain_id: u64,
    url: String,
}

/// Clients of all rollups of a realm, by EIP-155 id.
#[derive(Debug)]
pub(crate) struct Realm {
    entry: Rpc,
    rollups: BTreeMap<u64, Rpc>,
    domain: Option<Domain>,
    is_auction: bool,
    is_sealed: bool,
}

impl Realm {
    /// Asks `url` which rollups there are.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let entry = Rpc::new(url)?;
        let listed: Listed = entry.request("weft_chains", json!([])).await?;
        let mut rollups = BTreeMap::new();
        for Chain { chain_id, url } in listed.chains {
            rollups.insert(chain_id, Rpc::new(&url)?);
        }
        ensure!(!rollups.is_empty(), "{} serves no rollups", entry.url());
        let is_auction = listed.priority.as_deref() == Some("fees");
        let is_sealed = listed.sealed.unwrap_or(false);
        Ok(Self { entry, rollups, domain: listed.domain, is_auction, is_sealed })
    }

    /// Returns the endpoint that was named.
    pub(crate) const fn entry(&self) -> &Rpc {
        &self.entry
    }

    /// Returns the realm that everything signed belongs to, as the node says.
    pub(crate) const fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref()
    }

    /// Returns true when who pays more gets the better place.
    pub(crate) const fn is_auction(&self) -> bool {
        self.is_auction
    }

    /// Returns true when sealed items are taken.
    pub(crate) const fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Returns the rollup with EIP-155 id `id`.
    pub(crate) fn rollup(&self, id: u64) -> Result<&Rpc> {
        self.rollups.get(&id).ok_or_else(|| {
            let known: Vec<String> = self.rollups.keys().map(u64::to_string).collect();
            eyre!("{} has no rollup {id}; it has {}", self.entry.url(), known.join(", "))
        })
    }

    /// Returns the EIP-155 ids, ascending.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.rollups.keys().copied().collect()
    }

    /// Returns what became of an item by its bundle id or transaction hash, once that is decided.
    pub(crate) async fn outcome(&self, id: B256) -> Result<Option<Value>> {
        self.entry
            .request("weft_getOutcome", json!([id]))
            .await
            .wrap_err_with(|| format!("cannot learn what became of {id}"))
    }

    /// Waits until it is decided what became of an item.
    pub(crate) async fn wait_outcome(&self, id: B256) -> Result<Value> {
        self.entry.wait(&format!("an outcome of {id}"), || self.outcome(id)).await
    }
}
