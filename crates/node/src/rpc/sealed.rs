//! Sealed items: envelopes on their way in, and what there is to seal to (P10-P14).

use super::{
    Args, Call, Methods, Port, discover,
    errors::{RpcError, RpcResult},
    promises::{promises, wait_for},
    types::position,
};
use crate::engine::{Engine, Sealing};
use alloy_primitives::{B256, Bytes, eip191_hash_message};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_crypto::{Envelope, MemberId};
use weft_promise::promise_json;
use weft_types::{Decode as _, Encode as _, Signature, SlotNumber, codec::CodecError};

pub(super) const METHODS: Methods = &[("weft_getEpoch", epoch), ("weft_keyList", key_list)];

/// Adds `weft_sendSealed`.
pub(super) fn register(module: &mut RpcModule<Port>) {
    let most = discover::most("weft_sendSealed");
    module
        .register_async_method("weft_sendSealed", move |params, port, _| async move {
            let args = Args::parse(params.as_str(), most)?;
            Ok::<_, ErrorObjectOwned>(send(&args, &port).await?)
        })
        .expect("method names are distinct");
}

/// Takes an envelope; its position is on disk and its promise signed when the answer leaves.
async fn send(args: &Args, port: &Port) -> RpcResult {
    let envelope = decode(&args.bytes(0)?)?;
    let signature = read_signature(&args.bytes(1)?)?;
    // Here and not on the engine's thread, which has all the slots to keep.
    let item = envelope.id(&port.domain);
    check_payer(&envelope, item, &signature)?;
    let take = move |engine: &mut Engine| engine.send_sealed(envelope);
    let ordered = port.engine.call(take).await??;
    let answer = json!({ "item": item, "position": position(&ordered) });
    Ok(with_promise(answer, item, port).await)
}

/// Reads an envelope behind its version byte.
fn decode(bytes: &Bytes) -> RpcResult<Envelope> {
    let wrong = |why: CodecError| RpcError::params(format!("not an envelope: {why}"));
    Envelope::decode(bytes).map_err(wrong)
}

pub(super) fn read_signature(bytes: &Bytes) -> RpcResult<[u8; 65]> {
    let wrong = |_| RpcError::params(format!("signature of {} bytes, expected 65", bytes.len()));
    let mut bytes: [u8; 65] = bytes.as_ref().try_into().map_err(wrong)?;
    // Wallets write 27 and 28.
    bytes[64] = bytes[64].checked_sub(27).unwrap_or(bytes[64]);
    Ok(bytes)
}

/// Checks that the payer signed the envelope's hash: as it is, or as wallets sign 32 bytes (EIP-191).
fn check_payer(envelope: &Envelope, item: B256, signature: &[u8; 65]) -> RpcResult<()> {
    let payer = envelope.carriage.payer;
    let wrong = || {
        let why = format!("the signature is not that of payer {payer} over {item}");
        RpcError::sealed_refused("Signature", why)
    };
    let signature = Signature::from_bytes(signature).ok_or_else(wrong)?;
    let digests = [item, eip191_hash_message(item)];
    let is_own = digests.into_iter().any(|digest| signature.signer(digest) == Some(payer));
    if is_own { Ok(()) } else { Err(wrong()) }
}

/// Adds the signed promise of the position; a node without a key gives none.
async fn with_promise(mut answer: Value, item: B256, port: &Port) -> Value {
    let Ok(promises) = promises(port).await else { return answer };
    let found = wait_for(&promises, port, &item, |found| found.order.is_some()).await;
    if let Some(order) = found.and_then(|found| found.order) {
        answer["promise"] = promise_json(&order, promises.key());
    }
    answer
}

fn epoch(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let asked = args.number(0)?;
    let config = call.engine.sealing_config()?.clone();
    let slot = call.engine.realm.slot().map_or(SlotNumber::new(1), |slot| slot.number);
    let current = config.epoch_of(slot);
    let number = asked.unwrap_or(current);
    let mut answer = json!({
        "epoch": number,
        "current": current,
        "firstSlot": config.first_slot(number),
        "lastSlot": config.last_slot(number),
        "status": "noKey",
        "home": super::weft::chain_id_of(call.engine, config.home),
        "feeVault": weft_contracts::addresses::FEE_VAULT,
        "weiPerByte": config.wei_per_byte.to_string(),
        "weiPerGas": config.wei_per_gas.to_string(),
    });
    put_list(&mut answer, call.engine, number);
    put_status(&mut answer, call.engine, number, current);
    Ok(answer)
}

fn put_list(answer: &mut Value, engine: &Engine, number: u64) {
    let list = engine.sealing.as_ref().and_then(|sealing| sealing.list(number));
    if let Some(list) = list {
        answer["keyList"] = json!(list.key.list);
        answer["members"] = json!(list.key.members);
        answer["closeAt"] = json!(list.key.close_at_ms);
        answer["status"] = json!("over");
    }
    let Some(sealing) = &engine.sealing else { return };
    if sealing.options.is_apart() && list.is_some() {
        answer["leftOut"] = json!(sealing.left_out(number));
    }
    if let Some(secret) = sealing.revealed(number) {
        answer["secret"] = json!(B256::new(secret.to_bytes()));
    }
}

fn put_status(answer: &mut Value, engine: &Engine, number: u64, current: u64) {
    let lane = engine.lane_sealing();
    if let Some(open) = lane.open(number) {
        answer["status"] = json!(if number == current { "open" } else { "announced" });
        answer["items"] = json!(open.items.len());
    } else if let Some(closed) = lane.closed(number) {
        answer["status"] = json!("closed");
        answer["items"] = json!(closed.epoch.items.len());
        answer["closingHead"] = json!(closed.head);
        answer["released"] = json!(closed.released);
        answer["closing"] = json!(closing_of(engine, &closed.head));
    }
}

/// Returns the sequencer's signature of a closing head, as a promise.
pub(super) fn closing_of(engine: &Engine, head: &B256) -> Option<Value> {
    let promises = engine.outbox.promises()?;
    Some(promise_json(&promises.closing(head)?, promises.key()))
}

fn key_list(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let asked = args.number(0)?;
    let config = call.engine.sealing_config()?.clone();
    let slot = call.engine.realm.slot().map_or(SlotNumber::new(1), |slot| slot.number);
    let number = asked.unwrap_or_else(|| config.epoch_of(slot));
    let sealing = call.engine.sealing.as_ref();
    let Some((sealing, list)) = sealing.and_then(|all| Some((all, all.list(number)?))) else {
        return Ok(Value::Null);
    };
    Ok(json!({
        "epoch": number,
        "id": list.key.list,
        "list": list.bytes,
        "setup": Bytes::from(sealing.setup.encode()),
        "setupId": sealing.setup.id(),
        "delaySquarings": sealing.setup.delay_squarings(),
        "firstSlot": config.first_slot(number),
        "lastSlot": config.last_slot(number),
        "closeAt": list.key.close_at_ms,
        "signatures": signatures(sealing, number),
        "notice": notice(call.engine, number)?,
    }))
}

/// Returns the sequencer's word about an epoch's key, once it is signed.
fn notice(engine: &Engine, epoch: u64) -> RpcResult<Option<Bytes>> {
    Ok(engine.notice(epoch)?.map(|signed| Bytes::from(signed.encode())))
}

/// Returns whose shares an epoch's key is made of, as far as members in processes of their own said so here.
fn signatures(sealing: &Sealing, epoch: u64) -> BTreeMap<MemberId, Signature> {
    let in_list = |member: &MemberId| {
        sealing.list(epoch).is_some_and(|list| list.key.members.contains(member))
    };
    let signed = sealing.announced(epoch).map(|(member, announced)| (member, announced.signature));
    signed.filter(|(member, _)| in_list(member)).collect()
}
