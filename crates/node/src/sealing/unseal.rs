//! What the envelopes of an epoch hold, on all processors (P11).

use super::committee::Answer;
use crate::{batches::travelling, priority};
use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::Sender,
    },
    thread,
};
use weft_batch::Opened;
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, KeyList, Verdict,
};
use weft_types::{Item, Opening};

/// Envelopes that a thread opens before it looks for more, and from which on more threads pay off.
const SHARE: usize = 32;

/// An envelope that was ordered, as far as it is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// All of it.
    Whole(Envelope),
    /// What L1 says of one that was not opened there: it is late, or was given up.
    Named(Carriage),
}

impl Known {
    pub(crate) const fn carriage(&self) -> &Carriage {
        match self {
            Self::Whole(envelope) => &envelope.carriage,
            Self::Named(carriage) => carriage,
        }
    }

    pub(crate) const fn whole(&self) -> Option<&Envelope> {
        match self {
            Self::Whole(envelope) => Some(envelope),
            Self::Named(_) => None,
        }
    }
}

/// What an envelope holds: for the fold, and as it travels in a batch where one is written. Nothing where nobody here has it.
pub(crate) type Found = Option<(Opening, Option<Opened>)>;

/// The envelopes of a closed epoch, and what opens them.
#[derive(Debug)]
pub(crate) struct Unsealing {
    pub(crate) list: Arc<KeyList>,
    pub(crate) secret: EpochSecret,
    pub(crate) envelopes: Arc<Vec<Known>>,
    /// Whether batches are written.
    pub(crate) travels: bool,
}

impl Unsealing {
    /// Opens the envelopes, in their order. Verdicts depend on nothing but their own envelope.
    pub(crate) fn run(&self) -> Vec<Found> {
        self.run_on(false)
    }

    fn run_on(&self, makes_way: bool) -> Vec<Found> {
        let shares: Vec<_> = self.envelopes.chunks(SHARE).collect();
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(shares.len());
        if threads <= 1 {
            return self.open(&self.envelopes);
        }
        let next = AtomicUsize::new(0);
        let work = || {
            if makes_way {
                priority::make_way();
            }
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(share) = shares.get(at) else { return done };
                done.push((at, self.open(share)));
            }
        };
        let mut parts: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let done = running.into_iter();
            done.flat_map(|part| part.join().expect("opening never panics")).collect()
        });
        parts.sort_unstable_by_key(|(at, _)| *at);
        parts.into_iter().flat_map(|(_, found)| found).collect()
    }

    fn open(&self, envelopes: &[Known]) -> Vec<Found> {
        let scheme = EpochKeyScheme::new(&self.list);
        let open = |envelope: &Envelope| {
            // The lane took envelopes of this list alone.
            let verdict = scheme.open(envelope, &self.secret);
            let verdict = verdict.expect("the envelope is sealed to this key");
            let travels = self.travels.then(|| travelling(&scheme, envelope, &verdict));
            (opening(verdict), travels)
        };
        envelopes.iter().map(|known| known.whole().map(open)).collect()
    }

    /// Opens the envelopes on threads of their own, which make way for the engine, and says so.
    pub(super) fn start(self, answer: Sender<Answer>) -> std::io::Result<()> {
        let body = move || {
            let found = self.run_on(true);
            let (epoch, secret) = (self.list.epoch(), self.secret);
            drop(answer.send(Answer::Unsealed { epoch, secret, found }));
        };
        std::thread::Builder::new().name("weft-unseal".to_owned()).spawn(body).map(drop)
    }
}

fn opening(verdict: Verdict) -> Opening {
    match verdict {
        Verdict::Opened { plaintext, .. } => match Item::from_plaintext(&plaintext) {
            Ok(item) => Opening::Opened(Box::new(item)),
            Err(_) => Opening::Malformed,
        },
        Verdict::Malformed { .. } => Opening::Malformed,
        Verdict::Undecryptable => Opening::Undecryptable,
    }
}
