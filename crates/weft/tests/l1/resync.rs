//! A node that lost everything is made again from L1 alone, and has the same blocks: after a long run of everything at once, on an L1
//! that changes its mind.

use crate::{
    operated::{ETHER, Node, Story, Terms},
    posting::{signed, signed_payment, signed_transfer},
    sealed::{Member, fund, outcome, seal, try_seal},
    support::{ALICE, ALICE_KEY, BOB, BOB_KEY, weft, weft_reading},
};
use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use alloy_sol_types::{SolCall, SolValue as _};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    thread::sleep,
    time::{Duration, Instant},
};
use weft_contracts::{Counter, Manager, addresses::MANAGER};

const DEPTHS: [u64; 3] = [1, 7, 64];
const CHAINS: [u64; 2] = [901, 902];
/// Somebody who has nothing anywhere.
const ERIN: Address = address!("0x000000000000000000000000000000000000e219");
/// Actions behind each of the last times that L1 changes its mind.
const REST: u64 = 15;

/// How fast a run goes. L1 and whoever proves something to it take their time, so that a long run turns to them less often for each of
/// its slots, and no less often as a whole.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Length of a slot: each action has its own.
    slot_ms: u64,
    /// After which a batch ends.
    batch: &'static str,
    /// Actions between two settlements.
    round: u64,
    /// Actions between two times that L1 changes its mind.
    calm: u64,
    /// Blocks that L1 makes in such a time beside those of what is sent to it.
    blocks: u64,
    /// One in so many actions that may turn to L1 does.
    one_in: u64,
}

impl Pace {
    fn of(slots: u64) -> Self {
        if slots <= 1_000 {
            let round = (slots / 20).clamp(60, 500);
            return Self { slot_ms: 40, batch: "1s", round, calm: 120, blocks: 0, one_in: 1 };
        }
        let (round, calm, one_in) = (slots / 5, slots / 40, slots.div_ceil(1_000));
        // As many that the deepest change reaches back over two such times.
        Self { slot_ms: 25, batch: "10s", round, calm, blocks: 40, one_in }
    }
}

/// Numbers that look random, the same for a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What happened, by kind.
#[derive(Debug, Default)]
struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

struct Run {
    story: Story,
    node: Node,
    dice: Dice,
    /// A counter on the first rollup, and the proxy of one on the second.
    counter: (Address, Address),
    tally: Tally,
    pace: Pace,
    _member: Member,
    /// Withdrawals that are not claimed.
    left: Vec<String>,
    /// Envelopes, and whether more of them come.
    sealed: Vec<Value>,
    seals: bool,
}

impl Run {
    fn begin(seed: u64, pace: Pace) -> Self {
        let slot = format!("{}ms", pace.slot_ms);
        let terms = Terms { slot: &slot, batch: pace.batch, epoch: Some(150), ..Terms::default() };
        let story = Story::of(&terms);
        // Deeper than everything that is taken back.
        story.mine(70);
        let node = story.start();
        let member = Member::start(&story, &node);
        let counter = counters(&story, &node);
        fund(&story, &node, 2);
        Self {
            story,
            node,
            dice: Dice(seed),
            counter,
            tally: Tally::default(),
            pace,
            _member: member,
            left: Vec::new(),
            sealed: Vec::new(),
            seals: true,
        }
    }

    fn url(&self, place: usize) -> &str {
        &self.node.urls[place]
    }

    fn next_nonce(&self, place: usize, who: &str) -> u64 {
        let count =
            self.story.ask(self.url(place), "eth_getTransactionCount", json!([who, "pending"]));
        serde_json::from_value::<U256>(count).unwrap().to()
    }

    /// Sends what may be refused.
    fn send(&mut self, place: usize, raw: &str, what: &'static str) {
        if self.story.try_ask(self.url(place), "eth_sendRawTransaction", json!([raw])).is_ok() {
            self.tally.note(what);
        }
    }

    fn pay(&mut self) {
        let place = self.dice.roll(2) as usize;
        let nonce = self.next_nonce(place, ALICE);
        let raw = signed_transfer(CHAINS[place], nonce);
        self.send(place, &raw, "payments");
    }

    /// What Bob has comes from L1 alone, and may be gone.
    fn pay_on(&mut self) {
        let nonce = self.next_nonce(0, BOB);
        let raw = signed_payment(BOB_KEY, (901, nonce), ERIN, U256::from(7));
        self.send(0, &raw, "payments of what came from L1");
    }

    fn call_across(&mut self) {
        let (counter, proxy) = self.counter;
        let call = Counter::incrementViaCall { proxy }.abi_encode();
        let nonce = self.next_nonce(0, ALICE);
        let to = (TxKind::Call(counter), call.into());
        let raw = signed(ALICE_KEY, (901, nonce), to, U256::ZERO, 500_000);
        self.send(0, &raw, "calls across");
    }

    fn bundle(&mut self) {
        let legs = [0, 1].map(|place| {
            let nonce = self.next_nonce(place, ALICE);
            let value = U256::from(self.dice.roll(100));
            let raw = signed_payment(ALICE_KEY, (CHAINS[place], nonce), ERIN, value);
            json!({ "chainId": CHAINS[place], "raw": raw })
        });
        let salt = U256::from(self.dice.0).abi_encode();
        let bundle = json!([{ "salt": Bytes::from(salt), "legs": legs }]);
        if self.story.try_ask(self.url(0), "weft_sendBundle", bundle).is_ok() {
            self.tally.note("bundles");
        }
    }

    /// Runs a command that pays on L1.
    fn on_l1(&mut self, args: &[&str], input: &str, what: &'static str) {
        let config = self.story.path("weft.toml");
        let common = ["--config", &config, "--key", BOB_KEY, "--json"];
        let ran = weft_reading(&[args, &common].concat(), input);
        assert_eq!(ran.code, 0, "{ran:?}");
        self.tally.note(what);
    }

    fn deposit(&mut self) {
        let to = if self.dice.roll(2) == 0 { BOB.to_owned() } else { ERIN.to_string() };
        self.on_l1(
            &["deposit", "--rollup", "901", "--amount", "1ether", "--to", &to, "--data", "0x"],
            "",
            "deposits",
        );
    }

    fn force(&mut self) {
        // Sometimes one that comes too late, or twice.
        let nonce = self.next_nonce(1, ALICE) + self.dice.roll(2);
        let raw = signed_transfer(902, nonce);
        self.on_l1(&["force"], &raw, "forced transactions");
    }

    fn withdraw(&mut self) {
        let burn = ["withdraw", "--rpc", self.url(0), "--amount", "1000", "--key", ALICE_KEY];
        let to = Address::left_padding_from(&self.dice.0.to_be_bytes()).to_string();
        let ran = weft(&[&burn[..], &["--to", &to, "--json"]].concat());
        // Somebody else's transaction may have had its nonce.
        if ran.code == 0 {
            self.left.push(ran.json()["transaction"].as_str().unwrap().to_owned());
            self.tally.note("withdrawals");
        }
    }

    /// What is in it may find its nonce used.
    fn seal(&mut self) {
        let nonce = self.next_nonce(1, ALICE);
        let raw = signed_transfer(902, nonce);
        if let Some(item) = try_seal(&self.story, &self.node, &raw) {
            self.sealed.push(item);
            self.tally.note("sealed items");
        }
    }

    /// Lets everything that is sealed be opened; no more comes, but for one of a run in which no epoch had a key in time.
    fn open_all(&mut self) {
        self.seals = false;
        if self.sealed.is_empty() {
            let raw = signed_transfer(902, self.next_nonce(1, ALICE));
            self.sealed.push(seal(&self.story, &self.node, &raw));
            self.tally.note("sealed items");
        }
        let last = self.sealed.len().saturating_sub(10);
        for item in self.sealed.split_off(last) {
            if outcome(&self.story, &self.node, &item)["outcome"] == "included" {
                self.tally.note("of the last sealed items, included");
            }
        }
    }

    fn act(&mut self) {
        let quiet = self.dice.roll(self.pace.one_in) > 0;
        match self.dice.roll(200) {
            0..80 => self.pay(),
            180.. if quiet => self.pay(),
            80..90 if self.seals && !quiet => self.seal(),
            80..90 => self.pay(),
            90..120 => self.pay_on(),
            120..150 => self.call_across(),
            150..180 => self.bundle(),
            180..187 => self.deposit(),
            187..193 => self.force(),
            193..197 => self.withdraw(),
            _ => self.story.mine(1 + self.dice.roll(3)),
        }
        sleep(Duration::from_millis(self.pace.slot_ms));
    }

    /// Returns how many slots have blocks, at least.
    fn slots(&self) -> u64 {
        let blocks = self.node.urls.iter().map(|url| self.story.number(url, "latest"));
        blocks.max().unwrap_or_default()
    }

    /// Posts, settles and claims.
    fn settle(&mut self) {
        let posted = self.story.post(&self.node);
        if self.story.settle()["lastBatch"] == posted {
            self.tally.note("settlements");
        }
        for left in std::mem::take(&mut self.left) {
            let config = self.story.path("weft.toml");
            let claim = ["withdraw", "--config", &config, "--rpc", self.url(0), "--claim", &left];
            let ran = weft(&[&claim[..], &["--key", BOB_KEY]].concat());
            // What L1 took back may have been what it was paid with.
            if ran.code == 0 {
                self.tally.note("claims");
            }
        }
    }

    fn take_back(&mut self, depth: u64) {
        if self.pace.blocks > 0 {
            self.story.mine(self.pace.blocks);
        }
        let height = self.story.height();
        self.story.take_back(height - depth, depth);
        self.tally.note(match depth {
            1 => "reorgs of 1",
            7 => "reorgs of 7",
            _ => "reorgs of 64",
        });
    }
}

/// Deploys a counter on both rollups, and the proxy of the second one's on the first.
fn counters(story: &Story, node: &Node) -> (Address, Address) {
    let create = |place: usize, nonce: u64| {
        let code = (TxKind::Create, Counter::BYTECODE.clone());
        let raw = signed(ALICE_KEY, (CHAINS[place], nonce), code, U256::ZERO, 3_000_000);
        let sent = story.send(&node.urls[place], &raw);
        serde_json::from_value::<Address>(sent["contractAddress"].clone()).unwrap()
    };
    let (here, there) = (create(0, 0), create(1, 0));
    let call = Manager::createCrossChainProxyCall { original: there, network: 902 }.abi_encode();
    let to = (TxKind::Call(MANAGER), call.into());
    story.send(&node.urls[0], &signed(ALICE_KEY, (901, 1), to, U256::ZERO, 3_000_000));
    let proxy = story.ask(&node.urls[0], "weft_getProxy", json!([there, 902]));
    assert_eq!(proxy["deployed"], true, "{proxy}");
    (here, serde_json::from_value(proxy["address"].clone()).unwrap())
}

/// Returns the hashes of all blocks of a rollup up to a number.
pub(crate) fn hashes(story: &Story, url: &str, last: u64) -> Vec<Value> {
    let block = |number: u64| {
        let block = story.ask(url, "eth_getBlockByNumber", json!([format!("{number:#x}"), false]));
        block["hash"].clone()
    };
    (0..=last).map(block).collect()
}

#[test]
fn p41_p48_a_node_that_lost_everything_has_the_same_blocks_from_l1_alone() {
    // 10,000 by hand: `WEFT_RESYNC_SLOTS=10000 cargo nextest run -E 'test(lost_everything)'`.
    // Whatever is sealed is opened before the end: what is not would be gone with the directory.
    let slots: u64 = std::env::var("WEFT_RESYNC_SLOTS").map_or(60, |slots| slots.parse().unwrap());
    let seed: u64 = std::env::var("WEFT_RESYNC_SEED").map_or(0x5eed, |seed| seed.parse().unwrap());
    let began = Instant::now();
    let mut run = Run::begin(seed, Pace::of(slots));
    while run.slots() < slots {
        for action in 1..=run.pace.round {
            run.act();
            if action % run.pace.calm == 0 {
                let depth = DEPTHS[run.dice.roll(3) as usize];
                run.take_back(depth);
            }
        }
        run.settle();
        println!("{} slots in {:?}: {:?}", run.slots(), began.elapsed(), run.tally);
    }
    run.open_all();
    // Each depth at least once, also where batches and settlements stand.
    for depth in DEPTHS {
        run.take_back(depth);
        (0..REST).for_each(|_| run.act());
        run.settle();
    }
    let (ran, last) = (began.elapsed(), run.slots());
    let Run { story, node, tally, _member: member, .. } = run;
    let kinds = ["payments", "calls across", "bundles", "deposits", "forced transactions"];
    for what in kinds.into_iter().chain(["withdrawals", "sealed items"]) {
        assert!(tally.0.contains_key(what), "no {what}: {tally:?}");
    }
    // Everything up to where L1 is.
    let safe: Vec<_> = node.urls.iter().map(|url| story.number(url, "safe")).collect();
    let of = |node: &Node| {
        let urls = node.urls.iter().zip(&safe);
        urls.map(|(url, last)| hashes(&story, url, *last)).collect::<Vec<_>>()
    };
    let before = of(&node);
    assert!(before.iter().flatten().all(Value::is_string));
    let balances =
        |node: &Node| [ALICE, BOB, &ERIN.to_string()].map(|who| story.balance(&node.urls[0], who));
    let had = balances(&node);
    drop(member);
    node.stop();

    for gone in ["data", "batches", "journal"] {
        fs::remove_dir_all(story.path(gone)).unwrap();
    }
    story.mine(65);
    let resuming = Instant::now();
    story.done(&["resume", "--config", &story.path("weft.toml")], &[]);
    let resumed = resuming.elapsed();
    let node = story.start_with(&["--guard-restored"]);
    let is_there =
        || node.urls.iter().zip(&safe).all(|(url, last)| story.number(url, "latest") >= *last);
    story.until("it is where it was", is_there);
    assert!(of(&node) == before, "seed {seed}: {tally:?}");
    println!(
        "{last} slots with blocks in {ran:?}, resumed in {resumed:?}, {safe:?} blocks, {tally:?}, seed {seed}"
    );
    // And it goes on.
    story.until("nothing waits", || balances(&node) == had);
    let nonce = story.nonce(&node.urls[1], ALICE);
    story.send(&node.urls[1], &signed_transfer(902, nonce));
    let batches = story.post(&node);
    story.verify(&node, batches);
    assert_eq!(story.settle()["lastBatch"], batches);
    assert!(had[2] > 0 && had[0] < 10 * ETHER);
    node.stop();
}
