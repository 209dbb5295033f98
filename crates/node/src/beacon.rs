//! As much of the beacon API as it takes to fetch blobs: of a chain that the node adds blocks to, which has no beacon chain.
//! The slot of a block is its number.

use crate::{
    blob_archive::BlobArchive,
    engine::{Engine, EngineHandle, IMPORTED},
    rpc::errors::RpcResult,
    store::StoredBlock,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::B256;
use serde_json::{Value, json};
use std::sync::Arc;

/// Where it is.
pub(crate) const ROOT: &str = "/eth/v1/beacon/";
/// Most hashes that a request names: more than any block has.
const MAX_HASHES: usize = 128;

type Answer = (u16, Value);

/// Answers a path with the part behind its question mark: status and body.
pub(crate) async fn answer(engine: &EngineHandle, path: &str, query: Option<&str>) -> Answer {
    let asked = path.strip_prefix(ROOT).unwrap_or_default();
    match asked.split_once('/') {
        None if asked == "genesis" => genesis(engine).await,
        Some(("blobs", id)) => match hashes(query.unwrap_or_default()) {
            Some(wanted) => blobs(engine, id.to_owned(), wanted).await,
            None => error(400, "unreadable or too many versioned hashes"),
        },
        _ => error(404, "not served here"),
    }
}

async fn genesis(engine: &EngineHandle) -> Answer {
    let time = engine.call(|engine| engine.block_named("genesis")).await;
    match time.and_then(|found| found) {
        Ok(Some(block)) => {
            let time = block.header.timestamp.to_string();
            let data = json!({
                "genesis_time": time,
                "genesis_validators_root": B256::ZERO,
                "genesis_fork_version": "0x00000000",
            });
            (200, json!({ "data": data }))
        }
        Ok(None) => error(404, "no genesis"),
        Err(why) => error(503, &why.message),
    }
}

async fn blobs(engine: &EngineHandle, id: String, wanted: Vec<B256>) -> Answer {
    let found = engine
        .call(move |engine| {
            let block = engine.block_named(&id)?;
            Ok(block.zip(engine.blobs(IMPORTED).cloned()))
        })
        .await;
    match found.and_then(|found| found) {
        Ok(Some((block, archive))) => read(block, archive, wanted).await,
        Ok(None) => error(404, "block not found"),
        Err(why) => error(503, &why.message),
    }
}

/// Reads what a block has, apart from the engine.
async fn read(block: Arc<StoredBlock>, archive: BlobArchive, wanted: Vec<B256>) -> Answer {
    let all = block.transactions.iter().flat_map(|tx| tx.tx.blob_versioned_hashes());
    let all = all.flatten().filter(|hash| wanted.is_empty() || wanted.contains(hash));
    let hashes: Vec<B256> = all.copied().collect();
    let read = tokio::task::spawn_blocking(move || archive.all(&hashes)).await;
    match read {
        Ok(Ok(blobs)) => {
            (200, json!({ "execution_optimistic": false, "finalized": false, "data": blobs }))
        }
        Ok(Err(why)) => error(500, &why.to_string()),
        Err(_) => error(500, "the archive cannot be read"),
    }
}

fn error(code: u16, message: &str) -> Answer {
    (code, json!({ "code": code, "message": message }))
}

/// Reads `versioned_hashes=0x..,0x..`, which may stand there more than once.
fn hashes(query: &str) -> Option<Vec<B256>> {
    let values = query.split('&').filter_map(|part| part.strip_prefix("versioned_hashes="));
    // Clients may write the comma as they must in other places.
    let values = values.map(|value| value.replace("%2C", ",").replace("%2c", ","));
    let values: Vec<String> = values.collect();
    let hashes = values.iter().flat_map(|value| value.split(','));
    let hashes = hashes.take(MAX_HASHES + 1).map(|hash| hash.parse().ok());
    hashes.collect::<Option<Vec<B256>>>().filter(|hashes| hashes.len() <= MAX_HASHES)
}

impl Engine {
    /// Returns the block of an imported chain that the beacon API names so.
    fn block_named(&self, id: &str) -> RpcResult<Option<Arc<StoredBlock>>> {
        let chain = self.chain(IMPORTED);
        let number = match id {
            "genesis" => Some(0),
            "head" => Some(chain.store.head_number()),
            "finalized" => chain.sure(false),
            _ => id.parse().ok(),
        };
        match (number, id.parse()) {
            (Some(number), _) => Ok(chain.store.by_number(number)?),
            (None, Ok(hash)) => Ok(chain.store.by_hash(&hash)?),
            (None, Err(_)) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_clients_write_them() {
        let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        assert_eq!(hashes(""), Some(vec![]));
        assert_eq!(hashes("indices=1"), Some(vec![]));
        assert_eq!(hashes(&format!("versioned_hashes={one},{other}")), Some(vec![one, other]));
        assert_eq!(hashes(&format!("versioned_hashes={one}%2C{other}")), Some(vec![one, other]));
        let twice = format!("versioned_hashes={one}&versioned_hashes={other}");
        assert_eq!(hashes(&twice), Some(vec![one, other]));
        assert_eq!(hashes("versioned_hashes=0x12"), None);
        let many = vec![one.to_string(); MAX_HASHES + 1].join(",");
        assert_eq!(hashes(&format!("versioned_hashes={many}")), None);
    }
}
