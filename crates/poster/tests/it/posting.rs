//! Posting: ends at every point, fees that rise, posters beside each other, reorgs.

use crate::{
    sequencer::{A, B, Draft, key},
    world::{World, funded},
};
use alloy_primitives::keccak256;
use serde_json::json;
use weft_poster::{Fees, Limits, PostError, Poster, Step, Turn};

const GWEI: u128 = 1_000_000_000;

fn work(world: &mut World, nonce: u64) {
    world.sequencer.submit(&Draft::pay(A, 0, nonce, 5).item());
    world.sequencer.submit(&Draft::pay(B, 0, nonce, 5).item());
    world.batch();
}

#[tokio::test]
async fn p52_a_poster_that_ends_anywhere_posts_once() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let before = world.anvil.nonce(funded(1).address()).await;
    for (nonce, step) in [Step::BeforeNote, Step::Noted, Step::Sent].into_iter().enumerate() {
        work(&mut world, nonce as u64);
        for _ in 0..2 {
            let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
            poster.plant(step);
            match poster.turn().await {
                Err(PostError::Planted(ended)) => assert_eq!(ended, step),
                // What L1 has already is not sent again; a busy machine may take long to answer.
                Ok(Turn::Waiting { .. }) | Err(PostError::L1(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
        world.post_all(&mut poster).await;
    }
    assert_eq!(world.postings().await, [1, 1, 1]);
    assert_eq!(world.anvil.nonce(funded(1).address()).await - before, 3, "nothing was sent twice");
    let posted = world.l1().await.batch(3).await.unwrap().unwrap();
    assert_eq!(posted.header.content, keccak256(world.batches.all()[2].encode()));
    assert_eq!(posted.header.rollups, 0b11);
}

#[tokio::test]
async fn p52_proofs_of_blobs_are_made_where_l1_wants_them() {
    let mut world = World::new("prague").await;
    let dir = tempfile::tempdir().unwrap();
    work(&mut world, 0);
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    world.post_all(&mut poster).await;
    assert_eq!(world.postings().await, [1]);
}

#[tokio::test]
async fn p52_fees_rise_to_the_ceiling_and_no_further() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    work(&mut world, 0);
    let most = Fees { max_fee: 30 * GWEI, tip: 8 * GWEI, blob_fee: 100 * GWEI };
    let limits = Limits { most, patience: 2, ..Limits::default() };
    let mut poster = world.poster(dir.path(), 1, limits).await;
    let Turn::Sent { fees: first, attempts: 1, .. } = world.turn(&mut poster).await else {
        panic!()
    };
    let mut sent = vec![first];
    let mut was_dear = false;
    // What L1 asks for rises over every attempt, and in the end over the ceiling.
    for gwei in [4, 4, 12, 12, 28, 28, 28, 28] {
        let wei = format!("{:#x}", gwei * GWEI);
        world.anvil.ask("anvil_setNextBlockBaseFeePerGas", json!([wei])).await;
        world.anvil.mine(1).await;
        match world.turn(&mut poster).await {
            Turn::Sent { fees, .. } => sent.push(fees),
            Turn::Waiting { .. } => {}
            Turn::Dear { .. } => was_dear = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(was_dear && sent.len() > 1, "{sent:?}");
    for pair in sent.windows(2) {
        assert!(pair[1].max_fee >= 2 * pair[0].max_fee && pair[1].blob_fee >= 2 * pair[0].blob_fee);
        assert!(pair[1].tip >= 2 * pair[0].tip);
    }
    let last = sent.last().unwrap();
    assert!(last.max_fee <= most.max_fee && last.tip <= most.tip, "{last:?}");
    assert_eq!(world.postings().await, [0]);
    world.anvil.ask("anvil_setNextBlockBaseFeePerGas", json!(["0x3b9aca00"])).await;
    world.anvil.mine(1).await;
    world.post_all(&mut poster).await;
    assert_eq!(world.postings().await, [1]);
}

#[tokio::test]
async fn p52_posters_beside_each_other_harm_nobody() {
    let mut world = World::new("osaka").await;
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut one = world.poster(dirs[0].path(), 1, Limits::default()).await;
    let mut other = world.poster(dirs[1].path(), 2, Limits::default()).await;
    for nonce in 0..3 {
        work(&mut world, nonce);
    }
    for turn in 0..40 {
        let both = (world.turn(&mut one).await, world.turn(&mut other).await);
        if let (Turn::Idle { .. }, Turn::Idle { .. }) = both {
            break;
        }
        assert!(turn < 39, "{both:?}");
        world.anvil.mine(1).await;
    }
    assert_eq!(world.postings().await, [1, 1, 1]);
}

#[tokio::test]
async fn p48_what_a_reorg_takes_is_posted_again_and_signed_again_when_its_origin_is_gone() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    for depth in [4, 1] {
        let number = world.batches.all().len() as u64 + 1;
        work(&mut world, number - 1);
        let snapshot = world.anvil.ask("evm_snapshot", json!([])).await;
        world.anvil.mine(2).await;
        let limits = Limits { origin_depth: depth, ..Limits::default() };
        let mut poster = world.poster(dir.path(), 1, limits).await;
        world.post_all(&mut poster).await;
        let before = world.l1().await.batch(number).await.unwrap().unwrap();
        world.anvil.ask("evm_revert", json!([snapshot])).await;
        // Other blocks than before.
        world.anvil.ask("evm_increaseTime", json!([77])).await;
        world.anvil.mine(4).await;
        assert_eq!(world.l1().await.posted().await.unwrap().number, number - 1);
        drop(poster);
        let mut poster = world.poster(dir.path(), 1, limits).await;
        world.post_all(&mut poster).await;
        let after = world.l1().await.batch(number).await.unwrap().unwrap();
        let is_same = before.header.l1Hash == after.header.l1Hash;
        assert_eq!(
            is_same,
            depth == 4,
            "an origin that is gone is signed again, another one stands"
        );
        assert_eq!(before.header.content, after.header.content);
    }
}

#[tokio::test]
async fn p52_another_batch_of_the_same_number_is_named() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    work(&mut world, 0);
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    world.post_all(&mut poster).await;
    drop(poster);
    let (mut other, batches) = (world.batches.all().remove(0), crate::world::Batches::default());
    other.batch.slots[0].unix_ms += 1;
    batches.push(other);
    world.batches = batches;
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    let error = poster.turn().await.unwrap_err();
    assert!(matches!(error, PostError::PostedOtherwise { number: 1, .. }), "{error}");
}

#[tokio::test]
async fn p52_a_posting_that_the_hub_refuses_spends_no_nonce_and_nothing_is_noted() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    work(&mut world, 0);
    let state = async |world: &World| {
        let account = funded(1).address();
        let nonce = world.anvil.ask("eth_getTransactionCount", json!([account, "pending"])).await;
        (nonce, world.anvil.ask("eth_getBalance", json!([account, "latest"])).await)
    };
    let before = state(&world).await;
    let mut poster = world.poster_of(&key(8), dir.path(), 1, Limits::default()).await;
    let error = poster.turn().await.unwrap_err();
    assert!(
        matches!(&error, PostError::Refused(why) if why.contains("NotTheSequencer")),
        "{error}"
    );
    world.anvil.mine(1).await;
    assert_eq!(state(&world).await, before, "nothing was sent");
    let nonce = world.anvil.nonce(funded(1).address()).await;
    assert!(poster.journal().at(nonce).is_none(), "nothing is in the way of the next one");
    drop(poster);
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    world.post_all(&mut poster).await;
    assert_eq!(world.postings().await, [1]);
    assert_eq!(world.anvil.nonce(funded(1).address()).await, nonce + 1);
}

#[tokio::test]
async fn p52_a_poster_that_ends_while_it_offers_more_posts_once() {
    let mut world = World::new("osaka").await;
    let before = world.anvil.nonce(funded(1).address()).await;
    let limits = Limits { patience: 2, ..Limits::default() };
    for (done, step) in [Step::BeforeNote, Step::Noted, Step::Sent].into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        work(&mut world, done as u64);
        let mut poster = world.poster(dir.path(), 1, limits).await;
        world.turn(&mut poster).await;
        let nonce = world.anvil.nonce(funded(1).address()).await;
        let attempts = |poster: &Poster| poster.journal().at(nonce).unwrap().attempts.clone();
        let first = attempts(&poster)[0];
        // Blocks that are too dear for the first attempt.
        for _ in 0..limits.patience {
            let dear = format!("{:#x}", first.fees.max_fee + 1);
            world.anvil.ask("anvil_setNextBlockBaseFeePerGas", json!([dear])).await;
            world.anvil.mine(1).await;
        }
        poster.plant(step);
        loop {
            match poster.turn().await {
                Err(PostError::Planted(ended)) => break assert_eq!(ended, step),
                // A busy machine may take long to answer, also when it has the second attempt.
                Err(PostError::L1(_)) => {}
                Ok(Turn::Waiting { .. }) if step == Step::Sent => break,
                other => panic!("{step:?}: {other:?}"),
            }
        }
        drop(poster);
        let mut poster = world.poster(dir.path(), 1, limits).await;
        let noted = if step == Step::BeforeNote { 1 } else { 2 };
        assert_eq!(attempts(&poster).len(), noted, "{step:?}");
        // The second attempt goes out, or again; no third one is made of it.
        world.turn(&mut poster).await;
        assert_eq!((attempts(&poster).len(), attempts(&poster)[0]), (2, first), "{step:?}");
        let last = attempts(&poster)[1].hash;
        world.post_all(&mut poster).await;
        let receipt = world.anvil.ask("eth_getTransactionReceipt", json!([last])).await;
        assert_eq!(receipt["status"], "0x1", "{step:?}: the dearer one is in a block: {receipt}");
    }
    assert_eq!(world.postings().await, [1, 1, 1]);
    assert_eq!(world.anvil.nonce(funded(1).address()).await - before, 3, "one nonce each");
}
