//! Closed slots for whoever follows before L1 holds them.

use super::{
    Args, Call, Heavy, Work,
    errors::{RpcError, RpcResult},
};
use crate::engine::unposted::{Closed, MAX_SLOTS, encoded};
use alloy_primitives::Bytes;
use serde_json::{Value, json};
use weft_types::Encode as _;

/// The method.
pub(crate) const GET_SLOTS: &str = "weft_getSlots";

pub(super) const HEAVY: Heavy = &[(GET_SLOTS, slots)];

/// Returns closed slots from one on.
fn slots(call: &mut Call<'_>, args: &Args) -> RpcResult<Work> {
    let from = args.required_number(0)?;
    if from == 0 {
        return Err(RpcError::params("slot 0: the first one is slot 1"));
    }
    let most =
        args.number(1)?.map_or(MAX_SLOTS, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let asked = call.engine.unposted(from, most)?;
    Ok(Box::new(move || {
        let closed = asked.map(|asked| asked.answer()).transpose()?.flatten();
        Ok(closed.map_or(Value::Null, |closed| closed_json(&closed)))
    }))
}

fn closed_json(closed: &Closed) -> Value {
    let Closed { from, slots, checkpoint } = closed;
    json!({
        "from": from,
        "count": slots.len(),
        "slots": Bytes::from(encoded(*from, slots)),
        "checkpoint": Bytes::from(checkpoint.encode()),
    })
}
