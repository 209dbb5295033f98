//! A lane that makes statements.

use alloy_primitives::{B256, b256, keccak256};
use weft_promise::{LocalSigner, Signer as _};
use weft_types::{
    Checkpoint, Domain, ExecutionPromise, OrderPromise, Position, Section, SlotNumber, Statement,
    chain_next, chain_start,
};

pub(crate) const KEY: B256 =
    b256!("0x00000000000000000000000000000000000000000000000000000000feedbeef");

pub(crate) fn signer() -> LocalSigner {
    LocalSigner::new(&KEY).unwrap()
}

pub(crate) fn key() -> alloy_primitives::Address {
    signer().address()
}

/// Returns the first promises of a slot; `seed` makes other items.
pub(crate) fn orders(slot: u64, count: u32, seed: u8) -> Vec<OrderPromise> {
    let slot = SlotNumber::new(slot);
    let mut chain = chain_start(&Domain::dev(), slot, Section::Plaintext);
    let next = |index: u32| {
        let (item, prev_chain) = (keccak256([seed, index as u8]), chain);
        chain = chain_next(&prev_chain, index, &item);
        let position = Position { slot, section: Section::Plaintext, index };
        OrderPromise { position, item, prev_chain, chain, unix_ms: 1, l1_deadline: 0, bundle: None }
    };
    (0..count).map(next).collect()
}

pub(crate) fn result(order: &OrderPromise) -> Statement {
    Statement::Execution(ExecutionPromise {
        position: order.position,
        item: order.item,
        chain: order.chain,
        l1_origin: B256::ZERO,
        legs: Vec::new(),
        removal: None,
    })
}

pub(crate) fn checkpoint(slot: u64, count: u32, chain: B256, parent: B256) -> Statement {
    let (slot, section) = (SlotNumber::new(slot), Section::Plaintext);
    Statement::Checkpoint(Checkpoint { slot, parent, section, count, chain, unix_ms: 1 })
}
