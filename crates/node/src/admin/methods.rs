//! The methods of the admin port.

use super::{LogControl, snapshot};
use crate::{
    engine::{Engine, EngineHandle, Intake},
    rollup::RollupConfig,
    rpc::{
        args::Args,
        errors::{RpcError, RpcResult},
        types::quantity,
    },
    servers::Servers,
};
use alloy_primitives::{Address, U64, U256};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned, types::Params};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};
use tokio::sync::Notify;

/// Names of the methods.
pub(crate) const NAMES: [&str; 9] = [
    "admin_addRollup",
    "admin_executors",
    "admin_pauseIntake",
    "admin_peers",
    "admin_resumeIntake",
    "admin_setLogLevel",
    "admin_shutdown",
    "admin_snapshot",
    "admin_status",
];

/// What the methods work on.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    servers: Arc<Servers>,
    end: Arc<Notify>,
    data_dir: Option<PathBuf>,
    log: Option<LogControl>,
    began: Instant,
}

/// What becomes of transactions that fail (P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Failed {
    #[default]
    Keep,
    Remove,
}

/// A rollup as a request describes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewRollup {
    chain_id: u32,
    name: Option<String>,
    #[serde(default)]
    port: u16,
    gas_limit: Option<U64>,
    base_fee: Option<U64>,
    #[serde(default)]
    failed: Failed,
    #[serde(default)]
    allocations: BTreeMap<Address, U256>,
}

impl From<NewRollup> for RollupConfig {
    fn from(new: NewRollup) -> Self {
        let usual = Self::new(new.chain_id);
        Self {
            name: new.name.unwrap_or(usual.name),
            port: new.port,
            gas_limit: new.gas_limit.map_or(usual.gas_limit, |gas| gas.to()),
            base_fee: new.base_fee.map_or(usual.base_fee, |wei| wei.to()),
            removes_failed: new.failed == Failed::Remove,
            allocations: new.allocations.into_iter().collect(),
            chain_id: usual.chain_id,
        }
    }
}

impl Admin {
    pub(crate) fn new(servers: Arc<Servers>, end: Arc<Notify>, data_dir: Option<PathBuf>) -> Self {
        Self { servers, end, data_dir, log: None, began: Instant::now() }
    }

    pub(super) fn with_log(self, log: Option<LogControl>) -> Self {
        Self { log, ..self }
    }

    fn engine(&self) -> &EngineHandle {
        &self.servers.shared.engine
    }

    async fn call(&self, name: &str, args: &Args) -> RpcResult {
        match name {
            "admin_addRollup" => self.add_rollup(args.required::<NewRollup>(0)?.into()).await,
            "admin_executors" => self.engine().call(executors).await,
            "admin_pauseIntake" => self.set_intake(Intake::Paused).await,
            // One node orders a realm; it has no others to talk to.
            "admin_peers" => Ok(json!([])),
            "admin_resumeIntake" => self.set_intake(Intake::Open).await,
            "admin_setLogLevel" => self.set_log_level(&args.required::<String>(0)?),
            "admin_shutdown" => Ok(self.shut_down()),
            "admin_snapshot" => {
                snapshot::take(self.engine(), self.data_dir.as_deref(), args.optional(0)?).await
            }
            "admin_status" => self.status().await,
            other => Err(RpcError::new(-32601, format!("no method {other}"))),
        }
    }

    async fn status(&self) -> RpcResult {
        let uptime = self.began.elapsed().as_secs();
        let rollups = self.servers.rollups();
        let look = move |engine: &mut Engine| {
            let rollup = |rollup: &crate::RollupInfo| {
                json!({
                    "chainId": rollup.chain_id,
                    "name": rollup.name,
                    "url": rollup.url,
                    "blockNumber": quantity(engine.chain(rollup.network).store.head_number()),
                    "available": engine.is_available(rollup.network),
                })
            };
            let rollups: Vec<_> = rollups.iter().map(rollup).collect();
            let trouble = engine.outbox.promises().map(|promises| promises.trouble().0);
            let log = engine.log_health();
            json!({
                "version": env!("CARGO_PKG_VERSION"),
                "uptimeSeconds": uptime,
                "intake": engine.intake().name(),
                "slot": engine.realm.slot().map(|slot| slot.number),
                "waitingTransactions": engine.pool.len(),
                "rollups": rollups,
                "promiseKey": engine.outbox.promises().map(|promises| promises.key()),
                "promisesStopped": trouble.flatten(),
                "lastRecord": log.as_ref().map(|log| log.last),
                "lastRecordOnDisk": log.as_ref().map(|log| log.durable),
                "logStopped": log.and_then(|log| log.failure),
            })
        };
        self.engine().call(look).await
    }

    async fn add_rollup(&self, rollup: RollupConfig) -> RpcResult {
        let info = self.servers.add(rollup).await?;
        Ok(json!({ "chainId": info.chain_id, "name": info.name, "url": info.url }))
    }

    async fn set_intake(&self, intake: Intake) -> RpcResult {
        let set = move |engine: &mut Engine| engine.set_intake(intake).name();
        Ok(json!(self.engine().call(set).await?))
    }

    fn set_log_level(&self, level: &str) -> RpcResult {
        let log = self.log.as_ref();
        let log =
            log.ok_or_else(|| RpcError::refused("this program cannot change what it logs"))?;
        log.set(level).map_err(|why| RpcError::params(format!("invalid argument 0: {why}")))?;
        tracing::info!(level, "log level changed");
        Ok(json!(level))
    }

    fn shut_down(&self) -> Value {
        tracing::info!("shutdown was asked for through the admin port");
        self.end.notify_one();
        json!(true)
    }
}

fn executors(engine: &mut Engine) -> Value {
    let Some(executors) = &engine.executors else { return json!([]) };
    let executor = |id: &u64| {
        let network = engine.network_of(*id).ok()?;
        let (pid, available) = (executors.pid(network), engine.is_available(network));
        Some(json!({ "chainId": id, "pid": pid, "available": available }))
    };
    engine.config.executors.iter().filter_map(executor).collect()
}

/// Most parameters of a method.
const MOST: usize = 1;

/// Returns all methods.
pub(super) fn module(admin: Admin) -> RpcModule<Admin> {
    let mut module = RpcModule::new(admin);
    for name in NAMES {
        module
            .register_async_method(name, move |params: Params<'static>, admin, _| async move {
                let args = Args::parse(params.as_str(), MOST)?;
                Ok::<Value, ErrorObjectOwned>(admin.call(name, &args).await?)
            })
            .expect("method names are distinct");
    }
    module
}
