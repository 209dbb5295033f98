//! `eth_sendBundle`, as block builders take it: signed transactions, of several rollups here, all or none.

use super::{
    Args, Call, Methods,
    args::{number, prefixed},
    errors::{RpcError, RpcResult},
};
use crate::engine::Terms;
use alloy_primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use weft_types::{Bundle, Leg, Marker, NetworkId, SafetyLevel, SignedTx};

pub(super) const METHODS: Methods = &[("eth_sendBundle", send_bundle)];

/// What searchers send. Builders differ in how they spell it; both ways are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sent {
    txs: Vec<Value>,
    #[serde(default, alias = "block_number", deserialize_with = "optional_number")]
    block_number: Option<u64>,
    #[serde(default, alias = "min_timestamp", deserialize_with = "optional_number")]
    min_timestamp: Option<u64>,
    #[serde(default, alias = "max_timestamp", deserialize_with = "optional_number")]
    max_timestamp: Option<u64>,
    #[serde(default, alias = "reverting_tx_hashes", alias = "reverting_hashes")]
    reverting_tx_hashes: Vec<B256>,
    /// What marked legs were signed with (P18), zero unless said; others have no salt of their own.
    salt: Option<B256>,
}

/// A transaction that says for which chain it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    #[serde(alias = "chain_id")]
    chain_id: Value,
    #[serde(alias = "tx", alias = "signedTransaction", alias = "signed_transaction")]
    raw: Bytes,
}

fn optional_number<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    match Value::deserialize(input)? {
        Value::Null => Ok(None),
        value => match number(&value) {
            None => Err(serde::de::Error::custom(format!("invalid number {value}"))),
            some => Ok(some),
        },
    }
}

fn send_bundle(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let sent: Sent = args.required(0)?;
    call.check_count(sent.txs.len())?;
    let legs = sent.txs.iter().enumerate().map(|(index, tx)| call.leg(index, tx, &sent));
    let legs = legs.collect::<RpcResult<Vec<Leg>>>()?;
    let hashes: Vec<B256> = legs.iter().map(|leg| leg.tx.hash()).collect();
    if let Some(stranger) = sent.reverting_tx_hashes.iter().find(|hash| !hashes.contains(hash)) {
        return Err(RpcError::params(format!("revertingTxHashes: {stranger} is not in txs")));
    }
    call.engine.check_bundle_size(&legs)?;
    let bundle_hash = keccak256(hashes.concat());
    // Without marker nothing binds legs to an id, so that equal calls with other nonces may be another bundle.
    let is_marked = legs.iter().any(|leg| !matches!(Marker::of(&leg.tx), Ok(None)));
    let salt = sent.salt.unwrap_or(if is_marked { B256::ZERO } else { bundle_hash });
    let bundle = Bundle::new(&call.engine.domain, salt, SafetyLevel::default(), legs)?;
    let answer = json!({
        "bundleHash": bundle_hash,
        "bundleId": bundle.id(),
        "protected": bundle.is_marked(),
        "txHashes": hashes,
    });
    call.engine.send_targeted(sent.terms(call.network), bundle)?;
    Ok(answer)
}

impl Sent {
    fn terms(&self, network: NetworkId) -> Terms {
        let (from_s, until_s) = (self.min_timestamp, self.max_timestamp);
        Terms { network, block: self.block_number, from_s, until_s }
    }
}

impl Call<'_> {
    /// Reads one transaction: its bytes, or those with the id of its chain.
    fn leg(&self, index: usize, sent: &Value, bundle: &Sent) -> RpcResult<Leg> {
        let unreadable =
            |why: &dyn std::fmt::Display| RpcError::params(format!("txs[{index}]: {why}"));
        let (named, raw) = match sent {
            Value::String(text) => {
                let raw = prefixed(text, None).ok_or_else(|| unreadable(&"no bytes with 0x"))?;
                (None, raw)
            }
            other => {
                let named = Named::deserialize(other).map_err(|why| unreadable(&why))?;
                let id = number(&named.chain_id);
                (Some(id.ok_or_else(|| unreadable(&"invalid chain id"))?), named.raw)
            }
        };
        let tx = SignedTx::decode(raw).map_err(|error| {
            let error = RpcError::from(error);
            RpcError { message: format!("txs[{index}]: {}", error.message), ..error }
        })?;
        let signed = tx.chain_id().ok_or_else(|| unreadable(&"signed for no chain"))?;
        if let Some(named) = named.filter(|named| *named != signed) {
            return Err(RpcError::wrong_chain_id(index, named, Some(signed)));
        }
        let network = self.engine.network_of(signed)?;
        let may_revert = bundle.reverting_tx_hashes.contains(&tx.hash());
        Ok(Leg { network, tx, may_revert })
    }
}
