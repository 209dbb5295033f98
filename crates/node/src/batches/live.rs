//! Batches of a running node: a thread compresses them and writes them to a directory, one after the other.

use super::{
    compress::compress,
    files::{BatchDir, BatchFileError, RestsOn},
    recorder::{BatchLimits, BatchSink, LastBatch},
};
use crate::{error::NodeError, priority};
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};
use weft_batch::{Compress, RealmConfig, SignedBatch};

/// Batches that wait for the compressor, from which on it hurries.
const HURRY: usize = 2;

/// Where a running node writes its batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOptions {
    /// Directory.
    pub dir: PathBuf,
    /// When a batch ends.
    pub limits: BatchLimits,
    /// Whether they may be written without a data directory: when the node ends, so does the realm. Nothing more is written
    /// after a development helper changed what follows from no input.
    pub is_volatile: bool,
}

/// Compresses well, or fast when much waits.
struct Pressed(Arc<AtomicUsize>);

impl Compress for Pressed {
    fn compress(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        compress(plain, if self.0.load(Ordering::Relaxed) > HURRY { 5 } else { 11 })
    }
}

/// Hands batches to a thread.
pub(crate) struct LiveBatches {
    ended: Vec<(SignedBatch, RestsOn)>,
    sender: Option<Sender<(SignedBatch, RestsOn)>>,
    rests: RestsOn,
    waiting: Arc<AtomicUsize>,
    written: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<io::Error>>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveBatches {
    /// Opens the directory of a realm, or makes it; returns the last batch that is in it.
    pub(crate) fn open(
        options: &BatchOptions,
        config: &RealmConfig,
    ) -> Result<(Self, Option<LastBatch>), NodeError> {
        let wrong = |error: BatchFileError| {
            let source = std::error::Error::source(&error).map(|why| format!(": {why}"));
            NodeError::Config(format!("batches: {error}{}", source.unwrap_or_default()))
        };
        let mut dir = BatchDir::open(&options.dir);
        if dir.has_realm() {
            if dir.realm().map_err(wrong)? != *config {
                let path = options.dir.display();
                return Err(NodeError::Config(format!("{path} holds batches of another realm")));
            }
        } else {
            dir = BatchDir::create(&options.dir).map_err(wrong)?;
            let kept = dir.realm_written(config);
            kept.map_err(|error| NodeError::Config(format!("batches: {error}")))?;
        }
        let last = dir.last(&config.domain).map_err(wrong)?;
        let live = Self::start(dir, last.as_ref());
        let live = live.map_err(|error| NodeError::Config(format!("no thread: {error}")))?;
        Ok((live, last))
    }

    fn start(dir: BatchDir, last: Option<&LastBatch>) -> io::Result<Self> {
        let (sender, inbox) = channel();
        let written = Arc::new(AtomicU64::new(last.map_or(0, |last| last.slot.get())));
        let (waiting, failure) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
        let work = Work {
            dir,
            inbox,
            waiting: waiting.clone(),
            written: written.clone(),
            failure: failure.clone(),
        };
        let thread = std::thread::Builder::new().name("weft-batches".to_owned());
        let thread = thread.spawn(move || work.run())?;
        let (sender, thread) = (Some(sender), Some(thread));
        let rests = RestsOn::default();
        Ok(Self { ended: Vec::new(), sender, rests, waiting, written, failure, thread })
    }
}

/// The thread's side.
struct Work {
    dir: BatchDir,
    inbox: Receiver<(SignedBatch, RestsOn)>,
    waiting: Arc<AtomicUsize>,
    written: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl Work {
    fn run(self) {
        // Promises come first.
        priority::stand_behind();
        for (batch, rests) in &self.inbox {
            let last = batch.batch.last().get();
            // First: whoever posts a batch has to know when not to.
            let kept = self.dir.rest_on(&rests);
            let keep = |()| self.dir.keep(&batch, &mut Pressed(self.waiting.clone()));
            let kept = kept.and_then(keep);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if let Err(error) = kept {
                tracing::error!(%error, number = batch.batch.number, "a batch cannot be written");
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return;
            }
            self.written.store(last, Ordering::Release);
        }
    }
}

impl BatchSink for LiveBatches {
    fn realm(&mut self, _: &RealmConfig) -> io::Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &SignedBatch) -> io::Result<()> {
        self.ended.push((batch.clone(), self.rests.clone()));
        Ok(())
    }

    fn rests(&mut self, rests: RestsOn) {
        self.rests = rests;
    }

    fn written(&self) -> Option<u64> {
        Some(self.written.load(Ordering::Acquire))
    }

    fn failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn release(&mut self) -> Option<Box<dyn FnOnce() + Send>> {
        if self.ended.is_empty() {
            return None;
        }
        let (ended, sender) = (std::mem::take(&mut self.ended), self.sender.clone()?);
        self.waiting.fetch_add(ended.len(), Ordering::Relaxed);
        Some(Box::new(move || {
            // A thread that ended said why.
            ended.into_iter().for_each(|batch| drop(sender.send(batch)));
        }))
    }
}

impl Drop for LiveBatches {
    fn drop(&mut self) {
        self.sender = None;
        // What it did not write is in the database.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
