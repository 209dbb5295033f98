//! From derived batches to statements.

use crate::{
    fates::{fate_leaf, proposal_leaf},
    list::list_root,
    outcome::{genesis_outcome, outcome_of},
    transfers::transfers,
};
use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use alloy_primitives::B256;
use thiserror::Error;
use weft_batch::{RealmConfig, SignedBatch};
use weft_derive::{Derivation, Derived};
use weft_evm::{Begin, Net, TokenId};
use weft_settlement::{Outcome, Statement, Transition};
use weft_types::{Domain, NetworkId};

/// Where every rollup was settled last, and the batches since then.
#[derive(Debug, Clone)]
pub struct Ledger {
    domain: Domain,
    /// Rollups in the order of their registration; ids are one more than the place.
    rollups: Vec<NetworkId>,
    /// Last settled batch, and what is settled of every rollup.
    settled: u64,
    outcomes: BTreeMap<NetworkId, Outcome>,
    waiting: VecDeque<Waiting>,
}

/// A batch that waits for settlement.
#[derive(Debug, Clone)]
struct Waiting {
    number: u64,
    /// Rollups that it names, with what holds after it.
    named: BTreeMap<NetworkId, Part>,
    moved: BTreeMap<(NetworkId, TokenId), Net>,
}

#[derive(Debug, Clone)]
struct Part {
    post: Outcome,
    proposed: Vec<B256>,
    fates: Vec<B256>,
}

/// Reason for there being no statement about a span of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAStatement {
    /// The span ends where nothing was derived, or what is settled already.
    #[error(
        "batches {first} to {last} cannot be settled: {settled} is settled, {derived} is derived"
    )]
    Span {
        /// First batch asked for.
        first: u64,
        /// Last batch asked for.
        last: u64,
        /// Last settled batch.
        settled: u64,
        /// Last derived batch.
        derived: u64,
    },
}

impl Ledger {
    /// Begins before the first batch of a realm.
    pub fn new(config: &RealmConfig) -> Self {
        let mut ledger = Self {
            domain: config.domain,
            rollups: Vec::new(),
            settled: 0,
            outcomes: BTreeMap::new(),
            waiting: VecDeque::new(),
        };
        config.rollups.iter().for_each(|genesis| ledger.join(genesis));
        ledger
    }

    fn join(&mut self, genesis: &weft_batch::RollupGenesis) {
        self.rollups.push(genesis.network());
        self.outcomes.insert(genesis.network(), genesis_outcome(genesis));
    }

    /// Returns the rollups in the order of their registration.
    pub fn rollups(&self) -> &[NetworkId] {
        &self.rollups
    }

    /// Returns the numbers of the last settled and of the last derived batch.
    pub fn span(&self) -> (u64, u64) {
        (self.settled, self.waiting.back().map_or(self.settled, |last| last.number))
    }

    /// Returns what is settled of a rollup.
    pub fn settled(&self, network: NetworkId) -> Option<&Outcome> {
        self.outcomes.get(&network)
    }

    /// Takes a batch right after `derivation` derived it.
    ///
    /// # Errors
    ///
    /// That of reading a state.
    ///
    /// # Panics
    ///
    /// Panics when another batch comes next.
    pub fn take<S: Begin>(
        &mut self,
        derivation: &Derivation<S>,
        batch: &SignedBatch,
        derived: &Derived,
    ) -> Result<(), S::Error> {
        let batch = &batch.batch;
        batch.slots.iter().flat_map(|slot| &slot.joined).for_each(|genesis| self.join(genesis));
        self.note(derivation, batch.number, derived)
    }

    /// Takes an inbox-only batch (P46) right after `derivation` derived it.
    ///
    /// # Errors
    ///
    /// That of reading a state.
    ///
    /// # Panics
    ///
    /// Panics when another batch comes next.
    pub fn take_forced<S: Begin>(
        &mut self,
        derivation: &Derivation<S>,
        number: u64,
        derived: &Derived,
    ) -> Result<(), S::Error> {
        self.note(derivation, number, derived)
    }

    fn note<S: Begin>(
        &mut self,
        derivation: &Derivation<S>,
        number: u64,
        derived: &Derived,
    ) -> Result<(), S::Error> {
        assert_eq!(number, self.span().1 + 1, "batches are taken one after the other");
        let mut named = BTreeMap::new();
        for network in derived.heads.keys() {
            let Some(post) = outcome_of(derivation.realm(), *network, number)? else { continue };
            named.insert(*network, Part { post, proposed: Vec::new(), fates: Vec::new() });
        }
        for fate in &derived.fates {
            for network in &fate.networks {
                // An item that was removed leaves no block, and without one a rollup does not move.
                let Some(part) = named.get_mut(network) else { continue };
                part.proposed.push(proposal_leaf(&self.domain, fate));
                part.fates.push(fate_leaf(&self.domain, *network, fate));
            }
        }
        self.waiting.push_back(Waiting { number, named, moved: derived.moved.clone() });
        Ok(())
    }

    /// Returns the statement that settles everything up to batch `last`, whose hash on L1 is `batch_hash`.
    ///
    /// # Errors
    ///
    /// [`NotAStatement`].
    pub fn statement(
        &self,
        last: u64,
        batch_hash: B256,
        program_id: B256,
    ) -> Result<Statement, NotAStatement> {
        let (first, (settled, derived)) = (self.settled + 1, self.span());
        if last < first || last > derived {
            return Err(NotAStatement::Span { first, last, settled, derived });
        }
        let ids = (1..).zip(&self.rollups);
        Ok(Statement {
            first_batch: first,
            last_batch: last,
            batch_hash,
            program_id,
            transitions: ids.filter_map(|(id, on)| self.transition(id, *on, last)).collect(),
            transfers: transfers(&self.moved(last)),
        })
    }

    fn up_to(&self, last: u64) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().take_while(move |batch| batch.number <= last)
    }

    fn transition(&self, id: u32, network: NetworkId, last: u64) -> Option<Transition> {
        let parts = || self.up_to(last).filter_map(|batch| batch.named.get(&network));
        let post = parts().last()?.post;
        let root = |leaves: fn(&Part) -> &Vec<B256>| {
            let leaves: Vec<_> = parts().flat_map(leaves).copied().collect();
            list_root(&self.domain, &leaves)
        };
        Some(Transition {
            rollup: id,
            pre: self.outcomes[&network].commitment(),
            proposal_root: root(|part| &part.proposed),
            outcome_root: root(|part| &part.fates),
            post,
        })
    }

    /// Returns the leaves of a rollup's outcome root in the statement up to batch `last`, in their order.
    pub fn outcomes(&self, network: NetworkId, last: u64) -> Vec<B256> {
        let parts = self.up_to(last).filter_map(|batch| batch.named.get(&network));
        parts.flat_map(|part| &part.fates).copied().collect()
    }

    fn moved(&self, last: u64) -> BTreeMap<(NetworkId, TokenId), Net> {
        let mut sum: BTreeMap<_, Net> = BTreeMap::new();
        for (key, net) in self.up_to(last).flat_map(|batch| &batch.moved) {
            let entry = sum.entry(*key).or_default();
            *entry = entry.after(net.is_given, net.amount);
        }
        sum
    }

    /// Returns the last batch up to which a statement has no more transfers than these; the first one that waits when its own
    /// are more, and nothing when none waits.
    pub fn reach(&self, most_transfers: usize) -> Option<u64> {
        let mut sum: BTreeMap<_, Net> = BTreeMap::new();
        let mut last = self.waiting.front()?.number;
        for batch in &self.waiting {
            for (key, net) in &batch.moved {
                let entry = sum.entry(*key).or_default();
                *entry = entry.after(net.is_given, net.amount);
            }
            if transfers(&sum).len() <= most_transfers {
                last = batch.number;
            }
        }
        Some(last)
    }

    /// Notes that everything up to batch `last` is settled.
    pub fn settle(&mut self, last: u64) {
        while let Some(batch) = self.waiting.pop_front_if(|batch| batch.number <= last) {
            self.settled = batch.number;
            let posts = batch.named.into_iter().map(|(network, part)| (network, part.post));
            self.outcomes.extend(posts);
        }
    }
}
