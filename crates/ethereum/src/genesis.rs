//! Genesis file of a chain.

use crate::{error::ImportError, schedule::Schedule};
use alloy_consensus::Header;
use alloy_eips::{eip1559::INITIAL_BASE_FEE, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{B256, U256};
use alloy_trie::EMPTY_ROOT_HASH;
use revm::primitives::hardfork::SpecId;
use weft_evm::{MemoryState, State};

/// Highest excess blob gas that a genesis may start from: its price still fits 128 bits under every schedule.
const MAX_EXCESS_BLOB_GAS: u64 = 100_000_000;

/// First block of a chain with its state and fork schedule.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// Fork schedule.
    pub schedule: Schedule,
    /// State after the first block.
    pub state: MemoryState,
    /// The first block.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
}

/// Reads a genesis file as go-ethereum writes it.
///
/// # Errors
///
/// [`ImportError::Genesis`] when it cannot be read or needs rules that are not implemented.
pub fn genesis(json: &[u8]) -> Result<Genesis, ImportError> {
    let file: alloy_genesis::Genesis =
        serde_json::from_slice(json).map_err(|error| ImportError::Genesis(error.to_string()))?;
    let schedule = Schedule::new(file.config.clone(), file.timestamp)?;
    if file.number.unwrap_or_default() != 0 {
        return Err(ImportError::Genesis("the first block must have number 0".to_owned()));
    }
    if file.gas_limit > i64::MAX as u64 {
        let limit = file.gas_limit;
        return Err(ImportError::Genesis(format!("gas limit {limit} is over {}", i64::MAX)));
    }
    let mut state = state(&file);
    let Ok(root) = state.root();
    let header = header(&schedule, &file, root)?;
    let hash = header.hash_slow();
    let Ok(()) = state.insert_block_hash(0, hash);
    Ok(Genesis { schedule: schedule.with_genesis(hash), state, header, hash })
}

fn state(file: &alloy_genesis::Genesis) -> MemoryState {
    let mut state = MemoryState::new();
    for (address, account) in &file.alloc {
        let slots = account.storage.iter().flatten();
        let slots = slots.map(|(key, value)| ((*key).into(), (*value).into()));
        state.insert(
            *address,
            account.balance,
            account.nonce.unwrap_or_default(),
            account.code.clone().unwrap_or_default(),
            slots,
        );
    }
    state
}

fn header(
    schedule: &Schedule,
    file: &alloy_genesis::Genesis,
    state_root: B256,
) -> Result<Header, ImportError> {
    let is_merged = schedule.is_merged(U256::ZERO);
    let rules = schedule.rules(0, file.timestamp, is_merged);
    let (shanghai, cancun) = (rules.has(SpecId::SHANGHAI), rules.has(SpecId::CANCUN));
    let base_fee = match file.base_fee_per_gas {
        Some(fee) => u64::try_from(fee)
            .map_err(|_| ImportError::Genesis(format!("base fee {fee} is over 64 bits")))?,
        None => INITIAL_BASE_FEE,
    };
    let excess = file.excess_blob_gas.unwrap_or_default();
    if excess > MAX_EXCESS_BLOB_GAS {
        let why = format!("excess blob gas {excess} is over {MAX_EXCESS_BLOB_GAS}");
        return Err(ImportError::Genesis(why));
    }
    Ok(Header {
        parent_hash: file.parent_hash.unwrap_or_default(),
        beneficiary: file.coinbase,
        state_root,
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        difficulty: file.difficulty,
        gas_limit: file.gas_limit,
        timestamp: file.timestamp,
        extra_data: file.extra_data.clone(),
        mix_hash: file.mix_hash,
        nonce: file.nonce.to_be_bytes().into(),
        base_fee_per_gas: rules.has(SpecId::LONDON).then_some(base_fee),
        withdrawals_root: shanghai.then_some(EMPTY_ROOT_HASH),
        blob_gas_used: cancun.then(|| file.blob_gas_used.unwrap_or_default()),
        excess_blob_gas: cancun.then_some(excess),
        parent_beacon_block_root: cancun.then_some(B256::ZERO),
        requests_hash: rules.has(SpecId::PRAGUE).then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    })
}
