//! What auditors get beside promises: commitments to slots with openings, and notices of keys.

use crate::{
    batches::{derive, export},
    sealed::{key, sealing, send, start, transfer, until},
    world::{A, Draft, World, address, config},
};
use alloy_primitives::{Address, B256, Bytes};
use jsonrpsee::{core::client::SubscriptionClientT as _, rpc_params, ws_client::WsClientBuilder};
use serde_json::{Value, json};
use weft_batch::OrderCommitment;
use weft_commitment::{Element, Evaluation, KzgCommitment, Opening, SignedCommitment};
use weft_evidence::{EpochNotice, Signed};
use weft_node::{DevConfig, VerifyBatchesError};
use weft_types::{Decode as _, Domain, Section, SignedPromise, Statement};

fn bytes(value: &Value) -> Bytes {
    serde_json::from_value(value.clone()).unwrap()
}

async fn sequencer(world: &World) -> Address {
    let told = world.rpc(A, "weft_getPromiseKey", json!([])).await;
    serde_json::from_value(told["key"].clone()).unwrap()
}

/// Waits for the commitment to a slot; it must be signed by the sequencer.
async fn commitment(world: &World, slot: u64) -> SignedCommitment {
    let mut told = Value::Null;
    until(async || {
        told = world.rpc(A, "weft_getSlotCommitment", json!([slot])).await;
        !told.is_null()
    })
    .await;
    let signed = SignedCommitment::decode(&bytes(&told["encoding"])).unwrap();
    assert_eq!(signed.signer(&Domain::dev()), Some(sequencer(world).await));
    assert_eq!(told["root"], json!(signed.commitment.root()));
    signed
}

async fn opening(world: &World, slot: u64, section: &str, index: u32) -> (Opening, Value) {
    let told = world.rpc(A, "weft_getOrderOpening", json!([slot, section, index, "kzg"])).await;
    (Opening::decode(&bytes(&told["encoding"])).unwrap(), told)
}

fn order(promise: &Value) -> weft_types::OrderPromise {
    let signed = SignedPromise::decode(&bytes(&promise["encoding"])).unwrap();
    let Statement::Order(order) = signed.statement else { panic!("{promise}") };
    order
}

#[tokio::test]
async fn p15_a_slot_with_items_is_committed_to_and_opens_to_what_was_promised() {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let durable =
        || DevConfig { commits: true, data_dir: Some(data.clone()), keep_log: true, ..config() };
    let world = World::with(durable()).await;
    let url = world.node.rollups()[0].url.replacen("http", "ws", 1);
    let client = WsClientBuilder::default().build(&url).await.unwrap();
    let mut feed = client
        .subscribe::<Value, _>("weft_subscribe", rpc_params!["notices"], "weft_unsubscribe")
        .await
        .unwrap();
    let mut promised = Vec::new();
    for nonce in 0..3 {
        let hash = world.send(&Draft::new(A, 1, nonce).pay(address(9), 7)).await;
        let told = world.rpc(A, "weft_getPromise", json!([hash])).await;
        promised.push(order(&told["order"]));
    }
    for order in &promised {
        let (slot, index) = (order.position.slot.get(), order.position.index);
        let signed = commitment(&world, slot).await;
        let (opened, told) = opening(&world, slot, "plaintext", index).await;
        assert!(signed.commitment.opens(&Domain::dev(), Section::Plaintext, index, &opened));
        assert_eq!(opened.element, Element::of(&order.chain));
        let proof = serde_json::from_value(told["evaluation"]["proof"].clone()).unwrap();
        let evaluation = Evaluation { index, element: opened.element, proof };
        assert!(weft_commitment::kzg::verify(&signed.commitment.kzg()[0], &evaluation));
        let behind = json!([slot, "plaintext", signed.commitment.counts().total()]);
        let behind = world.rpc(A, "weft_getOrderOpening", behind).await;
        assert_eq!(behind["element"], Value::Null);
    }
    let heard = feed.next().await.unwrap().unwrap();
    assert_eq!(heard["kind"], "slotCommitment", "{heard}");
    let first = promised[0].position.slot.get();
    assert_eq!(heard["slot"], first);
    // Nothing is said about a slot without items, or one that is open.
    let none = world.rpc(A, "weft_getSlotCommitment", json!([first + 1_000])).await;
    assert_eq!(none, Value::Null);
    for params in [json!([first, "l1", 0]), json!([first, "plaintext", 0, "x"]), json!([first])] {
        assert_eq!(world.refused(A, "weft_getOrderOpening", params).await.code(), -32602);
    }
    let before = world.rpc(A, "weft_getOrderOpening", json!([first, "plaintext", 0])).await;
    drop((feed, client));
    world.node.stop().await.unwrap();
    // The same after a start, from the database; batches carry what was signed.
    let world = World::with(durable()).await;
    let after = world.rpc(A, "weft_getOrderOpening", json!([first, "plaintext", 0])).await;
    assert_eq!(after, before);
    let signed = commitment(&world, first).await;
    world.node.stop().await.unwrap();
    export(&data, &batches);
    let dir = weft_node::BatchDir::open(&batches);
    let first_batch = dir.batch(1).unwrap().unwrap();
    let slots = first_batch.batch.slots.iter();
    let orders: Vec<_> = slots.filter_map(|slot| slot.order.clone()).collect();
    assert_eq!(orders[0].root, signed.commitment.root());
    assert_eq!(orders[0].kzg, signed.commitment.kzg());
    derive(&batches).unwrap();
}

#[tokio::test]
async fn p47_the_key_of_an_epoch_is_said_once_and_signed() {
    let dir = tempfile::tempdir().unwrap();
    let durable = || DevConfig { commits: true, data_dir: Some(dir.path().into()), ..sealing() };
    let world = start(durable()).await;
    let key = key(&world).await;
    let sent = send(&world, &key.seal(&transfer(1, 0), 1)).await;
    let order = order(&sent["promise"]);
    let slot = order.position.slot.get();
    let signed = commitment(&world, slot).await;
    let (opened, _) = opening(&world, slot, "sealed", 0).await;
    assert_eq!(opened.element, Element::of(&order.chain));
    assert!(signed.commitment.opens(&Domain::dev(), Section::Sealed, 0, &opened));
    let notice = notice(&world, key.list.epoch()).await;
    let expected =
        EpochNotice { epoch: key.list.epoch(), list: key.list.id(), key: *key.list.key() };
    assert_eq!(notice.notice, expected);
    assert_eq!(notice.signer(&Domain::dev()), Some(sequencer(&world).await));
    assert_eq!(world.rpc(A, "weft_getEpochNotice", json!([9_999])).await, Value::Null);
    world.node.stop().await.unwrap();
    let world = World::with(durable()).await;
    assert_eq!(self::notice(&world, key.list.epoch()).await, notice);
    world.node.stop().await.unwrap();
}

async fn notice(world: &World, epoch: u64) -> Signed<EpochNotice> {
    let mut told = Value::Null;
    until(async || {
        told = world.rpc(A, "weft_getEpochNotice", json!([epoch])).await;
        !told.is_null()
    })
    .await;
    Signed::decode(&bytes(&told["encoding"])).unwrap()
}

#[tokio::test]
async fn p15_a_batch_whose_commitment_is_to_another_order_is_a_lie() {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let world =
        World::with(DevConfig { data_dir: Some(data.clone()), keep_log: true, ..config() }).await;
    world.send(&Draft::new(A, 1, 0).pay(address(9), 7)).await;
    world.node.stop().await.unwrap();
    export(&data, &batches);
    let dir = weft_node::BatchDir::open(&batches);
    let lies: [fn(&mut OrderCommitment); 2] = [
        |order| order.root = B256::repeat_byte(1),
        |order| order.kzg[0] = KzgCommitment::repeat_byte(0xc0),
    ];
    for lie in lies {
        let mut signed = dir.batch(1).unwrap().unwrap();
        let slots = signed.batch.slots.iter_mut();
        slots.filter_map(|slot| slot.order.as_mut()).for_each(lie);
        let hash = signed.batch.hash(&Domain::dev());
        let mut signer = weft_node::development_sequencer();
        signed.signature = weft_promise::Signer::sign(&mut signer, hash).unwrap();
        let mut verifier = weft_node::Verifier::new(dir.realm().unwrap()).unwrap();
        let legs = weft_node::recover(&signed);
        let lie = verifier.apply(&signed, legs, &mut |_| ()).unwrap_err();
        assert!(matches!(*lie.kind, weft_derive::LieKind::Commitment(_)), "{lie}");
        let _ = VerifyBatchesError::from(lie);
    }
}
