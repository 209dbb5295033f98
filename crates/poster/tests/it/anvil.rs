//! Anvil as a child process that makes blocks only when it is told to.

use alloy_network::Ethereum;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_provider::{Provider as _, ProviderBuilder, RootProvider};
use serde_json::{Value, json};
use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

pub(crate) struct Anvil {
    child: Child,
    pub(crate) url: String,
    provider: RootProvider,
}

fn binary() -> PathBuf {
    if let Some(named) = env::var_os("WEFT_ANVIL") {
        return named.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let modules = ["acceptance", "contracts"].map(|dir| root.join(dir).join("node_modules"));
    let at = |modules: PathBuf| modules.join("@foundry-rs/anvil-linux-amd64/bin/anvil");
    let found = modules.into_iter().map(at).find(|path| path.exists());
    found.expect("no anvil: run `npm ci` in acceptance, or set WEFT_ANVIL")
}

impl Anvil {
    /// Starts anvil.
    pub(crate) fn start(hardfork: &str) -> Self {
        let mut child = Command::new(binary())
            .args(["--port", "0", "--no-mining", "--hardfork", hardfork, "--order", "fifo"])
            .args(["--timestamp", "1700000000"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.by_ref().find_map(|line| {
            line.ok()?.strip_prefix("Listening on ").map(|address| address.trim().to_owned())
        });
        let url = format!("http://{}", address.expect("anvil says where it listens"));
        // Whoever stops reading would block it.
        std::thread::spawn(move || lines.for_each(drop));
        let builder = ProviderBuilder::<_, _, Ethereum>::default();
        Self { child, provider: builder.connect_http(url.parse().unwrap()), url }
    }

    pub(crate) async fn ask(&self, method: &'static str, params: Value) -> Value {
        let answer = self.provider.raw_request::<_, Value>(method.into(), params.clone()).await;
        answer.unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        for _ in 0..blocks {
            self.ask("evm_mine", json!([])).await;
        }
    }

    /// Sends a transaction from an account that anvil holds, mines it and returns its receipt.
    pub(crate) async fn send(
        &self,
        from: Address,
        to: Option<Address>,
        value: U256,
        data: Bytes,
    ) -> Value {
        let mut tx = json!({"from": from, "value": value, "data": data, "gas": "0x1500000"});
        if let Some(to) = to {
            tx["to"] = json!(to);
        }
        let hash = self.ask("eth_sendTransaction", json!([tx])).await;
        self.mine(1).await;
        let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipt
    }

    pub(crate) async fn gas_used(&self, hash: B256) -> u64 {
        let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).await;
        let used = receipt["gasUsed"].as_str().expect("it is in a block");
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        u64::from_str_radix(&used[2..], 16).unwrap()
    }

    pub(crate) async fn nonce(&self, account: Address) -> u64 {
        let nonce = self.ask("eth_getTransactionCount", json!([account, "latest"])).await;
        u64::from_str_radix(&nonce.as_str().unwrap()[2..], 16).unwrap()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
