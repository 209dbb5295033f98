//! P44: who attests needs L1 and nothing else: no directory of batches, no file of the sequencer, no node.

use crate::{
    operated::Story,
    support::{BOB_KEY, Ran},
    verified::{last_line, weft_alone},
};
use serde_json::Value;
use std::fs;

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
    assert_eq!(story.attest_alone("three.json", &[]).code, 0);

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
