//! Benches of a node in a process of its own, for a few seconds.

use crate::support::weft;
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn sealed_items_over_rpc_are_ordered_opened_and_in_blocks() {
    let folder =
        format!("{}/weft-bench-sealed-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::create_dir_all(&folder).unwrap();
    let sizes = ["--items", "64", "--epochs", "1", "--connections", "2", "--batch", "16"];
    let run = ["bench", "sealed-rpc", "--junk", "500", "--folder", &folder, "--json"];
    let ran = weft(&[&run[..], &sizes[..]].concat());
    // An envelope that was not taken, not promised or not included would end it without figures.
    let figures = figures(&ran.out);
    for name in ["ordered and promised", "opened and promised"] {
        assert!(figures[&format!("sealed over RPC: {name}")] > 0.0, "{ran:#?}");
    }
    let junk = |name: &str| figures[&format!("junk over RPC: {name}")];
    assert_eq!(junk("taken that should not be"), 0.0, "{ran:#?}");
    assert!(junk("answered") >= 500.0, "{ran:#?}");
    assert!(junk("paid for, ordered, opened to nothing, charged") > 0.0, "{ran:#?}");
    assert_eq!(std::fs::remove_dir(&folder).map_err(|error| error.kind()), Ok(()), "empty again");
}

fn figures(out: &str) -> BTreeMap<String, f64> {
    let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
    let figures = lines.filter_map(|line: Value| {
        Some((line["name"].as_str()?.to_owned(), line["value"].as_f64()?))
    });
    figures.collect()
}

#[test]
fn a_node_that_is_asked_for_too_much_refuses_and_loses_nothing() {
    let folder = format!("{}/weft-bench-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::create_dir_all(&folder).unwrap();
    let ran = weft(&[
        "bench",
        "overload",
        "--seconds",
        "2",
        "--warm-up",
        "1",
        "--connections",
        "32",
        "--batch",
        "100",
        "--folder",
        &folder,
        "--json",
    ]);
    // The exit code tells of times as well, which a busy machine cannot keep.
    let figures = figures(&ran.out);
    assert_eq!(figures["accepted and in no block"], 0.0, "{ran:#?}");
    assert!(figures["accepted"] > 0.0 && figures["refused"] > 0.0, "{ran:#?}");
    assert_eq!(std::fs::remove_dir(&folder).map_err(|error| error.kind()), Ok(()), "empty again");
}
