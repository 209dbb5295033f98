//! Refusals of every method that `rpc.discover` describes, on every kind of port. What a parameter may be is read off
//! its name in the reference, so a method whose parameters nobody has thought about fails here.

mod kinds;
mod limits;
mod transport;

use crate::{
    execution_apis,
    world::{A, B, Draft, World, address},
};
use jsonrpsee::{
    core::{
        client::{ClientT, Error},
        params::ArrayParams,
    },
    types::ErrorObjectOwned,
    ws_client::{WsClient, WsClientBuilder},
};
use kinds::{Kind, Samples};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tempfile::TempDir;
use weft_node::{BlobArchive, Production};

/// What cannot be read.
const PARAMS: i32 = -32602;
/// No such method.
const UNKNOWN_METHOD: i32 = -32601;
/// Our own fault, which no request may be.
const INTERNAL: i32 = -32603;

/// Methods of the server itself, which answers `false` to any id that it does not know, readable or not.
const OF_THE_SERVER: &[&str] = &["eth_unsubscribe", "weft_unsubscribe"];

/// A method as `rpc.discover` describes it.
#[derive(Debug)]
struct Described {
    name: String,
    params: Vec<Param>,
}

#[derive(Debug)]
struct Param {
    is_required: bool,
    kind: Kind,
}

impl Described {
    fn good(&self) -> Vec<Value> {
        self.params.iter().map(|param| param.kind.good.clone()).collect()
    }

    fn required(&self) -> usize {
        self.params.iter().filter(|param| param.is_required).count()
    }
}

/// One port, asked over WebSocket, where there are subscriptions too.
struct Port {
    world: World,
    client: WsClient,
    methods: Vec<Described>,
    /// What it keeps on disk.
    _home: Option<TempDir>,
}

impl Port {
    async fn of_a_rollup() -> Self {
        let world = World::start().await;
        let raw = Draft::new(A, 0, 0).pay(address(1), 1).raw();
        let dump = world.rpc(A, "weft_dumpState", json!([])).await;
        Self::new(world, Samples { raw, dump, chain_id: A }).await
    }

    async fn of_an_imported_chain() -> Self {
        Self::of_a_chain(execution_apis::world().await).await
    }

    /// One to which the node adds blocks.
    async fn of_a_produced_chain() -> Self {
        let home = tempfile::tempdir().unwrap();
        let production = Production {
            interval: Duration::from_secs(3600),
            is_eager: false,
            blobs: BlobArchive::open(home.path()).unwrap(),
        };
        let port = Self::of_a_chain(execution_apis::produced(production).await).await;
        Self { _home: Some(home), ..port }
    }

    async fn of_a_chain(world: World) -> Self {
        let raw = execution_apis::transaction();
        let chain_id = world.rpc(A, "eth_chainId", json!([])).await;
        let chain_id = u64::from_str_radix(&chain_id.as_str().unwrap()[2..], 16).unwrap();
        Self::new(world, Samples { raw, dump: Value::Null, chain_id }).await
    }

    async fn of_a_sealed_realm() -> Self {
        let world = World::with(crate::sealed::sealing()).await;
        let raw = Draft::new(A, 0, 0).pay(address(1), 1).raw();
        let dump = world.rpc(B, "weft_dumpState", json!([])).await;
        Self::new(world, Samples { raw, dump, chain_id: A }).await
    }

    async fn new(world: World, samples: Samples) -> Self {
        let url = world.node.rollups()[0].url.replacen("http", "ws", 1);
        let client = WsClientBuilder::new().build(url).await.unwrap();
        let document = world.rpc(A, "rpc.discover", json!([])).await;
        let methods = document["methods"].as_array().unwrap().iter().map(|method| {
            let name = method["name"].as_str().unwrap().to_owned();
            let params = method["params"].as_array().unwrap().iter().map(|param| Param {
                is_required: param["required"] == true,
                kind: kinds::kind(&name, param["name"].as_str().unwrap(), &samples),
            });
            Described { params: params.collect(), name }
        });
        Self { methods: methods.collect(), world, client, _home: None }
    }

    async fn all() -> [Self; 3] {
        let produced = Self::of_a_produced_chain().await;
        [Self::of_a_rollup().await, Self::of_an_imported_chain().await, produced]
    }

    /// With one of a realm that takes sealed items, where more is looked at before anything is refused.
    async fn all_and_sealed() -> [Self; 4] {
        let [rollup, imported, produced] = Self::all().await;
        [rollup, imported, produced, Self::of_a_sealed_realm().await]
    }

    /// Asks; whatever comes back is an answer and never our own fault.
    async fn ask(&self, method: &str, params: &[Value]) -> Result<Value, ErrorObjectOwned> {
        let mut args = ArrayParams::new();
        params.iter().for_each(|param| args.insert(param).unwrap());
        match self.client.request(method, args).await {
            Ok(value) => Ok(value),
            Err(Error::Call(error)) => {
                let shown = shown(params);
                assert_ne!(error.code(), INTERNAL, "{method} {shown}: {}", error.message());
                Err(error)
            }
            Err(error) => panic!("{method} {}: {error}", shown(params)),
        }
    }

    async fn refuses(&self, method: &str, params: &[Value], code: i32) {
        if let Some(complaint) = self.complaint(method, params, code).await {
            panic!("{complaint}");
        }
    }

    /// Returns what is wrong with the answer to something that has to be refused.
    async fn complaint(&self, method: &str, params: &[Value], code: i32) -> Option<String> {
        let answer = self.ask(method, params).await;
        let is_of_the_server = OF_THE_SERVER.contains(&method) && code == PARAMS;
        let place = format!("{method} {}", shown(params));
        match answer {
            Ok(Value::Bool(false)) if is_of_the_server => None,
            Ok(_) => Some(format!("{place} is accepted")),
            Err(error) if error.code() == code => None,
            Err(error) => Some(format!("{place}: {} {}", error.code(), error.message())),
        }
    }

    async fn stop(self) {
        assert!(self.ask("eth_chainId", &[]).await.is_ok(), "the node goes on");
        self.world.node.stop().await.unwrap();
    }
}

fn shown(params: &[Value]) -> String {
    let text: String = json!(params).to_string();
    text.chars().take(900).collect()
}

#[tokio::test]
async fn a_request_of_the_described_form_is_read() {
    for port in Port::all().await {
        for method in &port.methods {
            let params = method.good();
            if let Err(error) = port.ask(&method.name, &params).await {
                let (name, shown) = (&method.name, shown(&params));
                assert_ne!(error.code(), PARAMS, "{name} {shown}: {}", error.message());
                assert_ne!(error.code(), UNKNOWN_METHOD, "{name}");
            }
        }
        port.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_at_every_place() {
    for port in Port::all_and_sealed().await {
        let mut complaints = Vec::new();
        for method in &port.methods {
            for (index, param) in method.params.iter().enumerate() {
                for bad in &param.kind.bad {
                    let mut params = method.good();
                    params[index] = bad.clone();
                    complaints.extend(port.complaint(&method.name, &params, PARAMS).await);
                }
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
        port.stop().await;
    }
}

#[tokio::test]
async fn missing_and_null_parameters_are_refused() {
    for port in Port::all_and_sealed().await {
        for method in &port.methods {
            for count in 0..method.required() {
                let mut params = method.good();
                params.truncate(count);
                port.refuses(&method.name, &params, PARAMS).await;
                params.push(Value::Null);
                port.refuses(&method.name, &params, PARAMS).await;
            }
        }
        port.stop().await;
    }
}

#[tokio::test]
async fn a_parameter_too_many_is_refused() {
    for port in Port::all_and_sealed().await {
        let own = |method: &&Described| !OF_THE_SERVER.contains(&method.name.as_str());
        for method in port.methods.iter().filter(own) {
            for extra in [Value::Null, json!({}), json!("latest")] {
                let mut params = method.good();
                params.push(extra);
                port.refuses(&method.name, &params, PARAMS).await;
            }
        }
        port.stop().await;
    }
}

#[tokio::test]
async fn methods_of_other_kinds_of_ports_are_unknown() {
    let ports = Port::all().await;
    let names = |port: &Port| -> BTreeSet<String> {
        port.methods.iter().map(|method| method.name.clone()).collect()
    };
    let served = ports.each_ref().map(names);
    for (method, on) in [
        ("weft_sendBundle", [true, false, false]),
        ("testing_buildBlockV1", [false, true, true]),
        ("anvil_reorg", [false, false, true]),
        ("evm_mine", [true, false, true]),
    ] {
        assert_eq!(served.each_ref().map(|names| names.contains(method)), on, "{method}");
    }
    let all: BTreeSet<_> = served.iter().flatten().collect();
    for (port, own) in ports.iter().zip(&served) {
        for name in all.iter().filter(|name| !own.contains(**name)) {
            port.refuses(name, &[], UNKNOWN_METHOD).await;
        }
        for name in ["", "eth", "eth_", "eth_nonsense", "ETH_CHAINID", "rpc_modules", "admin_peers"]
        {
            port.refuses(name, &[], UNKNOWN_METHOD).await;
        }
    }
    for port in ports {
        port.stop().await;
    }
}

/// Asks for what is well formed and does not exist: a block, a hash, a chain, a filter.
#[tokio::test]
async fn what_does_not_exist_is_null_or_an_error_as_the_table_says() {
    for port in Port::all().await {
        for method in &port.methods {
            for (index, param) in method.params.iter().enumerate() {
                for unknown in &param.kind.unknown {
                    let mut params = method.good();
                    params[index] = unknown.value.clone();
                    let answer = port.ask(&method.name, &params).await;
                    let place = format!("{} {}", method.name, shown(&params));
                    match (unknown.expected, answer) {
                        (None, Ok(value)) => assert_eq!(value, unknown.empty, "{place}"),
                        (Some(code), Err(error)) => {
                            assert_eq!(error.code(), code, "{place}: {}", error.message());
                        }
                        (_, answer) => panic!("{place}: {answer:?}"),
                    }
                }
            }
        }
        port.stop().await;
    }
}
