//! What a transaction may cost.

use serde::{Deserialize, Serialize};

/// Fees of a transaction, in wei per unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fees {
    /// Most for a unit of gas.
    pub max_fee: u128,
    /// Of which to the proposer.
    pub tip: u128,
    /// Most for a unit of blob gas.
    pub blob_fee: u128,
}

/// What fees may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Ceilings; above them a poster waits.
    pub most: Fees,
    /// Tip of a first attempt, in wei.
    pub tip: u128,
    /// L1 blocks after which an attempt that is in no block is replaced by a dearer one.
    pub patience: u64,
    /// L1 blocks between head and the block on which a batch rests: a smaller reorg does not touch it.
    pub origin_depth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const GWEI: u128 = 1_000_000_000;
        Self {
            most: Fees { max_fee: 200 * GWEI, tip: 20 * GWEI, blob_fee: 100 * GWEI },
            tip: GWEI,
            patience: 3,
            origin_depth: 4,
        }
    }
}

impl Fees {
    /// Returns what a first attempt offers: twice what L1 asks for now, so that it stands six full blocks, below the ceilings.
    pub fn first(base_fee: u128, blob_base_fee: u128, limits: &Limits) -> Self {
        let tip = limits.tip.min(limits.most.tip);
        Self {
            max_fee: base_fee.saturating_mul(2).saturating_add(tip),
            tip,
            blob_fee: blob_base_fee.saturating_mul(2).max(1),
        }
        .below(&limits.most)
    }

    /// Returns what may replace an attempt with these fees: pools ask for twice of each for a blob transaction. Nothing when
    /// that is above a ceiling.
    #[must_use]
    pub fn replacing(&self, market: &Self, limits: &Limits) -> Option<Self> {
        let least = Self {
            max_fee: self.max_fee.saturating_mul(2),
            tip: self.tip.saturating_mul(2),
            blob_fee: self.blob_fee.saturating_mul(2),
        };
        let most = &limits.most;
        let fits = least.max_fee <= most.max_fee
            && least.tip <= most.tip
            && least.blob_fee <= most.blob_fee;
        fits.then(|| Self {
            max_fee: least.max_fee.max(market.max_fee),
            tip: least.tip.max(market.tip),
            blob_fee: least.blob_fee.max(market.blob_fee),
        })
    }

    /// Tells whether these fees pay what L1 asks for now.
    pub const fn pay(&self, base_fee: u128, blob_base_fee: u128) -> bool {
        self.max_fee >= base_fee && self.blob_fee >= blob_base_fee
    }

    fn below(self, most: &Self) -> Self {
        let max_fee = self.max_fee.min(most.max_fee);
        Self {
            max_fee,
            tip: self.tip.min(most.tip).min(max_fee),
            blob_fee: self.blob_fee.min(most.blob_fee),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p52_a_replacement_doubles_everything_or_does_not_happen() {
        let limits = Limits {
            most: Fees { max_fee: 100, tip: 10, blob_fee: 50 },
            tip: 2,
            ..Limits::default()
        };
        let first = Fees::first(10, 5, &limits);
        assert_eq!(first, Fees { max_fee: 22, tip: 2, blob_fee: 10 });
        let second = first.replacing(&first, &limits).unwrap();
        assert_eq!(second, Fees { max_fee: 44, tip: 4, blob_fee: 20 });
        let dear = Fees { max_fee: 70, tip: 2, blob_fee: 45 };
        let third = second.replacing(&dear, &limits).unwrap();
        assert_eq!(third, Fees { max_fee: 88, tip: 8, blob_fee: 45 });
        assert_eq!(third.replacing(&dear, &limits), None, "over a ceiling");
    }

    #[test]
    fn a_first_attempt_stays_below_the_ceilings() {
        let limits =
            Limits { most: Fees { max_fee: 7, tip: 9, blob_fee: 3 }, tip: 8, ..Limits::default() };
        let first = Fees::first(1_000, u128::MAX, &limits);
        assert_eq!(first, Fees { max_fee: 7, tip: 7, blob_fee: 3 });
        assert!(!first.pay(1_000, 1) && first.pay(7, 3));
    }
}
