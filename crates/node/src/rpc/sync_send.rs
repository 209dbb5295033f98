//! `eth_sendRawTransactionSync` (EIP-7966): the receipt in the answer.

use super::{
    Args, Call, Port, discover,
    errors::{RpcError, RpcResult},
    types::quantity,
    weft::chain_id_of,
};
use crate::{engine::Engine, outcomes::Fate};
use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, Bytes};
use jsonrpsee::{RpcModule, types::ErrorObjectOwned};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use weft_types::{NetworkId, SignedTx};

/// The transaction was accepted and has no receipt in time.
const TIMEOUT: i32 = 4;
/// The transaction was accepted and waits for something else than time.
const UNREADY: i32 = 5;
/// The transaction leaves a gap behind its sender's nonce; it was not accepted.
const NONCE_GAP: i32 = 6;
/// Time between two looks.
const POLL: Duration = Duration::from_millis(2);

/// Adds the method.
pub(super) fn register(module: &mut RpcModule<Port>) {
    let most = discover::most("eth_sendRawTransactionSync");
    module
        .register_async_method("eth_sendRawTransactionSync", move |params, port, _| async move {
            let args = Args::parse(params.as_str(), most)?;
            Ok::<_, ErrorObjectOwned>(send(&args, &port).await?)
        })
        .expect("method names are distinct");
}

async fn send(args: &Args, port: &Port) -> RpcResult {
    let raw = args.bytes(0)?;
    let asked = args.number(1).ok().flatten().map(Duration::from_millis);
    let network = port.network;
    let (hash, longest, first) = port
        .engine
        .call(move |engine| {
            let hash = accept(engine, network, raw)?;
            let longest = engine.limits().sync_send_timeout;
            Ok::<_, RpcError>((hash, longest, answer(engine, network, hash)))
        })
        .await??;
    if let Some(answer) = first {
        return answer;
    }
    // EIP-7966: a timeout out of range counts as none.
    let timeout = asked.filter(|asked| !asked.is_zero() && *asked <= longest).unwrap_or(longest);
    let begun = Instant::now();
    while begun.elapsed() < timeout {
        sleep(POLL).await;
        let looked = port.engine.call(move |engine| answer(engine, network, hash)).await?;
        if let Some(answer) = looked {
            return answer;
        }
    }
    let waited = timeout.as_millis();
    let why = format!("the transaction was accepted and has no receipt after {waited} ms");
    Err(RpcError::new(TIMEOUT, why).with(json!(hash)))
}

/// Accepts a transaction that can run; one that leaves a gap of nonces is refused with the nonce that is expected.
fn accept(engine: &mut Engine, network: NetworkId, raw: Bytes) -> RpcResult<B256> {
    if engine.chain(network).foreign.is_some() {
        return engine.send_foreign(network, &raw);
    }
    let tx = SignedTx::decode(raw)?;
    let expected = engine.next_nonce(network, tx.sender())?;
    if tx.envelope().nonce() > expected && !engine.knows(network, &tx)? {
        let why = format!("nonce too high: {}, expected {expected}", tx.envelope().nonce());
        return Err(RpcError::new(NONCE_GAP, why).with(quantity(expected)));
    }
    engine.send(network, tx)
}

/// Returns the receipt, or why there is none; `None` while nothing is known.
fn answer(engine: &mut Engine, network: NetworkId, hash: B256) -> Option<RpcResult> {
    let call = Call { engine, network };
    if let Some(receipt) = call.executed(hash) {
        return Some(receipt);
    }
    if let Some(record) = call.engine.outcomes.get(&hash) {
        return match &record.fate {
            Fate::Included | Fate::Part(..) => None,
            Fate::Removed(removal) => {
                let chain_id = chain_id_of(call.engine, removal.network);
                Some(Err(RpcError::removed(removal, chain_id)))
            }
            Fate::Dropped(why) => Some(Err(RpcError::refused(why.clone()).with(json!(hash)))),
        };
    }
    let is_held = call.engine.bundles.held().any(|(_, _, tx)| tx.hash() == hash);
    is_held.then(|| {
        let why = "the transaction was accepted and waits for the other legs of its bundle";
        Err(RpcError::new(UNREADY, why).with(json!(hash)))
    })
}
