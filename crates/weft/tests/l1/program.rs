//! A sequencer program that promises over the public interface, honestly or not.

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use jsonrpsee::{
    RpcModule, SubscriptionMessage,
    server::{IdProvider, Server, ServerConfig, ServerHandle},
    types::{ErrorObjectOwned, SubscriptionId},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::broadcast;
use weft_promise::{LocalSigner, Signer as _};
use weft_types::{
    Domain, Encode as _, ExecutionPromise, Item, Leg, NetworkId, OrderPromise, Position,
    PromisedLeg, Section, SignedGroup, SignedTx, SlotNumber, Statement, chain_next, chain_start,
};

const ROLLUP: u32 = 901;
const KEY: B256 = B256::repeat_byte(0x11);
/// What stands before a bundle's id at the end of calldata.
pub(crate) const MAGIC: [u8; 8] = [0xef, 0x77, 0x65, 0x66, 0x74, 0x00, 0x01, 0xef];

/// What everybody can ask.
#[derive(Debug, Default)]
struct Known {
    /// Signed transactions.
    raw: BTreeMap<B256, Bytes>,
    /// Encoded results, by item.
    results: BTreeMap<B256, Bytes>,
}

/// The program.
pub(crate) struct Program {
    pub(crate) url: String,
    domain: Domain,
    key: LocalSigner,
    feed: broadcast::Sender<Value>,
    known: Arc<Mutex<Known>>,
    server: ServerHandle,
}

/// An item with its sender, who has nothing on L1.
#[derive(Debug, Clone)]
pub(crate) struct Victim {
    pub(crate) sender: Address,
    pub(crate) item: B256,
    pub(crate) raw: Bytes,
    tx: B256,
}

/// Returns the key that promises.
pub(crate) fn sequencer() -> Address {
    LocalSigner::new(&KEY).unwrap().address()
}

impl Program {
    pub(crate) async fn start(domain: Domain) -> Self {
        Self::signing(domain, LocalSigner::new(&KEY).unwrap()).await
    }

    /// Starts one that promises with a key.
    pub(crate) async fn signing(domain: Domain, key: LocalSigner) -> Self {
        let ids = ServerConfig::builder().set_id_provider(HexIds::default());
        let server = Server::builder().set_config(ids.build());
        let server = server.build("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let known = Arc::new(Mutex::new(Known::default()));
        let (feed, _) = broadcast::channel(1_000);
        let (http, ws) = (format!("http://{address}"), format!("ws://{address}"));
        let chain = json!({ "chainId": ROLLUP, "network": ROLLUP, "url": http, "wsUrl": ws });
        let chains = json!({ "chains": [chain], "slotMs": 200, "domain": domain });
        let named =
            json!({ "key": key.address(), "domain": domain, "signing": true, "stopped": null });
        let server = server.start(module(chains, named, feed.clone(), known.clone()));
        Self { url: http, domain, key, feed, known, server }
    }

    /// Takes a transaction of somebody new.
    pub(crate) fn take(&self, number: u8) -> Victim {
        self.take_with(number, Bytes::new())
    }

    /// Takes a transaction that may run in its bundle only (P18).
    pub(crate) fn take_marked(&self, number: u8) -> Victim {
        let marker = [&MAGIC[..], &[number; 32]].concat();
        self.take_with(number, marker.into())
    }

    fn take_with(&self, number: u8, input: Bytes) -> Victim {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x40 + number)).unwrap();
        let tx = TxEip1559 {
            chain_id: ROLLUP.into(),
            gas_limit: 21_000,
            max_fee_per_gas: 10,
            to: TxKind::Call(Address::repeat_byte(number)),
            value: U256::from(1),
            input,
            ..TxEip1559::default()
        };
        let signature = signer.sign_hash_sync(&tx.signature_hash()).unwrap();
        let raw = Bytes::from(TxEnvelope::from(tx.into_signed(signature)).encoded_2718());
        let tx = SignedTx::decode(raw.clone()).unwrap();
        let hash = tx.hash();
        let leg = Leg { network: NetworkId::new(ROLLUP), tx, may_revert: false };
        let item = Item::Transaction(leg).hash(&self.domain);
        self.known.lock().unwrap().raw.insert(hash, raw.clone());
        Victim { sender: signer.address(), item, raw, tx: hash }
    }

    /// Promises places from the first one of a slot on, and their results.
    pub(crate) fn promise(&mut self, slot: u64, items: &[Victim]) {
        let slot = SlotNumber::new(slot);
        let mut chain = chain_start(&self.domain, slot, Section::Plaintext);
        for (index, victim) in (0..).zip(items) {
            let position = Position { slot, section: Section::Plaintext, index };
            let next = chain_next(&chain, index, &victim.item);
            let order = OrderPromise {
                position,
                item: victim.item,
                prev_chain: chain,
                chain: next,
                unix_ms: 1,
                l1_deadline: 0,
                bundle: None,
            };
            let leg = PromisedLeg {
                leg: 0,
                network: NetworkId::new(ROLLUP),
                tx_hash: victim.tx,
                success: true,
                gas_used: 21_000,
                output_hash: B256::ZERO,
                logs_hash: B256::ZERO,
                block_number: slot.get(),
                parent_hash: B256::ZERO,
            };
            let result = ExecutionPromise {
                position,
                item: victim.item,
                chain: next,
                l1_origin: B256::ZERO,
                legs: vec![leg],
                removal: None,
            };
            self.say(vec![Statement::Order(order), Statement::Execution(result)]);
            chain = next;
        }
    }

    pub(crate) fn say(&mut self, statements: Vec<Statement>) {
        let signed = SignedGroup::sign(self.domain, statements, |digest| self.key.sign(digest));
        for promise in signed.unwrap().unwrap().promises() {
            let encoding = Bytes::from(promise.encode());
            if let Statement::Execution(result) = &promise.statement {
                self.known.lock().unwrap().results.insert(result.item, encoding.clone());
            }
            // Nobody may listen yet.
            let _ = self.feed.send(json!({ "encoding": encoding }));
        }
    }

    /// Waits until somebody listens.
    pub(crate) async fn heard(&self) {
        while self.feed.receiver_count() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn stop(&self) {
        self.server.stop().unwrap();
    }
}

/// Subscription ids as Ethereum clients expect them.
#[derive(Debug, Default)]
struct HexIds(AtomicU64);

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        SubscriptionId::Str(format!("{:#x}", self.0.fetch_add(1, Ordering::Relaxed) + 1).into())
    }
}

fn module(
    chains: Value,
    key: Value,
    feed: broadcast::Sender<Value>,
    known: Arc<Mutex<Known>>,
) -> RpcModule<()> {
    type Answer = Result<Value, ErrorObjectOwned>;
    let mut module = RpcModule::new(());
    module.register_method("weft_chains", move |_, _, _| chains.clone()).unwrap();
    module.register_method("weft_getPromiseKey", move |_, _, _| key.clone()).unwrap();
    let raw = known.clone();
    module
        .register_method("eth_getRawTransactionByHash", move |params, _, _| -> Answer {
            let hash: B256 = params.one()?;
            Ok(json!(raw.lock().unwrap().raw.get(&hash)))
        })
        .unwrap();
    module
        .register_method("weft_getPromise", move |params, _, _| -> Answer {
            let item: B256 = params.one()?;
            let found = known.lock().unwrap().results.get(&item).cloned();
            Ok(found.map_or(
                Value::Null,
                |it| json!({ "order": null, "execution": { "encoding": it } }),
            ))
        })
        .unwrap();
    module
        .register_subscription(
            "weft_subscribe",
            "weft_subscription",
            "weft_unsubscribe",
            move |params, pending, _, _| {
                let (what, feed) = (params.one::<String>(), feed.clone());
                async move {
                    let Ok(sink) = pending.accept().await else { return };
                    if what.is_ok_and(|what| what != "promises") {
                        return sink.closed().await;
                    }
                    let mut feed = feed.subscribe();
                    while let Ok(word) = feed.recv().await {
                        let text = serde_json::value::to_raw_value(&word).unwrap();
                        if sink.send(SubscriptionMessage::from(text)).await.is_err() {
                            return;
                        }
                    }
                }
            },
        )
        .unwrap();
    module
}
