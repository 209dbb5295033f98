//! Remote rounds: some rollups run behind byte streams, in threads or in processes, and nothing but encoded bytes
//! passes (P7).

use super::{Verdict, Violation, agree, agree_in_order};
use crate::{
    history::{Parts, SlotLog},
    rng::Rng,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Child,
    thread,
    time::Duration,
};
use weft_evm::{Escrow, MemoryState, Realm};
use weft_executor::{HubHandle, message::Start, process, state_codec, work};
use weft_types::{Domain, NetworkId, Outcome};

const ELSEWHERE: &str = "elsewhere";
/// Silence after which an executor counts as lost.
const SILENCE: Duration = Duration::from_secs(30);

/// A hub that runs some of the rollups; a thread behind a socket runs each of the others.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    domain: Domain,
    networks: Vec<NetworkId>,
    realm: Realm<MemoryState>,
    hub: HubHandle,
    /// Program of the executors, when they are processes.
    executor: Option<PathBuf>,
    processes: Vec<Child>,
    /// Rollups whose executor was dropped in this slot.
    dropped: BTreeSet<NetworkId>,
}

impl Elsewhere {
    /// Draws which rollups run elsewhere: at least one, and not all.
    pub(crate) fn new(
        domain: Domain,
        parts: &Parts,
        executor: Option<PathBuf>,
        rng: &mut Rng,
    ) -> Result<Self, Violation> {
        let networks: Vec<_> = parts.rollups.iter().map(|rollup| rollup.spec.network).collect();
        let stays = rng.below(networks.len());
        let leaves = (stays + 1) % networks.len();
        let (mut here, mut escrow) = (Vec::new(), Escrow::default());
        for (index, rollup) in parts.rollups.iter().enumerate() {
            if index == stays || index != leaves && rng.chance(40) {
                here.push(rollup.clone());
                let own = parts.escrow.iter().filter(|(owner, ..)| *owner == rollup.spec.network);
                own.for_each(|(_, token, balance)| escrow.set(rollup.spec.network, token, balance));
            }
        }
        let hub = HubHandle::default();
        let mut realm = Realm::new(domain, here, escrow, parts.heads.clone());
        networks.iter().for_each(|network| realm.add_remote(*network));
        realm.set_hub(hub.remote());
        let (processes, dropped) = (Vec::new(), BTreeSet::new());
        let mut elsewhere = Self { domain, networks, realm, hub, executor, processes, dropped };
        for network in elsewhere.networks.clone() {
            if elsewhere.realm.head(network).is_none() {
                elsewhere.connect(network, parts)?;
            }
        }
        Ok(elsewhere)
    }

    /// Starts an executor for a rollup as it stands.
    fn connect(&mut self, network: NetworkId, parts: &Parts) -> Verdict {
        let rollup = parts.rollups.iter().find(|rollup| rollup.spec.network == network);
        let rollup = rollup.expect("the parts are those of the realm");
        let ours = self.start(rollup.spec.chain_id).map_err(|error| failed(&error))?;
        let bytes = state_codec::encode(rollup, &parts.escrow);
        let start = Start { domain: self.domain, realm: self.networks.clone(), rollup: bytes };
        let connected = self.hub.connect(network, Box::new(ours), start, rollup.head_hash);
        connected.map_err(|error| failed(&error))
    }

    /// Starts a process or a thread that runs a rollup; returns the hub's end of the stream.
    fn start(&mut self, chain_id: u64) -> io::Result<UnixStream> {
        if let Some(program) = &self.executor {
            let (child, ours) = process::spawn(program, chain_id, SILENCE)?;
            self.processes.push(child);
            return Ok(ours);
        }
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(SILENCE))?;
        thread::spawn(move || work(theirs));
        Ok(ours)
    }

    /// Runs a slot and compares it with the joint run.
    pub(crate) fn slot(&mut self, log: &SlotLog, joint: &Realm<MemoryState>) -> Verdict {
        self.realm.open_slot(log.header.clone()).map_err(|error| failed(&error))?;
        agree(ELSEWHERE, || "lost at the start".into(), &vec![], &self.hub.open_slot(&log.header))?;
        for item in &log.items {
            let position = item.position;
            for network in &item.halted {
                self.realm.set_available(*network, false);
                // An executor that stops is dropped; the others hear of any rollup that does.
                let lost = self.hub.drop_executor(*network);
                agree(ELSEWHERE, || format!("lost with {network}"), &vec![], &lost)?;
                self.dropped.insert(*network);
            }
            let lost = self.hub.begin_item(position, &item.planned.item);
            agree(ELSEWHERE, || format!("lost at {position}"), &vec![], &lost)?;
            let applied = self.realm.apply(position, &item.planned.item);
            let applied = applied.map_err(|error| failed(&error))?;
            let (own, found) = (&item.applied.outcome, &applied.outcome);
            agree(ELSEWHERE, || format!("outcome of {position}"), own, found)?;
            if *own == Outcome::Included {
                let (own, found) = (&item.applied.hops, &applied.hops);
                agree_in_order(ELSEWHERE, || format!("hops of {position}"), own, found)?;
            }
        }
        self.close(log, joint)
    }

    fn close(&mut self, log: &SlotLog, joint: &Realm<MemoryState>) -> Verdict {
        let blocks = self.realm.close_slot().map_err(|error| failed(&error))?;
        let remote = self.hub.close_slot();
        let here = |block: &&weft_evm::ClosedBlock| self.realm.head(block.network).is_some();
        let own: Vec<_> = log.blocks.iter().filter(here).collect();
        agree(ELSEWHERE, || "blocks at the hub".into(), &own, &blocks.iter().collect())?;
        let head = |network: &NetworkId| joint.head(*network).map(|(_, hash)| (*network, Ok(hash)));
        let own: BTreeMap<_, _> = remote.keys().filter_map(head).collect();
        agree(ELSEWHERE, || "blocks elsewhere".into(), &own, &remote)?;
        let heads = |realm: &Realm<MemoryState>| realm.heads().iter().collect::<Vec<_>>();
        agree(ELSEWHERE, || "heads".into(), &heads(joint), &heads(&self.realm))?;
        let dropped = core::mem::take(&mut self.dropped);
        // Whoever takes a rollup over starts from its public state.
        let parts = Parts::of(joint);
        let gone = |network: &NetworkId| self.realm.head(*network).is_none();
        let gone: Vec<_> = dropped.into_iter().filter(gone).collect();
        gone.into_iter().try_for_each(|network| self.connect(network, &parts))
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        for child in &mut self.processes {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn failed(error: &impl std::fmt::Debug) -> Violation {
    Violation { checker: ELSEWHERE, text: format!("{error:?}") }
}
