//! Promise files.

use crate::lane::{checkpoint, key, orders, result, signer};
use alloy_primitives::B256;
use weft_promise::{Guard, Issuer, promise_json, read_promise};
use weft_types::{Domain, SignedGroup, SignedPromise, Statement};

fn promises() -> Vec<SignedPromise> {
    let mut issuer = Issuer::new(Domain::dev(), Box::new(signer()), Guard::in_memory());
    let order = orders(7, 1, 0).remove(0);
    let checkpoint = checkpoint(7, 1, order.chain, B256::repeat_byte(1));
    let statements = vec![Statement::Order(order.clone()), result(&order), checkpoint];
    let groups = issuer.issue(statements, 1).unwrap();
    groups.iter().flat_map(SignedGroup::promises).collect()
}

#[test]
fn files_are_read_as_the_node_and_as_json_tools_write_them() {
    for promise in promises() {
        let json = promise_json(&promise, key());
        let pretty = serde_json::to_string_pretty(&json).unwrap();
        for text in [json.to_string(), pretty.clone(), pretty + "\n"] {
            let (read, signer) = read_promise(&text).unwrap();
            assert_eq!((&read, signer), (&promise, key()));
        }
    }
}

#[test]
fn every_altered_byte_and_every_altered_hex_digit_is_refused() {
    for promise in promises() {
        let text = serde_json::to_string_pretty(&promise_json(&promise, key())).unwrap();
        for at in 0..text.len() {
            for other in [b'0', b'1', b'f', b'A', b' ', b'\n', b'"', b',', b'z', 0x7f] {
                let mut altered = text.clone().into_bytes();
                if std::mem::replace(&mut altered[at], other) == other {
                    continue;
                }
                let altered = String::from_utf8(altered).unwrap();
                assert!(read_promise(&altered).is_err(), "byte {at} as {other}:\n{altered}");
            }
        }
        assert!(read_promise(&format!("{text}\n\n")).is_err());
        assert!(read_promise(&format!(" {text}")).is_err());
    }
}

#[test]
fn texts_that_are_no_promise_are_refused_by_name() {
    for (text, part) in [
        ("", "not JSON"),
        ("[]", "field `encoding`"),
        ("{\"encoding\":\"0x\"}", "field `key`"),
        ("{\"encoding\":1,\"key\":1}", "field `encoding`"),
    ] {
        let error = read_promise(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
