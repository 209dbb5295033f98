//! A realm on anvil: deployed, followed, and followed back.

use crate::endpoints::patience;
use alloy_network::{EthereumWallet, TransactionBuilder as _};
use alloy_primitives::{Address, B256, Bytes, U256, address, b256};
use alloy_provider::{DynProvider, Provider as _, ProviderBuilder};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use weft_batch::{RealmConfig, RollupGenesis};
use weft_contracts::{Hub, Inbox, l1::L1Config};
use weft_l1::{
    Audit, DeployError, Deployed, Follower, Following, Happening, History, L1Client, L1Error, Plan,
    Step, deploy,
};
use weft_lane::LaneConfig;
use weft_settlement::{Statement, Transition};
use weft_statement::Ledger;
use weft_types::{Deposit, Domain, L1Event, NetworkId};

/// anvil's first account.
const KEY: B256 = b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const BOB: Address = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");

/// A running anvil.
#[derive(Debug)]
struct Anvil {
    child: Child,
    url: String,
    provider: DynProvider,
    deployer: Address,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> PathBuf {
    if let Some(named) = env::var_os("WEFT_ANVIL") {
        return named.into();
    }
    let installed = "../../acceptance/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(installed);
    assert!(installed.exists(), "no anvil: run `npm ci` in acceptance, or set WEFT_ANVIL");
    installed
}

impl Anvil {
    async fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program())
            .args(["--port", &free.to_string(), "--chain-id", "900", "--silent"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let key = PrivateKeySigner::from_bytes(&KEY).unwrap();
        let (deployer, url) = (key.address(), format!("http://127.0.0.1:{free}"));
        let wallet = EthereumWallet::from(key);
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(url.parse().unwrap());
        let anvil = Self { child, url, provider: provider.erased(), deployer };
        for _ in 0..3_000 {
            if anvil.provider.get_chain_id().await.is_ok() {
                return anvil;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("anvil does not answer");
    }

    async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.provider.raw_request(method.into(), params).await.unwrap()
    }

    async fn client(&self) -> L1Client {
        L1Client::connect(std::slice::from_ref(&self.url), patience()).await.unwrap()
    }

    async fn deploy(&self, plan: &Plan) -> Result<Deployed, DeployError> {
        deploy(&self.provider, self.deployer, plan, &mut |_| {}).await
    }

    /// Forces bytes into the lane of a rollup.
    async fn force(&self, inbox: Address, bytes: &[u8]) {
        let transaction = Bytes::copy_from_slice(bytes);
        let call = Inbox::forceTransactionCall { network: 901, transaction };
        self.call(inbox, call.abi_encode(), U256::ZERO).await;
    }

    /// Calls a contract with ether.
    async fn call(&self, to: Address, input: Vec<u8>, value: U256) {
        let request = TransactionRequest::default().with_to(to).with_input(input).with_value(value);
        // A reorg takes back the sender's nonces as well, which the provider would only count up.
        let nonce = self.provider.get_transaction_count(self.deployer).await.unwrap();
        let request = request.with_nonce(nonce);
        let hash = *self.provider.send_transaction(request).await.unwrap().tx_hash();
        // The provider's own way to a receipt counts blocks and waits for ever behind a reorg.
        let receipt = loop {
            if let Some(receipt) = self.provider.get_transaction_receipt(hash).await.unwrap() {
                break receipt;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert!(receipt.status());
    }
}

fn plan() -> Plan {
    let rollup = |chain_id| RollupGenesis {
        chain_id,
        timestamp: 1_700_000_000,
        gas_limit: 30_000_000,
        base_fee: 1_000_000_000,
        is_home: false,
        removes_failed: false,
        allocations: vec![(BOB, U256::from(5))],
    };
    let lane = LaneConfig {
        slot_ms: 200,
        max_items_per_slot: 100,
        max_slot_gas: 1 << 40,
        max_origin_gas: 1 << 40,
        recent_slots: 5,
        rollups: vec![NetworkId::new(901), NetworkId::new(902)],
        sealing: None,
    };
    let realm = RealmConfig {
        domain: Domain::dev(),
        sequencer: BOB,
        lane,
        sealing: None,
        inbox_window_ms: 0,
        rollups: vec![rollup(901), rollup(902)],
    };
    let l1 = L1Config {
        realm: 7,
        registrar: Address::ZERO,
        force_window: 100,
        silence_window: 100,
        exit_window: 1_000,
        minimum_bond: U256::from(1_000),
        unbonding_blocks: 100,
        operator: BOB,
        sequencer: BOB,
        bond: U256::from(1_000),
        safety_penalty: U256::from(1_000),
        liveness_penalty: U256::from(10),
        grace_blocks: 10,
        urc: Address::ZERO,
        urc_penalty: U256::ZERO,
    };
    Plan { l1, threshold: 1, attesters: vec![BOB], program_id: B256::ZERO, realm, is_backed: true }
}

/// Steps up to the block with this number; the entries on the way, and where it went back to.
async fn walk(follower: &mut Follower, number: u64) -> (Vec<u64>, Vec<u64>) {
    let (mut entries, mut backs) = (Vec::new(), Vec::new());
    loop {
        match follower.next().await.unwrap() {
            Step::Forward { block, happenings } => {
                entries.extend(happenings.iter().filter_map(|happening| match happening {
                    Happening::Entry(entry) => Some(entry.index),
                    _ => None,
                }));
                if block.number == number {
                    return (entries, backs);
                }
            }
            Step::Back { to } => backs.push(to.number),
            Step::Safe(_) | Step::Finalized(_) => {}
        }
    }
}

#[tokio::test]
async fn what_is_deployed_is_found_again_by_its_hub() {
    let anvil = Anvil::start().await;
    let deployed = anvil.deploy(&plan()).await.unwrap();
    let client = anvil.client().await;
    let hub = deployed.contracts.hub;
    let to = client.height(weft_l1::Sureness::Latest).await.unwrap();
    let history = History::read(&client, hub, deployed.from, to, &mut |_| {}).await.unwrap();
    assert_eq!((history.contracts, &history.realm), (deployed.contracts, &deployed.realm));
    assert_eq!(history.realm.domain.settlement, hub);
    assert_eq!((history.realm.domain.l1_chain_id, history.realm.domain.realm), (900, 7));
    let values: Vec<_> = history.registered.iter().map(|it| (it.chain_id, it.value)).collect();
    assert_eq!(values, [(901, U256::from(5)), (902, U256::from(5))]);
    let held = anvil.provider.get_balance(deployed.contracts.bridge).await.unwrap();
    assert_eq!(held, U256::from(10));
    // Everything that L1 hashed is what it should be; there is no batch yet.
    assert!(Audit::new(history).unwrap().next().is_none());
    // Another hub is none.
    let error = History::read(&client, BOB, 0, to, &mut |_| {}).await.unwrap_err();
    assert_eq!(error, weft_l1::L1Error::NoRealm(BOB, to));
}

#[tokio::test]
async fn plans_that_cannot_be_are_refused() {
    let anvil = Anvil::start().await;
    let poor = Plan { l1: L1Config { bond: U256::MAX >> 8, ..plan().l1 }, ..plan() };
    assert!(matches!(anvil.deploy(&poor).await, Err(DeployError::Poor { .. })));
    let many = Plan { threshold: 2, ..plan() };
    assert!(matches!(anvil.deploy(&many).await, Err(DeployError::Policy { .. })));
    let attesters = vec![plan().attesters[0]; 2];
    let twice = Plan { threshold: 2, attesters, ..plan() };
    assert!(matches!(anvil.deploy(&twice).await, Err(DeployError::Repeated(_))));
    let none = RealmConfig { rollups: Vec::new(), ..plan().realm };
    let none = Plan { realm: none, ..plan() };
    assert!(matches!(anvil.deploy(&none).await, Err(DeployError::Rollups(0))));
    let mut same = plan();
    same.realm.rollups[0].chain_id = 900;
    assert!(matches!(anvil.deploy(&same).await, Err(DeployError::ChainId(900))));
    let mut long = plan();
    long.realm.rollups[1].allocations = (0..6_000_u64)
        .map(|index| (Address::left_padding_from(&index.to_be_bytes()), U256::MAX))
        .collect();
    assert!(matches!(anvil.deploy(&long).await, Err(DeployError::TooLong { .. })));
    // Nothing was sent.
    assert_eq!(anvil.provider.get_transaction_count(anvil.deployer).await.unwrap(), 0);
}

#[tokio::test]
async fn reorgs_of_anvil_take_entries_back() {
    let anvil = Anvil::start().await;
    let deployed = anvil.deploy(&plan()).await.unwrap();
    let inbox = deployed.contracts.inbox;
    let client = anvil.client().await;
    for depth in [1, 7, 64] {
        anvil.ask("anvil_mine", json!(["0x50"])).await;
        let listened = weft_l1::Contracts {
            hub: deployed.contracts.hub,
            inbox,
            registry: deployed.contracts.registry,
        };
        let from = anvil.provider.get_block_number().await.unwrap() - 70;
        let following = Following { contracts: listened, from, confirmations: 0 };
        let mut follower = Follower::new(client.clone(), following);
        anvil.force(inbox, &[1, depth]).await;
        // The entry stands in the deepest block that is replaced: empty blocks come again as they were.
        anvil.ask("anvil_mine", json!([depth - 1])).await;
        let head = anvil.provider.get_block_number().await.unwrap();
        let (before, none) = walk(&mut follower, head).await;
        assert_eq!((before.len(), none.len()), (1, 0), "{depth}");
        // The blocks are replaced by empty ones: the entry is gone, and its number is given again.
        anvil.ask("anvil_reorg", json!([depth, []])).await;
        anvil.force(inbox, &[2, depth]).await;
        let head = anvil.provider.get_block_number().await.unwrap();
        let (after, backs) = walk(&mut follower, head).await;
        assert_eq!(after, before, "{depth}");
        assert_eq!(backs, [head - 1 - u64::from(depth)], "{depth}");
    }
}

#[tokio::test]
async fn entries_are_read_as_the_contracts_write_them() {
    let anvil = Anvil::start().await;
    let deployed = anvil.deploy(&plan()).await.unwrap();
    let inbox = deployed.contracts.inbox;
    let (data, gas) = (Bytes::from_static(&[1, 2, 3]), 100_000);
    let call = Inbox::depositCall { network: 902, to: BOB, gas, data: data.clone() };
    let request = TransactionRequest::default()
        .with_to(inbox)
        .with_input(call.abi_encode())
        .with_value(U256::from(300));
    let sent = anvil.provider.send_transaction(request).await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
    anvil.force(inbox, b"nothing that is a transaction").await;
    let client = anvil.client().await;
    let to = client.height(weft_l1::Sureness::Latest).await.unwrap();
    let hub = deployed.contracts.hub;
    let history = History::read(&client, hub, deployed.from, to, &mut |_| {}).await.unwrap();
    let events = history.entries.iter().map(|entry| L1Event::of_payload(&entry.payload));
    let events: Vec<_> = events.collect();
    let deposit = Deposit {
        network: NetworkId::new(902),
        from: anvil.deployer,
        to: BOB,
        value: U256::from(300),
        gas,
        data,
    };
    assert_eq!(events[0], L1Event::Deposit(deposit));
    assert!(matches!(events[1], L1Event::Junk(_)), "{:?}", events[1]);
    assert_eq!(history.entries[1].index, 1);
    // The accumulators of both are those of the inbox.
    Audit::new(history).unwrap();
}

#[tokio::test]
async fn what_is_read_on_is_what_is_read_at_once() {
    let anvil = Anvil::start().await;
    let deployed = anvil.deploy(&plan()).await.unwrap();
    let (client, contracts) = (anvil.client().await, deployed.contracts);
    let read = async || {
        let to = client.height(weft_l1::Sureness::Latest).await.unwrap();
        History::read(&client, contracts.hub, deployed.from, to, &mut |_| {}).await.unwrap()
    };
    let extended = async |known: &History, to: u64| {
        let read = known.extend(&client, to, &mut |_| {}).await.unwrap();
        read.map(|history| format!("{history:?}"))
    };
    anvil.force(contracts.inbox, b"one").await;
    let one = read().await;
    anvil.force(contracts.inbox, b"two").await;
    anvil.ask("anvil_mine", json!(["0x3"])).await;
    anvil.force(contracts.inbox, b"three").await;
    let three = read().await;
    assert_eq!((one.entries.len(), three.entries.len()), (1, 3));
    let to = three.to.number;
    assert_eq!(extended(&one, to).await, Some(format!("{three:?}")));
    assert_eq!(extended(&three, to).await, Some(format!("{three:?}")), "nothing is new");
    // An endpoint that is behind took nothing back.
    for away in [to - 1, to + 1] {
        let error = three.extend(&anvil.client().await, away, &mut |_| {}).await.unwrap_err();
        assert!(matches!(error, L1Error::Missing(_)), "{error}");
    }
    // Everything behind the first entry is replaced.
    anvil.ask("anvil_reorg", json!([to - one.to.number, []])).await;
    anvil.force(contracts.inbox, b"other").await;
    let other = read().await;
    assert_eq!(extended(&three, other.to.number).await, None);
    assert_eq!(extended(&one, other.to.number).await, Some(format!("{other:?}")));
    assert_eq!(other.entries.len(), 2);
}

/// An endpoint that finds no logs in ranges of blocks that it does not have yet finds none, and says no more than that.
#[tokio::test]
async fn what_an_endpoint_that_is_behind_does_not_find_is_not_passed_over() {
    let anvil = Anvil::start().await;
    let deployed = anvil.deploy(&plan()).await.unwrap();
    let hub = deployed.contracts.hub;
    anvil.force(deployed.contracts.inbox, b"one").await;
    let behind = behind(anvil.provider.clone()).await;
    let client = L1Client::connect(&[behind], patience()).await.unwrap();
    let to = client.height(weft_l1::Sureness::Latest).await.unwrap();
    let read = History::read(&client, hub, deployed.from, to, &mut |_| {}).await.unwrap();
    assert_eq!((read.entries.len(), read.registered.len()), (1, deployed.realm.rollups.len()));
    anvil.force(deployed.contracts.inbox, b"two").await;
    let read = read.extend(&client, to + 1, &mut |_| {}).await.unwrap().unwrap();
    assert_eq!(read.entries.len(), 2);
}

/// Starts an endpoint that says what `provider` says, and has no logs of ranges; returns its address.
async fn behind(provider: DynProvider) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let provider = provider.clone();
            let answer = service_fn(move |request| pass(provider.clone(), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    url
}

async fn pass(
    provider: DynProvider,
    request: Request<Incoming>,
) -> Result<Response<Full<hyper::body::Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut request: Value = serde_json::from_slice(&body).unwrap();
    let method = request["method"].as_str().unwrap().to_owned();
    let result = match method.as_str() {
        "eth_getLogs" => json!([]),
        _ => provider.raw_request(method.into(), request["params"].take()).await.unwrap(),
    };
    let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result}).to_string();
    Ok(Response::new(Full::from(answer)))
}

/// Signs a statement as the one attester, and settles.
async fn settle(anvil: &Anvil, deployed: &Deployed, statement: &Statement) {
    let key = PrivateKeySigner::from_bytes(&KEY).unwrap();
    let signature = key.sign_hash_sync(&statement.digest(&deployed.realm.domain)).unwrap();
    let (r, s) = (signature.r().to_be_bytes::<32>(), signature.s().to_be_bytes::<32>());
    let proof: Bytes = [&[0][..], &r, &s, &[u8::from(signature.v())]].concat().into();
    let transitions = statement.transitions.iter().map(|it| Hub::Transition {
        rollup: it.rollup,
        pre: it.pre,
        proposalRoot: it.proposal_root,
        outcomeRoot: it.outcome_root,
        post: Hub::Outcome {
            stateRoot: it.post.state_root,
            blockHash: it.post.block_hash,
            blockNumber: it.post.block_number,
            exitRoot: it.post.exit_root,
            accountingRoot: it.post.accounting_root,
            headsRoot: it.post.heads_root,
        },
    });
    let call = Hub::settleCall {
        statement: Hub::Statement {
            firstBatch: statement.first_batch,
            lastBatch: statement.last_batch,
            batchHash: statement.batch_hash,
            programId: statement.program_id,
            transitions: transitions.collect(),
            transfers: Vec::new(),
        },
        approvals: vec![Hub::Approval { policy: deployed.policy, proof }],
    };
    anvil.call(deployed.contracts.hub, call.abi_encode(), U256::ZERO).await;
}

async fn audit(anvil: &Anvil, deployed: &Deployed) -> Audit {
    let client = anvil.client().await;
    let to = client.height(weft_l1::Sureness::Latest).await.unwrap();
    let hub = deployed.contracts.hub;
    let history = History::read(&client, hub, deployed.from, to, &mut |_| {}).await.unwrap();
    Audit::new(history).unwrap()
}

/// Something else to settle, and the field that it is named by.
type FalseSettlement = (&'static str, fn(&mut Transition));

const FALSE_SETTLEMENTS: [FalseSettlement; 8] = [
    ("block hash", |it| it.post.block_hash = B256::repeat_byte(3)),
    ("state root", |it| it.post.state_root = B256::repeat_byte(3)),
    ("block number", |it| it.post.block_number += 1),
    ("exit root", |it| it.post.exit_root = B256::repeat_byte(3)),
    ("accounting root", |it| it.post.accounting_root = B256::repeat_byte(3)),
    ("heads root", |it| it.post.heads_root = B256::repeat_byte(3)),
    ("proposal root", |it| it.proposal_root = B256::repeat_byte(3)),
    ("outcome root", |it| it.outcome_root = B256::repeat_byte(3)),
];

#[tokio::test]
async fn p46_what_follows_a_silence_is_derived_and_every_false_settlement_of_it_named() {
    let anvil = Anvil::start().await;
    let plan = Plan { attesters: vec![anvil.deployer], ..plan() };
    let deployed = anvil.deploy(&plan).await.unwrap();
    let (inbox, hub) = (deployed.contracts.inbox, deployed.contracts.hub);
    let call = Inbox::depositCall { network: 902, to: BOB, gas: 100_000, data: Bytes::new() };
    anvil.call(inbox, call.abi_encode(), U256::from(300)).await;
    anvil.force(inbox, b"nothing that is a transaction").await;
    anvil.ask("anvil_mine", json!(["0x65"])).await;
    let call = Hub::postForcedCall { inboxCursor: 2 };
    anvil.call(hub, call.abi_encode(), U256::ZERO).await;

    let mut first = audit(&anvil, &deployed).await;
    let posted = first.next().unwrap().clone();
    assert!(posted.blobs.is_empty() && posted.signer.is_zero());
    assert_eq!(posted.forced().unix_ms, posted.block.unix_s * 1000);
    let mut blocks = Vec::new();
    let derived = first.apply_forced(&mut |block| blocks.push(block.network.get())).unwrap();
    // The other rollup has a block without transactions, because its last one is years old.
    assert_eq!((derived.items, derived.removed, &blocks[..]), (2, 1, &[901, 902][..]));
    assert!(first.next().is_none());

    let mut ledger = Ledger::new(&deployed.realm);
    ledger.take_forced(first.derivation(), 1, &derived);
    let right = ledger.statement(1, posted.hash, B256::ZERO).unwrap();
    let mut snapshot = anvil.ask("evm_snapshot", json!([])).await;
    for (field, lie) in FALSE_SETTLEMENTS {
        let mut statement = right.clone();
        lie(&mut statement.transitions[1]);
        settle(&anvil, &deployed, &statement).await;
        let error = audit(&anvil, &deployed).await.apply_forced(&mut |_| {}).unwrap_err();
        let said = error.to_string();
        let named = format!("settlement of batch 1, rollup 2: {field} is");
        assert!(said.starts_with(&named), "{said}");
        assert_eq!(anvil.ask("evm_revert", json!([snapshot])).await, true);
        snapshot = anvil.ask("evm_snapshot", json!([])).await;
    }
    settle(&anvil, &deployed, &right).await;
    audit(&anvil, &deployed).await.apply_forced(&mut |_| {}).unwrap();
}
