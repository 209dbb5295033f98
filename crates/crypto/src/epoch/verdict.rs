//! What becomes of a member: its share before the epoch, its secret after.

use crate::{
    curve::Secret,
    setup::Setup,
    share::{InvalidShare, MemberId, Share, ShareContext},
};

/// A share as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Announcement {
    /// Who sent it; the caller has checked that.
    pub member: MemberId,
    /// When it arrived, in milliseconds since 1970.
    pub received_unix_ms: u64,
    /// The share.
    pub share: Share,
}

/// What became of a member's share before the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareVerdict {
    /// It is part of the key.
    Accepted,
    /// It came after the deadline.
    Late {
        /// Milliseconds after the deadline.
        by_ms: u64,
    },
    /// Its proof does not hold.
    Wrong(InvalidShare),
    /// Nothing came.
    Missing,
}

/// What became of a member's secret after the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseVerdict {
    /// It fits the share and came in time.
    Accepted,
    /// It fits the share and came after the deadline; it opens the epoch all the same.
    Late {
        /// Milliseconds after the deadline.
        by_ms: u64,
    },
    /// It does not fit the share, or the member has none.
    Wrong,
    /// Nothing came.
    Missing,
}

/// A member's secret as it arrived.
#[derive(Debug, Clone)]
pub struct Release {
    /// Who sent it.
    pub member: MemberId,
    /// When it arrived, in milliseconds since 1970.
    pub received_unix_ms: u64,
    /// The secret.
    pub secret: Secret,
}

impl ReleaseVerdict {
    /// Tells whether the secret is the share's, in time or not.
    pub(super) const fn fits(self) -> bool {
        matches!(self, Self::Accepted | Self::Late { .. })
    }
}

pub(super) fn judge_share(
    setup: &Setup,
    context: &ShareContext,
    announcement: &Announcement,
    deadline_unix_ms: u64,
) -> ShareVerdict {
    match announcement.received_unix_ms.checked_sub(deadline_unix_ms) {
        Some(by_ms @ 1..) => ShareVerdict::Late { by_ms },
        _ => match announcement.share.verify(setup, context) {
            Ok(()) => ShareVerdict::Accepted,
            Err(reason) => ShareVerdict::Wrong(reason),
        },
    }
}

pub(super) fn judge_release(
    share: &Share,
    release: &Release,
    deadline_unix_ms: u64,
) -> ReleaseVerdict {
    if release.secret.public() != *share.point() {
        return ReleaseVerdict::Wrong;
    }
    match release.received_unix_ms.checked_sub(deadline_unix_ms) {
        Some(by_ms @ 1..) => ReleaseVerdict::Late { by_ms },
        _ => ReleaseVerdict::Accepted,
    }
}
