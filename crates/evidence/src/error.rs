//! Why something is no evidence.

use alloy_primitives::{Address, B256};
use thiserror::Error;
use weft_crypto::{FalseClaim, MemberId};
use weft_types::PromiseError;

/// Reason for acquitting. Whoever made the evidence can do nothing but find other one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotEvidence {
    /// It belongs to another realm (P1).
    #[error("it belongs to another realm")]
    Domain,
    /// A promise binds nobody.
    #[error(transparent)]
    Promise(#[from] PromiseError),
    /// A signature is nobody's.
    #[error("a signature is not valid")]
    Signature,
    /// The parts were signed by two keys.
    #[error("{0} and {1} signed a part each")]
    Keys(Address, Address),
    /// The key does not promise for the realm.
    #[error("{0} is no key of the realm's sequencer; an altered byte looks the same")]
    UnknownKey(Address),
    /// The key is not that of the member.
    #[error("{key} is not the key of member {member}; an altered byte looks the same")]
    UnknownMember {
        /// Member.
        member: MemberId,
        /// Key that fits the signature.
        key: Address,
    },
    /// Both can be kept.
    #[error("the parts do not contradict each other")]
    Consistent,
    /// The parts are about different things.
    #[error("the parts do not belong together: {0}")]
    Unrelated(&'static str),
    /// A part does not show what it is meant to.
    #[error("nothing shows {0}")]
    NotShown(&'static str),
    /// The item is another one than the promise's.
    #[error("the promise is about item {declared}, this is {computed}")]
    OtherItem {
        /// Item of the promise.
        declared: B256,
        /// Item that came with it.
        computed: B256,
    },
    /// What is claimed about an envelope is wrong.
    #[error(transparent)]
    Seal(#[from] FalseClaim),
    /// Only a fact that the verifier does not have makes it evidence.
    #[error("it takes a fact that is not known here: {0}")]
    FactMissing(&'static str),
}
