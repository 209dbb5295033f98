//! What became of items, and facts about the realm.

use super::{
    Args, Call, Methods,
    errors::{RpcError, RpcResult},
    types::{position, quantity},
};
use crate::{
    engine::{At, Engine},
    outcomes::{Fate, Record},
};
use alloy_primitives::{B256, U256};
use serde_json::{Value, json};
use weft_contracts::{addresses, proxy_address};
use weft_types::{BundleId, NetworkId, Removal, RemovalCause};

pub(super) const METHODS: Methods = &[
    ("weft_chains", chains),
    ("weft_getOutcome", outcome),
    ("weft_getBundle", bundle),
    ("weft_getProxy", proxy),
    ("weft_escrow", escrow),
    ("weft_health", health),
];

fn chains(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let engine = &call.engine;
    let chain = |endpoint: &crate::engine::Endpoint| {
        json!({
            "network": endpoint.network,
            "chainId": endpoint.chain_id,
            "name": endpoint.name,
            "url": endpoint.url,
            "wsUrl": endpoint.url.replacen("http", "ws", 1),
            "available": engine.is_available(endpoint.network),
            "executorPid": engine.executors.as_ref().and_then(|all| all.pid(endpoint.network)),
            "failed": engine.chain(endpoint.network).spec.failed.name(),
            "blockNumber": quantity(engine.chain(endpoint.network).store.head_number()),
        })
    };
    Ok(json!({
        "chains": engine.endpoints.iter().map(chain).collect::<Vec<_>>(),
        "manager": addresses::MANAGER,
        "bridge": addresses::BRIDGE,
        "reserved": addresses::RESERVED,
        "deadRegistry": addresses::DEAD_REGISTRY,
        "slotMs": engine.config.slot_ms,
        "slot": engine.realm.slot().map(|slot| slot.number),
        "domain": engine.domain,
        "priority": engine.config.priority.name(),
        "sealed": engine.config.sealing.is_some(),
    }))
}

/// Says whether the node accepts anything, and how far its log is on disk.
fn health(call: &mut Call<'_>, _: &Args) -> RpcResult {
    let log = call.engine.log_health();
    let stopped = log.as_ref().and_then(|log| log.failure.clone());
    Ok(json!({
        "ok": stopped.is_none(),
        "durable": log.is_some(),
        "stopped": stopped,
        "lastRecord": log.as_ref().map(|log| log.last),
        "lastRecordOnDisk": log.as_ref().map(|log| log.durable),
        "lastRecordInState": log.as_ref().and_then(|log| log.kept),
    }))
}

fn outcome(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let key = args.hash(0)?;
    if let Some(record) = call.engine.outcomes.decided(&key) {
        return Ok(outcome_json(call.engine, record, &key));
    }
    // Nobody knows more of it yet.
    let sealed = call.engine.sealed_position(&key);
    Ok(sealed.map_or(
        Value::Null,
        |at| json!({ "outcome": "sealed", "position": position(&at), "slot": at.slot }),
    ))
}

fn outcome_json(engine: &Engine, record: &Record, key: &B256) -> Value {
    let leg = record.legs.iter().position(|leg| leg.tx_hash == *key);
    let mut answer = json!({
        "bundleId": record.bundle,
        "protected": record.bundle.map(|_| record.protected),
        "position": record.position.as_ref().map(position),
        "slot": record.position.map(|position| position.slot),
        "siblings": siblings(engine, record),
        "system": system(engine, record),
    });
    if let (Some(leg), false) = (leg, matches!(record.fate, Fate::Part(..))) {
        // An envelope whose part has its place taken knows one leg, whatever number that has.
        let number = match &record.fate {
            Fate::Removed(removal) if record.legs.len() == 1 => usize::from(removal.leg),
            _ => leg,
        };
        answer["legIndex"] = json!(number);
    }
    if let Some(envelope) = record.envelope {
        answer["envelope"] = json!(envelope);
    }
    match &record.fate {
        Fate::Included => answer["outcome"] = json!("included"),
        Fate::Removed(removal) => {
            answer["outcome"] = json!("removed");
            removed(engine, &mut answer, removal, leg.filter(|_| record.legs.len() > 1));
        }
        Fate::Part(leg, legs) => {
            answer["outcome"] = json!("part");
            answer["leg"] = json!(leg);
            answer["legs"] = json!(legs);
        }
        Fate::Dropped(why) => {
            answer["outcome"] = json!("dropped");
            answer["reason"] = json!(why);
        }
    }
    answer
}

/// Names the leg that failed; to another leg of the same bundle the cause is its sibling.
fn removed(engine: &Engine, answer: &mut Value, removal: &Removal, asked: Option<usize>) {
    let is_sibling = asked.is_some_and(|leg| leg != usize::from(removal.leg));
    let cause = if is_sibling { RemovalCause::Sibling } else { removal.cause };
    answer["cause"] = json!(cause);
    answer["chainId"] = json!(chain_id_of(engine, removal.network));
    answer["leg"] = json!(removal.leg);
    answer["txHash"] = json!(removal.tx_hash);
    answer["reason"] = json!(removal.reason);
    answer["invalid"] = json!(removal.invalid);
    answer["revertData"] = json!(removal.revert_data);
}

/// Returns the EIP-155 id of a network of the realm.
pub(super) fn chain_id_of(engine: &Engine, network: NetworkId) -> Option<u64> {
    engine.chains.get(&network).map(|chain| chain.spec.chain_id)
}

fn siblings(engine: &Engine, record: &Record) -> Vec<Value> {
    let legs = record.legs.iter().enumerate();
    legs.map(|(index, leg)| {
        let result = record.results.iter().find(|result| usize::from(result.leg) == index);
        json!({
            "leg": index,
            "chainId": chain_id_of(engine, leg.network),
            "txHash": leg.tx_hash,
            "mayRevert": leg.may_revert,
            "success": result.map(|result| result.success),
            "gasUsed": result.map(|result| quantity(result.gas_used)),
            "output": result.map(|result| &result.output),
        })
    })
    .collect()
}

fn system(engine: &Engine, record: &Record) -> Vec<Value> {
    let system = record.system.iter();
    system
        .map(|(network, hash)| json!({ "chainId": chain_id_of(engine, *network), "txHash": hash }))
        .collect()
}

fn bundle(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let key = args.hash(0)?;
    if let Some(prepared) = call.engine.bundles.get(BundleId::new(key)) {
        let legs = prepared.shapes.iter().zip(&prepared.held).map(|(shape, tx)| {
            json!({
                "chainId": chain_id_of(call.engine, shape.network),
                "from": shape.sender,
                "to": shape.to,
                "value": shape.value,
                "data": shape.data,
                "mayRevert": shape.may_revert,
                "txHash": tx.as_ref().map(|tx| tx.hash()),
            })
        });
        return Ok(json!({
            "bundleId": key,
            "status": "waiting",
            "protected": true,
            "salt": prepared.salt,
            "level": prepared.level,
            "legs": legs.collect::<Vec<_>>(),
        }));
    }
    let record = call.engine.outcomes.get(&key);
    Ok(record.filter(|record| record.bundle.is_some()).map_or(Value::Null, |record| {
        let legs = record.legs.iter().map(|leg| {
            json!({
                "chainId": chain_id_of(call.engine, leg.network),
                "txHash": leg.tx_hash,
                "raw": leg.raw,
                "mayRevert": leg.may_revert,
            })
        });
        json!({
            "bundleId": record.bundle,
            "status": match &record.fate {
                Fate::Included => "included",
                Fate::Removed(_) => "removed",
                Fate::Part(..) => "part",
                Fate::Dropped(_) => "dropped",
            },
            "protected": record.protected,
            "position": record.position.as_ref().map(position),
            "legs": legs.collect::<Vec<_>>(),
        })
    }))
}

fn proxy(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let original = args.address(0)?;
    let chain_id = args.required_number(1)?;
    let network = call.engine.network_of(chain_id)?;
    if network == call.network {
        return Err(RpcError::same_network(chain_id));
    }
    let proxy = proxy_address(network.get(), original);
    let here = call.network;
    let account = call.engine.account(here, At::Pending, proxy)?.unwrap_or_default();
    let is_deployed = account.code.is_some_and(|code| !code.is_empty());
    Ok(json!({ "address": proxy, "deployed": is_deployed }))
}

fn escrow(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let wanted = args.number(0)?.map(|id| call.engine.network_of(id)).transpose()?;
    let balances = call.engine.realm.escrow().iter();
    let wanted = balances.filter(|(holder, _, _)| wanted.is_none_or(|network| network == *holder));
    let balance = |(holder, token, amount): (NetworkId, weft_evm::TokenId, U256)| {
        json!({
            "chainId": chain_id_of(call.engine, holder),
            "network": holder,
            "tokenNetwork": token.network,
            "token": token.token,
            "balance": amount,
        })
    };
    Ok(json!(wanted.map(balance).collect::<Vec<_>>()))
}
