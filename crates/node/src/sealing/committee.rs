//! A committee in process: its members deal shares, release secrets after the close, and solve what was not released.
//!
//! Threads of their own do the work, so that slots go on. Members keep what real ones would: a secret is released once,
//! for one closing head, and never before the head is on disk (P17, T12). A committee whose members are elsewhere
//! ([`crate::engine`]'s `members`) has none here, and the thread only makes lists of their shares and solves.

use super::unseal::{Found, Unsealing};
use crate::{error::NodeError, priority};
use alloy_primitives::{B256, FixedBytes, keccak256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use weft_batch::Squared;
use weft_crypto::{
    Announcement, Element, EpochSecret, KeyList, MemberId, Proof, Release, Setup, ShareContext,
    deal,
};
use weft_types::Domain;

/// What the engine asks for.
#[derive(Debug)]
pub(crate) enum Ask {
    /// The key list of an epoch, by the members in process.
    Deal(u64),
    /// The key list of shares that came from elsewhere.
    Assemble {
        /// The epoch.
        epoch: u64,
        /// Whose shares count.
        committee: BTreeSet<MemberId>,
        /// What came in time.
        announcements: Vec<Announcement>,
    },
    /// The secrets of a closed epoch.
    Release {
        /// The epoch.
        epoch: u64,
        /// Its closing head, which is on disk.
        head: B256,
    },
    /// The secret of an epoch whose members are silent.
    Solve {
        /// Its key.
        list: Arc<KeyList>,
        /// Whether others have to be shown how it was found.
        is_proven: bool,
    },
}

/// What it gets.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An epoch has a key.
    Dealt(Box<KeyList>),
    /// A member released its secret for a closing head.
    Released {
        /// The epoch.
        epoch: u64,
        /// The closing head.
        head: B256,
        /// The secret.
        release: Release,
    },
    /// The puzzle of an epoch is solved.
    Solved {
        /// The epoch.
        epoch: u64,
        /// Its secret.
        secret: EpochSecret,
        /// How it was found, when that was asked for.
        squared: Option<Box<Squared>>,
    },
    /// The envelopes of an epoch are open.
    Unsealed {
        /// The epoch.
        epoch: u64,
        /// Its secret.
        secret: EpochSecret,
        /// What they hold, in their order.
        found: Vec<Found>,
    },
}

/// The way to the committee, and to whoever opens envelopes.
#[derive(Debug)]
pub(crate) struct Committee {
    asks: Sender<Ask>,
    answer: Sender<Answer>,
    answers: Receiver<Answer>,
}

/// One member. Its secrets follow from its seed, so that a restart finds them again.
#[derive(Debug)]
struct Member {
    id: MemberId,
    seed: B256,
    is_silent: bool,
    /// Closing heads for which it released, by epoch.
    released: BTreeMap<u64, B256>,
}

impl Committee {
    /// Starts a committee whose members' secrets come from `seed`; the last `silent` ones never release.
    pub(crate) fn start(
        setup: Arc<Setup>,
        domain: Domain,
        seed: B256,
        members: u32,
        silent: u32,
    ) -> Result<Self, NodeError> {
        let (asks, asked) = channel();
        let (answer, answers) = channel();
        let members = (1..=members).map(|id| Member {
            id,
            seed: keccak256([seed.as_slice(), &id.to_be_bytes()].concat()),
            is_silent: id > members.saturating_sub(silent),
            released: BTreeMap::new(),
        });
        let members: Vec<_> = members.collect();
        let answering = answer.clone();
        let body = move || run(&setup, domain, members, &asked, &answering);
        std::thread::Builder::new()
            .name("weft-committee".to_owned())
            .spawn(body)
            .map_err(|error| NodeError::Config(format!("no thread for the committee: {error}")))?;
        Ok(Self { asks, answer, answers })
    }

    /// Returns a way to ask that may be kept elsewhere.
    pub(crate) fn asks(&self) -> Sender<Ask> {
        self.asks.clone()
    }

    /// Asks for something; the committee lives as long as the engine does.
    pub(crate) fn ask(&self, ask: Ask) {
        if self.asks.send(ask).is_err() {
            tracing::error!("the committee has ended: nothing more can be sealed");
        }
    }

    /// Opens the envelopes of an epoch; an answer says what they hold.
    pub(crate) fn unseal(&self, unsealing: Unsealing) {
        let epoch = unsealing.list.epoch();
        if let Err(error) = unsealing.start(self.answer.clone()) {
            tracing::error!(epoch, %error, "no thread to open the envelopes of an epoch");
        }
    }

    /// Returns the next answer, when there is one.
    pub(crate) fn poll(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

fn run(
    setup: &Arc<Setup>,
    domain: Domain,
    mut members: Vec<Member>,
    asked: &Receiver<Ask>,
    answer: &Sender<Answer>,
) {
    while let Ok(ask) = asked.recv() {
        match ask {
            Ask::Deal(epoch) => {
                let (committee, announcements) = dealt(setup, &domain, &members, epoch);
                assemble(setup, &domain, epoch, &committee, &announcements, answer);
            }
            Ask::Assemble { epoch, committee, announcements } => {
                assemble(setup, &domain, epoch, &committee, &announcements, answer);
            }
            Ask::Release { epoch, head } => {
                for member in &mut members {
                    if let Some(release) = member.release(setup, &domain, epoch, head) {
                        drop(answer.send(Answer::Released { epoch, head, release }));
                    }
                }
            }
            Ask::Solve { list, is_proven } => solve(setup.clone(), list, is_proven, answer.clone()),
        }
    }
}

/// Returns what the members in process announce.
fn dealt(
    setup: &Setup,
    domain: &Domain,
    members: &[Member],
    epoch: u64,
) -> (BTreeSet<MemberId>, Vec<Announcement>) {
    let announcements = members.iter().map(|member| {
        let context = member.context(domain, epoch);
        let (_, share) = deal(setup, &context, &member.entropy(epoch));
        Announcement { member: member.id, received_unix_ms: 0, share }
    });
    (members.iter().map(|member| member.id).collect(), announcements.collect())
}

/// Makes a key list of announcements, all of which came in time.
fn assemble(
    setup: &Setup,
    domain: &Domain,
    epoch: u64,
    committee: &BTreeSet<MemberId>,
    announcements: &[Announcement],
    answer: &Sender<Answer>,
) {
    match KeyList::assemble(setup, domain, epoch, committee, announcements, u64::MAX) {
        Ok((list, _)) => drop(answer.send(Answer::Dealt(Box::new(list)))),
        Err(error) => tracing::error!(epoch, %error, "no key list"),
    }
}

/// Squares on a thread of its own: that takes as long as the delay is.
fn solve(setup: Arc<Setup>, list: Arc<KeyList>, is_proven: bool, answer: Sender<Answer>) {
    let epoch = list.epoch();
    let body = move || {
        priority::stand_behind();
        let mut chain = setup.solve(*list.puzzle());
        let value = chain.finish();
        let squared = is_proven.then(|| Box::new(squared(&value, &Proof::new(&chain))));
        match list.recover(&setup, &value) {
            Ok(secret) => drop(answer.send(Answer::Solved { epoch, secret, squared })),
            Err(error) => tracing::error!(epoch, %error, "the puzzle of an epoch gives no secret"),
        }
    };
    if let Err(error) = std::thread::Builder::new().name("weft-solver".to_owned()).spawn(body) {
        tracing::error!(epoch, %error, "no thread to solve the puzzle of an epoch");
    }
}

/// Returns the end of a chain as it travels.
fn squared(value: &Element, proof: &Proof) -> Squared {
    Squared {
        value: FixedBytes::from_slice(&value.to_vec()),
        proof: FixedBytes::from_slice(&proof.to_vec()),
    }
}

impl Member {
    fn context(&self, domain: &Domain, epoch: u64) -> ShareContext {
        ShareContext { domain: *domain, epoch, member: self.id }
    }

    fn entropy(&self, epoch: u64) -> B256 {
        keccak256([self.seed.as_slice(), &epoch.to_be_bytes()].concat())
    }

    /// Releases the secret of an epoch for a closing head, unless it did so for another one (P17, T12).
    fn release(
        &mut self,
        setup: &Setup,
        domain: &Domain,
        epoch: u64,
        head: B256,
    ) -> Option<Release> {
        if self.is_silent {
            return None;
        }
        let released = *self.released.entry(epoch).or_insert(head);
        if released != head {
            tracing::error!(epoch, member = self.id, %released, %head, "asked for a second release");
            return None;
        }
        let (secret, _) = deal(setup, &self.context(domain, epoch), &self.entropy(epoch));
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let received_unix_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Some(Release { member: self.id, received_unix_ms, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(is_silent: bool) -> Member {
        Member { id: 1, seed: B256::repeat_byte(7), is_silent, released: BTreeMap::new() }
    }

    #[test]
    fn t12_a_member_releases_for_one_head_only() {
        let (setup, domain) = (crate::sealing::setup(64).unwrap(), Domain::dev());
        let mut honest = member(false);
        let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let (committee, announced) = dealt(&setup, &domain, std::slice::from_ref(&honest), 5);
        let (list, _) = KeyList::assemble(&setup, &domain, 5, &committee, &announced, 0).unwrap();
        let release = honest.release(&setup, &domain, 5, one).unwrap();
        assert!(list.collect(&[release], u64::MAX).1.is_some(), "it is the share's");
        assert!(honest.release(&setup, &domain, 5, other).is_none());
        assert!(honest.release(&setup, &domain, 5, one).is_some(), "the same again, after a crash");
        assert!(honest.release(&setup, &domain, 6, other).is_some(), "another epoch");
        assert!(member(true).release(&setup, &domain, 5, one).is_none());
    }

    #[test]
    fn the_puzzle_of_an_epoch_gives_the_secret_that_nobody_released() {
        let (setup, domain) = (crate::sealing::setup(64).unwrap(), Domain::dev());
        let committee = Committee::start(setup, domain, B256::ZERO, 2, 2).unwrap();
        committee.ask(Ask::Deal(3));
        let Ok(Answer::Dealt(list)) = committee.answers.recv() else { panic!("no list") };
        committee.ask(Ask::Release { epoch: 3, head: B256::ZERO });
        let list = Arc::new(*list);
        for is_proven in [false, true] {
            committee.ask(Ask::Solve { list: list.clone(), is_proven });
            let Ok(Answer::Solved { epoch: 3, secret, squared }) = committee.answers.recv() else {
                panic!("silent members released something")
            };
            assert_eq!((secret.list(), squared.is_some()), (list.id(), is_proven));
        }
    }
}
