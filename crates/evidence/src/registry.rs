//! What a verifier knows of the realm.

use crate::error::NotEvidence;
use alloc::collections::{BTreeMap, BTreeSet};
use alloy_primitives::Address;
use weft_crypto::MemberId;
use weft_types::Domain;

/// Keys and facts against which evidence is checked. On L1 they are the settlement contract's; elsewhere somebody vouches
/// for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The realm. Evidence of another one is refused.
    pub domain: Domain,
    /// Keys that promise for the realm.
    pub sequencers: BTreeSet<Address>,
    /// Keys of the committee's members.
    pub members: BTreeMap<MemberId, Address>,
    /// Epochs of which it is certain that they are not closed, and whose puzzles nobody can have solved: the time of their
    /// key list plus T/A is not over (P17). A share of one of them that is known was leaked.
    pub open_epochs: BTreeSet<u64>,
}

impl Registry {
    /// Knows a realm and one key that promises for it.
    pub fn new(domain: Domain, sequencer: Address) -> Self {
        Self {
            domain,
            sequencers: BTreeSet::from([sequencer]),
            members: BTreeMap::new(),
            open_epochs: BTreeSet::new(),
        }
    }

    /// Returns `key` when it promises for the realm.
    pub(crate) fn sequencer(&self, key: Address) -> Result<Address, NotEvidence> {
        if self.sequencers.contains(&key) { Ok(key) } else { Err(NotEvidence::UnknownKey(key)) }
    }

    /// Checks that `key` is that of a member.
    pub(crate) fn member(&self, member: MemberId, key: Address) -> Result<(), NotEvidence> {
        match self.members.get(&member) {
            Some(known) if *known == key => Ok(()),
            _ => Err(NotEvidence::UnknownMember { member, key }),
        }
    }
}
