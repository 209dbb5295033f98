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

/// Most that a rollup holds of a foreign token, in its smallest unit: 128 bits, as L1's bridge takes at once.
pub(crate) const MOST: U256 = U256::from_limbs([u64::MAX, u64::MAX, 0, 0]);

/// What a network got from other rollups less what it gave them, of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Net {
    /// True when it gave more than it got.
    pub is_given: bool,
    /// How much more.
    pub amount: U256,
}

impl Net {
    /// Returns what it is after `amount` more, saturating far above every supply.
    #[must_use]
    pub fn after(self, is_given: bool, amount: U256) -> Self {
        if self.is_given == is_given {
            return Self { is_given, amount: self.amount.saturating_add(amount) };
        }
        match self.amount.checked_sub(amount) {
            Some(U256::ZERO) => Self::default(),
            Some(amount) => Self { amount, ..self },
            None => Self { is_given, amount: amount - self.amount },
        }
    }
}

/// Running balances; a move that would make one negative does not happen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escrow {
    balances: BTreeMap<Key, U256>,
    /// What moved between rollups since it was last taken; none when nobody asked for it.
    moved: Option<BTreeMap<Key, Net>>,
    undo: Vec<Undo>,
}

/// What takes a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    Balance(Key, U256),
    Moved(Key, Net),
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
        Self { balances: own.map(|(key, balance)| (*key, *balance)).collect(), ..Self::default() }
    }

    /// Begins to remember what moves between rollups, for [`Self::take_moved`].
    pub fn remember_moves(&mut self) {
        self.moved.get_or_insert_default();
    }

    /// Returns what moved between rollups since the last call, by network and token, a token's own network left out: it
    /// gave what the others got together. What came from L1 or went there is not in it.
    pub fn take_moved(&mut self) -> BTreeMap<(NetworkId, TokenId), Net> {
        let mut moved = self.moved.as_mut().map(core::mem::take).unwrap_or_default();
        moved.retain(|_, net| !net.amount.is_zero());
        moved
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

    /// Gives `amount` to `network` when it is foreign there, up to 2^128 - 1 in all.
    ///
    /// What exceeds it is lost. Only a token whose contract lies about amounts comes so far, and on L1 exits that wait add
    /// up to what a rollup has: with 128 bits here no sum there exceeds 256.
    pub fn give(&mut self, network: NetworkId, token: TokenId, amount: U256) {
        let balance = self.balance(network, token);
        if token.network != network && !amount.is_zero() && balance < MOST {
            self.write((network, token), balance.saturating_add(amount).min(MOST));
        }
    }

    /// Gives `to` what was taken from `from`, and remembers that it moved.
    pub fn pass(&mut self, from: NetworkId, to: NetworkId, token: TokenId, amount: U256) {
        let before = self.balance(to, token);
        self.give(to, token, amount);
        if self.moved.is_none() || [from, to].contains(&NetworkId::L1) || amount.is_zero() {
            return;
        }
        // What did not fit was not given, so L1 must not count it either.
        let is_native = token.network == to;
        let given = if is_native { amount } else { self.balance(to, token) - before };
        for (network, is_given) in [(from, true), (to, false)] {
            if network != token.network {
                self.note((network, token), is_given, given);
            }
        }
    }

    fn note(&mut self, key: Key, is_given: bool, amount: U256) {
        let Some(moved) = &mut self.moved else { return };
        let net = moved.entry(key).or_default();
        self.undo.push(Undo::Moved(key, *net));
        *net = net.after(is_given, amount);
    }

    fn write(&mut self, key: Key, balance: U256) {
        let old = self.put(key, balance);
        self.undo.push(Undo::Balance(key, old));
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
            match self.undo.pop().expect("longer than the mark") {
                Undo::Balance(key, old) => {
                    self.put(key, old);
                }
                Undo::Moved(key, old) => {
                    self.moved.iter_mut().for_each(|moved| _ = moved.insert(key, old));
                }
            }
        }
    }

    /// Forgets how to take anything back; called when an item is decided.
    pub(crate) fn settle(&mut self) {
        self.undo.clear();
    }
}
