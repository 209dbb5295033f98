//! Ommers: blocks that lost the race, rewarded by a later block.

use crate::{
    error::{InvalidBlock, expect, within},
    header::check_header,
    schedule::Schedule,
};
use alloy_consensus::Header;
use alloy_primitives::{B256, U256};
use std::collections::VecDeque;

/// Most ommers of a block.
const MAX_OMMERS: usize = 2;
/// Generations in which an ommer's parent must be.
const GENERATIONS: usize = 7;

/// A block that later ommers may follow.
#[derive(Debug, Clone)]
struct Ancestor {
    hash: B256,
    header: Header,
    ommers: Vec<B256>,
}

/// The last blocks, as far as ommers reach back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ancestors(VecDeque<Ancestor>);

impl Ancestors {
    /// Adds the next block.
    pub(crate) fn push(&mut self, hash: B256, header: Header, ommers: &[Header]) {
        let ommers = ommers.iter().map(Header::hash_slow).collect();
        self.0.push_back(Ancestor { hash, header, ommers });
        if self.0.len() > GENERATIONS {
            self.0.pop_front();
        }
    }

    /// Checks the ommers of the block that comes next.
    pub(crate) fn check(&self, schedule: &Schedule, ommers: &[Header]) -> Result<(), InvalidBlock> {
        within("number of ommers", ommers.len(), ommers.len() <= MAX_OMMERS, || {
            format!("at most {MAX_OMMERS}")
        })?;
        let mut seen = Vec::new();
        for (index, ommer) in ommers.iter().enumerate() {
            let hash = ommer.hash_slow();
            let refused = |why: String| InvalidBlock::Ommer { index, why };
            if seen.contains(&hash) || self.0.iter().any(|block| block.ommers.contains(&hash)) {
                return Err(refused(format!("{hash} was rewarded before")));
            }
            seen.push(hash);
            self.check_one(schedule, hash, ommer).map_err(|why| refused(why.to_string()))?;
        }
        Ok(())
    }

    fn check_one(
        &self,
        schedule: &Schedule,
        hash: B256,
        ommer: &Header,
    ) -> Result<(), InvalidBlock> {
        let is_ancestor = self.0.iter().any(|block| block.hash == hash);
        expect("ancestry of the ommer", is_ancestor, false)?;
        // The ommer of a block is a sibling of an ancestor: its parent is not the block's own.
        let direct = self.0.back().map(|block| block.hash);
        let parent = self.0.iter().find(|block| block.hash == ommer.parent_hash);
        match parent.filter(|parent| Some(parent.hash) != direct) {
            Some(parent) => {
                check_header(schedule, &parent.header, parent.hash, false, ommer).map(|_| ())
            }
            None => within("parent", ommer.parent_hash, false, || {
                format!("one of the {} blocks before the parent", GENERATIONS - 1)
            }),
        }
    }
}

/// Returns the reward of an ommer of number `ommer` in block `block`.
pub(crate) fn ommer_reward(base: u128, block: u64, ommer: u64) -> U256 {
    let generations = u128::from(block.saturating_sub(ommer));
    U256::from(8_u128.saturating_sub(generations) * base / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ommers_earn_less_with_each_generation() {
        let ether = 1_000_000_000_000_000_000;
        assert_eq!(ommer_reward(8 * ether, 10, 9), U256::from(7 * ether));
        assert_eq!(ommer_reward(8 * ether, 10, 4), U256::from(2 * ether));
        assert_eq!(ommer_reward(8 * ether, 20, 4), U256::ZERO);
    }
}
