//! Percentiles of times.

use std::time::Duration;

/// Times of many requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times(Vec<u32>);

impl Times {
    /// Adds one; more than an hour counts as that.
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds all of `other`.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns how many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the time that `percent` of all do not exceed; zero when there are none.
    pub(crate) fn percentile(&mut self, percent: f64) -> Duration {
        if self.0.is_empty() {
            return Duration::ZERO;
        }
        self.0.sort_unstable();
        let rank = (self.0.len() as f64 * percent / 100.0).ceil() as usize;
        Duration::from_micros(self.0[rank.clamp(1, self.0.len()) - 1].into())
    }
}

/// Returns the middle one of `values`.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let mut times = Times::default();
        assert_eq!(times.percentile(50.0), Duration::ZERO);
        for millis in (1..=100).rev() {
            times.push(Duration::from_millis(millis));
        }
        for (percent, millis) in [(0.0, 1), (50.0, 50), (99.0, 99), (99.5, 100), (100.0, 100)] {
            assert_eq!(times.percentile(percent), Duration::from_millis(millis));
        }
        assert_eq!(times.len(), 100);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
