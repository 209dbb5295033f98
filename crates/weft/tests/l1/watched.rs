//! `weft watch --verify`: what is false in a batch on L1 is said, and what convicts somebody is found there.

use crate::{
    deployed::Realm,
    posting::Poster,
    program::Program,
    verified::{archive, resigned},
    watch::Tower,
};
use tokio::runtime::Runtime;
use weft_batch::{WireItem, WireLeg};
use weft_types::NetworkId;

#[test]
fn p18_a_leg_alone_in_a_batch_on_l1_is_found_whoever_sent_it() {
    let (realm, runtime) = (Realm::deploy(), Runtime::new().unwrap());
    let dir = archive(&realm);
    let domain = dir.realm().unwrap().domain;
    let mut program = runtime.block_on(Program::start(domain));
    let from = realm.said["from"].to_string();
    let args = ["--l1", &realm.l1.url, "--verify", "--from", &from];
    let mut tower = runtime.block_on(Tower::with(realm.home.path(), &program, &args));
    // An honest batch alarms nobody, and neither does a result of an item that nobody has.
    let mut poster = Poster::new(&realm, domain);
    poster.post(&poster.draft(&dir.batch(1).unwrap().unwrap()));
    let marked = program.take_marked(1);
    program.promise(8, std::slice::from_ref(&marked));
    assert!(runtime.block_on(tower.is_silent_for(10)));
    // Then the item is in a batch.
    let mut batch = dir.batch(2).unwrap().unwrap();
    let slot = batch.batch.slots.iter_mut().find(|slot| !slot.plaintext.is_empty()).unwrap();
    let leg = WireLeg { network: NetworkId::new(901), may_revert: false, raw: marked.raw };
    slot.plaintext.push(WireItem::Transaction(leg));
    poster.post(&poster.draft(&resigned(batch, &domain)));
    let alarm = runtime.block_on(tower.until("alarm", &["lie"]));
    assert_eq!(alarm["why"], "unbundling");
    let lie = runtime.block_on(tower.until("lie", &["trouble"]));
    assert!(lie["why"].as_str().unwrap().contains("batch 2"), "{lie}");
    assert!(lie["why"].as_str().unwrap().contains("unbundled leg"), "{lie}");
    assert!(runtime.block_on(tower.is_silent_for(10)), "it is said once");
    program.stop();
}
