//! Bundles on their way in (P18).

use super::{
    Args, Call, Methods,
    args::number,
    errors::{RpcError, RpcResult},
    types::{quantity, to_json},
    weft::chain_id_of,
};
use crate::engine::{At, Engine};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use weft_contracts::addresses::CREATE2_DEPLOYER;
use weft_evm::Applied;
use weft_types::{
    Bundle, BundleId, BundleShape, Item, Leg, LegShape, Outcome, Position, RESERVED, SafetyLevel,
    SignedTx,
};

pub(super) const METHODS: Methods = &[
    ("weft_sendBundle", send_bundle),
    ("weft_prepareBundle", prepare_bundle),
    ("weft_simulateBundle", simulate_bundle),
];

/// Signed legs, in execution order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedBundle {
    #[serde(default)]
    salt: B256,
    #[serde(default)]
    level: SafetyLevel,
    legs: Vec<SignedLeg>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SignedLeg {
    #[serde(deserialize_with = "chain_id")]
    chain_id: u64,
    raw: Bytes,
    #[serde(default)]
    may_revert: bool,
}

/// Legs that nobody has signed yet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UnsignedBundle {
    #[serde(default)]
    salt: B256,
    #[serde(default)]
    level: SafetyLevel,
    legs: Vec<UnsignedLeg>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UnsignedLeg {
    #[serde(deserialize_with = "chain_id")]
    chain_id: u64,
    from: Address,
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    value: U256,
    #[serde(default)]
    data: Bytes,
    #[serde(default)]
    may_revert: bool,
    /// Where the marker goes; by default where it harms least.
    #[serde(default)]
    marker: Option<MarkerKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum MarkerKind {
    Suffix,
    AccessList,
}

fn chain_id<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(input)?;
    number(&value).ok_or_else(|| serde::de::Error::custom(format!("invalid chain id {value}")))
}

fn send_bundle(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let request: SignedBundle = args.required(0)?;
    check_level(request.level)?;
    let legs = call.signed_legs(&request)?;
    let bundle = call.engine.send_bundle(request.salt, request.level, legs)?;
    let hashes: Vec<B256> = bundle.legs().iter().map(|leg| leg.tx.hash()).collect();
    Ok(json!({ "bundleId": bundle.id(), "protected": bundle.is_marked(), "txHashes": hashes }))
}

fn check_level(level: SafetyLevel) -> RpcResult<()> {
    match level {
        SafetyLevel::Reputation => Ok(()),
        SafetyLevel::Cryptoeconomic => Err(RpcError::level_unavailable("cryptoeconomic")),
        SafetyLevel::Cryptographic => Err(RpcError::level_unavailable("cryptographic")),
    }
}

fn prepare_bundle(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let request: UnsignedBundle = args.required(0)?;
    check_level(request.level)?;
    let shape = call.shape(&request)?;
    let kinds: Vec<MarkerKind> =
        request.legs.iter().map(|leg| call.marker_kind(leg)).collect::<RpcResult<_>>()?;
    let id = call.engine.prepare_bundle(shape)?;
    let legs = request.legs.iter().zip(kinds).map(|(leg, kind)| marked_leg(leg, kind, id));
    let legs = legs.collect::<RpcResult<Vec<_>>>()?;
    let ttl = call.engine.limits().prepared_ttl.as_millis() as u64;
    Ok(json!({
        "bundleId": id,
        "marker": Bytes::copy_from_slice(&id.suffix()),
        "expiresInMs": ttl,
        "legs": legs,
    }))
}

fn marked_leg(leg: &UnsignedLeg, kind: MarkerKind, id: BundleId) -> RpcResult {
    let mut answer = json!({
        "chainId": quantity(leg.chain_id),
        "from": leg.from,
        "to": leg.to,
        "value": leg.value,
        "data": leg.data,
        "mayRevert": leg.may_revert,
    });
    match kind {
        MarkerKind::Suffix => {
            let data: Bytes = [leg.data.as_ref(), &id.suffix()].concat().into();
            answer["data"] = json!(data);
        }
        MarkerKind::AccessList => {
            let entry = AccessListItem { address: RESERVED, storage_keys: vec![id.hash()] };
            answer["accessList"] = to_json(&AccessList(vec![entry]))?;
        }
    }
    Ok(answer)
}

/// Runs a bundle on the open slot, over all rollups, and forgets it.
fn simulate_bundle(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let request: SignedBundle = args.required(0)?;
    check_level(request.level)?;
    let legs = call.signed_legs(&request)?;
    call.engine.check_bundle_size(&legs)?;
    let bundle = Bundle::new(&call.engine.domain, request.salt, request.level, legs)?;
    let mut scratch = call.engine.scratch(call.network, At::Pending, Default::default())?;
    let slot = call.engine.realm.slot().expect("a slot is always open").number;
    let position = Position { slot, ..Position::default() };
    let applied = scratch
        .apply(position, &Item::Bundle(bundle.clone()))
        .map_err(|error| RpcError::new(-32603, format!("bundle could not run: {error}")))?;
    Ok(simulated(call.engine, &bundle, &applied))
}

fn simulated(engine: &Engine, bundle: &Bundle, applied: &Applied) -> Value {
    let leg = |(index, leg): (usize, &Leg)| {
        let result = applied.legs.iter().find(|result| usize::from(result.leg) == index);
        let mut answer = json!({
            "chainId": quantity(chain_id_of(engine, leg.network).unwrap_or_default()),
            "txHash": leg.tx.hash(),
            "ran": result.is_some(),
        });
        if let Some(result) = result {
            answer["success"] = json!(result.success);
            answer["gasUsed"] = quantity(result.gas_used);
            answer["output"] = json!(result.output);
        }
        answer
    };
    let legs: Vec<Value> = bundle.legs().iter().enumerate().map(leg).collect();
    let mut answer = json!({
        "bundleId": bundle.id(),
        "protected": bundle.is_marked(),
        "included": applied.outcome == Outcome::Included,
        "hops": applied.hops.len(),
        "legs": legs,
    });
    if let Outcome::Removed(removal) = &applied.outcome {
        answer["chainId"] = json!(chain_id_of(engine, removal.network));
        answer["txHash"] = json!(removal.tx_hash);
        answer["invalid"] = json!(removal.invalid);
        answer["cause"] = json!(removal.cause);
        answer["reason"] = json!(removal.reason);
        answer["leg"] = json!(removal.leg);
        answer["revertData"] = json!(removal.revert_data);
    }
    answer
}

impl Call<'_> {
    fn signed_legs(&self, request: &SignedBundle) -> RpcResult<Vec<Leg>> {
        self.check_count(request.legs.len())?;
        let legs = request.legs.iter().enumerate().map(|(index, leg)| {
            let network = self.engine.network_of(leg.chain_id)?;
            let tx = SignedTx::decode(leg.raw.clone()).map_err(|error| {
                let error = RpcError::from(error);
                RpcError { message: format!("leg {index}: {}", error.message), ..error }
            })?;
            if tx.chain_id() != Some(leg.chain_id) {
                return Err(RpcError::wrong_chain_id(index, leg.chain_id, tx.chain_id()));
            }
            Ok(Leg { network, tx, may_revert: leg.may_revert })
        });
        legs.collect()
    }

    pub(super) fn check_count(&self, legs: usize) -> RpcResult<()> {
        let most = self.engine.limits().max_bundle_legs;
        if legs == 0 {
            return Err(weft_types::InvalidBundle::Empty.into());
        }
        if legs > most {
            let why = format!("{legs} legs, over the limit of {most}");
            return Err(RpcError::bundle_too_large(why));
        }
        Ok(())
    }

    fn shape(&self, request: &UnsignedBundle) -> RpcResult<BundleShape> {
        self.check_count(request.legs.len())?;
        let bytes: usize = request.legs.iter().map(|leg| leg.data.len()).sum();
        let most = self.engine.limits().max_bundle_bytes;
        if bytes > most {
            let why = format!("{bytes} bytes of data, over the limit of {most}");
            return Err(RpcError::bundle_too_large(why));
        }
        let legs = request.legs.iter().map(|leg| {
            Ok(LegShape {
                network: self.engine.network_of(leg.chain_id)?,
                sender: leg.from,
                to: leg.to,
                value: leg.value,
                data: leg.data.clone(),
                may_revert: leg.may_revert,
            })
        });
        let legs = legs.collect::<RpcResult<_>>()?;
        Ok(BundleShape { salt: request.salt, level: request.level, legs })
    }

    /// Chooses where a leg's marker goes: creations, CREATE2 factories and contracts that only receive cannot take
    /// more call data.
    fn marker_kind(&mut self, leg: &UnsignedLeg) -> RpcResult<MarkerKind> {
        let Some(to) = leg.to else { return Ok(MarkerKind::AccessList) };
        if let Some(kind) = leg.marker {
            return Ok(kind);
        }
        if to == CREATE2_DEPLOYER {
            return Ok(MarkerKind::AccessList);
        }
        let network = self.engine.network_of(leg.chain_id)?;
        let account = self.engine.account(network, At::Pending, to)?;
        let has_code = account.is_some_and(|account| !account.is_empty_code_hash());
        let only_receives = leg.data.is_empty() && has_code;
        Ok(if only_receives { MarkerKind::AccessList } else { MarkerKind::Suffix })
    }
}
