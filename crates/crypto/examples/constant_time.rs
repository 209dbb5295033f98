//! Looks for time that depends on secrets, as dudect does (Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?",
//! 2017): one class of runs has the same secret every time, the other one a new one, in random order, and Welch's t-test
//! says whether their times differ. What is leaky on purpose must be found, and what cannot differ must not.
//!
//! `cargo run --release -p weft-crypto --example constant_time -- SECONDS WORD`: so long for each line, and beside the controls
//! those with this word in their names alone.
//!
//! It shows leaks on the machine on which it runs, and never that there are none.
// An example is a program of its own: it has a clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use alloy_primitives::{Address, B256, keccak256};
use crypto_bigint::U256;
use std::{hint::black_box, process::ExitCode, time::Instant};
use weft_crypto::{
    Announcement, Carriage, DelayScheme, EpochKeyScheme, GasBucket, KeyList, PuzzleProof,
    PuzzleScheme, Secret, Setup, ShareContext, SizeBucket, deal, setup::RSA_2048,
};
use weft_types::{Domain, NetworkId, SlotNumber};

/// From this |t| on times differ: that of dudect, where a test of many crops would now and then pass 4.5 by chance.
const THRESHOLD: f64 = 10.0;
/// Seconds for each line when none are named.
const SECONDS: f64 = 10.0;
/// Parts of the runs, the slowest left out, that are tested as well: an interrupt says nothing about a secret.
const CROPS: i32 = 20;
/// Runs at the beginning that do not count.
const WARM_UP: usize = 100;
/// Runs of a class in a crop that is tested.
const FEWEST: usize = 200;
/// Bytes of the comparison that ends early; the first one decides.
const COMPARED: usize = 2_048;

/// A secret of few bits, and an exponent of 256 bits of which one is set.
const ONE: B256 = B256::with_last_byte(1);
const HIGH: B256 = {
    let mut bytes = [0; 32];
    bytes[0] = 0x80;
    B256::new(bytes)
};

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).map_or(SECONDS, |text| text.parse().expect("SECONDS"));
    println!("{:<42} {:>8} {:>11} {:>11} {:>8}", "what", "runs", "median", "10 errors", "|t|");
    let lab = Lab::new(seconds, std::env::args().nth(2).unwrap_or_default());
    let controls = lab.controls();
    let all = controls & lab.numbers() & lab.envelopes() & lab.members();
    println!("threshold {THRESHOLD}: {}", if all { "nothing found" } else { "FAILED" });
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a line expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    /// Those of both classes are the same.
    Same,
    /// They differ: the program would not be worth its time if it did not find this.
    Differ,
}

/// Keys and what they are used for.
struct Lab {
    seconds: f64,
    /// In the names of the lines that run, controls aside.
    word: String,
    setup: Setup,
    list: KeyList,
}

/// A line: its name, what it expects, and the secret of the first class.
#[derive(Clone, Copy)]
struct Line(&'static str, Times, B256);

impl Lab {
    fn new(seconds: f64, word: String) -> Self {
        let setup = Setup::prepare(&RSA_2048, 64).expect("usable");
        let (_, share) = deal(&setup, &context(), &ONE);
        let announcement = Announcement { member: 1, received_unix_ms: 0, share };
        let (list, _) =
            KeyList::assemble(&setup, &Domain::dev(), 7, &[1].into(), &[announcement], 0)
                .expect("the share holds");
        Self { seconds, word, setup, list }
    }

    /// Times `run` of what `prepare` makes of a secret, which does not count; tells whether it is as expected.
    fn line<I, O>(
        &self,
        Line(name, expected, fixed): Line,
        prepare: impl Fn(&B256) -> I,
        run: impl Fn(&I) -> O,
    ) -> bool {
        if !name.starts_with("control") && !name.contains(&self.word) {
            return true;
        }
        let (all, begun) = (&mut [Vec::new(), Vec::new()], Instant::now());
        let mut random = keccak256(name);
        for count in 0.. {
            if begun.elapsed().as_secs_f64() > self.seconds {
                break;
            }
            // Both classes draw, so that what happens before the clock runs is the same.
            random = keccak256(random);
            let class = random[0] & 1;
            let input = black_box(prepare(&chosen(class, &fixed, &keccak256(random))));
            let start = Instant::now();
            black_box(run(&input));
            let ns = start.elapsed().as_nanos() as f64;
            if count >= WARM_UP {
                all[usize::from(class)].push(ns);
            }
        }
        judge(name, expected, all)
    }

    fn controls(&self) -> bool {
        use Times::{Differ, Same};
        let zeros = [0_u8; COMPARED];
        let bytes = |secret: &B256| secret.0.repeat(COMPARED / 32);
        let group = self.setup.group();
        let power = |exponent: &U256| group.power_vartime(self.setup.base(), exponent);
        let puzzles = self.puzzles();
        self.line(
            Line("control: a comparison that ends early", Differ, B256::ZERO),
            bytes,
            |bytes| bytes.iter().zip(&zeros).all(|(left, right)| black_box(left) == right),
        ) & self.line(Line("control: power in variable time", Differ, HIGH), number, power)
            & self.line(
                Line("control: sealing that looks at no secret", Same, ONE),
                |_| (),
                |()| puzzles.encrypt(&carriage(), b"swap", &B256::ZERO),
            )
    }

    fn numbers(&self) -> bool {
        use Times::Same;
        let group = self.setup.group();
        let power = |exponent: &U256| group.power(self.setup.base(), exponent);
        let secret = |bytes: &B256| Secret::from_bytes(&bytes.0).expect("below the order");
        let proof = |exponent: &B256| {
            let (domain, about) = (Domain::dev(), B256::ZERO);
            PuzzleProof::bound(&self.setup, &domain, &about, &exponent.0, &B256::ZERO)
        };
        self.line(Line("power modulo N, exponent 2^255", Same, HIGH), number, power)
            & self.line(Line("power modulo N, exponent 1", Same, ONE), number, power)
            & self.line(
                Line("powers by tables: a bound proof, r = 1", Same, ONE),
                B256::clone,
                proof,
            )
            & self.line(
                Line("product with the generator, s = 1", Same, ONE),
                secret,
                Secret::public,
            )
    }

    fn envelopes(&self) -> bool {
        let (epochs, puzzles) = (EpochKeyScheme::new(&self.list), self.puzzles());
        let proof = |(envelope, seed): &(_, B256)| {
            PuzzleProof::new(&puzzles, envelope, seed, &B256::ZERO).expect("it is the seed")
        };
        self.sealing("epoch key", &epochs)
            & self.sealing("puzzle", &puzzles)
            & self.line(Line("proof of a puzzle", Times::Same, ONE), made_by(&puzzles), proof)
    }

    /// Seals, and opens with the seed: only its author knows it, until it is shown. Opening with a key or a solution uses what
    /// is public by then.
    fn sealing(&self, name: &str, scheme: &impl DelayScheme) -> bool {
        let leak = |what: &str| -> &'static str { format!("{name}: {what}").leak() };
        let [sealed, opened] = ["256 B sealed", "opened with the seed"].map(leak);
        let seal = |entropy: &B256| scheme.encrypt(&carriage(), b"swap", entropy);
        let open = |(envelope, seed): &(_, B256)| scheme.verify_opening(envelope, seed);
        self.line(Line(sealed, Times::Same, ONE), B256::clone, seal)
            & self.line(Line(opened, Times::Same, ONE), made_by(scheme), open)
    }

    fn members(&self) -> bool {
        let deal = |entropy: &B256| deal(&self.setup, &context(), entropy);
        self.line(Line("share dealt and proven", Times::Same, ONE), B256::clone, deal)
    }

    fn puzzles(&self) -> PuzzleScheme<'_> {
        PuzzleScheme::new(Domain::dev(), &self.setup)
    }
}

/// Returns what makes an envelope and its seed of entropy.
fn made_by<S: DelayScheme>(scheme: &S) -> impl Fn(&B256) -> (weft_crypto::Envelope, B256) {
    move |entropy| {
        let sealed = scheme.encrypt_with_seed(&carriage(), b"swap", entropy);
        let (envelope, seed) = sealed.expect("it fits");
        (envelope, B256::new(*seed))
    }
}

fn number(secret: &B256) -> U256 {
    // As long as the fixed one: what the length says is no secret.
    U256::from_be_slice(&secret.0)
}

/// Returns `fixed` for class 0 and `random` for class 1, without a branch.
fn chosen(class: u8, fixed: &B256, random: &B256) -> B256 {
    let mask = class.wrapping_neg();
    let byte = |at: usize| fixed[at] & !mask | random[at] & mask;
    B256::new(core::array::from_fn(byte))
}

const fn context() -> ShareContext {
    ShareContext { domain: Domain::dev(), epoch: 7, member: 1 }
}

fn carriage() -> Carriage {
    Carriage {
        payer: Address::ZERO,
        deposit: NetworkId::L1,
        rollup: None,
        epoch: 7,
        valid_until: SlotNumber::new(99),
        size: SizeBucket::new(0).expect("a bucket"),
        gas: GasBucket::new(3).expect("a bucket"),
        max_fee_wei: 1,
    }
}

/// Prints a line; tells whether it is as expected.
fn judge(name: &str, expected: Times, classes: &[Vec<f64>; 2]) -> bool {
    let mut sorted = classes.concat();
    sorted.sort_by(f64::total_cmp);
    let crops = (0..=CROPS).filter_map(|crop| cropped(classes, &sorted, crop));
    let (t, error) = crops.fold((0.0_f64, f64::INFINITY), |(t, error), crop| {
        (t.max(crop.difference / crop.error), error.min(crop.error))
    });
    let found = if t > THRESHOLD { Times::Differ } else { Times::Same };
    let verdict = match (expected, found) {
        (Times::Same, Times::Same) => "",
        (Times::Differ, Times::Differ) => "found, as it must be",
        (Times::Same, Times::Differ) => "TIME DEPENDS ON THE SECRET",
        (Times::Differ, Times::Same) => "NOT FOUND: MORE SECONDS",
    };
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default() / 1e3;
    // No smaller difference is found.
    let least = THRESHOLD * error / 1e3;
    let runs = sorted.len();
    println!("{name:<42} {runs:>8} {median:>8.1} us {least:>8.3} us {t:>8.2} {verdict}");
    found == expected
}

/// Difference of two means, and its standard error.
struct Compared {
    difference: f64,
    error: f64,
}

/// Compares the runs below a bound: all for crop 0, then, as dudect does, more of the fast ones with every crop, the
/// fraction being `1 - 2^(-10 crop / CROPS)`.
fn cropped(classes: &[Vec<f64>; 2], sorted: &[f64], crop: i32) -> Option<Compared> {
    let part = 1.0 - 0.5_f64.powf(10.0 * f64::from(crop) / f64::from(CROPS));
    let at = if crop == 0 { sorted.len() } else { (part * sorted.len() as f64) as usize };
    let bound = sorted.get(at).copied().unwrap_or(f64::INFINITY);
    let below = |class: &Vec<f64>| -> Vec<f64> {
        class.iter().copied().filter(|time| *time < bound).collect()
    };
    let [fixed, random] = classes.each_ref().map(below);
    (fixed.len().min(random.len()) >= FEWEST).then(|| compare(&fixed, &random))
}

/// Returns the parts of Welch's t.
fn compare(left: &[f64], right: &[f64]) -> Compared {
    let ((mean, variance), (other, other_variance)) = (moments(left), moments(right));
    let error = (variance / left.len() as f64 + other_variance / right.len() as f64).sqrt();
    // With a clock so coarse that all times are the same there is no error, and no difference.
    Compared { difference: (mean - other).abs(), error: error.max(f64::MIN_POSITIVE) }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (count - 1.0))
}
