//! Prints byte strings that somebody could submit as envelopes with this crate's verdict about each, as JSON in the form
//! of `vectors/sealing/verdicts.json`: what another implementation of sealing is compared with.
//!
//! `cargo run -p weft-crypto --example corpus -- SEED COUNT`
#![allow(missing_docs, reason = "a program, not a library")]

mod cases;

use alloy_primitives::hex::encode_prefixed;
use cases::{Case, Corpus, corpus};

fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = |name: &str| {
        let text = args.next().unwrap_or_else(|| panic!("usage: corpus SEED COUNT: no {name}"));
        text.parse().unwrap_or_else(|_| panic!("{name} `{text}` is not a number"))
    };
    let (seed, count): (u64, u64) = (number("SEED"), number("COUNT"));
    let Corpus { setup, list, secret, cases } = corpus(seed, count as usize);
    println!("{{\"seed\":\"{seed}\",\"setup\":\"{}\",", encode_prefixed(setup.encode()));
    println!("\"keyList\":\"{}\",", encode_prefixed(list.encode()));
    println!("\"secret\":\"{}\",", encode_prefixed(secret.secret().to_bytes()));
    let lines: Vec<String> = cases.iter().map(line).collect();
    println!("\"vectors\":[\n{}\n]}}", lines.join(",\n"));
}

fn line(Case { bytes, verdict, plaintext, seed }: &Case) -> String {
    let optional = |value: Option<&[u8]>| {
        value.map_or_else(|| "null".to_owned(), |bytes| format!("\"{}\"", encode_prefixed(bytes)))
    };
    format!(
        "{{\"bytes\":\"{}\",\"verdict\":\"{verdict}\",\"plaintext\":{},\"seed\":{}}}",
        encode_prefixed(bytes),
        optional(plaintext.as_deref()),
        optional(seed.as_ref().map(|seed| seed.as_slice())),
    )
}
