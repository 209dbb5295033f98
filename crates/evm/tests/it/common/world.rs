//! The realm under test, and what happened to it.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy};
use alloy_eips::{eip2718::Encodable2718, eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use revm::{
    Database, DatabaseRef,
    context::{TxEnv, result::ExecutionResult},
};
use std::collections::BTreeMap;
use weft_contracts::{Manager, proxy_address};
use weft_evm::{
    Applied, BlockTx, ChainSpec, ClosedBlock, Escrow, GenesisAccount, MemoryState, Realm, Rollup,
    SimulateMode, TokenId, genesis,
};
use weft_thread::Heads;
use weft_types::{
    Bundle, BundleShape, Domain, Item, Leg, LegShape, MANAGER, NetworkId, Outcome, Position,
    Removal, SafetyLevel, Section, SignedTx, SlotHeader, SlotNumber,
};

pub(crate) const A: NetworkId = NetworkId::new(901);
pub(crate) const B: NetworkId = NetworkId::new(902);
pub(crate) const C: NetworkId = NetworkId::new(903);

/// Wei in one ether.
pub(crate) const ETHER: u128 = 1_000_000_000_000_000_000;
/// Number of funded keys.
const KEYS: u64 = 10;
pub(crate) const GENESIS_TIME: u64 = 1_700_000_000;

/// A transaction before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) network: NetworkId,
    pub(crate) key: usize,
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    pub(crate) gas: u64,
    pub(crate) max_fee: u128,
    pub(crate) tip: u128,
    pub(crate) nonce: Option<u64>,
    pub(crate) form: Form,
    pub(crate) access_list: AccessList,
    pub(crate) authorizations: Vec<SignedAuthorization>,
    pub(crate) may_revert: bool,
}

/// Type of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Legacy,
    Eip2930,
    Eip1559,
    Eip7702,
}

impl Draft {
    pub(crate) fn new(network: NetworkId, to: Address, data: impl Into<Bytes>) -> Self {
        Self {
            network,
            key: 0,
            to: Some(to),
            value: U256::ZERO,
            data: data.into(),
            gas: 10_000_000,
            max_fee: 20_000_000_000,
            tip: 1_000_000_000,
            nonce: None,
            form: Form::Eip1559,
            access_list: AccessList::default(),
            authorizations: Vec::new(),
            may_revert: false,
        }
    }

    pub(crate) fn creation(network: NetworkId, init: impl Into<Bytes>) -> Self {
        Self { to: None, ..Self::new(network, Address::ZERO, init) }
    }

    pub(crate) fn key(self, key: usize) -> Self {
        Self { key, ..self }
    }

    pub(crate) fn value(self, wei: u128) -> Self {
        Self { value: U256::from(wei), ..self }
    }

    pub(crate) fn gas(self, gas: u64) -> Self {
        Self { gas, ..self }
    }

    pub(crate) fn nonce(self, nonce: u64) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    pub(crate) fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    pub(crate) fn may_revert(self) -> Self {
        Self { may_revert: true, ..self }
    }
}

/// Returns the signer of a funded key.
pub(crate) fn signer(key: usize) -> PrivateKeySigner {
    let secret = keccak256([b"weft test key".as_slice(), &[key as u8]].concat());
    PrivateKeySigner::from_bytes(&secret).unwrap()
}

/// Returns the address of a funded key.
pub(crate) fn account(key: usize) -> Address {
    signer(key).address()
}

/// One slot of a world's past.
#[derive(Debug, Clone)]
pub(crate) struct PastSlot {
    pub(crate) header: SlotHeader,
    pub(crate) items: Vec<(Item, Applied)>,
    pub(crate) blocks: Vec<ClosedBlock>,
}

/// A realm with its past.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) realm: Realm<MemoryState>,
    pub(crate) rollups: Vec<Rollup<MemoryState>>,
    pub(crate) escrow: Escrow,
    pub(crate) past: Vec<PastSlot>,
    open: Option<PastSlot>,
    index: u32,
}

impl World {
    /// Makes rollups 901.. with ten funded keys and opens the first slot.
    pub(crate) fn new(rollups: u32) -> Self {
        Self::with(rollups, |_| {})
    }

    /// Like [`Self::new`] with rules changed by `adapt`.
    pub(crate) fn with(rollups: u32, adapt: impl Fn(&mut ChainSpec)) -> Self {
        let spec = |id| {
            let mut spec = ChainSpec::dev(id);
            adapt(&mut spec);
            spec
        };
        let funded: Vec<_> = (0..KEYS as usize)
            .map(|key| GenesisAccount {
                address: account(key),
                balance: U256::from(10_000 * ETHER),
                ..GenesisAccount::default()
            })
            .collect();
        let rollups: Vec<_> =
            (901..901 + rollups).map(|id| genesis(spec(id), GENESIS_TIME, &funded)).collect();
        Self::of(rollups)
    }

    /// Puts a world together from rollups; each one's escrow is its ether.
    pub(crate) fn of(rollups: Vec<Rollup<MemoryState>>) -> Self {
        let mut escrow = Escrow::default();
        for rollup in &rollups {
            let ether = rollup.state.accounts().map(|(_, account)| account.info.balance).sum();
            escrow.set(rollup.spec.network, TokenId::ETHER, ether);
        }
        Self::with_escrow(rollups, escrow)
    }

    /// Puts a world together from rollups and an escrow that need not fit.
    pub(crate) fn with_escrow(rollups: Vec<Rollup<MemoryState>>, escrow: Escrow) -> Self {
        let realm = Realm::new(Domain::dev(), rollups.clone(), escrow.clone(), Heads::default());
        let mut world = Self { realm, rollups, escrow, past: Vec::new(), open: None, index: 0 };
        world.open();
        world
    }

    pub(crate) fn networks(&self) -> Vec<NetworkId> {
        self.rollups.iter().map(|rollup| rollup.spec.network).collect()
    }

    /// Opens the next slot, in which all rollups are available.
    pub(crate) fn open(&mut self) {
        let all = self.networks();
        self.open_with(all);
    }

    /// Opens the next slot.
    pub(crate) fn open_with(&mut self, available: Vec<NetworkId>) {
        let number = self.past.len() as u64 + 1;
        let header = SlotHeader {
            number: SlotNumber::new(number),
            unix_ms: GENESIS_TIME * 1000 + number * 1000,
            parent: B256::ZERO,
            available,
            inbox_cursor: 0,
            epoch: 0,
        };
        self.realm.open_slot(header.clone()).unwrap();
        self.index = 0;
        self.open = Some(PastSlot { header, items: Vec::new(), blocks: Vec::new() });
    }

    /// Closes the open slot and opens the next one; returns the blocks.
    pub(crate) fn turn(&mut self) -> Vec<ClosedBlock> {
        let blocks = self.close();
        self.open();
        blocks
    }

    /// Closes the open slot; returns the blocks.
    pub(crate) fn close(&mut self) -> Vec<ClosedBlock> {
        let blocks = self.realm.close_slot().unwrap();
        let mut slot = self.open.take().unwrap();
        slot.blocks = blocks.clone();
        self.past.push(slot);
        blocks
    }

    /// Signs a draft with the sender's next nonce unless it names one.
    pub(crate) fn sign(&mut self, draft: &Draft) -> Leg {
        let nonce = draft.nonce.unwrap_or_else(|| self.nonce(draft.network, account(draft.key)));
        self.sign_at(draft, nonce)
    }

    /// Signs a draft with the nonce given.
    pub(crate) fn sign_at(&self, draft: &Draft, nonce: u64) -> Leg {
        let chain_id = u64::from(draft.network.get());
        let to = draft.to.map_or(TxKind::Create, TxKind::Call);
        let (value, input) = (draft.value, draft.data.clone());
        let (gas_limit, access_list) = (draft.gas, draft.access_list.clone());
        let (max_fee_per_gas, max_priority_fee_per_gas) = (draft.max_fee, draft.tip);
        let gas_price = draft.max_fee;
        let envelope = match draft.form {
            Form::Legacy => {
                let chain_id = Some(chain_id);
                seal(
                    draft.key,
                    TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input },
                )
            }
            Form::Eip2930 => seal(
                draft.key,
                TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input },
            ),
            Form::Eip1559 => seal(
                draft.key,
                TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to,
                    value,
                    access_list,
                    input,
                },
            ),
            Form::Eip7702 => seal(
                draft.key,
                TxEip7702 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to: draft.to.unwrap(),
                    value,
                    access_list,
                    authorization_list: draft.authorizations.clone(),
                    input,
                },
            ),
        };
        let tx = SignedTx::decode(envelope.encoded_2718().into()).unwrap();
        Leg { network: draft.network, tx, may_revert: draft.may_revert }
    }

    /// Applies an item at the next position of the open slot.
    pub(crate) fn apply(&mut self, item: Item) -> Applied {
        let slot = self.open.as_mut().unwrap();
        let position =
            Position { slot: slot.header.number, section: Section::Plaintext, index: self.index };
        self.index += 1;
        let applied = self.realm.apply(position, &item).unwrap();
        slot.items.push((item, applied.clone()));
        applied
    }

    /// Signs and applies a transaction.
    pub(crate) fn send(&mut self, draft: Draft) -> Applied {
        let leg = self.sign(&draft);
        self.apply(Item::Transaction(leg))
    }

    /// Signs and applies a transaction that must succeed; returns what it did.
    pub(crate) fn must(&mut self, draft: Draft) -> Applied {
        let applied = self.send(draft);
        assert_eq!(applied.outcome, Outcome::Included, "{applied:#?}");
        assert!(applied.legs[0].success, "{:?}: {:?}", applied.legs[0], applied.hops);
        applied
    }

    /// Deploys a contract from key 9.
    pub(crate) fn deploy(&mut self, network: NetworkId, init: &Bytes) -> Address {
        let applied = self.must(Draft::creation(network, init.clone()).key(9));
        applied.transactions[0].1.contract_address.unwrap()
    }

    /// Signs drafts as the legs of a bundle, with consecutive nonces for each account.
    pub(crate) fn legs(&mut self, drafts: &[Draft]) -> Vec<Leg> {
        let mut used: BTreeMap<(NetworkId, usize), u64> = BTreeMap::new();
        let mut legs = Vec::new();
        for draft in drafts {
            let seen = used.entry((draft.network, draft.key)).or_default();
            let next = self.nonce(draft.network, account(draft.key)) + *seen;
            *seen += 1;
            legs.push(self.sign_at(draft, draft.nonce.unwrap_or(next)));
        }
        legs
    }

    /// Makes an unmarked bundle.
    pub(crate) fn bundle(&mut self, drafts: &[Draft]) -> Item {
        let legs = self.legs(drafts);
        let salt = B256::repeat_byte(7);
        Item::Bundle(Bundle::new(&Domain::dev(), salt, SafetyLevel::Reputation, legs).unwrap())
    }

    /// Makes a bundle whose legs carry suffix markers.
    pub(crate) fn marked_bundle(&mut self, drafts: &[Draft]) -> Item {
        let salt = B256::repeat_byte(8);
        let shape = BundleShape {
            salt,
            level: SafetyLevel::Reputation,
            legs: drafts.iter().map(shape).collect(),
        };
        let suffix = shape.id(&Domain::dev()).suffix();
        let mark = |draft: &Draft| Draft {
            data: [draft.data.as_ref(), &suffix].concat().into(),
            ..draft.clone()
        };
        let marked: Vec<_> = drafts.iter().map(mark).collect();
        let legs = self.legs(&marked);
        Item::Bundle(Bundle::new(&Domain::dev(), salt, SafetyLevel::Reputation, legs).unwrap())
    }

    /// Calls a contract on top of the open slot and forgets it; panics when it reverts.
    pub(crate) fn call<T: SolCall>(
        &mut self,
        network: NetworkId,
        to: Address,
        call: &T,
    ) -> T::Return {
        let tx = TxEnv {
            kind: TxKind::Call(to),
            data: call.abi_encode().into(),
            gas_limit: 30_000_000,
            chain_id: None,
            ..TxEnv::default()
        };
        match self.realm.simulate(network, tx, SimulateMode::Call).unwrap().result.unwrap() {
            ExecutionResult::Success { output, .. } => {
                T::abi_decode_returns(output.data()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Deploys the proxy of `original` of `from` on `network`; returns its address.
    pub(crate) fn proxy(
        &mut self,
        network: NetworkId,
        from: NetworkId,
        original: Address,
    ) -> Address {
        let call = Manager::createCrossChainProxyCall { original, network: u64::from(from.get()) };
        let applied = self.must(Draft::new(network, MANAGER, call.abi_encode()).key(8));
        let proxy = Address::from_word(B256::from_slice(&applied.legs[0].output));
        assert_eq!(proxy, proxy_address(from.get(), original));
        proxy
    }

    pub(crate) fn nonce(&mut self, network: NetworkId, address: Address) -> u64 {
        let info = self.realm.working(network).unwrap().basic(address).unwrap();
        info.map_or(0, |info| info.nonce)
    }

    pub(crate) fn balance(&mut self, network: NetworkId, address: Address) -> U256 {
        let info = self.realm.working(network).unwrap().basic(address).unwrap();
        info.map_or(U256::ZERO, |info| info.balance)
    }

    pub(crate) fn code_len(&mut self, network: NetworkId, address: Address) -> usize {
        let info = self.realm.working(network).unwrap().basic(address).unwrap();
        info.and_then(|info| info.code).map_or(0, |code| code.original_byte_slice().len())
    }

    pub(crate) fn slot(&mut self, network: NetworkId, address: Address, slot: u64) -> U256 {
        self.realm.working(network).unwrap().storage(address, U256::from(slot)).unwrap()
    }

    /// Returns the escrow of a rollup's ether.
    pub(crate) fn ether_escrow(&self, network: NetworkId) -> U256 {
        self.realm.escrow().balance(network, TokenId::ETHER)
    }
}

/// Everything a removal must leave as it was: storage, balances, nonces, escrow, heads, gas left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    changes: BTreeMap<NetworkId, weft_evm::StateChange>,
    escrow: Escrow,
    heads: Vec<((NetworkId, NetworkId), B256)>,
    gas_left: Vec<u64>,
    transactions: Vec<Vec<BlockTx>>,
}

impl World {
    /// Records what a removal must leave as it was.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let networks = self.networks();
        let changes = networks
            .iter()
            .map(|network| (*network, self.realm.working(*network).unwrap().changes().unwrap()))
            .collect();
        let escrow = self.realm.escrow().iter().fold(
            Escrow::default(),
            |mut all, (network, token, balance)| {
                all.set(network, token, balance);
                all
            },
        );
        Snapshot {
            changes,
            escrow,
            heads: self.realm.heads().iter().collect(),
            gas_left: networks.iter().map(|n| self.realm.gas_left(*n).unwrap()).collect(),
            transactions: networks
                .iter()
                .map(|n| self.realm.open_transactions(*n).unwrap().to_vec())
                .collect(),
        }
    }
}

pub(crate) fn shape(draft: &Draft) -> LegShape {
    LegShape {
        network: draft.network,
        sender: account(draft.key),
        to: draft.to,
        value: draft.value,
        data: draft.data.clone(),
        may_revert: draft.may_revert,
    }
}

fn seal<T: SignableTransaction<Signature>>(key: usize, tx: T) -> TxEnvelope
where
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = signer(key).sign_hash_sync(&tx.signature_hash()).unwrap();
    tx.into_signed(signature).into()
}

/// Returns the removal of an item that must not be included.
pub(crate) fn removal(applied: &Applied) -> &Removal {
    match &applied.outcome {
        Outcome::Removed(removal) => {
            assert!(applied.transactions.is_empty());
            removal
        }
        Outcome::Included => panic!("included: {applied:?}"),
    }
}

/// Returns what an item put into the blocks of `network`.
pub(crate) fn on(applied: &Applied, network: NetworkId) -> Vec<&BlockTx> {
    let here = applied.transactions.iter().filter(|(on, _)| *on == network);
    here.map(|(_, tx)| tx).collect()
}

/// Returns an account's storage after the last closed block.
pub(crate) fn closed_slot(world: &World, network: NetworkId, address: Address, slot: U256) -> U256 {
    world.realm.state(network).unwrap().storage_ref(address, slot).unwrap()
}
