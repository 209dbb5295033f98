//! How an epoch's secret came to light: for the order that stands, or by squaring (P17, T12).

use crate::sequencer::{A, B, Draft, EPOCH, Sequencer, address, config, derive, key, sign};
use alloy_primitives::{B256, FixedBytes};
use alloy_signer::SignerSync as _;
use weft_batch::{RealmConfig, Revealed, SignedBatch, SignedRelease, Squared, WireLeg};
use weft_crypto::{KeyList, Proof, Setup};
use weft_derive::LieKind;
use weft_types::{NetworkId, Signature};

/// Members of the committee, whose keys are these accounts.
const MEMBERS: [u32; 2] = [11, 12];

fn realm() -> RealmConfig {
    let mut config = config(true);
    config.sealing.as_mut().unwrap().members =
        MEMBERS.map(|member| (member, address(member as usize))).into();
    config
}

fn release(list: &KeyList, member: u32, head: &B256) -> SignedRelease {
    let digest = list.release_digest(member, head);
    let signature = key(member as usize).sign_hash_sync(&digest).unwrap();
    SignedRelease { member, signature: Signature::new(signature).unwrap() }
}

fn squared(setup: &Setup, list: &KeyList) -> Squared {
    let mut chain = setup.solve(*list.puzzle());
    let value = FixedBytes::from_slice(&chain.finish().to_vec());
    Squared { value, proof: FixedBytes::from_slice(&Proof::new(&chain).to_vec()) }
}

/// Seals a transfer with each of these salts and opens the epoch; `reveal` says how that came about.
fn history(
    config: RealmConfig,
    salts: &[u64],
    reveal: &dyn Fn(&Setup, &KeyList, B256) -> Revealed,
) -> (Sequencer, SignedBatch) {
    halted(config, salts, None, reveal)
}

/// The same; a rollup stops in the last slot of the epoch.
fn halted(
    config: RealmConfig,
    salts: &[u64],
    stops: Option<NetworkId>,
    reveal: &dyn Fn(&Setup, &KeyList, B256) -> Revealed,
) -> (Sequencer, SignedBatch) {
    let mut sequencer = Sequencer::with(config);
    sequencer.announce(2, u64::MAX);
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    let plaintext = WireLeg::of(&Draft::pay(A, 5, 0, 9).leg()).plaintext();
    for salt in salts {
        sequencer.order(sequencer.seal(&plaintext, *salt));
    }
    (1..EPOCH).for_each(|_| sequencer.close());
    stops.into_iter().for_each(|network| sequencer.halt(network));
    sequencer.close();
    let (list, head) = sequencer.closed(2);
    sequencer.revealed = reveal(sequencer.setup(), list, head);
    sequencer.reveal(2);
    sequencer.close();
    let batch = sequencer.batch();
    (sequencer, batch)
}

fn found(reveal: &dyn Fn(&Setup, &KeyList, B256) -> Revealed) -> Result<(), LieKind> {
    let (sequencer, batch) = history(realm(), &[1], reveal);
    let derived = derive(&sequencer.config, &[], &[batch]).map_err(|lie| *lie.kind)?;
    assert_eq!(derived.0, sequencer.blocks);
    assert_eq!((derived.1[0].items, derived.1[0].removed), (2, 0));
    Ok(())
}

fn by(list: &KeyList, members: &[u32], head: &B256) -> Vec<SignedRelease> {
    members.iter().map(|member| release(list, *member, head)).collect()
}

#[test]
fn p17_an_epoch_opens_with_every_member_s_release_or_with_a_chain_of_squarings() {
    let all =
        found(&|_, list, head| Revealed { releases: by(list, &MEMBERS, &head), squared: None });
    assert_eq!(all, Ok(()));
    // One is silent, or all are.
    for members in [&[11][..], &[12], &[]] {
        let some = found(&|setup, list, head| Revealed {
            releases: by(list, members, &head),
            squared: Some(squared(setup, list)),
        });
        assert_eq!(some, Ok(()), "{members:?}");
    }
}

#[test]
fn t12_a_release_for_another_order_opens_nothing() {
    let other = B256::repeat_byte(7);
    let stands = std::cell::Cell::new(B256::ZERO);
    let lie = found(&|_, list, head| {
        stands.set(head);
        let releases = vec![release(list, 11, &head), release(list, 12, &other)];
        Revealed { releases, squared: None }
    });
    assert_eq!(lie, Err(LieKind::Release { epoch: 2, member: 12, head: stands.get() }));
    // Squaring makes no release of it either.
    let lie = found(&|setup, list, head| {
        stands.set(head);
        Revealed { releases: by(list, &[12], &other), squared: Some(squared(setup, list)) }
    });
    assert_eq!(lie, Err(LieKind::Release { epoch: 2, member: 12, head: stands.get() }));
    // Members released for one order, and the sequencer, which could read everything then, signed another one.
    let released = std::cell::RefCell::new(Revealed::default());
    history(realm(), &[1, 2], &|_, list, head| {
        *released.borrow_mut() = Revealed { releases: by(list, &MEMBERS, &head), squared: None };
        released.borrow().clone()
    });
    let (sequencer, other) = history(realm(), &[2, 1], &|_, _, head| {
        stands.set(head);
        released.borrow().clone()
    });
    let lie = derive(&sequencer.config, &[], &[other]).unwrap_err();
    let expected = LieKind::Release { epoch: 2, member: 11, head: stands.get() };
    assert_eq!((*lie.kind, lie.slot.unwrap().get()), (expected, 2 * EPOCH + 1));
}

#[test]
fn t1_a_halt_that_was_written_when_the_members_had_released_is_named() {
    let all =
        |list: &KeyList, head| Revealed { releases: by(list, &MEMBERS, &head), squared: None };
    // One that was there when they released is covered by what they signed.
    let (sequencer, batch) = halted(realm(), &[1], Some(B), &|_, list, head| all(list, head));
    assert_eq!(derive(&sequencer.config, &[], &[batch]).unwrap().0, sequencer.blocks);

    let released = std::cell::RefCell::new(Revealed::default());
    let stands = std::cell::Cell::new(B256::ZERO);
    history(realm(), &[1], &|_, list, head| {
        *released.borrow_mut() = all(list, head);
        released.borrow().clone()
    });
    let (sequencer, other) = halted(realm(), &[1], Some(B), &|_, _, head| {
        stands.set(head);
        released.borrow().clone()
    });
    let lie = derive(&sequencer.config, &[], &[other]).unwrap_err();
    let expected = LieKind::Release { epoch: 2, member: 11, head: stands.get() };
    assert_eq!((*lie.kind, lie.slot.unwrap().get()), (expected, 2 * EPOCH + 1));
}

#[test]
fn p17_releases_of_others_and_openings_without_any_are_named() {
    let stands = std::cell::Cell::new(B256::ZERO);
    let lie = found(&|_, list, head| {
        stands.set(head);
        let forged = SignedRelease { member: 12, ..release(list, 11, &head) };
        Revealed { releases: vec![release(list, 11, &head), forged], squared: None }
    });
    assert_eq!(lie, Err(LieKind::Release { epoch: 2, member: 12, head: stands.get() }));
    let lie = found(&|_, list, head| {
        stands.set(head);
        Revealed { releases: by(list, &[11, 12, 13], &head), squared: None }
    });
    assert_eq!(lie, Err(LieKind::Release { epoch: 2, member: 13, head: stands.get() }));
    let unsolved = |missing| Err(LieKind::Unsolved { epoch: 2, missing });
    let lie = found(&|_, list, head| Revealed { releases: by(list, &[11], &head), squared: None });
    assert_eq!(lie, unsolved(12));
    assert_eq!(found(&|_, _, _| Revealed::default()), unsolved(11));
    // A value that nobody squared, the right one with another proof, and one that is no element.
    for change in [
        &(|it: &mut Squared| it.value = it.proof) as &dyn Fn(&mut Squared),
        &|it| it.proof = it.value,
        &|it| it.value = FixedBytes::ZERO,
    ] {
        let lie = found(&|setup, list, head| {
            let mut squared = squared(setup, list);
            change(&mut squared);
            Revealed { releases: by(list, &[12], &head), squared: Some(squared) }
        });
        assert_eq!(lie, unsolved(11));
    }
    let lie = found(&|setup, list, head| Revealed {
        releases: by(list, &MEMBERS, &head),
        squared: Some(squared(setup, list)),
    });
    assert!(matches!(lie, Err(LieKind::Epoch { epoch: 2, .. })), "{lie:?}");
}

#[test]
fn p17_a_committee_of_none_releases_nothing_and_a_key_has_members_of_the_realm_alone() {
    let (sequencer, batch) = history(config(true), &[1], &|_, _, _| Revealed::default());
    derive(&sequencer.config, &[], &[batch]).unwrap();
    let (sequencer, batch) = history(config(true), &[1], &|_, list, head| Revealed {
        releases: by(list, &[0], &head),
        squared: None,
    });
    let lie = derive(&sequencer.config, &[], &[batch]).unwrap_err();
    assert!(matches!(*lie.kind, LieKind::Epoch { epoch: 2, .. }), "{lie}");
    // A share of somebody whom the realm does not know.
    let (_, batch) = history(realm(), &[1], &|_, list, head| Revealed {
        releases: by(list, &MEMBERS, &head),
        squared: None,
    });
    let mut fewer = realm();
    fewer.sealing.as_mut().unwrap().members.pop();
    let mut batch = batch.batch;
    batch.config = fewer.hash();
    let lie = derive(&fewer, &[], &[sign(batch)]).unwrap_err();
    assert_eq!(*lie.kind, LieKind::KeyList("the realm has no member 12".to_owned()));
}
