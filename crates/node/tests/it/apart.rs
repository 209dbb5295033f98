//! A committee whose members are elsewhere: what they sign travels with what it opens (P17, T12).

use crate::{
    sealed::{Key, key, outcome, sealing, send, start, transfer, until},
    world::{A, B, World, address},
};
use alloy_primitives::{B256, Bytes, keccak256};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path};
use weft_crypto::{KeyList, Proof, Secret, Setup, ShareContext, deal};
use weft_node::{DEV_ACCOUNTS, DevConfig, SealingOptions};
use weft_types::Domain;

/// Members, and the accounts whose keys are theirs.
const MEMBERS: [(u32, usize); 2] = [(1, 6), (2, 7)];

/// A realm that squares for nobody.
fn config(dir: &Path) -> DevConfig {
    let config = DevConfig { data_dir: Some(dir.into()), ..sealing() };
    let options = config.sealing.clone().unwrap();
    let roster = MEMBERS.map(|(member, account)| (member, address(account))).into();
    let sealing = SealingOptions { members: 0, roster, solves: false, ..options };
    DevConfig { sealing: Some(sealing), ..config }
}

/// Both members, as they sit somewhere else.
struct Committee {
    setup: Setup,
    announced: BTreeSet<u64>,
}

impl Committee {
    async fn meet(world: &World) -> Self {
        let committee = world.rpc(A, "weft_committee", json!([])).await;
        let setup: Bytes = serde_json::from_value(committee["setup"].clone()).unwrap();
        Self { setup: Setup::decode(&setup).unwrap(), announced: BTreeSet::new() }
    }

    fn secret(&self, epoch: u64, member: u32) -> (Secret, weft_crypto::Share) {
        let context = ShareContext { domain: Domain::dev(), epoch, member };
        deal(&self.setup, &context, &keccak256([epoch.to_be_bytes(), [member as u8; 8]].concat()))
    }

    /// Announces for the epochs that are due.
    async fn announce(&mut self, world: &World) {
        let coming = world.rpc(A, "weft_committee", json!([])).await["coming"].clone();
        for coming in coming.as_array().unwrap() {
            let epoch = coming["epoch"].as_u64().unwrap();
            if coming["keyList"] != Value::Null || !self.announced.insert(epoch) {
                continue;
            }
            for (member, account) in MEMBERS {
                let (_, share) = self.secret(epoch, member);
                let context = ShareContext { domain: Domain::dev(), epoch, member };
                let digest = share.announcement_digest(&self.setup, &context);
                let signature = Bytes::from(DEV_ACCOUNTS[account].sign_hash(digest).unwrap());
                let params =
                    json!([epoch, member, Bytes::from(share.encode().to_vec()), signature]);
                // What is too late is announced again for the next one.
                let _ = world.try_rpc(A, "weft_announceShare", params).await;
            }
        }
    }

    /// Announces until an epoch with a key is open, and returns the key.
    async fn key(&mut self, world: &World) -> Key {
        for _ in 0..2_000 {
            self.announce(world).await;
            let epoch = world.rpc(A, "weft_getEpoch", json!([])).await;
            if epoch["status"] == "open" {
                return key(world).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no epoch has a key")
    }

    /// Waits for the closing head of an epoch.
    async fn closed(&self, world: &World, epoch: u64) -> B256 {
        let head = std::sync::Mutex::new(B256::ZERO);
        until(async || {
            let found = world.rpc(A, "weft_getEpoch", json!([epoch])).await;
            let is_closed = found["status"] == "closed";
            if is_closed {
                *head.lock().unwrap() =
                    serde_json::from_value(found["closingHead"].clone()).unwrap();
            }
            is_closed
        })
        .await;
        head.into_inner().unwrap()
    }

    fn release(&self, list: &KeyList, member: u32, account: usize, head: B256) -> Value {
        let (secret, _) = self.secret(list.epoch(), member);
        let digest = list.release_digest(member, &head);
        let signature = Bytes::from(DEV_ACCOUNTS[account].sign_hash(digest).unwrap());
        json!([list.epoch(), member, head, B256::new(secret.to_bytes()), signature])
    }
}

/// Seals a transfer and lets the epoch be opened; then everything follows from the batches, before and after a start.
async fn opened(open: impl AsyncFn(&World, &Committee, &KeyList, B256)) {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let world = start(config(&data)).await;
    let mut committee = Committee::meet(&world).await;
    let key = committee.key(&world).await;
    let sent = send(&world, &key.seal(&transfer(1, 0), 1)).await;
    let head = committee.closed(&world, key.list.epoch()).await;
    open(&world, &committee, &key.list, head).await;
    let found = outcome(&world, &sent["item"]).await;
    assert_eq!(found["outcome"], "included", "{found}");
    let hash = found["siblings"][0]["txHash"].clone();
    until(async || world.rpc(B, "eth_getTransactionReceipt", json!([hash])).await != Value::Null)
        .await;
    let expected = crate::batches::hashes(&world, &[A, B, B + 1]).await;
    world.node.stop().await.unwrap();
    crate::batches::export(&data, &batches);
    let (_, derived) = crate::batches::derive(&batches).unwrap();
    for (block, hash) in &expected {
        assert_eq!(derived.get(block), Some(hash), "{block:?}");
    }
    // The members are part of the realm: it is not opened with others.
    let mut other = config(&data);
    other.sealing.as_mut().unwrap().roster.insert(2, address(9));
    assert!(weft_node::Node::start(other).await.is_err());
}

#[tokio::test]
async fn t12_what_members_released_for_travels_with_what_it_opens() {
    opened(async |world, committee, list, head| {
        for (member, account) in MEMBERS {
            // For another order than the one that stands, or by somebody else.
            let other = committee.release(list, member, account, B256::repeat_byte(1));
            let error = world.refused(A, "weft_releaseSecret", other).await;
            assert!(error.message().contains("closed with"), "{error:?}");
            let forged = committee.release(list, member, 9, head);
            world.refused(A, "weft_releaseSecret", forged).await;
            let right = committee.release(list, member, account, head);
            world.rpc(A, "weft_releaseSecret", right).await;
        }
    })
    .await;
}

#[tokio::test]
async fn p17_who_opens_an_epoch_without_its_members_shows_the_squarings() {
    opened(async |world, committee, list, head| {
        let (member, account) = MEMBERS[0];
        let released = committee.release(list, member, account, head);
        world.rpc(A, "weft_releaseSecret", released).await;
        let mut chain = committee.setup.solve(*list.puzzle());
        let value = chain.finish();
        let secret = list.recover(&committee.setup, &value).unwrap();
        let secret = B256::new(secret.secret().to_bytes());
        let epoch = list.epoch();
        let proof = Bytes::from(Proof::new(&chain).to_vec());
        let value = Bytes::from(value.to_vec());
        for params in [
            json!([epoch, secret]),
            json!([epoch, secret, value, value]),
            json!([epoch, secret, proof, value]),
        ] {
            let error = world.refused(A, "weft_openEpoch", params).await;
            assert!(error.message().contains("squarings"), "{error:?}");
        }
        let short = world.refused(A, "weft_openEpoch", json!([epoch, secret, "0x01", proof])).await;
        assert_eq!(short.code(), -32602);
        world.rpc(A, "weft_openEpoch", json!([epoch, secret, value, proof])).await;
    })
    .await;
}
