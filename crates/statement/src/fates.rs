//! Leaves of a rollup's two roots: what was proposed to it, and what became of that.

use alloy_primitives::B256;
use weft_derive::Fate;
use weft_types::{Domain, NetworkId, Tag, Writer};

/// Returns the leaf of an item in the proposal root of its rollups: `H(71, position || item)`.
pub fn proposal_leaf(domain: &Domain, fate: &Fate) -> B256 {
    let mut out = Writer::default();
    out.put(&fate.position).hash(&fate.item);
    domain.hash(Tag::SettledProposal, out.as_slice())
}

/// Returns the leaf of an item in the outcome root of `network`: `H(72, position || item || legs there || removal)`, each
/// as an execution promise holds it, so that a promise is compared with it byte for byte (P47).
pub fn fate_leaf(domain: &Domain, network: NetworkId, fate: &Fate) -> B256 {
    let mut out = Writer::default();
    out.put(&fate.position).hash(&fate.item);
    let own = || fate.legs.iter().filter(|leg| leg.network == network);
    out.len(own().count());
    own().for_each(|leg| _ = out.put(leg));
    out.bool(fate.removal.is_some());
    fate.removal.iter().for_each(|removal| _ = out.put(removal));
    domain.hash(Tag::SettledFate, out.as_slice())
}
