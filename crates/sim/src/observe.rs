//! Which features an item showed, read off its hops and results.

use crate::{
    feature::{Feature, Features},
    generator::Fate,
    history::ItemLog,
    world::World,
};
use alloy_primitives::{Bytes, U256};
use alloy_sol_types::SolError;
use std::collections::{BTreeMap, BTreeSet};
use weft_contracts::Manager;
use weft_types::{Hop, HopBody, HopCall, MANAGER, Marker, NetworkId, Outcome, Status};

/// Collects what an item showed.
pub(crate) fn item(log: &ItemLog, world: &World) -> Features {
    let mut seen = Features::default();
    logs(log, &mut seen);
    for leg in log.applied.hops.chunk_by(|one, other| one.place.leg == other.place.leg) {
        let home = log.planned.item.legs().get(usize::from(leg[0].place.leg));
        if let Some(home) = home {
            Walk::new(home.network).leg(leg, world, &mut seen);
        }
    }
    for leg in &log.applied.legs {
        let draft = log.planned.drafts.get(usize::from(leg.leg));
        if let Some(draft) = draft.filter(|_| leg.success) {
            seen.merge(draft.features(world));
        }
        if !leg.success {
            border(&leg.output, &mut seen);
        }
    }
    outcome(log, &mut seen);
    if let Some(expectation) = log.planned.expectation {
        seen.add(expectation.feature);
    }
    seen
}

/// A leg that came home and left logs on both sides.
fn logs(log: &ItemLog, seen: &mut Features) {
    for (index, leg) in log.planned.item.legs().iter().enumerate() {
        let own = log.applied.transactions.iter().filter(|(_, tx)| usize::from(tx.leg) == index);
        let mut logged = own.filter(|(_, tx)| tx.logs.iter().any(|log| log.address != MANAGER));
        let both =
            logged.clone().any(|(_, tx)| tx.is_system) && logged.any(|(_, tx)| !tx.is_system);
        let mut hops = log.applied.hops.iter().filter(|hop| usize::from(hop.place.leg) == index);
        let home = hops.any(|hop| hop.to == leg.network && matches!(hop.body, HopBody::Call(_)));
        seen.add_if(both && home, Feature::LogsOnce);
    }
}

/// The manager's own errors.
fn border(output: &Bytes, seen: &mut Features) {
    let is = |selector: [u8; 4]| output.starts_with(&selector);
    seen.add_if(is(Manager::NotProvisioned::SELECTOR), Feature::Unknown);
    seen.add_if(is(Manager::Unavailable::SELECTOR), Feature::UnavailableCallee);
    seen.add_if(is(Manager::InsufficientEscrow::SELECTOR), Feature::InsufficientEscrow);
    seen.add_if(is(Manager::DelegateCallToProxy::SELECTOR), Feature::DelegateToProxy);
}

fn outcome(log: &ItemLog, seen: &mut Features) {
    let included = log.applied.outcome == Outcome::Included;
    let failed = Fate::Removed(weft_types::RemovalCause::Failed).matches(&log.applied.outcome);
    let item = &log.planned.item;
    let Some(bundle) = item.bundle() else {
        let reverted = log.applied.legs.first().is_some_and(|leg| !leg.success);
        seen.add_if(included && reverted, Feature::KeptFailure);
        seen.add_if(failed, Feature::RemovedFailure);
        return;
    };
    seen.add_if(failed, Feature::BundleFailed);
    if !included {
        return;
    }
    seen.add_if(matches!(item, weft_types::Item::L1Born(_)), Feature::ForcedBundle);
    match Marker::of(&bundle.legs()[0].tx) {
        Ok(Some(Marker::Suffix(_))) => seen.add(Feature::BundleSuffix),
        Ok(Some(Marker::AccessList(_))) => seen.add(Feature::BundleListed),
        _ => seen.add(Feature::BundleUnmarked),
    }
    seen.add_if(log.applied.legs.iter().any(|leg| !leg.success), Feature::BundleMayRevert);
    let homes: Vec<_> = bundle.legs().iter().map(|leg| leg.network).collect();
    let distinct: BTreeSet<_> = homes.iter().collect();
    seen.add_if(distinct.len() < homes.len(), Feature::BundleSameRollup);
    let calls = log.applied.hops.iter().filter(|hop| matches!(hop.body, HopBody::Call(_)));
    let ways: BTreeSet<_> = calls
        .filter(|hop| homes.get(usize::from(hop.place.leg)) == Some(&hop.from))
        .map(|hop| (hop.from, hop.to))
        .collect();
    let both = ways.iter().any(|(from, to)| ways.contains(&(*to, *from)));
    seen.add_if(both, Feature::BundleBothWays);
}

/// Walks the hops of one leg.
struct Walk {
    home: NetworkId,
    open: Vec<Hop>,
    returned: BTreeMap<(NetworkId, NetworkId, alloy_primitives::Address, Bytes, bool), Bytes>,
    /// Rollups called directly from home.
    children: BTreeSet<NetworkId>,
    touched: BTreeSet<NetworkId>,
    paid: BTreeSet<(NetworkId, NetworkId)>,
}

impl Walk {
    fn new(home: NetworkId) -> Self {
        Self {
            home,
            open: Vec::new(),
            returned: BTreeMap::new(),
            children: BTreeSet::new(),
            touched: BTreeSet::from([home]),
            paid: BTreeSet::new(),
        }
    }

    fn leg(&mut self, hops: &[Hop], world: &World, seen: &mut Features) {
        for pair in hops.windows(2) {
            let many = matches!(
                (&pair[0].body, &pair[1].body),
                (HopBody::Rollback { .. }, HopBody::Rollback { .. })
            );
            seen.add_if(
                many && pair[0].from == pair[1].from && pair[0].to < pair[1].to,
                Feature::RollbackMany,
            );
        }
        for hop in hops {
            match &hop.body {
                HopBody::Call(call) => self.call(hop, call, world, seen),
                HopBody::Return(_) => self.ret(hop, seen),
                HopBody::Rollback { .. } => {
                    seen.add(Feature::Rollback);
                    seen.add_if(self.open.is_empty(), Feature::RolledBack);
                }
                HopBody::Verdict(_) => {}
            }
        }
    }

    fn call(&mut self, hop: &Hop, call: &HopCall, world: &World, seen: &mut Features) {
        let outer = self.open.last();
        let nested =
            outer.is_some_and(|outer| matches!(&outer.body, HopBody::Call(call) if call.is_static));
        seen.add_if(nested && call.is_static, Feature::NestedStatic);
        seen.add_if(call.is_static, Feature::StaticCrossing);
        let again = self.open.iter().any(|outer| outer.from == hop.to);
        seen.add_if(again && self.open.len() == 1, Feature::ReEntrant);
        let path: BTreeSet<_> = self.open.iter().flat_map(|outer| [outer.from, outer.to]).collect();
        seen.add_if(again && path.len() > 2 && self.open.len() >= 7, Feature::ReturnsDeep);
        if self.open.is_empty() {
            self.children.insert(hop.to);
            seen.add_if(self.children.len() > 1, Feature::Siblings);
        }
        self.touched.insert(hop.to);
        seen.add_if(self.touched.len() == crate::world::MAX_ROLLUPS, Feature::FiveRollups);
        if !call.value.is_zero() {
            seen.add(Feature::Value);
            self.paid.insert((hop.from, hop.to));
            seen.add_if(self.paid.contains(&(hop.to, hop.from)), Feature::ValueBothWays);
        }
        self.target(hop.to, call, world, seen);
        self.open.push(hop.clone());
        seen.add_if(self.open.len() >= 10, Feature::Depth10);
        seen.add_if(self.open.len() >= 20, Feature::Depth20);
        seen.add_if(self.open.len() >= 30, Feature::Depth30);
    }

    fn target(&self, network: NetworkId, call: &HopCall, world: &World, seen: &mut Features) {
        let Some(cast) = world.index_of(network).map(|index| world.cast(index)) else { return };
        seen.add_if(call.target == cast.codeless, Feature::CodelessTarget);
        let authority = cast.authorities.iter().any(|key| key.address() == call.target);
        seen.add_if(authority, Feature::DelegatedCallee);
    }

    fn ret(&mut self, hop: &Hop, seen: &mut Features) {
        let HopBody::Return(ret) = &hop.body else { unreachable!("asked for returns") };
        let depth = self.open.len();
        let Some(call) = self.open.pop() else { return };
        let HopBody::Call(asked) = &call.body else { unreachable!("only calls are open") };
        match ret.status {
            Status::Ok => self.success(&call, asked, &ret.data, seen),
            Status::Reverted => seen.add(match depth {
                1 => Feature::RevertShallow,
                2..10 => Feature::RevertMiddle,
                _ => Feature::RevertDeep,
            }),
            Status::OutOfGas => seen.add(Feature::CalleeOutOfGas),
            Status::FeeTooLow => seen.add(Feature::FeeTooLow),
            Status::Full => seen.add(Feature::Full),
            Status::Unavailable | Status::NotProvisioned | Status::InsufficientEscrow => {}
        }
        seen.add_if(ret.value > U256::ZERO, Feature::Stipend);
    }

    fn success(&mut self, call: &Hop, asked: &HopCall, data: &Bytes, seen: &mut Features) {
        seen.add_if(call.from == self.home, Feature::OneWay);
        seen.add_if(data.len() >= 65_000, Feature::LongReturn);
        let key = (call.from, call.to, asked.target, asked.data.clone(), asked.is_static);
        let before = self.returned.insert(key, data.clone());
        let differs = before.is_some_and(|before| before != *data);
        let feature =
            if asked.is_static { Feature::StaticWriteStatic } else { Feature::SameCallTwice };
        seen.add_if(differs, feature);
    }
}

/// What a history's world shows by itself.
pub(crate) fn world(world: &World) -> Features {
    let mut seen = Features::default();
    let fees: BTreeSet<_> = world.base_fees.iter().collect();
    seen.add_if(fees.len() > 1, Feature::DifferentBaseFees);
    seen
}
