//! Two independent rollups on one thread and on two.

use crate::{
    report::{Figure, Unit, fastest},
    world::{Call, World, network},
};
use alloy_primitives::{U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use weft_contracts::CrossChainToken;
use weft_types::{Item, Position};

/// Token transfers on two rollups, in turn.
#[derive(Debug)]
pub struct Load {
    world: World,
    items: Vec<(Position, Item)>,
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
        let mut items = Vec::with_capacity(count);
        for index in 0..count {
            let side = index % 2;
            let to = alloy_primitives::Address::from_word(keccak256((index as u64).to_be_bytes()));
            let transfer = CrossChainToken::transferCall { to, amount: U256::from(1_u64) };
            let key = (index / 2) % 16;
            let call = Call {
                gas: 100_000,
                ..Call::new(network(side as u32), key, tokens[side], transfer.abi_encode())
            };
            let item = Item::Transaction(world.leg(&call));
            items.push((world.position(), item));
        }
        Self { world, items }
    }

    /// Applies everything on `threads` threads.
    pub fn run(&mut self, threads: usize) {
        let applied =
            self.world.realm.apply_all(&self.items, threads).expect("memory does not fail");
        assert!(applied.iter().all(|applied| applied.legs.iter().all(|leg| leg.success)));
    }
}

/// Measures both.
pub fn figures(scale: f64) -> Vec<Figure> {
    let count = (40_000.0 * scale).ceil() as usize;
    let time = |threads| fastest(3, || Load::new(count), |load| load.run(threads)).as_secs_f64();
    let (one, two) = (time(1), time(2));
    vec![
        Figure::new("token transfers, one thread", count as f64 / one, Unit::PerSecond),
        Figure::new("token transfers, two threads", count as f64 / two, Unit::PerSecond),
        Figure::new("two threads against one", one / two, Unit::Ratio).promised(1.6),
    ]
}
