//! An L1 in memory: one EVM that runs one transaction in each block.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall, SolError};
use revm::{
    Context, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    context::{
        CfgEnv, TxEnv,
        result::{ExecutionResult, Output},
    },
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};

/// Chain id of L1.
pub(crate) const L1: u64 = 1;

/// Why a call was refused: exactly these bytes, or anything where a token says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// These revert data.
    With(Bytes),
    /// Some.
    Any,
}

/// Returns the refusal by an error of a contract.
pub(crate) fn refusal(error: impl SolError) -> Refusal {
    Refusal::With(error.abi_encode().into())
}

/// A transaction.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    pub(crate) blobs: Vec<B256>,
}

impl Sent {
    /// Returns a call without value and blobs.
    pub(crate) fn new(from: Address, to: Address, call: &impl SolCall) -> Self {
        let data = call.abi_encode().into();
        Self { from, to, value: U256::ZERO, data, blobs: Vec::new() }
    }

    /// Returns the call with wei.
    pub(crate) fn with(self, value: U256) -> Self {
        Self { value, ..self }
    }
}

/// The chain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    db: CacheDB<EmptyDB>,
    /// Number of the block in which the next transaction runs.
    pub(crate) number: u64,
}

impl Chain {
    /// Gives an account ether.
    pub(crate) fn fund(&mut self, account: Address, wei: U256) {
        self.db.insert_account_info(account, AccountInfo::from_balance(wei));
    }

    /// Returns the ether of an account.
    pub(crate) fn ether(&mut self, account: Address) -> U256 {
        self.db.load_account(account).unwrap().info.balance
    }

    /// Returns the hash that the EVM gives a block of the last 256.
    pub(crate) fn hash_of(&self, number: u64) -> B256 {
        let is_known = number < self.number && number + 256 >= self.number;
        if is_known { keccak256(number.to_string()) } else { B256::ZERO }
    }

    /// Creates a contract.
    pub(crate) fn create(&mut self, from: Address, code: Bytes, value: U256) -> Address {
        match self.run(from, TxKind::Create, value, code, &[], true) {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } => address,
            other => panic!("not created: {other:?}"),
        }
    }

    /// Runs a transaction. Returns its gas.
    pub(crate) fn send(&mut self, sent: &Sent) -> Result<u64, Bytes> {
        let Sent { from, to, value, data, blobs } = sent.clone();
        let result = self.run(from, TxKind::Call(to), value, data, &blobs, true);
        let gas = result.tx_gas_used();
        match result {
            ExecutionResult::Success { .. } => Ok(gas),
            ExecutionResult::Revert { output, .. } => Err(output),
            ExecutionResult::Halt { reason, .. } => panic!("halted: {reason:?}"),
        }
    }

    /// Asks a contract.
    pub(crate) fn ask<C: SolCall>(&mut self, to: Address, call: &C) -> C::Return {
        let data = call.abi_encode().into();
        let result = self.run(Address::ZERO, TxKind::Call(to), U256::ZERO, data, &[], false);
        C::abi_decode_returns(result.output().expect("answers")).expect("answers what it says")
    }

    fn run(
        &mut self,
        caller: Address,
        kind: TxKind,
        value: U256,
        data: Bytes,
        blobs: &[B256],
        commits: bool,
    ) -> ExecutionResult {
        let mut cfg = CfgEnv::new_with_spec(SpecId::PRAGUE);
        cfg.chain_id = L1;
        cfg.disable_nonce_check = true;
        cfg.disable_eip3607 = true;
        let number = self.number;
        let mut evm = Context::mainnet()
            .with_db(&mut self.db)
            .with_cfg(cfg)
            .modify_block_chained(|block| {
                block.number = U256::from(number);
                block.gas_limit = u64::MAX;
                block.basefee = 0;
            })
            .build_mainnet();
        let tx = TxEnv {
            tx_type: if blobs.is_empty() { 0 } else { 3 },
            caller,
            gas_limit: 30_000_000,
            kind,
            value,
            data,
            chain_id: Some(L1),
            gas_priority_fee: (!blobs.is_empty()).then_some(0),
            blob_hashes: blobs.to_vec(),
            max_fee_per_blob_gas: if blobs.is_empty() { 0 } else { 1 },
            ..TxEnv::default()
        };
        if commits {
            evm.transact_commit(tx).expect("a valid transaction")
        } else {
            evm.transact(tx).expect("a valid call").result
        }
    }
}
