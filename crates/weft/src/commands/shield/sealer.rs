//! From a signed transaction to a promised position.

use super::{
    alarm::{Alarms, Count},
    calls::CallError,
    disk::{Disk, Kept, MAX_ITEMS},
    notices,
    watch::now_ms,
};
use crate::{
    say::say,
    tower::{Claims, Notices},
    upstream::{Upstream, quantity},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use eyre::{Result, WrapErr};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::Mutex as Turn, task::block_in_place};
use weft_client::{ClientError, Promised, Realm, SealedItem, SealingKey, SealingTerms};
use weft_contracts::{FeeVault, addresses::FEE_VAULT};
use weft_evidence::Proof;
use weft_types::{Encode as _, Item, SignedTx};

/// Time between two looks for a key that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a shield is started with.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// EIP-155 id of the rollup in front of which it stands.
    pub(super) chain_id: u64,
    pub(super) sequencer: Address,
    pub(super) terms: SealingTerms,
    /// How long an item may be undecided after its epoch.
    pub(super) deadline: Duration,
}

/// Seals, sends, and knows what was promised.
#[derive(Debug)]
pub(super) struct Sealer {
    pub(super) realm: Realm,
    payer: PrivateKeySigner,
    pub(super) setting: Setting,
    pub(super) disk: Arc<Disk>,
    pub(super) alarms: Arc<Alarms>,
    claims: Mutex<Claims>,
    notices: Mutex<Notices>,
    /// Items that are not decided.
    items: Mutex<BTreeMap<B256, Kept>>,
    /// Key of the open epoch; one item is on its way at a time, so that nonces keep their order.
    turn: Turn<Option<SealingKey>>,
}

impl Sealer {
    /// Goes on with what is on disk.
    pub(super) async fn new(
        realm: Realm,
        payer: PrivateKeySigner,
        setting: Setting,
        disk: Arc<Disk>,
        alarms: Arc<Alarms>,
    ) -> Result<Self> {
        realm.rollup(setting.chain_id).wrap_err("the node serves no rollup there")?;
        let items = disk.items()?.into_iter().map(|kept| (kept.item, kept)).collect();
        let (claims, notices, turn) = Default::default();
        let items = Mutex::new(items);
        Ok(Self { realm, payer, setting, disk, alarms, claims, notices, items, turn })
    }

    pub(super) const fn chain_id(&self) -> u64 {
        self.setting.chain_id
    }

    pub(super) const fn payer(&self) -> Address {
        self.payer.address()
    }

    pub(super) fn waiting(&self) -> usize {
        self.items().len()
    }

    pub(super) fn items(&self) -> MutexGuard<'_, BTreeMap<B256, Kept>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the payer's deposit, in wei.
    pub(super) async fn deposit_wei(&self) -> Result<U256> {
        let node = Upstream::new(self.realm.rollup(self.chain_id())?.url())?;
        let told = node.call("weft_getEpoch", json!([])).await?;
        let home = self.realm.rollup(told["home"].as_u64().unwrap_or_default())?;
        let call = FeeVault::depositOfCall { payer: self.payer() }.abi_encode();
        let call = json!({ "to": FEE_VAULT, "data": Bytes::from(call) });
        let deposit = Upstream::new(home.url())?.call("eth_call", json!([call, "latest"])).await?;
        serde_json::from_value(deposit).wrap_err("the fee vault does not answer")
    }

    /// Returns the first nonce that no transaction of a sender has, given what the node knows.
    pub(super) fn next_nonce(&self, sender: Address, mut known: u64) -> u64 {
        let items = self.items();
        let of_sender: BTreeSet<u64> = items
            .values()
            .filter(|kept| kept.sender == sender && !kept.refused)
            .map(|kept| kept.nonce)
            .collect();
        while of_sender.contains(&known) {
            known += 1;
        }
        known
    }

    /// Seals a signed transaction; its position is promised, checked and on disk when this returns with its hash.
    pub(super) async fn send(&self, raw: Bytes, node: &Upstream) -> Result<B256, CallError> {
        let item = self.realm.item_of(raw).map_err(|error| CallError::params(error.to_string()))?;
        let [leg] = item.legs() else { unreachable!("a transaction is one leg") };
        let tx = &leg.tx;
        if tx.chain_id() != Some(self.chain_id()) {
            let id = self.chain_id();
            return Err(CallError::refused(format!("invalid chain id: this shields chain {id}")));
        }
        // One after the other: two wallets that ask for a nonce at once get two.
        let mut turn = self.turn.lock().await;
        self.check(tx, node).await?;
        let begun = Instant::now();
        loop {
            let why = match self.key(&mut turn).await? {
                Some(key) => match self.send_to(key, &item, tx).await? {
                    Ok(hash) => return Ok(hash),
                    Err(why) => why,
                },
                None => "the open epoch has no key".to_owned(),
            };
            // Another epoch may take it.
            *turn = None;
            if begun.elapsed() >= self.setting.terms.patience {
                self.alarms.count(Count::Refused);
                return Err(CallError::refused(format!("not sealed: {why}")));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Refuses what would only be paid for.
    async fn check(&self, tx: &SignedTx, node: &Upstream) -> Result<(), CallError> {
        let hash = tx.hash();
        if self.items().values().any(|kept| kept.tx_hash == hash && !kept.refused) {
            return Err(CallError::refused("already known"));
        }
        if self.waiting() >= MAX_ITEMS {
            return Err(CallError::limit("too many transactions wait"));
        }
        let (sender, nonce) = (tx.sender(), tx.envelope().nonce());
        let params = json!([sender, "pending"]);
        let known = node.call("eth_getTransactionCount", params).await;
        let known = known.map_err(|error| CallError::internal(error.to_string()))?;
        let known = quantity(&known);
        let known = known.ok_or_else(|| CallError::internal("the node counts no transactions"))?;
        let next = self.next_nonce(sender, known);
        let which = match nonce.cmp(&next) {
            std::cmp::Ordering::Less => "low",
            std::cmp::Ordering::Equal => return Ok(()),
            // Nobody could let it wait for what is in front of it: nobody can read it.
            std::cmp::Ordering::Greater => "high",
        };
        let why = format!("nonce too {which}: next nonce {next}, tx nonce {nonce}");
        Err(CallError::refused(why))
    }

    /// Returns the key of the open epoch, if it has one.
    async fn key<'k>(
        &self,
        known: &'k mut Option<SealingKey>,
    ) -> Result<Option<&'k SealingKey>, CallError> {
        if known.as_ref().is_none_or(|key| key.close_at_unix_ms() <= now_ms()) {
            let committee = self.setting.terms.committee.as_ref();
            let key = self.realm.sealing_key(None, committee).await;
            *known = key.map_err(|error| CallError::refused(error.to_string()))?;
        }
        Ok(known.as_ref())
    }

    /// Seals to a key and sends. The inner error may pass with another key.
    async fn send_to(
        &self,
        key: &SealingKey,
        item: &Item,
        tx: &SignedTx,
    ) -> Result<Result<B256, String>, CallError> {
        let sealed = key.seal(item, &self.payer, &self.setting.terms).await;
        let sealed = sealed.map_err(|error| CallError::refused(error.to_string()))?;
        let mut kept = kept(&sealed, tx, key.close_at_unix_ms());
        if let Some(notice) = key.notice() {
            self.hear_notice(&mut kept, notice);
        }
        // What may be ordered is known here, whatever happens to this process.
        self.keep(&kept)?;
        let id = sealed.id;
        match self.realm.send_sealed(sealed, Some(self.setting.sequencer)).await {
            Ok(promised) => {
                self.promised(&mut kept, &promised)?;
                Ok(Ok(kept.tx_hash))
            }
            Err(ClientError::NoPromise { why, .. }) => {
                self.alarms.raise(id, &format!("no promise of a position: {why}"));
                Err(CallError::internal(format!("the node gave no promise that holds: {why}")))
            }
            Err(error) if error.is_passing() => {
                self.refused(kept)?;
                Ok(Err(error.to_string()))
            }
            Err(ClientError::Refused(refused)) => {
                self.refused(kept)?;
                self.alarms.count(Count::Refused);
                let payer = self.payer();
                let hint = match refused.name.as_str() {
                    "Deposit" => {
                        format!(
                            "; the shield pays as {payer}: weft sealed deposit {payer} --amount 1ether"
                        )
                    }
                    _ => String::new(),
                };
                let (name, message) = (refused.name, refused.message);
                Err(CallError::refused(format!("not sealed: {name}: {message}{hint}")))
            }
            // Nobody knows whether it is ordered; the outcome will tell.
            Err(error) => Err(CallError::internal(error.to_string())),
        }
    }

    fn promised(&self, kept: &mut Kept, promised: &Promised) -> Result<(), CallError> {
        kept.promise = Some(Bytes::from(promised.promise.signed().encode()));
        kept.sequencer = Some(self.setting.sequencer);
        kept.position = Some(promised.position);
        self.keep(kept)?;
        self.alarms.count(Count::Promised);
        let (item, position) = (kept.item, promised.position);
        say(json!({
            "event": "promised",
            "txHash": kept.tx_hash,
            "item": item,
            "position": position.to_string(),
        }));
        let contradicts = self.claims().hear(promised.promise.signed());
        if let Some(proof) = contradicts {
            self.alarms.convict(Some(item), proof);
        }
        Ok(())
    }

    /// Takes the sequencer's word about the key of an item, if it is one. Two words about one epoch are evidence.
    pub(super) fn hear_notice(&self, kept: &mut Kept, encoded: &Bytes) {
        let Some((notice, envelope)) = notices::read(self, kept, encoded) else { return };
        let known = self.notices.lock().unwrap_or_else(PoisonError::into_inner).hear(&notice);
        if let Some(known) = known {
            let proof = Proof::EpochNotices(Box::new([known, notice]));
            self.alarms.convict(Some(kept.item), proof);
        }
        if notice.notice.list == envelope.key && notice.notice.epoch == envelope.carriage.epoch {
            kept.notice = Some(encoded.clone());
        }
    }

    pub(super) fn keep(&self, kept: &Kept) -> Result<(), CallError> {
        let failed = |error: eyre::Report| CallError::internal(format!("nothing is sent: {error}"));
        block_in_place(|| self.disk.keep(kept)).map_err(failed)?;
        self.items().insert(kept.item, kept.clone());
        Ok(())
    }

    /// Keeps what a node says that it does not take: it has it, and may order it all the same.
    fn refused(&self, mut kept: Kept) -> Result<(), CallError> {
        kept.refused = true;
        self.keep(&kept)
    }
}

fn kept(sealed: &SealedItem, tx: &SignedTx, close_at: u64) -> Kept {
    Kept {
        item: sealed.id,
        tx_hash: tx.hash(),
        sender: tx.sender(),
        nonce: tx.envelope().nonce(),
        raw: tx.raw().clone(),
        envelope: Bytes::from(sealed.envelope.encode()),
        signature: sealed.signature.clone(),
        seed: Some(sealed.seed.0),
        notice: None,
        close_at,
        promise: None,
        sequencer: None,
        position: None,
        refused: false,
        outcome: None,
    }
}
