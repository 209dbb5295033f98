//! Runs a call on the open slot and forgets it: `eth_call`, gas estimates, previews.

use crate::{
    fold::{FoldError, FoldErrorOf},
    joint::{Joint, LegContext},
    realm::Realm,
    state::State,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use revm::context::{
    TxEnv,
    result::{EVMError, ExecutionResult, HaltReason},
};
use weft_thread::thread_start;
use weft_types::{Hop, NetworkId, Position};

/// Most gas that a simulated leg of another rollup may bring.
const MAX_SIMULATED_GAS: u64 = 1 << 30;

/// How strict a simulation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SimulateMode {
    /// Nonce, balance for fees, base fee and block space are not checked, as for `eth_call`.
    #[default]
    Call,
    /// Everything is checked as for a transaction.
    Strict,
}

/// What a simulated call did.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// Result of the transaction, or why it could not start.
    pub result: Result<ExecutionResult<HaltReason>, String>,
    /// Hops that it made.
    pub hops: Vec<Hop>,
}

impl<D: State> Realm<D> {
    /// Runs `tx` on `network` on top of everything the open slot did, over all rollups, and forgets it.
    ///
    /// # Errors
    ///
    /// [`FoldError`] when a state cannot be read or a rollup elsewhere is lost.
    ///
    /// # Panics
    ///
    /// Panics when `network` does not run here.
    pub fn simulate(
        &mut self,
        network: NetworkId,
        tx: TxEnv,
        mode: SimulateMode,
    ) -> Result<Simulated, FoldErrorOf<D>> {
        let home = self.joint.index_of(network).expect("the rollup runs here");
        let position = Position::default();
        self.begin_item();
        self.joint.leg = LegContext {
            position,
            leg: 0,
            origin: tx.caller,
            origin_network: network,
            gas_price: tx.gas_price,
            gas_limit: tx.gas_limit,
            thread: thread_start(&self.joint.domain, position, 0, &Default::default()),
            k: 0,
        };
        set_lenient(&mut self.joint, home, mode == SimulateMode::Call);
        self.joint.chains[home].evm.ctx.tx = tx;
        let result = self.joint.run_leg(home);
        set_lenient(&mut self.joint, home, false);
        self.forget_item();
        let hops = self.joint.take_hops();
        match (self.joint.stop.take(), result) {
            (Some(stop), _) => Err(FoldError::Stopped(stop)),
            (None, Ok(result)) => Ok(Simulated { result: Ok(result), hops }),
            (None, Err(EVMError::Database(error))) => Err(FoldError::State(error)),
            (None, Err(error)) => Ok(Simulated { result: Err(error.to_string()), hops }),
        }
    }
}

impl<D: State> Realm<D> {
    /// Does what a simulated leg of another rollup asks of the rollups here, and forgets it.
    ///
    /// # Errors
    ///
    /// [`FoldError`] when a state cannot be read or the other side is lost.
    pub fn serve_simulation(&mut self) -> Result<(), FoldErrorOf<D>> {
        let position = Position::default();
        self.begin_item();
        self.joint.leg = LegContext {
            thread: thread_start(&self.joint.domain, position, 0, &Default::default()),
            position,
            gas_limit: MAX_SIMULATED_GAS,
            ..LegContext::default()
        };
        self.joint.lenient = true;
        let result = self.joint.run_inbound();
        self.joint.lenient = false;
        self.forget_item();
        result.map_err(|error| self.fold_error(error))
    }
}

fn set_lenient<D: State>(joint: &mut Joint<D>, home: usize, lenient: bool) {
    joint.lenient = lenient;
    let cfg = &mut joint.chains[home].evm.ctx.cfg;
    cfg.disable_nonce_check = lenient;
    cfg.disable_balance_check = lenient;
    cfg.disable_base_fee = lenient;
    cfg.disable_block_gas_limit = lenient;
    cfg.disable_eip3607 = lenient;
    cfg.tx_gas_limit_cap = lenient.then_some(u64::MAX);
}
