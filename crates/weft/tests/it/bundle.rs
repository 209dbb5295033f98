//! Bundles, from their legs to their outcome.

use crate::support::{ALICE, ALICE_KEY, BOB, BOB_KEY, Dev, Ran, Scratch, weft, weft_reading};
use serde_json::{Value, json};

const MANAGER: &str = "0x5745465400000000000000000000000000000001";

fn build(legs: &[String], more: &[&str]) -> Ran {
    let mut args = vec!["bundle", "build"];
    for leg in legs {
        args.extend(["--leg", leg]);
    }
    args.extend(more);
    weft(&args)
}

fn sign(url: &str, bundle: &str) -> Ran {
    weft_reading(&["bundle", "sign", "--key", ALICE_KEY, "--rpc", url], bundle)
}

fn send(url: &str, signed: &str, more: &[&str]) -> Ran {
    weft_reading(&[&["bundle", "send", "--rpc", url], more].concat(), signed)
}

fn pay(id: u16, value: &str) -> String {
    format!("{id}:from={ALICE},to={BOB},value={value}")
}

#[test]
fn protected_bundle_makes_the_round_trip() {
    // In a realm of a number of its own, which the node says.
    let config = Scratch::with("[realm]\nid = 7\n");
    let dev = Dev::start(&["--rollups", "2", "--config", config.path()]);
    let url = dev.url(0);
    let built = build(&[pay(901, "1ether"), pay(902, "2 ether")], &["--rpc", url]);
    let bundle = built.json();
    assert_eq!(bundle["protected"], true);
    let marker = bundle["marker"].as_str().unwrap().trim_start_matches("0x");
    assert!(bundle["legs"][1]["data"].as_str().unwrap().ends_with(marker));

    let (file, id) = (Scratch::with(&built.out), bundle["id"].as_str().unwrap());
    let pending = weft(&["bundle", "status", id, "--rpc", url]);
    assert_eq!(pending.code, 3, "{pending:?}");
    let signed = weft(&["bundle", "sign", "--key", ALICE_KEY, "--rpc", url, file.path()]);
    let signed = Scratch::with(&signed.out);
    let sent = weft(&["bundle", "send", signed.path(), "--rpc", url, "--wait"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert!(sent.out.contains(id) && sent.out.contains("included"), "{}", sent.out);
    assert!(!sent.out.contains("unprotected"), "{}", sent.out);
    for part in ["section 2 (in clear), item 0", "leg 0 on 901: block 1", "leg 1 on 902: block 1"] {
        assert!(sent.out.contains(part), "{part}: {}", sent.out);
    }
    // Every rollup of the realm knows it.
    let status = weft(&["bundle", "status", id, "--rpc", dev.url(1), "--json"]);
    assert_eq!((status.code, &status.json()["outcome"]), (0, &json!("included")));
    assert_eq!(status.json()["siblings"][1]["blockNumber"], "0x1");

    let again = weft(&["bundle", "send", signed.path(), "--rpc", url]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("included before"), "{}", again.err);
    assert!(again.err.contains("--salt"), "{}", again.err);
}

#[test]
fn what_cannot_be_built_or_signed_is_said_in_words() {
    let dev = Dev::start(&["--rollups", "2"]);
    let url = dev.url(0);
    let nowhere = build(&[pay(901, "1"), pay(999, "1")], &["--rpc", url]);
    assert_eq!((nowhere.code, nowhere.out.as_str()), (1, ""), "{nowhere:?}");
    assert!(nowhere.err.contains("has no rollup 999; it has 901, 902"), "{}", nowhere.err);
    let built = build(&[pay(901, "1")], &["--rpc", url]).out;
    let stranger = weft_reading(&["bundle", "sign", "--key", BOB_KEY, "--rpc", url], &built);
    assert!(stranger.err.contains("and the legs are from 0xf39F"), "{}", stranger.err);
    let elsewhere = build(&[pay(901, "1")], &["--domain", &format!("1:{ALICE}:7")]).out;
    assert!(sign(url, &elsewhere).err.contains("for another realm"));
    let failing =
        build(&[format!("902:from={ALICE},to={MANAGER},data=0x12345678")], &["--rpc", url]);
    let failing = sign(url, &failing.out);
    assert_eq!((failing.code, failing.err.lines().count()), (0, 1), "{failing:?}");
    assert!(failing.err.contains("leg 0 on 902 is signed with 1000000 gas"), "{}", failing.err);
}

#[test]
fn removed_bundle_ends_with_2_and_says_why() {
    let dev = Dev::start(&["--rollups", "2"]);
    // createCrossChainProxy(0, 902) on 902 itself: SameNetwork(902).
    let same = format!("902:from={ALICE},to={MANAGER},data={},gas=200000", {
        let words = format!("{:0>64}{:0>64x}", "", 902);
        format!("0x{}{words}", selector())
    });
    let more = ["--rpc", dev.url(0), "--salt", &format!("0x{:064x}", 9)];
    let built = build(&[pay(901, "1ether"), same], &more);
    let signed = sign(dev.url(0), &built.out);
    let sent = send(dev.url(0), &signed.out, &["--wait"]);
    assert_eq!(sent.code, 2, "{sent:?}");
    for part in ["removed", "leg 1 on 902", "Failed", "SameNetwork"] {
        assert!(sent.out.contains(part), "{part}: {}", sent.out);
    }
    let id = built.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(weft(&["bundle", "status", &id, "--rpc", dev.url(0)]).code, 2);
}

#[test]
fn unprotected_bundle_is_labelled_and_included() {
    let dev = Dev::start(&["--rollups", "2"]);
    let built = build(&[pay(901, "1"), pay(902, "1")], &["--unprotected", "--rpc", dev.url(0)]);
    assert!(built.err.contains("unprotected"), "{}", built.err);
    let signed = sign(dev.url(0), &built.out);
    // As any wallet would give it.
    let legs = signed.json()["legs"].as_array().unwrap().clone();
    let plain: Vec<Value> =
        legs.iter().map(|leg| json!({"chainId": leg["chainId"], "raw": leg["raw"]})).collect();
    let sent = send(dev.url(0), &json!({"legs": plain}).to_string(), &["--wait"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert!(sent.out.contains("unprotected"), "{}", sent.out);
}

#[test]
fn two_people_sign_one_after_the_other() {
    let dev = Dev::start(&["--rollups", "2"]);
    let bob = format!("902:from={BOB},to={ALICE},value=3");
    let built = build(&[pay(901, "1"), bob], &["--rpc", dev.url(0)]);
    let half = sign(dev.url(0), &built.out);
    assert!(half.err.contains("leg 1 on 902 still needs the key of 0x7099"), "{}", half.err);
    assert!(send(dev.url(0), &half.out, &[]).err.contains("leg 1 on 902 is not signed"));
    let args = ["bundle", "sign", "--key", BOB_KEY, "--rpc", dev.url(0)];
    let both = weft_reading(&args, &half.out);
    assert_eq!(both.err, "");
    assert_eq!(send(dev.url(0), &both.out, &["--wait"]).code, 0);
}

#[test]
fn creation_carries_its_marker_in_the_access_list() {
    let dev = Dev::start(&["--rollups", "2"]);
    // Deploys one byte of code.
    let creation = format!("901:from={ALICE},data=0x60fe60005360016000f3");
    let built = build(&[creation, pay(902, "1")], &["--rpc", dev.url(0)]);
    assert!(built.json()["legs"][0]["accessList"][0]["storageKeys"][0].is_string());
    let signed = sign(dev.url(0), &built.out);
    assert_eq!(signed.err, "");
    let sent = send(dev.url(0), &signed.out, &["--wait"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert!(!sent.out.contains("unprotected"), "{}", sent.out);
}

#[test]
fn build_reads_json_and_gives_the_same_identity() {
    let legs = [pay(901, "1ether"), pay(902, "0.5 ether")];
    // Without a node, since the realm is named.
    let named = ["--domain", "0:0x0000000000000000000000000000000000000000:7"];
    let from_flags = build(&legs, &named).json();
    let draft = json!({"legs": [
        {"chainId": 901, "from": ALICE, "to": BOB, "value": "1ether"},
        {"chainId": "0x386", "from": ALICE, "to": BOB, "value": "0x6f05b59d3b20000"},
    ]});
    let from_json = [&["bundle", "build"][..], &named].concat();
    let from_json = weft_reading(&from_json, &draft.to_string()).json();
    assert_eq!(from_flags["id"], from_json["id"]);
    let salted = format!("0x{:064x}", 1);
    let salted = build(&legs, &[&named[..], &["--salt", &salted]].concat()).json();
    assert_ne!(from_flags["id"], salted["id"]);
}

/// Selector of `createCrossChainProxy(address,uint64)`.
fn selector() -> String {
    use alloy_sol_types::SolCall;
    let selector = weft_contracts::Manager::createCrossChainProxyCall::SELECTOR;
    selector.iter().map(|byte| format!("{byte:02x}")).collect()
}
