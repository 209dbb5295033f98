//! Endpoints that are slow, lie, disagree, or refuse.

use crate::fake::{CONTRACTS, Fake, Fault};
use std::time::Duration;
use weft_l1::{
    EndpointError, Follower, Following, Happening, L1Client, L1Error, L1Patience, Lie, MAX_REORG,
    Step,
};

pub(crate) fn patience() -> L1Patience {
    L1Patience {
        request: Duration::from_secs(20),
        backoff: Duration::from_millis(1),
        attempts: 4,
        poll: Duration::from_millis(2),
        grace: Duration::from_millis(50),
        stall: Duration::from_secs(60),
    }
}

async fn client_with(fakes: &[&Fake], patience: L1Patience) -> L1Client {
    let urls: Vec<_> = fakes.iter().map(|fake| fake.url.clone()).collect();
    L1Client::connect(&urls, patience).await.unwrap()
}

async fn client(fakes: &[&Fake]) -> L1Client {
    client_with(fakes, patience()).await
}

fn follow(client: L1Client, from: u64) -> Follower {
    Follower::new(client, Following { contracts: CONTRACTS, from, confirmations: 0 })
}

/// Takes steps up to the block with this number; returns the numbers of blocks and entries.
async fn forward_to(follower: &mut Follower, number: u64) -> (Vec<u64>, Vec<u64>) {
    let (mut blocks, mut entries) = (Vec::new(), Vec::new());
    while blocks.last() != Some(&number) {
        match follower.next().await.unwrap() {
            Step::Forward { block, happenings } => {
                blocks.push(block.number);
                entries.extend(happenings.iter().map(index_of));
            }
            Step::Safe(_) | Step::Finalized(_) => {}
            back @ Step::Back { .. } => panic!("unexpected {back:?}"),
        }
    }
    (blocks, entries)
}

fn index_of(happening: &Happening) -> u64 {
    match happening {
        Happening::Entry(entry) => entry.index,
        other => panic!("unexpected {other:?}"),
    }
}

async fn lie_of(fault: Fault) -> Lie {
    let fake = Fake::start().await;
    fake.script().mine(0, &[0]);
    let mut follower = follow(client(&[&fake]).await, 0);
    fake.fault(fault);
    let error = loop {
        match follower.next().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    match error {
        L1Error::TooFew { mut failures, .. } => match failures.remove(0).1 {
            EndpointError::Lie(lie) => lie,
            other => panic!("no lie: {other:?}"),
        },
        other => panic!("no lie: {other:?}"),
    }
}

#[tokio::test]
async fn every_block_is_told_once_with_what_happened_in_it() {
    let fake = Fake::start().await;
    fake.script().mine(0, &[0, 1]);
    fake.script().mine_to(3);
    fake.script().mine(0, &[2]);
    let mut follower = follow(client(&[&fake]).await, 0);
    assert_eq!(forward_to(&mut follower, 4).await, (vec![0, 1, 2, 3, 4], vec![0, 1, 2]));
    // Blocks whose bloom names no contract of ours are not asked for receipts.
    assert_eq!(fake.script().asked["eth_getBlockReceipts"], 2);
}

#[tokio::test]
async fn an_entry_is_named_by_its_block_and_the_number_of_its_log() {
    let fake = Fake::start().await;
    fake.script().mine(0, &[5, 6]);
    let mut follower = follow(client(&[&fake]).await, 1);
    let Step::Forward { block, happenings } = follower.next().await.unwrap() else { panic!() };
    let Happening::Entry(second) = &happenings[1] else { panic!() };
    assert_eq!((second.index, second.origin.log_index), (6, 1));
    assert_eq!(second.origin.block_hash, block.hash);
    assert_eq!(second.payload.as_ref(), 6_u64.to_be_bytes());
}

#[tokio::test]
async fn requests_that_come_too_fast_are_sent_again() {
    for fault in [Fault::Busy(3), Fault::Limited(3)] {
        let fake = Fake::start().await;
        fake.script().mine(0, &[0]);
        let mut follower = follow(client(&[&fake]).await, 0);
        fake.fault(fault);
        assert_eq!(forward_to(&mut follower, 1).await.1, [0]);
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_for_ever_is_named() {
    let fake = Fake::start().await;
    let mut follower = follow(client(&[&fake]).await, 0);
    fake.fault(Fault::Limited(u32::MAX));
    let L1Error::TooFew { answered: 0, needed: 1, failures } = follower.next().await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(failures, [(fake.url.clone(), EndpointError::Limited(4))]);
    // It goes on where it was.
    fake.fault(None);
    assert_eq!(forward_to(&mut follower, 0).await.0, [0]);
}

#[tokio::test]
async fn a_silent_endpoint_is_named_and_does_without_it_when_others_answer() {
    let [silent, one, two] = [Fake::start().await, Fake::start().await, Fake::start().await];
    [&silent, &one, &two].iter().for_each(|fake| fake.script().mine(0, &[0]));
    let short = L1Patience { request: Duration::from_millis(500), ..patience() };
    let alone = client_with(&[&silent], short).await;
    let among = client_with(&[&silent, &one, &two], short).await;
    silent.fault(Fault::Silent);
    let error = follow(alone, 0).next().await.unwrap_err();
    let L1Error::TooFew { failures, .. } = error else { panic!("{error:?}") };
    assert_eq!(failures[0].1, EndpointError::Timeout(short.request));
    assert_eq!(forward_to(&mut follow(among, 0), 1).await.1, [0]);
}

#[tokio::test]
async fn a_chain_that_does_not_grow_is_named() {
    let fake = Fake::start().await;
    fake.script().mine(0, &[]);
    let stall = Duration::from_millis(100);
    let client = client_with(&[&fake], L1Patience { stall, ..patience() }).await;
    let mut follower = follow(client, 1);
    forward_to(&mut follower, 1).await;
    let error = follower.next().await.unwrap_err();
    assert!(matches!(error, L1Error::Stalled { head: 1, after } if after >= stall), "{error:?}");
    fake.script().mine(0, &[0]);
    assert_eq!(forward_to(&mut follower, 2).await.1, [0]);
}

#[tokio::test]
async fn what_hashes_contradict_is_refused() {
    assert!(matches!(lie_of(Fault::Hash).await, Lie::Header { .. }));
    assert!(matches!(lie_of(Fault::LessReceipts).await, Lie::Receipts { number: 1, .. }));
    assert!(matches!(lie_of(Fault::MoreLogs).await, Lie::Receipts { number: 1, .. }));
    assert!(matches!(lie_of(Fault::OtherBlock).await, Lie::OtherBlock { asked: 1, number: 0 }));
    assert!(matches!(lie_of(Fault::Nonsense).await, Lie::Answer { .. }));
}

#[tokio::test]
async fn a_liar_among_honest_endpoints_changes_nothing() {
    for fault in [Fault::Hash, Fault::LessReceipts, Fault::MoreLogs, Fault::OtherBlock] {
        let (liar, honest) = (Fake::start().await, Fake::start().await);
        [&liar, &honest].iter().for_each(|fake| fake.script().mine(0, &[0, 1]));
        let mut follower = follow(client(&[&liar, &honest]).await, 0);
        liar.fault(fault);
        assert_eq!(forward_to(&mut follower, 1).await.1, [0, 1], "{fault:?}");
    }
}

#[tokio::test]
async fn endpoints_that_keep_contradicting_each_other_are_named() {
    let [one, two, three] = [Fake::start().await, Fake::start().await, Fake::start().await];
    one.script().mine(1, &[0]);
    two.script().mine(1, &[0]);
    three.script().mine(2, &[1]);
    let mut follower = follow(client(&[&one, &two, &three]).await, 1);
    // A majority is no proof.
    let error = follower.next().await.unwrap_err();
    let L1Error::Disagreement { number: 1, answers } = error else { panic!("{error:?}") };
    let hash = |fake: &Fake| (fake.url.clone(), fake.script().hash_of(1));
    assert_eq!(answers, [hash(&one), hash(&two), hash(&three)]);
    // They come to agree.
    three.script().reorg(1, 1, &[0]);
    assert_eq!(forward_to(&mut follower, 1).await.1, [0]);
}

#[tokio::test]
async fn endpoints_of_two_chains_are_refused() {
    let (one, two) = (Fake::start().await, Fake::start().await);
    two.script().chain_id = 901;
    let urls = [one.url.clone(), two.url.clone()];
    let error = L1Client::connect(&urls, patience()).await.unwrap_err();
    assert_eq!(error, L1Error::Chains(vec![(one.url.clone(), 900), (two.url.clone(), 901)]));
    let none = L1Client::connect(&[], patience()).await.unwrap_err();
    assert_eq!(none, L1Error::NoEndpoint);
}

#[tokio::test]
async fn an_endpoint_that_is_behind_holds_nobody_up() {
    let (ahead, behind) = (Fake::start().await, Fake::start().await);
    ahead.script().mine(0, &[0]);
    let mut follower = follow(client(&[&ahead, &behind]).await, 0);
    assert_eq!(forward_to(&mut follower, 1).await.1, [0]);
}

#[tokio::test]
async fn reorgs_are_followed_back_and_forth() {
    for depth in [1, 7, 64] {
        let fake = Fake::start().await;
        fake.script().mine_to(99);
        fake.script().mine(0, &[0]);
        let mut follower = follow(client(&[&fake]).await, 1);
        assert_eq!(forward_to(&mut follower, 100).await.1, [0]);
        fake.script().reorg(depth, 1, &[7]);
        let parted = 100 - depth as u64;
        let step = follower.next().await.unwrap();
        let Step::Back { to } = step else { panic!("{depth}: {step:?}") };
        assert_eq!((to.number, to.hash), (parted, fake.script().hash_of(parted)));
        let (blocks, entries) = forward_to(&mut follower, 100).await;
        assert_eq!((blocks.len(), entries), (depth, vec![7]));
    }
}

#[tokio::test]
async fn a_reorg_to_a_longer_chain_is_seen_by_its_parents() {
    let fake = Fake::start().await;
    fake.script().mine_to(20);
    let mut follower = follow(client(&[&fake]).await, 1);
    forward_to(&mut follower, 20).await;
    fake.script().reorg(3, 1, &[1]);
    fake.script().mine(1, &[2]);
    assert!(matches!(follower.next().await.unwrap(), Step::Back { to } if to.number == 17));
    assert_eq!(forward_to(&mut follower, 21).await, (vec![18, 19, 20, 21], vec![1, 2]));
}

#[tokio::test]
async fn a_reorg_that_is_too_deep_is_named() {
    let fake = Fake::start().await;
    fake.script().mine_to(100);
    let mut follower = follow(client(&[&fake]).await, 1);
    forward_to(&mut follower, 100).await;
    fake.script().reorg(MAX_REORG + 1, 1, &[]);
    let error = follower.next().await.unwrap_err();
    assert_eq!(error, L1Error::ReorgTooDeep { oldest: 36, bound: MAX_REORG });
}

#[tokio::test]
async fn a_reorg_of_everything_that_counts_goes_back_before_it() {
    let fake = Fake::start().await;
    fake.script().mine_to(12);
    let mut follower = follow(client(&[&fake]).await, 10);
    forward_to(&mut follower, 12).await;
    fake.script().reorg(5, 1, &[3]);
    assert!(matches!(follower.next().await.unwrap(), Step::Back { to } if to.number == 9));
    assert_eq!(forward_to(&mut follower, 12).await, (vec![10, 11, 12], vec![3]));
}

#[tokio::test]
async fn what_was_final_is_never_taken_back() {
    let fake = Fake::start().await;
    fake.script().mine_to(20);
    let mut follower = follow(client(&[&fake]).await, 1);
    forward_to(&mut follower, 20).await;
    fake.script().finalized = 15;
    fake.script().mine(0, &[]);
    loop {
        if let Step::Finalized(block) = follower.next().await.unwrap() {
            assert_eq!((block.number, block.hash), (15, fake.script().hash_of(15)));
            break;
        }
    }
    fake.script().reorg(10, 1, &[]);
    let error = follower.next().await.unwrap_err();
    assert!(matches!(error, L1Error::FinalReplaced { number: 15, .. }), "{error:?}");
}

#[tokio::test]
async fn safe_and_final_blocks_are_told_when_they_were_seen() {
    let fake = Fake::start().await;
    {
        let mut script = fake.script();
        script.mine_to(10);
        (script.safe, script.finalized) = (8, 4);
    }
    let mut follower = follow(client(&[&fake]).await, 1);
    let mut told = Vec::new();
    while told.len() < 2 {
        match follower.next().await.unwrap() {
            Step::Safe(block) => told.push(("safe", block.number)),
            Step::Finalized(block) => told.push(("finalized", block.number)),
            Step::Forward { .. } => {}
            Step::Back { .. } => panic!("nothing was replaced"),
        }
    }
    assert_eq!(told, [("safe", 8), ("finalized", 4)]);
}

#[tokio::test]
async fn what_is_final_is_read_in_ranges_that_shrink_when_refused() {
    let fake = Fake::start().await;
    {
        let mut script = fake.script();
        script.mine_to(400);
        script.mine(0, &[0]);
        script.mine_to(900);
        script.mine(0, &[1]);
        script.mine_to(1_000);
        script.finalized = 990;
        script.fault = Some(Fault::Range(300));
    }
    let mut follower = follow(client(&[&fake]).await, 1);
    let (blocks, entries) = forward_to(&mut follower, 1_000).await;
    assert_eq!(entries, [0, 1]);
    assert!(blocks.contains(&401) && blocks.contains(&901), "{blocks:?}");
    // The ends of ranges, the blocks with entries, and those that are not final yet.
    assert!(blocks.len() < 25, "{blocks:?}");
    let asked = fake.script().asked.clone();
    assert!(asked["eth_getBlockByNumber"] < 150, "{asked:?}");
}

#[tokio::test]
async fn what_one_endpoint_does_not_find_another_one_does() {
    let (blind, honest) = (Fake::start().await, Fake::start().await);
    for fake in [&blind, &honest] {
        let mut script = fake.script();
        script.mine_to(30);
        script.mine(0, &[4]);
        script.mine_to(60);
        script.finalized = 50;
    }
    // It serves the same blocks and denies their logs.
    blind.script().hides_logs = true;
    let mut follower = follow(client(&[&blind, &honest]).await, 1);
    assert_eq!(forward_to(&mut follower, 60).await.1, [4]);
}

#[tokio::test]
async fn dropping_the_future_loses_and_repeats_nothing() {
    let fake = Fake::start().await;
    fake.script().mine_to(40);
    let mut follower = follow(client(&[&fake]).await, 1);
    let mut blocks = Vec::new();
    let mut wait_us = 50;
    while blocks.last() != Some(&40) {
        match tokio::time::timeout(Duration::from_micros(wait_us), follower.next()).await {
            Ok(Ok(Step::Forward { block, .. })) => blocks.push(block.number),
            Ok(other) => panic!("unexpected {other:?}"),
            // Longer and longer, so that it ends on every machine.
            Err(_) => wait_us += wait_us / 8,
        }
    }
    assert_eq!(blocks, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn confirmations_hold_blocks_back() {
    let fake = Fake::start().await;
    fake.script().mine_to(10);
    let following = Following { contracts: CONTRACTS, from: 1, confirmations: 4 };
    let stall = Duration::from_millis(50);
    let client = client_with(&[&fake], L1Patience { stall, ..patience() }).await;
    let mut follower = Follower::new(client, following);
    forward_to(&mut follower, 6).await;
    assert!(matches!(follower.next().await, Err(L1Error::Stalled { head: 10, .. })));
    fake.script().mine(0, &[]);
    forward_to(&mut follower, 7).await;
}

#[tokio::test]
async fn a_follower_runs_in_a_task_of_its_own() {
    let fake = Fake::start().await;
    fake.script().mine(0, &[0]);
    let mut follower = follow(client(&[&fake]).await, 1);
    let step = tokio::spawn(async move { follower.next().await }).await.unwrap().unwrap();
    assert!(matches!(step, Step::Forward { block, .. } if block.number == 1));
}
