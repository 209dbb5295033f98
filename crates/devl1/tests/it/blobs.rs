//! Blobs: mined, kept, and served as a beacon node serves them.

use crate::support::{chain, client};
use alloy_consensus::{SidecarBuilder, SimpleCoder};
use alloy_eips::{eip4844::Blob, eip7594::BlobTransactionSidecarEip7594};
use alloy_network::{TransactionBuilder as _, TransactionBuilder4844 as _};
use alloy_primitives::{Address, B256, hex};
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::TransactionRequest;
use serde_json::Value;
use weft_devl1::{Backend, BlobArchive, DevL1Error};

/// Bytes of two blobs.
fn sidecar() -> BlobTransactionSidecarEip7594 {
    let mut builder = SidecarBuilder::<SimpleCoder>::new();
    builder.ingest(&[7; 200_000]);
    builder.build().unwrap()
}

pub(crate) async fn blobs_of_a_mined_transaction_are_kept(backend: Backend) {
    let chain = chain(backend).await;
    let client = client(&*chain);
    let sidecar = sidecar();
    let (hashes, blobs): (Vec<B256>, _) =
        (sidecar.versioned_hashes().collect(), sidecar.blobs.clone());
    assert_eq!(blobs.len(), 2);
    // The provider fills in no fee for blobs with proofs of cells, and no block takes less than a wei.
    let request = TransactionRequest::default().with_to(Address::ZERO).with_max_fee_per_blob_gas(1);
    let request = request.with_blob_sidecar_7594(sidecar);
    let hash = *client.send_transaction(request).await.unwrap().tx_hash();
    let early = chain.blobs(hash).await.unwrap_err();
    assert!(matches!(early, DevL1Error::NotMined(_)), "{early}");
    let head = chain.mine(1).await.unwrap();
    let receipt = client.get_transaction_receipt(hash).await.unwrap().unwrap();
    assert!(receipt.status() && receipt.blob_gas_used == Some(2 * 131_072));
    assert_eq!(chain.blobs(hash).await.unwrap(), blobs);
    // Somebody else who knows only the directory reads the same, in any order.
    let archive = BlobArchive::open(&chain.folder.path().join("blobs")).unwrap();
    let turned = archive.all(&[hashes[1], hashes[0]]).unwrap();
    assert_eq!(turned, [blobs[1], blobs[0]]);
    // So does who asks as one asks a beacon node.
    let url = format!("{}/eth/v1/beacon/blobs/{}", chain.url(), head.number);
    assert_eq!(served(&url).await, blobs.iter().map(hex::encode_prefixed).collect::<Vec<_>>());
    let one = format!("{url}?versioned_hashes={}", hashes[1]);
    assert_eq!(served(&one).await, [hex::encode_prefixed(blobs[1])]);
    let genesis = format!("{}/eth/v1/beacon/genesis", chain.url());
    let genesis: Value = serde_json::from_str(&get(&genesis).await).unwrap();
    assert!(genesis["data"]["genesis_time"].as_str().unwrap().parse::<u64>().is_ok());
    // Or who asks the L1 client itself.
    let method = "anvil_getBlobsByTransactionHash";
    let told: Vec<Blob> = client.raw_request(method.into(), (hash,)).await.unwrap();
    assert_eq!(told, blobs);
    // A block that nobody made.
    let unknown = format!("{}/eth/v1/beacon/blobs/{}", chain.url(), head.number + 9);
    assert_eq!(serde_json::from_str::<Value>(&get(&unknown).await).unwrap()["code"], 404);
}

pub(crate) async fn an_unknown_transaction_has_no_blobs(backend: Backend) {
    let chain = chain(backend).await;
    let hash = B256::repeat_byte(9);
    let refused = chain.blobs(hash).await.unwrap_err();
    assert!(matches!(refused, DevL1Error::NotMined(named) if named == hash), "{refused}");
    // One that carries none has none, which is no error.
    let client = client(&*chain);
    let request = TransactionRequest::default().with_to(Address::ZERO);
    let plain = *client.send_transaction(request).await.unwrap().tx_hash();
    chain.mine(1).await.unwrap();
    assert!(chain.blobs(plain).await.unwrap().is_empty());
}

async fn get(url: &str) -> String {
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

async fn served(url: &str) -> Vec<String> {
    let answer: Value = serde_json::from_str(&get(url).await).unwrap();
    serde_json::from_value(answer["data"].clone()).unwrap()
}
