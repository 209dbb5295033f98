//! A development L1 of one's own: `weft l1 dev`, and that of `weft dev`.

use crate::{
    chain::program,
    support::{ALICE_KEY, BOB, weft},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running command, and what it says first.
struct Running {
    child: Child,
    first: Value,
    _lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(args)
            .env("WEFT_ANVIL", program())
            .env_remove("WEFT_CONFIG")
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let first = serde_json::from_str(&first).unwrap_or_else(|_| panic!("{args:?}: {first}"));
        Self { child, first, _lines: lines }
    }

    fn signal(&mut self, name: &str) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(url: &str, method: &str, params: Value) -> Option<Value> {
    use jsonrpsee::{
        core::{client::ClientT as _, params::ArrayParams},
        http_client::HttpClient,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut list = ArrayParams::new();
    params.as_array().unwrap().iter().for_each(|param| list.insert(param).unwrap());
    let client = HttpClient::builder().build(url).unwrap();
    runtime.block_on(client.request(method, list)).ok()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(50));
    }
}

fn ends(url: &str) {
    until("the L1 ends", || ask(url, "eth_chainId", json!([])).is_none());
}

#[test]
fn the_l1_of_weft_dev_ends_with_it_however_that_ends() {
    for (client, signal) in
        [("embedded", "-KILL"), ("embedded", "-INT"), ("anvil", "-KILL"), ("anvil", "-INT")]
    {
        let args = ["dev", "--json", "--port", "0", "--l1-port", "0", "--rollups", "1"];
        let mut dev = Running::start(&[&args[..], &["--l1-client", client]].concat());
        assert_eq!(dev.first["l1"]["client"], client);
        let url = dev.first["l1"]["url"].as_str().unwrap().to_owned();
        assert_eq!(ask(&url, "eth_chainId", json!([])), Some(json!("0x384")));
        dev.signal(signal);
        ends(&url);
    }
}

#[test]
fn what_goes_over_l1_is_waited_for_and_refused_in_words() {
    let args = ["dev", "--json", "--port", "0", "--l1-port", "0", "--rollups", "1"];
    let dev = Running::start(&args);
    let l1 = dev.first["l1"]["url"].as_str().unwrap();
    let rpc = dev.first["rollups"][0]["url"].as_str().unwrap();
    let place = ["--l1", l1, "--rpc", rpc, "--key", ALICE_KEY];
    let to = "0x00000000000000000000000000000000000c1a1e";
    let run = |args: &[&str]| weft(&[args, &place[..]].concat());
    until("the contracts are on L1", || {
        let asked = run(&["deposit", "--rollup", "999", "--amount", "1"]);
        asked.err.contains("nothing was sent: the realm has no rollup 999; it has 901")
    });
    let down = run(&["deposit", "--rollup", "901", "--amount", "2ether", "--to", to, "--wait"]);
    assert_eq!(down.code, 0, "{down:?}");
    assert!(down.out.contains(&format!("{} has 2 ETH there", to_checksum(to))), "{}", down.out);
    assert!(down.err.contains("rollup 901 takes it once that is enough"), "{}", down.err);

    let up = run(&["withdraw", "--amount", "1ether", "--to", to, "--wait"]);
    assert_eq!(up.code, 0, "{up:?}");
    assert!(up.err.contains("exit 0 waits for a settlement"), "{}", up.err);
    assert_eq!(ask(l1, "eth_getBalance", json!([to, "latest"])), Some(json!("0xde0b6b3a7640000")));
    let burnt = up.out.lines().next().unwrap().rsplit(' ').next().unwrap();
    let again = run(&["withdraw", "--claim", burnt]);
    assert!(again.code == 1 && again.err.contains("exit 0 was claimed before"), "{again:?}");

    let lost = weft(&["promise", "get", burnt, "--rpc", l1]);
    assert!(lost.err.contains("serves chain 900, no rollup of a realm"), "{}", lost.err);
}

#[test]
fn what_l1_takes_back_is_settled_again() {
    let args = ["dev", "--json", "--port", "0", "--l1-port", "0", "--rollups", "1"];
    let dev = Running::start(&args);
    let l1 = dev.first["l1"]["url"].as_str().unwrap();
    let rpc = dev.first["rollups"][0]["url"].as_str().unwrap();
    let height = || {
        let number = ask(l1, "eth_blockNumber", json!([])).unwrap();
        u64::from_str_radix(&number.as_str().unwrap()[2..], 16).unwrap()
    };
    let pay = |nonce| {
        let raw = crate::posting::signed_transfer(901, nonce);
        let hash = ask(rpc, "eth_sendRawTransaction", json!([raw])).unwrap();
        until("the payment is settled", || {
            let receipt = ask(rpc, "eth_getTransactionReceipt", json!([hash]));
            receipt.is_some_and(|receipt| receipt["weftFinality"] == "settled")
        });
    };
    pay(0);
    let below = height();
    pay(1);
    // Batches and settlements are gone, and come again as others.
    let depth = height() - below;
    ask(l1, "anvil_reorg", json!([depth, []])).unwrap();
    pay(2);
}

fn to_checksum(address: &str) -> String {
    address.parse::<alloy_primitives::Address>().unwrap().to_string()
}

#[test]
fn an_l1_by_itself_has_the_realm_that_its_file_names() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("l1.toml").to_str().unwrap().to_owned();
    let mut l1 = Running::start(&["l1", "dev", "--json", "--port", "0", "--out", &file]);
    let url = l1.first["url"].as_str().unwrap().to_owned();
    for name in ["hub", "inbox", "bridge", "escape", "registry", "slasher", "judge", "policy"] {
        let code = ask(&url, "eth_getCode", json!([l1.first[name], "latest"])).unwrap();
        assert!(code.as_str().unwrap().len() > 100, "{name} has no code");
    }
    let checked = weft(&["config", "check", &file]);
    assert_eq!(checked.code, 0, "{checked:?}");
    // A node of that file is one of this realm: what is deposited arrives, deep enough.
    let dev = Running::start(&["dev", "--json", "--port", "0", "--config", &file]);
    let rollup = dev.first["rollups"][0]["url"].as_str().unwrap().to_owned();
    let balance = || ask(&rollup, "eth_getBalance", json!([BOB, "latest"])).unwrap();
    let before = balance();
    let deposit = ["deposit", "--config", &file, "--key", ALICE_KEY, "--rollup", "901"];
    let deposited = weft(&[&deposit[..], &["--amount", "1ether", "--to", BOB]].concat());
    assert_eq!(deposited.code, 0, "{deposited:?}");
    ask(&url, "anvil_mine", json!(["0x41"])).unwrap();
    until("the deposit is there", || balance() != before);
    drop(dev);
    assert!(l1.signal("-INT").success());
    ends(&url);
}
