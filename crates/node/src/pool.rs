//! What waits: transactions for their nonce or for block space, bundles for block space. Nothing here has a position,
//! so nothing was promised about it (ADR 0016).

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, map::HashMap};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use weft_types::{Bundle, BundleId, Item, Leg, NetworkId, SignedTx};

/// Sender on a rollup.
pub(crate) type Lane = (NetworkId, Address);

/// What an entry costs beside its raw bytes.
const ENTRY_BYTES: usize = 512;

/// Bounds of a pool.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PoolLimits {
    /// Most transactions and bundles.
    pub(crate) max: usize,
    /// Most bytes of all of them.
    pub(crate) max_bytes: usize,
    /// Most transactions that came ahead of their nonce.
    pub(crate) max_gapped: usize,
    /// Most transactions of a lane.
    pub(crate) max_per_sender: usize,
    /// Most bytes of a lane.
    pub(crate) max_sender_bytes: usize,
    /// How long anything waits.
    pub(crate) ttl: Duration,
}

/// Something that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Waits<'a> {
    Tx(NetworkId, &'a SignedTx),
    Bundle(&'a Bundle),
}

/// A transaction that waits.
#[derive(Debug, Clone)]
struct Waiting {
    tx: SignedTx,
    arrival: u64,
    is_gapped: bool,
}

/// Transactions of a sender on a rollup, by nonce.
#[derive(Debug, Clone, Default)]
struct Queue {
    by_nonce: BTreeMap<u64, Waiting>,
    bytes: usize,
}

/// What waits since when.
#[derive(Debug, Clone, Copy)]
enum Key {
    Tx(B256),
    Bundle(BundleId),
}

/// What waits, within bounds.
// Invariant: `by_hash`, `bundles` and `arrivals` name exactly what waits; `bytes` and `gapped` are sums over it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    limits: PoolLimits,
    next_arrival: u64,
    queues: BTreeMap<Lane, Queue>,
    by_hash: HashMap<B256, (Lane, u64)>,
    bundles: HashMap<BundleId, (u64, Bundle)>,
    arrivals: BTreeMap<u64, (Instant, Key)>,
    bytes: usize,
    gapped: usize,
    version: u64,
}

/// Why something may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// As much waits as may wait; time heals it.
    Pool,
    /// Too much of this sender waits.
    Sender,
    /// A transaction with this nonce waits already and this one does not outbid it.
    Underpriced,
}

/// What may have its turn next.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) arrival: u64,
    pub(crate) item: Item,
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// Lets a transaction wait for its turn; returns the one whose place it takes (ADR 0016).
    pub(crate) fn queue(
        &mut self,
        network: NetworkId,
        tx: SignedTx,
        is_gapped: bool,
    ) -> Result<Option<SignedTx>, NoRoom> {
        let lane = (network, tx.sender());
        let old = self.queues.get(&lane).and_then(|queue| queue.by_nonce.get(&nonce_of(&tx)));
        if old.is_some_and(|old| !outbids(&tx, &old.tx)) {
            return Err(NoRoom::Underpriced);
        }
        let freed = old.map_or(0, |old| cost(&old.tx));
        let (hash, count) = (old.map(|old| old.tx.hash()), usize::from(old.is_none()));
        self.check_room(count, cost(&tx) - freed.min(cost(&tx)), is_gapped && count > 0)?;
        self.check_sender(&lane, count, cost(&tx).saturating_sub(freed))?;
        let replaced = hash.and_then(|hash| self.forget(&hash));
        self.insert(lane, tx, is_gapped);
        Ok(replaced)
    }

    /// Lets a transaction wait again as the log says, whatever the bounds are now.
    pub(crate) fn restore(&mut self, network: NetworkId, tx: SignedTx) {
        let lane = (network, tx.sender());
        let old = self.queues.get(&lane).and_then(|queue| queue.by_nonce.get(&nonce_of(&tx)));
        if let Some(hash) = old.map(|old| old.tx.hash()) {
            self.forget(&hash);
        }
        self.insert(lane, tx, false);
    }

    /// Lets a bundle wait for block space.
    pub(crate) fn queue_bundle(&mut self, bundle: Bundle) -> Result<(), NoRoom> {
        self.check_room(1, bundle_cost(&bundle), false)?;
        self.restore_bundle(bundle);
        Ok(())
    }

    /// Lets a bundle wait again as the log says.
    pub(crate) fn restore_bundle(&mut self, bundle: Bundle) {
        self.forget_bundle(bundle.id());
        let arrival = self.arrive(Key::Bundle(bundle.id()));
        self.bytes += bundle_cost(&bundle);
        self.bundles.insert(bundle.id(), (arrival, bundle));
    }

    fn check_room(&self, count: usize, bytes: usize, is_gapped: bool) -> Result<(), NoRoom> {
        let limits = &self.limits;
        let is_full = self.len() + count > limits.max
            || self.bytes + bytes > limits.max_bytes
            || (is_gapped && self.gapped >= limits.max_gapped);
        if is_full { Err(NoRoom::Pool) } else { Ok(()) }
    }

    fn check_sender(&self, lane: &Lane, count: usize, bytes: usize) -> Result<(), NoRoom> {
        let (held, held_bytes) =
            self.queues.get(lane).map_or((0, 0), |queue| (queue.by_nonce.len(), queue.bytes));
        let is_full = held + count > self.limits.max_per_sender
            || held_bytes + bytes > self.limits.max_sender_bytes;
        if is_full { Err(NoRoom::Sender) } else { Ok(()) }
    }

    fn arrive(&mut self, key: Key) -> u64 {
        self.version += 1;
        self.next_arrival += 1;
        self.arrivals.insert(self.next_arrival, (Instant::now(), key));
        self.next_arrival
    }

    fn insert(&mut self, lane: Lane, tx: SignedTx, is_gapped: bool) {
        let (nonce, hash) = (nonce_of(&tx), tx.hash());
        let arrival = self.arrive(Key::Tx(hash));
        self.bytes += cost(&tx);
        self.gapped += usize::from(is_gapped);
        self.by_hash.insert(hash, (lane, nonce));
        let queue = self.queues.entry(lane).or_default();
        queue.bytes += cost(&tx);
        queue.by_nonce.insert(nonce, Waiting { tx, arrival, is_gapped });
    }

    /// Takes out a transaction.
    pub(crate) fn forget(&mut self, hash: &B256) -> Option<SignedTx> {
        let (lane, nonce) = self.by_hash.remove(hash)?;
        let queue = self.queues.get_mut(&lane).expect("what is named waits");
        let waiting = queue.by_nonce.remove(&nonce).expect("what is named waits");
        let bytes = cost(&waiting.tx);
        self.version += 1;
        queue.bytes -= bytes;
        if queue.by_nonce.is_empty() {
            self.queues.remove(&lane);
        }
        self.bytes -= bytes;
        self.gapped -= usize::from(waiting.is_gapped);
        self.arrivals.remove(&waiting.arrival);
        Some(waiting.tx)
    }

    /// Takes out a bundle.
    pub(crate) fn forget_bundle(&mut self, id: BundleId) {
        if let Some((arrival, bundle)) = self.bundles.remove(&id) {
            self.version += 1;
            self.arrivals.remove(&arrival);
            self.bytes -= bundle_cost(&bundle);
        }
    }

    /// Takes out an item, wherever it waits.
    pub(crate) fn forget_item(&mut self, item: &Item) {
        match item.bundle().map(Bundle::id) {
            Some(id) => self.forget_bundle(id),
            None => item.legs().iter().for_each(|leg| drop(self.forget(&leg.tx.hash()))),
        }
    }

    /// Takes out what came longer ago than anything may wait.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Item> {
        let mut expired = Vec::new();
        while let Some((since, key)) = self.arrivals.values().next().copied()
            && now.saturating_duration_since(since) >= self.limits.ttl
        {
            match key {
                Key::Tx(hash) => {
                    let network = self.by_hash[&hash].0.0;
                    let tx = self.forget(&hash).expect("what is named waits");
                    expired.push(single(network, tx));
                }
                Key::Bundle(id) => {
                    let bundle = self.bundles[&id].1.clone();
                    self.forget_bundle(id);
                    expired.push(Item::Bundle(bundle));
                }
            }
        }
        expired
    }

    /// Returns the transaction of a lane with the lowest nonce, when that is at most `nonce`.
    pub(crate) fn ready(&self, lane: &Lane, nonce: u64) -> Option<Candidate> {
        let (first, waiting) = self.queues.get(lane)?.by_nonce.first_key_value()?;
        let item = (*first <= nonce).then(|| single(lane.0, waiting.tx.clone()))?;
        Some(Candidate { arrival: waiting.arrival, item })
    }

    /// Returns every bundle that waits.
    pub(crate) fn bundles(&self) -> impl Iterator<Item = Candidate> {
        self.bundles.values().map(|(arrival, bundle)| Candidate {
            arrival: *arrival,
            item: Item::Bundle(bundle.clone()),
        })
    }

    /// Returns who has transactions that wait.
    pub(crate) fn lanes(&self) -> BTreeSet<Lane> {
        self.queues.keys().copied().collect()
    }

    pub(crate) fn has_lane(&self, lane: &Lane) -> bool {
        self.queues.contains_key(lane)
    }

    /// Returns true when an item waits.
    pub(crate) fn has(&self, item: &Item) -> bool {
        match item.bundle() {
            Some(bundle) => self.bundles.contains_key(&bundle.id()),
            None => item.legs().iter().all(|leg| self.by_hash.contains_key(&leg.tx.hash())),
        }
    }

    /// Returns true when a transaction of a lane with this nonce waits.
    pub(crate) fn has_nonce(&self, lane: &Lane, nonce: u64) -> bool {
        self.queues.get(lane).is_some_and(|queue| queue.by_nonce.contains_key(&nonce))
    }

    /// Returns the legs of all bundles that wait.
    pub(crate) fn bundle_legs(&self) -> impl Iterator<Item = &Leg> {
        self.bundles.values().flat_map(|(_, bundle)| bundle.legs())
    }

    pub(crate) fn has_bundle(&self, id: BundleId) -> bool {
        self.bundles.contains_key(&id)
    }

    /// Returns a waiting transaction and its rollup.
    pub(crate) fn find(&self, hash: &B256) -> Option<(NetworkId, &SignedTx)> {
        if let Some((lane, nonce)) = self.by_hash.get(hash) {
            return Some((lane.0, &self.queues.get(lane)?.by_nonce.get(nonce)?.tx));
        }
        let leg = self.bundle_legs().find(|leg| leg.tx.hash() == *hash)?;
        Some((leg.network, &leg.tx))
    }

    /// Returns a number that differs after every change.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns everything that waits, in the order of its arrival.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Waits<'_>> {
        self.arrivals.values().map(|(_, key)| match key {
            Key::Tx(hash) => {
                let (network, tx) = self.find(hash).expect("what is named waits");
                Waits::Tx(network, tx)
            }
            Key::Bundle(id) => Waits::Bundle(&self.bundles[id].1),
        })
    }

    /// Returns who waits on `network`, each with its transactions by nonce.
    pub(crate) fn on(
        &self,
        network: NetworkId,
    ) -> impl Iterator<Item = (Address, impl Iterator<Item = &SignedTx>)> {
        let on = self.queues.iter().filter(move |((of, _), _)| *of == network);
        on.map(|((_, sender), queue)| (*sender, queue.by_nonce.values().map(|waiting| &waiting.tx)))
    }
}

fn nonce_of(tx: &SignedTx) -> u64 {
    tx.envelope().nonce()
}

fn single(network: NetworkId, tx: SignedTx) -> Item {
    Item::Transaction(Leg { network, tx, may_revert: false })
}

fn cost(tx: &SignedTx) -> usize {
    tx.raw().len() + ENTRY_BYTES
}

fn bundle_cost(bundle: &Bundle) -> usize {
    bundle.legs().iter().map(|leg| cost(&leg.tx)).sum()
}

/// Returns true when `new` pays at least a tenth more than `old` by both of its fees, as in go-ethereum's pool.
fn outbids(new: &SignedTx, old: &SignedTx) -> bool {
    let tip = |tx: &SignedTx| {
        let envelope = tx.envelope();
        envelope.max_priority_fee_per_gas().unwrap_or(envelope.max_fee_per_gas())
    };
    is_a_tenth_over(new.envelope().max_fee_per_gas(), old.envelope().max_fee_per_gas())
        && is_a_tenth_over(tip(new), tip(old))
}

/// Zero is outbid by anything more.
fn is_a_tenth_over(new: u128, old: u128) -> bool {
    new > old && new - old >= old.div_ceil(10)
}

#[cfg(test)]
mod tests;
