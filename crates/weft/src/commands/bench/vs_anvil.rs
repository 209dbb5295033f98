//! `weft bench vs-anvil`: a durable node beside anvil, with one client and the same transactions.

use super::Report;
use crate::load::{
    http::{self, Connection},
    process::{Chain, NodeProcess, machine_load, processor_seconds, sync_times},
    pump::{self, Phase, check_accepted},
    setup,
    stats::{Times, median},
    traffic::{Kind, Senders, Signed},
};
use alloy_primitives::Bytes;
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use serde_json::json;
use std::{
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use weft_bench::{Figure, Unit, pipeline};

/// Chain id of both nodes, so that the same signatures are good for both.
const CHAIN_ID: u64 = 901;
/// Senders whose transactions only probe latency.
const PROBES: usize = 16;
/// Longest wait for a promise.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two probes.
const PROBE_EVERY: Duration = Duration::from_millis(10);

/// Compares a durable node with anvil, end to end
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bench vs-anvil --anvil $(command -v anvil)
  weft bench vs-anvil --anvil anvil --transactions 100000 --rounds 5

Every transaction counts from its submission until it is in a block with
status 1, which is checked. Both nodes make a block every --slot.")]
pub(crate) struct VsAnvil {
    /// Program of anvil; without it only Weft and plain revm
    #[arg(long, value_name = "PROGRAM")]
    anvil: Option<PathBuf>,
    /// Transactions of each kind
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    transactions: usize,
    /// Repetitions; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Milliseconds between blocks
    #[arg(long, value_name = "MS", default_value_t = 200)]
    slot: u64,
    /// Connections of the client
    #[arg(long, value_name = "N", default_value_t = 8)]
    connections: usize,
    /// Transactions in a request
    #[arg(long, value_name = "N", default_value_t = 200)]
    batch: usize,
    /// Different senders
    #[arg(long, value_name = "N", default_value_t = 256)]
    senders: usize,
    /// Seconds under half load
    #[arg(long, value_name = "N", default_value_t = 10)]
    latency: u64,
    /// Seconds of it before, while memory fills
    #[arg(long, value_name = "N", default_value_t = 20)]
    warm_up: u64,
    /// Folder on the disk to measure
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Prints one JSON object per figure
    #[arg(long)]
    json: bool,
}

/// What is sent, signed before anything is measured.
struct Load {
    senders: Senders,
    ether: Vec<Vec<Signed>>,
    token: Vec<Vec<Signed>>,
}

/// What one node did.
struct Round {
    ether: Phase,
    token: Phase,
}

impl VsAnvil {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        ensure!(self.connections >= 1 && self.batch >= 1, "there is no client without a request");
        ensure!(self.senders >= self.connections, "each connection needs a sender");
        ensure!((1..=60_000).contains(&self.slot), "--slot {}: expected 1 to 60000", self.slot);
        ensure!(self.rounds >= 1, "--rounds 0 measures nothing");
        let mut report = Report::new(self.json);
        report.note(&format!(
            "{} threads, load {:.1} before; slot {} ms, {} connections, {} transactions a request",
            cores(),
            machine_load().unwrap_or_default(),
            self.slot,
            self.connections,
            self.batch,
        ));
        self.measure_disk(&mut report)?;
        let load = self.sign()?;
        let mut rounds = Vec::new();
        for round in 1..=self.rounds {
            rounds.push(self.round(round, &load, &mut report).await?);
        }
        self.compare(&rounds, &mut report);
        self.latency(&load, &rounds, &mut report).await?;
        report.note(&format!("load {:.1} after", machine_load().unwrap_or_default()));
        Ok(report.verdict())
    }

    fn chain(&self) -> Chain {
        // Blocks never fill up and base fees never rise: what is compared is speed.
        let gas_limit = 3_900_000_000;
        Chain { chain_id: CHAIN_ID, slot: Duration::from_millis(self.slot), gas_limit }
    }

    fn measure_disk(&self, report: &mut Report) -> Result<()> {
        let mut times = sync_times(&self.folder, 200).wrap_err("cannot measure the disk")?;
        let name = "write of 4 KiB with a sync";
        for (what, percent) in [("median", 50.0), ("99 of 100", 99.0)] {
            let millis = times.percentile(percent).as_secs_f64() * 1e3;
            report.add(&Figure::new(format!("{name}, {what}"), millis, Unit::Millis));
        }
        Ok(())
    }

    fn sign(&self) -> Result<Load> {
        let senders = Senders::new(CHAIN_ID, self.senders + PROBES);
        let each = (self.transactions / self.senders).max(1) as u64;
        let lanes = |kind, nonce, each| {
            let own = |lane| (lane..self.senders).step_by(self.connections).collect::<Vec<_>>();
            let lane = |lane| senders.rounds(kind, &own(lane), nonce, each);
            (0..self.connections).map(lane).collect::<Result<Vec<_>>>()
        };
        let ether = lanes(Kind::Ether, 0, each)?;
        let token = lanes(Kind::Token, each, each)?;
        Ok(Load { senders, ether, token })
    }

    /// Runs both nodes, one after the other, and plain revm.
    async fn round(&self, round: usize, load: &Load, report: &mut Report) -> Result<[f64; 8]> {
        let anvil = match &self.anvil {
            Some(program) => {
                Some(self.node(NodeProcess::anvil(program, self.chain()).await?, load).await?)
            }
            None => None,
        };
        let weft = NodeProcess::weft(self.chain(), Some(&self.folder)).await?;
        let weft = self.node(weft, load).await?;
        let memory = self.node(NodeProcess::weft(self.chain(), None).await?, load).await?;
        let before = processor_seconds(std::process::id())?;
        let revm = self.plain(load)?;
        let sent: usize = load.ether.iter().chain(&load.token).map(Vec::len).sum();
        // The ether transfers run twice: the tokens' rate needs the nonces after them.
        let used = (processor_seconds(std::process::id())? - before) * 1e6 / (1.5 * sent as f64);
        let nodes = [("weft", &weft), ("weft without a disk", &memory)];
        for (name, one) in anvil.iter().map(|one| ("anvil", one)).chain(nodes) {
            for (kind, phase) in [("ether", &one.ether), ("token", &one.token)] {
                let mut batches = phase.batches.clone();
                report.note(&format!(
                    "round {round}: {name}, {kind}: {:.0} /s, {} blocks, node {:.2} and client {:.2} processors, \
                     {:.0} us of processor time each, answer after {:.1} ms (99 of 100: {:.1} ms)",
                    phase.rate(),
                    phase.blocks,
                    phase.node_cores,
                    phase.own_cores,
                    phase.node_cores / phase.rate() * 1e6,
                    batches.percentile(50.0).as_secs_f64() * 1e3,
                    batches.percentile(99.0).as_secs_f64() * 1e3,
                ));
            }
        }
        report.note(&format!(
            "round {round}: plain revm: {:.0} and {:.0} /s, {used:.0} us of processor time each",
            revm[0], revm[1],
        ));
        let rates = |round: &Round| [round.ether.rate(), round.token.rate()];
        let anvil = anvil.as_ref().map_or([f64::NAN; 2], rates);
        let ([a, b], [c, d], [e, f]) = (anvil, rates(&weft), rates(&memory));
        Ok([a, b, c, d, e, f, revm[0], revm[1]])
    }

    async fn node(&self, node: NodeProcess, load: &Load) -> Result<Round> {
        setup::fund(&node.url, &load.senders).await.wrap_err("cannot prepare the node")?;
        let ether = pump::run(&node, &load.ether, self.batch).await?;
        let token = pump::run(&node, &load.token, self.batch).await?;
        node.stop().await?;
        Ok(Round { ether, token })
    }

    /// Returns the rates of plain revm for both kinds.
    fn plain(&self, load: &Load) -> Result<[f64; 2]> {
        let raws = |all: &[Signed]| all.iter().map(|tx| tx.raw.clone()).collect::<Vec<Bytes>>();
        let flat =
            |lanes: &[Vec<Signed>]| lanes.iter().flat_map(|lane| raws(lane)).collect::<Vec<_>>();
        let (setup, ether, token) =
            (raws(&load.senders.setup()?), flat(&load.ether), flat(&load.token));
        let funder = crate::accounts::signer(0).address();
        let rate = |setup: &[Bytes], all: &[Bytes]| {
            let time = pipeline::run(CHAIN_ID, funder, setup, all, cores())?;
            Ok::<_, eyre::Report>(all.len() as f64 / time.as_secs_f64())
        };
        Ok([rate(&setup, &ether)?, rate(&[setup, ether.clone()].concat(), &token)?])
    }

    fn compare(&self, rounds: &[[f64; 8]], report: &mut Report) {
        let middle = |of: &dyn Fn(&[f64; 8]) -> f64| median(rounds.iter().map(of).collect());
        for (at, kind) in ["ether transfers", "token transfers"].into_iter().enumerate() {
            let rate = |name: &str, index: usize| {
                let value = middle(&|round| round[index + at]);
                Figure::new(format!("{kind}, {name}"), value, Unit::PerSecond)
            };
            if self.anvil.is_some() {
                report.add(&rate("anvil", 0));
            }
            report.add(&rate("weft, durable", 2));
            report.add(&rate("weft without a disk", 4));
            report.add(&rate("plain revm with recovery, all threads", 6));
            let ratio = |name: &str, index: usize| {
                let value = middle(&|round| round[2 + at] / round[index + at]);
                Figure::new(format!("{kind}, {name}"), value, Unit::Ratio)
            };
            if self.anvil.is_some() {
                report.add(&ratio("weft against anvil", 0).promised(5.0));
            }
            report.add(&ratio("weft against plain revm", 6).promised(0.5));
            report.add(&ratio("durable against without a disk", 4));
        }
    }

    /// Measures promises under half of the load that the node took.
    async fn latency(&self, load: &Load, rounds: &[[f64; 8]], report: &mut Report) -> Result<()> {
        let rate = median(rounds.iter().map(|round| round[2]).collect()) / 2.0;
        let each = ((rate * (self.warm_up + self.latency) as f64) as usize / self.senders)
            .clamp(1, 100_000) as u64;
        let own = |lane| (lane..self.senders).step_by(self.connections).collect::<Vec<_>>();
        let lane = |lane| load.senders.rounds(Kind::Ether, &own(lane), 0, each);
        let lanes = (0..self.connections).map(lane).collect::<Result<Vec<_>>>()?;
        let probes = Duration::from_secs(self.latency).as_millis() / PROBE_EVERY.as_millis();
        let own: Vec<usize> = (self.senders..self.senders + PROBES).collect();
        let each = (probes as u64).div_ceil(PROBES as u64);
        let probes = load.senders.rounds(Kind::Ether, &own, 0, each)?;
        let node = NodeProcess::weft(self.chain(), Some(&self.folder)).await?;
        setup::fund(&node.url, &load.senders).await?;
        let after = Duration::from_secs(self.warm_up);
        let probing = tokio::spawn(probe(node.url.clone(), after, probes));
        let half = pump::run_beside(&node, &lanes, self.batch, rate).await?;
        let (mut accepted, mut promised) = probing.await??;
        node.stop().await?;
        report.note(&format!(
            "half load: {rate:.0} /s asked for, {:.0} /s in blocks; node {:.2} and client {:.2} processors; {} probes, \
             {} of each of their senders",
            half.rate(),
            half.node_cores,
            half.own_cores,
            promised.len(),
            each,
        ));
        let millis = |times: &mut Times, percent| times.percentile(percent).as_secs_f64() * 1e3;
        let mut add = |name: &str, value: f64, target: Option<f64>| {
            let figure = Figure::new(format!("{name} at half load"), value, Unit::Millis);
            report.add(&target.map_or(figure.clone(), |target| figure.promised(target)));
        };
        add("answer, median", millis(&mut accepted, 50.0), None);
        add("answer, 99 of 100", millis(&mut accepted, 99.0), None);
        let sync = sync_times(&self.folder, 100)?.percentile(50.0).as_secs_f64() * 1e3;
        add("signed promise in hand, median", millis(&mut promised, 50.0), Some(3.0 + sync));
        add("signed promise in hand, 99 of 100", millis(&mut promised, 99.0), Some(15.0));
        Ok(())
    }
}

/// Sends single transactions after a while and asks for their promises; returns how long answers and signed promises took.
async fn probe(url: String, after: Duration, probes: Vec<Signed>) -> Result<(Times, Times)> {
    let mut connection = Connection::open(&url).await?;
    let begun = tokio::time::Instant::now() + after;
    let (mut accepted, mut promised) = (Times::default(), Times::default());
    for (index, tx) in (0_u32..).zip(&probes) {
        tokio::time::sleep_until(begun + PROBE_EVERY * index).await;
        let raw = tx.hex();
        let request = connection.prepare(&http::batch(std::iter::once(raw.as_str())));
        let asked = Instant::now();
        check_accepted(connection.ask(&request).await?, 1)?;
        accepted.push(asked.elapsed());
        while connection.call("weft_getPromise", json!([tx.hash])).await?["order"].is_null() {
            ensure!(asked.elapsed() < PATIENCE, "no promise for {} within a minute", tx.hash);
        }
        promised.push(asked.elapsed());
    }
    Ok((accepted, promised))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}
