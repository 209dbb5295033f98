//! What is asked of the reserved address, and by whom (P21).

use super::answer::Refused;
use crate::{
    joint::{ExecError, Joint},
    tariff,
};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use revm::{
    DatabaseRef,
    context::JournalTr,
    interpreter::{CallInputs, CallScheme},
};
use weft_contracts::{Bridge, proxy_registry_slot};
use weft_types::{BRIDGE, MANAGER, NetworkId, RESERVED, Reader, TokenMove};

/// Who asked, which decides how failures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// The manager: a failure is a status byte and its data.
    Manager,
    /// A registered proxy, which passes the answer on as it is: a failure is the callee's revert data or an error.
    Proxy,
}

/// A call that crosses.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) route: Route,
    pub(super) network: u64,
    pub(super) target: Address,
    pub(super) source: Address,
    pub(super) token: Option<TokenMove>,
    pub(super) data: Bytes,
    /// Gas for what was read to complete the request.
    pub(super) lookup: u64,
}

/// A request, or why it is none.
pub(super) type Asked = Result<Request, Refused>;

/// Bytes before the data of a call from the manager: kind (1) | network (8) | target (20) | source (20).
const HEADER: usize = 49;
/// Bytes of a token move: origin network (4) | origin token (20) | amount (32).
const TOKEN: usize = 56;
/// Bytes before the data of a call from a proxy: kind (1) | source (20).
const PROXY_HEADER: usize = 21;
/// Kind of a proxy's call.
const BY_PROXY: u8 = 2;

impl Request {
    /// Returns true when the bridge takes something to L1.
    pub(super) fn leaves_for_l1(&self) -> bool {
        let is_bridges = self.source == BRIDGE && self.target == BRIDGE;
        self.network == 0 && is_bridges && self.token.is_some()
    }

    fn is_accounted(&self) -> bool {
        is_accounted(self.source, self.target, self.token.as_ref(), &self.data)
    }
}

impl<D: DatabaseRef> Joint<D> {
    /// Reads what is asked of the reserved address. It acts for the manager and for proxies that the manager
    /// registered, and for either only when their own code runs as themselves (P21, T10).
    pub(super) fn request(&mut self, inputs: &CallInputs) -> Result<Asked, ExecError<D>> {
        let is_call = matches!(inputs.scheme, CallScheme::Call | CallScheme::StaticCall);
        if inputs.target_address != RESERVED || !is_call || self.chain().depth == 0 {
            return Ok(Err(Refused::default()));
        }
        let asked = match inputs.caller {
            MANAGER => self.request_of_manager(inputs).ok_or_else(Refused::default),
            _ => self.request_of_proxy(inputs)?,
        };
        Ok(asked.and_then(|request| match request.is_accounted() {
            true => Ok(request),
            false => Err(Refused::default()),
        }))
    }

    /// Returns true when the frame that calls runs the code of `account`.
    fn runs_as_itself(&mut self, account: Address) -> bool {
        let frame = self.chain().evm.frame_stack.get();
        frame.interpreter.input.bytecode_address == Some(account)
    }

    fn request_of_manager(&mut self, inputs: &CallInputs) -> Option<Request> {
        if !self.runs_as_itself(MANAGER) {
            return None;
        }
        let input = inputs.input.as_bytes(&self.chain().evm.ctx);
        let mut reader = Reader::new(&input);
        let kind = reader.u8().ok()?;
        let network = reader.u64().ok()?;
        let (target, source) = (reader.address().ok()?, reader.address().ok()?);
        let (token, header) = match kind {
            0 => (None, HEADER),
            1 if source == BRIDGE => (Some(packed_token(&mut reader)?), HEADER + TOKEN),
            _ => return None,
        };
        let data = Bytes::copy_from_slice(&input[header..]);
        Some(Request { route: Route::Manager, network, target, source, token, data, lookup: 0 })
    }

    /// Completes a proxy's call from the manager's registry.
    fn request_of_proxy(&mut self, inputs: &CallInputs) -> Result<Asked, ExecError<D>> {
        let (proxy, route) = (inputs.caller, Route::Proxy);
        let Some((source, data)) = self.call_of_proxy(inputs) else {
            return Ok(Err(Refused::default()));
        };
        if !self.runs_as_itself(proxy) {
            return Ok(Err(Refused::delegated(proxy, 0)));
        }
        let (entry, lookup) = self.registry_entry(proxy)?;
        if entry.is_zero() {
            return Ok(Err(Refused::delegated(proxy, lookup)));
        }
        let (network, target) = registered(entry);
        Ok(Ok(Request { route, network, target, source, token: None, data, lookup }))
    }

    /// Takes a proxy's input apart into source and data.
    fn call_of_proxy(&mut self, inputs: &CallInputs) -> Option<(Address, Bytes)> {
        let input = inputs.input.as_bytes(&self.chain().evm.ctx);
        let (header, data) = input.split_at_checked(PROXY_HEADER)?;
        let is_proxys = header[0] == BY_PROXY;
        is_proxys.then(|| (Address::from_slice(&header[1..]), Bytes::copy_from_slice(data)))
    }

    /// Reads the manager's entry of a proxy, at the price of the same read by the EVM (EIP-2929).
    fn registry_entry(&mut self, proxy: Address) -> Result<(U256, u64), ExecError<D>> {
        let slot = proxy_registry_slot(proxy);
        let journal = self.chain().journal();
        let account = journal.load_account(MANAGER).map_err(ExecError::<D>::Database)?;
        let cost = tariff::access(account.is_cold);
        let entry = journal.sload(MANAGER, slot).map_err(ExecError::<D>::Database)?;
        Ok((entry.data, cost + tariff::slot(entry.is_cold)))
    }
}

/// Takes a registry entry apart: registered (1 bit) .. network (64) | original (160).
fn registered(entry: U256) -> (u64, Address) {
    let bytes = entry.to_be_bytes::<32>();
    let network = bytes[4..12].try_into().expect("eight bytes");
    (u64::from_be_bytes(network), Address::from_slice(&bytes[12..]))
}

/// Takes the token move that the manager packed: origin network (4) | origin token (20) | amount (32).
fn packed_token(input: &mut Reader<'_>) -> Option<TokenMove> {
    let network = NetworkId::new(input.u32().ok()?);
    Some(TokenMove { network, token: input.address().ok()?, amount: input.u256().ok()? })
}

/// Returns true unless a bridge tells its peer to release tokens that the hop does not account for (P24). Asked when
/// a call departs and, of a call from elsewhere, when it arrives.
pub(super) fn is_accounted(
    caller: Address,
    target: Address,
    token: Option<&TokenMove>,
    data: &[u8],
) -> bool {
    let between_bridges = caller == BRIDGE && target == BRIDGE;
    match token {
        Some(token) => between_bridges && names_token(data, token),
        None => !between_bridges || !data.starts_with(&Bridge::receiveTokenCall::SELECTOR),
    }
}

/// Returns true when the first three arguments of a bridged call are what escrow accounts for, so that no call can
/// account for one amount and release another.
fn names_token(data: &[u8], token: &TokenMove) -> bool {
    let word = |index: usize| data.get(4 + 32 * index..36 + 32 * index).map(U256::from_be_slice);
    word(0) == Some(U256::from(token.network.get()))
        && word(1) == Some(token.token.into_word().into())
        && word(2) == Some(token.amount)
}
