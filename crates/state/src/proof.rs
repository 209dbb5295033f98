//! Proofs of accounts and slots (EIP-1186).

use crate::{
    chain::{ChainState, hashed_key},
    error::StoreError,
    trie::on_the_way,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY};
use revm::DatabaseRef;

/// An account with the nodes of the state trie that prove it, and slots with those of its storage trie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountProof {
    /// Root of the state trie.
    pub state_root: B256,
    /// Address of the account.
    pub address: Address,
    /// Balance; zero when there is no such account.
    pub balance: U256,
    /// Nonce.
    pub nonce: u64,
    /// Hash of the code.
    pub code_hash: B256,
    /// Root of the storage trie.
    pub storage_root: B256,
    /// Nodes from the root to the account, or to where it would be.
    pub nodes: Vec<Bytes>,
    /// Slots, in the order in which they were asked for.
    pub slots: Vec<SlotProof>,
}

/// A slot with the nodes of the storage trie that prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotProof {
    /// Key of the slot.
    pub key: U256,
    /// Its value.
    pub value: U256,
    /// Nodes from the root to the slot, or to where it would be.
    pub nodes: Vec<Bytes>,
}

impl ChainState {
    /// Proves an account and slots of it after the last block.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`].
    pub fn proof(&self, address: Address, keys: &[U256]) -> Result<AccountProof, StoreError> {
        if self.pending.is_empty() {
            return self.prove(address, keys);
        }
        let mut current = self.clone();
        current.compute_root()?;
        current.prove(address, keys)
    }

    /// Proves an account and slots of it after block `number`. The cost grows with what changed since.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotKept`], or any error of the database.
    pub fn proof_at(
        &self,
        number: u64,
        address: Address,
        keys: &[U256],
    ) -> Result<AccountProof, StoreError> {
        if self.head_number() == Some(number) {
            return self.proof(address, keys);
        }
        let mut past = self.clone();
        past.unwind_to(number)?;
        past.prove(address, keys)
    }

    fn prove(&self, address: Address, keys: &[U256]) -> Result<AccountProof, StoreError> {
        let hashed = keccak256(address);
        let (state_root, nodes) = self.account_trie().prove(vec![hashed])?;
        let account = self.account(address)?;
        let mut proof = AccountProof {
            state_root,
            address,
            balance: U256::ZERO,
            nonce: 0,
            code_hash: KECCAK_EMPTY,
            storage_root: EMPTY_ROOT_HASH,
            nodes: on_the_way(&nodes, &hashed),
            slots: self.prove_slots(address, &hashed, keys)?,
        };
        if let Some(account) = account {
            (proof.balance, proof.nonce) = (account.balance, account.nonce);
            proof.storage_root = account.storage_root;
            if !account.code_hash.is_zero() {
                proof.code_hash = account.code_hash;
            }
        }
        Ok(proof)
    }

    fn prove_slots(
        &self,
        address: Address,
        hashed: &B256,
        keys: &[U256],
    ) -> Result<Vec<SlotProof>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let targets = keys.iter().map(|key| hashed_key(*key)).collect();
        let (_, nodes) = self.storage_trie(hashed).prove(targets)?;
        let slot = |key: &U256| {
            let value = self.storage_ref(address, *key)?;
            Ok(SlotProof { key: *key, value, nodes: on_the_way(&nodes, &hashed_key(*key)) })
        };
        keys.iter().map(slot).collect()
    }
}
