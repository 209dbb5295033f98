//! How the secret of an epoch came to light: not before its order stood (P17, T12).

use crate::{
    derivation::Derivation,
    lie::{Lie, LieKind},
    slot::Passage,
};
use alloy_primitives::B256;
use weft_batch::{EpochOpening, Revealed, Squared};
use weft_crypto::{EpochSecret, KeyList, Proof, Setup};
use weft_evm::Begin;

impl<S: Begin> Derivation<S> {
    /// Checks that all members of an epoch's key released their secrets for its closing head, as derived, or that somebody
    /// squared. A realm whose committee is in the sequencer's own process has nobody to ask.
    pub(crate) fn check_revealed(
        &self,
        passage: &Passage<'_>,
        list: &KeyList,
        secret: &EpochSecret,
        opening: &EpochOpening,
    ) -> Result<(), Lie> {
        let epoch = opening.epoch;
        let wrong = |why| Err(passage.lie(LieKind::Epoch { epoch, why }));
        let (Some(sealing), Some(setup)) = (&self.config.sealing, &self.setup) else {
            return Err(passage.lie(LieKind::NoSealing));
        };
        // The lane says what is wrong with an epoch that is not closed.
        let Some(closed) = self.lane.sealing().closed(epoch) else { return Ok(()) };
        if sealing.members.is_empty() {
            let is_none = opening.revealed == Revealed::default();
            return if is_none { Ok(()) } else { wrong("says who released it in a realm of none") };
        }
        let Revealed { releases, squared } = &opening.revealed;
        for release in releases {
            let member = release.member;
            let known = sealing.members.iter().find(|(known, _)| *known == member);
            let digest = list.release_digest(member, &closed.head);
            let is_own =
                known.is_some_and(|(_, key)| release.signature.signer(digest) == Some(*key));
            if !is_own || !list.shares().contains_key(&member) {
                let head = closed.head;
                return Err(passage.lie(LieKind::Release { epoch, member, head }));
            }
        }
        let has_released = |member: &u32| releases.iter().any(|release| release.member == *member);
        let missing = list.shares().keys().copied().find(|member| !has_released(member));
        match (missing, squared) {
            (None, None) => Ok(()),
            (None, Some(_)) => wrong("is said to be squared, and everybody released it"),
            (Some(_), Some(squared)) if is_solved(setup, list, secret, squared) => Ok(()),
            (Some(missing), _) => Err(passage.lie(LieKind::Unsolved { epoch, missing })),
        }
    }

    /// Returns a member with a share in a key that the realm does not know.
    pub(crate) fn stranger(&self, list: &KeyList) -> Option<u32> {
        let members = &self.config.sealing.as_ref()?.members;
        let is_known = |member: &u32| members.iter().any(|(known, _)| known == member);
        let mut strangers = list.shares().keys().filter(|member| !is_known(member));
        if members.is_empty() { None } else { strangers.next().copied() }
    }
}

/// Tells whether this is the puzzle of the list squared as often as the setup says, with the secret in it.
pub fn is_solved(setup: &Setup, list: &KeyList, secret: &EpochSecret, squared: &Squared) -> bool {
    let group = setup.group();
    let Ok(value) = group.decode(squared.value.as_slice()) else { return false };
    let Ok(proof) = Proof::decode(group, squared.proof.as_slice()) else { return false };
    let proven = proof.verify(group, list.puzzle(), &value, setup.delay_squarings());
    let found = list.recover(setup, &value);
    let bytes = |secret: &EpochSecret| B256::new(secret.secret().to_bytes());
    proven.is_ok() && found.is_ok_and(|found| bytes(&found) == bytes(secret))
}
