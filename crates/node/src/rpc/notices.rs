//! Commitments to slots, their openings, and notices of keys (P15, P47).

use super::{
    Args, Call, Heavy, Methods, Work,
    errors::{RpcError, RpcResult},
};
use crate::notices::{commitment_json, notice_json, opening_json};
use alloy_primitives::Address;
use serde_json::{Value, json};
use weft_types::{Section, SlotNumber};

pub(super) const METHODS: Methods =
    &[("weft_getSlotCommitment", commitment), ("weft_getEpochNotice", notice)];
pub(super) const HEAVY: Heavy = &[("weft_getOrderOpening", opening)];

fn key(call: &Call<'_>) -> RpcResult<Address> {
    let promises = call.engine.outbox.promises();
    let no_key = || RpcError::refused("this node has no key for promises");
    promises.map(|promises| promises.key()).ok_or_else(no_key)
}

/// Returns the signed commitment to the order of a slot.
fn commitment(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let slot = SlotNumber::new(args.required_number(0)?);
    let key = key(call)?;
    let signed = call.engine.signed_commitment(slot)?;
    Ok(signed.map_or(Value::Null, |signed| commitment_json(&signed, &call.engine.domain, key)))
}

/// Returns the signed notice of an epoch's key.
fn notice(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let asked = args.number(0)?;
    let key = key(call)?;
    let config = call.engine.sealing_config()?;
    let slot = call.engine.realm.slot().map_or(SlotNumber::new(1), |slot| slot.number);
    let epoch = asked.unwrap_or_else(|| config.epoch_of(slot));
    let signed = call.engine.notice(epoch)?;
    Ok(signed.map_or(Value::Null, |signed| notice_json(&signed, key)))
}

/// Opens one position of a slot; with `kzg`, for L1's precompile as well.
fn opening(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let slot = SlotNumber::new(args.required_number(0)?);
    let section = section(&args.required::<String>(1)?)?;
    let index = args.required_number(2)?;
    let index = u32::try_from(index)
        .map_err(|_| RpcError::params(format!("index {index} is out of range")))?;
    let kzg = match args.optional::<String>(3)?.as_deref() {
        None => false,
        Some("kzg") => true,
        Some(other) => return Err(RpcError::params(format!("{other:?}, expected \"kzg\""))),
    };
    let (key, domain) = (key(call)?, call.engine.domain);
    let committed = call.engine.commitment(slot)?;
    Ok(Box::new(move || {
        let Some(committed) = committed else { return Ok(Value::Null) };
        let Some(opening) = committed.open(&domain, section, index) else {
            let why = json!({
                "element": null,
                "commitment": commitment_json(&committed.signed, &domain, key),
            });
            return Ok(why);
        };
        let at = committed.vector.counts().index(section, index);
        let evaluation = at
            .filter(|_| kzg)
            .and_then(|at| weft_commitment::open(committed.vector.elements(), at));
        Ok(opening_json(&committed, &opening, evaluation.as_ref(), &domain, key))
    }))
}

fn section(name: &str) -> RpcResult<Section> {
    match name {
        "sealed" => Ok(Section::Sealed),
        "plaintext" => Ok(Section::Plaintext),
        _ => {
            Err(RpcError::params(format!("section {name:?}, expected \"sealed\" or \"plaintext\"")))
        }
    }
}
