//! `weft verify --l1`: what a node did, from L1 alone, and every kind of lie.

use crate::{
    chain::{Client, on_both},
    deployed::Realm,
    posting::{Post, Poster, send, signed, signed_transfer},
    program::MAGIC,
    support::{ALICE_KEY, BOB_KEY, Dev, Ran, weft},
};
use alloy_network::TransactionBuilder as _;
use alloy_primitives::{B256, Bytes, TxKind, U256, keccak256};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};
use std::{fs, process::Command};
use tempfile::TempDir;
use weft_batch::{ClaimedRemoval, SignedBatch, Slot, WireItem, WireLeg};
use weft_contracts::Hub;
use weft_derive::Derivation;
use weft_l1::BlobDir;
use weft_node::{BatchDir, DEV_ACCOUNTS, development_sequencer, recover};
use weft_promise::Signer as _;
use weft_settlement::{Statement, Transition};
use weft_statement::Ledger;
use weft_types::{Domain, NetworkId, RemovalCause, Section};

/// Runs a node of the realm for a while, and writes its batches.
pub(crate) fn archive(realm: &Realm) -> BatchDir {
    // On a busy machine slots without blocks come first, and L1 takes no batch of these alone.
    let made = (0..10).map(|attempt| run(realm, &format!("archive{attempt}")));
    let is_whole = |dir: &BatchDir| {
        let mut batches = (1..=dir.count()).map(|number| dir.batch(number).unwrap().unwrap());
        dir.count() > 1 && batches.all(|batch| !batch.batch.heads.is_empty())
    };
    let dir = made.into_iter().find(is_whole);
    dir.expect("batches with blocks")
}

fn run(realm: &Realm, name: &str) -> BatchDir {
    let (config, data) = (realm.path("weft.toml"), realm.path(&format!("{name}.data")));
    let dev = Dev::start(&["--config", &config, "--data-dir", &data, "--keep-log"]);
    let height = || realm.l1.wait(rpc(dev.url(0), "eth_blockNumber", json!([])));
    for nonce in 0..6 {
        let before = height();
        for (index, chain) in [(0, 901), (1, 902)] {
            let raw = signed_transfer(chain, nonce);
            let sent =
                realm.l1.wait(rpc(dev.url(index), "eth_sendRawTransactionSync", json!([raw])));
            assert_eq!(sent["status"], "0x1", "{sent}");
        }
        // What is answered may share its slot with the next one, and slots make batches.
        while height() == before {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
    assert!(dev.stop().success());
    let out = realm.path(name);
    let export = ["export", "--config", &config, "--data-dir", &data, "--batches", &out];
    let wrote = weft(&[&export[..], &["--slots", "2"]].concat());
    assert_eq!(wrote.code, 0, "{wrote:?}");
    // Where the others look.
    let _ = fs::remove_file(realm.path("archive"));
    std::os::unix::fs::symlink(&out, realm.path("archive")).unwrap();
    BatchDir::open(out.as_ref())
}

pub(crate) async fn rpc(url: &str, method: &str, params: Value) -> Value {
    use jsonrpsee::{
        core::{client::ClientT as _, params::ArrayParams},
        http_client::HttpClient,
    };
    let mut list = ArrayParams::new();
    params.as_array().unwrap().iter().for_each(|param| list.insert(param).unwrap());
    HttpClient::builder().build(url).unwrap().request(method, list).await.unwrap()
}

/// Runs `weft` in a folder that holds nothing, with an environment that says nothing; every step of long work is told.
pub(crate) fn weft_alone(args: &[&str]) -> Ran {
    let empty = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
    let command = command.args(args).current_dir(empty.path()).env_clear();
    let ended = command.env("WEFT_PROGRESS", "0").output().unwrap();
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "it leaves nothing behind");
    Ran {
        code: ended.status.code().unwrap(),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}

fn verify(realm: &Realm, more: &[&str]) -> Ran {
    let (hub, from) = (realm.said["hub"].as_str().unwrap(), realm.said["from"].to_string());
    let args = ["verify", "--l1", &realm.l1.url, "--hub", hub, "--from", &from, "--json"];
    weft_alone(&[&args[..], more].concat())
}

/// Returns the last line of an output in JSON; those before say how far it is.
pub(crate) fn last_line(ran: &Ran) -> Value {
    let line = ran.out.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
}

fn refused(ran: &Ran, why: &str) {
    assert_eq!(ran.code, 1, "{why}: {ran:?}");
    assert!(ran.err.contains(why), "{why}: {ran:?}");
}

/// It says this and nothing else; a star stands for a hash or another word that the test does not know, at the end for words.
fn refused_with(ran: &Ran, why: &str) {
    assert_eq!(ran.code, 1, "{why}: {ran:?}");
    let said = ran.err.strip_prefix("error: ").and_then(|said| said.strip_suffix('\n'));
    let said = said.unwrap_or_else(|| panic!("{why}: {ran:?}"));
    assert!(is_like(said, why), "`{why}`: {ran:?}");
}

fn is_like(text: &str, pattern: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return text == pattern };
    let Some(rest) = text.strip_prefix(head) else { return false };
    if tail.is_empty() {
        return !rest.is_empty();
    }
    let word = rest.find([' ', ',', ')', ':']).unwrap_or(rest.len());
    word > 0 && is_like(&rest[word..], tail)
}

/// Signs a batch anew after it was changed.
pub(crate) fn resigned(mut signed: SignedBatch, domain: &Domain) -> SignedBatch {
    let hash = signed.batch.hash(domain);
    signed.signature = development_sequencer().sign(hash).unwrap();
    signed
}

on_both!(t5_a_stranger_derives_every_block_from_l1_and_names_every_lie);

fn t5_a_stranger_derives_every_block_from_l1_and_names_every_lie(client: Client) {
    let realm = Realm::deploy_on(client);
    let dir = archive(&realm);
    let domain = dir.realm().unwrap().domain;
    assert_eq!(domain.l1_chain_id, 900);
    let mut snapshot = realm.l1.snapshot();

    every_block_is_derived(&realm, &dir, domain);
    realm.l1.back_to(&mut snapshot);
    blobs_are_checked(&realm, &dir, domain);
    for (why, lie) in LIES {
        realm.l1.back_to(&mut snapshot);
        let mut poster = Poster::new(&realm, domain);
        let batch = dir.batch(1).unwrap().unwrap();
        let post = lie(&poster, batch);
        poster.post(&post);
        refused_with(&verify(&realm, &[]), why);
    }
    for cause in RemovalCause::ALL {
        realm.l1.back_to(&mut snapshot);
        let poster = &mut Poster::new(&realm, domain);
        let mut batch = dir.batch(1).unwrap().unwrap();
        let slot = slot_with_items(&mut batch);
        let removal = ClaimedRemoval { section: Section::Plaintext, index: 0, cause };
        slot.removals.insert(0, removal);
        poster.post(&poster.draft(&resigned(batch, &domain)));
        let why = format!(
            "batch 1, position *: false removal: said to be removed as {cause:?}, is included"
        );
        refused_with(&verify(&realm, &[]), &why);
    }
    realm.l1.back_to(&mut snapshot);
    an_entry_that_the_content_does_not_take_is_named(&realm, &dir, domain);
    realm.l1.back_to(&mut snapshot);
    every_false_settlement_is_named(&realm, &dir, domain);
    realm.l1.back_to(&mut snapshot);
    a_false_genesis_is_named(&realm);
}

/// A lie, and what is said of it.
type Lie = (&'static str, fn(&Poster<'_>, SignedBatch) -> Post);

const LIES: [Lie; 9] = [
    (
        "batch 1: its header on L1 says * as hash of its content, its content says *",
        |poster, batch| {
            let mut post = poster.draft(&batch);
            post.header.content = B256::repeat_byte(1);
            post
        },
    ),
    ("batch 1: its header on L1 says * as last slot, its content says *", |poster, batch| {
        let mut post = poster.draft(&batch);
        post.header.last_slot += 1;
        post
    }),
    ("batch 1: its header on L1 says * as rollups, its content says *", |poster, batch| {
        let mut post = poster.draft(&batch);
        post.header.rollups ^= 0b100;
        post
    }),
    ("batch 1: its header on L1 says * as lane root, its content says *", |poster, batch| {
        let mut post = poster.draft(&batch);
        post.header.lane_root = B256::repeat_byte(1);
        post
    }),
    ("batch 1: the blobs hold no batch: byte * is not a valid payload version", |poster, batch| {
        let mut post = poster.draft(&batch);
        post.payload = b"nothing that anybody could read".to_vec();
        post
    }),
    (
        "batch 1, slot *, rollup 901: last block is * (*), the batch says * (*)",
        |poster, mut batch| {
            batch.batch.heads[0].hash = B256::repeat_byte(7);
            poster.draft(&resigned(batch, &poster.domain))
        },
    ),
    ("batch 1, slot *: order: the closing record is *, the batch names *", |poster, mut batch| {
        slot_with_items(&mut batch).plaintext.pop();
        poster.draft(&resigned(batch, &poster.domain))
    }),
    (
        "batch 1, position *, rollup 901: unbundled leg: transaction * is valid only in its bundle",
        |poster, mut batch| {
            let raw = marked_leg();
            let leg = WireLeg { network: NetworkId::new(901), may_revert: false, raw };
            slot_with_items(&mut batch).plaintext.push(WireItem::Transaction(leg));
            poster.draft(&resigned(batch, &poster.domain))
        },
    ),
    ("batch 1: signed by *, the sequencer is *", |poster, mut batch| {
        batch.batch.end = B256::repeat_byte(9);
        poster.draft(&batch)
    }),
];

fn slot_with_items(batch: &mut SignedBatch) -> &mut Slot {
    batch.batch.slots.iter_mut().find(|slot| !slot.plaintext.is_empty()).unwrap()
}

/// A transaction that is valid in its bundle only (P18).
fn marked_leg() -> Bytes {
    let to = TxKind::Call(DEV_ACCOUNTS[1].address);
    let input = Bytes::from([&MAGIC[..], &[7; 32]].concat());
    signed(BOB_KEY, (901, 0), (to, input), U256::ZERO, 50_000).parse().unwrap()
}

fn every_block_is_derived(realm: &Realm, dir: &BatchDir, domain: Domain) {
    let count = Poster::new(realm, domain).post_all(dir);
    let (ours, theirs) = (realm.path("l1.hashes"), realm.path("archive.hashes"));
    let verified = verify(realm, &["--hashes", &ours]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(last_line(&verified)["batches"], count);
    let archive = realm.path("archive");
    assert_eq!(weft(&["verify", "--archive", &archive, "--hashes", &theirs]).code, 0);
    let (ours, theirs) = (fs::read_to_string(ours).unwrap(), fs::read_to_string(theirs).unwrap());
    // One block for each of six nonces on one rollup, and others on the other one.
    assert!(ours.lines().count() > 6, "{ours}");
    assert_eq!(ours, theirs);
}

fn blobs_are_checked(realm: &Realm, dir: &BatchDir, domain: Domain) {
    let mut poster = Poster::new(realm, domain);
    let blobs = BlobDir::new(realm.path("blobs"));
    let mut hashes = Vec::new();
    for number in 1..=dir.count() {
        let draft = poster.draft(&dir.batch(number).unwrap().unwrap());
        for blob in weft_batch::blobs::pack(&draft.payload).unwrap() {
            hashes.push(blobs.keep(&blob).unwrap().unwrap());
        }
        poster.post(&draft);
    }
    let folder = realm.path("blobs");
    assert_eq!(verify(realm, &["--blobs", &folder]).code, 0);
    let path = blobs.path_of(&hashes[0]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    refused(&verify(realm, &["--blobs", &folder]), "has another blob in the place of");
    fs::remove_file(&path).unwrap();
    refused(&verify(realm, &["--blobs", &folder]), "does not have blob");
    refused(&verify(realm, &["--blobs", &realm.path("nowhere")]), "no directory of blobs");
}

fn an_entry_that_the_content_does_not_take_is_named(realm: &Realm, dir: &BatchDir, domain: Domain) {
    let config = realm.path("weft.toml");
    let deposit = ["deposit", "--config", &config, "--key", ALICE_KEY, "--rollup", "901"];
    let deposited = weft(&[&deposit[..], &["--amount", "1ether"]].concat());
    assert_eq!(deposited.code, 0, "{deposited:?}");
    let mut poster = Poster::new(realm, domain);
    let mut post = poster.draft(&dir.batch(1).unwrap().unwrap());
    post.header.inbox_cursor = 1;
    poster.post(&post);
    refused(&verify(realm, &[]), "as inbox cursor");
}

/// Something else to settle, and how it is named.
type FalseSettlement = (&'static str, fn(&mut Transition));

const FALSE_SETTLEMENTS: [FalseSettlement; 8] = [
    ("block hash is 0x0303", |it| it.post.block_hash = B256::repeat_byte(3)),
    ("state root is 0x0303", |it| it.post.state_root = B256::repeat_byte(3)),
    ("block number is 0x0000", |it| it.post.block_number += 1),
    ("exit root is 0x0303", |it| it.post.exit_root = B256::repeat_byte(3)),
    ("accounting root is 0x0303", |it| it.post.accounting_root = B256::repeat_byte(3)),
    ("heads root is 0x0303", |it| it.post.heads_root = B256::repeat_byte(3)),
    ("proposal root is 0x0303", |it| it.proposal_root = B256::repeat_byte(3)),
    ("outcome root is 0x0303", |it| it.outcome_root = B256::repeat_byte(3)),
];

fn every_false_settlement_is_named(realm: &Realm, dir: &BatchDir, domain: Domain) {
    let mut poster = Poster::new(realm, domain);
    let batch = dir.batch(1).unwrap().unwrap();
    let post = poster.draft(&batch);
    let hash = poster.post(&post);
    let config = dir.realm().unwrap();
    let mut derivation = Derivation::new(config.clone()).unwrap();
    let mut ledger = Ledger::new(&config);
    let derived = derivation.apply(&batch, &[], &mut recover(&batch), &mut |_| {}).unwrap();
    ledger.take(&derivation, &batch, &derived);
    let right = ledger.statement(1, hash, B256::ZERO).unwrap();
    let mut snapshot = realm.l1.snapshot();
    for (why, lie) in FALSE_SETTLEMENTS {
        let mut statement = right.clone();
        lie(&mut statement.transitions[1]);
        settle(realm, poster.hub(), &domain, &statement);
        refused(&verify(realm, &[]), &format!("settlement of batch 1, rollup 2: {why}"));
        realm.l1.back_to(&mut snapshot);
    }
    settle(realm, poster.hub(), &domain, &right);
    let verified = verify(realm, &[]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

/// Posts everything that is in a directory, and settles what follows from it.
pub(crate) fn settle_all(realm: &Realm, dir: &BatchDir) {
    let config = dir.realm().unwrap();
    let (domain, mut ledger) = (config.domain, Ledger::new(&config));
    let (mut poster, mut derivation) =
        (Poster::new(realm, domain), Derivation::new(config).unwrap());
    let mut last = B256::ZERO;
    for number in 1..=dir.count() {
        let batch = dir.batch(number).unwrap().unwrap();
        last = poster.post(&poster.draft(&batch));
        let derived = derivation.apply(&batch, &[], &mut recover(&batch), &mut |_| {}).unwrap();
        ledger.take(&derivation, &batch, &derived);
    }
    let statement = ledger.statement(dir.count(), last, B256::ZERO).unwrap();
    settle(realm, poster.hub(), &domain, &statement);
}

fn settle(realm: &Realm, hub: alloy_primitives::Address, domain: &Domain, statement: &Statement) {
    let key: PrivateKeySigner = BOB_KEY.parse().unwrap();
    let signature = key.sign_hash_sync(&statement.digest(domain)).unwrap();
    let parity = [u8::from(signature.v())];
    let (r, s) = (signature.r().to_be_bytes::<32>(), signature.s().to_be_bytes::<32>());
    let proof: Bytes = [&[0_u8][..], &r, &s, &parity].concat().into();
    let policy = serde_json::from_value(realm.said["policy"].clone()).unwrap();
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
        approvals: vec![Hub::Approval { policy, proof }],
    };
    let request = TransactionRequest::default().with_to(hub).with_input(call.abi_encode());
    send(realm, ALICE_KEY, request);
}

fn a_false_genesis_is_named(realm: &Realm) {
    use weft_l1::Registration;
    use weft_types::Encode as _;
    let dir = BatchDir::open(realm.path("archive").as_ref());
    let config = dir.realm().unwrap();
    let genesis = weft_batch::RollupGenesis { chain_id: 904, ..config.rollups[0].clone() };
    let registration = Registration::Rollup { realm: config.hash(), genesis };
    let call = Hub::registerCall {
        chainId: 904,
        policy: serde_json::from_value(realm.said["policy"].clone()).unwrap(),
        genesisStateRoot: keccak256("another state"),
        genesisBlockHash: keccak256("another block"),
        config: registration.encode().into(),
    };
    let hub = serde_json::from_value(realm.said["hub"].clone()).unwrap();
    let request = TransactionRequest::default()
        .with_to(hub)
        .with_input(call.abi_encode())
        .with_value(U256::ZERO);
    send(realm, ALICE_KEY, request);
    refused(&verify(realm, &[]), "genesis of rollup 4");
}
