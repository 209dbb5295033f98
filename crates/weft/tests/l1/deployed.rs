//! `weft l1 deploy`, `weft deposit`, `weft force`.

use crate::{
    chain::{Client, L1},
    support::{ALICE, ALICE_KEY, BOB, Ran, weft, weft_reading},
};
use alloy_primitives::B256;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;
use weft_evidence::{EpochNotice, Evidence, Proof, Signed, notice::Notice as _};
use weft_node::development_sequencer;
use weft_promise::Signer as _;
use weft_types::{Domain, Encode as _};

/// A configuration that names no hub yet.
const CONFIG: &str = "\
# The realm of these tests.
[realm]
slot = \"50ms\" # short

[l1]
# Where L1 is.
urls = \"URL\"
";

/// A realm on an L1 of its own.
#[derive(Debug)]
pub(crate) struct Realm {
    pub(crate) l1: L1,
    pub(crate) home: TempDir,
    /// What the deployment printed.
    pub(crate) said: Value,
}

impl Realm {
    pub(crate) fn deploy() -> Self {
        Self::deploy_as(Client::Embedded, &[])
    }

    pub(crate) fn deploy_on(client: Client) -> Self {
        Self::deploy_as(client, &[])
    }

    /// One that is deployed with further settings.
    pub(crate) fn deploy_with(more: &[&str]) -> Self {
        Self::deploy_as(Client::Embedded, more)
    }

    fn deploy_as(client: Client, more: &[&str]) -> Self {
        let (l1, home) = (L1::of(client), TempDir::new().unwrap());
        fs::write(home.path().join("weft.toml"), CONFIG.replace("URL", &l1.url)).unwrap();
        let realm = Self { l1, home, said: Value::Null };
        let deployed = realm.try_deploy(more);
        assert_eq!(deployed.code, 0, "{deployed:?}");
        Self { said: deployed.json(), ..realm }
    }

    fn try_deploy(&self, more: &[&str]) -> Ran {
        let config = self.path("weft.toml");
        let args = ["l1", "deploy", "--config", &config, "--dev", "--key", ALICE_KEY, "--json"];
        weft(&[&args[..], &["--unbacked", "--attester", BOB], more].concat())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn config(&self) -> String {
        fs::read_to_string(self.path("weft.toml")).unwrap()
    }
}

#[test]
fn a_deployment_is_what_it_says_and_writes_where_it_is() {
    let realm = Realm::deploy();
    let said = &realm.said;
    let steps = said["steps"].as_array().unwrap();
    // Eight contracts, a policy and three rollups.
    assert_eq!(steps.len(), 12, "{said}");
    for name in ["hub", "inbox", "bridge", "escape", "registry", "slasher", "judge", "policy"] {
        let code = realm.l1.ask("eth_getCode", json!([said[name], "latest"]));
        assert!(code.as_str().unwrap().len() > 100, "{name} has no code");
    }
    let config = realm.config();
    for kept in ["# The realm of these tests.\n", "slot = \"50ms\" # short\n", "# Where L1 is.\n"] {
        assert!(config.contains(kept), "{config}");
    }
    let hub = said["hub"].as_str().unwrap();
    assert!(config.to_lowercase().contains(&format!("hub = \"{hub}\"")), "{config}");
    assert!(config.contains("chain_id = 900\n"), "{config}");
    let checked = weft(&["config", "check", &realm.path("weft.toml")]);
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[test]
fn a_realm_is_deployed_once() {
    let realm = Realm::deploy();
    let sent = || realm.l1.ask("eth_getTransactionCount", json!([ALICE, "latest"]));
    let (before, config) = (sent(), realm.config());
    let again = realm.try_deploy(&[]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("has `l1.hub`: its realm is deployed"), "{again:?}");
    assert_eq!((sent(), realm.config()), (before, config));
}

#[test]
fn a_deployment_that_cannot_be_is_refused_before_anything_is_sent() {
    let (l1, home) = (L1::of(Client::Embedded), TempDir::new().unwrap());
    fs::write(home.path().join("weft.toml"), CONFIG.replace("URL", &l1.url)).unwrap();
    let realm = Realm { l1, home, said: Value::Null };
    for (more, why) in [
        (&["--threshold", "2"][..], "2 of 1 attesters make no policy"),
        (&["--bond", "20000ether"][..], "needs 20000000000000000000000 for the bond"),
        (&["--l1", "http://127.0.0.1:9"][..], "cannot use L1"),
    ] {
        let refused = realm.try_deploy(more);
        assert_eq!(refused.code, 1, "{more:?}");
        assert!(refused.err.contains(why), "{more:?}: {refused:?}");
    }
    let backed = ["l1", "deploy", "--config", &realm.path("weft.toml"), "--dev"];
    let backed = weft(&[&backed[..], &["--key", ALICE_KEY, "--attester", BOB]].concat());
    assert!(backed.err.contains("to back genesis balances"), "{backed:?}");
    let sent = realm.l1.ask("eth_getTransactionCount", json!([ALICE, "latest"]));
    assert_eq!(sent, "0x0");
    assert!(!realm.config().contains("hub"));
}

#[test]
fn deposits_and_forced_items_become_entries_of_the_inbox() {
    let realm = Realm::deploy();
    let config = realm.path("weft.toml");
    let deposit = |more: &[&str]| {
        let args = ["deposit", "--config", &config, "--key", ALICE_KEY, "--json"];
        weft(&[&args[..], more].concat())
    };
    let first = deposit(&["--rollup", "901", "--amount", "1ether"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(first.json()["entry"], 0);
    let call = deposit(&["--rollup", "902", "--to", BOB, "--data", "0xd09de08a"]);
    assert_eq!(call.json()["entry"], 1, "{call:?}");
    let held = realm.l1.ask("eth_getBalance", json!([realm.said["bridge"], "latest"]));
    assert_eq!(held, "0xde0b6b3a7640000");

    let force = |text: &str| {
        let args = ["force", "--config", &config, "--key", ALICE_KEY, "--json"];
        weft_reading(&args, text)
    };
    let raw = crate::posting::signed_transfer(901, 0);
    let forced = force(&raw);
    assert_eq!(forced.json()["entry"], 2, "{forced:?}");
    assert_eq!(forced.json()["chainId"], 901);

    for (refused, why) in [
        (deposit(&["--rollup", "999", "--amount", "1ether"]), "the realm has no rollup 999"),
        (deposit(&["--rollup", "901"]), "an --amount of zero moves nothing"),
        (deposit(&["--rollup", "901", "--to", BOB, "--data", "0x", "--gas", "5"]), "WrongGas"),
        (force("0x1234"), "refused"),
        (force("words"), "neither a transaction in hex"),
        (force(&crate::posting::signed_transfer(999, 0)), "the realm has no rollup 999"),
    ] {
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains(why), "{why}: {refused:?}");
    }
}

#[test]
fn who_names_no_realm_is_told_what_is_missing() {
    let l1 = L1::of(Client::Embedded);
    let hub = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
    for (args, why) in [
        (vec!["deposit", "--rollup", "901", "--amount", "1", "--key", ALICE_KEY], "no L1"),
        (vec!["verify"], "no L1"),
        (vec!["verify", "--l1", &l1.url], "no hub"),
        (vec!["verify", "--l1", &l1.url, "--hub", hub], "no rollup is registered at"),
        (vec!["verify", "--l1", &l1.url, "--hub", hub, "--from", "9"], "block 9 is not on L1 yet"),
        (vec!["verify", "--l1", "ftp://l1", "--hub", hub], "write http://host:port"),
    ] {
        let refused = weft(&args);
        assert_eq!(refused.code, 1, "{args:?}");
        assert!(refused.err.contains(why), "{args:?}: {refused:?}");
    }
}

/// The sequencer's word about the key of epoch 1, which is another one for another secret.
fn epoch_notice(domain: &Domain, secret: u8) -> Signed<EpochNotice> {
    let key = weft_crypto::Secret::from_bytes(&[secret; 32]).unwrap().public();
    let notice = EpochNotice { epoch: 1, list: B256::repeat_byte(secret), key };
    Signed { notice, signature: development_sequencer().sign(notice.digest(domain)).unwrap() }
}

#[test]
fn evidence_finds_the_contract_that_punishes_by_the_registration() {
    let realm = Realm::deploy();
    let settlement = serde_json::from_value(realm.said["hub"].clone()).unwrap();
    let domain = Domain { l1_chain_id: 900, settlement, ..Domain::dev() };
    let words = [1, 2].map(|secret| epoch_notice(&domain, secret));
    let file = |domain, name: &str| {
        let evidence = Evidence::new(domain, Proof::EpochNotices(Box::new(words)));
        fs::write(realm.path(name), alloy_primitives::hex::encode(evidence.encode())).unwrap();
        realm.path(name)
    };
    let submit = |file: &str, more: &[&str]| {
        let common = ["evidence", "submit", file, "--l1", &realm.l1.url, "--key", ALICE_KEY];
        weft(&[&common[..], more].concat())
    };
    let file = file(domain, "two-keys.hex");
    // Registered before this block, so nothing names the contract behind it.
    let late = submit(&file, &["--from", "1000000"]);
    assert!(late.code == 1 && late.err.contains("--slasher"), "{late:?}");
    let tried = submit(&file, &["--dry-run"]);
    assert!(tried.code == 0 && tried.out.contains("key list equivocation"), "{tried:?}");
    let done = submit(&file, &[]);
    assert!(done.code == 0 && done.out.contains("punished"), "{done:?}");
    let again = submit(&file, &[]);
    assert!(again.code == 1 && again.err.contains("already punished"), "{again:?}");
}
