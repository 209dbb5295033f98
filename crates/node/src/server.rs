//! JSON-RPC servers: one port per rollup, HTTP and WebSocket alike.

use crate::{
    config::Limits,
    engine::{ChainKind, Endpoint, EngineHandle},
    error::NodeError,
    metrics::Metrics,
    origins::Origins,
    requests::RequestLayer,
    rpc::{self, Port, batch::BatchLayer},
    status::StatusLayer,
    upstream::Sequencer,
};
use jsonrpsee::{
    server::{
        BatchRequestConfig, IdProvider, Server, ServerConfig, ServerHandle,
        middleware::rpc::RpcServiceBuilder,
    },
    types::SubscriptionId,
};
use std::{
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::OnceCell;
use weft_types::Domain;

/// Takes a port and returns it with its URL.
pub(crate) fn listen(host: IpAddr, port: u16) -> Result<(TcpListener, String), NodeError> {
    let address = SocketAddr::new(host, port);
    let failed = |source| NodeError::Listen { address: address.to_string(), source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, format!("http://{bound}")))
}

/// What every server hands to its methods.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) engine: EngineHandle,
    pub(crate) metrics: Metrics,
    pub(crate) domain: Domain,
    pub(crate) limits: Limits,
    /// Whether development helpers are served.
    pub(crate) has_cheats: bool,
    pub(crate) origins: Origins,
    /// Where what is sent goes, for a node that follows.
    pub(crate) sequencer: Option<Sequencer>,
}

/// Serves a rollup on a port that was taken before.
pub(crate) fn serve(
    listener: TcpListener,
    endpoint: &Endpoint,
    shared: &Shared,
) -> Result<ServerHandle, NodeError> {
    let port = shared.port(endpoint);
    let is_produced = endpoint.kind == ChainKind::Produced;
    let server = Server::builder()
        .set_config(config(&shared.limits))
        .set_rpc_middleware(RpcServiceBuilder::new().layer(batches(&port, &shared.limits)))
        .set_http_middleware(
            tower::ServiceBuilder::new()
                .layer(shared.origins.layer())
                .layer(shared.status(Some(endpoint.chain_id), is_produced))
                .layer(RequestLayer { max_bytes: shared.limits.max_body_bytes }),
        )
        .build_from_tcp(listener)
        .map_err(|source| NodeError::Listen { address: endpoint.url.clone(), source })?;
    Ok(server.start(rpc::module(port)))
}

impl Shared {
    /// Returns what the server of one rollup knows.
    pub(crate) fn port(&self, endpoint: &Endpoint) -> Arc<Port> {
        let upstream = self.sequencer.as_ref().and_then(|to| to.upstream(endpoint.chain_id).ok());
        Arc::new(Port {
            upstream,
            engine: self.engine.clone(),
            metrics: self.metrics.clone(),
            network: endpoint.network,
            domain: self.domain,
            kind: endpoint.kind,
            patience: self.limits.subscriber_patience,
            has_cheats: self.has_cheats,
            promises: OnceCell::new(),
        })
    }

    /// Returns what answers plain HTTP.
    pub(crate) fn status(&self, chain_id: Option<u64>, has_blobs: bool) -> StatusLayer {
        StatusLayer {
            chain_id,
            has_blobs,
            engine: self.engine.clone(),
            metrics: self.metrics.clone(),
            origins: self.origins.clone(),
        }
    }
}

/// Returns what answers the batches of one rollup.
pub(crate) fn batches(port: &Arc<Port>, limits: &Limits) -> BatchLayer {
    BatchLayer { port: port.clone(), max_response_bytes: limits.max_response_bytes as usize }
}

/// Returns the bounds of a server.
pub(crate) fn config(limits: &Limits) -> ServerConfig {
    ServerConfig::builder()
        .max_request_body_size(limits.max_body_bytes)
        .max_response_body_size(limits.max_response_bytes)
        .max_connections(limits.max_connections)
        .max_subscriptions_per_connection(limits.max_subscriptions)
        .set_message_buffer_capacity(limits.message_buffer)
        .set_batch_request_config(BatchRequestConfig::Limit(limits.max_batch))
        .set_id_provider(HexIds::default())
        .build()
}

/// Subscription ids as Ethereum clients expect them.
#[derive(Debug, Default)]
struct HexIds(AtomicU64);

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        let id = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        SubscriptionId::Str(format!("{id:#x}").into())
    }
}
