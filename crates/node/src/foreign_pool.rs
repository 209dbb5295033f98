//! Transactions sent to an imported chain. No block takes them; they can be asked for and built with.

use alloy_consensus::{Signed, Transaction as _, TxEip4844Variant, TxEnvelope};
use alloy_primitives::{Address, B256, map::HashMap};
use std::collections::BTreeMap;

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
#[derive(Debug, Default)]
pub(crate) struct ForeignPool {
    max: usize,
    max_per_sender: usize,
    by_sender: BTreeMap<Address, BTreeMap<u64, Waiting>>,
    by_hash: HashMap<B256, (Address, u64)>,
}

impl ForeignPool {
    pub(crate) fn new(max: usize, max_per_sender: usize) -> Self {
        Self { max, max_per_sender, ..Self::default() }
    }

    /// Takes a transaction in; one that pays a tenth more (twice as much for blobs) takes another's place.
    pub(crate) fn insert(&mut self, tx: TxEnvelope, sender: Address) -> Result<(), NoRoom> {
        let nonce = tx.nonce();
        let queue = self.by_sender.get(&sender);
        match queue.and_then(|queue| queue.get(&nonce)) {
            Some(old) if !outbids(&tx, &old.tx) => return Err(NoRoom::Underpriced),
            Some(old) => {
                self.by_hash.remove(old.tx.tx_hash());
            }
            None if self.by_hash.len() >= self.max => return Err(NoRoom::Pool),
            None if queue.is_some_and(|queue| queue.len() >= self.max_per_sender) => {
                return Err(NoRoom::Sender);
            }
            None => {}
        }
        self.by_hash.insert(*tx.tx_hash(), (sender, nonce));
        self.by_sender.entry(sender).or_default().insert(nonce, Waiting { tx, sender });
        Ok(())
    }

    pub(crate) fn get(&self, hash: &B256) -> Option<&Waiting> {
        let (sender, nonce) = self.by_hash.get(hash)?;
        self.by_sender.get(sender)?.get(nonce)
    }

    /// Returns the transactions of every sender, by nonce.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (Address, &BTreeMap<u64, Waiting>)> {
        self.by_sender.iter().map(|(sender, queue)| (*sender, queue))
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
