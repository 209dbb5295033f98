//! What L1 says reaches the lane once, in order, whatever happens in between (P46, P48); what leaves is an exit (P42).

use crate::{
    batches::{export, hashes},
    world::{A, B, Draft, World, address, config},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use weft_contracts::{Bridge, addresses::BRIDGE};
use weft_derive::InboxEntry;
use weft_journal::sim::{Fault, SimDisk};
use weft_node::{
    BatchDir, DevConfig, L1Block, L1Entry, L1Refused, L1Standing, L1Update, Mining, Verifier,
};
use weft_settlement::{Exit as Leaf, ExitTree, LeafType};
use weft_types::{
    Bundle, Deposit, Domain, Encode as _, L1Event, L1Ref, Leg, NetworkId, SafetyLevel, SignedTx,
};

/// An L1 that does what a script says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) blocks: Vec<L1Block>,
    pub(crate) entries: Vec<(u64, u32, Bytes)>,
    forks: u8,
}

impl Script {
    /// Makes the next block, with these payloads in the inbox.
    pub(crate) fn mine(&mut self, payloads: &[Vec<u8>]) -> L1Update {
        let number = self.blocks.last().map_or(100, |block| block.number + 1);
        let parent = self.blocks.last().map_or(B256::ZERO, |block| block.hash);
        let hash = keccak256([parent.as_slice(), &number.to_be_bytes(), &[self.forks]].concat());
        let block = L1Block { number, hash, parent, unix_s: 1_700_000_000 + 12 * number };
        self.blocks.push(block);
        let mut entries = Vec::new();
        for (log_index, payload) in (0..).zip(payloads) {
            let (index, payload) = (self.entries.len() as u64, Bytes::from(payload.clone()));
            self.entries.push((number, log_index, payload.clone()));
            entries.push(L1Entry { index, log_index, payload });
        }
        L1Update::Forward { block, entries }
    }

    /// Abandons the last blocks.
    pub(crate) fn back(&mut self, depth: usize) -> L1Update {
        self.forks += 1;
        self.blocks.truncate(self.blocks.len() - depth);
        let to = *self.blocks.last().unwrap();
        self.entries.retain(|(number, ..)| *number <= to.number);
        L1Update::Back { to }
    }

    /// Returns the inbox as derivation takes it.
    pub(crate) fn inbox(&self) -> Vec<InboxEntry> {
        let entry = |(number, log_index, payload): &(u64, u32, Bytes)| {
            let block = self.blocks.iter().find(|block| block.number == *number).unwrap();
            let origin = L1Ref { block_hash: block.hash, log_index: *log_index };
            InboxEntry::of_payload(block.unix_s * 1000, origin, payload)
        };
        self.entries.iter().map(entry).collect()
    }
}

pub(crate) async fn says(world: &World, update: L1Update) {
    world.node.engine().l1(update).await.unwrap();
}

/// Writes an event as contracts do: without a version.
pub(crate) fn payload(event: &L1Event) -> Vec<u8> {
    event.encode()[1..].to_vec()
}

/// Ether for somebody on a rollup.
pub(crate) fn deposit(network: u64, to: Address, wei: u64) -> Vec<u8> {
    let network = NetworkId::new(network as u32);
    let (from, value) = (Address::repeat_byte(0x51), U256::from(wei));
    let data = Bytes::new();
    payload(&L1Event::Deposit(Deposit { network, from, to, value, gas: 500_000, data }))
}

pub(crate) fn leg(draft: &Draft) -> Leg {
    let network = NetworkId::new(draft.chain_id as u32);
    Leg { network, tx: SignedTx::decode(draft.raw()).unwrap(), may_revert: false }
}

pub(crate) fn someone(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

pub(crate) fn at_once() -> DevConfig {
    DevConfig { l1_confirmations: 0, ..config() }
}

#[tokio::test]
async fn p46_every_kind_of_entry_has_its_turn() {
    let world = World::with(at_once()).await;
    let mut l1 = Script::default();
    let forced = Draft::new(A, 1, 0).pay(someone(1), 3);
    let legs = vec![
        leg(&Draft::new(A, 2, 0).pay(someone(2), 4)),
        leg(&Draft::new(B, 2, 0).pay(someone(2), 5)),
    ];
    let both = Bundle::new(&Domain::dev(), B256::ZERO, SafetyLevel::Reputation, legs).unwrap();
    let wrong_id = Bundle::new(
        &Domain { realm: 7, ..Domain::dev() },
        B256::ZERO,
        SafetyLevel::Reputation,
        vec![leg(&Draft::new(A, 3, 0)), leg(&Draft::new(B, 3, 0))],
    );
    let payloads = [
        deposit(A, someone(7), 9),
        payload(&L1Event::Forced(leg(&forced))),
        payload(&L1Event::ForcedBundle(both)),
        payload(&L1Event::ForcedBundle(wrong_id.unwrap())),
        b"junk".to_vec(),
        payload(&L1Event::Forced(leg(&Draft::new(A, 4, 77)))),
    ];
    says(&world, l1.mine(&payloads)).await;
    // What comes from L1 has a receipt like any other inbound work, a trace and a thread.
    let receipts = world.rpc(A, "eth_getBlockReceipts", json!(["latest"])).await;
    assert_eq!(receipts[0]["weftOrigin"]["chainId"], "0x0", "{receipts}");
    let traces = world
        .rpc(A, "debug_traceBlockByNumber", json!(["latest", { "tracer": "callTracer" }]))
        .await;
    assert_eq!(traces.as_array().unwrap().len(), receipts.as_array().unwrap().len());
    let delivered = receipts[0]["transactionHash"].clone();
    assert!(world.rpc(A, "eth_getTransactionReceipt", json!([delivered])).await.is_object());
    assert_eq!(world.balance(A, someone(7), "latest").await, U256::from(9));
    assert_eq!(world.balance(A, someone(1), "latest").await, U256::from(3));
    assert_eq!(world.balance(A, someone(2), "latest").await, U256::from(4));
    assert_eq!(world.balance(B, someone(2), "latest").await, U256::from(5));
    let hash = keccak256(forced.raw());
    let outcome = world.rpc(A, "weft_getOutcome", json!([hash])).await;
    assert_eq!(outcome["outcome"], "included", "{outcome}");
    let gap = keccak256(Draft::new(A, 4, 77).raw());
    let outcome = world.rpc(A, "weft_getOutcome", json!([gap])).await;
    assert_eq!(outcome["outcome"], "removed", "{outcome}");
    // What L1 does is a system transaction that says where it comes from.
    let block = world.rpc(A, "eth_getBlockByNumber", json!(["latest", true])).await;
    let system = block["transactions"].as_array().unwrap().iter();
    let system: Vec<_> = system.filter(|tx| tx["gasPrice"] == "0x0").collect();
    let receipt = world.receipt(A, system[0]["hash"].clone()).await;
    assert_eq!(receipt["weftOrigin"]["l1BlockHash"], json!(l1.blocks[0].hash), "{receipt}");
    assert_eq!(receipt["status"], "0x1");
    world.rpc(A, "debug_traceTransaction", json!([hash, { "tracer": "callTracer" }])).await;
}

/// Anybody can force public bytes: what stands in a block stays included, for whoever asks and for replays.
#[tokio::test]
async fn p4_what_is_included_stays_so_when_it_is_forced_again() {
    let world = World::with(at_once()).await;
    let payment = Draft::new(A, 1, 0).pay(someone(1), 3);
    let sent = world.rpc(A, "eth_sendRawTransaction", json!([payment.raw()])).await;
    let drafts = |nonce| {
        [Draft::new(A, 2, nonce).pay(someone(2), 4), Draft::new(B, 2, nonce).pay(someone(2), 5)]
    };
    let send = |nonce| json!([{ "salt": B256::ZERO, "legs": drafts(nonce).map(|it| it.leg()) }]);
    let sent_bundle = world.rpc(A, "weft_sendBundle", send(0)).await;
    let legs = drafts(0).each_ref().map(leg).to_vec();
    let first = legs[0].tx.hash();
    let bundle = Bundle::new(&Domain::dev(), B256::ZERO, SafetyLevel::Reputation, legs).unwrap();
    let id = bundle.id().hash();
    let again = [payload(&L1Event::Forced(leg(&payment))), payload(&L1Event::ForcedBundle(bundle))];
    says(&world, Script::default().mine(&again)).await;
    assert_eq!(sent_bundle["bundleId"], json!(id), "{sent_bundle}");
    for key in [sent, json!(id), json!(first)] {
        let outcome = world.rpc(A, "weft_getOutcome", json!([key])).await;
        assert_eq!(outcome["outcome"], "included", "{outcome}");
        let promise = world.rpc(A, "weft_getPromise", json!([key])).await;
        assert_eq!(promise["execution"]["removal"], Value::Null, "{promise}");
    }
    let error = world.refused(A, "weft_sendBundle", send(1)).await;
    assert_eq!(error.code(), -38004, "{error:?}");
}

#[tokio::test]
async fn p46_a_forced_item_that_has_no_room_runs_first_in_the_next_slot() {
    let world = World::with(DevConfig { gas_limit: 5_000_000, ..at_once() }).await;
    let pay = |nonce, gas| Draft { gas, ..Draft::new(A, 1, nonce).pay(someone(1), 3) };
    // Two payments leave 4,958,000 of a block; the last one is larger than all of it.
    let all = [pay(0, 60_000), pay(1, 60_000), pay(2, 4_970_000), pay(3, 5_000_001)];
    let payloads = all.each_ref().map(|draft| payload(&L1Event::Forced(leg(draft))));
    says(&world, Script::default().mine(&payloads)).await;
    for (draft, expected) in all.iter().zip(["included", "included", "included", "removed"]) {
        let outcome = world.rpc(A, "weft_getOutcome", json!([keccak256(draft.raw())])).await;
        assert_eq!(outcome["outcome"], expected, "{outcome}");
    }
    let blocks = world.rpc(A, "eth_blockNumber", json!([])).await;
    assert_eq!(
        (world.balance(A, someone(1), "latest").await, blocks),
        (U256::from(9), json!("0x2"))
    );
}

#[tokio::test]
async fn what_does_not_follow_is_refused_and_changes_nothing() {
    let world = World::with(at_once()).await;
    let engine = world.node.engine();
    let mut l1 = Script::default();
    assert_eq!(engine.l1_tip().await, Ok(None));
    says(&world, l1.mine(&[deposit(A, someone(1), 1)])).await;
    let tip = engine.l1_tip().await.unwrap();
    assert_eq!(tip, l1.blocks.last().copied());
    let L1Update::Forward { block, entries } = l1.mine(&[deposit(A, someone(1), 1)]) else {
        panic!()
    };
    let refused = |block: L1Block, entries: &[L1Entry]| {
        let update = L1Update::Forward { block, entries: entries.to_vec() };
        async { engine.l1(update).await.unwrap_err() }
    };
    let orphan = L1Block { parent: B256::repeat_byte(3), ..block };
    assert!(matches!(refused(orphan, &entries).await, L1Refused::NotNext { .. }));
    let again = L1Block { number: block.number - 1, ..block };
    assert!(matches!(refused(again, &entries).await, L1Refused::NotNext { .. }));
    let late = [L1Entry { index: 2, ..entries[0].clone() }];
    assert_eq!(refused(block, &late).await, L1Refused::Entry { found: 2, expected: 1 });
    let unknown = L1Update::Back { to: L1Block { hash: B256::ZERO, ..block } };
    assert!(matches!(engine.l1(unknown).await, Err(L1Refused::Unknown(_))));
    assert_eq!(engine.l1_tip().await.unwrap(), tip);
    assert_eq!(world.balance(A, someone(1), "latest").await, U256::from(1));
    // What is posted is what this node has.
    let last = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
    let hash: B256 = serde_json::from_value(last["hash"].clone()).unwrap();
    let number = u64::from_str_radix(&last["number"].as_str().unwrap()[2..], 16).unwrap();
    let right = L1Standing { chain_id: A, number, hash };
    let wrong = L1Standing { hash: B256::ZERO, ..right };
    let other = engine.l1(L1Update::Posted(vec![wrong])).await;
    assert!(matches!(other, Err(L1Refused::OtherBlock { .. })));
    let tag = |tag: &'static str| world.rpc(A, "eth_getBlockByNumber", json!([tag, false]));
    let finality = async || {
        world.rpc(A, "eth_getBlockReceipts", json!(["latest"])).await[0]["weftFinality"].clone()
    };
    assert_eq!(
        (&tag("safe").await["number"], &finality().await),
        (&json!("0x0"), &json!("executed"))
    );
    says(&world, L1Update::Posted(vec![right])).await;
    assert_eq!(
        (tag("safe").await["hash"].clone(), tag("finalized").await["number"].clone()),
        (json!(hash), json!("0x0"))
    );
    assert_eq!(finality().await, "posted");
    // L1 went back, and has nothing of it; then it has.
    says(&world, L1Update::PostedAfresh(Vec::new())).await;
    assert_eq!(tag("safe").await["number"], "0x0");
    says(&world, L1Update::PostedAfresh(vec![right])).await;
    assert_eq!(tag("safe").await["hash"], json!(hash));
    says(&world, L1Update::Settled(vec![right])).await;
    assert_eq!(
        (&tag("finalized").await["number"], &finality().await),
        (&json!("0x0"), &json!("settled"))
    );
    // L1 took back what settled it.
    says(&world, L1Update::PostedAfresh(vec![right])).await;
    assert_eq!(finality().await, "posted");
    says(&world, L1Update::Finalized(vec![right])).await;
    assert_eq!(tag("finalized").await["hash"], json!(hash));
    assert_eq!(finality().await, "finalized");
}

#[tokio::test]
async fn p48_what_is_not_deep_enough_goes_with_its_block() {
    for depth in [1, 7, 64] {
        let confirmations = 64;
        let world = World::with(DevConfig { l1_confirmations: confirmations, ..config() }).await;
        let mut l1 = Script::default();
        says(&world, l1.mine(&[deposit(A, someone(1), 1)])).await;
        for _ in 1..depth {
            says(&world, l1.mine(&[])).await;
        }
        says(&world, l1.mine(&[deposit(A, someone(2), 2)])).await;
        let before = hashes(&world, &[A, B]).await;
        world.send(&Draft::new(A, 0, 0).pay(someone(3), 1)).await;
        let between = hashes(&world, &[A, B]).await;
        says(&world, l1.back(depth)).await;
        assert_eq!(hashes(&world, &[A, B]).await, between, "nothing rested on it");
        assert!(between.len() > before.len());
        // The other branch holds something else.
        says(&world, l1.mine(&[deposit(A, someone(4), 4)])).await;
        for _ in 0..confirmations {
            says(&world, l1.mine(&[])).await;
        }
        for (who, wei) in [(1, 1), (2, 0), (3, 1), (4, 4)] {
            assert_eq!(world.balance(A, someone(who), "latest").await, U256::from(wei), "{who}");
        }
    }
}

#[tokio::test]
async fn p48_a_node_without_a_log_stops_when_l1_takes_back_what_has_a_position() {
    let world = World::with(at_once()).await;
    let mut l1 = Script::default();
    says(&world, l1.mine(&[])).await;
    says(&world, l1.mine(&[deposit(A, someone(1), 1)])).await;
    let refused = world.node.engine().l1(l1.back(1)).await.unwrap_err();
    assert_eq!(refused, L1Refused::Taken { to: 100, taken: 101 });
    world.node.ended().await;
}

#[tokio::test]
async fn a_power_cut_loses_no_entry_and_delivers_none_twice() {
    let disk = SimDisk::default();
    let on = |confirmations| DevConfig {
        log_disk: Some(Arc::new(disk.clone())),
        l1_confirmations: confirmations,
        ..config()
    };
    let mut l1 = Script::default();
    let mut world = World::with(on(2)).await;
    for round in 0..6_usize {
        let payload = deposit(A, someone(1), 1_u64 << round);
        says(&world, l1.mine(&[payload, b"junk".to_vec()])).await;
        if round == 3 {
            says(&world, l1.back(1)).await;
        }
        disk.set_fault(Some(Fault::Dies(0)));
        disk.cut_power(&mut |bound| round % bound.max(1));
        world.node.stop().await.unwrap();
        disk.set_fault(None);
        world = World::with(on(2)).await;
        assert_eq!(world.node.engine().l1_tip().await.unwrap(), l1.blocks.last().copied());
    }
    for _ in 0..2 {
        says(&world, l1.mine(&[])).await;
    }
    let all = (0..6).filter(|round| *round != 3).map(|round| 1_u64 << round).sum::<u64>();
    assert_eq!(world.balance(A, someone(1), "latest").await, U256::from(all));
}

/// Derives what a data directory's batches say with an inbox.
pub(crate) fn derive(from: &Path, inbox: Vec<InboxEntry>) -> Verifier {
    let dir = BatchDir::open(from);
    let mut verifier = Verifier::new(dir.realm().unwrap()).unwrap();
    verifier.take_inbox(inbox);
    verifier.apply_all(&dir, &mut |_| (), &mut |_| ()).unwrap();
    verifier
}

#[tokio::test]
async fn p41_blocks_follow_from_batches_and_the_inbox() {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let config = DevConfig {
        data_dir: Some(data.clone()),
        mining: Mining::OnDemand,
        l1_confirmations: 1,
        ..config()
    };
    let mut l1 = Script::default();
    let mut head = Value::Null;
    // Twice, so that the second start goes on from what the database holds.
    for round in 0..2_u64 {
        let world = World::with(config.clone()).await;
        for step in 0..3_u64 {
            let nonce = 3 * round + step;
            let forced = L1Event::Forced(leg(&Draft::new(B, 4, nonce).pay(someone(2), 1)));
            let payloads = [deposit(A, someone(1), 5), payload(&forced), b"junk".to_vec()];
            says(&world, l1.mine(&payloads)).await;
            world.send(&Draft::new(A, 0, nonce).pay(someone(3), 1)).await;
        }
        says(&world, l1.mine(&[])).await;
        assert_eq!(world.balance(A, someone(1), "latest").await, U256::from(15 * (round + 1)));
        head = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
        world.node.stop().await.unwrap();
    }
    export(&data, &batches);
    let verifier = derive(&batches, l1.inbox());
    let hash = verifier.derivation().realm().head(NetworkId::new(A as u32)).unwrap().1;
    assert_eq!(json!(hash), head["hash"]);
    assert_eq!(verifier.done().derived.removed, 6, "junk alone");
}

#[tokio::test]
async fn p42_withdrawals_make_the_tree_that_l1_proves_against() {
    let world = World::with(at_once()).await;
    let mut tree = ExitTree::default();
    for nonce in 0..5_u64 {
        let amount = U256::from(nonce + 1);
        let call = Bridge::bridgeAssetCall {
            destinationNetwork: 0,
            destinationAddress: someone(6),
            amount,
            token: Address::ZERO,
            forceUpdateGlobalExitRoot: true,
            permitData: Bytes::new(),
        };
        let draft = Draft { value: amount, ..Draft::new(A, 0, 2 * nonce).call(BRIDGE, call) };
        let hash = world.send(&draft).await;
        assert_eq!(world.receipt(A, hash).await["status"], "0x1");
        let metadata = Bytes::from(vec![7; nonce as usize]);
        let message = Bridge::bridgeMessageCall {
            destinationNetwork: 0,
            destinationAddress: someone(8),
            forceUpdateGlobalExitRoot: false,
            metadata: metadata.clone(),
        };
        world.send(&Draft::new(A, 0, 2 * nonce + 1).call(BRIDGE, message)).await;
        let leaf = Leaf {
            leaf_type: LeafType::Transfer,
            origin_network: 0,
            origin_address: Address::ZERO,
            destination_network: 0,
            destination_address: someone(6),
            amount,
            metadata_hash: keccak256([]),
        };
        tree.push(leaf.hash()).unwrap();
        let message = Leaf {
            leaf_type: LeafType::Message,
            origin_network: A as u32,
            origin_address: address(0),
            destination_address: someone(8),
            amount: U256::ZERO,
            metadata_hash: keccak256(&metadata),
            ..leaf
        };
        tree.push(message.hash()).unwrap();
        assert_eq!(world.view(A, BRIDGE, Bridge::getRootCall {}).await, tree.root());
    }
    assert_eq!(world.view(A, BRIDGE, Bridge::depositCountCall {}).await, U256::from(10));
    // Settlements read it from slot 1.
    let slot = world.rpc(A, "eth_getStorageAt", json!([BRIDGE, "0x1", "latest"])).await;
    assert_eq!(slot, json!(tree.root()));
}
