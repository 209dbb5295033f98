//! `weft watch --verify`: what is false in a batch on L1 is said, what convicts somebody is found there, and a false result that
//! was promised costs the bond, whatever cause it names.

use crate::{
    deployed::Realm,
    posting::Poster,
    program::Program,
    results::{TOWER_KEY, bond},
    verified::{archive, resigned, settle_all},
    watch::Tower,
};
use alloy_primitives::{B256, U256};
use std::collections::BTreeSet;
use tokio::runtime::Runtime;
use weft_batch::{Batch, WireItem, WireLeg};
use weft_node::{BatchDir, development_sequencer};
use weft_types::{
    Domain, ExecutionPromise, Item, Leg, NetworkId, Position, PromisedRemoval, RemovalCause,
    Section, SignedTx, SlotNumber, Statement, chain_next, chain_start,
};

/// Starts a program that promises with the realm's key, and a watchtower over it that may punish.
async fn watched(realm: &Realm, domain: Domain) -> (Program, Tower) {
    let program = Program::signing(domain, development_sequencer()).await;
    let from = realm.said["from"].to_string();
    let args = ["--l1", &realm.l1.url, "--verify", "--from", &from, "--key", TOWER_KEY];
    let tower = Tower::with(realm.home.path(), &program, &args).await;
    (program, tower)
}

#[test]
fn p18_a_leg_alone_in_a_batch_on_l1_is_found_and_punished_whoever_sent_it() {
    let (realm, runtime) = (Realm::deploy(), Runtime::new().unwrap());
    let dir = archive(&realm);
    let domain = dir.realm().unwrap().domain;
    let (mut program, mut tower) = runtime.block_on(watched(&realm, domain));
    // An honest batch alarms nobody, and neither does a result of an item that nobody has.
    let mut poster = Poster::new(&realm, domain);
    poster.post(&poster.draft(&dir.batch(1).unwrap().unwrap()));
    let marked = program.take_marked(1);
    program.promise(8, std::slice::from_ref(&marked));
    assert!(runtime.block_on(tower.is_silent_for(10)));
    let before = bond(&realm.l1, &realm.said["registry"]);
    // Then the item is in a batch.
    let mut batch = dir.batch(2).unwrap().unwrap();
    let slot = batch.batch.slots.iter_mut().find(|slot| !slot.plaintext.is_empty()).unwrap();
    let leg = WireLeg { network: NetworkId::new(901), may_revert: false, raw: marked.raw };
    slot.plaintext.push(WireItem::Transaction(leg));
    poster.post(&poster.draft(&resigned(batch, &domain)));
    let events = ["alarm", "lie", "punished", "compensated"];
    let told = runtime.block_on(tower.until_all(events, &["trouble", "refused", "waiting"]));
    let [alarm, lie, punished, paid] = told;
    assert_eq!((&alarm["why"], &punished["why"]), (&"unbundling".into(), &"unbundling".into()));
    assert!(lie["why"].as_str().unwrap().contains("batch 2"), "{lie}");
    assert!(lie["why"].as_str().unwrap().contains("unbundled leg"), "{lie}");
    assert_eq!(paid["victim"].as_str().unwrap().to_lowercase(), format!("{:#x}", marked.sender));
    assert!(bond(&realm.l1, &realm.said["registry"]) < before);
    assert!(runtime.block_on(tower.is_silent_for(10)), "it is said and done once");
    program.stop();
}

/// An item that ran: where, what it is, and the running hash after it.
#[derive(Debug)]
struct Ran {
    position: Position,
    item: B256,
    chain: B256,
    network: NetworkId,
}

/// Returns the transactions that a batch includes.
fn included(domain: &Domain, batch: &Batch) -> Vec<Ran> {
    let mut ran = Vec::new();
    for (slot, number) in batch.slots.iter().zip(batch.first.get()..) {
        let (slot_number, section) = (SlotNumber::new(number), Section::Plaintext);
        let mut chain = chain_start(domain, slot_number, section);
        for (wire, index) in slot.plaintext.iter().zip(0..) {
            let WireItem::Transaction(leg) = wire else { panic!("{wire:?}") };
            let (network, may_revert) = (leg.network, leg.may_revert);
            let tx = SignedTx::decode(leg.raw.clone()).unwrap();
            let item = Item::Transaction(Leg { network, tx, may_revert }).hash(domain);
            chain = chain_next(&chain, index, &item);
            let position = Position { slot: slot_number, section, index };
            ran.push(Ran { position, item, chain, network });
        }
        assert!(slot.removals.is_empty(), "{:?}", slot.removals);
    }
    ran
}

fn all_included(dir: &BatchDir) -> Vec<Ran> {
    let domain = dir.realm().unwrap().domain;
    let batches = (1..=dir.count()).map(|number| dir.batch(number).unwrap().unwrap());
    batches.flat_map(|signed| included(&domain, &signed.batch)).collect()
}

#[test]
fn p47_a_false_removal_of_any_cause_that_is_promised_is_punished_without_a_human() {
    let more = ["--bond", "100ether", "--safety-penalty", "1ether"];
    let (realm, runtime) = (Realm::deploy_with(&more), Runtime::new().unwrap());
    let dir = archive(&realm);
    settle_all(&realm, &dir);
    let domain = dir.realm().unwrap().domain;
    let (mut program, mut tower) = runtime.block_on(watched(&realm, domain));
    let ran = all_included(&dir);
    assert!(ran.len() >= RemovalCause::ALL.len(), "{ran:?}");
    assert!(runtime.block_on(tower.is_silent_for(10)), "what is settled alarms nobody");
    let before = bond(&realm.l1, &realm.said["registry"]);
    for (cause, ran) in RemovalCause::ALL.into_iter().zip(&ran) {
        let removal =
            PromisedRemoval { cause, network: ran.network, leg: 0, output_hash: B256::ZERO };
        program.say(vec![Statement::Execution(ExecutionPromise {
            position: ran.position,
            item: ran.item,
            chain: ran.chain,
            l1_origin: B256::ZERO,
            legs: Vec::new(),
            removal: Some(removal),
        })]);
    }
    let mut convicted = BTreeSet::new();
    for _ in RemovalCause::ALL {
        let punished = runtime.block_on(tower.until("punished", &["lie", "trouble", "refused"]));
        assert_eq!(punished["why"], "wrong outcome", "{punished}");
        assert_eq!(punished["slashed"], "1.000000000000000000", "{punished}");
        convicted.insert(punished["conviction"].as_str().unwrap().to_owned());
    }
    assert_eq!(convicted.len(), RemovalCause::ALL.len(), "one for each");
    let lost = before - bond(&realm.l1, &realm.said["registry"]);
    assert_eq!(lost, U256::from(RemovalCause::ALL.len()) * U256::from(10_u64.pow(18)));
    program.stop();
}
