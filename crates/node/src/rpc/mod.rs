//! What clients may ask: `eth_*`, `weft_*`, and the development helpers.

pub(crate) mod args;
mod blocks;
mod bundles;
mod calls;
mod dev;
pub(crate) mod errors;
mod fees;
mod logs;
mod state;
mod submit;
pub(crate) mod subscribe;
mod threads;
pub(crate) mod types;
mod weft;

use crate::engine::{Engine, EngineHandle};
use args::Args;
use errors::{RpcError, RpcResult};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned, types::Params};
use serde_json::Value;
use std::sync::Arc;
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

/// What the server of one rollup knows.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) engine: EngineHandle,
    pub(crate) network: NetworkId,
}

/// Returns every method for the port of one rollup.
pub(crate) fn module(port: Port) -> RpcModule<Port> {
    let mut module = RpcModule::new(port);
    let tables = [
        blocks::METHODS,
        calls::METHODS,
        dev::METHODS,
        fees::METHODS,
        logs::METHODS,
        state::METHODS,
        submit::METHODS,
        bundles::METHODS,
        threads::METHODS,
        weft::METHODS,
    ];
    for (name, method) in tables.into_iter().flatten() {
        module
            .register_async_method(name, move |params, port, _| run(*method, params, port))
            .expect("method names are distinct");
    }
    subscribe::register(&mut module);
    module
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
