//! The way over L1 from beginning to end, by command: a node in production, its batches on L1, what comes from there and goes
//! there, and a stranger who derives the same blocks.

use crate::{
    chain::{Client, on_both},
    operated::{ETHER, Story},
    support::{ALICE, ALICE_KEY, BOB, BOB_KEY, weft, weft_reading},
};
use serde_json::json;
use std::fs;

on_both!(what_happens_on_rollups_is_settled_on_l1_and_value_goes_both_ways);

fn what_happens_on_rollups_is_settled_on_l1_and_value_goes_both_ways(client: Client) {
    let story = Story::waiting_for(client, 1);
    let node = story.start();
    let [one, other] = [node.urls[0].as_str(), node.urls[1].as_str()];

    // Transactions on each rollup and a bundle over both.
    for (url, chain) in [(one, 901), (other, 902)] {
        let raw = crate::posting::signed_transfer(chain, 0);
        let sent = story.ask(url, "eth_sendRawTransactionSync", json!([raw]));
        assert_eq!(sent["status"], "0x1", "{sent}");
    }
    let bundle = story.bundle(&node, "5");
    let sent = weft_reading(&["bundle", "send", "--wait", "--rpc", one], &bundle);
    assert_eq!(sent.code, 0, "{sent:?}");
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);

    // Ether, a transaction and a bundle come through the inbox; none before a block follows theirs.
    let config = story.path("weft.toml");
    let pays = ["--config", &config, "--key", BOB_KEY, "--json"];
    let before = story.balance(one, BOB);
    story.done(&["deposit", "--rollup", "901", "--amount", "2ether"], &pays);
    let raw = crate::posting::signed_transfer(902, 2);
    let forced = weft_reading(&[&["force"][..], &pays].concat(), &raw);
    assert_eq!(forced.code, 0, "{forced:?}");
    let hash = forced.json()["hash"].clone();
    let paid = story.balance(other, BOB);
    story.mine(2);
    story.until("the deposit is on its rollup", || story.balance(one, BOB) == before + 2 * ETHER);
    story.until("the forced transaction ran", || story.balance(other, BOB) == paid + 3);
    let outcome = story.ask(other, "weft_getOutcome", json!([hash]));
    assert_eq!(outcome["outcome"], "included", "{outcome}");
    let bundle = story.bundle(&node, "7");
    let forced = weft_reading(&[&["force"][..], &pays].concat(), &bundle);
    assert_eq!(forced.code, 0, "{forced:?}");
    story.mine(2);
    story.until("the forced bundle ran", || {
        story.balance(other, BOB) == paid + 10 && story.balance(one, BOB) == before + 2 * ETHER + 7
    });

    // The node goes on where it was, on both sides.
    let heads = [story.number(one, "latest"), story.number(other, "latest")];
    node.stop();
    let mut node = story.start();
    let [one, other] = [node.urls[0].clone(), node.urls[1].clone()];
    let [one, other] = [one.as_str(), other.as_str()];
    for (url, head) in [one, other].into_iter().zip(heads) {
        assert!(story.number(url, "latest") >= head);
    }

    // On L1 nobody is at the address of the rollups' bridge: nothing goes there.
    let had = story.balance(&story.l1.url, BOB);
    let burnt = ["withdraw", "--rpc", &story.l1.url, "--amount", "1ether", "--key", BOB_KEY];
    let burnt = weft(&burnt);
    assert_eq!(burnt.code, 1, "{burnt:?}");
    assert!(burnt.err.contains("nothing was sent: --rpc is for the rollup"), "{burnt:?}");
    assert_eq!(story.balance(&story.l1.url, BOB), had);

    // Half of it leaves again.
    let left = ["withdraw", "--rpc", one, "--amount", "1ether", "--key", BOB_KEY, "--json"];
    let to = "0x00000000000000000000000000000000000c1a1e";
    let left = story.done(&left, &["--to", to]).json();
    let transaction = left["transaction"].as_str().unwrap();
    // In words it says how to go on.
    let said = ["withdraw", "--rpc", one, "--config", &config, "--amount", "1", "--key", BOB_KEY];
    let said = weft(&said);
    let again = format!("  weft withdraw --rpc {one} --config {config} --claim 0x");
    assert!(said.code == 0 && said.out.contains(&again), "{said:?}");
    let claim = ["withdraw", "--config", &config, "--rpc", one, "--claim", transaction, "--json"];
    let claim = [&claim[..], &["--key", BOB_KEY]].concat();
    assert_eq!(weft(&claim).code, 3, "nothing settled holds it yet");
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    story.done(&claim, &[]);
    assert_eq!(story.balance(&story.l1.url, to), ETHER);
    assert_eq!(weft(&claim).code, 1, "it is paid once");
    story.verify(&node, batches);

    // A rollup that the hub does not know cannot join; one that it knows is posted and settled as the others.
    let (file, token) = (story.path("903.toml"), story.path("data/admin.token"));
    let rollup = format!("chain_id = 903\n[allocations]\n\"{ALICE}\" = \"1 ether\"\n");
    fs::write(&file, rollup).unwrap();
    let add = ["rollup", "add", &file, "--admin", &node.admin, "--token", &token, "--json"];
    let early = weft(&add);
    assert!(early.code == 1 && early.err.contains("is not registered with hub"), "{early:?}");
    let register = ["l1", "register", &file, "--config", &config, "--key"];
    let stranger = weft(&[&register[..], &[BOB_KEY]].concat());
    assert!(stranger.code == 1 && stranger.err.contains("Unauthorized"), "{stranger:?}");
    story.done(&register, &[ALICE_KEY]);
    let twice = weft(&[&register[..], &[ALICE_KEY]].concat());
    assert!(twice.code == 1 && twice.err.contains("is registered"), "{twice:?}");
    story.mine(2);
    let mut third = String::new();
    story.until("the third rollup joined", || {
        let added = weft(&add);
        let is_in = added.code == 0;
        third = if is_in { added.json()["url"].as_str().unwrap().to_owned() } else { added.err };
        is_in
    });
    let raw = crate::posting::signed_transfer(903, 0);
    let sent = story.ask(&third, "eth_sendRawTransactionSync", json!([raw]));
    assert_eq!(sent["status"], "0x1", "{sent}");
    node.urls.push(third);
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);

    // What is settled is final once L1 says so.
    let safe = story.number(one, "safe");
    assert!(story.number(one, "finalized") < safe);
    let finality = || {
        let receipt = story.ask(one, "eth_getTransactionReceipt", json!([transaction]));
        receipt["weftFinality"].clone()
    };
    story.until("settled", || finality() == "settled");
    story.mine(100);
    story.until("final blocks", || story.number(one, "finalized") == safe);
    node.stop();
}
