//! A swap called across rollups against the same swap called within one.

use crate::{
    report::{Figure, Unit, fastest, micros_each},
    world::{Call, World, network},
};
use alloy_primitives::{Address, Bytes, U256, hex};
use alloy_sol_types::{SolCall, SolValue, sol};
use std::path::Path;
use weft_contracts::{CrossChainToken, Pool};
use weft_types::NetworkId;

sol! {
    interface IERC20 {
        function approve(address spender, uint256 amount) external returns (bool);
        function transfer(address to, uint256 amount) external returns (bool);
    }
    interface IFactory {
        function createPair(address a, address b) external returns (address);
        function getPair(address a, address b) external view returns (address);
    }
    interface IPair {
        function mint(address to) external returns (uint256);
    }
    interface IRouter {
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) external returns (uint256[] amounts);
    }
    interface IPool {
        function swap(address tokenIn, uint256 amountIn, uint256 minOut, address to) external returns (uint256);
    }
}

/// Swaps within one transaction.
const SWAPS: usize = 50;
/// Tokens on each side of a pool, in smallest units.
const DEPTH: u128 = 10_u128.pow(24);

/// Repeats a call: word 0 target, word 1 count, the rest is the call data.
const REPEAT: &[u8] = &[
    0x60, 0x40, 0x36, 0x03, 0x60, 0x40, 0x5f, 0x37, // copy the data to memory 0
    0x60, 0x20, 0x35, // n
    0x5b, // loop (pc 11)
    0x5f, 0x5f, 0x60, 0x40, 0x36, 0x03, 0x5f, 0x5f, // out, out len, in len, in, value
    0x5f, 0x35, 0x5a, 0xf1, // target, gas, call
    0x15, 0x60, 0x25, 0x57, // fail when it failed
    0x60, 0x01, 0x90, 0x03, 0x80, 0x60, 0x0b, 0x57, 0x00, // again or stop
    0x5b, 0x5f, 0xfd, // fail (pc 37)
];

/// A transaction that swaps many times.
#[derive(Debug)]
pub struct Swaps {
    world: World,
    call: Call,
}

struct Market {
    venue: Address,
    token: Address,
    swap: Bytes,
}

impl Swaps {
    /// Swaps from a contract on the pool's own rollup (`is_remote` false) or on another.
    pub fn new(is_remote: bool, published: Option<&Path>) -> Self {
        let mut world = World::new(2, 1);
        let (home, away) = (network(0), network(1));
        let from = if is_remote { home } else { away };
        let driver = world.install(from, REPEAT);
        let trader = if is_remote { world.proxy(away, home, driver) } else { driver };
        let market = match published {
            Some(folder) => uniswap(&mut world, away, trader, folder),
            None => own_pool(&mut world, away, trader),
        };
        let mut reach = |target| if is_remote { world.proxy(home, away, target) } else { target };
        let (token, venue) = (reach(market.token), reach(market.venue));
        let approve = IERC20::approveCall { spender: market.venue, amount: U256::MAX };
        let approve = repeat(token, 1, &approve.abi_encode());
        world.send(&Call::new(from, 0, driver, approve));
        let call = Call::new(from, 0, driver, repeat(venue, SWAPS, &market.swap));
        let mut swaps = Self { world, call };
        swaps.run();
        swaps
    }

    /// Runs the transaction once.
    pub fn run(&mut self) {
        self.world.send(&self.call);
    }
}

fn repeat(target: Address, count: usize, data: &[u8]) -> Bytes {
    let mut out = target.into_word().to_vec();
    out.extend_from_slice(&U256::from(count).to_be_bytes::<32>());
    out.extend_from_slice(data);
    out.into()
}

fn token(world: &mut World, on: NetworkId, holders: &[Address]) -> Address {
    let args = (String::from("Token"), String::from("T"), U256::from(18)).abi_encode_params();
    let creation = [CrossChainToken::BYTECODE.as_ref(), &args].concat();
    let token = world.deploy(on, creation.into());
    for to in holders {
        let mint = CrossChainToken::mintCall { to: *to, amount: U256::from(DEPTH) };
        world.send(&Call::new(on, 0, token, mint.abi_encode()));
    }
    token
}

fn own_pool(world: &mut World, on: NetworkId, trader: Address) -> Market {
    let owner = world.keys[0].address();
    let sold = token(world, on, &[owner, trader]);
    let bought = token(world, on, &[owner]);
    let args = (sold, bought).abi_encode_params();
    let creation = [Pool::BYTECODE.as_ref(), &args].concat();
    let venue = world.deploy(on, creation.into());
    for token in [sold, bought] {
        let approve = IERC20::approveCall { spender: venue, amount: U256::MAX };
        world.send(&Call::new(on, 0, token, approve.abi_encode()));
    }
    let amount = U256::from(DEPTH);
    let add = Pool::addLiquidityCall { amount0: amount, amount1: amount, to: owner };
    world.send(&Call::new(on, 0, venue, add.abi_encode()));
    let amount_in = U256::from(1_000_000_u64);
    let swap =
        IPool::swapCall { tokenIn: sold, amountIn: amount_in, minOut: U256::ZERO, to: trader };
    Market { venue, token: sold, swap: swap.abi_encode().into() }
}

fn uniswap(world: &mut World, on: NetworkId, trader: Address, folder: &Path) -> Market {
    let owner = world.keys[0].address();
    let sold = token(world, on, &[owner, trader]);
    let bought = token(world, on, &[owner]);
    let factory = [creation(folder, "v2-core/build/UniswapV2Factory.json"), owner.abi_encode()];
    let factory = world.deploy(on, factory.concat().into());
    let args = (factory, sold).abi_encode_params();
    let router = [creation(folder, "v2-periphery/build/UniswapV2Router02.json"), args];
    let venue = world.deploy(on, router.concat().into());
    let create = IFactory::createPairCall { a: sold, b: bought };
    let created = world.send(&Call::new(on, 0, factory, create.abi_encode()));
    let pair = Address::from_slice(&created.legs[0].output[12..32]);
    for token in [sold, bought] {
        let transfer = IERC20::transferCall { to: pair, amount: U256::from(DEPTH) };
        world.send(&Call::new(on, 0, token, transfer.abi_encode()));
    }
    world.send(&Call::new(on, 0, pair, IPair::mintCall { to: owner }.abi_encode()));
    let swap = IRouter::swapExactTokensForTokensCall {
        amountIn: U256::from(1_000_000_u64),
        amountOutMin: U256::ZERO,
        path: vec![sold, bought],
        to: trader,
        deadline: U256::MAX,
    };
    Market { venue, token: sold, swap: swap.abi_encode().into() }
}

fn creation(folder: &Path, file: &str) -> Vec<u8> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let json: serde_json::Value = serde_json::from_str(&text).expect("a build artifact");
    let code = json["evm"]["bytecode"]["object"].as_str().or(json["bytecode"].as_str());
    hex::decode(code.expect("an artifact has bytecode")).expect("bytecode is hex")
}

/// Measures both.
pub fn figures(scale: f64, published: Option<&Path>) -> Vec<Figure> {
    let rounds = (40.0 * scale).ceil() as usize;
    let time = |mut swaps: Swaps| micros_each(fastest(rounds, || (), |()| swaps.run()), SWAPS);
    let what = if published.is_some() { "Uniswap v2 swap" } else { "swap in our own pool" };
    let local = time(Swaps::new(false, published));
    let remote = time(Swaps::new(true, published));
    vec![
        Figure::new(format!("{what} on the same rollup"), local, Unit::Micros),
        Figure::new(format!("{what} called across rollups"), remote, Unit::Micros),
        Figure::new(format!("{what}, across against within"), remote / local, Unit::Ratio)
            .promised(1.15),
    ]
}
