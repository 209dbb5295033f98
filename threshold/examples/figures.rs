//! Prints what threshold sealing costs beside the library alone, and beside epoch keys, in the same run.
//!
//! `cargo run --release --example figures`, in `threshold/`

use alloy_primitives::{Address, B256};
use commonware_cryptography::bls12381::tle::{self, Block};
use commonware_utils::{NZU32, test_rng};
use std::{hint::black_box, time::Instant};
use weft_crypto::{
    Announcement, Carriage, DelayScheme, EpochKeyScheme, GasBucket, KeyList, Release, Setup,
    ShareContext, SizeBucket, Verdict, deal, setup::RSA_2048,
};
use weft_threshold::{MinPk, ThresholdScheme, insecure};
use weft_types::{Domain, NetworkId, SlotNumber};

const RUNS: usize = 200;
const EPOCH: u64 = 7;

fn main() {
    println!("{:<44} {:>9} / {:>9}", "", "best", "median");
    threshold();
    epoch_key();
}

fn threshold() {
    let dealt = insecure::deal(&Domain::dev(), test_rng(), NZU32!(4));
    let (sharing, shares) = dealt.expect("the realm of development");
    let key = *sharing.public();
    let scheme = ThresholdScheme::new(Domain::dev(), key, EPOCH).expect("a key");
    let partials: Vec<_> = shares[..3].iter().map(|share| scheme.sign(share)).collect();
    let opener = scheme.collect(&sharing, &partials).expect("three of four").opener;
    let (target, block) = (scheme.key_id(), Block::new([7; 32]));
    let target = (&b"raw"[..], target.as_slice());
    let raw = tle::encrypt::<_, MinPk>(&mut test_rng(), key, target, &block).expect("a key");
    figure("library: 32 bytes encrypted", || {
        tle::encrypt::<_, MinPk>(&mut test_rng(), key, target, &block)
    });
    figure("library: decrypted, its check included", || {
        tle::decrypt::<MinPk>(opener.signature(), &raw)
    });
    sealing("threshold", &scheme, &opener);
    figure("threshold: 3 signatures checked and combined", || scheme.collect(&sharing, &partials));
    figure("threshold: a member's signature", || scheme.sign(&shares[0]));
}

fn epoch_key() {
    let setup = Setup::prepare(&RSA_2048, 64).expect("the modulus is usable");
    let context = ShareContext { domain: Domain::dev(), epoch: EPOCH, member: 1 };
    let (secret, share) = deal(&setup, &context, &B256::repeat_byte(1));
    let announced = [Announcement { member: 1, received_unix_ms: 0, share }];
    let list = KeyList::assemble(&setup, &Domain::dev(), EPOCH, &[1].into(), &announced, 0);
    let (list, _) = list.expect("the share holds");
    let (_, secret) = list.collect(&[Release { member: 1, received_unix_ms: 0, secret }], 0);
    sealing("epoch key", &EpochKeyScheme::new(&list), &secret.expect("it fits"));
}

fn sealing<S: DelayScheme>(name: &str, scheme: &S, opener: &S::Opener) {
    let (plaintext, entropy) = ([7; 250], B256::repeat_byte(1));
    let envelope = scheme.encrypt(&carriage(), &plaintext, &entropy).expect("fits");
    let Ok(Verdict::Opened { seed, .. }) = scheme.open(&envelope, opener) else {
        unreachable!("it was sealed here")
    };
    figure(&format!("{name}: 256 B sealed"), || scheme.encrypt(&carriage(), &plaintext, &entropy));
    figure(&format!("{name}: 256 B opened and checked"), || scheme.open(&envelope, opener));
    figure(&format!("{name}: checked from its seed"), || scheme.verify_opening(&envelope, &seed));
}

fn carriage() -> Carriage {
    Carriage {
        payer: Address::ZERO,
        deposit: NetworkId::L1,
        rollup: None,
        epoch: EPOCH,
        valid_until: SlotNumber::new(1),
        size: SizeBucket::new(0).expect("a bucket"),
        gas: GasBucket::new(0).expect("a bucket"),
        max_fee_wei: 1,
    }
}

/// Prints the fastest and the middle of [`RUNS`], in microseconds on the wall.
fn figure<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            drop(black_box(work()));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!("{name:<44} {:>9.1} / {:>9.1} us", runs[0], runs[RUNS / 2]);
}
