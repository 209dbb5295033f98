//! Promises: by hash, and as a feed.

use super::{
    Args, Call, Methods, Port, discover,
    errors::{RpcError, RpcResult},
    subscribe::{deliver, too_slow},
};
use crate::promises::{Found, Message, Promises};
use alloy_primitives::{B256, Bytes};
use jsonrpsee::{
    PendingSubscriptionSink, RpcModule, core::SubscriptionResult, types::ErrorObjectOwned,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use weft_promise::promise_json;
use weft_types::{Encode as _, SignedPromise, SlotNumber};

pub(super) const METHODS: Methods =
    &[("weft_getPromiseKey", key), ("weft_getSlotRecord", slot_record)];

/// Longest wait for a signature that is on its way.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest wait between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Adds `weft_getPromise`, `weft_subscribe` and `weft_unsubscribe`.
pub(super) fn register(module: &mut RpcModule<Port>) {
    let most = discover::most("weft_getPromise");
    module
        .register_async_method("weft_getPromise", move |params, port, _| async move {
            let args = Args::parse(params.as_str(), most)?;
            Ok::<_, ErrorObjectOwned>(promise(&args, &port).await?)
        })
        .expect("method names are distinct");
    module
        .register_subscription(
            "weft_subscribe",
            "weft_subscription",
            "weft_unsubscribe",
            |params, pending, port, _| async move {
                match feed(params.as_str(), &port).await {
                    Ok(messages) => forward(messages, pending, port.patience).await,
                    Err(error) => {
                        pending.reject(error).await;
                        Ok(())
                    }
                }
            },
        )
        .expect("method names are distinct");
}

fn key(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let promises = call.engine.outbox.promises().ok_or_else(no_key)?;
    let (stopped, floor) = promises.trouble();
    Ok(json!({
        "key": promises.key(),
        "domain": call.engine.domain,
        "signing": stopped.is_none() && floor.is_none(),
        "stopped": stopped,
        "waitsUntilSlot": floor,
    }))
}

/// Returns header and closing record of a recent slot.
fn slot_record(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let slot = SlotNumber::new(args.required_number(0)?);
    let Some((header, record)) = call.engine.records.get(slot) else { return Ok(Value::Null) };
    Ok(json!({
        "slot": slot,
        "hash": record.hash(&call.engine.domain),
        "header": Bytes::from(header.encode()),
        "record": Bytes::from(record.encode()),
        "sealed": record.sealed,
        "plaintext": record.plaintext,
    }))
}

/// Returns what was promised; waits a moment for signatures that are on their way.
async fn promise(args: &Args, port: &Port) -> RpcResult {
    let hash = args.hash(0)?;
    let promises = promises(port).await?;
    let is_whole = |found: &Found| found.order.is_some() && found.execution.is_some();
    let found = wait_for(&promises, port, &hash, is_whole).await;
    let json = |promise: Option<SignedPromise>| {
        promise.map(|promise| promise_json(&promise, promises.key()))
    };
    Ok(found.map_or(
        Value::Null,
        |found| json!({ "order": json(found.order), "execution": json(found.execution) }),
    ))
}

/// Returns what was promised about an item; waits a moment for signatures that are on their way, until there is enough.
pub(super) async fn wait_for(
    promises: &Promises,
    port: &Port,
    key: &B256,
    is_enough: impl Fn(&Found) -> bool,
) -> Option<Found> {
    let begun = tokio::time::Instant::now();
    let mut is_handed_over = false;
    loop {
        let handed_out = promises.handed_out();
        let found = promises.get(key);
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if left.is_zero() || found.as_ref().is_some_and(&is_enough) {
            return found;
        }
        if !promises.is_busy() {
            if std::mem::replace(&mut is_handed_over, true) {
                // It may have signed since it was looked for.
                return promises.get(key);
            }
            hand_over(port).await;
            continue;
        }
        // What comes in between is seen in the next round.
        let _ = tokio::time::timeout(left.min(LOOK_AGAIN), handed_out).await;
    }
}

/// Waits until everything that was answered so far is in the hands of the worker, which gets it after the answer.
async fn hand_over(port: &Port) {
    // The engine lets go of its promises before it takes the next job, and they wait for the disk no longer than this
    // answer does. One that is behind or has stopped has nothing more to say here.
    let _ = port.engine.call(|engine| engine.promises()).await;
}

pub(super) async fn promises(port: &Port) -> RpcResult<Promises> {
    let ask = || port.engine.call(|engine| engine.outbox.promises().cloned());
    let promises = port.promises.get_or_try_init(ask).await?;
    promises.clone().ok_or_else(no_key)
}

fn no_key() -> RpcError {
    RpcError::refused("this node has no key for promises")
}

async fn feed(params: Option<&str>, port: &Port) -> RpcResult<broadcast::Receiver<Message>> {
    let kind: String = Args::parse(params, discover::most("weft_subscribe"))?.required(0)?;
    match kind.as_str() {
        "promises" => Ok(promises(port).await?.subscribe()),
        "notices" => Ok(promises(port).await?.subscribe_notices()),
        "flashblocks" => {
            let network = port.network;
            port.engine.call(move |engine| engine.flashblocks.subscribe(network)).await?
        }
        _ => Err(RpcError::params(format!("no \"{kind}\" subscription in weft namespace"))),
    }
}

async fn forward(
    mut messages: broadcast::Receiver<Message>,
    pending: PendingSubscriptionSink,
    patience: Duration,
) -> SubscriptionResult {
    let sink = pending.accept().await?;
    loop {
        let message = tokio::select! {
            () = sink.closed() => return Ok(()),
            message = messages.recv() => message,
        };
        match message {
            Ok(message) => deliver(&sink, message.as_ref().to_owned(), patience).await?,
            // A gap in the feed would look like a broken promise: the subscriber has to begin again.
            Err(RecvError::Lagged(_)) => return Err(too_slow()),
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
