//! The other end of a crossing runs elsewhere: hops come in, and nothing in them is believed that can be checked.

use super::{Crossing, is_accounted};
use crate::joint::{Effect, ExecError, Joint, Step, Stop};
use alloy_primitives::B256;
use revm::DatabaseRef;
use weft_types::{Hop, HopBody, HopCall, HopReturn, NetworkId};

impl<D: DatabaseRef> Joint<D> {
    /// Takes a hop from a chain that runs elsewhere.
    pub(crate) fn inbound(&mut self, hop: Hop) -> Result<Step, ExecError<D>> {
        let (from, to) = (hop.from, hop.to);
        // Hops are kept as they come in.
        let last = self.hops.len() - 1;
        if !matches!(hop.body, HopBody::Rollback { .. }) {
            self.undone.clear();
        }
        match hop.body {
            HopBody::Call(call) => {
                self.check_call(from, &call)?;
                let crossing = self.inbound_crossing(from, to, hop.thread, &call);
                self.arrive(crossing, last)
            }
            HopBody::Return(ret) => self.inbound_return(from, to, &ret),
            HopBody::Rollback { to_hop } => self.inbound_rollback(to, to_hop),
            HopBody::Verdict(_) => Err(self.halt(Stop::BadHop("verdict inside a leg".into()))),
        }
    }

    /// Refuses a call from elsewhere that no machine of ours would make: one that speaks of another leg than the one
    /// in progress (everybody knows the item; a simulated leg is known to its caller only), brings more gas than the
    /// leg has, or is a bridge's that accounts for other tokens than it releases.
    fn check_call(&mut self, from: NetworkId, call: &HopCall) -> Result<(), ExecError<D>> {
        let leg = &self.leg;
        let same = (call.origin, call.origin_network) == (leg.origin, leg.origin_network);
        let known = self.lenient || same && call.gas_price <= leg.gas_price;
        if known
            && call.gas <= *self.budget()
            && is_accounted(call.caller, call.target, call.token.as_ref(), &call.data)
        {
            return Ok(());
        }
        Err(self.halt(Stop::BadHop(alloc::format!("call from {from} does not fit its leg"))))
    }

    fn inbound_crossing(
        &mut self,
        caller: NetworkId,
        callee: NetworkId,
        thread_before: B256,
        call: &HopCall,
    ) -> Crossing {
        self.leg.origin = call.origin;
        self.leg.origin_network = call.origin_network;
        self.leg.gas_price = call.gas_price;
        Crossing {
            caller,
            callee,
            is_static: call.is_static,
            source: call.caller,
            thread_before,
            thread_called: self.leg.thread,
            escrow: self.escrow.mark(),
            effects: self.effects.len(),
            outbound: None,
            inbound: None,
        }
    }

    fn inbound_return(
        &mut self,
        from: NetworkId,
        to: NetworkId,
        ret: &HopReturn,
    ) -> Result<Step, ExecError<D>> {
        let fits = self.crossings.last().is_some_and(|crossing| {
            let waiting = crossing.outbound.is_some() && crossing.inbound.is_none();
            waiting && (crossing.callee, crossing.caller) == (from, to)
        });
        let within = self.crossings.last().and_then(|crossing| crossing.outbound.as_ref());
        let within = within.is_some_and(|side| {
            let crossed = side.gas_limit - side.tariff;
            // Calls back from there were paid out of what crossed.
            (crossed - side.budget..=crossed).contains(&ret.gas_used)
        });
        // No unit of gas earns more: a warm SSTORE costs 100 and gives back up to 19,900 (EIP-3529).
        let earned = ret.refund.unsigned_abs() <= ret.gas_used.saturating_mul(200);
        if !fits || !within || !earned {
            return Err(self.halt(Stop::BadHop(alloc::format!("return from {from} to nothing"))));
        }
        let crossing = self.crossings.pop().expect("just seen");
        self.settle(&crossing, self.hops.len() - 1)
    }

    /// Takes back everything since a hop. A frame elsewhere reverted, and each chain that it touched is told by a
    /// rollback of its own; the first of them takes back all chains here, the others find that done.
    fn inbound_rollback(&mut self, to: NetworkId, to_hop: u32) -> Result<Step, ExecError<D>> {
        let undone = |effect: &Effect| effect.network == to && effect.hop == to_hop;
        let Some(first) = self.effects.iter().position(undone) else {
            if self.undone.iter().any(undone) {
                return Ok(Step::Await);
            }
            return Err(self.halt(Stop::BadHop(alloc::format!("rollback to unknown hop {to_hop}"))));
        };
        let escrow = self.effects[first].escrow;
        while self.effects.len() > first {
            let effect = self.effects.pop().expect("longer than the first");
            self.revert_effect(&effect);
            self.undone.push(effect);
        }
        self.escrow.undo_to(escrow);
        Ok(Step::Await)
    }

    /// Returns the gas that calls from elsewhere may still use here: what the frame that waits for them gave away, or
    /// what the leg has.
    pub(super) fn budget(&mut self) -> &mut u64 {
        let waits = |crossing: &&mut Crossing| crossing.inbound.is_none();
        let waiting = self.crossings.last_mut().filter(waits);
        match waiting.and_then(|crossing| crossing.outbound.as_mut()) {
            Some(side) => &mut side.budget,
            None => &mut self.leg.gas_limit,
        }
    }
}
