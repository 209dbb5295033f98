//! What a development node prints first.

use crate::commands::own_l1::OwnL1;
use crate::{
    accounts::MNEMONIC,
    style::{bold, chain, dim},
};
use alloy_primitives::Address;
use serde_json::{Map, Value, json};
use weft_contracts::addresses::{BRIDGE, CREATE2_DEPLOYER, MANAGER, MULTICALL3, PERMIT2};
use weft_node::{DEV_ACCOUNTS, NodeHandle, SealingOptions};

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
    out += &format!("{}  10,000 ETH each, on every rollup\n", bold("Accounts"));
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
    }
    out + &hints(node)
}

/// Returns commands to begin with.
fn hints(node: &NodeHandle) -> String {
    let [first, others @ ..] = node.rollups() else { return String::new() };
    let url = &first.url;
    let mut out = format!("\n{}\n", bold("Try"));
    let mut hint = |text: &str, command: String| {
        out += &format!("  {}\n    {command}\n", dim(text));
    };
    if let [second, ..] = others {
        hint("a flash loan over two rollups", format!("weft demo flash-loan --rpc {url}"));
        hint(
            "the address that stands for a contract of another rollup",
            format!(
                "cast send {MANAGER} \\\n      'createCrossChainProxy(address,uint64)' \\\n      \
                 CONTRACT {} --rpc-url {url} --private-key KEY",
                second.chain_id
            ),
        );
        hint("one transaction on each of two rollups, or none", "weft bundle --help".to_owned());
    } else {
        hint("the last block", format!("cast block --rpc-url {url}"));
    }
    out += &format!("\n{}\n", dim("Ctrl-C stops it."));
    out
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
    })
}
