//! Accounts from which development helpers may send without their keys.

use crate::rpc::errors::{RpcError, RpcResult};
use alloy_consensus::{SignableTransaction, TxEnvelope, TypedTransaction};
use alloy_primitives::{Address, Signature, U256};
use std::collections::BTreeSet;
use weft_types::SignedTx;

/// Most accounts at a time.
const MOST: usize = 1_024;

/// Which accounts are impersonated, on all rollups.
#[derive(Debug, Default)]
pub(crate) struct Impersonated {
    named: BTreeSet<Address>,
    is_all: bool,
}

impl Impersonated {
    pub(crate) fn add(&mut self, account: Address) -> RpcResult<()> {
        if self.named.len() >= MOST && !self.named.contains(&account) {
            return Err(RpcError::limit(format!("{MOST} accounts are impersonated")));
        }
        self.named.insert(account);
        Ok(())
    }

    /// Ends it for an account; false when it was not named.
    pub(crate) fn remove(&mut self, account: Address) -> bool {
        self.named.remove(&account)
    }

    /// Says whether every account is.
    pub(crate) const fn all(&mut self, is_all: bool) {
        self.is_all = is_all;
    }

    /// Returns true when an account may be sent from.
    pub(crate) fn is(&self, account: Address) -> bool {
        self.is_all || self.named.contains(&account)
    }

    /// Returns the transaction as if `account` had signed it, if it is impersonated. The place of the signature names the
    /// account, so that equal transactions of two accounts have two hashes.
    pub(crate) fn sign(&self, account: Address, tx: &TypedTransaction) -> Option<SignedTx> {
        if !self.is(account) {
            return None;
        }
        let r = U256::from_be_bytes(account.into_word().0);
        let signed: TxEnvelope = tx.clone().into_signed(Signature::new(r, U256::ONE, false)).into();
        Some(SignedTx::impersonated(signed, account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::TxEip1559;
    use alloy_primitives::address;

    const ALICE: Address = address!("0x00000000000000000000000000000000000a11ce");
    const BOB: Address = address!("0x0000000000000000000000000000000000000b0b");

    #[test]
    fn only_who_is_named_is_impersonated() {
        let tx = TypedTransaction::Eip1559(TxEip1559 { chain_id: 901, ..TxEip1559::default() });
        let mut accounts = Impersonated::default();
        assert!(accounts.sign(ALICE, &tx).is_none());
        accounts.add(ALICE).unwrap();
        assert_eq!(accounts.sign(ALICE, &tx).unwrap().sender(), ALICE);
        assert!(accounts.sign(BOB, &tx).is_none());
        assert!(accounts.remove(ALICE));
        assert!(!accounts.remove(ALICE));
        assert!(accounts.sign(ALICE, &tx).is_none());
        accounts.all(true);
        let (alice, bob) = (accounts.sign(ALICE, &tx).unwrap(), accounts.sign(BOB, &tx).unwrap());
        assert_ne!(alice.hash(), bob.hash());
    }

    #[test]
    fn there_is_a_bound() {
        let mut accounts = Impersonated::default();
        for number in 0..MOST as u64 {
            accounts.add(Address::left_padding_from(&number.to_be_bytes())).unwrap();
        }
        assert_eq!(accounts.add(ALICE).unwrap_err().code, -32005);
        accounts.add(Address::ZERO).unwrap();
    }
}
