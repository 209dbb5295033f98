//! Clients that ask again for everything that was refused.

use super::{
    http::{self, Answer, Connection},
    stats::Times,
    traffic::{Kind, Senders, Signed},
};
use eyre::{Result, bail, ensure};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::sleep_until};

/// Leaves the processors to the node.
static SIGNING: Semaphore = Semaphore::const_new(1);

/// Code of a refusal for want of room.
const BUSY: i64 = -32005;

/// A connection with senders of its own.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    senders: Arc<Senders>,
    own: Vec<Sender>,
    batch: usize,
}

/// A sender with what it signed and what was not accepted yet.
#[derive(Debug)]
struct Sender {
    index: usize,
    next_nonce: u64,
    open: BTreeMap<u64, Signed>,
    accepted: u64,
    /// The request with the first of `open`, until one of them is accepted.
    request: Vec<u8>,
}

/// What clients saw.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) time: Duration,
    /// Times to answers with at least one refusal.
    pub(crate) refusals: Times,
    /// Times to answers without any.
    pub(crate) acceptances: Times,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.refusals.extend(other.refusals);
        self.acceptances.extend(other.acceptances);
    }
}

impl Client {
    /// Connects.
    pub(crate) async fn open(
        url: &str,
        senders: Arc<Senders>,
        own: Vec<usize>,
        batch: usize,
    ) -> Result<Self> {
        let sender = |index| Sender {
            index,
            next_nonce: 0,
            open: BTreeMap::new(),
            accepted: 0,
            request: Vec::new(),
        };
        let own = own.into_iter().map(sender).collect();
        Ok(Self { connection: Connection::open(url).await?, senders, own, batch })
    }

    /// Returns the senders with the number of transactions of theirs that were accepted.
    pub(crate) fn accepted(&self) -> impl Iterator<Item = (usize, u64)> {
        self.own.iter().map(|sender| (sender.index, sender.accepted))
    }

    /// Sends until `time` after `begun`, one request every `pause`, or as fast as they are answered.
    pub(crate) async fn run(
        &mut self,
        begun: Instant,
        time: Duration,
        pause: Option<Duration>,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        let start = tokio::time::Instant::now();
        for round in 0_u32.. {
            if let Some(pause) = pause {
                sleep_until(start + pause * round).await;
            }
            if begun.elapsed() >= time {
                break;
            }
            let turn = round as usize % self.own.len();
            self.send(turn, &mut tally).await?;
        }
        Ok(tally)
    }

    async fn send(&mut self, turn: usize, tally: &mut Tally) -> Result<()> {
        let sender = &mut self.own[turn];
        sender.fill(&self.senders, &self.connection, self.batch).await?;
        let asked = Instant::now();
        let body = self.connection.ask(&sender.request).await?;
        let took = asked.elapsed();
        let (accepted, refused) = sender.take(body, self.batch)?;
        tally.accepted += accepted;
        tally.refused += refused;
        if refused > 0 { &mut tally.refusals } else { &mut tally.acceptances }.push(took);
        Ok(())
    }
}

impl Sender {
    /// Makes the next request, unless the last one is still good.
    async fn fill(
        &mut self,
        senders: &Arc<Senders>,
        connection: &Connection,
        batch: usize,
    ) -> Result<()> {
        if !self.request.is_empty() {
            return Ok(());
        }
        if self.open.len() < batch {
            let (senders, index, first) = (senders.clone(), self.index, self.next_nonce);
            let nonces = first..first + 2 * batch as u64;
            // One at a time, and apart from those that wait for answers.
            let turn = SIGNING.acquire().await?;
            let sign = move || {
                let sign = |nonce| Ok((nonce, senders.sign(Kind::Ether, index, nonce)?));
                nonces.map(sign).collect::<Result<Vec<_>>>()
            };
            let signed = spawn_blocking(sign).await??;
            drop(turn);
            self.next_nonce += signed.len() as u64;
            self.open.extend(signed);
        }
        let raws: Vec<String> = self.open.values().take(batch).map(Signed::hex).collect();
        self.request = connection.prepare(&http::batch(raws.iter().map(String::as_str)));
        Ok(())
    }

    /// Notes what was accepted; returns how many were, and how many were refused.
    fn take(&mut self, body: &[u8], batch: usize) -> Result<(u64, u64)> {
        let answers: Vec<Answer<'_>> = serde_json::from_slice(body)?;
        let nonces: Vec<u64> = self.open.keys().take(batch).copied().collect();
        ensure!(answers.len() == nonces.len(), "{} answers to {batch} calls", answers.len());
        let (mut accepted, mut refused) = (0, 0);
        for answer in answers {
            let nonce = nonces.get(answer.id).copied().unwrap_or(u64::MAX);
            match answer.error {
                None => {
                    ensure!(self.open.remove(&nonce).is_some(), "an answer to no call");
                    accepted += 1;
                }
                Some(error) if error.code == BUSY => refused += 1,
                Some(error) => bail!("refused: {} ({})", error.message, error.code),
            }
        }
        if accepted > 0 {
            self.request.clear();
        }
        self.accepted += accepted;
        Ok((accepted, refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_stays_and_what_was_accepted_counts() {
        let senders = Senders::new(901, 1);
        let mut sender = Sender {
            index: 0,
            next_nonce: 3,
            open: (0..3).map(|n| (n, senders.sign(Kind::Ether, 0, n).unwrap())).collect(),
            accepted: 0,
            request: vec![1],
        };
        let busy = r#"{"id":1,"error":{"code":-32005,"message":"busy"}}"#;
        let body = format!(r#"[{{"id":0,"result":"0x1"}},{busy},{{"id":2,"result":"0x2"}}]"#);
        assert_eq!(sender.take(body.as_bytes(), 3).unwrap(), (2, 1));
        assert_eq!(sender.open.keys().copied().collect::<Vec<_>>(), [1]);
        assert!(sender.request.is_empty());
        let other = r#"[{"id":0,"error":{"code":-32000,"message":"nonce too low"}}]"#;
        assert!(sender.take(other.as_bytes(), 1).is_err());
    }
}
