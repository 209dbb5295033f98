//! Storage in bulk, and Merkle proofs of accounts and slots.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    state::read_key,
    types::quantity,
};
use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{
    EMPTY_ROOT_HASH, HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount, proof::ProofRetainer,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_evm::{MemoryState, StoredAccount};

pub(super) const METHODS: Methods =
    &[("eth_getProof", get_proof), ("eth_getStorageValues", storage_values)];

/// Most slots in one request.
const MAX_SLOTS: usize = 1024;
/// Code of execution-apis for a request over a limit of the client.
const OVER_LIMIT: i32 = -38026;

fn storage_values(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let wanted: BTreeMap<Address, Vec<B256>> = args.required(0)?;
    let slots: usize = wanted.values().map(Vec::len).sum();
    if slots > MAX_SLOTS {
        return Err(RpcError::new(OVER_LIMIT, format!("too many slots (max {MAX_SLOTS})")));
    }
    if slots == 0 {
        return Err(RpcError::params("empty request"));
    }
    let at = call.at(args.optional(1)?, BlockId::latest())?;
    let mut values: BTreeMap<Address, Vec<B256>> = BTreeMap::new();
    for (address, keys) in wanted {
        for key in keys {
            let value = call.engine.storage(call.network, at, address, key.into())?;
            values.entry(address).or_default().push(value.into());
        }
    }
    Ok(json!(values))
}

fn get_proof(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let address: Address = args.required(0)?;
    let texts: Vec<String> = args.optional(1)?.unwrap_or_default();
    if texts.len() > MAX_SLOTS {
        return Err(RpcError::params(format!("too many storage keys (max {MAX_SLOTS})")));
    }
    let keys = texts.iter().map(|text| read_key(text, 1)).collect::<RpcResult<Vec<_>>>()?;
    let at = call.at(args.optional(2)?, BlockId::latest())?;
    let state = call.engine.whole_state(call.network, at)?;
    let (account, account_proof) = account_proof(&state, address);
    let slots = state.account(&address).map(StoredAccount::hashed_storage);
    let empty = BTreeMap::new();
    let proofs = slot_proofs(slots.unwrap_or(&empty), &keys);
    let entries = texts.iter().zip(keys).zip(proofs).map(|((text, key), (value, proof))| {
        json!({ "key": echoed(text, key), "value": value, "proof": proof })
    });
    Ok(json!({
        "address": address,
        "accountProof": account_proof,
        "balance": account.balance,
        "codeHash": account.code_hash,
        "nonce": quantity(account.nonce),
        "storageHash": account.storage_root,
        "storageProof": entries.collect::<Vec<_>>(),
    }))
}

/// Returns a key in the form in which it was asked for: 32 bytes, or a quantity.
fn echoed(text: &str, key: U256) -> Value {
    if text.len() == 66 { json!(B256::from(key)) } else { json!(key) }
}

fn account_proof(state: &MemoryState, address: Address) -> (TrieAccount, Vec<Bytes>) {
    let target = Nibbles::unpack(keccak256(address));
    let hashed: BTreeMap<B256, &StoredAccount> =
        state.accounts().map(|(address, account)| (keccak256(address), account)).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for (key, account) in &hashed {
        builder.add_leaf(Nibbles::unpack(key), &alloy_rlp::encode(leaf(account)));
    }
    let account = state.account(&address).map(leaf).unwrap_or(TrieAccount {
        storage_root: EMPTY_ROOT_HASH,
        code_hash: KECCAK_EMPTY,
        ..TrieAccount::default()
    });
    (account, nodes(builder, &[target]).pop().unwrap_or_default())
}

fn leaf(account: &StoredAccount) -> TrieAccount {
    let code_hash = match account.info.code_hash {
        hash if hash.is_zero() => KECCAK_EMPTY,
        hash => hash,
    };
    TrieAccount {
        nonce: account.info.nonce,
        balance: account.info.balance,
        storage_root: account.clone().storage_root(),
        code_hash,
    }
}

fn slot_proofs(slots: &BTreeMap<B256, U256>, keys: &[U256]) -> Vec<(U256, Vec<Bytes>)> {
    let hashed: Vec<B256> = keys.iter().map(|key| keccak256(B256::from(*key))).collect();
    let targets: Vec<Nibbles> = hashed.iter().map(Nibbles::unpack).collect();
    let mut builder =
        HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets.clone()));
    for (key, value) in slots {
        builder.add_leaf(Nibbles::unpack(key), &alloy_rlp::encode(value));
    }
    let value = |key: &B256| slots.get(key).copied().unwrap_or_default();
    // A trie of nothing has no nodes to prove anything with.
    let proofs = match slots.is_empty() {
        true => vec![Vec::new(); targets.len()],
        false => nodes(builder, &targets),
    };
    hashed.iter().map(value).zip(proofs).collect()
}

fn nodes(mut builder: HashBuilder, targets: &[Nibbles]) -> Vec<Vec<Bytes>> {
    builder.root();
    let nodes = builder.take_proof_nodes();
    let path = |target| nodes.matching_nodes_sorted(target).into_iter().map(|(_, node)| node);
    targets.iter().map(|target| path(target).collect()).collect()
}
