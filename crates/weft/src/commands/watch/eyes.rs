//! What is posted on L1: derived as `weft verify --l1` does, and its items held against the results that were heard.

use super::ears::Ears;
use crate::{
    commands::on_l1::source as blob_source,
    court::{l1_number, programs},
    say::say,
    tower::{Docket, clear_items},
};
use alloy_primitives::{Address, B256};
use alloy_provider::{DynProvider, Provider as _, ProviderBuilder};
use eyre::{Result, WrapErr};
use serde_json::json;
use std::{collections::BTreeSet, slice, time::Duration};
use weft_l1::{Audit, AuditError, History, L1Client, L1Error, L1Patience, Sureness};
use weft_node::recover;
use weft_poster::L1;
use weft_types::{Domain, Position};

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
    /// Last batch on L1, and the last one that is settled.
    last: Option<(B256, u64)>,
    /// What follows from the batches; nothing after a lie.
    audit: Option<Audit>,
    /// Results that were held against items.
    checked: BTreeSet<(Position, B256)>,
    /// What was settled.
    docket: Docket,
}

impl Eyes {
    /// Looks, for ever. A lie is said once; so is what goes wrong.
    pub(super) async fn look(&self, ears: &Ears) {
        let (mut seen, mut said) = (Seen::default(), String::new());
        loop {
            let looked = match self.once(ears, &mut seen).await {
                Ok(()) => self.accuse(ears, &mut seen.docket).await,
                error => error,
            };
            if let Err(error) = looked {
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
        let l1 = L1::connect(&self.url, hub, self.domain.l1_chain_id).await?;
        if seen.last == Some((l1.posted().await?.hash, l1.settled().await?)) {
            return Ok(());
        }
        let client = L1Client::connect(slice::from_ref(&self.url), L1Patience::default()).await?;
        let to = client.height(Sureness::Latest).await?;
        let known = seen.audit.as_ref().map(Audit::history);
        let history = self.history(&client, known, to).await;
        let history = history.wrap_err("cannot read the realm from L1")?;
        let last = history.batches.last().map(|posted| {
            let settled = history.statements.last().map_or(0, |settled| settled.last_batch);
            (posted.hash, settled)
        });
        let names = programs(&self.provider()?, &history).await?;
        // Batches that were derived may be gone: then from the first one on.
        let known = seen.audit.take().and_then(|mut audit| {
            let renewed = audit.renew(history.clone());
            renewed.is_ok().then_some(audit)
        });
        // What was settled is said again then, too.
        if known.is_none() {
            seen.docket.clear();
        }
        let begin = || Audit::new(history).map(Audit::keeping_spans);
        let audit = known.map_or_else(begin, Ok);
        let derived = match audit {
            Ok(audit) => self.derive(ears, audit, &client, &mut seen.checked).await,
            Err(error) => Err(error.into()),
        };
        match derived {
            Ok(mut audit) => {
                seen.docket.take(&mut audit, names);
                seen.audit = Some(audit);
            }
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

    /// Reads what L1 says behind what is known, or everything when L1 took some of that back.
    async fn history(
        &self,
        client: &L1Client,
        known: Option<&History>,
        to: u64,
    ) -> Result<History, L1Error> {
        if let Some(known) = known
            && let Some(history) = known.extend(client, to, &mut |_| {}).await?
        {
            return Ok(history);
        }
        History::read(client, self.domain.settlement, self.from, to, &mut |_| {}).await
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
            ears.results(&clear_items(&self.domain, &signed.batch), checked).await;
            audit.apply(&signed, recover(&signed), &mut |_| {})?;
        }
        Ok(audit)
    }

    /// Holds the results that were heard against what was settled.
    async fn accuse(&self, ears: &Ears, docket: &mut Docket) -> Result<()> {
        let wrong = docket.hold(&ears.promised())?;
        if wrong.is_empty() {
            return Ok(());
        }
        let l1 = self.provider()?;
        for wrong in wrong {
            // Void is what rests on a block that is gone (P48), and what is of a slot that was numbered again.
            let number = l1_number(&l1, wrong.l1_origin()).await?;
            let binds =
                number.zip(wrong.result()).is_some_and(|(it, res)| !docket.is_void(res, it));
            if binds {
                ears.accuse(wrong).await;
            }
        }
        Ok(())
    }

    fn provider(&self) -> Result<DynProvider> {
        Ok(ProviderBuilder::new().connect_http(self.url.parse()?).erased())
    }
}
