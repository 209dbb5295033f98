//! An L1 on a port of its own, and what a test asks of it.

use serde_json::{Value, json};
use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use weft_devl1::{Backend, DevL1, Settings};

/// What makes its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// This process.
    Embedded,
    /// anvil.
    Anvil,
}

/// A running L1 that makes a block for every transaction.
#[derive(Debug)]
pub(crate) struct L1 {
    chain: Chain,
    pub(crate) url: String,
    runtime: Runtime,
}

#[derive(Debug)]
enum Chain {
    Embedded { _chain: Box<dyn DevL1>, _blobs: TempDir },
    Anvil(Child),
}

/// Makes a test for each client out of a story. Those of the chain in this process run when they are asked for
/// (`--run-ignored all`): each takes minutes, and the client that is not ours says more.
macro_rules! on_both {
    ($($story:ident),+ $(,)?) => {
        mod embedded {
            $(#[test]
            #[ignore = "takes minutes; its twin on anvil runs"]
            fn $story() { super::$story(crate::chain::Client::Embedded); })+
        }
        mod anvil {
            $(#[test]
            fn $story() { super::$story(crate::chain::Client::Anvil); })+
        }
    };
}
pub(crate) use on_both;

/// Does the same with stories that wait.
macro_rules! on_both_waiting {
    ($($story:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "takes minutes; its twin on anvil runs"]
            async fn $story() { super::$story(crate::chain::Client::Embedded).await; })+
        }
        mod anvil {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() { super::$story(crate::chain::Client::Anvil).await; })+
        }
    };
}
pub(crate) use on_both_waiting;

/// Returns a port that nobody has. It is below those that systems give to whoever asks for any, and apart from those of other
/// tests, so that it is still free when a process takes it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + 10 * (std::process::id() % 2_000) as u16;
    let mut ports = (0..10).map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 10);
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("one of ten ports is free")
}

/// Returns anvil's program: the one that is named, else the one of the acceptance stories.
pub(crate) fn program() -> PathBuf {
    if let Some(named) = env::var_os("WEFT_ANVIL") {
        return named.into();
    }
    let installed = "../../acceptance/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join(installed);
    assert!(installed.exists(), "no anvil: run `npm ci` in acceptance, or set WEFT_ANVIL");
    installed
}

impl Client {
    pub(crate) fn backend(self) -> Backend {
        match self {
            Self::Embedded => Backend::Embedded,
            Self::Anvil => Backend::Anvil(program()),
        }
    }
}

impl L1 {
    /// Starts one, by the rules of Osaka.
    pub(crate) fn of(client: Client) -> Self {
        match client {
            Client::Embedded => Self::embedded(),
            Client::Anvil => Self::anvil("osaka"),
        }
    }

    fn embedded() -> Self {
        let (runtime, blobs) = (Runtime::new().unwrap(), TempDir::new().unwrap());
        let settings = Settings {
            port: 0,
            eager: true,
            interval: Duration::from_secs(3600),
            ..Settings::new(Backend::Embedded, blobs.path().to_owned())
        };
        let chain = runtime.block_on(weft_devl1::start(settings)).unwrap();
        let url = chain.url().to_owned();
        Self { chain: Chain::Embedded { _chain: chain, _blobs: blobs }, url, runtime }
    }

    /// Starts anvil with the rules of a hardfork.
    pub(crate) fn anvil(hardfork: &str) -> Self {
        let free = free_port();
        let port = free.to_string();
        let child = Command::new(program())
            .args(["--port", &port, "--chain-id", "900", "--hardfork", hardfork, "--silent"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{free}");
        let l1 = Self { chain: Chain::Anvil(child), url, runtime: Runtime::new().unwrap() };
        let began = Instant::now();
        while l1.try_ask("eth_chainId", &json!([])).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "anvil does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        l1
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

impl Drop for L1 {
    fn drop(&mut self) {
        if let Chain::Anvil(child) = &mut self.chain {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
