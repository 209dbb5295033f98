//! A committee whose members are processes of their own: in order, one killed, one lying, all gone.

use crate::{
    ask, refused,
    sealed::Place,
    support::{Dev, Ran, weft},
};
use alloy_primitives::{B256, Bytes};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use weft_crypto::{Setup, ShareContext, deal};
use weft_promise::{LocalSigner, Passphrase, Signer as _, keystore};
use weft_types::Domain;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running member.
struct Member {
    child: Child,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Member {
    fn start(dir: &Path, url: &str, number: u32) -> Self {
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["committee", "serve", "--member", &number.to_string(), "--rpc", url])
            .args(["--dir", &path(&format!("member{number}")), "--poll", "50ms"])
            .args(["--key", &path(&format!("key{number}")), "--passphrase", &path("pass")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = said.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, said }
    }

    fn said(&self) -> Vec<Value> {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it said something.
    fn until(&self, what: impl Fn(&Value) -> bool) -> Value {
        until("a member says something", || self.said().into_iter().find(&what))
    }

    fn released(&self, epoch: &Value) -> bool {
        self.said().iter().any(|said| said["event"] == "released" && said["epoch"] == *epoch)
    }

    /// Ends it as a power cut does.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(found) = ask() {
            return found;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: not within {} s", PATIENCE.as_secs());
}

/// Keys of three members and a node that takes sealed items of theirs.
fn node(sealing: &str) -> (Dev, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("pass"), "open sesame\n").unwrap();
    let members: serde_json::Map<String, Value> = (1..=3)
        .map(|number| {
            let made = weft(&[
                "keys",
                "new",
                &path(&format!("key{number}")),
                "--passphrase",
                &path("pass"),
            ]);
            assert_eq!(made.code, 0, "{made:#?}");
            (number.to_string(), made.out.trim().into())
        })
        .collect();
    fs::write(path("committee.json"), json!({ "members": members }).to_string()).unwrap();
    let config = format!(
        "[realm]\nslot = \"100ms\"\n[sealing]\nenabled = true\ncommittee = \"committee.json\"\n\
         epoch_slots = 60\ndelay = 20000\n{sealing}\n"
    );
    fs::write(path("weft.toml"), config).unwrap();
    (Dev::start(&["--config", &path("weft.toml")]), dir)
}

fn place(sealing: &str) -> (Place, Vec<Member>) {
    let (dev, dir) = node(sealing);
    let members = [1, 2, 3].map(|number| Member::start(dir.path(), dev.url(0), number));
    members.iter().for_each(|member| drop(member.until(|said| said["event"] == "announced")));
    (Place::with(dev, dir), members.into())
}

fn epoch(place: &Place, number: &Value) -> Value {
    ask(place.url(), "weft_getEpoch", json!([number]))
}

/// Waits for the first third of an epoch in whose key all members have shares.
fn full_epoch(place: &Place) {
    until("an epoch of all members", || {
        let open = ask(place.url(), "weft_getEpoch", json!([]));
        let slot = ask(place.url(), "weft_chains", json!([]))["slot"].as_u64().unwrap();
        let is_early = slot < open["firstSlot"].as_u64().unwrap() + 20;
        (is_early && open["members"] == json!([1, 2, 3])).then_some(())
    });
}

/// Sends an envelope; returns its id and epoch.
fn send(place: &Place) -> (Value, Value) {
    let sent: Ran = place.send();
    assert_eq!(sent.code, 0, "{sent:#?}");
    let envelope: Value =
        serde_json::from_str(&fs::read_to_string(place.path("envelope.json")).unwrap()).unwrap();
    (envelope["id"].clone(), envelope["epoch"].clone())
}

fn outcome(place: &Place, item: &Value) -> Value {
    place.wait("weft_getOutcome", item, |found| !found.is_null() && found["outcome"] != "sealed")
}

#[test]
fn three_members_open_an_epoch_and_one_killed_costs_time_alone() {
    let (place, mut members) = place("patience = \"1s\"");
    full_epoch(&place);
    let (item, number) = send(&place);
    let open = epoch(&place, &number);
    assert_eq!(open["members"], json!([1, 2, 3]), "{open}");
    assert_eq!(open["leftOut"], json!({}));
    let found = outcome(&place, &item);
    assert_eq!(found["outcome"], "included", "{found}");
    for member in &members {
        member.until(|said| said["event"] == "released" && said["epoch"] == number);
    }
    let over = epoch(&place, &number);
    assert_eq!(over["status"], "over");
    assert!(over["secret"].is_string(), "anybody can check what was opened: {over}");

    // One dies in the middle of an epoch: everybody else released, and the node squares.
    place.write("tx.hex", &crate::sealed::transfer_of(1));
    full_epoch(&place);
    let (item, number) = send(&place);
    members[2].kill();
    let found = outcome(&place, &item);
    assert_eq!(found["outcome"], "included", "{found}");
    assert!(!members[2].released(&number));
    for member in &members[..2] {
        member.until(|said| said["event"] == "released" && said["epoch"] == number);
    }

    // It goes on from its directory, with the same share for an epoch that it announced before.
    members[2] = Member::start(place.path("").as_path(), place.url(), 3);
    place.write("tx.hex", &crate::sealed::transfer_of(2));
    members[2].until(|said| said["event"] == "announced");
    full_epoch(&place);
    let (item, number) = send(&place);
    assert_eq!(outcome(&place, &item)["outcome"], "included");
    members[2].until(|said| said["event"] == "released" && said["epoch"] == number);
    let said = members[2].said();
    assert!(said.iter().all(|said| said["event"] != "refused"), "{said:?}");
}

#[test]
fn t12_a_lying_member_is_named_and_left_out() {
    let (dev, dir) = node("patience = \"1s\"");
    let members = [1, 3].map(|number| Member::start(dir.path(), dev.url(0), number));
    let mut liar = Liar::new(dir.path(), dev.url(0));
    // A share whose proof is for another epoch, well signed.
    let lied = until("an epoch to lie about", || liar.announce(1));
    members[0].until(|said| said["event"] == "announced" && said["epoch"] == lied);
    members[1].until(|said| said["event"] == "announced" && said["epoch"] == lied);
    let place = Place::with(dev, dir);
    let named = until("the epoch's key", || {
        let found = epoch(&place, &json!(lied));
        (found["keyList"].is_string()).then_some(found)
    });
    assert_eq!(named["members"], json!([1, 3]), "{named}");
    assert_eq!(named["leftOut"], json!({ "2": "proof of the share does not hold" }), "{named}");
    let (item, _) = send(&place);
    assert_eq!(outcome(&place, &item)["outcome"], "included");
}

/// Member 2, with its key and without its manners.
struct Liar {
    signer: LocalSigner,
    url: String,
}

impl Liar {
    fn new(dir: &Path, url: &str) -> Self {
        let pass = Passphrase::read(&dir.join("pass")).unwrap();
        let signer = keystore::open(&dir.join("key2"), &pass).unwrap();
        Self { signer, url: url.to_owned() }
    }

    /// Announces a share of an epoch `shift` later for the last one that is taken; returns that epoch if it was early.
    fn announce(&mut self, shift: u64) -> Option<u64> {
        let status = ask(&self.url, "weft_committee", json!([]));
        let setup: Bytes = serde_json::from_value(status["setup"].clone()).unwrap();
        let setup = Setup::decode(&setup).unwrap();
        let domain: Domain = serde_json::from_value(status["domain"].clone()).unwrap();
        let epoch = status["coming"][1]["epoch"].as_u64().unwrap();
        let context = |epoch| ShareContext { domain, epoch, member: 2 };
        let (_, share) = deal(&setup, &context(epoch + shift), &B256::repeat_byte(5));
        let digest = share.announcement_digest(&setup, &context(epoch));
        let stranger = LocalSigner::new(&B256::repeat_byte(6)).unwrap().sign(digest).unwrap();
        let share = Bytes::from(share.encode());
        let params = json!([epoch, 2, share, stranger]);
        let foreign = refused(&self.url, "weft_announceShare", params);
        assert!(foreign.contains("Signature"), "{foreign}");
        let signature = self.signer.sign(digest).unwrap();
        let params = json!([epoch, 2, share, signature]);
        let lied = refused(&self.url, "weft_announceShare", params);
        lied.contains("Share: proof").then_some(epoch)
    }
}

#[test]
fn p17_with_all_members_gone_anybody_opens_the_epoch_by_squaring() {
    let (place, mut members) = place("solves = false");
    full_epoch(&place);
    let (item, number) = send(&place);
    members.iter_mut().for_each(Member::kill);
    let guess = json!([number, B256::repeat_byte(7)]);
    let early = refused(place.url(), "weft_openEpoch", guess.clone());
    assert!(early.contains("NotClosed"), "{early}");
    until("the close", || (epoch(&place, &number)["status"] == "closed").then_some(()));
    let wrong = refused(place.url(), "weft_openEpoch", guess);
    assert!(wrong.contains("Secret"), "{wrong}");
    let stranger = json!([number, 2, B256::ZERO, B256::repeat_byte(7), Bytes::from([1; 65])]);
    let other = refused(place.url(), "weft_releaseSecret", stranger);
    assert!(other.contains("-38021") || other.contains("OtherHead"), "{other}");
    let url = place.url();
    place.make("list.json", &format!("sealed key --epoch {number} --rpc {url}"));
    place.make("secret.json", &format!("solve @list.json --checkpoint @chain --submit {url}"));
    assert_eq!(outcome(&place, &item)["outcome"], "included");
    let secret: Value =
        serde_json::from_str(&fs::read_to_string(place.path("secret.json")).unwrap()).unwrap();
    assert_eq!(epoch(&place, &number)["secret"], secret["secret"]);
}

#[test]
fn an_epoch_without_members_has_no_key_and_plaintext_goes_on() {
    let (dev, _dir) = node("");
    let url = dev.url(0);
    let begun = ask(url, "weft_getEpoch", json!([]))["current"].as_u64().unwrap();
    let found = until("another epoch", || {
        let found = ask(url, "weft_getEpoch", json!([]));
        (found["current"].as_u64().unwrap() > begun).then_some(found)
    });
    assert_eq!(found["status"], "noKey", "{found}");
    assert_eq!(ask(url, "weft_keyList", json!([])), Value::Null);
    let accounts = ask(url, "eth_accounts", json!([]));
    let call = json!({ "from": accounts[0], "to": accounts[1], "value": "0x1" });
    assert!(ask(url, "eth_sendTransaction", json!([call])).is_string());
}
