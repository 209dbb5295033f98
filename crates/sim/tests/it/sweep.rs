//! A short sweep over seeds; the long one is `weft sim`.

use weft_sim::{Feature, SimConfig, run};

#[test]
fn histories_keep_every_rule() {
    let report = run(&SimConfig { seed: 1, histories: 500, ..SimConfig::default() });
    println!("{report}");
    assert_eq!(report.failure, None);
    assert_eq!(report.histories, 500);
    for feature in Feature::ALL {
        assert_ne!(report.coverage.of(*feature), 0, "no history shows: {}", feature.label());
    }
}

#[test]
fn equal_seeds_give_equal_reports_whatever_the_threads() {
    let config = SimConfig { seed: 77, histories: 20, threads: 1, ..SimConfig::default() };
    assert_eq!(run(&config), run(&SimConfig { threads: 2, ..config.clone() }));
}
