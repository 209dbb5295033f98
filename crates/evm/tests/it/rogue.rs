//! Nothing that a rollup's own contracts ask of the reserved address breaks the machine.
//!
//! Here the manager, a registered proxy and the bridge are scripts, as on a rollup with a dishonest genesis.

use crate::common::*;
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use weft_contracts::{
    Manager, predeploys, proxy_address, proxy_registry_entry, proxy_registry_slot,
};
use weft_evm::{ChainSpec, GenesisAccount, MemoryState, Rollup, genesis};
use weft_types::{BRIDGE, MANAGER, RESERVED};

const PRECOMPILE: Address = Address::with_last_byte(4);

/// Numbers that look random and are the same every time (splitmix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut out = self.0;
        out = (out ^ (out >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        out = (out ^ (out >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        out ^ (out >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Rollup A with scripts in place of `rogues`, beside honest B and C, each with a probe.
fn world(rogues: &[Address], registered: &[Address]) -> (World, Address) {
    let script = Probe::DEPLOYED_BYTECODE.clone();
    let rich = GenesisAccount {
        address: account(0),
        balance: U256::from(10_000 * ETHER),
        ..GenesisAccount::default()
    };
    let rollup = |id: u32| -> Rollup<MemoryState> {
        let mut accounts = vec![rich.clone()];
        accounts.extend([8, 9].map(|key| GenesisAccount { address: account(key), ..rich.clone() }));
        if id == 901 {
            for address in rogues {
                accounts.push(GenesisAccount {
                    address: *address,
                    balance: U256::from(1_000),
                    nonce: 1,
                    code: script.clone(),
                    storage: Vec::new(),
                });
            }
            if !registered.is_empty() {
                accounts.push(manager_with(registered));
            }
        }
        genesis(ChainSpec::dev(id), 1_700_000_000, &accounts)
    };
    let mut world = World::of((901..904).map(rollup).collect());
    let target = world.deploy(B, &Probe::BYTECODE);
    world.turn();
    (world, target)
}

/// The manager of A with `registered` as proxies of themselves on B.
fn manager_with(registered: &[Address]) -> GenesisAccount {
    let manager = predeploys(901).into_iter().find(|one| one.address == MANAGER).unwrap();
    let mut storage = manager.storage;
    for proxy in registered {
        storage.push((proxy_registry_slot(*proxy), proxy_registry_entry(902, *proxy)));
    }
    let (nonce, code) = (manager.nonce, manager.code);
    GenesisAccount { address: MANAGER, balance: U256::ZERO, nonce, code, storage }
}

/// Header and data, mostly well formed.
fn input(noise: &mut Noise, target: Address) -> Bytes {
    let kind = noise.pick(&[0, 0, 0, 1, 1, 2, 255]);
    let network = noise.pick(&[902, 902, 902, 903, 901, 0, 904, u64::MAX, 1 << 32 | 902]);
    let target = noise.pick(&[target, target, MANAGER, RESERVED, BRIDGE, PRECOMPILE, account(3)]);
    let source = noise.pick(&[BRIDGE, account(0), MANAGER, RESERVED, Address::ZERO, target]);
    let mut out = vec![kind];
    out.extend_from_slice(&u64::to_be_bytes(network));
    out.extend_from_slice(target.as_slice());
    out.extend_from_slice(source.as_slice());
    if kind == 1 {
        out.extend(token(noise));
    } else {
        out.extend_from_slice(noise.pick(&[&bump(1)[..], &get(1), &[]]));
    }
    match noise.below(4) {
        0 => out.truncate(noise.below(out.len() + 1)),
        1 => out.extend(noise.bytes(3)),
        _ => {}
    }
    out.into()
}

/// A token move and call data that mostly names the same one.
fn token(noise: &mut Noise) -> Vec<u8> {
    let network = noise.pick(&[0_u32, 901, 902, 7]);
    let token = noise.pick(&[Address::ZERO, account(1)]);
    let amount = noise.pick(&[U256::ZERO, U256::from(1), U256::MAX]);
    let mut out = network.to_be_bytes().to_vec();
    out.extend_from_slice(token.as_slice());
    out.extend_from_slice(&amount.to_be_bytes::<32>());
    out.extend_from_slice(&[1, 2, 3, 4]);
    out.extend_from_slice(&U256::from(network).to_be_bytes::<32>());
    out.extend_from_slice(token.into_word().as_slice());
    out.extend_from_slice(&amount.to_be_bytes::<32>());
    let cut = out.len() - noise.pick(&[0, 0, 1, 40]);
    out.truncate(cut);
    out
}

#[test]
fn p21_manager_that_asks_for_anything_gets_answers() {
    let (mut world, target) = world(&[MANAGER], &[]);
    let mut noise = Noise(1);
    let mut hops = 0;
    for _ in 0..800 {
        let steps: Vec<Step> = (0..3)
            .map(|_| {
                let kind = noise.pick(&[Kind::TryCall, Kind::TryCall, Kind::TryStatic]);
                let value = noise.pick(&[0, 0, 1, 5_000]);
                let value = if matches!(kind, Kind::TryStatic) { 0 } else { value };
                let gas = noise.pick(&[0, 100_000, 1_000, 10]);
                by(kind, RESERVED, input(&mut noise, target)).value(value).gas(gas)
            })
            .collect();
        let applied = world.must(Draft::new(A, MANAGER, run(steps)).gas(3_000_000));
        hops += applied.hops.len();
        if world.realm.gas_left(A).unwrap() < 10_000_000 {
            world.turn();
        }
    }
    assert!(hops > 200, "{hops} hops");
    check(&mut world);
}

#[test]
fn p21_every_length_of_input_is_answered() {
    let (mut world, target) = world(&[MANAGER], &[]);
    let full =
        [&[0_u8][..], &902_u64.to_be_bytes(), target.as_slice(), account(0).as_slice(), &bump(1)]
            .concat();
    for len in 0..=full.len() {
        let applied =
            world.must(Draft::new(A, MANAGER, run([attempt(RESERVED, full[..len].to_vec())])));
        let ok = answers(&applied.legs[0].output)[0].ok;
        assert_eq!(!applied.hops.is_empty(), len >= 49, "a header is 49 bytes");
        assert_eq!(ok, len == 49 || len == full.len(), "{len}");
    }
    check(&mut world);
}

#[test]
fn p20_registered_proxy_with_other_code_may_send_anything() {
    let proxy = proxy_address(902, account(5));
    let (mut world, target) = world(&[proxy], &[proxy]);
    let mut noise = Noise(2);
    let mut hops = 0;
    for len in 0..120 {
        let tail = noise.bytes(len);
        let kind = noise.pick(&[0, 1, 2, 2, 2, 3, 255]);
        let asked = [&[kind], &tail[..]].concat();
        let steps = run([
            attempt(RESERVED, asked.clone()),
            by(Kind::TryStatic, RESERVED, asked.clone()),
            attempt(RESERVED, asked.clone()).value(noise.pick(&[1, 2_000])),
            attempt(RESERVED, [&[2][..], target.as_slice(), &tail].concat()).gas(200_000),
            attempt(RESERVED, asked).gas(noise.pick(&[1, 1_000, 3_000])),
        ]);
        hops += world.must(Draft::new(A, proxy, steps).gas(4_000_000)).hops.len();
        if world.realm.gas_left(A).unwrap() < 10_000_000 {
            world.turn();
        }
    }
    assert!(hops > 200, "{hops} hops");
    check(&mut world);
}

#[test]
fn p24_bridge_that_moves_any_token_is_held_to_its_escrow() {
    let (mut world, target) = world(&[BRIDGE], &[]);
    let mut noise = Noise(3);
    for _ in 0..200 {
        let origin = noise.pick(&[0, 901, 902, 903]);
        let amount = noise.pick(&[U256::ZERO, U256::from(1), U256::MAX]);
        let token = noise.pick(&[Address::ZERO, account(1)]);
        let mut data = vec![1, 2, 3, 4];
        data.extend_from_slice(&U256::from(origin).to_be_bytes::<32>());
        data.extend_from_slice(token.into_word().as_slice());
        data.extend_from_slice(&amount.to_be_bytes::<32>());
        data.truncate(data.len() - noise.pick(&[0, 0, 0, 1, 70]));
        let call = Manager::bridgeCallCall {
            network: noise.pick(&[902, 903, 901, 0, u64::MAX]),
            target: noise.pick(&[target, BRIDGE, BRIDGE]),
            originNetwork: origin,
            originToken: token,
            amount,
            data: data.into(),
        };
        let value = noise.pick(&[0, 1]);
        let steps = run([attempt(MANAGER, call.abi_encode()).value(value)]);
        world.must(Draft::new(A, BRIDGE, steps).gas(1_000_000));
        if world.realm.gas_left(A).unwrap() < 10_000_000 {
            world.turn();
        }
    }
    check(&mut world);
}

#[test]
fn p24_rollup_that_made_up_all_ether_there_can_be_stops_nobody() {
    let script = Probe::DEPLOYED_BYTECODE.clone();
    let [a, b] = [0xaa, 0xbb].map(Address::repeat_byte);
    let rollup = |id: u32, probe, hoarder| {
        let of = |address, balance, code| GenesisAccount {
            address,
            balance,
            code,
            nonce: 1,
            ..GenesisAccount::default()
        };
        let accounts = [
            of(account(0), U256::from(10_000 * ETHER), Bytes::new()),
            of(account(8), U256::from(10_000 * ETHER), Bytes::new()),
            of(probe, U256::from(100), script.clone()),
            of(hoarder, U256::MAX, Bytes::new()),
        ];
        let mut rollup = genesis(ChainSpec::dev(id), 1_700_000_000, &accounts);
        rollup.state.insert(hoarder, U256::MAX, 0, Bytes::new(), []);
        rollup
    };
    let rollups =
        vec![rollup(901, a, Address::repeat_byte(0xcc)), rollup(902, b, proxy_address(901, a))];
    let mut escrow = weft_evm::Escrow::default();
    for network in [A, B] {
        escrow.set(network, weft_evm::TokenId::ETHER, U256::from(1_000));
    }
    let mut world = World::with_escrow(rollups, escrow);
    let proxy = world.proxy(A, B, b);
    let steps = run([call(proxy, bump(1)).value(10)]);
    world.must(Draft::new(A, a, steps));
    assert_eq!(world.balance(B, b), U256::from(110));
    check(&mut world);
}
