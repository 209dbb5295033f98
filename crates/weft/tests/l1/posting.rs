//! Batches onto L1, by hand: one transaction each, with whatever header a test wants.

use crate::{deployed::Realm, support::ALICE_KEY};
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::{
    eip2718::Encodable2718 as _, eip4844::Blob, eip7594::BlobTransactionSidecarEip7594,
};
use alloy_network::{EthereumWallet, TransactionBuilder as _, TransactionBuilder4844 as _};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use alloy_provider::{Provider as _, ProviderBuilder};
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use serde_json::json;
use weft_batch::{SignedBatch, blobs, payload};
use weft_contracts::Hub;
use weft_node::{BatchDir, Brotli, DEV_ACCOUNTS, development_sequencer};
use weft_promise::Signer as _;
use weft_settlement::{BatchHeader, genesis_hash};
use weft_statement::lane_root;
use weft_types::{Domain, NetworkId, Writer};

/// What a batch is posted with.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) header: BatchHeader,
    pub(crate) payload: Vec<u8>,
}

/// Posts the batches of an archive, one after the other.
#[derive(Debug)]
pub(crate) struct Poster<'a> {
    realm: &'a Realm,
    pub(crate) domain: Domain,
    parent: B256,
}

impl<'a> Poster<'a> {
    pub(crate) fn new(realm: &'a Realm, domain: Domain) -> Self {
        Self { realm, domain, parent: genesis_hash(&domain) }
    }

    /// Returns what an honest sequencer posts.
    pub(crate) fn draft(&self, signed: &SignedBatch) -> Post {
        let encoding = signed.encode();
        let batch = &signed.batch;
        let latest = self.realm.l1.ask("eth_getBlockByNumber", json!(["latest", false]));
        let number: alloy_primitives::U64 =
            serde_json::from_value(latest["number"].clone()).unwrap();
        let place = |network: NetworkId| network.get() - 901;
        let header = BatchHeader {
            number: batch.number,
            parent: self.parent,
            first_slot: batch.first.get(),
            last_slot: batch.last().get(),
            inbox_cursor: batch.inbox_cursor,
            l1_number: number.to(),
            l1_hash: serde_json::from_value(latest["hash"].clone()).unwrap(),
            rollups: batch.heads.iter().fold(0, |all, head| all | 1 << place(head.network)),
            lane_root: lane_root(&self.domain, batch),
            content: keccak256(&encoding),
        };
        Post { header, payload: payload::pack(&encoding, &mut Brotli).unwrap() }
    }

    /// Posts it; returns the batch's hash.
    pub(crate) fn post(&mut self, post: &Post) -> B256 {
        let blobs = blobs::pack(&post.payload).unwrap();
        let sidecar = sidecar(&blobs);
        let hashes: Vec<B256> = sidecar.versioned_hashes().collect();
        let digest = post.header.digest(&self.domain, &hashes);
        let mut signature = Writer::default();
        signature.put(&development_sequencer().sign(digest).unwrap());
        let header = &post.header;
        let call = Hub::postBatchCall {
            header: Hub::BatchHeader {
                number: header.number,
                parent: header.parent,
                firstSlot: header.first_slot,
                lastSlot: header.last_slot,
                inboxCursor: header.inbox_cursor,
                l1Number: header.l1_number,
                l1Hash: header.l1_hash,
                rollups: header.rollups,
                laneRoot: header.lane_root,
                content: header.content,
            },
            signature: signature.finish().into(),
        };
        let request = TransactionRequest::default()
            .with_to(self.hub())
            .with_input(call.abi_encode())
            .with_max_fee_per_blob_gas(10_000_000_000)
            .with_blob_sidecar(sidecar.into());
        let receipt = send(self.realm, ALICE_KEY, request);
        let log =
            receipt.logs().iter().find_map(|log| Hub::BatchPosted::decode_log(&log.inner).ok());
        self.parent = log.expect("the hub takes the batch").hash;
        self.parent
    }

    pub(crate) fn hub(&self) -> Address {
        self.domain.settlement
    }

    /// Posts everything that is in a directory, honestly.
    pub(crate) fn post_all(&mut self, dir: &BatchDir) -> u64 {
        let count = dir.count();
        for number in 1..=count {
            let draft = self.draft(&dir.batch(number).unwrap().unwrap());
            self.post(&draft);
        }
        count
    }
}

/// Sends a transaction to L1, which must succeed.
pub(crate) fn send(realm: &Realm, key: &str, request: TransactionRequest) -> TransactionReceipt {
    let key: PrivateKeySigner = key.parse().unwrap();
    realm.l1.wait(async {
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(key))
            .connect_http(realm.l1.url.parse().unwrap());
        let pending = provider.send_transaction(request).await.unwrap();
        let receipt = pending.get_receipt().await.unwrap();
        assert!(receipt.status(), "{receipt:?}");
        receipt
    })
}

fn sidecar(blobs: &[Vec<u8>]) -> BlobTransactionSidecarEip7594 {
    let blobs = blobs.iter().map(|bytes| Blob::from_slice(bytes)).collect();
    let settings = c_kzg::ethereum_kzg_settings(0);
    BlobTransactionSidecarEip7594::try_from_blobs_with_settings(blobs, settings).unwrap()
}

/// Returns a transfer of the first development account to the second, in hex.
pub(crate) fn signed_transfer(chain_id: u64, nonce: u64) -> String {
    let to = DEV_ACCOUNTS[1].address;
    signed_payment(ALICE_KEY, (chain_id, nonce), to, U256::from(nonce + 1))
}

/// Returns a transfer of ether, in hex.
pub(crate) fn signed_payment(
    key: &str,
    (chain_id, nonce): (u64, u64),
    to: Address,
    value: U256,
) -> String {
    let call = (TxKind::Call(to), Bytes::new());
    signed(key, (chain_id, nonce), call, value, 21_000)
}

/// Returns a call, or a creation, in hex.
pub(crate) fn signed(
    key: &str,
    (chain_id, nonce): (u64, u64),
    (to, input): (TxKind, Bytes),
    value: U256,
    gas_limit: u64,
) -> String {
    let tx = TxEip1559 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas: 20_000_000_000,
        // What a wallet asks for; it also pays for calls into a rollup whose blocks are fuller (P29).
        max_priority_fee_per_gas: 1_000_000_000,
        to,
        value,
        access_list: Default::default(),
        input,
    };
    let key: PrivateKeySigner = key.parse().unwrap();
    let signature = key.sign_hash_sync(&tx.signature_hash()).unwrap();
    hex::encode_prefixed(TxEnvelope::from(tx.into_signed(signature)).encoded_2718())
}
