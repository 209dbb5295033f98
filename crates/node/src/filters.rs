//! Installed filters of one rollup.

use crate::{
    engine::ChainEvent,
    rpc::{
        errors::{RpcError, RpcResult},
        logs::removed,
    },
    store::StoredBlock,
};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Filter, Log};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Most pending transactions that a filter keeps for its owner.
const MAX_PENDING: usize = 10_000;

/// Most logs that are not any more which a filter keeps for its owner.
const MAX_REMOVED: usize = 10_000;

/// What a filter is about.
#[derive(Debug, Clone)]
pub(crate) enum Topic {
    /// Logs that match.
    Logs(Box<Filter>),
    /// Hashes of blocks.
    Blocks,
    /// Hashes of accepted transactions.
    Pending(Vec<B256>),
}

/// An installed filter.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) topic: Topic,
    /// First block that its owner has not heard about.
    pub(crate) next_block: u64,
    /// Logs that its owner heard about and that are not any more.
    pub(crate) removed: Vec<Log>,
    asked: Instant,
}

/// Installed filters, within bounds.
#[derive(Debug)]
pub(crate) struct Filters {
    max: usize,
    ttl: Duration,
    last_id: u64,
    installed: BTreeMap<u64, Installed>,
}

impl Filters {
    pub(crate) const fn new(max: usize, ttl: Duration) -> Self {
        Self { max, ttl, last_id: 0, installed: BTreeMap::new() }
    }

    /// Installs a filter; the oldest ones go when they were not asked for too long.
    pub(crate) fn install(&mut self, topic: Topic, next_block: u64) -> RpcResult<u64> {
        let now = Instant::now();
        let ttl = self.ttl;
        self.installed.retain(|_, filter| now.saturating_duration_since(filter.asked) < ttl);
        if self.installed.len() >= self.max {
            return Err(RpcError::limit(format!("{} filters are installed", self.max)));
        }
        self.last_id += 1;
        let removed = Vec::new();
        self.installed.insert(self.last_id, Installed { topic, next_block, removed, asked: now });
        Ok(self.last_id)
    }

    pub(crate) fn uninstall(&mut self, id: u64) -> bool {
        self.installed.remove(&id).is_some()
    }

    /// Returns a filter that is being asked.
    pub(crate) fn ask(&mut self, id: u64) -> RpcResult<&mut Installed> {
        let filter =
            self.installed.get_mut(&id).ok_or_else(|| RpcError::refused("filter not found"))?;
        filter.asked = Instant::now();
        Ok(filter)
    }

    pub(crate) fn observe(&mut self, event: &ChainEvent) {
        let ChainEvent::Pending(hash) = event else { return };
        for filter in self.installed.values_mut() {
            if let Topic::Pending(hashes) = &mut filter.topic
                && hashes.len() < MAX_PENDING
            {
                hashes.push(*hash);
            }
        }
    }

    /// Notes that the blocks after `head` are not any more, in order.
    pub(crate) fn take_back(&mut self, head: u64, gone: &[Arc<StoredBlock>]) {
        for filter in self.installed.values_mut() {
            if let Topic::Logs(wanted) = &filter.topic {
                let told = gone.iter().filter(|block| block.header.number < filter.next_block);
                let logs = told.rev().flat_map(|block| removed(block, wanted));
                filter.removed.extend(logs);
                filter.removed.truncate(MAX_REMOVED);
            }
        }
        self.rewind(head);
    }

    /// Forgets having told about blocks after `head`.
    pub(crate) fn rewind(&mut self, head: u64) {
        for filter in self.installed.values_mut() {
            filter.next_block = filter.next_block.min(head + 1);
        }
    }
}
