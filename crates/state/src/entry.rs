//! Accounts and slots as bytes.
//!
//! Entries stand under hashed keys, so each begins with the address or key itself: dumps list them, and the way back
//! from a block names them.

use crate::error::StoreError;
use alloy_primitives::{Address, B256, U256};
use alloy_rlp::Encodable;
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY, TrieAccount};
use revm::state::AccountInfo;

/// Nibble that says how many bytes the nonce has.
const NONCE_BYTES: u8 = 0x0f;
/// Flag: the account has code.
const HAS_CODE: u8 = 0x10;
/// Flag: the code hash is zero, which stands for no code where nothing may be created (EIP-7610).
const ZERO_CODE_HASH: u8 = 0x20;
/// Flag: the account has storage.
const HAS_STORAGE: u8 = 0x40;

/// An account as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) balance: U256,
    pub(crate) nonce: u64,
    pub(crate) code_hash: B256,
    pub(crate) storage_root: B256,
}

impl Account {
    pub(crate) const fn new(info: &AccountInfo, storage_root: B256) -> Self {
        let AccountInfo { balance, nonce, code_hash, .. } = *info;
        Self { balance, nonce, code_hash, storage_root }
    }

    pub(crate) fn encode(&self, address: Address) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend(address);
        put_account(&mut out, self);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<(Address, Self), StoreError> {
        let mut input = Input(bytes);
        let address = input.address()?;
        let account = input.account()?;
        input.end()?;
        Ok((address, account))
    }

    /// Returns what the account trie holds.
    pub(crate) fn rlp(&self, out: &mut Vec<u8>) {
        let Self { balance, nonce, mut code_hash, storage_root } = *self;
        if code_hash.is_zero() {
            code_hash = KECCAK_EMPTY;
        }
        TrieAccount { nonce, balance, storage_root, code_hash }.encode(out);
    }
}

/// Writes an account without its address.
pub(crate) fn put_account(out: &mut Vec<u8>, account: &Account) {
    let nonce = trimmed(&account.nonce.to_be_bytes()).len();
    let mut head = nonce as u8;
    let has_code = account.code_hash != KECCAK_EMPTY && !account.code_hash.is_zero();
    let has_storage = account.storage_root != EMPTY_ROOT_HASH;
    head |= if has_code { HAS_CODE } else { 0 };
    head |= if account.code_hash.is_zero() { ZERO_CODE_HASH } else { 0 };
    head |= if has_storage { HAS_STORAGE } else { 0 };
    out.push(head);
    out.extend(trimmed(&account.nonce.to_be_bytes()));
    put_number(out, account.balance);
    if has_code {
        out.extend(account.code_hash);
    }
    if has_storage {
        out.extend(account.storage_root);
    }
}

/// Writes a number: how many bytes, then the bytes.
pub(crate) fn put_number(out: &mut Vec<u8>, number: U256) {
    let bytes = number.to_be_bytes::<32>();
    let bytes = trimmed(&bytes);
    out.push(bytes.len() as u8);
    out.extend(bytes);
}

/// Encodes a slot that is not zero.
pub(crate) fn encode_slot(key: U256, value: U256) -> Vec<u8> {
    let mut out = Vec::with_capacity(66);
    put_number(&mut out, key);
    put_number(&mut out, value);
    out
}

/// Decodes key and value of a slot.
pub(crate) fn decode_slot(bytes: &[u8]) -> Result<(U256, U256), StoreError> {
    let mut input = Input(bytes);
    let slot = (input.number()?, input.number()?);
    input.end()?;
    Ok(slot)
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// Bytes that are being decoded.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or_else(|| StoreError::corrupt("a short entry"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, StoreError> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, StoreError> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StoreError> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(crate) fn address(&mut self) -> Result<Address, StoreError> {
        Ok(Address::from_slice(self.take(20)?))
    }

    pub(crate) fn hash(&mut self) -> Result<B256, StoreError> {
        Ok(B256::from_slice(self.take(32)?))
    }

    pub(crate) fn number(&mut self) -> Result<U256, StoreError> {
        let length = usize::from(self.byte()?);
        U256::try_from_be_slice(self.take(length)?)
            .ok_or_else(|| StoreError::corrupt("a number of more than 256 bits"))
    }

    pub(crate) fn account(&mut self) -> Result<Account, StoreError> {
        let head = self.byte()?;
        let nonce = U256::try_from_be_slice(self.take(usize::from(head & NONCE_BYTES))?);
        let nonce = nonce.and_then(|nonce| u64::try_from(nonce).ok());
        let nonce = nonce.ok_or_else(|| StoreError::corrupt("a nonce of more than 64 bits"))?;
        let balance = self.number()?;
        let code_hash = match head & (HAS_CODE | ZERO_CODE_HASH) {
            0 => KECCAK_EMPTY,
            HAS_CODE => self.hash()?,
            ZERO_CODE_HASH => B256::ZERO,
            _ => return Err(StoreError::corrupt("an account with two code hashes")),
        };
        let has_storage = head & HAS_STORAGE != 0;
        let storage_root = if has_storage { self.hash()? } else { EMPTY_ROOT_HASH };
        Ok(Account { balance, nonce, code_hash, storage_root })
    }

    pub(crate) fn end(&self) -> Result<(), StoreError> {
        match self.0 {
            [] => Ok(()),
            _ => Err(StoreError::corrupt("an entry with bytes left over")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account() -> impl Strategy<Value = Account> {
        let hash =
            |special: B256| prop_oneof![Just(special), any::<[u8; 32]>().prop_map(B256::from)];
        let balance = prop_oneof![Just(0), Just(1), any::<u128>()];
        let nonce = prop_oneof![0_u64..300, any::<u64>()];
        (balance, nonce, hash(KECCAK_EMPTY), hash(EMPTY_ROOT_HASH), any::<bool>()).prop_map(
            |(balance, nonce, code_hash, storage_root, zero)| Account {
                balance: U256::from(balance),
                nonce,
                code_hash: if zero { B256::ZERO } else { code_hash },
                storage_root,
            },
        )
    }

    proptest! {
        #[test]
        fn accounts_come_back(account in account(), address: [u8; 20]) {
            let address = Address::from(address);
            let bytes = account.encode(address);
            prop_assert_eq!(Account::decode(&bytes).unwrap(), (address, account));
            for length in 0..bytes.len() {
                prop_assert!(Account::decode(&bytes[..length]).is_err());
            }
        }

        #[test]
        fn slots_come_back(key: [u8; 32], value: u128) {
            let slot = (U256::from_be_bytes(key), U256::from(value));
            prop_assert_eq!(decode_slot(&encode_slot(slot.0, slot.1)).unwrap(), slot);
        }

        #[test]
        fn nonsense_is_an_error(bytes: Vec<u8>) {
            let _ = Account::decode(&bytes);
            let _ = decode_slot(&bytes);
        }
    }
}
