//! Putting a realm on L1: its contracts, one policy of attesters, its rollups.

use crate::registration::Registration;
use alloy_network::{Ethereum, TransactionBuilder as _};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_provider::{PendingTransactionError, Provider};
use alloy_rpc_types_eth::{TransactionReceipt, TransactionRequest};
use alloy_sol_types::SolCall as _;
use alloy_transport::{RpcError, TransportErrorKind};
use std::{collections::BTreeSet, time::Duration};
use thiserror::Error;
use tokio::time::timeout;
use weft_batch::{RealmConfig, RollupGenesis};
use weft_contracts::{
    AttestationPolicy, Hub,
    l1::{L1Addresses, L1Config, attestation_policy, deployment},
};
use weft_statement::genesis_outcome;
use weft_types::{Domain, Encode as _};

/// Most bytes of a registration: what a transaction may have, less what stands around it.
const MAX_REGISTRATION: usize = 120_000;
/// How long a transaction may take to be in a block.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is deployed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Choices for the contracts.
    pub l1: L1Config,
    /// How many attesters must sign.
    pub threshold: u32,
    /// Attesters.
    pub attesters: Vec<Address>,
    /// Program whose results they sign.
    pub program_id: B256,
    /// What the realm is made of; its L1 and hub are set here.
    pub realm: RealmConfig,
    /// Whether genesis balances are backed by ether of the deployer.
    pub is_backed: bool,
}

/// One step of a deployment that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Contract or rollup.
    pub name: String,
    /// Where it is; for a rollup, its policy.
    pub address: Address,
    /// Transaction.
    pub transaction: B256,
    /// Gas that it used.
    pub gas_used: u64,
}

/// A realm on L1.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// EIP-155 id of L1.
    pub chain_id: u64,
    /// Contracts.
    pub contracts: L1Addresses,
    /// Policy of all rollups that the realm begins with.
    pub policy: Address,
    /// Block of the first contract.
    pub from: u64,
    /// What the realm is made of.
    pub realm: RealmConfig,
    /// What was done.
    pub steps: Vec<Done>,
}

/// Why a realm cannot be deployed. What was sent before costs gas and does nothing else.
#[derive(Debug, Error)]
pub enum DeployError {
    /// L1 does not answer, or refuses.
    #[error("L1 refuses: {0}")]
    Rpc(#[from] RpcError<TransportErrorKind>),
    /// A transaction was not seen in a block.
    #[error("{step}: the transaction is in no block: {why}")]
    Pending {
        /// What was done.
        step: String,
        /// What is wrong.
        why: String,
    },
    /// A transaction failed.
    #[error("{step}: transaction {transaction} failed")]
    Failed {
        /// What was done.
        step: String,
        /// Transaction.
        transaction: B256,
    },
    /// A contract is elsewhere: somebody else used the deployer's account meanwhile.
    #[error("{name} is at {found:?}, expected {expected}: was the key used by somebody else?")]
    Elsewhere {
        /// Contract.
        name: String,
        /// Where it is.
        found: Option<Address>,
        /// Where it should be.
        expected: Address,
    },
    /// The hub says something else than it was told.
    #[error("the hub has {found} as commitment of rollup {rollup}, expected {expected}")]
    Registered {
        /// Number of the rollup.
        rollup: u32,
        /// On L1.
        found: B256,
        /// Of the configuration.
        expected: B256,
    },
    /// A rollup's genesis is too large for one transaction.
    #[error(
        "the registration of rollup {chain_id} has {found} bytes, over {MAX_REGISTRATION}; it has too many allocations"
    )]
    TooLong {
        /// EIP-155 id.
        chain_id: u32,
        /// Its bytes.
        found: usize,
    },
    /// The deployer cannot pay.
    #[error(
        "{deployer} has {balance} wei and needs {needed} for the bond and to back genesis balances"
    )]
    Poor {
        /// Deployer.
        deployer: Address,
        /// What it has, in wei.
        balance: U256,
        /// What it needs besides gas, in wei.
        needed: U256,
    },
    /// The realm begins with no rollup, or with more than a hub takes.
    #[error("a realm has 1 to 128 rollups, not {0}")]
    Rollups(usize),
    /// The attesters make no policy.
    #[error("{threshold} of {attesters} attesters make no policy")]
    Policy {
        /// How many must sign.
        threshold: u32,
        /// How many there are.
        attesters: usize,
    },
    /// An attester is named twice.
    #[error("attester {0} is named twice; it signs once")]
    Repeated(Address),
    /// A rollup has L1's own EIP-155 id.
    #[error("rollup {0} has the EIP-155 id of L1")]
    ChainId(u32),
}

struct Deployer<'a, P> {
    provider: &'a P,
    from: Address,
    nonce: u64,
    steps: Vec<Done>,
    told: &'a mut (dyn FnMut(&Done) + Send),
}

/// Deploys a realm from an account that signs with `provider`; `told` hears of every step.
///
/// # Errors
///
/// [`DeployError`].
pub async fn deploy<P: Provider<Ethereum>>(
    provider: &P,
    deployer: Address,
    plan: &Plan,
    told: &mut (dyn FnMut(&Done) + Send),
) -> Result<Deployed, DeployError> {
    let chain_id = provider.get_chain_id().await?;
    let nonce = provider.get_transaction_count(deployer).pending().await?;
    let (contracts, creations) = deployment(&plan.l1, deployer, nonce);
    let domain = Domain {
        l1_chain_id: chain_id,
        settlement: contracts.hub,
        realm: plan.l1.realm,
        ..plan.realm.domain
    };
    let realm = RealmConfig { domain, ..plan.realm.clone() };
    let registrations = check(plan, &realm, contracts)?;
    let balance = provider.get_balance(deployer).await?;
    let needed =
        plan.l1.bond + realm.rollups.iter().map(|rollup| plan.value_of(rollup)).sum::<U256>();
    if balance < needed {
        return Err(DeployError::Poor { deployer, balance, needed });
    }
    let from = provider.get_block_number().await?;
    let mut run = Deployer { provider, from: deployer, nonce, steps: Vec::new(), told };
    for creation in creations {
        run.create(creation.name, creation.init_code, creation.value, Some(creation.address))
            .await?;
    }
    let policy = run.policy(plan).await?;
    for (id, (genesis, config)) in (1..).zip(realm.rollups.iter().zip(registrations)) {
        run.register(contracts.hub, policy, id, genesis, config, plan.value_of(genesis)).await?;
    }
    let steps = run.steps;
    Ok(Deployed { chain_id, contracts, policy, from, realm, steps })
}

/// Finds out what is wrong before anything is sent; returns what the rollups register with.
fn check(
    plan: &Plan,
    realm: &RealmConfig,
    contracts: L1Addresses,
) -> Result<Vec<Bytes>, DeployError> {
    let (threshold, attesters) = (plan.threshold, plan.attesters.len());
    if threshold == 0 || threshold as usize > attesters || attesters > 255 {
        return Err(DeployError::Policy { threshold, attesters });
    }
    let mut named = BTreeSet::new();
    if let Some(again) = plan.attesters.iter().find(|attester| !named.insert(**attester)) {
        return Err(DeployError::Repeated(*again));
    }
    if !(1..=128).contains(&realm.rollups.len()) {
        return Err(DeployError::Rollups(realm.rollups.len()));
    }
    let registrations = realm.rollups.iter().enumerate().map(|(index, genesis)| {
        let registration = match index {
            0 => Registration::Realm { contracts, config: Box::new(realm.clone()) },
            _ => Registration::Rollup { realm: realm.hash(), genesis: genesis.clone() },
        };
        encoded(&registration, genesis.chain_id, realm)
    });
    registrations.collect()
}

fn encoded(
    registration: &Registration,
    chain_id: u32,
    realm: &RealmConfig,
) -> Result<Bytes, DeployError> {
    if u64::from(chain_id) == realm.domain.l1_chain_id {
        return Err(DeployError::ChainId(chain_id));
    }
    let bytes = registration.encode();
    if bytes.len() > MAX_REGISTRATION {
        return Err(DeployError::TooLong { chain_id, found: bytes.len() });
    }
    Ok(bytes.into())
}

/// Returns the call that registers one more rollup of a realm with its hub (P41).
///
/// # Errors
///
/// [`DeployError::ChainId`], [`DeployError::TooLong`].
pub fn registration(
    realm: &RealmConfig,
    genesis: &RollupGenesis,
    policy: Address,
) -> Result<Hub::registerCall, DeployError> {
    let named = Registration::Rollup { realm: realm.hash(), genesis: genesis.clone() };
    let config = encoded(&named, genesis.chain_id, realm)?;
    Ok(register_call(policy, genesis, config))
}

fn register_call(policy: Address, genesis: &RollupGenesis, config: Bytes) -> Hub::registerCall {
    let outcome = genesis_outcome(genesis);
    Hub::registerCall {
        chainId: genesis.chain_id.into(),
        policy,
        genesisStateRoot: outcome.state_root,
        genesisBlockHash: outcome.block_hash,
        config,
    }
}

/// Returns the wei that back the genesis balances of a rollup.
pub fn backing(rollup: &RollupGenesis) -> U256 {
    rollup.allocations.iter().map(|(_, wei)| *wei).fold(U256::ZERO, U256::saturating_add)
}

impl Plan {
    /// Returns the wei that back the genesis balances of a rollup.
    fn value_of(&self, rollup: &RollupGenesis) -> U256 {
        if self.is_backed { backing(rollup) } else { U256::ZERO }
    }
}

impl<P: Provider<Ethereum>> Deployer<'_, P> {
    async fn create(
        &mut self,
        name: &str,
        code: Bytes,
        value: U256,
        expected: Option<Address>,
    ) -> Result<Address, DeployError> {
        let request = TransactionRequest::default().with_deploy_code(code).with_value(value);
        let expected = expected.unwrap_or_else(|| self.from.create(self.nonce));
        let receipt = self.send(name, request).await?;
        let found = receipt.contract_address;
        let has_code = !self.provider.get_code_at(expected).await?.is_empty();
        if found != Some(expected) || !has_code {
            return Err(DeployError::Elsewhere { name: name.to_owned(), found, expected });
        }
        self.done(name.to_owned(), expected, &receipt);
        Ok(expected)
    }

    async fn policy(&mut self, plan: &Plan) -> Result<Address, DeployError> {
        let mut attesters = plan.attesters.clone();
        attesters.sort_unstable();
        let code = attestation_policy(plan.program_id, U256::from(plan.threshold), attesters);
        let policy = self.create("AttestationPolicy", code, U256::ZERO, None).await?;
        let call = TransactionRequest::default()
            .with_to(policy)
            .with_input(AttestationPolicy::thresholdCall {}.abi_encode());
        let threshold = self.provider.call(call).await?;
        let declared = U256::try_from_be_slice(&threshold);
        if declared == Some(U256::from(plan.threshold)) {
            return Ok(policy);
        }
        let name = "AttestationPolicy".to_owned();
        Err(DeployError::Elsewhere { name, found: None, expected: policy })
    }

    async fn register(
        &mut self,
        hub: Address,
        policy: Address,
        id: u32,
        genesis: &RollupGenesis,
        config: Bytes,
        value: U256,
    ) -> Result<(), DeployError> {
        let outcome = genesis_outcome(genesis);
        let name = format!("rollup {}", genesis.chain_id);
        let call = register_call(policy, genesis, config);
        let request = TransactionRequest::default()
            .with_to(hub)
            .with_input(call.abi_encode())
            .with_value(value);
        let receipt = self.send(&name, request).await?;
        let call = TransactionRequest::default()
            .with_to(hub)
            .with_input(Hub::commitmentOfCall { id }.abi_encode());
        let found = self.provider.call(call).await?;
        let (found, expected) = (B256::left_padding_from(&found), outcome.commitment());
        if found != expected {
            return Err(DeployError::Registered { rollup: id, found, expected });
        }
        self.done(name, policy, &receipt);
        Ok(())
    }

    /// Sends a transaction and waits for its block.
    async fn send(
        &mut self,
        step: &str,
        request: TransactionRequest,
    ) -> Result<TransactionReceipt, DeployError> {
        let request = request.with_from(self.from).with_nonce(self.nonce);
        let pending = self.provider.send_transaction(request).await?;
        self.nonce += 1;
        let transaction = *pending.tx_hash();
        let lost = |why: String| DeployError::Pending { step: step.to_owned(), why };
        let receipt = timeout(PATIENCE, pending.get_receipt()).await;
        let receipt = receipt.map_err(|_| lost(format!("not within {PATIENCE:?}")))?;
        let receipt = receipt.map_err(|error: PendingTransactionError| lost(error.to_string()))?;
        if receipt.status() {
            return Ok(receipt);
        }
        Err(DeployError::Failed { step: step.to_owned(), transaction })
    }

    fn done(&mut self, name: String, address: Address, receipt: &TransactionReceipt) {
        let (transaction, gas_used) = (receipt.transaction_hash, receipt.gas_used);
        let done = Done { name, address, transaction, gas_used };
        (self.told)(&done);
        self.steps.push(done);
    }
}
