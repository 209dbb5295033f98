//! What becomes of promises: the feed, the outcomes, and what is wrong with them.

use super::{alarm::Count, disk::Kept, notices, sealer::Sealer};
use crate::{
    say::say,
    tower::{Place, place},
    upstream::Upstream,
};
use alloy_primitives::{B256, Bytes};
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::task::block_in_place;
use weft_client::Outcome;
use weft_evidence::{ClosedSlot, Ending, Proof, Shown, Stretch};
use weft_types::{
    Decode as _, OrderPromise, Position, RemovalCause, SignedPromise, SlotHeader, SlotNumber,
    SlotRecord, Statement,
};

/// Time between two looks at what is not decided.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Time before a feed is asked for again.
const BEGIN_AGAIN: Duration = Duration::from_secs(1);
/// Milliseconds before a notice is asked for again.
const ASK_AGAIN_MS: u64 = 1_000;
/// Most closed slots between a checkpoint and the slot that it shows.
const MAX_PAST: u64 = 64;

/// Returns the time, in milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Hears every promise and holds it against the others, for ever.
pub(super) async fn feed(sealer: &Sealer) {
    loop {
        if let Ok(mut feed) = sealer.realm.subscribe_promises(sealer.setting.sequencer).await {
            while let Ok(promise) = feed.next().await {
                hear(sealer, promise.signed());
            }
        }
        // A feed with a gap is no contradiction: the next one begins where it is.
        tokio::time::sleep(BEGIN_AGAIN).await;
    }
}

fn hear(sealer: &Sealer, promise: &SignedPromise) {
    let contradicts = sealer.claims().hear(promise);
    if let Some(proof) = contradicts {
        sealer.alarms.convict(promise.statement.item(), proof);
    }
}

/// Follows every item until it is decided, for ever.
pub(super) async fn outcomes(sealer: &Sealer) {
    let mut watched = Watched::default();
    loop {
        let items: Vec<Kept> = sealer.items().values().cloned().collect();
        for kept in items {
            if let Err(error) = watched.look(sealer, kept).await {
                watched.trouble(&error);
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What was said already about items.
#[derive(Debug, Default)]
struct Watched {
    /// Items whose slot was found to hold what was promised, or not.
    checked: BTreeSet<B256>,
    /// Items with an outcome that the sequencer signed.
    signed: BTreeSet<B256>,
    /// Items with a verdict that was found false.
    refuted: BTreeSet<B256>,
    /// Items that are late.
    late: BTreeSet<B256>,
    /// When the node was asked last for the notice of an item's key, in milliseconds since the Unix epoch.
    asked: BTreeMap<B256, u64>,
    trouble: Option<String>,
}

impl Watched {
    async fn look(&mut self, sealer: &Sealer, mut kept: Kept) -> Result<()> {
        let item = kept.item;
        if kept.notice.is_none()
            && self.is_time_to_ask(item)
            && let Some(notice) = notices::ask(sealer, &kept).await?
        {
            sealer.hear_notice(&mut kept, &notice);
            block_in_place(|| sealer.disk.keep(&kept))?;
            sealer.items().insert(item, kept.clone());
        }
        let outcome = sealer.realm.outcome(item).await?;
        if let Some(outcome) = &outcome
            && !self.signed.contains(&item)
        {
            self.compare(sealer, &kept, outcome).await;
        }
        if let (Some(promise), Some(position)) = (&kept.promise, kept.position)
            && !self.checked.contains(&item)
        {
            let promise = SignedPromise::decode(promise)?;
            self.check_slot(sealer, item, promise, position).await?;
        }
        let deadline = u64::try_from(sealer.setting.deadline.as_millis()).unwrap_or(u64::MAX);
        let is_over = now_ms() >= kept.close_at.saturating_add(deadline);
        // Others of its bundle may be opened yet.
        if matches!(outcome, Some(Outcome::Part(_))) && !is_over {
            return Ok(());
        }
        if let Some(outcome) = outcome
            && (is_over || self.is_shown(&kept))
        {
            // An outcome is a word of the node; only what it signed can be held against it.
            if !self.signed.contains(&item) {
                sealer.alarms.raise(item, "nobody signed the outcome that the node says");
            }
            return self.decided(sealer, kept, &outcome);
        }
        if !is_over {
            return Ok(());
        }
        if kept.promise.is_some() {
            if self.late.insert(item) {
                sealer.alarms.raise(item, "a promised item is not decided in time");
            }
            return Ok(());
        }
        // Nobody promised it and nobody knows it.
        if !kept.refused {
            say(json!({ "event": "lost", "txHash": kept.tx_hash, "item": item }));
        }
        kept.outcome = Some("never ordered".to_owned());
        self.end(sealer, &kept)
    }

    /// Returns true when nothing more is to be held against the node: it signed the outcome, and its slot has the item where
    /// it was promised.
    fn is_shown(&self, kept: &Kept) -> bool {
        let is_placed = kept.promise.is_none() || self.checked.contains(&kept.item);
        is_placed && self.signed.contains(&kept.item)
    }

    fn decided(&mut self, sealer: &Sealer, mut kept: Kept, outcome: &Outcome) -> Result<()> {
        let (what, words) = words(outcome);
        if let Some(what) = what {
            sealer.alarms.count(what);
        }
        let (tx_hash, item) = (kept.tx_hash, kept.item);
        say(json!({ "event": "decided", "txHash": tx_hash, "item": item, "outcome": words }));
        kept.outcome = Some(words);
        self.end(sealer, &kept)
    }

    fn is_time_to_ask(&mut self, item: B256) -> bool {
        let now = now_ms();
        let is_time = self.asked.get(&item).is_none_or(|at| now >= at + ASK_AGAIN_MS);
        if is_time {
            self.asked.insert(item, now);
        }
        is_time
    }

    fn end(&mut self, sealer: &Sealer, kept: &Kept) -> Result<()> {
        block_in_place(|| sealer.disk.done(kept))?;
        sealer.items().remove(&kept.item);
        self.checked.remove(&kept.item);
        self.late.remove(&kept.item);
        self.asked.remove(&kept.item);
        self.signed.remove(&kept.item);
        self.refuted.remove(&kept.item);
        Ok(())
    }

    /// Holds what the node says now against what it promised.
    async fn compare(&mut self, sealer: &Sealer, kept: &Kept, outcome: &Outcome) {
        let told = sealer.realm.promises(kept.item, sealer.setting.sequencer).await;
        let mut is_refuted = false;
        for promise in told.into_iter().flatten().flat_map(|told| [told.order, told.execution]) {
            let Some(promise) = promise else { continue };
            let signed = promise.signed();
            hear(sealer, signed);
            let is_result = notices::result_of(kept.item, signed);
            if is_result {
                self.signed.insert(kept.item);
            }
            if is_result && let Some(proofs) = notices::refutations(kept, signed) {
                let convict = |proof| sealer.alarms.convict(Some(kept.item), proof);
                is_refuted |= proofs.into_iter().any(convict);
            }
        }
        // The shield sealed it itself and knows that it opens.
        if let Outcome::Removed(removed) = outcome
            && matches!(removed.cause, RemovalCause::Undecryptable | RemovalCause::Malformed)
            && !is_refuted
            && self.refuted.insert(kept.item)
        {
            sealer.alarms.raise(kept.item, &format!("a false verdict: {removed}"));
        }
    }

    /// Holds a place that a closed slot has against the slot's commitment, once there is one.
    async fn check_place(
        &mut self,
        sealer: &Sealer,
        item: B256,
        promise: &SignedPromise,
        order: &OrderPromise,
        closed: &ClosedSlot,
    ) -> Result<()> {
        let node = Upstream::new(sealer.realm.rollup(sealer.chain_id())?.url())?;
        match place(&node, sealer.setting.sequencer, promise, order).await? {
            Place::Kept => drop(self.checked.insert(item)),
            Place::Broken(proofs) => {
                self.checked.insert(item);
                if !proofs.into_iter().any(|proof| sealer.alarms.convict(Some(item), proof)) {
                    sealer.alarms.raise(item, "the slot is committed to with another order");
                }
            }
            Place::Unknown => {
                // The record shows the last place alone.
                let ends_here = closed.record.sealed == order.position.index + 1;
                if ends_here && closed.record.sealed_chain != order.chain {
                    self.checked.insert(item);
                    sealer
                        .alarms
                        .raise(item, "the slot closed with another item in the promised place");
                }
            }
        }
        Ok(())
    }

    /// Looks whether a closed slot has the promised place, and shows it when it has not.
    async fn check_slot(
        &mut self,
        sealer: &Sealer,
        item: B256,
        promise: SignedPromise,
        position: Position,
    ) -> Result<()> {
        let Some(closed) = closed_slot(sealer, position.slot).await? else { return Ok(()) };
        let Statement::Order(order) = &promise.statement else { return Ok(()) };
        if closed.record.sealed > position.index {
            return self.check_place(sealer, item, &promise, order, &closed).await;
        }
        let behind = position.slot.next();
        let Some(word) = sealer.claims().checkpoint_from(behind) else { return Ok(()) };
        let past = past(sealer, &word, closed).await?;
        let record = &past.last().expect("it ends with the slot").record;
        let (from, before) = (record.sealed, record.sealed_chain);
        let stretch = Stretch { from, before, items: Vec::new() };
        let ending = Ending { word: SignedPromise::clone(&word), past };
        let shown = Shown::Items(ending, stretch);
        self.checked.insert(item);
        let proof = Proof::Omission(Box::new(promise), Box::new(shown));
        if !sealer.alarms.convict(Some(item), proof) {
            sealer.alarms.raise(item, "the promised place is not in its slot");
        }
        Ok(())
    }

    fn trouble(&mut self, error: &eyre::Report) {
        let why = error.to_string();
        if self.trouble.as_ref() != Some(&why) {
            say(json!({ "event": "trouble", "why": why }));
            self.trouble = Some(why);
        }
    }
}

/// Returns the closed slots from a checkpoint's own downwards to one.
async fn past(
    sealer: &Sealer,
    word: &SignedPromise,
    closed: ClosedSlot,
) -> Result<Vec<ClosedSlot>> {
    let Statement::Checkpoint(checkpoint) = &word.statement else {
        return Err(eyre!("not a checkpoint"));
    };
    let (last, first) = (checkpoint.slot.get() - 1, closed.header.number.get());
    ensure!(last - first < MAX_PAST, "no checkpoint near slot {first}");
    let mut past = Vec::new();
    for slot in (first + 1..=last).rev() {
        let slot = closed_slot(sealer, SlotNumber::new(slot)).await?;
        past.push(slot.ok_or_else(|| eyre!("a slot before the last is not closed"))?);
    }
    past.push(closed);
    Ok(past)
}

/// Returns header and record of a closed slot, as the node says them: evidence checks them against a signature.
async fn closed_slot(sealer: &Sealer, slot: SlotNumber) -> Result<Option<ClosedSlot>> {
    let node = Upstream::new(sealer.realm.rollup(sealer.chain_id())?.url())?;
    let told = node.call("weft_getSlotRecord", json!([slot])).await?;
    if told.is_null() {
        return Ok(None);
    }
    let header = SlotHeader::decode(&bytes(&told["header"])?)?;
    let record = SlotRecord::decode(&bytes(&told["record"])?)?;
    Ok(Some(ClosedSlot { header, record }))
}

fn bytes(value: &Value) -> Result<Bytes> {
    serde_json::from_value(value.clone()).map_err(|_| eyre!("unexpected answer: {value}"))
}

/// Returns what is said of an outcome, and as what it counts: a part of a bundle that never was complete is neither.
fn words(outcome: &Outcome) -> (Option<Count>, String) {
    match outcome {
        Outcome::Executed(_) => (Some(Count::Included), "included".to_owned()),
        Outcome::Part(_) => (None, "a part, without effect alone".to_owned()),
        Outcome::Removed(removed) => (Some(Count::Removed), format!("removed: {removed}")),
        Outcome::Dropped(dropped) => (Some(Count::Removed), format!("dropped: {}", dropped.reason)),
    }
}
