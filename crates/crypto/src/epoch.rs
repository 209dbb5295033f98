//! Epoch keys: which shares make the key, and how its secret comes to light (P10, P17).
//!
//! The key is the sum of the shares, its puzzle the product of theirs. After the epoch is closed members release their
//! secrets; if one does not, anybody solves the one puzzle. Both ways give the same secret, checked against the key.

use crate::{
    curve::{Point, Secret, reduce},
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
use crypto_bigint::{NonZero, U2048, U4096, modular::FixedMontyForm};
use k256::Scalar;
use thiserror::Error;
use weft_types::{CodecError, Domain, Reader, Writer};

/// Members of a committee, at most. The sum of their secrets stays far below N.
pub const MAX_MEMBERS: usize = 256;

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
    /// Of several shares of one member the first that holds counts. Members outside the committee are ignored.
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
            if *verdict == ShareVerdict::Accepted {
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

    /// Returns what a member signs when it releases its secret: only for this closing head (P17).
    pub fn release_digest(&self, member: MemberId, closing_head: &B256) -> B256 {
        Transcript::of_realm(&self.domain, Part::Release)
            .put(self.id.as_slice())
            .number(member.into())
            .put(closing_head.as_slice())
            .finish()
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

    fn secret(&self, scalar: Scalar) -> Option<EpochSecret> {
        let secret = Secret::new(scalar)?;
        let fits = secret.public() == self.key;
        fits.then_some(EpochSecret { secret, list: self.id })
    }
}

impl ReleaseVerdict {
    /// Tells whether the secret is the share's, in time or not.
    const fn fits(self) -> bool {
        matches!(self, Self::Accepted | Self::Late { .. })
    }
}

impl EpochSecret {
    /// Returns the secret.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Returns the name of the key list that this opens.
    pub const fn list(&self) -> B256 {
        self.list
    }
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

fn judge_share(
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

fn judge_release(share: &Share, release: &Release, deadline_unix_ms: u64) -> ReleaseVerdict {
    if release.secret.public() != *share.point() {
        return ReleaseVerdict::Wrong;
    }
    match release.received_unix_ms.checked_sub(deadline_unix_ms) {
        Some(by_ms @ 1..) => ReleaseVerdict::Late { by_ms },
        _ => ReleaseVerdict::Accepted,
    }
}

/// Returns the number in 0 .. N that `hidden` hides, given `h^r` of its `g^r`: `v / (h^r)^N` is 1 + s N, or its
/// opposite, which is minus one modulo N.
fn uncover(setup: &Setup, hidden: &WideElement, solution: &Element) -> Option<U2048> {
    let (group, wide) = (setup.group(), setup.wide());
    let lifted = FixedMontyForm::new(&solution.value().resize(), wide.params());
    let mask = lifted.pow_vartime(group.modulus()).invert_vartime().into_option()?;
    let opened = wide.lift(hidden).mul(&mask).retrieve();
    let modulus = NonZero::new(group.modulus().resize::<{ U4096::LIMBS }>()).into_option()?;
    [opened, wide.modulus().wrapping_sub(&opened)].iter().find_map(|value| {
        let (number, rest) = value.div_rem_vartime(&modulus);
        (rest == U4096::ONE).then(|| number.resize())
    })
}

/// Reads a number in 0 .. N as one in -N/2 .. N/2, modulo the order of the curve. A member may have shared a number
/// below zero: its proof bounds it, not its sign.
fn signed(setup: &Setup, number: &U2048) -> Scalar {
    let modulus = setup.group().modulus();
    if *number <= modulus.shr_vartime(1) {
        return reduce(number.to_be_bytes().as_ref());
    }
    -reduce(modulus.wrapping_sub(number).to_be_bytes().as_ref())
}
