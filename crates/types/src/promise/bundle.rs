//! The promise that envelopes of one epoch have their positions together.

use crate::{
    bundle::MAX_LEGS,
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::Domain,
    ids::{Position, Section},
    promise::{OrderPromise, order::chain_flaw},
};
use alloc::{collections::BTreeSet, vec::Vec};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Promise that all envelopes of a bundle have positions in one epoch, for good (P14).
///
/// It says of each position what its order promise says, so whatever contradicts one of those contradicts this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundlePromise {
    /// Epoch whose envelopes these are.
    pub epoch: u64,
    /// Positions, ascending; two at least, and no more than a bundle has legs.
    pub places: Vec<PromisedPlace>,
    /// When it was signed, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

/// Position of one envelope of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromisedPlace {
    /// Position, in the sealed section.
    pub position: Position,
    /// Id of the envelope.
    pub item: B256,
    /// Running hash of the section before the envelope.
    pub prev_chain: B256,
    /// Running hash of the section after the envelope.
    pub chain: B256,
}

impl PromisedPlace {
    /// Returns the promise of this position alone, as far as a bundle's promise says it.
    pub const fn order(&self, unix_ms: u64) -> OrderPromise {
        let Self { position, item, prev_chain, chain } = *self;
        OrderPromise { position, item, prev_chain, chain, unix_ms, l1_deadline: 0, bundle: None }
    }
}

impl From<&OrderPromise> for PromisedPlace {
    fn from(order: &OrderPromise) -> Self {
        let OrderPromise { position, item, prev_chain, chain, .. } = *order;
        Self { position, item, prev_chain, chain }
    }
}

impl BundlePromise {
    /// Returns why the promise contradicts itself, if it does: nobody can keep it.
    pub fn flaw(&self, domain: &Domain) -> Option<&'static str> {
        if !(2..=MAX_LEGS).contains(&self.places.len()) {
            return Some("a bundle of several envelopes has 2 to 64 of them");
        }
        if self.places.iter().any(|place| place.position.section != Section::Sealed) {
            return Some("an envelope has its position in the sealed section");
        }
        let items: BTreeSet<_> = self.places.iter().map(|place| place.item).collect();
        if items.len() < self.places.len() {
            return Some("an envelope stands twice in its bundle");
        }
        let mut pairs = self.places.windows(2);
        pairs.find_map(|pair| pair_flaw(&pair[0], &pair[1])).or_else(|| {
            let mut places = self.places.iter();
            places.find_map(|it| chain_flaw(domain, it.position, &it.item, it.prev_chain, it.chain))
        })
    }
}

fn pair_flaw(one: &PromisedPlace, next: &PromisedPlace) -> Option<&'static str> {
    if one.position >= next.position {
        return Some("the positions of a bundle are not in increasing order");
    }
    let are_neighbours = one.position.slot == next.position.slot
        && one.position.index.checked_add(1) == Some(next.position.index);
    (are_neighbours && one.chain != next.prev_chain)
        .then_some("the chain between two positions is not one")
}

impl Encode for BundlePromise {
    fn encode_to(&self, out: &mut Writer) {
        out.number(self.epoch).list(&self.places).number(self.unix_ms);
    }
}

impl Decode for BundlePromise {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: input.number()?,
            places: input.bounded_list(MAX_LEGS)?,
            unix_ms: input.number()?,
        })
    }
}

impl Encode for PromisedPlace {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.position).hash(&self.item).hash(&self.prev_chain).hash(&self.chain);
    }
}

impl Decode for PromisedPlace {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            position: input.get()?,
            item: input.hash()?,
            prev_chain: input.hash()?,
            chain: input.hash()?,
        })
    }
}
