//! Where a story is played: two rollups, accounts, and what was sent so far.

use crate::{
    accounts,
    commands::{
        bundle::{Draft, DraftLeg},
        run,
    },
    realm::Realm,
    rpc::Rpc,
};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U128, U256};
use alloy_sol_types::SolCall;
use eyre::{Result, WrapErr, ensure, eyre};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_contracts::Weth;
use weft_node::NodeHandle;

/// Gas limit of a transaction that tells a story, more than any of them needs.
pub(super) const STORY_GAS: u64 = 2_000_000;
/// Gas limit of a call that prepares.
const CALL_GAS: u64 = 250_000;

/// A development account with a part to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account(usize);

impl Account {
    /// Deploys the contracts and owns them.
    pub(super) const OWNER: Self = Self(0);
    /// Makes the trade.
    pub(super) const TRADER: Self = Self(1);
    /// Makes the same trade, and is faster.
    pub(super) const RIVAL: Self = Self(2);
    /// Everybody.
    pub(super) const ALL: [Self; 3] = [Self::OWNER, Self::TRADER, Self::RIVAL];

    /// Returns the address.
    pub(super) fn address(self) -> Address {
        accounts::signer(self.0).address()
    }

    /// Returns what the story calls it.
    pub(super) const fn name(self) -> &'static str {
        match self.0 {
            0 => "owner",
            1 => "trader",
            _ => "rival",
        }
    }
}

/// A call that becomes a leg of a bundle.
#[derive(Debug, Clone)]
pub(super) struct LegCall {
    pub(super) account: Account,
    pub(super) chain_id: u64,
    pub(super) to: Address,
    pub(super) data: Vec<u8>,
}

impl LegCall {
    fn draft(&self) -> DraftLeg {
        DraftLeg {
            chain_id: self.chain_id,
            from: self.account.address(),
            to: Some(self.to),
            data: Bytes::copy_from_slice(&self.data),
            ..DraftLeg::default()
        }
    }
}

/// A bundle that the node has accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentBundle {
    pub(super) bundle_id: B256,
    pub(super) protected: bool,
    pub(super) tx_hashes: Vec<B256>,
}

/// Two rollups and everything needed to act on them.
#[derive(Debug)]
pub(super) struct Stage {
    /// First rollup.
    pub(super) a: u64,
    /// Second rollup.
    pub(super) b: u64,
    pub(super) realm: Realm,
    node: Option<NodeHandle>,
    nonces: BTreeMap<(u64, usize), u64>,
    /// Highest gas price of the rollups, in wei.
    gas_price: u128,
    pending: Vec<(u64, B256)>,
}

impl Stage {
    /// Starts a node on free ports, or goes to the one at `url`.
    pub(super) async fn open(url: Option<&str>) -> Result<Self> {
        Self::open_with(url, run::start_embedded()).await
    }

    /// Starts a node, or goes to the one at `url`.
    pub(super) async fn open_with(
        url: Option<&str>,
        start: impl Future<Output = Result<NodeHandle>>,
    ) -> Result<Self> {
        let (node, url) = match url {
            Some(url) => (None, url.to_owned()),
            None => {
                let node = start.await?;
                let url = node.rollups()[0].url.clone();
                (Some(node), url)
            }
        };
        let realm = Realm::connect(&url).await?;
        let [a, b, ..] = realm.ids()[..] else {
            return Err(eyre!("{url} serves one rollup; the demo needs two: weft dev --rollups 2"));
        };
        let mut gas_price = 0;
        for id in [a, b] {
            let price: U128 = realm.rollup(id)?.request("eth_gasPrice", json!([])).await?;
            gas_price = gas_price.max(price.to());
        }
        Ok(Self { a, b, realm, node, nonces: BTreeMap::new(), gas_price, pending: Vec::new() })
    }

    /// Stops the node, if it is ours.
    pub(super) async fn close(self) -> Result<()> {
        match self.node {
            Some(node) => node.stop().await.wrap_err("the node did not stop cleanly"),
            None => Ok(()),
        }
    }

    /// Says where the story is played.
    pub(super) fn place(&self) -> String {
        match self.node {
            Some(_) => "a node of its own".to_owned(),
            None => self.realm.entry().url().to_owned(),
        }
    }

    /// Returns the client of rollup `id`.
    pub(super) fn rpc(&self, id: u64) -> Result<&Rpc> {
        self.realm.rollup(id)
    }

    /// Sends a creation; returns the contract's address. Nothing is waited for until [`Self::settle`].
    pub(super) async fn create(
        &mut self,
        account: Account,
        id: u64,
        init: Bytes,
        gas: u64,
    ) -> Result<Address> {
        let nonce = self.nonce(account, id).await?;
        let tx = self.tx(id, nonce, TxKind::Create, U256::ZERO, init, gas);
        self.send(account, id, tx).await?;
        Ok(account.address().create(nonce))
    }

    /// Sends a call that the story does not show.
    pub(super) async fn prepare<C: SolCall>(
        &mut self,
        account: Account,
        id: u64,
        to: Address,
        call: C,
    ) -> Result<()> {
        self.pay(account, id, to, U256::ZERO, call, CALL_GAS).await?;
        Ok(())
    }

    /// Lets `spender` take any amount of `token`; all our tokens have this function.
    pub(super) async fn approve(
        &mut self,
        account: Account,
        id: u64,
        token: Address,
        spender: Address,
    ) -> Result<()> {
        let call = Weth::approveCall { spender, amount: U256::MAX };
        self.prepare(account, id, token, call).await
    }

    /// Sends a call with value; returns its hash.
    pub(super) async fn pay<C: SolCall>(
        &mut self,
        account: Account,
        id: u64,
        to: Address,
        value: U256,
        call: C,
        gas: u64,
    ) -> Result<B256> {
        let nonce = self.nonce(account, id).await?;
        let tx = self.tx(id, nonce, TxKind::Call(to), value, call.abi_encode().into(), gas);
        self.send(account, id, tx).await
    }

    /// Sends a call on the first rollup that bids some gwei a unit for its place; returns its hash.
    pub(super) async fn bid(
        &mut self,
        account: Account,
        to: Address,
        data: Vec<u8>,
        gwei: u128,
    ) -> Result<B256> {
        let raw = self.signed(account, to, data, gwei).await?;
        self.rpc(self.a)?.send_raw(&raw).await
    }

    /// Signs a call on the first rollup that bids some gwei a unit for its place.
    pub(super) async fn signed(
        &mut self,
        account: Account,
        to: Address,
        data: Vec<u8>,
        gwei: u128,
    ) -> Result<Bytes> {
        let nonce = self.nonce(account, self.a).await?;
        let to = TxKind::Call(to);
        let tx = self.tx(self.a, nonce, to, U256::ZERO, data.into(), CALL_GAS);
        let tip = gwei * 1_000_000_000;
        let tx = TxEip1559 { max_priority_fee_per_gas: tip, ..tx };
        let tx =
            TxEip1559 { max_fee_per_gas: tx.max_fee_per_gas.max(4 * self.gas_price) + tip, ..tx };
        let (raw, _) = accounts::sign(&accounts::signer(account.0), tx)?;
        Ok(raw)
    }

    /// Waits for all that was sent, which must have succeeded.
    pub(super) async fn settle(&mut self) -> Result<()> {
        for (id, hash) in std::mem::take(&mut self.pending) {
            let receipt = self.rpc(id)?.wait_receipt(hash).await?;
            ensure!(receipt.status.to::<u64>() == 1, "transaction {hash} on {id} reverted");
        }
        Ok(())
    }

    /// Marks and signs a bundle; returns the parameter of `weft_sendBundle` and `weft_simulateBundle`.
    pub(super) async fn sign_bundle(&mut self, calls: &[LegCall]) -> Result<Value> {
        let legs = calls.iter().map(LegCall::draft).collect();
        let draft = Draft { legs, domain: self.realm.domain().copied(), ..Draft::default() };
        let bundle = draft.build(true)?;
        let mut nonces = BTreeMap::new();
        let mut legs = Vec::with_capacity(calls.len());
        for (call, marked) in calls.iter().zip(bundle.legs) {
            // A removed bundle takes its nonces back, so they are asked for every time.
            let key = (call.chain_id, call.account.0);
            let nonce = match nonces.get(&key) {
                Some(nonce) => *nonce,
                None => self.rpc(call.chain_id)?.nonce(call.account.address()).await?,
            };
            nonces.insert(key, nonce + 1);
            let to = TxKind::Call(call.to);
            let tx = self.tx(call.chain_id, nonce, to, U256::ZERO, marked.data, STORY_GAS);
            let (raw, _) = accounts::sign(&accounts::signer(call.account.0), tx)?;
            legs.push(json!({"chainId": call.chain_id, "raw": raw}));
        }
        self.nonces.retain(|key, _| !nonces.contains_key(key));
        Ok(json!({"legs": legs, "salt": bundle.salt}))
    }

    /// Sends a bundle.
    pub(super) async fn send_bundle(&self, signed: &Value) -> Result<SentBundle> {
        self.realm.entry().request("weft_sendBundle", json!([signed])).await
    }

    /// Runs a bundle over all rollups and forgets it; returns what each leg answers.
    pub(super) async fn simulate_bundle(&self, signed: &Value) -> Result<Vec<Bytes>> {
        #[derive(Deserialize)]
        struct Simulated {
            included: bool,
            legs: Vec<Leg>,
        }
        #[derive(Deserialize)]
        struct Leg {
            #[serde(default)]
            output: Bytes,
        }
        let answer: Simulated =
            self.realm.entry().request("weft_simulateBundle", json!([signed])).await?;
        ensure!(answer.included, "the simulated bundle is removed");
        Ok(answer.legs.into_iter().map(|leg| leg.output).collect())
    }

    async fn nonce(&mut self, account: Account, id: u64) -> Result<u64> {
        let key = (id, account.0);
        let nonce = match self.nonces.get(&key) {
            Some(nonce) => *nonce,
            None => self.rpc(id)?.nonce(account.address()).await?,
        };
        self.nonces.insert(key, nonce + 1);
        Ok(nonce)
    }

    fn tx(
        &self,
        id: u64,
        nonce: u64,
        to: TxKind,
        value: U256,
        input: Bytes,
        gas_limit: u64,
    ) -> TxEip1559 {
        TxEip1559 {
            chain_id: id,
            nonce,
            gas_limit,
            max_fee_per_gas: 4 * self.gas_price,
            // What is paid per unit must reach the base fee of every rollup that the call enters (P29).
            max_priority_fee_per_gas: 2 * self.gas_price,
            to,
            value,
            access_list: Default::default(),
            input,
        }
    }

    async fn send(&mut self, account: Account, id: u64, tx: TxEip1559) -> Result<B256> {
        let (raw, _) = accounts::sign(&accounts::signer(account.0), tx)?;
        let hash = self.rpc(id)?.send_raw(&raw).await?;
        self.pending.push((id, hash));
        Ok(hash)
    }
}
