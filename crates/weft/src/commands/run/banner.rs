//! What a development node prints first.

use crate::commands::{bundle::DEFAULT_RPC, own_l1::OwnL1};
use crate::{
    accounts::MNEMONIC,
    style::{bold, chain, dim},
};
use alloy_primitives::Address;
use serde_json::{Map, Value, json};
use weft_contracts::addresses::{
    BRIDGE, CREATE2_DEPLOYER, FEE_VAULT, MANAGER, MULTICALL3, PERMIT2,
};
use weft_node::{DEV_ACCOUNTS, NodeHandle, SealingOptions};

/// Where `weft deposit` and `weft withdraw` look for an L1.
const DEFAULT_L1: &str = "http://127.0.0.1:8545";
/// Contracts that dApps use, with their names.
const CONTRACTS: [(&str, Address); 5] = [
    ("Manager", MANAGER),
    ("Bridge", BRIDGE),
    ("Multicall3", MULTICALL3),
    ("Permit2", PERMIT2),
    ("Create2", CREATE2_DEPLOYER),
];

/// Returns what is printed when the realm runs.
pub(super) fn text(
    node: &NodeHandle,
    slot_ms: u64,
    apart: &[u64],
    is_public: bool,
    sealing: Option<&SealingOptions>,
    own: Option<&OwnL1>,
) -> String {
    let mut out = format!(
        "\n  {}  {}\n\n",
        bold("weft"),
        dim(format_args!(
            "{}   {} rollups, one order, a slot every {} ms",
            env!("CARGO_PKG_VERSION"),
            node.rollups().len(),
            slot_ms
        ))
    );
    let on_l1 = if own.is_some_and(OwnL1::is_own) { " and on L1" } else { "" };
    out += &format!("{}  10,000 ETH each, on every rollup{on_l1}\n", bold("Accounts"));
    for (index, account) in DEV_ACCOUNTS.iter().enumerate() {
        out += &format!("  ({index}) {}\n", account.address);
    }
    out += &format!("\n{}  public, never for anything of value\n", bold("Private keys"));
    for (index, account) in DEV_ACCOUNTS.iter().enumerate() {
        out += &format!("  ({index}) {}\n", account.key);
    }
    out += &format!("\n{}  {MNEMONIC}\n", bold("Mnemonic"));
    out += &format!("          {}\n", dim("m/44'/60'/0'/0/index"));
    out += &format!("\n{}\n", bold("Rollups"));
    for rollup in node.rollups() {
        let note = if apart.contains(&rollup.chain_id) { "  in a process of its own" } else { "" };
        out += &format!("  {}  {}{}\n", chain(rollup.chain_id), rollup.url, dim(note));
    }
    if let Some(url) = node.common_url() {
        out += &format!("  all  {url}/{}\n", dim("CHAINID"));
    }
    if let Some(own) = own {
        out += &format!("\n{}\n{}", bold("L1"), own.text());
    }
    out += &format!("\n{}  at the same address on every rollup\n", bold("Contracts"));
    for (name, address) in CONTRACTS {
        out += &format!("  {name:<11}{address}\n");
    }
    if let Some(key) = node.promise_key() {
        let note = if is_public { "a public key: its promises bind nobody" } else { "" };
        out += &format!("\n{}  signed by {key}  {}\n", bold("Promises"), dim(note));
    }
    if let Some(sealing) = sealing {
        let epoch = sealing.epoch_slots.saturating_mul(slot_ms);
        let note = "a committee in process: it hides nothing from this node";
        out += &format!(
            "\n{}  a key every {epoch} ms, {} members  {}\n",
            bold("Sealed"),
            sealing.members,
            dim(note)
        );
        let home = node.rollups().iter().map(|rollup| rollup.chain_id).min().unwrap_or_default();
        out += &format!("  FeeVault   {FEE_VAULT}  {}\n", dim(format_args!("on {home}")));
    }
    out + &hints(node, sealing.is_some(), own)
}

/// Returns commands to begin with.
fn hints(node: &NodeHandle, is_sealed: bool, own: Option<&OwnL1>) -> String {
    let Some(first) = node.rollups().first() else { return String::new() };
    let [alice, bob, ..] = &DEV_ACCOUNTS;
    let rpc = flag("--rpc", &first.url, DEFAULT_RPC);
    let mut out = format!("\n{}  {}\n", bold("Try"), dim("as account (0):"));
    out += &format!("    export WEFT_KEY={}\n", alice.key);
    let mut hint = |text: &str, command: String| {
        out += &format!("  {}\n    {command}\n", dim(text));
    };
    hint("1 ETH from (0) to (1), with nothing but curl: the node signs for them", pay(&first.url));
    if let Some(second) = node.rollups().get(1) {
        hint("a flash loan over two rollups", format!("weft demo flash-loan --rpc {}", first.url));
        let leg = |id| format!("--leg {id}:from={},to={},value=1ether", alice.address, bob.address);
        let (one, other) = (leg(first.chain_id), leg(second.chain_id));
        hint(
            "one transaction on each of two rollups, or none",
            format!(
                "weft bundle build{rpc} \\\n      {one} \\\n      {other} |\n      \
                 weft bundle sign{rpc} | weft bundle send{rpc} --wait"
            ),
        );
        hint(
            "the address that stands for a contract of another rollup (cast is foundry's)",
            format!(
                "cast send {MANAGER} \\\n      'createCrossChainProxy(address,uint64)' \\\n      \
                 CONTRACT {} --rpc-url {} --private-key $WEFT_KEY",
                second.chain_id, first.url
            ),
        );
    }
    if let Some(own) = own {
        let l1 = flag("--l1", own.url(), DEFAULT_L1);
        let id = first.chain_id;
        let more = format!("--rollup {id} --amount 1ether --wait");
        hint("1 ETH from L1, until it is there", format!("weft deposit{l1}{rpc} {more}"));
        let claimed = format!("weft withdraw{l1}{rpc} --amount 1ether --wait");
        hint("and back: settled and claimed in some seconds", claimed);
    }
    if is_sealed {
        hint("a shield, which seals what a wallet sends to it", shield(&rpc));
    }
    out += &format!("\n{}\n", dim("Ctrl-C stops it."));
    out
}

/// Returns a flag with a space before it, where it says something else than commands have by default.
fn flag(name: &str, url: &str, default: &str) -> String {
    if url == default { String::new() } else { format!(" {name} {url}") }
}

/// Returns a payment as every program can send it.
fn pay(url: &str) -> String {
    let [alice, bob, ..] = &DEV_ACCOUNTS;
    let body = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "eth_sendTransaction",
        "params": [{"from": alice.address, "to": bob.address, "value": "0xde0b6b3a7640000"}],
    });
    format!("curl {url} -H 'content-type: application/json' \\\n      -d '{body}'")
}

/// Returns what a shield needs: a key, its deposit, and itself.
fn shield(rpc: &str) -> String {
    format!(
        "echo secret > pass\n    PAYER=$(weft keys new payer.json --passphrase pass)\n    \
         weft sealed deposit $PAYER --amount 1ether{rpc}\n    \
         weft shield --key payer.json --passphrase pass --dir shield{rpc}"
    )
}

/// Returns the banner as one JSON object.
pub(super) fn json(
    node: &NodeHandle,
    slot_ms: u64,
    apart: &[u64],
    is_public: bool,
    sealing: Option<&SealingOptions>,
    own: Option<&OwnL1>,
) -> Value {
    let accounts: Vec<Value> = DEV_ACCOUNTS
        .iter()
        .map(|account| json!({"address": account.address, "privateKey": account.key}))
        .collect();
    let rollups: Vec<Value> = node
        .rollups()
        .iter()
        .map(|rollup| {
            json!({
                "network": rollup.network.get(),
                "chainId": rollup.chain_id,
                "url": rollup.url,
                "ownProcess": apart.contains(&rollup.chain_id),
            })
        })
        .collect();
    let contracts: Map<String, Value> =
        CONTRACTS.iter().map(|(name, address)| (name.to_lowercase(), json!(address))).collect();
    json!({
        "event": "started",
        "version": env!("CARGO_PKG_VERSION"),
        "slotMs": slot_ms,
        "mnemonic": MNEMONIC,
        "accounts": accounts,
        "rollups": rollups,
        "contracts": contracts,
        "l1": own.map(OwnL1::json),
        "promiseKey": node.promise_key(),
        "promiseKeyIsPublic": is_public,
        "sealedEpochSlots": sealing.map(|sealing| sealing.epoch_slots),
        "feeVault": sealing.map(|_| FEE_VAULT),
    })
}
