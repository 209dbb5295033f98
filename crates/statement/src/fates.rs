//! Leaves of a rollup's two roots: what was proposed to it, and what became of that.

use alloc::vec::Vec;
use alloy_primitives::B256;
use weft_derive::Fate;
use weft_types::{Domain, ExecutionPromise, NetworkId, PromisedLeg, Tag, Writer};

/// Returns the leaf of an item in the proposal root of its rollups: `H(71, position || item)`.
pub fn proposal_leaf(domain: &Domain, fate: &Fate) -> B256 {
    let mut out = Writer::default();
    out.put(&fate.position).hash(&fate.item);
    domain.hash(Tag::SettledProposal, out.as_slice())
}

/// Returns the leaf of an item in the outcome root of `network`: `H(72, ` [`settled_fate`] `)`.
pub fn fate_leaf(domain: &Domain, network: NetworkId, fate: &Fate) -> B256 {
    domain.hash(Tag::SettledFate, &settled_fate(network, fate))
}

/// Returns what is settled of an item on `network`: `position || item || legs there || removal`, each as an execution promise
/// holds it, so that a promise is compared with it byte for byte (P47). `Slasher.punishResult` takes it.
pub fn settled_fate(network: NetworkId, fate: &Fate) -> Vec<u8> {
    let mut out = Writer::default();
    out.put(&fate.position).hash(&fate.item);
    let own = || fate.legs.iter().filter(|leg| leg.network == network);
    out.len(own().count());
    own().for_each(|leg| _ = out.put(leg));
    out.bool(fate.removal.is_some());
    fate.removal.iter().for_each(|removal| _ = out.put(removal));
    out.finish()
}

/// Tells whether a promised result is about this item at this place, and is not what is settled of it on `network`: as
/// `Slasher.punishResult` decides it. Whether the promise binds (P48) is not looked at.
pub fn is_broken(promise: &ExecutionPromise, network: NetworkId, fate: &Fate) -> bool {
    let own = |leg: &&PromisedLeg| leg.network == network;
    let is_about = promise.position == fate.position && promise.item == fate.item;
    let is_same = promise.legs.iter().filter(own).eq(fate.legs.iter().filter(own))
        && promise.removal == fate.removal;
    is_about && !is_same
}
