//! Runs one workload alone, for a profiler:
//! `valgrind --tool=callgrind target/release/examples/profile crossing|swap-local|swap-remote [uniswap folder]`.

use weft_bench::{crossing::Calls, swap::Swaps};

fn main() {
    let mut args = std::env::args().skip(1);
    let which = args.next().unwrap_or_default();
    let folder = args.next().map(std::path::PathBuf::from);
    match which.as_str() {
        "swap-local" => repeat(Swaps::new(false, folder.as_deref()), Swaps::run),
        "swap-remote" => repeat(Swaps::new(true, folder.as_deref()), Swaps::run),
        _ => repeat(Calls::remote(), Calls::run),
    }
}

fn repeat<T>(mut on: T, run: impl Fn(&mut T)) {
    for _ in 0..20 {
        run(&mut on);
    }
}
