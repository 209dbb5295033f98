//! A short fuzz run that needs no tools: seeded mutations of the golden encodings. `fuzz/` has the long one.

use crate::{draft::SENDER, samples, vectors};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{hex, keccak256};
use std::panic::{AssertUnwindSafe, catch_unwind};
use weft_types::{
    Decode, Domain, Encode, Hop, Item, Marker, SignedPromise, SignedTx, SlotHeader, SlotRecord,
};

const SEED: u64 = 0x5eed;

#[test]
fn mutated_hops_are_refused_or_canonical() {
    let accepted = fuzz(&seeds("types/hops.json"), 300_000, |input| {
        canonical::<Hop>(input).is_some_and(|hop| hop.hash() == keccak256(&input[1..]))
    });
    assert!(accepted > 10_000, "{accepted} mutants were accepted: the run saw too little");
}

#[test]
fn mutated_slot_headers_and_records_are_refused_or_canonical() {
    let accepted = fuzz(&seeds("types/slot-headers.json"), 100_000, |input| {
        canonical::<SlotHeader>(input).is_some()
    });
    assert!(accepted > 5_000, "{accepted} mutants were accepted: the run saw too little");
    let accepted = fuzz(&seeds("types/slot-records.json"), 100_000, |input| {
        canonical::<SlotRecord>(input).is_some()
    });
    assert!(accepted > 5_000, "{accepted} mutants were accepted: the run saw too little");
}

#[test]
fn mutated_promises_are_refused_or_canonical() {
    let all = [seeds("types/promises.json"), seeds("types/bundle-promises.json")].concat();
    let accepted = fuzz(&all, 60_000, |input| {
        let promise = canonical::<SignedPromise>(input);
        // No mutant is a promise of the key; what it looks like is that of another one, or of nobody.
        promise.is_some_and(|promise| promise.signer().is_ok() || promise.verify(SENDER).is_err())
    });
    assert!(accepted > 5_000, "{accepted} mutants were accepted: the run saw too little");
}

#[test]
fn mutated_items_are_refused_or_canonical() {
    let domain = samples::domain();
    let accepted = fuzz(&seeds("types/items.json"), 60_000, |input| {
        canonical::<Item>(input).is_some_and(|item| consistent(&domain, &item))
    });
    assert!(accepted > 5_000, "{accepted} mutants were accepted: the run saw too little");
}

#[test]
fn mutated_transactions_are_refused_or_canonical() {
    let raws: Vec<Vec<u8>> = samples::items()
        .iter()
        .flat_map(|(_, item)| item.legs().iter().map(|leg| leg.tx.raw().to_vec()))
        .collect();
    let accepted = fuzz(&raws, 60_000, |input| {
        SignedTx::decode(input.to_vec().into()).is_ok_and(|tx| consistent_tx(&tx))
    });
    assert!(accepted > 5_000, "{accepted} mutants were accepted: the run saw too little");
}

/// Returns the value of an accepted input, which must be the value's only encoding.
fn canonical<T: Encode + Decode>(input: &[u8]) -> Option<T> {
    let value = T::decode(input).ok()?;
    assert_eq!(value.encode(), input);
    Some(value)
}

/// Checks what must hold for every decoded item.
fn consistent(domain: &Domain, item: &Item) -> bool {
    // The hash of an envelope is one of its realm already, and so is that of what was reorged.
    if !crate::samples::has_a_name(item) {
        assert_ne!(item.hash(domain), item.hash(&Domain::dev()));
    }
    if let Some(bundle) = item.bundle() {
        let markers = bundle.legs().iter().map(|leg| Marker::of(&leg.tx).unwrap());
        let named = markers.flatten().filter(|marker| marker.bundle() == bundle.id()).count();
        assert_eq!(named, if bundle.is_marked() { bundle.legs().len() } else { 0 });
        bundle.recheck(domain);
    }
    item.legs().iter().all(|leg| consistent_tx(&leg.tx))
}

/// Checks that the transaction's bytes are the only ones for what was signed.
fn consistent_tx(tx: &SignedTx) -> bool {
    assert_eq!(tx.envelope().encoded_2718(), tx.raw().to_vec());
    assert_eq!(tx.hash(), keccak256(tx.raw()));
    true
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    vectors::read(name).iter().map(|vector| vectors::bytes(vector, "encoding")).collect()
}

/// Runs `accepts` on `rounds` mutants of `seeds` and returns how many it accepted. A failure names the mutant.
fn fuzz(seeds: &[Vec<u8>], rounds: usize, accepts: impl Fn(&[u8]) -> bool) -> usize {
    let mut dice = Dice(SEED);
    let mut accepted = 0;
    for _ in 0..rounds {
        let mut mutant = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(3) {
            mutate(&mut mutant, seeds, &mut dice);
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| accepts(&mutant)));
        match outcome {
            Ok(true) => accepted += 1,
            Ok(false) => {}
            Err(_) => panic!("the mutant was {}", hex::encode_prefixed(&mutant)),
        }
    }
    accepted
}

fn mutate(mutant: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    const TELLING: [u8; 10] = [0, 1, 2, 5, 0x7f, 0x80, 0xb8, 0xc0, 0xf8, 0xff];
    if mutant.is_empty() {
        return mutant.push(dice.next() as u8);
    }
    let at = dice.below(mutant.len());
    match dice.below(8) {
        0 | 1 => mutant[at] ^= 1 << dice.below(8),
        2 => mutant[at] = dice.next() as u8,
        3 => mutant[at] = TELLING[dice.below(TELLING.len())],
        4 => mutant.insert(at, TELLING[dice.below(TELLING.len())]),
        5 => {
            mutant.remove(at);
        }
        6 => mutant.truncate(at),
        _ => {
            let other = &seeds[dice.below(seeds.len())];
            let from = dice.below(other.len());
            let len = dice.below(32).min(other.len() - from).min(mutant.len() - at);
            mutant[at..at + len].copy_from_slice(&other[from..from + len]);
        }
    }
}

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
