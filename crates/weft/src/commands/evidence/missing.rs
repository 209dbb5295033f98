//! A promised place whose slot is not on L1 by the time that the promise names (P14, P47).

use crate::court::{Court, Refusal};
use eyre::{Result, bail};
use weft_evidence::{Convicted, Conviction, Fault, Subject};
use weft_types::{Encode as _, OrderPromise, SignedPromise};

/// What L1 says of a promised time.
pub(super) enum Verdict {
    /// It is over, and the slot is not there.
    Missed(Conviction),
    /// It is not over.
    NotYet(String),
}

/// Holds a promise of a place against what is on L1; fails when it convicts nobody. Nothing is sent.
pub(super) async fn hold(
    court: &Court,
    promise: &SignedPromise,
    order: &OrderPromise,
) -> Result<Verdict> {
    let (slot, deadline) = (order.position.slot, order.l1_deadline);
    let (block, highest) = (court.block().await?, court.highest_slot().await?);
    if highest >= slot.get() {
        bail!("nobody is convicted: slot {slot} is on L1, of which slot {highest} is the last one");
    }
    if block <= deadline {
        let why = format!("slot {slot} is due by L1 block {deadline}; {block} is the last one");
        return Ok(Verdict::NotYet(why));
    }
    match court.try_missing(&promise.encode()).await {
        Ok(_) => {}
        Err(Refusal::NotMissed) => {
            let why = format!("slot {slot} was due by L1 block {deadline}; the time of grace runs");
            return Ok(Verdict::NotYet(why));
        }
        Err(why) => bail!(why),
    }
    let convicted = Convicted::Sequencer(promise.signer()?);
    let subject = Subject::Slot(slot);
    Ok(Verdict::Missed(Conviction { convicted, fault: Fault::MissedDeadline, subject }))
}
