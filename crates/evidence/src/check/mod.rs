//! The checks, by what they look at. Each says why an honest party cannot be convicted by it.

mod epoch;
mod order;
mod result;

use crate::{
    conviction::{Convicted, Conviction},
    error::NotEvidence,
    evidence::{Evidence, Proof},
    notice::{Notice, Signed},
    registry::Registry,
};
use alloy_primitives::Address;
use order::Broken;
use weft_crypto::MemberId;
use weft_types::{Domain, SignedPromise};

impl Evidence {
    /// Checks the evidence: who is convicted of what. Costs a few signatures, and one power on the curve for envelopes.
    ///
    /// # Errors
    ///
    /// [`NotEvidence`]: nobody is convicted.
    pub fn check(&self, registry: &Registry) -> Result<Conviction, NotEvidence> {
        if *self.domain() != registry.domain {
            return Err(NotEvidence::Domain);
        }
        let domain = self.domain();
        match self.proof() {
            Proof::Promises(pair) => order::promises(domain, registry, pair),
            Proof::Commitments(pair) => order::commitments(domain, registry, pair),
            Proof::Omission(promise, shown) => {
                Broken::convict_by(domain, registry, promise, shown, Broken::omission)
            }
            Proof::Insertion(promise, shown) => {
                Broken::convict_by(domain, registry, promise, shown, Broken::insertion)
            }
            Proof::Reordering(promise, shown, index, before) => {
                let moved = |broken: Broken<'_>| broken.reordering(*index, before);
                Broken::convict_by(domain, registry, promise, shown, moved)
            }
            Proof::Unbundling(promise, content) => {
                result::unbundling(domain, registry, promise, content)
            }
            Proof::WrongLeg(promise, content) => {
                result::wrong_leg(domain, registry, promise, content)
            }
            Proof::FalseVerdict(promise, content) => {
                result::false_verdict(domain, registry, promise, content)
            }
            Proof::StaleInclusion(promise, envelope) => {
                result::stale(domain, registry, promise, envelope)
            }
            Proof::EpochNotices(pair) => epoch::notices(domain, registry, pair),
            Proof::ShareNotices(pair) => epoch::shares(domain, registry, pair),
            Proof::EarlyLeak(notice, secret) => epoch::leak(domain, registry, notice, secret),
            Proof::Releases(pair) => epoch::releases(domain, registry, pair),
            Proof::FalseOpening(promise, unopenable) => {
                result::false_opening(domain, registry, promise, unopenable)
            }
        }
    }

    /// Returns whom it accuses, by the signature on its first part; nothing when nobody can have made that. The key is not
    /// known to belong to anybody.
    pub fn accused(&self) -> Option<Convicted> {
        let domain = self.domain();
        let sequencer = match self.proof() {
            Proof::Promises(pair) => pair[0].signer().ok(),
            Proof::Commitments(pair) => pair[0].signer(domain),
            Proof::Omission(promise, _)
            | Proof::Insertion(promise, _)
            | Proof::Reordering(promise, ..)
            | Proof::Unbundling(promise, _)
            | Proof::WrongLeg(promise, _)
            | Proof::FalseVerdict(promise, _)
            | Proof::StaleInclusion(promise, _)
            | Proof::FalseOpening(promise, _) => promise.signer().ok(),
            Proof::EpochNotices(pair) => pair[0].signer(domain),
            Proof::ShareNotices(pair) => return member(domain, &pair[0], pair[0].notice.member),
            Proof::EarlyLeak(notice, _) => return member(domain, notice, notice.notice.member),
            Proof::Releases(pair) => return member(domain, &pair[0], pair[0].notice.member),
        };
        sequencer.map(Convicted::Sequencer)
    }
}

fn member<T: Notice>(domain: &Domain, said: &Signed<T>, member: MemberId) -> Option<Convicted> {
    said.signer(domain).map(|key| Convicted::Member { member, key })
}

/// Returns the sequencer that gave a promise in this realm.
fn promised(
    domain: &Domain,
    registry: &Registry,
    promise: &SignedPromise,
) -> Result<Address, NotEvidence> {
    if promise.domain != *domain {
        return Err(NotEvidence::Domain);
    }
    registry.sequencer(promise.signer()?)
}

/// Returns the one key of two parts.
fn same(one: Address, other: Address) -> Result<Address, NotEvidence> {
    if one == other { Ok(one) } else { Err(NotEvidence::Keys(one, other)) }
}
