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
    Announcement, Element, EpochSecret, KeyList, MemberId, Proof, Release, Secret, Setup, Share,
    ShareContext, deal,
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
        /// Its key.
        list: Arc<KeyList>,
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
    /// The last one is dealt from; those before were, until the realm went on from L1.
    seeds: Vec<B256>,
    is_silent: bool,
    /// Closing heads for which it released, by epoch.
    released: BTreeMap<u64, B256>,
}

impl Committee {
    /// Starts a committee whose members' secrets come from the last one of `seeds`, and came from those before; the last `silent`
    /// members never release.
    pub(crate) fn start(
        setup: Arc<Setup>,
        domain: Domain,
        seeds: &[B256],
        members: u32,
        silent: u32,
    ) -> Result<Self, NodeError> {
        let (asks, asked) = channel();
        let (answer, answers) = channel();
        let members = (1..=members).map(|id| Member {
            id,
            seeds: seeds
                .iter()
                .map(|seed| keccak256([seed.as_slice(), &id.to_be_bytes()].concat()))
                .collect(),
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
            Ask::Release { list, head } => {
                let epoch = list.epoch();
                for member in &mut members {
                    if let Some(release) = member.release(setup, &domain, &list, head) {
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
        let (_, share) = member.deal(setup, domain, epoch, member.newest());
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
    fn newest(&self) -> &B256 {
        self.seeds.last().expect("a committee has a seed")
    }

    fn deal(&self, setup: &Setup, domain: &Domain, epoch: u64, seed: &B256) -> (Secret, Share) {
        let context = ShareContext { domain: *domain, epoch, member: self.id };
        let entropy = keccak256([seed.as_slice(), &epoch.to_be_bytes()].concat());
        deal(setup, &context, &entropy)
    }

    /// Returns the secret of the member's share in a key, if it was dealt from a seed that is known.
    fn secret(&self, setup: &Setup, domain: &Domain, list: &KeyList) -> Option<Secret> {
        let share = list.shares().get(&self.id)?;
        let newest_first = self.seeds.iter().rev();
        let mut dealt = newest_first.map(|seed| self.deal(setup, domain, list.epoch(), seed));
        dealt.find(|(_, own)| own == share).map(|(secret, _)| secret)
    }

    /// Releases the secret of an epoch for a closing head, unless it did so for another one (P17, T12).
    fn release(
        &mut self,
        setup: &Setup,
        domain: &Domain,
        list: &KeyList,
        head: B256,
    ) -> Option<Release> {
        if self.is_silent {
            return None;
        }
        let epoch = list.epoch();
        let released = *self.released.entry(epoch).or_insert(head);
        if released != head {
            tracing::error!(epoch, member = self.id, %released, %head, "asked for a second release");
            return None;
        }
        let secret = self.secret(setup, domain, list)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let received_unix_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Some(Release { member: self.id, received_unix_ms, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(is_silent: bool) -> Member {
        let seeds = vec![B256::repeat_byte(7)];
        Member { id: 1, seeds, is_silent, released: BTreeMap::new() }
    }

    fn list(member: &Member, epoch: u64) -> KeyList {
        let (setup, domain) = (crate::sealing::setup(64).unwrap(), Domain::dev());
        let (committee, announced) = dealt(&setup, &domain, std::slice::from_ref(member), epoch);
        KeyList::assemble(&setup, &domain, epoch, &committee, &announced, 0).unwrap().0
    }

    #[test]
    fn t12_a_member_releases_for_one_head_only() {
        let (setup, domain) = (crate::sealing::setup(64).unwrap(), Domain::dev());
        let mut honest = member(false);
        let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let (five, six) = (list(&honest, 5), list(&honest, 6));
        let release = honest.release(&setup, &domain, &five, one).unwrap();
        assert!(five.collect(&[release], u64::MAX).1.is_some(), "it is the share's");
        assert!(honest.release(&setup, &domain, &five, other).is_none());
        assert!(honest.release(&setup, &domain, &five, one).is_some(), "again, after a crash");
        assert!(honest.release(&setup, &domain, &six, other).is_some(), "another epoch");
        assert!(member(true).release(&setup, &domain, &five, one).is_none());
    }

    #[test]
    fn an_epoch_that_is_numbered_again_has_another_key() {
        let (setup, domain) = (crate::sealing::setup(64).unwrap(), Domain::dev());
        let before = member(false);
        let old = list(&before, 5);
        let seeds = vec![before.seeds[0], B256::repeat_byte(8)];
        let mut after = Member { seeds, ..member(false) };
        assert_ne!(list(&after, 5).id(), old.id(), "what was released opens nothing of it");
        let release = after.release(&setup, &domain, &old, B256::ZERO).unwrap();
        assert!(old.collect(&[release], u64::MAX).1.is_some(), "what is open is opened");
        let mut stranger = Member { seeds: vec![B256::repeat_byte(9)], ..member(false) };
        assert!(stranger.release(&setup, &domain, &old, B256::ZERO).is_none());
    }

    #[test]
    fn the_puzzle_of_an_epoch_gives_the_secret_that_nobody_released() {
        let (setup, domain) = (crate::sealing::setup(64).unwrap(), Domain::dev());
        let committee = Committee::start(setup, domain, &[B256::ZERO], 2, 2).unwrap();
        committee.ask(Ask::Deal(3));
        let Ok(Answer::Dealt(list)) = committee.answers.recv() else { panic!("no list") };
        let list = Arc::new(*list);
        committee.ask(Ask::Release { list: list.clone(), head: B256::ZERO });
        for is_proven in [false, true] {
            committee.ask(Ask::Solve { list: list.clone(), is_proven });
            let Ok(Answer::Solved { epoch: 3, secret, squared }) = committee.answers.recv() else {
                panic!("silent members released something")
            };
            assert_eq!((secret.list(), squared.is_some()), (list.id(), is_proven));
        }
    }
}
