//! What attesters go on over, and what stops them: false removals, inbox-only batches, an L1 that goes back.

use crate::{
    sequencer::{A, B, Draft, Sequencer, address},
    settling::{derived, instead, recover, signer},
    world::{PROGRAM, World, funded, payload_of},
};
use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use serde_json::json;
use weft_batch::{Batch, ClaimedRemoval};
use weft_contracts::{Hub, Inbox};
use weft_l1::ClientBlobs;
use weft_poster::{Attester, Limits, Settler};
use weft_types::{RemovalCause, Section};

/// Blocks of silence after which anybody posts: more than `silence_window` of the world.
const SILENCE: u64 = 2_001;

#[tokio::test]
async fn t5_a_false_removal_of_any_cause_is_attested_by_nobody() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    world.sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
    // It has a gap before its nonce.
    world.sequencer.submit(&Draft::pay(B, 2, 7, 5).item());
    let honest = world.batch();
    world.post_all(&mut poster).await;
    let history = world.history().await;
    let refused = |change: &dyn Fn(&mut Batch), place: &str, why: &str| {
        let mut batch = honest.batch.clone();
        change(&mut batch);
        let batch = world.signed(batch);
        let mut attester = Attester::new(instead(&world, &history, &batch)).unwrap();
        let said = attester.take(&payload_of(&batch), recover).unwrap_err().to_string();
        assert!(said.contains(place) && said.contains(why), "{place}, {why}: {said}");
        attester.attest(1, PROGRAM, &mut signer(0)).unwrap_err();
    };
    for cause in RemovalCause::ALL {
        let removal = ClaimedRemoval { section: Section::Plaintext, index: 0, cause };
        refused(
            &|batch| batch.slots[0].removals.insert(0, removal),
            "batch 1, position 1.2.0",
            &format!("false removal: said to be removed as {cause:?}, is included"),
        );
        if cause != RemovalCause::Invalid {
            refused(
                &|batch| batch.slots[0].removals[0].cause = cause,
                "batch 1, position 1.2.1, rollup 902",
                &format!("said to be removed as {cause:?}, is removed as Invalid: nonce"),
            );
        }
    }
    refused(
        &|batch| batch.slots[0].removals.clear(),
        "batch 1, position 1.2.1, rollup 902",
        "said to be included, is removed as Invalid",
    );
    // What the sequencer did post is attested.
    let attester = derived(&world).await;
    assert_eq!(attester.attest(1, PROGRAM, &mut signer(0)).unwrap().last_batch, 1);
}

async fn deposit(world: &World, wei: u64) {
    let to = address(5);
    let call = Inbox::depositCall { network: B.get(), to, gas: 100_000, data: Bytes::new() };
    let (from, data) = (funded(0).address(), call.abi_encode().into());
    world.anvil.send(from, Some(world.to.inbox), U256::from(wei), data).await;
}

/// Anybody posts what waits in the inbox, because nobody else posted anything; returns the block's time.
async fn post_forced(world: &World, cursor: u64) -> u64 {
    let from = funded(2).address();
    let data = Hub::postForcedCall { inboxCursor: cursor }.abi_encode().into();
    world.anvil.send(from, Some(world.to.hub), U256::ZERO, data).await;
    let last = world.anvil.ask("eth_getBlockByNumber", json!(["latest", false])).await;
    u64::from_str_radix(&last["timestamp"].as_str().unwrap()[2..], 16).unwrap()
}

async fn settle(world: &World, attester: &Attester, last: u64) {
    let l1 = world.l1().await;
    let settler = Settler::new(l1, world.domain, funded(2), world.policy).await.unwrap();
    let said: Vec<_> =
        [0, 1, 2].map(|it| attester.attest(last, PROGRAM, &mut signer(it)).unwrap()).into();
    let statement = attester.statement(last, PROGRAM).unwrap();
    settler.settle(&statement, &said).await.unwrap();
    world.anvil.mine(1).await;
    assert_eq!(world.l1().await.settled().await.unwrap(), last);
}

#[tokio::test]
async fn p46_an_attester_goes_on_over_a_silence() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    let pay = |nonce| Draft::pay(A, 0, nonce, 5).item();
    world.sequencer.submit(&pay(0));
    let first = world.batch();
    world.post_all(&mut poster).await;
    let mut attester = derived(&world).await;
    settle(&world, &attester, 1).await;

    // Two batches of what waits in the inbox; nothing was settled of the first when the second came.
    deposit(&world, 300).await;
    world.anvil.ask("anvil_mine", json!([format!("{SILENCE:#x}")])).await;
    let at = post_forced(&world, 1).await;
    attester.renew(world.history().await).unwrap();
    assert_eq!(attester.next(), Some((2, true)));
    attester.take_forced().unwrap();
    assert_eq!((attester.next(), attester.ledger().span().1), (None, 2));

    // The sequencer is back, and made of the entries what everybody did.
    let mut sequencer = Sequencer::with(world.sequencer.config.clone());
    sequencer.submit(&pay(0));
    sequencer.close_after(at * 1000 - sequencer.now_ms());
    assert_eq!(sequencer.batch().batch.hash(&world.domain), first.batch.hash(&world.domain));
    let history = world.history().await;
    sequencer.inbox = history.inbox().unwrap();
    sequencer.take_inbox(1);
    sequencer.close();
    drop(sequencer.batch());
    world.batches.push_forced(history.batches[1].hash);
    sequencer.submit(&pay(1));
    sequencer.close();
    let mut third = sequencer.batch().batch;
    // It knows the hash of the batch on L1 in the place of its own.
    third.parent = history.batches[1].hash;
    let third = world.signed(third);
    world.batches.push(third.clone());
    world.post_all(&mut poster).await;
    attester.renew(world.history().await).unwrap();
    assert_eq!(attester.next(), Some((3, false)));
    attester.take(&payload_of(&third), recover).unwrap();
    attester.follow_settlement();
    assert_eq!((attester.reach(), attester.ledger().span()), (Some(3), (1, 3)));
    // One statement over both: of the rollup with the deposit too, which no signed batch names.
    let statement = attester.statement(3, PROGRAM).unwrap();
    assert_eq!((statement.first_batch, statement.transitions.len()), (2, 2));
    // Another attester that begins now says the same.
    let mut fresh = Attester::new(world.history().await).unwrap();
    fresh.take(&payload_of(&first), recover).unwrap();
    fresh.take_forced().unwrap();
    fresh.take(&payload_of(&third), recover).unwrap();
    fresh.follow_settlement();
    assert_eq!(fresh.statement(3, PROGRAM).unwrap(), statement);
    settle(&world, &attester, 3).await;
}

#[tokio::test]
async fn p46_a_batch_that_skips_an_entry_beyond_its_window_is_named_from_l1_alone() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    deposit(&world, 300).await;
    world.sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
    // Whatever time L1 gave to the entry, an hour is more than the window.
    world.sequencer.close_after(3_600_000);
    world.sequencer.submit(&Draft::pay(A, 0, 1, 5).item());
    world.batch();
    // The hub counts L1 blocks, of which few went by.
    world.post_all(&mut poster).await;
    let blobs = ClientBlobs(world.client().await);
    let mut attester = Attester::new(world.history().await).unwrap();
    let said = attester.take_from(&blobs, recover).await.unwrap_err().to_string();
    let rest = said.strip_prefix("not attested: batch 1, slot 2: skipped inbox entry 0: ");
    let age = rest.and_then(|rest| rest.strip_suffix(" ms old, the window is 10000 ms"));
    let age: u64 = age.unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    assert!((10_001..=3_610_000).contains(&age), "{said}");
    attester.attest(1, PROGRAM, &mut signer(0)).unwrap_err();
}

#[tokio::test]
async fn p48_an_attester_does_not_go_on_over_batches_that_are_gone() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    for nonce in 0..2 {
        world.sequencer.submit(&Draft::pay(A, 0, nonce, 5).item());
        world.batch();
        world.post_all(&mut poster).await;
    }
    let whole = world.history().await;
    let mut attester = derived(&world).await;
    let refused = |attester: &mut Attester, history| {
        let why = attester.renew(history).unwrap_err().to_string();
        assert!(why.contains("the 2 batches so far"), "{why}");
    };
    // L1 has the first one only; and then another one in the place of the second.
    let mut less = whole.clone();
    less.batches.pop();
    refused(&mut attester, less);
    let mut other = whole.clone();
    other.batches[1].hash = B256::repeat_byte(1);
    refused(&mut attester, other);
    // Who did not derive them yet goes on, and what was known stands.
    attester.renew(whole.clone()).unwrap();
    assert_eq!(attester.reach(), Some(2));
    let mut behind = whole.clone();
    behind.batches.truncate(1);
    let mut slow = Attester::new(behind).unwrap();
    slow.take(&payload_of(&world.batches.all()[0]), recover).unwrap();
    slow.renew(whole.clone()).unwrap();
    slow.take(&payload_of(&world.batches.all()[1]), recover).unwrap();
    assert_eq!(slow.statement(2, PROGRAM).unwrap(), attester.statement(2, PROGRAM).unwrap());
    // A settlement that L1 took back is not there for who comes new either: spans begin behind what is settled.
    settle(&world, &attester, 2).await;
    let settled = world.history().await;
    assert!(!attester.is_ahead_of(&settled));
    attester.renew(settled.clone()).unwrap();
    attester.follow_settlement();
    assert!(!attester.is_ahead_of(&settled) && attester.is_ahead_of(&whole));
    // An inbox that was made up is named, whatever was derived of it before.
    deposit(&world, 7).await;
    let mut made_up = world.history().await;
    made_up.entries[0].payload = Bytes::from_static(b"made up");
    let why = attester.renew(made_up).unwrap_err().to_string();
    assert!(why.contains("inbox up to entry 0"), "{why}");
}
