//! A chain that is imported block by block.

use crate::{
    error::{ImportError, InvalidBlock, expect, present},
    execute::{Executor, sender},
    genesis::Genesis,
    header::check_header,
    ommers::Ancestors,
    schedule::{Rules, Schedule},
};
use alloy_consensus::{
    Block, Eip658Value, EthereumTxEnvelope, Header, ReceiptEnvelope, TxEip4844, TxEnvelope,
    proofs::{
        calculate_ommers_root, calculate_receipt_root, calculate_transaction_root,
        calculate_withdrawals_root,
    },
};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{B256, Bloom, U256};
use alloy_rlp::{Decodable, Encodable};
use revm::primitives::hardfork::SpecId;
use weft_evm::{BlockTx, MemoryState, State, StateChange};

/// Longest encoding of a block from Osaka on (EIP-7934).
const MAX_RLP_BLOCK_SIZE: usize = 8 * 1024 * 1024;

/// A foreign block that was executed and keeps every rule.
#[derive(Debug, Clone)]
pub struct ForeignBlock {
    /// Header.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// Transactions with what they did.
    pub transactions: Vec<BlockTx>,
    /// State root after each transaction, before Byzantium.
    pub post_states: Vec<B256>,
    /// Headers of its ommers.
    pub ommers: Vec<Header>,
    /// Withdrawals, from Shanghai on.
    pub withdrawals: Option<Withdrawals>,
    /// What it changed in the state.
    pub changes: StateChange,
}

/// A chain up to its last imported block.
#[derive(Debug, Clone)]
pub struct ForeignChain {
    schedule: Schedule,
    state: MemoryState,
    head: Header,
    head_hash: B256,
    total_difficulty: U256,
    ancestors: Ancestors,
}

type DecodedBlock = Block<EthereumTxEnvelope<TxEip4844>>;

impl ForeignChain {
    /// Starts at genesis.
    pub fn new(genesis: Genesis) -> Self {
        let Genesis { schedule, state, header, hash } = genesis;
        let mut ancestors = Ancestors::default();
        ancestors.push(hash, header.clone(), &[]);
        let total_difficulty = header.difficulty;
        Self { schedule, state, head: header, head_hash: hash, total_difficulty, ancestors }
    }

    /// Returns the fork schedule.
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Returns the last header and its hash.
    pub const fn head(&self) -> (&Header, B256) {
        (&self.head, self.head_hash)
    }

    /// Returns the state after the last block.
    pub const fn state(&self) -> &MemoryState {
        &self.state
    }

    /// Decodes, checks and executes the next block. Costs a copy of the state, and before Byzantium one for every
    /// transaction.
    ///
    /// # Errors
    ///
    /// [`ImportError`] with the number and the rule that the block breaks; the chain is as before.
    pub fn import(&mut self, raw: &[u8]) -> Result<ForeignBlock, ImportError> {
        let number = self.head.number.saturating_add(1);
        let block = decode(raw).map_err(|why| ImportError::Unreadable { number, why })?;
        let hash = block.header.hash_slow();
        self.next(raw.len(), hash, block).map_err(|why| ImportError::Invalid { number, hash, why })
    }

    fn next(
        &mut self,
        size: usize,
        hash: B256,
        block: DecodedBlock,
    ) -> Result<ForeignBlock, InvalidBlock> {
        let block = block.map_transactions(TxEnvelope::from);
        let is_merged = self.schedule.is_merged(self.total_difficulty);
        let rules =
            check_header(&self.schedule, &self.head, self.head_hash, is_merged, &block.header)?;
        if rules.has(SpecId::OSAKA) && size > MAX_RLP_BLOCK_SIZE {
            return Err(InvalidBlock::Size { size, limit: MAX_RLP_BLOCK_SIZE });
        }
        check_body(&rules, &block)?;
        self.ancestors.check(&self.schedule, &block.body.ommers)?;
        let (state, block) = self.execute(&rules, hash, block)?;
        self.state = state;
        self.total_difficulty = self.total_difficulty.saturating_add(block.header.difficulty);
        self.ancestors.push(hash, block.header.clone(), &block.ommers);
        (self.head, self.head_hash) = (block.header.clone(), hash);
        Ok(block)
    }

    /// Executes a block whose header and body are checked, and checks what it leaves.
    fn execute(
        &self,
        rules: &Rules,
        hash: B256,
        block: Block<TxEnvelope>,
    ) -> Result<(MemoryState, ForeignBlock), InvalidBlock> {
        let Block { header, body } = block;
        let mut executor = Executor::open(&self.state, &self.schedule, *rules, &header)?;
        let mut post_states = Vec::new();
        for (index, tx) in body.transactions.iter().enumerate() {
            let refused = |why| InvalidBlock::Transaction { index, why };
            let sender = sender(rules, tx).map_err(refused)?;
            executor.execute(tx, sender).map_err(refused)?;
            if !rules.has(SpecId::BYZANTIUM) {
                let Ok(root) = self.after(&executor.changes()?).root();
                post_states.push(root);
            }
        }
        let withdrawals = body.withdrawals.as_deref().map_or(&[][..], |all| all);
        let requests = executor.close(&self.schedule, &body.ommers, withdrawals)?;
        expect("gas used", header.gas_used, executor.gas_used())?;
        let blob_gas = rules.blob.map(|_| executor.blob_gas_used());
        expect("blob gas used", header.blob_gas_used, blob_gas)?;
        let requests = rules.has(SpecId::PRAGUE).then(|| requests.requests_hash());
        expect("requests hash", header.requests_hash, requests)?;
        let changes = executor.changes()?;
        let transactions = executor.into_transactions();
        check_receipts(&header, &receipts(&transactions, &post_states))?;
        let mut state = self.after(&changes);
        let Ok(root) = state.root();
        expect("state root", header.state_root, root)?;
        let Ok(()) = state.insert_block_hash(header.number, hash);
        let (ommers, withdrawals) = (body.ommers, body.withdrawals);
        let block =
            ForeignBlock { header, hash, transactions, post_states, ommers, withdrawals, changes };
        Ok((state, block))
    }

    fn after(&self, changes: &StateChange) -> MemoryState {
        let mut state = self.state.clone();
        let Ok(()) = state.apply(changes);
        state
    }
}

/// Decodes a block that must fill `raw` and be in the canonical encoding.
fn decode(raw: &[u8]) -> Result<DecodedBlock, String> {
    let mut rest = raw;
    let block = DecodedBlock::decode(&mut rest).map_err(|error| error.to_string())?;
    if !rest.is_empty() {
        return Err(format!("{} bytes after the block", rest.len()));
    }
    let mut canonical = Vec::with_capacity(raw.len());
    block.encode(&mut canonical);
    if canonical != raw {
        return Err("not in the canonical encoding".to_owned());
    }
    Ok(block)
}

fn check_body(rules: &Rules, block: &Block<TxEnvelope>) -> Result<(), InvalidBlock> {
    let Block { header, body } = block;
    let transactions = calculate_transaction_root(&body.transactions);
    expect("transactions root", header.transactions_root, transactions)?;
    expect("ommers hash", header.ommers_hash, calculate_ommers_root(&body.ommers))?;
    present("list of withdrawals", body.withdrawals.as_ref(), rules.has(SpecId::SHANGHAI))?;
    let withdrawals = body.withdrawals.as_ref().map(|all| calculate_withdrawals_root(all));
    expect("withdrawals root", header.withdrawals_root, withdrawals)
}

/// Returns the receipts of a block; before Byzantium they name a state root in place of a status.
pub(crate) fn receipts(transactions: &[BlockTx], post_states: &[B256]) -> Vec<ReceiptEnvelope> {
    let mut receipts = weft_evm::block::receipts(transactions);
    for (receipt, root) in receipts.iter_mut().zip(post_states) {
        if let ReceiptEnvelope::Legacy(receipt) = receipt {
            receipt.receipt.status = Eip658Value::PostState(*root);
        }
    }
    receipts
}

impl ForeignBlock {
    /// Returns the receipts.
    pub fn receipts(&self) -> Vec<ReceiptEnvelope> {
        receipts(&self.transactions, &self.post_states)
    }
}

pub(crate) fn bloom(receipts: &[ReceiptEnvelope]) -> Bloom {
    receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom())
}

fn check_receipts(header: &Header, receipts: &[ReceiptEnvelope]) -> Result<(), InvalidBlock> {
    expect("logs bloom", header.logs_bloom, bloom(receipts))?;
    expect("receipts root", header.receipts_root, calculate_receipt_root(receipts))
}
