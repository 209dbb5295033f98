//! Sending: every connection has one batch on its way at a time, as fast as it is answered or at a given rate.

use super::{
    chain::Watch,
    http::{self, Answer, Connection},
    process::{NodeProcess, processor_seconds},
    stats::Times,
    traffic::Signed,
};
use eyre::{Result, bail, ensure};
use std::time::{Duration, Instant};
use tokio::{task::JoinSet, time::sleep_until};

/// Longest wait for the last block.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a phase led to.
#[derive(Debug)]
pub(crate) struct Phase {
    /// Transactions in blocks with status 1.
    pub(crate) transactions: usize,
    /// From the first submission until the last block was seen.
    pub(crate) time: Duration,
    /// Blocks.
    pub(crate) blocks: u64,
    /// Times from a batch to its answer.
    pub(crate) batches: Times,
    /// Processors that the node kept busy, on average.
    pub(crate) node_cores: f64,
    /// Processors that this process kept busy, on average.
    pub(crate) own_cores: f64,
}

impl Phase {
    /// Returns transactions per second, from submission to block.
    pub(crate) fn rate(&self) -> f64 {
        self.transactions as f64 / self.time.as_secs_f64()
    }
}

/// Sends everything to a node as fast as it answers, and checks that it is in blocks with status 1. Each of `lanes` has a
/// connection of its own.
pub(crate) async fn run(node: &NodeProcess, lanes: &[Vec<Signed>], batch: usize) -> Result<Phase> {
    let (phase, mut watch) = send_all(node, lanes, batch, None).await?;
    watch.check(lanes.iter().flatten().map(|tx| tx.hash)).await?;
    Ok(phase)
}

/// Sends `rate` transactions a second over all lanes, while others send as well.
pub(crate) async fn run_beside(
    node: &NodeProcess,
    lanes: &[Vec<Signed>],
    batch: usize,
    rate: f64,
) -> Result<Phase> {
    let pause = Duration::from_secs_f64(lanes.len() as f64 * batch as f64 / rate);
    Ok(send_all(node, lanes, batch, Some(pause)).await?.0)
}

async fn send_all(
    node: &NodeProcess,
    lanes: &[Vec<Signed>],
    batch: usize,
    pause: Option<Duration>,
) -> Result<(Phase, Watch)> {
    let requests = prepare(&node.url, lanes, batch);
    let transactions = lanes.iter().map(Vec::len).sum();
    let mut watch = Watch::start(&node.url).await?;
    let (id, own) = (node.id()?, std::process::id());
    let used = (processor_seconds(id)?, processor_seconds(own)?);
    let begun = Instant::now();
    let mut sending = JoinSet::new();
    let count = u32::try_from(requests.len())?;
    for (index, lane) in (0_u32..).zip(requests) {
        let connection = Connection::open(&node.url).await?;
        // One after the other: clients that know nothing of each other do not send at the same moment.
        let pace = pause.map(|pause| Pace { first: pause / count * index, pause });
        sending.spawn(send(connection, lane, pace));
    }
    let mut batches = Times::default();
    while let Some(sent) = sending.join_next().await {
        batches.extend(sent??);
    }
    let time = watch.wait(transactions, PATIENCE).await? - begun;
    let cores = |used: f64| used / time.as_secs_f64();
    let node_cores = cores(processor_seconds(id)? - used.0);
    let own_cores = cores(processor_seconds(own)? - used.1);
    let blocks = watch.blocks();
    Ok((Phase { transactions, time, blocks, batches, node_cores, own_cores }, watch))
}

/// A request with the number of its transactions.
type Request = (Vec<u8>, usize);

fn prepare(url: &str, lanes: &[Vec<Signed>], batch: usize) -> Vec<Vec<Request>> {
    let host = url.trim_start_matches("http://");
    let request = |part: &[Signed]| {
        let raws: Vec<String> = part.iter().map(Signed::hex).collect();
        (http::prepare(host, &http::batch(raws.iter().map(String::as_str))), part.len())
    };
    lanes.iter().map(|lane| lane.chunks(batch).map(request).collect()).collect()
}

/// When the requests of a connection are due.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// After the begin.
    first: Duration,
    pause: Duration,
}

async fn send(
    mut connection: Connection,
    requests: Vec<Request>,
    pace: Option<Pace>,
) -> Result<Times> {
    let begun = tokio::time::Instant::now();
    let mut times = Times::default();
    for (index, (request, count)) in (0_u32..).zip(requests) {
        if let Some(pace) = pace {
            sleep_until(begun + pace.first + pace.pause * index).await;
        }
        let asked = Instant::now();
        let body = connection.ask(&request).await?;
        times.push(asked.elapsed());
        check_accepted(body, count)?;
    }
    Ok(times)
}

/// Checks that every transaction of a batch was accepted.
pub(crate) fn check_accepted(body: &[u8], count: usize) -> Result<()> {
    let answers: Vec<Answer<'_>> = serde_json::from_slice(body)?;
    ensure!(answers.len() == count, "{} answers to {count} calls", answers.len());
    for answer in answers {
        if let Some(error) = answer.error {
            bail!("a transaction was refused: {} ({})", error.message, error.code);
        }
        ensure!(answer.result.is_some(), "an answer without a result");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_and_missing_answers_are_errors() {
        let good = br#"[{"jsonrpc":"2.0","id":0,"result":"0x1"}]"#;
        assert!(check_accepted(good, 1).is_ok());
        assert!(check_accepted(good, 2).is_err());
        let bad = br#"[{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"busy","data":{"retryAfterMs":5}}}]"#;
        assert!(check_accepted(bad, 1).unwrap_err().to_string().contains("busy (-32005)"));
    }
}
