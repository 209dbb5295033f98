//! The call shapes between rollups that the acceptance stories list, and the counterexamples that became tests.

use crate::{
    script::{Account, End, Init, Kind, Op, Script, Target, TryCall},
    tree::{Grower, KNOWN_PROGRAMS},
};
use alloy_primitives::Bytes;
use weft_types::{MANAGER, NetworkId, RESERVED};

/// A shape of a call tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    OneWay,
    ReEntrant,
    Cycle,
    Siblings,
    RolledBack,
    SameCallTwice,
    StaticWriteStatic,
    ValueBothWays,
    Codeless,
    OutOfGas,
    CalleeDestroyed,
    CalleeCreates,
    LongReturn,
    Deep,
    Stipend,
    Logs,
    NestedStatic,
    EveryRollup,
    TryRefund,
    DelegatedCallee,
    // What the oracle cannot follow.
    Forged,
    DelegateToProxy,
    Forbidden,
    Unknown,
    Unavailable,
    Escrow,
    /// Burns gas on a rollup that the thread visits twice.
    Burn,
}

/// Shapes that mean the same on one chain.
pub(crate) const COLLAPSIBLE: &[(u64, Shape)] = &[
    (1, Shape::OneWay),
    (2, Shape::ReEntrant),
    (2, Shape::Cycle),
    (2, Shape::Siblings),
    (2, Shape::RolledBack),
    (2, Shape::SameCallTwice),
    (2, Shape::StaticWriteStatic),
    (2, Shape::ValueBothWays),
    (2, Shape::Codeless),
    (2, Shape::OutOfGas),
    (2, Shape::CalleeDestroyed),
    (2, Shape::CalleeCreates),
    (1, Shape::LongReturn),
    (6, Shape::Deep),
    (2, Shape::Stipend),
    (2, Shape::Logs),
    (2, Shape::NestedStatic),
    (2, Shape::EveryRollup),
    (2, Shape::TryRefund),
    (2, Shape::DelegatedCallee),
];

/// Shapes about the border between chains itself.
pub(crate) const BORDER: &[(u64, Shape)] = &[
    (1, Shape::Forged),
    (1, Shape::DelegateToProxy),
    (1, Shape::Forbidden),
    (1, Shape::Unknown),
    (2, Shape::Unavailable),
    (4, Shape::Escrow),
    (4, Shape::Burn),
];

impl Grower<'_> {
    /// Builds the script of `shape` for a program of rollup `at`.
    pub(crate) fn shape(&mut self, shape: Shape, at: usize) -> Script {
        let (b, far) = (self.other(at), self.remote(at));
        let far = Account { network: self.cast(b).network, ..self.known(b, far) };
        let home = self.cast(at).program(0);
        let store = |key| Script::new(vec![Op::Load(key), Op::Store(key)]);
        let bubbles = self.rng.chance(50);
        let ops = match shape {
            Shape::OneWay => vec![Op::call(far, true, 0, store(0)), Op::Store(0)],
            Shape::ReEntrant => {
                // The inner call reads what the outer one left half done.
                let back = Op::call(home, true, 0, Script::new(vec![Op::Load(0), Op::Store(1)]));
                let out = Script::new(vec![Op::Store(0), back, Op::Store(2)]);
                vec![Op::Store(0), Op::call(far, bubbles, 0, out), Op::Load(1), Op::Store(0)]
            }
            Shape::Cycle => return self.cycle(at),
            Shape::Siblings => {
                let other = self.remote(at);
                vec![
                    Op::call(far, true, 0, store(0)),
                    Op::call(other, true, 0, store(1)),
                    Op::Store(0),
                ]
            }
            Shape::RolledBack => return self.rolled_back(at),
            Shape::SameCallTwice => {
                vec![
                    Op::call(far, true, 0, store(0)),
                    Op::call(far, true, 0, store(0)),
                    Op::Store(0),
                ]
            }
            Shape::StaticWriteStatic => self.static_write_static(at, far),
            Shape::ValueBothWays => {
                let back = Op::Send { wei: 300, stipend: false };
                let pay = Op::call(home, false, 77, store(2));
                let out = Script::new(vec![back, pay, Op::OwnBalance, Op::Store(0)]);
                vec![Op::call(far, bubbles, 1_000, out), Op::OwnBalance, Op::Store(0)]
            }
            Shape::Codeless => {
                let address = self.cast(b).codeless;
                let codeless = Account { address, ..far };
                let wei = self.rng.below(100) as u128;
                vec![Op::call(codeless, true, wei, store(0)), Op::Store(0)]
            }
            Shape::OutOfGas => {
                let script = Some(Script { ops: vec![Op::Store(0)], end: End::Invalid });
                let (kind, target) = (Kind::Call, Target::Account(far));
                let call = Op::Call { kind, bubbles: false, target, wei: 0, gas: 60_000, script };
                vec![call, Op::Store(0), Op::call(far, true, 0, store(1))]
            }
            Shape::CalleeDestroyed => {
                let end = End::Destroy(None);
                let script = Script { ops: vec![Op::Store(0)], end };
                let child = self.child_of(b, end);
                vec![
                    Op::call(far, true, 5, Script::new(child)),
                    Op::call(far, true, 5, script),
                    Op::call(far, true, 0, store(0)),
                ]
            }
            Shape::CalleeCreates => {
                let child = self.child_of(b, End::Return);
                vec![Op::call(far, bubbles, 9, Script::new(child)), Op::Store(0)]
            }
            Shape::LongReturn => {
                let end = if bubbles { End::Long(65_536) } else { End::Long(65_505) };
                vec![Op::call(far, true, 0, Script { ops: vec![Op::Load(0)], end }), Op::Store(0)]
            }
            Shape::Deep => {
                let depth = self.rng.pick(&[10, 12, 20, 21, 30, 31, 32]);
                return self.path(at, depth);
            }
            Shape::Stipend => {
                let out = Script::new(vec![Op::Store(0), Op::Send { wei: 123, stipend: true }]);
                vec![Op::call(far, true, 1_000, out), Op::OwnBalance, Op::Store(0)]
            }
            Shape::Logs => {
                let back = Op::call(home, true, 0, Script::new(vec![Op::Log(2)]));
                let out = Script::new(vec![Op::Log(1), back, Op::Log(3)]);
                vec![Op::Log(0), Op::call(far, true, 0, out), Op::Log(4)]
            }
            Shape::NestedStatic => {
                let inner = self.static_call(home, Script::new(vec![Op::Load(0), Op::OwnBalance]));
                let outer = self.static_call(far, Script::new(vec![Op::Load(0), inner]));
                vec![Op::Store(0), outer, Op::Store(1)]
            }
            Shape::EveryRollup => self.every_rollup(at),
            Shape::TryRefund => {
                let script = Script { ops: vec![Op::Store(0)], end: End::Revert };
                let exact = !self.world.collapsible;
                let call =
                    TryCall { is_static: false, exact, target: far, wei: 500, gas: 0, script };
                vec![Op::TryCall(call), Op::OwnBalance, Op::Store(0)]
            }
            Shape::DelegatedCallee => {
                let address = self.cast(b).authorities[0].address();
                vec![Op::call(Account { address, ..far }, true, 11, store(0)), Op::Store(0)]
            }
            Shape::Forged => vec![self.forged(b, far)],
            Shape::DelegateToProxy => {
                let (kind, target) = (Kind::Delegate, Target::Account(far));
                let script = Some(store(0));
                vec![Op::Call { kind, bubbles: true, target, wei: 0, gas: 0, script }]
            }
            Shape::Forbidden => {
                let target = Account { address: if bubbles { MANAGER } else { RESERVED }, ..far };
                vec![self.exact_try(target, 3, store(0)), Op::Store(0)]
            }
            Shape::Unknown => {
                let target = Account { network: NetworkId::new(777), ..far };
                let absent = self.absent(far);
                vec![self.exact_try(target, 3, store(0)), Op::call(absent, true, 0, store(0))]
            }
            Shape::Unavailable => {
                let gone = self.available.iter().position(|available| !available);
                let target = gone.map_or(far, |gone| self.cast(gone).program(0));
                vec![self.exact_try(target, 3, store(0)), Op::call(target, true, 1, store(0))]
            }
            Shape::Escrow => {
                let wei = 3_000_000;
                vec![self.exact_try(far, wei, store(0)), Op::call(far, true, wei, store(0))]
            }
            Shape::Burn => self.burn(at, far),
        };
        Script::new(ops)
    }

    /// The outer call to `far` pays for what the inner one burns.
    fn burn(&mut self, at: usize, far: Account) -> Vec<Op> {
        let there = self.world.index_of(far.network).unwrap_or(at);
        let between = self.remote(there);
        let inner = Script { ops: vec![Op::Store(0)], end: End::Invalid };
        let caught = Op::call(far, false, 0, inner);
        let middle = Op::call(between, false, 0, Script::new(vec![caught, Op::Store(1)]));
        let outer = Op::call(far, false, 0, Script::new(vec![middle, Op::Store(1)]));
        vec![outer, Op::Store(0), Op::call(far, true, 0, Script::new(vec![Op::Load(1)]))]
    }

    fn known(&mut self, at: usize, drawn: Account) -> Account {
        let program = self.rng.below(KNOWN_PROGRAMS);
        Account { address: self.cast(at).programs[program], ..drawn }
    }

    /// A program whose rollup is not in the realm, when there is one.
    fn absent(&self, otherwise: Account) -> Account {
        let beyond = crate::world::MAX_ROLLUPS - 1;
        if self.world.rollups <= beyond { crate::world::program_of(beyond) } else { otherwise }
    }

    fn exact_try(&self, target: Account, wei: u128, script: Script) -> Op {
        Op::TryCall(TryCall { is_static: false, exact: true, target, wei, gas: 0, script })
    }

    fn static_call(&mut self, target: Account, script: Script) -> Op {
        if self.rng.chance(40) {
            let exact = false;
            return Op::TryCall(TryCall { is_static: true, exact, target, wei: 0, gas: 0, script });
        }
        let (kind, target, script) = (Kind::Static, Target::Account(target), Some(script));
        Op::Call { kind, bubbles: true, target, wei: 0, gas: 0, script }
    }

    fn static_write_static(&mut self, at: usize, far: Account) -> Vec<Op> {
        // The far side reads this side back, so the second read sees the write between.
        let home = self.cast(at).program(0);
        let script = || Some(Script::new(vec![Op::Load(0)]));
        let read = |target, script| Op::Call {
            kind: Kind::Static,
            bubbles: true,
            target: Target::Account(target),
            wei: 0,
            gas: 0,
            script,
        };
        let outer = || read(far, Some(Script::new(vec![read(home, script())])));
        vec![outer(), Op::Store(0), outer(), Op::Store(1)]
    }

    fn child_of(&mut self, at: usize, end: End) -> Vec<Op> {
        let init = Init::Child(self.cast(at).programs[0]);
        let create2 = self.rng.chance(50);
        let salt = self.salt();
        let script = Some(Script { ops: vec![Op::Load(0), Op::Store(0), Op::Log(9)], end });
        let call = Op::Call {
            kind: Kind::Call,
            bubbles: false,
            target: Target::Last,
            wei: 0,
            gas: 0,
            script,
        };
        vec![Op::Create { create2, salt, wei: 3, init }, call, Op::Store(1)]
    }

    fn cycle(&mut self, at: usize) -> Script {
        let depth = self.rng.within(8, 10);
        let start = at;
        let mut hops = vec![at];
        while hops.len() <= depth {
            let last = *hops.last().expect("never empty");
            let next = (last + 1) % self.world.rollups;
            hops.push(if self.available[next] || !self.world.collapsible { next } else { start });
        }
        hops.dedup();
        let mut script = Script::new(vec![Op::Load(0), Op::Store(0)]);
        for there in hops[1..].iter().rev() {
            let call = Op::call(self.cast(*there).program(1), true, 0, script);
            script = Script::new(vec![Op::Store(0), call, Op::Load(0), Op::Store(1)]);
        }
        script
    }

    fn rolled_back(&mut self, at: usize) -> Script {
        let (one, two) = (self.remote(at), self.remote(at));
        let store = || Script::new(vec![Op::Load(0), Op::Store(0)]);
        let ops =
            vec![Op::call(one, true, 10, store()), Op::call(two, true, 10, store()), Op::Store(3)];
        let inner = Script { ops, end: End::Revert };
        let local = Op::call(self.cast(at).program(1), false, 50, inner);
        Script::new(vec![local, Op::call(one, true, 0, store()), Op::Store(0)])
    }

    fn every_rollup(&mut self, at: usize) -> Vec<Op> {
        let mut ops = Vec::new();
        for there in (0..self.world.rollups).filter(|there| *there != at) {
            if self.available[there] || !self.world.collapsible {
                let script = Script::new(vec![Op::Load(0), Op::Store(0)]);
                ops.push(Op::call(self.cast(there).program(0), false, 1, script));
            }
        }
        ops.push(Op::Store(0));
        ops
    }

    /// The packed request of the manager or of a proxy, sent by somebody else.
    fn forged(&mut self, there: usize, target: Account) -> Op {
        let mut data = vec![2];
        if self.rng.chance(50) {
            data = vec![0];
            data.extend_from_slice(&u64::from(self.cast(there).network.get()).to_be_bytes());
            data.extend_from_slice(target.address.as_slice());
        }
        data.extend_from_slice(self.cast(there).programs[0].as_slice());
        data.extend(
            Script::new(vec![Op::Store(0)]).encode(target.network, crate::script::World::Woven),
        );
        Op::Raw { to: RESERVED, data: Bytes::from(data) }
    }
}
