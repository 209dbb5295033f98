//! Who takes part, and the realm at its start.

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use std::sync::LazyLock;
use weft_contracts::fee_vault;
use weft_evm::{ChainSpec, Escrow, GenesisAccount, MemoryState, Realm, Rollup, genesis};
use weft_thread::Heads;
use weft_types::{Domain, Leg, NetworkId, Signature, SignedTx};

/// Rollups of the realm; deposits lie on the first.
pub(crate) const ROLLUPS: [NetworkId; 2] = [NetworkId::new(901), NetworkId::new(902)];
/// Where deposits lie.
pub(crate) const HOME: NetworkId = ROLLUPS[0];
/// Accounts whose transactions are sealed.
pub(crate) const USERS: usize = 5;
/// Accounts that send in clear.
pub(crate) const PLAIN: usize = 2;
/// Accounts that pay for envelopes.
pub(crate) const PAYERS: usize = 3;

const GENESIS_TIME: u64 = 1_800_000_000;
const ETHER: u128 = 1_000_000_000_000_000_000;
const MAX_FEE: u128 = 1_000_000_000_000;

/// Keys of everybody.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) users: Vec<PrivateKeySigner>,
    pub(crate) plain: Vec<PrivateKeySigner>,
    pub(crate) payers: Vec<PrivateKeySigner>,
    members: Vec<PrivateKeySigner>,
}

pub(crate) static CAST: LazyLock<Cast> = LazyLock::new(|| Cast {
    users: keys("user", USERS),
    plain: keys("plain", PLAIN),
    payers: keys("payer", PAYERS),
    members: keys("member", super::members::MAX_MEMBERS as usize),
});

static GENESES: LazyLock<Vec<Rollup<MemoryState>>> = LazyLock::new(|| {
    let accounts = |network: NetworkId| {
        let all = CAST.users.iter().chain(&CAST.plain).chain(&CAST.payers);
        let funded = all.map(|key| GenesisAccount {
            address: key.address(),
            balance: U256::from(1_000 * ETHER),
            ..GenesisAccount::default()
        });
        let vault = fee_vault();
        let vault = GenesisAccount {
            address: vault.address,
            nonce: vault.nonce,
            code: vault.code,
            ..GenesisAccount::default()
        };
        funded.chain((network == HOME).then_some(vault)).collect::<Vec<_>>()
    };
    let rollup = |network: &NetworkId| {
        genesis(ChainSpec::dev(network.get()), GENESIS_TIME, &accounts(*network))
    };
    ROLLUPS.iter().map(rollup).collect()
});

fn keys(role: &str, count: usize) -> Vec<PrivateKeySigner> {
    let key = |index: usize| {
        let secret = keccak256(format!("weft sealed sim {role} {index}"));
        PrivateKeySigner::from_bytes(&secret).expect("a hash is a valid key")
    };
    (0..count).map(key).collect()
}

/// The sequencer's key.
pub(crate) static SEQUENCER: LazyLock<B256> =
    LazyLock::new(|| keccak256("weft sealed sim sequencer"));

/// Returns the realm's domain.
pub(crate) fn domain() -> Domain {
    Domain { realm: 7, ..Domain::dev() }
}

/// Returns the rollups at genesis.
pub(crate) fn realm() -> Realm<MemoryState> {
    Realm::new(domain(), GENESES.clone(), Escrow::default(), Heads::default())
}

/// Returns the key of a member.
pub(crate) fn member(number: u32) -> &'static PrivateKeySigner {
    &CAST.members[number as usize - 1]
}

/// Signs a digest.
pub(crate) fn sign(key: &PrivateKeySigner, digest: &B256) -> Signature {
    let signature = key.sign_hash_sync(digest).expect("a key in memory signs");
    Signature::new(signature).expect("signatures of the library are canonical")
}

/// A transaction before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Tx {
    pub(crate) network: NetworkId,
    pub(crate) nonce: u64,
    pub(crate) gas: u64,
    pub(crate) to: Address,
    pub(crate) wei: u128,
    pub(crate) input: Bytes,
}

impl Tx {
    /// A payment of some wei to nobody in particular.
    pub(crate) fn pay(network: NetworkId, nonce: u64, wei: u128) -> Self {
        let to = Address::repeat_byte(0xee);
        Self { network, nonce, gas: 30_000, to, wei, input: Bytes::new() }
    }

    pub(crate) fn sign(&self, key: &PrivateKeySigner) -> Leg {
        let tx = TxEip1559 {
            chain_id: ChainSpec::dev(self.network.get()).chain_id,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: MAX_FEE,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(self.to),
            value: U256::from(self.wei),
            access_list: Default::default(),
            input: self.input.clone(),
        };
        let signature = key.sign_hash_sync(&tx.signature_hash()).expect("a key in memory signs");
        let raw = TxEnvelope::from(tx.into_signed(signature)).encoded_2718();
        let tx = SignedTx::decode(raw.into()).expect("it was just made");
        Leg { network: self.network, tx, may_revert: false }
    }
}
