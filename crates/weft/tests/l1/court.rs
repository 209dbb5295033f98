//! The contracts that punish, on a chain of their own, and who is accused before them.

use crate::chain::Client;
use alloy_network::{EthereumWallet, TransactionBuilder as _};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_provider::{DynProvider, Provider as _, ProviderBuilder};
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolConstructor as _};
use std::time::Duration;
use tempfile::TempDir;
use weft_contracts::{Judge, SequencerRegistry, Slasher};
use weft_devl1::{DevL1, Settings};
use weft_types::{Domain, Tag};

/// A development key: it deploys, holds the bond and is the operator of every accused key.
pub(crate) const OPERATOR: B256 =
    alloy_primitives::b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
/// Another one: it submits evidence.
pub(crate) const REPORTER: &str =
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

pub(crate) fn ether(n: u64) -> U256 {
    U256::from(n) * U256::from(1_000_000_000_000_000_000_u64)
}

/// L1 with the contracts of a realm that settles nothing.
pub(crate) struct Court {
    pub(crate) l1: Box<dyn DevL1>,
    pub(crate) client: DynProvider,
    pub(crate) domain: Domain,
    pub(crate) slasher: Address,
    pub(crate) registry: Address,
    pub(crate) folder: TempDir,
}

impl Court {
    /// Deploys the contracts for a realm whose hub is only a name, with these keys and a bond of 100 ether.
    pub(crate) async fn open(domain: Domain, sequencer: Address, members: &[B256]) -> Self {
        Self::open_on(Client::Embedded, domain, sequencer, members).await
    }

    /// Does the same on the chain of a client.
    pub(crate) async fn open_on(
        client: Client,
        domain: Domain,
        sequencer: Address,
        members: &[B256],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            port: 0,
            chain_id: domain.l1_chain_id,
            // A block for each transaction, and others when somebody says so.
            eager: true,
            interval: Duration::from_secs(3600),
            ..Settings::new(client.backend(), folder.path().join("blobs"))
        };
        let l1 = weft_devl1::start(settings).await.unwrap();
        let operator = PrivateKeySigner::from_bytes(&OPERATOR).unwrap();
        let me = operator.address();
        let wallet = EthereumWallet::from(operator);
        let url = l1.url().parse().unwrap();
        let client = ProviderBuilder::new().wallet(wallet).connect_http(url).erased();
        let [judge, registry, slasher] = [0, 1, 2].map(|nonce| me.create(nonce));
        let court = Self { l1, client, domain, slasher, registry, folder };
        court.deploy(judge, registry, slasher, me, sequencer).await;
        for key in members {
            court.add_member(me, key).await;
        }
        court
    }

    async fn deploy(
        &self,
        judge: Address,
        registry: Address,
        slasher: Address,
        operator: Address,
        sequencer: Address,
    ) {
        let (hub, realm) = (self.domain.settlement, self.domain.realm);
        let code = Judge::constructorCall { hub_: hub, realm_: realm };
        self.create(&Judge::BYTECODE, &code.abi_encode(), U256::ZERO, judge).await;
        let code = SequencerRegistry::constructorCall {
            hub_: hub,
            slasher_: slasher,
            realm_: realm,
            minimumBond_: ether(1),
            unbondingBlocks_: U256::from(100),
            firstOperator: operator,
            firstKey: sequencer,
        };
        let bond = ether(100);
        self.create(&SequencerRegistry::BYTECODE, &code.abi_encode(), bond, registry).await;
        let config = Slasher::SlasherConfig {
            hub,
            judge,
            registry,
            realm,
            safetyPenalty: ether(1),
            livenessPenalty: ether(1) / U256::from(10),
            urc: Address::ZERO,
            urcPenalty: U256::ZERO,
            graceBlocks: 10,
        };
        let code = Slasher::constructorCall { config };
        self.create(&Slasher::BYTECODE, &code.abi_encode(), U256::ZERO, slasher).await;
    }

    async fn create(&self, code: &Bytes, arguments: &[u8], value: U256, at: Address) {
        let code = [code.as_ref(), arguments].concat();
        let request = TransactionRequest::default().with_deploy_code(code).with_value(value);
        assert_eq!(self.send(request).await.contract_address, Some(at));
    }

    /// Lets a member's key speak for the operator, with the member's consent.
    async fn add_member(&self, operator: Address, key: &B256) {
        // `Role.Member` of the registry.
        let role = 2_u8;
        let body = [operator.as_slice(), &[role]].concat();
        let digest = self.domain.hash(Tag::OperatorKey, &body);
        let signer = PrivateKeySigner::from_bytes(key).unwrap();
        let mut proof = signer.sign_hash_sync(&digest).unwrap().as_bytes();
        proof[64] -= 27;
        let key = signer.address();
        let call = SequencerRegistry::addKeyCall { key, role, proof: proof.into() };
        self.call(self.registry, &call).await;
    }

    /// Sends a call that must succeed.
    pub(crate) async fn call<C: SolCall>(&self, to: Address, call: &C) -> TransactionReceipt {
        let request = TransactionRequest::default().with_to(to).with_input(call.abi_encode());
        self.send(request).await
    }

    async fn send(&self, request: TransactionRequest) -> TransactionReceipt {
        let receipt = self.client.send_transaction(request).await.unwrap().get_receipt().await;
        let receipt = receipt.unwrap();
        assert!(receipt.status(), "{receipt:?}");
        receipt
    }

    /// Asks for what the slasher says.
    pub(crate) async fn view<C: SolCall>(&self, to: Address, call: &C) -> C::Return {
        let request = TransactionRequest::default().with_to(to).with_input(call.abi_encode());
        C::abi_decode_returns(&self.client.call(request).await.unwrap()).unwrap()
    }

    /// Whether the chain would punish for these bytes.
    pub(crate) async fn would_punish(&self, evidence: Vec<u8>) -> bool {
        let call = Slasher::punishCall { evidence: evidence.into() };
        let request =
            TransactionRequest::default().with_to(self.slasher).with_input(call.abi_encode());
        self.client.call(request).await.is_ok()
    }

    /// The operator's bond, in wei.
    pub(crate) async fn bond(&self) -> U256 {
        let operator = PrivateKeySigner::from_bytes(&OPERATOR).unwrap().address();
        self.view(self.registry, &SequencerRegistry::bondOfCall { operator }).await
    }

    /// Writes evidence as the command line takes it; returns the file.
    pub(crate) fn file(&self, evidence: &[u8]) -> String {
        let file = self.folder.path().join(format!("{}.hex", keccak256(evidence)));
        std::fs::write(&file, alloy_primitives::hex::encode_prefixed(evidence)).unwrap();
        file.to_str().unwrap().to_owned()
    }
}
