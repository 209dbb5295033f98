//! A node without the sequencer's key: it has every block from L1 alone, goes on with what is posted, takes nothing, and outlives
//! kills, the sequencer and L1.

use crate::{
    chain::{Client, free_port, on_both},
    operated::{Node, Story},
    posting::signed_transfer,
    resync::hashes,
    support::{ALICE, ALICE_KEY, BOB, weft},
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
    let stands = all_hashes(story, node, "safe");
    // A rollup that joined is served from the next start on.
    assert_eq!(all_hashes(story, follower, "safe"), stands[..follower.urls.len()]);
}

/// Asks by plain HTTP.
fn ready(story: &Story, node: &Node) -> Value {
    let url = format!("{}/readyz", node.urls[0]);
    let answer = story.l1.wait(async { reqwest::get(url).await?.text().await });
    serde_json::from_str(&answer.unwrap()).unwrap()
}

/// Opens the common port of the sequencer; returns the configuration of a node that follows it ahead of L1.
fn ahead(story: &Story, name: &str) -> String {
    let common = format!("http://127.0.0.1:{}", common(story));
    let file = config(story, name, "l1");
    let text = fs::read_to_string(story.path(&file)).unwrap();
    let with = format!("follow = \"l1\"\nsequencer = \"{common}\"\n");
    fs::write(story.path(&file), text.replace("follow = \"l1\"\n", &with)).unwrap();
    file
}

/// Returns the common port of the sequencer, which gets one before its first start.
fn common(story: &Story) -> String {
    let (path, key) = (story.path("weft.toml"), "common_port = ");
    let text = fs::read_to_string(&path).unwrap();
    if let Some(port) = text.lines().find_map(|line| line.strip_prefix(key)) {
        return port.to_owned();
    }
    let port = free_port().to_string();
    fs::write(&path, text.replacen("[node]\n", &format!("[node]\n{key}{port}\n"), 1)).unwrap();
    port
}

/// Waits until a node that follows has every block of the sequencer.
fn comes_along(story: &Story, follower: &Node, node: &Node) {
    // What was sent is in the slot that is open.
    let heads: Vec<_> = node.urls.iter().map(|url| story.number(url, "pending")).collect();
    story.until("the follower is where the sequencer is", || {
        let found = follower.urls.iter().map(|url| story.number(url, "latest"));
        found.zip(&heads).all(|(found, head)| found >= *head)
    });
    for ((own, its), head) in follower.urls.iter().zip(&node.urls).zip(heads) {
        assert_eq!(hashes(story, own, head), hashes(story, its, head));
    }
}

fn copy(story: &Story, from: &str, to: &str) {
    let _ = fs::remove_dir_all(story.path(to));
    let (from, to) = (story.path(from), story.path(to));
    let mut copy = std::process::Command::new("cp");
    assert!(copy.args(["-a", &from, &to]).status().unwrap().success());
}

on_both!(
    p31_a_follower_runs_ahead_of_l1_and_passes_on_what_is_sent,
    p31_a_follower_undoes_what_its_sequencer_posts_otherwise,
    p31_a_follower_has_a_rollup_that_joined,
    p48_a_follower_ahead_of_l1_has_what_l1_gives_in_the_place_of_what_it_took_back,
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
    let file = config(&story, "follower", "l1");
    let state = taken_back(&story, &file);
    assert_eq!(state["follows"]["contradictions"], 1, "{state}");
}

fn p48_a_follower_ahead_of_l1_has_what_l1_gives_in_the_place_of_what_it_took_back(client: Client) {
    let story = Story::waiting_for(client, 0);
    let file = ahead(&story, "follower");
    taken_back(&story, &file);
}

/// L1 takes back a deposit, and batches behind it; returns how the follower stood.
fn taken_back(story: &Story, file: &str) -> Value {
    let node = story.start();
    story.mine(2);
    pay(story, &node);
    story.post(&node);
    let mut follower = story.start_by(file, &[]);
    catches_up(story, &follower, &node);
    // What L1 takes back without batches changes nothing.
    let safe = all_hashes(story, &follower, "safe");
    story.mine(1);
    story.take_back(story.height() - 1, 1);
    story.until("L1 is heard of again", || {
        let state = ready(story, &follower);
        state["follows"]["l1Block"] == story.height() && state["follows"]["trouble"].is_null()
    });
    assert_eq!(all_hashes(story, &follower, "safe"), safe);
    let height = story.height();
    story.deposit(&node);
    pay(story, &node);
    story.post(&node);
    catches_up(story, &follower, &node);
    let before = all_hashes(story, &follower, "safe");
    // The deposit and the batches behind it are gone, and the next ones say so.
    let depth = story.height() - height;
    story.take_back(height, depth);
    story.until("the node folded again", || all_hashes(story, &node, "latest") != before);
    pay(story, &node);
    story.post(&node);
    catches_up(story, &follower, &node);
    assert_ne!(all_hashes(story, &follower, "safe"), before);
    let state = ready(story, &follower);
    // So it stands after a kill.
    let last = all_hashes(story, &follower, "safe");
    drop(follower);
    follower = story.start_by(file, &[]);
    catches_up(story, &follower, &node);
    assert_eq!(all_hashes(story, &follower, "safe"), last);
    follower.stop();
    node.stop();
    state
}

fn p31_a_follower_runs_ahead_of_l1_and_passes_on_what_is_sent(client: Client) {
    let story = Story::waiting_for(client, 0);
    let file = ahead(&story, "follower");
    let node = story.start();
    story.mine(2);
    pay(&story, &node);
    story.post(&node);
    let follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    // Nothing is posted from here on, also of what L1 sent in.
    let safe = all_hashes(&story, &follower, "safe");
    story.deposit(&node);
    pay(&story, &node);
    story.send_bundle(&node, "5");
    comes_along(&story, &follower, &node);
    assert_eq!(story.balance(&follower.urls[0], BOB), story.balance(&node.urls[0], BOB));
    assert_eq!(all_hashes(&story, &follower, "safe"), safe, "L1 holds no more");

    // What is sent goes to the sequencer, and its answers come back as they are.
    let raw = signed_transfer(901, next_nonce(&story, &node.urls[0]));
    let receipt = story.send(&follower.urls[0], &raw);
    assert_eq!(receipt["from"], ALICE.to_lowercase(), "{receipt}");
    let other = signed_transfer(902, next_nonce(&story, &node.urls[1]));
    let hash = story.ask(&follower.urls[1], "eth_sendRawTransaction", json!([other]));
    story.until("it has a receipt here too", || {
        let found = story.ask(&follower.urls[1], "eth_getTransactionReceipt", json!([hash]));
        found["status"] == "0x1"
    });
    let refused = [&follower, &node].map(|at| {
        story
            .try_ask(&at.urls[1], "eth_sendRawTransaction", json!([signed_transfer(902, 0)]))
            .unwrap_err()
    });
    assert_eq!(refused[0], refused[1]);
    story.send_bundle(&follower, "7");
    comes_along(&story, &follower, &node);

    // A kill costs nothing of it, and what L1 then holds is the same.
    let last: Vec<_> = follower.urls.iter().map(|url| story.number(url, "latest")).collect();
    drop(follower);
    let follower = story.start_by(&file, &[]);
    for ((own, its), last) in follower.urls.iter().zip(&node.urls).zip(last) {
        assert_eq!(hashes(&story, own, last), hashes(&story, its, last));
    }
    pay(&story, &node);
    comes_along(&story, &follower, &node);
    story.post(&node);
    catches_up(&story, &follower, &node);
    let state = ready(&story, &follower);
    assert_eq!(state["follows"]["contradictions"], 0, "{state}");
    assert!(state["follows"]["aheadTrouble"].is_null(), "{state}");

    // Without the sequencer it goes on from L1.
    pay(&story, &node);
    comes_along(&story, &follower, &node);
    let last = all_hashes(&story, &node, "latest");
    node.stop();
    story.until("it is noticed", || !ready(&story, &follower)["follows"]["aheadTrouble"].is_null());
    let refused = story.try_ask(&follower.urls[0], "eth_sendRawTransaction", json!([raw]));
    assert!(refused.unwrap_err().contains("the sequencer gave no answer"));
    let node = story.start();
    story.post(&node);
    node.stop();
    story.until("it has what L1 holds", || {
        let safe = all_hashes(&story, &follower, "safe");
        safe.iter().zip(&last).all(|(safe, last)| safe.len() >= last.len())
    });
    let safe = all_hashes(&story, &follower, "safe");
    for (safe, last) in safe.iter().zip(&last) {
        assert_eq!(safe[..last.len()], last[..]);
    }
    follower.stop();
}

fn p31_a_follower_undoes_what_its_sequencer_posts_otherwise(client: Client) {
    let story = Story::waiting_for(client, 0);
    let file = ahead(&story, "follower");
    let node = story.start();
    story.mine(2);
    pay(&story, &node);
    story.post(&node);
    let follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    node.stop();
    ["data", "batches", "journal"]
        .iter()
        .for_each(|name| copy(&story, name, &format!("{name}.old")));
    let node = story.start();
    pay(&story, &node);
    comes_along(&story, &follower, &node);
    let seen = all_hashes(&story, &follower, "latest");
    // The sequencer forgets what it signed, and orders something else.
    drop(node);
    ["data", "batches", "journal"]
        .iter()
        .for_each(|name| copy(&story, &format!("{name}.old"), name));
    let node = story.start_with(&["--guard-restored"]);
    story.send_bundle(&node, "9");
    story.post(&node);
    catches_up(&story, &follower, &node);
    for (seen, stands) in seen.iter().zip(all_hashes(&story, &follower, "latest")) {
        assert!(!stands.starts_with(seen), "it is undone");
    }
    let state = ready(&story, &follower);
    assert!(state["follows"]["contradictions"].as_u64() >= Some(1), "{state}");
    // So it stands after a kill.
    let last = all_hashes(&story, &follower, "safe");
    drop(follower);
    let follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    assert_eq!(all_hashes(&story, &follower, "safe")[0][..last[0].len()], last[0][..]);
    follower.stop();
    node.stop();
}

fn p31_a_follower_has_a_rollup_that_joined(client: Client) {
    let story = Story::waiting_for(client, 0);
    let file = ahead(&story, "follower");
    let mut node = story.start();
    story.mine(2);
    pay(&story, &node);
    story.post(&node);
    let mut follower = story.start_by(&file, &[]);
    catches_up(&story, &follower, &node);
    let (rollup, token) = (story.path("903.toml"), story.path("data/admin.token"));
    fs::write(&rollup, format!("chain_id = 903\n[allocations]\n\"{ALICE}\" = \"1 ether\"\n"))
        .unwrap();
    let config = story.path("weft.toml");
    story.done(&["l1", "register", &rollup, "--config", &config, "--key"], &[ALICE_KEY]);
    story.mine(2);
    let add = ["rollup", "add", &rollup, "--admin", &node.admin, "--token", &token, "--json"];
    story.until("the third rollup joined", || {
        let added = weft(&add);
        let is_in = added.code == 0;
        is_in.then(|| node.urls.push(added.json()["url"].as_str().unwrap().to_owned()));
        is_in
    });
    story.send(&node.urls[2], &signed_transfer(903, 0));
    pay(&story, &node);
    story.post(&node);
    // It waits for L1 where the rollup joins, and goes on; the rollup itself is served from the next start on.
    catches_up(&story, &follower, &node);
    pay(&story, &node);
    comes_along(&story, &follower, &node);
    follower.stop();
    follower = story.start_by(&file, &[]);
    assert_eq!(follower.urls.len(), 3);
    story.send(&follower.urls[2], &signed_transfer(903, 1));
    comes_along(&story, &follower, &node);
    follower.stop();
    node.stop();
}
