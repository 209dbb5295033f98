//! What became of items, in the form in which it is settled.

use crate::derivation::Derivation;
use alloc::{collections::BTreeSet, vec, vec::Vec};
use alloy_primitives::{B256, keccak256};
use weft_evm::{Applied, Begin, BlockTx};
use weft_types::{
    Item, NetworkId, Opening, Outcome, Position, PromisedLeg, PromisedRemoval, promise::logs_hash,
};

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Position.
    pub position: Position,
    /// Hash of the item.
    pub item: B256,
    /// Rollups that it was for, or that it touched, in order; none of an envelope that held nothing, all for a part of a bundle
    /// that waits for others.
    pub networks: Vec<NetworkId>,
    /// Its transactions in blocks, as an execution promise names them.
    pub legs: Vec<PromisedLeg>,
    /// Why it is in no block, when it is not.
    pub removal: Option<PromisedRemoval>,
}

impl<S: Begin> Derivation<S> {
    /// Returns what became of an item that just had its turn.
    pub(crate) fn fate(&self, item: &Item, hash: B256, applied: &Applied) -> Fate {
        let own = applied.transactions.iter().filter(|(_, tx)| !tx.is_system);
        let mut legs: Vec<_> = own.map(|(network, tx)| self.promised(*network, tx)).collect();
        legs.sort_by_key(|leg| leg.leg);
        let touched = applied.transactions.iter().map(|(network, _)| *network);
        let own = item.legs().iter().map(|leg| leg.network);
        let networks: BTreeSet<_> = touched.chain(own).chain(self.claimable(item)).collect();
        Fate {
            position: applied.position,
            item: hash,
            networks: networks.into_iter().collect(),
            legs,
            removal: match &applied.outcome {
                Outcome::Included => None,
                Outcome::Removed(removal) => Some(PromisedRemoval::from(removal)),
            },
        }
    }

    /// Returns the rollups on which a false result of a part can name a leg, where its own leg is none of the item's.
    ///
    /// What waits for other parts has no transaction anywhere, and no evidence tells a leg of theirs from an invented one: so
    /// each rollup says that there is none. A part whose place is taken is removed, which any leaf refutes.
    fn claimable(&self, item: &Item) -> Vec<NetworkId> {
        let Item::Sealed(sealed) = item else { return Vec::new() };
        match &sealed.opening {
            Opening::Repeated(part) => vec![part.leg().network],
            Opening::Opened(item) if matches!(**item, Item::Part(_)) => {
                self.realm.networks().map(|(network, _)| network).collect()
            }
            _ => Vec::new(),
        }
    }

    fn promised(&self, network: NetworkId, tx: &BlockTx) -> PromisedLeg {
        let number = self.realm.block_env(network).map(|env| env.number.saturating_to());
        let parent = self.realm.head(network).map(|(_, hash)| hash);
        PromisedLeg {
            leg: tx.leg,
            network,
            tx_hash: *tx.tx.tx_hash(),
            success: tx.success,
            gas_used: tx.gas_used,
            output_hash: keccak256(&tx.output),
            logs_hash: logs_hash(&self.config.domain, &tx.logs),
            block_number: number.unwrap_or_default(),
            parent_hash: parent.unwrap_or_default(),
        }
    }
}
