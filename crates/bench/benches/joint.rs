//! Criterion benches of the joint machine.

use criterion::{Criterion, criterion_group, criterion_main};
use weft_bench::{crossing::Calls, swap::Swaps};

fn crossings(c: &mut Criterion) {
    let mut group = c.benchmark_group("500 calls of an empty callee");
    let (mut local, mut remote) = (Calls::local(), Calls::remote());
    group.bench_function("same rollup", |b| b.iter(|| local.run()));
    group.bench_function("other rollup", |b| b.iter(|| remote.run()));
    group.finish();
}

fn swaps(c: &mut Criterion) {
    let mut group = c.benchmark_group("50 swaps");
    let (mut local, mut remote) = (Swaps::new(false, None), Swaps::new(true, None));
    group.bench_function("same rollup", |b| b.iter(|| local.run()));
    group.bench_function("other rollup", |b| b.iter(|| remote.run()));
    group.finish();
}

criterion_group!(benches, crossings, swaps);
criterion_main!(benches);
