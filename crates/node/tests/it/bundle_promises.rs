//! One promise for all envelopes of a bundle (P14): who gets it, when, and that it lasts.

use crate::{
    sealed::{Key, key, outcome, parts, sealing, send, signed, start, transfer, until},
    world::{A, B, World},
};
use alloy_primitives::{B256, Bytes};
use jsonrpsee::{core::client::SubscriptionClientT, rpc_params, ws_client::WsClientBuilder};
use serde_json::{Value, json};
use weft_crypto::Envelope;
use weft_node::{DevConfig, SealingOptions};
use weft_promise::read_promise;
use weft_types::{
    BundlePromise, Encode as _, Equivocation, Item, SignedPromise, Statement, promise::NoEvidence,
};

/// Account that pays, as in the tests of sealed items.
const PAYER: usize = 3;

fn promise(told: &Value) -> SignedPromise {
    read_promise(&told.to_string()).unwrap().0
}

fn bundle(told: &Value) -> BundlePromise {
    let Statement::Bundle(bundle) = promise(told).statement else { panic!("{told}") };
    bundle
}

/// What asks for a bundle: the first envelope is that of the asker, whose account signs.
fn ask(items: &[&Value], own: &Envelope, signer: usize) -> Value {
    json!([items, signed(own, signer)[1]])
}

/// Envelopes that hold the two parts of a bundle, and one beside them, with what was answered for each.
async fn three(world: &World, key: &Key) -> ([Envelope; 3], [Value; 3]) {
    let [first, second] = parts(key.list.epoch()).map(|part| Item::Part(part).encode());
    let envelopes = [key.seal(&first, 1), key.seal(&second, 2), key.seal(&transfer(1, 0), 3)];
    let mut sent = Vec::new();
    for envelope in &envelopes {
        sent.push(send(world, envelope).await);
    }
    (envelopes, sent.try_into().unwrap())
}

async fn refused(world: &World, params: Value, name: &str) {
    let error = world.refused(A, "weft_promiseBundle", params).await;
    assert_eq!(error.code(), -38020, "{name}: {error:?}");
    assert!(error.message().starts_with(&format!("{name}: ")), "{name}: {error:?}");
}

#[tokio::test]
async fn p14_the_envelopes_of_a_bundle_are_promised_together_before_anybody_reads_them() {
    let world = start(sealing()).await;
    let url = world.node.rollups()[0].url.replacen("http", "ws", 1);
    let client = WsClientBuilder::new().build(url).await.unwrap();
    let params = rpc_params!["promises"];
    let mut feed =
        client.subscribe::<Value, _>("weft_subscribe", params, "weft_unsubscribe").await.unwrap();
    let key = key(&world).await;
    let ([own, ..], [first, second, _]) = three(&world, &key).await;
    let items = [&first["item"], &second["item"]];
    let told = world.rpc(B, "weft_promiseBundle", ask(&items, &own, PAYER)).await;
    let promised = bundle(&told);
    assert_eq!(promised.epoch, key.list.epoch());
    let named: Vec<_> = promised.places.iter().map(|place| json!(place.item)).collect();
    assert_eq!(named.iter().collect::<Vec<_>>(), items);
    for sent in [&first, &second] {
        let pair = Equivocation::new(promise(&told), promise(&sent["promise"]));
        assert_eq!(pair, Err(NoEvidence::Consistent));
    }
    let now = world.rpc(A, "weft_getOutcome", json!([first["item"]])).await;
    assert_eq!(now["outcome"], "sealed", "{now}");
    // It is on the feed before its envelopes run.
    loop {
        let heard = feed.next().await.unwrap().unwrap();
        match promise(&heard).statement {
            Statement::Bundle(_) => break assert_eq!(heard, told),
            Statement::Execution(ran) => assert!(!items.contains(&&json!(ran.item)), "{heard}"),
            _ => {}
        }
    }
    // Whoever asks again, in whatever order and whenever, gets the same.
    let turned = json!([[items[1], items[0]], Bytes::from([0x11; 64].to_vec())]);
    assert_eq!(world.refused(A, "weft_promiseBundle", turned).await.code(), -32602);
    let again = || ask(&[items[1], items[0]], &own, PAYER);
    assert_eq!(world.rpc(A, "weft_promiseBundle", again()).await, told);
    assert_eq!(outcome(&world, items[0]).await["outcome"], "included");
    assert_eq!(world.rpc(A, "weft_promiseBundle", again()).await, told);
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn p14_what_is_no_bundle_is_not_promised() {
    let world = start(sealing()).await;
    let key_of_first = key(&world).await;
    let ([own, other, _], [first, second, third]) = three(&world, &key_of_first).await;
    let [first, second, third] = [&first["item"], &second["item"], &third["item"]];
    let nobody = json!(B256::repeat_byte(1));
    refused(&world, ask(&[first], &own, PAYER), "BundleSize").await;
    refused(&world, ask(&[], &own, PAYER), "BundleSize").await;
    let many: Vec<_> = (0..65_u8).map(|at| json!(B256::repeat_byte(at))).collect();
    refused(&world, ask(&many.iter().collect::<Vec<_>>(), &own, PAYER), "BundleSize").await;
    refused(&world, ask(&[first, first], &own, PAYER), "Twice").await;
    refused(&world, ask(&[first, &nobody], &own, PAYER), "UnknownEnvelope").await;
    // A stranger, and a payer that asks with another envelope in front than its signature is for.
    refused(&world, ask(&[first, second], &own, PAYER + 1), "Signature").await;
    refused(&world, ask(&[second, first], &own, PAYER), "Signature").await;
    // Others than the first may ask as well, for any of them.
    world.rpc(A, "weft_promiseBundle", ask(&[second, third], &other, PAYER)).await;
    // What ran is promised with nothing that comes after.
    assert_eq!(outcome(&world, third).await["outcome"], "included");
    let late = key(&world).await;
    let last = send(&world, &late.seal(&transfer(2, 0), 4)).await;
    refused(&world, ask(&[&last["item"], first], &own, PAYER), "TwoEpochs").await;
    refused(&world, ask(&[first, second], &own, PAYER), "EpochClosed").await;
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn p14_an_envelope_asks_for_four_bundles() {
    let world = start(sealing()).await;
    let key = key(&world).await;
    let own = key.seal(&transfer(1, 0), 0);
    let first = send(&world, &own).await["item"].clone();
    for salt in 1..=5 {
        let sent = send(&world, &key.seal(b"junk", salt)).await;
        let params = ask(&[&first, &sent["item"]], &own, PAYER);
        match salt {
            1..=4 => drop(world.rpc(A, "weft_promiseBundle", params).await),
            _ => refused(&world, params, "AskedTooOften").await,
        }
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn p14_a_bundles_promise_outlives_the_process_that_signed_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let options = sealing().sealing.map(|options| SealingOptions { epoch_slots: 200, ..options });
    let durable =
        || DevConfig { data_dir: Some(dir.path().into()), sealing: options.clone(), ..sealing() };
    let world = start(durable()).await;
    // Early in an epoch, so that it is open after the restart too.
    until(async || {
        let epoch = world.rpc(A, "weft_getEpoch", json!([])).await;
        let slot = world.rpc(A, "weft_chains", json!([])).await["slot"].as_u64().unwrap();
        epoch["status"] == "open" && slot < epoch["firstSlot"].as_u64().unwrap() + 40
    })
    .await;
    let key = key(&world).await;
    let ([own, ..], sent) = three(&world, &key).await;
    let [first, second, third] = [0, 1, 2].map(|at| &sent[at]["item"]);
    let told = world.rpc(A, "weft_promiseBundle", ask(&[first, second], &own, PAYER)).await;
    world.node.stop().await.unwrap();
    let world = World::with(durable()).await;
    let again = world.rpc(A, "weft_promiseBundle", ask(&[second, first], &own, PAYER)).await;
    assert_eq!(again, told);
    // Nobody remembers the order promises now, so who asks for more brings them.
    refused(&world, ask(&[first, third], &own, PAYER), "NoPromise").await;
    let mut params = ask(&[first, third], &own, PAYER);
    let orders = [0, 2].map(|at| sent[at]["promise"]["encoding"].clone());
    params.as_array_mut().unwrap().push(json!(orders));
    let more = bundle(&world.rpc(A, "weft_promiseBundle", params).await);
    assert_eq!(json!(more.places[1].item), *third);
    // Those of other places are none.
    let mut params = ask(&[first, third, second], &own, PAYER);
    let mut moved = promise(&sent[1]["promise"]);
    let Statement::Order(order) = &mut moved.statement else { panic!() };
    order.position.index += 7;
    params.as_array_mut().unwrap().push(json!([Bytes::from(moved.encode())]));
    refused(&world, params, "OtherPlace").await;
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn p14_what_is_closed_or_of_two_epochs_is_not_promised_as_a_bundle() {
    let slow = std::time::Duration::from_secs(60);
    let silent =
        sealing().sealing.map(|options| SealingOptions { silent: 1, patience: slow, ..options });
    let world = start(DevConfig { sealing: silent, ..sealing() }).await;
    let before = key(&world).await;
    let own = before.seal(&transfer(1, 0), 1);
    let first = send(&world, &own).await["item"].clone();
    let second = send(&world, &before.seal(b"junk", 2)).await["item"].clone();
    until(async || {
        let epoch = world.rpc(A, "weft_getEpoch", json!([before.list.epoch()])).await;
        epoch["status"] == "closed"
    })
    .await;
    refused(&world, ask(&[&first, &second], &own, PAYER), "EpochClosed").await;
    let after = key(&world).await;
    let third = send(&world, &after.seal(b"junk", 3)).await["item"].clone();
    refused(&world, ask(&[&first, &third], &own, PAYER), "TwoEpochs").await;
    world.node.stop().await.unwrap();
}
