//! Batches out of a data directory: every block of the node follows from them, and from nothing else.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::{B256, Bytes};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};
use weft_contracts::{Counter, Manager, addresses};
use weft_node::{
    BatchDir, BatchLimits, BatchOptions, DevConfig, Verifier, VerifyBatchesError,
    development_sequencer, export_batches,
};

/// Hashes of the blocks of some rollups but for their geneses, by rollup and number.
pub(crate) type Hashes = BTreeMap<(u64, u64), B256>;

/// Asks a node for the hash of every block.
pub(crate) async fn hashes(world: &World, chains: &[u64]) -> Hashes {
    let mut hashes = Hashes::new();
    for chain in chains {
        for number in 1.. {
            let params = json!([format!("{number:#x}"), false]);
            let block = world.rpc(*chain, "eth_getBlockByNumber", params).await;
            if block == Value::Null {
                break;
            }
            let hash = serde_json::from_value(block["hash"].clone()).unwrap();
            hashes.insert((*chain, number), hash);
        }
    }
    hashes
}

/// Writes the batches of a data directory, of few slots each.
pub(crate) fn export(data: &Path, to: &Path) -> u64 {
    let dir = Box::new(BatchDir::create(to).unwrap());
    let limits = BatchLimits { slots: 4, ..BatchLimits::default() };
    export_batches(data, dir, Box::new(development_sequencer()), limits, None).unwrap()
}

/// Derives a directory of batches.
pub(crate) fn derive(from: &Path) -> Result<(Verifier, Hashes), VerifyBatchesError> {
    let dir = BatchDir::open(from);
    let mut verifier = Verifier::new(dir.realm()?)?;
    let mut hashes = Hashes::new();
    verifier.apply_all(&dir, &mut |_| (), &mut |block| {
        hashes.insert((block.network.get().into(), block.header.number), block.hash);
    })?;
    Ok((verifier, hashes))
}

/// Runs a few of everything; returns the hash of every block that is closed for good.
async fn history(data: &Path) -> Hashes {
    let world = World::with(DevConfig { data_dir: Some(data.into()), ..config() }).await;
    let counter = world.counter(A, 0, 0).await;
    for nonce in 0..4 {
        world.send(&Draft::new(B, 1, nonce).pay(address(9), 7)).await;
    }
    let legs = [A, B].map(|chain| Draft::new(chain, 2, 0).pay(address(9), 5).leg());
    world.rpc(A, "weft_sendBundle", json!([{ "salt": B256::ZERO, "legs": legs }])).await;
    // The second leg reverts, so that both are removed.
    let reverts = Draft::new(B, 2, 1).create(&Bytes::from_static(&[0x5f, 0x5f, 0xfd])).leg();
    let legs = [Draft::new(A, 2, 1).pay(address(9), 5).leg(), reverts];
    world.rpc(A, "weft_sendBundle", json!([{ "salt": B256::ZERO, "legs": legs }])).await;
    // One that crosses: the counter of the first rollup, called from the second.
    let proxy = world.proxy(B, counter, A).await;
    let create = Manager::createCrossChainProxyCall { original: counter, network: A };
    world.send(&Draft::new(B, 3, 0).call(addresses::MANAGER, create)).await;
    let crossing = world.send(&Draft::new(B, 3, 1).call(proxy, Counter::incrementCall {})).await;
    assert_eq!(world.receipt(B, crossing).await["status"], "0x1");
    let hashes = hashes(&world, &[A, B, B + 1]).await;
    world.node.stop().await.unwrap();
    hashes
}

#[tokio::test]
async fn p41_every_block_of_a_node_follows_from_its_batches() {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let expected = history(&data).await;
    let written = export(&data, &batches);
    let (verifier, derived) = derive(&batches).unwrap();
    assert_eq!(derived, expected);
    assert!(expected.len() >= 8 && written > 1, "{written} batches");
    let done = &verifier.done().derived;
    assert_eq!((verifier.done().batches, done.removed), (written, 1));
    assert!(BatchDir::create(&batches).is_err(), "nothing is written over batches");

    // A file that is missing ends the history, one that is torn is no batch.
    std::fs::remove_file(BatchDir::open(&batches).path_of(written)).unwrap();
    let (shorter, _) = derive(&batches).unwrap();
    assert_eq!(shorter.done().batches, written - 1);
    let path = BatchDir::open(&batches).path_of(1);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = derive(&batches).err().unwrap();
    assert!(matches!(error, VerifyBatchesError::Lie(_) | VerifyBatchesError::File(_)), "{error}");
}

/// A node that writes batches of few slots while it runs.
fn live(data: &Path, batches: &Path) -> DevConfig {
    let limits = BatchLimits { slots: 3, ..BatchLimits::default() };
    let batches = Some(BatchOptions { dir: batches.into(), limits, is_volatile: false });
    DevConfig { data_dir: Some(data.into()), batches, ..config() }
}

/// Says what a directory of batches holds, file by file.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    };
    entries.map(file).filter(|(name, _)| name.ends_with(".weft")).collect()
}

/// Waits until more batches are written than there were.
async fn more_than(dir: &Path, count: u64) -> u64 {
    for _ in 0..1_000 {
        let now = BatchDir::open(dir).count();
        if now > count {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no batch is written");
}

/// Starts a node as soon as the one before has let go of its directory.
async fn again(config: DevConfig) -> World {
    for _ in 0..1_000 {
        match weft_node::Node::start(config.clone()).await {
            Err(error) if format!("{error:?}").contains("InUse") => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            started => {
                started.unwrap().stop().await.unwrap();
                return World::with(config).await;
            }
        }
    }
    panic!("the directory stays in use");
}

#[tokio::test]
async fn p40_batches_are_written_as_slots_close_and_starts_go_on_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let (data, batches) = (dir.path().join("data"), dir.path().join("batches"));
    let (mut expected, mut written, mut before) = (Hashes::new(), 0, BTreeMap::new());
    for start in 0..4_u64 {
        let world = again(live(&data, &batches)).await;
        for nonce in 0..9 {
            world.send(&Draft::new(B, 1, 9 * start + nonce).pay(address(9), 7)).await;
        }
        written = more_than(&batches, written).await;
        expected = hashes(&world, &[A, B, B + 1]).await;
        if start % 2 == 0 {
            world.node.stop().await.unwrap();
        } else {
            // Nothing is told to end.
            drop(world);
        }
        let now = files(&batches);
        for (name, bytes) in &before {
            assert_eq!(now.get(name), Some(bytes), "{name} is written once");
        }
        before = now;
    }
    let (verifier, derived) = derive(&batches).unwrap();
    assert!(verifier.done().batches >= written && derived.len() > 8, "{derived:?}");
    for (block, hash) in &derived {
        assert_eq!(expected.get(block), Some(hash), "{block:?}");
    }
}

#[tokio::test]
async fn p40_batches_of_another_realm_are_not_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let batches = dir.path().join("batches");
    let world = World::with(live(&dir.path().join("one"), &batches)).await;
    world.node.stop().await.unwrap();
    let other = DevConfig { slot_ms: 77, ..live(&dir.path().join("other"), &batches) };
    let error = weft_node::Node::start(other).await.unwrap_err().to_string();
    assert!(error.contains("another realm"), "{error}");
    let nowhere = DevConfig { data_dir: None, ..live(&dir.path().join("none"), &batches) };
    let error = weft_node::Node::start(nowhere).await.unwrap_err().to_string();
    assert!(error.contains("data directory"), "{error}");
}
