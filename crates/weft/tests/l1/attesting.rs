//! P44: who attests needs L1 and nothing else: no directory of batches, no file of the sequencer, no node.

use crate::{
    chain::Client,
    operated::{Node, Story},
    support::{ALICE_KEY, BOB_KEY, Ran},
    verified::{last_line, weft_alone},
};
use serde_json::Value;
use std::{
    fs,
    process::{Child, Command},
};

/// A command that goes on.
struct Going(Child);

impl Going {
    /// Ends it as a service manager does.
    fn end(mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "it ended by itself");
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Story {
    /// Runs a command about what is on L1 where nothing else is.
    fn alone(&self, command: &str, more: &[&str]) -> Ran {
        let hub = self.deployed["hub"].as_str().unwrap();
        let args = [command, "--l1", &self.l1.url, "--hub", hub, "--json"];
        weft_alone(&[&args[..], more].concat())
    }

    fn attest_alone(&self, attester: &str, more: &[&str]) -> Ran {
        let (key, pass) = (self.path(attester), self.path("pass"));
        let args = ["--key", &key, "--passphrase", &pass, "--out", &self.path("alone")];
        self.alone("attest", &[&args[..], more].concat())
    }

    /// Starts a command that goes on about what is on L1.
    fn going(&self, command: &str, more: &[&str]) -> Going {
        let hub = self.deployed["hub"].as_str().unwrap();
        let args = [command, "--l1", &self.l1.url, "--hub", hub, "--every", "1"];
        let args = [&args[..], more].concat();
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft"));
        Going(command.args(args).env_remove("WEFT_KEY").spawn().unwrap())
    }

    /// Runs a bundle and posts it; whoever goes on does the rest. Returns how many batches there are.
    fn settles_by_itself(&self, node: &Node, amount: &str) -> u64 {
        self.send_bundle(node, amount);
        let posted = self.post(node);
        self.until("it is settled", || self.settled() == posted);
        self.until("nobody keeps a signature over what is settled", || {
            fs::read_dir(self.path("said")).unwrap().count() == 0
        });
        posted
    }
}

/// Returns the lines about how far something is.
pub(crate) fn percents<'a>(out: &'a str, what: &str) -> Vec<(u64, &'a str)> {
    let is_of = |line: &(Value, &str)| line.0["event"] == what;
    let lines = out.lines().map(|line| (serde_json::from_str(line).unwrap(), line));
    lines.filter(is_of).map(|(line, text)| (line["percent"].as_u64().unwrap(), text)).collect()
}

fn tells(ran: &Ran, what: &str) {
    let said = percents(&ran.out, what);
    assert!(said.iter().is_sorted_by_key(|(percent, _)| percent), "{what}: {said:?}");
    assert_eq!(said.last().map(|(percent, _)| *percent), Some(100), "{what}: {ran:?}");
}

#[test]
fn p44_an_attester_with_nothing_but_l1_signs_what_settles() {
    let story = Story::deploy();
    let node = story.start();
    for amount in ["1", "2"] {
        story.send_bundle(&node, amount);
        story.post(&node);
    }
    node.stop();
    let archived = story.attested("two.json");
    // Nothing is left of the realm but L1, the attesters' keys and the policy's address.
    for gone in ["batches", "data", "weft.toml", "901.toml", "902.toml"] {
        let path = story.path(gone);
        fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)).unwrap();
    }
    let signed = story.attest_alone("two.json", &[]);
    assert_eq!(signed.code, 0, "{signed:?}");
    let said = last_line(&signed)["attestation"].clone();
    assert_eq!(said, archived, "what blobs hold is what the directory held");
    tells(&signed, "reading L1");
    tells(&signed, "deriving");
    // Where there are no blobs nothing is signed, and neither is what another hub would say.
    let empty = tempfile::tempdir().unwrap();
    let none = story.attest_alone("three.json", &["--blobs", empty.path().to_str().unwrap()]);
    assert!(none.code == 1 && none.err.contains("does not have blob"), "{none:?}");
    assert_eq!(fs::read_dir(story.path("alone")).unwrap().count(), 1);
    // Neither does one without states sign what nobody shows, or shows otherwise.
    let dir = empty.path().to_str().unwrap();
    let blind = story.attest_alone("three.json", &["--witnesses", dir]);
    assert!(blind.code == 1 && blind.err.contains("the witness of batch 1"), "{blind:?}");
    assert_eq!(story.attest_alone("two.json", &["--show", dir]).code, 0);
    let shown = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut shown: Vec<_> = shown.collect();
    shown.sort();
    assert_eq!(shown.len() as u64, said["lastBatch"].as_u64().unwrap(), "{shown:?}");
    let second = fs::read(&shown[1]).unwrap();
    let mut damaged = second.clone();
    damaged[second.len() / 2] ^= 1;
    for wrong in [damaged, second[..second.len() - 1].to_vec(), fs::read(&shown[0]).unwrap()] {
        fs::write(&shown[1], wrong).unwrap();
        let blind = story.attest_alone("three.json", &["--witnesses", dir]);
        assert!(blind.code == 1 && !blind.err.contains("panicked"), "{blind:?}");
    }
    fs::write(&shown[1], second).unwrap();
    assert_eq!(fs::read_dir(story.path("alone")).unwrap().count(), 1);
    assert_eq!(story.attest_alone("three.json", &["--witnesses", dir]).code, 0);

    let policy = story.deployed["policy"].as_str().unwrap();
    let (out, key) = (story.path("alone"), BOB_KEY);
    let with = ["--policy", policy, "--attestations", &out, "--key", key];
    let settled = story.alone("settle", &with);
    assert_eq!(settled.code, 0, "{settled:?}");
    tells(&settled, "deriving");
    assert_eq!(last_line(&settled)["lastBatch"], said["lastBatch"]);
    let again = story.attest_alone("two.json", &[]);
    assert_eq!(last_line(&again)["event"], "nothing to attest", "{again:?}");
}

#[test]
fn p44_attesters_and_whoever_settles_go_on_by_themselves() {
    let story = Story::waiting_for(Client::Anvil, 0);
    let node = story.start();
    let (pass, out) = (story.path("pass"), story.path("said"));
    fs::create_dir(&out).unwrap();
    let shown = story.path("witnesses");
    let attests = |attester: &str, keeps: &str| {
        let key = story.path(attester);
        let with = ["--key", &key, "--passphrase", &pass, "--out", &out, keeps, &shown];
        story.going("attest", &with)
    };
    let policy = story.deployed["policy"].as_str().unwrap();
    let with = ["--policy", policy, "--attestations", &out, "--key", ALICE_KEY];
    let going = [
        attests("two.json", "--show"),
        attests("three.json", "--witnesses"),
        story.going("settle", &with),
    ];
    assert!(story.settles_by_itself(&node, "1") < story.settles_by_itself(&node, "2"));
    // L1 takes back batches and their settlements, and has others in their place.
    let (settled, below) = (story.settled(), story.height());
    story.settles_by_itself(&node, "3");
    let hash = |number: u64| {
        let block = story
            .l1
            .ask("eth_getBlockByNumber", serde_json::json!([format!("{number:#x}"), false]));
        block["hash"].clone()
    };
    let before = hash(below + 1);
    story.take_back(below, story.height() - below);
    assert_ne!(hash(below + 1), before);
    assert_eq!(story.settled(), settled);
    let batches = story.settles_by_itself(&node, "4");
    story.verify(&node, batches);
    going.into_iter().for_each(Going::end);
    node.stop();
}

#[test]
fn who_goes_on_says_at_the_start_what_cannot_be() {
    let story = Story::deploy();
    let never = story.attest_alone("two.json", &["--every", "0"]);
    assert!(never.code == 1 && never.err.contains("1..=86400"), "{never:?}");
    // There is nothing to look at again: the hub of nobody has no realm.
    let (key, pass, out) = (story.path("two.json"), story.path("pass"), story.path("alone"));
    let nobody = format!("0x{}", "11".repeat(20));
    let args = ["attest", "--l1", &story.l1.url, "--hub", &nobody, "--every", "1", "--json"];
    let with = ["--key", &key, "--passphrase", &pass, "--out", &out];
    let none = weft_alone(&[&args[..], &with].concat());
    assert!(none.code == 1 && none.err.contains(&nobody), "{none:?}");
}
