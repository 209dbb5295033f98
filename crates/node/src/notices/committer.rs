//! Threads that commit to slots: tens of milliseconds each, for which nobody waits.

use crate::priority;
use alloy_primitives::B256;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};
use weft_commitment::{SlotCommitment, SlotVector, commit};
use weft_types::{Domain, Position, Section, SlotNumber};

/// Most running hashes that wait.
const MAX_WAITING: usize = 1 << 20;

/// Most slots that wait.
const MAX_JOBS: usize = 1 << 12;

/// The running hashes of a slot, as its items get their positions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    sealed: Vec<B256>,
    plaintext: Vec<B256>,
}

impl Running {
    /// Takes the running hash after the item at a position.
    pub(crate) fn push(&mut self, position: Position, chain: B256) {
        match position.section {
            Section::Sealed => self.sealed.push(chain),
            Section::Plaintext => self.plaintext.push(chain),
            // These have no chain of their own here (P2, P15).
            _ => {}
        }
    }

    /// Returns the vector of a slot that closed; nothing when it has no element, or more than a commitment has room for.
    pub(crate) fn close(&mut self, slot: SlotNumber) -> Option<SlotVector> {
        let Self { sealed, plaintext } = std::mem::take(self);
        let vector = SlotVector::of_chains(slot, &sealed, &plaintext).ok()?;
        (vector.counts().total() > 0).then_some(vector)
    }
}

type Then = Box<dyn FnOnce(SlotVector, SlotCommitment) + Send>;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(SlotVector, Then)>,
    elements: usize,
    is_closed: bool,
}

struct Shared {
    domain: Domain,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Running threads.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Committer {
    /// Starts threads that stand behind others.
    pub(crate) fn start(domain: Domain, threads: usize) -> std::io::Result<Self> {
        let (queue, changed) = Default::default();
        let shared = Arc::new(Shared { domain, queue, changed });
        let spawn = |_| {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name("weft-committer".to_owned());
            thread.spawn(move || {
                priority::stand_behind();
                shared.run();
            })
        };
        let threads = (0..threads).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { shared, threads })
    }

    /// Waits until everything that was ordered is done.
    pub(crate) fn finish(mut self) {
        self.close();
        // One that panicked has ended as well.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }

    fn close(&self) {
        self.shared.queue().is_closed = true;
        self.shared.changed.notify_all();
    }

    /// Returns the way in, for other threads.
    pub(crate) fn orders(&self) -> Orders {
        Orders(self.shared.clone())
    }
}

/// Way to the threads.
#[derive(Clone)]
pub(crate) struct Orders(Arc<Shared>);

impl Orders {
    /// Returns false when too much waits.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.0.queue();
        queue.elements <= MAX_WAITING && queue.jobs.len() < MAX_JOBS
    }

    /// Commits to a slot later and calls `then`.
    pub(crate) fn order(
        &self,
        vector: SlotVector,
        then: impl FnOnce(SlotVector, SlotCommitment) + Send + 'static,
    ) {
        let mut queue = self.0.queue();
        queue.elements += vector.elements().len();
        queue.jobs.push_back((vector, Box::new(then)));
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while let Some((vector, then)) = self.next() {
            let kzg = commit(vector.elements());
            let commitment = SlotCommitment::new(&self.domain, &vector, kzg);
            then(vector, commitment.expect("a vector has as many commitments as were made"));
        }
    }

    /// Waits for a job; what waits is done before the end.
    fn next(&self) -> Option<(SlotVector, Then)> {
        let is_idle = |queue: &mut Queue| queue.jobs.is_empty() && !queue.is_closed;
        let waited = self.changed.wait_while(self.queue(), is_idle);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        let job = queue.jobs.pop_front()?;
        queue.elements -= job.0.elements().len();
        Some(job)
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        // What is left is for nobody.
        self.shared.queue().jobs.clear();
        self.close();
    }
}
