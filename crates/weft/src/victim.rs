//! Whom a broken promise hurt: the item itself, which L1 wants to see before it pays (P47).

use crate::{realm::Realm, rpc::Rpc};
use alloy_primitives::{B256, Bytes};
use eyre::{Result, WrapErr, eyre};
use serde_json::{Value, json};
use weft_evidence::{Content, Evidence, Proof};
use weft_types::{
    Decode as _, Domain, Encode, Item, Leg, NetworkId, SignedPromise, SignedTx, Statement, Writer,
};

/// Returns the item as L1 wants to see it, where the evidence itself holds it: in clear, or as the envelope, whose payer is
/// the victim.
pub(crate) fn in_evidence(evidence: &Evidence, item: B256) -> Option<Bytes> {
    let envelope = match evidence.proof() {
        Proof::Unbundling(_, content)
        | Proof::WrongLeg(_, content)
        | Proof::FalseVerdict(_, content) => match content {
            Content::Clear(found) => {
                return (found.hash(evidence.domain()) == item).then(|| bare(&**found));
            }
            Content::Sealed(sealed) => &sealed.envelope,
            Content::Part(other) => &other.sealed.envelope,
        },
        Proof::StaleInclusion(_, envelope) => envelope,
        Proof::FalseOpening(_, inside) => &inside.envelope,
        _ => return None,
    };
    (envelope.id(evidence.domain()) == item).then(|| bare(envelope))
}

/// Returns an encoding without its version byte.
pub(crate) fn bare(item: &impl Encode) -> Bytes {
    let mut out = Writer::default();
    item.encode_to(&mut out);
    out.finish().into()
}

/// Returns the item that a signed transaction is by itself.
pub(crate) fn of_raw(raw: Bytes) -> Result<Item> {
    let tx = SignedTx::decode(raw).wrap_err("this is no signed transaction")?;
    let id = tx.chain_id().ok_or_else(|| eyre!("the transaction is bound to no chain"))?;
    let id = u32::try_from(id).map_err(|_| eyre!("no rollup has chain id {id}"))?;
    Ok(Item::Transaction(Leg { network: NetworkId::new(id), tx, may_revert: false }))
}

/// Asks a node for the item that a transaction is by itself; nothing when no rollup there knows it.
pub(crate) async fn of_transaction(rpc: &str, hash: B256) -> Result<Option<Item>> {
    let realm = Realm::connect(rpc).await?;
    for id in realm.ids() {
        if let Some(raw) = raw(realm.rollup(id)?, hash).await? {
            return of_raw(raw).map(Some);
        }
    }
    Ok(None)
}

/// Asks a node for an item by its hash: the result that was promised names its transaction. Nothing when the node does not
/// know it, or when it is a bundle.
pub(crate) async fn from_node(rpc: &str, domain: &Domain, item: B256) -> Result<Option<Item>> {
    let node = Rpc::new(rpc)?;
    let told: Value = node.request("weft_getPromise", json!([item])).await?;
    let Some(encoding) = told["execution"]["encoding"].as_str() else { return Ok(None) };
    let promise = SignedPromise::decode(&encoding.parse::<Bytes>()?)?;
    let Statement::Execution(execution) = promise.statement else { return Ok(None) };
    let [leg] = &execution.legs[..] else { return Ok(None) };
    let found = of_transaction(rpc, leg.tx_hash).await?;
    Ok(found.filter(|found| found.hash(domain) == item))
}

async fn raw(rollup: &Rpc, hash: B256) -> Result<Option<Bytes>> {
    rollup.request("eth_getRawTransactionByHash", json!([hash])).await
}
