//! Rollups whose execution runs in processes of their own (P7, P8).
//!
//! Their items run there first, through the hub; the engine then runs every item itself, which keeps all states
//! readable in one place and finds out an executor that does not do what the fold does. A lost executor makes its
//! rollup unavailable from the item on at which it was lost.

use super::Engine;
use crate::{config::DevConfig, error::NodeError};
use std::{collections::BTreeMap, os::unix::net::UnixStream, process::Child, time::Duration};
use weft_evm::{Applied, FoldError, MemoryState, Realm, RemoteLost, Rollup, Stop};
use weft_executor::{HubHandle, message::Start, process, state_codec};
use weft_lane::Input;
use weft_state::StoreError;
use weft_types::{Halt, Item, NetworkId, Outcome, Position, SlotHeader};

/// What a realm in memory is made of.
type MemoryParts = (Vec<Rollup<MemoryState>>, weft_evm::Escrow, weft_evm::Heads);

/// How many times as long as one answer a whole item may take.
const ITEM_PATIENCE: u32 = 5;

/// Executors and the part of the realm that the hub runs.
#[derive(Debug)]
pub(crate) struct Executors {
    hub: HubHandle,
    realm: Realm<MemoryState>,
    children: BTreeMap<NetworkId, Child>,
    /// True when the states were changed from outside since the executors started.
    is_stale: bool,
    /// True from an item on that came out differently, until the states are handed over anew.
    is_paused: bool,
}

impl Executors {
    /// Returns the process id of a rollup's executor while it lives.
    pub(crate) fn pid(&self, network: NetworkId) -> Option<u32> {
        self.children.get(&network).map(Child::id)
    }

    /// Runs an item through the hub; `Err` names a lost rollup, without which the item must start again.
    fn apply(&mut self, position: Position, item: &Item) -> Result<Applied, Vec<RemoteLost>> {
        let lost = self.hub.begin_item(position, item);
        if !lost.is_empty() {
            return Err(lost);
        }
        match self.realm.apply(position, item) {
            Ok(applied) => Ok(applied),
            Err(FoldError::Stopped(Stop::Lost(lost))) => Err(vec![lost]),
            Err(FoldError::Stopped(stop)) => {
                // Whoever spoke last said what does not fit.
                let speaker = self.hub.last_speaker();
                let blamed = speaker.map_or_else(|| self.hub.networks(), |network| vec![network]);
                let why = format!("{stop:?}");
                Err(blamed
                    .into_iter()
                    .map(|network| RemoteLost { network, why: why.clone() })
                    .collect())
            }
            Err(FoldError::State(never)) => match never {},
        }
    }

    fn drop_executor(&mut self, lost: &RemoteLost) {
        if let Some(mut child) = self.children.remove(&lost.network) {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.realm.set_available(lost.network, false);
    }
}

impl Drop for Executors {
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Engine {
    /// Starts the executors that the configuration names.
    pub(super) fn start_executors(&mut self) -> Result<(), NodeError> {
        if self.config.executors.is_empty() {
            return Ok(());
        }
        self.between_slots(Self::spawn_executors)
    }

    fn spawn_executors(&mut self) -> Result<(), NodeError> {
        let (rollups, escrow, heads) = self.memory_parts()?;
        let networks: Vec<_> = rollups.iter().map(|rollup| rollup.spec.network).collect();
        let hub = HubHandle::default();
        let patience = Duration::from_millis(self.config.executor_timeout_ms);
        hub.set_patience(patience.saturating_mul(ITEM_PATIENCE));
        let mut children = BTreeMap::new();
        let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
        for rollup in rollups {
            let network = rollup.spec.network;
            if !self.config.executors.contains(&rollup.spec.chain_id) {
                here.push(rollup);
                continue;
            }
            let (child, link) = spawn(&self.config, rollup.spec.chain_id)?;
            children.insert(network, child);
            let start = start_message(self.domain, &networks, &rollup, &escrow);
            hub.connect(network, Box::new(link), start, rollup.head_hash)
                .map_err(|lost| NodeError::Config(lost.to_string()))?;
            elsewhere.push(network);
        }
        let realm = hub_realm(self.domain, here, &escrow, heads, &elsewhere, &hub);
        self.executors =
            Some(Executors { hub, realm, children, is_stale: false, is_paused: false });
        Ok(())
    }

    /// Notes that states may have changed from outside.
    pub(super) fn touch_executors(&mut self) {
        if let Some(executors) = &mut self.executors {
            executors.is_stale = true;
        }
    }

    /// Opens a slot elsewhere, after handing the states over anew when they changed from outside; returns the rollups that stop
    /// as soon as the slot is open here.
    pub(super) fn open_slot_elsewhere(&mut self, header: &SlotHeader) -> Vec<NetworkId> {
        let mut lost = Vec::new();
        if self.executors.as_ref().is_some_and(|executors| executors.is_stale) {
            lost = self.hand_over();
        }
        lost.iter().for_each(|lost| self.drop_executor(lost));
        let Some(executors) = &mut self.executors else { return Vec::new() };
        executors.realm.open_slot(header.clone()).expect("states in memory can be read");
        lost.iter().for_each(|lost| executors.realm.set_available(lost.network, false));
        let more = executors.hub.open_slot(header);
        more.iter().for_each(|lost| self.drop_executor(lost));
        lost.iter().chain(&more).map(|lost| lost.network).collect()
    }

    fn hand_over(&mut self) -> Vec<RemoteLost> {
        let (rollups, escrow, heads) = match self.memory_parts() {
            Ok(parts) => parts,
            Err(error) => {
                self.break_down(format!("the state cannot be read: {error}"));
                return Vec::new();
            }
        };
        let networks: Vec<_> = rollups.iter().map(|rollup| rollup.spec.network).collect();
        let Some(executors) = &mut self.executors else { return Vec::new() };
        let elsewhere: Vec<_> = executors.children.keys().copied().collect();
        let (mut here, mut lost) = (Vec::new(), Vec::new());
        for rollup in rollups {
            let network = rollup.spec.network;
            if self.config.executors.contains(&rollup.spec.chain_id) {
                let start = start_message(self.domain, &networks, &rollup, &escrow);
                if elsewhere.contains(&network) {
                    lost.extend(executors.hub.start(network, start, rollup.head_hash).err());
                }
            } else {
                here.push(rollup);
            }
        }
        let away: Vec<_> = networks
            .iter()
            .copied()
            .filter(|network| !here.iter().any(|rollup| rollup.spec.network == *network))
            .collect();
        executors.realm = hub_realm(self.domain, here, &escrow, heads, &away, &executors.hub);
        (executors.is_stale, executors.is_paused) = (false, false);
        lost
    }

    /// Runs an item where its rollups are executed; executors lost on the way are left out from here on.
    pub(super) fn execute_elsewhere(&mut self, position: Position, item: &Item) -> Option<Applied> {
        loop {
            let executors = self.executors.as_mut().filter(|executors| !executors.is_paused)?;
            let lost = match executors.apply(position, item) {
                Ok(applied) => return Some(applied),
                Err(lost) => lost,
            };
            // The others forget the item before they hear anything else.
            lost.iter().for_each(|lost| executors.hub.forget(lost.network));
            let more = executors.hub.abandon_item();
            for lost in lost.iter().chain(&more) {
                self.drop_executor(lost);
                self.halt(lost.network, position);
            }
        }
    }

    /// Compares what executors did with an item with what the fold does.
    pub(super) fn check_elsewhere(&mut self, elsewhere: Option<&Applied>, here: &Applied) {
        let Some(elsewhere) = elsewhere else { return };
        let is_included = |applied: &Applied| applied.outcome == Outcome::Included;
        let same = is_included(elsewhere) == is_included(here)
            && (!is_included(here) || elsewhere.hops == here.hops);
        if same {
            return;
        }
        let why = format!("item {} came out differently", here.position);
        // What ran here stands.
        let Position { slot, section, index } = here.position;
        let next = Position { slot, section, index: index + 1 };
        for network in self.blamed(elsewhere, here) {
            self.drop_executor(&RemoteLost { network, why: why.clone() });
            self.halt(network, next);
        }
        // What the executors hold is not to be built on; the next slot starts from the states here.
        if let Some(executors) = &mut self.executors {
            (executors.is_stale, executors.is_paused) = (true, true);
        }
    }

    /// Returns whose executor made the first hop that differs; everybody's when no hop tells.
    fn blamed(&self, elsewhere: &Applied, here: &Applied) -> Vec<NetworkId> {
        let away = self.executors.as_ref().map(|executors| executors.hub.networks());
        let away = away.unwrap_or_default();
        let mut pairs = elsewhere.hops.iter().zip(&here.hops);
        let first = pairs.find(|(left, right)| left != right).map(|(left, _)| left.from);
        match first.filter(|network| away.contains(network)) {
            Some(network) => vec![network],
            None => away,
        }
    }

    /// Closes the slot elsewhere and compares the blocks.
    pub(super) fn close_slot_elsewhere(&mut self) {
        let Some(executors) = self.executors.as_mut().filter(|executors| !executors.is_paused)
        else {
            return;
        };
        executors.realm.close_slot().expect("states in memory can be read");
        let heads = executors.hub.close_slot();
        for (network, head) in heads {
            let wanted = self.realm.head(network).map(|(_, hash)| hash);
            match head {
                Ok(found) if Some(found) == wanted => {}
                Ok(found) => {
                    let why = format!("last block is {found}, expected {wanted:?}");
                    self.leave_out(&RemoteLost { network, why });
                }
                Err(lost) => self.leave_out(&lost),
            }
        }
    }

    /// Returns whether a rollup takes part in the open slot.
    pub(crate) fn is_available(&self, network: NetworkId) -> bool {
        self.realm.networks().any(|(member, available)| member == network && available)
    }

    /// Goes on without a rollup from an item on: it is unavailable at once and in the slots to come (P8).
    pub(super) fn halt(&mut self, network: NetworkId, before: Position) {
        let halt = Halt { section: before.section, index: before.index, network };
        if let Err(rejection) = self.step(Input::Halt(halt)) {
            // T1: the lane knows when nobody may leave; then it goes on running here.
            tracing::error!(%network, %rejection, "the lane takes no halt of this rollup");
            return;
        }
        self.realm.set_available(network, false);
        self.batches.iter_mut().for_each(|batches| batches.halted(halt));
    }

    /// Goes on without a rollup between two slots: no header lists it from the next one on.
    fn leave_out(&mut self, lost: &RemoteLost) {
        self.drop_executor(lost);
        let left = self.step(Input::SetAvailable { network: lost.network, available: false });
        left.expect("the rollup is one of the realm's");
    }

    fn drop_executor(&mut self, lost: &RemoteLost) {
        let network = lost.network;
        tracing::warn!(%network, why = %lost.why, "executor lost; the rollup is unavailable");
        if let Some(executors) = &mut self.executors {
            executors.hub.drop_executor(network);
            executors.drop_executor(lost);
        }
    }

    fn memory_parts(&self) -> Result<MemoryParts, StoreError> {
        let (rollups, escrow, heads) = self.parts();
        let memory = |rollup: Rollup<weft_state::ChainState>| {
            let state = rollup.state.to_memory()?;
            let Rollup { spec, head, head_hash, .. } = rollup;
            Ok(Rollup { spec, state, head, head_hash })
        };
        let rollups: Result<_, StoreError> = rollups.into_iter().map(memory).collect();
        Ok((rollups?, escrow, heads))
    }
}

fn hub_realm(
    domain: weft_types::Domain,
    here: Vec<Rollup<MemoryState>>,
    escrow: &weft_evm::Escrow,
    heads: weft_evm::Heads,
    elsewhere: &[NetworkId],
    hub: &HubHandle,
) -> Realm<MemoryState> {
    let mut realm = Realm::new(domain, here, escrow.clone(), heads);
    elsewhere.iter().for_each(|network| realm.add_remote(*network));
    realm.set_hub(hub.remote());
    realm
}

fn start_message(
    domain: weft_types::Domain,
    networks: &[NetworkId],
    rollup: &Rollup<MemoryState>,
    escrow: &weft_evm::Escrow,
) -> Start {
    Start { domain, realm: networks.to_vec(), rollup: state_codec::encode(rollup, escrow) }
}

/// Starts an executor.
fn spawn(config: &DevConfig, chain_id: u64) -> Result<(Child, UnixStream), NodeError> {
    let failed = |error: std::io::Error| NodeError::Config(format!("no executor: {error}"));
    let program = match &config.executor_program {
        Some(program) => program.clone(),
        None => std::env::current_exe().map_err(failed)?,
    };
    let patience = Duration::from_millis(config.executor_timeout_ms);
    process::spawn(&program, chain_id, patience).map_err(failed)
}
