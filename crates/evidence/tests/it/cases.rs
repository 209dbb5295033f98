//! One true evidence of every fault and every way of showing it.

use crate::world::*;
use alloy_primitives::{B256, Bytes};
use weft_crypto::{Secret, ShareContext, deal};
use weft_evidence::{
    Content, Ending, EpochNotice, Evidence, Fault, OtherLeg, Proof, Release, ShareNotice, Shown,
    Subject, Unopenable, notice::Notice as _,
};
use weft_types::{
    BundlePromise, ExecutionPromise, Item, Part, Position, RemovalCause, Section, SlotNumber,
    SlotRecord, Statement, promise::Claim,
};

/// What convicts whom of what.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) evidence: Evidence,
    pub(crate) fault: Fault,
    pub(crate) subject: Subject,
}

fn case(name: &'static str, proof: Proof, fault: Fault, subject: Subject) -> Case {
    Case { name, evidence: Evidence::new(domain(), proof), fault, subject }
}

pub(crate) fn at(index: u32) -> Subject {
    Subject::Position(Position { slot: SLOT, section: Section::Plaintext, index })
}

/// What was promised: six items.
pub(crate) fn promised() -> Row {
    Row::of(6)
}

/// Item 3 gave its place to another one.
pub(crate) fn replaced() -> Row {
    let mut items = promised().items;
    items[3] = item(100);
    Row::new(items)
}

/// An item was put before item 2.
pub(crate) fn inserted() -> Row {
    let mut items = promised().items;
    items.insert(2, item(100));
    Row::new(items)
}

/// Items 2 and 4 changed places.
pub(crate) fn reordered() -> Row {
    let mut items = promised().items;
    items.swap(2, 4);
    Row::new(items)
}

/// The slot closed after three items.
pub(crate) fn cut() -> Row {
    Row::of(3)
}

pub(crate) fn by_items(row: &Row, from: u32) -> Shown {
    Shown::Items(Ending { word: row.checkpoint(), past: vec![] }, row.stretch(from))
}

pub(crate) fn by_record(row: &Row, from: u32) -> Shown {
    let (word, past) = row.closed(2);
    Shown::Items(Ending { word, past }, row.stretch(from))
}

pub(crate) fn by_openings(row: &Row, indexes: &[u32]) -> Shown {
    Shown::Openings(row.commitment(), row.openings(indexes))
}

fn broken(
    shown: Shown,
    index: u32,
    make: fn(Box<weft_types::SignedPromise>, Box<Shown>) -> Proof,
) -> Proof {
    make(Box::new(promised().promise(index)), Box::new(shown))
}

fn moved(shown: Shown) -> Proof {
    // Item 2 was promised at index 2 and stands at index 4.
    let (promise, before) = (promised().promise(2), reordered().chain(4));
    Proof::Reordering(Box::new(promise), Box::new(shown), 4, before)
}

pub(crate) fn orders() -> Vec<Case> {
    let (omission, insertion) = (Proof::Omission, Proof::Insertion);
    let in_order = |name, shown, index, fault, make: fn(_, _) -> Proof| {
        case(name, broken(shown, index, make), fault, at(index))
    };
    vec![
        in_order("omission, by items", by_items(&replaced(), 3), 3, Fault::Omission, omission),
        in_order(
            "omission, by a closed slot",
            by_record(&replaced(), 2),
            3,
            Fault::Omission,
            omission,
        ),
        in_order(
            "omission, by openings",
            by_openings(&replaced(), &[2, 3]),
            3,
            Fault::Omission,
            omission,
        ),
        in_order(
            "omission, behind the end of a closed slot",
            by_record(&cut(), 3),
            4,
            Fault::Omission,
            omission,
        ),
        in_order(
            "omission, behind the end of a commitment",
            by_openings(&cut(), &[]),
            4,
            Fault::Omission,
            omission,
        ),
        in_order("insertion, by items", by_items(&inserted(), 1), 4, Fault::Insertion, insertion),
        in_order(
            "insertion, by a closed slot",
            by_record(&inserted(), 0),
            3,
            Fault::Insertion,
            insertion,
        ),
        in_order(
            "insertion, by an opening",
            by_openings(&inserted(), &[3]),
            4,
            Fault::Insertion,
            insertion,
        ),
        case("reordering, by items", moved(by_items(&reordered(), 2)), Fault::Reordering, at(2)),
        case(
            "reordering, by a closed slot",
            moved(by_record(&reordered(), 0)),
            Fault::Reordering,
            at(2),
        ),
        case(
            "reordering, by openings",
            moved(by_openings(&reordered(), &[2, 3, 4])),
            Fault::Reordering,
            at(2),
        ),
    ]
}

pub(crate) fn equivocations() -> Vec<Case> {
    let other = replaced();
    let pair = |one, other| Proof::Promises(Box::new([one, other]));
    let item = Subject::Claim(weft_types::promise::Claim::Item(Position {
        slot: SLOT,
        section: Section::Plaintext,
        index: 3,
    }));
    let parent = |parent| {
        let word = checkpoint(SlotNumber::new(9), parent, 1, B256::repeat_byte(1));
        promise(Statement::Checkpoint(word), KEY)
    };
    let slot = Subject::Claim(weft_types::promise::Claim::Parent(SlotNumber::new(9)));
    let (_, past) = promised().closed(0);
    let record = past[0].record.clone();
    let halted = parent(record.hash(&domain()));
    let unhalted = SlotRecord { halts: B256::ZERO, ..record };
    let pasts = [halted, parent(unhalted.hash(&domain()))];
    let honest = result(item_of(&single()), vec![promised_leg(0, &leg_of(&single()), true)], None);
    let lie = ExecutionPromise {
        legs: vec![promised_leg(0, &leg_of(&single()), false)],
        ..honest.clone()
    };
    let [honest, lie] = [honest, lie].map(|result| promise(Statement::Execution(result), KEY));
    let commitments = [promised().commitment(), other.commitment()];
    vec![
        case(
            "two items at one position",
            pair(promised().promise(3), other.promise(3)),
            Fault::OrderEquivocation,
            item,
        ),
        case(
            "two pasts of a slot",
            pair(parent(B256::repeat_byte(2)), parent(B256::ZERO)),
            Fault::OrderEquivocation,
            slot,
        ),
        case(
            "two pasts of a slot, one with a halt",
            Proof::Promises(Box::new(pasts)),
            Fault::OrderEquivocation,
            slot,
        ),
        case("two results", pair(honest, lie), Fault::ResultEquivocation, at(1)),
        case(
            "two commitments",
            Proof::Commitments(Box::new(commitments)),
            Fault::OrderEquivocation,
            Subject::Slot(SLOT),
        ),
    ]
}

pub(crate) fn single() -> Item {
    Item::Transaction(leg(901, 1, Bytes::new(), false))
}

pub(crate) fn leg_of(item: &Item) -> weft_types::Leg {
    item.legs()[0].clone()
}

pub(crate) fn item_of(item: &Item) -> B256 {
    item.hash(&domain())
}

pub(crate) fn clear(item: Item) -> Content {
    Content::Clear(Box::new(item))
}

pub(crate) fn closed(sealed: weft_evidence::SealedContent) -> Content {
    Content::Sealed(Box::new(sealed))
}

pub(crate) fn results() -> Vec<Case> {
    let bundle = bundle();
    let [first, second] = [&bundle.legs()[0], &bundle.legs()[1]];
    let lone = Item::Transaction(first.clone());
    let whole = Item::Bundle(bundle.clone());
    let failed = vec![promised_leg(0, first, false), promised_leg(1, second, true)];
    let foreign = vec![promised_leg(0, &leg(901, 9, Bytes::new(), false), true)];
    let unbundled = |content: Content, legs| {
        let promise = result_promise(content.id(&domain()), legs, None);
        Proof::Unbundling(Box::new(promise), content)
    };
    let wrong = |content: Content| {
        let promise = result_promise(content.id(&domain()), foreign.clone(), None);
        Proof::WrongLeg(Box::new(promise), content)
    };
    let verdict = |content: Content| {
        let cause = Some(RemovalCause::Undecryptable);
        let promise = result_promise(content.id(&domain()), vec![], cause);
        Proof::FalseVerdict(Box::new(promise), content)
    };
    let alone = vec![promised_leg(0, first, true)];
    vec![
        case(
            "unbundling, a leg alone",
            unbundled(clear(lone.clone()), alone.clone()),
            Fault::Unbundling,
            at(1),
        ),
        case(
            "unbundling, a sealed leg alone",
            unbundled(closed(sealed(&lone)), alone),
            Fault::Unbundling,
            at(1),
        ),
        case(
            "unbundling, without its leg",
            unbundled(clear(whole.clone()), failed.clone()),
            Fault::Unbundling,
            at(1),
        ),
        case(
            "unbundling, sealed, without its leg",
            unbundled(closed(sealed(&whole)), failed),
            Fault::Unbundling,
            at(1),
        ),
        case("wrong result", wrong(clear(single())), Fault::WrongResult, at(1)),
        case("wrong result of a bundle", wrong(clear(whole)), Fault::WrongResult, at(1)),
        case("wrong plaintext", wrong(closed(sealed(&single()))), Fault::WrongPlaintext, at(1)),
        case(
            "wrong plaintext of junk",
            wrong(closed(opened(seal(b"junk")))),
            Fault::WrongPlaintext,
            at(1),
        ),
        case("false verdict", verdict(closed(sealed(&single()))), Fault::FalseVerdict, at(1)),
        case(
            "false verdict on junk",
            verdict(closed(opened(seal(b"junk")))),
            Fault::FalseVerdict,
            at(1),
        ),
        case(
            "false verdict of malformed",
            malformed(closed(sealed(&single()))),
            Fault::FalseVerdict,
            at(1),
        ),
        unopenable("an item out of junk", vec![leg_of(&single())], None, Fault::WrongPlaintext),
        unopenable(
            "a failure out of junk",
            vec![],
            Some(RemovalCause::Failed),
            Fault::FalseVerdict,
        ),
        stale(),
    ]
}

/// The envelope of the second part of a bundle, the last one to be opened.
pub(crate) fn last_part() -> weft_evidence::SealedContent {
    sealed(&Item::Part(parts()[1].clone()))
}

/// The same beside a transaction that its result names for the first part.
pub(crate) fn beside(leg: &weft_types::Leg, part: Option<Part>) -> Content {
    Content::Part(Box::new(OtherLeg { sealed: last_part(), tx: leg.tx.clone(), part }))
}

/// Both legs of the bundle in parts, the first with this result.
pub(crate) fn joined(first: &weft_types::Leg, success: bool) -> Vec<weft_types::PromisedLeg> {
    vec![promised_leg(0, first, success), promised_leg(1, parts()[1].leg(), true)]
}

/// A transaction that signs the marker of the bundle in parts, and is another than its part commits to.
pub(crate) fn other_marked() -> weft_types::Leg {
    let suffix = Bytes::copy_from_slice(&parts()[0].id().suffix());
    leg(901, 9, suffix, false)
}

/// Results of parts.
fn parted() -> Vec<Case> {
    let [first, second] = parts();
    let about = |content: Content, legs, to: fn(_, _) -> Proof| {
        let promise = result_promise(content.id(&domain()), legs, None);
        to(Box::new(promise), content)
    };
    let (wrong, unbundled) = (Proof::WrongLeg, Proof::Unbundling);
    let foreign = leg(901, 9, Bytes::new(), false);
    let beyond = vec![promised_leg(2, &foreign, true)];
    let own = vec![promised_leg(1, &foreign, true)];
    let mut elsewhere = joined(first.leg(), true);
    elsewhere[0].network = weft_types::NetworkId::new(903);
    let alone = || closed(sealed(&Item::Part(first.clone())));
    let failed = vec![promised_leg(0, first.leg(), false), promised_leg(1, second.leg(), true)];
    let plain = |name, proof, fault| case(name, proof, fault, at(1));
    vec![
        plain(
            "wrong plaintext of a part, under its number",
            about(closed(last_part()), own, wrong),
            Fault::WrongPlaintext,
        ),
        plain(
            "wrong plaintext of a part, beyond its bundle",
            about(closed(last_part()), beyond, wrong),
            Fault::WrongPlaintext,
        ),
        plain(
            "wrong plaintext of a part, a leg without the marker",
            about(beside(&foreign, None), joined(&foreign, true), wrong),
            Fault::WrongPlaintext,
        ),
        plain(
            "wrong plaintext of a part, a leg that was not committed to",
            about(
                beside(&other_marked(), Some(first.clone())),
                joined(&other_marked(), true),
                wrong,
            ),
            Fault::WrongPlaintext,
        ),
        plain(
            "wrong plaintext of a part, on another rollup",
            about(beside(first.leg(), Some(first.clone())), elsewhere, wrong),
            Fault::WrongPlaintext,
        ),
        plain(
            "unbundling, without the leg of its part",
            about(alone(), failed, unbundled),
            Fault::Unbundling,
        ),
        plain(
            "unbundling, without the leg of another part",
            about(beside(first.leg(), Some(first.clone())), joined(first.leg(), false), unbundled),
            Fault::Unbundling,
        ),
        plain("false verdict of a malformed part", malformed(alone()), Fault::FalseVerdict),
    ]
}

fn malformed(content: Content) -> Proof {
    let cause = Some(RemovalCause::Malformed);
    let promise = result_promise(content.id(&domain()), vec![], cause);
    Proof::FalseVerdict(Box::new(promise), content)
}

/// An envelope with another fee than it was sealed with, and the epoch's secret.
pub(crate) fn nothing_inside() -> Unopenable {
    let mut envelope = seal(b"anything");
    envelope.carriage.max_fee_wei += 1;
    let (list, secret) = epoch();
    Unopenable { envelope, notice: signed(notice(list), KEY), secret: secret.secret().to_bytes() }
}

fn unopenable(
    name: &'static str,
    legs: Vec<weft_types::Leg>,
    removal: Option<RemovalCause>,
    fault: Fault,
) -> Case {
    let inside = nothing_inside();
    let legs = (0..).zip(&legs).map(|(index, leg)| promised_leg(index, leg, true)).collect();
    let promise = result_promise(inside.envelope.id(&domain()), legs, removal);
    case(name, Proof::FalseOpening(Box::new(promise), Box::new(inside)), fault, at(1))
}

fn stale() -> Case {
    let mut envelope = seal(b"anything");
    envelope.carriage.valid_until = SlotNumber::new(SLOT.get() - 1);
    let id = envelope.id(&domain());
    let row = Row { section: Section::Sealed, items: vec![item(0), id] };
    let position = Position { slot: SLOT, section: Section::Sealed, index: 1 };
    let proof = Proof::StaleInclusion(Box::new(row.promise(1)), Box::new(envelope));
    case("stale inclusion", proof, Fault::StaleInclusion, Subject::Position(position))
}

/// The order that was promised, of envelopes.
fn hidden(row: Row) -> Row {
    Row { section: Section::Sealed, ..row }
}

/// The promise of a bundle whose envelopes stand at these places of an order.
pub(crate) fn bundle_promise(row: &Row, indexes: &[u32]) -> weft_types::SignedPromise {
    let places = indexes.iter().map(|index| (&row.order(*index)).into()).collect();
    let bundle = BundlePromise { epoch: EPOCH, places, unix_ms: 1_763_719_200_200 };
    promise(Statement::Bundle(bundle), KEY)
}

/// Promises of bundles beside what contradicts them.
pub(crate) fn bundles() -> Vec<Case> {
    let (honest, other) = (hidden(promised()), hidden(replaced()));
    let own = || bundle_promise(&honest, &[1, 3]);
    let place = Position { slot: SLOT, section: Section::Sealed, index: 3 };
    let item = || Subject::Claim(Claim::Item(place));
    let pair = |other| Proof::Promises(Box::new([own(), other]));
    let until = hidden(Row::new(replaced().items[..4].to_vec()));
    let chain = Subject::Claim(Claim::Chain(SLOT, Section::Sealed, 4));
    let shown = |shown| (Box::new(own()), Box::new(shown));
    let omission = |(promise, shown)| Proof::Omission(promise, shown);
    let equivocation = Fault::OrderEquivocation;
    let at = || Subject::Position(place);
    vec![
        case("another item at a bundle's place", pair(other.promise(3)), equivocation, item()),
        case("two bundles", pair(bundle_promise(&other, &[2, 3, 4])), equivocation, item()),
        case("another past of a bundle's place", pair(until.checkpoint()), equivocation, chain),
        case(
            "omission of one of a bundle's, by items",
            omission(shown(by_items(&other, 3))),
            Fault::Omission,
            at(),
        ),
        case(
            "omission of one of a bundle's, by openings",
            omission(shown(by_openings(&other, &[2, 3]))),
            Fault::Omission,
            at(),
        ),
        other_epoch(),
    ]
}

fn other_epoch() -> Case {
    let mut envelope = seal(b"anything");
    envelope.carriage.epoch = EPOCH + 1;
    let row = hidden(Row::new(vec![item(0), envelope.id(&domain())]));
    let position = Position { slot: SLOT, section: Section::Sealed, index: 1 };
    let promise = bundle_promise(&row, &[0, 1]);
    let proof = Proof::StaleInclusion(Box::new(promise), Box::new(envelope));
    case("wrong epoch of one of a bundle's", proof, Fault::WrongEpoch, Subject::Position(position))
}

pub(crate) fn share(epoch: u64, entropy: u8) -> (Secret, ShareNotice) {
    let context = ShareContext { domain: domain(), epoch, member: 2 };
    let (secret, share) = deal(setup(), &context, &B256::repeat_byte(entropy));
    let notice = ShareNotice {
        setup: setup().id(),
        epoch,
        member: 2,
        share: share.encode().try_into().unwrap(),
    };
    // What members sign today is what evidence reads.
    assert_eq!(notice.digest(&domain()), share.announcement_digest(setup(), &context));
    (secret, notice)
}

pub(crate) fn epochs() -> Vec<Case> {
    let list = notice(&epoch().0);
    let other = EpochNotice { list: B256::repeat_byte(3), ..list };
    let notices = [list, other].map(|notice| signed(notice, KEY));
    let (secret, dealt) = share(8, 1);
    let shares = [dealt, share(8, 2).1].map(|notice| signed(notice, member_key(2)));
    let release = |head| signed(Release { list: list.list, member: 2, head }, member_key(2));
    let releases = [release(B256::ZERO), release(B256::repeat_byte(4))];
    vec![
        case(
            "two keys",
            Proof::EpochNotices(Box::new(notices)),
            Fault::KeyListEquivocation,
            Subject::Epoch(EPOCH),
        ),
        case(
            "two shares",
            Proof::ShareNotices(Box::new(shares)),
            Fault::ShareEquivocation,
            Subject::Epoch(8),
        ),
        case(
            "early leak",
            Proof::EarlyLeak(Box::new(shares[0]), secret.to_bytes()),
            Fault::EarlyLeak,
            Subject::Epoch(8),
        ),
        case(
            "two releases",
            Proof::Releases(Box::new(releases)),
            Fault::ReleaseEquivocation,
            Subject::KeyList(list.list),
        ),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let no_parts = crate::parts::run_alone().into_iter();
    let no_parts = no_parts.map(|(name, proof)| case(name, proof, Fault::WrongPlaintext, at(1)));
    let all =
        [equivocations(), orders(), results(), epochs(), parted(), no_parts.collect(), bundles()];
    all.into_iter().flatten().collect()
}
