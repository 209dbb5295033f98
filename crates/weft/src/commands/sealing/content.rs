//! What is sealed: a signed transaction, or a signed bundle.

use crate::commands::bundle::{BundleFile, network, read_text};
use alloy_consensus::Transaction as _;
use alloy_primitives::Bytes;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use serde_json::{Value, json};
use weft_types::{Bundle, Decode as _, Domain, Item, Leg, SignedTx};

/// Reads a transaction in hex, or a bundle of `weft bundle sign`.
pub(in crate::commands) fn read(path: &str, domain: &Domain) -> Result<Item> {
    let text = read_text(path, "a signed transaction or bundle")?;
    let name = if path == "-" { "standard input" } else { path };
    if let Some(raw) = text.trim().strip_prefix("0x") {
        let raw: Bytes = raw.parse().wrap_err_with(|| format!("{name} is not hex"))?;
        return Ok(Item::Transaction(leg(raw, false).wrap_err_with(|| refused(name))?));
    }
    let bundle: BundleFile = serde_json::from_str(&text).wrap_err_with(|| {
        format!("{name} is neither a transaction in hex nor an output of `weft bundle sign`")
    })?;
    bundle.check()?;
    let legs = bundle.legs.iter().enumerate().map(|(index, signed)| {
        let raw = signed.raw.clone();
        let raw = raw.ok_or_else(|| eyre!("leg {index} is not signed: run `weft bundle sign`"))?;
        let leg = leg(raw, signed.may_revert)?;
        let found = leg.tx.chain_id();
        ensure!(found == Some(signed.chain_id), "leg {index} is signed for another chain");
        Ok(leg)
    });
    let legs = legs.collect::<Result<Vec<_>>>().wrap_err_with(|| refused(name))?;
    let made = Bundle::new(domain, bundle.salt, bundle.level, legs);
    let made = made.wrap_err_with(|| refused(name))?;
    ensure!(
        made.id() == bundle.id && made.is_marked() == bundle.protected,
        "{}: what is signed is not what the file says; sign it again",
        refused(name)
    );
    Ok(Item::Bundle(made))
}

/// Returns the gas that the legs of an item declare together.
pub(super) fn gas(item: &Item) -> u64 {
    let declared = |leg: &Leg| leg.tx.envelope().gas_limit();
    item.legs().iter().fold(0, |sum, leg| declared(leg).saturating_add(sum))
}

/// Says in words what a plaintext is; nothing when it is neither a transaction nor a bundle.
pub(super) fn described(plaintext: &[u8], domain: &Domain) -> Option<Value> {
    let item = Item::decode(plaintext).ok()?;
    let legs = item.legs().iter().map(|leg| {
        json!({
            "network": leg.network,
            "txHash": leg.tx.hash(),
            "from": leg.tx.sender(),
            "raw": leg.tx.raw(),
        })
    });
    let legs: Vec<Value> = legs.collect();
    match &item {
        Item::Transaction(_) => Some(json!({ "transaction": legs[0] })),
        Item::Bundle(bundle) if bundle.recheck(domain) => {
            Some(json!({ "bundle": { "id": bundle.id(), "legs": legs } }))
        }
        Item::Part(part) if part.recheck(domain) => Some(json!({ "part": {
            "bundle": part.id(),
            "epoch": part.epoch(),
            "index": part.index(),
            "legs": part.count(),
            "leg": legs[0],
        } })),
        _ => None,
    }
}

fn leg(raw: Bytes, may_revert: bool) -> Result<Leg> {
    let tx = SignedTx::decode(raw)?;
    let Some(chain_id) = tx.chain_id() else {
        bail!("the transaction names no chain, so that any could run it")
    };
    Ok(Leg { network: network(chain_id)?, tx, may_revert })
}

fn refused(name: &str) -> String {
    format!("{name} is refused")
}
