//! What a network holds of tokens that are foreign to it (P24, P42).

use crate::sparse::{SparseTree, low_bits_first};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};

/// A token, by where it is native.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// Network on which it is native: a chain id, 0 for L1.
    pub network: u32,
    /// Its address there; zero for L1's ether.
    pub address: Address,
}

impl Token {
    /// L1's ether.
    pub const ETHER: Self = Self { network: 0, address: Address::ZERO };

    /// Returns the path in the balance tree: 32 bits of the network, lowest first, then those of each byte of the address.
    pub fn key(&self) -> Vec<bool> {
        let network = self.network.to_le_bytes();
        low_bits_first(&network).chain(low_bits_first(self.address.as_slice())).collect()
    }
}

/// AggLayer's local balance tree: depth 192.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BalanceTree(SparseTree<192>);

impl BalanceTree {
    /// Returns the balance of a token.
    pub fn balance(&self, token: &Token) -> U256 {
        self.0.get(&token.key()).into()
    }

    /// Sets the balance of a token.
    pub fn set(&mut self, token: &Token, balance: U256) {
        self.0.set(token.key(), B256::from(balance));
    }

    /// Adds to a balance; nothing, and no change, when it gets too large.
    pub fn add(&mut self, token: &Token, amount: U256) -> Option<U256> {
        let balance = self.balance(token).checked_add(amount)?;
        self.set(token, balance);
        Some(balance)
    }

    /// Takes from a balance; nothing, and no change, when there is too little.
    pub fn take(&mut self, token: &Token, amount: U256) -> Option<U256> {
        let balance = self.balance(token).checked_sub(amount)?;
        self.set(token, balance);
        Some(balance)
    }

    /// Returns the root.
    pub fn root(&self) -> B256 {
        self.0.root()
    }

    /// Returns the siblings of a token, from the root down.
    pub fn siblings(&self, token: &Token) -> Vec<B256> {
        self.0.siblings(&token.key())
    }
}
