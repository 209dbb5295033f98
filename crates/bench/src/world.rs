//! A realm to measure on: funded keys, deployed contracts, signed transactions.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use weft_contracts::{Manager, proxy_address};
use weft_evm::{
    Applied, ChainSpec, Escrow, GenesisAccount, Heads, MemoryState, Realm, TokenId, genesis,
};
use weft_types::{
    Domain, Item, Leg, MANAGER, NetworkId, Outcome, Position, Section, SignedTx, SlotHeader,
    SlotNumber,
};

/// Time of the first block.
const GENESIS_TIME: u64 = 1_700_000_000;
/// Gas limit that no workload reaches.
const BLOCK_GAS: u64 = 1 << 50;

/// A realm with an open slot.
#[derive(Debug)]
pub struct World {
    /// The realm.
    pub realm: Realm<MemoryState>,
    /// Keys funded on every rollup.
    pub keys: Vec<PrivateKeySigner>,
    nonces: Vec<std::collections::BTreeMap<NetworkId, u64>>,
    next: u32,
}

/// A call to sign.
#[derive(Debug, Clone)]
pub struct Call {
    /// Rollup.
    pub network: NetworkId,
    /// Index of the key.
    pub key: usize,
    /// Receiver.
    pub to: TxKind,
    /// Wei.
    pub value: U256,
    /// Call data.
    pub data: Bytes,
    /// Gas limit.
    pub gas: u64,
}

impl Call {
    /// A call without value.
    pub fn new(network: NetworkId, key: usize, to: Address, data: impl Into<Bytes>) -> Self {
        let to = TxKind::Call(to);
        Self { network, key, to, value: U256::ZERO, data: data.into(), gas: 16_000_000 }
    }
}

/// Returns the network of rollup `index`.
pub const fn network(index: u32) -> NetworkId {
    NetworkId::new(901 + index)
}

impl World {
    /// Makes `rollups` rollups with `keys` funded keys on each.
    pub fn new(rollups: u32, keys: usize) -> Self {
        let signer = |index: usize| {
            let secret = keccak256((index as u64).to_be_bytes());
            PrivateKeySigner::from_bytes(&secret).expect("a hash is a key")
        };
        let keys: Vec<_> = (0..keys).map(signer).collect();
        let balance = U256::from(10_u128.pow(24));
        let account = |key: &PrivateKeySigner| GenesisAccount {
            address: key.address(),
            balance,
            ..Default::default()
        };
        let accounts: Vec<_> = keys.iter().map(account).collect();
        let mut escrow = Escrow::default();
        let mut members = Vec::new();
        for index in 0..rollups {
            let spec = ChainSpec { block_gas_limit: BLOCK_GAS, ..ChainSpec::dev(901 + index) };
            escrow.set(spec.network, TokenId::ETHER, balance * U256::from(accounts.len()));
            members.push(genesis(spec, GENESIS_TIME, &accounts));
        }
        let realm = Realm::new(Domain::dev(), members, escrow, Heads::default());
        let nonces = keys.iter().map(|_| Default::default()).collect();
        let mut world = Self { realm, keys, nonces, next: 0 };
        world.open_slot();
        world
    }

    fn open_slot(&mut self) {
        let (number, unix_ms) = (SlotNumber::new(1), (GENESIS_TIME + 1) * 1000);
        let available = self.realm.networks().map(|(network, _)| network).collect();
        let header = SlotHeader {
            number,
            unix_ms,
            parent: B256::ZERO,
            available,
            inbox_cursor: 0,
            epoch: 0,
        };
        self.realm.open_slot(header).expect("memory does not fail");
    }

    /// Returns the next position.
    pub fn position(&mut self) -> Position {
        self.next += 1;
        Position { slot: SlotNumber::new(1), section: Section::Plaintext, index: self.next - 1 }
    }

    /// Signs a call; its nonce is used up.
    pub fn sign(&mut self, call: &Call) -> Bytes {
        let nonce = self.nonces[call.key].entry(call.network).or_default();
        let tx = TxEip1559 {
            chain_id: u64::from(call.network.get()),
            nonce: *nonce,
            gas_limit: call.gas,
            max_fee_per_gas: 2_000_000_000,
            max_priority_fee_per_gas: 0,
            to: call.to,
            value: call.value,
            input: call.data.clone(),
            access_list: Default::default(),
        };
        *nonce += 1;
        let hash = tx.signature_hash();
        let signature = self.keys[call.key].sign_hash_sync(&hash).expect("local keys sign");
        TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into()
    }

    /// Takes a nonce back after an item was removed.
    pub fn unsign(&mut self, call: &Call) {
        *self.nonces[call.key].entry(call.network).or_default() -= 1;
    }

    /// Signs a call into a leg.
    pub fn leg(&mut self, call: &Call) -> Leg {
        let tx = SignedTx::decode(self.sign(call)).expect("just signed");
        Leg { network: call.network, tx, may_revert: false }
    }

    /// Applies an item.
    pub fn apply(&mut self, item: &Item) -> Applied {
        let position = self.position();
        self.realm.apply(position, item).expect("memory does not fail")
    }

    /// Sends a call, which must succeed.
    ///
    /// # Panics
    ///
    /// Panics when it does not.
    pub fn send(&mut self, call: &Call) -> Applied {
        let item = Item::Transaction(self.leg(call));
        let applied = self.apply(&item);
        assert_eq!(applied.outcome, Outcome::Included);
        assert!(applied.legs[0].success, "{call:?} failed: {:?}", applied.legs[0]);
        applied
    }

    /// Deploys a contract with key 0.
    pub fn deploy(&mut self, network: NetworkId, creation: Bytes) -> Address {
        let call = Call { to: TxKind::Create, ..Call::new(network, 0, Address::ZERO, creation) };
        self.send(&call).transactions[0].1.contract_address.expect("created")
    }

    /// Deploys raw runtime code with key 0.
    pub fn install(&mut self, network: NetworkId, runtime: &[u8]) -> Address {
        // PUSH2 len, DUP1, PUSH1 offset, PUSH0, CODECOPY, PUSH0, RETURN
        let len = u16::try_from(runtime.len()).expect("small code").to_be_bytes();
        let mut creation = vec![0x61, len[0], len[1], 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3];
        creation.extend_from_slice(runtime);
        self.deploy(network, creation.into())
    }

    /// Creates the proxy of `original` of `of` on `on`.
    pub fn proxy(&mut self, on: NetworkId, of: NetworkId, original: Address) -> Address {
        let call = Manager::createCrossChainProxyCall { original, network: u64::from(of.get()) };
        self.send(&Call::new(on, 0, MANAGER, call.abi_encode()));
        proxy_address(of.get(), original)
    }
}
