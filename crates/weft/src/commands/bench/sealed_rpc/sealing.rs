//! Envelopes for the bench, and the epochs that they are for.

use super::{batch_body, until};
use crate::{
    accounts::{self, sign},
    load::{
        http::{self, Connection},
        traffic::{Kind, Senders},
    },
};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use weft_contracts::{FeeVault, addresses::FEE_VAULT};
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, GasBucket, KeyList, Setup, SizeBucket,
};
use weft_types::{Domain, Encode as _, Item, Leg, NetworkId, SignedTx, SlotNumber};

/// Accounts that pay for honest items: an epoch has room for a quarter of each. One more pays for junk.
const PAYERS: usize = 8;
/// Wei of each payer's deposit.
pub(super) const DEPOSIT: u128 = 1_000_000_000_000_000_000;
/// Outcomes asked for in one request.
const ASKED: usize = 200;

/// A coming epoch with its key.
#[derive(Debug)]
pub(super) struct Epoch {
    list: KeyList,
    last_slot: SlotNumber,
}

impl Epoch {
    /// Waits for the key of the epoch after the open one, early in the open one.
    pub(super) async fn coming(connection: &mut Connection, patience: Duration) -> Result<Self> {
        let mut used = None;
        until(patience, "the key of a coming epoch", async || {
            let open = connection.call("weft_getEpoch", json!([])).await?;
            let current = number(&open["current"])?;
            // From its beginning on, so that there is all of it to seal in.
            let first = *used.get_or_insert(current);
            if current == first {
                return Ok(None);
            }
            let listed = connection.call("weft_keyList", json!([current + 1])).await?;
            if listed.is_null() {
                return Ok(None);
            }
            Self::read(&listed).map(Some)
        })
        .await
    }

    /// Returns the epoch that is open, if it has a key.
    pub(super) async fn open(connection: &mut Connection) -> Result<Option<Self>> {
        let open = connection.call("weft_getEpoch", json!([])).await?;
        let listed = connection.call("weft_keyList", json!([number(&open["current"])?])).await?;
        if listed.is_null() { Ok(None) } else { Self::read(&listed).map(Some) }
    }

    fn read(listed: &Value) -> Result<Self> {
        let setup = Setup::decode(&bytes(&listed["setup"])?)?;
        let list = KeyList::decode(&setup, &Domain::dev(), &bytes(&listed["list"])?)?;
        Ok(Self { list, last_slot: SlotNumber::new(number(&listed["lastSlot"])?) })
    }

    pub(super) const fn number(&self) -> u64 {
        self.list.epoch()
    }

    /// Waits until it is open; returns the epoch that is.
    pub(super) async fn wait_open(
        &self,
        connection: &mut Connection,
        patience: Duration,
    ) -> Result<u64> {
        until(patience, "the epoch", async || {
            let current = number(&connection.call("weft_getEpoch", json!([])).await?["current"])?;
            Ok((current >= self.number()).then_some(current))
        })
        .await
    }

    /// Waits until its order is closed; returns when it was known to be open for the last time, so that what is measured from
    /// there on is rather too long than too short.
    pub(super) async fn wait_closed(
        &self,
        connection: &mut Connection,
        patience: Duration,
    ) -> Result<Instant> {
        let mut open = Instant::now();
        until(patience, "the end of the epoch", async || {
            let told = connection.call("weft_getEpoch", json!([self.number()])).await?;
            if told["status"] == "closed" || told["status"] == "over" {
                return Ok(Some(open));
            }
            open = Instant::now();
            Ok(None)
        })
        .await
    }
}

/// Who seals and pays.
#[derive(Debug)]
pub(super) struct Sealer {
    senders: Arc<Senders>,
    payers: Vec<PrivateKeySigner>,
    /// Next nonce of every sender.
    nonces: Vec<u64>,
    sealed: u64,
}

/// Envelopes with what sends them.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    ids: Vec<B256>,
    /// Who sends what is inside: its nonces count in the order in which its envelopes are ordered.
    senders: Vec<usize>,
    params: Vec<Value>,
}

/// A transaction that is to be sealed.
#[derive(Debug, Clone, Copy)]
struct Draft {
    sender: usize,
    nonce: u64,
    /// Number of the envelope.
    number: u64,
}

impl Sealer {
    /// The first `count` of `senders` are used.
    pub(super) fn new(senders: Arc<Senders>, count: usize) -> Self {
        let payer = |index: usize| {
            let secret = keccak256(format!("weft bench payer {index}"));
            PrivateKeySigner::from_bytes(&secret).expect("a hash is a key")
        };
        let nonces = vec![0; count];
        Self { senders, payers: (0..=PAYERS).map(payer).collect(), nonces, sealed: 0 }
    }

    /// Deposits for every payer, by the account that funds everything, which has sent `nonce` transactions.
    pub(super) async fn deposit(&self, url: &str, nonce: u64) -> Result<()> {
        let mut connection = Connection::open(url).await?;
        for (nonce, payer) in (nonce..).zip(&self.payers) {
            let call = FeeVault::depositCall { payer: payer.address() };
            let tx = TxEip1559 {
                chain_id: super::CHAIN_ID,
                nonce,
                gas_limit: 200_000,
                max_fee_per_gas: 200_000_000_000,
                max_priority_fee_per_gas: 1,
                to: TxKind::Call(FEE_VAULT),
                value: U256::from(DEPOSIT),
                input: call.abi_encode().into(),
                ..TxEip1559::default()
            };
            let (raw, _) = sign(&accounts::signer(0), tx)?;
            connection.call("eth_sendRawTransactionSync", json!([raw])).await?;
        }
        Ok(())
    }

    /// Seals transfers to an epoch, on all threads.
    pub(super) fn seal(&mut self, epoch: &Epoch, count: usize) -> Result<Prepared> {
        let drafts: Vec<Draft> = (0..count).map(|_| self.draft()).collect();
        let threads = thread::available_parallelism().map_or(1, Into::into);
        let sealer = &*self;
        let parts: Vec<Result<Prepared>> = thread::scope(|scope| {
            let part = |drafts: &[Draft]| {
                let mut prepared = Prepared::default();
                drafts.iter().try_for_each(|draft| sealer.one(epoch, *draft, &mut prepared))?;
                Ok(prepared)
            };
            let parts = drafts.chunks(count.div_ceil(threads).max(1));
            let parts: Vec<_> = parts.map(|drafts| scope.spawn(move || part(drafts))).collect();
            parts.into_iter().map(|part| part.join().expect("sealing does not panic")).collect()
        });
        let mut all = Prepared::default();
        for part in parts {
            let part = part?;
            all.ids.extend(part.ids);
            all.senders.extend(part.senders);
            all.params.extend(part.params);
        }
        Ok(all)
    }

    fn draft(&mut self) -> Draft {
        let sender = self.sealed as usize % self.nonces.len();
        let nonce = self.nonces[sender];
        self.nonces[sender] += 1;
        self.sealed += 1;
        Draft { sender, nonce, number: self.sealed }
    }

    fn one(&self, epoch: &Epoch, draft: Draft, prepared: &mut Prepared) -> Result<()> {
        let signed = self.senders.sign(Kind::Ether, draft.sender, draft.nonce)?;
        let tx = SignedTx::decode(signed.raw)?;
        let network = NetworkId::new(super::CHAIN_ID as u32);
        let plaintext = Item::Transaction(Leg { network, tx, may_revert: false }).encode();
        let payer = &self.payers[draft.number as usize % PAYERS];
        let envelope = envelope(epoch, payer, &plaintext, draft.number)?;
        let id = envelope.id(&Domain::dev());
        prepared.push(id, draft.sender, &envelope, &payer.sign_hash_sync(&id)?.as_bytes());
        Ok(())
    }

    /// Returns who pays for junk.
    pub(super) fn pest(&self) -> &PrivateKeySigner {
        &self.payers[PAYERS]
    }
}

/// Seals a plaintext for a payer, in the smallest buckets.
pub(super) fn envelope(
    epoch: &Epoch,
    payer: &PrivateKeySigner,
    plaintext: &[u8],
    salt: u64,
) -> Result<Envelope> {
    let carriage = Carriage {
        payer: payer.address(),
        deposit: NetworkId::new(super::CHAIN_ID as u32),
        rollup: None,
        epoch: epoch.number(),
        valid_until: epoch.last_slot,
        size: SizeBucket::for_len(plaintext.len())?,
        gas: GasBucket::new(0).ok_or_else(|| eyre!("there is a smallest bucket"))?,
        max_fee_wei: DEPOSIT,
    };
    let entropy = keccak256([b"weft bench".as_slice(), &salt.to_be_bytes()].concat());
    Ok(EpochKeyScheme::new(&epoch.list).encrypt(&carriage, plaintext, &entropy)?)
}

impl Prepared {
    fn push(&mut self, id: B256, sender: usize, envelope: &Envelope, signature: &[u8]) {
        self.ids.push(id);
        self.senders.push(sender);
        let (envelope, signature) =
            (Bytes::from(envelope.encode()), Bytes::copy_from_slice(signature));
        self.params.push(json!([envelope, signature]));
    }

    /// Returns the requests of each connection. All envelopes of a sender are on one, in the order of its nonces.
    pub(super) fn requests(
        &self,
        url: &str,
        connections: usize,
        batch: usize,
    ) -> Vec<Vec<Vec<u8>>> {
        let host = url.trim_start_matches("http://");
        let mut own = vec![Vec::new(); connections];
        for (sender, params) in self.senders.iter().zip(&self.params) {
            own[sender % connections].push(params.clone());
        }
        let request = |params: &[Value]| {
            http::prepare(host, &batch_body("weft_sendSealed", params.iter().cloned()))
        };
        own.iter().map(|params| params.chunks(batch).map(request).collect()).collect()
    }

    /// Waits until the results of all are promised.
    pub(super) async fn wait_executed(
        &self,
        connection: &mut Connection,
        patience: Duration,
    ) -> Result<()> {
        // In no order: which one runs last is known to the node alone.
        let mut left: Vec<B256> = self.ids.clone();
        until(patience, "results", async || {
            // The signature of one is that of many, so looking at few costs the node little.
            while let Some(id) = left.last() {
                let told = connection.call("weft_getOutcome", json!([id])).await?;
                if told["outcome"] == "sealed" || told.is_null() {
                    return Ok(None);
                }
                if left.len() == self.ids.len() {
                    // All of an epoch run in one job of the engine.
                    left.truncate(1);
                } else {
                    left.pop();
                }
            }
            let last = self.ids.last().copied().unwrap_or_default();
            let told = connection.call("weft_getPromise", json!([last])).await?;
            Ok((!told["execution"].is_null()).then_some(()))
        })
        .await
    }

    /// Checks that every item is in a block.
    pub(super) async fn check_included(&self, connection: &mut Connection) -> Result<()> {
        check_outcomes(connection, &self.ids, "included").await
    }
}

/// Checks what became of items: a cause of removal, or `included`.
pub(super) async fn check_outcomes(
    connection: &mut Connection,
    items: &[B256],
    expected: &str,
) -> Result<()> {
    for items in items.chunks(ASKED) {
        let body = batch_body("weft_getOutcome", items.iter().map(|item| json!([item])));
        let request = connection.prepare(&body);
        let answers: Vec<Value> = serde_json::from_slice(connection.ask(&request).await?)?;
        for answer in answers {
            let result = &answer["result"];
            let is_expected = result["outcome"] == expected || result["cause"] == expected;
            ensure!(is_expected, "an item was not {expected}: {answer}");
        }
    }
    Ok(())
}

/// Returns what became of an item.
pub(super) async fn outcome(connection: &mut Connection, item: &B256) -> Result<Value> {
    connection.call("weft_getOutcome", json!([item])).await
}

/// Returns what a payer has in the vault, in wei.
pub(super) async fn deposit_of(connection: &mut Connection, payer: Address) -> Result<u128> {
    let data = Bytes::from(FeeVault::depositOfCall { payer }.abi_encode());
    let call = json!([{ "to": FEE_VAULT, "data": data }, "latest"]);
    let word = bytes(&connection.call("eth_call", call).await?)?;
    Ok(U256::try_from_be_slice(&word).ok_or_else(|| eyre!("not a word: {word}"))?.try_into()?)
}

/// Returns the fee of an envelope in the smallest buckets, in wei.
pub(super) async fn fee_wei(connection: &mut Connection) -> Result<u128> {
    let told = connection.call("weft_getEpoch", json!([])).await?;
    let price = |name: &str| -> Result<u128> {
        let price = told[name].as_str().ok_or_else(|| eyre!("no {name}: {told}"))?;
        Ok(price.parse()?)
    };
    let (size, gas) = (SizeBucket::new(0), GasBucket::new(0));
    let size = size.map_or(0, |size| size.bytes() as u128) * price("weiPerByte")?;
    Ok(size + gas.map_or(0, |gas| u128::from(gas.gas_limit())) * price("weiPerGas")?)
}

fn number(value: &Value) -> Result<u64> {
    value.as_u64().ok_or_else(|| eyre!("not a number: {value}"))
}

fn bytes(value: &Value) -> Result<Bytes> {
    serde_json::from_value(value.clone()).map_err(|_| eyre!("not bytes: {value}"))
}
