//! Revert data in words, for errors of the contracts that come with Weft.

use alloy_sol_types::{Panic, Revert, SolError, SolInterface};
use std::fmt::Debug;
use weft_contracts as c;

/// Returns what `data` says, as `Slippage { amountOut: 1, minOut: 2 }`; `None` if no known contract says so.
pub(crate) fn revert(data: &[u8]) -> Option<String> {
    if let Ok(Revert { reason }) = Revert::abi_decode(data) {
        return Some(format!("Error(\"{reason}\")"));
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return Some(panic.to_string());
    }
    decode::<c::Manager::ManagerErrors>(data)
        .or_else(|| decode::<c::Bridge::BridgeErrors>(data))
        .or_else(|| decode::<c::FlashArb::FlashArbErrors>(data))
        .or_else(|| decode::<c::FlashLender::FlashLenderErrors>(data))
        .or_else(|| decode::<c::Pool::PoolErrors>(data))
        .or_else(|| decode::<c::CrossChainToken::CrossChainTokenErrors>(data))
        .or_else(|| decode::<c::RemoteTrader::RemoteTraderErrors>(data))
        .or_else(|| decode::<c::Weth::WethErrors>(data))
}

fn decode<E: SolInterface + Debug>(data: &[u8]) -> Option<String> {
    let text = format!("{:?}", E::abi_decode(data).ok()?);
    // A generated enum prints as `Variant(Error { .. })`.
    let inner = text.split_once('(')?.1.strip_suffix(')')?;
    Some(inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    #[test]
    fn revert_names_errors_and_their_values() {
        let error = c::Pool::Slippage { amountOut: U256::from(1), minOut: U256::from(2) };
        assert_eq!(revert(&error.abi_encode()).unwrap(), "Slippage { amountOut: 1, minOut: 2 }");
        let text = Revert::from("too late").abi_encode();
        assert_eq!(revert(&text).unwrap(), "Error(\"too late\")");
        assert_eq!(revert(&[1, 2, 3, 4]), None);
        assert_eq!(revert(&[]), None);
    }
}
