//! What a signature can be about.

use crate::{
    chain::chain_start,
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::{Domain, Tag},
    ids::{Position, Section, SlotNumber},
    promise::{BundlePromise, Checkpoint, ExecutionPromise, OrderPromise},
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// What the sequencer says about its lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Statement {
    /// An item has a position.
    Order(OrderPromise),
    /// An item has a result.
    Execution(ExecutionPromise),
    /// The feed got this far.
    Checkpoint(Checkpoint),
    /// The envelopes of a bundle have positions in one epoch.
    Bundle(BundlePromise),
}

/// One fact about the running chains that a statement commits to. A sequencer has one value for each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// Running hash of a section after its first `count` items.
    Chain(SlotNumber, Section, u32),
    /// Hash of the record that closed the slot before.
    Parent(SlotNumber),
    /// Item at a position.
    Item(Position),
}

impl Statement {
    /// Returns the leaf that stands for the statement in the tree of its group (P1, P14).
    pub fn leaf(&self, domain: &Domain) -> B256 {
        let mut out = Writer::default();
        let tag = match self {
            Self::Order(promise) => (promise.encode_to(&mut out), Tag::OrderPromise).1,
            Self::Execution(promise) => (promise.encode_to(&mut out), Tag::ExecutionPromise).1,
            Self::Checkpoint(checkpoint) => (checkpoint.encode_to(&mut out), Tag::Checkpoint).1,
            Self::Bundle(promise) => (promise.encode_to(&mut out), Tag::BundlePromise).1,
        };
        domain.hash(tag, out.as_slice())
    }

    /// Returns why the statement contradicts itself, if it does.
    pub fn flaw(&self, domain: &Domain) -> Option<&'static str> {
        match self {
            Self::Order(promise) => promise.flaw(domain),
            Self::Execution(promise) => promise.flaw(),
            Self::Checkpoint(Checkpoint { slot, section, count: 0, chain, .. })
                if *chain != chain_start(domain, *slot, *section) =>
            {
                Some("an empty section does not end where its chain starts")
            }
            Self::Checkpoint(_) => None,
            Self::Bundle(promise) => promise.flaw(domain),
        }
    }

    /// Returns the item that the statement is about, where it is about one alone.
    pub const fn item(&self) -> Option<B256> {
        match self {
            Self::Order(promise) => Some(promise.item),
            Self::Execution(promise) => Some(promise.item),
            Self::Checkpoint(_) | Self::Bundle(_) => None,
        }
    }

    /// Returns what the statement commits to about the chains of the lane.
    pub fn claims(&self) -> Vec<(Claim, B256)> {
        match self {
            Self::Order(promise) => order_claims(promise),
            Self::Execution(promise) => item_claims(promise.position, promise.item, promise.chain),
            Self::Checkpoint(Checkpoint { slot, parent, section, count, chain, .. }) => {
                let claims = [
                    (Claim::Parent(*slot), *parent),
                    (Claim::Chain(*slot, *section, *count), *chain),
                ];
                claims.into()
            }
            Self::Bundle(promise) => {
                let orders = promise.places.iter().map(|place| place.order(promise.unix_ms));
                orders.flat_map(|order| order_claims(&order)).collect()
            }
        }
    }
}

fn order_claims(promise: &OrderPromise) -> Vec<(Claim, B256)> {
    let mut claims = item_claims(promise.position, promise.item, promise.chain);
    let Position { slot, section, index } = promise.position;
    if section != Section::L1Born {
        claims.push((Claim::Chain(slot, section, index), promise.prev_chain));
    }
    claims
}

fn item_claims(position: Position, item: B256, chain: B256) -> Vec<(Claim, B256)> {
    let Position { slot, section, index } = position;
    let mut claims = Vec::from([(Claim::Item(position), item)]);
    // No section holds 2^32 items; a promise that says so claims nothing about the chain after it.
    if let Some(count) = index.checked_add(1).filter(|_| section != Section::L1Born) {
        claims.push((Claim::Chain(slot, section, count), chain));
    }
    claims
}

impl Encode for Statement {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Order(promise) => out.u8(0).put(promise),
            Self::Execution(promise) => out.u8(1).put(promise),
            Self::Checkpoint(checkpoint) => out.u8(2).put(checkpoint),
            Self::Bundle(promise) => out.u8(3).put(promise),
        };
    }
}

impl Decode for Statement {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => Self::Order(input.get()?),
            1 => Self::Execution(input.get()?),
            2 => Self::Checkpoint(input.get()?),
            3 => Self::Bundle(input.get()?),
            found => return Err(CodecError::Tag { what: "statement", found }),
        })
    }
}
