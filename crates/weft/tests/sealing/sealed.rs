//! `weft sealed`: between the command line and a node that takes sealed items.

use crate::{
    ask,
    support::{ALICE_KEY, Dev, Ran, weft},
};
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, TxKind, U256, hex, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use serde_json::{Value, json};
use std::{fs, path::PathBuf, thread, time::Duration};
use tempfile::TempDir;

/// The second of the well-known accounts.
const SENDER: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const RECEIVER: Address = Address::repeat_byte(0x77);

/// A node with a payer that has a deposit there.
pub(crate) struct Place {
    dev: Dev,
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self::with(Dev::start(&["--sealed"]), tempfile::tempdir().unwrap())
    }

    /// Makes a payer with a deposit in a running node.
    pub(crate) fn with(dev: Dev, directory: TempDir) -> Self {
        let place = Self { dev, directory };
        place.write("pass", "open sesame\n");
        place.write("tx.hex", &transfer());
        let made = place.weft("keys new @payer --passphrase @pass");
        assert_eq!(made.code, 0, "{made:#?}");
        place.deposit(made.out.trim().parse().unwrap());
        place
    }

    pub(crate) fn url(&self) -> &str {
        self.dev.url(0)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs `weft`; words with `@` in front are files of the place.
    pub(crate) fn weft(&self, line: &str) -> Ran {
        let word = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).to_str().unwrap().to_owned(),
            None => word.to_owned(),
        };
        let words: Vec<String> = line.split_whitespace().map(word).collect();
        weft(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs `weft` and keeps what it prints.
    pub(crate) fn make(&self, name: &str, line: &str) {
        let ran = self.weft(line);
        assert_eq!(ran.code, 0, "{ran:#?}");
        self.write(name, &ran.out);
    }

    pub(crate) fn deposit(&self, payer: Address) {
        let (url, line) = (self.url(), format!("sealed deposit {payer} --amount 1ether"));
        let paid = self.weft(&format!("{line} --key {ALICE_KEY} --rpc {url}"));
        assert_eq!(paid.code, 0, "{paid:?}");
        assert!(paid.out.contains(&format!("{payer}: 0 ETH -> 1 ETH")), "{}", paid.out);
        let there = self.weft(&format!("sealed deposit {payer} --json --rpc {url}")).json();
        assert_eq!(there["wei"], "1000000000000000000", "{there}");
        assert_eq!(there["feeVault"], ask(url, "weft_getEpoch", json!([]))["feeVault"]);
    }

    pub(crate) fn wait(&self, method: &str, hash: &Value, is_it: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..2_000 {
            let found = ask(self.url(), method, json!([hash]));
            if is_it(&found) {
                return found;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{method} {hash}: nothing in 20 s");
    }

    /// Seals to the open epoch and sends; an epoch that ended in between is no fault of anybody.
    pub(crate) fn send(&self) -> Ran {
        let url = self.url();
        for _ in 0..50 {
            let key = self.weft(&format!("sealed key --rpc {url}"));
            if key.err.contains("has no key for that epoch") {
                // The committee has just begun.
                thread::sleep(Duration::from_millis(200));
                continue;
            }
            self.write("key.json", &key.out);
            let seal = "seal --to @key.json --deposit 901 --valid-until 1000000 --max-fee 1000gwei";
            self.make("envelope.json", &format!("{seal} --key @payer --passphrase @pass @tx.hex"));
            let sent = self.weft(&format!("sealed send @envelope.json --rpc {url}"));
            if !sent.err.contains("-38020") {
                return sent;
            }
            assert!(sent.err.contains("epoch"), "{sent:#?}");
        }
        panic!("no epoch was long enough for a command");
    }
}

fn transfer() -> String {
    transfer_of(0)
}

/// A transfer of the sender with a nonce.
pub(crate) fn transfer_of(nonce: u64) -> String {
    let signer: PrivateKeySigner = SENDER.parse().unwrap();
    let tx = TxEip1559 {
        chain_id: 901,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(RECEIVER),
        value: U256::from(5),
        ..TxEip1559::default()
    };
    let signature = signer.sign_hash_sync(&tx.signature_hash()).unwrap();
    hex::encode_prefixed(TxEnvelope::from(tx.into_signed(signature)).encoded_2718())
}

#[test]
fn p14_an_envelope_goes_from_the_command_line_into_a_block() {
    let place = Place::new();
    let sent = place.send();
    place.write("promise.json", &sent.json().to_string());
    let verified = place.weft("verify-promise @promise.json");
    assert_eq!(verified.code, 0, "{verified:#?}");
    let envelope: Value =
        serde_json::from_str(&fs::read_to_string(place.path("envelope.json")).unwrap()).unwrap();
    let is_over = |found: &Value| !found.is_null() && found["outcome"] != "sealed";
    let outcome = place.wait("weft_getOutcome", &envelope["id"], is_over);
    assert_eq!(outcome["outcome"], "included", "{outcome}");
    // By the transaction that was in it the promise is found as well.
    let transaction = keccak256(hex::decode(transfer()).unwrap());
    let found = place.weft(&format!("promise get {transaction} --rpc {}", place.url()));
    assert_eq!(found.code, 0, "{found:#?}");
    assert_eq!(found.json()["promise"]["item"], envelope["id"]);
    let of = format!(
        "{transaction} was sealed: this is about its envelope {}",
        envelope["id"].as_str().unwrap()
    );
    assert_eq!(found.err.trim_end(), of);
    let balance = ask(place.url(), "eth_getBalance", json!([RECEIVER, "pending"]));
    assert_eq!(balance, json!("0x5"));
    let again = place.weft(&format!("sealed send @envelope.json --rpc {}", place.url()));
    assert_eq!((again.code, again.out.as_str()), (1, ""), "{again:#?}");
}

#[test]
fn a_node_without_sealing_and_an_altered_envelope_are_refused() {
    let dev = Dev::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let [pass, key] = ["pass", "key"].map(|name| directory.path().join(name));
    let [pass, key] = [pass.to_str().unwrap(), key.to_str().unwrap()];
    fs::write(pass, "open sesame").unwrap();
    let made = weft(&["keys", "new", key, "--passphrase", pass]);
    assert!(made.err.contains("keep both together"), "{made:#?}");
    for args in [
        &["sealed", "key"][..],
        &["sealed", "deposit", made.out.trim()],
        &["shield", "--key", key, "--passphrase", pass, "--dir", key],
    ] {
        let none = weft(&[args, &["--rpc", dev.url(0)]].concat());
        assert_eq!(none.code, 1, "{none:#?}");
        assert!(none.err.contains("start it with `weft dev --sealed`"), "{none:#?}");
        let away = weft(&[args, &["--rpc", "http://127.0.0.1:1"]].concat());
        assert!(away.err.contains("is `weft dev` running there?"), "{away:#?}");
    }
    let file = directory.path().join("envelope.json");
    fs::write(&file, r#"{"kind":"envelope","encoding":"0x01"}"#).unwrap();
    let refused = weft(&["sealed", "send", file.to_str().unwrap(), "--rpc", dev.url(0)]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.starts_with("error: "), "{refused:#?}");
}
