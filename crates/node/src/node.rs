//! Starting and stopping a node.

use crate::{
    common,
    config::DevConfig,
    engine::{self, Endpoint, EngineHandle, EngineThread},
    error::NodeError,
    metrics::Metrics,
    rpc, server,
    status::StatusLayer,
};
use alloy_primitives::Address;
use jsonrpsee::server::ServerHandle;
use weft_types::NetworkId;

/// The node.
#[derive(Debug)]
pub struct Node;

/// A rollup of a running node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupInfo {
    /// Id inside the protocol.
    pub network: NetworkId,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Where JSON-RPC is served, over HTTP and WebSocket alike.
    pub url: String,
}

/// A running node.
#[derive(Debug)]
pub struct NodeHandle {
    rollups: Vec<RollupInfo>,
    common: Option<String>,
    servers: Vec<ServerHandle>,
    engine: EngineThread,
    promise_key: Option<Address>,
}

impl Node {
    /// Starts a development node: listens on all ports, then serves them.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the configuration cannot work, a port is taken or a state file is of no use.
    pub async fn start(config: DevConfig) -> Result<NodeHandle, NodeError> {
        config.check()?;
        let mut listeners = Vec::new();
        let mut endpoints = Vec::new();
        let is_imported = config.imported.is_some();
        for (index, (network, chain_id)) in config.served().into_iter().enumerate() {
            let (listener, url) = server::listen(config.host, config.port_of(index)?)?;
            listeners.push(listener);
            endpoints.push(Endpoint { network, chain_id, url, is_imported });
        }
        let common = match config.common_port {
            Some(port) => Some(server::listen(config.host, port)?),
            None => None,
        };
        let limits = config.limits.clone();
        let metrics = Metrics::new();
        let engine = engine::spawn(config, endpoints.clone(), metrics.clone()).await?;
        let key = engine.handle.call(|engine| engine.outbox.promises().map(|all| all.key())).await;
        let promise_key = key.map_err(|_| NodeError::Stopped)?;
        let mut servers = Vec::new();
        for (listener, endpoint) in listeners.into_iter().zip(&endpoints) {
            servers.push(server::serve(listener, endpoint, &engine.handle, &metrics, &limits)?);
        }
        let common = match common {
            Some((listener, url)) => {
                let routes = endpoints.iter().map(|endpoint| {
                    let port = server::port(endpoint, &engine.handle, &metrics, &limits);
                    let batches = server::batches(&port, &limits);
                    (endpoint.chain_id, (rpc::module(port).into(), batches))
                });
                let status =
                    StatusLayer { engine: engine.handle.clone(), metrics: metrics.clone() };
                let config = server::config(&limits);
                let served = common::serve(listener, config, status, routes.collect());
                let listen = |source| NodeError::Listen { address: url.clone(), source };
                servers.push(served.map_err(listen)?);
                Some(url)
            }
            None => None,
        };
        let info = |endpoint: Endpoint| RollupInfo {
            network: endpoint.network,
            chain_id: endpoint.chain_id,
            url: endpoint.url,
        };
        let rollups = endpoints.into_iter().map(info).collect();
        Ok(NodeHandle { rollups, common, servers, engine, promise_key })
    }
}

impl NodeHandle {
    /// Returns the rollups in order.
    pub fn rollups(&self) -> &[RollupInfo] {
        &self.rollups
    }

    /// Returns the URL under which every rollup is served at `/CHAINID`, when there is one.
    pub fn common_url(&self) -> Option<&str> {
        self.common.as_deref()
    }

    /// Returns the address of the key that signs promises.
    pub const fn promise_key(&self) -> Option<Address> {
        self.promise_key
    }

    /// Returns the way to the engine.
    pub const fn engine(&self) -> &EngineHandle {
        &self.engine.handle
    }

    /// Stops serving, writes the state file when one was asked for, and ends the engine.
    ///
    /// # Errors
    ///
    /// [`NodeError::StateFile`] when the state file cannot be written.
    pub async fn stop(self) -> Result<(), NodeError> {
        for server in &self.servers {
            // A server that stopped by itself is stopped.
            let _ = server.stop();
        }
        for server in self.servers {
            server.stopped().await;
        }
        self.engine.stop().await
    }
}
