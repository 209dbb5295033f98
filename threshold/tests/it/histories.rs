//! Whole epochs with members that are silent, lie, leak, or sign too early, beside a model that counts.
//!
//! `WEFT_HISTORIES=10000 cargo test histories`

use crate::{
    agreement::Dice,
    committee::{Committee, carriage, dealt, scheme_of},
};
use alloy_primitives::Address;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};
use weft_crypto::{Carriage, DelayScheme as _, Envelope, Verdict};
use weft_threshold::{MinPk, Opener, PartialSignature, Refused, ThresholdScheme};

static COMMITTEES: LazyLock<[Committee; 3]> = LazyLock::new(|| [4, 5, 7].map(dealt));

/// What a member does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Honest,
    Silent,
    /// Signs before the order is closed, and gives it to the adversary.
    Early,
    /// Sends another epoch's signature, another member's, or another's under its name; perhaps the right one later.
    Liar {
        repents: bool,
    },
}

/// What is sent for an epoch's opening: whose, and whether the model calls it right.
struct Sent {
    partial: PartialSignature<MinPk>,
    right: bool,
}

struct History<'c> {
    dice: Dice,
    committee: &'c Committee,
    roles: Vec<Role>,
    scheme: ThresholdScheme,
    /// What users sealed, and what it must open to.
    honest: Vec<(Envelope, Vec<u8>)>,
    /// What an adversary made of it.
    forged: Vec<Envelope>,
}

impl<'c> History<'c> {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let committee = &COMMITTEES[dice.below(3)];
        let scheme = scheme_of(committee, 1 + dice.number() % 1_000);
        let mut role = |_: &_| match dice.below(8) {
            0 => Role::Silent,
            1 => Role::Early,
            2 => Role::Liar { repents: false },
            3 => Role::Liar { repents: true },
            _ => Role::Honest,
        };
        let roles = committee.1.iter().map(&mut role).collect();
        Self { dice, committee, roles, scheme, honest: Vec::new(), forged: Vec::new() }
    }

    fn seal(&mut self) {
        for _ in 0..1 + self.dice.below(3) {
            let len = self.dice.below(300);
            let plaintext = self.dice.bytes(len);
            let payer = Address::from_slice(&self.dice.bytes(20));
            let carriage = Carriage { payer, epoch: self.scheme.epoch(), ..carriage(len) };
            let envelope = self.scheme.encrypt(&carriage, &plaintext, &self.dice.hash()).unwrap();
            let mut forged = envelope.clone();
            match self.dice.below(4) {
                0 => forged.carriage.payer = Address::from_slice(&self.dice.bytes(20)),
                1 => forged.body[self.dice.below(200)] ^= 1,
                2 => forged.masked_seed = self.dice.hash(),
                _ => forged.head[48 + self.dice.below(64)] ^= 1,
            }
            self.forged.push(forged);
            self.honest.push((envelope, plaintext));
        }
    }

    fn right(&self, member: usize) -> Sent {
        Sent { partial: self.scheme.sign(&self.committee.1[member]), right: true }
    }

    fn lie(&mut self, member: usize) -> Sent {
        let shares = &self.committee.1;
        let next = scheme_of(self.committee, self.scheme.epoch() + 1);
        let mut partial = match self.dice.below(3) {
            0 => next.sign(&shares[member]),
            1 => self.scheme.sign(&shares[(member + 1) % shares.len()]),
            _ => next.sign(&shares[(member + 1) % shares.len()]),
        };
        partial.index = shares[member].index;
        Sent { partial, right: false }
    }

    /// Returns what arrives after the close, in any order and some of it twice.
    fn arriving(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for member in 0..self.roles.len() {
            match self.roles[member] {
                Role::Silent => {}
                Role::Honest | Role::Early => sent.push(self.right(member)),
                Role::Liar { repents } => {
                    sent.push(self.lie(member));
                    if repents {
                        sent.push(self.right(member));
                    }
                }
            }
            if self.dice.below(4) == 0
                && let Some(last) = sent.last()
            {
                let again = Sent { partial: last.partial.clone(), right: last.right };
                sent.push(again);
            }
        }
        for at in (1..sent.len()).rev() {
            sent.swap(at, self.dice.below(at + 1));
        }
        sent
    }

    /// Collects, and compares with who is known to be right.
    fn collect(&self, sent: &[Sent]) -> Option<Opener> {
        let of = |right| -> BTreeSet<u32> {
            sent.iter()
                .filter(|one| one.right == right)
                .map(|one| one.partial.index.get())
                .collect()
        };
        let (right, lied) = (of(true), of(false));
        let partials: Vec<_> = sent.iter().map(|one| one.partial.clone()).collect();
        let required = self.committee.0.required() as usize;
        match self.scheme.collect(&self.committee.0, &partials) {
            Ok(collected) => {
                assert!(right.len() >= required, "{} members opened it", right.len());
                assert_eq!(collected.wrong, lied);
                Some(collected.opener)
            }
            Err(Refused::TooFew { holding, required: told, wrong }) => {
                assert!(right.len() < required, "{} members could not open it", right.len());
                assert_eq!((holding, told, wrong), (right.len(), required, lied));
                None
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn check_verdicts(&self, opener: &Opener) {
        for (envelope, plaintext) in &self.honest {
            let Ok(Verdict::Opened { plaintext: found, seed }) = self.scheme.open(envelope, opener)
            else {
                panic!("an honest envelope does not open")
            };
            assert_eq!(found[..], plaintext[..]);
            assert!(self.scheme.verify_opening(envelope, &seed).is_ok());
        }
        for forged in &self.forged {
            assert_eq!(self.scheme.open(forged, opener), Ok(Verdict::Undecryptable));
        }
    }

    /// Runs the epoch; says whether the adversary read early, and whether the epoch opened.
    fn run(&mut self) -> (bool, bool) {
        self.seal();
        let early = (0..self.roles.len()).filter(|member| self.roles[*member] == Role::Early);
        let leaked: Vec<_> = early.map(|member| self.right(member)).collect();
        let read_early = self.collect(&leaked).is_some();
        let sent = self.arriving();
        let mut openers = BTreeMap::new();
        for until in 1..=sent.len() {
            if let Some(opener) = self.collect(&sent[..until]) {
                openers.insert(opener.to_bytes().to_vec(), opener);
            }
        }
        assert!(openers.len() <= 1, "one signature, whoever makes it");
        openers.values().for_each(|opener| self.check_verdicts(opener));
        (read_early, !openers.is_empty())
    }
}

#[test]
fn histories_open_with_a_quorum_and_never_without() {
    let count = std::env::var("WEFT_HISTORIES").map_or(200, |text| text.parse().unwrap());
    let (mut read_early, mut opened, mut shut) = (0, 0, 0);
    for seed in 0..count {
        let (early, open) = History::new(seed).run();
        read_early += usize::from(early);
        opened += usize::from(open);
        shut += usize::from(!open);
    }
    println!("{count} histories: {opened} opened, {shut} stayed shut, {read_early} read early");
    assert!(opened > 0 && shut > 0);
}
