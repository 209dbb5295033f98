//! What is JSON and no request is told so: the server underneath takes it for no JSON, or for a request without an id.
//!
//! Over HTTP alone: messages of a WebSocket are read by the server itself.

use alloy_primitives::bytes::Bytes;
use http::Method;
use http_body::Body;
use jsonrpsee::{
    core::{
        BoxError,
        http_helpers::{HttpError, read_body},
    },
    server::{
        HttpBody, HttpRequest, HttpResponse,
        http::{content_type_is_json, response},
    },
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Code of what is JSON and no request.
const INVALID_REQUEST: i32 = -32600;

/// Puts [`Requests`] in front of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestLayer {
    /// Most bytes of a request.
    pub(crate) max_bytes: u32,
}

/// Looks at requests before the server reads them.
#[derive(Debug, Clone)]
pub(crate) struct Requests<S> {
    inner: S,
    max_bytes: u32,
}

/// A single request, as far as it matters whether it is one.
#[derive(Debug, Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

impl<S> Layer<S> for RequestLayer {
    type Service = Requests<S>;

    fn layer(&self, inner: S) -> Requests<S> {
        Requests { inner, max_bytes: self.max_bytes }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

impl<S, B> Service<HttpRequest<B>> for Requests<S>
where
    S: Service<HttpRequest<HttpBody>, Response = HttpResponse, Error = BoxError>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest<B>) -> Answer {
        // What is no POST of JSON is no request of JSON-RPC, and what upgrades has no body.
        if request.method() != Method::POST || !content_type_is_json(&request) {
            return Box::pin(self.inner.call(request.map(HttpBody::new)));
        }
        let (mut inner, max_bytes) = (self.inner.clone(), self.max_bytes);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let (body, is_single) = match read_body(&parts.headers, body, max_bytes).await {
                Ok(read) => read,
                Err(HttpError::TooLarge) => return Ok(response::too_large(max_bytes)),
                Err(HttpError::Malformed) => return Ok(response::malformed()),
                Err(HttpError::Stream(error)) => return Err(error),
            };
            match is_single.then(|| fault(&body)).flatten() {
                Some(refusal) => Ok(response::ok_response(refusal.to_string())),
                None => inner.call(HttpRequest::from_parts(parts, body.into())).await,
            }
        })
    }
}

/// Returns the refusal of JSON that is no request.
fn fault(body: &[u8]) -> Option<Value> {
    // What is no JSON, the server says.
    let Outline { jsonrpc, id, method } = serde_json::from_slice(body).ok()?;
    let id: Value = id.and_then(|id| serde_json::from_str(id.get()).ok()).unwrap_or_default();
    let why = match &id {
        Value::Null if is_text(method) && jsonrpc.is_some_and(|it| it.get() == "\"2.0\"") => {
            return None;
        }
        Value::Null => "a request has \"jsonrpc\": \"2.0\", an id and a method",
        Value::String(_) => return None,
        Value::Number(number) if number.is_u64() => return None,
        _ => "the id must be a string, null or a whole number from 0 to 18446744073709551615",
    };
    // An id that is none is sent back where whoever asked can find it again.
    let id = if id.is_number() { id } else { Value::Null };
    let error = json!({ "code": INVALID_REQUEST, "message": format!("invalid request: {why}") });
    Some(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

fn is_text(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| value.get().starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_reads_is_left_to_it() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#,
            r#"{"jsonrpc":"2.0","id":18446744073709551615,"method":"a","params":[[1.5]]}"#,
            r#"{"jsonrpc":"2.0","id":"1.5","method":"eth_chainId"}"#,
            r#"{"jsonrpc":"2.0","method":"eth_chainId"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"eth_chainId"}"#,
            // With an id the server finds the fault itself.
            r#"{"id":7}"#,
            "{",
            "{\"id\":1.5",
            r#"{"id":1.5,"id":1.5}"#,
            "{\"id\":\u{0}}",
        ] {
            assert_eq!(fault(body.as_bytes()), None, "{body}");
        }
        assert_eq!(fault(b"\xff"), None);
    }

    #[test]
    fn ids_that_are_none_are_named_and_sent_back() {
        for id in ["1.5", "-1", "1e3", "18446744073709551616", "0.0"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_chainId"}}"#);
            let refusal = fault(body.as_bytes()).unwrap();
            assert_eq!(refusal["error"]["code"], INVALID_REQUEST, "{id}");
            assert_eq!(refusal["id"].as_f64(), id.parse().ok(), "{refusal}");
            assert!(refusal["error"]["message"].as_str().unwrap().contains("id must be"), "{id}");
        }
        for id in ["true", "[1]", "{\"a\":1}"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_chainId"}}"#);
            assert_eq!(fault(body.as_bytes()).unwrap()["id"], Value::Null, "{id}");
        }
        for body in [
            "{}",
            r#"{"id":null}"#,
            r#"{"method":"eth_chainId"}"#,
            r#"{"jsonrpc":"2.0","method":7}"#,
        ] {
            let refusal = fault(body.as_bytes()).unwrap();
            let named = (&refusal["error"]["code"], &refusal["id"]);
            assert_eq!(named, (&json!(INVALID_REQUEST), &Value::Null), "{body}");
        }
    }
}
