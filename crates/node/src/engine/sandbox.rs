//! Sandboxes: copies of the rollups on which blocks can be made and forgotten.

use super::{At, Engine, Scratch};
use crate::{
    rpc::errors::RpcResult,
    simulate::{RollupRules, Sand, Sandbox, Target},
    store::StoredBlock,
};
use alloy_consensus::Header;
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::Bytes;
use alloy_rpc_types_eth::state::StateOverride;
use alloy_trie::EMPTY_ROOT_HASH;
use std::{sync::Arc, time::Duration};
use weft_evm::{Rollup, State};
use weft_state::ChainState;
use weft_types::NetworkId;

/// Gas of all calls of a simulation together, as in go-ethereum.
pub(super) const GAS: u64 = 50_000_000;
/// Time that a simulation may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

impl Engine {
    /// Returns a sandbox on which blocks of one rollup can follow a moment.
    pub(crate) fn sandbox(&mut self, network: NetworkId, at: At) -> RpcResult<Sandbox> {
        if self.chain(network).foreign.is_some() {
            return self.foreign_sandbox(network, at);
        }
        self.sandbox_of(network, &[network], at)
    }

    /// Returns a sandbox on which blocks of several rollups can stand in the place of those that are open.
    pub(crate) fn open_sandbox(&mut self, networks: &[NetworkId]) -> RpcResult<Sandbox> {
        let first = networks.first().copied().unwrap_or_default();
        let mut sandbox = self.sandbox_of(first, networks, At::Pending)?;
        for target in &mut sandbox.targets {
            target.open = Some(self.open_header(target.network));
        }
        Ok(sandbox)
    }

    fn sandbox_of(
        &mut self,
        network: NetworkId,
        targets: &[NetworkId],
        at: At,
    ) -> RpcResult<Sandbox> {
        let Scratch { domain, slot, rollups, escrow, heads } =
            self.apart(network, at, StateOverride::default())?;
        let mut all = Vec::new();
        for Rollup { spec, state, head, head_hash } in rollups {
            let is_target = targets.contains(&spec.network);
            if !is_target {
                all.push(Rollup { spec, state: Sand::Seen(state), head, head_hash });
                continue;
            }
            let state = Sand::Whole(self.whole(spec.network, at)?);
            let base = self.base(spec.network, at)?;
            all.push(Rollup { spec, state, head: base.header.clone(), head_hash: base.hash });
        }
        let targets = targets.iter().map(|network| self.target(*network, at));
        let targets = targets.collect::<RpcResult<_>>()?;
        Ok(Sandbox {
            domain,
            slot: Some(slot),
            rollups: all,
            escrow,
            heads,
            targets,
            gas: GAS,
            timeout: TIMEOUT,
        })
    }

    fn target(&self, network: NetworkId, at: At) -> RpcResult<Target> {
        let (base, spec) = (self.base(network, at)?, &self.chain(network).spec);
        Ok(Target {
            network,
            chain_id: spec.chain_id,
            base: base.header.clone(),
            base_hash: base.hash,
            rules: Box::new(RollupRules { hardfork: spec.hardfork }),
            open: None,
        })
    }

    /// Returns the last closed block of a moment.
    fn base(&self, network: NetworkId, at: At) -> RpcResult<Arc<StoredBlock>> {
        let store = &self.chain(network).store;
        match at {
            At::Pending => Ok(store.head().clone()),
            At::Block(number) => Ok(store.by_number(number)?.expect("moments name blocks")),
        }
    }

    /// Returns a copy of a rollup's whole state.
    fn whole(&mut self, network: NetworkId, at: At) -> RpcResult<ChainState> {
        if at == At::Pending {
            let changes = self.working(network).changes()?;
            let mut state = self.realm.state(network).expect("the rollup runs here").clone();
            state.apply(&changes)?;
            return Ok(state);
        }
        let number = self.base(network, at)?.header.number;
        self.closed(network, at)?;
        self.state_after(network, number)
    }

    /// Returns the header of the block that is open, as it is before anything runs in it.
    fn open_header(&self, network: NetworkId) -> Header {
        let env = self.realm.block_env(network).expect("the rollup runs here");
        let slot = self.realm.slot().expect("a slot is always open");
        Header {
            number: env.number.saturating_to(),
            timestamp: env.timestamp.saturating_to(),
            beneficiary: env.beneficiary,
            gas_limit: env.gas_limit,
            base_fee_per_gas: Some(env.basefee),
            mix_hash: env.prevrandao.unwrap_or_default(),
            extra_data: Bytes::copy_from_slice(&slot.unix_ms.to_be_bytes()),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(slot.hash(&self.domain)),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        }
    }
}
