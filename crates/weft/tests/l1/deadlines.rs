//! P47: a promised slot that no batch holds by its deadline is punished, by command and by whoever watches; one in time is not.

use crate::{
    chain::Client,
    operated::{ETHER, Node, Story},
    posting::signed_transfer,
    results::TOWER_KEY,
    support::{BOB, BOB_KEY},
    watch::Tower,
};
use alloy_primitives::U256;
use serde_json::{Value, json};
use std::{fs, path::Path};
use tokio::runtime::Runtime;

/// L1 blocks within which slots are on L1.
const WITHIN: u64 = 10;

impl Story {
    /// Runs a transaction; returns the file of the place that the node promised, and the L1 block by which its slot is there.
    fn placed(&self, node: &Node, nonce: u64, name: &str) -> (String, u64) {
        let sent = self.send(&node.urls[0], &signed_transfer(901, nonce));
        let hash = sent["transactionHash"].as_str().unwrap();
        let text = self.done(&["promise", "get", hash, "--rpc", &node.urls[0]], &[]).out;
        let promise: Value = serde_json::from_str(&text).unwrap();
        let deadline = promise["promise"]["l1Deadline"].as_u64().unwrap();
        (self.write(name, &text), deadline)
    }

    /// Waits until the node knows the last block of L1, which it counts from: what is in the one before runs then.
    fn until_known(&self, node: &Node) {
        let (config, before) = (self.path("weft.toml"), self.balance(&node.urls[0], BOB));
        let deposit = ["deposit", "--config", &config, "--key", BOB_KEY, "--rollup", "901"];
        self.done(&deposit, &["--amount", "1ether"]);
        self.mine(1);
        self.until("a deposit ran", || self.balance(&node.urls[0], BOB) == before + ETHER);
    }

    fn mine_to(&self, block: u64) {
        self.mine(block - self.height());
    }
}

#[test]
fn p47_a_slot_that_is_not_on_l1_by_its_deadline_is_punished_and_one_in_time_is_not() {
    let story = Story::deploy_with(
        Client::Embedded,
        1,
        // What is left of the bond has to cover a safety penalty, or the seat is lost.
        &["--liveness-penalty", "0.25ether", "--safety-penalty", "0.25ether", "--grace", "4"],
    );
    story.promise_within(WITHIN);
    let (node, runtime) = (story.start(), Runtime::new().unwrap());
    story.until_known(&node);
    let (in_time, due) = story.placed(&node, 0, "in-time.json");
    assert_eq!(due, story.height() + WITHIN);
    let early = story.submit(&in_time, &[]);
    assert!(
        early.code == 3 && early.out.contains(&format!("is due by L1 block {due}")),
        "{early:?}"
    );
    story.post(&node);
    story.mine_to(due + 10);
    story.refuses(&in_time, "is on L1, of which slot");

    // This one is not posted. Its time is over, then the time of grace.
    story.until_known(&node);
    let (late, due) = story.placed(&node, 1, "late.json");
    story.mine_to(due + 1);
    let early = story.submit(&late, &[]);
    assert!(early.code == 3 && early.out.contains("the time of grace runs"), "{early:?}");
    story.mine_to(due + 6);
    let before = story.bond();
    let tried = story.submit(&late, &["--dry-run"]);
    assert!(tried.code == 0 && tried.out.contains("would be convicted"), "{tried:?}");
    assert_eq!(story.bond(), before);
    let done = story.submit(&late, &[]);
    assert!(done.code == 0 && done.out.contains("missed deadline"), "{done:?}");
    assert!(done.out.contains("slashed  0.25"), "{done:?}");
    assert_eq!(before - story.bond(), U256::from(250_000_000_000_000_000_u64));
    story.refuses(&late, "already punished: conviction");
    story.post(&node);
    story.refuses(&late, "is on L1, of which slot");

    // Who watches needs no file: what is posted in time alarms nobody, what is not costs the bond.
    let (home, key) = (story.path(""), ["--l1", &story.l1.url, "--key", TOWER_KEY]);
    let over = Tower::over(Path::new(&home), &node.urls[0], &key);
    let mut tower = runtime.block_on(over);
    story.until_known(&node);
    let (_, due) = story.placed(&node, 2, "watched.json");
    story.post(&node);
    story.mine_to(due + 10);
    assert!(runtime.block_on(tower.is_silent_for(10)), "what is on L1 in time alarms nobody");
    let before = story.bond();
    let (file, due) = story.placed(&node, 3, "missed.json");
    fs::remove_file(file).unwrap();
    story.mine_to(due + 6);
    let punished = runtime.block_on(tower.until("punished", &["alarm", "trouble", "refused"]));
    assert_eq!(
        (&punished["why"], &punished["slashed"]),
        (&json!("missed deadline"), &json!("0.250000000000000000"))
    );
    assert!(story.bond() < before);
    assert!(runtime.block_on(tower.is_silent_for(10)), "it is done once");
    runtime.block_on(tower.end());
    node.stop();
}

#[test]
fn a_node_that_promises_no_time_promises_none() {
    let story = Story::deploy();
    let node = story.start();
    let (file, due) = story.placed(&node, 0, "timeless.json");
    assert_eq!(due, 0);
    story.refuses(&file, "it promises no result, and no time");
    node.stop();
}
