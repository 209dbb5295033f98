//! Nobody honest is convicted: random histories of honest lanes and keys, and everything that can be made of their words.

use crate::world::{
    KEY, bundle, domain, epoch, leg, member_key, notice, parts, parts_of, promised_leg, registry,
    seal, setup, sign, signed,
};
use alloy_primitives::{B256, Bytes};
use proptest::prelude::*;
use std::collections::BTreeMap;
use weft_commitment::{KzgCommitment, Opening, SignedCommitment, SlotCommitment, SlotVector, Tree};
use weft_crypto::{DelayScheme as _, Envelope, EpochKeyScheme, ShareContext, Verdict, deal};
use weft_evidence::{
    ClosedSlot, Content, Ending, EpochNotice, Evidence, OpenedAt, OtherLeg, Proof, Release,
    SealedContent, ShareNotice, Shown, Signed, Stretch, Unopenable,
};
use weft_lane::{Effect, Input, Lane, LaneConfig, Submission};
use weft_promise::{Guard, Issuer, LocalSigner};
use weft_types::{
    Checkpoint, ExecutionPromise, Item, NetworkId, OrderPromise, Position, PromisedRemoval,
    RemovalCause, Section, SignedGroup, SignedPromise, SlotHeader, SlotNumber, SlotRecord,
    Statement,
};

const START: u64 = 1_763_000_000_000;

/// An item that honest users send, and what an honest fold makes of it.
#[derive(Debug, Clone)]
struct Sent {
    content: Content,
    section: Section,
    legs: Vec<weft_types::PromisedLeg>,
    removal: Option<RemovalCause>,
}

/// Items of every sort: in clear and sealed, included and removed.
fn catalogue() -> Vec<Sent> {
    let single = |nonce| Item::Transaction(leg(901, nonce, Bytes::new(), false));
    let clear = |item: &Item| Content::Clear(Box::new(item.clone()));
    let whole = Item::Bundle(bundle());
    let lone = Item::Transaction(bundle().legs()[0].clone());
    let ran = |item: &Item, successes: &[bool]| {
        let legs = (0..).zip(item.legs()).zip(successes);
        legs.map(|((index, leg), success)| promised_leg(index, leg, *success)).collect::<Vec<_>>()
    };
    let plain = |item: &Item, legs, removal| Sent {
        content: clear(item),
        section: Section::Plaintext,
        legs,
        removal,
    };
    let hidden = |envelope: Envelope, legs, removal| Sent {
        content: Content::Sealed(Box::new(SealedContent {
            seed: seed(&envelope),
            envelope,
            notice: signed(notice(&epoch().0), KEY),
        })),
        section: Section::Sealed,
        legs,
        removal,
    };
    let encoded = |item: &Item| seal(&weft_types::Encode::encode(item));
    let part = |index: usize| encoded(&Item::Part(parts()[index].clone()));
    let [twin, _] = parts_of([11, 2]);
    let mut copied = encoded(&single(7));
    copied.carriage.max_fee_wei += 1;
    vec![
        plain(&single(1), ran(&single(1), &[true]), None),
        // A policy keeps it though it failed (P5).
        plain(&single(2), ran(&single(2), &[false]), None),
        plain(&single(3), vec![], Some(RemovalCause::Failed)),
        plain(&whole, ran(&whole, &[true, false]), None),
        // The second leg runs elsewhere.
        plain(&whole, ran(&whole, &[true]), None),
        plain(&whole, vec![], Some(RemovalCause::Failed)),
        plain(&lone, vec![], Some(RemovalCause::Invalid)),
        hidden(encoded(&single(4)), ran(&single(4), &[true]), None),
        hidden(encoded(&whole), ran(&whole, &[true, true]), None),
        hidden(encoded(&single(5)), vec![], Some(RemovalCause::Late)),
        hidden(encoded(&lone), vec![], Some(RemovalCause::Invalid)),
        hidden(seal(b"no item"), vec![], Some(RemovalCause::Malformed)),
        // A copy with another fee has no seed.
        hidden(copied, vec![], Some(RemovalCause::Undecryptable)),
        // A bundle of two users' envelopes: one waits, the last one runs both, and a second one finds its place taken.
        hidden(part(0), vec![], None),
        hidden(encoded(&Item::Part(twin)), vec![], Some(RemovalCause::Invalid)),
        Sent {
            content: Content::Part(Box::new(OtherLeg {
                sealed: SealedContent {
                    seed: seed(&part(1)),
                    envelope: part(1),
                    notice: signed(notice(&epoch().0), KEY),
                },
                tx: parts()[0].leg().tx.clone(),
                part: Some(parts()[0].clone()),
            })),
            section: Section::Sealed,
            legs: both(),
            removal: None,
        },
    ]
}

/// Both legs of the bundle in parts.
fn both() -> Vec<weft_types::PromisedLeg> {
    let [first, second] = parts();
    vec![promised_leg(0, first.leg(), true), promised_leg(1, second.leg(), false)]
}

fn seed(envelope: &Envelope) -> B256 {
    match EpochKeyScheme::new(&epoch().0).open(envelope, &epoch().1).unwrap() {
        Verdict::Opened { seed, .. } | Verdict::Malformed { seed } => seed,
        // The best that an accuser can do is to guess.
        Verdict::Undecryptable => B256::repeat_byte(9),
    }
}

/// What an honest sequencer and honest members signed in a run, and what everybody knows beside it.
#[derive(Debug, Default)]
struct History {
    promises: Vec<SignedPromise>,
    commitments: Vec<SignedCommitment>,
    closed: BTreeMap<u64, ClosedSlot>,
    /// Items by slot and section, in order.
    rows: BTreeMap<(u64, Section), Vec<B256>>,
    sent: Vec<Sent>,
    notices: Vec<Signed<EpochNotice>>,
    shares: Vec<(Signed<ShareNotice>, [u8; 32])>,
    releases: Vec<Signed<Release>>,
}

/// What the users and the clock do.
#[derive(Debug, Clone)]
enum Act {
    Send(usize),
    Release(usize),
    Wait,
    Checkpoint,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..13_usize).prop_map(Act::Send),
        1 => (0..13_usize).prop_map(Act::Release),
        2 => Just(Act::Wait),
        2 => Just(Act::Checkpoint),
    ];
    prop::collection::vec(act, 1..40)
}

/// Runs an honest sequencer: a lane, a guarded key, a commitment for every closed slot.
struct Sequencer {
    lane: Lane,
    issuer: Issuer,
    now_ms: u64,
    history: History,
    open: Option<SlotHeader>,
    ordered: Vec<(OrderPromise, Sent)>,
}

impl Sequencer {
    fn new() -> Self {
        let rollups = vec![NetworkId::new(901), NetworkId::new(902)];
        let lane = Lane::new(domain(), LaneConfig::new(200, rollups)).unwrap();
        let signer = Box::new(LocalSigner::new(&KEY).unwrap());
        let issuer = Issuer::new(domain(), signer, Guard::in_memory());
        let history = History::default();
        Self { lane, issuer, now_ms: START, history, open: None, ordered: vec![] }
    }

    fn run(mut self, acts: &[Act]) -> History {
        let catalogue = catalogue();
        for act in acts {
            self.now_ms += 7;
            match act {
                Act::Send(which) => self.send(&catalogue[*which]),
                Act::Release(which) => {
                    let item = catalogue[*which].content.id(&domain());
                    self.step(Input::Release { item }, None);
                }
                Act::Wait => {
                    self.now_ms += 200;
                    self.step(Input::Tick, None);
                }
                Act::Checkpoint => self.checkpoint(),
            }
        }
        self.step(Input::Close, None);
        self.step(Input::Tick, None);
        self.checkpoint();
        self.history.sent = catalogue;
        self.epoch();
        self.history
    }

    fn send(&mut self, sent: &Sent) {
        let item = sent.content.id(&domain());
        let slot = self.lane.open_slot().map_or(0, |slot| slot.number.get()) + 1;
        if let Content::Sealed(sealed) = &sent.content
            && SlotNumber::new(slot) > sealed.envelope.carriage.valid_until
        {
            return;
        }
        let submission =
            Submission { item, section: sent.section, declared_gas: 21_000, origin: None };
        self.step(Input::Submit(submission), Some(sent));
    }

    fn step(&mut self, input: Input, sent: Option<&Sent>) {
        let mut effects = Vec::new();
        // A second copy of an item is refused, which changes nothing.
        let _ = self.lane.step(self.now_ms, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Opened(header) => self.open = Some(header),
                Effect::Positioned { position, item, prev_chain, chain } => {
                    let sent = sent.expect("an item was sent");
                    self.positioned(position, [item, prev_chain, chain], sent);
                }
                Effect::Closed { record, .. } => self.closed(record),
                Effect::EpochClosed { .. } | Effect::Opening { .. } => {
                    panic!("this lane takes nothing sealed")
                }
            }
        }
    }

    fn positioned(
        &mut self,
        position: Position,
        [item, prev_chain, chain]: [B256; 3],
        sent: &Sent,
    ) {
        let order = OrderPromise {
            position,
            item,
            prev_chain,
            chain,
            unix_ms: self.now_ms,
            l1_deadline: 9,
            bundle: None,
        };
        let row = (position.slot.get(), position.section);
        self.history.rows.entry(row).or_default().push(item);
        let removal = sent.removal.map(|cause| PromisedRemoval {
            cause,
            network: NetworkId::new(901),
            leg: 0,
            output_hash: B256::ZERO,
        });
        let result = ExecutionPromise {
            position,
            item,
            chain,
            l1_origin: B256::ZERO,
            legs: sent.legs.clone(),
            removal,
        };
        self.ordered.push((order.clone(), sent.clone()));
        self.issue(vec![Statement::Order(order), Statement::Execution(result)]);
    }

    /// Signs through the guard, which leaves out what it may not sign.
    fn issue(&mut self, statements: Vec<Statement>) {
        let signed = self.issuer.issue(statements, self.now_ms).unwrap();
        self.history.promises.extend(signed.iter().flat_map(SignedGroup::promises));
    }

    /// Promises the last envelopes as a bundle, whoever asks for it.
    fn bundle(&mut self) {
        let is_sealed = |promise: &&SignedPromise| matches!(&promise.statement, Statement::Order(order) if order.position.section == Section::Sealed);
        let orders: Vec<_> =
            self.history.promises.iter().rev().filter(is_sealed).take(3).cloned().collect();
        // One envelope is no bundle, and the same one twice neither.
        let promise = self.issuer.bundle(epoch().0.epoch(), &orders, self.now_ms);
        self.history.promises.extend(promise);
    }

    fn checkpoint(&mut self) {
        self.bundle();
        let Some(header) = self.lane.open_slot().cloned() else { return };
        let row = self.history.rows.get(&(header.number.get(), Section::Plaintext));
        let row = row.cloned().unwrap_or_default();
        let count = row.len() as u32;
        let chain = chain(header.number.get(), Section::Plaintext, &row, count);
        self.issue(vec![Statement::Checkpoint(Checkpoint {
            slot: header.number,
            parent: header.parent,
            section: Section::Plaintext,
            count,
            chain,
            unix_ms: self.now_ms,
        })]);
    }

    fn closed(&mut self, record: SlotRecord) {
        let header = self.open.take().expect("a slot was open");
        let slot = header.number;
        let row =
            |section| self.history.rows.get(&(slot.get(), section)).cloned().unwrap_or_default();
        let (sealed, plaintext) = (row(Section::Sealed), row(Section::Plaintext));
        let vector = SlotVector::of_items(&domain(), slot, &sealed, &plaintext).unwrap();
        let kzg = vec![KzgCommitment::ZERO; vector.elements().len().div_ceil(4_096)];
        let commitment = SlotCommitment::new(&domain(), &vector, kzg).unwrap();
        let signature = sign(commitment.hash(&domain()), KEY);
        self.history.commitments.push(SignedCommitment { commitment, signature });
        self.history.closed.insert(slot.get(), ClosedSlot { header, record });
    }

    /// Keys, shares and releases of two epochs, each signed once; the second epoch is open.
    fn epoch(&mut self) {
        let list = &epoch().0;
        self.history.notices.push(signed(notice(list), KEY));
        for (number, member) in [(7, 1), (7, 2), (8, 1), (8, 2)] {
            let context = ShareContext { domain: domain(), epoch: number, member };
            let (secret, share) = deal(setup(), &context, &B256::repeat_byte(member as u8));
            let said = ShareNotice {
                setup: setup().id(),
                epoch: number,
                member,
                share: share.encode().try_into().unwrap(),
            };
            // Epoch 7 is over, so its secrets are public; of epoch 8 nobody knows any.
            let known = if number == 7 { secret.to_bytes() } else { [9; 32] };
            self.history.shares.push((signed(said, member_key(member)), known));
            if number == 7 {
                let head = B256::repeat_byte(0x44);
                let release = Release { list: list.id(), member, head };
                self.history.releases.push(signed(release, member_key(member)));
            }
        }
    }
}

fn chain(slot: u64, section: Section, items: &[B256], count: u32) -> B256 {
    let start = weft_types::chain_start(&domain(), SlotNumber::new(slot), section);
    let next = |chain, (index, item): (u32, &B256)| weft_types::chain_next(&chain, index, item);
    (0..).zip(&items[..count as usize]).fold(start, next)
}

/// Everything that an accuser can try with the words of a history.
fn accusations(history: &History, pick: &mut impl FnMut(usize) -> usize) -> Vec<Proof> {
    let mut proofs = Vec::new();
    let pairs = |len: usize| (0..len).flat_map(move |one| (0..len).map(move |other| (one, other)));
    for (one, other) in pairs(history.promises.len().min(14)) {
        let pair = [&history.promises[one], &history.promises[other]].map(Clone::clone);
        proofs.push(Proof::Promises(Box::new(pair)));
    }
    for (one, other) in pairs(history.commitments.len()) {
        let pair = [&history.commitments[one], &history.commitments[other]].map(Clone::clone);
        proofs.push(Proof::Commitments(Box::new(pair)));
    }
    for promise in &history.promises {
        let promise = || Box::new(promise.clone());
        for sent in &history.sent {
            proofs.push(Proof::Unbundling(promise(), sent.content.clone()));
            proofs.push(Proof::WrongLeg(promise(), sent.content.clone()));
            proofs.push(Proof::FalseVerdict(promise(), sent.content.clone()));
            if let Content::Sealed(sealed) = &sent.content {
                proofs.push(Proof::StaleInclusion(promise(), Box::new(sealed.envelope.clone())));
                let unopenable = Unopenable {
                    envelope: sealed.envelope.clone(),
                    notice: sealed.notice,
                    secret: epoch().1.secret().to_bytes(),
                };
                proofs.push(Proof::FalseOpening(promise(), Box::new(unopenable)));
            }
        }
        for shown in shown(history, &promise().statement, pick) {
            let shown = || Box::new(shown.clone());
            let (index, before) = elsewhere(history, &promise().statement, pick);
            proofs.push(Proof::Omission(promise(), shown()));
            proofs.push(Proof::Insertion(promise(), shown()));
            proofs.push(Proof::Reordering(promise(), shown(), index, before));
        }
    }
    proofs.extend(words_about_epochs(history));
    proofs
}

fn words_about_epochs(history: &History) -> Vec<Proof> {
    let mut proofs = Vec::new();
    proofs.push(Proof::EpochNotices(Box::new([history.notices[0]; 2])));
    for (one, secret) in &history.shares {
        proofs.push(Proof::EarlyLeak(Box::new(*one), *secret));
        for (other, leaked) in &history.shares {
            proofs.push(Proof::ShareNotices(Box::new([*one, *other])));
            proofs.push(Proof::EarlyLeak(Box::new(*one), *leaked));
        }
    }
    for one in &history.releases {
        for other in &history.releases {
            proofs.push(Proof::Releases(Box::new([*one, *other])));
        }
    }
    proofs
}

/// What a statement says of a place: a bundle's last one.
fn order_of(statement: &Statement) -> Option<OrderPromise> {
    match statement {
        Statement::Order(order) => Some(order.clone()),
        Statement::Bundle(bundle) => bundle.places.last().map(|place| place.order(0)),
        _ => None,
    }
}

/// A place of the promised item, if it has another one, and what really stands before it; else any place.
fn elsewhere(
    history: &History,
    statement: &Statement,
    pick: &mut impl FnMut(usize) -> usize,
) -> (u32, B256) {
    let Some(order) = order_of(statement) else { return (0, B256::ZERO) };
    let Position { slot, section, index } = order.position;
    let row = &history.rows[&(slot.get(), section)];
    let others =
        row.iter().enumerate().filter(|(at, item)| **item == order.item && *at as u32 != index);
    let at = others.map(|(at, _)| at).next().unwrap_or_else(|| pick(row.len())) as u32;
    (at, chain(slot.get(), section, row, at))
}

/// Ways of showing the order around a promise: true ones, from places that the accuser picks, and of other slots.
fn shown(
    history: &History,
    statement: &Statement,
    pick: &mut impl FnMut(usize) -> usize,
) -> Vec<Shown> {
    let Some(order) = order_of(statement) else { return vec![] };
    let (slot, section) = (order.position.slot.get(), order.position.section);
    let row = &history.rows[&(slot, section)];
    let from = pick(row.len() + 1) as u32;
    let stretch = |end: usize| {
        let from = from.min(end as u32);
        let before = chain(slot, section, row, from);
        Stretch { from, before, items: row[from as usize..end].to_vec() }
    };
    let mut shown = Vec::new();
    for word in &history.promises {
        for (claim, _) in word.statement.claims() {
            if let weft_types::promise::Claim::Chain(of, part, count) = claim
                && of.get() == slot
                && part == section
            {
                let ending = Ending { word: word.clone(), past: vec![] };
                shown.push(Shown::Items(ending, stretch(count as usize)));
            }
        }
        if let Statement::Checkpoint(checkpoint) = &word.statement {
            let past = history.closed.range(slot..checkpoint.slot.get().max(slot)).rev();
            let past: Vec<_> = past.map(|(_, closed)| closed.clone()).collect();
            let ending = Ending { word: word.clone(), past };
            shown.push(Shown::Items(ending, stretch(row.len())));
        }
    }
    for signed in &history.commitments {
        let slot = signed.commitment.slot().get();
        let row = |section| history.rows.get(&(slot, section)).cloned().unwrap_or_default();
        let (sealed, plaintext) = (row(Section::Sealed), row(Section::Plaintext));
        let vector =
            SlotVector::of_items(&domain(), SlotNumber::new(slot), &sealed, &plaintext).unwrap();
        let tree = Tree::new(&domain(), vector.elements());
        let own = vector.counts().of(section);
        let indexes = (0..own).filter(|at| at.abs_diff(order.position.index) <= 1).take(4);
        let opened = indexes.map(|index| OpenedAt {
            index,
            opening: Opening::new(&vector, &tree, section, index).unwrap(),
        });
        shown.push(Shown::Openings(signed.clone(), opened.collect()));
        shown.push(Shown::Openings(signed.clone(), vec![]));
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn p47_nobody_honest_is_convicted(acts in acts(), seed in any::<u64>()) {
        let history = Sequencer::new().run(&acts);
        let mut state = seed;
        let mut pick = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % bound.max(1)
        };
        let registry = registry();
        for proof in accusations(&history, &mut pick) {
            let evidence = Evidence::new(domain(), proof);
            if let Ok(conviction) = evidence.check(&registry) {
                prop_assert!(false, "{conviction:?} by {evidence:?}");
            }
        }
    }
}

#[test]
fn p47_the_accuser_of_the_histories_finds_what_is_there() {
    // The same accusations convict as soon as the sequencer lies, so they are not all empty.
    let acts = [Act::Send(0), Act::Send(1), Act::Checkpoint];
    let mut history = Sequencer::new().run(&acts);
    let lie = |slot: u64| {
        let vector =
            SlotVector::of_items(&domain(), SlotNumber::new(slot), &[], &[B256::ZERO]).unwrap();
        let commitment =
            SlotCommitment::new(&domain(), &vector, vec![KzgCommitment::ZERO]).unwrap();
        SignedCommitment { signature: sign(commitment.hash(&domain()), KEY), commitment }
    };
    let slot = history.commitments.iter().find(|signed| signed.commitment.counts().total() > 0);
    history.commitments.push(lie(slot.unwrap().commitment.slot().get()));
    let mut pick = |bound: usize| bound.saturating_sub(1);
    let proofs = accusations(&history, &mut pick);
    let registry = registry();
    let convictions =
        proofs.into_iter().filter_map(|proof| Evidence::new(domain(), proof).check(&registry).ok());
    assert!(convictions.count() > 0);
}
