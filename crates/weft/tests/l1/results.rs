//! P47: a signed result that is not what was settled is punished on L1, by command and by whoever watches. What was settled, and
//! the way to it, comes from L1 alone.

use crate::{
    chain::{Client, L1},
    operated::{Node, Story},
    posting::{signed_payment, signed_transfer},
    support::{ALICE, ALICE_KEY, BOB, BOB_KEY, Ran, weft},
    watch::Tower,
};
use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};
use std::{fs, path::Path};
use tokio::runtime::Runtime;
use weft_contracts::SequencerRegistry;
use weft_promise::{LocalSigner, Passphrase, Signer as _, keystore, promise_json, read_promise};
use weft_types::{
    ExecutionPromise, NetworkId, PromisedRemoval, RemovalCause, SignedGroup, SignedPromise,
    Statement,
};

/// Who promises, pays a penalty of its bond.
const OPERATOR: &str = ALICE;
/// Who watches; who posts has other keys.
pub(crate) const TOWER_KEY: &str =
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
const DAVE: Address = address!("0x000000000000000000000000000000000000da4e");

/// Returns what is left of the operator's bond.
pub(crate) fn bond(l1: &L1, registry: &Value) -> U256 {
    let operator = OPERATOR.parse().unwrap();
    let call = SequencerRegistry::bondOfCall { operator }.abi_encode();
    let call = json!({ "to": registry, "data": Bytes::from(call) });
    let answer = l1.ask("eth_call", json!([call, "latest"]));
    let answer: Bytes = serde_json::from_value(answer).unwrap();
    SequencerRegistry::bondOfCall::abi_decode_returns(&answer).unwrap()
}

impl Story {
    pub(crate) fn bond(&self) -> U256 {
        bond(&self.l1, &self.deployed["registry"])
    }

    /// Runs a transaction; returns the file of the result that the node promised.
    fn promised(&self, node: &Node, place: usize, raw: &str, name: &str) -> String {
        let sent = self.send(&node.urls[place], raw);
        let hash = sent["transactionHash"].as_str().unwrap();
        let get = ["promise", "get", hash, "--execution", "--rpc", &node.urls[place]];
        let mut out = String::new();
        self.until("the result is promised", || {
            let ran = weft(&get);
            out = ran.out;
            ran.code == 0
        });
        self.write(name, &out)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::create_dir_all(self.path("own")).unwrap();
        let file = self.path(name);
        fs::write(&file, text).unwrap();
        file
    }

    /// Signs another result with the sequencer's key; returns its file.
    fn forged(&self, honest: &str, name: &str, lie: impl FnOnce(&mut ExecutionPromise)) -> String {
        let pass = Passphrase::read(Path::new(&self.path("pass"))).unwrap();
        let key = keystore::open(Path::new(&self.path("key.json")), &pass).unwrap();
        self.signed(honest, name, key, lie)
    }

    fn signed(
        &self,
        honest: &str,
        name: &str,
        mut key: LocalSigner,
        lie: impl FnOnce(&mut ExecutionPromise),
    ) -> String {
        let (promise, _) = read_promise(&fs::read_to_string(honest).unwrap()).unwrap();
        let SignedPromise { domain, statement: Statement::Execution(mut result), .. } = promise
        else {
            panic!("{promise:?}")
        };
        lie(&mut result);
        let statements = vec![Statement::Execution(result)];
        let group = SignedGroup::sign(domain, statements, |digest| key.sign(digest));
        let promise = group.unwrap().unwrap().promise(0).unwrap();
        self.write(name, &promise_json(&promise, key.address()).to_string())
    }

    pub(crate) fn submit(&self, file: &str, more: &[&str]) -> Ran {
        let args = ["evidence", "submit", file, "--l1", &self.l1.url, "--key", BOB_KEY];
        weft(&[&args[..], more].concat())
    }

    /// Nobody is punished, and nothing is paid for finding that out.
    pub(crate) fn refuses(&self, file: &str, why: &str) {
        let sent = || self.l1.ask("eth_getTransactionCount", json!([BOB, "latest"]));
        let before = (self.bond(), sent());
        let ran = self.submit(file, &[]);
        assert!(ran.code == 1 && ran.err.contains(why), "{why}: {ran:?}");
        assert_eq!((self.bond(), sent()), before, "{why}");
    }

    fn payment(&self, key: &str, chain: u64, nonce: u64) -> String {
        signed_payment(key, (chain, nonce), DAVE, U256::from(nonce + 1))
    }
}

fn fail(result: &mut ExecutionPromise) {
    result.legs[0].success = false;
}

#[test]
fn p47_a_result_that_is_not_what_was_settled_is_punished_by_command() {
    let story = Story::deploy_with(Client::Embedded, 1, &["--safety-penalty", "0.25ether"]);
    let node = story.start();
    // Bob has nothing on the rollup yet.
    story.send(
        &node.urls[0],
        &signed_payment(ALICE_KEY, (901, 0), BOB.parse().unwrap(), U256::from(10_u64.pow(17))),
    );
    let honest = story.promised(&node, 0, &story.payment(BOB_KEY, 901, 0), "honest.json");
    let other = story.promised(&node, 1, &signed_transfer(902, 0), "other.json");
    let forged = story.forged(&honest, "forged.json", fail);
    story.post(&node);
    // What is not settled convicts nobody yet.
    let early = story.submit(&forged, &[]);
    assert!(early.code == 3 && early.out.contains("is not settled"), "{early:?}");
    story.settle();
    // More settlements behind it: its path is another one with each.
    for nonce in 1..3 {
        story.send(&node.urls[1], &signed_transfer(902, nonce));
        story.post(&node);
        story.settle();
    }

    story.refuses(&honest, "what was settled is what was promised");
    story.refuses(&other, "what was settled is what was promised");
    let order = weft(&["promise", "get", &item_of(&honest), "--rpc", &node.urls[0]]).out;
    story.refuses(&story.write("order.json", &order), "it promises no result");
    let elsewhere = |result: &mut ExecutionPromise| result.position.index += 7;
    story.refuses(
        &story.forged(&honest, "place.json", elsewhere),
        "nothing was settled at this place",
    );
    let another = |result: &mut ExecutionPromise| result.item = B256::repeat_byte(7);
    let another = story.forged(&honest, "item.json", another);
    story.refuses(&another, "was settled at this place; the promise of the place shows it");
    let gone = |result: &mut ExecutionPromise| {
        fail(result);
        result.l1_origin = B256::repeat_byte(9);
    };
    let gone = story.forged(&honest, "void.json", gone);
    story.refuses(&gone, "it rests on an L1 block that is not in the chain");
    let stranger = LocalSigner::new(&BOB_KEY.parse().unwrap()).unwrap();
    let address = stranger.address().to_string();
    let stranger = story.signed(&honest, "stranger.json", stranger, fail);
    story.refuses(&stranger, &format!("{address} is no key of an operator"));
    let altered =
        fs::read_to_string(&forged).unwrap().replace("\"success\":false", "\"success\":true");
    story.refuses(&story.write("altered.json", &altered), "is refused");

    // A dry run says it, and does nothing; then it is done, and the sender of the item is paid out of what L1 holds of it.
    let before = story.bond();
    let ran = story.submit(&forged, &["--dry-run"]);
    assert!(ran.code == 0 && ran.out.contains("would be convicted"), "{ran:?}");
    assert_eq!(story.bond(), before);
    node.stop();
    let had = story.balance(&story.l1.url, BOB);
    let ran = story.submit(&forged, &[]);
    assert!(ran.code == 0 && ran.out.contains("wrong outcome"), "{ran:?}");
    assert!(ran.out.contains("compensated") && ran.out.contains(BOB), "{ran:?}");
    assert!(story.bond() < before && story.balance(&story.l1.url, BOB) > had);
    let after = story.bond();
    story.refuses(&forged, "already punished: conviction");
    // Another lie about the same place is the same fault; one about another place is another one.
    let twice = story.forged(&honest, "twice.json", |result| result.legs[0].gas_used += 1);
    story.refuses(&twice, "already punished: conviction");
    let removal = |result: &mut ExecutionPromise| {
        result.legs.clear();
        let cause = RemovalCause::Undecryptable;
        let network = NetworkId::new(902);
        result.removal = Some(PromisedRemoval { cause, network, leg: 0, output_hash: B256::ZERO });
    };
    let removed = story.forged(&other, "removed.json", removal);
    let ran = story.submit(&removed, &[]);
    assert!(ran.code == 0 && ran.out.contains("slashed  0.25"), "{ran:?}");
    assert!(story.bond() < after);
}

fn item_of(file: &str) -> String {
    let json: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    json["promise"]["item"].as_str().unwrap().to_owned()
}

#[test]
fn p47_who_watches_has_a_result_punished_that_is_not_what_was_settled() {
    let (story, runtime) = (Story::deploy(), Runtime::new().unwrap());
    let node = story.start();
    story.send(
        &node.urls[1],
        &signed_payment(ALICE_KEY, (902, 0), BOB.parse().unwrap(), U256::from(10_u64.pow(17))),
    );
    let honest = story.promised(&node, 1, &story.payment(BOB_KEY, 902, 0), "honest.json");
    let from = story.deployed["from"].to_string();
    let own = story.path("own");
    let args =
        ["--l1", &story.l1.url, "--verify", "--from", &from, "--own", &own, "--key", TOWER_KEY];
    let home = story.path("");
    let start = || runtime.block_on(Tower::over(Path::new(&home), &node.urls[0], &args));
    let mut tower = start();
    // What the node promises over its feed, and what is settled of it, alarms nobody, settlement after settlement.
    for nonce in 0..2 {
        story.send(&node.urls[0], &signed_transfer(901, nonce));
        story.post(&node);
        story.settle();
        assert!(runtime.block_on(tower.is_silent_for(10)), "an honest word alarms nobody");
    }
    let before = story.bond();
    story.forged(&honest, "own/forged.json", fail);
    let alarm = runtime.block_on(tower.until("alarm", &["lie", "trouble", "refused"]));
    assert_eq!(alarm["why"], "wrong outcome", "{alarm}");
    runtime.block_on(tower.until("punished", &["lie", "trouble", "refused"]));
    let paid = runtime.block_on(tower.until("compensated", &["waiting", "trouble", "refused"]));
    let victim: PrivateKeySigner = BOB_KEY.parse().unwrap();
    assert_eq!(paid["victim"].as_str().unwrap().parse::<Address>().unwrap(), victim.address());
    let after = story.bond();
    assert!(after < before);
    assert!(runtime.block_on(tower.is_silent_for(10)), "it is said and done once");
    runtime.block_on(tower.end());
    // What was kept goes to L1 again, where it stands already.
    fs::remove_dir_all(story.path("own")).unwrap();
    let mut tower = start();
    runtime.block_on(tower.until("done", &["alarm", "punished", "refused"]));
    assert_eq!(story.bond(), after);
    runtime.block_on(tower.end());
    node.stop();
}
