//! `weft evidence submit` over the shared vectors: what convicts, what does not, and what L1 leaves to people.

use crate::{
    chain::{Client, on_both_waiting},
    court::{Court, REPORTER, ether},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::Deserialize;
use std::collections::BTreeSet;
use tokio::process::Command;
use weft_contracts::Slasher;
use weft_types::{Decode as _, Domain};

/// Evidence that convicts and is not decided on L1: what takes all rules of a node, a time, another part of a bundle, or a
/// promise of one.
const UNDECIDED: [&str; 12] = [
    "early leak",
    "false verdict of malformed",
    "false verdict of a malformed part",
    "wrong plaintext of a part, a leg that was not committed to",
    "wrong plaintext of a part, on another rollup",
    "unbundling, without the leg of another part",
    "another item at a bundle's place",
    "two bundles",
    "another past of a bundle's place",
    "omission of one of a bundle's, by items",
    "omission of one of a bundle's, by openings",
    "wrong epoch of one of a bundle's",
];
/// Where the kind stands: behind version and domain.
const KIND: usize = 39;

#[derive(Debug, Deserialize)]
struct Vectors {
    domain: Bytes,
    sequencers: Vec<Address>,
    vectors: Vec<Vector>,
}

#[derive(Debug, Deserialize)]
struct Vector {
    name: String,
    key: Address,
    id: B256,
    encoding: Bytes,
}

fn vectors() -> Vectors {
    let text = include_str!("../../../../vectors/evidence/evidence.json");
    serde_json::from_str(text).unwrap()
}

/// Members' keys of the vectors.
fn members() -> Vec<B256> {
    [1_u32, 2, 3].map(|member| keccak256(member.to_be_bytes())).into()
}

async fn court(vectors: &Vectors) -> Court {
    court_on(Client::Embedded, vectors).await
}

async fn court_on(client: Client, vectors: &Vectors) -> Court {
    let domain = Domain::decode(&vectors.domain).unwrap();
    Court::open_on(client, domain, vectors.sequencers[0], &members()).await
}

/// What a command printed and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

async fn weft(args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
    let output = command.args(args).env_remove("RUST_LOG").output().await.unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn submit(court: &Court, evidence: &[u8], more: &[&str]) -> Ran {
    let (file, slasher) = (court.file(evidence), court.slasher.to_string());
    let common = ["--l1", court.l1.url(), "--slasher", &slasher, "--key", REPORTER];
    weft(&[&["evidence", "submit", &file][..], &common, more].concat()).await
}

on_both_waiting!(every_kind_is_punished_once_or_left_to_people);

async fn every_kind_is_punished_once_or_left_to_people(client: Client) {
    let vectors = vectors();
    let court = court_on(client, &vectors).await;
    let mut punished = BTreeSet::new();
    for Vector { name, id, encoding, .. } in &vectors.vectors {
        let before = court.bond().await;
        let ran = submit(&court, encoding, &[]).await;
        let lost = before - court.bond().await;
        if ran.code == 0 {
            assert!(punished.insert(*id), "{name}: punished twice");
            assert!(ran.out.contains(&format!("conviction {id}")), "{name}: {ran:?}");
            assert_eq!(lost, ether(1), "{name}");
            assert!(ran.out.contains("slashed  1."), "{name}: {ran:?}");
            continue;
        }
        assert_eq!(lost, U256::ZERO, "{name}");
        // What is left to people is so in every form, whether the fault was punished in another one or not.
        // So is a leaked secret: no file can show that its epoch is open.
        let is_leak = encoding[KIND] == 12 && ran.err.contains("that the epoch is open");
        if is_leak || ran.err.contains("not decided on L1") {
            assert!(UNDECIDED.contains(&name.as_str()), "{name}: {ran:?}");
        } else {
            assert!(punished.contains(id), "{name}: {ran:?}");
            assert!(ran.err.contains(&format!("already punished: conviction {id}")), "{ran:?}");
        }
    }
    // One fault in many forms counts once; different ones count each.
    let known: BTreeSet<_> = vectors.vectors.iter().map(|vector| vector.id).collect();
    assert!(punished.is_subset(&known) && punished.len() >= 8, "{punished:?}");
    // A reserve waits for whoever was hurt, and not for anybody else.
    let first = vectors.vectors[0].id;
    let reserve = court.view(court.slasher, &Slasher::reserveOfCall { id: first }).await;
    assert_eq!(reserve.amount, ether(1) / U256::from(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_altered_byte_convicts() {
    let vectors = vectors();
    let court = court(&vectors).await;
    for Vector { name, encoding, .. } in &vectors.vectors {
        if !court.would_punish(encoding.to_vec()).await {
            assert!(UNDECIDED.contains(&name.as_str()), "{name}");
            continue;
        }
        // Some forty bytes of each; the tests of the contracts change every one.
        let step = 1 + encoding.len() / 40;
        for at in ((encoding.len() % step)..encoding.len()).step_by(step) {
            let mut altered = encoding.to_vec();
            altered[at] ^= 1 << (at % 8);
            assert!(!court.would_punish(altered).await, "{name}: byte {at}");
        }
        let longer = [encoding.as_ref(), &[0]].concat();
        assert!(!court.would_punish(longer).await, "{name}: a byte more");
        assert!(!court.would_punish(encoding[..encoding.len() - 1].to_vec()).await, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_say_why() {
    let vectors = vectors();
    let court = court(&vectors).await;
    let good = &vectors.vectors[0];
    // Somebody else's key: the signatures are good, and nobody of this realm made them.
    let strangers = Court::open(court.domain, Address::repeat_byte(7), &[]).await;
    let ran = submit(&strangers, &good.encoding, &[]).await;
    let unknown = format!("{} is no key of an operator", good.key);
    assert!(ran.code == 1 && ran.err.contains(&unknown), "{ran:?}");
    // An altered byte is found before L1 hears of it.
    let mut altered = good.encoding.to_vec();
    *altered.last_mut().unwrap() ^= 2;
    let ran = submit(&court, &altered, &[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    // What no contradiction is: the same promise twice.
    let ran = submit(&court, b"\x01 not evidence", &[]).await;
    assert!(ran.code == 1 && ran.err.contains("no evidence"), "{ran:?}");
    // Another settlement contract than the one that is meant.
    let ran = submit(&court, &good.encoding, &["--hub", &Address::ZERO.to_string()]).await;
    assert!(ran.code == 1 && ran.err.contains("settlement contract"), "{ran:?}");
    // No contract there.
    let (file, nobody) = (court.file(&good.encoding), Address::repeat_byte(9).to_string());
    let to = ["--l1", court.l1.url(), "--slasher", &nobody, "--key", REPORTER];
    let ran = weft(&[&["evidence", "submit", &file][..], &to].concat()).await;
    assert!(ran.code == 1 && ran.err.contains("is no contract that punishes"), "{ran:?}");
    // A dry run changes nothing.
    let before = court.bond().await;
    let ran = submit(&court, &good.encoding, &["--dry-run"]).await;
    assert!(ran.code == 0 && ran.out.contains("would be convicted"), "{ran:?}");
    assert_eq!(court.bond().await, before);
}
