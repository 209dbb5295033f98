//! What whoever runs a node relies on: rollups that join, the admin port, figures that go on, an orderly end.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::U256;
use jsonrpsee::{
    core::{client::ClientT, client::Error, params::ArrayParams},
    http_client::{HeaderMap, HeaderValue, HttpClient},
    types::ErrorObjectOwned,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use weft_journal::{
    Disk,
    sim::{Fault, SimDisk},
};
use weft_node::{
    AdminConfig, Archive, DEV_ACCOUNTS, DevConfig, L1Update, LogControl, Mining, Node, NodeError,
    NodeHandle, Origins, RollupConfig,
};
use weft_types::Domain;

const NEW: u64 = 950;

fn admin(dir: &Path) -> AdminConfig {
    AdminConfig::local(0, dir.join("admin.token"))
}

fn with_admin(dir: &Path) -> DevConfig {
    DevConfig { data_dir: Some(dir.to_owned()), admin: Some(admin(dir)), ..config() }
}

/// Asks the admin port with the token that lies in `dir`.
async fn ask(
    node: &NodeHandle,
    dir: &Path,
    method: &str,
    params: Value,
) -> Result<Value, ErrorObjectOwned> {
    let token = fs::read_to_string(dir.join("admin.token")).unwrap();
    let mut headers = HeaderMap::new();
    let value = HeaderValue::try_from(format!("Bearer {}", token.trim())).unwrap();
    headers.insert("authorization", value);
    let client = HttpClient::builder().set_headers(headers).build(node.admin_url().unwrap());
    let mut args = ArrayParams::new();
    params.as_array().unwrap().iter().for_each(|param| args.insert(param).unwrap());
    match client.unwrap().request(method, args).await {
        Ok(value) => Ok(value),
        Err(Error::Call(error)) => Err(error),
        Err(error) => panic!("{method}: {error}"),
    }
}

/// Sends text to a port; returns everything that comes back.
async fn talk(url: &str, text: &str) -> String {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Returns the first line of an answer.
async fn first_line(url: &str, text: &str) -> String {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}

fn new_rollup() -> Value {
    json!({
        "chainId": NEW,
        "name": "orders",
        "gasLimit": "0x1c9c380",
        "baseFee": "0x7",
        "allocations": { address(0).to_string(): "0xde0b6b3a7640000" },
    })
}

/// Asks a rollup by its URL.
async fn rpc(url: &str, method: &str, params: Value) -> Value {
    let client = HttpClient::builder().build(url).unwrap();
    let mut args = ArrayParams::new();
    params.as_array().unwrap().iter().for_each(|param| args.insert(param).unwrap());
    client.request(method, args).await.unwrap()
}

fn url_of(node: &NodeHandle, chain_id: u64) -> String {
    let found = node.rollups().iter().find(|rollup| rollup.chain_id == chain_id);
    found.unwrap_or_else(|| panic!("{chain_id} is not served")).url.clone()
}

#[tokio::test]
async fn a_rollup_joins_a_running_realm_and_is_there_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let world = World::with(with_admin(dir.path())).await;
    world.send(&Draft::new(A, 0, 0)).await;
    let added =
        ask(&world.node, dir.path(), "admin_addRollup", json!([new_rollup()])).await.unwrap();
    let url = added["url"].as_str().unwrap();
    assert_eq!(rpc(url, "eth_chainId", json!([])).await, json!("0x3b6"));
    let wei = rpc(url, "eth_getBalance", json!([address(0), "latest"])).await;
    assert_eq!(wei, json!("0xde0b6b3a7640000"));
    let genesis = rpc(url, "eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!(
        (&genesis["gasLimit"], &genesis["baseFeePerGas"]),
        (&json!("0x1c9c380"), &json!("0x7"))
    );
    // Its own transactions run, and bundles over it and the others.
    let pay = Draft::new(NEW, 0, 0).pay(address(9), 5);
    let hash = rpc(url, "eth_sendRawTransaction", json!([pay.raw()])).await;
    let legs = [Draft::new(A, 0, 1).leg(), Draft::new(NEW, 0, 1).leg()];
    let sent = world.rpc(A, "weft_sendBundle", json!([{ "legs": legs }])).await;
    let outcome = world.rpc(A, "weft_getOutcome", json!([sent["bundleId"]])).await;
    assert_eq!(outcome["outcome"], "included", "{outcome}");
    let head = rpc(url, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_ne!(head["number"], "0x0");
    let chains = world.rpc(A, "weft_chains", json!([])).await;
    assert_eq!(chains["chains"].as_array().unwrap().len(), 4, "{chains}");
    world.node.stop().await.unwrap();

    let world = World::with(with_admin(dir.path())).await;
    let url = url_of(&world.node, NEW);
    assert_eq!(rpc(&url, "eth_getBlockByNumber", json!([head["number"], false])).await, head);
    assert_eq!(rpc(&url, "eth_getTransactionReceipt", json!([hash])).await["status"], "0x1");
    let found = rpc(&url, "eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!(found, genesis);
    let again = ask(&world.node, dir.path(), "admin_addRollup", json!([new_rollup()])).await;
    assert!(again.unwrap_err().message().contains("in the realm already"));
    world.node.stop().await.unwrap();
    // Each rollup alone repeats its own part, with what joined.
    for chain in [A, NEW] {
        repeats_alone(dir.path(), chain);
    }
}

fn repeats_alone(data_dir: &Path, chain: u64) {
    let replay = data_dir.join("replay");
    let out = Box::new(fs::File::create(&replay).unwrap());
    let archive = Archive::open(data_dir, chain as u32, Some(out), None).unwrap();
    let blocks: Vec<u8> = archive.blocks().flat_map(|block| block.unwrap().1).collect();
    let replay = fs::File::open(&replay).unwrap();
    let verified = weft_node::verify(replay, blocks.as_slice(), |_| {}).unwrap();
    assert_eq!(verified.head, archive.head(), "{chain}");
}

#[tokio::test]
async fn a_rollup_that_joined_survives_a_power_cut_and_a_torn_log() {
    let disk = SimDisk::default();
    let dir = TempDir::new().unwrap();
    let on = |disk: &SimDisk| DevConfig {
        log_disk: Some(Arc::new(disk.clone())),
        admin: Some(admin(dir.path())),
        ..config()
    };
    let world = World::with(on(&disk)).await;
    world.send(&Draft::new(A, 0, 0)).await;
    ask(&world.node, dir.path(), "admin_addRollup", json!([new_rollup()])).await.unwrap();
    world.send(&Draft::new(B, 0, 0)).await;
    disk.set_fault(Some(Fault::Dies(0)));
    disk.cut_power(&mut |_| 0);
    world.node.stop().await.unwrap();
    disk.set_fault(None);
    let world = World::with(on(&disk)).await;
    let url = url_of(&world.node, NEW);
    assert_eq!(
        rpc(&url, "eth_getBalance", json!([address(0), "latest"])).await,
        json!("0xde0b6b3a7640000")
    );
    world.node.stop().await.unwrap();
    // Wherever the log ends, it leads somewhere, with the rollup or without it.
    let (name, len) = disk.files().remove(0);
    let whole = disk.read(&name).unwrap();
    let mut seen = [0, 0];
    for end in (58..len).step_by(97) {
        let disk = SimDisk::default();
        disk.create(&name).unwrap();
        disk.damage(&name, |bytes| *bytes = whole[..end].to_vec());
        let world = World::with(on(&disk)).await;
        let has_joined = world.node.rollups().iter().any(|rollup| rollup.chain_id == NEW);
        seen[usize::from(has_joined)] += 1;
        world.node.stop().await.unwrap();
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

#[tokio::test]
async fn configured_rollups_join_at_the_start_and_cannot_change() {
    let disk = SimDisk::default();
    let allocations = vec![(DEV_ACCOUNTS[0].address, U256::from(10).pow(U256::from(18)))];
    let first = RollupConfig { allocations: allocations.clone(), ..RollupConfig::new(901) };
    let second = RollupConfig { allocations, name: "two".to_owned(), ..RollupConfig::new(902) };
    let with = |listed: &[RollupConfig]| DevConfig {
        log_disk: Some(Arc::new(disk.clone())),
        rollups: 0,
        listed: listed.to_vec(),
        accounts: Vec::new(),
        has_cheats: false,
        ..config()
    };
    let world = World::with(with(std::slice::from_ref(&first))).await;
    world.send(&Draft::new(A, 0, 0)).await;
    // Nothing that a production node must not have.
    assert_eq!(world.rpc(A, "eth_accounts", json!([])).await, json!([]));
    for method in ["evm_mine", "anvil_setBalance", "anvil_dumpState", "weft_loadState"] {
        assert_eq!(world.refused(A, method, json!([])).await.code(), -32601, "{method}");
    }
    world.node.stop().await.unwrap();
    let world = World::with(with(&[first.clone(), second.clone()])).await;
    assert_eq!(world.node.rollups()[1].name, "two");
    world.send(&Draft::new(B, 0, 0)).await;
    let genesis = world.rpc(B, "eth_getBlockByNumber", json!(["0x0", false])).await;
    world.node.stop().await.unwrap();
    // The file may go; the rollup stays.
    let world = World::with(with(std::slice::from_ref(&first))).await;
    assert_eq!(world.rpc(B, "eth_getBlockByNumber", json!(["0x0", false])).await, genesis);
    world.node.stop().await.unwrap();
    for (changed, what) in [
        (RollupConfig { base_fee: 5, ..first.clone() }, "base fee"),
        (RollupConfig { gas_limit: 30_000_000, ..second }, "gas limit"),
        (RollupConfig { allocations: Vec::new(), ..first }, "allocations"),
    ] {
        let error = Node::start(with(&[changed])).await.unwrap_err();
        assert!(
            matches!(&error, NodeError::OtherConfig { what: found, .. } if *found == what),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn rollups_that_cannot_join_are_refused_and_leave_nothing() {
    let dir = TempDir::new().unwrap();
    let world = World::with(with_admin(dir.path())).await;
    let taken: u16 = url_of(&world.node, A).rsplit(':').next().unwrap().parse().unwrap();
    let other = |key: &str, value: Value| {
        let mut rollup = new_rollup();
        rollup[key] = value;
        json!([rollup])
    };
    for (params, part) in [
        (json!([]), "missing value"),
        (json!([{ "chainId": 5, "surprise": 1 }]), "unknown field `surprise`"),
        (other("chainId", json!(A)), "in the realm already"),
        (json!([{ "chainId": A, "port": taken }]), "in the realm already"),
        (other("chainId", json!(0)), "L1"),
        (other("gasLimit", json!("0x5")), "gas limit 5"),
        (other("baseFee", json!("0x0")), "base fee 0"),
        (other("name", json!("a\nb")), "name"),
        (other("port", json!(taken)), "cannot listen on"),
        (other("allocations", json!({ "bob": "0x1" })), "invalid argument 0"),
    ] {
        let error = ask(&world.node, dir.path(), "admin_addRollup", params).await.unwrap_err();
        assert!(error.message().contains(part), "{part}: {error:?}");
    }
    let status = ask(&world.node, dir.path(), "admin_status", json!([])).await.unwrap();
    assert_eq!(status["rollups"].as_array().unwrap().len(), 3, "{status}");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_realm_on_l1_takes_no_rollup_that_its_hub_does_not_know() {
    let dir = TempDir::new().unwrap();
    let hub = address(7);
    let on_l1 = || DevConfig {
        domain: Domain { l1_chain_id: 900, settlement: hub, ..Domain::dev() },
        ..with_admin(dir.path())
    };
    let world = World::with(on_l1()).await;
    let asked = ask(&world.node, dir.path(), "admin_addRollup", json!([new_rollup()])).await;
    let why = asked.unwrap_err().message().to_owned();
    assert!(why.contains(&format!("is not registered with hub {hub}")), "{why}");
    let status = ask(&world.node, dir.path(), "admin_status", json!([])).await.unwrap();
    assert_eq!(status["rollups"].as_array().unwrap().len(), 3, "{status}");
    // Once the hub knows others they join in its order, as they are registered.
    let genesis =
        |id: u32| RollupConfig { base_fee: 7, ..RollupConfig::new(id) }.declared(1_700_000_000);
    let registered = vec![genesis(940), genesis(960)];
    world.node.engine().l1(L1Update::Registered(registered)).await.unwrap();
    let asked = async |id: u32, fee: &str| {
        let rollup =
            json!([{ "chainId": id, "name": "it", "baseFee": fee, "gasLimit": "0x3938700" }]);
        ask(&world.node, dir.path(), "admin_addRollup", rollup).await
    };
    let refused = async |id, fee| asked(id, fee).await.unwrap_err().message().to_owned();
    assert!(refused(950, "0x7").await.contains("is not registered"));
    assert!(refused(960, "0x7").await.contains("rollup 940 was registered before 960"));
    assert!(refused(940, "0x8").await.contains("with another gas limit, base fee"));
    let url = asked(940, "0x7").await.unwrap()["url"].as_str().unwrap().to_owned();
    let made = rpc(&url, "eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!(made["timestamp"], json!(format!("{:#x}", 1_700_000_000)));
    asked(960, "0x7").await.unwrap();
    world.node.stop().await.unwrap();
    let world = World::with(on_l1()).await;
    let again = rpc(&url_of(&world.node, 940), "eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!(again, made);
    world.node.stop().await.unwrap();
    // None joins by a file.
    let listed = vec![RollupConfig::new(u32::try_from(NEW).unwrap())];
    let error = Node::start(DevConfig { listed, ..on_l1() }).await.unwrap_err();
    assert!(error.to_string().contains("is not registered with hub"), "{error}");
    assert!(error.to_string().contains("weft rollup add"), "{error}");
}

#[tokio::test]
async fn the_admin_port_answers_nobody_without_its_token() {
    let dir = TempDir::new().unwrap();
    let world = World::with(with_admin(dir.path())).await;
    let url = world.node.admin_url().unwrap().to_owned();
    let token = dir.path().join("admin.token");
    assert_eq!(fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"admin_status","params":[]}"#;
    let request = |header: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{header}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let wrong = format!("authorization: Bearer {}\r\n", "0".repeat(64));
    let mut limited = 0;
    for attempt in 0..30 {
        let header = if attempt % 2 == 0 { "" } else { wrong.as_str() };
        let answer = talk(&url, &request(header)).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        if head.starts_with("HTTP/1.1 429") {
            limited += 1;
            assert_eq!(body, "too many requests\n");
        } else {
            assert!(
                head.starts_with("HTTP/1.1 401") && head.contains("www-authenticate: Bearer"),
                "{head}"
            );
            assert_eq!(body, "unauthorized\n");
        }
    }
    assert!(limited >= 15, "{limited}");
    // Whoever has the token is not kept out by the others.
    assert!(ask(&world.node, dir.path(), "admin_status", json!([])).await.is_ok());
    // None of its methods is at a rollup's port.
    assert_eq!(world.refused(A, "admin_status", json!([])).await.code(), -32601);
    // A token that others may read is refused at the start.
    world.node.stop().await.unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let error = Node::start(with_admin(dir.path())).await.unwrap_err();
    assert!(matches!(error, NodeError::TokenFile { .. }), "{error:?}");
}

#[tokio::test]
async fn the_intake_can_be_paused_and_opened_again() {
    let dir = TempDir::new().unwrap();
    let world = World::with(with_admin(dir.path())).await;
    let draft = Draft::new(A, 0, 0);
    assert_eq!(
        ask(&world.node, dir.path(), "admin_pauseIntake", json!([])).await.unwrap(),
        "paused"
    );
    for (method, params) in [
        ("eth_sendRawTransaction", json!([draft.raw()])),
        ("weft_sendBundle", json!([{ "legs": [draft.leg()] }])),
    ] {
        let error = world.refused(A, method, params).await;
        assert_eq!(error.code(), -38050, "{error:?}");
        assert!(error.message().contains("paused"), "{error:?}");
    }
    assert_eq!(world.rpc(A, "eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(
        ask(&world.node, dir.path(), "admin_resumeIntake", json!([])).await.unwrap(),
        "open"
    );
    world.send(&draft).await;
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn the_admin_port_says_how_the_node_is_and_what_it_logs() {
    let dir = TempDir::new().unwrap();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    let control = LogControl::new(move |level| {
        log.lock().unwrap().push(level.to_owned());
        if level == "nonsense" { Err("no level".to_owned()) } else { Ok(()) }
    });
    let config = with_admin(dir.path());
    let admin = config.admin.clone().map(|admin| AdminConfig { log: Some(control), ..admin });
    let world = World::with(DevConfig { admin, ..config }).await;
    let status = ask(&world.node, dir.path(), "admin_status", json!([])).await.unwrap();
    assert_eq!((&status["intake"], &status["logStopped"]), (&json!("open"), &Value::Null));
    assert_eq!(status["rollups"][0]["chainId"], A);
    assert_eq!(ask(&world.node, dir.path(), "admin_peers", json!([])).await.unwrap(), json!([]));
    assert_eq!(
        ask(&world.node, dir.path(), "admin_executors", json!([])).await.unwrap(),
        json!([])
    );
    let set =
        |level: &'static str| ask(&world.node, dir.path(), "admin_setLogLevel", json!([level]));
    assert_eq!(set("debug").await.unwrap(), "debug");
    assert_eq!(set("nonsense").await.unwrap_err().code(), -32602);
    assert_eq!(*seen.lock().unwrap(), ["debug", "nonsense"]);
    let unknown = ask(&world.node, dir.path(), "admin_nothing", json!([])).await.unwrap_err();
    assert_eq!(unknown.code(), -32601);
    assert_eq!(ask(&world.node, dir.path(), "admin_shutdown", json!([])).await.unwrap(), true);
    world.node.end_asked().await;
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_node_starts_from_a_snapshot_of_a_running_one() {
    let dir = TempDir::new().unwrap();
    let world = World::with(with_admin(dir.path())).await;
    let hash = world.send(&Draft::new(A, 0, 0).pay(address(9), 7)).await;
    let receipt = world.receipt(A, hash).await;
    let taken = ask(&world.node, dir.path(), "admin_snapshot", json!(["before"])).await.unwrap();
    let later = world.send(&Draft::new(A, 0, 1)).await;
    for (name, part) in [("before", "exists"), ("../x", "letters"), ("", "letters")] {
        let error =
            ask(&world.node, dir.path(), "admin_snapshot", json!([name])).await.unwrap_err();
        assert!(error.message().contains(part), "{error:?}");
    }
    let copy = PathBuf::from(taken["path"].as_str().unwrap());
    // While the first one runs.
    let second = World::with(DevConfig { data_dir: Some(copy), ..config() }).await;
    assert_eq!(second.receipt(A, hash).await, receipt);
    assert_eq!(second.receipt(A, later).await, Value::Null);
    second.node.stop().await.unwrap();
    assert_eq!(world.receipt(A, later).await["status"], "0x1");
    world.node.stop().await.unwrap();
}

/// Returns a figure of a node.
async fn figure(world: &World, name: &str) -> f64 {
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = talk(&world.node.rollups()[0].url, request).await;
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    // What never happened has no line yet.
    line.map_or(0.0, |figure| figure.parse().unwrap())
}

#[tokio::test]
async fn figures_go_on_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let names = [
        r#"weft_items_total{outcome="included"}"#,
        r#"weft_transactions_total{chain="901"}"#,
        r#"weft_gas_used_total{chain="901"}"#,
        r#"weft_requests_total{method="eth_sendRawTransaction",code="0"}"#,
        r#"weft_stage_seconds_count{stage="Positioned"}"#,
        r#"weft_stage_seconds_count{stage="Promised"}"#,
        r#"weft_stage_seconds_count{stage="Executed"}"#,
        r#"weft_stage_seconds_count{stage="Closed"}"#,
    ];
    for (life, expected) in [3.0, 5.0].into_iter().enumerate() {
        let config = DevConfig { data_dir: Some(dir.path().to_owned()), ..config() };
        let world = World::with(config).await;
        let sent = if life == 0 { 0..3 } else { 3..5 };
        for nonce in sent {
            world.send(&Draft::new(A, 0, nonce)).await;
        }
        // Promises are signed after the answer.
        while figure(&world, names[5]).await < expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for name in names {
            let unit = if name.contains("gas") { 21_000.0 } else { 1.0 };
            assert_eq!(figure(&world, name).await, expected * unit, "life {life}: {name}");
        }
        assert_eq!(figure(&world, r#"weft_head_block{chain="901"}"#).await, expected);
        world.node.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_not_saved_is_counted_from_the_log() {
    let dir = TempDir::new().unwrap();
    let here = || DevConfig { data_dir: Some(dir.path().to_owned()), ..config() };
    let world = World::with(here()).await;
    world.send(&Draft::new(A, 0, 0)).await;
    world.node.stop().await.unwrap();
    let files = ["figures.prom", "state"].map(|name| dir.path().join(name));
    let saved = files.clone().map(|file| fs::read(file).unwrap());
    let world = World::with(here()).await;
    world.send(&Draft::new(A, 0, 1)).await;
    world.node.stop().await.unwrap();
    // As a kill leaves it: the log is ahead of figures and state.
    for (file, bytes) in files.iter().zip(saved) {
        fs::write(file, bytes).unwrap();
    }
    let world = World::with(here()).await;
    assert_eq!(figure(&world, r#"weft_items_total{outcome="included"}"#).await, 2.0);
    assert_eq!(figure(&world, r#"weft_blocks_total{chain="901"}"#).await, 2.0);
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn an_ending_node_closes_the_slot_of_everything_it_accepted() {
    let dir = TempDir::new().unwrap();
    let slow = || DevConfig {
        data_dir: Some(dir.path().to_owned()),
        mining: Mining::Slots,
        slot_ms: 30_000,
        ..config()
    };
    let world = World::with(slow()).await;
    let hash = world.send(&Draft::new(A, 0, 0)).await;
    assert_eq!(world.receipt(A, hash).await["blockNumber"], Value::Null);
    world.node.stop().await.unwrap();
    let world = World::with(slow()).await;
    assert_eq!(world.receipt(A, hash).await["status"], "0x1");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn realms_are_told_apart_by_their_number() {
    let dir = TempDir::new().unwrap();
    let realm = |realm| DevConfig {
        domain: Domain { realm, ..Domain::dev() },
        data_dir: Some(dir.path().to_owned()),
        ..config()
    };
    let world = World::with(realm(7)).await;
    let hash = world.send(&Draft::new(A, 0, 0)).await;
    let promise = world.rpc(A, "weft_getPromise", json!([hash])).await;
    assert_eq!(promise["order"]["domain"]["realm"], json!(7), "{promise}");
    assert_eq!(world.rpc(A, "weft_chains", json!([])).await["domain"]["realm"], json!(7));
    world.node.stop().await.unwrap();
    let error = Node::start(realm(8)).await.unwrap_err();
    let error = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.contains("belongs to another realm"), "{error}");
    let world = World::with(realm(7)).await;
    assert_eq!(world.rpc(A, "eth_blockNumber", json!([])).await, json!("0x1"));
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_browser_is_shown_the_rollups() {
    let world = World::with(DevConfig { common_port: Some(0), ..config() }).await;
    let common = world.node.common_url().unwrap().to_owned();
    for url in [world.node.rollups()[0].url.clone(), common] {
        let page = talk(&url, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(page.contains(" 200 ") && page.contains("text/html"), "{page}");
        for rollup in world.node.rollups() {
            assert!(page.contains(&format!("<code>{}</code>", rollup.url)), "{page}");
        }
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn browsers_may_ask_from_the_pages_that_are_named() {
    let origins = Origins::read("https://a.example").unwrap();
    let world = World::with(DevConfig { origins, common_port: Some(0), ..config() }).await;
    let preflight = |path: &str, origin: &str| {
        format!(
            "OPTIONS {path} HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n\
             access-control-request-headers: content-type\r\nconnection: close\r\n\r\n"
        )
    };
    let common = world.node.common_url().unwrap();
    for (url, path) in [(world.node.rollups()[0].url.as_str(), "/"), (common, "/901")] {
        let allowed = talk(url, &preflight(path, "https://a.example")).await.to_lowercase();
        assert!(allowed.contains("access-control-allow-origin: https://a.example"), "{allowed}");
        assert!(allowed.contains("access-control-allow-headers: content-type"), "{allowed}");
        let refused = talk(url, &preflight(path, "https://b.example")).await.to_lowercase();
        assert!(!refused.contains("access-control-allow-origin"), "{refused}");
        // Browsers let every page open a WebSocket, so the node has to look.
        let open = |origin: &str| {
            format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\n{origin}connection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
        };
        for origin in ["", "origin: https://a.example\r\n"] {
            let opened = first_line(url, &open(origin)).await;
            assert!(opened.contains(" 101 "), "{origin}: {opened}");
        }
        let refused = first_line(url, &open("origin: https://b.example\r\n")).await;
        assert!(refused.contains(" 403 "), "{refused}");
    }
    world.node.stop().await.unwrap();
}
