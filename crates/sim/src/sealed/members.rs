//! The members of a committee, and what each does with its secrets.

use super::{
    cast::{domain, member, sign},
    committee::{SETUP, Said, dealt},
};
use crate::rng::Rng;
use alloy_primitives::B256;
use std::collections::BTreeMap;
use weft_crypto::{KeyList, MemberId, Secret, ShareContext};
use weft_evidence::{Release, ShareNotice, Signed, notice::Notice as _};

/// Most members of a committee.
pub(crate) const MAX_MEMBERS: u32 = 4;
/// How long a tardy member waits, in milliseconds.
const TARDY_MS: u64 = 400;

/// What a member is like, for a whole history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Character {
    Honest,
    /// Announces nothing.
    Absent,
    /// Announces too late.
    LateShare,
    /// Announces what is not its share.
    WrongShare,
    /// Never releases.
    Silent,
    /// Releases late.
    Tardy,
    /// Releases something else than its secret, and never what it is.
    Liar,
    /// Publishes its secret while the epoch is open.
    Leaker,
    /// Gives its secret to the sequencer while the epoch is open, and nobody hears of it.
    Colluder,
    /// Signs two shares.
    DoubleDealer,
    /// Signs releases for two closing heads.
    DoubleReleaser,
}

impl Character {
    pub(crate) const fn said(self) -> Said {
        match self {
            Self::Absent => Said::Nothing,
            Self::LateShare => Said::Late,
            Self::WrongShare => Said::Wrong,
            _ => Said::Good,
        }
    }

    /// Tells whether others may learn its secret before the close.
    pub(crate) const fn betrays(self) -> bool {
        matches!(self, Self::Leaker | Self::Colluder)
    }

    /// Returns how long after the close it releases something, in milliseconds; nothing for never.
    pub(crate) const fn releases_after(self) -> Option<u64> {
        match self {
            Self::Silent => None,
            Self::Tardy => Some(TARDY_MS),
            _ => Some(0),
        }
    }
}

/// Draws a committee: mostly honest, sometimes of one kind, sometimes mixed.
pub(crate) fn draw(rng: &mut Rng) -> BTreeMap<MemberId, Character> {
    use Character as C;
    let count = rng.within(1, MAX_MEMBERS as usize) as u32;
    let mixed = [
        (6, C::Honest),
        (1, C::Absent),
        (1, C::LateShare),
        (1, C::WrongShare),
        (2, C::Silent),
        (2, C::Tardy),
        (1, C::Liar),
        (1, C::Leaker),
        (2, C::Colluder),
        (1, C::DoubleDealer),
        (1, C::DoubleReleaser),
    ];
    let uniform = rng.weighted(&[(3, Some(C::Honest)), (1, Some(C::Silent)), (5, None)]);
    (1..=count).map(|member| (member, uniform.unwrap_or_else(|| rng.weighted(&mixed)))).collect()
}

/// Returns what a member signs about its share; `again` is a second one.
pub(crate) fn share_notice(epoch: u64, number: MemberId, again: bool) -> Signed<ShareNotice> {
    let (_, share) = &*dealt(epoch, number, again);
    let share = share.encode().try_into().expect("shares have one length");
    let notice = ShareNotice { setup: SETUP.id(), epoch, member: number, share };
    let context = ShareContext { domain: domain(), epoch, member: number };
    let digest = notice.digest(&domain());
    let own = dealt(epoch, number, again).1.announcement_digest(&SETUP, &context);
    assert_eq!(digest, own, "what members sign is what evidence reads");
    Signed { signature: sign(member(number), &digest), notice }
}

/// Returns what a member signs with its secret.
pub(crate) fn release_notice(list: &KeyList, number: MemberId, head: B256) -> Signed<Release> {
    let notice = Release { list: list.id(), member: number, head };
    Signed { signature: sign(member(number), &notice.digest(&domain())), notice }
}

/// Returns what a liar releases.
pub(crate) fn lie(epoch: u64, number: MemberId) -> Secret {
    dealt(epoch, number, true).0.clone()
}
