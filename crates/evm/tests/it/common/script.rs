//! Scripts for the `Probe` contract.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, sol};
use weft_contracts::Manager;
use weft_types::Status;

sol!(
    #[allow(missing_docs)]
    #[derive(Debug, PartialEq, Eq)]
    Probe,
    "../../contracts/artifacts/Probe.json"
);

pub(crate) use Probe::{Answer, Env, Step};

/// How a step acts; the order is that of `Probe.Kind`.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    Call,
    TryCall,
    Static,
    TryStatic,
    TryDelegate,
    TryCallCode,
    Set,
    Fail,
}

/// Returns the call data of a script.
pub(crate) fn run(steps: impl Into<Vec<Step>>) -> Bytes {
    Probe::runCall { steps: steps.into() }.abi_encode().into()
}

/// Returns the answers of a script.
pub(crate) fn answers(output: &[u8]) -> Vec<Answer> {
    Probe::runCall::abi_decode_returns(output).unwrap()
}

fn step(kind: Kind, target: Address, data: impl Into<Bytes>) -> Step {
    Step { kind: kind as u8, target, value: U256::ZERO, gas: U256::ZERO, data: data.into() }
}

/// A call whose failure is the script's.
pub(crate) fn call(target: Address, data: impl Into<Bytes>) -> Step {
    step(Kind::Call, target, data)
}

/// A call whose failure is recorded.
pub(crate) fn attempt(target: Address, data: impl Into<Bytes>) -> Step {
    step(Kind::TryCall, target, data)
}

/// A static call whose failure is the script's.
pub(crate) fn look(target: Address, data: impl Into<Bytes>) -> Step {
    step(Kind::Static, target, data)
}

/// A call of another kind.
pub(crate) fn by(kind: Kind, target: Address, data: impl Into<Bytes>) -> Step {
    step(kind, target, data)
}

/// A write of a slot.
pub(crate) fn write(slot: u64, value: u64) -> Step {
    let target = Address::from_word(U256::from(slot).into());
    Step { value: U256::from(value), ..step(Kind::Set, target, Bytes::new()) }
}

/// A revert with `data`.
pub(crate) fn fail(data: impl Into<Bytes>) -> Step {
    step(Kind::Fail, Address::ZERO, data)
}

/// Adds value and gas to a step.
pub(crate) trait With {
    fn value(self, wei: u128) -> Self;
    fn gas(self, gas: u64) -> Self;
}

impl With for Step {
    fn value(self, wei: u128) -> Self {
        Self { value: U256::from(wei), ..self }
    }

    fn gas(self, gas: u64) -> Self {
        Self { gas: U256::from(gas), ..self }
    }
}

pub(crate) fn bump(slot: u64) -> Bytes {
    Probe::bumpCall { slot: U256::from(slot) }.abi_encode().into()
}

pub(crate) fn get(slot: u64) -> Bytes {
    Probe::getCall { slot: U256::from(slot) }.abi_encode().into()
}

pub(crate) fn set(slot: u64, value: u64) -> Bytes {
    Probe::setCall { slot: U256::from(slot), value: U256::from(value) }.abi_encode().into()
}

/// Reads a number out of return data.
pub(crate) fn word(data: &[u8]) -> U256 {
    U256::from_be_slice(&data[..32])
}

/// Returns the call data of a `tryCall` of the manager.
pub(crate) fn try_call(network: u64, target: Address, data: impl Into<Bytes>) -> Bytes {
    Manager::tryCall_1Call { network, target, data: data.into() }.abi_encode().into()
}

/// Returns the call data of a `tryCall` that bounds the gas of the crossing.
pub(crate) fn try_call_with_gas(
    network: u64,
    target: Address,
    gas: u64,
    data: impl Into<Bytes>,
) -> Bytes {
    let (gas, data) = (U256::from(gas), data.into());
    Manager::tryCall_0Call { network, target, gasLimit: gas, data }.abi_encode().into()
}

/// Returns the call data of a `tryStaticCall` of the manager.
pub(crate) fn try_look(network: u64, target: Address, data: impl Into<Bytes>) -> Bytes {
    Manager::tryStaticCallCall { network, target, data: data.into() }.abi_encode().into()
}

/// Reads the data that a `tryCall` returned.
pub(crate) fn tried(output: &[u8]) -> Bytes {
    Manager::tryCall_1Call::abi_decode_returns(output).unwrap().result
}

/// Reads the status that a `tryCall` returned.
pub(crate) fn status(output: &[u8]) -> Status {
    const ALL: [Status; 8] = [
        Status::Ok,
        Status::Reverted,
        Status::OutOfGas,
        Status::Unavailable,
        Status::NotProvisioned,
        Status::FeeTooLow,
        Status::Full,
        Status::InsufficientEscrow,
    ];
    ALL[usize::from(output[31])]
}
