//! Sealed items: how they get in, what their committee does, how they have their turn (P10-P13, P17).

mod bundles;
mod given_up;
mod kept;
mod members;
mod opening;

pub(crate) use bundles::Wish;
pub(crate) use kept::{Kept, put_list, read_list, read_secret, renew_seed};
pub(crate) use members::{Announced, Closing};

use super::Engine;
use crate::{
    error::NodeError,
    record::Record,
    rpc::errors::{RpcError, RpcResult},
    sealing::{Answer, Ask, Committee, Found, Known, SealingOptions, setup_of},
};
use alloy_primitives::{B256, Bytes, U256};
use revm::DatabaseRef as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};
use weft_batch::{Ordered, Revealed, Squared};
use weft_contracts::fee_vault_slot;
use weft_crypto::{
    Carriage, Envelope, EpochSecret, KeyList, Release, SchemeId, Setup, curve::Secret,
};
use weft_evidence::EpochNotice;
use weft_lane::{Input, KeyAnnouncement, Rejection, SealedSubmission, SealingConfig};
use weft_types::{Domain, FEE_VAULT, Position, Signature};

/// Epochs ahead of the open one for which keys are dealt.
const EPOCHS_AHEAD: u64 = 2;
/// Epochs that are solved at a time.
const MAX_CHAINS: usize = 2;
/// Epochs after their end for which key lists can be asked for.
const EPOCHS_KEPT: u64 = 64;

/// Everything about sealed items beside the lane.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) options: SealingOptions,
    domain: Domain,
    pub(crate) setup: Arc<Setup>,
    /// Key lists, as their encodings, of epochs that are open, wait, or ended not long ago.
    lists: BTreeMap<u64, List>,
    /// Envelopes of epochs that are not opened, in the order of their positions.
    envelopes: BTreeMap<u64, Arc<Vec<Known>>>,
    /// Secrets that members released.
    releases: BTreeMap<u64, Vec<Released>>,
    /// How the secrets of epochs were found that not all members released, where members are elsewhere.
    squared: BTreeMap<u64, Box<Squared>>,
    /// How the secrets came to light of epochs that were opened on L1, where they are opened again.
    shown: BTreeMap<u64, Revealed>,
    /// Last epoch whose key is older than that the realm went on from L1: nobody seals to it any more.
    void_keys: u64,
    /// Secrets of epochs on their way to be opened.
    secrets: BTreeMap<u64, EpochSecret>,
    /// Epochs whose envelopes are being opened.
    unsealing: BTreeSet<u64>,
    /// What the envelopes of the epoch hold that runs next; opened again where it is not there.
    found: Option<(u64, Vec<Found>)>,
    /// The epoch that runs.
    running: Option<opening::Running>,
    committee: Option<Committee>,
    /// Last epoch for which a key was asked.
    dealt: u64,
    /// When the members of an epoch were asked to release.
    asked: BTreeMap<u64, Instant>,
    /// Epochs that are being solved.
    solving: BTreeSet<u64>,
    /// What members in processes of their own said.
    members: members::Members,
    /// Secrets of epochs that were opened, which are public by then.
    revealed: BTreeMap<u64, Secret>,
    /// How often envelopes asked for the promise of a bundle.
    asked_for: bundles::AskedFor,
}

/// What a member released, and its signature for the closing head where it is in a process of its own.
#[derive(Debug, Clone)]
pub(crate) struct Released {
    pub(crate) release: Release,
    pub(crate) signature: Option<Signature>,
}

/// A key list as it was announced.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) key: KeyAnnouncement,
    pub(crate) bytes: Bytes,
    /// Read, once somebody needed it: reading checks every share.
    read: Option<Arc<KeyList>>,
}

impl Sealing {
    /// Begins without epochs.
    pub(super) fn new(options: SealingOptions, domain: Domain) -> Result<Self, NodeError> {
        Ok(Self {
            domain,
            setup: setup_of(&options)?,
            options,
            lists: BTreeMap::new(),
            envelopes: BTreeMap::new(),
            releases: BTreeMap::new(),
            squared: BTreeMap::new(),
            shown: BTreeMap::new(),
            void_keys: 0,
            secrets: BTreeMap::new(),
            unsealing: BTreeSet::new(),
            found: None,
            running: None,
            committee: None,
            dealt: 0,
            asked: BTreeMap::new(),
            solving: BTreeSet::new(),
            members: members::Members::default(),
            revealed: BTreeMap::new(),
            asked_for: bundles::AskedFor::new(),
        })
    }

    /// Returns an envelope by its place in an epoch's order, as far as it is known.
    pub(super) fn known(&self, epoch: u64, index: u32) -> Option<&Known> {
        self.envelopes.get(&epoch)?.get(index as usize)
    }

    /// Returns the envelopes of an epoch, to learn more of them.
    pub(super) fn all_known(&mut self, epoch: u64) -> Option<&mut Arc<Vec<Known>>> {
        self.envelopes.get_mut(&epoch)
    }

    /// Returns the key list of an epoch.
    pub(crate) fn list(&self, epoch: u64) -> Option<&List> {
        self.lists.get(&epoch)
    }

    /// Returns the secret of an epoch that was opened.
    pub(crate) fn revealed(&self, epoch: u64) -> Option<&Secret> {
        self.revealed.get(&epoch)
    }

    pub(super) fn read(&mut self, epoch: u64) -> Result<Arc<KeyList>, String> {
        let list = self.lists.get_mut(&epoch).ok_or("its key list is not known")?;
        if let Some(read) = &list.read {
            return Ok(read.clone());
        }
        let read = KeyList::decode(&self.setup, &self.domain, &list.bytes);
        let read = Arc::new(read.map_err(|error| error.to_string())?);
        list.read = Some(read.clone());
        Ok(read)
    }

    /// Forgets epochs that ended long ago.
    fn forget(&mut self, current: u64, waits: impl Fn(u64) -> bool) {
        let keep = |epoch: &u64| *epoch + EPOCHS_KEPT >= current || waits(*epoch);
        self.lists.retain(|epoch, _| keep(epoch));
        self.revealed.retain(|epoch, _| keep(epoch));
        self.members.forget(keep);
        self.asked_for.retain(|epoch, _| *epoch >= current);
        self.asked.retain(|epoch, _| waits(*epoch));
        self.solving.retain(|epoch| waits(*epoch));
        self.unsealing.retain(|epoch| waits(*epoch));
        self.releases.retain(|epoch, _| waits(*epoch));
        self.squared.retain(|epoch, _| waits(*epoch));
    }
}

impl Engine {
    /// Forgets epochs that ended long before the open slot.
    pub(super) fn forget_epochs(&mut self) {
        let slot = self.lane.open_slot().map(|header| header.number);
        let (Some(slot), Some(config)) = (slot, &self.lane.config().sealing) else { return };
        let (current, lane) = (config.epoch_of(slot), self.lane.sealing());
        if let Some(sealing) = &mut self.sealing {
            sealing.forget(current, |epoch| lane.closed(epoch).is_some());
        }
    }

    /// Gets ready for sealed items when the realm takes them.
    pub(super) fn begin_sealing(&mut self) -> Result<(), NodeError> {
        let options = self.config.sealing.clone();
        self.sealing = options.map(|options| Sealing::new(options, self.domain)).transpose()?;
        Ok(())
    }

    /// Takes an envelope of this hash, whose payer signed it; returns its position.
    pub(crate) fn send_sealed(
        &mut self,
        item: B256,
        envelope: Envelope,
        signature: Signature,
    ) -> RpcResult<Position> {
        self.tick();
        self.durably()?;
        if let Some(why) = &self.broken {
            return Err(RpcError::new(-32603, format!("the node stops: {why}")));
        }
        self.make_room();
        self.check_key_is_good(envelope.carriage.epoch)?;
        let submission = self.sealed_submission(item, &envelope)?;
        let position = self.step(Input::Seal(submission)).map_err(|why| sealed_refused(&why))?;
        let position = position.expect("accepted envelopes have a position");
        let now_ms = self.now_ms;
        self.note(|| Record::Sealed { now_ms, envelope: envelope.clone(), signature });
        self.keep_envelope(item, Known::Whole(envelope), signature);
        Ok(position)
    }

    /// Ends a slot that has no room for another envelope, where batches are written: each of its slots has to fit one.
    fn make_room(&mut self) {
        if self.batches.as_ref().is_some_and(|batches| !batches.has_room_for_order()) {
            self.close_now();
        }
    }

    /// Does again what the log says.
    pub(super) fn replay_sealed(
        &mut self,
        now_ms: u64,
        envelope: Envelope,
        signature: Signature,
    ) -> Result<(), String> {
        let item = envelope.id(&self.domain);
        let submission = self.sealed_submission(item, &envelope).map_err(|error| error.message)?;
        let step = self.step_at(now_ms, Input::Seal(submission));
        step.map_err(|rejection| rejection.to_string())?;
        self.keep_envelope(item, Known::Whole(envelope), signature);
        Ok(())
    }

    fn keep_envelope(&mut self, item: B256, known: Known, signature: Signature) {
        let accepted = self.arrived;
        self.metrics.reached(crate::metrics::Stage::Positioned, accepted);
        if let Some(batches) = &mut self.batches {
            let carriage = *known.carriage();
            batches.sealed(Ordered { envelope: item, carriage, signature });
        }
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let envelopes = sealing.envelopes.entry(known.carriage().epoch).or_default();
        // Nobody else has them before the epoch is closed.
        Arc::make_mut(envelopes).push(known);
    }

    fn sealed_submission(&self, item: B256, envelope: &Envelope) -> RpcResult<SealedSubmission> {
        if envelope.scheme != SchemeId::EpochKey {
            let why = format!("envelopes of scheme {:?} are not taken", envelope.scheme);
            return Err(RpcError::sealed_refused("OtherScheme", why));
        }
        self.submission_of(item, envelope.key, &envelope.carriage)
    }

    fn submission_of(
        &self,
        item: B256,
        list: B256,
        carriage: &Carriage,
    ) -> RpcResult<SealedSubmission> {
        Ok(SealedSubmission {
            item,
            epoch: carriage.epoch,
            list,
            valid_until: carriage.valid_until,
            payer: carriage.payer,
            home: carriage.deposit,
            size_bytes: carriage.size.bytes() as u64,
            gas_limit: carriage.gas.gas_limit(),
            max_fee_wei: carriage.max_fee_wei,
            // The lane took what is repeated, and L1 may have taken the deposit back since.
            deposit_wei: match self.is_repeating() {
                true => u128::MAX,
                false => self.deposit_wei(carriage.payer)?,
            },
        })
    }

    /// Returns a payer's deposit after the last closed slot, in wei (P13).
    pub(crate) fn deposit_wei(&self, payer: alloy_primitives::Address) -> RpcResult<u128> {
        let Some(config) = &self.lane.config().sealing else { return Ok(0) };
        let state = self.realm.state(config.home).expect("deposits lie on a rollup that runs here");
        let word: U256 = state.storage_ref(FEE_VAULT, fee_vault_slot(payer))?;
        Ok((word & U256::from(u128::MAX)).to())
    }

    pub(crate) fn sealing_config(&self) -> RpcResult<&SealingConfig> {
        let config = self.lane.config().sealing.as_ref();
        config
            .ok_or_else(|| RpcError::sealed_refused("NoSealing", "the realm takes no sealed items"))
    }

    /// Returns where a sealed item was ordered that has not had its turn.
    pub(crate) fn sealed_position(&self, item: &B256) -> Option<Position> {
        let position = self.lane.position_of(item)?;
        (position.section == weft_types::Section::Sealed).then_some(position)
    }

    pub(crate) const fn lane_sealing(&self) -> &weft_lane::Sealing {
        self.lane.sealing()
    }

    /// Starts the committee of a realm with sealed items.
    pub(super) fn start_committee(&mut self) -> Result<(), NodeError> {
        // Members of a node that follows would deal and release for nobody.
        if self.is_follower() {
            return Ok(());
        }
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        let seeds = kept::seeds(self.config.data_dir.as_deref())?;
        let SealingOptions { members, silent, .. } = sealing.options;
        let setup = sealing.setup.clone();
        sealing.committee = Some(Committee::start(setup, self.domain, &seeds, members, silent)?);
        Ok(())
    }

    /// Does what the committee answered, and asks it for what is due.
    pub(super) fn sealed_turn(&mut self) {
        if self.sealing.as_ref().is_none_or(|sealing| sealing.committee.is_none()) {
            return;
        }
        while let Some(answer) = self.committee().poll() {
            let done = match answer {
                Answer::Dealt(list) => self.announce_key(&list),
                Answer::Released { epoch, head, release } => {
                    self.member_released(epoch, head, Released { release, signature: None })
                }
                Answer::Solved { epoch, secret, squared } => self.solved(epoch, secret, squared),
                Answer::Unsealed { epoch, secret, found } => self.unsealed(epoch, secret, found),
            };
            if let Err(rejection) = done {
                tracing::warn!(%rejection, "the lane refuses what the committee says");
            }
        }
        self.ask_for_keys();
        self.ask_for_secrets();
    }

    fn committee(&self) -> &Committee {
        let sealing = self.sealing.as_ref().expect("looked at before");
        sealing.committee.as_ref().expect("looked at before")
    }

    fn ask_for_keys(&mut self) {
        let Some(slot) = self.lane.open_slot().map(|header| header.number) else { return };
        let config = self.lane.config().sealing.clone().expect("the lane takes sealed items");
        let current = config.epoch_of(slot);
        let sealing = self.sealing.as_mut().expect("looked at before");
        if sealing.options.is_apart() {
            self.assemble_lists(slot, &config);
            let lane = self.lane.sealing();
            let sealing = self.sealing.as_mut().expect("looked at before");
            return sealing.forget(current, |epoch| lane.closed(epoch).is_some());
        }
        while sealing.dealt < current + EPOCHS_AHEAD {
            sealing.dealt = sealing.dealt.max(current.saturating_sub(1)) + 1;
            let epoch = sealing.dealt;
            let is_in_time = config.first_slot(epoch).get() > slot.get() + config.lead_slots;
            let is_known = self.lane.sealing().open(epoch).is_some();
            if let (true, false, Some(committee)) = (is_in_time, is_known, &sealing.committee) {
                committee.ask(Ask::Deal(epoch));
            }
        }
        let lane = self.lane.sealing();
        sealing.forget(current, |epoch| lane.closed(epoch).is_some());
    }

    /// Asks members for the secrets of closed epochs, once the closing heads are on disk, and solves what they keep.
    fn ask_for_secrets(&mut self) {
        let waiting = self.lane.sealing().waiting().filter(|(_, closed)| !closed.is_late);
        let waiting: Vec<_> = waiting.map(|(epoch, closed)| (epoch, closed.head)).collect();
        for (epoch, head) in waiting {
            let sealing = self.sealing.as_mut().expect("looked at before");
            match sealing.asked.get(&epoch) {
                None => {
                    sealing.asked.insert(epoch, Instant::now());
                    // Members elsewhere see the head themselves, once it is on disk.
                    let is_apart = sealing.options.is_apart();
                    // After a stop between the last release and the opening there is nothing left to ask for.
                    if let Err(rejection) = self.collect(epoch) {
                        tracing::warn!(epoch, %rejection, "an epoch whose secret is known");
                    }
                    if is_apart {
                        continue;
                    }
                    let sealing = self.sealing.as_mut().expect("looked at before");
                    match sealing.read(epoch) {
                        Ok(list) => {
                            let asks = self.committee().asks();
                            let ask = Ask::Release { list, head };
                            self.when_durable(move || drop(asks.send(ask)));
                        }
                        Err(why) => tracing::error!(epoch, %why, "nobody can release its secret"),
                    }
                }
                // What is being opened needs no secret any more, however long it takes.
                Some(asked)
                    if sealing.options.solves
                        && !sealing.unsealing.contains(&epoch)
                        && asked.elapsed() >= sealing.options.patience =>
                {
                    self.solve(epoch);
                }
                Some(_) => {}
            }
        }
    }

    /// Begins the squarings of an epoch, the oldest first; a chain keeps a core busy, so that many at once would all be
    /// slow.
    fn solve(&mut self, epoch: u64) {
        let sealing = self.sealing.as_mut().expect("looked at before");
        sealing.solving.retain(|epoch| self.lane.sealing().closed(*epoch).is_some());
        if sealing.solving.len() >= MAX_CHAINS || !sealing.solving.insert(epoch) {
            return;
        }
        // Who was not asked for a release has to be shown why.
        let is_proven = sealing.options.is_apart();
        match sealing.read(epoch) {
            Ok(list) => self.committee().ask(Ask::Solve { list, is_proven }),
            Err(why) => tracing::error!(epoch, %why, "an epoch cannot be solved"),
        }
    }

    /// Returns true when an answer of the committee is near.
    pub(super) fn awaits_committee(&self) -> bool {
        let committee = self.sealing.as_ref().and_then(|sealing| sealing.committee.as_ref());
        committee.is_some() && self.lane.sealing().waiting().next().is_some()
    }

    fn announce_key(&mut self, list: &KeyList) -> Result<(), Rejection> {
        let config = self.lane.config().sealing.clone().expect("the lane takes sealed items");
        let slot = self.lane.open_slot().map(|header| header.number).unwrap_or_default();
        let left = config.last_slot(list.epoch()).get().saturating_sub(slot.get()) + 1;
        let margin = self.sealing.as_ref().map_or(0, |sealing| sealing.options.close_margin_ms);
        let close_at_ms =
            self.now_ms.saturating_add(left.saturating_mul(self.config.slot_ms) + margin);
        let key = KeyAnnouncement {
            epoch: list.epoch(),
            list: list.id(),
            members: list.shares().keys().copied().collect(),
            close_at_ms,
        };
        let (now_ms, bytes) = (self.now_ms, Bytes::from(list.encode()));
        self.announced(now_ms, key.clone(), bytes.clone())?;
        if let Some(known) = self.sealing.as_mut().and_then(|all| all.lists.get_mut(&key.epoch)) {
            // Its shares were checked when it was made.
            known.read = Some(Arc::new(list.clone()));
        }
        self.note(|| Record::KeyList { now_ms, key, bytes });
        self.say_key_of(list);
        Ok(())
    }

    /// Lets the key of a list be signed: envelopes to it are evidence from then on (P47).
    fn say_key_of(&self, list: &KeyList) {
        let Some(config) = &self.lane.config().sealing else { return };
        let epoch = list.epoch();
        let since = config.first_slot(epoch.saturating_sub(EPOCHS_AHEAD).max(1));
        self.say_key(EpochNotice { epoch, list: list.id(), key: *list.key() }, since);
    }

    /// Lets the keys be signed again of epochs that go on after a start.
    pub(super) fn say_known_keys(&mut self) {
        let lane = self.lane.sealing();
        let Some(sealing) = &mut self.sealing else { return };
        let goes_on = |epoch: &u64| lane.open(*epoch).is_some() || lane.closed(*epoch).is_some();
        let epochs: Vec<_> = sealing.lists.keys().copied().filter(goes_on).collect();
        let lists: Vec<_> =
            epochs.into_iter().filter_map(|epoch| sealing.read(epoch).ok()).collect();
        lists.iter().for_each(|list| self.say_key_of(list));
    }

    /// Gives an epoch its key.
    pub(super) fn announced(
        &mut self,
        now_ms: u64,
        key: KeyAnnouncement,
        bytes: Bytes,
    ) -> Result<(), Rejection> {
        self.step_at(now_ms, Input::Announce(key.clone()))?;
        self.batches.iter_mut().for_each(|batches| batches.announced(key.close_at_ms, &bytes));
        if let Some(sealing) = &mut self.sealing {
            sealing.lists.insert(key.epoch, List { key, bytes, read: None });
        }
        Ok(())
    }

    fn member_released(
        &mut self,
        epoch: u64,
        head: B256,
        released: Released,
    ) -> Result<(), Rejection> {
        let Released { release, signature } = released.clone();
        let (now_ms, member) = (self.now_ms, release.member);
        let secret = release.secret.clone();
        if !self.is_of_share(epoch, &release) {
            tracing::warn!(epoch, member, "a released secret is not that of the member's share");
            return Ok(());
        }
        self.released(now_ms, epoch, head, released)?;
        self.note(|| Record::Released { now_ms, epoch, member, head, secret, signature });
        self.collect(epoch)
    }

    /// Tells whether a secret is that of the member's share. A wrong one must not stand in the way of the right one.
    fn is_of_share(&mut self, epoch: u64, release: &Release) -> bool {
        let sealing = self.sealing.as_mut().expect("looked at before");
        let Ok(list) = sealing.read(epoch) else { return false };
        let share = list.shares().get(&release.member);
        share.is_some_and(|share| *share.point() == release.secret.public())
    }

    /// Opens an epoch whose members have all released.
    fn collect(&mut self, epoch: u64) -> Result<(), Rejection> {
        let sealing = self.sealing.as_mut().expect("looked at before");
        let Some(released) = sealing.releases.get(&epoch) else { return Ok(()) };
        let releases: Vec<_> = released.iter().map(|released| released.release.clone()).collect();
        let Ok(list) = sealing.read(epoch) else { return Ok(()) };
        match list.collect(&releases, u64::MAX) {
            (_, Some(secret)) => self.reveal(epoch, secret),
            (_, None) => Ok(()),
        }
    }

    /// Takes note of a member's secret.
    pub(super) fn released(
        &mut self,
        now_ms: u64,
        epoch: u64,
        head: B256,
        released: Released,
    ) -> Result<(), Rejection> {
        let member = released.release.member;
        self.step_at(now_ms, Input::MemberReleased { epoch, member, head })?;
        if let Some(sealing) = &mut self.sealing {
            sealing.releases.entry(epoch).or_default().push(released);
        }
        Ok(())
    }

    pub(super) fn revealed(
        &mut self,
        now_ms: u64,
        epoch: u64,
        secret: EpochSecret,
    ) -> Result<(), Rejection> {
        let list = secret.list();
        let sealing = self.sealing.as_mut().expect("the lane takes sealed items");
        let public = secret.secret().clone();
        sealing.secrets.insert(epoch, secret);
        self.step_at(now_ms, Input::Reveal { epoch, list })?;
        if let Some(sealing) = &mut self.sealing {
            sealing.revealed.insert(epoch, public);
        }
        Ok(())
    }

    /// Does again what the log says.
    pub(super) fn replay_revealed(
        &mut self,
        now_ms: u64,
        epoch: u64,
        secret: &Secret,
        squared: Option<Box<Squared>>,
    ) -> Result<(), String> {
        let sealing = self.sealing.as_mut().ok_or("the realm takes no sealed items")?;
        sealing.squared.extend(squared.map(|squared| (epoch, squared)));
        let secret = sealing.read(epoch)?.fitting(secret);
        let secret = secret.ok_or_else(|| format!("not the secret of epoch {epoch}"))?;
        self.revealed(now_ms, epoch, secret).map_err(|why| why.to_string())
    }

    /// Returns the record of an opening; it has to be noted before what follows from it.
    pub(super) fn reveal_record(&self, now_ms: u64, epoch: u64) -> Option<Record> {
        let sealing = self.sealing.as_ref()?;
        let secret = sealing.secrets.get(&epoch)?.secret().clone();
        if let Some(revealed) = sealing.shown.get(&epoch).cloned() {
            return Some(Record::Opened { now_ms, epoch, secret, revealed });
        }
        let squared = sealing.squared.get(&epoch).cloned();
        Some(Record::Revealed { now_ms, epoch, secret, squared })
    }
}

/// Says why the lane takes no envelope.
fn sealed_refused(rejection: &Rejection) -> RpcError {
    let name = match rejection {
        Rejection::Duplicate { .. } => "Duplicate",
        Rejection::SlotFull { .. } => "SlotFull",
        Rejection::Sealed(sealed) => name_of(sealed),
        _ => "Refused",
    };
    RpcError::sealed_refused(name, rejection)
}

const fn name_of(rejection: &weft_lane::SealedRejection) -> &'static str {
    use weft_lane::SealedRejection as Why;
    match rejection {
        Why::NoSealing => "NoSealing",
        Why::NoKey { .. } => "NoKey",
        Why::OtherEpoch { .. } => "OtherEpoch",
        Why::OtherList { .. } => "OtherList",
        Why::Expired { .. } => "Expired",
        Why::TooLate { .. } => "TooLate",
        Why::OtherHome { .. } => "OtherHome",
        Why::FeeTooHigh { .. } => "FeeTooHigh",
        Why::Deposit { .. } => "Deposit",
        Why::EpochFull { .. } => "EpochFull",
        Why::PayerFull { .. } => "PayerFull",
        _ => "Refused",
    }
}
