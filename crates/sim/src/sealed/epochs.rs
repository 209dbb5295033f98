//! Keys of epochs: dealt before, released after, or solved.

use super::{
    committee::{dealt, list, solved},
    core::{EPOCH_SLOTS, Ended, SLOT_MS, config},
    disk::Entry,
    feature::Sight,
    history::History,
    lie::Lie,
    members::{self, Character},
    sweep::Bug,
};
use crate::check::{Verdict, Violation, agree, require};
use alloy_primitives::{B256, keccak256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use weft_crypto::{EpochSecret, KeyList, MemberId, Release};
use weft_evidence::Convicted;
use weft_lane::{Input, KeyAnnouncement, Rejection, SealedRejection};
use weft_types::NetworkId;

/// How long the squarings of honest solvers take, in milliseconds.
const SOLVE_MS: u64 = 1_500;
/// How long those of the fastest solver in the world take, from the moment that the puzzle is known.
pub(super) const ADVERSARY_MS: u64 = 1_300;
/// How much longer than its slots an epoch may last, in milliseconds.
const MARGIN_MS: u64 = 200;

/// What the world knows of an epoch.
#[derive(Debug, Clone)]
pub(crate) struct EpochView {
    pub(crate) list: Arc<KeyList>,
    pub(crate) announced_ms: u64,
    pub(crate) close_at_ms: u64,
    /// Members whose secrets others know while the epoch is open.
    pub(crate) known: BTreeSet<MemberId>,
    /// How many envelopes whoever knows these secrets has tried in vain to open.
    pub(crate) tried: usize,
    pub(crate) head: Option<B256>,
    pub(crate) is_late: bool,
    /// Rollups that nobody may leave out any more.
    pub(crate) pinned: Vec<NetworkId>,
    due: Vec<(u64, MemberId)>,
    solve_at_ms: Option<u64>,
    releases: Vec<Release>,
    pub(crate) items: u32,
    pub(crate) items_of: BTreeMap<alloy_primitives::Address, u32>,
}

impl EpochView {
    pub(crate) fn ended(
        &mut self,
        ended: &Ended,
        (now_ms, is_unsigned): (u64, bool),
        members: &BTreeMap<MemberId, Character>,
        available: Option<Vec<NetworkId>>,
    ) -> Verdict {
        self.head = Some(ended.head);
        self.is_late = now_ms > self.close_at_ms;
        agree("late", || format!("epoch {}", ended.epoch), &ended.is_late, &self.is_late)?;
        agree("items", || format!("epoch {}", ended.epoch), &ended.items, &self.items)?;
        let in_time = self.is_late || now_ms < self.announced_ms + ADVERSARY_MS;
        require(in_time, "secrecy", || {
            format!("epoch {} closed when its puzzle could be solved", ended.epoch)
        })?;
        if ended.items == 0 || self.is_late {
            return Ok(());
        }
        self.pinned = available.unwrap_or_default();
        let members_of_list = self.list.shares().keys().filter(|_| !is_unsigned);
        for member in members_of_list {
            let after = members[member].releases_after();
            self.due.extend(after.map(|after| (now_ms + after, *member)));
        }
        self.solve_at_ms = Some(now_ms + SOLVE_MS);
        Ok(())
    }

    /// Tells whether the sequencer has all secrets and must let the epoch run before anything else.
    pub(crate) fn is_readable(&self) -> bool {
        self.list.collect(&self.releases, u64::MAX).1.is_some()
    }
}

impl History {
    /// Deals the keys of the next epochs.
    pub(super) fn deal(&mut self) -> Verdict {
        let Some(slot) = self.core.lane.open_slot().map(|header| header.number) else {
            return Ok(());
        };
        let sealing = config().sealing.expect("the realm takes sealed items");
        let current = sealing.epoch_of(slot);
        for epoch in current + 1..=current + 2 {
            let in_time = slot.get() + sealing.lead_slots < sealing.first_slot(epoch).get();
            let known = self.epochs.contains_key(&epoch) || self.keyless.contains(&epoch);
            if in_time && !known && epoch <= 12 {
                self.announce(epoch, slot.get())?;
            }
        }
        Ok(())
    }

    fn announce(&mut self, epoch: u64, slot: u64) -> Verdict {
        let said: BTreeMap<_, _> =
            self.members.iter().map(|(member, character)| (*member, character.said())).collect();
        let Some(list) = list(epoch, &said) else {
            self.keyless.insert(epoch);
            return Ok(());
        };
        let left = epoch * EPOCH_SLOTS + 1 - slot;
        let close_at_ms = self.now_ms + left * SLOT_MS + MARGIN_MS;
        let members = list.shares().keys().copied().collect();
        let key = KeyAnnouncement { epoch, list: list.id(), members, close_at_ms };
        let step = self.node(Entry::Announce(key, list.clone()))?;
        agree("key list", || format!("epoch {epoch}"), &step.refused, &None)?;
        self.share_notices(&list);
        self.words.name_key(&list);
        if self.lie == Some(Lie::TwoKeys) && !self.has_lied && self.rng.chance(30) {
            self.words.name_other_key(&list, keccak256(epoch.to_be_bytes()));
            self.lied();
        }
        let view = EpochView {
            list,
            announced_ms: self.now_ms,
            close_at_ms,
            known: BTreeSet::new(),
            tried: 0,
            head: None,
            is_late: false,
            pinned: Vec::new(),
            due: Vec::new(),
            solve_at_ms: None,
            releases: Vec::new(),
            items: 0,
            items_of: BTreeMap::new(),
        };
        self.epochs.insert(epoch, view);
        self.log(|| format!("epoch {epoch} has a key, to close by {close_at_ms}"));
        Ok(())
    }

    fn share_notices(&mut self, list: &KeyList) {
        let epoch = list.epoch();
        for member in list.shares().keys() {
            self.words.shares.push(members::share_notice(epoch, *member, false));
            if self.members[member] == Character::DoubleDealer {
                self.words.shares.push(members::share_notice(epoch, *member, true));
                self.member_is_guilty(*member);
            }
        }
    }

    fn member_is_guilty(&mut self, member: MemberId) {
        let key = super::cast::member(member).address();
        self.guilty.insert(Convicted::Member { member, key });
    }

    /// Members do what they do: some betray, some release.
    pub(super) fn members_act(&mut self) -> Verdict {
        let Some(slot) = self.core.lane.open_slot().map(|header| header.number.get()) else {
            return Ok(());
        };
        let current = (slot - 1) / EPOCH_SLOTS + 1;
        if self.epochs.get(&current).is_some_and(|view| view.head.is_none()) {
            self.betray(current, slot)?;
        }
        let epochs: Vec<_> = self.epochs.keys().copied().collect();
        for epoch in epochs {
            let view = self.epochs.get_mut(&epoch).expect("it was just listed");
            let now_ms = self.now_ms;
            let (due, later): (Vec<_>, Vec<_>) =
                view.due.drain(..).partition(|(at, _)| *at <= now_ms);
            view.due = later;
            for (_, member) in due {
                self.release(epoch, member)?;
            }
        }
        Ok(())
    }

    fn betray(&mut self, epoch: u64, slot: u64) -> Verdict {
        let members: Vec<_> = self.epochs[&epoch].list.shares().keys().copied().collect();
        for member in members {
            let character = self.members[&member];
            let early = self.bug == Some(Bug::EarlyRelease) && slot == epoch * EPOCH_SLOTS;
            if !(character.betrays() || early) || !self.rng.chance(40) {
                continue;
            }
            let view = self.epochs.get_mut(&epoch).expect("it is open");
            let is_new = view.known.insert(member);
            if is_new {
                // What one more secret opens is tried again.
                view.tried = 0;
            }
            if is_new && character == Character::Leaker {
                let secret = dealt(epoch, member, false).0.clone();
                self.words.leaks.push((members::share_notice(epoch, member, false), secret));
                self.member_is_guilty(member);
                self.judge_leak(epoch)?;
            }
        }
        Ok(())
    }

    /// A member's secret reaches the node.
    fn release(&mut self, epoch: u64, member: MemberId) -> Verdict {
        if self.core.lane.sealing().closed(epoch).is_none() {
            return Ok(());
        }
        let view = &self.epochs[&epoch];
        let (list, head) = (view.list.clone(), view.head.expect("it is closed"));
        let character = self.members[&member];
        let secret = match character {
            Character::Liar => members::lie(epoch, member),
            _ => dealt(epoch, member, false).0.clone(),
        };
        if secret.public() != *list.shares()[&member].point() {
            // Not the share's: nobody takes it, and the right one may still come.
            self.told.seen.insert(Sight::MemberLiar);
            return Ok(());
        }
        if self.rng.chance(10) {
            self.other_head(epoch, member, head)?;
        }
        let input = Input::MemberReleased { epoch, member, head };
        let step = self.node(Entry::Lane(input))?;
        agree("release", || format!("{member} of epoch {epoch}"), &step.refused, &None)?;
        self.words.releases.push(members::release_notice(&list, member, head));
        if character == Character::DoubleReleaser {
            self.words.releases.push(members::release_notice(&list, member, B256::ZERO));
            self.member_is_guilty(member);
        }
        let view = self.epochs.get_mut(&epoch).expect("it waits");
        view.releases.push(Release { member, received_unix_ms: self.now_ms, secret });
        match list.collect(&view.releases, u64::MAX) {
            (_, None) => Ok(()),
            (_, Some(secret)) => {
                let slow = solved(&list);
                let same = slow.secret().to_bytes() == secret.secret().to_bytes();
                require(same, "two ways", || format!("epoch {epoch} has two secrets"))?;
                self.told.seen.insert(Sight::AllHonest);
                self.reveal(epoch, secret)
            }
        }
    }

    fn other_head(&mut self, epoch: u64, member: MemberId, closed: B256) -> Verdict {
        let declared = keccak256(closed);
        let input = Input::MemberReleased { epoch, member, head: declared };
        let step = self.node(Entry::Lane(input))?;
        let expected = SealedRejection::OtherHead { epoch, declared, closed };
        self.told.seen.insert(Sight::ReleaseForOtherHead);
        let what = || "a release for another order".to_owned();
        agree("T12", what, &step.refused, &Some(Rejection::Sealed(expected)))
    }

    /// Anybody squares what members keep.
    pub(super) fn solve(&mut self) -> Verdict {
        if self.bug == Some(Bug::NobodySolves) {
            return Ok(());
        }
        let waiting: Vec<u64> =
            self.core.lane.sealing().waiting().map(|(epoch, _)| epoch).collect();
        if waiting.len() > 1 {
            self.told.seen.insert(Sight::SeveralWait);
        }
        for epoch in waiting {
            let view = &self.epochs[&epoch];
            if view.solve_at_ms.is_some_and(|at| at <= self.now_ms) {
                let secret = solved(&view.list);
                self.told.seen.insert(Sight::SlowWay);
                self.reveal(epoch, secret)?;
            }
        }
        Ok(())
    }

    fn reveal(&mut self, epoch: u64, secret: EpochSecret) -> Result<(), Violation> {
        if self.bug == Some(Bug::PlaintextFirst) {
            self.plaintext()?;
        }
        self.log(|| format!("epoch {epoch} opens"));
        let step = self.node(Entry::Reveal(secret))?;
        agree("opening", || format!("epoch {epoch}"), &step.refused, &None)?;
        self.go_on_opening()
    }

    /// What is too much for one slot runs in the next ones, before anything else has a place there (P2).
    fn go_on_opening(&mut self) -> Verdict {
        while self.core.lane.sealing().opening().is_some() {
            self.told.seen.insert(Sight::SeveralSlots);
            if self.rng.chance(20) {
                self.power_cut()?;
            }
            self.node(Entry::Lane(Input::Close))?;
            self.node(Entry::Lane(Input::Tick))?;
        }
        Ok(())
    }
}
