//! The slow model of the fold: for every item the whole state of the realm is built again from the start of the slot
//! by applying only what stands, the item runs alone on that copy, and it is adopted only when it is included (P3, P4).

use super::{Verdict, Violation, agree, agree_in_order};
use crate::history::{ItemLog, Parts, SlotLog};
use weft_evm::{MemoryState, Realm};
use weft_types::{Domain, Outcome, SlotHeader};

const MODEL: &str = "slow model";

/// Runs a slot again, one copy of the state per item, and compares everything.
pub(crate) fn slot(
    domain: Domain,
    before: &Parts,
    log: &SlotLog,
    after: &Realm<MemoryState>,
) -> Verdict {
    for (index, item) in log.items.iter().enumerate() {
        let mut copy = adopted(domain, before, &log.header, &log.items[..index])?;
        item.prepare(&mut copy);
        let applied = copy.apply(item.position, &item.planned.item).map_err(stopped)?;
        agree(MODEL, || format!("item {}", item.position), &item.applied, &applied)?;
    }
    in_parallel(domain, before, log)?;
    let mut copy = adopted(domain, before, &log.header, &log.items)?;
    let blocks = copy.close_slot().map_err(|error| failed(&error))?;
    agree(MODEL, || "closed blocks".into(), &log.blocks, &blocks)?;
    let escrow = |realm: &Realm<MemoryState>| realm.escrow().iter().collect::<Vec<_>>();
    agree(MODEL, || "escrow".into(), &escrow(after), &escrow(&copy))?;
    let heads = |realm: &Realm<MemoryState>| realm.heads().iter().collect::<Vec<_>>();
    agree(MODEL, || "heads".into(), &heads(after), &heads(&copy))
}

/// Runs all items at once, with rollups ahead of each other: the outcome never depends on threads (P6).
fn in_parallel(domain: Domain, before: &Parts, log: &SlotLog) -> Verdict {
    let mut copy = before.realm(domain);
    copy.open_slot(log.header.clone()).map_err(|error| failed(&error))?;
    let item = |item: &ItemLog| (item.position, item.planned.item.clone());
    let mut applied = Vec::new();
    // A rollup that stops does so between two runs of items.
    for run in log.items.chunk_by(|_, next| next.halted.is_empty()) {
        run[0].prepare(&mut copy);
        let items: Vec<_> = run.iter().map(item).collect();
        applied.extend(copy.apply_all(&items, 2).map_err(stopped)?);
    }
    let declared: Vec<_> = log.items.iter().map(|item| item.applied.clone()).collect();
    agree_in_order(MODEL, || "items in parallel".into(), &declared, &applied)?;
    let blocks = copy.close_slot_on(2).map_err(|error| failed(&error))?;
    agree(MODEL, || "closed blocks in parallel".into(), &log.blocks, &blocks)
}

/// Builds the state that the included items leave, with nothing ever taken back.
fn adopted(
    domain: Domain,
    before: &Parts,
    header: &SlotHeader,
    items: &[ItemLog],
) -> Result<Realm<MemoryState>, Violation> {
    let mut copy = before.realm(domain);
    copy.open_slot(header.clone()).map_err(|error| failed(&error))?;
    for item in items {
        item.prepare(&mut copy);
        match &item.applied.outcome {
            Outcome::Included => {
                copy.apply(item.position, &item.planned.item).map_err(stopped)?;
            }
            Outcome::Removed(removal) => copy.apply_removed(&item.planned.item, removal),
        }
    }
    Ok(copy)
}

fn stopped(error: impl std::fmt::Display) -> Violation {
    Violation { checker: MODEL, text: error.to_string() }
}

fn failed(error: &impl std::fmt::Debug) -> Violation {
    Violation { checker: MODEL, text: format!("{error:?}") }
}
