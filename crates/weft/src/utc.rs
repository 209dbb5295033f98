//! Times for people.

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Days of 400 years, after which the calendar repeats.
const ERA: u64 = 146_097;

/// Writes milliseconds after 1970 as a time in UTC, such as `2026-11-21 14:50:35.123 UTC`.
pub(crate) fn utc(unix_ms: u64) -> String {
    let (year, month, day) = date(unix_ms / DAY_MS);
    let ms = unix_ms % DAY_MS;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let ms = ms % 1000;
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{ms:03} UTC")
}

/// Returns the time in whole seconds after 1970.
pub(crate) fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// Returns year, month and day of a day counted from 1970-01-01.
///
/// `civil_from_days` of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the leap
/// day is the last of its year.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let leap_days = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year_of_era + (month <= 2) as u64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (unix_ms, text) in [
            (0, "1970-01-01 00:00:00.000 UTC"),
            (951_782_399_999, "2000-02-28 23:59:59.999 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00.000 UTC"),
            (951_868_800_000, "2000-03-01 00:00:00.000 UTC"),
            (1_763_719_200_001, "2025-11-21 10:00:00.001 UTC"),
            (4_107_542_399_000, "2100-02-28 23:59:59.000 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00.000 UTC"),
        ] {
            assert_eq!(utc(unix_ms), text);
        }
    }

    #[test]
    fn every_day_follows_the_day_before() {
        let mut last = date(0);
        for day in 1..ERA + 1_000 {
            let next = date(day);
            let follows = next.0 == last.0 && next.1 == last.1 && next.2 == last.2 + 1;
            let is_new_month = next.2 == 1 && (28..=31).contains(&last.2);
            assert!(follows || is_new_month, "{last:?} {next:?}");
            last = next;
        }
    }

    #[test]
    fn the_end_of_64_bits_is_a_time_too() {
        assert_eq!(utc(u64::MAX), "584556019-04-03 14:25:51.615 UTC");
    }
}
