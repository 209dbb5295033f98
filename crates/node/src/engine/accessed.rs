//! What a call touches on its own rollup, whatever it does on others.

use super::{At, Engine};
use crate::{
    rpc::errors::{RpcError, RpcResult},
    view::View,
};
use alloy_eips::eip2930::AccessList;
use alloy_rpc_types_eth::state::StateOverride;
use revm::{
    Inspector,
    context::{TxEnv, result::ExecutionResult},
    interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter},
};
use revm_inspectors::access_list::AccessListInspector;
use std::{cell::RefCell, rc::Rc};
use weft_evm::{
    SimulateMode,
    trace::{TraceContext, Tracer},
};
use weft_types::NetworkId;

/// Collects addresses and slots on one rollup.
#[derive(Debug)]
struct Accesses {
    home: NetworkId,
    active: NetworkId,
    /// True once the outermost frame was seen: it names what is warm in any case.
    has_begun: bool,
    inner: Rc<RefCell<AccessListInspector>>,
}

impl Accesses {
    /// Returns true for the outermost frame, once.
    fn begins(&mut self) -> bool {
        self.active == self.home && !std::mem::replace(&mut self.has_begun, true)
    }
}

impl Inspector<TraceContext<View>> for Accesses {
    fn step(&mut self, interp: &mut Interpreter, context: &mut TraceContext<View>) {
        if self.active == self.home {
            self.inner.borrow_mut().step(interp, context);
        }
    }

    fn call(
        &mut self,
        context: &mut TraceContext<View>,
        inputs: &mut CallInputs,
    ) -> Option<CallOutcome> {
        if self.begins() { self.inner.borrow_mut().call(context, inputs) } else { None }
    }

    fn create(
        &mut self,
        context: &mut TraceContext<View>,
        inputs: &mut CreateInputs,
    ) -> Option<CreateOutcome> {
        if self.begins() { self.inner.borrow_mut().create(context, inputs) } else { None }
    }
}

impl Tracer<View> for Accesses {
    fn on_chain(&mut self, network: NetworkId) {
        self.active = network;
    }
}

impl Engine {
    /// Runs a call at a moment and returns what it touches on its own chain, with its result.
    pub(crate) fn touched(
        &mut self,
        network: NetworkId,
        at: At,
        tx: TxEnv,
    ) -> RpcResult<(AccessList, ExecutionResult)> {
        if self.chain(network).foreign.is_some() {
            return self.touched_foreign(network, at, tx);
        }
        let inner = Rc::new(RefCell::new(AccessListInspector::new(tx.access_list.clone())));
        let tracer =
            Accesses { home: network, active: network, has_begun: false, inner: inner.clone() };
        let mut realm = self.scratch(network, at, StateOverride::default())?;
        realm.set_tracer(Some(Box::new(tracer)));
        let simulated = realm
            .simulate(network, tx, SimulateMode::Call)
            .map_err(|error| RpcError::new(-32603, format!("call could not run: {error}")))?;
        let result = simulated.result.map_err(RpcError::refused)?;
        let list = inner.borrow().access_list();
        Ok((list, result))
    }
}
