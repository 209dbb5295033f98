//! `weft exit`: out of a realm that settles no more, by a proof of the settled state that needs nothing but L1 (P46).

use super::{
    l1::{L1Args, Sender, no_hub},
    on_l1::{self, Read},
};
use crate::{address::address, log, say::say};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolEvent as _;
use alloy_trie::{
    EMPTY_ROOT_HASH, HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount, proof::ProofRetainer,
};
use clap::Args;
use eyre::{Result, WrapErr, ensure, eyre};
use serde_json::json;
use std::{process::ExitCode, str::FromStr};
use weft_contracts::{Escape, Hub, wrapped_token_address};
use weft_evm::MemoryState;
use weft_l1::{Audit, History, Sureness};
use weft_settlement::Outcome;
use weft_statement::genesis_outcome;
use weft_types::NetworkId;

/// Storage slot of `balanceOf` in `WrappedToken`.
const BALANCES: u64 = 4;

/// Takes a balance out of a rollup by a proof of the last settled state
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft exit --l1 http://l1:8545 --hub 0x5FbD.. --rollup 901 --key 0xac09..
  weft exit --config weft.toml --rollup 901 --token 0:0xA0b8..

For when nothing settles any more: the hub takes it once its exit window is
over, and the whole balance of the account is paid. No node is asked; the state
is derived from L1 and its blobs. Everything that was not settled is void from
then on. Exit code 3 says that the window is not over.")]
pub(crate) struct Exit {
    #[command(flatten)]
    l1: L1Args,
    /// EIP-155 id of the rollup
    #[arg(long, value_name = "CHAIN ID")]
    rollup: u32,
    /// Key of the account, which pays
    #[arg(long, value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    key: PrivateKeySigner,
    /// Token, by where it is native; default: ether
    #[arg(long, value_name = "NETWORK:ADDRESS")]
    token: Option<Token>,
    /// Receiver on L1; default: the account
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    to: Option<Address>,
    /// Where blobs are; default: the L1 endpoint
    #[arg(long, value_name = "DIR|URL")]
    blobs: Option<String>,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

/// A token by where it is native.
#[derive(Debug, Clone, Copy)]
struct Token {
    network: u32,
    address: Address,
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not NETWORK:ADDRESS, as in 0:0xA0b8..");
        let (network, address) = text.split_once(':').ok_or_else(wrong)?;
        let network = network.parse().map_err(|_| wrong())?;
        Ok(Self { network, address: address.parse().map_err(|_| wrong())? })
    }
}

impl Exit {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let read = on_l1::read(&self.l1, self.blobs.as_ref(), Sureness::Latest).await?;
        let sender = Sender::new(&read.url, &self.key)?;
        let hub = self.l1.settings()?.hub.ok_or_else(no_hub)?;
        if let Some(open_at) = still_closed(&sender, hub).await? {
            return Ok(self.tell_closed(open_at));
        }
        let (outcome, state) = settled(&read, self.rollup).await?;
        let to = self.to.unwrap_or(sender.address);
        let escape = read.history.contracts.escape;
        let receipt = match self.token {
            None => {
                let proof = trie(&state, sender.address, outcome.state_root)?;
                let network = self.rollup;
                let call = Escape::exitEtherCall {
                    network,
                    outcome: on_chain(&outcome),
                    accountProof: proof,
                    to,
                };
                sender.call(escape, &call, U256::ZERO).await?
            }
            Some(Token { network, address }) => {
                let wrapped = wrapped_token_address(network, address);
                let balance = [sender.address.into_word(), B256::from(U256::from(BALANCES))];
                let call = Escape::exitTokenCall {
                    network: self.rollup,
                    outcome: on_chain(&outcome),
                    originNetwork: network,
                    originToken: address,
                    accountProof: trie(&state, wrapped, outcome.state_root)?,
                    storageProof: slot_proof(&state, wrapped, keccak256(balance.concat())),
                    to,
                };
                sender.call(escape, &call, U256::ZERO).await?
            }
        };
        let logs = receipt.logs().iter();
        let left = logs.filter_map(|log| Escape::Escaped::decode_log(&log.inner).ok()).next();
        let left = left.ok_or_else(|| eyre!("L1 does not say what it paid"))?;
        let (amount, transaction) = (left.amount, receipt.transaction_hash);
        if self.json {
            let gas = receipt.gas_used;
            say(json!({
                "event": "exited", "rollup": self.rollup, "amount": amount.to_string(), "to": to,
                "transaction": transaction, "gasUsed": gas
            }));
        } else {
            say(format_args!("{amount} paid to {to} in L1 transaction {transaction}"));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn tell_closed(&self, open_at: u64) -> ExitCode {
        if self.json {
            say(json!({"event": "closed", "opensAt": open_at}));
        } else {
            say(format_args!("the exit window is not over before L1 block {open_at}"));
        }
        ExitCode::from(3)
    }
}

/// Returns from which block on the hub lets accounts leave, when that is not yet so.
async fn still_closed(sender: &Sender, hub: Address) -> Result<Option<u64>> {
    use alloy_provider::Provider as _;
    let settled = sender.view(hub, &Hub::settledCall {}).await?.l1Block;
    let window = sender.view(hub, &Hub::exitWindowCall {}).await?;
    let open_at = settled.saturating_add(window) + 1;
    let head = sender.provider.get_block_number().await.wrap_err("L1 does not answer")?;
    // The next block is the first that can hold the transaction.
    Ok((head + 1 < open_at).then_some(open_at))
}

/// Returns the last settled outcome of a rollup, and the state that it stands for, derived.
async fn settled(read: &Read, rollup: u32) -> Result<(Outcome, MemoryState)> {
    let history = &read.history;
    let last = history.settlements.keys().next_back().copied().unwrap_or_default();
    let outcome = outcome_of(history, rollup)?;
    let mut audit = Audit::new(history.clone())?;
    on_l1::derive(&mut audit, read.blobs.as_ref(), last).await?;
    let state = audit.derivation().realm().state(NetworkId::new(rollup));
    let state = state.ok_or_else(|| eyre!("rollup {rollup} has not joined the realm"))?;
    Ok((outcome, state.clone()))
}

fn outcome_of(history: &History, rollup: u32) -> Result<Outcome> {
    let mut registered = history.registered.iter();
    let registered = registered.find(|it| it.chain_id == u64::from(rollup));
    let id = registered.ok_or_else(|| eyre!("the realm has no rollup {rollup}"))?.rollup;
    let mut settled = history.settlements.values().flatten();
    let last = settled.rfind(|it| it.rollup == id).map(|it| it.outcome);
    let genesis = || {
        let mut rollups = history.realm.rollups.iter();
        rollups.find(|it| it.chain_id == rollup).map(genesis_outcome)
    };
    let missing = || eyre!("rollup {rollup} joined later and nothing of it is settled");
    last.or_else(genesis).ok_or_else(missing)
}

fn on_chain(outcome: &Outcome) -> Escape::Outcome {
    Escape::Outcome {
        stateRoot: outcome.state_root,
        blockHash: outcome.block_hash,
        blockNumber: outcome.block_number,
        exitRoot: outcome.exit_root,
        accountingRoot: outcome.accounting_root,
        headsRoot: outcome.heads_root,
    }
}

/// Returns what proves an account of a state, which must have this root.
fn trie(state: &MemoryState, account: Address, root: B256) -> Result<Vec<Bytes>> {
    let mut leaves: Vec<_> = state
        .accounts()
        .map(|(address, account)| {
            let slots = account.hashed_storage().iter();
            let slots = slots.map(|(key, value)| (*key, alloy_rlp::encode(value)));
            let code_hash = account.info.code_hash;
            let account = TrieAccount {
                nonce: account.info.nonce,
                balance: account.info.balance,
                storage_root: proof(B256::ZERO, slots).0,
                code_hash: if code_hash.is_zero() { KECCAK_EMPTY } else { code_hash },
            };
            (keccak256(address), alloy_rlp::encode(account))
        })
        .collect();
    leaves.sort_unstable();
    let (found, nodes) = proof(keccak256(account), leaves.into_iter());
    ensure!(found == root, "the settled state has root {root}, the derived one {found}");
    Ok(nodes)
}

fn slot_proof(state: &MemoryState, account: Address, slot: B256) -> Vec<Bytes> {
    let slots = state.account(&account).into_iter().flat_map(|it| it.hashed_storage());
    proof(keccak256(slot), slots.map(|(key, value)| (*key, alloy_rlp::encode(value)))).1
}

/// Returns the root of a trie, and the nodes on the way to a key, from the root on (EIP-1186).
fn proof(key: B256, leaves: impl Iterator<Item = (B256, Vec<u8>)>) -> (B256, Vec<Bytes>) {
    let retainer = ProofRetainer::from_iter([Nibbles::unpack(key)]);
    let (mut builder, mut is_empty) = (HashBuilder::default().with_proof_retainer(retainer), true);
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), &value);
        is_empty = false;
    }
    if is_empty {
        return (EMPTY_ROOT_HASH, Vec::new());
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    (root, nodes.into_iter().map(|(_, node)| node).collect())
}
