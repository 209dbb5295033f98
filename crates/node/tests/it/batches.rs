//! Batches out of a data directory: every block of the node follows from them, and from nothing else.

use crate::world::{A, B, Draft, World, address, config};
use alloy_primitives::{B256, Bytes};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};
use weft_contracts::{Counter, Manager, addresses};
use weft_node::{
    BatchDir, BatchLimits, DevConfig, Verifier, VerifyBatchesError, development_sequencer,
    export_batches,
};

/// Hashes of the blocks of some rollups but for their geneses, by rollup and number.
type Hashes = BTreeMap<(u64, u64), B256>;

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
