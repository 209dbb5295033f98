//! Who does what on a development L1. Their keys are public like those of the accounts, but nobody uses them by accident: the
//! nonces of deployer, poster and settler stay theirs, and the contracts are at the same addresses in every run.

use super::super::l1::Sender;
use alloy_network::TransactionBuilder as _;
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_provider::Provider as _;
use alloy_rpc_types_eth::TransactionRequest;
use alloy_signer_local::PrivateKeySigner;
use eyre::{Result, WrapErr, ensure};
use std::time::Duration;
use weft_contracts::l1::L1Addresses;
use weft_l1::{Deployed, Plan, deploy};
use weft_node::DEV_ACCOUNTS;

/// L1 blocks within which an entry must be taken, as `weft l1 deploy` has it.
pub(super) const FORCE_WINDOW: u64 = 7_200;
/// The operator's bond, in wei.
pub(super) const BOND: U256 = U256::from_limbs([ETHER, 0, 0, 0]);

const ETHER: u64 = 1_000_000_000_000_000_000;
/// Ether of the deployer on a chain of our own: it backs all genesis balances, of up to 90 rollups.
const DEPLOYER_ETHER: u64 = 10_000_000;
/// Ether of poster and settler on a chain of our own.
const WORKER_ETHER: u64 = 10_000;
/// Ether of each role on a chain that is somebody else's.
const LENT_ETHER: u64 = 100;

/// Keys, the chain, and where the contracts will be.
#[derive(Debug)]
pub(super) struct Roles {
    pub(super) deployer: PrivateKeySigner,
    pub(super) poster: PrivateKeySigner,
    pub(super) settler: PrivateKeySigner,
    pub(super) attester: PrivateKeySigner,
    pub(super) chain_id: u64,
    pub(super) contracts: L1Addresses,
}

impl Roles {
    /// Finds out where the contracts will be; on a chain of somebody else's the last development account pays.
    pub(super) async fn new(url: &str, is_lent: bool) -> Result<Self> {
        let (deployer, poster, settler) = (key("deployer"), key("poster"), key("settler"));
        let banker = DEV_ACCOUNTS[DEV_ACCOUNTS.len() - 1].key;
        let bank = Sender::new(url, &PrivateKeySigner::from_bytes(&banker)?)?;
        let provider = &bank.provider;
        let chain_id = provider.get_chain_id().await;
        let chain_id = chain_id.wrap_err_with(|| format!("no L1 answers at {url}"))?;
        if is_lent {
            for role in [&deployer, &poster, &settler] {
                lend(&bank, role.address()).await?;
            }
        }
        let nonce = provider.get_transaction_count(deployer.address()).await?;
        let contracts = L1Addresses::of(deployer.address(), nonce);
        Ok(Self { deployer, poster, settler, attester: key("attester"), chain_id, contracts })
    }
}

impl Roles {
    /// Deploys a realm; its hub is where it was said to be.
    pub(super) async fn deploy(&self, url: &str, plan: &Plan) -> Result<Deployed> {
        let sender = Sender::new(url, &self.deployer)?;
        sender.provider.client().set_poll_interval(Duration::from_millis(20));
        let deployed = deploy(&sender.provider, sender.address, plan, &mut |_| {}).await?;
        let (found, expected) = (deployed.contracts.hub, self.contracts.hub);
        ensure!(found == expected, "the hub is at {found}, expected {expected}");
        Ok(deployed)
    }
}

/// Gives a role what it needs, when it has less.
async fn lend(bank: &Sender, to: Address) -> Result<()> {
    let least = U256::from(LENT_ETHER) * U256::from(ETHER);
    if bank.provider.get_balance(to).await? >= least / U256::from(2) {
        return Ok(());
    }
    let request = TransactionRequest::default().with_to(to).with_value(least);
    let sent = bank.provider.send_transaction(request).await;
    let sent = sent.wrap_err("the last development account cannot pay on this L1")?;
    let receipt = sent.with_timeout(Some(Duration::from_secs(60))).get_receipt().await?;
    ensure!(receipt.status(), "the last development account cannot pay on this L1");
    Ok(())
}

/// Returns who has ether on a chain of our own, beside the development accounts.
pub(super) fn funded() -> [(Address, U256); 3] {
    let ether = [("deployer", DEPLOYER_ETHER), ("poster", WORKER_ETHER), ("settler", WORKER_ETHER)];
    ether.map(|(name, ether)| (key(name).address(), U256::from(ether) * U256::from(ETHER)))
}

/// Returns the hub of every development realm on an L1 of its own.
pub(in crate::commands) fn hub() -> Address {
    L1Addresses::of(key("deployer").address(), 0).hub
}

fn key(role: &str) -> PrivateKeySigner {
    let secret: B256 = keccak256(format!("weft development l1 {role}"));
    PrivateKeySigner::from_bytes(&secret).expect("a hash is a key")
}
