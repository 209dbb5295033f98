//! What is done on L1 with what was found.

use super::{ears::Ears, own::Own};
use crate::{
    court::{Court, Punished, Refusal},
    say::say,
    tower::{Found, WrongResult},
    victim,
};
use alloy_primitives::{B256, Bytes, utils::format_ether};
use serde_json::json;
use std::{collections::VecDeque, time::Duration};
use tokio::{sync::mpsc::Receiver, time::sleep};
use weft_evidence::{Conviction, Fault};
use weft_types::{Domain, Encode as _, SignedPromise};

/// First wait for an L1 that does not answer; each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Time between two looks at deadlines.
const LOOK_AGAIN: Duration = Duration::from_secs(6);

/// Punishments that are looked at until they are final; of more the oldest are left alone.
const MAX_DONE: usize = 1_024;

/// What somebody is punished for.
#[derive(Debug)]
pub(super) enum Charge {
    /// Words that contradict each other, or what they are about.
    Word(Box<Found>),
    /// A result that is not what was settled.
    Result(Box<WrongResult>),
}

impl Charge {
    fn id(&self) -> B256 {
        match self {
            Self::Word(found) => found.id,
            Self::Result(wrong) => wrong.id(),
        }
    }

    fn conviction(&self) -> Conviction {
        match self {
            Self::Word(found) => found.conviction,
            Self::Result(wrong) => wrong.conviction(),
        }
    }

    fn domain(&self) -> &Domain {
        match self {
            Self::Word(found) => found.evidence.domain(),
            Self::Result(wrong) => &wrong.promise.domain,
        }
    }

    async fn ask(&self, court: &Court) -> Result<B256, Refusal> {
        match self {
            Self::Word(found) => court.try_punish(&found.evidence.encode()).await,
            Self::Result(wrong) => court.try_result(wrong).await,
        }
    }

    async fn bring(&self, court: &Court) -> Result<Punished, Refusal> {
        match self {
            Self::Word(found) => court.punish(&found.evidence.encode()).await,
            Self::Result(wrong) => court.punish_result(wrong).await,
        }
    }

    /// Returns the victim's item as L1 wants to see it, where it is here.
    fn item(&self, item: B256) -> Option<Bytes> {
        match self {
            Self::Word(found) => victim::in_evidence(&found.evidence, item),
            Self::Result(wrong) => wrong.item.clone(),
        }
    }
}

/// A punishment that L1 may take back.
#[derive(Debug)]
struct Done {
    found: Charge,
    /// L1's last block when it was there.
    block: u64,
    /// Whether the victim was paid.
    is_paid: bool,
}

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

    /// Has everybody punished that is convicted, one after the other, for ever; again when L1 takes it back (P48).
    pub(super) async fn punish(&self, mut waiting: Receiver<Charge>) {
        let mut done = VecDeque::new();
        loop {
            tokio::select! {
                found = waiting.recv() => match (found, &self.court) {
                    (None, _) => return,
                    (Some(_), None) => {}
                    (Some(found), Some(court)) => done.extend(self.act(court, found).await),
                },
                () = sleep(LOOK_AGAIN) => {}
            }
            if let Some(court) = &self.court {
                self.look_back(court, &mut done).await;
            }
        }
    }

    /// Punishes, and pays the victim; returns what L1 may take back.
    async fn act(&self, court: &Court, found: Charge) -> Option<Done> {
        if !self.until_it_is_said(court, &found).await {
            return None;
        }
        let is_paid = self.compensate(court, &found).await;
        // Somebody else may have been faster, in a block before this one.
        let block = court.block().await.unwrap_or(u64::MAX);
        Some(Done { found, block, is_paid })
    }

    /// Does again what is not on L1 any more, and forgets what is final.
    async fn look_back(&self, court: &Court, done: &mut VecDeque<Done>) {
        let Ok(last) = court.finalized().await else { return };
        done.retain(|done| done.block > last);
        while done.len() > MAX_DONE {
            done.pop_front();
        }
        for done in done {
            let id = done.found.id();
            if done.found.ask(court).await.is_ok() {
                say(json!({ "event": "taken back", "conviction": id }));
                self.until_it_is_said(court, &done.found).await;
                done.is_paid = self.compensate(court, &done.found).await;
            } else if done.is_paid && matches!(court.reserve(id).await, Ok(Some(_))) {
                done.is_paid = self.compensate(court, &done.found).await;
            } else {
                continue;
            }
            done.block = court.block().await.unwrap_or(u64::MAX);
        }
    }

    /// Has missed deadlines punished, for ever; again when L1 takes it back.
    pub(super) async fn deadlines(&self, ears: &Ears) {
        let mut done = VecDeque::new();
        loop {
            sleep(LOOK_AGAIN).await;
            let Some(court) = &self.court else { continue };
            let (Ok(block), Ok(highest)) = (court.block().await, court.highest_slot().await) else {
                continue;
            };
            for promise in ears.due(block, highest) {
                match court.punish_missing(&promise.encode()).await {
                    Ok(punished) => {
                        say(json!({
                            "event": "punished",
                            "conviction": punished.id,
                            "why": Fault::MissedDeadline.to_string(),
                            "operator": punished.operator,
                            "slashed": format_ether(punished.taken),
                            "reward": format_ether(punished.reward),
                            "transaction": punished.transaction,
                            "gasUsed": punished.gas_used,
                        }));
                        done.retain(|(_, other)| *other != promise);
                        done.push_back((block, promise));
                    }
                    // The slot is not there, and it is not too late for it either: in the time of grace.
                    Err(why) if why.may_pass() || why == Refusal::NotMissed => ears.later(promise),
                    Err(_) => {}
                }
            }
            let Ok(last) = court.finalized().await else { continue };
            // One that stands is refused at the next look, for nothing.
            done.retain(|(block, _)| *block >= last);
            done.drain(..done.len().saturating_sub(MAX_DONE));
            done.iter().for_each(|(_, promise): &(u64, SignedPromise)| ears.later(promise.clone()));
        }
    }

    /// Tries until L1 punished somebody or says why not; returns true when somebody is punished, by whomever.
    async fn until_it_is_said(&self, court: &Court, found: &Charge) -> bool {
        let mut wait = FIRST_WAIT;
        loop {
            match found.bring(court).await {
                Ok(done) => {
                    say(json!({
                        "event": "punished",
                        "conviction": found.id(),
                        "why": found.conviction().fault.to_string(),
                        "operator": done.operator,
                        "slashed": format_ether(done.taken),
                        "reward": format_ether(done.reward),
                        "transaction": done.transaction,
                        "gasUsed": done.gas_used,
                    }));
                    return true;
                }
                Err(why) if why.may_pass() => {
                    let why = why.to_string();
                    say(json!({ "event": "trouble", "conviction": found.id(), "why": why }));
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(why) => {
                    let event = if why.is_done() { "done" } else { "refused" };
                    let text = why.to_string();
                    say(json!({ "event": event, "conviction": found.id(), "why": text }));
                    return why.is_done();
                }
            }
        }
    }

    /// Pays the victim, when its item can be found; returns true when that was done. Somebody else may have paid it, or may do
    /// so later.
    async fn compensate(&self, court: &Court, found: &Charge) -> bool {
        let Ok(Some((item, _))) = court.reserve(found.id()).await else { return false };
        let domain = found.domain();
        let item = match self.here(found, item) {
            Some(item) => Some(item),
            None => {
                let known = victim::from_node(&self.rpc, domain, item).await.unwrap_or_default();
                known.as_ref().map(victim::bare)
            }
        };
        let Some(item) = item else {
            say(
                json!({ "event": "waiting", "conviction": found.id(), "why": "the victim's item is unknown" }),
            );
            return false;
        };
        let paid = court.compensate(found.id(), item).await;
        match &paid {
            Ok(paid) => say(json!({
                "event": "compensated",
                "conviction": found.id(),
                "victim": paid.victim,
                "amount": format_ether(paid.amount),
                "transaction": paid.transaction,
            })),
            Err(why) => {
                say(
                    json!({ "event": "trouble", "conviction": found.id(), "why": why.to_string() }),
                );
            }
        }
        paid.is_ok()
    }

    fn here(&self, found: &Charge, item: B256) -> Option<Bytes> {
        let known = found.item(item);
        known.or_else(|| self.own.item(found.domain(), item).as_ref().map(victim::bare))
    }
}
