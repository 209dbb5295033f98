//! Two rollups run behind byte streams, one at the hub; the result is that of joint execution (P7).

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use std::{
    cell::RefCell, collections::BTreeMap, io::Write, net::Shutdown, os::unix::net::UnixStream,
    thread, time::Duration,
};
use weft_contracts::{Bridge, Counter, Manager, proxy_address};
use weft_evm::{
    Applied, ChainSpec, Escrow, FailedPolicy, FoldError, GenesisAccount, Heads, MemoryState, Realm,
    Rollup, Stop, TokenId, genesis, replay::ReplayItem,
};
use weft_executor::{
    FromExecutor, HubHandle, ToExecutor,
    message::{self, Start},
    state_codec, work,
};
use weft_thread::thread_start;
use weft_types::{
    BRIDGE, Bundle, Domain, Hop, HopBody, HopCall, Item, Leg, MANAGER, NetworkId, Outcome,
    Position, RemovalCause, SafetyLevel, Section, SignedTx, SlotHeader, SlotNumber,
};

const A: NetworkId = NetworkId::new(901);
const B: NetworkId = NetworkId::new(902);
const C: NetworkId = NetworkId::new(903);
const TIME: u64 = 1_700_000_000;

fn key(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256([index])).unwrap()
}

fn rollups() -> (Vec<Rollup<MemoryState>>, Escrow) {
    let balance = U256::from(10_u128.pow(24));
    let account =
        |index| GenesisAccount { address: key(index).address(), balance, ..Default::default() };
    let accounts: Vec<_> = (0..4).map(account).collect();
    let mut escrow = Escrow::default();
    let rollup = |network: NetworkId| {
        let failed = if network == C { FailedPolicy::Remove } else { FailedPolicy::Keep };
        let spec = ChainSpec { failed, ..ChainSpec::dev(network.get()) };
        escrow.set(network, TokenId::ETHER, balance * U256::from(4));
        genesis(spec, TIME, &accounts)
    };
    ([A, B, C].into_iter().map(rollup).collect(), escrow)
}

#[derive(Default)]
struct Script {
    nonces: BTreeMap<(NetworkId, u8), u64>,
    items: Vec<Item>,
}

impl Script {
    fn leg(&mut self, network: NetworkId, by: u8, to: TxKind, data: Vec<u8>) -> Leg {
        let nonce = self.nonces.entry((network, by)).or_default();
        let tx = TxEip1559 {
            chain_id: u64::from(network.get()),
            nonce: *nonce,
            gas_limit: 3_000_000,
            max_fee_per_gas: 10_000_000_000,
            to,
            input: data.into(),
            ..Default::default()
        };
        *nonce += 1;
        let signature = key(by).sign_hash_sync(&tx.signature_hash()).unwrap();
        let raw: Bytes = TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into();
        Leg { network, tx: SignedTx::decode(raw).unwrap(), may_revert: false }
    }

    fn send(&mut self, network: NetworkId, by: u8, to: Address, call: impl SolCall) {
        let leg = self.leg(network, by, TxKind::Call(to), call.abi_encode());
        self.items.push(Item::Transaction(leg));
    }

    fn bundle(&mut self, legs: Vec<Leg>) {
        let salt = B256::from(U256::from(self.items.len()));
        let bundle = Bundle::new(&Domain::dev(), salt, SafetyLevel::Reputation, legs).unwrap();
        self.items.push(Item::Bundle(bundle));
    }

    /// Takes back the nonce of a leg that will be removed.
    fn unused(&mut self, network: NetworkId, by: u8) {
        *self.nonces.get_mut(&(network, by)).unwrap() -= 1;
    }
}

/// Counters on three rollups that call each other in every direction, with failures and removals.
fn script() -> Vec<Item> {
    let mut script = Script::default();
    let mut counter = BTreeMap::new();
    for network in [A, B, C] {
        let leg = script.leg(network, 0, TxKind::Create, Counter::BYTECODE.to_vec());
        counter.insert(network, leg.tx.sender().create(0));
        script.items.push(Item::Transaction(leg));
    }
    let proxy = |of: NetworkId| proxy_address(of.get(), counter[&of]);
    for on in [A, B, C] {
        for of in [A, B, C].into_iter().filter(|of| *of != on) {
            let call = Manager::createCrossChainProxyCall {
                original: counter[&of],
                network: u64::from(of.get()),
            };
            script.send(on, 0, MANAGER, call);
        }
    }
    for (on, of) in [(A, B), (B, A), (B, C), (C, B), (C, A), (A, C)] {
        script.send(on, 1, counter[&on], Counter::incrementViaCall { proxy: proxy(of) });
        script.send(on, 1, counter[&on], Counter::undoViaCall { proxy: proxy(of) });
        script.send(on, 1, counter[&on], Counter::catchRevertViaCall { proxy: proxy(of) });
        script.send(on, 2, counter[&on], Counter::getViaCall { proxy: proxy(of) });
    }
    let along = vec![proxy(B), proxy(C), proxy(A), proxy(C), proxy(B)];
    script.send(A, 1, counter[&A], Counter::incrementAlongCall { proxies: along.clone() });
    script.send(C, 1, counter[&C], Counter::incrementAlongCall { proxies: along[2..].to_vec() });
    // Kept on A as reverted, removed on C.
    script.send(A, 3, counter[&A], Counter::incrementViaAndRevertCall { proxy: proxy(C) });
    script.send(C, 3, counter[&C], Counter::incrementViaAndRevertCall { proxy: proxy(B) });
    script.unused(C, 3);
    for (on, of) in [(A, B), (B, C), (C, A)] {
        let both = |script: &mut Script, on: NetworkId, of: NetworkId| {
            let call = Counter::incrementViaCall { proxy: proxy(of) };
            script.leg(on, 2, TxKind::Call(counter[&on]), call.abi_encode())
        };
        let legs = vec![both(&mut script, on, of), both(&mut script, of, on)];
        script.bundle(legs);
        let fails = Counter::incrementAndRevertCall {}.abi_encode();
        let good = both(&mut script, on, of);
        let bad = script.leg(of, 2, TxKind::Call(counter[&of]), fails);
        script.bundle(vec![good, bad]);
        script.unused(on, 2);
        script.unused(of, 2);
    }
    script.items
}

fn header() -> SlotHeader {
    SlotHeader {
        number: SlotNumber::new(1),
        unix_ms: (TIME + 1) * 1000,
        parent: B256::ZERO,
        available: vec![A, B, C],
        inbox_cursor: 0,
        epoch: 0,
    }
}

const fn position(index: usize) -> Position {
    Position { slot: SlotNumber::new(1), section: Section::Plaintext, index: index as u32 }
}

/// A hub that runs A; B and C run in threads that see nothing but bytes.
struct Remote {
    realm: Realm<MemoryState>,
    hub: HubHandle,
}

impl Remote {
    fn start(wrap: impl Fn(NetworkId, UnixStream) -> UnixStream) -> Self {
        let (rollups, escrow) = rollups();
        let hub = HubHandle::default();
        let mut here = Vec::new();
        for rollup in rollups {
            let network = rollup.spec.network;
            if network == A {
                here.push(rollup);
                continue;
            }
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let theirs = wrap(network, theirs);
            thread::spawn(move || work(theirs));
            let start = Start {
                domain: Domain::dev(),
                realm: vec![A, B, C],
                rollup: state_codec::encode(&rollup, &escrow),
            };
            hub.connect(network, Box::new(ours), start, rollup.head_hash).unwrap();
        }
        let mut realm = Realm::new(Domain::dev(), here, escrow.of(A), Heads::default());
        realm.add_remote(B);
        realm.add_remote(C);
        realm.set_hub(hub.remote());
        Self { realm, hub }
    }

    fn apply(&mut self, index: usize, item: &Item) -> Result<Applied, Stop> {
        assert_eq!(self.hub.begin_item(position(index), item), []);
        match self.realm.apply(position(index), item) {
            Ok(applied) => Ok(applied),
            Err(FoldError::Stopped(stop)) => Err(stop),
            Err(FoldError::State(never)) => match never {},
        }
    }
}

fn joint() -> Realm<MemoryState> {
    let (rollups, escrow) = rollups();
    Realm::new(Domain::dev(), rollups, escrow, Heads::default())
}

#[test]
fn executors_elsewhere_reach_what_joint_execution_reaches() {
    let mut joint = joint();
    let mut remote = Remote::start(|_, stream| stream);
    joint.open_slot(header()).unwrap();
    remote.realm.open_slot(header()).unwrap();
    assert_eq!(remote.hub.open_slot(&header()), []);
    let mut removed = 0;
    for (index, item) in script().iter().enumerate() {
        let wanted = joint.apply(position(index), item).unwrap();
        let found = remote.apply(index, item).unwrap();
        removed += usize::from(wanted.outcome != Outcome::Included);
        assert_eq!(found.outcome, wanted.outcome, "item {index}");
        if wanted.outcome == Outcome::Included {
            assert_eq!(found.hops, wanted.hops, "item {index}");
        }
    }
    assert_eq!(removed, 4, "three bundles and one transaction of C fail");
    assert!(joint.heads().iter().eq(remote.realm.heads().iter()));
    let wanted = joint.close_slot().unwrap();
    let found = remote.realm.close_slot().unwrap();
    assert_eq!(found, [wanted[0].clone()]);
    let heads = remote.hub.close_slot();
    assert_eq!(heads, BTreeMap::from([(B, Ok(wanted[1].hash)), (C, Ok(wanted[2].hash))]));
}

#[test]
fn each_rollup_alone_reaches_its_block_from_encoded_bytes() {
    let mut joint = joint();
    joint.open_slot(header()).unwrap();
    let mut bytes: BTreeMap<NetworkId, Vec<Vec<u8>>> = BTreeMap::new();
    for (index, item) in script().iter().enumerate() {
        let applied = joint.apply(position(index), item).unwrap();
        for network in [A, B, C] {
            let replay = ReplayItem::of(network, item.clone(), &applied);
            bytes.entry(network).or_default().push(weft_types::Encode::encode(&replay));
        }
    }
    let heads = joint.heads().clone();
    let wanted = joint.close_slot().unwrap();
    let (rollups, escrow) = rollups();
    for (rollup, wanted) in rollups.into_iter().zip(wanted) {
        let network = rollup.spec.network;
        let mut alone = Realm::alone(Domain::dev(), rollup, &escrow, &Heads::default(), [A, B, C]);
        alone.open_slot(header()).unwrap();
        for item in &bytes[&network] {
            let item = <ReplayItem as weft_types::Decode>::decode(item).unwrap();
            alone.replay(&item).unwrap();
        }
        assert_eq!(*alone.heads(), heads.of(network));
        assert_eq!(alone.close_slot().unwrap(), [wanted]);
    }
}

#[test]
fn a_lost_executor_stops_the_item_and_the_realm_goes_on_without_it() {
    let victim = RefCell::new(None);
    let mut remote = Remote::start(|network, stream| {
        if network == C {
            victim.replace(Some(stream.try_clone().unwrap()));
        }
        stream
    });
    remote.realm.open_slot(header()).unwrap();
    remote.hub.open_slot(&header());
    let items = script();
    // Counters and proxies are up; the tenth item is A calling B.
    for (index, item) in items[..12].iter().enumerate() {
        remote.apply(index, item).unwrap();
    }
    victim.take().unwrap().shutdown(Shutdown::Both).unwrap();
    let (index, call) = items
        .iter()
        .enumerate()
        .find(|(index, item)| *index >= 12 && item.legs()[0].network == C)
        .unwrap();
    // The stream may still take the item; the answer never comes.
    let told = remote.hub.begin_item(position(index), call).into_iter().next();
    let lost = told.unwrap_or_else(|| match remote.realm.apply(position(index), call) {
        Err(FoldError::Stopped(Stop::Lost(lost))) => lost,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a killed executor answered"),
    });
    assert_eq!(lost.network, C);
    assert_eq!(remote.hub.abandon_item(), []);
    assert_eq!(remote.hub.drop_executor(C), []);
    remote.realm.set_available(C, false);
    let applied = remote.apply(index, call).unwrap();
    let Outcome::Removed(removal) = applied.outcome else { panic!("C is gone") };
    assert_eq!(removal.cause, RemovalCause::Unavailable);
    let local = items[12..].iter().find(|item| item.legs()[0].network == A).unwrap();
    let applied = remote.apply(index + 1, local);
    assert!(applied.is_ok(), "{applied:?}");
}

/// Runs a transaction of B whose executor makes one call into A, as `forge` left it.
fn call_from_elsewhere(forge: impl Fn(&mut HopCall) + Send + 'static) -> Result<Outcome, Stop> {
    let (rollups, escrow) = rollups();
    let head = rollups[1].head_hash;
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    thread::spawn(move || {
        while let Ok(message) = message::read::<ToExecutor>(&mut theirs) {
            let answer = match message {
                ToExecutor::Start(_) => FromExecutor::Ready(head),
                ToExecutor::Item(position, item) => {
                    FromExecutor::Hop(Box::new(call_hop(position, &item, &forge)))
                }
                ToExecutor::Hop(_) => FromExecutor::EndLeg(0, None),
                _ => continue,
            };
            message::write(&mut theirs, &answer).unwrap();
        }
    });
    let hub = HubHandle::default();
    let mut realm =
        Realm::new(Domain::dev(), vec![rollups[0].clone()], escrow.of(A), Heads::default());
    realm.add_remote(B);
    realm.set_hub(hub.remote());
    let rollup = state_codec::encode(&rollups[1], &escrow);
    let start = Start { domain: Domain::dev(), realm: vec![A, B], rollup };
    hub.connect(B, Box::new(ours), start, head).unwrap();
    realm.open_slot(header()).unwrap();
    hub.open_slot(&header());
    let leg = Script::default().leg(B, 1, TxKind::Call(Address::repeat_byte(9)), Vec::new());
    let item = Item::Transaction(leg);
    hub.begin_item(position(0), &item);
    match realm.apply(position(0), &item) {
        Ok(applied) => Ok(applied.outcome),
        Err(FoldError::Stopped(stop)) => {
            assert_eq!(hub.last_speaker(), Some(B));
            Err(stop)
        }
        Err(FoldError::State(never)) => match never {},
    }
}

fn call_hop(position: Position, item: &Item, forge: &impl Fn(&mut HopCall)) -> Hop {
    let mut call = HopCall {
        origin: key(1).address(),
        origin_network: B,
        gas_price: 1_000_000_000,
        caller: Address::repeat_byte(9),
        target: key(0).address(),
        value: U256::ZERO,
        token: None,
        gas: 1_000_000,
        is_static: false,
        data: Bytes::new(),
    };
    forge(&mut call);
    let thread = thread_start(&Domain::dev(), position, 0, &item.hash(&Domain::dev()));
    Hop { place: position.place(0, 0), from: B, to: A, thread, body: HopBody::Call(call) }
}

#[test]
fn calls_that_do_not_fit_their_leg_are_refused() {
    assert_eq!(call_from_elsewhere(|_| {}), Ok(Outcome::Included));
    let release = |call: &mut HopCall| {
        (call.caller, call.target) = (BRIDGE, BRIDGE);
        call.data = Bridge::receiveTokenCall::SELECTOR.to_vec().into();
    };
    let forgeries: [fn(&mut HopCall); 4] = [
        |call| call.origin_network = A,
        |call| call.origin = key(2).address(),
        |call| call.gas_price = 10_000_000_001,
        |call| call.gas = 3_000_001,
    ];
    for (index, forge) in forgeries.into_iter().chain([release as fn(&mut HopCall)]).enumerate() {
        let found = call_from_elsewhere(forge);
        assert!(matches!(found, Err(Stop::BadHop(_))), "forgery {index}: {found:?}");
    }
}

#[test]
fn an_executor_that_drips_is_lost_when_its_item_is_over_time() {
    let (rollups, escrow) = rollups();
    let head = rollups[1].head_hash;
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || {
        while let Ok(message) = message::read::<ToExecutor>(&mut theirs) {
            match message {
                ToExecutor::Start(_) => {
                    message::write(&mut theirs, &FromExecutor::Ready(head)).unwrap();
                }
                // A long message, byte by byte, until nobody listens any more.
                ToExecutor::Item(..) => while theirs.write_all(&[1]).is_ok() {},
                _ => {}
            }
        }
    });
    let hub = HubHandle::default();
    hub.set_patience(Duration::from_millis(50));
    let mut realm =
        Realm::new(Domain::dev(), vec![rollups[0].clone()], escrow.of(A), Heads::default());
    realm.add_remote(B);
    realm.set_hub(hub.remote());
    let rollup = state_codec::encode(&rollups[1], &escrow);
    let start = Start { domain: Domain::dev(), realm: vec![A, B], rollup };
    hub.connect(B, Box::new(ours), start, head).unwrap();
    realm.open_slot(header()).unwrap();
    hub.open_slot(&header());
    let leg = Script::default().leg(B, 1, TxKind::Call(Address::repeat_byte(9)), Vec::new());
    let item = Item::Transaction(leg);
    hub.begin_item(position(0), &item);
    let lost = realm.apply(position(0), &item);
    assert!(matches!(lost, Err(FoldError::Stopped(Stop::Lost(lost))) if lost.network == B));
}
