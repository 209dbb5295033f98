//! The engine's thread and the way to it.

use super::{Endpoint, Engine, L1Block, L1Refused, L1Update, Recordings, recover};
use crate::{
    config::DevConfig,
    data_dir::DataDir,
    error::NodeError,
    intake::Intake,
    metrics::{Metrics, Saved, Work},
    rpc::errors::{RpcError, RpcResult},
};
use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// Time between two tries to get into the engine's queue.
const QUEUE_TURN: Duration = Duration::from_millis(1);

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

enum Message {
    Job(Job),
    Stop(oneshot::Sender<Result<(), NodeError>>),
}

/// Way to a running engine. Clones reach the same one.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    inbox: SyncSender<Message>,
    intake: Intake,
}

impl EngineHandle {
    pub(crate) const fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Tells the node what L1 says, in order. What it says is on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`L1Refused`] when it does not follow what L1 said before; nothing changed then.
    pub async fn l1(&self, update: L1Update) -> Result<(), L1Refused> {
        let said = self.call(move |engine| engine.l1_says(update)).await;
        said.map_err(|error| L1Refused::Node(error.message))?
    }

    /// Returns the blocks of L1 that the node remembers, oldest first: whoever follows L1 for it goes on behind them, or finds
    /// among them the last one that is still in the chain.
    ///
    /// # Errors
    ///
    /// [`L1Refused::Node`] when the node does not answer.
    pub async fn l1_blocks(&self) -> Result<Vec<L1Block>, L1Refused> {
        let blocks = self.call(|engine| engine.l1_blocks()).await;
        blocks.map_err(|error| L1Refused::Node(error.message))
    }

    /// Returns the last block of L1 that the node knows: whoever tells it what L1 says goes on behind it.
    ///
    /// # Errors
    ///
    /// [`L1Refused::Node`] when the node does not answer.
    pub async fn l1_tip(&self) -> Result<Option<L1Block>, L1Refused> {
        let tip = self.call(|engine| engine.l1_tip()).await;
        tip.map_err(|error| L1Refused::Node(error.message))
    }

    /// Returns up to which entry of the inbox exits went before everything else: whatever L1 voided because of them is not on
    /// this node.
    ///
    /// # Errors
    ///
    /// [`L1Refused::Node`] when the node does not answer.
    pub async fn l1_reach(&self) -> Result<u64, L1Refused> {
        let reach = self.call(|engine| engine.l1.reach()).await;
        reach.map_err(|error| L1Refused::Node(error.message))
    }

    /// Runs `job` on the engine's thread and returns what it returns.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> RpcResult<T> {
        let (message, answered) = message(job);
        match self.inbox.try_send(message) {
            Ok(()) => answered.await.map_err(|_| stopped())?,
            Err(TrySendError::Full(_)) => Err(self.busy()),
            Err(TrySendError::Disconnected(_)) => Err(stopped()),
        }
    }

    /// Lets `job` run on the engine's thread and returns where its result will come. While too many requests wait, it is
    /// refused or, when `waits`, waits as well.
    pub(crate) async fn queue<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine) -> T + Send + 'static,
        waits: bool,
    ) -> RpcResult<oneshot::Receiver<RpcResult<T>>> {
        let (mut message, answered) = message(job);
        loop {
            message = match self.inbox.try_send(message) {
                Ok(()) => return Ok(answered),
                Err(TrySendError::Full(message)) if waits => message,
                Err(TrySendError::Full(_)) => return Err(self.busy()),
                Err(TrySendError::Disconnected(_)) => return Err(stopped()),
            };
            tokio::time::sleep(QUEUE_TURN).await;
        }
    }

    fn busy(&self) -> RpcError {
        RpcError::busy("too many requests are waiting", self.intake.retry_after())
    }
}

/// Wraps a job so that its result leaves when all that it rests on is safe.
fn message<T: Send + 'static>(
    job: impl FnOnce(&mut Engine) -> T + Send + 'static,
) -> (Message, oneshot::Receiver<RpcResult<T>>) {
    let (answer, answered) = oneshot::channel();
    let arrived = Instant::now();
    let job: Job = Box::new(move |engine| {
        engine.arrived = arrived;
        let result = job(engine);
        engine.when_safe(move |safe| {
            // A client that went away needs no answer.
            let _ = answer.send(safe.map(|()| result));
        });
    });
    (Message::Job(job), answered)
}

pub(crate) fn stopped() -> RpcError {
    RpcError::new(-32603, "engine stopped")
}

/// A running engine.
#[derive(Debug)]
pub(crate) struct EngineThread {
    pub(crate) handle: EngineHandle,
    thread: JoinHandle<()>,
    /// Closed when the thread ends.
    ended: watch::Receiver<()>,
}

impl EngineThread {
    /// Waits until the engine ends, which it does by itself only when its state cannot be read.
    pub(crate) async fn ended(&self) {
        // Nothing is ever sent.
        let _ = self.ended.clone().changed().await;
    }

    /// Ends the open slot and stops the engine, with everything on disk that belongs there.
    pub(crate) async fn stop(self) -> Result<(), NodeError> {
        let (done, is_done) = oneshot::channel();
        let inbox = self.handle.inbox;
        // The inbox may be full of jobs, so sending may take a while.
        let sent = tokio::task::spawn_blocking(move || inbox.send(Message::Stop(done)));
        sent.await.map_err(|_| NodeError::Stopped)?.map_err(|_| NodeError::Stopped)?;
        let result = is_done.await.map_err(|_| NodeError::Stopped)?;
        let thread = self.thread;
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        joined.map_err(|_| NodeError::Stopped)?.map_err(|_| NodeError::Stopped)?;
        result
    }
}

/// Starts an engine on a thread of its own and waits until it is ready.
pub(crate) async fn spawn(
    config: DevConfig,
    endpoints: Vec<Endpoint>,
    metrics: Metrics,
) -> Result<EngineThread, NodeError> {
    let failed = |error| NodeError::Config(format!("no threads for signatures: {error}"));
    let intake = Intake::new(config.limits.intake()).map_err(failed)?;
    let (inbox, messages) = sync_channel(config.limits.max_queued_requests);
    let (ready, is_ready) = oneshot::channel();
    let (end, ended) = watch::channel(());
    let body = move || {
        let _end = end;
        live(config, endpoints, metrics, ready, &messages);
    };
    let thread = std::thread::Builder::new()
        .name("weft-engine".to_owned())
        .spawn(body)
        .map_err(|error| NodeError::Config(format!("no thread for the engine: {error}")))?;
    is_ready.await.map_err(|_| NodeError::Stopped)??;
    Ok(EngineThread { handle: EngineHandle { inbox, intake }, thread, ended })
}

/// Starts an engine, says so, and runs it to its end.
fn live(
    config: DevConfig,
    endpoints: Vec<Endpoint>,
    metrics: Metrics,
    ready: oneshot::Sender<Result<(), NodeError>>,
    messages: &Receiver<Message>,
) {
    match started(config.clone(), endpoints, metrics) {
        Ok(engine) => {
            let _ = ready.send(Ok(()));
            run_on(engine, &config, messages);
        }
        Err(error) => {
            let _ = ready.send(Err(error));
        }
    }
}

fn started(
    config: DevConfig,
    endpoints: Vec<Endpoint>,
    metrics: Metrics,
) -> Result<Engine, NodeError> {
    let (load, listed) = (config.load_state.clone(), config.listed.clone());
    let given = config.follows.then(|| config.clone());
    crate::resume::finish(&config)?;
    let mut engine = match DataDir::take(&config)? {
        Some(dir) => {
            config.data_dir.iter().for_each(|path| metrics.load(&Saved::new(path)));
            recover::start(config, endpoints, metrics, dir, Recordings::default())?
        }
        None => {
            let mut engine = Engine::new(config, endpoints, metrics, None, None)?;
            let timestamp = engine.genesis().timestamp;
            engine.begin_batches(timestamp)?;
            engine
        }
    };
    engine.metrics.goes_on();
    if let Some(given) = &given {
        return engine.begin_following(given);
    }
    engine.tick();
    if let Some(path) = load {
        engine.load_file(&path)?;
    }
    engine.reconcile(&listed)?;
    engine.begin_work()?;
    Ok(engine)
}

impl Engine {
    /// Starts everybody who works beside the engine.
    pub(super) fn begin_work(&mut self) -> Result<(), NodeError> {
        self.start_executors()?;
        self.start_promises()?;
        self.start_committee()
    }
}

/// Runs an engine to its end, over every time that it has to go back.
fn run_on(engine: Engine, config: &DevConfig, messages: &Receiver<Message>) {
    let mut next = run(engine, messages);
    while let Some(engine) = next {
        next = match engine.rewound(config) {
            Ok(engine) => run(engine, messages),
            Err(error) => {
                let why = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, why, "the node stops: it cannot fold again");
                None
            }
        };
    }
}

/// Runs an engine to its end, or until it has to go back.
fn run(mut engine: Engine, messages: &Receiver<Message>) -> Option<Engine> {
    let every = engine.config.save_figures_every;
    let mut due = Instant::now() + every;
    loop {
        engine.arrived = Instant::now();
        engine.turn();
        engine.tell_flashblocks();
        engine.release_promises();
        // Nobody waits for it now; everybody waits for a slot that closes.
        engine.realm.hash_ahead();
        if Instant::now() >= due {
            engine.save_figures();
            due = Instant::now() + every;
        }
        if engine.is_broken() {
            return None;
        }
        match messages.recv_timeout(engine.until_turn()) {
            Ok(Message::Job(job)) => {
                let begun = Instant::now();
                job(&mut engine);
                engine.metrics.held(Work::Job, begun.elapsed());
            }
            Ok(Message::Stop(done)) => {
                let _ = done.send(end(engine));
                return None;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        if engine.must_rewind() {
            return Some(engine);
        }
    }
}

/// Brings everything to disk: the last slot, its promises, the figures, the state file.
fn end(mut engine: Engine) -> Result<(), NodeError> {
    engine.finish();
    engine.release_promises();
    engine.flush();
    let keeps = engine.is_durable();
    let notices = engine.outbox.end(keeps);
    engine.keep_notices(notices);
    engine.keep_on_stop();
    if let Some(saved) = &engine.saved {
        let record = engine.log_health().map_or(0, |log| log.durable);
        if let Err(error) = saved.write(record, &engine.metrics.text()) {
            tracing::warn!(%error, "figures cannot be written");
        }
    }
    engine.dump_on_stop()
}
