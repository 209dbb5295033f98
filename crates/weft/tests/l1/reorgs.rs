//! L1 takes back what a realm rests on, amid a batch, a settlement and a forced inclusion: what was promised about the order
//! stands, nothing counts twice, and a stranger derives the running node's blocks.

use crate::{
    chain::{Client, on_both},
    operated::{ETHER, Node, Story},
    posting::{signed_payment, signed_transfer},
    support::{ALICE, ALICE_KEY, BOB, BOB_KEY, weft, weft_reading},
};
use alloy_primitives::{Address, U256, address};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

/// How many blocks L1 takes back; a busy machine posts more batches on the way, and then it is some more than 7.
const DEPTHS: [u64; 3] = [1, 7, 64];
/// Somebody who has nothing anywhere.
const CAROL: Address = address!("0x0000000000000000000000000000000000ca201e");

impl Story {
    fn pays(&self, command: &[&str], key: &str) -> Value {
        let config = self.path("weft.toml");
        self.done(&[command, &["--config", &config]].concat(), &["--key", key, "--json"]).json()
    }

    /// Bob deposits two ether to the first rollup, where they arrive; returns the transaction on L1.
    pub(crate) fn deposit(&self, node: &Node) -> String {
        let before = self.balance(&node.urls[0], BOB);
        let said = self.pays(&["deposit", "--rollup", "901", "--amount", "2ether"], BOB_KEY);
        self.until("the deposit is there", || {
            self.balance(&node.urls[0], BOB) == before + 2 * ETHER
        });
        // A header names an earlier block than the last, and one that has the entries of its batch.
        self.mine(1);
        self.raw(&said)
    }

    /// Returns the L1 transaction that a command speaks of.
    fn raw(&self, said: &Value) -> String {
        let raw = self.l1.ask("eth_getRawTransactionByHash", json!([said["transaction"]]));
        raw.as_str().expect("L1 knows it").to_owned()
    }

    /// Alice pays Bob on both rollups, whatever L1 does.
    fn pay_on_both(&self, node: &Node) {
        for (url, chain) in node.urls.iter().zip([901, 902]) {
            self.send(url, &signed_transfer(chain, self.nonce(url, ALICE)));
        }
    }

    pub(crate) fn nonce(&self, url: &str, who: &str) -> u64 {
        let count = self.ask(url, "eth_getTransactionCount", json!([who, "latest"]));
        u64::from_str_radix(&count.as_str().unwrap()[2..], 16).unwrap()
    }

    fn carol(&self, url: &str) -> u128 {
        self.balance(url, &CAROL.to_string())
    }

    /// Whoever watches the node over all of it; it has no key, and writes what would convict somebody.
    fn watched(&self, node: &Node) -> Tower {
        let dir = self.path("tower");
        let child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["watch", "--rpc", &node.urls[0], "--dir", &dir])
            .env_remove("WEFT_KEY")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.until("somebody watches", || Path::new(&dir).join("evidence").exists());
        Tower { child, dir }
    }
}

/// Returns what was promised about the place of a transaction.
fn order_of(story: &Story, url: &str, transaction: &Value) -> Value {
    let promised = story.ask(url, "weft_getPromise", json!([transaction]))["order"].clone();
    assert!(promised["encoding"].is_string(), "{promised}");
    promised["encoding"].clone()
}

/// A running `weft watch`.
struct Tower {
    child: Child,
    dir: String,
}

impl Tower {
    /// Says that nobody is accused, up to now.
    fn is_calm(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "the watchtower ended");
        let found: Vec<_> = fs::read_dir(Path::new(&self.dir).join("evidence")).unwrap().collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

impl Drop for Tower {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

on_both!(
    p48_a_batch_that_l1_takes_back_is_posted_again,
    p48_a_settlement_that_l1_takes_back_is_made_again_and_pays_once,
    t6_a_deposit_that_is_spent_on_both_sides_is_spent_once,
    t6_what_l1_gives_back_runs_once,
);

fn p48_a_batch_that_l1_takes_back_is_posted_again(client: Client) {
    let story = Story::waiting_for(client, 0);
    let node = story.start();
    let mut tower = story.watched(&node);
    for (nonce, depth) in (0_u64..).zip(DEPTHS) {
        let (begun, before) = (story.height(), story.balance(&node.urls[0], BOB));
        story.deposit(&node);
        story.pay_on_both(&node);
        let posted = story.post(&node);
        // With depth 1 the last batch goes and what it took stays; else everything since the deposit.
        let below = if depth == 1 { story.height() - 1 } else { begun };
        story.take_back(below, depth);
        if depth > 1 {
            story.until("the deposit is gone", || {
                story.balance(&node.urls[0], BOB) == before + u128::from(nonce) + 1
            });
        }
        let left = story.posted();
        assert!(left < posted, "{left} of {posted} batches are on L1");
        story.verify(&node, left);
        let again = story.post(&node);
        assert!(again >= posted);
        story.verify(&node, again);
    }
    tower.is_calm();
    node.stop();
}

fn p48_a_settlement_that_l1_takes_back_is_made_again_and_pays_once(client: Client) {
    let story = Story::waiting_for(client, 0);
    let node = story.start();
    let one = node.urls[0].as_str();
    for depth in DEPTHS {
        let begun = story.height();
        story.deposit(&node);
        story.pay_on_both(&node);
        let to = Address::repeat_byte(0x10 + depth as u8).to_string();
        let burn = ["withdraw", "--rpc", one, "--amount", "1ether", "--to", &to, "--json"];
        let left = story.done(&burn, &["--key", ALICE_KEY]).json();
        let left = left["transaction"].as_str().unwrap();
        let config = story.path("weft.toml");
        let claim = ["withdraw", "--config", &config, "--rpc", one, "--claim", left];
        let claim = || weft(&[&claim[..], &["--key", BOB_KEY]].concat()).code;
        let posted = story.post(&node);
        assert_eq!(story.settle()["lastBatch"], posted);
        // With depth 1 the settlement goes; else the deposit and its batch too, and what was paid on it.
        let below = if depth == 1 { story.height() - 1 } else { begun };
        if depth > 7 {
            assert_eq!((claim(), story.balance(&story.l1.url, &to)), (0, ETHER));
        }
        story.take_back(below, depth);
        assert_eq!((claim(), story.balance(&story.l1.url, &to)), (3, 0), "depth {depth}");
        let again = story.post(&node);
        story.verify(&node, again);
        assert_eq!(story.settle()["lastBatch"], again);
        assert_eq!((claim(), story.balance(&story.l1.url, &to)), (0, ETHER), "depth {depth}");
        assert_eq!((claim(), story.balance(&story.l1.url, &to)), (1, ETHER), "paid once");
        story.verify(&node, again);
    }
    node.stop();
}

fn t6_a_deposit_that_is_spent_on_both_sides_is_spent_once(client: Client) {
    let story = Story::waiting_for(client, 0);
    let node = story.start();
    let (one, l1) = (node.urls[0].as_str(), story.l1.url.as_str());
    let mut tower = story.watched(&node);
    for (nonce, depth) in (0_u64..).zip(DEPTHS) {
        let begun = story.height();
        let of_l1 = (900, story.nonce(l1, BOB));
        let deposit = ["deposit", "--rollup", "901", "--amount", "2ether"];
        story.pays(&deposit, BOB_KEY);
        let before = u128::from(nonce * (nonce + 1) / 2);
        story.until("the deposit is there", || story.balance(one, BOB) == before + 2 * ETHER);
        let has = 3 * ETHER / 2 + u128::from(nonce);
        let sent = story.send(one, &signed_payment(BOB_KEY, (901, 0), CAROL, U256::from(has)));
        let promised = order_of(&story, one, &sent["transactionHash"]);
        story.until("Carol has it", || story.carol(one) == has);
        // On the other branch the same nonce pays somebody on L1.
        story.take_back(begun, depth);
        let paid = story.carol(l1);
        story.send(l1, &signed_payment(BOB_KEY, of_l1, CAROL, U256::from(ETHER)));
        story.mine(1);
        story.until("nobody has it on the rollup", || story.carol(one) == 0);
        assert_eq!(story.carol(l1), paid + ETHER);
        assert_eq!(story.balance(one, BOB), before);
        assert_eq!(promised, order_of(&story, one, &sent["transactionHash"]), "promises stand");
        story.pay_on_both(&node);
        let batches = story.post(&node);
        story.verify(&node, batches);
        assert_eq!(story.settle()["lastBatch"], batches);
    }
    tower.is_calm();
    node.stop();
}

fn t6_what_l1_gives_back_runs_once(client: Client) {
    let story = Story::waiting_for(client, 0);
    let node = story.start();
    let [one, other] = [node.urls[0].as_str(), node.urls[1].as_str()];
    let mut tower = story.watched(&node);
    for (nonce, depth) in (0_u64..).zip(DEPTHS) {
        let (begun, had) = (story.height(), story.balance(one, BOB));
        let deposit = story.deposit(&node);
        let paid = story.balance(other, BOB);
        let config = story.path("weft.toml");
        let force = ["force", "--config", &config, "--key", BOB_KEY, "--json"];
        let forced = weft_reading(&force, &signed_transfer(902, nonce));
        assert_eq!(forced.code, 0, "{forced:?}");
        let forced = story.raw(&forced.json());
        let value = u128::from(nonce) + 1;
        story.until("it ran", || story.balance(other, BOB) == paid + value);
        // A branch on which both come later, in one block.
        story.take_back(if depth == 1 { story.height() - 1 } else { begun }, depth);
        if depth > 1 {
            story.until("the deposit is gone", || story.balance(one, BOB) == had);
            story.l1.ask("eth_sendRawTransaction", json!([deposit]));
        }
        story.until("it did not run", || story.balance(other, BOB) == paid);
        story.l1.ask("eth_sendRawTransaction", json!([forced]));
        story.mine(2);
        let has = || (story.balance(one, BOB), story.balance(other, BOB));
        story.until("both ran", || has() == (had + 2 * ETHER, paid + value));
        assert_eq!(story.nonce(other, ALICE), nonce + 1);
        story.send(one, &signed_transfer(901, nonce));
        let batches = story.post(&node);
        story.verify(&node, batches);
        assert_eq!(has(), (had + 2 * ETHER + value, paid + value));
    }
    tower.is_calm();
    node.stop();
}
