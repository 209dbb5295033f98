//! State tries of a rollup, with proofs as `eth_getProof` answers them.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use std::collections::BTreeMap;
use weft_contracts::wrapped_token_address;

/// Storage slot of `balanceOf` in `WrappedToken`.
const BALANCES: u64 = 4;

/// What a rollup's settled state holds, as far as somebody can leave with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Ether of accounts.
    pub(crate) ether: BTreeMap<Address, U256>,
    /// Balances of wrapped tokens, by the network and address where they are native.
    pub(crate) tokens: BTreeMap<(u32, Address), BTreeMap<Address, U256>>,
}

impl State {
    /// Returns the state root.
    pub(crate) fn root(&self) -> B256 {
        trie(&self.accounts(), None).0
    }

    /// Returns the proof of an account.
    pub(crate) fn account_proof(&self, account: Address) -> Vec<Bytes> {
        trie(&self.accounts(), Some(keccak256(account))).1
    }

    /// Returns the proofs of a token's account and of somebody's balance in it.
    pub(crate) fn token_proof(
        &self,
        token: (u32, Address),
        owner: Address,
    ) -> (Vec<Bytes>, Vec<Bytes>) {
        let account = self.account_proof(wrapped_token_address(token.0, token.1));
        let storage = self.tokens.get(&token).map(storage).unwrap_or_default();
        (account, trie(&storage, Some(keccak256(slot(owner)))).1)
    }

    fn accounts(&self) -> BTreeMap<B256, Vec<u8>> {
        let with =
            |balance, storage_root| TrieAccount { balance, storage_root, ..TrieAccount::default() };
        let people = self.ether.iter().map(|(owner, wei)| (*owner, with(*wei, EMPTY_ROOT_HASH)));
        let tokens = self.tokens.iter().map(|(token, balances)| {
            let root = trie(&storage(balances), None).0;
            (wrapped_token_address(token.0, token.1), with(U256::ZERO, root))
        });
        let leaf = |(owner, account): (Address, TrieAccount)| {
            (keccak256(owner), alloy_rlp::encode(account))
        };
        people.chain(tokens).map(leaf).collect()
    }
}

fn storage(balances: &BTreeMap<Address, U256>) -> BTreeMap<B256, Vec<u8>> {
    let some = balances.iter().filter(|(_, balance)| !balance.is_zero());
    some.map(|(owner, balance)| (keccak256(slot(*owner)), alloy_rlp::encode(balance))).collect()
}

/// Returns the storage slot of somebody's balance.
fn slot(owner: Address) -> B256 {
    let words = [owner.into_word(), B256::from(U256::from(BALANCES))].concat();
    keccak256(words)
}

fn trie(leaves: &BTreeMap<B256, Vec<u8>>, target: Option<B256>) -> (B256, Vec<Bytes>) {
    let targets = target.map(Nibbles::unpack).into_iter().collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets));
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    (root, nodes.into_iter().map(|(_, node)| node).collect())
}
