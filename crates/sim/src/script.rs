//! Scripts of the `Program` contract: random call trees as data.
//!
//! A script can be encoded twice: for the world of many rollups, where a call to another rollup goes to a proxy,
//! and for the oracle's world, where all rollups are one chain and the same call goes to the contract itself.

use crate::feature::{Feature, Features};
use alloy_primitives::{Address, Bytes, U256, hex};
use weft_contracts::proxy_address;
use weft_types::{MANAGER, NetworkId, RESERVED};

alloy_sol_types::sol!(
    #[allow(missing_docs)]
    #[derive(Debug)]
    Program,
    "../../contracts/artifacts/Program.json"
);

/// An account of one rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) network: NetworkId,
    pub(crate) address: Address,
}

/// Which world a script is encoded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// Many rollups with proxies.
    Woven,
    /// One chain that holds every contract (the oracle).
    Collapsed,
}

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Static,
    Delegate,
}

/// Whom a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Account(Account),
    /// The contract that this frame created last.
    Last,
}

/// One operation.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Store(u8),
    Load(u8),
    StoreTransient(u8),
    LoadTransient(u8),
    Log(u8),
    Call {
        kind: Kind,
        bubbles: bool,
        target: Target,
        wei: u128,
        gas: u32,
        script: Option<Script>,
    },
    TryCall(TryCall),
    Create {
        create2: bool,
        salt: u32,
        wei: u128,
        init: Init,
    },
    Balance(Address),
    CodeSize(Address),
    OwnBalance,
    Environment(u8),
    /// Sends ether to the caller, with all gas or with the stipend alone.
    Send {
        wei: u128,
        stipend: bool,
    },
    Gas,
    /// Calls an address of this chain with bytes that are no script.
    Raw {
        to: Address,
        data: Bytes,
    },
}

/// A call through the manager.
#[derive(Debug, Clone)]
pub(crate) struct TryCall {
    pub(crate) is_static: bool,
    /// Folds the status itself, which the oracle cannot know.
    pub(crate) exact: bool,
    pub(crate) target: Account,
    pub(crate) wei: u128,
    pub(crate) gas: u32,
    pub(crate) script: Script,
}

/// What creates a child.
#[derive(Debug, Clone)]
pub(crate) enum Init {
    /// A child that runs scripts with the code of this program.
    Child(Address),
    /// A constructor that first calls `target` with the script.
    Calling { target: Account, script: Box<Script>, code: Address },
    /// A constructor that reverts.
    Reverting,
    /// A child without code.
    Empty,
}

/// How a script ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Return,
    /// Returns this many bytes.
    Long(u32),
    Revert,
    Invalid,
    /// Destroys itself in favour of an account, or of the caller.
    Destroy(Option<Address>),
}

/// A script.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) ops: Vec<Op>,
    pub(crate) end: End,
}

impl Script {
    /// Makes a script that ends by returning its accumulator.
    pub(crate) const fn new(ops: Vec<Op>) -> Self {
        Self { ops, end: End::Return }
    }

    /// Encodes for a program of `here`.
    pub(crate) fn encode(&self, here: NetworkId, world: World) -> Vec<u8> {
        let mut out = Vec::new();
        self.ops.iter().for_each(|op| op.encode(here, world, &mut out));
        match self.end {
            End::Return => out.push(0x00),
            End::Long(len) => {
                out.push(0x11);
                out.extend_from_slice(&len.to_be_bytes()[1..]);
            }
            End::Revert => out.push(0x08),
            End::Invalid => out.push(0x09),
            End::Destroy(heir) => {
                out.push(0x0b);
                out.extend_from_slice(heir.unwrap_or_default().as_slice());
            }
        }
        out
    }

    /// Collects the features that the script shows when it runs on `here` in a leg of `home`.
    pub(crate) fn features(&self, home: NetworkId, here: NetworkId, into: &mut Features) {
        self.ops.iter().for_each(|op| op.features(home, here, into));
        if matches!(self.end, End::Destroy(_)) {
            into.add_if(home != here, Feature::CalleeDestroyed);
        }
    }
}

/// Returns the address at which a contract of `here` reaches `account`.
pub(crate) fn reach(account: Account, here: NetworkId, world: World) -> Address {
    if world == World::Collapsed || account.network == here {
        account.address
    } else {
        proxy_address(account.network.get(), account.address)
    }
}

impl Op {
    /// Makes a plain call with all gas that bubbles or catches failures.
    pub(crate) const fn call(target: Account, bubbles: bool, wei: u128, script: Script) -> Self {
        let target = Target::Account(target);
        Self::Call { kind: Kind::Call, bubbles, target, wei, gas: 0, script: Some(script) }
    }

    fn encode(&self, here: NetworkId, world: World, out: &mut Vec<u8>) {
        match self {
            Self::Store(key) => out.extend([0x01, *key]),
            Self::Load(key) => out.extend([0x02, *key]),
            Self::StoreTransient(key) => out.extend([0x03, *key]),
            Self::LoadTransient(key) => out.extend([0x04, *key]),
            Self::Log(topic) => out.extend([0x05, *topic]),
            Self::Call { kind, bubbles, target, wei, gas, script } => {
                out.extend([0x06, *kind as u8 | u8::from(*bubbles) << 2]);
                let (address, there) = match target {
                    Target::Account(account) => (reach(*account, here, world), account.network),
                    Target::Last => (Address::ZERO, here),
                };
                out.extend_from_slice(address.as_slice());
                put_call(out, *wei, *gas, script.as_ref(), there, world);
            }
            Self::TryCall(call) => call.encode(world, out),
            Self::Create { create2, salt, wei, init } => {
                out.extend([0x0a, u8::from(*create2)]);
                out.extend_from_slice(&salt.to_be_bytes());
                out.extend_from_slice(&wei.to_be_bytes()[4..]);
                put_bytes(out, &init.code(here, world));
            }
            Self::Balance(address) => {
                out.push(0x0c);
                out.extend_from_slice(address.as_slice());
            }
            Self::CodeSize(address) => {
                out.push(0x0d);
                out.extend_from_slice(address.as_slice());
            }
            Self::OwnBalance => out.push(0x0e),
            Self::Environment(what) => out.extend([0x0f, *what]),
            Self::Send { wei, stipend } => {
                out.push(0x10);
                out.extend_from_slice(&wei.to_be_bytes()[4..]);
                out.push(u8::from(*stipend));
            }
            Self::Gas => out.push(0x12),
            Self::Raw { to, data } => {
                out.push(0x13);
                out.extend_from_slice(to.as_slice());
                put_bytes(out, data);
            }
        }
    }

    fn features(&self, home: NetworkId, here: NetworkId, into: &mut Features) {
        match self {
            Self::StoreTransient(_) => into.add(Feature::Transient),
            Self::Call { target, script: Some(script), .. } => {
                let (there, dies) = match target {
                    Target::Account(account) => (account.network, Feature::DestroyedOld),
                    Target::Last => (here, Feature::DestroyedNew),
                };
                into.add_if(matches!(script.end, End::Destroy(_)), dies);
                script.features(home, there, into);
            }
            Self::TryCall(call) => call.features(home, into),
            Self::Create { create2, init, .. } => {
                into.add(if *create2 { Feature::Create2 } else { Feature::Create });
                into.add_if(home != here, Feature::CalleeCreates);
                if let Init::Calling { target, script, .. } = init {
                    into.add(Feature::CrossingConstructor);
                    script.features(home, target.network, into);
                }
            }
            Self::Raw { to, .. } => into.add_if(*to == RESERVED, Feature::ForgedReserved),
            _ => {}
        }
    }
}

impl TryCall {
    fn encode(&self, world: World, out: &mut Vec<u8>) {
        let collapsed = u8::from(world == World::Collapsed) << 2;
        out.extend([0x07, u8::from(self.is_static) | u8::from(self.exact) << 1 | collapsed]);
        out.extend_from_slice(&u64::from(self.target.network.get()).to_be_bytes());
        out.extend_from_slice(self.target.address.as_slice());
        put_call(out, self.wei, self.gas, Some(&self.script), self.target.network, world);
    }

    fn features(&self, home: NetworkId, into: &mut Features) {
        into.add(if self.is_static { Feature::TryStaticCall } else { Feature::TryCall });
        let refunds = self.wei > 0 && self.script.end == End::Revert;
        into.add_if(refunds, Feature::TryCallRefund);
        let forbidden = [MANAGER, RESERVED].contains(&self.target.address);
        into.add_if(forbidden, Feature::ForbiddenTarget);
        self.script.features(home, self.target.network, into);
    }
}

fn put_call(
    out: &mut Vec<u8>,
    wei: u128,
    gas: u32,
    script: Option<&Script>,
    there: NetworkId,
    world: World,
) {
    out.extend_from_slice(&wei.to_be_bytes()[4..]);
    out.extend_from_slice(&gas.to_be_bytes());
    put_bytes(out, &script.map(|script| script.encode(there, world)).unwrap_or_default());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("scripts are short");
    out.extend_from_slice(&len.to_be_bytes()[1..]);
    out.extend_from_slice(bytes);
}

impl Init {
    /// Returns the creation code.
    pub(crate) fn code(&self, here: NetworkId, world: World) -> Vec<u8> {
        match self {
            Self::Child(program) => with_runtime(&[], &runtime(*program)),
            Self::Calling { target, script, code } => {
                let data = script.encode(target.network, world);
                let to = reach(*target, here, world);
                with_runtime(&calling(to, &data), &runtime(*code))
            }
            Self::Reverting => hex!("5f5ffd").to_vec(),
            Self::Empty => vec![0x00],
        }
    }
}

/// EIP-1167: delegates everything to `program`.
fn runtime(program: Address) -> Vec<u8> {
    let mut out = hex!("363d3d373d3d3d363d73").to_vec();
    out.extend_from_slice(program.as_slice());
    out.extend_from_slice(&hex!("5af43d82803e903d91602b57fd5bf3"));
    out
}

/// Code that calls `to` with `data` and drops the result.
fn calling(to: Address, data: &[u8]) -> Vec<u8> {
    // Writes the data word by word; scripts of constructors are short.
    let mut out = Vec::new();
    for (index, chunk) in data.chunks(32).enumerate() {
        let mut word = [0; 32];
        word[..chunk.len()].copy_from_slice(chunk);
        out.push(0x7f); // PUSH32
        out.extend_from_slice(&word);
        out.push(0x61); // PUSH2
        out.extend_from_slice(&((index * 32) as u16).to_be_bytes());
        out.push(0x52); // MSTORE
    }
    out.extend_from_slice(&[0x5f, 0x5f, 0x61]); // PUSH0 PUSH0 PUSH2
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(&[0x5f, 0x5f, 0x73]); // PUSH0 PUSH0 PUSH20
    out.extend_from_slice(to.as_slice());
    out.extend_from_slice(&[0x5a, 0xf1, 0x50]); // GAS CALL POP
    out
}

/// Code that runs `before` and then returns `runtime`.
fn with_runtime(before: &[u8], runtime: &[u8]) -> Vec<u8> {
    // PUSH2 len DUP1 PUSH2 offset PUSH0 CODECOPY PUSH0 RETURN
    const TAIL: usize = 11;
    let offset = (before.len() + TAIL) as u16;
    let mut out = before.to_vec();
    out.push(0x61);
    out.extend_from_slice(&(runtime.len() as u16).to_be_bytes());
    out.extend_from_slice(&[0x80, 0x61]);
    out.extend_from_slice(&offset.to_be_bytes());
    out.extend_from_slice(&[0x5f, 0x39, 0x5f, 0xf3]);
    debug_assert_eq!(out.len(), usize::from(offset), "the tail has its length");
    out.extend_from_slice(runtime);
    out
}

/// Returns wei as the EVM counts them.
pub(crate) fn wei(amount: u128) -> U256 {
    U256::from(amount)
}
