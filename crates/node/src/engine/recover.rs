//! From a log to the engine that wrote it, through the same lane and the same fold.

use super::{
    Endpoint, Engine, Recordings,
    log::{Log, OpenLog},
    sealed::Released,
    taken_back::TakenBack,
};
use crate::{
    config::DevConfig,
    data_dir::{self, DataDir},
    error::NodeError,
    keep::Restored,
    metrics::Metrics,
    record::{Closed, Genesis, Record},
    sealing::{Known, SealingOptions},
};
use alloy_primitives::B256;
use std::{collections::VecDeque, sync::Arc};
use weft_crypto::Release;
use weft_derive::submission;
use weft_journal::{Journal, OpenError, Options};
use weft_lane::{Input, Rejection};
use weft_state::Database;
use weft_types::{BundleId, BundleShape, Item, Leg, Marker, Position};

/// Bytes of a record in the log beside its body.
const FRAME_BYTES: u64 = 25;

/// An engine on its way back.
#[derive(Debug)]
struct Recovery {
    config: DevConfig,
    endpoints: Vec<Endpoint>,
    metrics: Metrics,
    database: Option<Database>,
    /// Records that were repeated.
    repeated: u64,
    /// The state so far; nothing before the first record.
    engine: Option<Engine>,
    /// Want to know what happens.
    recordings: Recordings,
    /// What L1 took back by the end of the log.
    back: Arc<TakenBack>,
    /// Bytes of the log that were read, and that there are.
    read: u64,
    bytes: u64,
}

/// Starts an engine on a data directory: a new realm, or the one whose inputs are in the log.
pub(super) fn start(
    config: DevConfig,
    endpoints: Vec<Endpoint>,
    metrics: Metrics,
    dir: DataDir,
    recordings: Recordings,
) -> Result<Engine, NodeError> {
    let bytes = dir.bytes;
    let mut recovery = Recovery {
        config,
        endpoints,
        metrics,
        database: dir.database,
        repeated: 0,
        engine: None,
        recordings,
        back: Arc::default(),
        read: 0,
        bytes,
    };
    let options = Options {
        segment_bytes: recovery.config.log_segment_bytes,
        ..Options::new(data_dir::log_realm(&recovery.config.domain).0)
    };
    let back =
        TakenBack::go_back(&*dir.disk, &options, recovery.database.as_ref(), &recovery.config)?;
    recovery.back = Arc::new(back);
    let after = recovery.begin()?;
    let opened =
        Journal::open(dir.disk, &options, after, |sequence, body| recovery.take(sequence, body));
    let journal = opened.map_err(|error| match error {
        NodeError::Log(OpenError::MissingSegment { expected: 1 }) => NodeError::NoState,
        other => other,
    })?;
    let Recovery { config, endpoints, metrics, database, repeated, engine, .. } = recovery;
    let mut engine = match engine {
        Some(engine) => engine,
        None => {
            let mut engine = Engine::new(config, endpoints, metrics, None, database.as_ref())?;
            let timestamp = engine.genesis().timestamp;
            engine.begin_batches(timestamp)?;
            engine
        }
    };
    engine.repeated = repeated;
    let is_new = journal.last().sequence() == 0;
    engine.clock.resume(engine.now_ms);
    let unconfirmed = match std::mem::take(&mut engine.log) {
        Log::Replaying { closed, .. } => closed,
        Log::Nowhere | Log::Open(_) => VecDeque::new(),
    };
    engine.log = Log::Open(OpenLog::new(journal, dir.lock));
    engine.write_rests()?;
    // The log may end between a closing and its check.
    unconfirmed.into_iter().for_each(|closed| engine.note_closed(closed));
    if is_new {
        let genesis = engine.genesis();
        engine.note(|| Record::Genesis(genesis));
    }
    Ok(engine)
}

impl Recovery {
    /// Begins with what the database holds; returns the last record that it covers.
    fn begin(&mut self) -> Result<u64, NodeError> {
        let Some(database) = &self.database else { return Ok(0) };
        let Some(restored) = Restored::read(&*database.view()?)? else { return Ok(0) };
        if self.config.adopts_genesis {
            restored.genesis.adopt(&mut self.config);
        }
        check_config(&self.config, &restored.genesis)?;
        let (sequence, timestamp) = (restored.moment.sequence, restored.genesis.timestamp);
        let (config, endpoints) = (self.config.clone(), self.endpoints.clone());
        let mut engine =
            Engine::resume(config, endpoints, self.metrics.clone(), database, restored)?;
        engine.log = Log::Replaying { closed: VecDeque::new(), sequence, back: self.back.clone() };
        engine.begin_batches(timestamp)?;
        self.engine = Some(engine);
        Ok(sequence)
    }

    /// Takes the next record.
    fn take(&mut self, sequence: u64, body: &[u8]) -> Result<(), NodeError> {
        self.metrics.repeats(sequence);
        self.repeated += 1;
        self.read += body.len() as u64 + FRAME_BYTES;
        self.config.progress.iter().for_each(|progress| progress.tell(self.read, self.bytes));
        if self.back.is_void(sequence) {
            return Ok(());
        }
        let failed = |why: String| NodeError::Recovery { sequence, why };
        let record =
            Record::read(body, &self.config.domain).map_err(|why| failed(why.to_string()))?;
        match (&mut self.engine, record) {
            (None, Record::Genesis(genesis)) => {
                if self.config.adopts_genesis {
                    genesis.adopt(&mut self.config);
                }
                check_config(&self.config, &genesis)?;
                let listed = genesis.listed.clone();
                let config = DevConfig { listed, ..self.config.clone() };
                let endpoints = self.endpoints.clone();
                let (metrics, timestamp) = (self.metrics.clone(), Some(genesis.timestamp));
                let mut engine =
                    Engine::new(config, endpoints, metrics, timestamp, self.database.as_ref())?;
                if engine.genesis().heads != genesis.heads {
                    let why = "genesis blocks differ from those of the program that wrote the log";
                    return Err(failed(why.to_owned()));
                }
                engine.log =
                    Log::Replaying { closed: VecDeque::new(), sequence, back: self.back.clone() };
                let recordings = std::mem::take(&mut self.recordings);
                engine.begin_batches(genesis.timestamp)?;
                engine.begin_recordings(recordings, genesis.timestamp)?;
                self.engine = Some(engine);
                Ok(())
            }
            (Some(engine), record) => {
                if let Log::Replaying { sequence: last, .. } = &mut engine.log {
                    *last = sequence;
                }
                engine.repeat(record).map_err(failed)?;
                if let Some(why) = engine.broken.take() {
                    return Err(failed(why));
                }
                // What is not confirmed yet may turn out wrong.
                if matches!(&engine.log, Log::Replaying { closed, .. } if closed.is_empty()) {
                    engine.keep_repeated(sequence);
                }
                Ok(())
            }
            (None, _) => Err(failed("the log does not begin with a genesis".to_owned())),
        }
    }
}

/// Checks that a data directory was made with this configuration.
fn check_config(config: &DevConfig, genesis: &Genesis) -> Result<(), NodeError> {
    let seed = |seed: Option<u64>| seed.map_or_else(|| "none".to_owned(), |seed| seed.to_string());
    let accounts: Vec<_> = config.accounts.iter().map(|account| account.address).collect();
    let time = config.genesis_unix_s.unwrap_or(genesis.timestamp);
    let pairs = [
        ("genesis time", genesis.timestamp.to_string(), time.to_string()),
        ("rollups", genesis.rollups.to_string(), config.rollups.to_string()),
        ("first chain id", genesis.first_chain_id.to_string(), config.first_chain_id.to_string()),
        ("slot", format!("{} ms", genesis.slot_ms), format!("{} ms", config.slot_ms)),
        ("seed", seed(genesis.seed), seed(config.seed)),
        ("balance", genesis.balance.to_string(), config.balance.to_string()),
        ("accounts", format!("{:?}", genesis.accounts), format!("{accounts:?}")),
        (
            "sealing",
            SealingOptions::words(genesis.sealing.as_ref()),
            SealingOptions::words(config.sealing.as_ref()),
        ),
    ];
    match pairs.into_iter().find(|(_, made, asked)| made != asked) {
        Some((what, made, asked)) => Err(NodeError::OtherConfig { what, made, asked }),
        None => Ok(()),
    }
}

impl Engine {
    /// Returns what the realm was made of; before its first slot only.
    pub(super) fn genesis(&self) -> Genesis {
        let heads = self.chains.values().map(|chain| chain.store.head().hash);
        let head = self.chains.values().next().map(|chain| chain.store.head().header.timestamp);
        Genesis {
            rollups: self.config.rollups,
            first_chain_id: self.config.first_chain_id,
            slot_ms: self.config.slot_ms,
            seed: self.config.seed,
            accounts: self.config.accounts.iter().map(|account| account.address).collect(),
            balance: self.config.balance,
            timestamp: head.unwrap_or_default(),
            heads: heads.collect(),
            listed: self.config.listed.clone(),
            sealing: self.config.sealing.clone(),
        }
    }

    /// Does again what a record says.
    fn repeat(&mut self, record: Record) -> Result<(), String> {
        self.check_closed(&record)?;
        match record {
            Record::Genesis(_) => return Err("a second genesis".to_owned()),
            Record::Turn { now_ms, is_close } => {
                let input = if is_close { Input::Close } else { Input::Tick };
                self.step_at(now_ms, input).map_err(|rejection| rejection.to_string())?;
            }
            Record::Item { now_ms, item } => self.replay_item(now_ms, &item)?,
            Record::Closed(_) => {}
            Record::Joined(joined) => self.replay_joined(joined)?,
            Record::Queued(Leg { network, tx, .. }) => {
                self.pool.restore(network, tx);
            }
            Record::Deferred(item) => {
                self.forget_waiting(&item);
                match item {
                    Item::Transaction(leg) => self.pool.restore(leg.network, leg.tx),
                    Item::Bundle(bundle) => self.pool.restore_bundle(bundle),
                    _ => return Err("an item that never waits".to_owned()),
                }
            }
            Record::KeyList { now_ms, key, bytes } => {
                self.announced(now_ms, key, bytes).map_err(|why| why.to_string())?;
            }
            Record::Sealed { now_ms, envelope, signature } => {
                self.replay_sealed(now_ms, envelope, signature)?;
            }
            Record::Released { now_ms, epoch, member, head, secret, signature } => {
                let release = Release { member, received_unix_ms: now_ms, secret };
                let released = Released { release, signature };
                self.released(now_ms, epoch, head, released).map_err(|why| why.to_string())?;
            }
            Record::Revealed { now_ms, epoch, secret, squared } => {
                self.replay_revealed(now_ms, epoch, &secret, squared)?;
            }
            Record::Opened { now_ms, epoch, secret, revealed } => {
                self.open_again(now_ms, epoch, &secret, revealed)?;
            }
            Record::Named { now_ms, item, carriage, signature } => {
                self.named(now_ms, item, Known::Named(carriage), signature)?;
            }
            Record::GiveUp => self.give_up(),
            Record::Expired { now_ms } => self.expire(now_ms)?,
            Record::LeaveKeys { epoch } => self.left_keys(epoch),
            Record::L1Forward { block, entries } => self.replay_l1(block, entries),
            Record::L1Back { to } => self.replay_back(to),
            Record::L1Item { now_ms, .. } => self.replay_entry(now_ms)?,
            Record::ExitsFirst { reach } => self.exits_first(reach),
            Record::Followed { slot } => self.replay_followed(slot),
            Record::Posted(mark) => self.replay_posted(mark),
            Record::Void { .. } => {}
            Record::Supplied { epoch, index, envelope } => {
                self.supplied(epoch, index, envelope)?;
            }
            Record::Prepared(shape) => self.replay_prepared(shape)?,
            Record::Held(leg) => self.replay_held(leg)?,
            Record::Dropped { bundle, protected, legs, why } => {
                legs.iter().for_each(|leg| drop(self.pool.forget(&leg.tx.hash())));
                bundle.into_iter().for_each(|id| self.forget_bundle(id));
                self.drop_legs(bundle, protected, &legs, why);
            }
        }
        Ok(())
    }

    /// Compares what closing slots led to with what it led to when the log was written.
    fn check_closed(&mut self, record: &Record) -> Result<(), String> {
        let is_unsure = self.is_folded_again();
        let Log::Replaying { closed, .. } = &mut self.log else { return Ok(()) };
        match record {
            Record::Closed(logged) if is_unsure => drop_confirmed(closed, logged),
            Record::Closed(logged) => return check_next(closed.pop_front(), logged),
            _ if is_unsure => closed.clear(),
            _ => {
                if let Some(computed) = closed.pop_front() {
                    return Err(format!("a closed slot is not confirmed: {computed:?}"));
                }
            }
        }
        Ok(())
    }

    fn replay_item(&mut self, now_ms: u64, item: &Item) -> Result<(), String> {
        self.forget_waiting(item);
        let hash = item.hash(&self.domain);
        let position = self
            .submit_again(now_ms, item, hash)
            .map_err(|rejection| rejection.to_string())?
            .expect("accepted submissions have a position");
        self.settle(position, item, hash).map(|_| ()).map_err(|error| error.message)
    }

    /// Gives an item its position again. Where L1 took something back, an item may stand before that was removed when this
    /// one came.
    pub(super) fn submit_again(
        &mut self,
        now_ms: u64,
        item: &Item,
        hash: B256,
    ) -> Result<Option<Position>, Rejection> {
        let submission = submission(item, hash);
        match self.step_at(now_ms, Input::Submit(submission)) {
            Err(Rejection::Duplicate { .. }) if self.is_folded_again() => {
                self.release(hash);
                self.step_at(now_ms, Input::Submit(submission))
            }
            stepped => stepped,
        }
    }

    /// Takes an item out of wherever it waits.
    pub(super) fn forget_waiting(&mut self, item: &Item) {
        self.pool.forget_item(item);
        item.bundle().into_iter().for_each(|bundle| drop(self.bundles.forget(bundle.id())));
    }

    fn forget_bundle(&mut self, id: BundleId) {
        self.pool.forget_bundle(id);
        drop(self.bundles.forget(id));
    }

    fn replay_prepared(&mut self, shape: BundleShape) -> Result<(), String> {
        let id = shape.id(&self.domain);
        match self.wait_for_legs(id, shape) {
            true => Ok(()),
            false => Err(format!("no room to wait for the legs of bundle {id}")),
        }
    }

    fn replay_held(&mut self, leg: Leg) -> Result<(), String> {
        let marker = Marker::of(&leg.tx).ok().flatten();
        let id = marker.map(Marker::bundle).ok_or("a held leg has no marker")?;
        match self.bundles.hold(id, leg.network, &leg.tx) {
            Ok(crate::bundles::Held::Waiting) => Ok(()),
            other => Err(format!("a leg of bundle {id} cannot be held: {other:?}")),
        }
    }
}

fn check_next(computed: Option<Closed>, logged: &Closed) -> Result<(), String> {
    match computed {
        Some(computed) if computed == *logged => Ok(()),
        Some(computed) => Err(format!(
            "a slot closed differently: logged {logged:?}, computed {computed:?}; \
             use the program that wrote the log"
        )),
        None => Err(format!("no slot closed here: {logged:?}")),
    }
}

/// Takes out what the log confirms where L1 took something back: blocks are others than they were, and one may be there or missing.
/// The order is not, which the next closing that is sure shows, whose record chains them all.
fn drop_confirmed(computed: &mut VecDeque<Closed>, logged: &Closed) {
    let is_logged = |computed: &Closed| computed.record == logged.record;
    if let Some(place) = computed.iter().position(is_logged) {
        computed.drain(..=place);
    }
}

impl From<OpenError> for NodeError {
    fn from(error: OpenError) -> Self {
        Self::Log(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_types::NetworkId;

    fn closed(record: u8, block: u8) -> Closed {
        let blocks = vec![(NetworkId::new(901), B256::repeat_byte(block))];
        Closed { record: B256::repeat_byte(record), blocks }
    }

    #[test]
    fn what_closes_otherwise_is_said() {
        assert_eq!(check_next(Some(closed(1, 1)), &closed(1, 1)), Ok(()));
        assert!(check_next(Some(closed(1, 2)), &closed(1, 1)).is_err());
        assert!(check_next(None, &closed(1, 1)).is_err());
    }

    /// One input may close two slots, and behind what L1 took back either may have a block that it did not have.
    #[test]
    fn p48_a_closing_is_confirmed_by_its_order_where_blocks_are_unsure() {
        let both = || VecDeque::from([closed(1, 1), closed(2, 2)]);
        let (mut first, mut second, mut neither) = (both(), both(), both());
        drop_confirmed(&mut first, &closed(1, 9));
        assert_eq!(first, [closed(2, 2)]);
        drop_confirmed(&mut second, &closed(2, 9));
        assert!(second.is_empty(), "the first has a block now that nobody noted");
        drop_confirmed(&mut neither, &closed(3, 3));
        assert_eq!(neither, both());
    }
}
