//! A realm as operators run it, by command: a node in production on an L1 of its own, its batches posted, attested and settled,
//! and a stranger who derives the same blocks.

use crate::{
    chain::{Client, L1, free_port},
    support::{ALICE, ALICE_KEY, BOB, BOB_KEY, Ran, weft, weft_reading},
};
use alloy_primitives::Bytes;
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use weft_contracts::Hub;

const PATIENCE: Duration = Duration::from_secs(240);
/// For how long L1 makes no block before somebody who waits gets one.
const STILL: Duration = Duration::from_secs(5);
pub(crate) const ETHER: u128 = 1_000_000_000_000_000_000;
const ATTESTERS: [&str; 3] = ["one.json", "two.json", "three.json"];

const CONFIG: &str = "\
[node]
data_dir = \"data\"
batches = \"batches\"
batch_time = \"BATCH\"
[realm]
slot = \"100ms\"
rollups = [\"901.toml\", \"902.toml\"]
[promise]
key = \"key.json\"
passphrase = \"of a test\"
[l1]
urls = \"URL\"
confirmations = CONFIRMATIONS
[admin]
port = 0
[log]
format = \"json\"
";

/// What a realm is configured with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// What makes L1's blocks.
    pub(crate) client: Client,
    /// Blocks that follow an entry of the inbox before it runs.
    pub(crate) confirmations: u64,
    pub(crate) slot: &'a str,
    /// After which a batch ends.
    pub(crate) batch: &'a str,
    /// Slots of an epoch, where sealed items are taken, with one member in a process of its own.
    pub(crate) epoch: Option<u64>,
    /// Further settings of the deployment.
    pub(crate) deployment: &'a [&'a str],
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            client: Client::Embedded,
            confirmations: 1,
            slot: "100ms",
            batch: "1s",
            epoch: None,
            deployment: &[],
        }
    }
}

/// A realm of two rollups on an L1 of its own.
pub(crate) struct Story {
    pub(crate) l1: L1,
    home: TempDir,
    pub(crate) deployed: Value,
}

/// A running `weft node`.
pub(crate) struct Node {
    child: Child,
    pub(crate) urls: Vec<String>,
    pub(crate) admin: String,
}

impl Story {
    pub(crate) fn deploy() -> Self {
        Self::deploy_with(Client::Embedded, 1, &[])
    }

    /// One whose inbox entries run when so many blocks follow theirs.
    pub(crate) fn waiting_for(client: Client, confirmations: u64) -> Self {
        Self::deploy_with(client, confirmations, &[])
    }

    /// One that is deployed with further settings.
    pub(crate) fn deploy_with(client: Client, confirmations: u64, more: &[&str]) -> Self {
        Self::of(&Terms { client, confirmations, deployment: more, ..Terms::default() })
    }

    pub(crate) fn of(terms: &Terms<'_>) -> Self {
        let (l1, home) = (L1::of(terms.client), TempDir::new().unwrap());
        let story = Self { l1, home, deployed: Value::Null };
        fs::write(story.path("pass"), "of a test\n").unwrap();
        let keys = ["key.json"].into_iter().chain(ATTESTERS);
        let keys =
            keys.map(|key| story.done(&["keys", "new", &story.path(key)], &["--passphrase"]));
        let attesters: Vec<_> = keys.skip(1).map(|ran| ran.out.trim().to_owned()).collect();
        for chain in [901, 902] {
            // A node that starts again in the same process has the same ones.
            let free = free_port();
            let rollup = format!(
                "chain_id = {chain}\nname = \"{chain}\"\nport = {free}\n[allocations]\n\
                 \"{ALICE}\" = \"10 ether\"\n"
            );
            fs::write(story.path(&format!("{chain}.toml")), rollup).unwrap();
        }
        let config = story.path("weft.toml");
        let text = CONFIG.replace("URL", &story.l1.url);
        let text = text.replace("CONFIRMATIONS", &terms.confirmations.to_string());
        let text = text.replace("100ms", terms.slot).replace("BATCH", terms.batch);
        let sealing = terms.epoch.map(|slots| crate::sealed::committee(&story, slots));
        fs::write(&config, text + &sealing.unwrap_or_default()).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let args = ["l1", "deploy", "--config", &config, "--key", ALICE_KEY, "--json"];
        let list = attesters.join(",");
        let policy = ["--attester", &list, "--threshold", "2"];
        let deployed = weft(&[&args[..], &policy, terms.deployment].concat());
        assert_eq!(deployed.code, 0, "{deployed:?}");
        Self { deployed: deployed.json(), ..story }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a command that must succeed; a last `--passphrase` gets its file.
    pub(crate) fn done(&self, args: &[&str], more: &[&str]) -> Ran {
        let pass = self.path("pass");
        let last: &[&str] = if more.last() == Some(&"--passphrase") { &[&pass] } else { &[] };
        let ran = weft(&[args, more, last].concat());
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    }

    /// Runs a command that may wait for L1 to go on, which it does by a block whenever there was none for a while.
    fn done_as_l1_goes_on(&self, args: &[&str], more: &[&str]) -> Ran {
        let pass = self.path("pass");
        let args = [args, more, &[&pass]].concat();
        let ran = std::thread::scope(|scope| {
            let running = scope.spawn(|| weft(&args));
            let (mut height, mut since) = (self.height(), Instant::now());
            while !running.is_finished() {
                sleep(Duration::from_millis(50));
                if height != self.height() {
                    (height, since) = (self.height(), Instant::now());
                } else if since.elapsed() > STILL {
                    self.mine(1);
                }
            }
            running.join().unwrap()
        });
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    }

    /// Lets L1 make so many blocks.
    pub(crate) fn mine(&self, blocks: u64) {
        self.l1.ask("anvil_mine", json!([format!("{blocks:#x}")]));
    }

    /// Lets the node promise that slots are on L1 within so many blocks.
    pub(crate) fn promise_within(&self, blocks: u64) {
        let config = self.path("weft.toml");
        let text = fs::read_to_string(&config).unwrap();
        let with = format!("[promise]\ndeadline = {blocks}\n");
        fs::write(&config, text.replace("[promise]\n", &with)).unwrap();
    }

    pub(crate) fn start(&self) -> Node {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[&str]) -> Node {
        self.start_by("weft.toml", more)
    }

    /// Starts a node by another configuration.
    pub(crate) fn start_by(&self, config: &str, more: &[&str]) -> Node {
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["node", "--config", &self.path(config)])
            .args(more)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut urls, mut admin) = (Vec::new(), String::new());
        loop {
            let line = lines.next().expect("the node starts").unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            match line["event"].as_str() {
                Some("rollup is served") => urls.push(line["url"].as_str().unwrap().to_owned()),
                Some("admin port is open") => admin = line["url"].as_str().unwrap().to_owned(),
                Some("started") => break,
                _ => {}
            }
        }
        // Whoever does not read lets the node wait.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| tell(&line)));
        Node { child, urls, admin }
    }

    pub(crate) fn ask(&self, url: &str, method: &str, params: Value) -> Value {
        self.l1.wait(crate::verified::rpc(url, method, params))
    }

    /// Asks a node that may be starting again.
    pub(crate) fn try_ask(&self, url: &str, method: &str, params: Value) -> Result<Value, String> {
        self.l1.try_at(url, method, &params)
    }

    pub(crate) fn balance(&self, url: &str, who: &str) -> u128 {
        let wei = self.ask(url, "eth_getBalance", json!([who, "latest"]));
        u128::from_str_radix(&wei.as_str().unwrap()[2..], 16).unwrap()
    }

    pub(crate) fn number(&self, url: &str, tag: &str) -> u64 {
        let block = self.ask(url, "eth_getBlockByNumber", json!([tag, false]));
        u64::from_str_radix(&block["number"].as_str().unwrap()[2..], 16).unwrap()
    }

    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            sleep(Duration::from_millis(50));
        }
    }

    /// A bundle over both rollups that pays Bob on each.
    pub(crate) fn bundle(&self, node: &Node, value: &str) -> String {
        let leg = |chain: u32| format!("{chain}:from={ALICE},to={BOB},value={value}");
        let (one, other) = (leg(901), leg(902));
        let build = ["bundle", "build", "--rpc", &node.urls[1], "--leg", &one, "--leg", &other];
        let built = self.done(&build, &[]);
        let sign = ["bundle", "sign", "--key", ALICE_KEY, "--rpc", &node.urls[0]];
        let signed = weft_reading(&sign, &built.out);
        assert_eq!(signed.code, 0, "{signed:?}");
        signed.out
    }

    /// Posts until everything that ran so far is on L1 and the node knows; returns how many batches L1 has.
    pub(crate) fn post(&self, node: &Node) -> u64 {
        let heads = || node.urls.iter().map(|url| self.number(url, "pending")).collect::<Vec<_>>();
        let args = ["post", "--archive", &self.path("batches"), "--l1", &self.l1.url];
        let more = ["--journal", &self.path("journal"), "--sequencer", &self.path("key.json")];
        let last = ["--key", BOB_KEY, "--every", "1", "--once", "--json", "--passphrase"];
        let (mut posted, mut least) = (0, heads());
        self.until("everything is posted, and the node knows", || {
            // A node that hears only now that L1 changed its mind may have fewer blocks then.
            least.iter_mut().zip(heads()).for_each(|(least, head)| *least = head.min(*least));
            let ran = self.done_as_l1_goes_on(&[&args[..], &more].concat(), &last);
            let idle: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
            posted = idle["posted"].as_u64().unwrap();
            sleep(Duration::from_millis(300));
            let safe = node.urls.iter().map(|url| self.number(url, "safe"));
            safe.zip(&least).all(|(safe, head)| safe >= *head)
        });
        posted
    }

    /// Pays Bob on both rollups, or on none.
    pub(crate) fn send_bundle(&self, node: &Node, amount: &str) {
        let args = ["bundle", "send", "--wait", "--rpc", &node.urls[0]];
        let sent = weft_reading(&args, &self.bundle(node, amount));
        assert_eq!(sent.code, 0, "{sent:?}");
    }

    /// Returns what an attester signs who has the directory of batches.
    pub(crate) fn attested(&self, attester: &str) -> Value {
        let (archive, out) = (self.path("batches"), self.path("archived"));
        let args = ["attest", "--archive", &archive, "--l1", &self.l1.url, "--json"];
        let key = ["--key", &self.path(attester), "--out", &out, "--passphrase"];
        let said = crate::verified::last_line(&self.done(&args, &key));
        said["attestation"].clone()
    }

    /// Two of three attesters sign, and their word settles: one of them keeps no state, and sees what the other shows.
    pub(crate) fn settle(&self) -> Value {
        let (archive, l1) = (self.path("batches"), &self.l1.url);
        let (out, shown) = (self.path("attestations"), self.path("witnesses"));
        for (attester, keeps) in ATTESTERS[1..].iter().zip(["--show", "--witnesses"]) {
            let args = ["attest", "--archive", &archive, "--l1", l1, keeps, &shown];
            let key = ["--key", &self.path(attester), "--out", &out, "--passphrase"];
            self.done(&args, &key);
        }
        let args = ["settle", "--archive", &archive, "--l1", l1, "--json", "--key", BOB_KEY];
        let policy = self.deployed["policy"].as_str().unwrap();
        let ran = self.done(&args, &["--policy", policy, "--attestations", &out]);
        // Lines about progress come before it on a busy machine.
        crate::verified::last_line(&ran)
    }

    /// A stranger with an empty folder derives every block that is posted, and the node calls these safe and no others.
    pub(crate) fn verify(&self, node: &Node, batches: u64) {
        let (empty, hub) = (TempDir::new().unwrap(), self.deployed["hub"].as_str().unwrap());
        let hashes = empty.path().join("hashes").to_str().unwrap().to_owned();
        let args = ["verify", "--l1", &self.l1.url, "--hub", hub, "--json", "--hashes", &hashes];
        assert_eq!(crate::verified::last_line(&self.done(&args, &[]))["batches"], batches);
        let mut last = vec![0_u64; node.urls.len()];
        for line in fs::read_to_string(&hashes).unwrap().lines() {
            let [chain, number, hash] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let (place, number) = (chain.parse::<usize>().unwrap() - 901, number.parse().unwrap());
            let params = json!([format!("{number:#x}"), false]);
            let block = self.ask(&node.urls[place], "eth_getBlockByNumber", params);
            assert_eq!(block["hash"], hash, "{line}");
            last[place] = last[place].max(number);
        }
        let safe = || node.urls.iter().map(|url| self.number(url, "safe"));
        self.until("what L1 holds is safe", || safe().eq(last.iter().copied()));
        // A batch may end between the payments on the two rollups.
        assert!(batches == 0 || last.iter().any(|number| *number > 0), "{last:?}");
    }

    /// Returns how many batches the hub has.
    pub(crate) fn posted(&self) -> u64 {
        let call = json!({ "to": self.deployed["hub"], "data": Bytes::from(Hub::postedCall {}.abi_encode()) });
        let answer = self.l1.ask("eth_call", json!([call, "latest"]));
        let answer: Bytes = serde_json::from_value(answer).unwrap();
        Hub::postedCall::abi_decode_returns(&answer).unwrap().number
    }

    /// Returns how many batches are settled.
    pub(crate) fn settled(&self) -> u64 {
        let call = json!({ "to": self.deployed["hub"], "data": Bytes::from(Hub::settledCall {}.abi_encode()) });
        let answer = self.l1.ask("eth_call", json!([call, "latest"]));
        let answer: Bytes = serde_json::from_value(answer).unwrap();
        Hub::settledCall::abi_decode_returns(&answer).unwrap().number
    }

    /// Returns the number of L1's last block.
    pub(crate) fn height(&self) -> u64 {
        let number = self.l1.ask("eth_blockNumber", json!([]));
        u64::from_str_radix(&number.as_str().unwrap()[2..], 16).unwrap()
    }

    /// Waits until the clock is where L1 is: each block took a second by its own account. A slot that takes in what is ahead of the
    /// clock stays open until then, and no L1 but one of tests is ahead by more than moments.
    pub(crate) fn catch_up(&self) {
        let block = self.l1.ask("eth_getBlockByNumber", json!(["latest", false]));
        let time = u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(time);
        self.until("the clock is where L1 is", || SystemTime::now() > time);
    }

    /// Lets L1 replace everything after block `below`, at least `depth` blocks, which it makes if there are fewer.
    pub(crate) fn take_back(&self, below: u64, depth: u64) {
        let made = self.height() - below;
        if made < depth {
            self.mine(depth - made);
        }
        self.l1.ask("anvil_reorg", json!([made.max(depth), []]));
        assert_eq!(self.height(), below + made.max(depth));
        self.mine(1);
    }

    /// Returns the calls of a transaction, once its block is closed.
    fn trace(&self, url: &str, hash: &Value) -> Value {
        let params = json!([hash, { "tracer": "callTracer" }]);
        let trace = || self.try_ask(url, "debug_traceTransaction", params.clone());
        self.until("its trace", || trace().is_ok());
        trace().unwrap()
    }

    /// Sends a transaction to a rollup, or L1; it must succeed.
    pub(crate) fn send(&self, url: &str, raw: &str) -> Value {
        let sent = self.ask(url, "eth_sendRawTransactionSync", json!([raw]));
        if sent["status"] != "0x1" {
            panic!("{sent}\nfailed: {}", self.trace(url, &sent["transactionHash"]));
        }
        sent
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    /// Ends it as an operator does.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

/// What went wrong in a node says why its story failed.
fn tell(line: &str) {
    let entry: Value = serde_json::from_str(line).unwrap_or_default();
    if entry["level"] == "error" {
        eprintln!("{line}");
    }
}
