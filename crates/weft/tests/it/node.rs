//! `weft node` as whoever runs it sees it: a configuration, signals, a log, an admin port.

use crate::support::{BOB, Scratch, weft};
use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::SolCall;
use jsonrpsee::{
    core::{client::ClientT, params::ArrayParams},
    http_client::HttpClient,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use weft_contracts::{Manager::createCrossChainProxyCall, addresses::MANAGER};
use weft_node::DEV_ACCOUNTS;

const PASSPHRASE: &str = "a passphrase that no line may hold";

/// A folder with everything that a node needs.
struct Home(TempDir);

impl Home {
    fn new(slot: &str) -> Self {
        let home = Self(TempDir::new().unwrap());
        let secret = home.path("passphrase");
        fs::write(&secret, PASSPHRASE).unwrap();
        let made = weft(&["keys", "new", &home.path("key.json"), "--passphrase", &secret]);
        assert_eq!(made.code, 0, "{made:?}");
        for id in [901, 902] {
            fs::write(home.path(&format!("{id}.toml")), rollup(id)).unwrap();
        }
        let config = format!(
            "[node]\ndata_dir = \"data\"\n[realm]\nslot = \"{slot}\"\nrollups = [\"901.toml\"]\n\
             [promise]\nkey = \"key.json\"\npassphrase = \"{PASSPHRASE}\"\n\
             [admin]\nport = 0\n[log]\nformat = \"json\"\n"
        );
        fs::write(home.path("weft.toml"), config).unwrap();
        let owner = fs::Permissions::from_mode(0o600);
        fs::set_permissions(home.path("weft.toml"), owner).unwrap();
        home
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn start(&self, more: &[&str]) -> Running {
        let mut running = self.begin(more);
        running.until("started");
        running
    }

    /// Starts a node without waiting for it.
    fn begin(&self, more: &[&str]) -> Running {
        let config = self.path("weft.toml");
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["node", "--config", &config])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_remove("RUST_LOG")
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let errors = child.stderr.take().unwrap();
        Running { child, lines, errors, said: String::new() }
    }
}

fn rollup(id: u32) -> String {
    let address = DEV_ACCOUNTS[0].address;
    format!(
        "chain_id = {id}\nname = \"rollup of {id}\"\n[allocations]\n\"{address}\" = \"1 ether\"\n"
    )
}

/// A running node.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    errors: ChildStderr,
    /// Everything that it logged so far.
    said: String,
}

impl Running {
    /// Reads lines until one says that `event` happened; returns that line.
    fn until(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            if read == 0 {
                panic!("no `{event}` before the end: {:?}", self.rest());
            }
            self.said += &line;
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if line["event"].as_str().is_some_and(|found| found.starts_with(event)) {
                return line;
            }
        }
    }

    /// Returns the URL that a line of the start names.
    fn url(&self, event: &str) -> String {
        let lines = self.said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = lines.into_iter().find(|line| line["event"] == event).expect(event);
        found["url"].as_str().unwrap().to_owned()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Returns everything that it logged, and its standard error.
    fn rest(&mut self) -> (String, String) {
        let mut errors = String::new();
        self.lines.read_to_string(&mut self.said).unwrap();
        self.errors.read_to_string(&mut errors).unwrap();
        (self.said.clone(), errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn payment(nonce: u64) -> Bytes {
    cross(nonce, DEV_ACCOUNTS[1].address, Vec::new(), 1)
}

fn cross(nonce: u64, to: Address, input: Vec<u8>, wei: u64) -> Bytes {
    let tx = TxEip1559 {
        chain_id: 901,
        nonce,
        gas_limit: 2_000_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(wei),
        input: input.into(),
        ..TxEip1559::default()
    };
    DEV_ACCOUNTS[0].sign(TypedTransaction::Eip1559(tx)).unwrap().encoded_2718().into()
}

pub(crate) fn ask(url: &str, method: &str, params: Value) -> Value {
    let mut args = ArrayParams::new();
    params.as_array().unwrap().iter().for_each(|param| args.insert(param).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = HttpClient::builder().build(url).unwrap();
    runtime
        .block_on(client.request(method, args))
        .unwrap_or_else(|error| panic!("{method}: {error}"))
}

#[test]
fn a_node_from_files_ends_its_slot_at_a_signal_and_goes_on_from_there() {
    // Only the end of the node ends this slot.
    let home = Home::new("60s");
    for signal in ["-TERM", "-INT"] {
        let mut node = home.start(&["--log-level", "trace"]);
        let url = node.url("rollup is served");
        let nonce =
            ask(&url, "eth_getTransactionCount", json!([DEV_ACCOUNTS[0].address, "pending"]));
        let nonce: U256 = serde_json::from_value(nonce).unwrap();
        let hash = ask(&url, "eth_sendRawTransaction", json!([payment(nonce.to())]));
        node.signal(signal);
        assert_eq!(node.code(), Some(0), "{:?}", node.rest());
        let (said, errors) = node.rest();
        for event in ["\"event\":\"stopping", "\"event\":\"stopped\""] {
            assert!(said.contains(event), "{event}: {said}");
        }
        let token = fs::read_to_string(home.path("data/admin.token")).unwrap();
        let key = fs::read_to_string(home.path("key.json")).unwrap();
        let key: Value = serde_json::from_str(&key).unwrap();
        for secret in [PASSPHRASE, token.trim(), key["crypto"]["ciphertext"].as_str().unwrap()] {
            assert!(
                !said.contains(secret) && !errors.contains(secret),
                "{secret} in {said}{errors}"
            );
        }
        let mut node = home.start(&[]);
        let receipt =
            ask(&node.url("rollup is served"), "eth_getTransactionReceipt", json!([hash]));
        assert_eq!(receipt["status"], "0x1");
        node.signal("-TERM");
        assert_eq!(node.code(), Some(0));
    }
}

#[test]
fn a_start_that_takes_long_says_why_and_ends_at_a_signal() {
    let home = Home::new("20ms");
    let mut config = fs::read_to_string(home.path("weft.toml")).unwrap();
    fs::write(home.path("committee.json"), json!({"members": {"1": BOB}}).to_string()).unwrap();
    // Half an hour of squarings.
    config += "[sealing]\nenabled = true\ndelay = 1073741824\ncommittee = \"committee.json\"\n";
    fs::write(home.path("weft.toml"), config).unwrap();
    let mut node = home.begin(&[]);
    let line = node.until("squaring once for the setup");
    assert_eq!(line["squarings"], 1_u64 << 30);
    node.signal("-TERM");
    assert_eq!(node.code(), Some(130));
    let (said, _) = node.rest();
    assert!(said.contains("ended before the node had started"), "{said}");
    assert!(!said.contains("\"started\""), "{said}");
}

#[test]
fn a_second_signal_does_not_wait_for_open_requests() {
    let home = Home::new("200ms");
    let mut node = home.start(&[]);
    let url = node.url("rollup is served");
    let mut stuck = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    stuck.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{").unwrap();
    // The server has the connection once it answers another one.
    ask(&url, "eth_chainId", json!([]));
    let begun = Instant::now();
    node.signal("-TERM");
    node.until("stopping");
    node.signal("-INT");
    assert_eq!(node.code(), Some(130), "{:?}", node.rest());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn lines_of_the_log_are_json_with_time_level_and_target() {
    let home = Home::new("200ms");
    let mut node = home.start(&[]);
    node.signal("-TERM");
    assert_eq!(node.code(), Some(0));
    let (said, errors) = node.rest();
    assert_eq!(errors, "");
    for line in said.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for member in ["time", "level", "target", "event"] {
            assert!(line[member].is_string(), "{member}: {line}");
        }
    }
    let text = home.start_text();
    assert!(text.contains("INFO started version="), "{text}");
}

impl Home {
    /// Runs a node with a log for people and ends it; returns what it logged.
    fn start_text(&self) -> String {
        let config = self.path("weft.toml");
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["node", "--config", &config, "--log-format", "text"])
            .stderr(Stdio::piped())
            .env_remove("RUST_LOG")
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("started") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        said
    }
}

#[test]
fn a_rollup_joins_by_its_file_and_survives_a_kill() {
    let home = Home::new("50ms");
    let node = home.start(&[]);
    let admin = node.url("admin port is open");
    let (file, token) = (home.path("902.toml"), home.path("data/admin.token"));
    let add = ["rollup", "add", &file, "--admin", &admin, "--token", &token, "--json"];
    let added = weft(&add);
    assert_eq!(added.code, 0, "{added:?}");
    let url = added.json()["url"].as_str().unwrap().to_owned();
    assert_eq!(ask(&url, "eth_chainId", json!([])), "0x386");
    let again = weft(&add);
    assert!(again.code == 1 && again.err.contains("in the realm already"), "{again:?}");
    fs::write(home.path("wrong"), "no token").unwrap();
    let wrong = weft(&["rollup", "add", &file, "--admin", &admin, "--token", &home.path("wrong")]);
    assert!(wrong.code == 1 && wrong.err.lines().count() == 1, "{wrong:?}");
    assert!(wrong.err.contains("refuses the token"), "{wrong:?}");
    // As by `kill -9`.
    drop(node);
    let node = home.start(&[]);
    assert!(
        node.said.contains("\"chain_id\":902") && node.said.contains("rollup of 902"),
        "{}",
        node.said
    );
}

#[test]
fn what_a_node_needs_is_asked_for_by_name() {
    let home = Home::new("200ms");
    let config = home.path("weft.toml");
    let text = fs::read_to_string(&config).unwrap();
    for (line, part) in [
        ("data_dir = \"data\"", "node.data_dir"),
        ("key = \"key.json\"", "promise.key"),
        ("rollups = [\"901.toml\"]", "realm.rollups"),
    ] {
        fs::write(&config, text.replace(line, "")).unwrap();
        let ran = weft(&["node", "--config", &config, "--admin-token", &home.path("t")]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{line}");
        assert!(ran.err.starts_with("error: no ") && ran.err.contains(part), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn a_configuration_is_checked_and_shown() {
    let home = Home::new("200ms");
    let config = home.path("weft.toml");
    let good = weft(&["config", "check", &config]);
    assert_eq!((good.code, good.err.as_str()), (0, ""), "{good:?}");
    let shown = weft(&["config", "print", "--config", &config, "--slot", "1s"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for line in [
        "slot = \"1s\"  # --slot".to_owned(),
        format!("passphrase = \"***\"  # {config}:8"),
        "host = \"127.0.0.1\"  # default".to_owned(),
    ] {
        assert!(shown.out.lines().any(|found| found == line), "{line} is missing in {}", shown.out);
    }
    assert!(!shown.out.contains(PASSPHRASE));
    fs::write(home.path("901.toml"), "chain_id = 901\ngas = 5\n").unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("slot =", "slott =")).unwrap();
    let bad = weft(&["config", "check", &config]);
    assert_eq!((bad.code, bad.out.as_str()), (1, ""));
    let lines: Vec<_> = bad.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", bad.err);
    assert!(
        lines[0].contains("weft.toml:4: unknown key `realm.slott`; did you mean `realm.slot`?")
    );
    assert!(lines[1].contains("901.toml:2: unknown key `gas`"), "{}", lines[1]);
    let refused = weft(&["node", "--config", &config]);
    assert!(refused.code == 1 && refused.err.contains("weft.toml:4: "), "{refused:?}");
    let missing = weft(&["config", "check", "missing.toml"]);
    assert!(
        missing.code == 1 && missing.err.contains("missing.toml: cannot read it"),
        "{missing:?}"
    );
}

#[test]
fn values_that_are_wrong_are_named_by_flag_and_by_variable() {
    let ran = weft(&["node", "--slot", "soon"]);
    assert!(ran.code == 1 && ran.err.contains("write a time like 200ms or 1s"), "{ran:?}");
    let output = Command::new(env!("CARGO_BIN_EXE_weft"))
        .args(["config", "print"])
        .env("WEFT_REALM_SLOT", "soon")
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err.starts_with("error: WEFT_REALM_SLOT: write a time"), "{err}");
    let file = Scratch::with("[log]\nlevel = \"weft=loud\"\n");
    let ran = weft(&["dev", "--config", file.path(), "--port", "0"]);
    assert!(ran.code == 1 && ran.err.contains("log level `weft=loud`"), "{ran:?}");
}

#[test]
fn what_is_exported_can_be_imported_again_and_nothing_else() {
    let home = Home::new("20ms");
    let text = fs::read_to_string(home.path("weft.toml")).unwrap();
    let both = text.replace("[\"901.toml\"]", "[\"901.toml\", \"902.toml\"]");
    fs::write(home.path("weft.toml"), both).unwrap();
    let node = home.start(&[]);
    let url = node.url("rollup is served");
    // One alone, one that crosses: its proxy on 901 calls an account of 902.
    ask(&url, "eth_sendRawTransaction", json!([payment(0)]));
    let proxy = || ask(&url, "weft_getProxy", json!([DEV_ACCOUNTS[2].address, 902]));
    assert_eq!(proxy()["deployed"], false);
    let create = cross(
        1,
        MANAGER,
        createCrossChainProxyCall { original: DEV_ACCOUNTS[2].address, network: 902 }.abi_encode(),
        0,
    );
    let created = wait(&url, &ask(&url, "eth_sendRawTransaction", json!([create])));
    assert_eq!(created["status"], "0x1", "{created}");
    let proxy = proxy();
    assert_eq!(proxy["deployed"], true);
    let proxy = proxy["address"].clone();
    let proxy = serde_json::from_value(proxy).unwrap();
    let crossed =
        wait(&url, &ask(&url, "eth_sendRawTransaction", json!([cross(2, proxy, Vec::new(), 7)])));
    assert_eq!(crossed["status"], "0x1", "{crossed}");
    let head = ask(&url, "eth_getBlockByNumber", json!([crossed["blockNumber"], false]));
    node.signal("-TERM");
    let mut node = node;
    assert_eq!(node.code(), Some(0));

    let data = home.path("data");
    for chain in ["901", "902"] {
        let (out, replay) =
            (home.path(&format!("{chain}.rlp")), home.path(&format!("{chain}.replay")));
        let export = ["export", "--data-dir", &data, "--rollup", chain, "--replay", &replay, &out];
        let ran = weft(&export);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
        let again = weft(&export);
        assert!(again.code == 1 && again.err.contains("exists"), "{again:?}");
        let imported = weft(&["import", "--json", "--replay", &replay, &out]);
        assert_eq!((imported.code, imported.err.as_str()), (0, ""), "{imported:?}");
        assert!(imported.json()["blocks"].as_u64().unwrap() > 1, "{imported:?}");
        refuses_what_was_altered(&home, &replay, &out);
    }
    let blocks = fs::read(home.path("901.rlp")).unwrap();
    let hash: B256 = serde_json::from_value(head["hash"].clone()).unwrap();
    let reader = weft_ethereum::BlockReader::new(blocks.as_slice());
    let parents: Vec<_> = reader.map(|block| keccak256(header_of(&block.unwrap()))).collect();
    assert!(parents.contains(&hash), "the block of the crossing is in the export");
    let missing = weft(&["export", "--data-dir", &data, "--rollup", "7", &home.path("7")]);
    assert!(missing.code == 1 && missing.err.contains("no rollup 7"), "{missing:?}");
    let nowhere =
        weft(&["export", "--data-dir", &home.path("no"), "--rollup", "7", &home.path("7")]);
    assert!(nowhere.code == 1 && nowhere.err.contains("holds no log"), "{nowhere:?}");
    assert!(!fs::exists(home.path("no")).unwrap() && !fs::exists(home.path("7")).unwrap());
}

fn refuses_what_was_altered(home: &Home, replay: &str, blocks: &str) {
    let (whole, good) = (fs::read(replay).unwrap(), fs::read(blocks).unwrap());
    let (torn, altered) = (home.path("torn"), home.path("altered"));
    for at in (0..good.len()).step_by(good.len() / 9) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&altered, &bytes).unwrap();
        let ran = weft(&["import", "--replay", replay, &altered]);
        assert!(ran.code == 1 && ran.err.starts_with("error: block "), "{at}: {ran:?}");
    }
    for end in (0..whole.len()).step_by(whole.len() / 9) {
        fs::write(&torn, &whole[..end]).unwrap();
        let ran = weft(&["import", "--replay", &torn, blocks]);
        assert!(ran.code == 1 && ran.err.lines().count() == 1, "{end}: {ran:?}");
    }
}

/// Returns the RLP of a block's header.
fn header_of(mut block: &[u8]) -> &[u8] {
    alloy_rlp::Header::decode(&mut block).unwrap();
    let mut rest = block;
    let header = alloy_rlp::Header::decode(&mut rest).unwrap();
    let length = block.len() - rest.len() + header.payload_length;
    &block[..length]
}

fn wait(url: &str, hash: &Value) -> Value {
    loop {
        let receipt = ask(url, "eth_getTransactionReceipt", json!([hash]));
        if !receipt.is_null() {
            return receipt;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
