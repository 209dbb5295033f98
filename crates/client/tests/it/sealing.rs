//! Sealed items from a Rust program: seal, send, promise and outcome; and what is refused.

use crate::world::{A, B, address, signer};
use alloy_network::TxSignerSync as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_sol_types::SolCall as _;
use std::time::Duration;
use weft_client::{
    ClientError, Committee, HiddenLeg, Outcome, Patience, Promised, Realm, SealingTerms,
};
use weft_contracts::{FeeVault, addresses::FEE_VAULT};
use weft_node::{DevConfig, Node, NodeHandle, SealingOptions};
use weft_types::{
    Domain, Item, LegShape, NetworkId, PartedShape, RemovalCause, SafetyLevel, Section, Statement,
};

/// Account that pays for carriage.
const PAYER: usize = 3;

async fn start() -> (NodeHandle, Realm) {
    start_with(20).await
}

async fn start_with(epoch_slots: u64) -> (NodeHandle, Realm) {
    let sealing = SealingOptions {
        epoch_slots,
        members: 2,
        delay_squarings: 1 << 10,
        close_margin_ms: 60_000,
        ..SealingOptions::default()
    };
    let config = DevConfig { port: 0, slot_ms: 50, sealing: Some(sealing), ..DevConfig::default() };
    let node = Node::start(config).await.unwrap();
    let realm = Realm::connect(&node.rollups()[0].url).await.unwrap();
    (node, realm)
}

/// Puts an ether into the vault for the payer, and waits until it counts.
async fn deposit(realm: &Realm) {
    let home = realm.rollup(A).unwrap();
    let call = FeeVault::depositCall { payer: address(PAYER) }.abi_encode();
    let value = U256::from(1_000_000_000_000_000_000_u128);
    let request =
        TransactionRequest::default().to(FEE_VAULT).value(value).input(Bytes::from(call).into());
    let sent = home.send_sync(&signer(8), request).await.unwrap();
    let hash = sent.transaction_hash;
    loop {
        let receipt = home.provider().get_transaction_receipt(hash).await.unwrap();
        if receipt.is_some_and(|receipt| receipt.block_hash.is_some_and(|hash| !hash.is_zero())) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn transfer(nonce: u64) -> Bytes {
    use alloy_consensus::{SignableTransaction as _, TxEip1559};
    use alloy_eips::eip2718::Encodable2718 as _;
    let mut tx = TxEip1559 {
        chain_id: B,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(Address::repeat_byte(0x77)),
        value: U256::from(5),
        ..TxEip1559::default()
    };
    let signature = signer(1).sign_transaction_sync(&mut tx).unwrap();
    let signed = tx.into_signed(signature);
    alloy_consensus::TxEnvelope::from(signed).encoded_2718().into()
}

#[tokio::test]
async fn p14_seal_and_send_returns_with_a_checked_promise() {
    let (node, realm) = start().await;
    deposit(&realm).await;
    let item = realm.item_of(transfer(0)).unwrap();
    let payer = signer(PAYER);
    let promised = realm.seal_and_send(&item, &payer, &SealingTerms::default()).await.unwrap();
    assert_eq!(promised.position.section, Section::Sealed);
    assert_eq!(promised.sealed.payer(), address(PAYER));
    let Statement::Order(order) = promised.promise.statement() else { panic!("{promised:?}") };
    assert_eq!((order.item, order.position), (promised.sealed.id, promised.position));
    let outcome = realm.wait_for(promised.sealed.id, Patience::default()).await.unwrap();
    assert!(matches!(outcome, Outcome::Executed(_)), "{outcome:?}");
    let balance = realm.rollup(B).unwrap().balance(Address::repeat_byte(0x77)).await.unwrap();
    assert_eq!(balance, U256::from(5));
    // The very same envelope again is no new item.
    let again = realm.send_sealed(promised.sealed, None).await.unwrap_err();
    assert!(matches!(&again, ClientError::Refused(refused) if refused.code == -38020), "{again}");
    node.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_to_be_trusted_or_paid_is_refused_before_it_is_sent() {
    let (node, realm) = start().await;
    let item = realm.item_of(transfer(0)).unwrap();
    let payer = signer(PAYER);
    let poor = realm.seal_and_send(&item, &payer, &SealingTerms::default()).await.unwrap_err();
    assert!(matches!(&poor, ClientError::Refused(refused) if refused.name == "Deposit"), "{poor}");
    deposit(&realm).await;
    let cheap = SealingTerms { max_fee_wei: 1, ..SealingTerms::default() };
    let error = realm.seal_and_send(&item, &payer, &cheap).await.unwrap_err();
    assert!(matches!(&error, ClientError::Sealing(why) if why.contains("may cost")), "{error}");
    // Its members are in the node's own process and sign nothing.
    let members = (1..=2).map(|member| (member, address(member as usize))).collect();
    let committee = Some(Committee { members, least: 2, least_delay: 0 });
    let strict = SealingTerms { committee, ..SealingTerms::default() };
    let error = realm.seal_and_send(&item, &payer, &strict).await.unwrap_err();
    assert!(matches!(&error, ClientError::Sealing(why) if why.contains("not signed")), "{error}");
    let other = SealingTerms { promise_key: Some(address(9)), ..SealingTerms::default() };
    let error = realm.seal_and_send(&item, &payer, &other).await.unwrap_err();
    assert!(matches!(error, ClientError::NoPromise { .. }), "{error}");
    assert!(realm.item_of(Bytes::from([1, 2, 3])).is_err());
    node.stop().await.unwrap();
}

/// A leg of somebody's, signed with the marker of a bundle.
fn marked(account: usize, chain_id: u64, leg: &HiddenLeg, bundle: &PartedShape) -> Bytes {
    marked_at(account, chain_id, leg, bundle, 0)
}

fn marked_at(
    account: usize,
    chain_id: u64,
    leg: &HiddenLeg,
    bundle: &PartedShape,
    nonce: u64,
) -> Bytes {
    use alloy_consensus::{SignableTransaction as _, TxEip1559};
    use alloy_eips::eip2718::Encodable2718 as _;
    let mut tx = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: 50_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(leg.shape().to.unwrap()),
        value: leg.shape().value,
        input: leg.marked_data(&Domain::dev(), bundle),
        ..TxEip1559::default()
    };
    let signature = signer(account).sign_transaction_sync(&mut tx).unwrap();
    alloy_consensus::TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into()
}

fn hidden(account: usize, chain_id: u64, wei: u64) -> HiddenLeg {
    let shape = LegShape {
        network: NetworkId::new(chain_id as u32),
        sender: address(account),
        to: Some(Address::repeat_byte(0x78)),
        value: U256::from(wei),
        data: Bytes::new(),
        may_revert: false,
    };
    HiddenLeg::new(shape).unwrap()
}

fn agreed(legs: [&HiddenLeg; 2], epoch: u64) -> PartedShape {
    PartedShape {
        salt: B256::repeat_byte(1),
        level: SafetyLevel::Reputation,
        epoch,
        commitments: legs.map(|leg| leg.commitment(&Domain::dev())).to_vec(),
    }
}

/// Waits for the first half of an epoch with a key, and returns its number.
async fn fresh_epoch(realm: &Realm) -> u64 {
    let seen = realm.sealing_key(None, None).await.unwrap().map_or(0, |key| key.epoch());
    loop {
        if let Some(key) = realm.sealing_key(None, None).await.unwrap()
            && key.epoch() > seen
        {
            return key.epoch();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn p18_two_users_seal_a_leg_each_and_both_run_or_none() {
    let (node, realm) = start_with(60).await;
    deposit(&realm).await;
    let (payer, terms) = (signer(PAYER), SealingTerms::default());
    let balance = async || {
        let on =
            async |chain| realm.rollup(chain).unwrap().balance(Address::repeat_byte(0x78)).await;
        [on(A).await.unwrap(), on(B).await.unwrap()].map(|wei| wei.to::<u64>())
    };
    // Each shows the other a commitment, and nothing else.
    let (alice, bob) = (hidden(1, A, 5), hidden(2, B, 7));
    let epoch = fresh_epoch(&realm).await;
    let bundle = agreed([&alice, &bob], epoch);
    let id = bundle.id(&Domain::dev()).hash();
    let part = |account, chain, leg: &HiddenLeg| {
        leg.part(&Domain::dev(), &bundle, marked(account, chain, leg, &bundle)).unwrap()
    };
    let mut envelopes = Vec::new();
    // Bob signed a second transaction for his leg.
    let twin = marked_at(2, B, &bob, &bundle, 11);
    let twin_hash = keccak256(&twin);
    let twin = bob.part(&Domain::dev(), &bundle, twin).unwrap();
    let mut promised = Vec::new();
    for part in [part(2, B, &bob), part(1, A, &alice), twin] {
        let sent = realm.seal_and_send(&part, &payer, &terms).await.unwrap();
        assert_eq!(sent.sealed.envelope.carriage.epoch, epoch);
        envelopes.push(sent.sealed.id);
        promised.push(sent);
    }
    both_promised(&realm, &promised, epoch).await;
    assert_eq!(realm.outcome(id).await.unwrap(), None, "nobody can read it yet");
    let last = realm.wait_for(envelopes[1], Patience::default()).await.unwrap();
    let Outcome::Executed(done) = last else { panic!("{last:?}") };
    let legs: Vec<_> = done.legs.iter().map(|leg| (leg.chain_id, leg.success)).collect();
    assert_eq!(legs, [(A, Some(true)), (B, Some(true))]);
    let first = realm.outcome(envelopes[0]).await.unwrap();
    assert!(matches!(first, Some(Outcome::Executed(_))), "all of its bundle ran: {first:?}");
    realm.wait_for(envelopes[2], Patience::default()).await.unwrap();
    for key in [envelopes[2], twin_hash] {
        let twin = realm.outcome(key).await.unwrap();
        let Some(Outcome::Removed(twin)) = twin else { panic!("{twin:?}") };
        assert_eq!((twin.cause, twin.leg), (RemovalCause::Invalid, 1));
    }
    assert!(matches!(realm.outcome(id).await.unwrap(), Some(Outcome::Executed(_))));
    assert_eq!(balance().await, [5, 7]);

    // Bob keeps his part back, reads Alice's, and wants both to run after all.
    let (alice, bob) = (hidden(4, A, 11), hidden(5, B, 13));
    let epoch = fresh_epoch(&realm).await;
    let bundle = agreed([&alice, &bob], epoch);
    let id = bundle.id(&Domain::dev()).hash();
    let part = |account, chain, leg: &HiddenLeg| {
        leg.part(&Domain::dev(), &bundle, marked(account, chain, leg, &bundle)).unwrap()
    };
    let sent = realm.seal_and_send(&part(4, A, &alice), &payer, &terms).await.unwrap();
    let alone = realm.wait_for(sent.sealed.id, Patience::default()).await.unwrap();
    let Outcome::Part(alone) = alone else { panic!("{alone:?}") };
    assert_eq!((alone.bundle_id, alone.leg, alone.legs), (id, 0, 2));
    assert!(matches!(realm.outcome(id).await.unwrap(), Some(Outcome::Part(_))), "not complete");
    let late = realm.seal_and_send(&part(5, B, &bob), &payer, &terms).await.unwrap_err();
    assert!(matches!(&late, ClientError::Sealing(why) if why.contains("alone")), "{late}");
    // Without the client's help: both in a later epoch's envelopes.
    for part in [part(4, A, &alice), part(5, B, &bob)] {
        let key = loop {
            match realm.sealing_key(None, None).await.unwrap() {
                Some(key) => break key,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let sealed = key.seal(&part, &payer, &terms).await.unwrap();
        let sent = realm.send_sealed(sealed, None).await.unwrap();
        let outcome = realm.wait_for(sent.sealed.id, Patience::default()).await.unwrap();
        assert!(
            matches!(&outcome, Outcome::Removed(removed) if removed.cause == RemovalCause::Malformed),
            "{outcome:?}"
        );
    }
    // Nor does the leg that everybody has read run alone.
    let raw = marked(4, A, &alice, &bundle);
    let sent = realm.rollup(A).unwrap().provider().send_raw_transaction(&raw).await;
    drop(sent);
    assert_eq!(balance().await, [5, 7]);
    node.stop().await.unwrap();
}

/// P14: Alice has her envelope and Bob's promised together; nobody else's word is taken for it.
async fn both_promised(realm: &Realm, promised: &[Promised], epoch: u64) {
    let [bob, alice, _] = promised else { panic!("three were sent") };
    let orders = [bob.promise.clone()];
    let ask = |others: Vec<B256>, key| {
        let orders = &orders;
        async move { realm.promise_bundle(&alice.sealed, &others, orders, key).await }
    };
    let both = ask(vec![bob.sealed.id], None).await.unwrap();
    let bundle = both.bundle().unwrap();
    assert_eq!(bundle.epoch, epoch);
    let positions: Vec<_> = bundle.places.iter().map(|place| place.position).collect();
    assert_eq!(positions, [bob.position, alice.position]);
    assert!(both.is_about(bob.sealed.id) && !both.is_about(promised[2].sealed.id));
    assert_eq!(ask(vec![bob.sealed.id], None).await.unwrap(), both, "the same again");
    let strangers = ask(vec![bob.sealed.id], Some(Address::ZERO)).await.unwrap_err();
    assert!(matches!(&strangers, ClientError::NoPromise { .. }), "{strangers}");
    let unknown = ask(vec![B256::ZERO], None).await.unwrap_err();
    assert!(
        matches!(&unknown, ClientError::Refused(why) if why.name == "UnknownEnvelope"),
        "{unknown}"
    );
}

#[test]
fn p18_a_part_is_made_of_what_was_agreed_on_alone() {
    let (own, other) = (hidden(1, A, 5), hidden(2, B, 7));
    let bundle = agreed([&own, &other], 7);
    let part = |leg: &HiddenLeg, bundle: &PartedShape, raw| leg.part(&Domain::dev(), bundle, raw);
    let raw = marked(1, A, &own, &bundle);
    let Item::Part(made) = part(&own, &bundle, raw.clone()).unwrap() else { panic!("a part") };
    assert_eq!((made.index(), made.count(), made.epoch()), (0, 2, 7));
    for (what, leg, raw, named) in [
        ("a stranger's leg", hidden(1, A, 5), raw, "does not commit"),
        ("another's transaction", own.clone(), marked(2, A, &own, &bundle), "somebody else's"),
        ("on another chain", own.clone(), marked(1, B, &own, &bundle), "another chain"),
        ("junk", own.clone(), Bytes::from([1, 2]), "not a transaction"),
        (
            "for another bundle",
            own.clone(),
            marked(1, A, &own, &agreed([&own, &other], 8)),
            "marker",
        ),
    ] {
        let error = part(&leg, &bundle, raw).unwrap_err().to_string();
        assert!(error.contains(named), "{what}: {error}");
    }
    assert_eq!(format!("{own:?}"), "HiddenLeg(..)", "nothing of it in a log");
}
