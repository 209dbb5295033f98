//! A simulator that finds nothing may be blind: bugs planted on purpose must be found soon.

use weft_evm::Fault;
use weft_sim::{SimConfig, run};
use weft_types::NetworkId;

#[test]
fn planted_bugs_are_found_within_2000_histories() {
    let faults = [
        Fault::SkipRollback(NetworkId::new(902)),
        Fault::SwapHops,
        Fault::DropRefund,
        Fault::WrongPlace,
        Fault::LoseDeadHash,
    ];
    for fault in faults {
        let config =
            SimConfig { seed: 1, histories: 2_000, fault: Some(fault), ..SimConfig::default() };
        let report = run(&config);
        let failure = report.failure.unwrap_or_else(|| panic!("{fault:?} is not found"));
        println!("{fault:?}: after {} histories: {}", report.histories, failure.reason);
        assert!(failure.replay_line().starts_with("weft sim --seed "));
    }
}
