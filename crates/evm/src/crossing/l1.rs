//! L1 as the other end: it calls when an item that was born there is delivered, and takes what the bridge sends (P24).
//!
//! L1 has no machine here. Its calls are in items, and its answers are always the same, so both ends of its hops are made by the
//! rollup's machine.

use super::{
    Crossing,
    answer::{failure, refusal},
    request::Request,
};
use crate::{
    escrow::TokenId,
    joint::{Effect, ExecError, Joint, Mode, Step, Stop},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes, U256};
use revm::{
    DatabaseRef,
    context::JournalTr,
    interpreter::{CallInputs, InstructionResult},
};
use weft_types::{HopBody, HopCall, HopReturn, NetworkId, Status, TokenMove};

/// A call from L1.
#[derive(Debug)]
pub(crate) struct L1Call {
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) token: Option<TokenMove>,
    pub(crate) gas: u64,
    pub(crate) data: Bytes,
}

impl<D: DatabaseRef> Joint<D> {
    /// Lets the leg's sender on L1 call an account of chain `chain`; returns how that ended.
    pub(crate) fn call_from_l1(
        &mut self,
        chain: usize,
        call: L1Call,
    ) -> Result<Status, ExecError<D>> {
        let callee = self.chains[chain].network();
        let L1Call { to, value, token, gas, data } = call;
        let call = HopCall {
            origin: self.leg.origin,
            origin_network: NetworkId::L1,
            gas_price: self.leg.gas_price,
            caller: self.leg.origin,
            target: to,
            value,
            token,
            gas,
            is_static: false,
            data,
        };
        let crossing = Crossing {
            caller: NetworkId::L1,
            callee,
            is_static: false,
            source: call.caller,
            thread_before: self.leg.thread,
            thread_called: self.leg.thread,
            escrow: self.escrow.mark(),
            effects: self.effects.len(),
            outbound: None,
            inbound: None,
        };
        let hop = self.emit(NetworkId::L1, callee, HopBody::Call(call));
        let step = self.arrive(crossing, hop)?;
        let result = self.drive(step)?;
        self.check_stop()?;
        match self.hops.last().map(|hop| &hop.body) {
            Some(HopBody::Return(ret)) if result.is_none() => Ok(ret.status),
            _ => Err(self.halt(Stop::BadHop("a call from L1 did not come back".into()))),
        }
    }

    /// Returns the ether that lies with a proxy of chain `chain`.
    pub(crate) fn held_by(&mut self, chain: usize, proxy: Address) -> Result<U256, ExecError<D>> {
        let journal = self.chains[chain].journal();
        let account = journal.load_account(proxy).map_err(ExecError::<D>::Database)?;
        Ok(account.data.info.balance)
    }

    /// Takes ether of an account off chain `chain` and out of its escrow; true when it was there.
    pub(crate) fn take_off(
        &mut self,
        chain: usize,
        account: Address,
        wei: U256,
    ) -> Result<bool, ExecError<D>> {
        let network = self.chains[chain].network();
        Ok(self.escrow.take(network, TokenId::ETHER, wei)
            && self.chains[chain].debit(account, wei).map_err(ExecError::<D>::Database)?)
    }

    /// Takes what the bridge of the active chain sends to L1 off that chain. It is claimed there, so nothing fails on L1.
    pub(super) fn leave(
        &mut self,
        inputs: &CallInputs,
        request: Request,
        cost: u64,
    ) -> Result<Step, ExecError<D>> {
        if self.mode == Mode::Ahead {
            return Err(self.halt(Stop::Crossing));
        }
        let (own, value) = (self.active_network(), inputs.value.get());
        let escrow = self.escrow.mark();
        if inputs.is_static || !self.take_escrow(own, value, request.token.as_ref()) {
            let status = Status::InsufficientEscrow;
            let output = failure(request.route, request.network, status, &Bytes::new());
            return self.deliver(refusal(inputs, cost, output, InstructionResult::Revert));
        }
        if !value.is_zero()
            && !self.chain().debit(inputs.caller, value).map_err(ExecError::<D>::Database)?
        {
            self.escrow.undo_to(escrow);
            let result = InstructionResult::OutOfFunds;
            return self.deliver(refusal(inputs, cost, Bytes::new(), result));
        }
        let token = request.token.filter(|token| TokenId::of(token) != TokenId::ETHER);
        let call = HopCall {
            origin: self.leg.origin,
            origin_network: self.leg.origin_network,
            gas_price: self.leg.gas_price,
            caller: request.source,
            target: request.target,
            value,
            token,
            gas: 0,
            is_static: false,
            data: request.data,
        };
        let hop = self.emit(own, NetworkId::L1, HopBody::Call(call));
        let number = self.hops[hop].place.k;
        self.effects.push(Effect { network: NetworkId::L1, hop: number, checkpoint: None, escrow });
        let ret = HopReturn {
            status: Status::Ok,
            is_static: false,
            gas_used: 0,
            refund: 0,
            value: U256::ZERO,
            touched: Vec::new(),
            data: Bytes::new(),
        };
        self.emit(NetworkId::L1, own, HopBody::Return(ret));
        self.check_stop()?;
        self.deliver(refusal(inputs, cost, Bytes::new(), InstructionResult::Return))
    }
}
