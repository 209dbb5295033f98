//! A running node and its realm.

use alloy_primitives::{Address, Bytes};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use weft_client::Realm;
use weft_contracts::Counter;
use weft_node::{DEV_ACCOUNTS, DevConfig, Node, NodeHandle};

/// Chain ids of the first two rollups.
pub(crate) const A: u64 = 901;
pub(crate) const B: u64 = 902;

/// A running node with short slots.
pub(crate) struct World {
    pub(crate) node: NodeHandle,
    pub(crate) realm: Realm,
}

pub(crate) fn signer(account: usize) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&DEV_ACCOUNTS[account].key).unwrap()
}

pub(crate) fn address(account: usize) -> Address {
    DEV_ACCOUNTS[account].address
}

impl World {
    pub(crate) async fn start() -> Self {
        let config = DevConfig { port: 0, slot_ms: 20, ..DevConfig::default() };
        let node = Node::start(config).await.unwrap();
        let realm = Realm::connect(&node.rollups()[0].url).await.unwrap();
        Self { node, realm }
    }

    /// Creates a counter.
    pub(crate) async fn counter(&self, chain_id: u64, account: usize) -> Address {
        let code: Bytes = Counter::BYTECODE.clone();
        let request = TransactionRequest::default().input(code.into());
        let rollup = self.realm.rollup(chain_id).unwrap();
        let receipt = rollup.send_sync(&signer(account), request).await.unwrap();
        assert!(receipt.status());
        receipt.contract_address.unwrap()
    }

    /// Returns what a view says in the open slot.
    pub(crate) async fn view<C: SolCall>(&self, chain_id: u64, to: Address, call: C) -> C::Return {
        use alloy_provider::Provider as _;
        let input: Bytes = call.abi_encode().into();
        let request = TransactionRequest::default().to(to).input(input.into());
        let provider = self.realm.rollup(chain_id).unwrap().provider();
        let output = provider.call(request).block(alloy_eips::BlockId::pending()).await.unwrap();
        C::abi_decode_returns(&output).unwrap()
    }
}
