//! A realm with sealed items whose sequencer is gone: what was opened stands on L1, what was not is given up, and the realm goes on
//! (P13, P17, P46).

use crate::{
    operated::{ETHER, Node, Story, Terms},
    posting::{signed, signed_transfer},
    support::{ALICE, ALICE_KEY, BOB_KEY, weft},
};
use alloy_primitives::{Address, TxKind, U256};
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};
use std::{
    fs,
    process::{Child, Command},
};
use weft_contracts::{FeeVault, addresses::FEE_VAULT};

const WINDOWS: [&str; 4] = ["--force-window", "300", "--silence-window", "4"];

/// Makes the keys of a member and of a payer; returns what the configuration says of sealing. Nobody squares.
pub(crate) fn committee(story: &Story, epoch_slots: u64) -> String {
    let new = |name: &str| {
        let made = story.done(&["keys", "new", &story.path(name)], &["--passphrase"]);
        made.out.trim().to_owned()
    };
    let roster = json!({ "members": { "1": new("member.json") } });
    fs::write(story.path("committee.json"), roster.to_string()).unwrap();
    fs::write(story.path("payer"), new("payer.json")).unwrap();
    format!(
        "[sealing]\ncommittee = \"committee.json\"\nepoch_slots = {epoch_slots}\ndelay = 20000\n\
         advantage = 0\nsolves = false\n"
    )
}

/// The member of a realm's committee, as a process.
pub(crate) struct Member {
    process: Child,
    log: String,
}

impl Member {
    pub(crate) fn start(story: &Story, node: &Node) -> Self {
        let log = story.path("member.log");
        let process = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["committee", "serve", "--member", "1", "--rpc", &node.urls[0]])
            .args(["--dir", &story.path("member"), "--key", &story.path("member.json")])
            .args(["--passphrase", &story.path("pass"), "--poll", "50ms"])
            .stdout(fs::File::options().create(true).append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        Self { process, log }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

/// Puts a deposit for carriage on the first rollup.
pub(crate) fn fund(story: &Story, node: &Node, nonce: u64) {
    let payer: Address = fs::read_to_string(story.path("payer")).unwrap().parse().unwrap();
    let call = FeeVault::depositCall { payer }.abi_encode();
    let to = (TxKind::Call(FEE_VAULT), call.into());
    let raw = signed(ALICE_KEY, (901, nonce), to, U256::from(ETHER / 10), 200_000);
    story.send(&node.urls[0], &raw);
}

/// Seals a transaction and sends it; returns the envelope's hash, or nothing while no epoch has a key.
pub(crate) fn try_seal(story: &Story, node: &Node, raw: &str) -> Option<Value> {
    let url = &node.urls[0];
    let key = weft(&["sealed", "key", "--rpc", url]);
    if key.code != 0 {
        return None;
    }
    let path = |name: &str| story.path(name);
    fs::write(path("key.epoch"), &key.out).unwrap();
    fs::write(path("tx.hex"), raw).unwrap();
    let to =
        ["seal", "--to", &path("key.epoch"), "--deposit", "901", "--valid-until", "1000000000"];
    let payer = ["--key", &path("payer.json"), "--max-fee", "1000gwei", &path("tx.hex")];
    let sealed = story.done(&[&to[..], &payer].concat(), &["--passphrase"]);
    fs::write(path("envelope.json"), &sealed.out).unwrap();
    let sent = weft(&["sealed", "send", &path("envelope.json"), "--rpc", url]);
    let envelope: Value = serde_json::from_str(&sealed.out).unwrap();
    // An epoch may end in between.
    (sent.code == 0).then(|| envelope["id"].clone())
}

pub(crate) fn seal(story: &Story, node: &Node, raw: &str) -> Value {
    let mut item = None;
    story.until("an epoch has a key", || {
        item = try_seal(story, node, raw);
        item.is_some()
    });
    item.unwrap()
}

/// Returns what became of an envelope that does not wait any more.
pub(crate) fn outcome(story: &Story, node: &Node, item: &Value) -> Value {
    let mut found = Value::Null;
    story.until("an envelope is decided", || {
        found = story.ask(&node.urls[0], "weft_getOutcome", json!([item]));
        found["outcome"] != "sealed" && !found.is_null()
    });
    found
}

#[test]
fn p46_a_sealed_realm_goes_on_behind_an_inbox_only_batch_that_gives_up_what_is_not_opened() {
    let story = Story::of(&Terms { epoch: Some(40), deployment: &WINDOWS, ..Terms::default() });
    let node = story.start();
    let member = Member::start(&story, &node);
    fund(&story, &node, 0);
    let config = story.path("weft.toml");
    let deposit = ["deposit", "--config", &config, "--key", BOB_KEY, "--rollup", "901", "--json"];
    story.done(&deposit, &["--amount", "2ether", "--to", ALICE, "--data", "0x"]);
    // One that is opened, and settled.
    let first = seal(&story, &node, &signed_transfer(902, 0));
    let opened = outcome(&story, &node, &first);
    assert_eq!(opened["outcome"], "included", "{opened}");
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);

    // One that nobody opens: its member is gone, and then the sequencer with all that it had.
    let second = seal(&story, &node, &signed_transfer(902, 1));
    drop(member);
    story.send(&node.urls[0], &signed_transfer(901, 1));
    let posted = story.post(&node);
    let waits = story.ask(&node.urls[0], "weft_getOutcome", json!([second]));
    let is_opened = waits["outcome"] != "sealed";
    assert!(!is_opened, "the member was there for too long: {waits}");
    node.stop();
    for gone in ["data", "batches", "journal"] {
        fs::remove_dir_all(story.path(gone)).unwrap();
    }
    story.mine(64);
    let refused = weft(&["resume", "--config", &config]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("ordered and not opened"), "{refused:?}");
    assert!(refused.err.contains("weft l1 post-inbox"), "{refused:?}");

    // Somebody posts what is in the inbox, and what is sealed is given up. Before, every entry has its batch.
    story.mine(6);
    let idle = weft(&["l1", "post-inbox", "--config", &config, "--key", BOB_KEY]);
    assert_eq!(idle.code, 1, "{idle:?}");
    assert!(idle.err.contains("put one in"), "{idle:?}");
    story.done(&deposit, &["--amount", "1ether"]);
    story.mine(1);
    let forced = ["l1", "post-inbox", "--config", &config, "--key", BOB_KEY, "--json"];
    assert_eq!(story.done(&forced, &[]).json()["batch"], posted + 1);
    story.mine(64);
    story.catch_up();
    story.done(&["resume", "--config", &config], &[]);
    let node = story.start_with(&["--guard-restored"]);
    assert_eq!(outcome(&story, &node, &first), opened);
    let given_up = outcome(&story, &node, &second);
    assert_eq!(given_up["outcome"], "dropped", "{given_up}");
    assert!(given_up["reason"].as_str().unwrap().contains("given up"), "{given_up}");
    assert_eq!(given_up["envelope"], second);

    // A new epoch, with the member that was away: the same transaction runs.
    let member = Member::start(&story, &node);
    let third = seal(&story, &node, &signed_transfer(902, 1));
    let found = outcome(&story, &node, &third);
    assert_eq!(found["outcome"], "included", "{found}");
    story.send(&node.urls[0], &signed_transfer(901, 2));
    let batches = story.post(&node);
    assert!(batches > posted + 1);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    drop(member);
    node.stop();
}
