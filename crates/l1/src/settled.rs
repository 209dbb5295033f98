//! What a settlement says of every item, and what a promised result has to be held against (P47).

use alloy_primitives::{B256, keccak256};
use std::collections::BTreeMap;
use weft_contracts::Slasher;
use weft_derive::Fate;
use weft_settlement::{Statement, Transition};
use weft_statement::{Ledger, fate_leaf, is_broken, opening, settled_fate};
use weft_types::{Domain, ExecutionPromise, NetworkId, Position};

/// The items of one settlement.
#[derive(Debug, Clone)]
pub struct Span {
    domain: Domain,
    number: u32,
    digest: B256,
    /// As it was settled, but for its program, which no event names.
    statement: Statement,
    fates: BTreeMap<Position, Fate>,
    /// Leaves of the outcome root of each rollup that advances, with the place of its transition.
    leaves: BTreeMap<NetworkId, (usize, Vec<B256>)>,
}

/// What a settlement says of a promised result.
#[derive(Debug, Clone)]
pub enum Held {
    /// The settlement has nothing at this place: it is of other slots, or nothing stood there.
    Elsewhere,
    /// Another item stands at this place.
    OtherItem(B256),
    /// What was promised was settled.
    Kept,
    /// The item left no leaf on the rollup that differs: it was removed, and no batch of the settlement names that rollup.
    Unseen,
    /// Something else was settled.
    Broken(Box<Broken>),
}

/// A leaf that contradicts a promised result, and the way to the statement that was settled.
#[derive(Debug, Clone)]
pub struct Broken {
    /// Rollup on which it differs.
    pub network: NetworkId,
    /// What was settled.
    pub fate: Fate,
    /// Number of the settlement.
    pub settlement: u32,
    /// Digest of its statement.
    pub digest: B256,
    statement: Statement,
    domain: Domain,
    transition: usize,
    index: usize,
    count: usize,
    siblings: Vec<B256>,
}

impl Span {
    /// Takes what a settlement is about; `ledger` has its batches, not yet as settled.
    pub(crate) fn new(
        domain: Domain,
        (number, digest): (u32, B256),
        statement: Statement,
        fates: Vec<Fate>,
        ledger: &Ledger,
    ) -> Self {
        let last = statement.last_batch;
        let of = |(place, it): (usize, &Transition)| {
            let network = *ledger.rollups().get(it.rollup as usize - 1)?;
            Some((network, (place, ledger.outcomes(network, last))))
        };
        let leaves = statement.transitions.iter().enumerate().filter_map(of).collect();
        let fates = fates.into_iter().map(|fate| (fate.position, fate)).collect();
        Self { domain, number, digest, statement, fates, leaves }
    }

    /// Returns how many items it has.
    pub fn items(&self) -> usize {
        self.fates.len()
    }

    /// Holds a promised result against what was settled.
    pub fn hold(&self, promise: &ExecutionPromise) -> Held {
        let Some(fate) = self.fates.get(&promise.position) else { return Held::Elsewhere };
        if fate.item != promise.item {
            return Held::OtherItem(fate.item);
        }
        let promised = promise.legs.iter().map(|leg| leg.network);
        let networks = fate.networks.iter().copied().chain(promised);
        let differ: Vec<_> = networks.filter(|on| is_broken(promise, *on, fate)).collect();
        if differ.is_empty() {
            return Held::Kept;
        }
        let broken = differ.into_iter().find_map(|network| self.broken(network, fate));
        broken.map_or(Held::Unseen, |broken| Held::Broken(Box::new(broken)))
    }

    fn broken(&self, network: NetworkId, fate: &Fate) -> Option<Broken> {
        let (transition, leaves) = self.leaves.get(&network)?;
        let leaf = fate_leaf(&self.domain, network, fate);
        let index = leaves.iter().position(|other| *other == leaf)?;
        Some(Broken {
            network,
            fate: fate.clone(),
            settlement: self.number,
            digest: self.digest,
            statement: self.statement.clone(),
            domain: self.domain,
            transition: *transition,
            index,
            count: leaves.len(),
            siblings: opening(&self.domain, leaves, index)?,
        })
    }
}

impl Broken {
    /// Returns the one of these programs whose result was settled; nothing when none makes the statement that L1 has.
    pub fn program(&self, candidates: &[B256]) -> Option<B256> {
        let digest = |program_id| Statement { program_id, ..self.statement.clone() };
        candidates.iter().copied().find(|id| digest(*id).digest(&self.domain) == self.digest)
    }

    /// Returns what `Slasher.punishResult` takes: with the program, the digests of all settlements so far, and the number of
    /// the L1 block that the promise rests on, 0 where it names none.
    pub fn shown(&self, program: B256, digests: &[B256], l1_number: u64) -> Slasher::SettledFate {
        let statement = &self.statement;
        Slasher::SettledFate {
            firstBatch: statement.first_batch,
            lastBatch: statement.last_batch,
            batchHash: statement.batch_hash,
            programId: program,
            transfersHash: statement.transfers_hash(),
            transitions: statement.transitions.iter().map(transition).collect(),
            settlement: self.settlement,
            history: settled_path(digests, self.settlement as usize),
            transition: alloy_primitives::U256::from(self.transition),
            leaf: settled_fate(self.network, &self.fate).into(),
            index: self.index as u64,
            count: self.count as u64,
            siblings: self.siblings.clone(),
            l1Number: alloy_primitives::U256::from(l1_number),
        }
    }
}

/// Returns the path of settlement `index` to the root of the complete subtree that holds it, as `IHub.wasSettled` takes it:
/// nothing for one that is not there.
pub fn settled_path(digests: &[B256], index: usize) -> Vec<B256> {
    let Some(mut level) = subtree(digests, index).map(<[B256]>::to_vec) else { return Vec::new() };
    let mut at = index % level.len();
    let mut siblings = Vec::new();
    while level.len() > 1 {
        siblings.push(level[at ^ 1]);
        level = level.chunks(2).map(|pair| keccak256([pair[0], pair[1]].concat())).collect();
        at /= 2;
    }
    siblings
}

/// Complete subtrees stand from the highest to the lowest, as the digits of the number of elements say.
fn subtree(digests: &[B256], index: usize) -> Option<&[B256]> {
    let mut rest = digests;
    let mut before = 0;
    while !rest.is_empty() {
        let size = 1_usize << rest.len().ilog2();
        let (first, others) = rest.split_at(size);
        if index < before + size {
            return Some(first);
        }
        (rest, before) = (others, before + size);
    }
    None
}

fn transition(it: &Transition) -> Slasher::Transition {
    Slasher::Transition {
        rollup: it.rollup,
        pre: it.pre,
        proposalRoot: it.proposal_root,
        outcomeRoot: it.outcome_root,
        post: Slasher::Outcome {
            stateRoot: it.post.state_root,
            blockHash: it.post.block_hash,
            blockNumber: it.post.block_number,
            exitRoot: it.post.exit_root,
            accountingRoot: it.post.accounting_root,
            headsRoot: it.post.heads_root,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> B256 {
        B256::with_last_byte(number as u8 + 1)
    }

    /// As `History.append` and `History.holds` have it.
    fn holds(count: usize, index: usize, siblings: &[B256]) -> bool {
        let mut roots = [B256::ZERO; 32];
        let node = |left: B256, right: B256| keccak256([left, right].concat());
        for number in 0..count {
            let (mut height, mut element) = (0, digest(number));
            while (number >> height) & 1 == 1 {
                element = node(roots[height], element);
                height += 1;
            }
            roots[height] = element;
        }
        let height = siblings.len();
        if (count >> height) & 1 == 0 || index >> height != (count >> height) - 1 {
            return false;
        }
        let step = |below: B256, (place, sibling): (usize, &B256)| match (index >> place) & 1 {
            0 => node(below, *sibling),
            _ => node(*sibling, below),
        };
        siblings.iter().enumerate().fold(digest(index), step) == roots[height]
    }

    #[test]
    fn every_settlement_has_its_path() {
        for count in 1..40 {
            let digests: Vec<_> = (0..count).map(digest).collect();
            for index in 0..count {
                let path = settled_path(&digests, index);
                assert!(holds(count, index, &path), "{index} of {count}");
            }
            assert!(settled_path(&digests, count).is_empty(), "there is no such settlement");
        }
    }
}
