//! What a simulated block takes from its parent and from the rules of its chain.

use alloy_consensus::Header;
use alloy_eips::eip1559::BaseFeeParams;
use alloy_primitives::U256;
use revm::{
    context::BlockEnv, context_interface::block::BlobExcessGasAndPrice,
    primitives::hardfork::SpecId,
};
use std::fmt::Debug;

/// What the rules say about the block after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NextBlock {
    pub(crate) spec: SpecId,
    /// `None` before London.
    pub(crate) base_fee: Option<u64>,
    /// `None` before Cancun.
    pub(crate) excess_blob_gas: Option<u64>,
}

/// Rules of a chain.
pub(crate) trait Rules: Debug + Send {
    /// Returns what follows from `parent` for the next block at `timestamp`.
    fn next(&self, parent: &Header, timestamp: u64) -> NextBlock;

    /// Returns the environment of a block with this header.
    fn env(&self, header: &Header) -> BlockEnv;

    /// Returns the wei that a block's coinbase gets at its end: the reward of proof of work.
    fn reward(&self, header: &Header) -> U256;

    /// Returns true when a block is closed by asking the contracts of EIP-7002 and EIP-7251.
    fn has_requests(&self) -> bool;
}

/// Rules of rollups: one set for all time (P9).
#[derive(Debug, Clone, Copy)]
pub(crate) struct RollupRules {
    pub(crate) hardfork: SpecId,
}

impl Rules for RollupRules {
    fn next(&self, parent: &Header, _: u64) -> NextBlock {
        // A block without room has no target that the fee could follow.
        let next = (parent.gas_limit > 1)
            .then(|| parent.next_block_base_fee(BaseFeeParams::ethereum()))
            .flatten();
        let base_fee = next.or(parent.base_fee_per_gas).unwrap_or_default();
        NextBlock { spec: self.hardfork, base_fee: Some(base_fee), excess_blob_gas: Some(0) }
    }

    fn env(&self, header: &Header) -> BlockEnv {
        BlockEnv {
            number: U256::from(header.number),
            beneficiary: header.beneficiary,
            timestamp: U256::from(header.timestamp),
            gas_limit: header.gas_limit,
            basefee: header.base_fee_per_gas.unwrap_or_default(),
            difficulty: header.difficulty,
            prevrandao: Some(header.mix_hash),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, 5_007_716)),
            ..BlockEnv::default()
        }
    }

    fn reward(&self, _: &Header) -> U256 {
        U256::ZERO
    }

    fn has_requests(&self) -> bool {
        false
    }
}
