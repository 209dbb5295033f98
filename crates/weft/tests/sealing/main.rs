//! Sealing as its users see it: the commands, a node, a committee in processes of its own, and the shield.

mod commands;
mod committee;
mod sealed;
mod shield;
#[allow(dead_code, reason = "shared with the other binary, which uses more of it")]
#[path = "../it/support.rs"]
mod support;

use jsonrpsee::{
    core::{
        client::{ClientT as _, Error},
        params::ArrayParams,
    },
    http_client::HttpClient,
};
use serde_json::Value;

/// Calls a method, which must answer.
fn ask(url: &str, method: &str, params: Value) -> Value {
    call(url, method, &params).unwrap_or_else(|error| panic!("{method}: {error}"))
}

/// Calls a method, which must refuse; returns what it says.
fn refused(url: &str, method: &str, params: Value) -> String {
    match call(url, method, &params) {
        Err(error) => error.to_string(),
        Ok(answer) => panic!("{method} {params}: {answer}"),
    }
}

fn call(url: &str, method: &str, params: &Value) -> Result<Value, Error> {
    let mut list = ArrayParams::new();
    params.as_array().unwrap().iter().for_each(|param| list.insert(param).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = HttpClient::builder().build(url).unwrap();
    runtime.block_on(client.request(method, list))
}
