//! Prints what proven puzzles cost, each figure the fastest and the middle one of several runs.
//!
//! Times are processor time of the whole process where Linux tells it, so proving on several cores does not look cheaper.
//!
//! `cargo run --release -p weft-decryptable --example proven`
// An example is a program of its own: it has a clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use alloy_primitives::{Address, B256};
use std::{hint::black_box, time::Instant};
use weft_crypto::{Carriage, GasBucket, Setup, SizeBucket, setup::RSA_2048};
use weft_decryptable::{PROOF_BYTES, ProvenScheme, ProvingKey, capacity};
use weft_types::{Domain, NetworkId, SlotNumber};

/// Runs of which the fastest and the middle one are printed.
const RUNS: usize = 9;

fn main() {
    let setup = Setup::prepare(&RSA_2048, 1_000).expect("usable");
    println!("proof: {PROOF_BYTES} bytes");
    for index in 0..=2 {
        size(&setup, SizeBucket::new(index).expect("a bucket"));
    }
}

fn size(setup: &Setup, size: SizeBucket) {
    let scheme = ProvenScheme::new(Domain::dev(), setup);
    let start = Instant::now();
    let keys = ProvingKey::insecure_development(&RSA_2048, size).expect("a size with a circuit");
    println!("\nbody of {} bytes, plaintext of {}", size.bytes(), capacity(size));
    println!("{:<40} {:>9} constraints", "circuit", keys.constraints());
    println!("{:<40} {:>9.2} s", "development keys", start.elapsed().as_secs_f64());
    let (plaintext, entropy) = (vec![7; capacity(size)], B256::repeat_byte(1));
    figure("sealed", 100, || scheme.seal(&carriage(size), &plaintext, &entropy));
    let sealed = scheme.seal(&carriage(size), &plaintext, &entropy).expect("fits");
    figure("proven, and the proof checked", 1, || scheme.prove(&keys, &sealed, &entropy));
    let proof = scheme.prove(&keys, &sealed, &entropy).expect("provable");
    let key = keys.verifying_key();
    figure("proof checked", 50, || scheme.verify(key, sealed.envelope(), &proof));
    figure("opened from its exponent", 100, || {
        scheme.open_with(sealed.envelope(), sealed.exponent())
    });
}

fn carriage(size: SizeBucket) -> Carriage {
    Carriage {
        payer: Address::ZERO,
        deposit: NetworkId::L1,
        rollup: None,
        epoch: 1,
        valid_until: SlotNumber::new(1),
        size,
        gas: GasBucket::new(0).expect("a bucket"),
        max_fee_wei: 1,
    }
}

/// Returns the processor time that this process has spent, in milliseconds; without Linux, time on the wall.
fn spent_ms() -> f64 {
    let account = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanoseconds: Option<f64> =
        account.and_then(|line| line.split(' ').next().and_then(|first| first.parse().ok()));
    nanoseconds.map_or_else(|| f64::NAN, |spent| spent / 1e6)
}

/// Prints milliseconds: the best of [`RUNS`] and the median, of the processor and on the wall. The kernel's account moves in
/// steps of a few milliseconds, so short work is repeated.
fn figure<T>(name: &str, repeats: u32, mut work: impl FnMut() -> T) {
    let mut runs: Vec<(f64, f64)> = (0..RUNS)
        .map(|_| {
            let (start, clock) = (spent_ms(), Instant::now());
            (0..repeats).for_each(|_| drop(black_box(work())));
            let wall = clock.elapsed().as_secs_f64() * 1e3;
            ((spent_ms() - start) / f64::from(repeats), wall / f64::from(repeats))
        })
        .collect();
    runs.sort_by(|left, right| left.0.total_cmp(&right.0));
    let ((best, _), (median, wall)) = (runs[0], runs[RUNS / 2]);
    println!(
        "{name:<40} {best:>9.2} / {median:>9.2} ms of the processor ({wall:.2} ms on the wall)"
    );
}
