//! What a node says to members, read before anything of it is believed.

use alloy_primitives::{Address, B256, Bytes};
use eyre::{Result, ensure, eyre};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use weft_crypto::MemberId;
use weft_types::{Decode as _, Domain, SignedPromise, Statement};

/// Answer of `weft_committee`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) domain: Domain,
    pub(super) setup: Bytes,
    pub(super) setup_id: B256,
    pub(super) slot_ms: u64,
    pub(super) epoch_slots: u64,
    pub(super) epoch: u64,
    pub(super) members: BTreeMap<MemberId, Address>,
    pub(super) sequencer: Option<Address>,
    pub(super) coming: Vec<Coming>,
    pub(super) waiting: Vec<Waiting>,
}

/// An epoch for which shares are taken.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coming {
    pub(super) epoch: u64,
    pub(super) announced: BTreeSet<MemberId>,
}

/// A closed epoch whose secret is not known.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Waiting {
    pub(super) epoch: u64,
    pub(super) key_list: B256,
    pub(super) members: BTreeSet<MemberId>,
    pub(super) released: BTreeSet<MemberId>,
    pub(super) closing_head: B256,
    pub(super) closing: Value,
}

/// Answer of `weft_keyList`.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) list: Bytes,
}

impl Waiting {
    /// Checks that the sequencer signed the closing head: a checkpoint of the slot behind the epoch names it as the hash
    /// of the record before (P16, P17). Whoever signed it and closes otherwise is convicted by it.
    pub(super) fn check_closing(
        &self,
        domain: &Domain,
        epoch_slots: u64,
        sequencer: Address,
    ) -> Result<()> {
        let encoding: Bytes = serde_json::from_value(self.closing["encoding"].clone())
            .map_err(|_| eyre!("the closing head of epoch {} is not signed", self.epoch))?;
        let promise = SignedPromise::decode(&encoding)?;
        promise.verify(sequencer)?;
        ensure!(promise.domain == *domain, "a checkpoint of another realm");
        let Statement::Checkpoint(checkpoint) = &promise.statement else {
            return Err(eyre!("not a checkpoint but another promise"));
        };
        let behind = self.epoch.checked_mul(epoch_slots).and_then(|last| last.checked_add(1));
        ensure!(
            Some(checkpoint.slot.get()) == behind,
            "a checkpoint of slot {}, not of the one behind epoch {}",
            checkpoint.slot,
            self.epoch
        );
        let head = self.closing_head;
        ensure!(
            checkpoint.parent == head,
            "the sequencer signed closing head {}, and the node names {head}",
            checkpoint.parent
        );
        Ok(())
    }
}
