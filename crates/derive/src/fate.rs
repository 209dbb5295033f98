//! What became of items, in the form in which it is settled.

use crate::derivation::Derivation;
use alloc::{collections::BTreeSet, vec::Vec};
use alloy_primitives::{B256, keccak256};
use weft_evm::{Applied, BlockTx};
use weft_types::{
    Item, NetworkId, Outcome, Position, PromisedLeg, PromisedRemoval, promise::logs_hash,
};

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Position.
    pub position: Position,
    /// Hash of the item.
    pub item: B256,
    /// Rollups that it was for, or that it touched, in order; none of an envelope that held nothing.
    pub networks: Vec<NetworkId>,
    /// Its transactions in blocks, as an execution promise names them.
    pub legs: Vec<PromisedLeg>,
    /// Why it is in no block, when it is not.
    pub removal: Option<PromisedRemoval>,
}

impl Derivation {
    /// Returns what became of an item that just had its turn.
    pub(crate) fn fate(&self, item: &Item, hash: B256, applied: &Applied) -> Fate {
        let own = applied.transactions.iter().filter(|(_, tx)| !tx.is_system);
        let mut legs: Vec<_> = own.map(|(network, tx)| self.promised(*network, tx)).collect();
        legs.sort_by_key(|leg| leg.leg);
        let touched = applied.transactions.iter().map(|(network, _)| *network);
        let networks: BTreeSet<_> =
            touched.chain(item.legs().iter().map(|leg| leg.network)).collect();
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
