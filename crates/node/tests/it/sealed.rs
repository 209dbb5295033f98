//! Sealed items from the client's side: seal, promise, nothing readable, outcome; and everything that goes wrong.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use weft_contracts::{FeeVault, addresses::FEE_VAULT};
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, GasBucket, KeyList, Setup, SizeBucket,
};
use weft_journal::sim::{Fault, SimDisk};
use weft_node::{DEV_ACCOUNTS, DevConfig, Mining, Node, SealingOptions};
use weft_types::{
    Bundle, Decode as _, Domain, Encode as _, Item, Leg, LegShape, NetworkId, Part, PartedShape,
    SafetyLevel, SignedTx, SlotNumber,
};

/// Account that pays for carriage.
const PAYER: usize = 3;
const SLOT_MS: u64 = 50;
const ETHER: u128 = 1_000_000_000_000_000_000;

pub(crate) fn options() -> SealingOptions {
    SealingOptions {
        epoch_slots: 40,
        members: 2,
        delay_squarings: 1 << 10,
        close_margin_ms: 60_000,
        ..SealingOptions::default()
    }
}

pub(crate) fn sealing() -> DevConfig {
    let (mining, seed) = (Mining::Slots, None);
    DevConfig { mining, seed, slot_ms: SLOT_MS, sealing: Some(options()), ..config() }
}

/// A node whose payer has a deposit in a closed slot.
pub(crate) async fn start(config: DevConfig) -> World {
    let world = World::with(config).await;
    deposit(&world, PAYER, ETHER).await;
    world
}

async fn deposit(world: &World, payer: usize, wei: u128) {
    let call = FeeVault::depositCall { payer: address(payer) };
    let nonce = world.rpc(A, "eth_getTransactionCount", json!([address(8), "pending"])).await;
    let nonce: U256 = serde_json::from_value(nonce).unwrap();
    let mut draft = Draft::new(A, 8, nonce.to()).call(FEE_VAULT, call);
    draft.value = U256::from(wei);
    let hash = world.send(&draft).await;
    until(async || world.rpc(A, "eth_getTransactionReceipt", json!([hash])).await != Value::Null)
        .await;
}

/// Waits until something holds; tests say what.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 30 seconds in vain");
}

/// The key of an epoch, as a client reads it.
pub(crate) struct Key {
    pub(crate) list: KeyList,
}

/// Waits for the first third of an epoch with a key.
pub(crate) async fn key(world: &World) -> Key {
    let mut found = Value::Null;
    until(async || {
        let epoch = world.rpc(A, "weft_getEpoch", json!([])).await;
        let [first, last] = ["firstSlot", "lastSlot"].map(|slot| epoch[slot].as_u64().unwrap());
        let slot = world.rpc(A, "weft_chains", json!([])).await["slot"].as_u64().unwrap();
        if epoch["status"] != "open" || slot > first + (last - first) / 3 {
            return false;
        }
        found = world.rpc(A, "weft_keyList", json!([epoch["epoch"]])).await;
        true
    })
    .await;
    let bytes = |name: &str| serde_json::from_value::<Bytes>(found[name].clone()).unwrap();
    let setup = Setup::decode(&bytes("setup")).unwrap();
    let list = KeyList::decode(&setup, &Domain::dev(), &bytes("list")).unwrap();
    assert_eq!(json!(list.id()), found["id"]);
    Key { list }
}

fn carriage(epoch: u64, plaintext: &[u8]) -> Carriage {
    Carriage {
        payer: address(PAYER),
        deposit: NetworkId::new(A as u32),
        rollup: None,
        epoch,
        valid_until: SlotNumber::new(u64::MAX),
        size: SizeBucket::for_len(plaintext.len()).unwrap(),
        gas: GasBucket::new(7).unwrap(),
        max_fee_wei: ETHER,
    }
}

impl Key {
    pub(crate) fn seal(&self, plaintext: &[u8], salt: u64) -> Envelope {
        let carriage = carriage(self.list.epoch(), plaintext);
        let entropy = keccak256(salt.to_be_bytes());
        EpochKeyScheme::new(&self.list).encrypt(&carriage, plaintext, &entropy).unwrap()
    }
}

pub(crate) fn signed(envelope: &Envelope, signer: usize) -> Value {
    let id = envelope.id(&Domain::dev());
    let signature = DEV_ACCOUNTS[signer].sign_hash(id).unwrap();
    json!([Bytes::from(envelope.encode()), Bytes::from(signature)])
}

pub(crate) async fn send(world: &World, envelope: &Envelope) -> Value {
    world.rpc(B, "weft_sendSealed", signed(envelope, PAYER)).await
}

pub(crate) async fn outcome(world: &World, item: &Value) -> Value {
    let mut found = Value::Null;
    until(async || {
        found = world.rpc(A, "weft_getOutcome", json!([item])).await;
        found["outcome"] != "sealed"
    })
    .await;
    found
}

fn leg(draft: &Draft) -> Leg {
    let tx = SignedTx::decode(draft.raw()).unwrap();
    Leg { network: NetworkId::new(draft.chain_id as u32), tx, may_revert: false }
}

pub(crate) fn pay(chain: u64, account: usize, nonce: u64, to: Address) -> Draft {
    Draft { gas: 50_000, ..Draft::new(chain, account, nonce).pay(to, 7) }
}

pub(crate) fn transfer(account: usize, nonce: u64) -> Vec<u8> {
    Item::Transaction(leg(&pay(B, account, nonce, address(9)))).encode()
}

async fn deposit_of(world: &World, payer: usize) -> u128 {
    let call = FeeVault::depositOfCall { payer: address(payer) };
    world.view(A, FEE_VAULT, call).await.to()
}

#[tokio::test]
async fn a_sealed_transfer_is_promised_then_closed_then_read() {
    let world = start(sealing()).await;
    let key = key(&world).await;
    let plaintext = transfer(1, 0);
    let hash = leg(&pay(B, 1, 0, address(9))).tx.hash();
    let envelope = key.seal(&plaintext, 1);
    let before = deposit_of(&world, PAYER).await;
    let sent = send(&world, &envelope).await;
    let item = json!(envelope.id(&Domain::dev()));
    assert_eq!(sent["item"], item);
    assert_eq!(sent["position"]["section"], "sealed");
    let promise = &sent["promise"];
    assert_eq!(promise["promise"]["position"]["section"], "sealed", "{promise}");
    // Nothing can be read, and everything else goes on.
    let now = world.rpc(A, "weft_getOutcome", json!([item])).await;
    assert_eq!(now["outcome"], "sealed", "{now}");
    assert_eq!(world.rpc(B, "eth_getTransactionByHash", json!([hash])).await, Value::Null);
    assert_eq!(world.rpc(A, "weft_getOutcome", json!([hash])).await, Value::Null);
    let plain = world.send(&pay(B, 2, 0, address(9))).await;
    let included = world.rpc(B, "weft_getOutcome", json!([plain])).await;
    assert_eq!(included["outcome"], "included", "plaintext runs at once");

    let found = outcome(&world, &item).await;
    assert_eq!(found["outcome"], "included", "{found}");
    assert_eq!(found["position"]["section"], "opened");
    assert_eq!(found["envelope"], item);
    assert_eq!(found["siblings"][0]["txHash"], json!(hash));
    assert_eq!(world.rpc(A, "weft_getOutcome", json!([hash])).await["outcome"], "included");
    until(async || world.rpc(B, "eth_getTransactionReceipt", json!([hash])).await != Value::Null)
        .await;
    let fee = before - deposit_of(&world, PAYER).await;
    let gas = u128::from(GasBucket::new(7).unwrap().gas_limit());
    assert_eq!(fee, 256 * options().wei_per_byte + gas * options().wei_per_gas, "both buckets");
    let both = world.rpc(A, "weft_getPromise", json!([item])).await;
    assert_eq!(both["execution"]["promise"]["position"]["section"], "opened", "{both}");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_sealed_bundle_over_two_rollups_is_atomic() {
    let world = start(sealing()).await;
    let key = key(&world).await;
    let good = [A, B].map(|chain| leg(&pay(chain, 1, 0, address(9))));
    // The second leg has a nonce that nobody reached.
    let bad = [leg(&pay(A, 2, 0, address(9))), leg(&pay(B, 2, 5, address(9)))];
    let bundle = |legs: [Leg; 2], salt: u8| {
        let salt = B256::repeat_byte(salt);
        Bundle::new(&Domain::dev(), salt, SafetyLevel::Reputation, legs.into()).unwrap()
    };
    let (good, bad) = (bundle(good, 1), bundle(bad, 2));
    let id = good.id();
    let first = send(&world, &key.seal(&Item::Bundle(good).encode(), 1)).await;
    let second = send(&world, &key.seal(&Item::Bundle(bad).encode(), 2)).await;
    let found = outcome(&world, &first["item"]).await;
    assert_eq!(
        (&found["outcome"], &found["bundleId"]),
        (&json!("included"), &json!(id)),
        "{found}"
    );
    let found = outcome(&world, &second["item"]).await;
    assert_eq!(
        (&found["outcome"], &found["cause"]),
        (&json!("removed"), &json!("Invalid")),
        "{found}"
    );
    for (account, count) in [(1, "0x1"), (2, "0x0")] {
        for chain in [A, B] {
            let params = json!([address(account), "pending"]);
            let found = world.rpc(chain, "eth_getTransactionCount", params).await;
            assert_eq!(found, count, "account {account} on {chain}");
        }
    }
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_silent_member_costs_time_and_nothing_else() {
    let silent = SealingOptions { silent: 1, patience: Duration::from_millis(100), ..options() };
    let world = start(DevConfig { sealing: Some(silent), ..sealing() }).await;
    let key = key(&world).await;
    let sent = send(&world, &key.seal(&transfer(1, 0), 1)).await;
    let found = outcome(&world, &sent["item"]).await;
    assert_eq!(found["outcome"], "included", "opened by squaring: {found}");
    let epoch = world.rpc(A, "weft_getEpoch", json!([key.list.epoch()])).await;
    assert_eq!(epoch["status"], "over");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn s14_what_holds_no_item_is_removed_and_charged_to_who_sent_it() {
    let world = start(sealing()).await;
    let key = key(&world).await;
    let before = deposit_of(&world, PAYER).await;
    let mut undecryptable = key.seal(&transfer(1, 0), 1);
    undecryptable.masked_seed ^= B256::repeat_byte(1);
    let no_item = key.seal(b"no item", 2);
    // Somebody else's ciphertext, sent on under an own payer: the carriage is bound, so it opens to nothing.
    let mut copied = key.seal(&transfer(1, 0), 3);
    copied.carriage.max_fee_wei -= 1;
    let mut causes = Vec::new();
    for envelope in [&undecryptable, &no_item, &copied] {
        let sent = send(&world, envelope).await;
        causes.push(sent["item"].clone());
    }
    for (item, cause) in causes.iter().zip(["Undecryptable", "Malformed", "Undecryptable"]) {
        let found = outcome(&world, item).await;
        assert_eq!((&found["outcome"], &found["cause"]), (&json!("removed"), &json!(cause)));
    }
    let gas = u128::from(GasBucket::new(7).unwrap().gas_limit());
    let each = 256 * options().wei_per_byte + gas * options().wei_per_gas;
    until(async || deposit_of(&world, PAYER).await == before - 3 * each).await;
    // What could be proven at the door was refused there, by name.
    let stranger = world.refused(A, "weft_sendSealed", signed(&copied, PAYER + 1)).await;
    assert_eq!(stranger.code(), -38020, "{stranger:?}");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn s14_an_envelope_copied_under_another_payer_is_dead_and_paid_for_by_that_payer() {
    let world = start(sealing()).await;
    let thief = PAYER + 2;
    deposit(&world, thief, ETHER).await;
    let key = key(&world).await;
    let before = [deposit_of(&world, PAYER).await, deposit_of(&world, thief).await];
    let original = key.seal(&transfer(1, 0), 1);
    // Whoever copies signs for the copy, so that it is taken; the payer is bound, so that it opens to nothing. It even comes first.
    let mut copied = original.clone();
    copied.carriage.payer = address(thief);
    let copied = world.rpc(B, "weft_sendSealed", signed(&copied, thief)).await;
    let sent = send(&world, &original).await;
    let found = outcome(&world, &copied["item"]).await;
    assert_eq!(
        (&found["outcome"], &found["cause"]),
        (&json!("removed"), &json!("Undecryptable")),
        "{found}"
    );
    let found = outcome(&world, &sent["item"]).await;
    assert_eq!(found["outcome"], "included", "{found}");
    let hash = leg(&pay(B, 1, 0, address(9))).tx.hash();
    assert_eq!(found["siblings"][0]["txHash"], json!(hash));
    let gas = u128::from(GasBucket::new(7).unwrap().gas_limit());
    let each = 256 * options().wei_per_byte + gas * options().wei_per_gas;
    // Each pays for its own, neither for the other's.
    let after = before.map(|deposit| deposit - each);
    until(async || [deposit_of(&world, PAYER).await, deposit_of(&world, thief).await] == after)
        .await;
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn t7_a_failure_in_an_envelope_is_dead_in_clear() {
    let world = start(sealing()).await;
    let key = key(&world).await;
    let call = FeeVault::beginWithdrawalCall { amount: U256::MAX };
    let failing = Draft { gas: 100_000, ..Draft::new(A, 1, 0).call(FEE_VAULT, call) };
    let plaintext = Item::Transaction(leg(&failing)).encode();
    let sent = send(&world, &key.seal(&plaintext, 1)).await;
    let found = outcome(&world, &sent["item"]).await;
    assert_eq!((&found["outcome"], &found["cause"]), (&json!("removed"), &json!("Failed")));
    let error = world.refused(A, "eth_sendRawTransaction", json!([failing.raw()])).await;
    assert!(error.message().contains("failed before"), "{error:?}");
    let nonce = world.rpc(A, "eth_getTransactionCount", json!([address(1), "pending"])).await;
    assert_eq!(nonce, "0x0", "it left no trace");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn envelopes_are_refused_by_name() {
    let world = start(sealing()).await;
    let key = key(&world).await;
    let envelope = key.seal(&transfer(1, 0), 1);
    let name = |error: &jsonrpsee::types::ErrorObjectOwned| -> Value {
        let data: Value = serde_json::from_str(error.data().unwrap().get()).unwrap();
        assert_eq!(error.code(), -38020, "{error:?}");
        data["name"].clone()
    };
    let stranger = world.refused(A, "weft_sendSealed", signed(&envelope, PAYER + 1)).await;
    assert_eq!(name(&stranger), "Signature");
    let other = |change: &dyn Fn(&mut Carriage)| {
        let mut carriage = carriage(key.list.epoch(), &transfer(1, 0));
        change(&mut carriage);
        let scheme = EpochKeyScheme::new(&key.list);
        scheme.encrypt(&carriage, &transfer(1, 0), &B256::ZERO).unwrap()
    };
    for (change, expected) in [
        (&(|it: &mut Carriage| it.epoch += 7) as &dyn Fn(&mut Carriage), "OtherEpoch"),
        (&|it| it.valid_until = SlotNumber::new(1), "Expired"),
        (&|it| it.deposit = NetworkId::new(B as u32), "OtherHome"),
        (&|it| it.max_fee_wei = 1, "FeeTooHigh"),
    ] {
        let error = world.refused(A, "weft_sendSealed", signed(&other(change), PAYER)).await;
        assert_eq!(name(&error), expected, "{error:?}");
    }
    let poor = other(&|it| it.payer = address(5));
    let error = world.refused(A, "weft_sendSealed", signed(&poor, 5)).await;
    assert_eq!(name(&error), "Deposit");
    let short = Bytes::copy_from_slice(&envelope.encode()[..40]);
    let error = world.refused(A, "weft_sendSealed", json!([short, Bytes::from([0; 65])])).await;
    assert_eq!(error.code(), -32602);
    let sent = send(&world, &envelope).await;
    let error = world.refused(A, "weft_sendSealed", signed(&envelope, PAYER)).await;
    assert_eq!(name(&error), "Duplicate");
    assert_eq!(outcome(&world, &sent["item"]).await["outcome"], "included");
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn a_realm_without_sealing_says_so() {
    let world = World::start().await;
    let error = world.refused(A, "weft_getEpoch", json!([])).await;
    assert_eq!(error.code(), -38020, "{error:?}");
    world.node.stop().await.unwrap();
}

/// Envelopes that T8 puts behind one deposit, and for how many it pays.
const T8: (usize, usize) = (1_000, 3);

#[tokio::test]
async fn t8_one_deposit_covers_what_it_can_pay() {
    // T8: the rest is refused before it has a position, and what is withdrawn before the reveal pays all the same.
    let slots = SealingOptions { epoch_slots: 80, ..options() };
    let world = start(DevConfig { sealing: Some(slots), ..sealing() }).await;
    let gas = u128::from(GasBucket::new(7).unwrap().gas_limit());
    let each = 256 * options().wei_per_byte + gas * options().wei_per_gas;
    let all = T8.1 as u128 * each;
    deposit(&world, 5, all).await;
    let before = earned(&world).await;
    let key = key(&world).await;
    let answers = world.batches(A, &junk(&key, 5, T8.0)).await;
    let answers: Vec<_> = answers.iter().flat_map(|batch| batch.as_array().unwrap()).collect();
    assert_eq!(answers.len(), T8.0);
    let (refused, taken): (Vec<&Value>, Vec<&Value>) =
        answers.iter().partition(|answer| answer["error"].is_object());
    assert_eq!(taken.len(), T8.1);
    for answer in refused {
        assert!(answer["error"]["message"].as_str().unwrap().contains("deposit"), "{answer}");
    }

    let leave = FeeVault::beginWithdrawalCall { amount: U256::from(all) };
    let leave = world.send(&Draft::new(A, 5, 0).call(FEE_VAULT, leave)).await;
    until(async || world.receipt(A, leave).await != Value::Null).await;
    assert_eq!(world.receipt(A, leave).await["status"], "0x1");
    let leaving = FeeVault::leavingOfCall { payer: address(5) };
    let left = world.view(A, FEE_VAULT, leaving.clone()).await.amount;
    assert_eq!((deposit_of(&world, 5).await, left), (0, U256::from(all)), "all of it leaves");
    let epoch = world.rpc(A, "weft_getEpoch", json!([])).await;
    assert_eq!((&epoch["epoch"], &epoch["status"]), (&json!(key.list.epoch()), &json!("open")));
    assert_eq!(earned(&world).await, before, "nothing was read, so nothing is charged");

    for answer in taken {
        let found = outcome(&world, &answer["result"]["item"]).await;
        assert_eq!((&found["outcome"], &found["cause"]), (&json!("removed"), &json!("Malformed")));
    }
    until(async || earned(&world).await != before).await;
    assert_eq!(earned(&world).await - before, U256::from(all), "the sequencer loses nothing");
    assert_eq!(world.view(A, FEE_VAULT, leaving).await.amount, U256::ZERO);
    world.node.stop().await.unwrap();
}

/// Returns batches of requests that send `count` envelopes of one payer, with nothing in them that runs.
fn junk(key: &Key, payer: usize, count: usize) -> Vec<Value> {
    let scheme = EpochKeyScheme::new(&key.list);
    let carriage = Carriage { payer: address(payer), ..carriage(key.list.epoch(), b"junk") };
    let request = |salt: usize| {
        let entropy = keccak256(salt.to_be_bytes());
        let envelope = scheme.encrypt(&carriage, b"junk", &entropy).unwrap();
        let params = signed(&envelope, payer);
        json!({ "jsonrpc": "2.0", "id": salt, "method": "weft_sendSealed", "params": params })
    };
    let requests: Vec<_> = (0..count).map(request).collect();
    requests.chunks(100).map(|chunk| json!(chunk)).collect()
}

/// Returns what carriage brought to who produces the blocks of A.
async fn earned(world: &World) -> U256 {
    let block = world.rpc(A, "eth_getBlockByNumber", json!(["latest", false])).await;
    let beneficiary = serde_json::from_value(block["miner"].clone()).unwrap();
    world.view(A, FEE_VAULT, FeeVault::earnedCall { beneficiary }).await
}

#[tokio::test]
async fn a_power_cut_in_the_middle_of_an_epoch_loses_nothing() {
    let disk = SimDisk::default();
    let slow = |disk: &SimDisk| DevConfig {
        log_disk: Some(Arc::new(disk.clone())),
        // The seed of the committee dies with the process, so what it dealt is opened by squaring.
        sealing: Some(SealingOptions { patience: Duration::from_millis(50), ..options() }),
        ..sealing()
    };
    let world = start(slow(&disk)).await;
    let key = key(&world).await;
    let sent = send(&world, &key.seal(&transfer(1, 0), 1)).await;
    let before = world.rpc(A, "weft_getOutcome", json!([sent["item"]])).await;
    assert_eq!(before["outcome"], "sealed");
    disk.set_fault(Some(Fault::Dies(0)));
    disk.cut_power(&mut |_| 0);
    world.node.stop().await.unwrap();
    disk.set_fault(None);
    let world = World::with(slow(&disk)).await;
    let after = world.rpc(A, "weft_getOutcome", json!([sent["item"]])).await;
    assert!(after["position"]["text"].is_string(), "{after}");
    let found = outcome(&world, &sent["item"]).await;
    assert_eq!(found["outcome"], "included", "{found}");
    // Everything once more, from a log that holds an opening.
    world.node.stop().await.unwrap();
    let world = World::with(slow(&disk)).await;
    let again = world.rpc(A, "weft_getOutcome", json!([sent["item"]])).await;
    assert_eq!(again, found);
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn t1_executors_elsewhere_and_clocks_that_stop_are_refused_beside_sealed_items() {
    for (other, what) in [
        (DevConfig { executors: vec![A], ..sealing() }, "executors in processes of their own"),
        (DevConfig { seed: Some(7), ..sealing() }, "a seed"),
        (DevConfig { mining: Mining::OnDemand, ..sealing() }, "slots that close on demand"),
        (DevConfig { load_state: Some("state.json".into()), ..sealing() }, "a state file"),
    ] {
        let error = Node::start(other).await.unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("with sealed items"), "{error}");
    }
}

#[tokio::test]
async fn a_data_directory_goes_on_with_epochs_and_committee() {
    let dir = tempfile::TempDir::new().unwrap();
    let durable = || DevConfig { data_dir: Some(dir.path().into()), ..sealing() };
    let world = start(durable()).await;
    let first = key(&world).await;
    let sent = send(&world, &first.seal(&transfer(1, 0), 1)).await;
    world.node.stop().await.unwrap();
    let world = World::with(durable()).await;
    let found = outcome(&world, &sent["item"]).await;
    assert_eq!(found["outcome"], "included", "{found}");
    let next = key(&world).await;
    let sent = send(&world, &next.seal(&transfer(1, 1), 2)).await;
    assert_eq!(outcome(&world, &sent["item"]).await["outcome"], "included");
    world.node.stop().await.unwrap();
    let other = SealingOptions { epoch_slots: 9, ..options() };
    let other = DevConfig { sealing: Some(other), ..durable() };
    let refused = weft_node::Node::start(other).await;
    assert!(refused.is_err(), "the realm was made with other epochs");
}

#[test]
fn plaintexts_are_items_and_nothing_else() {
    let item = Item::Transaction(leg(&pay(A, 1, 0, address(9))));
    assert_eq!(Item::from_plaintext(&item.encode()), Ok(item.clone()));
    assert!(Item::from_plaintext(&item.encode()[1..]).is_err());
    assert!(Item::from_plaintext(&[&item.encode()[..], &[0]].concat()).is_err());
    assert!(Item::decode(&item.encode()).is_ok());
    let call = FeeVault::collectCall { beneficiary: Address::ZERO }.abi_encode();
    assert!(Item::from_plaintext(&call).is_err());
}

#[tokio::test]
async fn p40_every_block_of_a_realm_with_sealed_items_follows_from_its_batches() {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let world = start(DevConfig { data_dir: Some(data.clone()), ..sealing() }).await;
    let key = key(&world).await;
    let good = send(&world, &key.seal(&transfer(1, 0), 1)).await;
    let mut torn = key.seal(&transfer(2, 0), 2);
    torn.body[0] ^= 1;
    let torn = send(&world, &torn).await;
    let word = send(&world, &key.seal(b"no item", 3)).await;
    assert_eq!(outcome(&world, &good["item"]).await["outcome"], "included");
    assert_eq!(outcome(&world, &torn["item"]).await["cause"], "Undecryptable");
    assert_eq!(outcome(&world, &word["item"]).await["cause"], "Malformed");
    let last = world.send(&pay(A, 5, 0, address(9))).await;
    until(async || world.rpc(A, "eth_getTransactionReceipt", json!([last])).await != Value::Null)
        .await;
    // Slots go on by the clock, so that later blocks than these may follow.
    let expected = crate::batches::hashes(&world, &[A, B, B + 1]).await;
    world.node.stop().await.unwrap();
    crate::batches::export(&data, &batches);
    let (verifier, derived) = crate::batches::derive(&batches).unwrap();
    assert_eq!(verifier.done().derived.removed, 2);
    for (block, hash) in &expected {
        assert_eq!(derived.get(block), Some(hash), "{block:?}");
    }
}

/// The parts of a bundle of two users, a payment of each on a rollup of its own.
pub(crate) fn parts(epoch: u64) -> [Part; 2] {
    let (domain, level) = (Domain::dev(), SafetyLevel::Reputation);
    let drafts = [pay(A, 6, 0, address(9)), pay(B, 7, 0, address(9))];
    let blinding = |index: usize| B256::repeat_byte(0xb0 + index as u8);
    let commit =
        |index: usize| LegShape::of(&leg(&drafts[index])).commitment(&domain, &blinding(index));
    let (salt, commitments) = (B256::repeat_byte(1), vec![commit(0), commit(1)]);
    let shape = PartedShape { salt, level, epoch, commitments };
    let data = Bytes::copy_from_slice(&shape.id(&domain).suffix());
    let part = |index: usize| {
        let marked = Draft { data: data.clone(), ..drafts[index].clone() };
        Part::new(&domain, &shape, index as u16, blinding(index), leg(&marked)).unwrap()
    };
    [part(0), part(1)]
}

/// Sends five plaintexts that hold nothing and are too much for one slot, a transfer behind them, and around all that the two
/// parts of a bundle.
pub(crate) async fn send_much(world: &World, key: &Key) -> Vec<Value> {
    let mut items = Vec::new();
    let [first, second] = parts(key.list.epoch()).map(|part| Item::Part(part).encode());
    items.push(send(world, &key.seal(&second, 10)).await["item"].clone());
    for salt in 0..5 {
        let sent = send(world, &key.seal(&vec![salt as u8; 130_000], salt)).await;
        items.push(sent["item"].clone());
    }
    items.push(send(world, &key.seal(&transfer(1, 0), 9)).await["item"].clone());
    items.push(send(world, &key.seal(&first, 11)).await["item"].clone());
    items
}

/// Checks that the items ran in two slots, one behind the other; returns what became of them.
pub(crate) async fn ran_in_two(world: &World, items: &[Value]) -> Vec<Value> {
    let mut found = Vec::new();
    for item in items {
        found.push(outcome(world, item).await);
    }
    let slots = found.iter().map(|found| found["position"]["slot"].as_u64().unwrap());
    let first = found[1]["position"]["slot"].as_u64().unwrap();
    // The part of the first slot answers what became of its bundle, which ran in the next.
    assert!(slots.eq([1, 0, 0, 0, 0, 1, 1, 1].map(|later| first + later)), "{found:?}");
    assert!(found[1..6].iter().all(|found| found["cause"] == "Malformed"), "{found:?}");
    assert_eq!(found[6]["outcome"], "included", "{}", found[6]);
    assert_eq!(found[0]["outcome"], "included", "{}", found[0]);
    assert_eq!(found[7]["outcome"], "included", "{}", found[7]);
    assert_eq!(found[7]["bundleId"], found[0]["bundleId"]);
    let ran = found[7]["siblings"].as_array().unwrap().iter().map(|leg| &leg["success"]);
    assert!(ran.eq([&json!(true), &json!(true)]), "{}", found[7]);
    found
}

#[tokio::test]
async fn p2_an_epoch_that_is_too_much_for_one_slot_runs_in_several() {
    let dir = tempfile::tempdir().unwrap();
    let [data, live, batches] = ["data", "live", "batches"].map(|name| dir.path().join(name));
    let limits = weft_node::BatchLimits { slots: 20, ..Default::default() };
    let options = weft_node::BatchOptions { dir: live.clone(), limits, is_volatile: false };
    let config = DevConfig { data_dir: Some(data.clone()), batches: Some(options), ..sealing() };
    let world = start(config.clone()).await;
    let items = send_much(&world, &key(&world).await).await;
    let found = ran_in_two(&world, &items).await;
    // The payer is charged for each of both slots.
    let plain = world.send(&pay(A, 5, 0, address(9))).await;
    until(async || world.rpc(A, "eth_getTransactionReceipt", json!([plain])).await != Value::Null)
        .await;
    let expected = crate::batches::hashes(&world, &[A, B, B + 1]).await;
    world.node.stop().await.unwrap();
    crate::batches::export(&data, &batches);
    let (verifier, derived) = crate::batches::derive(&batches).unwrap();
    assert_eq!(verifier.done().derived.removed, 5);
    for (block, hash) in &expected {
        assert_eq!(derived.get(block), Some(hash), "{block:?}");
    }
    let world = World::with(config).await;
    assert_eq!(ran_in_two(&world, &items).await, found);
    world.node.stop().await.unwrap();
    let (verifier, written) = crate::batches::derive(&live).unwrap();
    assert!(verifier.done().batches > 0);
    assert!(written.iter().all(|(block, hash)| derived.get(block) == Some(hash)));
}

/// A transaction that uses all of its gas, which takes longer than a slot of few milliseconds.
fn loops(account: usize) -> Vec<u8> {
    let code = Bytes::from_static(&[0x5b, 0x5f, 0x56]);
    let draft = Draft { gas: 4_000_000, ..Draft::new(B, account, 0).create(&code) };
    Item::Transaction(leg(&draft)).encode()
}

#[tokio::test]
async fn p2_a_slot_may_expire_while_a_part_of_an_epoch_runs() {
    let dir = tempfile::tempdir().unwrap();
    let [data, batches] = ["data", "batches"].map(|name| dir.path().join(name));
    let options = SealingOptions { epoch_slots: 500, ..options() };
    let data_dir = Some(data.clone());
    let config = DevConfig { data_dir, slot_ms: 5, sealing: Some(options), ..sealing() };
    let world = start(config.clone()).await;
    let key = key(&world).await;
    let nothing = (0..5).map(|salt| vec![salt; 130_000]);
    let plaintexts = [loops(1)].into_iter().chain(nothing).chain([transfer(2, 0)]);
    let mut items = Vec::new();
    for (plaintext, salt) in plaintexts.zip(0..) {
        items.push(send(&world, &key.seal(&plaintext, salt)).await["item"].clone());
    }
    let slot = async |world: &World, item: &Value| {
        let found = outcome(world, item).await;
        found["position"]["slot"].as_u64().unwrap()
    };
    let (first, last) = (slot(&world, &items[0]).await, slot(&world, &items[6]).await);
    assert_eq!(last, first + 1);
    world.node.stop().await.unwrap();
    // What reads the whole log finds the same.
    crate::batches::export(&data, &batches);
    let (verifier, _) = crate::batches::derive(&batches).unwrap();
    assert_eq!(verifier.done().derived.removed, 6);
    let world = World::with(config).await;
    assert_eq!(slot(&world, &items[6]).await, last);
    world.node.stop().await.unwrap();
}

#[tokio::test]
async fn p2_an_epoch_goes_on_where_a_power_cut_stopped_it() {
    let disk = SimDisk::default();
    let durable = |disk: &SimDisk| DevConfig {
        log_disk: Some(Arc::new(disk.clone())),
        sealing: Some(SealingOptions { patience: Duration::from_millis(50), ..options() }),
        ..sealing()
    };
    let world = start(durable(&disk)).await;
    let key = key(&world).await;
    let items = send_much(&world, &key).await;
    let found = ran_in_two(&world, &items).await;
    let epoch = world.rpc(A, "weft_getEpoch", json!([key.list.epoch()])).await;
    let secret: B256 = serde_json::from_value(epoch["secret"].clone()).unwrap();
    world.node.stop().await.unwrap();
    // The log ends with the record of the opening, and a torn one.
    let find = |bytes: &[u8]| bytes.windows(32).rposition(|part| part == secret.as_slice());
    let mut has_cut = false;
    for (name, _) in disk.files() {
        disk.damage(&name, |bytes| {
            if let Some(at) = find(bytes) {
                bytes.truncate(at + 32 + 27);
                has_cut = true;
            }
        });
    }
    assert!(has_cut, "{:?}", disk.files());
    let world = World::with(durable(&disk)).await;
    let again = ran_in_two(&world, &items).await;
    let positions = |found: &[Value]| -> Vec<Value> {
        found.iter().map(|found| found["position"].clone()).collect()
    };
    assert_eq!(positions(&again), positions(&found));
    world.node.stop().await.unwrap();
}
