//! Members of a committee that are elsewhere: what they announce before an epoch and release after it (P10, P17, T12).
//!
//! ```text
//!  weft_announceShare ─► first of its member? signed? proven? ─► all here, or the deadline ─► key list
//!  epoch closes ─► checkpoint behind its closing head ─► weft_releaseSecret ─► fits the share? ─► all here ─► opening
//! ```
//!
//! Whoever is late, wrong or gone is named and left out. What is announced is kept in memory alone: members say it again to a
//! node that starts anew.

use super::{super::Engine, Released, Sealing};
use crate::{
    rpc::errors::{RpcError, RpcResult},
    sealing::Ask,
};
use alloy_primitives::{Address, B256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use weft_batch::Squared;
use weft_crypto::{Announcement, InvalidShare, KeyList, MemberId, Release, Secret, Setup, Share};
use weft_lane::SealingConfig;
use weft_types::{Checkpoint, Section, Signature, SlotHeader, SlotNumber, chain_start};

/// Slots before the deadline of a key list in which it is made of what came: it takes a moment, and must not be late.
const ASSEMBLY_SLOTS: u64 = 2;

/// What members announced for epochs that have not begun.
#[derive(Debug, Default)]
pub(crate) struct Members {
    announced: BTreeMap<u64, BTreeMap<MemberId, Announced>>,
    /// Epochs whose key list was asked for, or that have nobody to make it of.
    assembled: BTreeSet<u64>,
}

/// The first share that a member announced for an epoch, and what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced {
    pub(crate) share: Share,
    /// The member's, over hash 19.
    pub(crate) signature: Signature,
    pub(crate) verdict: Result<(), InvalidShare>,
}

/// What a share is checked against.
#[derive(Debug, Clone)]
pub(crate) struct Announcing {
    pub(crate) setup: Arc<Setup>,
    /// Key of the member.
    pub(crate) key: Address,
    /// What it announced before.
    pub(crate) known: Option<Announced>,
}

/// What a release is checked against.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    pub(crate) list: Arc<KeyList>,
    pub(crate) head: B256,
    /// What its puzzle is squared under.
    pub(crate) setup: Arc<Setup>,
    /// Whether whoever squared has to show it.
    pub(crate) is_shown: bool,
}

impl Members {
    /// Forgets epochs that are over.
    pub(super) fn forget(&mut self, keep: impl Fn(&u64) -> bool) {
        self.announced.retain(|epoch, _| keep(epoch));
        self.assembled.retain(keep);
    }
}

impl Sealing {
    /// Returns what a member announced for an epoch.
    pub(crate) fn announced(&self, epoch: u64) -> impl Iterator<Item = (MemberId, &Announced)> {
        let of_epoch = self.members.announced.get(&epoch).into_iter().flatten();
        of_epoch.map(|(member, announced)| (*member, announced))
    }

    /// Says why members of the committee have no share in an epoch's key.
    pub(crate) fn left_out(&self, epoch: u64) -> BTreeMap<MemberId, String> {
        let list = self.list(epoch);
        let has_share = |member| list.is_some_and(|list| list.key.members.contains(&member));
        let out = self.options.roster.keys().copied().filter(|member| !has_share(*member));
        out.map(|member| (member, self.why_left_out(epoch, member))).collect()
    }

    fn why_left_out(&self, epoch: u64, member: MemberId) -> String {
        let announced = self.members.announced.get(&epoch).and_then(|all| all.get(&member));
        match announced.map(|announced| announced.verdict) {
            None => "announced nothing in time".to_owned(),
            Some(Ok(())) => "its share is not part of the key list".to_owned(),
            Some(Err(why)) => why.to_string(),
        }
    }

    fn key_of(&self, member: MemberId) -> RpcResult<Address> {
        if !self.options.is_apart() {
            let why = "the committee is in the node's own process";
            return Err(RpcError::committee_refused("NoCommittee", why));
        }
        let key = self.options.roster.get(&member).copied();
        key.ok_or_else(|| {
            let why = format!("the committee has no member {member}");
            RpcError::committee_refused("UnknownMember", why)
        })
    }
}

/// Shares.
impl Engine {
    /// Returns what a member's share of an epoch is checked against, while it is in time.
    pub(crate) fn announcing(&mut self, epoch: u64, member: MemberId) -> RpcResult<Announcing> {
        self.check_intake()?;
        let slot = self.lane.open_slot().map(|header| header.number).unwrap_or_default();
        let config = self.sealing_config()?.clone();
        let sealing = self.sealing.as_mut().ok_or_else(no_sealing)?;
        let key = sealing.key_of(member)?;
        let known = sealing.members.announced.get(&epoch).and_then(|all| all.get(&member)).copied();
        let setup = sealing.setup.clone();
        if known.is_none() && sealing.list(epoch).is_none() {
            check_time(sealing, &config, slot, epoch)?;
        }
        Ok(Announcing { setup, key, known })
    }

    /// Takes a share that its member signed; `verdict` says whether its proof holds.
    pub(crate) fn announce_share(
        &mut self,
        epoch: u64,
        member: MemberId,
        announced: Announced,
    ) -> RpcResult<()> {
        let slot = self.lane.open_slot().map(|header| header.number).unwrap_or_default();
        let config = self.sealing_config()?.clone();
        let sealing = self.sealing.as_mut().ok_or_else(no_sealing)?;
        if sealing.list(epoch).is_some() {
            return sealing.announce_again(epoch, member, announced);
        }
        check_time(sealing, &config, slot, epoch)?;
        let of_epoch = sealing.members.announced.entry(epoch).or_default();
        // The first one counts, whatever it is: nobody makes others check more than one.
        let first = *of_epoch.entry(member).or_insert(announced);
        if first.share != announced.share {
            return Err(other_share(epoch, member));
        }
        if let Err(why) = first.verdict {
            tracing::warn!(epoch, member, %why, "a member's share does not hold");
        }
        Ok(())
    }

    /// Asks for the key lists of epochs for which everybody announced, or whose deadline is near.
    pub(super) fn assemble_lists(&mut self, slot: SlotNumber, config: &SealingConfig) {
        let current = config.epoch_of(slot);
        for epoch in current + 1..=current + super::EPOCHS_AHEAD {
            let is_known = self.lane.sealing().open(epoch).is_some();
            let sealing = self.sealing.as_mut().expect("the realm takes sealed items");
            if is_known || sealing.members.assembled.contains(&epoch) {
                continue;
            }
            let accepted = sealing.accepted(epoch);
            let everybody = sealing.members.announced.get(&epoch).map_or(0, BTreeMap::len);
            let deadline = config.first_slot(epoch).get().saturating_sub(config.lead_slots);
            let is_due = slot.get() + ASSEMBLY_SLOTS >= deadline;
            if !is_due && everybody < sealing.options.roster.len() {
                continue;
            }
            sealing.members.assembled.insert(epoch);
            let committee = sealing.options.roster.keys().copied();
            for member in committee.clone() {
                if !accepted.iter().any(|announcement| announcement.member == member) {
                    let why = sealing.why_left_out(epoch, member);
                    tracing::warn!(epoch, member, %why, "a member is left out of an epoch's key");
                }
            }
            if accepted.is_empty() {
                tracing::warn!(epoch, "no share came in time: the epoch has no key");
                continue;
            }
            let (committee, announcements) = (committee.collect(), accepted);
            self.committee().ask(Ask::Assemble { epoch, committee, announcements });
        }
    }
}

impl Sealing {
    /// Takes a signature for a share that is part of a key list, for who asks whose shares these are.
    fn announce_again(
        &mut self,
        epoch: u64,
        member: MemberId,
        announced: Announced,
    ) -> RpcResult<()> {
        let list = self.read(epoch).map_err(|why| RpcError::new(-32603, why))?;
        match list.shares().get(&member) {
            Some(share) if *share == announced.share => {
                self.members.announced.entry(epoch).or_default().insert(member, announced);
                Ok(())
            }
            Some(_) => Err(other_share(epoch, member)),
            None => Err(too_late(epoch)),
        }
    }

    fn accepted(&self, epoch: u64) -> Vec<Announcement> {
        let holds = self.announced(epoch).filter(|(_, announced)| announced.verdict.is_ok());
        holds
            .map(|(member, announced)| Announcement {
                member,
                received_unix_ms: 0,
                share: announced.share,
            })
            .collect()
    }
}

/// Releases.
impl Engine {
    /// Asks for the sequencer's signature of the closing head of an epoch that waits, when the slot behind it opens.
    pub(in super::super) fn sign_closing(&mut self, header: &SlotHeader) {
        let Some(config) = &self.lane.config().sealing else { return };
        let epoch = config.epoch_of(header.number);
        let is_first = header.number == config.first_slot(epoch);
        let closed = self.lane.sealing().closed(epoch.saturating_sub(1));
        if let (true, Some(closed)) = (is_first, closed)
            && closed.head == header.parent
        {
            let (slot, section) = (header.number, Section::Plaintext);
            self.outbox.closes(Checkpoint {
                slot,
                parent: header.parent,
                section,
                count: 0,
                chain: chain_start(&self.domain, slot, section),
                unix_ms: now_ms(),
            });
        }
    }

    /// Returns what a secret of a closed epoch is checked against: list and closing head.
    pub(crate) fn closing(&mut self, epoch: u64) -> RpcResult<Closing> {
        self.sealing_config()?;
        let lane = self.lane.sealing();
        if lane.open(epoch).is_some() {
            let why = format!("epoch {epoch} is not closed: its secret came to light too early");
            return Err(RpcError::committee_refused("NotClosed", why));
        }
        let head = lane.closed(epoch).filter(|closed| !closed.is_late).map(|closed| closed.head);
        let head = head.ok_or_else(|| {
            let why = format!("epoch {epoch} does not wait for a secret");
            RpcError::committee_refused("NotWaiting", why)
        })?;
        let sealing = self.sealing.as_mut().ok_or_else(no_sealing)?;
        let list = sealing.read(epoch).map_err(|why| RpcError::new(-32603, why))?;
        let (setup, is_shown) = (sealing.setup.clone(), sealing.options.is_apart());
        Ok(Closing { list, head, setup, is_shown })
    }

    /// Returns what a member's release is checked against, and its key.
    pub(crate) fn releasing(
        &mut self,
        epoch: u64,
        member: MemberId,
    ) -> RpcResult<(Closing, Address)> {
        let sealing = self.sealing.as_ref().ok_or_else(no_sealing)?;
        let key = sealing.key_of(member)?;
        Ok((self.closing(epoch)?, key))
    }

    /// Takes a member's secret that fits its share, signed for a closing head.
    pub(crate) fn release_secret(
        &mut self,
        epoch: u64,
        member: MemberId,
        head: B256,
        secret: Secret,
        signature: Signature,
    ) -> RpcResult<()> {
        self.promises()?;
        let release = Release { member, received_unix_ms: self.now_ms, secret };
        let released = Released { release, signature: Some(signature) };
        self.member_released(epoch, head, released).map_err(|why| {
            let name = match &why {
                weft_lane::Rejection::Sealed(sealed) => name_of(sealed),
                _ => "Refused",
            };
            RpcError::committee_refused(name, why)
        })
    }

    /// Opens a closed epoch with the secret that somebody found by squaring, and showed so where members are elsewhere.
    pub(crate) fn open_with(
        &mut self,
        epoch: u64,
        secret: &Secret,
        squared: Option<Box<Squared>>,
    ) -> RpcResult<()> {
        self.promises()?;
        let Closing { list, .. } = self.closing(epoch)?;
        let secret = list.fitting(secret).ok_or_else(|| {
            let why = format!("not the secret of epoch {epoch}");
            RpcError::committee_refused("Secret", why)
        })?;
        let refused = |why| RpcError::committee_refused("Refused", why);
        self.solved(epoch, secret, squared).map_err(refused)
    }
}

const fn name_of(rejection: &weft_lane::SealedRejection) -> &'static str {
    use weft_lane::SealedRejection as Why;
    match rejection {
        Why::NotClosed { .. } => "NotClosed",
        Why::NotWaiting { .. } => "NotWaiting",
        Why::OtherHead { .. } => "OtherHead",
        Why::UnknownMember { .. } => "UnknownMember",
        Why::Released { .. } => "Released",
        _ => "Refused",
    }
}

/// Checks that a share can still be part of its epoch's key.
fn check_time(
    sealing: &Sealing,
    config: &SealingConfig,
    slot: SlotNumber,
    epoch: u64,
) -> RpcResult<()> {
    let current = config.epoch_of(slot);
    if epoch <= current || sealing.members.assembled.contains(&epoch) {
        return Err(too_late(epoch));
    }
    // The clock of the puzzle runs from here on, so shares are not taken long before.
    if epoch > current + super::EPOCHS_AHEAD {
        let why = format!("the open epoch is {current}, that of the share {epoch}");
        return Err(RpcError::committee_refused("TooEarly", why));
    }
    Ok(())
}

fn too_late(epoch: u64) -> RpcError {
    RpcError::committee_refused("TooLate", format!("the key list of epoch {epoch} is made"))
}

fn other_share(epoch: u64, member: MemberId) -> RpcError {
    tracing::warn!(epoch, member, "a member announced two shares, which is evidence against it");
    let why = format!("member {member} announced another share for epoch {epoch} before");
    RpcError::committee_refused("OtherShare", why)
}

fn no_sealing() -> RpcError {
    RpcError::sealed_refused("NoSealing", "the realm takes no sealed items")
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
