//! Threads: the cross-rollup call tree of an item, as a projection of its hops.

use super::{
    Args, Call, Methods,
    errors::RpcResult,
    types::{position, quantity},
};
use alloy_primitives::U64;
use serde_json::{Value, json};
use weft_types::{Hop, HopBody, HopCall, HopReturn, NetworkId};

pub(super) const METHODS: Methods = &[("weft_getThread", thread)];

fn thread(call: &mut Call<'_>, args: &Args) -> RpcResult {
    let key = args.hash(0)?;
    let Some(record) = call.engine.outcomes.get(&key) else { return Ok(Value::Null) };
    let chain_id = |network: NetworkId| {
        call.engine.chains.get(&network).map_or_else(|| network.get().into(), |c| c.spec.chain_id)
    };
    let wanted = record.legs.iter().position(|leg| leg.tx_hash == key);
    let hops: Vec<&Hop> = record
        .hops
        .iter()
        .filter(|hop| wanted.is_none_or(|leg| usize::from(hop.place.leg) == leg))
        .collect();
    let legs =
        record.legs.iter().enumerate().filter(|(index, _)| wanted.is_none_or(|leg| leg == *index));
    let legs = legs.map(|(index, leg)| {
        let own: Vec<&Hop> =
            hops.iter().copied().filter(|hop| usize::from(hop.place.leg) == index).collect();
        json!({
            "leg": index,
            "chainId": chain_id(leg.network),
            "txHash": leg.tx_hash,
            "calls": tree(&own, &chain_id),
        })
    });
    let legs: Vec<Value> = legs.collect();
    Ok(json!({
        "bundleId": record.bundle,
        "position": record.position.as_ref().map(position),
        "legs": legs,
        "hops": hops.iter().map(|hop| hop_json(hop, &chain_id)).collect::<Vec<_>>(),
    }))
}

fn hop_json(hop: &Hop, chain_id: &impl Fn(NetworkId) -> u64) -> Value {
    let mut answer = json!({
        "place": hop.place.to_string(),
        "leg": hop.place.leg,
        "k": hop.place.k,
        "from": chain_id(hop.from),
        "to": chain_id(hop.to),
        "thread": hop.thread,
        "hash": hop.hash(),
    });
    match &hop.body {
        HopBody::Call(call) => {
            answer["kind"] = json!("call");
            merge(&mut answer, call_json(call));
        }
        HopBody::Return(ret) => {
            answer["kind"] = json!("return");
            merge(&mut answer, return_json(ret));
        }
        HopBody::Rollback { to_hop } => {
            answer["kind"] = json!("rollback");
            answer["toHop"] = json!(to_hop);
        }
        HopBody::Verdict(verdict) => {
            answer["kind"] = json!("verdict");
            answer["bundle"] = json!(verdict.bundle);
            answer["ofLeg"] = json!(verdict.leg);
            answer["ok"] = json!(verdict.ok);
        }
    }
    answer
}

fn call_json(call: &HopCall) -> Value {
    json!({
        "caller": call.caller,
        "target": call.target,
        "value": call.value,
        "token": call.token.map(|token| json!({
            "network": token.network, "token": token.token, "amount": token.amount,
        })),
        "gas": quantity(call.gas),
        "static": call.is_static,
        "data": call.data,
    })
}

fn return_json(ret: &HopReturn) -> Value {
    json!({
        "status": ret.status,
        "gasUsed": U64::from(ret.gas_used),
        "valueHome": ret.value,
        "output": ret.data,
    })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// A call of the tree while it is being built.
struct Node {
    k: u32,
    to: NetworkId,
    json: Value,
    is_undone: bool,
    children: Vec<Self>,
}

/// Turns the hops of one leg into a call tree.
fn tree(hops: &[&Hop], chain_id: &impl Fn(NetworkId) -> u64) -> Vec<Value> {
    let mut roots: Vec<Node> = Vec::new();
    let mut open: Vec<Node> = Vec::new();
    for hop in hops {
        match &hop.body {
            HopBody::Call(call) => {
                let mut json = json!({
                    "k": hop.place.k, "from": chain_id(hop.from), "to": chain_id(hop.to),
                });
                merge(&mut json, call_json(call));
                let (k, to) = (hop.place.k, hop.to);
                open.push(Node { k, to, json, is_undone: false, children: Vec::new() });
            }
            HopBody::Return(ret) => {
                let Some(mut node) = open.pop() else { continue };
                merge(&mut node.json, return_json(ret));
                open.last_mut().map_or(&mut roots, |parent| &mut parent.children).push(node);
            }
            HopBody::Rollback { to_hop } => {
                let nodes = roots.iter_mut().chain(open.iter_mut().flat_map(|n| &mut n.children));
                nodes.for_each(|node| undo(node, hop.to, *to_hop));
            }
            HopBody::Verdict(_) => {}
        }
    }
    // Calls that never came back, as in an attempt that stopped, stand where they were made.
    while let Some(node) = open.pop() {
        open.last_mut().map_or(&mut roots, |parent| &mut parent.children).push(node);
    }
    roots.into_iter().map(finished).collect()
}

fn undo(node: &mut Node, to: NetworkId, first: u32) {
    if node.to == to && node.k >= first {
        node.is_undone = true;
    }
    node.children.iter_mut().for_each(|child| undo(child, to, first));
}

fn finished(node: Node) -> Value {
    let mut json = node.json;
    json["rolledBack"] = json!(node.is_undone);
    json["calls"] = node.children.into_iter().map(finished).collect();
    json
}
