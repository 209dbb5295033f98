//! Signed transactions of many senders, the same for every node.

use crate::accounts::{self, sign};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolValue};
use eyre::Result;
use std::thread;
use weft_contracts::CrossChainToken;

/// Wei per unit of gas that every transaction offers at most.
const MAX_FEE: u128 = 200_000_000_000;
/// Wei that each sender begins with.
const BALANCE: u128 = 30_000_000_000_000_000_000;
/// What all senders get together at most: the funder has a little more.
const FUNDS: u128 = 9_900_000_000_000_000_000_000;
/// Gas limit of a token transfer.
const TOKEN_GAS: u64 = 70_000;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One wei to another sender.
    Ether,
    /// One unit of an ERC-20 token to another sender.
    Token,
}

/// A signed transaction.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) raw: Bytes,
    pub(crate) hash: B256,
}

impl Signed {
    /// Returns the transaction in hexadecimal.
    pub(crate) fn hex(&self) -> String {
        hex::encode_prefixed(&self.raw)
    }
}

/// Senders, and what is needed before they can send.
#[derive(Debug)]
pub(crate) struct Senders {
    chain_id: u64,
    funder: PrivateKeySigner,
    keys: Vec<PrivateKeySigner>,
}

impl Senders {
    /// Makes `count` senders for a chain.
    pub(crate) fn new(chain_id: u64, count: usize) -> Self {
        let key = |index: usize| {
            let secret =
                keccak256([b"weft bench sender ", index.to_be_bytes().as_slice()].concat());
            PrivateKeySigner::from_bytes(&secret).expect("a hash is a key")
        };
        Self { chain_id, funder: accounts::signer(0), keys: (0..count).map(key).collect() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn address(&self, sender: usize) -> Address {
        self.keys[sender].address()
    }

    /// Returns where the token is.
    pub(crate) fn token(&self) -> Address {
        self.funder.address().create(self.len() as u64)
    }

    /// Signs what gives every sender ether and tokens: all by one account, from nonce 0 on.
    pub(crate) fn setup(&self) -> Result<Vec<Signed>> {
        let mut all = Vec::new();
        let mut add = |to: TxKind, value: u128, input: Bytes, gas_limit: u64| {
            let tx = self.tx(all.len() as u64, to, U256::from(value), input, gas_limit);
            all.push(signed(&self.funder, tx)?);
            Ok::<_, eyre::Report>(())
        };
        let balance = BALANCE.min(FUNDS / self.keys.len().max(1) as u128);
        for key in &self.keys {
            add(key.address().into(), balance, Bytes::new(), 21_000)?;
        }
        let args = (String::from("Token"), String::from("T"), U256::from(18)).abi_encode_params();
        let creation = [CrossChainToken::BYTECODE.as_ref(), &args].concat();
        add(TxKind::Create, 0, creation.into(), 5_000_000)?;
        for key in &self.keys {
            let (to, amount) = (key.address(), U256::from(u64::MAX));
            let mint = CrossChainToken::mintCall { to, amount };
            add(self.token().into(), 0, mint.abi_encode().into(), 150_000)?;
        }
        Ok(all)
    }

    /// Signs the transaction of a sender with a nonce.
    pub(crate) fn sign(&self, kind: Kind, sender: usize, nonce: u64) -> Result<Signed> {
        let to = self.address((sender * 7 + 1 + nonce as usize) % self.len());
        let tx = match kind {
            Kind::Ether => self.tx(nonce, to.into(), U256::from(1), Bytes::new(), 21_000),
            Kind::Token => {
                let transfer = CrossChainToken::transferCall { to, amount: U256::from(1) };
                let input = transfer.abi_encode().into();
                self.tx(nonce, self.token().into(), U256::ZERO, input, TOKEN_GAS)
            }
        };
        signed(&self.keys[sender], tx)
    }

    /// Signs `each` transactions of every sender of `senders`, nonces from `nonce` on; in order of nonce, then sender.
    pub(crate) fn rounds(
        &self,
        kind: Kind,
        senders: &[usize],
        nonce: u64,
        each: u64,
    ) -> Result<Vec<Signed>> {
        let places: Vec<(u64, usize)> =
            (nonce..nonce + each).flat_map(|n| senders.iter().map(move |s| (n, *s))).collect();
        let threads = thread::available_parallelism().map_or(1, Into::into);
        let part = places.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            let sign = |part: &[(u64, usize)]| {
                part.iter().map(|(nonce, sender)| self.sign(kind, *sender, *nonce)).collect()
            };
            let work: Vec<_> =
                places.chunks(part).map(|part| scope.spawn(move || sign(part))).collect();
            let mut all = Vec::with_capacity(places.len());
            for part in work {
                let part: Result<Vec<Signed>> = part.join().expect("signing does not panic");
                all.extend(part?);
            }
            Ok(all)
        })
    }

    fn tx(&self, nonce: u64, to: TxKind, value: U256, input: Bytes, gas_limit: u64) -> TxEip1559 {
        TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: MAX_FEE,
            max_priority_fee_per_gas: 1,
            to,
            value,
            input,
            access_list: Default::default(),
        }
    }
}

fn signed(key: &PrivateKeySigner, tx: TxEip1559) -> Result<Signed> {
    let (raw, hash) = sign(key, tx)?;
    Ok(Signed { raw, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_in_order_of_nonce_and_the_same_every_time() {
        let senders = Senders::new(901, 5);
        let all = senders.rounds(Kind::Token, &[0, 3], 7, 2).unwrap();
        let single = |nonce, sender| senders.sign(Kind::Token, sender, nonce).unwrap().hash;
        let expected = [single(7, 0), single(7, 3), single(8, 0), single(8, 3)];
        assert_eq!(all.iter().map(|tx| tx.hash).collect::<Vec<_>>(), expected);
        assert_eq!(senders.setup().unwrap().len(), 11);
    }
}
