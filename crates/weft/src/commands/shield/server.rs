//! HTTP and WebSocket in front of the shield.

use super::{
    calls::{Calls, Nodes},
    sealer::Sealer,
};
use eyre::{Result, WrapErr};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        CONNECTION, CONTENT_TYPE, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
        UPGRADE,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};
use tokio_tungstenite::{
    WebSocketStream, connect_async_with_config,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

/// Most connections at the same time.
const MAX_CONNECTIONS: usize = 256;
/// Most bytes of a request.
const MAX_BODY: usize = 8 << 20;
/// Most bytes of a message of the node.
const MAX_MESSAGE: usize = 160 << 20;
/// Longest time for the head of a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// Calls of one WebSocket that the shield answers itself, at the same time.
const MAX_CALLS: usize = 64;

/// What every connection shares.
#[derive(Debug, Clone)]
struct Shared {
    sealer: Arc<Sealer>,
    nodes: Nodes,
    /// Web pages that may ask.
    origins: Arc<[String]>,
}

impl Shared {
    fn calls(&self) -> Calls<'_> {
        let Nodes { node, simulator } = &self.nodes;
        Calls { sealer: &self.sealer, node, simulator: simulator.as_ref() }
    }
}

type Answer = Response<Full<Bytes>>;
/// An answer over WebSocket, with the room that its call takes.
type Answered = (Vec<u8>, OwnedSemaphorePermit);

/// Takes an address.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .wrap_err_with(|| format!("cannot listen at {address}; another port with --port may help"))
}

/// Serves until it is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    sealer: Arc<Sealer>,
    nodes: Nodes,
    origins: Vec<String>,
) {
    let shared = Shared { sealer, nodes, origins: origins.into() };
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await.expect("never closed");
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(shared.clone(), request));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            // A client that breaks off is nobody's fault.
            let connection = server.serve_connection(TokioIo::new(stream), answer).with_upgrades();
            let _ = connection.await;
            drop(permit);
        });
    }
}

async fn answer(shared: Shared, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let origin = request.headers().get(ORIGIN).cloned();
    if !is_allowed(&shared.origins, origin.as_ref()) {
        // Else any web page could spend the payer's deposit.
        return Ok(plain(StatusCode::FORBIDDEN, "this page may not ask; see --origin\n"));
    }
    let mut answer = if request.headers().contains_key(SEC_WEBSOCKET_KEY) {
        upgrade(shared, request)
    } else if *request.method() == Method::POST {
        post(&shared, request).await
    } else if *request.method() == Method::OPTIONS {
        plain(StatusCode::NO_CONTENT, "")
    } else if request.uri().path() == "/metrics" {
        plain(StatusCode::OK, shared.sealer.alarms.text(shared.sealer.waiting()))
    } else {
        plain(StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC is sent by POST or WebSocket\n")
    };
    if let Some(origin) = origin {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    }
    Ok(answer)
}

/// Tells whether a page may ask. Programs name no origin; extensions are installed by the user.
fn is_allowed(origins: &[String], origin: Option<&HeaderValue>) -> bool {
    let Some(origin) = origin else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let is_extension = ["chrome-extension://", "moz-extension://", "safari-web-extension://"]
        .iter()
        .any(|scheme| origin.starts_with(scheme));
    is_extension || origins.iter().any(|allowed| allowed == origin)
}

async fn post(shared: &Shared, request: Request<Incoming>) -> Answer {
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY).collect().await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "a request of more than 8 MiB\n");
    };
    let calls = shared.calls();
    let mut answer = plain(StatusCode::OK, calls.answer(body.to_bytes().to_vec()).await);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer
}

/// Goes over to WebSocket.
fn upgrade(shared: Shared, mut request: Request<Incoming>) -> Answer {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        return plain(StatusCode::BAD_REQUEST, "no key\n");
    };
    let accept = derive_accept_key(key.as_bytes());
    let Ok(accept) = HeaderValue::from_str(&accept) else {
        return plain(StatusCode::BAD_REQUEST, "no key\n");
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let io = TokioIo::new(upgraded);
        let client = WebSocketStream::from_raw_socket(io, Role::Server, Some(limits(MAX_BODY)));
        talk(shared, client.await).await;
    });
    let mut answer = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

fn limits(bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(bytes)).max_frame_size(Some(bytes))
}

/// Stands between a client and the node until one of them goes away.
async fn talk<S>(shared: Shared, mut client: WebSocketStream<S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let config = Some(limits(MAX_MESSAGE));
    let connected = connect_async_with_config(shared.nodes.node.ws_url(), config, true).await;
    let Ok((mut node, _)) = connected else {
        let _ = client.close(None).await;
        return;
    };
    // As many answers fit as calls may run, so that no call waits for its client.
    let (answers, mut answered) = mpsc::channel::<Answered>(MAX_CALLS);
    let room = Arc::new(Semaphore::new(MAX_CALLS));
    loop {
        let done = tokio::select! {
            message = client.next() => match message {
                Some(Ok(message)) => match own(&shared, &message) {
                    Some(request) => {
                        begin(&shared, request, &room, &answers).await;
                        Ok(())
                    }
                    None if message.is_close() => Err(()),
                    // Pings are answered by who gets them.
                    None if message.is_ping() || message.is_pong() => Ok(()),
                    None => node.send(message).await.map_err(drop),
                },
                _ => Err(()),
            },
            message = node.next() => match message {
                Some(Ok(message)) if message.is_close() => Err(()),
                Some(Ok(message)) if message.is_ping() || message.is_pong() => Ok(()),
                Some(Ok(message)) => client.send(message).await.map_err(drop),
                _ => Err(()),
            },
            Some((answer, _permit)) = answered.recv() => {
                let text = String::from_utf8(answer).unwrap_or_default();
                client.send(Message::text(text)).await.map_err(drop)
            }
        };
        if done.is_err() {
            let _ = client.close(None).await;
            let _ = node.close(None).await;
            return;
        }
    }
}

/// Returns a request with calls of the shield's own.
fn own(shared: &Shared, message: &Message) -> Option<Value> {
    let bytes = match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
        _ => return None,
    };
    serde_json::from_slice(bytes).ok().filter(|request| shared.calls().is_own(request))
}

/// Answers a request beside the others of its connection; waits while there are too many.
async fn begin(
    shared: &Shared,
    request: Value,
    room: &Arc<Semaphore>,
    answers: &mpsc::Sender<Answered>,
) {
    let permit = Arc::clone(room).acquire_owned().await.expect("never closed");
    let (shared, answers) = (shared.clone(), answers.clone());
    tokio::spawn(async move {
        let calls = shared.calls();
        if let Some(answer) = calls.own(request).await {
            // A client that went away needs no answer.
            let _ = answers.send((answer, permit)).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_ask_only_when_they_are_named() {
        let named = ["https://app.example".to_owned()];
        let allowed =
            |origin: &'static str| is_allowed(&named, Some(&HeaderValue::from_static(origin)));
        assert!(is_allowed(&named, None) && allowed("https://app.example"));
        assert!(allowed("chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn"));
        for origin in
            ["https://evil.example", "null", "https://app.example.evil", "http://app.example"]
        {
            assert!(!allowed(origin), "{origin}");
        }
    }
}
