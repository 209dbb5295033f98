//! The world at the start of a history: rollups, programs, senders.

use crate::{
    rng::Rng,
    script::{Account, Program},
    tree::KNOWN_PROGRAMS,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_signer_local::PrivateKeySigner;
use std::sync::{LazyLock, Mutex};
use weft_contracts::{code, proxy_address, proxy_registry_entry, proxy_registry_slot};
use weft_evm::{
    ChainSpec, Escrow, FailedPolicy, GenesisAccount, MemoryState, Realm, Rollup, State, TokenId,
    genesis,
};
use weft_thread::Heads;
use weft_types::{Domain, MANAGER, NetworkId};

/// Most rollups in a history.
pub(crate) const MAX_ROLLUPS: usize = 5;
/// Programs on each rollup.
pub(crate) const PROGRAMS: usize = 3;
/// Accounts on each rollup that send transactions.
pub(crate) const SENDERS: usize = 3;
/// Accounts on each rollup that delegate to a program and send nothing.
pub(crate) const AUTHORITIES: usize = 2;
/// Time at genesis, in seconds.
pub(crate) const GENESIS_TIME: u64 = 1_800_000_000;

/// Gas limit of blocks that fill up.
pub(crate) const SMALL_BLOCK: u64 = 6_000_000;

const ETHER: u128 = 1_000_000_000_000_000_000;
/// Offset between network ids and EIP-155 ids in histories where they differ.
const CHAIN_ID_OFFSET: u64 = 50_000;

/// Keys and addresses of one rollup. All addresses are distinct over all rollups, so that the oracle can put them on one
/// chain.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) network: NetworkId,
    pub(crate) programs: [Address; PROGRAMS],
    pub(crate) senders: Vec<PrivateKeySigner>,
    pub(crate) authorities: Vec<PrivateKeySigner>,
    /// An account without code.
    pub(crate) codeless: Address,
}

static CASTS: LazyLock<Vec<Cast>> = LazyLock::new(|| (0..MAX_ROLLUPS).map(cast).collect());
static GENESES: LazyLock<Mutex<Vec<Option<Rollup<MemoryState>>>>> =
    LazyLock::new(|| Mutex::new(vec![None; MAX_ROLLUPS]));

fn cast(rollup: usize) -> Cast {
    let key = |role: &str, index: usize| {
        let secret = keccak256(format!("weft sim {role} {rollup} {index}"));
        PrivateKeySigner::from_bytes(&secret).expect("a hash is a valid key")
    };
    let address = |role: &str, index: usize| {
        Address::from_word(keccak256(format!("weft sim {role} {rollup} {index}")))
    };
    Cast {
        network: NetworkId::new(901 + rollup as u32),
        programs: std::array::from_fn(|index| address("program", index)),
        senders: (0..SENDERS).map(|index| key("sender", index)).collect(),
        authorities: (0..AUTHORITIES).map(|index| key("authority", index)).collect(),
        codeless: address("codeless", 0),
    }
}

impl Cast {
    /// Returns program `index` as a target.
    pub(crate) const fn program(&self, index: usize) -> Account {
        Account { network: self.network, address: self.programs[index] }
    }

    /// Returns the accounts of the genesis state.
    pub(crate) fn accounts(&self) -> Vec<GenesisAccount> {
        let funded = |address, balance: u128| GenesisAccount {
            address,
            balance: U256::from(balance),
            ..GenesisAccount::default()
        };
        let code = Program::DEPLOYED_BYTECODE.clone();
        let programs = self.programs.iter().map(|address| GenesisAccount {
            nonce: 1,
            code: code.clone(),
            ..funded(*address, 100 * ETHER)
        });
        let senders = self.senders.iter().map(|key| funded(key.address(), 10_000 * ETHER));
        let authorities = self.authorities.iter().map(|key| funded(key.address(), ETHER));
        programs.chain(senders).chain(authorities).collect()
    }
}

/// What is fixed for one history.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) domain: Domain,
    pub(crate) rollups: usize,
    /// True when the oracle can follow the history: see `crate::oracle` for what it must not contain.
    pub(crate) collapsible: bool,
    pub(crate) base_fees: Vec<u64>,
    pub(crate) block_gas_limit: u64,
    pub(crate) policies: Vec<FailedPolicy>,
    /// Escrow of ether that some rollup has, when it is less than its supply.
    pub(crate) scarce: Option<(usize, U256)>,
    pub(crate) chain_id_offset: u64,
}

impl World {
    /// Draws a world; `rollups` fixes their number.
    pub(crate) fn draw(rng: &mut Rng, rollups: Option<usize>) -> Self {
        let rollups = rollups.unwrap_or_else(|| rng.weighted(&[(3, 2), (3, 3), (2, 4), (2, 5)]));
        let collapsible = rng.chance(50);
        let different = rng.chance(60);
        let base_fee = |rng: &mut Rng| {
            if different {
                rng.pick(&[7, 1_000_000, 1_000_000_000, 40_000_000_000])
            } else {
                1_000_000_000
            }
        };
        let block_gas_limit = if !collapsible && rng.chance(30) { SMALL_BLOCK } else { 60_000_000 };
        let policy = |rng: &mut Rng| {
            if rng.chance(30) { FailedPolicy::Remove } else { FailedPolicy::Keep }
        };
        let scarce = (!collapsible && rng.chance(35))
            .then(|| (rng.below(rollups), U256::from(rng.next() % 2_000_000)));
        Self {
            domain: Domain { realm: rng.next() % 3, ..Domain::dev() },
            rollups,
            collapsible,
            base_fees: (0..rollups).map(|_| base_fee(rng)).collect(),
            block_gas_limit,
            policies: (0..rollups).map(|_| policy(rng)).collect(),
            scarce,
            chain_id_offset: if rng.chance(30) { CHAIN_ID_OFFSET } else { 0 },
        }
    }

    /// Returns the cast of rollup `index`.
    pub(crate) fn cast(&self, index: usize) -> &'static Cast {
        &CASTS[index]
    }

    /// Returns all casts of the history.
    pub(crate) fn casts(&self) -> &'static [Cast] {
        &CASTS[..self.rollups]
    }

    /// Returns the index of a rollup.
    pub(crate) fn index_of(&self, network: NetworkId) -> Option<usize> {
        self.casts().iter().position(|cast| cast.network == network)
    }

    /// Returns the EIP-155 id of rollup `index`.
    pub(crate) fn chain_id(&self, index: usize) -> u64 {
        u64::from(self.cast(index).network.get()) + self.chain_id_offset
    }

    /// Returns the networks of the realm in order.
    pub(crate) fn networks(&self) -> Vec<NetworkId> {
        self.casts().iter().map(|cast| cast.network).collect()
    }

    /// Builds the realm at genesis.
    pub(crate) fn realm(&self) -> Realm<MemoryState> {
        let rollups: Vec<_> = (0..self.rollups).map(|index| self.rollup(index)).collect();
        let mut escrow = Escrow::default();
        for (index, rollup) in rollups.iter().enumerate() {
            let supply = supply(&rollup.state);
            let held = self.scarce.filter(|(scarce, _)| *scarce == index).map(|(_, held)| held);
            escrow.set(rollup.spec.network, TokenId::ETHER, held.unwrap_or(supply));
        }
        Realm::new(self.domain, rollups, escrow, Heads::default())
    }

    fn rollup(&self, index: usize) -> Rollup<MemoryState> {
        let mut rollup = pristine(index);
        rollup.spec.chain_id = self.chain_id(index);
        rollup.spec.failed = self.policies[index];
        rollup.spec.block_gas_limit = self.block_gas_limit;
        rollup.head.gas_limit = self.block_gas_limit;
        rollup.head.base_fee_per_gas = Some(self.base_fees[index]);
        rollup.head_hash = rollup.head.hash_slow();
        let Ok(()) = rollup.state.insert_block_hash(0, rollup.head_hash);
        rollup
    }
}

/// Returns a rollup at genesis, made once per process.
fn pristine(index: usize) -> Rollup<MemoryState> {
    let mut geneses = GENESES.lock().expect("no worker panics while it holds the geneses");
    let make = || {
        let cast = &CASTS[index];
        let spec = ChainSpec::dev(cast.network.get());
        let mut rollup = genesis(spec, GENESIS_TIME, &cast.accounts());
        deploy_proxies(&mut rollup);
        rollup
    };
    geneses[index].get_or_insert_with(make).clone()
}

/// Returns a program of rollup `index`, whether or not it is in the realm.
pub(crate) fn program_of(index: usize) -> Account {
    CASTS[index].program(0)
}

/// Puts the proxies of others' known accounts into a genesis state, as if somebody had deployed them (P20).
fn deploy_proxies(rollup: &mut Rollup<MemoryState>) {
    let own = rollup.spec.network;
    let others = CASTS.iter().filter(|cast| cast.network != own);
    let known = others.flat_map(|cast| {
        let programs = cast.programs[..KNOWN_PROGRAMS].iter().copied();
        let others = [cast.codeless, cast.authorities[0].address()];
        programs.chain(others).map(|original| (cast.network, original))
    });
    let mut registry = vec![(U256::ZERO, U256::from(own.get()))];
    for (network, original) in known {
        let proxy = proxy_address(network.get(), original);
        rollup.state.insert(proxy, U256::ZERO, 1, code::PROXY.clone(), []);
        let entry = proxy_registry_entry(network.get(), original);
        registry.push((proxy_registry_slot(proxy), entry));
    }
    rollup.state.insert(MANAGER, U256::ZERO, 1, code::MANAGER.clone(), registry);
    let Ok(root) = rollup.state.root();
    rollup.head.state_root = root;
}

/// Returns the sum of all balances.
pub(crate) fn supply(state: &MemoryState) -> U256 {
    state.accounts().map(|(_, account)| account.info.balance).sum()
}

/// Returns a hash that depends on `seed` and `what`.
pub(crate) fn hash_of(seed: u64, what: &str) -> B256 {
    keccak256(format!("{what} {seed}"))
}
