//! Simulations that build on each other: calls that are kept, system calls, precompiled contracts elsewhere.

use crate::{
    fold::{FoldError, FoldErrorOf},
    joint::{ExecError, LegContext},
    precompiles::MovedPrecompiles,
    realm::Realm,
    state::State,
};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes, Log};
use revm::{
    Database, SystemCallEvm,
    context::{
        JournalTr, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
    },
    handler::SYSTEM_ADDRESS,
};
use weft_thread::thread_start;
use weft_types::{NetworkId, Position};

/// Work that a kept call did on another rollup (P29).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundWork {
    /// Rollup.
    pub network: NetworkId,
    /// Gas used there.
    pub gas_used: u64,
    /// Logs that survived there.
    pub logs: Vec<Log>,
}

/// What a kept call did.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Result of the call, or why it could not start.
    pub result: Result<ExecutionResult<HaltReason>, InvalidTransaction>,
    /// What it did on other rollups.
    pub inbound: Vec<InboundWork>,
}

impl<D: State> Realm<D> {
    /// Runs `tx` on `network` over all rollups, and keeps what it did. Balances always count; nonces and fees only
    /// when `validates`. The limits of a block are up to the caller, and contracts may send.
    ///
    /// # Errors
    ///
    /// [`FoldError`] when a state cannot be read.
    ///
    /// # Panics
    ///
    /// Panics when `network` does not run here.
    pub fn execute(
        &mut self,
        network: NetworkId,
        tx: TxEnv,
        validates: bool,
    ) -> Result<Kept, FoldErrorOf<D>> {
        let home = self.joint.index_of(network).expect("the rollup runs here");
        let position = Position::default();
        self.begin_item();
        let base_fee = self.joint.chains[home].base_fee();
        let tip = tx.gas_priority_fee.unwrap_or(tx.gas_price);
        self.joint.leg = LegContext {
            position,
            leg: 0,
            origin: tx.caller,
            origin_network: network,
            gas_price: tx.gas_price.min(base_fee.saturating_add(tip)),
            gas_limit: tx.gas_limit,
            thread: thread_start(&self.joint.domain, position, 0, &Default::default()),
            k: 0,
        };
        // Whoever names a fee names one that the block takes.
        let names_fee = tx.gas_price != 0 || tx.gas_priority_fee.is_some_and(|tip| tip != 0);
        self.set_checks(home, validates);
        self.joint.chains[home].evm.ctx.cfg.disable_base_fee = !validates && !names_fee;
        self.joint.chains[home].evm.ctx.tx = tx;
        let result = self.joint.run_leg(home);
        self.set_checks(home, true);
        self.joint.chains[home].evm.ctx.cfg.disable_eip3607 = false;
        self.joint.chains[home].evm.ctx.cfg.disable_block_gas_limit = false;
        self.joint.chains[home].evm.ctx.cfg.tx_gas_limit_cap = None;
        self.keep(home, result)
    }

    fn set_checks(&mut self, home: usize, validates: bool) {
        self.joint.lenient = !validates;
        let cfg = &mut self.joint.chains[home].evm.ctx.cfg;
        cfg.disable_nonce_check = !validates;
        cfg.disable_base_fee = !validates;
        cfg.disable_block_gas_limit = true;
        cfg.disable_eip3607 = true;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
    }

    fn keep(
        &mut self,
        home: usize,
        result: Result<ExecutionResult<HaltReason>, ExecError<D>>,
    ) -> Result<Kept, FoldErrorOf<D>> {
        let result = match result {
            Ok(result) => result,
            Err(EVMError::Transaction(error)) => {
                self.forget_item();
                return Ok(Kept { result: Err(error), inbound: Vec::new() });
            }
            Err(error) => {
                self.forget_item();
                return Err(self.fold_error(error));
            }
        };
        let chain = &mut self.joint.chains[home];
        chain.gas_left = chain.gas_left.saturating_sub(result.tx_gas_used());
        let mut inbound = Vec::new();
        for chain in &mut self.joint.chains {
            let network = chain.network();
            let scope = chain.close_scope();
            inbound.extend(scope.map(|scope| InboundWork {
                network,
                gas_used: scope.gas_used,
                logs: scope.logs,
            }));
            chain.gas_left = chain.gas_left.saturating_sub(chain.item_gas);
            let changes = chain.take_journal();
            chain.working_mut().commit(changes).map_err(FoldError::State)?;
        }
        self.joint.escrow.settle();
        self.joint.hops.clear();
        Ok(Kept { result: Ok(result), inbound })
    }

    /// Calls a contract as the system does, and keeps what it did; `None` when it has no code.
    ///
    /// # Errors
    ///
    /// A state's error.
    ///
    /// # Panics
    ///
    /// Panics when `network` does not run here.
    pub fn call_system(
        &mut self,
        network: NetworkId,
        target: Address,
        input: Bytes,
    ) -> Result<Option<ExecutionResult<HaltReason>>, ExecError<D>> {
        let index = self.joint.index_of(network).expect("the rollup runs here");
        let chain = &mut self.joint.chains[index];
        let account = chain.working_mut().basic(target).map_err(ExecError::<D>::Database)?;
        if account.is_none_or(|info| info.is_empty_code_hash()) {
            return Ok(None);
        }
        let result = chain.evm.system_call_one_with_caller(SYSTEM_ADDRESS, target, input)?;
        let changes = chain.evm.ctx.journaled_state.finalize();
        chain.working_mut().commit(changes).map_err(ExecError::<D>::Database)?;
        Ok(Some(result))
    }

    /// Returns true when a precompiled contract is at home at `address`.
    pub fn is_precompile(&self, network: NetworkId, address: &Address) -> bool {
        let index = self.joint.index_of(network);
        index.is_some_and(|index| self.joint.chains[index].evm.precompiles.contains(address))
    }

    /// Says where the precompiled contracts of a rollup are found.
    pub fn move_precompiles(&mut self, network: NetworkId, moved: MovedPrecompiles) {
        if let Some(index) = self.joint.index_of(network) {
            self.joint.chains[index].evm.precompiles.set_moved(moved);
        }
    }

    /// Adds ether to what may leave a rollup, when a simulation made it up (P24).
    pub fn grow_escrow(&mut self, network: NetworkId, wei: alloy_primitives::U256) {
        self.joint.escrow.give(network, crate::TokenId::ETHER, wei);
        self.joint.escrow.settle();
    }
}
