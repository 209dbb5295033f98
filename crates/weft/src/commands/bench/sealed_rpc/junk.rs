//! Junk of all sorts, sent beside honest envelopes, and what it costs.

use super::{
    LOOK_AGAIN, PATIENCE, own_seconds,
    sealing::{self, Epoch},
    sorts::{AGAIN, Aim, BATCH, Batch, Pest, Sort},
    until,
};
use crate::commands::bench::Report;
use crate::load::{
    http::Connection,
    process::{NodeProcess, processor_seconds, resident_bytes},
};
use alloy_primitives::B256;
use alloy_signer_local::PrivateKeySigner;
use eyre::{Result, ensure};
use serde::Deserialize;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet, time::sleep};
use weft_bench::{Figure, Unit};

/// Connections that send junk.
const CONNECTIONS: usize = 4;
/// Longest time that junk is sent alone in the beginning, to see what it costs.
const ALONE: Duration = Duration::from_secs(10);
/// Time between two looks at which epoch is open.
const AIM_AGAIN: Duration = Duration::from_millis(50);

/// Junk that was answered.
#[derive(Debug)]
pub(super) struct Junk {
    pest: Pest,
    aim: watch::Receiver<Arc<Aim>>,
    /// How much is answered in all, and how much of it before the last part.
    most: u64,
    limit: AtomicU64,
    batches: AtomicU64,
    making_ns: AtomicU64,
    refused: [Refused; Sort::ALL.len()],
    taken: AtomicU64,
    /// What takes a place and is paid for; and of its sort what found no room.
    paid: Mutex<Vec<B256>>,
    no_room: AtomicU64,
}

/// How often a sort was refused, and how often for the reason that is its own.
#[derive(Debug, Default)]
struct Refused {
    all: AtomicU64,
    own: AtomicU64,
}

/// An answer, as far as it counts.
#[derive(Debug, Deserialize)]
struct Answer {
    id: usize,
    error: Option<Refusal>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    code: i64,
    data: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: Option<String>,
}

/// Who sends junk.
#[derive(Debug)]
pub(super) struct Pests {
    pub(super) junk: Arc<Junk>,
    senders: JoinSet<Result<Instant>>,
    begun: Instant,
    first: Cost,
}

/// What junk did, when it is over.
#[derive(Debug)]
pub(super) struct Pested {
    junk: Arc<Junk>,
    lasted: Duration,
    /// The first part and the last one.
    alone: [Cost; 2],
}

/// What junk cost while nothing else was sent.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    /// Processor time of the node, and of whoever makes and sends.
    node: f64,
    sender: f64,
    answered: f64,
    /// Memory of the node before, and after.
    memory: [f64; 2],
}

impl Pests {
    /// Starts them, and waits until the first part is answered.
    pub(super) async fn start(
        node: &NodeProcess,
        payer: &PrivateKeySigner,
        most: u64,
    ) -> Result<Self> {
        let (junk, senders) = Junk::start(&node.url, payer, most).await?;
        let begun = Instant::now();
        let first = junk.first_part(node).await?;
        Ok(Self { junk, senders, begun, first })
    }

    /// Sends the last part, and checks what all of it came to.
    pub(super) async fn end(mut self, node: &NodeProcess) -> Result<Pested> {
        let last = self.junk.last_part(node).await?;
        let mut ended = self.begun;
        while let Some(done) = self.senders.join_next().await {
            ended = ended.max(done??);
        }
        self.junk.check_charged(&node.url, sealing::DEPOSIT).await?;
        Ok(Pested { junk: self.junk, lasted: ended - self.begun, alone: [self.first, last] })
    }
}

impl Pested {
    pub(super) fn print(&self, report: &mut Report) {
        let Self { junk, alone: [first, last], .. } = self;
        for (sort, [refused, own]) in junk.refused() {
            report.note(&format!("junk {}: {refused} refused, {own} of them as that", sort.name()));
        }
        let answered = junk.answered() as f64;
        let figure = |name: &str, value: f64, unit: Unit| {
            Figure::new(format!("junk over RPC: {name}"), value, unit)
        };
        let [paid, no_room] = junk.places().map(|count| count as f64);
        let each = |part: f64| part * 1e6 / first.answered.max(1.0);
        report.add(&figure("answered", answered, Unit::Count));
        report.add(&figure("distinct requests", junk.distinct() as f64, Unit::Count));
        report.add(
            &figure("taken that should not be", junk.taken() as f64, Unit::Count).promised(0.0),
        );
        report.add(&figure("paid for, ordered, opened to nothing, charged", paid, Unit::Count));
        report.add(&figure("would have been paid for, without room", no_room, Unit::Count));
        let rate = answered / self.lasted.as_secs_f64();
        report.add(&figure("answered in a second", rate, Unit::PerSecond));
        report.add(&figure("time to make one", junk.making() * 1e6, Unit::Micros));
        report.add(&figure(
            "processor time to make and send one",
            each(first.sender),
            Unit::Micros,
        ));
        report.add(&figure("node's processor time to answer one", each(first.node), Unit::Micros));
        for (part, cost) in [("first", first), ("last", last)] {
            let [before, after] = cost.memory;
            let name = format!("memory grown by the {part} tenth, alone");
            report.add(&figure(&name, after - before, Unit::Bytes).promised(before / 10.0));
        }
        report.note("every honest item was taken and is in a block, or this would have failed");
    }
}

impl Junk {
    /// Starts senders, and what aims them at the epoch that is open; each sender says when it ended.
    async fn start(
        url: &str,
        payer: &PrivateKeySigner,
        most: u64,
    ) -> Result<(Arc<Self>, JoinSet<Result<Instant>>)> {
        let aim = aimed(url, payer.clone()).await?;
        let junk = Arc::new(Self {
            pest: Pest::new(url, payer),
            aim,
            most,
            limit: AtomicU64::new(most - most / 10),
            batches: AtomicU64::default(),
            making_ns: AtomicU64::default(),
            refused: Default::default(),
            taken: AtomicU64::default(),
            paid: Mutex::default(),
            no_room: AtomicU64::default(),
        });
        let mut senders = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (url, junk) = (url.to_owned(), junk.clone());
            senders.spawn(async move { junk.send(&url).await });
        }
        Ok((junk, senders))
    }

    /// Tells whether all is answered but for the last part, which is sent alone.
    pub(super) fn is_nearly_done(&self) -> bool {
        self.answered() >= self.most - self.most / 10
    }

    fn answered(&self) -> u64 {
        self.batches_answered() * BATCH as u64
    }

    /// Every batch has one envelope that is paid for or has no room.
    fn batches_answered(&self) -> u64 {
        self.no_room.load(Ordering::Relaxed) + self.paid().len() as u64
    }

    fn paid(&self) -> std::sync::MutexGuard<'_, Vec<B256>> {
        self.paid.lock().expect("nobody panics with it")
    }

    async fn send(&self, url: &str) -> Result<Instant> {
        let mut connection = Connection::open(url).await?;
        while self.answered() < self.most {
            if self.answered() >= self.limit.load(Ordering::Relaxed) {
                sleep(LOOK_AGAIN).await;
                continue;
            }
            let batch = self.make();
            let answers: Vec<Answer> =
                serde_json::from_slice(connection.ask(&batch.request).await?)?;
            self.count(&batch, &answers)?;
        }
        Ok(Instant::now())
    }

    fn make(&self) -> Batch {
        let (begun, aim) = (Instant::now(), self.aim.borrow().clone());
        let batch = self.pest.batch(&aim, self.batches.fetch_add(1, Ordering::Relaxed));
        self.making_ns.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        batch
    }

    fn count(&self, batch: &Batch, answers: &[Answer]) -> Result<()> {
        ensure!(answers.len() == BATCH, "{} answers to a batch of {BATCH}", answers.len());
        let same = answers.iter().filter(|answer| answer.id <= AGAIN && answer.error.is_none());
        let taken = same.count();
        ensure!(taken <= 1, "one envelope was taken {taken} times");
        for answer in answers {
            let Some(sort) = Sort::at(answer.id) else { continue };
            match &answer.error {
                Some(refusal) => self.refused[sort as usize].count(refusal.is_for(sort)),
                None => _ = self.taken.fetch_add(1, Ordering::Relaxed),
            }
        }
        if taken == 1 {
            self.paid().push(batch.paid);
        } else {
            self.no_room.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits until a tenth is answered, at most ten seconds, while nothing else is sent; returns what that cost.
    async fn first_part(&self, node: &NodeProcess) -> Result<Cost> {
        let begun = Instant::now();
        let is_over = || self.answered() >= self.most / 10 || begun.elapsed() > ALONE;
        self.alone(node, is_over).await
    }

    /// Sends the last tenth, while nothing else is sent; returns what that cost.
    async fn last_part(&self, node: &NodeProcess) -> Result<Cost> {
        self.limit.store(self.most, Ordering::Relaxed);
        self.alone(node, || self.answered() >= self.most).await
    }

    async fn alone(&self, node: &NodeProcess, is_over: impl Fn() -> bool) -> Result<Cost> {
        let id = node.id()?;
        let (node_before, own_before) = (processor_seconds(id)?, own_seconds()?);
        let (before, memory) = (self.answered(), resident_bytes(id)? as f64);
        while !is_over() {
            sleep(LOOK_AGAIN).await;
        }
        Ok(Cost {
            node: processor_seconds(id)? - node_before,
            sender: own_seconds()? - own_before,
            answered: (self.answered() - before) as f64,
            memory: [memory, resident_bytes(id)? as f64],
        })
    }

    /// Waits until everything that took a place had its turn, and checks that it opened to nothing and that its payer, who had
    /// `deposit`, paid for all of it.
    async fn check_charged(&self, url: &str, deposit: u128) -> Result<()> {
        let paid = self.paid().clone();
        let mut connection = Connection::open(url).await?;
        let Some(last) = paid.last() else { return Ok(()) };
        until(PATIENCE, "the turn of junk that is paid for", async || {
            let told = sealing::outcome(&mut connection, last).await?;
            Ok((told["outcome"] != "sealed" && !told.is_null()).then_some(()))
        })
        .await?;
        sealing::check_outcomes(&mut connection, &paid, "Undecryptable").await?;
        let left = deposit - paid.len() as u128 * sealing::fee_wei(&mut connection).await?;
        until(PATIENCE, "the charge for junk", async || {
            let found = sealing::deposit_of(&mut connection, self.pest.payer()).await?;
            Ok((found == left).then_some(()))
        })
        .await
    }

    /// Returns how many requests were no copy of another.
    fn distinct(&self) -> u64 {
        self.batches_answered() * (BATCH - AGAIN) as u64
    }

    /// Returns how many were taken that should not have been.
    fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Returns how many took a place and are paid for, and how many found no room.
    fn places(&self) -> [u64; 2] {
        [self.paid().len() as u64, self.no_room.load(Ordering::Relaxed)]
    }

    /// Returns seconds that it took to make one.
    fn making(&self) -> f64 {
        let made = (self.batches.load(Ordering::Relaxed) * BATCH as u64) as f64;
        self.making_ns.load(Ordering::Relaxed) as f64 / 1e9 / made.max(1.0)
    }

    /// Returns for each sort how many were refused, and how many of those for the sort's own reason.
    fn refused(&self) -> impl Iterator<Item = (Sort, [u64; 2])> {
        let counts = |counts: &Refused| {
            [&counts.all, &counts.own].map(|count| count.load(Ordering::Relaxed))
        };
        Sort::ALL.into_iter().map(move |sort| (sort, counts(&self.refused[sort as usize])))
    }
}

impl Refused {
    fn count(&self, is_own: bool) {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.own.fetch_add(u64::from(is_own), Ordering::Relaxed);
    }
}

impl Refusal {
    fn is_for(&self, sort: Sort) -> bool {
        let name = self.data.as_ref().and_then(|data| data.name.as_deref());
        // What is no envelope is refused as wrong parameters, without a name.
        name == sort.reason() && (name.is_some() || self.code == -32_602)
    }
}

/// Returns what to aim at, from now on: the epoch that is open, whichever it is.
async fn aimed(url: &str, payer: PrivateKeySigner) -> Result<watch::Receiver<Arc<Aim>>> {
    let mut connection = Connection::open(url).await?;
    let first =
        until(PATIENCE, "an open epoch with a key", async || Epoch::open(&mut connection).await)
            .await?;
    let (sender, receiver) = watch::channel(Arc::new(Aim::new(&first, &payer)?));
    tokio::spawn(async move {
        let mut number = first.number();
        // Until nobody looks any more, or the node is gone.
        while !sender.is_closed() {
            sleep(AIM_AGAIN).await;
            let Ok(open) = Epoch::open(&mut connection).await else { return };
            if let Some(epoch) = open.filter(|epoch| epoch.number() != number) {
                number = epoch.number();
                let Ok(aim) = Aim::new(&epoch, &payer) else { return };
                sender.send_replace(Arc::new(aim));
            }
        }
    });
    Ok(receiver)
}
