//! A node without the sequencer's key: it has every block from L1 alone, goes on with what is posted, takes nothing, and outlives
//! kills, the sequencer and L1.

use crate::{
    chain::{Client, on_both},
    operated::{Node, Story},
    posting::signed_transfer,
    resync::hashes,
    support::{ALICE, BOB},
};
use serde_json::{Value, json};
use std::fs;

/// Writes the configuration of a node that follows: without key, batches and files of rollups.
fn config(story: &Story, name: &str, follow: &str) -> String {
    let text = fs::read_to_string(story.path("weft.toml")).unwrap();
    let of_l1: String = text.split("[l1]").nth(1).unwrap().split('[').next().unwrap().to_owned();
    let text = format!(
        "[node]\ndata_dir = \"{name}\"\nfollow = \"{follow}\"\n[l1]{of_l1}[log]\nformat = \"json\"\n"
    );
    let file = format!("{name}.toml");
    fs::write(story.path(&file), text).unwrap();
    file
}

/// Alice pays on both rollups.
fn pay(story: &Story, node: &Node) {
    for (url, chain) in node.urls.iter().zip([901, 902]) {
        story.send(url, &signed_transfer(chain, next_nonce(story, url)));
    }
}

fn next_nonce(story: &Story, url: &str) -> u64 {
    let count = story.ask(url, "eth_getTransactionCount", json!([ALICE, "pending"]));
    u64::from_str_radix(&count.as_str().unwrap()[2..], 16).unwrap()
}

fn all_hashes(story: &Story, node: &Node, tag: &str) -> Vec<Vec<Value>> {
    node.urls.iter().map(|url| hashes(story, url, story.number(url, tag))).collect()
}

/// Waits until a node that follows calls the same blocks safe, and has them all.
fn catches_up(story: &Story, follower: &Node, node: &Node) {
    let safe = |node: &Node| node.urls.iter().map(|url| story.number(url, "safe")).collect();
    let expected: Vec<u64> = safe(node);
    story.until("the follower is where L1 is", || {
        let found: Vec<u64> = safe(follower);
        found.iter().zip(&expected).all(|(found, expected)| found >= expected)
    });
    assert_eq!(all_hashes(story, follower, "safe"), all_hashes(story, node, "safe"));
}

/// Asks by plain HTTP.
fn ready(story: &Story, node: &Node) -> Value {
    let url = format!("{}/readyz", node.urls[0]);
    let answer = story.l1.wait(async { reqwest::get(url).await?.text().await });
    serde_json::from_str(&answer.unwrap()).unwrap()
}

on_both!(
    p31_p41_a_follower_has_every_block_from_l1_alone_and_takes_nothing,
    p48_a_follower_has_what_l1_gives_in_the_place_of_what_it_took_back,
);

fn p31_p41_a_follower_has_every_block_from_l1_alone_and_takes_nothing(client: Client) {
    let story = Story::waiting_for(client, 0);
    let node = story.start();
    story.mine(2);
    story.deposit(&node);
    for _ in 0..3 {
        pay(&story, &node);
    }
    story.send_bundle(&node, "5");
    story.post(&node);

    let file = config(&story, "follower", "l1");
    let follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    // What is posted later comes as well.
    pay(&story, &node);
    story.post(&node);
    catches_up(&story, &follower, &node);
    // Reads of every kind are served, of the pending block too.
    for (own, its) in follower.urls.iter().zip(&node.urls) {
        assert_eq!(story.balance(own, BOB), story.balance(its, BOB));
        assert_eq!(story.number(own, "pending"), story.number(own, "latest") + 1);
        let call = json!([{ "from": ALICE, "to": BOB, "value": "0x1" }, "latest"]);
        assert_eq!(story.ask(own, "eth_call", call.clone()), "0x");
        assert_eq!(story.ask(own, "eth_estimateGas", json!([call[0]])), "0x5208");
        let proof = story.ask(own, "eth_getProof", json!([BOB, [], "latest"]));
        assert_eq!(proof["balance"], story.ask(own, "eth_getBalance", json!([BOB, "latest"])));
        let traced = json!(["latest", { "tracer": "callTracer" }]);
        assert!(story.ask(own, "debug_traceBlockByNumber", traced).is_array());
    }
    // Nothing is taken, and it is said who orders.
    let raw = signed_transfer(901, next_nonce(&story, &node.urls[0]));
    let sequencer = story.deployed["sequencer"].as_str().map(str::to_owned);
    for method in ["eth_sendRawTransaction", "eth_sendRawTransactionSync"] {
        let refused = story.try_ask(&follower.urls[0], method, json!([raw])).unwrap_err();
        assert!(refused.contains("orders nothing: send to its sequencer 0x"), "{refused}");
        assert!(sequencer.as_ref().is_none_or(|key| refused.contains(key)), "{refused}");
    }
    let promised = story.try_ask(&follower.urls[0], "weft_getPromiseKey", json!([]));
    assert!(promised.unwrap_err().contains("no key for promises"));
    let state = ready(&story, &follower);
    assert_eq!(state["follows"]["isStale"], false, "{state}");
    assert_eq!(state["follows"]["contradictions"], 0, "{state}");

    // A kill costs nothing, nor does the end of the sequencer.
    drop(follower);
    pay(&story, &node);
    story.post(&node);
    let follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    let last = all_hashes(&story, &follower, "safe");
    node.stop();
    assert_eq!(all_hashes(&story, &follower, "latest"), last);
    follower.stop();
    // Without L1 it serves what it has, and says that this is old.
    let away =
        fs::read_to_string(story.path(&file)).unwrap().replace(&story.l1.url, "http://127.0.0.1:9");
    fs::write(story.path(&file), away).unwrap();
    let follower = story.start_by(&file, &[]);
    assert_eq!(all_hashes(&story, &follower, "latest"), last);
    let state = ready(&story, &follower);
    assert_eq!((&state["ready"], &state["follows"]["isStale"]), (&json!(true), &json!(true)));
    follower.stop();
}

fn p48_a_follower_has_what_l1_gives_in_the_place_of_what_it_took_back(client: Client) {
    let story = Story::waiting_for(client, 0);
    let node = story.start();
    story.mine(2);
    pay(&story, &node);
    story.post(&node);
    let file = config(&story, "follower", "l1");
    let mut follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    let height = story.height();
    story.deposit(&node);
    pay(&story, &node);
    story.post(&node);
    catches_up(&story, &follower, &node);
    let before = all_hashes(&story, &follower, "safe");
    // The deposit and the batches behind it are gone, and the next ones say so.
    let depth = story.height() - height;
    story.take_back(height, depth);
    story.until("the node folded again", || all_hashes(&story, &node, "latest") != before);
    pay(&story, &node);
    story.post(&node);
    catches_up(&story, &follower, &node);
    assert_ne!(all_hashes(&story, &follower, "safe"), before);
    let state = ready(&story, &follower);
    assert_eq!(state["follows"]["contradictions"], 1, "{state}");
    // So it stands after a kill.
    let last = all_hashes(&story, &follower, "safe");
    drop(follower);
    follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    assert_eq!(all_hashes(&story, &follower, "safe"), last);
    follower.stop();
    node.stop();
}
