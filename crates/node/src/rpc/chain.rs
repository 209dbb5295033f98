//! What the chain is: forks, what can be asked for, headers and ommers.

use super::{
    Args, Call, Methods,
    errors::RpcResult,
    types::{header, ommer, quantity, to_json},
};
use crate::{engine::ChainData, store::StoredBlock};
use alloy_eips::{
    BlockId, eip2124::ForkHash, eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS,
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, eip7840::BlobParams,
};
use alloy_primitives::{Address, Bytes};
use revm::primitives::hardfork::SpecId;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use weft_ethereum::{Fork, Rules};

pub(super) const METHODS: Methods = &[
    ("eth_config", config),
    ("eth_capabilities", capabilities),
    ("eth_getHeaderByNumber", header_of),
    ("eth_getHeaderByHash", header_of),
    ("eth_getUncleCountByBlockNumber", ommer_count),
    ("eth_getUncleCountByBlockHash", ommer_count),
    ("eth_getUncleByBlockNumberAndIndex", ommer_at),
    ("eth_getUncleByBlockHashAndIndex", ommer_at),
];

/// Precompiled contracts in the names of EIP-7910, with the fork that brought them.
const PRECOMPILES: [(&str, u16, SpecId); 18] = [
    ("ECREC", 1, SpecId::FRONTIER),
    ("SHA256", 2, SpecId::FRONTIER),
    ("RIPEMD160", 3, SpecId::FRONTIER),
    ("ID", 4, SpecId::FRONTIER),
    ("MODEXP", 5, SpecId::BYZANTIUM),
    ("BN254_ADD", 6, SpecId::BYZANTIUM),
    ("BN254_MUL", 7, SpecId::BYZANTIUM),
    ("BN254_PAIRING", 8, SpecId::BYZANTIUM),
    ("BLAKE2F", 9, SpecId::ISTANBUL),
    ("KZG_POINT_EVALUATION", 10, SpecId::CANCUN),
    ("BLS12_G1ADD", 11, SpecId::PRAGUE),
    ("BLS12_G1MSM", 12, SpecId::PRAGUE),
    ("BLS12_G2ADD", 13, SpecId::PRAGUE),
    ("BLS12_G2MSM", 14, SpecId::PRAGUE),
    ("BLS12_PAIRING_CHECK", 15, SpecId::PRAGUE),
    ("BLS12_MAP_FP_TO_G1", 16, SpecId::PRAGUE),
    ("BLS12_MAP_FP2_TO_G2", 17, SpecId::PRAGUE),
    ("P256VERIFY", 256, SpecId::OSAKA),
];

/// Answers by EIP-7910: the fork that holds at the last block, the next one and the last one planned.
fn config(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let chain = call.engine.chain(call.network);
    let now = chain.store.head().header.timestamp;
    let forks = forks(chain)?;
    let (past, future): (Vec<Fork>, Vec<Fork>) =
        forks.into_iter().partition(|fork| fork.timestamp <= now);
    let json = |fork: Option<&Fork>| fork.map_or(Value::Null, |fork| fork_json(chain, fork));
    Ok(json!({
        "current": json(past.last()),
        "next": json(future.first()),
        "last": json(future.last()),
    }))
}

/// Returns the forks of a chain; a rollup has one, from genesis on.
fn forks(chain: &ChainData) -> RpcResult<Vec<Fork>> {
    if let Some(foreign) = &chain.foreign {
        return Ok(foreign.schedule.forks());
    }
    let genesis = chain.store.by_number(0)?.expect("genesis is never forgotten");
    let rules = Rules {
        spec: chain.spec.hardfork,
        blob: Some(BlobParams::osaka()),
        is_merged: true,
        is_constantinople: true,
    };
    let (timestamp, id) = (genesis.header.timestamp, ForkHash::from(genesis.hash).0);
    Ok(vec![Fork { timestamp, rules, id }])
}

fn fork_json(chain: &ChainData, fork: &Fork) -> Value {
    let blob = fork.rules.blob.map(|blob| {
        json!({
            "target": blob.target_blob_count,
            "max": blob.max_blob_count,
            "baseFeeUpdateFraction": blob.update_fraction as u64,
        })
    });
    let precompiles = PRECOMPILES.iter().filter(|(_, _, from)| fork.rules.has(*from));
    let address = |number: &u16| Address::left_padding_from(&number.to_be_bytes());
    let precompiles: Map<String, Value> =
        precompiles.map(|(name, at, _)| ((*name).to_owned(), json!(address(at)))).collect();
    json!({
        "activationTime": fork.timestamp,
        "blobSchedule": blob,
        "chainId": quantity(chain.spec.chain_id),
        "forkId": Bytes::copy_from_slice(&fork.id),
        "precompiles": precompiles,
        "systemContracts": system_contracts(chain, &fork.rules),
    })
}

fn system_contracts(chain: &ChainData, rules: &Rules) -> Value {
    let mut contracts = json!({});
    if rules.has(SpecId::CANCUN) {
        contracts["BEACON_ROOTS_ADDRESS"] = json!(BEACON_ROOTS_ADDRESS);
    }
    if rules.has(SpecId::PRAGUE) {
        contracts["HISTORY_STORAGE_ADDRESS"] = json!(HISTORY_STORAGE_ADDRESS);
    }
    if let Some(foreign) = chain.foreign.as_ref().filter(|_| rules.has(SpecId::PRAGUE)) {
        contracts["DEPOSIT_CONTRACT_ADDRESS"] = json!(foreign.schedule.deposit_contract());
        contracts["WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS"] =
            json!(WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS);
        contracts["CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS"] =
            json!(CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS);
    }
    contracts
}

fn capabilities(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let chain = call.engine.chain(call.network);
    let head = chain.store.head();
    let number = head.header.number;
    let state = call.engine.realm.state(call.network).expect("the rollup runs here");
    let oldest = state.oldest();
    let from = |oldest: u64| json!({ "disabled": false, "oldestBlock": quantity(oldest) });
    Ok(json!({
        "head": { "number": quantity(number), "hash": head.hash },
        "state": from(oldest),
        "tx": from(0),
        "logs": from(0),
        "receipts": from(0),
        "blocks": from(0),
        "stateproofs": from(oldest),
    }))
}

fn named(call: &Call<'_>, args: &Args) -> RpcResult<Option<Arc<StoredBlock>>> {
    call.block_of(args.required::<BlockId>(0)?)
}

fn header_of(call: &mut Call<'_>, args: &Args) -> RpcResult {
    named(call, args)?.map_or(Ok(Value::Null), |block| to_json(&header(&block)))
}

fn ommer_count(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let count = |block: Arc<StoredBlock>| quantity(block.body.ommers.len() as u64);
    Ok(named(call, args)?.map_or(Value::Null, count))
}

fn ommer_at(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let block = named(call, args)?;
    let index = args.required_number(1)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let found = block.as_ref().and_then(|block| block.body.ommers.get(index));
    found.map_or(Ok(Value::Null), ommer)
}
