//! What a call touches on its own rollup, whatever it does on others.

use super::{At, Engine};
use crate::{
    rpc::errors::{RpcError, RpcResult},
    view::View,
};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::Address;
use alloy_rpc_types_eth::state::StateOverride;
use revm::{
    Inspector,
    context::{TxEnv, result::ExecutionResult},
    interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter},
};
use revm_inspectors::access_list::AccessListInspector;
use std::{cell::RefCell, collections::BTreeSet, rc::Rc};
use weft_evm::{
    SimulateMode,
    trace::{TraceContext, Tracer},
};
use weft_types::{MANAGER, NetworkId, RESERVED};

/// Collects addresses and slots on one rollup.
#[derive(Debug)]
struct Accesses {
    home: NetworkId,
    active: NetworkId,
    /// True once the outermost frame was seen: it names what is warm in any case.
    has_begun: bool,
    inner: Rc<RefCell<AccessListInspector>>,
    /// Accounts that asked the reserved address to cross and are not the manager.
    proxies: Rc<RefCell<BTreeSet<Address>>>,
}

impl Accesses {
    /// Notes whose registry entry the executor reads, which no opcode shows (P21).
    fn note_proxy(&self, inputs: &CallInputs) {
        let asks = inputs.target_address == RESERVED && inputs.caller != MANAGER;
        if asks && self.active == self.home {
            self.proxies.borrow_mut().insert(inputs.caller);
        }
    }

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
        self.note_proxy(inputs);
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
        let proxies = Rc::<RefCell<BTreeSet<_>>>::default();
        let (home, has_begun) = (network, false);
        let tracer = Accesses {
            home,
            active: network,
            has_begun,
            inner: inner.clone(),
            proxies: proxies.clone(),
        };
        let mut realm = self.scratch(network, at, StateOverride::default())?;
        realm.set_tracer(Some(Box::new(tracer)));
        let simulated = realm
            .simulate(network, tx, SimulateMode::Call)
            .map_err(|error| RpcError::new(-32603, format!("call could not run: {error}")))?;
        let result = simulated.result.map_err(RpcError::refused)?;
        let list = with_registry(inner.borrow().access_list(), &proxies.borrow());
        Ok((list, result))
    }
}

/// Adds the entries of `proxies` in the manager's registry.
fn with_registry(mut list: AccessList, proxies: &BTreeSet<Address>) -> AccessList {
    if proxies.is_empty() {
        return list;
    }
    let slots = proxies.iter().map(|proxy| proxy.into_word());
    match list.0.iter_mut().find(|item| item.address == MANAGER) {
        Some(item) => {
            let missing: Vec<_> = slots.filter(|slot| !item.storage_keys.contains(slot)).collect();
            item.storage_keys.extend(missing);
        }
        None => list.0.push(AccessListItem { address: MANAGER, storage_keys: slots.collect() }),
    }
    list
}
