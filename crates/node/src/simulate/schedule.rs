//! Which blocks a simulation makes: in order, without gaps.

use super::errors;
use crate::rpc::errors::RpcResult;
use alloy_consensus::Header;
use alloy_primitives::U256;
use alloy_rpc_types_eth::simulate::SimBlock;

/// Most blocks of one simulation, fillers included.
const MAX_BLOCKS: u64 = 256;
/// Seconds between blocks when nobody says otherwise.
const BLOCK_SECONDS: u64 = 12;

/// A block to make.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) number: u64,
    pub(super) timestamp: u64,
    pub(super) block: SimBlock,
}

/// Gives every block number and time; what lies between two blocks is filled with empty ones. The first block may
/// stand in the place of one that is `open`, and has its time then.
pub(super) fn plan(
    base: &Header,
    open: Option<&Header>,
    blocks: Vec<SimBlock>,
) -> RpcResult<Vec<Planned>> {
    let mut out = Vec::new();
    let (mut number, mut timestamp) = (base.number, base.timestamp);
    for block in blocks {
        let overrides = block.block_overrides.clone().unwrap_or_default();
        let wanted = overrides.number.unwrap_or_else(|| U256::from(number) + U256::from(1));
        if wanted <= U256::from(number) {
            return Err(errors::block_number(wanted, U256::from(number)));
        }
        if wanted - U256::from(base.number) > U256::from(MAX_BLOCKS) {
            return Err(errors::too_many_blocks());
        }
        let wanted: u64 = wanted.to();
        for filler in number + 1..wanted {
            timestamp = timestamp.saturating_add(BLOCK_SECONDS);
            out.push(Planned { number: filler, timestamp, block: SimBlock::default() });
        }
        let open = open.filter(|open| open.number == wanted && overrides.time.is_none());
        let next = open.map_or(timestamp.saturating_add(BLOCK_SECONDS), |open| open.timestamp);
        let time = overrides.time.unwrap_or(next);
        if time <= timestamp && open.is_none() {
            return Err(errors::block_timestamp(time, timestamp));
        }
        (number, timestamp) = (wanted, time);
        out.push(Planned { number, timestamp, block });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_rpc_types_eth::BlockOverrides;

    fn block(number: Option<u64>, time: Option<u64>) -> SimBlock {
        let number = number.map(U256::from);
        let overrides = BlockOverrides { number, time, ..BlockOverrides::default() };
        SimBlock { block_overrides: Some(overrides), ..SimBlock::default() }
    }

    fn planned(blocks: Vec<SimBlock>) -> RpcResult<Vec<(u64, u64)>> {
        let base = Header { number: 10, timestamp: 100, ..Header::default() };
        let planned = plan(&base, None, blocks)?;
        Ok(planned.iter().map(|block| (block.number, block.timestamp)).collect())
    }

    #[test]
    fn gaps_are_filled_and_order_is_kept() {
        let blocks = vec![block(None, None), block(Some(14), Some(1000)), block(None, None)];
        let expected = vec![(11, 112), (12, 124), (13, 136), (14, 1000), (15, 1012)];
        assert_eq!(planned(blocks).unwrap(), expected);
        let code = |blocks| planned(blocks).unwrap_err().code;
        assert_eq!(code(vec![block(Some(10), None)]), -38020);
        assert_eq!(code(vec![block(None, Some(100))]), -38021);
        assert_eq!(code(vec![block(Some(14), Some(112))]), -38021);
        assert_eq!(code(vec![block(Some(267), None)]), -38026);
        assert_eq!(planned(vec![block(Some(266), None)]).unwrap().len(), 256);
    }
}
