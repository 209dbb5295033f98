//! `weft bench overload`: a durable node that is asked for many times what it can do.

use super::Report;
use crate::load::{
    crowd::{Client, Tally},
    http::Connection,
    process::{Chain, NodeProcess, machine_load, resident_bytes},
    setup,
    traffic::Senders,
};
use alloy_primitives::U64;
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use serde_json::json;
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
/// Time between two looks at the node's memory.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// Longest wait for everything that was accepted.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks a durable node for many times what it can do
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft bench overload
  weft bench overload --rate-factor 10 --seconds 600

First the node takes what it can for some seconds; then it is asked for that
times --rate-factor, as far as --connections with one request each go. What
it refuses is sent again at once, whatever it
says about when to come back. In the end everything that it accepted must be in
blocks.")]
pub(crate) struct Overload {
    /// Multiple of what the node takes
    #[arg(long, value_name = "X", default_value_t = 10.0)]
    rate_factor: f64,
    /// Seconds under that load
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Seconds to find out what that is
    #[arg(long, value_name = "N", default_value_t = 5)]
    warm_up: u64,
    /// Milliseconds between blocks
    #[arg(long, value_name = "MS", default_value_t = 200)]
    slot: u64,
    /// Connections, at most 512
    #[arg(long, value_name = "N", default_value_t = 448)]
    connections: usize,
    /// Transactions in a request
    #[arg(long, value_name = "N", default_value_t = 100)]
    batch: usize,
    /// Folder for the node's data
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Prints one JSON object per figure
    #[arg(long)]
    json: bool,
}

impl Overload {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        ensure!(self.connections >= 1 && self.batch >= 1, "there is no client without a request");
        ensure!(self.rate_factor > 0.0, "--rate-factor {} asks for nothing", self.rate_factor);
        ensure!(self.seconds >= 1 && self.warm_up >= 1, "nothing is measured in no time");
        ensure!((1..=60_000).contains(&self.slot), "--slot {}: expected 1 to 60000", self.slot);
        let mut report = Report::new(self.json);
        let chain = Chain {
            chain_id: CHAIN_ID,
            slot: Duration::from_millis(self.slot),
            // Blocks that are never half full: base fees stay, and the node is what cannot keep up.
            gas_limit: 3_900_000_000,
        };
        let node = NodeProcess::weft(chain, Some(&self.folder)).await?;
        let senders = Arc::new(Senders::new(CHAIN_ID, self.connections));
        setup::fund(&node.url, &senders).await.wrap_err("cannot prepare the node")?;
        let mut clients = Vec::new();
        for index in 0..self.connections {
            clients.push(Client::open(&node.url, senders.clone(), vec![index], self.batch).await?);
        }

        let (clients, calm) = drive(clients, Duration::from_secs(self.warm_up), None).await?;
        let capacity = calm.accepted as f64 / calm.time.as_secs_f64();
        let rate = capacity * self.rate_factor;
        let pause = Duration::from_secs_f64((self.connections * self.batch) as f64 / rate);
        let memory = tokio::spawn(watch_memory(node.id()?, Duration::from_secs(self.seconds)));
        let under_load = drive(clients, Duration::from_secs(self.seconds), Some(pause)).await?;
        let (clients, tally) = under_load;
        let memory = memory.await??;
        let lost = self.lost(&node, &senders, &clients).await?;
        node.stop().await?;
        self.print(&mut report, capacity, tally, &memory, lost);
        Ok(report.verdict())
    }

    fn print(&self, report: &mut Report, capacity: f64, tally: Tally, memory: &[u64], lost: u64) {
        let Tally { accepted, refused, time, mut refusals, mut acceptances } = tally;
        let each = |count: u64| count as f64 / time.as_secs_f64();
        report.note(&format!(
            "{} s, {} connections, {} transactions a request; load {:.1}",
            time.as_secs(),
            self.connections,
            self.batch,
            machine_load().unwrap_or_default(),
        ));
        let mut add = |name: &str, value: f64, unit: Unit, target: Option<f64>| {
            let figure = Figure::new(name, value, unit);
            report.add(&target.map_or(figure.clone(), |target| figure.promised(target)));
        };
        add("taken without overload", capacity, Unit::PerSecond, None);
        add("asked for", each(accepted + refused), Unit::PerSecond, None);
        add("accepted", each(accepted), Unit::PerSecond, None);
        add("refused", each(refused), Unit::PerSecond, None);
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        add("answer with a refusal, median", millis(refusals.percentile(50.0)), Unit::Millis, None);
        let last = millis(refusals.percentile(99.0));
        add("answer with a refusal, 99 of 100", last, Unit::Millis, Some(50.0));
        let whole = millis(acceptances.percentile(99.0));
        add("answer without one, 99 of 100", whole, Unit::Millis, None);
        add("accepted and in no block", lost as f64, Unit::Count, Some(0.0));
        let at = |part: usize| memory.get(memory.len() * part / 4).or(memory.last());
        let (middle, end) = (at(2).copied().unwrap_or_default(), memory.last().copied());
        let end = end.unwrap_or_default();
        add("memory of the node after half of the time", middle as f64, Unit::Bytes, None);
        add("memory of the node at the end", end as f64, Unit::Bytes, None);
        let grown = end.saturating_sub(middle) as f64;
        add("grown in the second half", grown, Unit::Bytes, Some(middle as f64 / 10.0));
        let bytes = grown / (accepted as f64 / 2.0).max(1.0);
        report.note(&format!("{bytes:.0} bytes for each accepted transaction of the second half"));
    }

    /// Waits until everything that was accepted is in blocks; returns how many transactions are not. There is one
    /// signed transaction for every nonce, so the nonces of the senders tell.
    async fn lost(&self, node: &NodeProcess, senders: &Senders, clients: &[Client]) -> Result<u64> {
        let mut connection = Connection::open(&node.url).await?;
        let begun = Instant::now();
        loop {
            let mut missing = 0;
            for (sender, accepted) in clients.iter().flat_map(Client::accepted) {
                let params = json!([senders.address(sender), "latest"]);
                let nonce = connection.call("eth_getTransactionCount", params).await?;
                let nonce = serde_json::from_value::<U64>(nonce)?.to::<u64>();
                missing += accepted.saturating_sub(nonce);
            }
            if missing == 0 || begun.elapsed() > PATIENCE {
                return Ok(missing);
            }
            sleep(Duration::from_millis(self.slot)).await;
        }
    }
}

/// Lets all clients send for a while.
async fn drive(
    clients: Vec<Client>,
    time: Duration,
    pause: Option<Duration>,
) -> Result<(Vec<Client>, Tally)> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for mut client in clients {
        running.spawn(async move {
            let tally = client.run(begun, time, pause).await?;
            Ok::<_, eyre::Report>((client, tally))
        });
    }
    let (mut clients, mut all) = (Vec::new(), Tally::default());
    while let Some(done) = running.join_next().await {
        let (client, tally) = done??;
        clients.push(client);
        all.add(tally);
    }
    all.time = begun.elapsed();
    Ok((clients, all))
}

/// Returns the node's memory from time to time.
async fn watch_memory(id: u32, time: Duration) -> Result<Vec<u64>> {
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < time {
        samples.push(resident_bytes(id)?);
        sleep(SAMPLE_EVERY).await;
    }
    Ok(samples)
}
