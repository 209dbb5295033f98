//! `weft dev`.

use crate::support::{ALICE, ALICE_KEY, BOB, Dev, Scratch, weft, weft_reading};
use std::time::{Duration, Instant};

/// Far more than the banner takes, for a machine that does much else.
const BANNER_TIME: Duration = Duration::from_secs(20);

#[test]
fn banner_is_one_line_of_json_and_comes_soon() {
    let begun = Instant::now();
    let dev = Dev::start(&[]);
    assert!(begun.elapsed() < BANNER_TIME, "{:?}", begun.elapsed());
    let banner = &dev.banner;
    assert_eq!(banner["event"], "started");
    assert_eq!(banner["accounts"].as_array().unwrap().len(), 10);
    assert_eq!(
        banner["accounts"][0]["address"].as_str().unwrap().to_lowercase(),
        ALICE.to_lowercase()
    );
    assert_eq!(banner["accounts"][0]["privateKey"], ALICE_KEY);
    assert_eq!(banner["contracts"]["manager"], "0x5745465400000000000000000000000000000001");
    let ids: Vec<_> =
        banner["rollups"].as_array().unwrap().iter().map(|rollup| &rollup["chainId"]).collect();
    assert_eq!(ids, [901, 902, 903]);
    assert!(dev.stop().success());
}

#[test]
fn state_of_all_rollups_survives_a_restart() {
    let state = Scratch::new();
    let args = ["--rollups", "2", "--dump-state", state.path()];
    let mut dev = Dev::start(&args);
    let bundle = pay_on_both(dev.url(0));
    let block = dev.line();
    assert_eq!((&block["event"], &block["number"]), (&"block".into(), &1.into()));
    assert!(dev.stop().success());

    let dev = Dev::start(&["--rollups", "2", "--load-state", state.path()]);
    // The same legs have the same nonces, which are used.
    let again = weft_reading(&["bundle", "send", "--rpc", dev.url(0)], &bundle);
    assert_eq!(again.code, 1, "{again:?}");
}

#[test]
fn same_seed_gives_the_same_blocks() {
    let hashes = || {
        let mut dev = Dev::start(&["--rollups", "2", "--seed", "7"]);
        pay_on_both(dev.url(0));
        let mut blocks = [dev.line(), dev.line()];
        blocks.sort_by_key(|block| block["chainId"].as_u64());
        blocks.map(|block| block["hash"].clone())
    };
    assert_eq!(hashes(), hashes());
}

#[test]
fn taken_port_is_named() {
    let dev = Dev::start(&["--rollups", "1"]);
    let port = dev.url(0).rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let ran = weft(&["dev", "--rollups", "1", "--port", &port]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(&port) && ran.err.contains("--port"), "{}", ran.err);
}

/// Includes a bundle that pays 1 wei on rollups 901 and 902; returns it signed.
fn pay_on_both(url: &str) -> String {
    let leg = |id: u16| format!("{id}:from={ALICE},to={BOB},value=1,gas=50_000");
    let build = ["bundle", "build", "--rpc", url, "--leg", &leg(901), "--leg", &leg(902)];
    let built = weft(&build);
    let signed = weft_reading(&["bundle", "sign", "--key", ALICE_KEY, "--rpc", url], &built.out);
    let sent = weft_reading(&["bundle", "send", "--wait", "--rpc", url], &signed.out);
    assert_eq!(sent.code, 0, "{sent:?}");
    signed.out
}

#[test]
fn a_realm_without_an_l1_says_why() {
    let dev = Dev::start_with(&["--rollups", "1", "--seed", "7"]);
    assert!(dev.banner["l1"].is_null(), "{}", dev.banner);
    assert!(dev.banner["noL1"].as_str().unwrap().contains("--seed"), "{}", dev.banner);
    // Who asked for none knows why.
    assert!(Dev::start(&["--rollups", "1", "--seed", "7"]).banner["noL1"].is_null());
}
