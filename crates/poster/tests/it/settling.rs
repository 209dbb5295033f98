//! Attesters and settlement (P44): who lies or is absent changes nothing, and a wrong statement convinces nobody.

use crate::{
    sequencer::{A, B, Draft},
    world::{PROGRAM, World, attesters, funded, payload_of},
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_sol_types::SolCall as _;
use weft_batch::SignedBatch;
use weft_contracts::{Bridge, L1Bridge, addresses::BRIDGE};
use weft_derive::Recovered;
use weft_l1::{Entry, History, Posted};
use weft_poster::{Attestation, Attester, Form, Limits, PostError, Settler, Sidecar};
use weft_promise::{LocalSigner, Signer};
use weft_settlement::Statement;
use weft_types::{L1Ref, NetworkId, SignedTx};

fn bridging(from: NetworkId, to: NetworkId, key: usize, nonce: u64, wei: u64) -> Draft {
    let receiver = Address::repeat_byte(0x77);
    let call = Bridge::bridgeEtherCall { network: u64::from(to.get()), to: receiver };
    Draft {
        to: TxKind::Call(BRIDGE),
        value: U256::from(wei),
        data: Bytes::from(call.abi_encode()),
        gas: 1_500_000,
        ..Draft::pay(from, key, nonce, 0)
    }
}

pub(crate) fn signer(index: usize) -> LocalSigner {
    LocalSigner::new(&attesters()[index].to_bytes()).unwrap()
}

pub(crate) fn recover(batch: &SignedBatch) -> Recovered {
    Recovered::new(batch.batch.legs().map(|leg| SignedTx::decode(leg.raw.clone())).collect())
}

/// What L1 would say, had the sequencer posted another batch than the last one.
pub(crate) fn instead(world: &World, history: &History, batch: &SignedBatch) -> History {
    let mut history = history.clone();
    let posted = history.batches.last_mut().unwrap();
    posted.header.content = alloy_primitives::keccak256(batch.encode());
    posted.blobs = Sidecar::new(&payload_of(batch), Form::Blobs).unwrap().hashes;
    let (header, blobs) = (&posted.header, &posted.blobs);
    posted.hash = header.hash(&world.domain, blobs, &posted.registry_hash, &posted.accumulator);
    history
}

/// An attester that derived what stands on L1.
pub(crate) async fn derived(world: &World) -> Attester {
    let mut attester = Attester::new(world.history().await).unwrap();
    for batch in world.batches.all() {
        attester.take(&payload_of(&batch), recover).unwrap();
    }
    assert_eq!(attester.next(), None);
    attester.follow_settlement();
    attester
}

/// Signs any statement, as a liar does.
fn lie(world: &World, statement: &Statement, index: usize) -> Attestation {
    let digest = statement.digest(&world.domain);
    let mut signer = signer(index);
    Attestation {
        first_batch: statement.first_batch,
        last_batch: statement.last_batch,
        digest,
        attester: signer.address(),
        signature: signer.sign(digest).unwrap().to_bytes().into(),
    }
}

async fn escrow(world: &World, network: NetworkId) -> U256 {
    let call = L1Bridge::escrowOfCall {
        network: network.get(),
        originNetwork: 0,
        originToken: Address::ZERO,
    };
    let request = serde_json::json!([{"to": world.to.bridge, "data": Bytes::from(call.abi_encode())}, "latest"]);
    let answer = world.anvil.ask("eth_call", request).await;
    answer.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn s9_two_rollups_settle_by_three_of_five_with_a_liar_and_one_that_is_absent() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    let before = escrow(&world, A).await;
    for nonce in 0..2 {
        world.sequencer.submit(&bridging(A, B, 1, nonce, 40 + nonce).item());
        world.sequencer.submit(&Draft::pay(B, 0, nonce, 5).item());
        world.batch();
    }
    world.post_all(&mut poster).await;
    let settler =
        Settler::new(world.l1().await, world.domain, funded(2), world.policy).await.unwrap();
    assert_eq!(settler.program_id(), PROGRAM);
    let attester = derived(&world).await;
    assert_eq!(attester.reach(), Some(2));
    let statement = attester.statement(2, PROGRAM).unwrap();
    assert_eq!(statement.batch_hash, world.l1().await.posted().await.unwrap().hash);
    assert_eq!(statement.transfers.len(), 1);
    // Attester 1 says that more left A, attester 4 says nothing.
    let mut wrong = statement.clone();
    wrong.transfers[0].amount += U256::ONE;
    let mut said = vec![lie(&world, &wrong, 1)];
    for index in [3, 0] {
        said.push(attester.attest(2, PROGRAM, &mut signer(index)).unwrap());
    }
    let few = settler.settle(&statement, &said).await.unwrap_err();
    assert!(matches!(few, PostError::TooFew { found: 2, threshold: 3 }), "{few}");
    // The same attester twice is one attester, and whoever is none does not count.
    said.push(attester.attest(2, PROGRAM, &mut signer(3)).unwrap());
    let nobody = LocalSigner::new(&B256::repeat_byte(0x55)).unwrap();
    said.push(attester.attest(2, PROGRAM, &mut { nobody }).unwrap());
    assert!(matches!(settler.proof(&statement, &said), Err(PostError::TooFew { found: 2, .. })));
    said.push(attester.attest(2, PROGRAM, &mut signer(2)).unwrap());
    let sent = settler.settle(&statement, &said).await.unwrap();
    world.anvil.mine(1).await;
    let gas = world.anvil.gas_used(sent).await;
    println!("settle 2 batches of 2 rollups, 3 of 5, 1 transfer: {gas} gas");
    for batch in world.history().await.batches {
        let gas = world.anvil.gas_used(batch.transaction).await;
        println!("post batch {} of 2 rollups, 1 blob: {gas} gas", batch.header.number);
    }
    assert_eq!(world.l1().await.settled().await.unwrap(), 2);
    assert_eq!(before - escrow(&world, A).await, U256::from(81));
    // Settled is settled.
    let again = settler.settle(&statement, &said).await.unwrap_err();
    assert!(matches!(&again, PostError::Refused(why) if why.contains("WrongBatches")), "{again}");
    // What comes next rests on it.
    world.sequencer.submit(&Draft::pay(B, 0, 2, 5).item());
    world.batch();
    world.post_all(&mut poster).await;
    let attester = derived(&world).await;
    let next = attester.statement(3, PROGRAM).unwrap();
    assert_eq!((next.first_batch, next.transitions.len()), (3, 1));
    assert_eq!(next.transitions[0].pre, statement.transitions[1].post.commitment());
    let said: Vec<_> =
        [0, 1, 4].map(|index| attester.attest(3, PROGRAM, &mut signer(index)).unwrap()).into();
    settler.settle(&next, &said).await.unwrap();
    world.anvil.mine(1).await;
    assert_eq!(world.l1().await.settled().await.unwrap(), 3);
}

#[tokio::test]
async fn p44_as_many_batches_settle_as_enough_attesters_signed_for() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    let settler =
        Settler::new(world.l1().await, world.domain, funded(2), world.policy).await.unwrap();
    // Attesters look at L1 at different times: each knows so many batches, and signed for each of them.
    let (knows, mut said) = ([(0, 4), (1, 1), (2, 2), (3, 3)], Vec::new());
    for nonce in 0..4 {
        world.sequencer.submit(&Draft::pay(A, 0, nonce, 5).item());
        world.batch();
        world.post_all(&mut poster).await;
        let attester = derived(&world).await;
        let last = attester.reach().unwrap();
        assert_eq!(last, nonce + 1);
        for (index, _) in knows.iter().filter(|(_, known)| last <= *known) {
            said.push(attester.attest(last, PROGRAM, &mut signer(*index)).unwrap());
        }
    }
    let attester = derived(&world).await;
    let few = settler.agreed(&attester, &said[..2]).unwrap_err();
    assert!(matches!(few, PostError::TooFew { found: 0, threshold: 3 }), "{few}");
    // Of a span that nobody derived nothing is settled, whoever signed it.
    let mut far = attester.statement(4, PROGRAM).unwrap();
    far.last_batch = 5;
    said.extend([0, 2, 3].map(|index| lie(&world, &far, index)));
    let agreed = settler.agreed(&attester, &said).unwrap();
    assert_eq!((agreed.first_batch, agreed.last_batch), (1, 2));
    settler.settle(&agreed, &said).await.unwrap();
    world.anvil.mine(1).await;
    // What was signed before begins where nothing is settled any more.
    let attester = derived(&world).await;
    let few = settler.agreed(&attester, &said).unwrap_err();
    assert!(matches!(few, PostError::TooFew { .. }), "{few}");
    let last = attester.reach().unwrap();
    said.extend([0, 2, 3].map(|index| attester.attest(last, PROGRAM, &mut signer(index)).unwrap()));
    let agreed = settler.agreed(&attester, &said).unwrap();
    assert_eq!((agreed.first_batch, agreed.last_batch), (3, 4));
    settler.settle(&agreed, &said).await.unwrap();
    world.anvil.mine(1).await;
    let none = settler.agreed(&derived(&world).await, &said).unwrap_err();
    assert!(matches!(none, PostError::Statement(_)), "{none}");
}

#[tokio::test]
async fn p44_no_honest_attester_signs_what_is_not_so() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    world.sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
    let batch = world.batch();
    world.post_all(&mut poster).await;
    let history = world.history().await;
    let take = |batch: &SignedBatch, history: &History| {
        Attester::new(history.clone())?.take(&payload_of(batch), recover)
    };
    take(&batch, &history).unwrap();
    let refused = |change: &dyn Fn(&mut Posted)| {
        let mut other = history.clone();
        change(&mut other.batches[0]);
        take(&batch, &other).unwrap_err().to_string()
    };
    // Every field of the header on L1.
    type Change = fn(&mut Posted);
    let changes: [(&str, Change); 7] = [
        (" as number", |posted| posted.header.number += 1),
        (" as first slot", |posted| posted.header.first_slot += 1),
        (" as last slot", |posted| posted.header.last_slot += 1),
        (" as inbox cursor", |posted| posted.header.inbox_cursor += 1),
        (" as rollups", |posted| posted.header.rollups ^= 2),
        (" as lane root", |posted| posted.header.lane_root.0[0] ^= 1),
        ("hash of its content", |posted| posted.header.content.0[0] ^= 1),
    ];
    for (field, change) in changes {
        let why = refused(&change);
        assert!(why.contains(field), "{field}: {why}");
    }
    // An endpoint that makes up a batch's hash, the registrations or the inbox that it rests on.
    let made_up: [(&str, Change); 6] = [
        ("hash of batch 1", |posted| posted.hash.0[0] ^= 1),
        ("hash of batch 1", |posted| posted.header.parent.0[0] ^= 1),
        ("hash of batch 1", |posted| posted.header.l1_hash.0[0] ^= 1),
        ("hash of batch 1", |posted| posted.header.l1_number += 1),
        ("registrations before batch 1", |posted| posted.registry_hash.0[0] ^= 1),
        ("inbox at batch 1", |posted| posted.accumulator.0[0] ^= 1),
    ];
    for (what, change) in made_up {
        let why = refused(&change);
        assert!(why.contains(what), "{what}: {why}");
    }
    let mut other = history.clone();
    other.registered[1].value += U256::ONE;
    let why = take(&batch, &other).unwrap_err().to_string();
    assert!(why.contains("registrations up to rollup 2"), "{why}");
    let mut other = history.clone();
    other.entries.push(Entry {
        index: 0,
        network: 1,
        sender: Address::ZERO,
        accumulator: Default::default(),
        origin: L1Ref { block_hash: B256::ZERO, log_index: 0 },
        payload: Bytes::from_static(b"made up"),
        block: history.to,
    });
    let why = take(&batch, &other).unwrap_err().to_string();
    assert!(why.contains("inbox up to entry 0"), "{why}");
    // A sequencer that claims another block, in a batch that it signs and posts.
    let mut lying = batch.batch.clone();
    lying.slots[0].blocks[0][0] ^= 1;
    let lying = world.signed(lying);
    let of_lie = instead(&world, &history, &lying);
    let why = take(&lying, &of_lie).unwrap_err().to_string();
    assert!(why.contains("slot 1, rollup 901: block 1 is"), "{why}");
    // Nor about what it did not derive.
    let attester = Attester::new(history).unwrap();
    let error = attester.attest(1, PROGRAM, &mut signer(0)).unwrap_err();
    assert!(matches!(error, PostError::Statement(_)), "{error}");
}

#[tokio::test]
async fn p40_a_batch_whose_blobs_hold_something_else_is_not_attested() {
    let mut world = World::new("osaka").await;
    let dir = tempfile::tempdir().unwrap();
    // The sequencer signs and posts the right content with blobs that nobody can derive from.
    world.batches.post_instead(b"junk");
    let mut poster = world.poster(dir.path(), 1, Limits::default()).await;
    world.sequencer.submit(&Draft::pay(A, 0, 0, 5).item());
    let batch = world.batch();
    world.post_all(&mut poster).await;
    let posted = world.l1().await.batch(1).await.unwrap().unwrap();
    assert_eq!(posted.header.content, alloy_primitives::keccak256(batch.encode()));
    let mut attester = Attester::new(world.history().await).unwrap();
    let error = attester.take(&payload_of(&batch), recover).unwrap_err();
    assert!(matches!(error, PostError::Header { what: "list of blobs", .. }), "{error}");
    // Nor is anything made of what the blobs do hold.
    let error = attester.take(b"junk", recover).unwrap_err();
    assert!(error.to_string().contains("the blobs hold no batch"), "{error}");
    assert_eq!(attester.ledger().span(), (0, 0));
}
