//! The stories and their numbers.

use crate::support::{Dev, Scratch, weft};
use serde_json::Value;

fn found<'a>(report: &'a Value, what: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["what"] == what);
    check.unwrap_or_else(|| panic!("{what}: {report:#}"))["found"].as_str().unwrap()
}

#[test]
fn flash_loan_has_the_numbers_of_s1() {
    let ran = weft(&["demo", "flash-loan", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let report = ran.json();
    assert_eq!(report["ok"], true);
    assert_eq!(found(&report, "bought on 901"), "16.345066150794301359");
    assert_eq!(found(&report, "received on 902"), "52914.604116");
    assert_eq!(found(&report, "profit"), "2914.604116");
    assert_eq!(found(&report, "lender, before and after"), "1000000.000000");
    assert_eq!(report["receipts"].as_array().unwrap().len(), 2);
    let twins = report["twins"].as_array().unwrap();
    assert_eq!(twins.len(), 3);
    assert_eq!(twins[0]["error"], "Unprofitable { balance: 43859137316, due: 50000000000 }");
    assert_eq!(twins[1]["error"], "Slippage { amountOut: 52914604116, minOut: 52914604117 }");
    assert_eq!(twins[2]["error"], "Unprofitable { balance: 52914604116, due: 53000000000 }");
    for twin in twins {
        assert_eq!(twin["outcome"]["outcome"], "removed");
        assert_eq!(twin["changed"], "nothing");
    }
}

#[test]
fn flash_loan_crosses_twice_in_its_tree() {
    let report = weft(&["demo", "flash-loan", "--json"]).json();
    let calls = &report["thread"]["legs"][0]["calls"];
    assert_eq!((&calls[0]["from"], &calls[0]["to"]), (&901.into(), &902.into()));
    let home = &calls[0]["calls"][0];
    assert_eq!((&home["from"], &home["to"]), (&902.into(), &901.into()));
    assert_eq!(home["calls"], Value::Array(Vec::new()));
}

#[test]
fn arbitrage_has_the_numbers_of_s2_on_a_running_node() {
    // A realm of a number of its own, as one on L1 has a hub of its own.
    let config = Scratch::with("[realm]\nid = 7\n");
    let dev = Dev::start(&["--rollups", "2", "--config", config.path()]);
    // Twice, since nobody says that a node is new.
    for _ in 0..2 {
        let ran = weft(&["demo", "arbitrage", "--json", "--rpc", dev.url(1)]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        let report = ran.json();
        assert_eq!(report["bundle"]["protected"], true);
        assert_eq!(found(&report, "leg 0 will buy"), "16.345066150794301359");
        assert_eq!(found(&report, "leg 1 will get"), "52914.604116");
        assert_eq!(found(&report, "profit"), "2914.604116");
        let outcome = &report["twins"][0]["outcome"];
        assert_eq!((&outcome["chainId"], &outcome["leg"]), (&902.into(), &1.into()));
        assert_eq!(report["twins"][0]["changed"], "nothing");
    }
}

#[test]
fn sandwich_names_the_flags_that_a_node_needs_and_plays_with_them() {
    let dev = Dev::start(&["--rollups", "2"]);
    let ran = weft(&["demo", "sandwich", "--rpc", dev.url(0)]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("weft dev --sealed --priority fees"), "{}", ran.err);
    let dev = Dev::start(&["--rollups", "2", "--slot", "1s", "--sealed", "--priority", "fees"]);
    let ran = weft(&["demo", "sandwich", "--json", "--rpc", dev.url(0)]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
}

#[test]
fn demo_on_one_rollup_says_what_to_do() {
    let dev = Dev::start(&["--rollups", "1"]);
    let ran = weft(&["demo", "flash-loan", "--rpc", dev.url(0)]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("weft dev --rollups 2"), "{}", ran.err);
}

#[test]
fn a_bot_earns_on_what_it_reads_and_loses_on_what_was_sealed() {
    let ran = weft(&["demo", "sandwich", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let report = ran.json();
    assert_eq!(report["ok"], true, "{report:#}");
    let all = |what: &str| -> Vec<&str> {
        let checks = report["checks"].as_array().unwrap().iter();
        checks
            .filter(|check| check["what"] == what)
            .map(|it| it["found"].as_str().unwrap())
            .collect()
    };
    assert_eq!(all("the bot earns"), ["827.896785"]);
    assert_eq!(all("the bot loses"), ["182.425435"]);
    assert_eq!(all("of a fair"), ["16.345066150794301359"]);
    assert_eq!(all("the bot keeps ether"), ["false"]);
    assert_eq!(all("the victim gets"), ["16.018164827783078823", "16.345066150794301359"]);
    assert_eq!(all("swaps that the bot could read"), ["0"]);
}
