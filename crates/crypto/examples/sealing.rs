//! Prints what sealing costs, beside GMP in the same run where the feature `gmp` is on.
//!
//! Times are processor time of this thread where Linux tells it, else time on the wall; other work on the machine still
//! shows in them. The ratios to GMP, taken in the same run, say more.
//!
//! `cargo run -p weft-crypto --features gmp --example sealing`
// An example is a program of its own: it has a clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use alloy_primitives::{Address, B256};
use std::{fs, hint::black_box, sync::LazyLock, time::Instant};
use weft_crypto::{
    Announcement, Carriage, Chain, DelayScheme, Element, Engine, EpochKeyScheme, GasBucket,
    KeyList, Proof, PuzzleProof, PuzzleScheme, Release, Setup, ShareContext, SizeBucket, Verdict,
    deal, setup::RSA_2048,
};
use weft_types::{Domain, NetworkId, SlotNumber};

/// Squarings of the setup, a second or two of work.
const DELAY: u64 = 1 << 20;
/// Squarings that are timed at once.
const SQUARINGS: u64 = 100_000;
/// Runs of which the fastest and the middle one are printed.
const RUNS: usize = 7;
/// Microseconds of a run, at least; the kernel's account moves in steps of a few thousand.
const RUN_US: f64 = 100_000.0;

fn main() {
    let (built, setup) = timed(|| Setup::prepare(&RSA_2048, DELAY).expect("usable"));
    println!("{:<58} {:>11}", "what", "best / median");
    println!("{:<58} {:>8.2} s", "setup of 2^20 squarings with its proof and tables", built / 1e6);
    let encoded = setup.encode();
    figure("setup read and checked, with its tables", 1, || Setup::decode(&encoded));
    squarings(&setup);
    proofs(&setup);
    shares(&setup);
    envelopes(&setup);
}

fn squarings(setup: &Setup) {
    let speed = |name: &str, engine: Engine| {
        let chain = Chain::new(setup.group(), *setup.base(), DELAY).with_engine(engine);
        figure(name, SQUARINGS, || chain.clone().advance(SQUARINGS))
    };
    let portable = speed("squaring in a chain, in the crate", Engine::Portable);
    #[cfg(feature = "gmp")]
    against_gmp(setup, portable, speed("squaring in a chain, by its engine on GMP", Engine::Gmp));
    #[cfg(not(feature = "gmp"))]
    let _ = portable;
}

/// Prints the speed of both engines as parts of what GMP does when it is left alone: one power, with nothing kept for a proof.
#[cfg(feature = "gmp")]
fn against_gmp(setup: &Setup, portable: f64, engine: f64) {
    let number = |number: &[u8]| rug::Integer::from_digits(number, rug::integer::Order::MsfBe);
    let modulus = number(RSA_2048.to_be_bytes().as_ref());
    let base = number(&setup.base().to_vec());
    let exponent = rug::Integer::from(1) << SQUARINGS as u32;
    let alone = figure("squaring by GMP alone", SQUARINGS, || {
        base.clone().pow_mod(&exponent, &modulus).expect("the exponent is positive")
    });
    let chain =
        Chain::new(setup.group(), *setup.base(), SQUARINGS).with_engine(Engine::Gmp).finish();
    let power = base.pow_mod(&exponent, &modulus).expect("the exponent is positive");
    let opposite = rug::Integer::from(&modulus - &power);
    assert_eq!(number(&chain.to_vec()), power.min(opposite), "both square");
    println!("{:<58} {:>8.2} x", "speed of the crate against GMP alone", alone / portable);
    println!("{:<58} {:>8.2} x", "speed of its engine on GMP against GMP alone", alone / engine);
}

fn proofs(setup: &Setup) {
    let mut chain = Chain::new(setup.group(), *setup.base(), DELAY);
    let (solved, output) = timed(|| chain.finish());
    let (proved, proof) = timed(|| Proof::new(&chain));
    println!("{:<58} {:>8.2} s", "chain of 2^20 squarings with its trail", solved / 1e6);
    println!("{:<58} {:>8.2} s", "proof of its result", proved / 1e6);
    figure("proof of a result, checked", 1, || {
        proof.verify(setup.group(), setup.base(), &output, DELAY)
    });
}

fn shares(setup: &Setup) {
    let context = ShareContext { domain: Domain::dev(), epoch: 1, member: 1 };
    let (secret, share) = deal(setup, &context, &B256::repeat_byte(1));
    figure("share dealt and proven", 1, || deal(setup, &context, &B256::repeat_byte(1)));
    figure("share checked", 1, || share.verify(setup, &context));
    let (list, solution) = solved(setup, share);
    figure("secret taken out of a solved puzzle", 1, || list.recover(setup, &solution));
    let releases = [Release { member: 1, received_unix_ms: 0, secret }];
    figure("secret of one member collected", 1, || list.collect(&releases, 0));
}

fn solved(setup: &Setup, share: weft_crypto::Share) -> (KeyList, Element) {
    let announcements = [Announcement { member: 1, received_unix_ms: 0, share }];
    let committee = [1].into();
    let (list, _) = KeyList::assemble(setup, &Domain::dev(), 1, &committee, &announcements, 0)
        .expect("the share holds");
    let solution = setup.solve(*list.puzzle()).finish();
    (list, solution)
}

fn envelopes(setup: &Setup) {
    let context = ShareContext { domain: Domain::dev(), epoch: 1, member: 1 };
    let (secret, share) = deal(setup, &context, &B256::repeat_byte(1));
    let announcements = [Announcement { member: 1, received_unix_ms: 0, share }];
    let (list, _) =
        KeyList::assemble(setup, &Domain::dev(), 1, &[1].into(), &announcements, 0).expect("holds");
    let releases = [Release { member: 1, received_unix_ms: 0, secret }];
    let opener = list.collect(&releases, 0).1.expect("all fit");
    let scheme = EpochKeyScheme::new(&list);
    let (plaintext, entropy) = ([7; 250], B256::repeat_byte(2));
    let envelope = scheme.encrypt(&carriage(), &plaintext, &entropy).expect("fits");
    figure("envelope of 256 B sealed to an epoch key", 1, || {
        scheme.encrypt(&carriage(), &plaintext, &entropy)
    });
    figure("the same opened and checked", 1, || scheme.open(&envelope, &opener));
    puzzles(setup, &plaintext, &entropy);
}

fn puzzles(setup: &Setup, plaintext: &[u8], entropy: &B256) {
    let scheme = PuzzleScheme::new(Domain::dev(), setup);
    let envelope = scheme.encrypt(&carriage(), plaintext, entropy).expect("fits");
    figure("envelope of 256 B sealed to its own puzzle", 1, || {
        scheme.encrypt(&carriage(), plaintext, entropy)
    });
    let mut chain = scheme.solve(&envelope).expect("a puzzle");
    chain.finish();
    let solution = scheme.solution(&envelope, Some(&chain)).expect("complete");
    figure("the same opened and checked, when solved", 1, || scheme.open(&envelope, &solution));
    let Ok(Verdict::Opened { seed, .. }) = scheme.open(&envelope, &solution) else {
        unreachable!("it was sealed here")
    };
    figure("the same checked from its seed", 1, || scheme.verify_opening(&envelope, &seed));
    let proof = PuzzleProof::new(&scheme, &envelope, &seed, entropy).expect("its seed");
    figure("proof of a puzzle", 1, || PuzzleProof::new(&scheme, &envelope, &seed, entropy));
    figure("proof of a puzzle, checked", 1, || proof.verify(&scheme, &envelope));
}

fn carriage() -> Carriage {
    Carriage {
        payer: Address::ZERO,
        deposit: NetworkId::L1,
        rollup: None,
        epoch: 1,
        valid_until: SlotNumber::new(1),
        size: SizeBucket::new(0).expect("a bucket"),
        gas: GasBucket::new(0).expect("a bucket"),
        max_fee_wei: 1,
    }
}

/// Runs once; returns microseconds and the result.
fn timed<T>(mut work: impl FnMut() -> T) -> (f64, T) {
    let start = spent_us();
    let result = work();
    (spent_us() - start, result)
}

/// Returns the microseconds that this thread has spent.
fn spent_us() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let account = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds: Option<f64> =
        account.and_then(|line| line.split(' ').next().and_then(|first| first.parse().ok()));
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64() * 1e6, |spent| spent / 1e3)
}

/// Prints microseconds per unit of work: the best of [`RUNS`] and the median. Returns the best.
fn figure<T>(name: &str, units: u64, mut work: impl FnMut() -> T) -> f64 {
    let (mut repeats, mut total) = (1, 0.0);
    while total < RUN_US {
        total = timed(|| (0..repeats).for_each(|_| drop(black_box(work())))).0;
        repeats *= 2;
    }
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let (total, ()) = timed(|| (0..repeats).for_each(|_| drop(black_box(work()))));
            total / (repeats * units) as f64
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!("{name:<58} {:>8.2} / {:>8.2} us", runs[0], runs[RUNS / 2]);
    runs[0]
}
