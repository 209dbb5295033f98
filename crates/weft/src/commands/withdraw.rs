//! `weft withdraw`: from a rollup to L1. It leaves the rollup at once and is claimed on L1 once a settlement holds it.

use super::{
    l1::{Found, L1Args, Sender, send::explain},
    waiting::{Look, until, until_interrupted},
};
use crate::{
    address::address,
    amount::{grouped, wei},
    realm::Realm,
    say::say,
};
use alloy_network::TransactionBuilder as _;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_provider::{DynProvider, Provider as _, ProviderBuilder};
use alloy_rpc_types_eth::{Filter, Log, TransactionReceipt, TransactionRequest};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall as _, SolEvent as _};
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use serde_json::json;
use std::{cell::Cell, process::ExitCode};
use weft_contracts::{Hub, L1Bridge, addresses::BRIDGE};
use weft_settlement::{Exit, ExitTree, GlobalIndex, LeafType, TREE_DEPTH};

/// Blocks of one question for exits.
const RANGE: u64 = 10_000;

/// Sends ether or tokens from a rollup to L1, and claims them there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft withdraw --rpc http://127.0.0.1:9545 --amount 1ether --key 0xac09..
  weft withdraw --config weft.toml --claim 0x5c50.. --key 0xac09..
  weft withdraw --amount 1ether --wait --key 0xac09..     both, on `weft dev`

The first burns on the rollup and prints the transaction. The second pays out on
L1, as soon as a settlement holds the exit; anybody may claim for anybody. Exit
code 3 says that no settlement holds it yet. With --wait either waits for one,
and claims. Ctrl-C only ends the waiting: --claim goes on later.")]
pub(crate) struct Withdraw {
    #[command(flatten)]
    l1: L1Args,
    /// JSON-RPC of the rollup
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9545")]
    rpc: String,
    /// Private key of who sends or claims
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// How much: 1ether, 0.5 gwei, 2_000
    #[arg(long, value_name = "AMOUNT", value_parser = wei)]
    #[arg(required_unless_present = "claim")]
    amount: Option<U256>,
    /// Receiver on L1; default: the sender
    #[arg(long, value_name = "ADDRESS", conflicts_with = "claim", value_parser = address)]
    to: Option<Address>,
    /// Token on the rollup; default: ether
    #[arg(long, value_name = "ADDRESS", conflicts_with = "claim", value_parser = address)]
    token: Option<Address>,
    /// Transaction of a withdrawal, to be claimed on L1
    #[arg(long, value_name = "HASH", conflicts_with = "amount")]
    claim: Option<B256>,
    /// Waits until it can be claimed, and claims it
    #[arg(long)]
    wait: bool,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Withdraw {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match (self.claim, self.amount) {
            (Some(transaction), _) => self.claim_or_wait(transaction).await,
            (None, Some(amount)) if self.wait => {
                // Who wants to claim it has to find L1: better before it has left.
                self.l1.find().await.wrap_err("nothing was sent")?;
                let transaction = self.burn(amount).await?;
                self.claim_or_wait(transaction).await
            }
            (None, Some(amount)) => self.burn(amount).await.map(|_| ExitCode::SUCCESS),
            (None, None) => bail!("name an --amount, or a withdrawal with --claim"),
        }
    }

    /// Burns on the rollup; returns the transaction.
    async fn burn(&self, amount: U256) -> Result<B256> {
        ensure!(!amount.is_zero(), "an --amount of zero moves nothing");
        let sender = Sender::new(&self.rpc, &self.key)?;
        check_rollup(&self.rpc, &sender).await.wrap_err("nothing was sent")?;
        let token = self.token.unwrap_or_default();
        let call = L1Bridge::bridgeAssetCall {
            destinationNetwork: 0,
            destinationAddress: self.to.unwrap_or(sender.address),
            amount,
            token,
            forceUpdateGlobalExitRoot: true,
            permitData: Bytes::new(),
        };
        let value = if token.is_zero() { amount } else { U256::ZERO };
        let receipt = sender.call(BRIDGE, &call, value).await;
        let receipt = receipt.wrap_err("the bridge of the rollup does not take it")?;
        let (index, _) = exit_of(receipt.logs())?;
        let transaction = receipt.transaction_hash;
        if self.json {
            say(json!({"event": "left", "exit": index, "transaction": transaction}));
        } else {
            say(format_args!("exit {index} of the rollup, in transaction {transaction}"));
        }
        if !self.json && !self.wait {
            say(format_args!("once it is settled:\n  {}", self.again(transaction)));
        }
        Ok(transaction)
    }

    /// Returns the command that claims a withdrawal later.
    fn again(&self, transaction: B256) -> String {
        let place = self.l1.again();
        format!("weft withdraw --rpc {}{place} --claim {transaction} --wait --key ..", self.rpc)
    }

    async fn claim_or_wait(&self, transaction: B256) -> Result<ExitCode> {
        let claim = self.claim(transaction);
        if !self.wait {
            return claim.await;
        }
        until_interrupted(claim, &self.again(transaction)).await
    }

    async fn claim(&self, transaction: B256) -> Result<ExitCode> {
        let wrong = || format!("--rpc {} is for the rollup", self.rpc);
        Realm::connect(&self.rpc).await.wrap_err_with(wrong)?;
        let url =
            self.rpc.parse().map_err(|error| eyre!("`{}` is no endpoint: {error}", self.rpc))?;
        let rollup = ProviderBuilder::new().connect_http(url).erased();
        let receipt = rollup.get_transaction_receipt(transaction).await.map_err(explain)?;
        let receipt = receipt.ok_or_else(|| {
            eyre!("{} has no transaction {transaction}; is it another rollup's?", self.rpc)
        })?;
        let (index, exit) = exit_of(receipt.logs())?;
        let found = self.l1.find().await?;
        let sender = found.sender(&self.key)?;
        let chain_id = rollup.get_chain_id().await.map_err(explain)?;
        let chain_id = u32::try_from(chain_id).wrap_err("no rollup has such a chain id")?;
        let id = sender.view(found.contracts.hub, &Hub::idOfCall { chainId: chain_id }).await?;
        ensure!(id != 0, "the realm of {} has no rollup {chain_id}", found.contracts.hub);
        let place = GlobalIndex { network: id, leaf: index };
        check_unclaimed(&found, &sender, chain_id, index, &exit.exit).await?;
        let asked = Asked { found: &found, sender: &sender, rollup: &rollup, place };
        let siblings = match self.wait {
            true => Some(asked.until_settled().await?),
            false => asked.siblings(asked.root().await?).await?,
        };
        let Some(siblings) = siblings else {
            if self.json {
                say(json!({"event": "unsettled", "exit": index}));
            } else {
                say(format_args!("no settlement holds exit {index} yet; --wait waits for one"));
            }
            return Ok(ExitCode::from(3));
        };
        let (to, what) = (exit.exit.destination_address, in_words(&exit.exit));
        let paid = pay(&found, &sender, place, siblings, exit).await?;
        let transaction = paid.transaction_hash;
        if self.json {
            say(
                json!({"event": "claimed", "exit": index, "transaction": transaction, "gasUsed": paid.gas_used}),
            );
        } else {
            say(format_args!("claimed exit {index} in L1 transaction {transaction}"));
            say(format_args!("{to} got {what}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// An exit whose settlement is asked for.
struct Asked<'a> {
    found: &'a Found,
    sender: &'a Sender,
    rollup: &'a DynProvider,
    place: GlobalIndex,
}

impl Asked<'_> {
    /// Returns the settled exit root of the rollup.
    async fn root(&self) -> Result<B256> {
        let root = L1Bridge::exitRootOfCall { rollup: self.place.network };
        let request = TransactionRequest::default()
            .with_to(self.found.contracts.bridge)
            .with_input(root.abi_encode());
        let root = self.sender.provider.call(request).await.map_err(explain)?;
        B256::try_from(root.as_ref()).wrap_err("the bridge on L1 gives no exit root")
    }

    /// Returns the path of the exit under a root; nothing when that does not hold it.
    async fn siblings(&self, root: B256) -> Result<Option<Vec<B256>>> {
        path(&leaves(self.rollup).await?, self.place.leaf, root)
    }

    /// Waits for a root that holds the exit; returns its path.
    async fn until_settled(&self) -> Result<Vec<B256>> {
        let known = Cell::new(None);
        let look = async || {
            let root = self.root().await?;
            // A root that did not hold it never will, and to collect all exits takes long.
            if known.get() != Some(root) {
                if let Some(siblings) = self.siblings(root).await? {
                    return Ok(Look::There(siblings));
                }
                known.set(Some(root));
            }
            self.behind().await.map(Look::NotYet)
        };
        until(look).await
    }

    /// Says how far L1 is.
    async fn behind(&self) -> Result<String> {
        let hub = self.found.contracts.hub;
        let posted = self.sender.view(hub, &Hub::postedCall {}).await?.number;
        let settled = self.sender.view(hub, &Hub::settledCall {}).await?.number;
        let leaf = self.place.leaf;
        Ok(format!(
            "exit {leaf} waits for a settlement; batches posted: {posted}, settled: {settled}"
        ))
    }
}

/// Makes sure that nobody claimed an exit before: that would be refused.
async fn check_unclaimed(
    found: &Found,
    sender: &Sender,
    chain_id: u32,
    leaf: u32,
    exit: &Exit,
) -> Result<()> {
    let asked = L1Bridge::isClaimedCall { leafIndex: leaf, sourceBridgeNetwork: chain_id };
    let is_claimed = sender.view(found.contracts.bridge, &asked).await?;
    let to = exit.destination_address;
    ensure!(!is_claimed, "exit {leaf} was claimed before: {to} got {} on L1", in_words(exit));
    Ok(())
}

/// Says what leaves.
fn in_words(exit: &Exit) -> String {
    match exit.origin_address {
        Address::ZERO => format!("{} ETH", grouped(exit.amount, 18)),
        token => format!("{} of token {token} of network {}", exit.amount, exit.origin_network),
    }
}

/// Makes sure that `url` serves a rollup of a realm: on any other chain nobody is at the bridge's address, and what is sent
/// there is lost.
async fn check_rollup(url: &str, sender: &Sender) -> Result<()> {
    let realm = Realm::connect(url).await;
    let realm = realm.wrap_err("--rpc is for the rollup")?;
    let chain_id = sender.provider.get_chain_id().await.map_err(explain)?;
    realm.rollup(chain_id).wrap_err("--rpc is for the rollup")?;
    let has_no_l1 = realm.domain().is_some_and(|domain| domain.l1_chain_id == 0);
    ensure!(!has_no_l1, "this realm has no L1: what leaves it could never be claimed");
    let code = sender.provider.get_code_at(BRIDGE).await.map_err(explain)?;
    ensure!(!code.is_empty(), "{url} has no bridge at {BRIDGE}");
    Ok(())
}

/// Looks for the number of exits that lead to a root, and returns the path of one of them.
fn path(leaves: &[B256], index: u32, root: B256) -> Result<Option<Vec<B256>>> {
    let least = index as usize + 1;
    ensure!(least <= leaves.len(), "the rollup does not know exit {index}: is it another rollup?");
    let trees = (least..=leaves.len()).map(|count| ExitTree::new(leaves[..count].to_vec()));
    let Some(tree) = trees.into_iter().find(|tree| tree.root() == root) else { return Ok(None) };
    let path = tree.path(index).expect("the tree holds the exit");
    // Above the last exit everything to the right is empty, and known to the contract.
    let mut siblings = path.to_vec();
    let mut zero = B256::ZERO;
    let zeros: [B256; TREE_DEPTH] = std::array::from_fn(|_| {
        let this = zero;
        zero = keccak256([zero.as_slice(), zero.as_slice()].concat());
        this
    });
    while siblings.last().is_some_and(|last| *last == zeros[siblings.len() - 1]) {
        siblings.pop();
    }
    Ok(Some(siblings))
}

/// Returns the hashes of all exits of a rollup, in order.
async fn leaves(rollup: &DynProvider) -> Result<Vec<B256>> {
    let head = rollup.get_block_number().await.map_err(explain)?;
    let mut leaves = Vec::new();
    let mut from = 0;
    while from <= head {
        let to = head.min(from + RANGE - 1);
        let filter = Filter::new()
            .address(BRIDGE)
            .event_signature(L1Bridge::BridgeEvent::SIGNATURE_HASH)
            .from_block(from)
            .to_block(to);
        for log in rollup.get_logs(&filter).await.map_err(explain)? {
            let (index, exit) = read(&log)?;
            ensure!(index as usize == leaves.len(), "the rollup misses an exit before {index}");
            leaves.push(exit.leaf());
        }
        from = to + 1;
    }
    Ok(leaves)
}

/// An exit with what its hash does not show.
#[derive(Debug, Clone)]
struct Left {
    exit: Exit,
    metadata: Bytes,
}

impl Left {
    fn leaf(&self) -> B256 {
        self.exit.hash()
    }
}

fn read(log: &Log) -> Result<(u32, Left)> {
    let event = L1Bridge::BridgeEvent::decode_log(&log.inner).wrap_err("cannot read an exit")?.data;
    let exit = Exit {
        leaf_type: if event.leafType == 0 { LeafType::Transfer } else { LeafType::Message },
        origin_network: event.originNetwork,
        origin_address: event.originAddress,
        destination_network: event.destinationNetwork,
        destination_address: event.destinationAddress,
        amount: event.amount,
        metadata_hash: keccak256(&event.metadata),
    };
    Ok((event.depositCount, Left { exit, metadata: event.metadata }))
}

/// Returns the exit that a transaction made.
fn exit_of(logs: &[Log]) -> Result<(u32, Left)> {
    let topic = L1Bridge::BridgeEvent::SIGNATURE_HASH;
    let is_exit = |log: &&Log| log.address() == BRIDGE && log.topic0() == Some(&topic);
    let mut exits = logs.iter().filter(is_exit);
    match (exits.next(), exits.next()) {
        (Some(one), None) => read(one),
        (None, _) => bail!("the transaction holds no exit"),
        (Some(_), Some(_)) => {
            bail!("the transaction holds several exits; claim them by the bridge's ABI")
        }
    }
}

async fn pay(
    found: &Found,
    sender: &Sender,
    place: GlobalIndex,
    siblings: Vec<B256>,
    left: Left,
) -> Result<TransactionReceipt> {
    let Left { exit, metadata } = left;
    ensure!(exit.destination_network == 0, "the exit is for network {}", exit.destination_network);
    if exit.leaf_type == LeafType::Message {
        bail!("the exit is a message; claim it with claimMessage of the bridge on L1");
    }
    let call = L1Bridge::claimCompactCall {
        siblings,
        globalIndex: place.encode(),
        originNetwork: exit.origin_network,
        originTokenAddress: exit.origin_address,
        destinationAddress: exit.destination_address,
        amount: exit.amount,
        metadata,
    };
    sender.call(found.contracts.bridge, &call, U256::ZERO).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_settlement::root_of;

    #[test]
    fn paths_lead_to_the_root_of_as_many_exits_as_were_settled() {
        let leaves: Vec<_> = (1..=5_u8).map(B256::repeat_byte).collect();
        let settled = ExitTree::new(leaves[..3].to_vec());
        for index in 0..3 {
            let siblings = path(&leaves, index, settled.root()).unwrap().unwrap();
            assert!(siblings.len() <= 2, "{siblings:?}");
            let mut full = settled.path(index).unwrap();
            full[..siblings.len()].copy_from_slice(&siblings);
            assert_eq!(root_of(&leaves[index as usize], index, &full), settled.root());
        }
        // Later exits are not settled yet, and one that nobody knows is of another rollup.
        assert_eq!(path(&leaves, 4, settled.root()).unwrap(), None);
        assert!(path(&leaves, 5, settled.root()).is_err());
    }
}
