//! Batches: transactions that follow one another go to the engine together, and so do envelopes; everything else one by
//! one.

use super::{Port, discover, sealed, submit};
use crate::rpc::errors::RpcResult;
use alloy_primitives::{B256, Bytes};
use jsonrpsee::{
    core::server::BatchResponseBuilder,
    server::ResponsePayload,
    server::{
        MethodResponse,
        middleware::rpc::{Batch, BatchEntry, Notification, Request, RpcServiceT},
    },
    types::{ErrorObjectOwned, Id},
};
use serde_json::Value;
use std::{sync::Arc, time::Instant};
use tower::Layer;

/// What jsonrpsee says about subscriptions over HTTP.
const INTERNAL_ERROR: i32 = -32603;
const METHOD_NOT_FOUND: i32 = -32601;
/// Letters of a method's name that are sent back.
const MAX_NAME: usize = 64;
/// What stands for methods that nobody serves where answers are counted.
const UNKNOWN: &str = "unknown";

/// Puts [`Batches`] around the service of a rollup.
#[derive(Debug, Clone)]
pub(crate) struct BatchLayer {
    pub(crate) port: Arc<Port>,
    /// Most bytes of an answer.
    pub(crate) max_response_bytes: usize,
}

/// Answers batches of one rollup.
#[derive(Debug, Clone)]
pub(crate) struct Batches<S> {
    inner: S,
    layer: BatchLayer,
}

impl<S> Layer<S> for BatchLayer {
    type Service = Batches<S>;

    fn layer(&self, inner: S) -> Batches<S> {
        Batches { inner, layer: self.clone() }
    }
}

/// A part of a batch.
enum Part<'a> {
    /// Raw transactions, in order, with the ids of their calls.
    Sends(Vec<(Id<'a>, Result<Bytes, ErrorObjectOwned>)>),
    /// Envelopes, in order.
    Seals(Vec<(Id<'a>, Result<sealed::Arrived, ErrorObjectOwned>)>),
    /// Something else.
    Call(Request<'a>),
    Notification(Notification<'a>),
    Broken(MethodResponse),
}

impl<S> RpcServiceT for Batches<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            NotificationResponse = MethodResponse,
            BatchResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move { service.call_one(request).await }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.inner.notification(notification)
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move { service.answer(batch).await.unwrap_or_else(|too_large| too_large) }
    }
}

impl<S> Batches<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse, NotificationResponse = MethodResponse>,
{
    /// Answers a batch in its order; the error is the answer to one whose answers are too large.
    async fn answer(&self, batch: Batch<'_>) -> Result<MethodResponse, MethodResponse> {
        let mut answers = BatchResponseBuilder::new_with_limit(self.layer.max_response_bytes);
        let mut has_notification = false;
        let port = &self.layer.port;
        for part in parts(batch, !port.kind.is_foreign() && port.upstream.is_none()) {
            match part {
                Part::Sends(sends) => {
                    for answer in self.send(sends).await {
                        answers.append(answer)?;
                    }
                }
                Part::Seals(seals) => {
                    for answer in self.seal(seals).await {
                        answers.append(answer)?;
                    }
                }
                Part::Call(request) => answers.append(self.call_one(request).await)?,
                Part::Notification(notification) => {
                    has_notification = true;
                    self.inner.notification(notification).await;
                }
                Part::Broken(answer) => answers.append(answer)?,
            }
        }
        if answers.is_empty() && has_notification {
            return Ok(MethodResponse::notification());
        }
        Ok(MethodResponse::from_batch(answers.finish()))
    }

    /// Answers a call; one for a subscription that came by plain HTTP learns what it needs, and one for a method that is not
    /// there which one that is.
    async fn call_one(&self, request: Request<'_>) -> MethodResponse {
        let (asked, name) = (Instant::now(), discover::name(&request.method));
        let answer = self.call_inner(request).await;
        let code = answer.as_error_code().unwrap_or_default();
        self.layer.port.metrics.answered(name.unwrap_or(UNKNOWN), code, asked.elapsed());
        answer
    }

    async fn call_inner(&self, request: Request<'_>) -> MethodResponse {
        let (id, method) = (request.id.clone(), request.method.clone());
        let answer = self.inner.call(request).await;
        let why = match answer.as_error_code() {
            Some(INTERNAL_ERROR) if method.ends_with("subscribe") => {
                "subscriptions need a WebSocket: the same URL with ws:// in front".to_owned()
            }
            Some(METHOD_NOT_FOUND) => unknown_method(&method),
            _ => return answer,
        };
        let error = ErrorObjectOwned::owned(METHOD_NOT_FOUND, why, None::<()>);
        MethodResponse::error(id.into_owned(), error)
    }

    async fn seal(
        &self,
        seals: Vec<(Id<'_>, Result<sealed::Arrived, ErrorObjectOwned>)>,
    ) -> Vec<MethodResponse> {
        let asked = Instant::now();
        let (ids, arrived): (Vec<_>, Vec<_>) = seals.into_iter().unzip();
        let sent = sealed::send_all(arrived, &self.layer.port).await;
        let answer = |(id, sent): (_, Result<Value, ErrorObjectOwned>)| {
            let code = sent.as_ref().map_or_else(ErrorObjectOwned::code, |_| 0);
            self.layer.port.metrics.answered(sealed::SEND, code, asked.elapsed());
            match sent {
                Ok(answer) => {
                    let payload = ResponsePayload::success(answer);
                    MethodResponse::response(id, payload, self.layer.max_response_bytes)
                }
                Err(error) => MethodResponse::error(id, error),
            }
        };
        ids.into_iter().zip(sent).map(answer).collect()
    }

    async fn send(
        &self,
        sends: Vec<(Id<'_>, Result<Bytes, ErrorObjectOwned>)>,
    ) -> Vec<MethodResponse> {
        let port = &self.layer.port;
        let asked = Instant::now();
        let raws = sends.iter().filter_map(|(_, raw)| raw.as_ref().ok().cloned()).collect();
        let mut sent = port.engine.send_raw(port.network, raws).await.into_iter();
        let answer = |(id, raw): (_, Result<Bytes, ErrorObjectOwned>)| {
            let hash = raw.and_then(|_| {
                let hash: RpcResult<B256> = sent.next().expect("every transaction is answered");
                Ok(hash?)
            });
            let code = hash.as_ref().map_or_else(ErrorObjectOwned::code, |_| 0);
            port.metrics.answered(submit::SEND_RAW, code, asked.elapsed());
            respond(id, hash, self.layer.max_response_bytes)
        };
        sends.into_iter().map(answer).collect()
    }
}

/// Says that a method is not there, in the words of other clients.
fn unknown_method(name: &str) -> String {
    let shown: String = name.chars().take(MAX_NAME).flat_map(char::escape_debug).collect();
    let more = if name.chars().nth(MAX_NAME).is_some() { ".." } else { "" };
    format!("the method {shown}{more} does not exist/is not available")
}

fn respond(id: Id<'_>, hash: Result<B256, ErrorObjectOwned>, limit: usize) -> MethodResponse {
    match hash {
        Ok(hash) => MethodResponse::response(id, ResponsePayload::success(hash), limit),
        Err(error) => MethodResponse::error(id, error),
    }
}

/// Cuts a batch into parts, in order.
fn parts(batch: Batch<'_>, joins_sends: bool) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for entry in batch {
        match entry {
            Ok(BatchEntry::Call(request)) if joins_sends && request.method == submit::SEND_RAW => {
                let raw = submit::raw_of(request.params.as_ref().map(|params| params.get()));
                let send = (request.id, raw.map_err(Into::into));
                match parts.last_mut() {
                    Some(Part::Sends(sends)) => sends.push(send),
                    _ => parts.push(Part::Sends(vec![send])),
                }
            }
            Ok(BatchEntry::Call(request)) if joins_sends && request.method == sealed::SEND => {
                let params = request.params.as_ref().map(|params| params.get());
                let seal = (request.id, sealed::arrived(params).map_err(Into::into));
                match parts.last_mut() {
                    Some(Part::Seals(seals)) => seals.push(seal),
                    _ => parts.push(Part::Seals(vec![seal])),
                }
            }
            Ok(BatchEntry::Call(request)) => parts.push(Part::Call(request)),
            Ok(BatchEntry::Notification(note)) => parts.push(Part::Notification(note)),
            Err(broken) => {
                let (error, id) = broken.into_parts();
                parts.push(Part::Broken(MethodResponse::error(id, error)));
            }
        }
    }
    parts
}
