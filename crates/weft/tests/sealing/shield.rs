//! `weft shield`: a wallet that knows nothing of sealing, and a node that breaks its promise.

use crate::{
    ask, refused,
    sealed::{Place, transfer_of},
    support::{Dev, weft},
};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jsonrpsee::{
    core::client::{ClientT as _, SubscriptionClientT as _},
    rpc_params,
    ws_client::WsClientBuilder,
};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use weft_crypto::Envelope;
use weft_evidence::{Evidence, Fault, Registry};
use weft_promise::{LocalSigner, Passphrase, Signer as _, keystore, promise_json};
use weft_types::{
    Decode as _, Domain, NetworkId, OrderPromise, Position, PromisedRemoval, RemovalCause, Section,
    SignedGroup, SignedPromise, SlotNumber, Statement, chain_next, chain_start,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running shield in front of a node.
struct Shield {
    child: Child,
    said: Arc<Mutex<Vec<Value>>>,
    url: String,
}

impl Shield {
    fn start(place: &Place, node: &str) -> Self {
        let path = |name: &str| place.path(name).to_str().unwrap().to_owned();
        let mut child = Command::new(env!("CARGO_BIN_EXE_weft"))
            .args(["shield", "--rpc", node, "--port", "0", "--dir", &path("shield")])
            .args(["--key", &path("payer"), "--passphrase", &path("pass")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(Vec::<Value>::new()));
        let heard = said.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let mut shield = Self { child, said, url: String::new() };
        shield.url = shield.until("started")["url"].as_str().unwrap().to_owned();
        shield
    }

    /// Waits until something happened.
    fn until(&self, event: &str) -> Value {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let said = self.said.lock().unwrap().clone();
            if let Some(found) = said.into_iter().find(|said| said["event"] == event) {
                return found;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("no {event}: {:#?}", self.said.lock().unwrap());
    }

    /// Waits until an item is decided; returns its file.
    fn place_of(&self, item: &Value, place: &Place) -> String {
        let file = place.path(&format!("shield/done/{}.json", item.as_str().unwrap()));
        let begun = Instant::now();
        while !file.exists() {
            assert!(begun.elapsed() < PATIENCE, "{item} is not decided");
            thread::sleep(Duration::from_millis(20));
        }
        file.to_str().unwrap().to_owned()
    }

    fn metrics(&self) -> String {
        let get = async { reqwest::get(format!("{}/metrics", self.url)).await?.text().await };
        tokio::runtime::Runtime::new().unwrap().block_on(get).unwrap()
    }

    fn receipt(&self, hash: &Value) -> Value {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let found = ask(&self.url, "eth_getTransactionReceipt", json!([hash]));
            if !found.is_null() {
                return found;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("no receipt of {hash}");
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SENDER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

#[test]
fn a_wallet_sends_as_ever_and_nobody_reads_it_before_its_order_is_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("weft.toml");
    fs::write(&config, "[sealing]\nenabled = true\nepoch_slots = 25\n").unwrap();
    let place = Place::with(Dev::start(&["--config", config.to_str().unwrap()]), dir);
    let shield = Shield::start(&place, place.url());
    early_in_an_epoch(&place);
    assert_eq!(ask(&shield.url, "eth_chainId", json!([])), json!("0x385"));
    let first = ask(&shield.url, "eth_sendRawTransaction", json!([transfer_of(0)]));
    // What was answered is on disk with its promise, and the node cannot read it.
    let kept: Vec<_> = fs::read_dir(place.path("shield/items")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    let kept = fs::read_to_string(kept[0].as_ref().unwrap().path()).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["txHash"], first);
    assert!(kept["promise"].is_string(), "{kept}");
    assert_eq!(ask(place.url(), "eth_getTransactionByHash", json!([first])), Value::Null);
    // The wallet asks for its next nonce, as all do, and sends once more before the first is decided.
    let next = ask(&shield.url, "eth_getTransactionCount", json!([SENDER, "pending"]));
    assert_eq!(next, "0x1");
    assert_eq!(ask(place.url(), "eth_getTransactionCount", json!([SENDER, "pending"])), "0x0");
    let again = refused(&shield.url, "eth_sendRawTransaction", json!([transfer_of(0)]));
    assert!(again.contains("already known"), "{again}");
    let gap = refused(&shield.url, "eth_sendRawTransaction", json!([transfer_of(7)]));
    assert!(gap.contains("nonce too high"), "{gap}");
    let second = ask(&shield.url, "eth_sendRawTransactionSync", json!([transfer_of(1)]));
    assert_eq!(second["status"], "0x1", "{second}");
    assert_eq!(shield.receipt(&first)["status"], "0x1");
    let done = shield.place_of(&kept["item"], &place);
    let verified = place.weft(&format!("verify-promise {done}"));
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.out.contains(kept["item"].as_str().unwrap()), "{}", verified.out);
    assert!(verified.out.contains("section 1 (sealed)"), "{}", verified.out);
    // Whatever is altered in the promise is no promise of that key.
    let text = fs::read_to_string(&done).unwrap();
    let promise = kept["promise"].as_str().unwrap();
    let altered = promise.replace(&promise[promise.len() - 9..], "123456789");
    place.write("altered", &text.replace(promise, &altered));
    assert_eq!(place.weft("verify-promise @altered").code, 1);
    let clear = json!([{ "from": SENDER, "to": SENDER }]);
    let clear = refused(&shield.url, "eth_sendTransaction", clear);
    assert!(clear.contains("would be read"), "{clear}");
    let broken = refused(&shield.url, "eth_sendRawTransaction", json!(["0x1234"]));
    assert!(broken.contains("not a transaction"), "{broken}");
    over_web_socket(&shield);
    let metrics = shield.metrics();
    for line in ["weft_shield_alarms 0", "weft_shield_promised 3"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

/// Waits for the first slots of an epoch with a key.
fn early_in_an_epoch(place: &Place) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let open = ask(place.url(), "weft_getEpoch", json!([]));
        let slot = ask(place.url(), "weft_chains", json!([]))["slot"].as_u64().unwrap();
        if open["status"] == "open" && slot < open["firstSlot"].as_u64().unwrap() + 5 {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no epoch began");
}

/// Batches, subscriptions and sends over one WebSocket.
fn over_web_socket(shield: &Shield) {
    let url = shield.url.replacen("http", "ws", 1);
    let talk = async {
        let client = WsClientBuilder::default().build(&url).await.unwrap();
        let mut heads = client
            .subscribe::<Value, _>("eth_subscribe", rpc_params!["newHeads"], "eth_unsubscribe")
            .await
            .unwrap();
        let mut batch = jsonrpsee::core::params::BatchRequestBuilder::new();
        batch.insert("eth_chainId", rpc_params![]).unwrap();
        batch.insert("eth_sendRawTransaction", rpc_params![transfer_of(2)]).unwrap();
        batch.insert("eth_blockNumber", rpc_params![]).unwrap();
        let answers = client.batch_request::<Value>(batch).await.unwrap();
        let answers: Vec<Value> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers[0], "0x385");
        let hash = answers[1].clone();
        assert!(answers[2].is_string());
        loop {
            let head = heads.next().await.unwrap().unwrap();
            assert!(head["number"].is_string());
            let receipt: Value =
                client.request("eth_getTransactionReceipt", rpc_params![&hash]).await.unwrap();
            if !receipt.is_null() {
                assert_eq!(receipt["status"], "0x1");
                return;
            }
        }
    };
    tokio::runtime::Runtime::new().unwrap().block_on(talk);
}

#[test]
fn p47_a_broken_promise_raises_an_alarm_with_evidence_that_convicts() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("pass"), "open sesame\n").unwrap();
    let (key, pass) = (path("sequencer"), path("pass"));
    assert_eq!(weft(&["keys", "new", &key, "--passphrase", &pass]).code, 0);
    let dev = Dev::start(&["--sealed", "--promise-key", &key, "--passphrase", &pass]);
    let place = Place::with(dev, dir);
    let signer = keystore::open(key.as_ref(), &Passphrase::read(pass.as_ref()).unwrap()).unwrap();
    let sequencer = signer.address();
    let liar = Liar::start(place.url(), signer, Lie::Place);
    let shield = Shield::start(&place, &liar);
    let hash = ask(&shield.url, "eth_sendRawTransaction", json!([transfer_of(0)]));
    let alarm = shield.until("alarm");
    assert!(alarm["why"].as_str().unwrap().contains("omi"), "{alarm}");
    assert!(shield.metrics().contains("weft_shield_alarms 1"), "{}", shield.metrics());
    let evidence = alarm["evidence"].as_str().unwrap();
    let verified = weft(&["evidence", "verify", evidence, "--signer", &sequencer.to_string()]);
    assert_eq!(verified.code, 0, "{verified:#?}");
    assert!(verified.out.contains(&sequencer.to_string()), "{verified:#?}");
    let other = weft(&["evidence", "verify", evidence, "--signer", &Address::ZERO.to_string()]);
    assert_eq!(other.code, 1, "it convicts nobody else");
    assert_eq!(ask(place.url(), "eth_getTransactionReceipt", json!([hash])), Value::Null);
}

#[test]
fn p47_a_false_verdict_raises_an_alarm_with_evidence_that_convicts() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("pass"), "open sesame\n").unwrap();
    let (key, pass) = (path("sequencer"), path("pass"));
    assert_eq!(weft(&["keys", "new", &key, "--passphrase", &pass]).code, 0);
    let dev = Dev::start(&["--sealed", "--promise-key", &key, "--passphrase", &pass]);
    let place = Place::with(dev, dir);
    let signer = keystore::open(key.as_ref(), &Passphrase::read(pass.as_ref()).unwrap()).unwrap();
    let sequencer = signer.address();
    let liar = Liar::start(place.url(), signer, Lie::Verdict);
    let shield = Shield::start(&place, &liar);
    let hash = ask(&shield.url, "eth_sendRawTransaction", json!([transfer_of(0)]));
    // What it knows of the promise it has from the disk: it is killed before anything is decided.
    assert!(!shield.said.lock().unwrap().iter().any(|said| said["event"] == "alarm"));
    assert_eq!(ask(place.url(), "eth_getTransactionByHash", json!([hash])), Value::Null, "sealed");
    drop(shield);
    let shield = Shield::start(&place, &liar);
    let alarm = shield.until("alarm");
    // The true result is kept from it, so that nothing convicts but what the envelope holds.
    assert_eq!(alarm["why"], Fault::FalseVerdict.to_string(), "{alarm}");
    let evidence = alarm["evidence"].as_str().expect("an alarm with evidence");
    let bytes: Bytes = fs::read_to_string(evidence).unwrap().trim().parse().unwrap();
    let registry = Registry {
        domain: Domain::dev(),
        sequencers: [sequencer].into(),
        members: [].into(),
        open_epochs: [].into(),
    };
    let conviction = Evidence::decode(&bytes).unwrap().check(&registry).unwrap();
    assert_eq!(conviction.fault as u8, 8);
    let verified = weft(&["evidence", "verify", evidence, "--signer", &sequencer.to_string()]);
    assert_eq!(verified.code, 0, "{verified:#?}");
    assert!(verified.out.contains(&sequencer.to_string()), "{verified:#?}");
}

/// What a liar lies about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// It promises a place to what it throws away.
    Place,
    /// It says that what it included opens to nothing.
    Verdict,
}

/// A lying sequencer: everything else goes to the node behind it.
struct Liar {
    node: String,
    signer: Mutex<LocalSigner>,
    lie: Lie,
}

impl Liar {
    /// Starts it; returns its URL.
    fn start(node: &str, signer: LocalSigner, lie: Lie) -> String {
        let signer = Mutex::new(signer);
        let liar = Arc::new(Self { node: node.to_owned(), signer, lie });
        let (ready, is_ready) = std::sync::mpsc::channel();
        thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                ready.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let liar = liar.clone();
                    let answer = service_fn(move |request| answer(liar.clone(), request));
                    let serving =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                    tokio::spawn(serving);
                }
            });
        });
        is_ready.recv().unwrap()
    }

    async fn call(&self, body: Vec<u8>) -> Vec<u8> {
        let request = reqwest::Client::new().post(&self.node);
        let answer = request.header("content-type", "application/json").body(body).send();
        answer.await.unwrap().bytes().await.unwrap().to_vec()
    }

    /// Says that promises are told where nobody is, so that none is heard but what it is asked for.
    async fn unheard(&self, body: Vec<u8>) -> Vec<u8> {
        let mut told: Value = serde_json::from_slice(&self.call(body).await).unwrap();
        for chain in told["result"]["chains"].as_array_mut().unwrap() {
            chain["wsUrl"] = json!("ws://127.0.0.1:1");
        }
        told.to_string().into_bytes()
    }

    /// Says of what was included that it was removed.
    async fn removed(&self, body: Vec<u8>) -> Vec<u8> {
        let mut told: Value = serde_json::from_slice(&self.call(body).await).unwrap();
        let outcome = &mut told["result"];
        if outcome["outcome"] == "included" {
            for (name, value) in [
                ("outcome", json!("removed")),
                ("cause", json!("Undecryptable")),
                ("chainId", json!(901)),
                ("leg", json!(0)),
                ("reason", json!("it opens to nothing")),
                ("revertData", json!("0x")),
            ] {
                outcome[name] = value;
            }
        }
        told.to_string().into_bytes()
    }

    /// Signs the same about its result.
    async fn undecryptable(&self, body: Vec<u8>) -> Vec<u8> {
        let mut told: Value = serde_json::from_slice(&self.call(body).await).unwrap();
        let encoding = told["result"]["execution"]["encoding"].clone();
        let Ok(encoding) = serde_json::from_value::<Bytes>(encoding) else {
            return told.to_string().into_bytes();
        };
        let promise = SignedPromise::decode(&encoding).unwrap();
        let Statement::Execution(mut result) = promise.statement else { panic!("{told}") };
        result.legs.clear();
        result.removal = Some(PromisedRemoval {
            cause: RemovalCause::Undecryptable,
            network: NetworkId::new(901),
            leg: 0,
            output_hash: keccak256([]),
        });
        let mut signer = self.signer.lock().unwrap();
        let statement = vec![Statement::Execution(result)];
        let group = SignedGroup::sign(Domain::dev(), statement, |it| signer.sign(it));
        let promise = group.unwrap().unwrap().promise(0).unwrap();
        told["result"]["execution"] = promise_json(&promise, signer.address());
        told.to_string().into_bytes()
    }

    /// Promises the first sealed place of the next slot, and orders nothing.
    async fn lie(&self, request: &Value) -> Value {
        let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "weft_chains", "params": [] });
        let chains = self.call(ask.to_string().into_bytes()).await;
        let chains: Value = serde_json::from_slice(&chains).unwrap();
        let domain: Domain = serde_json::from_value(chains["result"]["domain"].clone()).unwrap();
        let slot = SlotNumber::new(chains["result"]["slot"].as_u64().unwrap() + 1);
        let envelope: Bytes = serde_json::from_value(request["params"][0].clone()).unwrap();
        let item: B256 = Envelope::decode(&envelope).unwrap().id(&domain);
        let position = Position { slot, section: Section::Sealed, index: 0 };
        let prev_chain = chain_start(&domain, slot, Section::Sealed);
        let order = OrderPromise {
            position,
            item,
            prev_chain,
            chain: chain_next(&prev_chain, 0, &item),
            unix_ms: 1,
            l1_deadline: 0,
            bundle: None,
        };
        let mut signer = self.signer.lock().unwrap();
        let group = SignedGroup::sign(domain, vec![Statement::Order(order)], |it| signer.sign(it));
        let promise = group.unwrap().unwrap().promise(0).unwrap();
        let result = json!({ "item": item, "promise": promise_json(&promise, signer.address()) });
        json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })
    }
}

async fn answer(
    liar: Arc<Liar>,
    request: Request<Incoming>,
) -> Result<Response<Full<hyper::body::Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes().to_vec();
    let call: Value = serde_json::from_slice(&body).unwrap();
    let answer = match (liar.lie, call["method"].as_str()) {
        (Lie::Place, Some("weft_sendSealed")) => liar.lie(&call).await.to_string().into_bytes(),
        (Lie::Verdict, Some("weft_chains")) => liar.unheard(body).await,
        (Lie::Verdict, Some("weft_getOutcome")) => liar.removed(body).await,
        (Lie::Verdict, Some("weft_getPromise")) => liar.undecryptable(body).await,
        _ => liar.call(body).await,
    };
    let mut answer = Response::new(Full::new(answer.into()));
    let json = "application/json".parse().unwrap();
    answer.headers_mut().insert("content-type", json);
    Ok(answer)
}
