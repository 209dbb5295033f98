//! What is said of a deployment.

use serde_json::{Value, json};
use weft_l1::Deployed;

fn genesis(deployed: &Deployed) -> u64 {
    deployed.realm.rollups.first().map_or(0, |rollup| rollup.timestamp)
}

/// Returns everything about it.
pub(super) fn json(deployed: &Deployed) -> Value {
    let contracts = &deployed.contracts;
    let steps = deployed.steps.iter().map(|done| {
        json!({
            "name": done.name,
            "address": done.address,
            "transaction": done.transaction,
            "gasUsed": done.gas_used,
        })
    });
    json!({
        "event": "deployed",
        "chainId": deployed.chain_id,
        "hub": contracts.hub,
        "inbox": contracts.inbox,
        "bridge": contracts.bridge,
        "escape": contracts.escape,
        "registry": contracts.registry,
        "slasher": contracts.slasher,
        "judge": contracts.judge,
        "orderVerifier": contracts.order_verifier,
        "policy": deployed.policy,
        "from": deployed.from,
        "genesis": genesis(deployed),
        "realm": deployed.realm.hash(),
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// Returns with which variables a node is one of this realm.
pub(super) fn start(deployed: &Deployed) -> String {
    let (chain, hub, genesis) = (deployed.chain_id, deployed.contracts.hub, genesis(deployed));
    format!("start with WEFT_L1_CHAIN_ID={chain} WEFT_L1_HUB={hub} WEFT_REALM_GENESIS={genesis}")
}
