//! What is asked by plain HTTP: `/healthz`, `/readyz`, `/metrics`, and the page that a browser shows.

use crate::{
    beacon, common::chain_of, engine::EngineHandle, metrics::Metrics, origins::Origins, page,
};
use http::{HeaderMap, header};
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use serde_json::{Value, json};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service};

/// How long the engine may take to answer before the node counts as not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// Answers the plain paths before JSON-RPC sees them.
#[derive(Debug, Clone)]
pub(crate) struct StatusLayer {
    pub(crate) engine: EngineHandle,
    pub(crate) metrics: Metrics,
    pub(crate) origins: Origins,
    /// Chain id of the rollup, where only one answers.
    pub(crate) chain_id: Option<u64>,
    /// Whether blobs are there for whoever asks as one asks a beacon node.
    pub(crate) has_blobs: bool,
}

impl<S> Layer<S> for StatusLayer {
    type Service = Status<S>;

    fn layer(&self, inner: S) -> Status<S> {
        Status { inner, layer: self.clone() }
    }
}

/// The service behind a [`StatusLayer`].
#[derive(Debug, Clone)]
pub(crate) struct Status<S> {
    inner: S,
    layer: StatusLayer,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<HttpResponse, E>> + Send>>;

impl<S, B> Service<HttpRequest<B>> for Status<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse>,
    S::Future: Send + 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        if let Some(own) = self.layer.is_for_another(request.uri().path()) {
            let why = format!(
                "chain {own} answers here; a chain id in the path is for the common port\n"
            );
            return Box::pin(async move { Ok(answer(404, "text/plain", why)) });
        }
        if request.method() != "GET" {
            return Box::pin(self.inner.call(request));
        }
        let layer = self.layer.clone();
        if request.headers().contains_key(header::UPGRADE) {
            if layer.may_open(request.headers()) {
                return Box::pin(self.inner.call(request));
            }
            let why = "pages from there may not ask; see node.origins\n";
            return Box::pin(async move { Ok(answer(403, "text/plain", why.to_owned())) });
        }
        match request.uri().path() {
            "/" => Box::pin(async move { Ok(layer.page().await) }),
            "/healthz" => Box::pin(async move { Ok(layer.health().await) }),
            "/readyz" => Box::pin(async move { Ok(layer.readiness().await) }),
            "/metrics" => Box::pin(async move { Ok(layer.figures()) }),
            path if layer.has_blobs && path.starts_with(beacon::ROOT) => {
                let (path, query) = (path.to_owned(), request.uri().query().map(str::to_owned));
                Box::pin(async move {
                    let (status, body) =
                        beacon::answer(&layer.engine, &path, query.as_deref()).await;
                    Ok(json_answer(status, &body))
                })
            }
            _ => Box::pin(self.inner.call(request)),
        }
    }
}

impl StatusLayer {
    /// Returns the chain that answers when a path names another one: who means that must not get this one's answer.
    fn is_for_another(&self, path: &str) -> Option<u64> {
        self.chain_id.filter(|own| chain_of(path).is_some_and(|asked| asked != *own))
    }

    /// Says whether the process does its work at all: if not, it should be started again.
    async fn health(&self) -> HttpResponse {
        match self.engine.call(|_| ()).await {
            Err(error) if error.code == -32603 => {
                json_answer(503, &json!({ "healthy": false, "why": error.message }))
            }
            // A full queue is no reason to start a node again.
            _ => json_answer(200, &json!({ "healthy": true })),
        }
    }

    /// Says whether requests are worth sending here now.
    async fn readiness(&self) -> HttpResponse {
        let asked = self.engine.call(|engine| engine.readiness());
        match tokio::time::timeout(READY_WITHIN, asked).await {
            Ok(Ok(Ok(state))) => json_answer(200, &state),
            Ok(Ok(Err(why))) => json_answer(503, &json!({ "ready": false, "why": why })),
            Ok(Err(error)) => json_answer(503, &json!({ "ready": false, "why": error.message })),
            Err(_) => json_answer(503, &json!({ "ready": false, "why": "engine is busy" })),
        }
    }

    /// Says whether a WebSocket may be opened: by programs, and by pages from where it is allowed.
    fn may_open(&self, headers: &HeaderMap) -> bool {
        headers.get(header::ORIGIN).is_none_or(|origin| self.origins.allow(origin))
    }

    async fn page(&self) -> HttpResponse {
        match self.engine.call(|engine| page::page(engine)).await {
            Ok(page) => answer(200, "text/html; charset=utf-8", page),
            Err(error) => answer(503, "text/plain", error.message + "\n"),
        }
    }

    fn figures(&self) -> HttpResponse {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        answer(200, kind, self.metrics.text())
    }
}

fn json_answer(status: u16, body: &Value) -> HttpResponse {
    answer(status, "application/json", body.to_string())
}

fn answer(status: u16, kind: &'static str, body: String) -> HttpResponse {
    HttpResponse::builder()
        .status(status)
        .header("content-type", kind)
        .header("cache-control", "no-store")
        .body(HttpBody::from(body))
        .expect("status and headers are well formed")
}
