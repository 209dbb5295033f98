//! The checks, by what they look at. Each says why an honest party cannot be convicted by it.

mod epoch;
mod order;
mod result;

use crate::{
    conviction::Conviction,
    error::NotEvidence,
    evidence::{Evidence, Proof},
    registry::Registry,
};
use alloy_primitives::Address;
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
                order::Broken::new(domain, registry, promise, shown)?.omission()
            }
            Proof::Insertion(promise, shown) => {
                order::Broken::new(domain, registry, promise, shown)?.insertion()
            }
            Proof::Reordering(promise, shown, index, before) => {
                order::Broken::new(domain, registry, promise, shown)?.reordering(*index, before)
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
        }
    }

    /// Returns the key that signed the first part, for who wants to know whom it accuses; nothing when nobody did. That
    /// key is not known to belong to anybody.
    pub fn signer(&self) -> Option<Address> {
        let domain = self.domain();
        match self.proof() {
            Proof::Promises(pair) => pair[0].signer().ok(),
            Proof::Commitments(pair) => pair[0].signer(domain),
            Proof::Omission(promise, _)
            | Proof::Insertion(promise, _)
            | Proof::Reordering(promise, ..)
            | Proof::Unbundling(promise, _)
            | Proof::WrongLeg(promise, _)
            | Proof::FalseVerdict(promise, _)
            | Proof::StaleInclusion(promise, _) => promise.signer().ok(),
            Proof::EpochNotices(pair) => pair[0].signer(domain),
            Proof::ShareNotices(pair) => pair[0].signer(domain),
            Proof::EarlyLeak(notice, _) => notice.signer(domain),
            Proof::Releases(pair) => pair[0].signer(domain),
        }
    }
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
