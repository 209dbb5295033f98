//! Each rollup alone, from encoded bytes: its items and the hops addressed to it (P27).

use super::{Verdict, Violation, agree, agree_in_order, require};
use crate::history::{Parts, SlotLog};
use weft_evm::{MemoryState, Realm, replay::ReplayItem};
use weft_types::{Decode, Domain, Encode, NetworkId, Outcome};

const REPLAY: &str = "replay";

/// One rollup that sees nothing of the others but hops.
#[derive(Debug)]
pub(crate) struct Alone {
    network: NetworkId,
    realm: Realm<MemoryState>,
}

impl Alone {
    pub(crate) fn all(domain: Domain, parts: &Parts) -> Vec<Self> {
        let networks: Vec<_> = parts.rollups.iter().map(|rollup| rollup.spec.network).collect();
        let alone = |rollup: &weft_evm::Rollup<MemoryState>| {
            let (escrow, heads) = (&parts.escrow, &parts.heads);
            let others = networks.iter().copied().filter(|other| *other != rollup.spec.network);
            let realm = Realm::alone(domain, rollup.clone(), escrow, heads, others);
            Self { network: rollup.spec.network, realm }
        };
        parts.rollups.iter().map(alone).collect()
    }

    /// Replays a slot and compares its block, heads and escrow with those of the joint run.
    pub(crate) fn slot(&mut self, log: &SlotLog, joint: &Realm<MemoryState>) -> Verdict {
        self.realm.open_slot(log.header.clone()).map_err(|error| failed(&error))?;
        for item in &log.items {
            item.prepare(&mut self.realm);
            let recorded = ReplayItem::of(self.network, item.planned.item.clone(), &item.applied);
            let recorded =
                ReplayItem::decode(&recorded.encode()).map_err(|error| failed(&error))?;
            let applied = self.realm.replay(&recorded).map_err(|error| failed(&error))?;
            if item.applied.outcome != Outcome::Included {
                continue;
            }
            let at = || format!("{} at {}", self.network, item.position);
            let stands = applied.outcome == Outcome::Included;
            require(stands, REPLAY, || format!("{} alone: {:?}", at(), applied.outcome))?;
            let own: Vec<_> = item.applied.hops.iter().filter(|hop| self.touches(hop)).collect();
            let seen: Vec<_> = applied.hops.iter().filter(|hop| self.touches(hop)).collect();
            agree_in_order(REPLAY, || format!("hops of {}", at()), &own, &seen)?;
        }
        let blocks = self.realm.close_slot().map_err(|error| failed(&error))?;
        let own: Vec<_> = log.blocks.iter().filter(|block| block.network == self.network).collect();
        let seen: Vec<_> = blocks.iter().collect();
        agree(REPLAY, || format!("block of {}", self.network), &own, &seen)?;
        self.compare(joint)
    }

    fn compare(&self, joint: &Realm<MemoryState>) -> Verdict {
        let network = self.network;
        let escrow: Vec<_> =
            joint.escrow().iter().filter(|(owner, ..)| *owner == network).collect();
        let seen: Vec<_> = self.realm.escrow().iter().collect();
        agree(REPLAY, || format!("escrow of {network}"), &escrow, &seen)?;
        let own =
            |((from, to), _): &((NetworkId, NetworkId), _)| *from == network || *to == network;
        let heads: Vec<_> = joint.heads().iter().filter(own).collect();
        let seen: Vec<_> = self.realm.heads().iter().collect();
        agree(REPLAY, || format!("heads of {network}"), &heads, &seen)
    }

    fn touches(&self, hop: &weft_types::Hop) -> bool {
        hop.from == self.network || hop.to == self.network
    }
}

fn failed(error: &impl std::fmt::Debug) -> Violation {
    Violation { checker: REPLAY, text: format!("{error:?}") }
}
