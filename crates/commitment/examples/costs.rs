//! Prints what commitments cost: making one, opening a position, checking an opening.
//!
//! Times are processor time of this thread where Linux tells it, else time on the wall. The first line is the setup, which is
//! read once.
//!
//! `cargo run -p weft-commitment --example costs`
// An example is a program of its own: it has a clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use alloy_primitives::{B256, keccak256};
use std::{fs, hint::black_box, time::Instant};
use weft_commitment::{Opening, SlotCommitment, SlotVector, Tree, commit, kzg, open};
use weft_types::{Domain, Section, SlotNumber};

/// Runs of which the fastest and the middle one are printed.
const RUNS: usize = 7;
/// Microseconds of a run, at least; the kernel's account moves in steps of a few thousand.
const RUN_US: f64 = 50_000.0;

fn main() {
    println!("{:<52} {:>12}", "what", "best / median");
    let (read, ()) = timed(kzg::warm);
    println!("{:<52} {:>9.2} s", "trusted setup read", read / 1e6);
    for count in [200, 4_096, 40_000] {
        figures(count);
    }
}

fn figures(count: u32) {
    let (domain, slot) = (Domain::dev(), SlotNumber::new(1));
    let items: Vec<B256> = (0..count).map(|index| keccak256(index.to_be_bytes())).collect();
    let vector = || SlotVector::of_items(&domain, slot, &[], &items).expect("the slot is not full");
    let (elements, index) = (vector(), count / 2);
    let name = |what: &str| format!("{count} items: {what}");
    figure(&name("running hashes and elements"), vector);
    figure(&name("Merkle tree"), || Tree::new(&domain, elements.elements()));
    figure(&name("KZG commitments"), || commit(elements.elements()));
    let tree = Tree::new(&domain, elements.elements());
    let merkle = || Opening::new(&elements, &tree, Section::Plaintext, index).expect("it is there");
    figure(&name("Merkle opening"), merkle);
    let commitment = SlotCommitment::new(&domain, &elements, commit(elements.elements()))
        .expect("these are the commitments");
    let opening = merkle();
    figure(&name("Merkle opening, checked"), || {
        commitment.opens(&domain, Section::Plaintext, index, &opening)
    });
    let evaluation = open(elements.elements(), index).expect("it is there");
    figure(&name("KZG opening"), || open(elements.elements(), index));
    let one = &commitment.kzg()[evaluation.commitment_number()];
    figure(&name("KZG opening, checked"), || kzg::verify(one, &evaluation));
}

fn figure<T>(name: &str, mut run: impl FnMut() -> T) {
    let mut count = 1_u32;
    let mut several = |count: u32| timed(|| (0..count).for_each(|_| drop(black_box(run())))).0;
    while several(count) < RUN_US {
        count *= 2;
    }
    let mut runs: Vec<f64> = (0..RUNS).map(|_| several(count) / f64::from(count)).collect();
    runs.sort_by(f64::total_cmp);
    println!("{name:<52} {:>9.1} / {:.1} us", runs[0], runs[RUNS / 2]);
}

/// Returns how long `run` took, in microseconds, and its result.
fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let (before, start) = (processor_us(), Instant::now());
    let result = run();
    let elapsed = match (before, processor_us()) {
        (Some(before), Some(after)) => after - before,
        _ => start.elapsed().as_secs_f64() * 1e6,
    };
    (elapsed, result)
}

/// Returns the processor time of this thread in microseconds, where Linux tells it.
fn processor_us() -> Option<f64> {
    let account = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(account.split_whitespace().next()?.parse::<f64>().ok()? / 1e3)
}
