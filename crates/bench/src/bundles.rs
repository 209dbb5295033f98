//! Contended bundles over two rollups: pairs race for one pool, one of each pair must be removed.

use crate::{
    report::{Figure, Unit},
    world::{Call, World, network},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use std::time::Instant;
use weft_contracts::Counter;
use weft_types::{Bundle, Item, Leg, Outcome, SafetyLevel};

/// Bundles that race for the same turn.
#[derive(Debug)]
pub struct Race {
    world: World,
    items: Vec<(Item, bool)>,
}

/// Succeeds only when its storage slot 0 equals calldata word 0, and adds one: whoever comes second is too late.
const TURN: &[u8] = &[
    0x5f, 0x54, // sload 0
    0x80, 0x5f, 0x35, 0x14, // == calldata[0]
    0x60, 0x0b, 0x57, // go
    0x5f, 0xfd, // else revert
    0x5b, 0x60, 0x01, 0x01, 0x5f, 0x55, 0x00, // pc 11: store + 1
];

impl Race {
    /// Prepares `pairs` pairs of two-leg bundles: a counter on one rollup, the contended turn on the other.
    pub fn new(pairs: usize) -> Self {
        let mut world = World::new(2, 2 * pairs);
        let counter = world.deploy(network(0), Counter::BYTECODE.clone());
        let turn = world.install(network(1), TURN);
        let mut items = Vec::with_capacity(2 * pairs);
        for pair in 0..pairs {
            for second in [false, true] {
                let key = 2 * pair + usize::from(second);
                let legs = legs(&mut world, key, pair, counter, turn);
                let salt = B256::from(U256::from(key));
                let bundle = Bundle::new(world.realm.domain(), salt, SafetyLevel::Reputation, legs);
                items.push((Item::Bundle(bundle.expect("valid")), !second));
            }
        }
        Self { world, items }
    }

    /// Runs all bundles; returns how many ended as the order says.
    pub fn run(&mut self) -> usize {
        let items = core::mem::take(&mut self.items);
        let right = |(item, wins): &(Item, bool)| {
            let applied = self.world.apply(item);
            (applied.outcome == Outcome::Included) == *wins
        };
        items.iter().map(right).filter(|right| *right).count()
    }
}

fn legs(world: &mut World, key: usize, pair: usize, counter: Address, turn: Address) -> Vec<Leg> {
    let count = Counter::incrementCall {}.abi_encode();
    let take = Bytes::from(U256::from(pair).to_be_bytes_vec());
    vec![
        world.leg(&Call { gas: 200_000, ..Call::new(network(0), key, counter, count) }),
        world.leg(&Call { gas: 200_000, ..Call::new(network(1), key, turn, take) }),
    ]
}

/// Measures bundles in a second, signatures already recovered, and the part with the right outcome.
pub fn figures(scale: f64) -> Vec<Figure> {
    let pairs = (2_000.0 * scale).ceil() as usize;
    let mut race = Race::new(pairs);
    let start = Instant::now();
    let right = race.run();
    let rate = 2.0 * pairs as f64 / start.elapsed().as_secs_f64();
    let correct = 100.0 * right as f64 / (2 * pairs) as f64;
    vec![
        Figure::new("contended two-rollup bundles", rate, Unit::PerSecond).promised(2_000.0),
        Figure::new("of them with the right outcome", correct, Unit::Percent).promised(100.0),
    ]
}
