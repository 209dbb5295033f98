//! What one block overwrote.

use crate::{
    entry::{Account, Input, put_account, put_number},
    error::StoreError,
};
use alloy_primitives::{Address, U256};
use std::{collections::BTreeMap, sync::Arc};

/// An account before a block: itself, and the slots that the block wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) account: Option<Account>,
    pub(crate) slots: BTreeMap<U256, U256>,
}

/// What a block overwrote, by address.
pub(crate) type Overwritten = BTreeMap<Address, Before>;

/// What a block overwrote, in the bytes in which it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Undo {
    bytes: Arc<[u8]>,
    /// Where each account begins, by address.
    index: Vec<(Address, u32)>,
}

/// Encodes what a block overwrote.
pub(crate) fn encode(overwritten: &Overwritten) -> Vec<u8> {
    let mut out = Vec::new();
    for (address, before) in overwritten {
        out.extend(address);
        out.push(u8::from(before.account.is_some()));
        before.account.iter().for_each(|account| put_account(&mut out, account));
        let mut slots = Vec::new();
        for (key, value) in &before.slots {
            put_number(&mut slots, *key);
            put_number(&mut slots, *value);
        }
        out.extend((slots.len() as u32).to_be_bytes());
        out.extend(slots);
    }
    out
}

impl Undo {
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let mut input = Input(&bytes);
        let mut index = Vec::new();
        while !input.0.is_empty() {
            let address = input.address()?;
            if index.last().is_some_and(|(last, _)| *last >= address) {
                return Err(StoreError::corrupt("overwritten accounts out of order"));
            }
            index.push((address, (bytes.len() - input.0.len()) as u32));
            account(&mut input)?;
            let length = input.u32()?;
            input.take(length as usize)?;
        }
        Ok(Self { bytes: bytes.into(), index })
    }

    /// Returns an account before the block; `None` when the block did not write it.
    pub(crate) fn account(&self, address: Address) -> Result<Option<Option<Account>>, StoreError> {
        self.at(address).map(|mut input| account(&mut input)).transpose()
    }

    /// Returns a slot before the block; `None` when the block did not write it.
    pub(crate) fn slot(&self, address: Address, key: U256) -> Result<Option<U256>, StoreError> {
        let Some(mut input) = self.at(address) else { return Ok(None) };
        account(&mut input)?;
        let length = input.u32()? as usize;
        let mut slots = Input(input.take(length)?);
        while !slots.0.is_empty() {
            let (found, value) = (slots.number()?, slots.number()?);
            if found >= key {
                return Ok((found == key).then_some(value));
            }
        }
        Ok(None)
    }

    /// Returns everything.
    pub(crate) fn decode(&self) -> Result<Overwritten, StoreError> {
        let before = |(address, _): &(Address, u32)| {
            let mut input = self.at(*address).expect("the index names what is there");
            let account = account(&mut input)?;
            Ok((*address, Before { account, slots: slots(&mut input)? }))
        };
        self.index.iter().map(before).collect()
    }

    fn at(&self, address: Address) -> Option<Input<'_>> {
        let place = self.index.binary_search_by_key(&address, |entry| entry.0).ok()?;
        Some(Input(&self.bytes[self.index[place].1 as usize..]))
    }
}

fn account(input: &mut Input<'_>) -> Result<Option<Account>, StoreError> {
    match input.byte()? {
        0 => Ok(None),
        1 => input.account().map(Some),
        _ => Err(StoreError::corrupt("an overwritten account that is neither there nor absent")),
    }
}

fn slots(input: &mut Input<'_>) -> Result<BTreeMap<U256, U256>, StoreError> {
    let length = input.u32()? as usize;
    let mut input = Input(input.take(length)?);
    let mut slots = BTreeMap::new();
    while !input.0.is_empty() {
        slots.insert(input.number()?, input.number()?);
    }
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY};
    use proptest::prelude::*;

    fn overwritten() -> impl Strategy<Value = Overwritten> {
        let account = prop::option::of(any::<(u64, u64)>()).prop_map(|account| {
            account.map(|(balance, nonce)| Account {
                balance: U256::from(balance),
                nonce,
                code_hash: KECCAK_EMPTY,
                storage_root: EMPTY_ROOT_HASH,
            })
        });
        let slots = prop::collection::btree_map(any::<u64>(), any::<u64>(), 0..4);
        let before = (account, slots).prop_map(|(account, slots)| Before {
            account,
            slots: slots
                .into_iter()
                .map(|(key, value)| (U256::from(key), U256::from(value)))
                .collect(),
        });
        let address = any::<u8>().prop_map(Address::with_last_byte);
        prop::collection::btree_map(address, before, 0..5)
    }

    proptest! {
        #[test]
        fn what_was_overwritten_comes_back(overwritten in overwritten()) {
            let undo = Undo::new(encode(&overwritten)).unwrap();
            prop_assert_eq!(&undo.decode().unwrap(), &overwritten);
            for last in 0..=255 {
                let address = Address::with_last_byte(last);
                let before = overwritten.get(&address);
                let account = before.map(|before| before.account.clone());
                prop_assert_eq!(undo.account(address).unwrap(), account);
                for (key, value) in before.iter().flat_map(|before| &before.slots) {
                    prop_assert_eq!(undo.slot(address, *key).unwrap(), Some(*value));
                }
                prop_assert_eq!(undo.slot(address, U256::MAX).unwrap(), None);
            }
        }

        #[test]
        fn nonsense_is_an_error(bytes: Vec<u8>) {
            if let Ok(undo) = Undo::new(bytes) {
                let _ = undo.decode();
            }
        }
    }
}
