//! A promised result, held against what L1 settled: derived from L1 and its blobs, without a node.

use crate::{
    commands::on_l1::source,
    court::{VOID, l1_number, programs},
    progress::Progress,
    tower::{Docket, WrongResult, clear_items},
    victim,
};
use alloy_primitives::{B256, Bytes};
use alloy_provider::{Provider as _, ProviderBuilder};
use eyre::{Result, WrapErr, bail, ensure};
use std::{slice, sync::Arc};
use weft_l1::{Audit, BlobSource, Held, History, L1Client, L1Patience, Posted, Sureness};
use weft_node::recover;
use weft_types::{SignedPromise, Statement};

/// Where L1 is.
pub(super) struct Place<'a> {
    pub(super) l1: &'a String,
    /// Block to read from.
    pub(super) from: u64,
    /// Where blobs are, if not at the endpoint.
    pub(super) blobs: Option<&'a str>,
}

/// What L1 says of a promised result.
pub(super) enum Verdict {
    /// Something else was settled.
    Wrong(Box<WrongResult>),
    /// Nothing was, so far.
    NotYet(String),
}

impl Place<'_> {
    /// Holds a promise against the settlement of its slot; fails when it convicts nobody.
    pub(super) async fn hold(&self, promise: SignedPromise) -> Result<Verdict> {
        let Statement::Execution(result) = &promise.statement else {
            bail!(
                "nobody is convicted: it promises no result, and no time; `weft evidence make` takes two words about a place"
            );
        };
        let (slot, item) = (result.position.slot.get(), result.item);
        let client = L1Client::connect(slice::from_ref(self.l1), L1Patience::default()).await;
        let client = client.wrap_err("cannot use L1")?;
        let to = client.height(Sureness::Latest).await?;
        let hub = promise.domain.settlement;
        let history = History::read(&client, hub, self.from, to, &mut |_| {}).await;
        let history = history.wrap_err("cannot read the realm from L1")?;
        let last =
            history.statements.iter().find(|it| it.last_slot >= slot).map(|it| it.last_batch);
        let Some(last) = last else {
            let settled = history.statements.last().map_or(0, |it| it.last_slot);
            let why = format!("slot {slot} is not settled; slot {settled} is the last one");
            return Ok(Verdict::NotYet(why));
        };
        let l1 = ProviderBuilder::new().connect_http(self.l1.parse()?).erased();
        let rests = l1_number(&l1, result.l1_origin).await?;
        let Some(rests) = rests else { bail!("nobody is convicted: {VOID}") };
        let names = programs(&l1, &history).await?;
        let blobs = source(self.blobs, &client).await?;
        let mut audit = Audit::new(history)?.keeping_spans();
        let found = derive(&mut audit, &*blobs, last, (slot, item)).await?;
        let mut docket = Docket::default();
        docket.take(&mut audit, names);
        ensure!(
            !docket.is_void(result, rests),
            "nobody is convicted: L1 gave the number of its slot to another one since"
        );
        let broken = match docket.held(result) {
            Held::Broken(broken) => broken,
            Held::Kept => bail!("nobody is convicted: what was settled is what was promised"),
            Held::OtherItem(other) => bail!(
                "nobody is convicted: item {other} was settled at this place; the promise of the place shows it"
            ),
            Held::Unseen => {
                bail!(
                    "not decided on L1: the item was removed on a rollup that the settlement does not name"
                )
            }
            Held::Elsewhere => {
                bail!(
                    "nobody is convicted: nothing was settled at this place; the promise of the place shows it"
                )
            }
        };
        let mut wrong = docket.charge(Arc::new(promise), broken)?;
        wrong.item = found;
        Ok(Verdict::Wrong(Box::new(wrong)))
    }
}

/// Derives the batches up to `last`; returns the item of this slot and hash, where it stands in clear.
async fn derive(
    audit: &mut Audit,
    blobs: &dyn BlobSource,
    last: u64,
    (slot, item): (u64, B256),
) -> Result<Option<Bytes>> {
    let mut found = None;
    let progress = Progress::new("deriving", last);
    let is_wanted = |posted: &&Posted| posted.header.number <= last;
    while let Some(posted) = audit.next().filter(is_wanted).cloned() {
        let header = &posted.header;
        if posted.blobs.is_empty() {
            audit.apply_forced(&mut |_| {})?;
        } else {
            let content = blobs.blobs(&posted).await.wrap_err("cannot read the blobs")?;
            let signed = audit.open(&content)?;
            if (header.first_slot..=header.last_slot).contains(&slot) {
                let items = clear_items(&audit.history().realm.domain, &signed.batch);
                found = items.get(&item).map(victim::bare);
            }
            audit.apply(&signed, recover(&signed), &mut |_| {})?;
        }
        progress.at(header.number, &format!("batch {}", header.number));
    }
    progress.end();
    Ok(found)
}
