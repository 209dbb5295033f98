//! One rollup's EVM inside the joint machine.

use crate::{precompiles::Precompiles, working::WorkingState};
use alloc::vec::Vec;
use alloy_primitives::{Address, Log, TxKind, U256};
use revm::{
    Context, DatabaseRef, Journal,
    context::{BlockEnv, CfgEnv, Evm, FrameStack, JournalTr, LocalContextTr, TxEnv},
    context_interface::journaled_state::{JournalCheckpoint, account::JournaledAccountTr},
    handler::{EthFrame, PrecompileProvider, instructions::EthInstructions},
    interpreter::{SharedMemory, interpreter::EthInterpreter},
    primitives::hardfork::SpecId,
    state::EvmState,
};
use weft_types::{MANAGER, NetworkId, SYSTEM_SENDER};

/// EVM context of one rollup.
pub(crate) type Ctx<D> =
    Context<BlockEnv, TxEnv, CfgEnv, WorkingState<D>, Journal<WorkingState<D>>, ()>;

/// One rollup's EVM: stock instructions and frames.
pub(crate) type ChainEvm<D> =
    Evm<Ctx<D>, (), EthInstructions<EthInterpreter, Ctx<D>>, Precompiles, EthFrame<EthInterpreter>>;

/// What becomes of single plaintext transactions that revert (P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailedPolicy {
    /// They stay in the block, reverted, and pay gas.
    #[default]
    Keep,
    /// They are removed.
    Remove,
}

impl FailedPolicy {
    /// Returns the policy of a rollup that removes what fails, or of one that keeps it.
    pub const fn removing(removes: bool) -> Self {
        if removes { Self::Remove } else { Self::Keep }
    }

    /// Returns the word for it in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

/// Fixed facts about one rollup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainSpec {
    /// Id inside the protocol.
    pub network: NetworkId,
    /// EIP-155 id.
    pub chain_id: u64,
    /// EVM rules.
    pub hardfork: SpecId,
    /// Gas limit of a block.
    pub block_gas_limit: u64,
    /// Receiver of priority fees.
    pub coinbase: Address,
    /// Longest time without a block, in seconds; zero for no bound (P9).
    pub max_block_interval: u64,
    /// What becomes of failed transactions.
    pub failed: FailedPolicy,
}

impl ChainSpec {
    /// Returns the development rules for rollup `id`, which is its EIP-155 id as well.
    pub const fn dev(id: u32) -> Self {
        Self {
            network: NetworkId::new(id),
            chain_id: id as u64,
            hardfork: SpecId::OSAKA,
            block_gas_limit: 60_000_000,
            coinbase: alloy_primitives::address!("0x57454654000000000000000000000000000000fe"),
            max_block_interval: 12,
            failed: FailedPolicy::Keep,
        }
    }
}

/// Work that other chains do here during one leg (P29).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scope {
    pub(crate) gas_used: u64,
    /// Nonce of the system transaction.
    pub(crate) nonce: u64,
}

/// What a foreign leg left on a chain.
#[derive(Debug)]
pub(crate) struct ClosedScope {
    pub(crate) gas_used: u64,
    pub(crate) nonce: u64,
    pub(crate) logs: Vec<Log>,
}

/// One rollup's EVM with its own journal and frame stack.
#[derive(Debug)]
pub(crate) struct Chain<D: DatabaseRef> {
    pub(crate) spec: ChainSpec,
    pub(crate) evm: ChainEvm<D>,
    /// Frames on this chain's stack.
    pub(crate) depth: usize,
    /// Block gas that no decided item has used.
    pub(crate) gas_left: u64,
    /// Gas used here by decided legs of the item in progress.
    pub(crate) item_gas: u64,
    /// Open when a leg of another chain works here.
    pub(crate) scope: Option<Scope>,
}

impl<D: DatabaseRef> Chain<D> {
    pub(crate) fn new(spec: ChainSpec, working: WorkingState<D>, block: BlockEnv) -> Self {
        let mut ctx: Ctx<D> = Context::new(working, spec.hardfork);
        ctx.cfg.chain_id = spec.chain_id;
        ctx.block = block;
        let mut evm = Evm {
            ctx,
            inspector: (),
            instruction: EthInstructions::new_mainnet_with_spec(spec.hardfork),
            precompiles: Precompiles::new(spec.hardfork),
            frame_stack: FrameStack::new_prealloc(8),
        };
        let journal = &mut evm.ctx.journaled_state;
        journal.set_spec_id(spec.hardfork);
        let precompiles: &dyn PrecompileProvider<Ctx<D>, Output = _> = &evm.precompiles;
        journal.warm_precompiles(precompiles.warm_addresses());
        let gas_left = spec.block_gas_limit;
        Self { spec, evm, depth: 0, gas_left, item_gas: 0, scope: None }
    }

    pub(crate) const fn network(&self) -> NetworkId {
        self.spec.network
    }

    pub(crate) fn journal(&mut self) -> &mut Journal<WorkingState<D>> {
        &mut self.evm.ctx.journaled_state
    }

    pub(crate) fn working(&self) -> &WorkingState<D> {
        self.evm.ctx.journaled_state.db()
    }

    pub(crate) fn working_mut(&mut self) -> &mut WorkingState<D> {
        self.evm.ctx.journaled_state.db_mut()
    }

    pub(crate) fn base_fee(&self) -> u128 {
        u128::from(self.evm.ctx.block.basefee)
    }

    /// Starts a transaction scope for work of a leg that is at home elsewhere. `origin` is the proxy of the
    /// leg's sender. The system transaction warms what every transaction warms: coinbase, sender, receiver.
    pub(crate) fn open_scope(&mut self, origin: Address) -> Result<(), D::Error> {
        let coinbase = self.evm.ctx.block.beneficiary;
        self.evm.ctx.tx = TxEnv {
            caller: origin,
            gas_price: 0,
            kind: TxKind::Call(MANAGER),
            chain_id: Some(self.spec.chain_id),
            gas_limit: self.gas_left,
            ..TxEnv::default()
        };
        self.evm.ctx.local.clear();
        let journal = self.journal();
        journal.warm_coinbase_account(coinbase);
        let mut sender = journal.load_account_mut(SYSTEM_SENDER)?.data;
        let nonce = sender.nonce();
        sender.bump_nonce();
        journal.load_account(MANAGER)?;
        self.scope = Some(Scope { gas_used: 0, nonce });
        Ok(())
    }

    /// Ends the scope of a foreign leg.
    pub(crate) fn close_scope(&mut self) -> Option<ClosedScope> {
        let scope = self.scope.take()?;
        let logs = self.journal().take_logs();
        self.journal().commit_tx();
        self.evm.ctx.local.clear();
        self.evm.frame_stack.clear();
        self.depth = 0;
        self.item_gas += scope.gas_used;
        Some(ClosedScope { gas_used: scope.gas_used, nonce: scope.nonce, logs })
    }

    /// Ends the item in progress, keeping (in the returned state) or forgetting what it did.
    pub(crate) fn take_journal(&mut self) -> EvmState {
        self.scope = None;
        self.item_gas = 0;
        self.depth = 0;
        self.evm.frame_stack.clear();
        self.evm.ctx.local.clear();
        self.journal().finalize()
    }

    /// Makes a checkpoint that no frame owns.
    pub(crate) fn checkpoint(&mut self) -> JournalCheckpoint {
        let journal = self.journal();
        let checkpoint = journal.checkpoint();
        journal.checkpoint_commit();
        checkpoint
    }

    /// Takes everything back to a checkpoint that no frame owns.
    pub(crate) fn revert_to(&mut self, checkpoint: JournalCheckpoint) {
        let journal = self.journal();
        journal.checkpoint();
        journal.checkpoint_revert(checkpoint);
    }

    /// Adds wei to an account. Saturates: a rollup that comes near 2^256 wei made them up, and what is lost is its
    /// own.
    pub(crate) fn credit(&mut self, address: Address, wei: U256) -> Result<(), D::Error> {
        let mut account = self.journal().load_account_mut(address)?.data;
        if !account.incr_balance(wei) {
            account.set_balance(U256::MAX);
        }
        Ok(())
    }

    /// Takes wei from an account; false when it does not have them.
    pub(crate) fn debit(&mut self, address: Address, wei: U256) -> Result<bool, D::Error> {
        Ok(self.journal().load_account_mut(address)?.data.decr_balance(wei))
    }

    /// Gives a frame that no opcode opened its depth and its own memory, behind what suspended frames of this
    /// chain hold.
    pub(crate) fn inbound_memory(&mut self) -> (usize, SharedMemory) {
        if self.depth == 0 {
            self.evm.ctx.local.clear();
            let buffer = self.evm.ctx.local.shared_memory_buffer().clone();
            return (0, SharedMemory::new_with_buffer(buffer));
        }
        // The suspended frame's call into the reserved address took a child context; every inbound frame that
        // runs meanwhile gets a fresh one, so that nothing of an earlier sibling shows.
        let suspended = self.evm.frame_stack.get();
        suspended.interpreter.memory.free_child_context();
        (suspended.depth + 1, suspended.interpreter.memory.new_child_context())
    }
}
