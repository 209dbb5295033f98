//! Promises, checked without the node that gave them.

use crate::world::{A, B, World, address, signer};
use alloy_primitives::{Address, U256};
use weft_client::{ClientError, Leg, VerifiedPromise};
use weft_types::{Domain, Encode as _, PromiseError, Statement};

#[tokio::test]
async fn promises_about_a_bundle_are_verified_here() {
    let world = World::start().await;
    let realm = &world.realm;
    let told = realm.promise_key().await.unwrap();
    assert_eq!(Some(told.key), world.node.promise_key());
    assert!(told.signing, "{told:?}");
    let alice = signer(0);
    let bundle = realm.bundle().leg(Leg::transfer(A, &alice, address(5), U256::from(1)));
    let bundle = bundle.leg(Leg::transfer(B, &alice, address(5), U256::from(1)));
    let sent = bundle.sign().await.unwrap().send().await.unwrap();
    sent.outcome().await.unwrap().executed().unwrap();
    let id = sent.id().hash();
    let promises = realm.promises(id, told.key).await.unwrap().unwrap();
    let (order, execution) = (promises.order.unwrap(), promises.execution.unwrap());
    assert!(order.is_about(id) && execution.is_about(sent.hashes()[1]));
    let Statement::Execution(result) = execution.statement() else { panic!("{execution:?}") };
    assert_eq!((result.legs.len(), &result.removal), (2, &None));

    // Another key, another realm, another byte, another subject.
    let other = Address::repeat_byte(1);
    let error = realm.promises(id, other).await.unwrap_err();
    assert!(matches!(error, ClientError::Promise(PromiseError::Signer { .. })), "{error}");
    let encoding = order.signed().encode();
    let elsewhere = Domain { realm: 9, ..Domain::dev() };
    let error = VerifiedPromise::check(&encoding, told.key, &elsewhere).unwrap_err();
    assert!(matches!(error, ClientError::OtherDomain { .. }), "{error}");
    for index in 0..encoding.len() {
        let mut altered = encoding.clone();
        altered[index] ^= 1;
        assert!(VerifiedPromise::check(&altered, told.key, realm.domain()).is_err(), "{index}");
    }
    assert!(realm.promises(other.into_word(), told.key).await.unwrap().is_none());
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn the_feed_tells_what_was_promised() {
    let world = World::start().await;
    let realm = &world.realm;
    let key = realm.promise_key().await.unwrap().key;
    let mut feed = realm.subscribe_promises(key).await.unwrap();
    let alice = signer(0);
    let bundle = realm.bundle().leg(Leg::transfer(A, &alice, address(5), U256::from(1)));
    let sent = bundle.sign().await.unwrap().send().await.unwrap();
    let (mut order, mut execution) = (false, false);
    while !(order && execution) {
        let promise = feed.next().await.unwrap();
        match promise.statement() {
            Statement::Order(_) => order |= promise.is_about(sent.id().hash()),
            Statement::Execution(_) => execution |= promise.is_about(sent.hashes()[0]),
            Statement::Checkpoint(_) | Statement::Bundle(_) => {}
        }
    }
    let mut strangers = realm.subscribe_promises(Address::ZERO).await.unwrap();
    assert!(matches!(strangers.next().await.unwrap_err(), ClientError::Promise(_)));
    world.node.stop().await.unwrap();
    // A feed that ends says so.
    loop {
        match feed.next().await {
            Ok(_) => {}
            Err(error) => break assert!(matches!(error, ClientError::FeedEnded), "{error}"),
        }
    }
}
