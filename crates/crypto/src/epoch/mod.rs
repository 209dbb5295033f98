//! Epoch keys: which shares make the key, and how its secret comes to light (P10, P17).
//!
//! The key is the sum of the shares, its puzzle the product of theirs. After the epoch is closed members release their
//! secrets; if one does not, anybody solves the one puzzle. Both ways give the same secret, checked against the key.

mod uncover;
mod verdict;

pub use verdict::{Announcement, Release, ReleaseVerdict, ShareVerdict};

use crate::{
    curve::{Point, Secret},
    hash::{Part, Transcript},
    setup::Setup,
    share::{InvalidShare, MemberId, SHARE_BYTES, Share, ShareContext},
    units::{Element, WideElement},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use alloy_primitives::B256;
use k256::Scalar;
use thiserror::Error;
use uncover::{signed, uncover};
use verdict::{judge_release, judge_share};
use weft_types::{CodecError, Domain, Reader, Writer};

/// Members of a committee, at most. The sum of their secrets stays far below N.
pub const MAX_MEMBERS: usize = 256;

/// Reason why shares make no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidKeyList {
    /// No share is left.
    #[error("no share makes the key")]
    Empty,
    /// The committee is too large.
    #[error("committee of {0} members is over the bound")]
    Members(usize),
    /// The shares cancel out.
    #[error("sum of the shares is infinity")]
    Cancels,
    /// A share of the list does not hold.
    #[error("share of member {member} does not hold")]
    Share {
        /// Whose share.
        member: MemberId,
        /// Why.
        source: InvalidShare,
    },
    /// The bytes have no such form.
    #[error("key list is malformed")]
    Codec(#[from] CodecError),
}

/// Reason why a solved puzzle gives no key. With proven shares over a modulus that nobody factored this does not
/// happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unrecoverable {
    /// What the puzzle hides is not a number.
    #[error("the solution does not open the puzzle")]
    NotANumber,
    /// The number is not the logarithm of the key.
    #[error("the puzzle hides another number than the key's secret")]
    WrongKey,
}

/// The shares of an epoch, all of them checked, and the key that they make.
#[derive(Debug, Clone)]
pub struct KeyList {
    domain: Domain,
    epoch: u64,
    shares: BTreeMap<MemberId, Share>,
    key: Point,
    puzzle: Element,
    hidden: WideElement,
    id: B256,
}

/// The secret of an epoch's key. It cannot be made without fitting the key.
#[derive(Debug, Clone)]
pub struct EpochSecret {
    secret: Secret,
    list: B256,
}

impl KeyList {
    /// Makes the key of an epoch from what arrived until the deadline, and says what became of every member.
    ///
    /// The first announcement of a member counts, whatever it is, so nobody makes others check more than one; a second,
    /// other one is evidence, but not here. Members outside the committee are ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidKeyList`] when the committee is too large or no share is left.
    pub fn assemble(
        setup: &Setup,
        domain: &Domain,
        epoch: u64,
        committee: &BTreeSet<MemberId>,
        announcements: &[Announcement],
        deadline_unix_ms: u64,
    ) -> Result<(Self, BTreeMap<MemberId, ShareVerdict>), InvalidKeyList> {
        if committee.len() > MAX_MEMBERS {
            return Err(InvalidKeyList::Members(committee.len()));
        }
        let mut verdicts: BTreeMap<_, _> =
            committee.iter().map(|member| (*member, ShareVerdict::Missing)).collect();
        let mut shares = BTreeMap::new();
        for announcement in announcements {
            let Some(verdict) = verdicts.get_mut(&announcement.member) else { continue };
            if *verdict != ShareVerdict::Missing {
                continue;
            }
            let context = ShareContext { domain: *domain, epoch, member: announcement.member };
            *verdict = judge_share(setup, &context, announcement, deadline_unix_ms);
            if *verdict == ShareVerdict::Accepted {
                shares.insert(announcement.member, announcement.share);
            }
        }
        Ok((Self::of_checked(setup, domain, epoch, shares)?, verdicts))
    }

    fn of_checked(
        setup: &Setup,
        domain: &Domain,
        epoch: u64,
        shares: BTreeMap<MemberId, Share>,
    ) -> Result<Self, InvalidKeyList> {
        if shares.is_empty() {
            return Err(InvalidKeyList::Empty);
        }
        let key = Point::sum(shares.values().map(Share::point)).ok_or(InvalidKeyList::Cancels)?;
        let (group, wide) = (setup.group(), setup.wide());
        let product = |product, share: &Share| group.multiply(&product, &share.puzzle);
        let puzzle = shares.values().fold(group.identity(), product);
        let product = |product, share: &Share| wide.multiply(&product, &share.hidden);
        let hidden = shares.values().fold(wide.identity(), product);
        let mut id =
            Transcript::of_realm(domain, Part::KeyList).put(setup.id().as_slice()).number(epoch);
        for (member, share) in &shares {
            id = id.number((*member).into()).put(&share.encode());
        }
        let id = id.finish();
        Ok(Self { domain: *domain, epoch, shares, key, puzzle, hidden, id })
    }

    /// Reads a key list and checks every share.
    ///
    /// # Errors
    ///
    /// Any [`InvalidKeyList`].
    pub fn decode(setup: &Setup, domain: &Domain, bytes: &[u8]) -> Result<Self, InvalidKeyList> {
        let mut input = Reader::new(bytes);
        let epoch = input.u64()?;
        let count = input.bounded_len(MAX_MEMBERS)?;
        let mut shares = BTreeMap::new();
        for _ in 0..count {
            let member = input.u32()?;
            if shares.last_key_value().is_some_and(|(last, _)| *last >= member) {
                return Err(CodecError::NotCanonical("members out of order").into());
            }
            let context = ShareContext { domain: *domain, epoch, member };
            let share = checked_share(setup, &context, input.raw(SHARE_BYTES)?)
                .map_err(|source| InvalidKeyList::Share { member, source })?;
            shares.insert(member, share);
        }
        input.finish()?;
        Self::of_checked(setup, domain, epoch, shares)
    }

    /// Returns the encoding: epoch, number of shares, and for each its member and itself.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(16 + self.shares.len() * (SHARE_BYTES + 4));
        out.u64(self.epoch).len(self.shares.len());
        for (member, share) in &self.shares {
            out.u32(*member).raw(&share.encode());
        }
        out.finish()
    }

    /// Returns the name of this list, which envelopes carry: two lists for one epoch are two keys.
    pub const fn id(&self) -> B256 {
        self.id
    }

    /// Returns the epoch.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the realm.
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the key that users seal to.
    pub const fn key(&self) -> &Point {
        &self.key
    }

    /// Returns the puzzle of all shares together, to be solved with [`Setup::solve`].
    pub const fn puzzle(&self) -> &Element {
        &self.puzzle
    }

    /// Returns the shares by member.
    pub const fn shares(&self) -> &BTreeMap<MemberId, Share> {
        &self.shares
    }

    /// Returns what a member signs when it announces the share that this list has of it; nothing for others.
    ///
    /// A proven share says that its dealer knows the secret, not who dealt it. **Whoever takes a list from others checks
    /// a member's signature of each share**, else one dealer can fill a list with shares of its own in everybody's
    /// name, and read the epoch at once.
    pub fn announcement_digest(&self, setup: &Setup, member: MemberId) -> Option<B256> {
        let context = ShareContext { domain: self.domain, epoch: self.epoch, member };
        self.shares.get(&member).map(|share| share.announcement_digest(setup, &context))
    }

    /// Returns what a member signs when it releases its secret: only for this closing head (P17).
    pub fn release_digest(&self, member: MemberId, closing_head: &B256) -> B256 {
        release_digest(&self.domain, &self.id, member, closing_head)
    }

    /// Collects released secrets: what became of every member, and the epoch's secret if all of them fit.
    ///
    /// Of several releases of one member the first that fits counts.
    pub fn collect(
        &self,
        releases: &[Release],
        deadline_unix_ms: u64,
    ) -> (BTreeMap<MemberId, ReleaseVerdict>, Option<EpochSecret>) {
        let mut verdicts: BTreeMap<_, _> =
            self.shares.keys().map(|member| (*member, ReleaseVerdict::Missing)).collect();
        let mut sum = Scalar::ZERO;
        for release in releases {
            let Some(share) = self.shares.get(&release.member) else { continue };
            let verdict = verdicts.entry(release.member).or_insert(ReleaseVerdict::Missing);
            if verdict.fits() {
                continue;
            }
            *verdict = judge_release(share, release, deadline_unix_ms);
            if verdict.fits() {
                sum += release.secret.scalar();
            }
        }
        let complete = verdicts.values().all(|verdict| verdict.fits());
        let secret = complete.then(|| self.secret(sum)).flatten();
        (verdicts, secret)
    }

    /// Takes the secret out of the puzzle, given `solution`, the result of [`Setup::solve`] for [`Self::puzzle`].
    ///
    /// # Errors
    ///
    /// [`Unrecoverable`] for a wrong solution.
    pub fn recover(&self, setup: &Setup, solution: &Element) -> Result<EpochSecret, Unrecoverable> {
        let number = uncover(setup, &self.hidden, solution).ok_or(Unrecoverable::NotANumber)?;
        self.secret(signed(setup, &number)).ok_or(Unrecoverable::WrongKey)
    }

    /// Takes a secret that somebody else says is the key's; nothing when it is not.
    pub fn fitting(&self, secret: &Secret) -> Option<EpochSecret> {
        self.secret(*secret.scalar())
    }

    fn secret(&self, scalar: Scalar) -> Option<EpochSecret> {
        let secret = Secret::new(scalar)?;
        let fits = secret.public() == self.key;
        fits.then_some(EpochSecret { secret, list: self.id })
    }
}

impl EpochSecret {
    /// Takes the secret of `key`, which somebody else says is that of the list named `list`; nothing for another secret.
    pub fn of_key(secret: &Secret, key: &Point, list: B256) -> Option<Self> {
        (secret.public() == *key).then(|| Self { secret: secret.clone(), list })
    }

    /// Returns the secret.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Returns the name of the key list that this opens.
    pub const fn list(&self) -> B256 {
        self.list
    }
}

/// Returns what a member of the key list named `list` signs when it releases its secret, for who has the name alone.
pub fn release_digest(domain: &Domain, list: &B256, member: MemberId, closing_head: &B256) -> B256 {
    Transcript::of_realm(domain, Part::Release)
        .put(list.as_slice())
        .number(member.into())
        .put(closing_head.as_slice())
        .finish()
}

fn checked_share(
    setup: &Setup,
    context: &ShareContext,
    bytes: &[u8],
) -> Result<Share, InvalidShare> {
    let share = Share::decode(setup, bytes)?;
    share.verify(setup, context)?;
    Ok(share)
}
