//! Escrow: what each rollup holds of tokens that are not its own (P24).

use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{Address, U256};
use weft_types::{NetworkId, TokenMove};

/// A token by the network where it is native. Ether is network 0, address 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId {
    /// Network where the token is native.
    pub network: NetworkId,
    /// Address there; zero for ether.
    pub token: Address,
}

impl TokenId {
    /// Ether.
    pub const ETHER: Self = Self { network: NetworkId::L1, token: Address::ZERO };

    /// Returns the token that `moved` moves.
    pub const fn of(moved: &TokenMove) -> Self {
        Self { network: moved.network, token: moved.token }
    }
}

type Key = (NetworkId, TokenId);

/// Running balances; a move that would make one negative does not happen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escrow {
    balances: BTreeMap<Key, U256>,
    undo: Vec<(Key, U256)>,
}

impl Escrow {
    /// Returns what `network` holds of `token`.
    pub fn balance(&self, network: NetworkId, token: TokenId) -> U256 {
        self.balances.get(&(network, token)).copied().unwrap_or_default()
    }

    /// Sets a balance outright: genesis, and development cheats that make ether out of nothing.
    pub fn set(&mut self, network: NetworkId, token: TokenId, balance: U256) {
        self.put((network, token), balance);
    }

    /// Returns the balances of one rollup alone.
    pub fn of(&self, network: NetworkId) -> Self {
        let own = self.balances.iter().filter(|((owner, _), _)| *owner == network);
        Self { balances: own.map(|(key, balance)| (*key, *balance)).collect(), undo: Vec::new() }
    }

    /// Returns every balance, in order.
    pub fn iter(&self) -> impl Iterator<Item = (NetworkId, TokenId, U256)> + '_ {
        self.balances.iter().map(|((network, token), balance)| (*network, *token, *balance))
    }

    /// Takes `amount` from `network` when it is foreign there.
    ///
    /// Returns false, changing nothing, when the balance does not cover it.
    #[must_use]
    pub fn take(&mut self, network: NetworkId, token: TokenId, amount: U256) -> bool {
        if token.network == network || amount.is_zero() {
            return true;
        }
        match self.balance(network, token).checked_sub(amount) {
            Some(rest) => {
                self.write((network, token), rest);
                true
            }
            None => false,
        }
    }

    /// Gives `amount` to `network` when it is foreign there.
    ///
    /// Saturates: no rollup can be given more than was taken from others, whose sum fits 256 bits.
    pub fn give(&mut self, network: NetworkId, token: TokenId, amount: U256) {
        if token.network != network && !amount.is_zero() {
            let sum = self.balance(network, token).saturating_add(amount);
            self.write((network, token), sum);
        }
    }

    fn write(&mut self, key: Key, balance: U256) {
        let old = self.put(key, balance);
        self.undo.push((key, old));
    }

    /// Writes a balance; a zero one is not kept, so that equal escrows compare equal.
    fn put(&mut self, key: Key, balance: U256) -> U256 {
        let old = if balance.is_zero() {
            self.balances.remove(&key)
        } else {
            self.balances.insert(key, balance)
        };
        old.unwrap_or_default()
    }

    /// Returns the current point.
    pub(crate) const fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Takes back everything since `mark`.
    pub(crate) fn undo_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            let (key, old) = self.undo.pop().expect("longer than the mark");
            self.put(key, old);
        }
    }

    /// Forgets how to take anything back; called when an item is decided.
    pub(crate) fn settle(&mut self) {
        self.undo.clear();
    }
}
