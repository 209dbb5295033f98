//! The rollups behind one endpoint.

use crate::rpc::Rpc;
use alloy_primitives::{B256, U64};
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

    /// Returns the realm as the client library sees it; what is wrong with an endpoint was said before.
    pub(crate) async fn client(&self) -> Result<weft_client::Realm> {
        Ok(weft_client::Realm::connect(self.entry.url()).await?)
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

    /// Makes sure that sealed items are taken.
    pub(crate) fn check_sealed(&self) -> Result<()> {
        let url = self.entry.url();
        ensure!(
            self.is_sealed,
            "{url} takes nothing sealed: start it with `weft dev --sealed`, or with sealing.enabled"
        );
        Ok(())
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
        let decided = async || {
            let outcome = self.outcome(id).await?;
            // What waits to be opened is not decided.
            Ok(outcome.filter(|outcome| outcome["outcome"] != "sealed"))
        };
        self.entry.wait(&format!("an outcome of {id}"), decided).await
    }

    /// Writes into what became of an item in which blocks its transactions are; where `waits`, as soon as these are closed.
    pub(crate) async fn add_blocks(&self, outcome: &mut Value, waits: bool) -> Result<()> {
        if outcome["outcome"] != "included" {
            return Ok(());
        }
        for list in ["siblings", "system"] {
            for made in outcome[list].as_array_mut().into_iter().flatten() {
                made["blockNumber"] = json!(self.block_of(made, waits).await?);
            }
        }
        Ok(())
    }

    /// Returns the closed block of a transaction.
    async fn block_of(&self, made: &Value, waits: bool) -> Result<Option<U64>> {
        let Some(chain_id) = made["chainId"].as_u64() else { return Ok(None) };
        let hash = serde_json::from_value(made["txHash"].clone());
        let hash = hash.wrap_err("the node names no transaction")?;
        let rollup = self.rollup(chain_id)?;
        let receipt = match waits {
            true => Some(rollup.wait_receipt(hash).await?),
            false => rollup.receipt(hash).await?,
        };
        Ok(receipt.map(|receipt| receipt.block_number))
    }
}
