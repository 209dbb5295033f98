//! Price of a crossing to an empty callee, hop hashing included.

use crate::{
    report::{Figure, Unit, fastest, micros_each},
    world::{Call, World, network},
};
use alloy_primitives::{Address, U256};

/// Calls within one transaction.
const CALLS: usize = 500;

/// Calls its calldata's first word as often as the second says, with empty data.
const LOOP: &[u8] = &[
    0x60, 0x20, 0x35, // n = calldata[32]
    0x5b, // loop (pc 3)
    0x5f, 0x5f, 0x5f, 0x5f, 0x5f, // out, out len, in, in len, value
    0x5f, 0x35, // target
    0x5a, 0xf1, // gas, call
    0x15, 0x60, 0x1a, 0x57, // fail when it failed (pc 26)
    0x60, 0x01, 0x90, 0x03, // n - 1
    0x80, 0x60, 0x03, 0x57, // again
    0x00, 0x5b, // stop; fail (pc 26 is the JUMPDEST below)
    0x5f, 0x5f, 0xfd,
];

/// A transaction that calls `target` many times.
#[derive(Debug)]
pub struct Calls {
    world: World,
    call: Call,
}

impl Calls {
    /// Calls a contract of the same rollup.
    pub fn local() -> Self {
        Self::new(|world, callee| {
            let _ = world;
            callee[0]
        })
    }

    /// Calls a contract of another rollup through its proxy.
    pub fn remote() -> Self {
        Self::new(|world, callee| world.proxy(network(0), network(1), callee[1]))
    }

    fn new(target: impl FnOnce(&mut World, [Address; 2]) -> Address) -> Self {
        let mut world = World::new(2, 1);
        let stop = [0x00];
        let callees = [world.install(network(0), &stop), world.install(network(1), &stop)];
        let target = target(&mut world, callees);
        let driver = world.install(network(0), LOOP);
        let mut data = target.into_word().to_vec();
        data.extend_from_slice(&U256::from(CALLS).to_be_bytes::<32>());
        let call = Call::new(network(0), 0, driver, data);
        // The first crossing deploys the caller's proxy.
        world.send(&call);
        Self { world, call }
    }

    /// Runs the transaction once.
    pub fn run(&mut self) {
        self.world.send(&self.call);
    }
}

/// Measures local and remote calls to an empty callee.
pub fn figures(scale: f64) -> Vec<Figure> {
    let rounds = (40.0 * scale).ceil() as usize;
    let time = |mut calls: Calls| fastest(rounds, || (), |()| calls.run());
    let local = micros_each(time(Calls::local()), CALLS);
    let remote = micros_each(time(Calls::remote()), CALLS);
    vec![
        Figure::new("call of an empty callee on the same rollup", local, Unit::Micros),
        Figure::new("call of an empty callee on another rollup", remote, Unit::Micros),
        Figure::new("price of the crossing", remote - local, Unit::Micros).promised(2.0),
    ]
}
