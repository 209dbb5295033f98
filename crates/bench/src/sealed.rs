//! Sealed items from end to end in one process: payer's signature, order, promise, opening, inner signature, fold, charge.
//! And junk: what refusing it costs, against what making it costs.

mod junk;
mod realm;

pub use junk::figures as junk;

use crate::report::{Figure, Unit, micros_each};
use realm::{Epoch, Sealed, Sealer};
use std::time::{Duration, Instant};

/// Items of an epoch.
const ITEMS: usize = 4_096;
/// Epochs of the usual size.
const EPOCHS: f64 = 4.0;

/// Where the time went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) payers: Duration,
    pub(crate) order: Duration,
    pub(crate) open: Duration,
    pub(crate) fold: Duration,
}

impl Times {
    fn all(self) -> Duration {
        self.payers + self.order + self.open + self.fold
    }
}

/// Measures sealed items: envelopes are made beforehand, everything else is in the time, but for RPC and disk.
pub fn figures(scale: f64) -> Vec<Figure> {
    let count = ((ITEMS as f64 * scale.min(1.0)) as usize).max(64);
    let epochs = ((EPOCHS * scale).ceil() as u64).max(2);
    let mut realm = Sealed::new(count);
    let mut sealer = Sealer::new();
    let (mut making, mut times, mut dealing) = (Duration::ZERO, Times::default(), Duration::ZERO);
    for _ in 0..epochs {
        let start = Instant::now();
        let epoch = Epoch::deal(realm.next_epoch());
        dealing += start.elapsed();
        realm.announce(&epoch);
        let start = Instant::now();
        let envelopes = sealer.seal(&epoch, count);
        making += start.elapsed();
        realm.take(&envelopes, &mut times);
        realm.run(&epoch, count, &mut times);
    }
    let total = count * epochs as usize;
    let each = |time: Duration| micros_each(time, total);
    let part = 100.0 * making.as_secs_f64() / (making + times.all()).as_secs_f64();
    vec![
        Figure::new(
            "sealed: items from envelope to charge",
            total as f64 / times.all().as_secs_f64(),
            Unit::PerSecond,
        )
        .promised(6_000.0),
        Figure::new("sealed: payer's signature", each(times.payers), Unit::Micros),
        Figure::new("sealed: order and promise", each(times.order), Unit::Micros),
        Figure::new("sealed: open, inner signature", each(times.open), Unit::Micros),
        Figure::new("sealed: fold, charge, promise", each(times.fold), Unit::Micros),
        Figure::new("sealed: generator, beforehand", each(making), Unit::Micros),
        Figure::new("sealed: generator's share of all", part, Unit::Percent),
        Figure::new(
            "sealed: key list of 3, dealt and checked",
            dealing.as_secs_f64() * 1e3 / epochs as f64,
            Unit::Millis,
        ),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn sealed_items_run_in_one_epoch_after_the_other() {
        let figures = super::figures(0.01);
        assert!(figures.iter().all(|figure| figure.value > 0.0), "{figures:?}");
    }
}
