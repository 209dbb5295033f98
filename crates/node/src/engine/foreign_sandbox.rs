//! Sandboxes of imported chains: blocks by their own rules.

use super::{At, Engine};
use crate::{
    rpc::errors::RpcResult,
    simulate::{NextBlock, Rules, Sand, Sandbox, Target},
};
use alloy_consensus::Header;
use alloy_primitives::{B256, U256};
use revm::{context::BlockEnv, primitives::hardfork::SpecId};
use std::sync::Arc;
use weft_ethereum::{Schedule, block_env, next_header};
use weft_evm::{Escrow, Heads, Rollup};
use weft_types::NetworkId;

/// Wei of one ether.
const ETHER: u128 = 1_000_000_000_000_000_000;

/// Rules of an imported chain.
#[derive(Debug, Clone)]
struct ForeignRules(Arc<Schedule>);

impl Rules for ForeignRules {
    fn next(&self, parent: &Header, timestamp: u64) -> NextBlock {
        let (rules, header) = next_header(&self.0, parent, B256::ZERO, timestamp);
        NextBlock {
            spec: rules.spec,
            base_fee: header.base_fee_per_gas,
            excess_blob_gas: header.excess_blob_gas,
        }
    }

    fn env(&self, header: &Header) -> BlockEnv {
        block_env(&self.0.rules_of(header), header)
    }

    fn reward(&self, header: &Header) -> U256 {
        let rules = self.0.rules_of(header);
        U256::from(match () {
            () if rules.is_merged => 0,
            () if rules.is_constantinople => 2 * ETHER,
            () if rules.has(SpecId::BYZANTIUM) => 3 * ETHER,
            () => 5 * ETHER,
        })
    }

    fn has_requests(&self) -> bool {
        true
    }
}

impl Engine {
    /// Returns a sandbox on which blocks of an imported chain can follow a moment.
    pub(super) fn foreign_sandbox(&self, network: NetworkId, at: At) -> RpcResult<Sandbox> {
        let chain = self.chain(network);
        let base = match at {
            At::Pending => chain.store.head().clone(),
            At::Block(number) => chain.store.by_number(number)?.expect("moments name blocks"),
        };
        let foreign = chain.foreign.as_ref().expect("the chain is imported");
        let rules = ForeignRules(foreign.schedule.clone());
        let mut spec = chain.spec.clone();
        spec.hardfork = rules.next(&base.header, base.header.timestamp.saturating_add(12)).spec;
        let state = Sand::Whole(self.whole_state(network, at)?);
        let chain_id = spec.chain_id;
        let (head, head_hash) = (base.header.clone(), base.hash);
        Ok(Sandbox {
            domain: self.domain,
            slot: None,
            rollups: vec![Rollup { spec, state, head: head.clone(), head_hash }],
            escrow: Escrow::default(),
            heads: Heads::default(),
            targets: vec![Target {
                network,
                chain_id,
                base: head,
                base_hash: head_hash,
                rules: Box::new(rules),
                open: None,
            }],
            gas: super::sandbox::GAS,
            timeout: super::sandbox::TIMEOUT,
        })
    }
}
