//! State files: everything that a realm is made of, as JSON.

use super::Engine;
use crate::{
    error::NodeError,
    outcomes::Outcomes,
    rpc::errors::RpcResult,
    store::{BlockStore, Origin, StoredBlock},
};
use alloy_consensus::{Header, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, Log, U256, map::B256Map};
use alloy_rlp::Decodable;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use weft_evm::{BlockTx, Escrow, Realm, Rollup, State, TokenId};
use weft_state::{ChainState, StoreError};
use weft_types::{Domain, NetworkId, Position};

/// Version of the format.
const VERSION: u32 = 1;
/// Number of block hashes that BLOCKHASH can see.
const BLOCK_HASHES: u64 = 256;

/// All rollups of a realm between two slots.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dump {
    version: u32,
    domain: Domain,
    chains: Vec<ChainDump>,
    /// Holder, network and address of the token, balance.
    escrow: Vec<(NetworkId, NetworkId, Address, U256)>,
    /// From, to, head.
    heads: Vec<(NetworkId, NetworkId, B256)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChainDump {
    network: NetworkId,
    chain_id: u64,
    accounts: BTreeMap<Address, AccountDump>,
    blocks: Vec<BlockDump>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountDump {
    balance: U256,
    nonce: u64,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDump {
    /// RLP.
    header: Bytes,
    slot: u64,
    transactions: Vec<TxDump>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TxDump {
    /// EIP-2718 encoding.
    raw: Bytes,
    sender: Address,
    position: Position,
    leg: u16,
    is_system: bool,
    success: bool,
    gas_used: u64,
    effective_gas_price: U256,
    logs: Vec<Log>,
    output: Bytes,
    contract_address: Option<Address>,
    /// Rollup and transaction that a system transaction works for.
    origin: Option<(NetworkId, B256)>,
}

impl Engine {
    /// Returns everything that the realm is made of.
    pub(crate) fn dump(&mut self) -> RpcResult<Dump> {
        Ok(self.between_slots(|engine| engine.take_dump())?)
    }

    /// Puts a dump in the place of everything.
    pub(crate) fn load(&mut self, dump: &Dump) -> Result<(), String> {
        if self.sealing.is_some() {
            return Err("a realm with sealed items takes no other state".to_owned());
        }
        let restored = self.restore(dump)?;
        self.between_slots(|engine| engine.replace(dump, restored));
        Ok(())
    }

    pub(super) fn load_file(&mut self, path: &Path) -> Result<(), NodeError> {
        let failed = |source| NodeError::StateFile { path: path.to_owned(), source };
        let invalid = |why: String| NodeError::InvalidState { path: path.to_owned(), why };
        let text = std::fs::read(path).map_err(failed)?;
        let dump: Dump =
            serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
        self.load(&dump).map_err(invalid)
    }

    pub(super) fn dump_on_stop(&mut self) -> Result<(), NodeError> {
        let Some(path) = self.config.dump_state.clone() else { return Ok(()) };
        let failed = |source| NodeError::StateFile { path: path.clone(), source };
        let dump = self.between_slots(|engine| engine.take_dump())?;
        let text = serde_json::to_vec(&dump).map_err(|error| failed(error.into()))?;
        std::fs::write(&path, text).map_err(failed)
    }

    fn take_dump(&self) -> Result<Dump, StoreError> {
        let escrow = self.realm.escrow().iter();
        let chains = self.chains.keys().map(|network| self.dump_chain(*network));
        Ok(Dump {
            version: VERSION,
            domain: self.domain,
            chains: chains.collect::<Result<_, _>>()?,
            escrow: escrow
                .map(|(holder, token, wei)| (holder, token.network, token.token, wei))
                .collect(),
            heads: self.realm.heads().iter().map(|((from, to), head)| (from, to, head)).collect(),
        })
    }

    fn dump_chain(&self, network: NetworkId) -> Result<ChainDump, StoreError> {
        let chain = self.chain(network);
        let state = self.realm.state(network).expect("the rollup runs here");
        let accounts = state.accounts().map(|account| {
            let (address, info) = account?;
            let code = info.code.as_ref().map(|code| code.original_bytes());
            let dump = AccountDump {
                balance: info.balance,
                nonce: info.nonce,
                code: code.unwrap_or_default(),
                storage: state.storage_of(address)?,
            };
            Ok((address, dump))
        });
        Ok(ChainDump {
            network,
            chain_id: chain.spec.chain_id,
            accounts: accounts.collect::<Result<_, StoreError>>()?,
            blocks: (0..=chain.store.head_number())
                .filter_map(|number| chain.store.by_number(number).transpose())
                .map(|block| block.map(|block| dump_block(&block)))
                .collect::<Result<_, _>>()?,
        })
    }

    fn restore(&self, dump: &Dump) -> Result<Vec<(Rollup<ChainState>, BlockStore)>, String> {
        if dump.version != VERSION {
            return Err(format!("version {}, expected {VERSION}", dump.version));
        }
        if dump.domain != self.domain {
            return Err("it belongs to another realm".to_owned());
        }
        let ours: Vec<_> =
            self.chains.values().map(|chain| (chain.spec.network, chain.spec.chain_id)).collect();
        let theirs: Vec<_> =
            dump.chains.iter().map(|chain| (chain.network, chain.chain_id)).collect();
        if ours != theirs {
            let ids = |chains: &[(NetworkId, u64)]| {
                chains.iter().map(|(_, id)| id.to_string()).collect::<Vec<_>>().join(", ")
            };
            let (theirs, ours) = (ids(&theirs), ids(&ours));
            return Err(format!("it holds rollups {theirs}, expected {ours}"));
        }
        dump.chains.iter().map(|chain| self.restore_chain(chain)).collect()
    }

    fn restore_chain(&self, dump: &ChainDump) -> Result<(Rollup<ChainState>, BlockStore), String> {
        let store = restore_blocks(&dump.blocks)?;
        let failed = |error: StoreError| error.to_string();
        let mut state = super::empty_state(dump.network).map_err(failed)?;
        for (address, account) in &dump.accounts {
            let storage = account.storage.iter().map(|(key, value)| (*key, *value));
            let AccountDump { balance, nonce, code, .. } = account;
            revm::bytecode::Bytecode::new_raw_checked(code.clone())
                .map_err(|error| format!("code of {address}: {error}"))?;
            state.insert(*address, *balance, *nonce, code.clone(), storage).map_err(failed)?;
        }
        let first = (store.head_number() + 1).saturating_sub(BLOCK_HASHES);
        for number in first..=store.head_number() {
            let Some(block) = store.by_number(number).map_err(failed)? else { continue };
            state.insert_block_hash(block.header.number, block.hash).map_err(failed)?;
        }
        let head = store.head();
        let rollup = Rollup {
            spec: self.chain(dump.network).spec.clone(),
            state,
            head: head.header.clone(),
            head_hash: head.hash,
        };
        Ok((rollup, store))
    }

    fn replace(&mut self, dump: &Dump, restored: Vec<(Rollup<ChainState>, BlockStore)>) {
        let mut escrow = Escrow::default();
        for (holder, network, token, wei) in &dump.escrow {
            escrow.set(*holder, TokenId { network: *network, token: *token }, *wei);
        }
        let heads = dump.heads.iter().map(|(from, to, head)| ((*from, *to), *head)).collect();
        let mut rollups = Vec::new();
        for (rollup, store) in restored {
            let head_ms = store.head().unix_ms().saturating_add(1);
            self.clock.increase(head_ms.saturating_sub(self.clock.now_ms()));
            let chain = self.chain_mut(rollup.spec.network);
            chain.filters.rewind(store.head_number());
            chain.store = store;
            rollups.push(rollup);
        }
        self.realm = Realm::new(self.domain, rollups, escrow, heads);
        let limits = self.config.limits.clone();
        self.pool = crate::pool::Pool::new(limits.pool());
        self.bundles = crate::bundles::Bundles::new(limits.max_prepared, limits.prepared_ttl);
        self.outcomes = Outcomes::new(limits.max_outcomes, limits.max_outcome_bytes);
        self.snapshots.clear();
    }
}

fn dump_block(block: &StoredBlock) -> BlockDump {
    let tx = |tx: &BlockTx| TxDump {
        raw: tx.tx.encoded_2718().into(),
        sender: tx.sender,
        position: tx.position,
        leg: tx.leg,
        is_system: tx.is_system,
        success: tx.success,
        gas_used: tx.gas_used,
        effective_gas_price: U256::from(tx.effective_gas_price),
        logs: tx.logs.clone(),
        output: tx.output.clone(),
        contract_address: tx.contract_address,
        origin: block.origins.get(tx.tx.tx_hash()).map(|origin| (origin.network, origin.tx_hash)),
    };
    BlockDump {
        header: alloy_rlp::encode(&block.header).into(),
        slot: block.slot,
        transactions: block.transactions.iter().map(tx).collect(),
    }
}

fn restore_blocks(blocks: &[BlockDump]) -> Result<BlockStore, String> {
    let mut restored = blocks.iter().enumerate().map(|(index, block)| restore_block(index, block));
    let genesis = restored.next().ok_or("it holds no genesis block")??;
    let mut store = BlockStore::new(genesis.header, genesis.hash);
    for block in restored {
        let block = block?;
        if block.header.parent_hash != store.head().hash {
            return Err(format!("block {} does not follow its parent", block.header.number));
        }
        store.push(block);
    }
    Ok(store)
}

fn restore_block(index: usize, dump: &BlockDump) -> Result<StoredBlock, String> {
    let header = Header::decode(&mut dump.header.as_ref())
        .map_err(|error| format!("header of block {index}: {error}"))?;
    if header.number != index as u64 {
        return Err(format!("block {index} says that it is number {}", header.number));
    }
    let mut transactions = Vec::new();
    let mut origins = B256Map::default();
    for tx in &dump.transactions {
        let envelope = TxEnvelope::decode_2718_exact(&tx.raw)
            .map_err(|error| format!("transaction in block {index}: {error}"))?;
        if let Some((network, tx_hash)) = tx.origin {
            origins.insert(*envelope.tx_hash(), Origin { network, tx_hash });
        }
        transactions.push(BlockTx {
            tx: Arc::new(envelope),
            sender: tx.sender,
            position: tx.position,
            leg: tx.leg,
            is_system: tx.is_system,
            success: tx.success,
            gas_used: tx.gas_used,
            effective_gas_price: u128::try_from(tx.effective_gas_price).unwrap_or(u128::MAX),
            logs: tx.logs.clone(),
            output: tx.output.clone(),
            contract_address: tx.contract_address,
        });
    }
    let hash = header.hash_slow();
    Ok(StoredBlock::new(header, hash, dump.slot, transactions).with_origins(origins))
}
