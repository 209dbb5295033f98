//! When the sequencer is gone: out by a proof that needs nothing but L1, and on again from L1 alone (S10, P46).

use crate::{
    chain::{Client, on_both},
    operated::Story,
    support::{ALICE, ALICE_KEY, BOB_KEY, Ran, weft, weft_reading},
    verified::last_line,
};
use alloy_primitives::{Address, Bytes, hex};
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};
use std::fs;
use weft_contracts::Escape;

const TO: &str = "0x0000000000000000000000000000000000e5ca9e";
const ETHER: u128 = 1_000_000_000_000_000_000;
const WINDOWS: [&str; 6] =
    ["--force-window", "300", "--silence-window", "120", "--exit-window", "200"];

fn exit(story: &Story, key: &str) -> Ran {
    let hub = story.deployed["hub"].as_str().unwrap();
    let args = ["exit", "--l1", &story.l1.url, "--hub", hub, "--rollup", "901", "--json"];
    weft(&[&args[..], &["--key", key, "--to", TO]].concat())
}

/// Sends ether to somebody on a rollup.
fn pay(story: &Story, url: &str, chain: u64, nonce: u64) {
    let raw = crate::posting::signed_transfer(chain, nonce);
    let sent = story.ask(url, "eth_sendRawTransactionSync", json!([raw]));
    assert_eq!(sent["status"], "0x1", "{sent}");
}

/// A transaction that is put into the inbox.
fn force(story: &Story, raw: &str) {
    let args = ["force", "--config", &story.path("weft.toml"), "--key", BOB_KEY, "--json"];
    let forced = weft_reading(&args, raw);
    assert_eq!(forced.code, 0, "{forced:?}");
}

/// An outcome that is not settled any more is refused, before anybody looks at a proof.
fn stale_roots_are_refused(story: &Story) {
    let nothing = alloy_primitives::B256::ZERO;
    let outcome = Escape::Outcome {
        stateRoot: nothing,
        blockHash: nothing,
        blockNumber: 0,
        exitRoot: nothing,
        accountingRoot: nothing,
        headsRoot: nothing,
    };
    let to: Address = TO.parse().unwrap();
    let call =
        Escape::exitEtherCall { network: 901, outcome, accountProof: Vec::<Bytes>::new(), to };
    let request = json!({
        "from": ALICE, "to": story.deployed["escape"], "data": hex::encode_prefixed(call.abi_encode())
    });
    let refused = story.l1.refusal("eth_call", &json!([request, "latest"]));
    let selector = hex::encode(<Escape::NotSettled as alloy_sol_types::SolError>::SELECTOR);
    assert!(refused.contains(&selector), "{refused}");
}

fn wipe(story: &Story) {
    for gone in ["data", "batches", "journal"] {
        fs::remove_dir_all(story.path(gone)).unwrap();
    }
}

on_both!(s10_who_leaves_is_paid_once_and_a_new_sequencer_goes_on_from_l1_alone);

fn s10_who_leaves_is_paid_once_and_a_new_sequencer_goes_on_from_l1_alone(client: Client) {
    let story = Story::deploy_with(client, 1, &WINDOWS);
    let node = story.start();
    let one = node.urls[0].clone();
    for nonce in 0..3 {
        pay(&story, &one, 901, nonce);
        pay(&story, &node.urls[1], 902, nonce);
    }
    story.post(&node);
    let settled = story.settle()["lastBatch"].as_u64().unwrap();
    let has = story.balance(&one, ALICE);
    assert!(has > 9 * ETHER);
    // Behind what is settled: a payment that is forced, and nobody attests any more.
    let before = story.balance(&one, crate::support::BOB);
    force(&story, &crate::posting::signed_transfer(901, 3));
    story.mine(2);
    story
        .until("the forced payment ran", || story.balance(&one, crate::support::BOB) == before + 4);
    pay(&story, &one, 901, 4);
    assert!(story.post(&node) > settled);
    node.stop();

    let closed = exit(&story, ALICE_KEY);
    assert_eq!((closed.code, &last_line(&closed)["event"]), (3, &json!("closed")), "{closed:?}");
    story.mine(200);
    stale_roots_are_refused(&story);
    let paid = exit(&story, ALICE_KEY);
    assert_eq!(paid.code, 0, "{paid:?}");
    assert_eq!(last_line(&paid)["amount"], has.to_string());
    assert_eq!(story.balance(&story.l1.url, TO), has);
    let again = exit(&story, ALICE_KEY);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("AlreadyExited"), "{again:?}");

    // A new sequencer has the key and the configuration, and L1.
    wipe(&story);
    story.mine(64);
    let resumed = story.done(&["resume", "--config", &story.path("weft.toml")], &[]);
    assert!(resumed.out.contains("made from L1"), "{resumed:?}");
    let node = story.start_with(&["--guard-restored"]);
    let [one, other] = [node.urls[0].clone(), node.urls[1].clone()];
    story.until("what left is burned", || story.balance(&one, ALICE) == 0);
    assert_eq!(story.balance(&one, crate::support::BOB), before, "and not there to be spent");
    pay(&story, &other, 902, 3);
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    assert!(batches > settled);

    // A silent sequencer: somebody else posts what is in the inbox, and the node goes on behind that.
    let config = story.path("weft.toml");
    let deposit = ["deposit", "--config", &config, "--key", BOB_KEY, "--rollup", "901", "--json"];
    story.done(&deposit, &["--amount", "2ether", "--to", TO, "--data", "0x"]);
    let early = ["l1", "post-inbox", "--config", &config, "--key", BOB_KEY, "--json"];
    let refused = weft(&early);
    assert!(refused.err.contains("NotSilent"), "{refused:?}");
    pay(&story, &other, 902, 4);
    story.mine(130);
    let forced: Value = story.done(&early, &[]).json();
    assert_eq!(forced["batch"], batches + 1);
    story.mine(70);
    let nonce = || story.try_ask(&other, "eth_getTransactionCount", json!([ALICE, "latest"]));
    story.until("the node goes on from L1", || nonce() == Ok(json!("0x4")));
    story.until("the deposit is there", || story.balance(&one, TO) == 2 * ETHER);
    pay(&story, &other, 902, 4);
    let batches = story.post(&node);
    assert!(batches > forced["batch"].as_u64().unwrap());
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);

    // A node that runs while somebody leaves goes on behind what is settled.
    pay(&story, &other, 902, 5);
    story.post(&node);
    story.mine(210);
    let has = story.balance(&one, crate::support::BOB);
    let paid = exit(&story, BOB_KEY);
    assert_eq!(last_line(&paid)["amount"], has.to_string(), "{paid:?}");
    story.mine(70);
    let bob = || story.try_ask(&one, "eth_getBalance", json!([crate::support::BOB, "latest"]));
    story.until("the node goes on from L1", || bob() == Ok(json!("0x0")));
    story.until("and what was void is void", || nonce() == Ok(json!("0x5")));
    pay(&story, &other, 902, 5);
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    node.stop();

    // And all of it from L1 alone, once more.
    wipe(&story);
    story.mine(64);
    story.done(&["resume", "--config", &story.path("weft.toml")], &[]);
    let node = story.start_with(&["--guard-restored"]);
    let safe = |url: &String| story.number(url, "safe");
    story.until("the node knows what is posted", || node.urls.iter().all(|url| safe(url) > 0));
    story.verify(&node, batches);
    node.stop();
}
