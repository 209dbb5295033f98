//! What happens to accounts in a block, drawn at random.

use alloy_primitives::{Address, Bytes, U256, keccak256};
use proptest::prelude::*;
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};
use std::collections::BTreeMap;
use weft_evm::{AccountChange, MemoryState, StateChange};

pub(super) fn address(number: u8) -> Address {
    Address::from_word(keccak256([number]))
}

/// What happens to one account in a block.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Pay(u8),
    Store(Vec<(u8, u8)>),
    Recreate(Vec<(u8, u8)>),
    Delete,
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let slots = || prop::collection::vec((0_u8..60, prop_oneof![Just(0), 0_u8..4]), 0..30);
    prop_oneof![
        4 => any::<u8>().prop_map(Act::Pay),
        4 => slots().prop_map(Act::Store),
        1 => slots().prop_map(Act::Recreate),
        1 => Just(Act::Delete),
    ]
}

pub(super) type Block = BTreeMap<u8, Act>;

pub(super) fn block() -> impl Strategy<Value = Block> {
    prop::collection::btree_map(prop_oneof![0_u8..4, any::<u8>()], act(), 0..40)
}

pub(super) fn info(number: u8, state: &MemoryState) -> AccountInfo {
    let known = state.basic_ref(address(number)).unwrap();
    known.unwrap_or_else(|| {
        let code = Bytecode::new_raw(Bytes::from(vec![0x60, number % 4]));
        let is_contract = number.is_multiple_of(2);
        if is_contract {
            AccountInfo::new(U256::ZERO, 1, code.hash_slow(), code)
        } else {
            AccountInfo::default()
        }
    })
}

pub(super) fn change(number: u8, act: &Act, state: &MemoryState) -> AccountChange {
    let mut info = info(number, state);
    let mut change =
        AccountChange { wiped: state.account(&address(number)).is_none(), ..Default::default() };
    match act {
        Act::Pay(wei) => info.balance += U256::from(*wei),
        Act::Store(slots) => change.storage = storage(slots),
        Act::Recreate(slots) => {
            info.nonce += 1;
            change.wiped = true;
            change.storage = storage(slots);
        }
        Act::Delete => return AccountChange { info: None, wiped: true, ..Default::default() },
    }
    change.info = Some(info);
    change
}

pub(super) fn storage(slots: &[(u8, u8)]) -> BTreeMap<U256, U256> {
    slots.iter().map(|(key, value)| (U256::from(*key), U256::from(*value))).collect()
}

pub(super) fn changes(block: &Block, state: &MemoryState) -> StateChange {
    block.iter().map(|(number, act)| (address(*number), change(*number, act, state))).collect()
}
