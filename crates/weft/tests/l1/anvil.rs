//! anvil, and what a test asks of it.

use serde_json::{Value, json};
use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running anvil on a port of its own.
#[derive(Debug)]
pub(crate) struct Anvil {
    child: Child,
    pub(crate) url: String,
    runtime: tokio::runtime::Runtime,
}

/// Returns the program: the one that is named, else the one of the acceptance stories.
pub(crate) fn program() -> PathBuf {
    if let Some(named) = env::var_os("WEFT_ANVIL") {
        return named.into();
    }
    let installed = "../../acceptance/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(installed);
    assert!(installed.exists(), "no anvil: run `npm ci` in acceptance, or set WEFT_ANVIL");
    installed
}

impl Anvil {
    /// Starts one that makes a block for every transaction.
    pub(crate) fn start() -> Self {
        Self::of("prague")
    }

    /// Starts one with the rules of a hardfork.
    pub(crate) fn of(hardfork: &str) -> Self {
        // Free now; whoever takes it in between makes the test fail and not lie.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = free.to_string();
        let child = Command::new(program())
            .args(["--port", &port, "--chain-id", "900", "--hardfork", hardfork, "--silent"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let anvil = Self { child, url: format!("http://127.0.0.1:{free}"), runtime };
        let began = Instant::now();
        while anvil.try_ask("eth_chainId", &json!([])).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "anvil does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        anvil
    }

    pub(crate) fn ask(&self, method: &str, params: Value) -> Value {
        self.try_ask(method, &params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Returns what it says against a request.
    pub(crate) fn refusal(&self, method: &str, params: &Value) -> String {
        self.try_ask(method, params).expect_err("it is refused")
    }

    fn try_ask(&self, method: &str, params: &Value) -> Result<Value, String> {
        self.try_at(&self.url, method, params)
    }

    /// Asks a node that may not be there.
    pub(crate) fn try_at(&self, url: &str, method: &str, params: &Value) -> Result<Value, String> {
        use jsonrpsee::{
            core::{client::ClientT as _, params::ArrayParams},
            http_client::HttpClient,
        };
        let mut list = ArrayParams::new();
        params.as_array().unwrap().iter().for_each(|param| list.insert(param).unwrap());
        let client = HttpClient::builder()
            .max_request_size(64 << 20)
            .build(url)
            .map_err(|error| error.to_string())?;
        let answer = self.runtime.block_on(client.request(method, list));
        answer.map_err(|error| error.to_string())
    }

    /// Waits for something that concerns this L1.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Remembers how everything is.
    pub(crate) fn snapshot(&self) -> Value {
        self.ask("evm_snapshot", json!([]))
    }

    /// Goes back to how everything was, and remembers it again.
    pub(crate) fn back_to(&self, snapshot: &mut Value) {
        assert_eq!(self.ask("evm_revert", json!([snapshot])), true);
        *snapshot = self.snapshot();
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
