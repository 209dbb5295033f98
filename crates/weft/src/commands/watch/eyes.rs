//! What is posted on L1: derived as `weft verify --l1` does, and its items held against the results that were heard.

use super::ears::Ears;
use crate::{commands::on_l1::source as blob_source, say::say};
use alloy_primitives::{Address, B256};
use eyre::{Result, WrapErr};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    time::Duration,
};
use weft_batch::{Batch, WireItem, WireLeg};
use weft_l1::{Audit, AuditError, History, L1Client, L1Patience, Sureness};
use weft_node::recover;
use weft_poster::L1;
use weft_types::{Bundle, Domain, Item, Leg, Position, SignedTx};

/// Time between two looks at L1.
const LOOK_AGAIN: Duration = Duration::from_secs(6);

/// Who looks at L1.
#[derive(Debug)]
pub(super) struct Eyes {
    pub(super) url: String,
    pub(super) domain: Domain,
    /// L1 block that the realm begins at.
    pub(super) from: u64,
    /// Where blobs are, if not at the endpoint.
    pub(super) blobs: Option<String>,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    /// Last batch on L1.
    last: Option<B256>,
    /// What follows from the batches; nothing after a lie.
    audit: Option<Audit>,
    /// Results that were held against items.
    checked: BTreeSet<(Position, B256)>,
}

impl Eyes {
    /// Looks, for ever. A lie is said once; so is what goes wrong.
    pub(super) async fn look(&self, ears: &Ears) {
        let (mut seen, mut said) = (Seen::default(), String::new());
        loop {
            if let Err(error) = self.once(ears, &mut seen).await {
                let is_lie = matches!(error.downcast_ref(), Some(AuditError::Lie(_)));
                let why = format!("{error:#}");
                if why != said {
                    say(json!({ "event": if is_lie { "lie" } else { "trouble" }, "why": why }));
                    said = why;
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn once(&self, ears: &Ears, seen: &mut Seen) -> Result<()> {
        let hub: Address = self.domain.settlement;
        let last = L1::connect(&self.url, hub, self.domain.l1_chain_id).await?.posted().await?;
        if seen.last == Some(last.hash) {
            return Ok(());
        }
        let client = L1Client::connect(slice::from_ref(&self.url), L1Patience::default()).await?;
        let to = client.height(Sureness::Latest).await?;
        let history = History::read(&client, hub, self.from, to, &mut |_| {}).await;
        let history = history.wrap_err("cannot read the realm from L1")?;
        let last = history.batches.last().map(|posted| posted.hash);
        // Batches that were derived may be gone: then from the first one on.
        let known = seen.audit.take().and_then(|mut audit| {
            let renewed = audit.renew(history.clone());
            renewed.is_ok().then_some(audit)
        });
        let audit = known.map_or_else(|| Audit::new(history), Ok);
        let derived = match audit {
            Ok(audit) => self.derive(ears, audit, &client, &mut seen.checked).await,
            Err(error) => Err(error.into()),
        };
        match derived {
            Ok(audit) => seen.audit = Some(audit),
            // It stays one until L1 has other batches.
            Err(error) if matches!(error.downcast_ref(), Some(AuditError::Lie(_))) => {
                seen.last = last;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        seen.last = last;
        Ok(())
    }

    async fn derive(
        &self,
        ears: &Ears,
        mut audit: Audit,
        client: &L1Client,
        checked: &mut BTreeSet<(Position, B256)>,
    ) -> Result<Audit> {
        let blobs = blob_source(self.blobs.as_deref(), client).await?;
        while let Some(posted) = audit.next() {
            if posted.blobs.is_empty() {
                audit.apply_forced(&mut |_| {})?;
                continue;
            }
            let content = blobs.blobs(posted).await.wrap_err("cannot read the blobs")?;
            let signed = audit.open(&content)?;
            ears.results(&items(&self.domain, &signed.batch), checked).await;
            audit.apply(&signed, recover(&signed), &mut |_| {})?;
        }
        Ok(audit)
    }
}

/// Returns the items that a batch holds in clear; what is none is left out, derivation names it.
fn items(domain: &Domain, batch: &Batch) -> BTreeMap<B256, Item> {
    let all = batch.slots.iter().flat_map(|slot| &slot.plaintext);
    let items = all.filter_map(|wire| item(domain, wire));
    items.map(|item| (item.hash(domain), item)).collect()
}

fn item(domain: &Domain, wire: &WireItem) -> Option<Item> {
    match wire {
        WireItem::Transaction(one) => leg(one).map(Item::Transaction),
        WireItem::Bundle(bundle) => {
            let legs = bundle.legs.iter().map(leg).collect::<Option<_>>()?;
            Bundle::new(domain, bundle.salt, bundle.level, legs).ok().map(Item::Bundle)
        }
    }
}

fn leg(wire: &WireLeg) -> Option<Leg> {
    let tx = SignedTx::decode(wire.raw.clone()).ok()?;
    Some(Leg { network: wire.network, tx, may_revert: wire.may_revert })
}
