//! What clients may ask: `eth_*`, `weft_*`, and the development helpers.

pub(crate) mod args;
mod blocks;
mod building;
mod bundles;
mod calls;
mod chain;
mod dev;
pub(crate) mod errors;
mod fees;
mod logs;
mod proof;
mod raw;
mod state;
mod submit;
pub(crate) mod subscribe;
mod threads;
mod txpool;
pub(crate) mod types;
mod weft;

use crate::{
    engine::{Engine, EngineHandle},
    metrics::Metrics,
};
use args::Args;
use errors::{RpcError, RpcResult};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned, types::Params};
use serde_json::Value;
use std::{sync::Arc, time::Instant};
use weft_types::NetworkId;

/// A client's call, on the engine's thread.
pub(crate) struct Call<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) network: NetworkId,
}

/// A method's code.
pub(crate) type Method = fn(&mut Call<'_>, &Args) -> RpcResult;
/// Methods by name.
pub(crate) type Methods = &'static [(&'static str, Method)];

/// Methods of every chain.
const STANDARD: &[Methods] = &[
    blocks::METHODS,
    calls::METHODS,
    chain::METHODS,
    fees::METHODS,
    logs::METHODS,
    proof::METHODS,
    raw::METHODS,
    state::METHODS,
    submit::METHODS,
    txpool::METHODS,
];
/// Methods of rollups alone: what crosses, and development helpers.
const OF_ROLLUPS: &[Methods] = &[bundles::METHODS, dev::METHODS, threads::METHODS, weft::METHODS];
/// Methods of imported chains alone.
const OF_IMPORTED: &[Methods] = &[building::METHODS];

/// What the server of one rollup knows.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) engine: EngineHandle,
    pub(crate) metrics: Metrics,
    pub(crate) network: NetworkId,
    /// True for an imported chain.
    pub(crate) is_imported: bool,
}

/// Returns every method for the port of one rollup.
pub(crate) fn module(port: Port) -> RpcModule<Port> {
    let own = if port.is_imported { OF_IMPORTED } else { OF_ROLLUPS };
    let mut module = RpcModule::new(port);
    for (name, method) in STANDARD.iter().chain(own).copied().flatten() {
        module
            .register_async_method(name, move |params, port, _| {
                counted(name, *method, params, port)
            })
            .expect("method names are distinct");
    }
    subscribe::register(&mut module);
    module
}

/// Answers a request and counts it.
async fn counted(
    name: &'static str,
    method: Method,
    params: Params<'static>,
    port: Arc<Port>,
) -> Result<Value, ErrorObjectOwned> {
    let (asked, metrics) = (Instant::now(), port.metrics.clone());
    let answer = run(method, params, port).await;
    metrics.answered(
        name,
        answer.as_ref().map_or_else(ErrorObjectOwned::code, |_| 0),
        asked.elapsed(),
    );
    answer
}

async fn run(
    method: Method,
    params: Params<'static>,
    port: Arc<Port>,
) -> Result<Value, ErrorObjectOwned> {
    let args = Args::parse(params.as_str())?;
    let network = port.network;
    let job = move |engine: &mut Engine| method(&mut Call { engine, network }, &args);
    Ok(port.engine.call(job).await.and_then(|result: Result<Value, RpcError>| result)?)
}
