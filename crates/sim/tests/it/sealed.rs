//! Sealed items: a short sweep, and planted bugs. The long sweep is `weft sim --sealed`.

use weft_sim::sealed::{Bug, SealedConfig, Sight, run};

#[test]
fn histories_with_sealed_items_keep_every_rule() {
    let (seed, histories) = (asked("WEFT_SIM_SEED", 1), asked("WEFT_SIM_HISTORIES", 400));
    let report = run(&SealedConfig { seed, histories, ..SealedConfig::default() });
    println!("{report}");
    assert_eq!(report.failure, None);
    assert_eq!(report.histories, histories);
    for sight in Sight::ALL {
        assert_ne!(report.sights.of(*sight), 0, "no history shows: {}", sight.label());
    }
}

/// A number of the environment: other seeds, or more of them.
fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |asked| asked.parse().expect("a number"))
}

#[test]
fn equal_seeds_give_equal_sealed_histories_whatever_the_threads() {
    let config = SealedConfig { seed: 77, histories: 12, threads: 1, ..SealedConfig::default() };
    assert_eq!(run(&config), run(&SealedConfig { threads: 2, ..config.clone() }));
}

#[test]
fn bugs_planted_in_sealing_are_found_within_300_histories() {
    for bug in Bug::ALL {
        let config =
            SealedConfig { seed: 1, histories: 300, bug: Some(bug), ..SealedConfig::default() };
        let report = run(&config);
        let failure = report.failure.unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?}: after {} histories: {}", report.histories, failure.reason);
        assert!(failure.to_string().contains("weft sim --sealed --seed "));
    }
}
