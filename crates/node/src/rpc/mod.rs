//! What clients may ask: `eth_*`, `weft_*`, and the development helpers.

pub(crate) mod args;
pub(crate) mod batch;
mod blocks;
mod building;
mod bundles;
mod calls;
mod chain;
mod committee;
mod dev;
mod discover;
pub(crate) mod errors;
mod fees;
mod forward;
mod impersonate;
pub(crate) mod logs;
mod notices;
mod ots;
mod otterscan;
pub(crate) mod overrides;
mod pace;
mod produced;
mod promises;
mod proof;
mod raw;
mod sealed;
mod searchers;
mod simulate;
pub(crate) mod slots;
mod state;
mod submit;
pub(crate) mod subscribe;
mod sync_send;
mod threads;
mod trace;
mod txpool;
pub(crate) mod types;
mod weft;
mod witness;

use crate::{
    engine::{ChainKind, Engine, EngineHandle},
    metrics::Metrics,
    promises::Promises,
    upstream::Upstream,
};
use args::Args;
use errors::{RpcError, RpcResult};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned, types::Params};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::{OnceCell, Semaphore};
use weft_types::{Domain, NetworkId};

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
    ots::METHODS,
    otterscan::METHODS,
    proof::METHODS,
    raw::METHODS,
    state::METHODS,
    submit::METHODS,
    txpool::METHODS,
];
/// Methods of rollups alone: what crosses, and development helpers.
const OF_ROLLUPS: &[Methods] = &[
    bundles::METHODS,
    committee::METHODS,
    notices::METHODS,
    promises::METHODS,
    sealed::METHODS,
    searchers::METHODS,
    threads::METHODS,
    weft::METHODS,
];
/// Methods of imported chains alone.
const OF_IMPORTED: &[Methods] = &[building::METHODS];
/// Methods of chains that the node adds blocks to.
const OF_PRODUCED: &[Methods] = &[building::METHODS, produced::METHODS];
/// Methods of every chain whose answers are written apart from the engine.
const WRITTEN_APART: &[Heavy] = &[blocks::WRITTEN_APART];
/// Methods of every chain that work apart from the engine.
const APART: &[Heavy] = &[trace::HEAVY, otterscan::HEAVY, simulate::HEAVY];

/// Methods of rollups alone that work apart from the engine.
const APART_OF_ROLLUPS: &[Heavy] =
    &[notices::HEAVY, simulate::OF_ROLLUPS, slots::HEAVY, witness::OF_ROLLUPS];

/// Work that needs nothing of the engine but what it took along.
pub(crate) type Work = Box<dyn FnOnce() -> RpcResult + Send>;
/// Methods that work apart from the engine, so that slots go on meanwhile.
pub(crate) type Heavy = &'static [(&'static str, fn(&mut Call<'_>, &Args) -> RpcResult<Work>)];

/// Heavy methods that run at the same time.
static HEAVY: Semaphore = Semaphore::const_new(4);

/// What the server of one rollup knows.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) engine: EngineHandle,
    pub(crate) metrics: Metrics,
    pub(crate) network: NetworkId,
    /// The realm.
    pub(crate) domain: Domain,
    pub(crate) kind: ChainKind,
    /// How long a subscriber may take for one message before it is dropped.
    pub(crate) patience: Duration,
    /// Whether development helpers are served.
    pub(crate) has_cheats: bool,
    /// Where what is sent goes, on a node that follows and knows its sequencer.
    pub(crate) upstream: Option<Upstream>,
    /// What was promised, once somebody asked; `None` in it for a node without a key.
    pub(crate) promises: OnceCell<Option<Promises>>,
}

/// Returns every method for the port of one rollup.
pub(crate) fn module(port: Arc<Port>) -> RpcModule<Port> {
    let kind = port.kind;
    let (is_foreign, helps) = (kind.is_foreign(), port.has_cheats && !kind.is_foreign());
    let own = match kind {
        ChainKind::Rollup => OF_ROLLUPS,
        ChainKind::Produced if port.has_cheats => OF_PRODUCED,
        ChainKind::Imported | ChainKind::Produced => OF_IMPORTED,
    };
    let dumps: &[Methods] = if helps { &[dev::DUMPS] } else { &[] };
    let mut module = RpcModule::from_arc(port.clone());
    for (name, method) in STANDARD.iter().chain(own).chain(dumps).copied().flatten() {
        register(&mut module, name, |params, most, port| run(*method, params, most, port));
    }
    let own: &[Heavy] = if is_foreign { &[] } else { APART_OF_ROLLUPS };
    for (name, method) in APART.iter().chain(own).copied().flatten() {
        register(&mut module, name, |params, most, port| run_apart(*method, params, most, port));
    }
    for (name, method) in WRITTEN_APART.iter().copied().flatten() {
        register(&mut module, name, |params, most, port| {
            run_written_apart(*method, params, most, port)
        });
    }
    let (cheats, reads): (&[Methods], &[Methods]) =
        if helps { (dev::CHEATS, dev::READS) } else { (&[], &[]) };
    for (name, method) in reads.iter().copied().flatten() {
        register(&mut module, name, |params, most, port| run(*method, params, most, port));
    }
    for (name, method) in cheats.iter().copied().flatten() {
        register(&mut module, name, |params, most, port| {
            run_cheat(name, *method, params, most, port)
        });
    }
    submit::register(&mut module);
    subscribe::register(&mut module);
    if !is_foreign {
        promises::register(&mut module);
        sealed::register(&mut module);
        committee::register(&mut module);
    }
    if kind != ChainKind::Imported {
        sync_send::register(&mut module);
    }
    forward::register(&mut module, &port);
    let names: BTreeSet<&'static str> = module.method_names().collect();
    module
        .register_method("rpc.discover", move |params, _, _| -> Result<Value, ErrorObjectOwned> {
            Args::parse(params.as_str(), 0)?;
            let is_served = |name: &str| name == "rpc.discover" || names.contains(name);
            Ok(discover::document(is_served)?)
        })
        .expect("method names are distinct");
    module
}

/// Adds a method; `answer` takes the parameters and how many there may be.
fn register<F>(
    module: &mut RpcModule<Port>,
    name: &'static str,
    answer: impl Fn(Params<'static>, usize, Arc<Port>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Result<Value, ErrorObjectOwned>> + Send + 'static,
{
    let most = discover::most(name);
    module
        .register_async_method(name, move |params, port, _| answer(params, most, port))
        .expect("method names are distinct");
}

async fn run(
    method: Method,
    params: Params<'static>,
    most: usize,
    port: Arc<Port>,
) -> Result<Value, ErrorObjectOwned> {
    let args = Args::parse(params.as_str(), most)?;
    answer(port, move |call| method(call, &args)).await
}

async fn run_cheat(
    name: &'static str,
    method: Method,
    params: Params<'static>,
    most: usize,
    port: Arc<Port>,
) -> Result<Value, ErrorObjectOwned> {
    let args = Args::parse(params.as_str(), most)?;
    let cheat = move |call: &mut Call<'_>| {
        call.engine.check_cheat()?;
        if !name.ends_with("_snapshot") {
            call.engine.leave_batches(name);
        }
        method(call, &args)
    };
    answer(port, cheat).await
}

async fn answer(
    port: Arc<Port>,
    ask: impl FnOnce(&mut Call<'_>) -> RpcResult + Send + 'static,
) -> Result<Value, ErrorObjectOwned> {
    let network = port.network;
    let job = move |engine: &mut Engine| ask(&mut Call { engine, network });
    Ok(port.engine.call(job).await.and_then(|result: Result<Value, RpcError>| result)?)
}

async fn run_written_apart(
    method: fn(&mut Call<'_>, &Args) -> RpcResult<Work>,
    params: Params<'static>,
    most: usize,
    port: Arc<Port>,
) -> Result<Value, ErrorObjectOwned> {
    let args = Args::parse(params.as_str(), most)?;
    Ok(take_along(method, args, &port).await?()?)
}

/// Lets the engine say what the work needs.
async fn take_along(
    method: fn(&mut Call<'_>, &Args) -> RpcResult<Work>,
    args: Args,
    port: &Port,
) -> RpcResult<Work> {
    let network = port.network;
    let job = move |engine: &mut Engine| method(&mut Call { engine, network }, &args);
    port.engine.call(job).await.and_then(|work| work)
}

async fn run_apart(
    method: fn(&mut Call<'_>, &Args) -> RpcResult<Work>,
    params: Params<'static>,
    most: usize,
    port: Arc<Port>,
) -> Result<Value, ErrorObjectOwned> {
    let args = Args::parse(params.as_str(), most)?;
    let permit = HEAVY.acquire().await.expect("never closed");
    let work = take_along(method, args, &port).await?;
    let result = tokio::task::spawn_blocking(work).await;
    drop(permit);
    let failed = |_| RpcError::new(-32603, "method handler crashed");
    Ok(result.map_err(failed).and_then(|result| result)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the names of all methods that some port serves.
    fn served() -> BTreeSet<&'static str> {
        let tables = STANDARD.iter().chain(OF_ROLLUPS).chain(OF_PRODUCED).chain(&[dev::DUMPS]);
        let own = [
            "eth_subscribe",
            "eth_unsubscribe",
            "eth_sendRawTransaction",
            "eth_sendRawTransactionSync",
            "rpc.discover",
            "weft_announceShare",
            "weft_getPromise",
            "weft_openEpoch",
            "weft_promiseBundle",
            "weft_releaseSecret",
            "weft_sendSealed",
            "weft_subscribe",
            "weft_unsubscribe",
        ];
        let of_rollups = APART_OF_ROLLUPS.iter().copied().flatten().map(|(name, _)| *name);
        let helpers = dev::CHEATS.iter().chain(dev::READS).copied().flatten();
        let of_rollups = of_rollups.chain(helpers.map(|(name, _)| *name));
        let apart = APART.iter().chain(WRITTEN_APART).copied().flatten().map(|(name, _)| *name);
        tables
            .copied()
            .flatten()
            .map(|(name, _)| *name)
            .chain(apart)
            .chain(of_rollups)
            .chain(own)
            .chain(crate::admin::NAMES)
            .collect()
    }

    #[test]
    fn the_reference_names_every_method_and_no_other() {
        let described: Vec<&str> = discover::rows().iter().map(|row| row.name).collect();
        let distinct: BTreeSet<&str> = described.iter().copied().collect();
        assert_eq!(distinct.len(), described.len(), "a method is described twice");
        let served = served();
        let missing: Vec<_> = served.difference(&distinct).collect();
        let unknown: Vec<_> = distinct.difference(&served).collect();
        assert!(
            missing.is_empty() && unknown.is_empty(),
            "missing {missing:?}, unknown {unknown:?}"
        );
    }
}
