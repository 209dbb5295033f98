//! Transactions sent to an imported chain. They can be asked for and built with; where the node makes blocks, these take them.

use crate::config::Limits;
use alloy_consensus::{Signed, Transaction as _, TxEip4844Variant, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, map::HashMap};
use std::collections::{BTreeMap, BinaryHeap};

/// A transaction that waits, blobs included.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) tx: TxEnvelope,
    pub(crate) sender: Address,
}

impl Waiting {
    pub(crate) fn without_blobs(&self) -> TxEnvelope {
        without_blobs(&self.tx)
    }

    /// Returns the bytes that it was sent with, blobs included.
    fn bytes(&self) -> usize {
        self.tx.encode_2718_len()
    }
}

/// Returns a transaction as it enters a block.
pub(crate) fn without_blobs(tx: &TxEnvelope) -> TxEnvelope {
    match tx {
        TxEnvelope::Eip4844(signed) => {
            let (tx, signature, hash) = signed.clone().into_parts();
            let tx = TxEip4844Variant::TxEip4844(tx.into());
            TxEnvelope::Eip4844(Signed::new_unchecked(tx, signature, hash))
        }
        tx => tx.clone(),
    }
}

/// Why a transaction may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Pool,
    Sender,
    Underpriced,
}

/// Transactions that wait, within bounds.
// Invariant: `by_hash` and `bytes` tell of exactly what is in `by_sender`, where no queue is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct ForeignPool {
    max: usize,
    max_bytes: usize,
    max_per_sender: usize,
    bytes: usize,
    by_sender: BTreeMap<Address, BTreeMap<u64, Waiting>>,
    by_hash: HashMap<B256, (Address, u64)>,
}

impl ForeignPool {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            max: limits.max_pending,
            max_bytes: limits.max_pending_bytes,
            max_per_sender: limits.max_pending_per_sender,
            ..Self::default()
        }
    }

    /// Takes a transaction in; one that pays a tenth more (twice as much for blobs) takes another's place.
    pub(crate) fn insert(&mut self, tx: TxEnvelope, sender: Address) -> Result<(), NoRoom> {
        let (nonce, new) = (tx.nonce(), Waiting { tx, sender });
        let queue = self.by_sender.get(&sender);
        let old = queue.and_then(|queue| queue.get(&nonce));
        let before = self.bytes - old.map_or(0, Waiting::bytes);
        match old {
            Some(old) if !outbids(&new.tx, &old.tx) => return Err(NoRoom::Underpriced),
            None if self.by_hash.len() >= self.max => return Err(NoRoom::Pool),
            None if queue.is_some_and(|queue| queue.len() >= self.max_per_sender) => {
                return Err(NoRoom::Sender);
            }
            _ if before + new.bytes() > self.max_bytes => return Err(NoRoom::Pool),
            _ => {}
        }
        self.remove(sender, nonce);
        self.bytes += new.bytes();
        self.by_hash.insert(*new.tx.tx_hash(), (sender, nonce));
        self.by_sender.entry(sender).or_default().insert(nonce, new);
        Ok(())
    }

    fn remove(&mut self, sender: Address, nonce: u64) {
        let Some(queue) = self.by_sender.get_mut(&sender) else { return };
        let Some(gone) = queue.remove(&nonce) else { return };
        if queue.is_empty() {
            self.by_sender.remove(&sender);
        }
        self.bytes -= gone.bytes();
        self.by_hash.remove(gone.tx.tx_hash());
    }

    /// Forgets what a sender can send no more: the nonces before `next`.
    pub(crate) fn forget_before(&mut self, sender: Address, next: u64) {
        let queue = self.by_sender.get(&sender).into_iter();
        let gone: Vec<u64> = queue.flat_map(|queue| queue.range(..next)).map(|(n, _)| *n).collect();
        gone.into_iter().for_each(|nonce| self.remove(sender, nonce));
    }

    /// Returns what a block can take: the best tip first, each sender's transactions in order, from its nonce in `nonces` on.
    pub(crate) fn best(&self, nonces: &BTreeMap<Address, u64>, base_fee: u64) -> Vec<&Waiting> {
        let tip = |waiting: &Waiting| waiting.tx.effective_tip_per_gas(base_fee);
        let at = |sender: &Address, nonce| self.by_sender.get(sender)?.get(&nonce);
        let offer = |sender, nonce| Some((tip(at(&sender, nonce)?)?, sender, nonce));
        let firsts = nonces.iter().filter_map(|(sender, nonce)| offer(*sender, *nonce));
        let (mut offers, mut order): (BinaryHeap<_>, _) = (firsts.collect(), Vec::new());
        while let Some((_, sender, nonce)) = offers.pop() {
            order.extend(at(&sender, nonce));
            offers.extend(nonce.checked_add(1).and_then(|next| offer(sender, next)));
        }
        order
    }

    /// Returns everybody who has something waiting.
    pub(crate) fn senders(&self) -> Vec<Address> {
        self.by_sender.keys().copied().collect()
    }

    pub(crate) fn get(&self, hash: &B256) -> Option<&Waiting> {
        let (sender, nonce) = self.by_hash.get(hash)?;
        self.by_sender.get(sender)?.get(nonce)
    }

    /// Returns the transactions of one sender, by nonce.
    pub(crate) fn of(&self, sender: Address) -> impl Iterator<Item = &Waiting> {
        self.by_sender.get(&sender).into_iter().flat_map(BTreeMap::values)
    }

    /// Returns the nonce after those that follow `nonce` without a gap.
    pub(crate) fn next_nonce(&self, sender: Address, mut nonce: u64) -> u64 {
        while self.by_sender.get(&sender).is_some_and(|queue| queue.contains_key(&nonce)) {
            nonce += 1;
        }
        nonce
    }
}

fn outbids(tx: &TxEnvelope, old: &TxEnvelope) -> bool {
    let percent: u128 = if old.is_eip4844() { 200 } else { 110 };
    let over = |new: u128, old: u128| new >= old.saturating_mul(percent).div_ceil(100).max(1);
    let tip = |tx: &TxEnvelope| tx.max_priority_fee_per_gas().unwrap_or(tx.max_fee_per_gas());
    over(tx.max_fee_per_gas(), old.max_fee_per_gas())
        && over(tip(tx), tip(old))
        && (!old.is_eip4844()
            || over(
                tx.max_fee_per_blob_gas().unwrap_or_default(),
                old.max_fee_per_blob_gas().unwrap_or_default(),
            ))
}
