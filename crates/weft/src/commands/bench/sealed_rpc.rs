//! `weft bench sealed-rpc`: sealed items over HTTP to a durable node in a process of its own, until their results are
//! promised; and junk beside them.

mod junk;
mod plain;
mod sealing;
mod sorts;

use super::Report;
use crate::load::{
    http::Connection,
    process::{Chain, NodeProcess, machine_load, processor_seconds, resident_bytes, sync_times},
    setup,
    stats::Times,
    traffic::Senders,
};
use clap::Args;
use eyre::{Result, WrapErr, ensure, eyre};
use junk::Pests;
use plain::{Beside, Plain};
use sealing::{Epoch, Sealer};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};
use weft_bench::{Figure, Unit};

/// EIP-155 id of the rollup.
const CHAIN_ID: u64 = 901;
/// Longest wait for an epoch or its opening.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two looks at what an epoch does.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Sends sealed items over HTTP to a durable node
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bench sealed-rpc
  weft bench sealed-rpc --items 2000 --epochs 3 --folder /mnt/disk
  weft bench sealed-rpc --junk 1000000

The node keeps its data in --folder and writes batches there. All envelopes of
an epoch are made before it begins; when it does they are sent, and the time
runs until each position is on disk and promised. It runs again from the
epoch's end until all results are promised. What lies between is waiting for
the clock and does not count. A transaction in clear is sent every 20 ms all
the while.

With --junk so many requests of seven sorts are sent: a tenth of them alone,
for at most ten seconds, then beside honest ones, and the last tenth alone
again. Sorts are: not signed by its payer, payer without a deposit, key list
of nobody, another epoch, expired, body of a wrong size, taken before. No two
are the same, but for the last sort. One in a hundred is signed, paid for and
opens to nothing: it takes a place and is charged.")]
pub(crate) struct SealedRpc {
    /// Items of an epoch
    #[arg(long, value_name = "N", default_value_t = 6000)]
    items: usize,
    /// Epochs that are measured
    #[arg(long, value_name = "N", default_value_t = 4)]
    epochs: usize,
    /// Slots of an epoch
    #[arg(long, value_name = "N", default_value_t = 20)]
    epoch_slots: u64,
    /// Milliseconds between blocks
    #[arg(long, value_name = "MS", default_value_t = 200)]
    slot: u64,
    /// Connections of the client
    #[arg(long, value_name = "N", default_value_t = 8)]
    connections: usize,
    /// Envelopes in a request
    #[arg(long, value_name = "N", default_value_t = 50)]
    batch: usize,
    /// Requests of junk sent beside them
    #[arg(long, value_name = "N", default_value_t = 0)]
    junk: u64,
    /// Folder for the node's data
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Prints one JSON object per figure
    #[arg(long)]
    json: bool,
}

/// Senders inside the envelopes. One more sends in clear.
const SENDERS: usize = 256;
/// Time in which transactions in clear are alone.
const QUIET: Duration = Duration::from_secs(2);

/// What an epoch took.
#[derive(Debug, Default, Clone, Copy)]
struct Spent {
    making: Duration,
    ordering: Duration,
    opening: Duration,
    /// Processor time of the node.
    node_seconds: f64,
    /// Processor time of this process while the other two ran.
    own_seconds: f64,
}

impl SealedRpc {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        ensure!((8..=15_000).contains(&self.items), "--items {}: expected 8 to 15000", self.items);
        ensure!((1..=1_000).contains(&self.epochs), "--epochs {}", self.epochs);
        ensure!((2..=1_000).contains(&self.epoch_slots), "--epoch-slots {}", self.epoch_slots);
        ensure!((1..=60_000).contains(&self.slot), "--slot {}: expected 1 to 60000", self.slot);
        ensure!(self.connections >= 1 && self.batch >= 1, "there is no client without a request");
        let mut report = Report::new(self.json);
        let (config, node) = self.start().await?;
        let senders = Arc::new(Senders::new(CHAIN_ID, SENDERS + 1));
        setup::fund(&node.url, &senders).await.wrap_err("cannot prepare the node")?;
        let mut sealer = Sealer::new(senders.clone(), SENDERS);
        sealer.deposit(&node.url, (senders.len() * 2 + 1) as u64).await?;
        let plain = Plain::start(&node.url, &senders, SENDERS);
        sleep(QUIET).await;
        plain.beside(Beside::Anything);
        let mut memory = vec![resident_bytes(node.id()?)?];
        let pests = if self.junk > 0 {
            Some(Pests::start(&node, sealer.pest(), self.junk).await?)
        } else {
            None
        };
        let is_pestered = || pests.as_ref().is_some_and(|pests| !pests.junk.is_nearly_done());
        let mut spent = Vec::new();
        while spent.len() < self.epochs || is_pestered() {
            spent.push(self.epoch(&node, &mut sealer, &plain).await?);
            memory.push(resident_bytes(node.id()?)?);
        }
        let pested = match pests {
            Some(pests) => Some(pests.end(&node).await?),
            None => None,
        };
        memory.push(resident_bytes(node.id()?)?);
        let times = plain.end().await?;
        node.stop().await?;
        drop(config);
        self.print(&mut report, &spent)?;
        print_plain(&mut report, times);
        pested.iter().for_each(|pested| pested.print(&mut report));
        print_memory(&mut report, &memory);
        Ok(report.verdict())
    }

    async fn start(&self) -> Result<(tempfile::TempDir, NodeProcess)> {
        let config = tempfile::tempdir_in(&self.folder)?;
        let path = std::path::absolute(config.path())?.join("weft.toml");
        let (items, slots) = (self.items.max(1_024) * 2, self.epoch_slots);
        let batches = path.with_file_name("batches").display().to_string();
        let text = format!(
            "[node]\nbatches = {batches:?}\n[sealing]\nenabled = true\nepoch_slots = {slots}\nmax_items = {items}\nclose_margin = \"60s\"\n",
        );
        std::fs::write(&path, text)?;
        let chain = Chain {
            chain_id: CHAIN_ID,
            slot: Duration::from_millis(self.slot),
            gas_limit: 3_900_000_000,
        };
        let path = path.to_str().ok_or_else(|| eyre!("a path that is no text"))?;
        let node = NodeProcess::weft_with(chain, Some(&self.folder), &["--config", path]).await?;
        Ok((config, node))
    }

    /// Seals for the next epoch that has a key, sends when it begins, and waits for its results.
    async fn epoch(&self, node: &NodeProcess, sealer: &mut Sealer, plain: &Plain) -> Result<Spent> {
        plain.beside(Beside::Anything);
        let mut connection = Connection::open(&node.url).await?;
        let epoch = Epoch::coming(&mut connection, PATIENCE).await?;
        let begun = Instant::now();
        let prepared = sealer.seal(&epoch, self.items)?;
        let making = begun.elapsed();
        let requests = prepared.requests(&node.url, self.connections, self.batch);
        let now = epoch.wait_open(&mut connection, PATIENCE).await?;
        ensure!(
            now == epoch.number(),
            "sealing took longer than an epoch: fewer --items or more --epoch-slots"
        );
        let id = node.id()?;
        let (node_before, own_before) = (processor_seconds(id)?, own_seconds()?);
        plain.beside(Beside::Sealed);
        let begun = Instant::now();
        send_all(&node.url, requests).await?;
        let ordering = begun.elapsed();
        let (node_sent, own_sent) = (processor_seconds(id)?, own_seconds()?);
        let begun = epoch.wait_closed(&mut connection, PATIENCE).await?;
        let (node_closed, own_closed) = (processor_seconds(id)?, own_seconds()?);
        prepared.wait_executed(&mut connection, PATIENCE).await?;
        let opening = begun.elapsed();
        plain.beside(Beside::Anything);
        let node_seconds = processor_seconds(id)? - node_closed + node_sent - node_before;
        let own_seconds = own_seconds()? - own_closed + own_sent - own_before;
        // Not in the time: whether all of them, and not only the last, are in blocks.
        prepared.check_included(&mut connection).await?;
        Ok(Spent { making, ordering, opening, node_seconds, own_seconds })
    }

    fn print(&self, report: &mut Report, spent: &[Spent]) -> Result<()> {
        let items = (self.items * spent.len()) as f64;
        let sum = |part: fn(&Spent) -> f64| spent.iter().map(part).sum::<f64>();
        let ordering = sum(|spent| spent.ordering.as_secs_f64());
        let opening = sum(|spent| spent.opening.as_secs_f64());
        let (node, own) = (sum(|spent| spent.node_seconds), sum(|spent| spent.own_seconds));
        let making = sum(|spent| spent.making.as_secs_f64());
        let mut sync = sync_times(&self.folder, 32)?;
        report.note(&format!(
            "{} epochs of {} items, {} connections, {} envelopes a request; load {:.1}; a sync takes {:.2} ms",
            spent.len(),
            self.items,
            self.connections,
            self.batch,
            machine_load().unwrap_or_default(),
            sync.percentile(50.0).as_secs_f64() * 1e3,
        ));
        let mut add =
            |name: &str, value: f64, unit: Unit| report.add(&Figure::new(name, value, unit));
        add("sealed over RPC: ordered and promised", items / ordering, Unit::PerSecond);
        add("sealed over RPC: opened and promised", items / opening, Unit::PerSecond);
        add("sealed over RPC: node's processor time an item", node * 1e6 / items, Unit::Micros);
        add("sealed over RPC: generator beforehand, an item", making * 1e6 / items, Unit::Micros);
        let share = 100.0 * own / (own + node);
        add("sealed over RPC: generator's share meanwhile", share, Unit::Percent);
        let all = Figure::new(
            "sealed over RPC: items, from envelope to promised result",
            items / (ordering + opening),
            Unit::PerSecond,
        );
        report.add(&all.promised(6_000.0));
        Ok(())
    }
}

fn print_plain(report: &mut Report, [mut quiet, mut sealed]: [Times; 2]) {
    let mut add = |name: &str, time: Duration| {
        let name = format!("in clear, result promised: {name}");
        report.add(&Figure::new(name, time.as_secs_f64() * 1e3, Unit::Millis));
    };
    for (beside, times) in [("nothing beside", &mut quiet), ("sealed items beside", &mut sealed)] {
        for (name, percent) in [("median", 50.0), ("99th of 100", 99.0), ("longest", 100.0)] {
            add(&format!("{beside}, {name}"), times.percentile(percent));
        }
    }
    report.note(&format!("{} and {} transactions in clear", quiet.len(), sealed.len()));
}

/// Prints what the node's memory was: it keeps honest items, so it grows with them.
fn print_memory(report: &mut Report, memory: &[u64]) {
    let at = |index: usize| memory.get(index).copied().unwrap_or_default() as f64;
    let (middle, end) = (at(memory.len() / 2), at(memory.len() - 1));
    let mut add = |name: &str, bytes: f64| {
        report.add(&Figure::new(format!("memory of the node: {name}"), bytes, Unit::Bytes));
    };
    add("before", at(0));
    add("half way", middle);
    add("at the end", end);
}

/// Sends the requests of each connection in their order; every envelope must be taken and promised.
async fn send_all(url: &str, requests: Vec<Vec<Vec<u8>>>) -> Result<()> {
    let mut running = JoinSet::new();
    for requests in requests {
        let url = url.to_owned();
        running.spawn(async move {
            let mut connection = Connection::open(&url).await?;
            for request in requests {
                check_promised(connection.ask(&request).await?)?;
            }
            Ok::<_, eyre::Report>(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

fn check_promised(body: &[u8]) -> Result<()> {
    let answers: Vec<Value> = serde_json::from_slice(body)?;
    for answer in answers {
        if !answer["result"]["promise"]["encoding"].is_string() {
            return Err(eyre!("an envelope was not taken and promised: {answer}"));
        }
    }
    Ok(())
}

fn own_seconds() -> Result<f64> {
    processor_seconds(std::process::id())
}

/// Waits until something is so.
async fn until<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(begun.elapsed() < patience, "waited in vain for {what}");
        sleep(LOOK_AGAIN).await;
    }
}

/// Returns what a batch of calls answers, in order.
fn batch_body(method: &str, params: impl Iterator<Item = Value>) -> String {
    let call = |(id, params): (usize, Value)| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    Value::Array(params.enumerate().map(call).collect()).to_string()
}
