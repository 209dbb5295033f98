//! Evidence: two promises of one key that cannot both be kept.

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    promise::{Claim, PromiseError, SignedPromise, Statement},
};
use alloy_primitives::Address;
use thiserror::Error;

/// Two promises of one key that cannot both be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// One promise.
    first: SignedPromise,
    /// The other one.
    second: SignedPromise,
}

/// What two promises disagree about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// They give one place in the lane two values.
    Order(Claim),
    /// They give one item at one place two results.
    Result,
}

/// Why two promises are no evidence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoEvidence {
    /// One of them binds nobody.
    #[error(transparent)]
    Promise(#[from] PromiseError),
    /// They were made by two keys.
    #[error("{0} and {1} signed one each")]
    Keys(Address, Address),
    /// They belong to two realms.
    #[error("the promises belong to two realms")]
    Domains,
    /// Both can be kept.
    #[error("the promises do not contradict each other")]
    Consistent,
}

impl Equivocation {
    /// Makes evidence of two promises.
    ///
    /// # Errors
    ///
    /// [`NoEvidence`] when both can be kept or they do not bind the same key.
    pub fn new(first: SignedPromise, second: SignedPromise) -> Result<Self, NoEvidence> {
        let (one, other) = (first.signer()?, second.signer()?);
        if one != other {
            return Err(NoEvidence::Keys(one, other));
        }
        if first.domain != second.domain {
            return Err(NoEvidence::Domains);
        }
        match contradiction(&first.statement, &second.statement) {
            Some(_) => Ok(Self { first, second }),
            None => Err(NoEvidence::Consistent),
        }
    }

    /// Returns the two promises.
    pub const fn promises(&self) -> (&SignedPromise, &SignedPromise) {
        (&self.first, &self.second)
    }

    /// Returns what they disagree about.
    ///
    /// # Panics
    ///
    /// Never: [`Self::new`] makes nothing that agrees.
    pub fn contradiction(&self) -> Contradiction {
        contradiction(&self.first.statement, &self.second.statement)
            .expect("evidence is made of a contradiction")
    }

    /// Returns the key that signed both.
    ///
    /// # Errors
    ///
    /// None for evidence made by [`Self::new`].
    pub fn signer(&self) -> Result<Address, PromiseError> {
        self.first.signer()
    }
}

/// Returns what two statements of one key disagree about. Two times of one promise are no disagreement.
fn contradiction(first: &Statement, second: &Statement) -> Option<Contradiction> {
    let claims = second.claims();
    for (claim, value) in first.claims() {
        if claims.iter().any(|(other, said)| *other == claim && *said != value) {
            return Some(Contradiction::Order(claim));
        }
    }
    match (first, second) {
        // P48: results on two L1 blocks may differ; one of the blocks is not canonical.
        (Statement::Execution(one), Statement::Execution(other))
            if one.position == other.position && one.l1_origin == other.l1_origin =>
        {
            (one != other).then_some(Contradiction::Result)
        }
        _ => None,
    }
}

impl Encode for Equivocation {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.first).put(&self.second);
    }
}

impl Decode for Equivocation {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (first, second) = (input.get()?, input.get()?);
        let evidence = Self::new(first, second);
        evidence.map_err(|_| CodecError::NotCanonical("promises that are no evidence"))
    }
}
