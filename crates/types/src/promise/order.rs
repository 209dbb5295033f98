//! The promise of a position.

use crate::{
    bundle::BundleId,
    chain::{chain_next, chain_start},
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::Domain,
    ids::{Position, Section},
};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Promise that an item has a position, for good (P14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPromise {
    /// Position.
    pub position: Position,
    /// Hash of the item.
    pub item: B256,
    /// Running hash of the section before the item; zero in the section of L1-born items, which has no chain.
    pub prev_chain: B256,
    /// Running hash of the section after the item; zero in the section of L1-born items.
    pub chain: B256,
    /// When it was accepted, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Last L1 block by which the slot must be on L1; zero when no time is promised.
    pub l1_deadline: u64,
    /// Id of the bundle that the item is.
    pub bundle: Option<BundleId>,
}

impl OrderPromise {
    /// Returns why the promise contradicts itself, if it does: nobody can keep it.
    pub fn flaw(&self, domain: &Domain) -> Option<&'static str> {
        if self.position.section == Section::L1Born {
            let is_unchained = self.prev_chain.is_zero() && self.chain.is_zero();
            return (!is_unchained).then_some("items born on L1 have no chain");
        }
        chain_flaw(domain, self.position, &self.item, self.prev_chain, self.chain)
    }
}

/// Returns why running hashes before and after an item cannot be those of its position.
pub(super) fn chain_flaw(
    domain: &Domain,
    position: Position,
    item: &B256,
    prev_chain: B256,
    chain: B256,
) -> Option<&'static str> {
    let Position { slot, section, index } = position;
    if index == 0 && prev_chain != chain_start(domain, slot, section) {
        return Some("the first item of a section does not follow the start of its chain");
    }
    let follows = chain == chain_next(&prev_chain, index, item);
    (!follows).then_some("the chain does not follow from the item")
}

impl Encode for OrderPromise {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.position).hash(&self.item).hash(&self.prev_chain).hash(&self.chain);
        out.number(self.unix_ms).number(self.l1_deadline).bool(self.bundle.is_some());
        if let Some(bundle) = self.bundle {
            out.hash(&bundle.hash());
        }
    }
}

impl Decode for OrderPromise {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            position: input.get()?,
            item: input.hash()?,
            prev_chain: input.hash()?,
            chain: input.hash()?,
            unix_ms: input.number()?,
            l1_deadline: input.number()?,
            bundle: if input.bool()? { Some(BundleId::new(input.hash()?)) } else { None },
        })
    }
}
