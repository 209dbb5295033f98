//! Whoever watches: evidence out of what is signed and public, and of what users know of their own envelopes.

use super::{cast::domain, core::Row, plan::Sent, words::Words};
use alloy_primitives::B256;
use std::collections::{BTreeMap, BTreeSet};
use weft_commitment::{Opening, SignedCommitment, SlotVector, Tree};
use weft_crypto::{DelayScheme as _, EpochKeyScheme, EpochSecret, KeyList, Verdict};
use weft_evidence::{
    Content, Conviction, Ending, EpochNotice, Evidence, OpenedAt, OtherLeg, Proof, Registry,
    SealedContent, Shown, Signed, Stretch, Unopenable,
};
use weft_types::{
    Checkpoint, ExecutionPromise, Item, OrderPromise, Part, Position, Section, SignedPromise,
    SlotNumber, Statement, chain_next, chain_start, promise::Claim,
};

/// What a watcher has in hand.
#[derive(Debug)]
pub(crate) struct Watcher<'w> {
    pub(crate) words: &'w Words,
    pub(crate) rows: &'w BTreeMap<u64, Row>,
    pub(crate) sent: &'w BTreeMap<B256, Sent>,
    /// Keys of epochs, and what opens those that are over.
    pub(crate) keys: BTreeMap<u64, (&'w KeyList, Option<&'w EpochSecret>)>,
    pub(crate) registry: Registry,
}

impl Watcher<'_> {
    /// Returns the conviction that a proof leads to; evidence goes through its encoding, as between strangers.
    pub(crate) fn convict(&self, proof: Proof) -> Option<Conviction> {
        use weft_types::{Decode as _, Encode as _};
        let evidence = Evidence::new(domain(), proof);
        let evidence = Evidence::decode(&evidence.encode()).expect("evidence has one encoding");
        evidence.check(&self.registry).ok()
    }

    /// Everything that can be said against the promise of a place.
    pub(crate) fn against_order(
        &self,
        promise: &SignedPromise,
        order: &OrderPromise,
    ) -> Vec<Proof> {
        let mut proofs = Vec::new();
        if let Some(sent) = self.sent.get(&order.item) {
            let envelope = Box::new(sent.envelope.clone());
            proofs.push(Proof::StaleInclusion(Box::new(promise.clone()), envelope));
        }
        let items = self.items(order.position);
        let elsewhere = items.iter().position(|item| *item == order.item).unwrap_or(0);
        let before = chain(order.position, &items[..elsewhere.min(items.len())]);
        let opened = self.opened(order.position, elsewhere as u32);
        for shown in self.shown(order.position).into_iter().chain(opened) {
            let promise = || Box::new(promise.clone());
            proofs.push(Proof::Omission(promise(), Box::new(shown.clone())));
            proofs.push(Proof::Insertion(promise(), Box::new(shown.clone())));
            proofs.push(Proof::Reordering(promise(), Box::new(shown), elsewhere as u32, before));
        }
        proofs
    }

    /// Everything that can be said against the promise of a sealed item's result.
    pub(crate) fn against_result(
        &self,
        promise: &SignedPromise,
        result: &ExecutionPromise,
    ) -> Vec<Proof> {
        let Some(sent) = self.sent.get(&result.item) else { return Vec::new() };
        let Some((list, Some(secret))) = self.keys.get(&sent.envelope.carriage.epoch).copied()
        else {
            return Vec::new();
        };
        let Some(notice) = self.notice(list) else { return Vec::new() };
        let envelope = sent.envelope.clone();
        let promise = || Box::new(promise.clone());
        let verdict = EpochKeyScheme::new(list).open(&envelope, secret);
        match verdict.expect("it is sealed to this key") {
            Verdict::Opened { seed, .. } | Verdict::Malformed { seed } => {
                let sealed = SealedContent { envelope, notice, seed };
                let others = self.beside(sent, &sealed);
                let alone = Content::Sealed(Box::new(sealed));
                let mut proofs = vec![Proof::FalseVerdict(promise(), alone.clone())];
                for content in others.into_iter().chain([alone]) {
                    proofs.push(Proof::WrongLeg(promise(), content.clone()));
                    proofs.push(Proof::Unbundling(promise(), content));
                }
                proofs
            }
            Verdict::Undecryptable => {
                let secret = secret.secret().to_bytes();
                let unopenable = Unopenable { envelope, notice, secret };
                vec![Proof::FalseOpening(promise(), Box::new(unopenable))]
            }
        }
    }

    /// A part beside whatever else is known to sign its bundle's marker.
    fn beside(&self, sent: &Sent, sealed: &SealedContent) -> Vec<Content> {
        let Some(Item::Part(own)) = &sent.item else { return Vec::new() };
        let known = self.sent.values().filter_map(|sent| match &sent.item {
            Some(Item::Part(part)) if part.id() == own.id() && part.index() != own.index() => {
                Some(part)
            }
            _ => None,
        });
        let shown = |part: &Part| {
            [None, Some(part.clone())].map(|shown| {
                let (sealed, tx) = (sealed.clone(), part.leg().tx.clone());
                Content::Part(Box::new(OtherLeg { sealed, tx, part: shown }))
            })
        };
        known.flat_map(shown).collect()
    }

    /// Pairs of words that contradict each other.
    pub(crate) fn pairs(&self) -> Vec<Proof> {
        let mut proofs = Vec::new();
        let mut claims = BTreeMap::<Claim, (B256, &SignedPromise)>::new();
        let mut results = BTreeMap::<Position, (&ExecutionPromise, &SignedPromise)>::new();
        for promise in &self.words.promises {
            for (claim, value) in promise.statement.claims() {
                let (known, first) = claims.entry(claim).or_insert((value, promise));
                if *known != value {
                    proofs.push(pair(first, promise));
                }
            }
            if let Statement::Execution(result) = &promise.statement {
                let (known, first) = results.entry(result.position).or_insert((result, promise));
                if *known != result {
                    proofs.push(pair(first, promise));
                }
            }
        }
        let words = self.words;
        let notices = twos(&words.notices, |signed| signed.notice.epoch);
        proofs.extend(notices.map(|two| Proof::EpochNotices(Box::new(two))));
        let shares = twos(&words.shares, |Signed { notice, .. }| (notice.epoch, notice.member));
        proofs.extend(shares.map(|two| Proof::ShareNotices(Box::new(two))));
        let releases = twos(&words.releases, |Signed { notice, .. }| (notice.list, notice.member));
        proofs.extend(releases.map(|two| Proof::Releases(Box::new(two))));
        let commitments = twos(&words.commitments, |signed| signed.commitment.slot());
        proofs.extend(commitments.map(|two| Proof::Commitments(Box::new(two))));
        proofs
    }

    /// Secrets that came to light early.
    pub(crate) fn leaks(&self) -> Vec<Proof> {
        let leaks = self.words.leaks.iter();
        leaks
            .map(|(notice, secret)| Proof::EarlyLeak(Box::new(*notice), secret.to_bytes()))
            .collect()
    }

    /// Tells whether a promised place is the item's.
    pub(crate) fn keeps(&self, order: &OrderPromise) -> Option<bool> {
        let Position { slot, index, .. } = order.position;
        self.rows.get(&slot.get())?;
        let items = self.items(order.position);
        let before = items.get(..index as usize);
        let past = before.is_some_and(|before| chain(order.position, before) == order.prev_chain);
        Some(past && items.get(index as usize) == Some(&order.item))
    }

    fn notice(&self, list: &KeyList) -> Option<Signed<EpochNotice>> {
        let mut notices = self.words.notices.iter();
        notices.find(|signed| signed.notice.list == list.id()).copied()
    }

    fn items(&self, position: Position) -> Vec<B256> {
        let row = self.rows.get(&position.slot.get());
        row.map(|row| match position.section {
            Section::Sealed => row.sealed.clone(),
            _ => row.plaintext.clone(),
        })
        .unwrap_or_default()
    }

    /// Shows the order of a closed slot at two places, under what the sequencer committed to.
    fn opened(&self, position: Position, elsewhere: u32) -> Option<Shown> {
        let row = self.rows.get(&position.slot.get())?;
        let of_slot = |signed: &&SignedCommitment| signed.commitment.slot() == position.slot;
        let signed = self.words.commitments.iter().find(of_slot)?.clone();
        let opened = openings(&row.vector(), position.section, [position.index, elsewhere]);
        Some(Shown::Openings(signed, opened))
    }

    /// Shows the order of a closed slot under the last checkpoint.
    fn shown(&self, position: Position) -> Option<Shown> {
        let word = self.words.promises.iter().rev().find_map(|promise| match &promise.statement {
            Statement::Checkpoint(Checkpoint { slot, .. }) => Some((promise, *slot)),
            _ => None,
        });
        let (word, open) = word.filter(|(_, open)| *open > position.slot)?;
        let past = self.rows.range(position.slot.get()..open.get()).rev();
        let past = past.map(|(_, row)| row.closed.clone()).collect();
        let stretch =
            Stretch { from: 0, before: chain(position, &[]), items: self.items(position) };
        Some(Shown::Items(Ending { word: word.clone(), past }, stretch))
    }
}

/// Opens a section at these places and before them, as far as it reaches.
fn openings(vector: &SlotVector, section: Section, places: [u32; 2]) -> Vec<OpenedAt> {
    let tree = Tree::new(&domain(), vector.elements());
    let wanted = places.into_iter().flat_map(|at| at.checked_sub(1).into_iter().chain([at]));
    let wanted: BTreeSet<u32> = wanted.collect();
    let opened = |index| Some((index, Opening::new(vector, &tree, section, index)?));
    let found = wanted.into_iter().filter_map(opened);
    found.map(|(index, opening)| OpenedAt { index, opening }).collect()
}

fn pair(one: &SignedPromise, other: &SignedPromise) -> Proof {
    Proof::Promises(Box::new([one.clone(), other.clone()]))
}

/// Returns the pairs of different words about one thing.
fn twos<T: Clone + PartialEq, K: Ord>(
    all: &[T],
    about: impl Fn(&T) -> K,
) -> impl Iterator<Item = [T; 2]> {
    let mut first = BTreeMap::new();
    let mut pairs = Vec::new();
    for word in all {
        let known = *first.entry(about(word)).or_insert(word);
        if known != word {
            pairs.push([known.clone(), word.clone()]);
        }
    }
    pairs.into_iter()
}

/// Returns the running hash of a position's section after these items.
fn chain(position: Position, items: &[B256]) -> B256 {
    let start = chain_start(&domain(), SlotNumber::new(position.slot.get()), position.section);
    let next = |chain, (index, item): (u32, &B256)| chain_next(&chain, index, item);
    (0..).zip(items).fold(start, next)
}
