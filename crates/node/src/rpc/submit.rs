//! Transactions on their way in.

use super::calls::estimate;
use super::{
    Args, Call, Methods, Port,
    args::prefixed,
    errors::{RpcError, RpcResult},
};
use crate::{
    accounts::DevAccount,
    engine::{At, Overrides},
};
use alloy_consensus::{TypedTransaction, conditional::BlockConditionalAttributes};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind};
use alloy_rpc_types_eth::{
    TransactionRequest,
    erc4337::{AccountStorage, TransactionConditional},
};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned};
use serde_json::{Value, json};
use weft_types::SignedTx;

pub(super) const METHODS: Methods = &[
    ("eth_sendRawTransactionConditional", send_raw_conditional),
    ("eth_sendTransaction", send),
    ("eth_signTransaction", sign),
];

/// Method that takes a signed transaction.
pub(super) const SEND_RAW: &str = "eth_sendRawTransaction";
/// Code of ERC-7796 for a condition that does not hold.
const CONDITION: i32 = -32003;
/// Most slots that the conditions of a transaction name.
const MAX_CONDITIONS: usize = 1_000;

/// Adds `eth_sendRawTransaction`, which recovers the sender before it asks the engine.
pub(super) fn register(module: &mut RpcModule<Port>) {
    module
        .register_async_method(SEND_RAW, |params, port, _| async move {
            let raw = raw_of(params.as_str())?;
            Ok::<_, ErrorObjectOwned>(json!(send_one(&port, raw).await?))
        })
        .expect("method names are distinct");
}

async fn send_one(port: &Port, raw: Bytes) -> RpcResult<B256> {
    let network = port.network;
    if port.kind.is_foreign() {
        return port.engine.call(move |engine| engine.send_foreign(network, &raw)).await?;
    }
    let mut sent = port.engine.send_raw(network, vec![raw]).await;
    sent.pop().expect("every transaction is answered")
}

/// Reads the parameters of `eth_sendRawTransaction`.
pub(super) fn raw_of(params: Option<&str>) -> RpcResult<Bytes> {
    // The usual form is read where it stands; whatever else it is has its error.
    let only = params.and_then(|params| serde_json::from_str::<(&str,)>(params).ok());
    match only.and_then(|(text,)| prefixed(text, None)) {
        Some(raw) => Ok(raw),
        None => Args::parse(params, 1)?.bytes(0),
    }
}

fn send_raw(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let raw = args.bytes(0)?;
    if call.is_foreign() {
        return Ok(json!(call.engine.send_foreign(call.network, &raw)?));
    }
    Ok(json!(call.engine.send_raw(call.network, raw)?))
}

/// Takes a transaction only if the pending block and the pending state are what its sender expects (ERC-7796).
fn send_raw_conditional(call: &mut Call<'_>, args: &Args) -> RpcResult {
    args.bytes(0)?;
    let wanted: TransactionConditional = args.optional(1)?.unwrap_or_default();
    let slots = |account: &AccountStorage| match account {
        AccountStorage::RootHash(_) => 1,
        AccountStorage::Slots(slots) => slots.len(),
    };
    let cost: usize = wanted.known_accounts.values().map(slots).sum();
    if cost > MAX_CONDITIONS {
        return Err(RpcError::limit(format!("{cost} conditions are over {MAX_CONDITIONS}")));
    }
    check_conditions(call, &wanted)?;
    send_raw(call, args)
}

fn check_conditions(call: &mut Call<'_>, wanted: &TransactionConditional) -> RpcResult<()> {
    let env = call.engine.realm.block_env(call.network).expect("the rollup runs here");
    let block = BlockConditionalAttributes {
        number: env.number.saturating_to(),
        timestamp: env.timestamp.saturating_to(),
    };
    if !wanted.matches_block_attributes(&block) {
        let (number, time) = (block.number, block.timestamp);
        let why = format!("condition not met: the pending block is {number}, at time {time}");
        return Err(RpcError::new(CONDITION, why));
    }
    for (address, account) in &wanted.known_accounts {
        let AccountStorage::Slots(slots) = account else {
            let why = "condition not supported: storage roots of the pending state; name slots";
            return Err(RpcError::new(CONDITION, why));
        };
        for (key, value) in slots {
            let found = call.engine.storage(call.network, At::Pending, *address, *key)?;
            if B256::from(found) != *value {
                let why = format!("condition not met: slot {key} of {address} is {found:#x}");
                return Err(RpcError::new(CONDITION, why));
            }
        }
    }
    Ok(())
}

impl Call<'_> {
    /// Returns a development account.
    fn account(&self, address: Address) -> RpcResult<DevAccount> {
        let mut accounts = self.engine.config.accounts.iter();
        let found = accounts.find(|account| account.address == address);
        found.copied().ok_or_else(|| RpcError::refused(format!("unknown account {address}")))
    }

    /// Returns the receipt of a transaction that was executed. Block hash zero until its block closes (P31).
    pub(super) fn executed(&self, hash: B256) -> Option<RpcResult> {
        if let Some(index) = self.engine.open_transaction(self.network, &hash) {
            return self.engine.open_receipt(self.network, index);
        }
        match self.engine.chain(self.network).store.transaction(&hash) {
            Ok(found) => {
                found.map(|(block, index)| self.engine.receipt(self.network, &block, index))
            }
            Err(error) => Some(Err(error.into())),
        }
    }
}

fn send(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let (from, tx) = filled(call, args)?;
    let tx = match (call.account(from), call.engine.impersonated.sign(from, &tx)) {
        (Err(_), Some(tx)) => tx,
        (account, _) => signed(account?, tx)?,
    };
    if call.is_foreign() {
        return Ok(json!(call.engine.send_foreign(call.network, tx.raw())?));
    }
    Ok(json!(call.engine.send(call.network, tx)?))
}

fn sign(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let (from, tx) = filled(call, args)?;
    let tx = signed(call.account(from)?, tx)?;
    Ok::<Value, RpcError>(json!({ "raw": tx.raw(), "tx": tx.envelope() }))
}

/// Signs with the key of a development account.
fn signed(account: DevAccount, tx: TypedTransaction) -> RpcResult<SignedTx> {
    let envelope = account.sign(tx).ok_or_else(|| RpcError::refused("unusable private key"))?;
    Ok(SignedTx::decode(envelope.encoded_2718().into())?)
}

/// Fills in what a request leaves open; returns its sender with it.
fn filled(call: &mut Call<'_>, args: &Args) -> RpcResult<(Address, TypedTransaction)> {
    let mut request: TransactionRequest = args.required(0)?;
    let from = request.from.ok_or_else(|| RpcError::params("missing field `from`"))?;
    if !call.engine.impersonated.is(from) {
        call.account(from)?;
    }
    fill(call, &mut request)?;
    let built = request.build_typed_tx();
    let tx =
        built.map_err(|_| RpcError::params("fields of several transaction types are mixed"))?;
    if matches!(tx, TypedTransaction::Eip4844(_)) {
        return Err(RpcError::refused("transaction type not supported: blob transaction"));
    }
    Ok((from, tx))
}

fn fill(call: &mut Call<'_>, request: &mut TransactionRequest) -> RpcResult<()> {
    let from = request.from.unwrap_or_default();
    if request.gas.is_none() {
        request.gas = Some(estimate(call, request, At::Pending, Overrides::default())?);
    }
    request.nonce.get_or_insert(call.engine.next_nonce(call.network, from)?);
    request.chain_id.get_or_insert(call.engine.chain(call.network).spec.chain_id);
    if request.to.is_none() {
        request.to = Some(TxKind::Create);
    }
    if request.gas_price.is_none() {
        let tip = u128::from(call.suggested_tip());
        let tip = *request.max_priority_fee_per_gas.get_or_insert(tip);
        let twice = 2 * u128::from(call.suggested_price());
        request.max_fee_per_gas.get_or_insert(twice.max(tip));
    }
    // Both fields of the input would be checked against each other when the transaction is built.
    request.input.normalize_input();
    Ok(())
}
