//! Bundles whose legs were sealed apart, in the fold: when they run, what is left of those that do not, what is charged, and
//! that every rollup alone comes to the same (P3, P13, P18, P27).

use crate::{
    common::*,
    sealed::{home, paid, sealed},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, hex};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeSet;
use weft_contracts::{DeadRegistry, proxy_address};
use weft_evm::Applied;
use weft_types::{
    DEAD_REGISTRY, Decode as _, Domain, Encode as _, InvalidReason, Item, LegShape, NetworkId,
    Opening, Outcome, Part, PartedShape, Parts, RemovalCause, SafetyLevel, Sealed,
};

/// Both buckets of one envelope, in wei.
const FEES: u128 = 107;
const EPOCH: u64 = 3;

/// Makes the parts of a bundle.
fn parted(world: &mut World, salt: u8, drafts: &[Draft]) -> Vec<Part> {
    let domain = Domain::dev();
    let blinding = |index: usize| B256::repeat_byte(0x80 + index as u8);
    let commitments = drafts.iter().enumerate();
    let commitments = commitments.map(|(index, draft)| {
        let shape: LegShape = shape(draft);
        shape.commitment(&domain, &blinding(index))
    });
    let level = SafetyLevel::Reputation;
    let (salt, commitments) = (B256::repeat_byte(salt), commitments.collect());
    let shape = PartedShape { salt, level, epoch: EPOCH, commitments };
    let suffix = shape.id(&domain).suffix();
    let mark = |draft: &Draft| Draft {
        data: [draft.data.as_ref(), &suffix].concat().into(),
        ..draft.clone()
    };
    let marked: Vec<_> = drafts.iter().map(mark).collect();
    let legs = world.legs(&marked).into_iter().enumerate();
    let part = |(index, leg)| Part::new(&domain, &shape, index as u16, blinding(index), leg);
    legs.map(|leg| part(leg).unwrap()).collect()
}

fn opened(part: &Part) -> Sealed {
    sealed(Opening::Opened(Box::new(Item::Part(part.clone()))))
}

/// Envelopes of an epoch in their turns.
struct Turns(Parts);

impl Turns {
    fn new() -> Self {
        Self(Parts::new(Domain::dev(), EPOCH))
    }

    fn run(&mut self, world: &mut World, envelope: Sealed) -> Applied {
        let opening = self.0.turn(&envelope.terms, envelope.opening);
        world.apply(Item::Sealed(Sealed { opening, ..envelope }))
    }
}

fn is_nothing(applied: &Applied) -> bool {
    applied.outcome == Outcome::Included
        && applied.transactions.is_empty()
        && applied.legs.is_empty()
        && applied.hops.is_empty()
}

/// A leg that reaches over to the other rollup, and one there.
fn pair([a, b]: [Address; 2]) -> [Draft; 2] {
    let cross = run([call(proxy_address(902, b), bump(1))]);
    [Draft::new(A, a, cross), Draft::new(B, b, bump(2)).key(1)]
}

#[test]
fn p18_parts_run_together_where_the_last_one_stands() {
    let (mut world, probes) = home();
    let parts = parted(&mut world, 1, &pair(probes));
    let mut turns = Turns::new();
    let before = world.snapshot();
    assert!(is_nothing(&turns.run(&mut world, opened(&parts[1]))), "it waits");
    assert_eq!(world.snapshot(), before);
    let applied = turns.run(&mut world, opened(&parts[0]));
    assert_eq!(applied.outcome, Outcome::Included);
    let own = applied.transactions.iter().filter(|(_, tx)| !tx.is_system);
    let own: Vec<_> = own.map(|(network, tx)| (*network, tx.leg, *tx.tx.tx_hash())).collect();
    let hash = |at: usize| parts[at].leg().tx.hash();
    assert_eq!(own, [(A, 0, hash(0)), (B, 1, hash(1))], "legs in their order, not their turns'");
    assert_eq!(paid(&mut world), 2 * FEES);
    check(&mut world);
}

#[test]
fn p18_a_bundle_of_parts_that_fails_leaves_nothing_and_is_dead() {
    let (mut world, [a, b]) = home();
    let drafts = [Draft::new(A, a, bump(3)), Draft::new(B, b, run([fail(hex!("aa"))])).key(1)];
    let parts = parted(&mut world, 1, &drafts);
    let mut turns = Turns::new();
    let before = world.snapshot();
    turns.run(&mut world, opened(&parts[0]));
    let applied = turns.run(&mut world, opened(&parts[1]));
    assert_eq!(removal(&applied).cause, RemovalCause::Failed);
    assert_eq!((removal(&applied).leg, removal(&applied).network), (1, B));
    assert_eq!(world.snapshot(), before);
    // T7: somebody seals what everybody has read, in the only epoch in which it could run.
    let mut again = Turns::new();
    again.run(&mut world, opened(&parts[1]));
    let applied = again.run(&mut world, opened(&parts[0]));
    assert_eq!(removal(&applied).invalid, Some(InvalidReason::Dead));
    assert_eq!(paid(&mut world), 4 * FEES);
    let hash = parts[0].id().hash();
    assert!(world.call(A, DEAD_REGISTRY, &DeadRegistry::isDeadCall { hash }));
    check(&mut world);
}

#[test]
fn p18_no_leg_of_parts_runs_without_the_others() {
    let (mut world, probes) = home();
    let parts = parted(&mut world, 1, &pair(probes));
    let before = world.snapshot();
    let mut turns = Turns::new();
    assert!(is_nothing(&turns.run(&mut world, opened(&parts[0]))));
    let later = opened(&parts[1]);
    let opening = Parts::new(Domain::dev(), EPOCH + 1).turn(&later.terms, later.opening.clone());
    let applied = world.apply(Item::Sealed(Sealed { opening, ..later }));
    assert_eq!(removal(&applied).cause, RemovalCause::Malformed, "in another epoch");
    for part in &parts {
        let alone = world.apply(Item::Transaction(part.leg().clone()));
        assert_eq!(removal(&alone).invalid, Some(InvalidReason::Unbundled), "alone, in clear");
        let alone = Opening::Opened(Box::new(Item::Transaction(part.leg().clone())));
        let alone = world.apply(Item::Sealed(sealed(alone)));
        assert_eq!(removal(&alone).invalid, Some(InvalidReason::Unbundled), "alone, sealed");
        let bare = world.apply(Item::Part(part.clone()));
        assert_eq!(removal(&bare).cause, RemovalCause::Malformed, "in clear");
    }
    assert_eq!(world.snapshot(), before);
    check(&mut world);
}

#[test]
fn p13_each_part_is_held_against_its_own_envelope() {
    let (mut world, probes) = home();
    let parts = parted(&mut world, 1, &pair(probes));
    let gas = |part: &Part, gas_limit| {
        let mut sealed = opened(part);
        sealed.terms.gas_limit = gas_limit;
        sealed
    };
    let on = |part: &Part, rollup| {
        let mut sealed = opened(part);
        sealed.terms.rollup = Some(rollup);
        sealed
    };
    let mut turns = Turns::new();
    let small = turns.run(&mut world, gas(&parts[0], 9_999_999));
    assert_eq!(removal(&small).cause, RemovalCause::Malformed);
    let elsewhere = turns.run(&mut world, on(&parts[0], B));
    assert_eq!(removal(&elsewhere).cause, RemovalCause::Malformed);
    assert!(
        is_nothing(&turns.run(&mut world, gas(&parts[0], 10_000_000))),
        "what broke its terms is not there"
    );
    let taken = turns.run(&mut world, opened(&parts[0]));
    assert_eq!(removal(&taken).cause, RemovalCause::Invalid);
    assert_eq!(removal(&taken).invalid, Some(InvalidReason::Unbundled));
    // Its own rollup in clear is right, whatever those of others are.
    let applied = turns.run(&mut world, on(&parts[1], B));
    assert_eq!(applied.outcome, Outcome::Included);
    assert_eq!(paid(&mut world), 5 * FEES);
    check(&mut world);
}

#[test]
fn p18_a_bundle_that_somebody_else_put_together_is_malformed() {
    let (mut world, probes) = home();
    let parts = parted(&mut world, 1, &pair(probes));
    let mut collected = Parts::new(Domain::dev(), EPOCH);
    let first = opened(&parts[0]);
    collected.turn(&first.terms, first.opening);
    let last = opened(&parts[1]);
    let opening = collected.turn(&last.terms, last.opening.clone());
    let mut bytes = Item::Sealed(Sealed { opening, ..last.clone() }).encode();
    // The salt, behind version, kind, envelope, terms, kind of the opening and own number.
    let at = Item::Sealed(Sealed { opening: Opening::Late, ..last }).encode().len() + 2;
    bytes[at] ^= 1;
    let applied = world.apply(Item::decode(&bytes).unwrap());
    assert_eq!(removal(&applied).cause, RemovalCause::Malformed);
    assert!(applied.legs.is_empty());
    check(&mut world);
}

#[derive(Debug, Clone)]
enum Drawn {
    Part(usize, usize),
    /// In a bucket that is too small.
    Greedy(usize, usize),
    Junk,
    /// Something in clear, by key 9.
    Clear,
    Turn,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let place = || (0..3_usize, 0..2_usize);
    prop_oneof![
        10 => place().prop_map(|(bundle, index)| Drawn::Part(bundle, index)),
        2 => place().prop_map(|(bundle, index)| Drawn::Greedy(bundle, index)),
        1 => Just(Drawn::Junk),
        1 => Just(Drawn::Clear),
        2 => Just(Drawn::Turn),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The model knows bundles as sets of numbers; the second of three fails.
    #[test]
    fn p27_mixtures_of_parts_do_what_the_model_says_and_each_rollup_alone_does_the_same(
        all in vec(drawn(), 1..16),
    ) {
        let (mut world, [a, b]) = home();
        let cross = || run([call(proxy_address(902, b), bump(1))]);
        let drafts = |bundle: usize| {
            let second = if bundle == 1 { run([fail(hex!("aa"))]) } else { bump(2) };
            // Keys 0 .. 5, without that of the payer.
            let key = |index: usize| [0, 1, 2, 3, 4, 6][2 * bundle + index];
            [Draft::new(A, a, cross()).key(key(0)), Draft::new(B, b, second).key(key(1))]
        };
        let bundles: Vec<_> =
            (0..3).map(|bundle| parted(&mut world, bundle as u8, &drafts(bundle))).collect();
        let mut turns = Turns::new();
        let mut there: [BTreeSet<usize>; 3] = Default::default();
        let mut owed = 0;
        for drawn in all {
            let (found, expected) = match drawn {
                Drawn::Turn => {
                    world.turn();
                    continue;
                }
                Drawn::Clear => {
                    world.must(Draft::new(A, a, bump(1)).key(9));
                    continue;
                }
                Drawn::Junk => {
                    let junk = sealed(Opening::Malformed);
                    (turns.run(&mut world, junk), Some(RemovalCause::Malformed))
                }
                Drawn::Greedy(bundle, index) => {
                    let mut envelope = opened(&bundles[bundle][index]);
                    envelope.terms.gas_limit = 1;
                    (turns.run(&mut world, envelope), Some(RemovalCause::Malformed))
                }
                Drawn::Part(bundle, index) => {
                    let found = turns.run(&mut world, opened(&bundles[bundle][index]));
                    let is_new = there[bundle].insert(index);
                    let is_whole = there[bundle].len() == 2;
                    let expected = match (is_new, is_whole, bundle) {
                        (false, ..) => Some(RemovalCause::Invalid),
                        (true, true, 1) => Some(RemovalCause::Failed),
                        (true, ..) => None,
                    };
                    if expected.is_none() {
                        let own = found.transactions.iter().filter(|(_, tx)| !tx.is_system);
                        prop_assert_eq!(own.count(), if is_whole { 2 } else { 0 });
                    }
                    (found, expected)
                }
            };
            owed += FEES;
            let cause = match &found.outcome {
                Outcome::Included => None,
                Outcome::Removed(removal) => Some(removal.cause),
            };
            prop_assert_eq!(cause, expected);
        }
        prop_assert_eq!(paid(&mut world), owed);
        for (bundle, parts) in bundles.iter().enumerate() {
            let ran = u64::from(there[bundle].len() == 2 && bundle != 1);
            for part in parts {
                let network: NetworkId = part.leg().network;
                let before = part.leg().tx.envelope().nonce();
                prop_assert_eq!(world.nonce(network, part.leg().tx.sender()), before + ran);
            }
        }
        check(&mut world);
    }
}
