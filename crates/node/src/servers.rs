//! Everything that listens: a port per rollup, the common port, the admin port. Rollups may be added while it runs.

use crate::{
    common::{self, Routes},
    config::Served,
    engine::{ChainKind, Endpoint, Engine},
    error::NodeError,
    node::RollupInfo,
    requests::RequestLayer,
    rollup::RollupConfig,
    rpc::{
        self,
        errors::{RpcError, RpcResult},
    },
    server::{self, Shared},
};
use jsonrpsee::server::ServerHandle;
use std::{
    net::{IpAddr, TcpListener},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A rollup whose port is taken and not served yet.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    pub(crate) endpoint: Endpoint,
}

impl Listening {
    /// Takes the port of a chain.
    pub(crate) fn take(host: IpAddr, served: &Served, kind: ChainKind) -> Result<Self, NodeError> {
        let (listener, url) = server::listen(host, served.port)?;
        let Served { network, chain_id, name, .. } = served.clone();
        Ok(Self { listener, endpoint: Endpoint { network, chain_id, name, url, kind } })
    }
}

/// Everything that listens.
#[derive(Debug)]
pub(crate) struct Servers {
    host: IpAddr,
    pub(crate) shared: Shared,
    routes: Routes,
    common: Option<String>,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    rollups: Vec<RollupInfo>,
    handles: Vec<ServerHandle>,
}

impl Servers {
    pub(crate) fn new(host: IpAddr, shared: Shared) -> Self {
        Self { host, shared, routes: Routes::default(), common: None, running: Mutex::default() }
    }

    /// Serves all rollups under `/CHAINID` of one port.
    pub(crate) fn serve_common(
        &mut self,
        (listener, url): (TcpListener, String),
    ) -> Result<(), NodeError> {
        let config = server::config(&self.shared.limits);
        let (routes, origins) = (self.routes.clone(), self.shared.origins.clone());
        let requests = RequestLayer { max_bytes: self.shared.limits.max_body_bytes };
        let status = self.shared.status(None, false);
        let served = common::serve(listener, config, status, requests, routes, origins);
        let failed = |source| NodeError::Listen { address: url.clone(), source };
        self.keep(served.map_err(failed)?);
        self.common = Some(url);
        Ok(())
    }

    /// Serves a chain on its port, and on the common one.
    pub(crate) fn serve(&self, listening: Listening) -> Result<RollupInfo, NodeError> {
        let Listening { listener, endpoint } = listening;
        let handle = server::serve(listener, &endpoint, &self.shared)?;
        let port = self.shared.port(&endpoint);
        let batches = server::batches(&port, &self.shared.limits);
        self.routes.add(endpoint.chain_id, rpc::module(port).into(), batches);
        let info = RollupInfo {
            network: endpoint.network,
            chain_id: endpoint.chain_id,
            name: endpoint.name,
            url: endpoint.url,
        };
        let mut running = self.running();
        running.handles.push(handle);
        running.rollups.push(info.clone());
        running.rollups.sort_by_key(|rollup| rollup.network);
        Ok(info)
    }

    /// Lets a rollup join the realm and serves it.
    pub(crate) async fn add(&self, rollup: RollupConfig) -> RpcResult<RollupInfo> {
        // What cannot be, and a port that is taken, are found out before anything happens.
        let asked = rollup.clone();
        let check = move |engine: &mut Engine| engine.check_added(&asked);
        self.shared.engine.call(check).await.and_then(|checked| checked.map(drop))?;
        let served = Served::rollup(&rollup);
        let listening = Listening::take(self.host, &served, ChainKind::Rollup)
            .map_err(|error| refused(&error))?;
        let endpoint = listening.endpoint.clone();
        let join = move |engine: &mut Engine| {
            let joined = engine.add_rollup(&rollup);
            if joined.is_ok() {
                engine.endpoints.push(endpoint);
            }
            joined
        };
        self.shared.engine.call(join).await.and_then(|joined| joined)?;
        self.serve(listening).map_err(|error| refused(&error))
    }

    pub(crate) fn keep(&self, handle: ServerHandle) {
        self.running().handles.push(handle);
    }

    pub(crate) fn rollups(&self) -> Vec<RollupInfo> {
        self.running().rollups.clone()
    }

    pub(crate) fn common_url(&self) -> Option<&str> {
        self.common.as_deref()
    }

    /// Listens no more; returns when all connections ended, or after `patience`.
    pub(crate) async fn stop(&self, patience: Duration) {
        let handles = std::mem::take(&mut self.running().handles);
        for handle in &handles {
            // A server that stopped by itself is stopped.
            let _ = handle.stop();
        }
        let all = async {
            for handle in handles {
                handle.stopped().await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            let seconds = patience.as_secs();
            tracing::warn!(seconds, "connections that did not end in time are cut off");
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says a node's error with its cause, as clients see it.
fn refused(error: &NodeError) -> RpcError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    RpcError::refused(format!("{error}{}", cause.unwrap_or_default()))
}
