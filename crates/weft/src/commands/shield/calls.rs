//! Which calls are the shield's own, and what it answers to them.

use super::sealer::Sealer;
use crate::upstream::{Upstream, quantity};
use alloy_primitives::{Address, B256, Bytes};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Most calls of a batch with calls of the shield's own in it.
const MAX_BATCH: usize = 256;
/// Longest wait for a receipt, and the wait when a client names none. An epoch has to end first.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// Time between two looks for a receipt.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Methods that send something which the node would read before its order is fixed.
const REFUSED: &[&str] = &[
    "eth_sendRawTransactionConditional",
    "eth_sendTransaction",
    "weft_prepareBundle",
    "weft_sendBundle",
    "weft_simulateBundle",
];

/// Methods by which a wallet tries what it is about to send.
const SIMULATED: &[&str] = &[
    "eth_call",
    "eth_createAccessList",
    "eth_estimateGas",
    "eth_fillTransaction",
    "eth_simulateV1",
    "debug_traceCall",
    "debug_traceCallMany",
    "weft_simulate",
];

/// The node, and who simulates when it is not the node.
#[derive(Debug, Clone)]
pub(super) struct Nodes {
    pub(super) node: Upstream,
    pub(super) simulator: Option<Upstream>,
}

/// What goes back instead of an answer.
#[derive(Debug)]
pub(super) struct CallError {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl CallError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(-32603, message)
    }

    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(-32005, message)
    }
}

/// Answers what is the shield's own.
#[derive(Debug)]
pub(super) struct Calls<'s> {
    pub(super) sealer: &'s Sealer,
    pub(super) node: &'s Upstream,
    /// Who simulates, when it is not the node.
    pub(super) simulator: Option<&'s Upstream>,
}

/// Returns true when a request is not to be passed on to the node as it is.
fn is_own(request: &Value, has_simulator: bool) -> bool {
    match request {
        Value::Array(batch) => batch.iter().any(|call| is_own(call, has_simulator)),
        call => match call["method"].as_str() {
            Some(method) if SIMULATED.contains(&method) => has_simulator,
            Some("eth_sendRawTransaction" | "eth_sendRawTransactionSync") => true,
            Some("eth_getTransactionCount") => call["params"][1] == "pending",
            Some(method) => REFUSED.contains(&method),
            None => false,
        },
    }
}

impl Calls<'_> {
    /// Answers a request over HTTP; nothing for notifications.
    pub(super) async fn answer(&self, body: Vec<u8>) -> Vec<u8> {
        match serde_json::from_slice::<Value>(&body) {
            Ok(request) if self.is_own(&request) => self.own(request).await.unwrap_or_default(),
            // What is no JSON is the node's to refuse.
            _ => match self.node.pass(body).await {
                Ok(answer) => answer,
                Err(error) => {
                    let error = CallError::internal(format!("{error:#}"));
                    written(&reply(&Value::Null, Err(error)))
                }
            },
        }
    }

    /// Returns true when a request is not to be passed on to the node as it is.
    pub(super) fn is_own(&self, request: &Value) -> bool {
        is_own(request, self.simulator.is_some())
    }

    /// Answers a request with calls of the shield's own in it.
    pub(super) async fn own(&self, request: Value) -> Option<Vec<u8>> {
        match request {
            Value::Array(batch) => self.batch(batch).await,
            call => self.call(&call).await.map(|answer| written(&answer)),
        }
    }

    async fn batch(&self, batch: Vec<Value>) -> Option<Vec<u8>> {
        if batch.len() > MAX_BATCH {
            let error = CallError::limit(format!("a batch of more than {MAX_BATCH} calls"));
            return Some(written(&reply(&Value::Null, Err(error))));
        }
        let others: Vec<&Value> = batch.iter().filter(|call| !self.is_own(call)).collect();
        let mut passed = self.pass_all(&others).await.into_iter();
        let mut answers = Vec::new();
        for call in &batch {
            let answer = match self.is_own(call) {
                true => self.call(call).await,
                false => call.get("id").and_then(|_| passed.next()),
            };
            answers.extend(answer);
        }
        // A batch of notifications has no answer.
        (!answers.is_empty()).then(|| written(&Value::Array(answers)))
    }

    /// Passes calls on together; returns their answers in order.
    async fn pass_all(&self, calls: &[&Value]) -> Vec<Value> {
        let all = |error: &str| {
            let with_id = calls.iter().filter_map(|call| call.get("id"));
            with_id.map(|id| reply(id, Err(CallError::internal(error)))).collect()
        };
        if calls.is_empty() {
            return Vec::new();
        }
        match self.node.pass(written(&json!(calls))).await {
            Ok(answer) => match serde_json::from_slice(&answer) {
                Ok(Value::Array(answers)) => answers,
                _ if answer.is_empty() => Vec::new(),
                _ => all("the node answers a batch with something else"),
            },
            Err(error) => all(&format!("{error:#}")),
        }
    }

    async fn call(&self, call: &Value) -> Option<Value> {
        let params = &call["params"];
        let answer = match call["method"].as_str().unwrap_or_default() {
            "eth_sendRawTransaction" => self.send(params).await.map(|hash| json!(hash)),
            "eth_sendRawTransactionSync" => self.send_sync(params).await,
            "eth_getTransactionCount" => self.count(params).await,
            method if SIMULATED.contains(&method) => self.simulate(method, params).await,
            method => Err(CallError::refused(format!(
                "{method} is not sent: it would be read before its order is fixed; send a signed transaction by \
                 eth_sendRawTransaction, and seal a bundle with `weft seal`"
            ))),
        };
        call.get("id").map(|id| reply(id, answer))
    }

    async fn send(&self, params: &Value) -> Result<B256, CallError> {
        let raw: Bytes = match params.as_array().map(Vec::as_slice) {
            Some([raw, ..]) => serde_json::from_value(raw.clone())
                .map_err(|_| CallError::params("invalid argument 0: not bytes with 0x"))?,
            _ => return Err(CallError::params("missing value for required argument 0")),
        };
        self.sealer.send(raw, self.node).await
    }

    /// Asks who simulates; the node hears nothing of it.
    async fn simulate(&self, method: &str, params: &Value) -> Result<Value, CallError> {
        let simulator = self.simulator.expect("only with one such a call is the shield's own");
        let answer = simulator.call(method, params.clone()).await;
        answer.map_err(|error| CallError::new(3, error.to_string()))
    }

    /// EIP-7966: the receipt in the same answer, when it comes in time.
    async fn send_sync(&self, params: &Value) -> Result<Value, CallError> {
        let asked = params[1].as_u64().or_else(|| quantity(&params[1]));
        let longest = asked.map_or(MAX_WAIT, Duration::from_millis).min(MAX_WAIT);
        let hash = self.send(params).await?;
        let begun = Instant::now();
        while begun.elapsed() < longest {
            let found = self.node.call("eth_getTransactionReceipt", json!([hash])).await;
            match found {
                Ok(Value::Null) | Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(receipt) => return Ok(receipt),
            }
        }
        let error = CallError::new(4, "the transaction was sealed and is not decided yet");
        Err(CallError { data: Some(json!(hash)), ..error })
    }

    /// Counts what is sealed and not decided as well: a wallet asks which nonce is next.
    async fn count(&self, params: &Value) -> Result<Value, CallError> {
        let known = self.node.call("eth_getTransactionCount", params.clone()).await;
        let known = known.map_err(|error| CallError::refused(error.to_string()))?;
        let sender: Result<Address, _> = serde_json::from_value(params[0].clone());
        let (Ok(sender), Some(count)) = (sender, quantity(&known)) else { return Ok(known) };
        Ok(json!(format!("{:#x}", self.sealer.next_nonce(sender, count))))
    }
}

fn reply(id: &Value, answer: Result<Value, CallError>) -> Value {
    match answer {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(CallError { code, message, data }) => {
            let mut error = json!({ "code": code, "message": message });
            data.into_iter().for_each(|data| error["data"] = data);
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}

fn written(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_sends_is_the_shields_own_however_it_is_written() {
        let own = [
            r#"{"method":"eth_sendRawTransaction"}"#,
            r#"{"method":"eth_sendRaw\u0054ransaction"}"#,
            r#"{"method":"eth_sendRawTransactionSync","params":["0x"]}"#,
            r#"[{"method":"eth_chainId"},{"method":"eth_sendRawTransaction"}]"#,
            r#"{"method":"eth_getTransactionCount","params":["0x00","pending"]}"#,
        ];
        let sends = REFUSED.iter().map(|method| json!({ "method": method }).to_string());
        for text in own.into_iter().map(str::to_owned).chain(sends) {
            assert!(is_own(&serde_json::from_str(&text).unwrap(), false), "{text}");
        }
        let passed = [
            r#"{"method":"eth_chainId"}"#,
            r#"{"method":"eth_getTransactionCount","params":["0x00","latest"]}"#,
            r#"[{"method":"eth_call"}]"#,
            "[]",
            "7",
            r#"{"params":["eth_sendRawTransaction"]}"#,
        ];
        for text in passed {
            assert!(!is_own(&serde_json::from_str(text).unwrap(), false), "{text}");
        }
        for method in SIMULATED {
            assert!(!is_own(&json!({ "method": method }), false), "{method}");
            assert!(is_own(&json!([{ "method": method }]), true), "{method}");
        }
    }
}
