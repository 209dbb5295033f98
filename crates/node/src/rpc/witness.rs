//! `debug_executionWitness`: what a block can be executed on without the rest of the state.

use super::{
    Args, Call, Heavy, Work,
    errors::{RpcError, RpcResult},
};
use crate::engine::WholeWitness;
use alloy_eips::BlockId;
use alloy_primitives::{Bytes, U256};
use serde_json::{Value, json};
use weft_evm::TokenId;
use weft_types::{Encode, NetworkId};

pub(super) const OF_ROLLUPS: Heavy = &[("debug_executionWitness", witness)];

fn witness(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let id: BlockId = args.required(0)?;
    if id.is_pending() {
        return Err(RpcError::refused("the pending block has no witness yet"));
    }
    let block = call.block_of(id)?.ok_or_else(|| RpcError::not_found("block not found"))?;
    let making = call.engine.witness_of(call.network, &block)?;
    Ok(Box::new(move || Ok(witness_json(&making.make()?))))
}

fn hex(value: &impl Encode) -> Bytes {
    value.encode().into()
}

fn witness_json(whole: &WholeWitness) -> Value {
    let balance = |(holder, token, amount): (NetworkId, TokenId, U256)| {
        json!({
            "network": holder,
            "tokenNetwork": token.network,
            "token": token.token,
            "balance": amount,
        })
    };
    json!({
        "state": whole.witness.state,
        "codes": whole.witness.codes,
        "keys": whole.witness.keys,
        "headers": whole.witness.headers,
        "weft": {
            "domain": whole.domain,
            "slot": hex(&whole.slot),
            "networks": whole.networks,
            "escrow": whole.escrow.iter().map(balance).collect::<Vec<_>>(),
            "items": whole.items.iter().map(hex).collect::<Vec<_>>(),
        },
    })
}
