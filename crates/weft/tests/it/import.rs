//! `weft import`.

use crate::support::{Scratch, Serving, weft};
use serde_json::Value;
use std::{fs, path::Path};

const HEAD: &str = "0xd226371d0b1551adb03fb52b71f08e3e11247fe9b1af994768af8cdaa8e7dcd7";

fn vector(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/execution-apis");
    folder.join(name).to_str().unwrap().to_owned()
}

fn import(genesis: &str, chain: &str) -> crate::support::Ran {
    weft(&["import", "--no-serve", "--genesis", genesis, chain])
}

#[test]
fn a_good_chain_is_imported_to_its_head() {
    let (genesis, chain) = (vector("genesis.json"), vector("chain.rlp"));
    let ran = import(&genesis, &chain);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.starts_with("imported 54 blocks in "), "{}", ran.out);
    assert!(ran.out.contains(HEAD), "{}", ran.out);
    let ran = weft(&["import", "--json", "--no-serve", "--genesis", &genesis, &chain]);
    assert_eq!((&ran.json()["blocks"], &ran.json()["head"]), (&54.into(), &HEAD.into()));
}

#[test]
fn a_bad_chain_is_refused_with_block_and_reason() {
    let (genesis, good) = (vector("genesis.json"), fs::read(vector("chain.rlp")).unwrap());
    let refused = |bytes: &[u8], part: &str| {
        let file = Scratch::new();
        fs::write(file.path(), bytes).unwrap();
        let ran = import(&genesis, file.path());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        assert!(ran.err.starts_with("error: block ") && ran.err.contains(part), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    };
    refused(&good[..good.len() - 1], "block 54");
    refused(&good[1..], "block 1");
    // A bit of a hash somewhere in the middle.
    let mut altered = good.clone();
    altered[good.len() / 2] ^= 1;
    refused(&altered, "good blocks came before");
    let ran = import("missing.json", &vector("chain.rlp"));
    assert!(ran.code == 1 && ran.err.contains("cannot read missing.json"), "{ran:?}");
    let ran = import(&vector("chain.rlp"), &vector("chain.rlp"));
    assert!(ran.code == 1 && ran.err.contains("genesis: "), "{ran:?}");
}

/// Asks as the conversation does, byte for byte; says how the answers differ from it.
fn hold(port: &Serving, text: &str) -> Result<(), String> {
    let form_only = text.lines().any(|line| line.starts_with("//") && line.contains("speconly"));
    let mut answer = Value::Null;
    for line in text.lines() {
        if let Some(request) = line.strip_prefix(">> ") {
            answer = port.post(request);
        } else if let Some(expected) = line.strip_prefix("<< ") {
            let mut expected: Value = serde_json::from_str(expected).unwrap();
            // What errors say in words is each client's own.
            for side in [&mut expected, &mut answer] {
                side.get_mut("error").and_then(Value::as_object_mut).map(|it| it.remove("message"));
            }
            if answer != expected && (!form_only || answer.get("error").is_some()) {
                return Err(format!("expected {expected:.300}, got {answer:.300}"));
            }
        }
    }
    Ok(())
}

/// The published conversations, asked of the program itself over HTTP.
#[test]
fn published_conversations_are_held_over_http() {
    let (genesis, chain) = (vector("genesis.json"), vector("chain.rlp"));
    let port = Serving::start(&["import", "--json", "--port", "0", "--genesis", &genesis, &chain]);
    let (mut held, mut failed) = (0, Vec::new());
    let folders = fs::read_dir(vector("")).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|path| fs::read_dir(path).unwrap());
    for file in files.map(|entry| entry.unwrap().path()) {
        match hold(&port, &fs::read_to_string(&file).unwrap()) {
            Ok(()) => held += 1,
            Err(why) => failed.push(format!("{}: {why}", file.display())),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(held, 118);
}
