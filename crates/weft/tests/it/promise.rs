//! Promises on the command line.

use crate::support::{ALICE, ALICE_KEY, BOB_KEY, Dev, Ran, Scratch, weft};
use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use std::{fs, path::PathBuf, process};
use weft_evidence::Evidence;
use weft_promise::{LocalSigner, Signer as _, promise_json};
use weft_types::{
    Checkpoint, Decode as _, Domain, Encode as _, OrderPromise, Position, Section, SignedPromise,
    SlotNumber, Statement, chain_next, chain_start, promise::Group,
};

/// Sends one bundle of one leg and returns its id.
fn sent(dev: &Dev) -> String {
    let rpc = dev.url(0);
    let leg = format!("901:from={ALICE},to={ALICE},value=1");
    let build = ["bundle", "build", "--rpc", rpc, "--leg", &leg];
    let draft = Scratch::with(&weft(&build).out);
    let args = ["bundle", "sign", "--key", ALICE_KEY, "--rpc", rpc, draft.path()];
    let signed = Scratch::with(&weft(&args).out);
    let ran = weft(&["bundle", "send", "--wait", "--json", "--rpc", rpc, signed.path()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let answer: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

#[test]
fn promises_are_fetched_and_verified_offline_and_no_byte_can_change() {
    let dev = Dev::start(&["--rollups", "1"]);
    let id = sent(&dev);
    let order = weft(&["promise", "get", &id, "--rpc", dev.url(0)]);
    let execution = weft(&["promise", "get", &id, "--execution", "--rpc", dev.url(0)]);
    assert_eq!((order.code, execution.code), (0, 0), "{order:?} {execution:?}");
    let key = dev.banner["promiseKey"].as_str().unwrap().to_owned();
    assert_eq!(dev.banner["promiseKeyIsPublic"], true);
    assert!(dev.stop().success());
    let file = Scratch::with(&order.out);
    let verified = weft(&["verify-promise", file.path(), "--key", &key]);
    assert_eq!(verified.code, 0, "{verified:?}");
    for part in ["valid", "for good", "section 2 (in clear), item 0", "running hash", &id] {
        assert!(verified.out.contains(part), "{part}: {}", verified.out);
    }
    let result = Scratch::with(&execution.out);
    let said = weft(&["verify-promise", result.path()]).out;
    assert!(said.contains("succeeds") && said.contains("check that you know it"), "{said}");
    let stranger = weft(&["verify-promise", file.path(), "--key", ALICE]);
    assert_eq!(stranger.code, 1);
    let realm = format!("1:{ALICE}:7");
    assert_eq!(weft(&["verify-promise", file.path(), "--domain", &realm]).code, 1);
    // Each byte is altered in the library's tests; here a sample goes through the command.
    let altered = Scratch::new();
    for at in (0..order.out.len() - 1).step_by(29) {
        let mut bytes = order.out.clone().into_bytes();
        bytes[at] ^= 1;
        fs::write(altered.path(), bytes).unwrap();
        let ran = weft(&["verify-promise", altered.path()]);
        assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "byte {at}: {ran:?}");
    }
}

#[test]
fn what_is_no_promise_is_refused_once() {
    let torn = Scratch::with("{");
    let ran = weft(&["verify-promise", torn.path()]);
    assert_eq!((ran.code, ran.err.matches("EOF").count()), (1, 1), "{ran:?}");
    let dev = Dev::start(&["--rollups", "1"]);
    let unknown = weft(&["promise", "get", &B256::ZERO.to_string(), "--rpc", dev.url(0)]);
    assert!(unknown.code == 1 && unknown.err.contains("knows nothing of 0x00"), "{unknown:?}");
}

/// Writes a promise of a key as a file.
fn signed(key: &str, statement: Statement) -> Scratch {
    let mut signer = LocalSigner::new(&key.parse().unwrap()).unwrap();
    let domain = Domain::dev();
    let group = Group::new(domain, vec![statement.leaf(&domain)]).unwrap();
    let (path, signature) = (group.path(0).unwrap(), signer.sign(group.digest()).unwrap());
    let promise = SignedPromise { domain, statement, path, signature };
    Scratch::with(&promise_json(&promise, signer.address()).to_string())
}

const SLOT: SlotNumber = SlotNumber::new(7);

fn order(item: B256) -> Statement {
    let section = Section::Plaintext;
    let prev_chain = chain_start(&Domain::dev(), SLOT, section);
    Statement::Order(OrderPromise {
        position: Position { slot: SLOT, section, index: 0 },
        item,
        prev_chain,
        chain: chain_next(&prev_chain, 0, &item),
        unix_ms: 1_763_719_200_001,
        l1_deadline: 0,
        bundle: None,
    })
}

fn checkpoint(parent: B256) -> Statement {
    let section = Section::Plaintext;
    let chain = chain_start(&Domain::dev(), SLOT, section);
    let unix_ms = 951_782_400_000;
    Statement::Checkpoint(Checkpoint { slot: SLOT, parent, section, count: 0, chain, unix_ms })
}

#[test]
fn p16_two_promises_of_one_key_that_contradict_each_other_are_evidence() {
    let [one, other] = [1, 2].map(|byte| signed(ALICE_KEY, order(B256::repeat_byte(byte))));
    let against = |one: &Scratch, other: &Scratch, more: &[&str]| {
        let args = ["verify-promise", one.path(), "--against", other.path()];
        weft(&[&args[..], more].concat())
    };
    let evidence = Scratch::new();
    let ran = against(&one, &other, &["--evidence", evidence.path()]);
    assert_eq!(ran.code, 3, "{ran:?}");
    for part in ["contradiction", "7.2.0", "2025-11-21 10:00:00.001 UTC"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let text = fs::read_to_string(evidence.path()).unwrap();
    let bytes: Bytes = text.trim_end().parse().unwrap();
    assert_eq!(Evidence::decode(&bytes).unwrap().encode(), bytes);
    let verified = weft(&["evidence", "verify", evidence.path(), "--signer", ALICE]);
    assert_eq!(verified.code, 0, "{verified:?}");

    let pasts = [1, 2].map(|byte| signed(ALICE_KEY, checkpoint(B256::repeat_byte(byte))));
    let ran = against(&pasts[0], &pasts[1], &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("two pasts of slot 7"), "{}", ran.out);
    assert!(ran.out.contains("2000-02-29 00:00:00.000 UTC"), "{}", ran.out);

    // What one key can keep, and what two keys say, is no contradiction.
    for (other, code, part) in [(&one, 0, "consistent"), (&pasts[0], 0, "consistent")] {
        let ran = against(&one, other, &[]);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.out.contains(part), "{}", ran.out);
    }
    let stranger = signed(BOB_KEY, order(B256::repeat_byte(2)));
    let ran = against(&one, &stranger, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("signed one each"), "{}", ran.err);
    let ran = against(&one, &other, &["--key", ALICE]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let ran = against(&one, &stranger, &["--key", ALICE]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(weft(&["verify-promise", one.path(), "--against", "/nonexistent"]).code, 1);
    assert_eq!(weft(&["verify-promise", one.path(), "--evidence", "x"]).code, 1);
}

#[test]
fn keys_are_made_shown_and_used_and_their_guard_outlives_the_node() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(process::id().to_string());
    fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (key, secret) = (path("key.json"), path("secret"));
    fs::write(&secret, "open sesame\n").unwrap();
    let made = weft(&["keys", "new", &key, "--passphrase", &secret]);
    assert_eq!(made.code, 0, "{made:?}");
    let shown = weft(&["keys", "show", &key, "--passphrase", &secret]);
    assert_eq!(made.out, shown.out);
    assert_eq!(weft(&["keys", "new", &key, "--passphrase", &secret]).code, 1);
    assert_eq!(weft(&["keys", "show", &key]).code, 1);
    let args = ["--rollups", "1", "--promise-key", &key, "--passphrase", &secret];
    let dev = Dev::start(&args);
    let named = dev.banner["promiseKey"].as_str().unwrap();
    assert_eq!(named, made.out.trim().to_lowercase());
    let id = sent(&dev);
    let promise = weft(&["promise", "get", &id, "--rpc", dev.url(0)]);
    let file = Scratch::with(&promise.out);
    assert_eq!(weft(&["verify-promise", file.path(), "--key", made.out.trim()]).code, 0);
    dev.stop();
    // The same realm from its beginning: no slot that was signed is signed again.
    let dev = Dev::start(&args);
    let again = sent(&dev);
    let second = weft(&["promise", "get", &again, "--rpc", dev.url(0)]);
    let slot = |ran: &Ran| ran.json()["promise"]["position"]["slot"].as_u64().unwrap();
    match second.code {
        0 => assert!(slot(&second) > slot(&promise), "{second:?}"),
        _ => assert!(second.err.contains("has no order promise"), "{second:?}"),
    }
    dev.stop();
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn p47_evidence_is_made_of_two_promises_and_verified_offline() {
    let [one, other] = [1, 2].map(|byte| signed(ALICE_KEY, order(B256::repeat_byte(byte))));
    let file = Scratch::new();
    let made = weft(&["evidence", "make", one.path(), other.path(), "-o", file.path()]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.out.contains("order equivocation"), "{}", made.out);
    let printed = weft(&["evidence", "make", other.path(), one.path()]);
    assert_eq!(printed.out, fs::read_to_string(file.path()).unwrap(), "a pair has one order");

    let verify = |args: &[&str]| weft(&[&["evidence", "verify", file.path()], args].concat());
    for args in [
        &[][..],
        &["--signer", ALICE],
        &["--domain", "0:0x0000000000000000000000000000000000000000:0"],
    ] {
        let ran = verify(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        for part in ["convicted", ALICE, "order equivocation", "position 7.2.0", "conviction 0x"] {
            assert!(ran.out.contains(part), "{part}: {}", ran.out);
        }
        assert_eq!(ran.out.contains("check that you know"), !args.contains(&"--signer"));
    }
    let stranger = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    for (args, part) in [
        (&["--signer", stranger][..], "no key of the realm"),
        (&["--domain", "1:0x0000000000000000000000000000000000000000:0"], "another realm"),
        (&["--member", "x"], "write a member as"),
    ] {
        let ran = verify(args);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let refused = weft(&["evidence", "make", one.path(), one.path()]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("do not contradict each other"), "{}", refused.err);
    let bob = signed(BOB_KEY, order(B256::repeat_byte(2)));
    let refused = weft(&["evidence", "make", one.path(), bob.path()]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let text = fs::read_to_string(file.path()).unwrap();
    for altered in
        [text.replace('7', "8"), text[..100].to_owned(), "no hex".to_owned(), String::new()]
    {
        let ran = weft(&["evidence", "verify", Scratch::with(&altered).path(), "--signer", ALICE]);
        assert_eq!(ran.code, 1, "{ran:?}");
    }
}
