//! Subscriptions over WebSocket.

use super::{
    Args, Port, discover,
    errors::{RpcError, RpcResult},
    logs::{matching, read_filter, removed},
    types::{header, to_json},
};
use crate::engine::ChainEvent;
use alloy_rpc_types_eth::Filter;
use jsonrpsee::{
    PendingSubscriptionSink, RpcModule, SubscriptionSink,
    core::{SubscriptionError, SubscriptionResult, server::SendTimeoutError},
};
use serde_json::{Value, json, value::RawValue};
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};

/// What a subscriber wants to hear about.
#[derive(Debug)]
enum Wanted {
    Heads,
    Logs(Box<Filter>),
    Pending,
    /// A development node is never behind, so there is nothing to say.
    Syncing,
}

/// Adds `eth_subscribe` and `eth_unsubscribe`.
pub(super) fn register(module: &mut RpcModule<Port>) {
    let most = discover::most("eth_subscribe");
    module
        .register_subscription(
            "eth_subscribe",
            "eth_subscription",
            "eth_unsubscribe",
            move |params, pending, port, _| async move {
                let args = Args::parse(params.as_str(), most);
                match args.and_then(|args| wanted(&args)) {
                    Ok(wanted) => subscribe(wanted, pending, &port).await,
                    Err(error) => {
                        pending.reject(error).await;
                        Ok(())
                    }
                }
            },
        )
        .expect("method names are distinct");
}

fn wanted(args: &Args) -> RpcResult<Wanted> {
    let kind: String = args.required(0)?;
    match kind.as_str() {
        "newHeads" => Ok(Wanted::Heads),
        "logs" => Ok(Wanted::Logs(Box::new(read_filter(args, 1)?))),
        "newPendingTransactions" => Ok(Wanted::Pending),
        "syncing" => Ok(Wanted::Syncing),
        _ => Err(RpcError::params(format!("no \"{kind}\" subscription in eth namespace"))),
    }
}

async fn subscribe(
    wanted: Wanted,
    pending: PendingSubscriptionSink,
    port: &Port,
) -> SubscriptionResult {
    let network = port.network;
    let events = port.engine.call(move |engine| engine.chain(network).events.subscribe()).await;
    match events {
        Ok(events) => forward(&wanted, &pending.accept().await?, events, port.patience).await,
        Err(error) => {
            pending.reject(error).await;
            Ok(())
        }
    }
}

async fn forward(
    wanted: &Wanted,
    sink: &SubscriptionSink,
    mut events: broadcast::Receiver<ChainEvent>,
    patience: Duration,
) -> SubscriptionResult {
    loop {
        let event = tokio::select! {
            () = sink.closed() => return Ok(()),
            event = events.recv() => event,
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => return Err(too_slow()),
            Err(RecvError::Closed) => return Ok(()),
        };
        for message in messages(wanted, &event) {
            let message = serde_json::value::to_raw_value(&message)?;
            deliver(sink, message, patience).await?;
        }
    }
}

/// Sends a message; a subscriber that takes too long for it is dropped.
pub(super) async fn deliver(
    sink: &SubscriptionSink,
    message: Box<RawValue>,
    patience: Duration,
) -> SubscriptionResult {
    match sink.send_timeout(message, patience).await {
        // Whoever went away needs no close.
        Ok(()) | Err(SendTimeoutError::Closed(_)) => Ok(()),
        Err(SendTimeoutError::Timeout(_)) => Err(too_slow()),
    }
}

/// What a subscriber hears last that is too slow. A gap in what it hears would look like something that never happened.
pub(super) fn too_slow() -> SubscriptionError {
    "the subscriber is too slow: subscribe again and ask for what was missed".into()
}

fn messages(wanted: &Wanted, event: &ChainEvent) -> Vec<Value> {
    match (wanted, event) {
        (Wanted::Heads, ChainEvent::Block(block)) => to_json(&header(block)).into_iter().collect(),
        (Wanted::Logs(filter), ChainEvent::Block(block)) => {
            matching(block, filter).iter().filter_map(|log| to_json(log).ok()).collect()
        }
        (Wanted::Logs(filter), ChainEvent::Gone(block)) => {
            removed(block, filter).iter().filter_map(|log| to_json(log).ok()).collect()
        }
        (Wanted::Pending, ChainEvent::Pending(hash)) => vec![json!(hash)],
        _ => Vec::new(),
    }
}
