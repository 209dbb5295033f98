//! Sealed items: envelopes on their way in, and what there is to seal to (P10-P14).

use super::{
    Args, Call, Methods, Port, discover,
    errors::{RpcError, RpcResult},
    promises::{promises, wait_for},
    types::position,
};
use crate::engine::{Engine, Sealing, Wish};
use alloy_primitives::{B256, Bytes};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_crypto::{Envelope, MemberId};
use weft_promise::promise_json;
use weft_types::{
    Decode as _, Encode as _, Signature, SignedPromise, SlotNumber, bundle::MAX_LEGS,
    codec::CodecError,
};

pub(super) const METHODS: Methods = &[("weft_getEpoch", epoch), ("weft_keyList", key_list)];

/// The method that takes an envelope.
pub(super) const SEND: &str = "weft_sendSealed";

/// The method that has envelopes promised as a bundle.
const PROMISE_BUNDLE: &str = "weft_promiseBundle";

/// An envelope as it arrives, with 65 bytes that may be its payer's signature.
#[derive(Debug)]
pub(super) struct Arrived {
    envelope: Envelope,
    signature: [u8; 65],
}

/// An envelope that its payer signed.
#[derive(Debug)]
struct Checked {
    envelope: Envelope,
    item: B256,
    signature: Signature,
}

/// Adds `weft_sendSealed` and `weft_promiseBundle`.
pub(super) fn register(module: &mut RpcModule<Port>) {
    let most = discover::most(PROMISE_BUNDLE);
    module
        .register_async_method(PROMISE_BUNDLE, move |params, port, _| async move {
            let args = Args::parse(params.as_str(), most)?;
            Ok::<_, ErrorObjectOwned>(promise_bundle(&args, &port).await?)
        })
        .expect("method names are distinct");
    module
        .register_async_method(SEND, move |params, port, _| async move {
            let arrived = arrived(params.as_str())?;
            let sent = send_all(vec![Ok(arrived)], &port).await.pop();
            sent.expect("every envelope is answered")
        })
        .expect("method names are distinct");
}

/// Reads the parameters of [`SEND`].
pub(super) fn arrived(params: Option<&str>) -> RpcResult<Arrived> {
    let args = Args::parse(params, discover::most(SEND))?;
    let envelope = decode(&args.bytes(0)?)?;
    Ok(Arrived { envelope, signature: read_signature(&args.bytes(1)?)? })
}

/// Takes envelopes, in their order; positions are on disk and promises signed when the answers leave.
pub(super) async fn send_all(
    arrived: Vec<Result<Arrived, ErrorObjectOwned>>,
    port: &Port,
) -> Vec<Result<Value, ErrorObjectOwned>> {
    let (count, domain) = (arrived.len(), port.domain);
    // Here and not on the engine's thread, which has all the slots to keep.
    let check = move || -> Vec<Result<Checked, ErrorObjectOwned>> {
        let check = |arrived: Result<Arrived, ErrorObjectOwned>| {
            let Arrived { envelope, signature } = arrived?;
            let item = envelope.id(&domain);
            let signature = check_payer(&envelope, item, &signature)?;
            Ok(Checked { envelope, item, signature })
        };
        arrived.into_iter().map(check).collect()
    };
    let failed = || RpcError::new(-32603, "method handler crashed").into();
    let Ok(checked) = tokio::task::spawn_blocking(check).await else {
        return vec![Err(failed()); count];
    };
    let take = move |engine: &mut Engine| {
        let take = |checked: Result<Checked, ErrorObjectOwned>| {
            let Checked { envelope, item, signature } = checked?;
            let ordered = engine.send_sealed(item, envelope, signature)?;
            Ok((item, ordered))
        };
        checked.into_iter().map(take).collect::<Vec<Result<_, ErrorObjectOwned>>>()
    };
    let taken = match port.engine.call(take).await {
        Ok(taken) => taken,
        Err(error) => return vec![Err(error.into()); count],
    };
    let mut answers = Vec::with_capacity(count);
    for taken in taken {
        answers.push(match taken {
            Ok((item, ordered)) => {
                let answer = json!({ "item": item, "position": position(&ordered) });
                Ok(with_promise(answer, item, port).await)
            }
            Err(error) => Err(error),
        });
    }
    answers
}

/// Has the positions of envelopes signed as those of a bundle, or answers what was signed before.
async fn promise_bundle(args: &Args, port: &Port) -> RpcResult {
    let wish = wish(args)?;
    let (promises, name) = (promises(port).await?, wish.name());
    let ask = move |engine: &mut Engine| match engine.bundle_promise(&name)? {
        Some(kept) => Ok::<_, RpcError>(Err(kept)),
        None => engine.promise_bundle(wish).map(Ok),
    };
    let promised = match port.engine.call(ask).await.and_then(|asked| asked)? {
        Err(kept) => return Ok(promise_json(&kept, promises.key())),
        Ok(promised) => promised,
    };
    match promised.await {
        Ok(Ok(promise)) => Ok(promise_json(&promise, promises.key())),
        Ok(Err(why)) => Err(RpcError::sealed_refused("NoPromise", why)),
        // Whoever signs stopped.
        Err(_) => Err(RpcError::refused("nothing is signed any more: see weft_getPromiseKey")),
    }
}

fn wish(args: &Args) -> RpcResult<Wish> {
    let (items, given) = (args.hashes(0)?, args.all_bytes(2)?);
    let order = |bytes: &Bytes| {
        let wrong = |why: CodecError| RpcError::params(format!("not a promise: {why}"));
        SignedPromise::decode(bytes).map_err(wrong)
    };
    // One more than there may be is refused below, unread what follows.
    let orders = given.iter().take(MAX_LEGS + 1).map(order).collect::<RpcResult<_>>()?;
    Wish::new(items, &read_signature(&args.bytes(1)?)?, orders)
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

/// Returns the payer's signature over the envelope's hash: as it is, or as wallets sign 32 bytes (EIP-191).
fn check_payer(envelope: &Envelope, item: B256, signature: &[u8; 65]) -> RpcResult<Signature> {
    let payer = envelope.carriage.payer;
    let wrong = || {
        let why = format!("the signature is not that of payer {payer} over {item}");
        RpcError::sealed_refused("Signature", why)
    };
    let signature = Signature::from_bytes(signature).ok_or_else(wrong)?;
    if weft_batch::is_signed(&item, payer, &signature) { Ok(signature) } else { Err(wrong()) }
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
        answer["status"] = json!(match number == current {
            _ if engine.key_is_bad(number).is_some() => "noKey",
            true => "open",
            false => "announced",
        });
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
