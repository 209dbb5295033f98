//! Bundles over several rollups.

use crate::world::{A, B, World, address, signer};
use alloy_primitives::{B256, Bytes, U256};
use std::time::Duration;
use weft_client::{ClientError, Leg, MarkerPlace, Outcome, Patience};
use weft_contracts::Counter;
use weft_types::{Item, Marker, RemovalCause};

#[tokio::test]
async fn a_bundle_is_executed_on_all_its_rollups() {
    let world = World::start().await;
    let alice = signer(0);
    let there = world.counter(B, 1).await;
    let bundle = world
        .realm
        .bundle()
        .leg(Leg::transfer(A, &alice, address(5), U256::from(7)))
        .leg(Leg::call(B, &alice, there, &Counter::incrementCall {}))
        .leg(Leg::create(B, &alice, Counter::BYTECODE.clone()))
        .sign()
        .await
        .unwrap();
    let before = world.realm.rollup(A).unwrap().balance(address(5)).await.unwrap();
    let preview = bundle.simulate().await.unwrap();
    assert!(preview.included, "{preview:?}");
    assert_eq!((preview.bundle_id, preview.legs.len()), (bundle.id(), 3));
    assert_eq!(preview.legs[1].output, Some(U256::from(1).to_be_bytes_vec().into()));
    assert!(world.realm.outcome(bundle.id().hash()).await.unwrap().is_none());

    let sent = bundle.send().await.unwrap();
    let done = sent.outcome().await.unwrap().executed().unwrap();
    assert_eq!(done.legs.len(), 3);
    assert!(done.legs.iter().all(|leg| leg.success == Some(true)));
    let hashes: Vec<B256> = done.legs.iter().map(|leg| leg.tx_hash).collect();
    assert_eq!(hashes, sent.hashes());
    assert_eq!(world.view(B, there, Counter::getCall {}).await, U256::from(1));
    let after = world.realm.rollup(A).unwrap().balance(address(5)).await.unwrap();
    assert_eq!(after - before, U256::from(7));
    // The same answer for a leg, and the same bundle a second time is refused by name.
    let of_leg = world.realm.wait_for(hashes[1], Patience::default()).await.unwrap();
    assert!(matches!(of_leg, Outcome::Executed(_)));
    let error = bundle.send().await.unwrap_err();
    let ClientError::Refused(refused) = &error else { panic!("{error:?}") };
    assert!(["DuplicateBundle", "Replayed"].contains(&refused.name.as_str()), "{refused:?}");
    assert_eq!(error.code(), Some(refused.code));
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_removed_bundle_names_its_leg_and_what_it_reverted_with() {
    let world = World::start().await;
    let alice = signer(0);
    let there = world.counter(B, 1).await;
    let bundle = world
        .realm
        .bundle()
        .leg(Leg::transfer(A, &alice, address(5), U256::from(7)))
        .leg(Leg::call(B, &alice, there, &Counter::incrementAndRevertCall {}))
        .sign()
        .await
        .unwrap();
    let preview = bundle.simulate().await.unwrap();
    assert_eq!((preview.included, preview.chain_id, preview.leg), (false, Some(B), Some(1)));
    let outcome = bundle.send().await.unwrap().outcome().await.unwrap();
    let Outcome::Removed(removed) = outcome else { panic!("{outcome:?}") };
    assert_eq!((removed.chain_id, removed.leg), (Some(B), 1));
    assert_eq!(removed.cause, RemovalCause::Failed);
    assert_eq!(removed.tx_hash, Some(bundle.hashes()[1]));
    let error: Counter::Refused = removed.error().unwrap();
    assert_eq!(error.value, U256::from(1));
    assert!(removed.error::<weft_contracts::Manager::Full>().is_none());
    assert!(removed.to_string().starts_with("Failed at leg 1 on 902: "), "{removed}");
    assert_eq!(preview.revert_data, Some(removed.revert_data));
    assert_eq!(world.view(B, there, Counter::getCall {}).await, U256::ZERO);
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_leg_that_may_revert_leaves_the_others() {
    let world = World::start().await;
    let alice = signer(0);
    let there = world.counter(B, 1).await;
    let revert = Leg::call(B, &alice, there, &Counter::incrementAndRevertCall {}).may_revert();
    let bundle = world.realm.bundle().leg(revert);
    let bundle = bundle.leg(Leg::call(B, &alice, there, &Counter::incrementCall {}));
    let sent = bundle.sign().await.unwrap().send().await.unwrap();
    let done = sent.outcome().await.unwrap().executed().unwrap();
    let successes: Vec<Option<bool>> = done.legs.iter().map(|leg| leg.success).collect();
    assert_eq!(successes, [Some(false), Some(true)]);
    assert_eq!(world.view(B, there, Counter::getCall {}).await, U256::from(1));
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn markers_go_where_they_harm_least_and_name_the_bundle() {
    let world = World::start().await;
    let (alice, bob) = (signer(0), signer(1));
    let counter = world.counter(A, 2).await;
    let salt = B256::repeat_byte(3);
    let bundle = world.realm.bundle().salt(salt);
    let bundle = bundle
        .leg(Leg::transfer(A, &alice, address(5), U256::from(1)))
        .leg(Leg::raw(A, &bob, counter, Bytes::new()).gas(100_000).may_revert())
        .leg(Leg::create(B, &alice, Counter::BYTECODE.clone()).gas(3_000_000))
        .leg(
            Leg::call(A, &alice, counter, &Counter::incrementCall {})
                .marker(MarkerPlace::AccessList),
        );
    let id = bundle.id().unwrap();
    let signed = bundle.sign().await.unwrap();
    assert_eq!(signed.id(), id);
    let markers = signed.checked().legs().iter().map(|leg| Marker::of(&leg.tx).unwrap().unwrap());
    let markers: Vec<Marker> = markers.collect();
    let (suffix, listed) = (Marker::Suffix(id), Marker::AccessList(id));
    assert_eq!(markers, [suffix, listed, listed, listed]);
    // The nonces of one sender on one rollup follow each other.
    let nonce = |leg: usize| {
        use alloy_consensus::Transaction as _;
        signed.checked().legs()[leg].tx.envelope().nonce()
    };
    assert_eq!((nonce(0), nonce(1), nonce(2), nonce(3)), (0, 0, 0, 1));
    assert_eq!(Item::Bundle(signed.checked().clone()).legs().len(), 4);
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_a_bundle_is_refused_before_it_is_sent() {
    let world = World::start().await;
    let (alice, poor) = (signer(0), alloy_signer_local::PrivateKeySigner::random());
    let realm = &world.realm;
    let error = realm.bundle().sign().await.unwrap_err();
    assert!(matches!(error, ClientError::Bundle(_)), "{error}");
    let far = Leg::transfer(7, &alice, address(5), U256::from(1));
    let error = realm.bundle().leg(far).sign().await.unwrap_err();
    assert_eq!(error.to_string(), "chain 7 is not in the realm; its chains are [901, 902, 903]");
    let creation = Leg::create(A, &alice, Counter::BYTECODE.clone()).marker(MarkerPlace::Suffix);
    let error = realm.bundle().leg(creation).sign().await.unwrap_err();
    assert!(matches!(error, ClientError::MarkedCreation(0)), "{error}");
    let unpaid = Leg::transfer(A, &poor, address(5), U256::from(1));
    let error = realm.bundle().leg(unpaid).sign().await.unwrap_err();
    assert!(error.to_string().contains("insufficient funds"), "{error}");
    let patience =
        Patience { longest: Duration::from_millis(60), between: Duration::from_millis(5) };
    let nowhere = B256::repeat_byte(1);
    let error = realm.wait_for(nowhere, patience).await.unwrap_err();
    assert!(matches!(error, ClientError::Undecided { id, .. } if id == nowhere), "{error}");
    world.node.stop().await.unwrap();
}
