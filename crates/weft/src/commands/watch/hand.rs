//! What is done on L1 with what was found.

use super::{ears::Ears, own::Own};
use crate::{
    court::{Court, Refusal},
    say::say,
    tower::Found,
    victim,
};
use alloy_primitives::{B256, utils::format_ether};
use serde_json::json;
use std::time::Duration;
use tokio::{sync::mpsc::Receiver, time::sleep};
use weft_evidence::Evidence;
use weft_types::Encode as _;

/// First wait for an L1 that does not answer; each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Time between two looks at deadlines.
const LOOK_AGAIN: Duration = Duration::from_secs(6);

/// Who acts on L1; nobody without a key.
#[derive(Debug)]
pub(super) struct Hand {
    court: Option<Court>,
    own: Own,
    rpc: String,
}

impl Hand {
    pub(super) const fn new(court: Option<Court>, own: Own, rpc: String) -> Self {
        Self { court, own, rpc }
    }

    /// Has everybody punished that is convicted, one after the other, for ever.
    pub(super) async fn punish(&self, mut waiting: Receiver<Found>) {
        while let Some(found) = waiting.recv().await {
            if let Some(court) = &self.court {
                self.until_it_is_said(court, &found).await;
                self.compensate(court, &found).await;
            }
        }
    }

    /// Has missed deadlines punished, for ever.
    pub(super) async fn deadlines(&self, ears: &Ears) {
        loop {
            sleep(LOOK_AGAIN).await;
            let Some(court) = &self.court else { continue };
            let (Ok(block), Ok(highest)) = (court.block().await, court.highest_slot().await) else {
                continue;
            };
            for promise in ears.due(block, highest) {
                match court.punish_missing(&promise.encode()).await {
                    Ok(transaction) => say(json!({
                        "event": "punished",
                        "why": "missed deadline",
                        "transaction": transaction,
                    })),
                    // The slot is not there, and it is not too late for it either: in the time of grace.
                    Err(why) if why.may_pass() || why == Refusal::NotMissed => ears.later(promise),
                    Err(_) => {}
                }
            }
        }
    }

    /// Tries until L1 punished somebody or says why not.
    async fn until_it_is_said(&self, court: &Court, found: &Found) {
        let mut wait = FIRST_WAIT;
        loop {
            match court.punish(&found.evidence.encode()).await {
                Ok(done) => {
                    return say(json!({
                        "event": "punished",
                        "conviction": found.id,
                        "why": found.conviction.fault.to_string(),
                        "operator": done.operator,
                        "slashed": format_ether(done.taken),
                        "reward": format_ether(done.reward),
                        "transaction": done.transaction,
                        "gasUsed": done.gas_used,
                    }));
                }
                Err(why) if why.may_pass() => {
                    let why = why.to_string();
                    say(json!({ "event": "trouble", "conviction": found.id, "why": why }));
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(why) => {
                    let event = if why.is_done() { "done" } else { "refused" };
                    let why = why.to_string();
                    return say(json!({ "event": event, "conviction": found.id, "why": why }));
                }
            }
        }
    }

    /// Pays the victim, when its item can be found. Somebody else may have paid it, or may do so later.
    async fn compensate(&self, court: &Court, found: &Found) {
        let Ok(Some((item, _))) = court.reserve(found.id).await else { return };
        let domain = found.evidence.domain();
        let here = self.here(&found.evidence, item);
        let item = match here {
            Some(item) => Some(item),
            None => victim::from_node(&self.rpc, domain, item).await.unwrap_or_default(),
        };
        let Some(item) = item else {
            return say(
                json!({ "event": "waiting", "conviction": found.id, "why": "the victim's item is unknown" }),
            );
        };
        match court.compensate(found.id, &item).await {
            Ok(paid) => say(json!({
                "event": "compensated",
                "conviction": found.id,
                "victim": paid.victim,
                "amount": format_ether(paid.amount),
                "transaction": paid.transaction,
            })),
            Err(why) => {
                say(json!({ "event": "trouble", "conviction": found.id, "why": why.to_string() }));
            }
        }
    }

    fn here(&self, evidence: &Evidence, item: B256) -> Option<weft_types::Item> {
        let known = victim::in_evidence(evidence, item);
        known.or_else(|| self.own.item(evidence.domain(), item))
    }
}
