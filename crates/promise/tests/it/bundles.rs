//! Positions that are signed once more, as those of a bundle (P14).

use crate::lane::{KEY, key, orders, signer};
use alloy_primitives::B256;
use weft_promise::{BundleError, Guard, Issuer, LocalSigner, Verdict, guard::Setting};
use weft_types::{
    Domain, Equivocation, OrderPromise, Section, SignedGroup, SignedPromise, SlotNumber, Statement,
    chain_next, chain_start, promise::NoEvidence,
};

const NOW: u64 = 1_763_719_200_000;

/// The first promises of the sealed section of a slot.
fn sealed(slot: u64, count: u32, seed: u8) -> Vec<OrderPromise> {
    let section = Section::Sealed;
    let mut chain = chain_start(&Domain::dev(), SlotNumber::new(slot), section);
    let mut orders = orders(slot, count, seed);
    for order in &mut orders {
        order.position.section = section;
        order.prev_chain = chain;
        chain = chain_next(&chain, order.position.index, &order.item);
        order.chain = chain;
    }
    orders
}

fn issuer(guard: Guard) -> Issuer {
    Issuer::new(Domain::dev(), Box::new(signer()), guard)
}

fn issue(issuer: &mut Issuer, orders: Vec<OrderPromise>) -> Vec<SignedPromise> {
    let statements = orders.into_iter().map(Statement::Order).collect();
    let groups = issuer.issue(statements, NOW).unwrap();
    groups.iter().flat_map(SignedGroup::promises).collect()
}

#[test]
fn p14_positions_of_this_key_are_signed_as_a_bundle_in_their_order() {
    let mut issuer = issuer(Guard::in_memory());
    let mut orders = issue(&mut issuer, sealed(7, 3, 0));
    orders.extend(issue(&mut issuer, sealed(8, 1, 1)));
    let asked = [orders[3].clone(), orders[0].clone(), orders[2].clone()];
    let promise = issuer.bundle(3, &asked, NOW).unwrap();
    assert_eq!(promise.verify(key()), Ok(()));
    let Statement::Bundle(bundle) = &promise.statement else { panic!("{promise:?}") };
    assert_eq!((bundle.epoch, bundle.unix_ms), (3, NOW));
    let items: Vec<_> = bundle.places.iter().map(|place| Some(place.item)).collect();
    let expected: Vec<_> =
        [0, 2, 3].map(|at: usize| orders[at].statement.item()).into_iter().collect();
    assert_eq!(items, expected);
    for order in orders {
        let pair = Equivocation::new(promise.clone(), order);
        assert_eq!(pair, Err(NoEvidence::Consistent));
    }
}

#[test]
fn p14_a_bundle_is_signed_of_own_promises_alone() {
    let mut own = issuer(Guard::in_memory());
    let orders = issue(&mut own, sealed(7, 3, 0));
    let not_own = |issuer: &mut Issuer, second: SignedPromise| {
        let error = issuer.bundle(1, &[orders[0].clone(), second], NOW).unwrap_err();
        assert!(matches!(error, BundleError::NotOwn(1)), "{error}");
    };
    let stranger = LocalSigner::new(&B256::repeat_byte(7)).unwrap();
    let mut stranger = Issuer::new(Domain::dev(), Box::new(stranger), Guard::in_memory());
    not_own(&mut own, issue(&mut stranger, sealed(7, 3, 1)).remove(1));
    let there = Domain { realm: 8, ..Domain::dev() };
    let elsewhere = LocalSigner::new(&KEY).unwrap();
    let mut elsewhere = Issuer::new(there, Box::new(elsewhere), Guard::in_memory());
    let checkpoint = crate::lane::checkpoint(7, 0, chain_of(&there, 7), B256::ZERO);
    not_own(&mut own, elsewhere.issue(vec![checkpoint], NOW).unwrap()[0].promise(0).unwrap());
    let mut bent = orders[1].clone();
    bent.path.index ^= 1;
    not_own(&mut own, bent);
    // What is signed and makes no bundle stops nothing either.
    let plain = issue(&mut own, crate::lane::orders(8, 1, 0)).remove(0);
    for wrong in [
        vec![],
        vec![orders[0].clone()],
        vec![orders[0].clone(), orders[0].clone()],
        vec![orders[0].clone(), plain],
    ] {
        let error = own.bundle(1, &wrong, NOW).unwrap_err();
        assert!(matches!(error, BundleError::Flaw(_)), "{error}");
    }
    assert!(own.bundle(1, &orders, NOW).is_ok());
}

fn chain_of(domain: &Domain, slot: u64) -> B256 {
    chain_start(domain, SlotNumber::new(slot), Section::Plaintext)
}

/// The lane came back from an older copy and orders something else where the key promised: what it promised is all that can
/// be signed again.
#[test]
fn p14_no_restart_and_no_restored_lane_leads_to_a_second_value() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("guard");
    Guard::create(&path, key(), NOW).unwrap();
    let setting = |is_restored| Setting {
        key: key(),
        domain: Domain::dev(),
        slot_ms: 200,
        lane_slot: SlotNumber::new(7),
        now_ms: NOW,
        is_restored,
    };
    let open = |is_restored| issuer(Guard::open(&path, &setting(is_restored)).unwrap().0);
    let orders = issue(&mut open(false), sealed(7, 3, 0));
    for is_restored in [false, true] {
        let mut again = open(is_restored);
        // Another order of the slot gets no promise, so nothing of it can be given as one.
        assert_eq!(issue(&mut again, sealed(7, 2, 9)), []);
        let promise = again.bundle(1, &orders, NOW).unwrap();
        for order in &orders {
            let pair = Equivocation::new(promise.clone(), order.clone());
            assert_eq!(pair, Err(NoEvidence::Consistent));
        }
        // By the way of all other statements it is not signed at all.
        let mut guard = Guard::in_memory();
        assert_eq!(guard.admit(&promise.statement).unwrap(), Verdict::Old);
        assert_eq!(again.issue(vec![promise.statement.clone()], NOW).unwrap(), []);
    }
}
