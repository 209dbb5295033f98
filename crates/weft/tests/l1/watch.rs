//! S13: who signs two histories is slashed by a program, its victim is compensated, and the honest one has nothing to fear.

use crate::{
    chain::{Client, on_both_waiting},
    court::{Court, REPORTER, ether},
    program::{Program, Victim, sequencer},
};
use alloy_primitives::{Address, U256};
use alloy_provider::Provider as _;
use serde_json::Value;
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use weft_types::Domain;

fn domain() -> Domain {
    Domain { l1_chain_id: 900, settlement: Address::repeat_byte(0x5e), realm: 7, ..Domain::dev() }
}

/// A running `weft watch`.
pub(crate) struct Tower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tower {
    async fn start(court: &Court, program: &Program, l1: &str) -> Self {
        let own = court.folder.path().join("own");
        std::fs::create_dir_all(&own).unwrap();
        let slasher = court.slasher.to_string();
        let more = ["--own", own.to_str().unwrap(), "--slasher", &slasher, "--key", REPORTER];
        Self::with(court.folder.path(), program, &[&["--l1", l1], &more[..]].concat()).await
    }

    /// Starts one with its evidence in a folder.
    pub(crate) async fn with(folder: &Path, program: &Program, args: &[&str]) -> Self {
        let tower = Self::over(folder, &program.url, args).await;
        program.heard().await;
        tower
    }

    /// Starts one that watches a node.
    pub(crate) async fn over(folder: &Path, url: &str, args: &[&str]) -> Self {
        let dir = folder.join("tower");
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["watch", "--rpc", url, "--dir", dir.to_str().unwrap()])
            .args(args)
            .env_remove("WEFT_KEY")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut tower = Self { child, lines };
        assert_eq!(tower.next().await["event"], "started");
        tower
    }

    async fn next(&mut self) -> Value {
        let line = timeout(Duration::from_secs(60), self.lines.next_line()).await.unwrap();
        let line = line.unwrap().expect("weft watch ended");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    }

    /// Waits for an event; what comes before it must be none of `never`.
    pub(crate) async fn until(&mut self, event: &str, never: &[&str]) -> Value {
        loop {
            let told = self.next().await;
            assert!(!never.iter().any(|name| told["event"] == *name), "{told}");
            if told["event"] == event {
                return told;
            }
        }
    }

    /// Waits for events, in whatever order they come; returns them in that of `events`.
    pub(crate) async fn until_all<const N: usize>(
        &mut self,
        events: [&str; N],
        never: &[&str],
    ) -> [Value; N] {
        let mut told = events.map(|_| Value::Null);
        while told.contains(&Value::Null) {
            let next = self.next().await;
            assert!(!never.iter().any(|name| next["event"] == *name), "{next}");
            let place = events.iter().position(|event| next["event"] == *event);
            place.into_iter().for_each(|place| told[place] = next.clone());
        }
        told
    }

    /// Ends it.
    pub(crate) async fn end(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Returns whether it says nothing for a while.
    async fn is_silent(&mut self) -> bool {
        self.is_silent_for(3).await
    }

    pub(crate) async fn is_silent_for(&mut self, seconds: u64) -> bool {
        timeout(Duration::from_secs(seconds), self.lines.next_line()).await.is_err()
    }
}

on_both_waiting!(
    an_equivocating_program_is_slashed_without_a_human,
    p48_a_punishment_that_l1_takes_back_is_made_again_and_not_twice,
);

async fn an_equivocating_program_is_slashed_without_a_human(client: Client) {
    let court = Court::open_on(client, domain(), sequencer(), &[]).await;
    let mut program = Program::start(domain()).await;
    let mut tower = Tower::start(&court, &program, court.l1.url()).await;
    let before = court.bond().await;
    let (one, other, third) = (program.take(1), program.take(2), program.take(3));
    program.promise(7, &[one.clone(), other.clone()]);
    program.promise(8, std::slice::from_ref(&third));
    assert!(tower.is_silent().await, "an honest word alarms nobody");
    // Another history of slot 7: the places have changed.
    program.promise(7, &[other.clone(), one.clone()]);
    let alarm = tower.until("alarm", &[]).await;
    assert_eq!(alarm["why"], "order equivocation");
    let file = alarm["evidence"].as_str().unwrap();
    assert!(std::fs::read_to_string(file).unwrap().starts_with("0x01"));
    let punished = tower.until("punished", &["refused"]).await;
    assert_eq!(
        (&punished["slashed"], &punished["reward"]),
        (&"1.000000000000000000".into(), &"0.125000000000000000".into())
    );
    let paid = tower.until("compensated", &["refused", "waiting"]).await;
    let victim: Address = paid["victim"].as_str().unwrap().parse().unwrap();
    assert!([one.sender, other.sender].contains(&victim), "{paid}");
    assert!(court.client.get_balance(victim).await.unwrap() >= ether(1) / U256::from(2));
    assert_eq!(court.client.get_balance(third.sender).await.unwrap(), U256::ZERO);
    assert!(before - court.bond().await >= ether(1));
    program.stop();
}

/// Puts a transaction to those that the watchtower's owner signed.
fn own(court: &Court, name: &str, victim: &Victim) {
    std::fs::write(court.folder.path().join("own").join(name), victim.raw.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leg_of_ones_own_that_ran_alone_is_found() {
    let court = Court::open(domain(), sequencer(), &[]).await;
    let mut program = Program::start(domain()).await;
    let mut tower = Tower::start(&court, &program, court.l1.url()).await;
    let (marked, plain) = (program.take_marked(1), program.take(2));
    // What may stand alone is promised alone by right, and it is known whose it is.
    own(&court, "plain.raw", &plain);
    program.promise(7, std::slice::from_ref(&plain));
    assert!(tower.is_silent().await, "an honest result alarms nobody");
    program.promise(8, std::slice::from_ref(&marked));
    assert!(tower.is_silent().await, "a result says nothing of an item that nobody has");
    own(&court, "marked.raw", &marked);
    let alarm = tower.until("alarm", &[]).await;
    assert_eq!(alarm["why"], "unbundling");
    tower.until("punished", &["refused"]).await;
    let paid = tower.until("compensated", &["refused", "waiting"]).await;
    assert_eq!(paid["victim"].as_str().unwrap().parse::<Address>().unwrap(), marked.sender);
    assert!(tower.is_silent().await, "one fault is one alarm");
    program.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_honest_program_is_never_slashed() {
    let court = Court::open(domain(), sequencer(), &[]).await;
    let mut program = Program::start(domain()).await;
    let mut tower = Tower::start(&court, &program, court.l1.url()).await;
    let before = court.bond().await;
    let items = [program.take(1), program.take(2), program.take(3)];
    for slot in 1..50 {
        program.promise(slot, &items);
    }
    // The same words again are no other words.
    program.promise(49, &items);
    assert!(tower.is_silent().await);
    assert_eq!(court.bond().await, before);
    program.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_found_is_punished_after_a_restart() {
    let court = Court::open(domain(), sequencer(), &[]).await;
    let mut program = Program::start(domain()).await;
    // L1 answers while it starts, then it is gone: the evidence stays in its folder.
    let elsewhere = Court::open(domain(), Address::repeat_byte(9), &[]).await;
    let mut tower = Tower::start(&court, &program, elsewhere.l1.url()).await;
    elsewhere.l1.stop().await.unwrap();
    let (one, other) = (program.take(1), program.take(2));
    program.promise(7, std::slice::from_ref(&one));
    program.promise(7, std::slice::from_ref(&other));
    tower.until("alarm", &[]).await;
    tower.until("trouble", &["punished"]).await;
    tower.child.kill().await.unwrap();
    let mut tower = Tower::start(&court, &program, court.l1.url()).await;
    tower.until("punished", &["refused"]).await;
    tower.until("compensated", &["refused", "waiting"]).await;
    tower.child.kill().await.unwrap();
    // And not again: who looks once more is told so.
    let mut tower = Tower::start(&court, &program, court.l1.url()).await;
    tower.until("done", &["punished", "compensated"]).await;
    program.stop();
}

async fn p48_a_punishment_that_l1_takes_back_is_made_again_and_not_twice(client: Client) {
    let court = Court::open_on(client, domain(), sequencer(), &[]).await;
    let mut program = Program::start(domain()).await;
    let mut tower = Tower::start(&court, &program, court.l1.url()).await;
    for (number, depth) in (1..).zip([1, 7, 64]) {
        let victims = [program.take(2 * number), program.take(2 * number + 1)];
        // The bond, and what victims got.
        let stand = async || {
            let mut paid = U256::ZERO;
            for victim in &victims {
                paid += court.client.get_balance(victim.sender).await.unwrap();
            }
            (court.bond().await, paid)
        };
        let (begun, before) = (court.client.get_block_number().await.unwrap(), stand().await);
        let slot = 100 * u64::from(number);
        program.promise(slot, &victims);
        program.promise(slot, &[victims[1].clone(), victims[0].clone()]);
        tower.until("compensated", &["refused", "waiting"]).await;
        // One word breaks several claims.
        while !tower.is_silent().await {}
        let after = stand().await;
        assert!(before.0 - after.0 >= ether(1) && after.1 >= ether(1) / U256::from(2));
        let made = court.client.get_block_number().await.unwrap() - begun;
        // With depth 1 the last compensation goes alone.
        let depth = if depth == 1 { 1 } else { made.max(depth) };
        if depth > made {
            court.l1.mine(depth - made).await.unwrap();
        }
        court.l1.reorg(depth).await.unwrap();
        let (bond, paid) = stand().await;
        assert_eq!(bond, if depth == 1 { after.0 } else { before.0 });
        assert!(paid < after.1);
        if depth > 1 {
            tower.until("taken back", &["refused"]).await;
            tower.until("punished", &["refused"]).await;
        }
        tower.until("compensated", &["refused", "waiting"]).await;
        while !tower.is_silent_for(8).await {}
        assert_eq!(stand().await, after, "once: depth {depth}");
    }
    program.stop();
}
