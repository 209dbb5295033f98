//! Starting and stopping a node.

use crate::{
    admin::{self, Admin},
    config::DevConfig,
    engine::{self, ChainKind, EngineHandle, EngineThread},
    error::NodeError,
    metrics::Metrics,
    server::{self, Shared},
    servers::{Listening, Servers},
    upstream::Sequencer,
};
use alloy_primitives::Address;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use weft_types::NetworkId;

/// Time between two attempts to reach an engine whose queue is full.
const RETRY: Duration = Duration::from_millis(10);

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
    /// Name for people.
    pub name: String,
    /// Where JSON-RPC is served, over HTTP and WebSocket alike.
    pub url: String,
}

/// A running node.
#[derive(Debug)]
pub struct NodeHandle {
    rollups: Vec<RollupInfo>,
    servers: Arc<Servers>,
    engine: EngineThread,
    promise_key: Option<Address>,
    admin: Option<String>,
    /// Somebody asked for the end through the admin port.
    end: Arc<Notify>,
    drain_timeout: Duration,
    repeated: u64,
}

impl Node {
    /// Starts a node: listens on all ports, then serves them.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the configuration cannot work, a port is taken, or a file or the data directory is of no
    /// use.
    pub async fn start(config: DevConfig) -> Result<NodeHandle, NodeError> {
        config.check()?;
        let (host, kind) = (config.host, config.kind());
        let configured = config.served()?;
        // Ports that are taken are found out before a recovery that may take long.
        let take = |served| Listening::take(host, served, kind);
        let mut listening = configured.iter().map(take).collect::<Result<Vec<_>, _>>()?;
        let common = config.common_port.map(|port| server::listen(host, port)).transpose()?;
        let admin = config.admin.as_ref().map(admin::listen).transpose()?;
        let (limits, has_cheats) = (config.limits.clone(), config.has_cheats);
        let origins = config.origins.clone();
        let (drain_timeout, data_dir) = (config.drain_timeout, config.data_dir.clone());
        let metrics = Metrics::new();
        let endpoints = listening.iter().map(|taken| taken.endpoint.clone()).collect();
        let sequencer = config.sequencer.as_deref().map(Sequencer::new).transpose()?;
        let engine = engine::spawn(config, endpoints, metrics.clone()).await?;
        let (all, promise_key, repeated, domain) = engine
            .handle
            .call(move |engine| {
                let key = engine.outbox.promises().map(|all| all.key());
                (engine.served(&configured), key, engine.repeated, engine.domain)
            })
            .await
            .map_err(|_| NodeError::Stopped)?;
        for served in &all[listening.len()..] {
            let taken = Listening::take(host, served, ChainKind::Rollup)?;
            let endpoint = taken.endpoint.clone();
            let known = engine.handle.call(move |engine| engine.endpoints.push(endpoint)).await;
            known.map_err(|_| NodeError::Stopped)?;
            listening.push(taken);
        }
        let engine_of = engine.handle.clone();
        let shared =
            Shared { engine: engine_of, metrics, domain, limits, has_cheats, origins, sequencer };
        let mut servers = Servers::new(host, shared);
        for taken in listening {
            servers.serve(taken)?;
        }
        common.map(|port| servers.serve_common(port)).transpose()?;
        let (servers, end) = (Arc::new(servers), Arc::new(Notify::new()));
        let admin = match admin {
            Some(port) => {
                let (handle, url) =
                    admin::serve(port, Admin::new(servers.clone(), end.clone(), data_dir))?;
                servers.keep(handle);
                Some(url)
            }
            None => None,
        };
        let rollups = servers.rollups();
        Ok(NodeHandle {
            rollups,
            servers,
            engine,
            promise_key,
            admin,
            end,
            drain_timeout,
            repeated,
        })
    }
}

impl NodeHandle {
    /// Returns the rollups that were there at the start, in order.
    pub fn rollups(&self) -> &[RollupInfo] {
        &self.rollups
    }

    /// Returns the URL under which every rollup is served at `/CHAINID`, when there is one.
    pub fn common_url(&self) -> Option<&str> {
        self.servers.common_url()
    }

    /// Returns the URL of the admin port, when there is one.
    pub fn admin_url(&self) -> Option<&str> {
        self.admin.as_deref()
    }

    /// Returns the address of the key that signs promises.
    pub const fn promise_key(&self) -> Option<Address> {
        self.promise_key
    }

    /// Waits until the node ends by itself, which it does only when its state cannot be read any more.
    pub async fn ended(&self) {
        self.engine.ended().await;
    }

    /// Returns how many records of its log the node repeated when it started.
    pub const fn repeated_records(&self) -> u64 {
        self.repeated
    }

    /// Returns the way to the engine.
    pub const fn engine(&self) -> &EngineHandle {
        &self.engine.handle
    }

    /// Returns when somebody asked for the end through the admin port.
    pub async fn end_asked(&self) {
        self.end.notified().await;
    }

    /// Takes nothing in any more, ends the open slot, serves open requests to their end, brings everything to disk
    /// and ends the engine.
    ///
    /// # Errors
    ///
    /// [`NodeError::StateFile`] when the state file cannot be written.
    pub async fn stop(self) -> Result<(), NodeError> {
        let patience = tokio::time::sleep(self.drain_timeout);
        tokio::select! {
            () = finish(&self.engine.handle) => {}
            () = patience => {}
        }
        self.servers.stop(self.drain_timeout).await;
        self.engine.stop().await
    }
}

/// Ends the open slot, and returns when everything accepted is on disk or never will be.
async fn finish(engine: &EngineHandle) {
    while let Err(error) = engine.call(|engine| engine.finish()).await {
        let is_full = error.code == -32005;
        if !is_full {
            return;
        }
        tokio::time::sleep(RETRY).await;
    }
}
