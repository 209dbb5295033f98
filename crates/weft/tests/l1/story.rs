//! The way over L1 from beginning to end, by command: a node in production, its batches on L1, what comes from there and goes
//! there, and a stranger who derives the same blocks.

use crate::{
    anvil::Anvil,
    support::{ALICE, ALICE_KEY, BOB, BOB_KEY, Ran, weft, weft_reading},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const ETHER: u128 = 1_000_000_000_000_000_000;
const ATTESTERS: [&str; 3] = ["one.json", "two.json", "three.json"];

const CONFIG: &str = "\
[node]
data_dir = \"data\"
batches = \"batches\"
batch_time = \"1s\"
[realm]
slot = \"100ms\"
rollups = [\"901.toml\", \"902.toml\"]
[promise]
key = \"key.json\"
passphrase = \"of a test\"
[l1]
urls = \"URL\"
confirmations = 1
[log]
format = \"json\"
";

/// A realm of two rollups on an L1 of its own.
struct Story {
    l1: Anvil,
    home: TempDir,
    deployed: Value,
}

/// A running `weft node`.
struct Node {
    child: Child,
    urls: Vec<String>,
}

impl Story {
    fn deploy() -> Self {
        let (l1, home) = (Anvil::start(), TempDir::new().unwrap());
        let story = Self { l1, home, deployed: Value::Null };
        fs::write(story.path("pass"), "of a test\n").unwrap();
        let keys = ["key.json"].into_iter().chain(ATTESTERS);
        let keys =
            keys.map(|key| story.done(&["keys", "new", &story.path(key)], &["--passphrase"]));
        let attesters: Vec<_> = keys.skip(1).map(|ran| ran.out.trim().to_owned()).collect();
        for chain in [901, 902] {
            let rollup = format!(
                "chain_id = {chain}\nname = \"{chain}\"\n[allocations]\n\"{ALICE}\" = \"10 ether\"\n"
            );
            fs::write(story.path(&format!("{chain}.toml")), rollup).unwrap();
        }
        let config = story.path("weft.toml");
        fs::write(&config, CONFIG.replace("URL", &story.l1.url)).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let args = ["l1", "deploy", "--config", &config, "--key", ALICE_KEY, "--json"];
        let list = attesters.join(",");
        let deployed = weft(&[&args[..], &["--attester", &list, "--threshold", "2"]].concat());
        assert_eq!(deployed.code, 0, "{deployed:?}");
        Self { deployed: deployed.json(), ..story }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a command that must succeed; a last `--passphrase` gets its file.
    fn done(&self, args: &[&str], more: &[&str]) -> Ran {
        let pass = self.path("pass");
        let last: &[&str] = if more.last() == Some(&"--passphrase") { &[&pass] } else { &[] };
        let ran = weft(&[args, more, last].concat());
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    }

    /// Lets L1 make so many blocks.
    fn mine(&self, blocks: u64) {
        self.l1.ask("anvil_mine", json!([format!("{blocks:#x}")]));
    }

    fn start(&self) -> Node {
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["node", "--config", &self.path("weft.toml")])
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut urls = Vec::new();
        loop {
            let line = lines.next().expect("the node starts").unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            match line["event"].as_str() {
                Some("rollup is served") => urls.push(line["url"].as_str().unwrap().to_owned()),
                Some("started") => break,
                _ => {}
            }
        }
        // Whoever does not read lets the node wait.
        std::thread::spawn(move || lines.for_each(drop));
        Node { child, urls }
    }

    fn ask(&self, url: &str, method: &str, params: Value) -> Value {
        self.l1.wait(crate::verified::rpc(url, method, params))
    }

    fn balance(&self, url: &str, who: &str) -> u128 {
        let wei = self.ask(url, "eth_getBalance", json!([who, "latest"]));
        u128::from_str_radix(&wei.as_str().unwrap()[2..], 16).unwrap()
    }

    fn number(&self, url: &str, tag: &str) -> u64 {
        let block = self.ask(url, "eth_getBlockByNumber", json!([tag, false]));
        u64::from_str_radix(&block["number"].as_str().unwrap()[2..], 16).unwrap()
    }

    fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            sleep(Duration::from_millis(50));
        }
    }

    /// A bundle over both rollups that pays Bob on each.
    fn bundle(&self, node: &Node, value: &str) -> String {
        let leg = |chain: u32| format!("{chain}:from={ALICE},to={BOB},value={value}");
        let (one, other) = (leg(901), leg(902));
        let domain = format!("900:{}:0", self.deployed["hub"].as_str().unwrap());
        let build = ["bundle", "build", "--domain", &domain, "--leg", &one, "--leg", &other];
        let built = self.done(&build, &[]);
        let sign = ["bundle", "sign", "--key", ALICE_KEY, "--rpc", &node.urls[0]];
        let signed = weft_reading(&sign, &built.out);
        assert_eq!(signed.code, 0, "{signed:?}");
        signed.out
    }

    /// Posts until everything that ran so far is on L1 and the node knows; returns how many batches L1 has.
    fn post(&self, node: &Node) -> u64 {
        let heads: Vec<_> = node.urls.iter().map(|url| self.number(url, "pending")).collect();
        let args = ["post", "--archive", &self.path("batches"), "--l1", &self.l1.url];
        let more = ["--journal", &self.path("journal"), "--sequencer", &self.path("key.json")];
        let last = ["--key", BOB_KEY, "--every", "1", "--once", "--json", "--passphrase"];
        let mut posted = 0;
        self.until("everything is posted, and the node knows", || {
            let ran = self.done(&[&args[..], &more].concat(), &last);
            let idle: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
            posted = idle["posted"].as_u64().unwrap();
            sleep(Duration::from_millis(300));
            let safe = node.urls.iter().map(|url| self.number(url, "safe"));
            safe.zip(&heads).all(|(safe, head)| safe >= *head)
        });
        posted
    }

    /// Two of three attesters sign, and their word settles.
    fn settle(&self) -> Value {
        let (archive, l1) = (self.path("batches"), &self.l1.url);
        let out = self.path("attestations");
        let program = format!("0x{}", "0".repeat(64));
        for attester in &ATTESTERS[1..] {
            let args = ["attest", "--archive", &archive, "--l1", l1, "--program", &program];
            let key = ["--key", &self.path(attester), "--out", &out, "--passphrase"];
            self.done(&args, &key);
        }
        let args = ["settle", "--archive", &archive, "--l1", l1, "--json", "--key", BOB_KEY];
        let policy = self.deployed["policy"].as_str().unwrap();
        self.done(&args, &["--policy", policy, "--attestations", &out]).json()
    }

    /// A stranger with an empty folder derives every block that is posted.
    fn verify(&self, node: &Node, batches: u64) {
        let (empty, hub) = (TempDir::new().unwrap(), self.deployed["hub"].as_str().unwrap());
        let hashes = empty.path().join("hashes").to_str().unwrap().to_owned();
        let args = ["verify", "--l1", &self.l1.url, "--hub", hub, "--json", "--hashes", &hashes];
        assert_eq!(self.done(&args, &[]).json()["batches"], batches);
        let mut last = [0_u64; 2];
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
        for (url, last) in node.urls.iter().zip(last) {
            assert_eq!(self.number(url, "safe"), last);
            assert!(last > 0);
        }
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
    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn what_happens_on_rollups_is_settled_on_l1_and_value_goes_both_ways() {
    let story = Story::deploy();
    let node = story.start();
    let [one, other] = [node.urls[0].as_str(), node.urls[1].as_str()];

    // Transactions on each rollup and a bundle over both.
    for (url, chain) in [(one, 901), (other, 902)] {
        let raw = crate::posting::signed_transfer(chain, 0);
        let sent = story.ask(url, "eth_sendRawTransactionSync", json!([raw]));
        assert_eq!(sent["status"], "0x1", "{sent}");
    }
    let bundle = story.bundle(&node, "5");
    let sent = weft_reading(&["bundle", "send", "--wait", "--rpc", one], &bundle);
    assert_eq!(sent.code, 0, "{sent:?}");
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);

    // Ether, a transaction and a bundle come through the inbox; none before a block follows theirs.
    let config = story.path("weft.toml");
    let pays = ["--config", &config, "--key", BOB_KEY, "--json"];
    let before = story.balance(one, BOB);
    story.done(&["deposit", "--rollup", "901", "--amount", "2ether"], &pays);
    let raw = crate::posting::signed_transfer(902, 2);
    let forced = weft_reading(&[&["force"][..], &pays].concat(), &raw);
    assert_eq!(forced.code, 0, "{forced:?}");
    let paid = story.balance(other, BOB);
    story.mine(2);
    story.until("the deposit is on its rollup", || story.balance(one, BOB) == before + 2 * ETHER);
    story.until("the forced transaction ran", || story.balance(other, BOB) == paid + 3);
    let bundle = story.bundle(&node, "7");
    let forced = weft_reading(&[&["force"][..], &pays].concat(), &bundle);
    assert_eq!(forced.code, 0, "{forced:?}");
    story.mine(2);
    story.until("the forced bundle ran", || {
        story.balance(other, BOB) == paid + 10 && story.balance(one, BOB) == before + 2 * ETHER + 7
    });

    // The node goes on where it was, on both sides.
    let heads = [story.number(one, "latest"), story.number(other, "latest")];
    node.stop();
    let node = story.start();
    let [one, other] = [node.urls[0].as_str(), node.urls[1].as_str()];
    for (url, head) in [one, other].into_iter().zip(heads) {
        assert!(story.number(url, "latest") >= head);
    }

    // Half of it leaves again.
    let left = ["withdraw", "--rpc", one, "--amount", "1ether", "--key", BOB_KEY, "--json"];
    let to = "0x00000000000000000000000000000000000c1a1e";
    let left = story.done(&left, &["--to", to]).json();
    let transaction = left["transaction"].as_str().unwrap();
    let claim = ["withdraw", "--config", &config, "--rpc", one, "--claim", transaction, "--json"];
    let claim = [&claim[..], &["--key", BOB_KEY]].concat();
    assert_eq!(weft(&claim).code, 3, "nothing settled holds it yet");
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    story.done(&claim, &[]);
    assert_eq!(story.balance(&story.l1.url, to), ETHER);
    assert_eq!(weft(&claim).code, 1, "it is paid once");
    story.verify(&node, batches);

    // What is settled is final once L1 says so.
    let safe = story.number(one, "safe");
    assert!(story.number(one, "finalized") < safe);
    story.mine(100);
    story.until("final blocks", || story.number(one, "finalized") == safe);
    node.stop();
}
