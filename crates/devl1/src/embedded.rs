//! A chain in this process: a node of Weft that adds blocks to a chain of its own, by Ethereum's rules.

use crate::{
    DevL1, Head, Pending, error::DevL1Error, genesis::genesis, rpc::Rpc, settings::Settings,
    steered::Steered,
};
use alloy_eips::eip4844::Blob;
use alloy_primitives::B256;
use weft_node::{
    BlobArchive, DevConfig, ImportedChain, Limits, Node, NodeError, NodeHandle, Production,
};

/// Most bytes of a request: blobs come in hex, and somebody may send many transactions at once.
const MAX_BODY_BYTES: u32 = 64 << 20;
/// Most blocks made by one call.
const MAX_MINE: u64 = 100_000;

/// A node, and what it takes to steer its chain.
#[derive(Debug)]
pub(crate) struct Embedded {
    node: NodeHandle,
    chain: Steered,
}

impl Embedded {
    pub(crate) async fn start(settings: Settings) -> Result<Self, DevL1Error> {
        let archive = BlobArchive::open(&settings.blobs)?;
        let node = Node::start(config(&settings, archive.clone())?).await;
        let node = node.map_err(|why| refused(settings.port, why))?;
        let url = node.rollups().first().map(|served| served.url.clone());
        let url = url.ok_or_else(|| DevL1Error::Node("it serves nothing".to_owned()))?;
        Ok(Self { node, chain: Steered { rpc: Rpc::new(url)?, archive } })
    }
}

fn config(settings: &Settings, blobs: BlobArchive) -> Result<DevConfig, DevL1Error> {
    let production = Production { interval: settings.interval, is_eager: settings.eager, blobs };
    let genesis = genesis(settings)?;
    let chain = ImportedChain { genesis, blocks: Vec::new(), production: Some(production) };
    Ok(DevConfig {
        host: settings.host,
        port: settings.port,
        imported: Some(chain),
        promise_key: None,
        limits: Limits { max_body_bytes: MAX_BODY_BYTES, max_mine: MAX_MINE, ..Limits::default() },
        ..DevConfig::default()
    })
}

fn refused(port: u16, why: NodeError) -> DevL1Error {
    match why {
        NodeError::Listen { source, .. } => DevL1Error::Port { port, why: source },
        why => DevL1Error::Node(why.to_string()),
    }
}

impl DevL1 for Embedded {
    fn url(&self) -> &str {
        self.chain.rpc.url()
    }

    fn archive(&self) -> &BlobArchive {
        &self.chain.archive
    }

    fn mine(&self, blocks: u64) -> Pending<'_, Head> {
        Box::pin(self.chain.mine(blocks))
    }

    fn reorg(&self, depth: u64) -> Pending<'_, Head> {
        Box::pin(self.chain.reorg(depth))
    }

    fn blobs(&self, transaction: B256) -> Pending<'_, Vec<Blob>> {
        Box::pin(self.chain.blobs(transaction))
    }

    fn stop(self: Box<Self>) -> Pending<'static, ()> {
        let Self { node, .. } = *self;
        Box::pin(async move { node.stop().await.map_err(|why| DevL1Error::refused("stop", why)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backend, genesis::genesis_at};
    use alloy_consensus::{SidecarBuilder, SimpleCoder};
    use alloy_eips::eip7594::BlobTransactionSidecarEip7594;
    use alloy_network::{EthereumWallet, TransactionBuilder as _, TransactionBuilder4844 as _};
    use alloy_primitives::{Address, Bytes, U64, U256};
    use alloy_provider::{Provider, ProviderBuilder};
    use alloy_rpc_types_eth::{BlockNumberOrTag, Filter, TransactionRequest};
    use alloy_signer_local::PrivateKeySigner;
    use alloy_sol_types::SolCall as _;
    use serde_json::{Value, json};
    use std::time::Duration;
    use weft_contracts::Weth;
    use weft_ethereum::ForeignChain;
    use weft_node::DEV_ACCOUNTS;

    const GWEI: u128 = 1_000_000_000;

    async fn chain(folder: &tempfile::TempDir) -> (Settings, Embedded) {
        let settings = Settings {
            port: 0,
            interval: Duration::from_secs(3600),
            ..Settings::new(Backend::Embedded, folder.path().join("blobs"))
        };
        let chain = Embedded::start(settings.clone()).await.unwrap();
        (settings, chain)
    }

    fn client(chain: &Embedded, account: usize) -> impl Provider + use<> {
        let key = PrivateKeySigner::from_bytes(&DEV_ACCOUNTS[account].key).unwrap();
        let wallet = EthereumWallet::from(key);
        ProviderBuilder::new().wallet(wallet).connect_http(chain.url().parse().unwrap())
    }

    /// A payment of a wei that offers this tip.
    fn pay(nonce: u64, tip: u128) -> TransactionRequest {
        TransactionRequest::default()
            .with_to(Address::repeat_byte(9))
            .with_value(U256::from(1))
            .with_nonce(nonce)
            .with_gas_limit(21_000)
            .with_max_fee_per_gas(100 * GWEI)
            .with_max_priority_fee_per_gas(tip)
    }

    fn blobs(bytes: usize) -> TransactionRequest {
        let mut builder = SidecarBuilder::<SimpleCoder>::new();
        builder.ingest(&vec![7; bytes]);
        let sidecar: BlobTransactionSidecarEip7594 = builder.build().unwrap();
        let request = TransactionRequest::default().with_to(Address::ZERO);
        // The provider fills in no fee for proofs of cells.
        request.with_max_fee_per_blob_gas(GWEI).with_blob_sidecar_7594(sidecar)
    }

    async fn send(client: &impl Provider, request: TransactionRequest) -> B256 {
        *client.send_transaction(request).await.unwrap().tx_hash()
    }

    async fn mined(chain: &Embedded) -> Vec<B256> {
        chain.mine(1).await.unwrap();
        let at = json!(["latest", false]);
        let block: Value = chain.chain.rpc.call("eth_getBlockByNumber", at).await.unwrap();
        serde_json::from_value(block["transactions"].clone()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_imports_ethereum_chains_takes_every_block() {
        let folder = tempfile::tempdir().unwrap();
        let (settings, l1) = chain(&folder).await;
        let client = client(&l1, 0);
        let creation = TransactionRequest::default().with_deploy_code(Weth::BYTECODE.clone());
        let weth = send(&client, creation).await;
        assert_eq!(mined(&l1).await, [weth]);
        let weth = client.get_transaction_receipt(weth).await.unwrap().unwrap().contract_address;
        for _ in 0..3 {
            let deposit = TransactionRequest::default().with_to(weth.unwrap());
            let deposit = deposit.with_input(Weth::depositCall {}.abi_encode());
            send(&client, deposit.with_value(U256::from(3))).await;
        }
        send(&client, blobs(200_000)).await;
        assert_eq!(mined(&l1).await.len(), 4);
        l1.mine(3).await.unwrap();
        let head = l1.reorg(2).await.unwrap();
        let first = client.get_block_by_number(BlockNumberOrTag::Earliest).await.unwrap().unwrap();
        let genesis = genesis_at(&settings, first.header.timestamp).unwrap();
        assert_eq!(genesis.hash, first.header.hash);
        let mut imported = ForeignChain::new(genesis);
        for number in 1..=head.number {
            let at = json!([U64::from(number)]);
            let raw: Bytes = l1.chain.rpc.call("debug_getRawBlock", at).await.unwrap();
            imported.import(&raw).unwrap();
        }
        assert_eq!(imported.head().1, head.hash);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_pays_more_is_first_and_nonces_are_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (_, l1) = chain(&folder).await;
        let (one, other) = (client(&l1, 1), client(&l1, 2));
        // Nobody can run what leaves a gap.
        let late = send(&one, pay(1, 9 * GWEI)).await;
        assert_eq!(mined(&l1).await, [B256::ZERO; 0]);
        let cheap = send(&one, pay(0, GWEI)).await;
        let dear = send(&other, pay(0, 5 * GWEI)).await;
        // A fee under that of the block waits.
        let poor = pay(1, 1).with_max_fee_per_gas(2);
        let poor = send(&other, poor).await;
        assert_eq!(mined(&l1).await, [dear, cheap, late]);
        assert!(one.get_transaction_by_hash(poor).await.unwrap().is_some());
        let refused = one.send_transaction(pay(0, 2 * GWEI)).await.unwrap_err().to_string();
        assert!(refused.contains("nonce too low"), "{refused}");
        // EIP-7825.
        let large = pay(2, GWEI).with_gas_limit((1 << 24) + 1);
        assert!(one.send_transaction(large).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_block_has_as_many_blobs_as_fit() {
        let folder = tempfile::tempdir().unwrap();
        let (_, l1) = chain(&folder).await;
        let mut sent = Vec::new();
        for account in 0..2 {
            sent.push(send(&client(&l1, account), blobs(600_000)).await);
        }
        // Five each, and nine fit.
        let (first, second) = (mined(&l1).await, mined(&l1).await);
        assert_eq!((first.len(), second.len()), (1, 1));
        assert!(sent.contains(&first[0]) && sent.contains(&second[0]) && first != second);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_listens_hears_what_a_reorg_took() {
        let folder = tempfile::tempdir().unwrap();
        let (_, l1) = chain(&folder).await;
        let client = client(&l1, 0);
        let creation = TransactionRequest::default().with_deploy_code(Weth::BYTECODE.clone());
        let weth = send(&client, creation).await;
        mined(&l1).await;
        let weth = client.get_transaction_receipt(weth).await.unwrap().unwrap().contract_address;
        let weth = weth.unwrap();
        let filter = client.new_filter(&Filter::new().address(weth)).await.unwrap();
        let deposit = TransactionRequest::default().with_to(weth).with_value(U256::from(3));
        send(&client, deposit.with_input(Weth::depositCall {}.abi_encode())).await;
        mined(&l1).await;
        type Log = alloy_rpc_types_eth::Log;
        let told: Vec<Log> = client.get_filter_changes(filter).await.unwrap();
        assert!(told.len() == 2 && told.iter().all(|log| !log.removed));
        l1.reorg(1).await.unwrap();
        let told: Vec<Log> = client.get_filter_changes(filter).await.unwrap();
        assert!(told.len() == 2 && told.iter().all(|log| log.removed));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_snapshot_brings_back_everything_and_what_follows_is_another_branch() {
        let folder = tempfile::tempdir().unwrap();
        let (_, l1) = chain(&folder).await;
        let (client, rpc) = (client(&l1, 0), &l1.chain.rpc);
        l1.mine(1).await.unwrap();
        let waits = send(&client, pay(0, GWEI)).await;
        let id: Value = rpc.call("evm_snapshot", json!([])).await.unwrap();
        let before = l1.mine(3).await.unwrap();
        let wei = json!([Address::repeat_byte(8), "0x5"]);
        rpc.call::<Value>("anvil_setBalance", wei).await.unwrap();
        assert_eq!(client.get_balance(Address::repeat_byte(8)).await.unwrap(), U256::from(5));
        assert!(rpc.call::<bool>("evm_revert", json!([id])).await.unwrap());
        assert_eq!(client.get_block_number().await.unwrap(), 1);
        assert_eq!(client.get_balance(Address::repeat_byte(8)).await.unwrap(), U256::ZERO);
        assert!(client.get_transaction_receipt(waits).await.unwrap().is_none());
        // It waits again.
        let after = l1.mine(3).await.unwrap();
        assert!(client.get_transaction_receipt(waits).await.unwrap().is_some());
        assert!(after.number == before.number && after.hash != before.hash);
        assert!(!rpc.call::<bool>("evm_revert", json!([id])).await.unwrap(), "it is gone");
        // A reorg took the block of this one.
        let id: Value = rpc.call("evm_snapshot", json!([])).await.unwrap();
        l1.reorg(2).await.unwrap();
        assert!(!rpc.call::<bool>("evm_revert", json!([id])).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_deep_is_safe_and_then_final() {
        let folder = tempfile::tempdir().unwrap();
        let (_, l1) = chain(&folder).await;
        let client = client(&l1, 0);
        let at = async |tag| client.get_block_by_number(tag).await.unwrap().unwrap().header.number;
        l1.mine(40).await.unwrap();
        let (safe, last) = (BlockNumberOrTag::Safe, BlockNumberOrTag::Finalized);
        assert_eq!((at(safe).await, at(last).await), (8, 0));
        l1.mine(60).await.unwrap();
        assert_eq!((at(safe).await, at(last).await), (68, 36));
    }
}
