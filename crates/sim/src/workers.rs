//! Many seeds on many threads.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

/// Seeds in a row, and the threads that run them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// Zero for one per core.
    pub(crate) threads: usize,
}

/// What one thread found, or all of them together.
pub(crate) trait Findings: Default + Send {
    /// Adds what another thread found.
    fn merge(&mut self, other: Self);
}

/// Gives every seed to `one` until it says that it failed, and returns what all threads found.
pub(crate) fn sweep<F: Findings>(seeds: Seeds, one: impl Fn(u64, &mut F) -> bool + Sync) -> F {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if seeds.threads == 0 { cores } else { seeds.threads };
    let threads = threads.min(seeds.count.max(1) as usize);
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let work = || {
        let mut found = F::default();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= seeds.count {
                break;
            }
            if !one(seeds.first.wrapping_add(index), &mut found) {
                stop.store(true, Ordering::Relaxed);
            }
        }
        found
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().fold(F::default(), |mut all, worker| {
            all.merge(worker.join().expect("workers catch the panics of histories"));
            all
        })
    })
}

/// Returns the failure with the lower seed.
pub(crate) fn earlier<F>(one: Option<F>, other: Option<F>, seed: impl Fn(&F) -> u64) -> Option<F> {
    one.into_iter().chain(other).min_by_key(seed)
}

/// Runs `run`, and turns a panic into what it says.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| format!("panic: {}", text_of(&*panic)))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
