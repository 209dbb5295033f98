//! What a sequencer said about its lane so far: two values for one place are evidence (P14, P47).

use alloy_primitives::B256;
use std::{collections::BTreeMap, sync::Arc};
use weft_evidence::Proof;
use weft_types::{Equivocation, Position, SignedPromise, SlotNumber, Statement, promise::Claim};

/// Slots whose claims are remembered.
const MAX_SLOTS: usize = 512;
/// Most claims, over all slots.
const MAX_CLAIMS: usize = 200_000;

/// Most results.
const MAX_RESULTS: usize = 50_000;

/// Everything that was heard of recent slots.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    slots: BTreeMap<SlotNumber, BTreeMap<Claim, (B256, Arc<SignedPromise>)>>,
    count: usize,
    /// Results by position.
    results: BTreeMap<Position, Arc<SignedPromise>>,
    /// Checkpoints by slot, behind which closed slots can be shown.
    checkpoints: BTreeMap<SlotNumber, Arc<SignedPromise>>,
}

impl Claims {
    /// Takes a promise whose signature was checked; returns what it contradicts.
    pub(crate) fn hear(&mut self, promise: &SignedPromise) -> Option<Proof> {
        let shared = Arc::new(promise.clone());
        if let Statement::Checkpoint(checkpoint) = &promise.statement {
            self.checkpoints.entry(checkpoint.slot).or_insert_with(|| shared.clone());
        }
        for (claim, value) in promise.statement.claims() {
            let of_slot = self.slots.entry(slot_of(&claim)).or_default();
            match of_slot.get(&claim) {
                Some((known, _)) if *known == value => {}
                Some((_, other)) => {
                    let other = SignedPromise::clone(other);
                    return contradiction(promise, other);
                }
                None => {
                    of_slot.insert(claim, (value, shared.clone()));
                    self.count += 1;
                }
            }
        }
        let contradicts = self.hear_result(&shared);
        self.prune();
        contradicts
    }

    /// Two results of one position on one L1 block contradict each other; on another block the newer one counts (P48).
    fn hear_result(&mut self, promise: &Arc<SignedPromise>) -> Option<Proof> {
        let Statement::Execution(execution) = &promise.statement else { return None };
        let known = self.results.insert(execution.position, promise.clone())?;
        contradiction(promise, SignedPromise::clone(&known))
    }

    /// Returns the remembered results of one of these items each.
    pub(crate) fn results_of<T>(
        &self,
        items: &BTreeMap<B256, T>,
    ) -> Vec<(B256, Arc<SignedPromise>)> {
        let item = |promise: &Arc<SignedPromise>| match &promise.statement {
            Statement::Execution(execution) => Some(execution.item),
            _ => None,
        };
        let own = |promise: &Arc<SignedPromise>| {
            let item = item(promise).filter(|item| items.contains_key(item))?;
            Some((item, promise.clone()))
        };
        self.results.values().filter_map(own).collect()
    }

    /// Returns all remembered results.
    pub(crate) fn results(&self) -> Vec<Arc<SignedPromise>> {
        self.results.values().cloned().collect()
    }

    /// Returns the first checkpoint of a slot or of one soon behind it.
    pub(crate) fn checkpoint_from(&self, slot: SlotNumber) -> Option<Arc<SignedPromise>> {
        self.checkpoints.range(slot..).next().map(|(_, promise)| promise.clone())
    }

    fn prune(&mut self) {
        while (self.slots.len() > MAX_SLOTS || self.count > MAX_CLAIMS)
            && let Some((_, oldest)) = self.slots.pop_first()
        {
            self.count -= oldest.len();
        }
        while self.checkpoints.len() > MAX_SLOTS {
            self.checkpoints.pop_first();
        }
        while self.results.len() > MAX_RESULTS {
            self.results.pop_first();
        }
    }
}

fn contradiction(one: &SignedPromise, other: SignedPromise) -> Option<Proof> {
    let found = Equivocation::new(one.clone(), other).ok()?;
    let (first, second) = found.promises();
    Some(Proof::Promises(Box::new([first.clone(), second.clone()])))
}

const fn slot_of(claim: &Claim) -> SlotNumber {
    match claim {
        Claim::Chain(slot, ..) | Claim::Parent(slot) => *slot,
        Claim::Item(position) => position.slot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_evidence::{Evidence, Registry};
    use weft_promise::{LocalSigner, Signer as _};
    use weft_types::{
        Domain, OrderPromise, Position, Section, SignedGroup, chain_next, chain_start,
    };

    fn promise(item: u8, slot: u64) -> SignedPromise {
        let position = Position { slot: SlotNumber::new(slot), section: Section::Sealed, index: 0 };
        let domain = Domain::dev();
        let prev_chain = chain_start(&domain, position.slot, position.section);
        let item = B256::repeat_byte(item);
        let order = OrderPromise {
            position,
            item,
            prev_chain,
            chain: chain_next(&prev_chain, 0, &item),
            unix_ms: 1,
            l1_deadline: 0,
            bundle: None,
        };
        let mut key = LocalSigner::new(&B256::repeat_byte(1)).unwrap();
        let signed = SignedGroup::sign(domain, vec![Statement::Order(order)], |it| key.sign(it));
        signed.unwrap().unwrap().promise(0).unwrap()
    }

    #[test]
    fn one_place_with_two_items_convicts_whoever_signed_both() {
        let mut claims = Claims::default();
        assert_eq!(claims.hear(&promise(1, 5)), None);
        assert_eq!(claims.hear(&promise(1, 5)), None, "the same again is no contradiction");
        assert_eq!(claims.hear(&promise(2, 6)), None);
        let proof = claims.hear(&promise(2, 5)).unwrap();
        let evidence = Evidence::new(Domain::dev(), proof);
        let key = promise(1, 5).signer().unwrap();
        evidence.check(&Registry::new(Domain::dev(), key)).unwrap();
    }

    #[test]
    fn memory_is_bounded() {
        let mut claims = Claims::default();
        for slot in 1..2 * MAX_SLOTS as u64 {
            claims.hear(&promise(1, slot));
        }
        assert_eq!(claims.slots.len(), MAX_SLOTS);
        assert_eq!(claims.count, claims.slots.values().map(BTreeMap::len).sum::<usize>());
    }
}
