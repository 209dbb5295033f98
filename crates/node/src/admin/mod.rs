//! The admin port: what whoever runs the node may ask and order, over JSON-RPC behind a bearer token.
//!
//! It listens on its own port, off by default. A request without the token gets 401 before anything of it is read;
//! nothing about the node is in that answer.

mod failures;
mod methods;
mod snapshot;
mod token;

pub(crate) use methods::Admin;
#[cfg(test)]
pub(crate) use methods::NAMES;

use crate::{error::NodeError, server};
use failures::Failures;
use jsonrpsee::{
    Methods,
    server::{
        HttpBody, HttpRequest, HttpResponse, Server, ServerConfig, ServerHandle, StopHandle,
        serve_with_graceful_shutdown, stop_channel,
    },
};
use std::{
    convert::Infallible,
    fmt,
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use token::Token;
use tokio::{net::TcpStream, sync::Semaphore};
use tower::{Service, service_fn};

/// Most connections at a time.
const MAX_CONNECTIONS: usize = 64;
/// Longest life of a connection; a snapshot of a large log takes minutes.
const CONNECTION_LIFE: Duration = Duration::from_secs(600);
/// Most bytes of a request: room for a rollup with all allocations that it may have.
const MAX_REQUEST: u32 = 1 << 20;
/// Pause after a failure to accept, most often for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Where the admin port is.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port; 0 for any free one.
    pub port: u16,
    /// File with the token; made at the start when there is none.
    pub token_file: PathBuf,
    /// Way to change what is logged, when there is one.
    pub log: Option<LogControl>,
}

impl AdminConfig {
    /// Returns an admin port that only this machine reaches.
    pub const fn local(port: u16, token_file: PathBuf) -> Self {
        Self { host: IpAddr::V4(Ipv4Addr::LOCALHOST), port, token_file, log: None }
    }
}

/// What changes the level of the log.
type ChangeLevel = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// Changes what is logged; says why when it cannot.
#[derive(Clone)]
pub struct LogControl(Arc<ChangeLevel>);

impl LogControl {
    /// Takes what changes the level.
    pub fn new(change: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }

    fn set(&self, level: &str) -> Result<(), String> {
        (self.0)(level)
    }
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogControl(..)")
    }
}

/// A port that is taken, with the token that opens it.
#[derive(Debug)]
pub(crate) struct AdminPort {
    listener: TcpListener,
    url: String,
    gate: Gate,
    log: Option<LogControl>,
}

/// What a request has to get past.
#[derive(Debug, Clone)]
struct Gate {
    token: Arc<Token>,
    failures: Arc<Failures>,
}

/// Takes the port and reads the token, or makes one.
pub(crate) fn listen(config: &AdminConfig) -> Result<AdminPort, NodeError> {
    let token = Arc::new(Token::open(&config.token_file)?);
    let (listener, url) = server::listen(config.host, config.port)?;
    let gate = Gate { token, failures: Arc::default() };
    Ok(AdminPort { listener, url, gate, log: config.log.clone() })
}

/// Serves the admin port; returns its URL.
pub(crate) fn serve(port: AdminPort, admin: Admin) -> Result<(ServerHandle, String), NodeError> {
    let AdminPort { listener, url, gate, log } = port;
    let failed = |source| NodeError::Listen { address: url.clone(), source };
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    let (stop, handle) = stop_channel();
    let methods: Methods = methods::module(admin.with_log(log)).into();
    tokio::spawn(accept(listener, gate, methods, stop));
    Ok((handle, url))
}

async fn accept(listener: tokio::net::TcpListener, gate: Gate, methods: Methods, stop: StopHandle) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await.expect("never closed");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.clone().shutdown() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let served =
                    connection(stream, peer.ip(), gate.clone(), methods.clone(), stop.clone());
                tokio::spawn(async move {
                    // What goes wrong with one connection is for its client to see.
                    let _ = tokio::time::timeout(CONNECTION_LIFE, served).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    gate: Gate,
    methods: Methods,
    stop: StopHandle,
) {
    let config = ServerConfig::builder().http_only().max_request_body_size(MAX_REQUEST).build();
    let builder = Server::builder().set_config(config).to_service_builder();
    let stopped = stop.clone();
    let service = service_fn(move |request: HttpRequest<_>| {
        let refused = gate.refuses(&request, peer);
        let (builder, methods, stop) = (builder.clone(), methods.clone(), stopped.clone());
        async move {
            if let Some(refused) = refused {
                return Ok::<_, Infallible>(refused);
            }
            let answer = builder.build(methods, stop).call(request).await;
            Ok(answer.unwrap_or_else(|_| plain(500, "internal error\n", None)))
        }
    });
    let _ = serve_with_graceful_shutdown(stream, service, stop.shutdown()).await;
}

impl Gate {
    /// Returns the answer to a request that does not carry the token.
    fn refuses<B>(&self, request: &HttpRequest<B>, peer: IpAddr) -> Option<HttpResponse> {
        let header = request.headers().get("authorization");
        if header.is_some_and(|header| self.token.opens(header.as_bytes())) {
            return None;
        }
        if !self.failures.may_fail(peer, Instant::now()) {
            return Some(plain(429, "too many requests\n", Some(("retry-after", "1"))));
        }
        tracing::warn!(%peer, "the admin port refused a request without its token");
        Some(plain(401, "unauthorized\n", Some(("www-authenticate", "Bearer"))))
    }
}

fn plain(status: u16, text: &'static str, header: Option<(&str, &str)>) -> HttpResponse {
    let mut response = HttpResponse::builder().status(status).header("cache-control", "no-store");
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    response.body(HttpBody::from(text)).expect("status and headers are well formed")
}
