//! Whose turn it is among those that wait (ADR 0016).

use crate::pool::Candidate;
use alloy_consensus::Transaction as _;
use std::{cmp::Reverse, collections::BinaryHeap};
use weft_types::{Item, Leg, NetworkId};

/// Who gets a position first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// Who came first: a position, and its promise, at once.
    #[default]
    Fcfs,
    /// Who pays most: everybody waits for the next slot, which begins with an auction.
    Fees,
}

impl Priority {
    /// Returns its name in the interface and in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fcfs => "fcfs",
            Self::Fees => "fees",
        }
    }
}

/// What comes first: the higher bid, then the earlier arrival. Arrivals are distinct, so no two ranks are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    bid: u128,
    arrival: Reverse<u64>,
}

#[derive(Debug)]
struct Ranked {
    rank: Rank,
    item: Item,
}

/// Items whose turn has come, best first.
#[derive(Debug)]
pub(crate) struct Turns {
    priority: Priority,
    heap: BinaryHeap<Ranked>,
}

impl Turns {
    pub(crate) const fn new(priority: Priority) -> Self {
        Self { priority, heap: BinaryHeap::new() }
    }

    /// Adds a candidate; `base_fee` tells the base fee of a rollup's open block, in wei per unit.
    pub(crate) fn push(&mut self, candidate: Candidate, base_fee: impl Fn(NetworkId) -> u64) {
        let bid = match self.priority {
            Priority::Fcfs => 0,
            Priority::Fees => bid(candidate.item.legs(), base_fee),
        };
        let rank = Rank { bid, arrival: Reverse(candidate.arrival) };
        self.heap.push(Ranked { rank, item: candidate.item });
    }

    /// Takes the best one out.
    pub(crate) fn pop(&mut self) -> Option<Item> {
        self.heap.pop().map(|ranked| ranked.item)
    }
}

/// Returns the wei per unit of gas that legs leave to the coinbase, over their declared gas.
fn bid(legs: &[Leg], base_fee: impl Fn(NetworkId) -> u64) -> u128 {
    let (mut wei, mut gas) = (0_u128, 0_u128);
    for leg in legs {
        let envelope = leg.tx.envelope();
        let tip = envelope.effective_tip_per_gas(base_fee(leg.network)).unwrap_or_default();
        // A bid beyond 2^127 wei is as good as any other of that size.
        wei = wei.saturating_add(tip.saturating_mul(u128::from(envelope.gas_limit())));
        gas += u128::from(envelope.gas_limit());
    }
    wei / gas.max(1)
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEV_ACCOUNTS;
    use alloy_consensus::{TxEip1559, TypedTransaction};
    use alloy_eips::eip2718::Encodable2718;
    use weft_types::SignedTx;

    /// An item with a fee, a tip and an arrival.
    fn candidate(arrival: u64, fee: u128, tip: u128) -> Candidate {
        let tx = TxEip1559 {
            chain_id: 901,
            nonce: arrival,
            gas_limit: 21_000,
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: tip,
            ..TxEip1559::default()
        };
        let signed = DEV_ACCOUNTS[0].sign(TypedTransaction::Eip1559(tx)).unwrap();
        let tx = SignedTx::decode(signed.encoded_2718().into()).unwrap();
        let leg = Leg { network: NetworkId::new(901), tx, may_revert: false };
        Candidate { arrival, item: Item::Transaction(leg) }
    }

    fn order(priority: Priority, candidates: &[Candidate]) -> Vec<u64> {
        let mut turns = Turns::new(priority);
        candidates.iter().for_each(|candidate| turns.push(candidate.clone(), |_| 10));
        let nonce = |item: Item| item.legs()[0].tx.envelope().nonce();
        std::iter::from_fn(|| turns.pop().map(nonce)).collect()
    }

    #[test]
    fn the_best_bid_comes_first_and_equal_bids_by_arrival() {
        let mut candidates = [
            candidate(1, 100, 5),
            candidate(2, 100, 7),
            candidate(3, 100, 5),
            // The base fee leaves two of a tip of nine.
            candidate(4, 12, 9),
            candidate(5, 9, 9),
        ];
        for _ in 0..candidates.len() {
            candidates.rotate_left(1);
            assert_eq!(order(Priority::Fees, &candidates), [2, 1, 3, 4, 5]);
            assert_eq!(order(Priority::Fcfs, &candidates), [1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn huge_bids_are_only_huge() {
        let candidates = [candidate(1, u128::MAX, u128::MAX), candidate(2, 100, 50)];
        assert_eq!(order(Priority::Fees, &candidates), [1, 2]);
    }
}
