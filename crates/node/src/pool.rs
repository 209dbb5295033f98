//! What waits: transactions for a nonce, items for block space.

use alloy_primitives::{Address, B256, map::HashMap};
use std::collections::{BTreeMap, VecDeque};
use weft_types::{BundleId, Item, Leg, NetworkId, SignedTx};

/// Queue of one sender on one rollup.
type Lane = (NetworkId, Address);

/// What waits, within bounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    max: usize,
    max_per_sender: usize,
    queues: BTreeMap<Lane, BTreeMap<u64, SignedTx>>,
    queued: HashMap<B256, (Lane, u64)>,
    /// Items that did not fit into the open slot, in the order of their arrival.
    deferred: VecDeque<Item>,
}

/// Why something may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Pool,
    Sender,
    /// A transaction with this nonce waits already and pays at least as much.
    Underpriced,
}

impl Pool {
    pub(crate) fn new(max: usize, max_per_sender: usize) -> Self {
        Self { max, max_per_sender, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.queued.len() + self.deferred.len()
    }

    /// Lets a transaction wait for its nonce; one that pays a tenth more takes another's place.
    pub(crate) fn queue(&mut self, network: NetworkId, tx: SignedTx) -> Result<(), NoRoom> {
        use alloy_consensus::Transaction as _;
        let (lane, nonce) = ((network, tx.sender()), tx.envelope().nonce());
        let old = self.queues.get(&lane).and_then(|queue| queue.get(&nonce));
        match old.map(|old| (old.hash(), old.envelope().max_fee_per_gas())) {
            Some((hash, fee)) => {
                if tx.envelope().max_fee_per_gas() < fee.saturating_add(fee / 10 + 1) {
                    return Err(NoRoom::Underpriced);
                }
                self.queued.remove(&hash);
            }
            None if self.len() >= self.max => return Err(NoRoom::Pool),
            None if self.queues.get(&lane).is_some_and(|q| q.len() >= self.max_per_sender) => {
                return Err(NoRoom::Sender);
            }
            None => {}
        }
        self.queued.insert(tx.hash(), (lane, nonce));
        self.queues.entry(lane).or_default().insert(nonce, tx);
        Ok(())
    }

    /// Takes the queued transaction of a sender with the lowest nonce, when that is at most `nonce`.
    pub(crate) fn take_ready(
        &mut self,
        network: NetworkId,
        sender: Address,
        nonce: u64,
    ) -> Option<SignedTx> {
        let lane = (network, sender);
        let queue = self.queues.get_mut(&lane)?;
        let entry = queue.first_entry()?;
        if *entry.key() > nonce {
            return None;
        }
        let tx = entry.remove();
        if queue.is_empty() {
            self.queues.remove(&lane);
        }
        self.queued.remove(&tx.hash());
        Some(tx)
    }

    /// Takes out a transaction, wherever it waits.
    pub(crate) fn forget(&mut self, hash: &B256) {
        if let Some((lane, nonce)) = self.queued.remove(hash)
            && let Some(queue) = self.queues.get_mut(&lane)
        {
            queue.remove(&nonce);
            if queue.is_empty() {
                self.queues.remove(&lane);
            }
        }
        let is_it = |item: &Item| {
            item.bundle().is_none() && item.legs().iter().any(|leg| leg.tx.hash() == *hash)
        };
        self.deferred.retain(|item| !is_it(item));
    }

    /// Takes out a bundle that waits for a slot.
    pub(crate) fn forget_bundle(&mut self, id: BundleId) {
        self.deferred.retain(|item| item.bundle().is_none_or(|bundle| bundle.id() != id));
    }

    /// Returns who waits for a nonce.
    pub(crate) fn senders(&self) -> Vec<(NetworkId, Address)> {
        self.queues.keys().copied().collect()
    }

    /// Lets an item wait for the next slot.
    pub(crate) fn defer(&mut self, item: Item) -> Result<(), NoRoom> {
        if self.len() >= self.max {
            return Err(NoRoom::Pool);
        }
        self.deferred.push_back(item);
        Ok(())
    }

    /// Takes everything that waits for a slot.
    pub(crate) fn take_deferred(&mut self) -> VecDeque<Item> {
        std::mem::take(&mut self.deferred)
    }

    /// Puts back what did not fit again, before everything deferred since.
    pub(crate) fn put_back(&mut self, mut items: VecDeque<Item>) {
        items.append(&mut self.deferred);
        self.deferred = items;
    }

    pub(crate) fn deferred_legs(&self) -> impl Iterator<Item = &Leg> {
        self.deferred.iter().flat_map(Item::legs)
    }

    pub(crate) fn has_bundle(&self, id: BundleId) -> bool {
        self.deferred.iter().any(|item| item.bundle().is_some_and(|bundle| bundle.id() == id))
    }

    /// Returns a waiting transaction and its rollup.
    pub(crate) fn find(&self, hash: &B256) -> Option<(NetworkId, &SignedTx)> {
        if let Some((lane, nonce)) = self.queued.get(hash) {
            return Some((lane.0, self.queues.get(lane)?.get(nonce)?));
        }
        self.deferred_legs().find(|leg| leg.tx.hash() == *hash).map(|leg| (leg.network, &leg.tx))
    }

    /// Returns the transactions of `network` that wait for a nonce.
    pub(crate) fn queued_on(&self, network: NetworkId) -> impl Iterator<Item = &SignedTx> {
        let on = self.queues.iter().filter(move |((of, _), _)| *of == network);
        on.flat_map(|(_, queue)| queue.values())
    }
}
