//! Two independent rollups on one thread and on two.

use crate::{
    report::{Figure, Unit, fastest},
    world::{Call, World, network},
};
use alloy_primitives::{Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use std::thread;
use weft_contracts::CrossChainToken;
use weft_types::{Item, Leg, NetworkId, Position, SignedTx};

/// Runs of the fold on one thread and on two, of which the fastest counts.
const ROUNDS: usize = 5;

/// Signed token transfers on two rollups, in turn.
#[derive(Debug)]
pub struct Load {
    world: World,
    raw: Vec<(Position, NetworkId, Bytes)>,
}

impl Load {
    /// Prepares `count` transfers.
    pub fn new(count: usize) -> Self {
        let mut world = World::new(2, 16);
        let args = (String::from("Token"), String::from("T"), U256::from(18)).abi_encode_params();
        let creation: Vec<u8> = [CrossChainToken::BYTECODE.as_ref(), &args].concat();
        let tokens = [0, 1].map(|index| world.deploy(network(index), creation.clone().into()));
        for (index, token) in tokens.into_iter().enumerate() {
            for key in 0..16 {
                let to = world.keys[key].address();
                let mint = CrossChainToken::mintCall { to, amount: U256::from(u128::MAX >> 8) };
                world.send(&Call::new(network(index as u32), 0, token, mint.abi_encode()));
            }
        }
        let mut raw = Vec::with_capacity(count);
        for index in 0..count {
            let side = index % 2;
            let to = alloy_primitives::Address::from_word(keccak256((index as u64).to_be_bytes()));
            let transfer = CrossChainToken::transferCall { to, amount: U256::from(1_u64) };
            let key = (index / 2) % 16;
            let call = Call {
                gas: 100_000,
                ..Call::new(network(side as u32), key, tokens[side], transfer.abi_encode())
            };
            let signed = world.sign(&call);
            raw.push((world.position(), call.network, signed));
        }
        Self { world, raw }
    }

    /// Decodes everything and recovers the senders, on `threads` threads.
    pub fn recover(&self, threads: usize) -> Vec<(Position, Item)> {
        let recover = |(position, network, raw): &(Position, NetworkId, Bytes)| {
            let tx = SignedTx::decode(raw.clone()).expect("just signed");
            (*position, Item::Transaction(Leg { network: *network, tx, may_revert: false }))
        };
        let part = self.raw.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            let parts = self.raw.chunks(part);
            let work =
                parts.map(|part| scope.spawn(|| part.iter().map(recover).collect::<Vec<_>>()));
            let work: Vec<_> = work.collect();
            work.into_iter().flat_map(|part| part.join().expect("signed by us")).collect()
        })
    }

    /// Applies recovered items on `threads` threads.
    pub fn fold(&mut self, items: &[(Position, Item)], threads: usize) {
        let applied = self.world.realm.apply_all(items, threads).expect("memory does not fail");
        assert!(applied.iter().all(|applied| applied.legs.iter().all(|leg| leg.success)));
    }
}

/// Measures both, with and without the recovery of signatures.
pub fn figures(scale: f64) -> Vec<Figure> {
    let count = (40_000.0 * scale).ceil() as usize;
    let whole = |threads| {
        let run = |load: &mut Load| {
            let items = load.recover(threads);
            load.fold(&items, threads);
        };
        fastest(3, || Load::new(count), run).as_secs_f64()
    };
    let fold = |threads| {
        let make = || {
            let load = Load::new(count);
            let items = load.recover(2);
            (load, items)
        };
        fastest(1, make, |(load, items)| load.fold(items, threads)).as_secs_f64()
    };
    let (one, two) = (whole(1), whole(2));
    // In turn, so that whatever else slows the machine down for a while slows both.
    let rounds = [(); ROUNDS].map(|()| (fold(1), fold(2)));
    let fold_one = rounds.iter().fold(f64::INFINITY, |least, (one, _)| least.min(*one));
    let fold_two = rounds.iter().fold(f64::INFINITY, |least, (_, two)| least.min(*two));
    let rate = |seconds: f64| count as f64 / seconds;
    vec![
        Figure::new("token transfers, one thread", rate(one), Unit::PerSecond),
        Figure::new("token transfers, two threads", rate(two), Unit::PerSecond),
        Figure::new("two threads against one", one / two, Unit::Ratio),
        Figure::new("the fold alone, one thread", rate(fold_one), Unit::PerSecond),
        Figure::new("the fold alone, two threads", rate(fold_two), Unit::PerSecond),
        Figure::new("the fold alone, two against one", fold_one / fold_two, Unit::Ratio)
            .promised(1.6),
    ]
}
