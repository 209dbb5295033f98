//! Execution of one block.

use crate::{
    error::InvalidBlock,
    ommers::ommer_reward,
    schedule::{Rules, Schedule},
};
use alloy_consensus::{Header, Transaction as _, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::{
    eip2935::HISTORY_STORAGE_ADDRESS,
    eip4788::BEACON_ROOTS_ADDRESS,
    eip4895::Withdrawal,
    eip6110::DEPOSIT_REQUEST_TYPE,
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE},
    eip7685::Requests,
};
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use revm::{
    DatabaseRef, ExecuteEvm, Journal, MainBuilder, MainnetEvm, SystemCallEvm,
    context::{BlockEnv, CfgEnv, JournalTr, TxEnv, either::Either, result::ExecutionResult},
    context_interface::block::BlobExcessGasAndPrice,
    primitives::hardfork::SpecId,
    state::EvmState,
};
use std::{fmt::Display, sync::Arc};
use weft_evm::{BlockTx, StateChange, WorkingState};
use weft_types::Position;

/// EVM context of a foreign block.
pub type Context<D> =
    revm::Context<BlockEnv, TxEnv, CfgEnv, WorkingState<D>, Journal<WorkingState<D>>, ()>;

/// Wei of one ether.
const ETHER: u128 = 1_000_000_000_000_000_000;
/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;

/// Returns an EVM context for a block under its rules.
pub fn context<D: DatabaseRef>(
    state: WorkingState<D>,
    chain_id: u64,
    rules: &Rules,
    block: BlockEnv,
) -> Context<D> {
    let mut context: Context<D> = revm::Context::new(state, rules.spec);
    context.cfg.chain_id = chain_id;
    context.cfg.max_blobs_per_tx = rules.blob.map(|blob| blob.max_blobs_per_tx);
    context.cfg.blob_base_fee_update_fraction =
        rules.blob.map(|blob| fraction(blob.update_fraction));
    context.block = block;
    context
}

/// The schedule was checked: its fractions fit.
fn fraction(fraction: u128) -> u64 {
    u64::try_from(fraction).unwrap_or(u64::MAX)
}

/// Returns the environment of the block with this header.
pub fn block_env(rules: &Rules, header: &Header) -> BlockEnv {
    let blob = header.excess_blob_gas.zip(rules.blob).map(|(excess, params)| {
        BlobExcessGasAndPrice::new(excess, fraction(params.update_fraction))
    });
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: header.difficulty,
        prevrandao: rules.is_merged.then_some(header.mix_hash),
        blob_excess_gas_and_price: blob,
        ..BlockEnv::default()
    }
}

/// Returns a transaction as the EVM takes it.
pub fn tx_env(tx: &TxEnvelope, sender: Address) -> TxEnv {
    let authorizations = tx.authorization_list().unwrap_or_default();
    TxEnv {
        tx_type: u8::from(tx.tx_type()),
        caller: sender,
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        blob_hashes: tx.blob_versioned_hashes().unwrap_or_default().to_vec(),
        max_fee_per_blob_gas: tx.max_fee_per_blob_gas().unwrap_or_default(),
        authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
    }
}

/// Executes the transactions of one block over the state after its parent.
#[derive(Debug)]
pub struct Executor<D: DatabaseRef> {
    evm: MainnetEvm<Context<D>>,
    rules: Rules,
    gas_limit: u64,
    gas_used: u64,
    blob_gas_used: u64,
    transactions: Vec<BlockTx>,
}

impl<D: DatabaseRef> Executor<D> {
    /// Starts a block and makes the calls that open it (EIP-4788, EIP-2935).
    ///
    /// # Errors
    ///
    /// [`InvalidBlock`] when the state cannot be read.
    pub fn open(
        state: D,
        schedule: &Schedule,
        rules: Rules,
        header: &Header,
    ) -> Result<Self, InvalidBlock> {
        let block = block_env(&rules, header);
        let context = context(WorkingState::new(state), schedule.chain_id(), &rules, block);
        let mut executor = Self {
            evm: context.build_mainnet(),
            rules,
            gas_limit: header.gas_limit,
            gas_used: 0,
            blob_gas_used: 0,
            transactions: Vec::new(),
        };
        if let Some(root) = header.parent_beacon_block_root.filter(|_| header.number > 0) {
            executor.system_call(BEACON_ROOTS_ADDRESS, root)?;
        }
        if rules.has(SpecId::PRAGUE) {
            executor.system_call(HISTORY_STORAGE_ADDRESS, header.parent_hash)?;
        }
        Ok(executor)
    }

    /// Executes a transaction whose sender is known.
    ///
    /// # Errors
    ///
    /// Why it cannot stand in this block; the block is as before.
    pub fn execute(&mut self, tx: &TxEnvelope, sender: Address) -> Result<&BlockTx, String> {
        let left = self.gas_limit - self.gas_used;
        if tx.gas_limit() > left {
            return Err(format!(
                "gas limit {} is over the {left} left in the block",
                tx.gas_limit()
            ));
        }
        let blob_gas = tx.blob_gas_used().unwrap_or_default();
        let most = self.rules.blob.map_or(0, |blob| blob.max_blob_gas_per_block());
        if self.blob_gas_used + blob_gas > most {
            return Err(format!("its blobs bring the block over {most} blob gas"));
        }
        if tx.chain_id().is_some() && !self.rules.has(SpecId::SPURIOUS_DRAGON) {
            return Err("replay-protected before EIP-155".to_owned());
        }
        let done = self.evm.transact(tx_env(tx, sender));
        let done = done.map_err(|error| error.to_string())?;
        self.commit(done.state).map_err(|error| error.to_string())?;
        self.gas_used += done.result.tx_gas_used();
        self.blob_gas_used += blob_gas;
        let base_fee = self.evm.ctx.block.basefee;
        self.transactions.push(block_tx(tx.clone(), sender, base_fee, done.result));
        Ok(self.transactions.last().expect("just pushed"))
    }

    /// Ends the block: requests (EIP-7685), then rewards or withdrawals.
    ///
    /// # Errors
    ///
    /// [`InvalidBlock`] when a system contract does not do its part.
    pub fn close(
        &mut self,
        schedule: &Schedule,
        ommers: &[Header],
        withdrawals: &[Withdrawal],
    ) -> Result<Requests, InvalidBlock> {
        let requests = self.requests(schedule)?;
        if !self.rules.is_merged {
            self.reward(ommers)?;
        }
        for withdrawal in withdrawals {
            let wei = U256::from(withdrawal.amount).saturating_mul(U256::from(GWEI));
            self.credit(withdrawal.address, wei)?;
        }
        Ok(requests)
    }

    /// Returns what the block changed so far.
    ///
    /// # Errors
    ///
    /// [`InvalidBlock::State`] when the state cannot be read.
    pub fn changes(&self) -> Result<StateChange, InvalidBlock> {
        self.evm.ctx.journaled_state.db().changes().map_err(state_error)
    }

    /// Returns the gas used so far.
    pub const fn gas_used(&self) -> u64 {
        self.gas_used
    }

    /// Returns the blob gas used so far.
    pub const fn blob_gas_used(&self) -> u64 {
        self.blob_gas_used
    }

    /// Returns the transactions executed so far.
    pub fn transactions(&self) -> &[BlockTx] {
        &self.transactions
    }

    /// Returns the transactions, forgetting the rest.
    pub fn into_transactions(self) -> Vec<BlockTx> {
        self.transactions
    }

    fn requests(&mut self, schedule: &Schedule) -> Result<Requests, InvalidBlock> {
        let mut requests = Requests::default();
        if !self.rules.has(SpecId::PRAGUE) {
            return Ok(requests);
        }
        let contract = schedule.deposit_contract();
        let mut deposits = Vec::new();
        for log in self.transactions.iter().flat_map(|tx| &tx.logs) {
            deposits.extend(deposit(contract, log)?.unwrap_or_default());
        }
        requests.push_request_with_type(DEPOSIT_REQUEST_TYPE, deposits);
        for (kind, contract) in [
            (WITHDRAWAL_REQUEST_TYPE, WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS),
            (CONSOLIDATION_REQUEST_TYPE, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS),
        ] {
            requests.push_request_with_type(kind, self.dequeue(contract)?);
        }
        Ok(requests)
    }

    fn dequeue(&mut self, contract: Address) -> Result<Bytes, InvalidBlock> {
        match self.call_system_contract(contract, Bytes::new())? {
            Some(ExecutionResult::Success { output, .. }) => Ok(output.into_data()),
            Some(result) => Err(InvalidBlock::SystemCall(format!("{contract} fails: {result:?}"))),
            None => Err(InvalidBlock::SystemCall(format!("{contract} has no code"))),
        }
    }

    /// Calls a contract that may be absent or fail without consequence.
    fn system_call(&mut self, contract: Address, input: B256) -> Result<(), InvalidBlock> {
        self.call_system_contract(contract, input.0.into()).map(|_| ())
    }

    fn call_system_contract(
        &mut self,
        contract: Address,
        input: Bytes,
    ) -> Result<Option<ExecutionResult>, InvalidBlock> {
        let account = self.evm.ctx.journaled_state.db_mut();
        let account = revm::Database::basic(account, contract).map_err(state_error)?;
        if account.is_none_or(|info| info.is_empty_code_hash()) {
            return Ok(None);
        }
        let done = self.evm.system_call(contract, input).map_err(state_error)?;
        self.commit(done.state)?;
        Ok(Some(done.result))
    }

    fn reward(&mut self, ommers: &[Header]) -> Result<(), InvalidBlock> {
        let base = self.rules.base_reward();
        let number = self.evm.ctx.block.number.saturating_to();
        for ommer in ommers {
            self.credit(ommer.beneficiary, ommer_reward(base, number, ommer.number))?;
        }
        let (own, _) = self.rules.rewards(number, ommers);
        self.credit(self.evm.ctx.block.beneficiary, own)
    }

    fn credit(&mut self, address: Address, wei: U256) -> Result<(), InvalidBlock> {
        let journal = &mut self.evm.ctx.journaled_state;
        journal.balance_incr(address, wei).map_err(state_error)?;
        journal.touch_account(address);
        let changes = journal.finalize();
        self.commit(changes)
    }

    fn commit(&mut self, changes: EvmState) -> Result<(), InvalidBlock> {
        let clears_empty = self.rules.has(SpecId::SPURIOUS_DRAGON);
        let working = self.evm.ctx.journaled_state.db_mut();
        let done = match clears_empty {
            true => working.commit(changes),
            false => working.commit_keeping_empty(changes),
        };
        done.map_err(state_error)
    }
}

impl Rules {
    /// Returns the reward of a block without ommers, in wei.
    const fn base_reward(&self) -> u128 {
        match () {
            () if self.is_merged => 0,
            () if self.is_constantinople => 2 * ETHER,
            () if self.has(SpecId::BYZANTIUM) => 3 * ETHER,
            () => 5 * ETHER,
        }
    }

    /// Returns what the producer of block `number` is rewarded with, and those of its ommers together, in wei.
    pub fn rewards(&self, number: u64, ommers: &[Header]) -> (U256, U256) {
        let base = self.base_reward();
        let own = base + base / 32 * ommers.len() as u128;
        let of_ommer = |ommer: &Header| ommer_reward(base, number, ommer.number);
        (U256::from(own), ommers.iter().map(of_ommer).sum())
    }
}

fn state_error(error: impl Display) -> InvalidBlock {
    InvalidBlock::State(error.to_string())
}

fn block_tx(tx: TxEnvelope, sender: Address, base_fee: u64, result: ExecutionResult) -> BlockTx {
    let contract_address = tx.is_create().then(|| sender.create(tx.nonce()));
    BlockTx {
        sender,
        position: Position::default(),
        leg: 0,
        is_system: false,
        success: result.is_success(),
        gas_used: result.tx_gas_used(),
        effective_gas_price: tx.effective_gas_price(Some(base_fee)),
        output: result.output().cloned().unwrap_or_default(),
        contract_address,
        logs: result.into_logs(),
        tx: Arc::new(tx),
    }
}

/// Recovers the sender of a transaction; before Homestead signatures had two forms (EIP-2).
pub(crate) fn sender(rules: &Rules, tx: &TxEnvelope) -> Result<Address, String> {
    let sender = match rules.has(SpecId::HOMESTEAD) {
        true => tx.recover_signer(),
        false => tx.recover_signer_unchecked(),
    };
    sender.map_err(|error| error.to_string())
}

/// Offsets and lengths of the five byte strings of a deposit event (EIP-6110).
const DEPOSIT_FIELDS: [(usize, usize); 5] = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)];
/// Length of a deposit event's data.
const DEPOSIT_DATA: usize = 576;

/// Returns the request of a deposit event; `None` for another log.
fn deposit(contract: Address, log: &Log) -> Result<Option<Vec<u8>>, InvalidBlock> {
    let event = alloy_primitives::keccak256("DepositEvent(bytes,bytes,bytes,bytes,bytes)");
    if log.address != contract || log.topics().first() != Some(&event) {
        return Ok(None);
    }
    let data = &log.data.data;
    let word = |at: usize| data.get(at..at + 32).map(U256::from_be_slice);
    let mut request = Vec::with_capacity(192);
    for (index, (offset, length)) in DEPOSIT_FIELDS.into_iter().enumerate() {
        let is_laid_out = data.len() == DEPOSIT_DATA
            && word(32 * index) == Some(U256::from(offset))
            && word(offset) == Some(U256::from(length));
        if !is_laid_out {
            let why = format!("deposit event of {contract} with a layout of its own");
            return Err(InvalidBlock::SystemCall(why));
        }
        request.extend_from_slice(&data[offset + 32..offset + 32 + length]);
    }
    Ok(Some(request))
}
