//! Random call trees.

use crate::{
    rng::Rng,
    script::{Account, End, Init, Kind, Op, Script, Target, TryCall},
    world::{Cast, PROGRAMS, World},
};
use alloy_primitives::{Address, U160};
use weft_types::{MANAGER, NetworkId};

/// Gas with which a call certainly fails when its script ends in an invalid opcode, and costs little.
const SMALL_GAS: u32 = 60_000;
/// Programs whose proxies exist from genesis on every other rollup; those of the others appear with their first call.
pub(crate) const KNOWN_PROGRAMS: usize = 2;

/// Grows call trees from random numbers.
#[derive(Debug)]
pub(crate) struct Grower<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) world: &'a World,
    /// Availability by rollup.
    pub(crate) available: &'a [bool],
    /// Operations that may still be made.
    pub(crate) budget: usize,
}

/// What a script must keep in mind about the frame that will run it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Frame {
    pub(crate) depth: usize,
    pub(crate) is_static: bool,
    pub(crate) is_delegate: bool,
}

impl Frame {
    const fn below(self, kind: Kind) -> Self {
        Self {
            depth: self.depth + 1,
            is_static: self.is_static || matches!(kind, Kind::Static),
            is_delegate: matches!(kind, Kind::Delegate),
        }
    }
}

impl Grower<'_> {
    /// Grows a script for a program of rollup `at`.
    pub(crate) fn script(&mut self, at: usize, frame: Frame) -> Script {
        let mut ops = Vec::new();
        let len = self.rng.within(1, 5);
        for _ in 0..len {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            self.op(at, frame, &mut ops);
        }
        let end = self.end(frame);
        if self.may_send_last(frame, end) {
            ops.push(Op::Send { wei: self.small_wei(), stipend: true });
        }
        Script { ops, end }
    }

    fn end(&mut self, frame: Frame) -> End {
        let free = !self.world.collapsible;
        match self.rng.below(100) {
            0..12 if frame.depth > 0 => End::Revert,
            12..14 if frame.depth > 0 && free => End::Invalid,
            14..16 if !frame.is_static && !frame.is_delegate => End::Destroy(None),
            16..18 => End::Long(self.rng.pick(&[0, 1, 31, 33, 4_096])),
            _ => End::Return,
        }
    }

    // Ether that a proxy holds is home only after the frame: nothing may look in between, for the oracle.
    fn may_send_last(&mut self, frame: Frame, end: End) -> bool {
        let plain = frame.depth > 0 && !frame.is_static && !frame.is_delegate;
        plain && end == End::Return && self.rng.chance(8)
    }

    fn op(&mut self, at: usize, frame: Frame, ops: &mut Vec<Op>) {
        let roll = self.rng.below(100);
        let key = self.rng.below(4) as u8;
        if !self.world.collapsible && self.rng.chance(6) {
            return ops.push(self.wild(at));
        }
        let writes = !frame.is_static;
        match roll {
            0..14 if writes => ops.push(Op::Store(key)),
            14..24 => ops.push(Op::Load(key)),
            24..28 if writes => ops.push(Op::StoreTransient(key)),
            28..32 => ops.push(Op::LoadTransient(key)),
            32..37 if writes => ops.push(Op::Log(key)),
            37..42 => ops.push(Op::OwnBalance),
            42..45 => {
                let program = self.rng.below(PROGRAMS);
                ops.push(Op::Balance(self.cast(at).programs[program]));
            }
            45..47 => ops.push(Op::CodeSize(self.cast(at).programs[0])),
            47..50 if writes && frame.depth > 0 => {
                ops.push(Op::Send { wei: self.small_wei(), stipend: false });
            }
            50..56 if writes => self.create(at, frame, ops),
            56..60 => ops.push(self.burnt(at)),
            _ => ops.push(self.any_call(at, frame)),
        }
    }

    /// An operation that the oracle cannot follow.
    fn wild(&mut self, at: usize) -> Op {
        match self.rng.below(10) {
            0..4 => Op::Environment(self.rng.below(10) as u8),
            4 => Op::Gas,
            // Allowed or not, depending on the context.
            5 => Op::Store(self.rng.below(4) as u8),
            6 => {
                let target = Target::Account(self.remote(at));
                let (kind, script) = (Kind::Delegate, Some(Script::new(vec![])));
                Op::Call { kind, bubbles: false, target, wei: 0, gas: 0, script }
            }
            7 => {
                let other = self.other(at);
                let network = self.cast(other).network;
                let target = Account { network, address: MANAGER };
                self.try_call(target, 0, Script::new(vec![Op::Load(0)]))
            }
            8 => {
                let target = Account { network: NetworkId::new(777), address: MANAGER };
                let wei = self.rng.below(3) as u128;
                self.try_call(target, wei, Script::new(vec![]))
            }
            _ => Op::Send { wei: self.small_wei(), stipend: true },
        }
    }

    fn try_call(&self, target: Account, wei: u128, script: Script) -> Op {
        let exact = !self.world.collapsible;
        Op::TryCall(TryCall { is_static: false, exact, target, wei, gas: 0, script })
    }

    /// A call that fails for want of gas, whatever the rest has.
    fn burnt(&mut self, at: usize) -> Op {
        let there = if self.rng.chance(70) { self.other(at) } else { at };
        let target = self.cast(there).program(self.rng.below(KNOWN_PROGRAMS));
        let mut ops = vec![Op::Store(0)];
        if self.rng.chance(30) && there == at {
            ops.push(Op::call(self.remote(there), false, 0, Script::new(vec![Op::Load(1)])));
        }
        let script = Some(Script { ops, end: End::Invalid });
        let kind = if self.rng.chance(20) { Kind::Static } else { Kind::Call };
        let gas =
            if self.world.collapsible { SMALL_GAS } else { self.rng.within(2_300, 400_000) as u32 };
        Op::Call { kind, bubbles: false, target: Target::Account(target), wei: 0, gas, script }
    }

    fn create(&mut self, at: usize, frame: Frame, ops: &mut Vec<Op>) {
        let code = self.cast(at).programs[0];
        let create2 = self.rng.chance(50);
        let salt = self.salt();
        let init = match self.rng.below(10) {
            0 => Init::Reverting,
            1 => Init::Empty,
            // The oracle's constructor has other bytes, so its CREATE2 address differs.
            2..4 if !create2 => {
                let (target, key) = (self.remote(at), self.rng.below(4) as u8);
                let script = Script::new(vec![Op::Load(key), Op::Store(key)]);
                Init::Calling { target, script: Box::new(script), code }
            }
            _ => Init::Child(code),
        };
        let wei = if self.rng.chance(30) { self.small_wei() } else { 0 };
        ops.push(Op::Create { create2, salt, wei, init });
        if self.rng.chance(70) && self.budget > 0 {
            let mut script = self.script(at, frame.below(Kind::Call));
            if self.rng.chance(40) {
                script.end = End::Destroy(self.rng.chance(40).then(|| self.cast(at).programs[1]));
            }
            let (kind, target) = (Kind::Call, Target::Last);
            // No ether: what a destroyed child gets later is burnt, and conservation is checked to the wei.
            ops.push(Op::Call {
                kind,
                bubbles: false,
                target,
                wei: 0,
                gas: 0,
                script: Some(script),
            });
        }
    }

    fn any_call(&mut self, at: usize, frame: Frame) -> Op {
        let (there, target) = self.callee(at);
        let kind = match self.rng.below(100) {
            0..15 => Kind::Static,
            15..22 if there == at => Kind::Delegate,
            _ => Kind::Call,
        };
        let pays = kind == Kind::Call && !frame.is_static && self.rng.chance(35);
        let wei = if pays && !is_precompile(target.address) { self.wei() } else { 0 };
        // A precompile answers with its input, which must be the same bytes in the oracle's world.
        let script = match is_precompile(target.address) {
            true => Script::new(vec![Op::Load(self.rng.below(4) as u8)]),
            false => self.script(there, frame.below(kind)),
        };
        if there != at && kind != Kind::Delegate && self.rng.chance(30) {
            let is_static = kind == Kind::Static || frame.is_static;
            let exact = !self.world.collapsible && self.rng.chance(70);
            let gas = if !self.world.collapsible && self.rng.chance(10) { 150_000 } else { 0 };
            return Op::TryCall(TryCall { is_static, exact, target, wei, gas, script });
        }
        let gas = if !self.world.collapsible && self.rng.chance(5) { 200_000 } else { 0 };
        let (bubbles, target) = (self.rng.chance(30), Target::Account(target));
        Op::Call { kind, bubbles, target, wei, gas, script: Some(script) }
    }

    /// Picks a callee on any rollup.
    fn callee(&mut self, at: usize) -> (usize, Account) {
        let there = if self.rng.chance(70) { self.other(at) } else { at };
        (there, self.account(there, there == at))
    }

    fn account(&mut self, there: usize, is_local: bool) -> Account {
        let cast = self.cast(there);
        let programs = if is_local { PROGRAMS } else { KNOWN_PROGRAMS };
        let address = match self.rng.below(100) {
            0..4 => cast.codeless,
            4..10 => cast.authorities[0].address(),
            // Identity and SHA-256 answer alike everywhere.
            10..12 if is_local => precompile(self.rng.pick(&[2, 4])),
            _ => cast.programs[self.rng.below(programs)],
        };
        Account { network: cast.network, address }
    }

    /// Picks a program of another rollup.
    pub(crate) fn remote(&mut self, at: usize) -> Account {
        let other = self.other(at);
        let program = self.rng.below(KNOWN_PROGRAMS);
        self.cast(other).program(program)
    }

    /// Picks another rollup, one that is available where an unavailable one would leave the oracle behind.
    pub(crate) fn other(&mut self, at: usize) -> usize {
        let fits =
            |other: &usize| *other != at && (self.available[*other] || !self.world.collapsible);
        let others: Vec<usize> = (0..self.world.rollups).filter(fits).collect();
        if others.is_empty() { at } else { self.rng.pick(&others) }
    }

    pub(crate) fn cast(&self, index: usize) -> &'static Cast {
        self.world.cast(index)
    }

    /// A salt that comes again, or not: a collision burns all gas, which the oracle cannot follow.
    pub(crate) fn salt(&mut self) -> u32 {
        let salt = self.rng.next() as u32;
        if self.world.collapsible { salt } else { salt % 4 }
    }

    fn small_wei(&mut self) -> u128 {
        self.rng.within(1, 1_000_000) as u128
    }

    fn wei(&mut self) -> u128 {
        if self.rng.chance(10) { u128::from(self.rng.next()) * 60 } else { self.small_wei() }
    }

    /// Grows a path of `depth` crossings with something to do on the way down and back.
    pub(crate) fn path(&mut self, at: usize, depth: usize) -> Script {
        let key = self.rng.below(4) as u8;
        let mut ops = vec![Op::Store(key)];
        if depth > 0 {
            let there = self.other(at);
            let target = self.cast(there).program(self.rng.below(KNOWN_PROGRAMS));
            let below = self.path(there, depth - 1);
            let wei = if self.rng.chance(20) { self.small_wei() } else { 0 };
            ops.push(Op::call(target, self.rng.chance(50), wei, below));
            ops.push(if self.rng.chance(50) { Op::Load(key) } else { Op::Store(key) });
        }
        let end = if self.rng.chance(12) && depth > 0 { End::Revert } else { End::Return };
        Script { ops, end }
    }
}

fn precompile(number: u8) -> Address {
    Address::from(U160::from(number))
}

fn is_precompile(address: Address) -> bool {
    address == precompile(2) || address == precompile(4)
}
