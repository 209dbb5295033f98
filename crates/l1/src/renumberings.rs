//! Where numbers of slots began anew, as the hub keeps it (P46, P47).

/// L1 blocks behind a renumbering in which a sequencer may not have gone on from it yet, as `Slasher` has it.
const AFTERMATH: u64 = 128;

/// From which slot on numbers were given again, and in which L1 block; both ascend, as in `Renumberings.sol`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renumberings(Vec<(u64, u64)>);

impl Renumberings {
    /// Notes that slots from this one on are numbered again since an L1 block.
    pub fn note(&mut self, first_slot: u64, l1_block: u64) {
        let stands = self.0.partition_point(|(first, _)| *first < first_slot);
        self.0.truncate(stands);
        self.0.push((first_slot, l1_block));
    }

    /// Returns the last L1 block in which the slot's number was free again.
    pub fn last_of(&self, slot: u64) -> Option<u64> {
        let before = self.0.partition_point(|(first, _)| *first <= slot);
        before.checked_sub(1).map(|last| self.0[last].1)
    }

    /// Tells whether a result of this slot that rests on L1 block `l1_number` (zero for none) may be of a slot that is void.
    pub fn voids(&self, slot: u64, l1_number: u64) -> bool {
        self.last_of(slot)
            .is_some_and(|renumbered| l1_number < renumbered.saturating_add(AFTERMATH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every list of four renumberings, beside one that keeps all of them.
    #[test]
    fn p47_the_list_says_what_all_of_them_say() {
        for code in 0..5_u64.pow(4) {
            let firsts = [code % 5, code / 5 % 5, code / 25 % 5, code / 125];
            let mut list = Renumberings::default();
            for (at, first) in firsts.into_iter().enumerate() {
                list.note(first, at as u64);
                for slot in 0..6 {
                    let slow = firsts[..=at].iter().rposition(|first| *first <= slot);
                    assert_eq!(list.last_of(slot), slow.map(|at| at as u64), "{firsts:?} {slot}");
                }
            }
        }
    }

    #[test]
    fn p47_what_rests_on_a_block_before_or_shortly_behind_is_void() {
        let mut list = Renumberings::default();
        assert!(!list.voids(u64::MAX, 0));
        list.note(61, 1000);
        assert!(!list.voids(60, 0));
        assert!(list.voids(61, 0) && list.voids(61, 1127));
        assert!(!list.voids(61, 1128) && !list.voids(u64::MAX, u64::MAX));
    }
}
