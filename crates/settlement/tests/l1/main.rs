//! The contracts of `contracts/src/l1`, as they are deployed, against a model in plain values, over random histories.
#![allow(clippy::disallowed_methods)] // The number of histories and of threads is no input of the crate.

mod bridge;
mod chain;
mod compare;
mod dice;
mod gas;
mod history;
mod lane;
mod model;
mod out;
mod realm;
mod settle;
mod tries;

use history::History;
use std::collections::BTreeMap;

/// Histories that CI runs.
const HISTORIES: u64 = 200;
/// Transactions of one history.
const STEPS: u64 = 60;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// `WEFT_L1_HISTORIES` histories from seed `WEFT_L1_SEED` on: every refusal, root, cursor and balance is the model's, and the
/// bridge always holds what the rollups may take out (I1).
#[test]
fn i1_contracts_do_what_the_model_does() {
    let count = setting("WEFT_L1_HISTORIES", HISTORIES);
    let first = setting("WEFT_L1_SEED", 0);
    let start = realm::deploy();
    let mut tally: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for seed in first..first + count {
        let mut history = History::new(&start, seed);
        let run = std::panic::AssertUnwindSafe(|| {
            (0..STEPS).for_each(|_| history.step());
            history.compare_at_the_end();
        });
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("WEFT_L1_SEED={seed} WEFT_L1_HISTORIES=1 repeats this");
            std::panic::resume_unwind(panic);
        }
        for (name, [done, refused]) in history.tally {
            let sum = tally.entry(name).or_default();
            *sum = [sum[0] + done, sum[1] + refused];
        }
    }
    println!("{count} histories of {STEPS} steps; accepted and refused: {tally:#?}");
    let quiet = tally.iter().find(|(_, [done, _])| *done == 0);
    assert!(count < 100 || quiet.is_none(), "never accepted: {quiet:?}");
}
