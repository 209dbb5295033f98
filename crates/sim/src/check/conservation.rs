//! Ether is neither made nor lost (P24).

use super::{Verdict, agree};
use crate::{history::SlotLog, world::supply};
use alloy_primitives::U256;
use std::collections::BTreeMap;
use weft_evm::{MemoryState, Realm, TokenId};
use weft_types::{Hop, HopBody, NetworkId, Outcome, Status};

const CONSERVATION: &str = "conservation";

/// Balances, base fees burnt and escrow of every rollup.
///
/// Programs never make ether vanish otherwise: nobody pays a contract that destroyed itself earlier in the
/// transaction, and none names itself as its heir.
#[derive(Debug)]
pub(crate) struct Conservation {
    /// Balances plus burnt fees minus escrow of each rollup, which nothing may change; modulo 2^256.
    constant: BTreeMap<NetworkId, U256>,
    burnt: BTreeMap<NetworkId, U256>,
    /// Escrow of all rollups together; what comes from L1 and leaves for it changes it.
    escrow: U256,
}

impl Conservation {
    pub(crate) fn new(realm: &Realm<MemoryState>) -> Self {
        let networks = realm.specs().map(|spec| spec.network);
        let difference =
            |network| (network, supply_of(realm, network).wrapping_sub(escrow(realm, network)));
        let constant = networks.map(difference).collect();
        Self { constant, burnt: BTreeMap::new(), escrow: total(realm) }
    }

    /// Takes a closed slot in.
    pub(crate) fn slot(&mut self, log: &SlotLog, realm: &Realm<MemoryState>) -> Verdict {
        for block in &log.blocks {
            let base_fee = U256::from(block.header.base_fee_per_gas.unwrap_or_default());
            let paid = block.transactions.iter().filter(|tx| !tx.is_system);
            let burnt: U256 = paid.map(|tx| base_fee * U256::from(tx.gas_used)).sum();
            *self.burnt.entry(block.network).or_default() += burnt;
        }
        for item in log.items.iter().filter(|item| item.applied.outcome == Outcome::Included) {
            let (came, left) = through_l1(&item.applied.hops);
            self.escrow = self.escrow + came - left;
        }
        for (network, constant) in &self.constant {
            let burnt = self.burnt.get(network).copied().unwrap_or_default();
            let now = supply_of(realm, *network) + burnt;
            let now = now.wrapping_sub(escrow(realm, *network));
            agree(CONSERVATION, || format!("ether of {network}"), &now, constant)?;
        }
        agree(CONSERVATION, || "escrow of all rollups".into(), &total(realm), &self.escrow)
    }
}

/// Returns the wei that came from L1 and stayed, and those that left for it.
fn through_l1(hops: &[Hop]) -> (U256, U256) {
    let (mut came, mut left, mut leaving, mut call) = (U256::ZERO, U256::ZERO, vec![], U256::ZERO);
    for hop in hops.iter().filter(|hop| hop.touches_l1()) {
        match (&hop.body, hop.to == NetworkId::L1) {
            (HopBody::Call(sent), false) => call = sent.value,
            (HopBody::Call(sent), true) => leaving.push((hop.place.k, sent.value)),
            (HopBody::Rollback { to_hop }, _) => leaving.retain(|(k, _)| k < to_hop),
            (HopBody::Return(ret), true) if ret.status == Status::Ok => {
                came += core::mem::take(&mut call);
                left += leaving.drain(..).map(|(_, wei)| wei).sum::<U256>();
            }
            (HopBody::Return(_), true) => leaving.clear(),
            (HopBody::Return(_) | HopBody::Verdict(_), _) => {}
        }
    }
    (came, left + leaving.into_iter().map(|(_, wei)| wei).sum::<U256>())
}

fn supply_of(realm: &Realm<MemoryState>, network: NetworkId) -> U256 {
    supply(realm.state(network).expect("the rollup runs here"))
}

fn escrow(realm: &Realm<MemoryState>, network: NetworkId) -> U256 {
    realm.escrow().balance(network, TokenId::ETHER)
}

fn total(realm: &Realm<MemoryState>) -> U256 {
    realm.escrow().iter().map(|(_, _, balance)| balance).sum()
}
