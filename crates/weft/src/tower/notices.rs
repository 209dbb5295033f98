//! What a sequencer says beside promises: keys of epochs, and what the order of slots is committed to (P15, P47).

use std::collections::BTreeMap;
use weft_commitment::SignedCommitment;
use weft_evidence::{EpochNotice, Proof, Signed};

/// Epochs whose notices are remembered.
const MAX_EPOCHS: usize = 1 << 12;
/// Slots whose commitments are remembered.
const MAX_SLOTS: usize = 1 << 12;

/// The first word about each epoch and each slot.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    keys: BTreeMap<u64, Signed<EpochNotice>>,
    orders: BTreeMap<u64, SignedCommitment>,
}

impl Notices {
    /// Takes a notice whose signature was checked; returns the one that it contradicts.
    pub(crate) fn hear(&mut self, notice: &Signed<EpochNotice>) -> Option<Signed<EpochNotice>> {
        let known = *self.keys.entry(notice.notice.epoch).or_insert(*notice);
        while self.keys.len() > MAX_EPOCHS {
            self.keys.pop_first();
        }
        (known.notice != notice.notice).then_some(known)
    }

    /// Takes a commitment whose signature was checked; returns what shows another one to the same slot.
    pub(crate) fn hear_order(&mut self, order: &SignedCommitment) -> Option<Proof> {
        let slot = order.commitment.slot().get();
        let known = self.orders.entry(slot).or_insert_with(|| order.clone()).clone();
        while self.orders.len() > MAX_SLOTS {
            self.orders.pop_first();
        }
        let is_other = known.commitment != order.commitment;
        is_other.then(|| Proof::Commitments(Box::new([known, order.clone()])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use weft_crypto::curve::Secret;
    use weft_evidence::{Evidence, Registry, notice::Notice as _};
    use weft_promise::{LocalSigner, Signer as _};
    use weft_types::Domain;

    #[test]
    fn two_words_about_one_epoch_convict_whoever_signed_both() {
        let mut key = LocalSigner::new(&B256::repeat_byte(1)).unwrap();
        let mut notice = |epoch: u64, list: u8| {
            let point = Secret::from_bytes(&[7; 32]).unwrap().public();
            let notice = EpochNotice { epoch, list: B256::repeat_byte(list), key: point };
            let signature = key.sign(notice.digest(&Domain::dev())).unwrap();
            Signed { notice, signature }
        };
        let mut notices = Notices::default();
        assert_eq!(notices.hear(&notice(3, 1)), None);
        assert_eq!(notices.hear(&notice(3, 1)), None, "the same again");
        assert_eq!(notices.hear(&notice(4, 2)), None);
        let other = notice(3, 2);
        let known = notices.hear(&other).unwrap();
        let evidence = Evidence::new(Domain::dev(), Proof::EpochNotices(Box::new([known, other])));
        let registry = Registry::new(Domain::dev(), known.signer(&Domain::dev()).unwrap());
        evidence.check(&registry).unwrap();
    }
}
