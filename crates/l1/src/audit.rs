//! From L1 to every block: what contradicts itself on the way is named (P41).

use crate::{
    blobs::BlobError,
    error::L1Error,
    events::{Entry, Posted, Registered, RollupSettled},
    history::History,
    registration::Registration,
    settled::Span,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use std::collections::{BTreeMap, VecDeque};
use thiserror::Error;
use weft_batch::{InvalidPayload, RealmConfig, RollupGenesis, SignedBatch, blobs, payload};
use weft_derive::{
    Derivation, Derived, Fate, ForcedBatch, InboxEntry, InvalidRealm, Lie, Recovered, Underivable,
};
use weft_evm::{Begin, ClosedBlock, MemoryState};
use weft_settlement::{
    BatchHeader, Statement, Transition, genesis_hash,
    inbox::{Accumulator, accumulate},
};
use weft_statement::{Ledger, genesis_outcome, lane_root};
use weft_types::{
    Decode as _, Domain, SlotNumber, Tag,
    codec::{CodecError, Writer},
};

/// Something on L1 that is not so.
#[derive(Debug, Error)]
pub enum L1Lie {
    /// What a batch says, by the rules of derivation.
    #[error(transparent)]
    Derived(#[from] Lie),
    /// The realm's configuration is of another realm than the hub's.
    #[error("the realm's configuration is of {found:?}, it is registered in {expected:?}")]
    Domain {
        /// What it says.
        found: Box<Domain>,
        /// Where it is.
        expected: Box<Domain>,
    },
    /// A rollup is registered with something else than the realm is made of.
    #[error("rollup {rollup} is not registered as the realm says: {what}")]
    Registration {
        /// Number of the rollup.
        rollup: u32,
        /// What differs.
        what: &'static str,
    },
    /// The genesis of a rollup does not lead to what it was registered with.
    #[error(
        "genesis of rollup {rollup}: {declared} is registered, its configuration leads to {computed}"
    )]
    Genesis {
        /// Number of the rollup.
        rollup: u32,
        /// Commitment on L1.
        declared: B256,
        /// Commitment of the configuration.
        computed: B256,
    },
    /// A running hash is not that of what came before: something is missing or was made up.
    #[error("{what}: {declared} on L1, {computed} from what came before")]
    Running {
        /// Running hash of what.
        what: String,
        /// On L1.
        declared: B256,
        /// Computed.
        computed: B256,
    },
    /// The header of a batch does not fit its content.
    #[error(
        "batch {batch}: its header on L1 says {declared} as {what}, its content says {computed}"
    )]
    Header {
        /// Batch.
        batch: u64,
        /// Which field.
        what: &'static str,
        /// In the header.
        declared: String,
        /// By the content.
        computed: String,
    },
    /// The blobs of a batch hold nothing that is a batch.
    #[error("batch {batch}: the blobs hold no batch: {why}")]
    NoBatch {
        /// Batch.
        batch: u64,
        /// What is wrong.
        why: String,
    },
    /// A rollup joins that is not registered so.
    #[error("batch {batch}: rollup {chain_id} joins and is not registered so")]
    Joined {
        /// Batch.
        batch: u64,
        /// EIP-155 id.
        chain_id: u32,
    },
    /// A settlement says something else than the batches lead to.
    #[error(
        "settlement of batch {batch}, rollup {rollup}: {what} is {declared} on L1, the batches lead to {computed}"
    )]
    Settled {
        /// Last batch of the settlement.
        batch: u64,
        /// Number of the rollup.
        rollup: u32,
        /// Which field.
        what: &'static str,
        /// On L1.
        declared: B256,
        /// Derived.
        computed: B256,
    },
    /// A rollup is settled that no batch of the settlement names.
    #[error("settlement of batch {batch}: rollup {rollup} is settled, and no batch names it")]
    SettledAlone {
        /// Last batch of the settlement.
        batch: u64,
        /// Number of the rollup.
        rollup: u32,
    },
    /// A batch names a rollup that its settlement leaves out.
    #[error("settlement of batch {batch}: a batch names rollup {rollup}, and it is not settled")]
    LeftOut {
        /// Last batch of the settlement.
        batch: u64,
        /// Number of the rollup.
        rollup: u32,
    },
}

/// Why a realm cannot be derived from L1.
#[derive(Debug, Error)]
pub enum AuditError {
    /// L1 cannot be read.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// Something there is not so.
    #[error(transparent)]
    Lie(#[from] Box<L1Lie>),
    /// The configuration makes no realm.
    #[error(transparent)]
    Realm(#[from] InvalidRealm),
    /// Blobs are missing.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A state could not be read, or its witness does not show it.
    #[error("a state cannot be read: {0}")]
    State(String),
}

fn unread(error: impl std::fmt::Display) -> AuditError {
    AuditError::State(error.to_string())
}

impl<E: std::error::Error> From<Underivable<E>> for AuditError {
    fn from(error: Underivable<E>) -> Self {
        match error {
            Underivable::Lie(lie) => L1Lie::Derived(lie).into(),
            Underivable::State(error) => unread(error),
        }
    }
}

impl From<L1Lie> for AuditError {
    fn from(lie: L1Lie) -> Self {
        Self::Lie(Box::new(lie))
    }
}

impl History {
    /// Returns the inbox as derivation takes it.
    ///
    /// # Errors
    ///
    /// [`AuditError`] when an entry is missing or was made up.
    pub fn inbox(&self) -> Result<Vec<InboxEntry>, AuditError> {
        entries(&self.realm.domain, &self.entries)
    }
}

impl Posted {
    /// Returns the time of an inbox-only batch, as its header says it, in seconds: the header is hashed, and what the block says
    /// that holds it is not.
    fn forced_unix_s(&self) -> u64 {
        U256::from_be_bytes(self.header.content.0).saturating_to()
    }

    /// Returns what derivation takes of an inbox-only batch.
    pub fn forced(&self) -> ForcedBatch {
        let header = &self.header;
        ForcedBatch {
            number: header.number,
            slot: SlotNumber::new(header.first_slot),
            inbox_cursor: header.inbox_cursor,
            unix_ms: self.forced_unix_s().saturating_mul(1000),
            hash: self.hash,
        }
    }
}

/// Derives a realm from its history on L1, batch after batch.
#[derive(Debug)]
pub struct Audit<S: Begin = MemoryState> {
    history: History,
    derivation: Derivation<S>,
    /// What may be settled of the batches so far.
    ledger: Ledger,
    inbox: Vec<InboxEntry>,
    /// Numbers of rollups by EIP-155 id, from 1.
    ids: BTreeMap<u32, u32>,
    /// Rollups that are in the realm.
    joined: usize,
    /// Batches derived.
    done: usize,
    parent: B256,
    /// Settlements compared, by their digests.
    compared: Vec<B256>,
    /// What settlements say of items, where somebody wants to know.
    kept: Option<Kept>,
}

/// Items for whoever holds promises against settlements.
#[derive(Debug, Default)]
struct Kept {
    /// What became of the items that wait for settlement, by batch.
    waiting: VecDeque<(u64, Vec<Fate>)>,
    spans: Vec<Span>,
}

impl Audit {
    /// Checks everything on L1 that needs no batch; states are kept in memory.
    ///
    /// # Errors
    ///
    /// [`AuditError`], with the first lie.
    pub fn new(history: History) -> Result<Self, AuditError> {
        Self::begin(history)
    }
}

impl<S: Begin> Audit<S> {
    /// Checks everything on L1 that needs no batch.
    ///
    /// # Errors
    ///
    /// [`AuditError`], with the first lie.
    pub fn begin(history: History) -> Result<Self, AuditError> {
        let domain = history.realm.domain;
        let expected =
            Domain { l1_chain_id: history.chain_id, settlement: history.contracts.hub, ..domain };
        if domain != expected {
            let (found, expected) = (Box::new(domain), Box::new(expected));
            return Err(L1Lie::Domain { found, expected }.into());
        }
        let mut ids = BTreeMap::new();
        let mut running = B256::ZERO;
        for registered in &history.registered {
            let genesis = genesis_of(&history.realm, registered)?;
            check_genesis(registered, &genesis)?;
            running = register(&domain, &running, registered);
            same_hash(
                || format!("registrations up to rollup {}", registered.rollup),
                registered.registry_hash,
                running,
            )?;
            ids.insert(genesis.chain_id, registered.rollup);
        }
        if history.registered.len() < history.realm.rollups.len() {
            let rollup = history.registered.len() as u32 + 1;
            return Err(L1Lie::Registration { rollup, what: "it is not registered" }.into());
        }
        let inbox = history.inbox()?;
        let derivation = Derivation::begin(history.realm.clone())?;
        let ledger = Ledger::new(&history.realm);
        let (joined, parent) = (history.realm.rollups.len(), genesis_hash(&domain));
        let compared = Vec::new();
        let kept = None;
        Ok(Self {
            history,
            derivation,
            ledger,
            inbox,
            ids,
            joined,
            done: 0,
            parent,
            compared,
            kept,
        })
    }

    /// Keeps what settlements say of items from now on: [`Self::take_spans`] returns it.
    #[must_use]
    pub fn keeping_spans(mut self) -> Self {
        self.kept = Some(Kept::default());
        self
    }

    /// Returns what the settlements that were compared since the last call say of items.
    pub fn take_spans(&mut self) -> Vec<Span> {
        self.kept.as_mut().map(|kept| std::mem::take(&mut kept.spans)).unwrap_or_default()
    }

    /// Goes on with what was read from L1 again, later.
    ///
    /// # Errors
    ///
    /// As [`Self::new`], [`L1Lie::Running`] when batches that were derived, or settlements that were compared, are not there
    /// any more, and what is false in settlements of batches that were derived before.
    pub fn renew(&mut self, history: History) -> Result<(), AuditError> {
        let Self { history, inbox, ids, .. } = Self::begin(history)?;
        let last = self.done.checked_sub(1).and_then(|last| history.batches.get(last));
        let computed = last.map_or_else(|| genesis_hash(&history.realm.domain), |it| it.hash);
        same_hash(|| format!("the {} batches so far", self.done), computed, self.parent)?;
        // One that is gone is made again, as it was: with fewer there is nothing to compare yet.
        for (settled, compared) in history.statements.iter().zip(&self.compared) {
            let what = || format!("settlement of batch {}", settled.last_batch);
            same_hash(what, settled.digest, *compared)?;
        }
        (self.history, self.inbox, self.ids) = (history, inbox, ids);
        self.check_settled()
    }

    /// Returns what was read from L1.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Returns the realm as it stands.
    pub const fn derivation(&self) -> &Derivation<S> {
        &self.derivation
    }

    /// Returns the realm as it stands, to change what its states show.
    pub const fn derivation_mut(&mut self) -> &mut Derivation<S> {
        &mut self.derivation
    }

    /// Returns the batch that is derived next.
    pub fn next(&self) -> Option<&Posted> {
        self.history.batches.get(self.done)
    }

    /// Takes the next batch, which is no inbox-only one, out of its blobs, and checks that its header fits.
    ///
    /// # Errors
    ///
    /// [`AuditError`].
    ///
    /// # Panics
    ///
    /// When there is no next batch.
    pub fn open(&self, blobs: &[Bytes]) -> Result<SignedBatch, AuditError> {
        let posted = self.next().expect("there is a next batch");
        let batch = posted.header.number;
        let no_batch = |why: String| L1Lie::NoBatch { batch, why };
        let bytes = blobs::unpack(blobs).map_err(|error| no_batch(error.to_string()))?;
        let encoding =
            payload::unpack(&bytes).map_err(|error: InvalidPayload| no_batch(error.to_string()))?;
        let content = keccak256(&encoding);
        same(batch, "hash of its content", &posted.header.content, &content)?;
        let signed = SignedBatch::decode(&encoding).map_err(|error| no_batch(error.to_string()))?;
        self.check_header(&posted.header, &signed)?;
        Ok(signed)
    }

    /// Derives the batch that [`Self::open`] gave; `out` hears of every block.
    ///
    /// # Errors
    ///
    /// [`AuditError`], with the first lie.
    ///
    /// # Panics
    ///
    /// When there is no next batch.
    pub fn apply(
        &mut self,
        signed: &SignedBatch,
        mut legs: Recovered,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<Derived, AuditError> {
        let posted = self.next().expect("there is a next batch").clone();
        self.check_chain(&posted)?;
        self.check_joined(&posted, signed)?;
        let derived = self.derivation.derive(signed, &self.inbox, &mut legs, out)?;
        let taken = self.ledger.take(&self.derivation, signed, &derived);
        taken.map_err(unread)?;
        self.after(&posted, &derived)?;
        Ok(derived)
    }

    /// Derives the next batch, which is inbox-only: anybody posted it for a silent sequencer (P46). `out` hears of every block.
    ///
    /// # Errors
    ///
    /// [`AuditError`], with the first lie.
    ///
    /// # Panics
    ///
    /// When there is no next batch.
    pub fn apply_forced(
        &mut self,
        out: &mut dyn FnMut(&ClosedBlock),
    ) -> Result<Derived, AuditError> {
        let posted = self.next().expect("there is a next batch").clone();
        let header = &posted.header;
        self.check_chain(&posted)?;
        self.check_forced(&posted)?;
        let forced = posted.forced();
        let derived = self.derivation.derive_forced(&forced, &self.inbox, out)?;
        let taken = self.ledger.take_forced(&self.derivation, header.number, &derived);
        taken.map_err(unread)?;
        self.after(&posted, &derived)?;
        Ok(derived)
    }

    /// The hub writes the header of such a batch itself.
    fn check_forced(&self, posted: &Posted) -> Result<(), AuditError> {
        let (header, number) = (&posted.header, posted.header.number);
        same(number, "signer", &posted.signer, &Address::ZERO)?;
        same(number, "last slot", &header.last_slot, &header.first_slot)?;
        let time = B256::from(U256::from(posted.block.unix_s));
        same(number, "time of its block", &header.content, &time)?;
        same(number, "lane root", &header.lane_root, &B256::ZERO)?;
        let registered = self.history.registered.iter();
        let known = registered.filter(|it| it.block.number <= posted.block.number).count();
        // Registrations in the block of the batch may stand before or after it.
        let before = self.history.registered.iter();
        let before = before.filter(|it| it.block.number < posted.block.number).count();
        let all = |count: usize| u128::MAX.checked_shr(128 - count.min(128) as u32).unwrap_or(0);
        if (before..=known).any(|count| header.rollups == all(count)) {
            return Ok(());
        }
        let computed = format!("{:#b}", all(known));
        same(number, "rollups", &format!("{:#b}", header.rollups), &computed)
    }

    /// What the hub computed is computed again: nothing that came before can be missing.
    fn check_chain(&self, posted: &Posted) -> Result<(), AuditError> {
        let (header, domain) = (&posted.header, &self.history.realm.domain);
        let batch = header.number;
        let known = self.history.registered.iter();
        let known = known.take_while(|it| it.block.number <= posted.block.number);
        let registry: Vec<_> = known.map(|it| it.registry_hash).collect();
        // Several registrations may stand in the block of the batch, before and after it.
        if !registry.contains(&posted.registry_hash) {
            let computed = registry.last().copied().unwrap_or_default();
            let what = || format!("registrations before batch {batch}");
            same_hash(what, posted.registry_hash, computed)?;
        }
        let accumulator = self.accumulator_at(header.inbox_cursor);
        let computed = accumulator.map_or(B256::ZERO, |it| B256::right_padding_from(it.as_slice()));
        let declared = B256::right_padding_from(posted.accumulator.as_slice());
        same_hash(|| format!("inbox at batch {batch}"), declared, computed)?;
        let computed =
            header.hash(domain, &posted.blobs, &posted.registry_hash, &posted.accumulator);
        same_hash(|| format!("hash of batch {batch}"), posted.hash, computed)?;
        same_hash(|| format!("batch before batch {batch}"), header.parent, self.parent)
    }

    fn accumulator_at(&self, cursor: u64) -> Option<Accumulator> {
        match cursor.checked_sub(1) {
            None => Some(Accumulator::ZERO),
            Some(last) => {
                let last = usize::try_from(last).ok()?;
                self.history.entries.get(last).map(|entry| entry.accumulator)
            }
        }
    }

    fn check_header(&self, header: &BatchHeader, signed: &SignedBatch) -> Result<(), AuditError> {
        let content = &signed.batch;
        let number = header.number;
        same(number, "number", &header.number, &content.number)?;
        same(number, "first slot", &header.first_slot, &content.first.get())?;
        same(number, "last slot", &header.last_slot, &content.last().get())?;
        same(number, "inbox cursor", &header.inbox_cursor, &content.inbox_cursor)?;
        let mut rollups = 0_u128;
        for head in &content.heads {
            let id = self.ids.get(&head.network.get()).copied();
            let id = id.filter(|id| (1..=128).contains(id));
            let unknown = || L1Lie::Joined { batch: number, chain_id: head.network.get() };
            rollups |= 1 << (id.ok_or_else(unknown)? - 1);
        }
        same(number, "rollups", &format!("{:#b}", header.rollups), &format!("{rollups:#b}"))?;
        let computed = lane_root(&self.history.realm.domain, content);
        same(number, "lane root", &header.lane_root, &computed)
    }

    /// Rollups join in the order of their registration, as they were registered, and not before.
    fn check_joined(&mut self, posted: &Posted, signed: &SignedBatch) -> Result<(), AuditError> {
        for genesis in signed.batch.slots.iter().flat_map(|slot| &slot.joined) {
            let (batch, chain_id) = (posted.header.number, genesis.chain_id);
            let registered = self.history.registered.get(self.joined);
            let registered = registered.filter(|it| it.block.number <= posted.block.number);
            let declared = registered.map(|it| genesis_of(&self.history.realm, it)).transpose()?;
            if declared.as_ref() != Some(genesis) {
                return Err(L1Lie::Joined { batch, chain_id }.into());
            }
            self.joined += 1;
        }
        Ok(())
    }

    fn after(&mut self, posted: &Posted, derived: &Derived) -> Result<(), AuditError> {
        self.parent = posted.hash;
        self.done += 1;
        if let Some(kept) = &mut self.kept {
            kept.waiting.push_back((posted.header.number, derived.fates.clone()));
        }
        self.check_settled()
    }

    /// Compares the settlements of what is derived with what the batches lead to; each once, also one that came later than its
    /// batches were derived.
    fn check_settled(&mut self) -> Result<(), AuditError> {
        while let Some(settled) = self.history.statements.get(self.compared.len()).copied() {
            let last = settled.last_batch;
            let Some(posted) = self.history.batches[..self.done].get(last as usize - 1) else {
                return Ok(());
            };
            let statement = self.ledger.statement(last, posted.hash, B256::ZERO);
            let statement =
                statement.expect("these batches are derived, and were not settled before");
            self.check_transitions(last, &statement)?;
            if let Some(kept) = &mut self.kept {
                let number = self.compared.len() as u32;
                let mut fates = Vec::new();
                while let Some((_, some)) = kept.waiting.pop_front_if(|(batch, _)| *batch <= last) {
                    fates.extend(some);
                }
                let domain = self.history.realm.domain;
                let span =
                    Span::new(domain, (number, settled.digest), statement, fates, &self.ledger);
                kept.spans.push(span);
            }
            self.compared.push(settled.digest);
            self.ledger.settle(last);
        }
        Ok(())
    }

    fn check_transitions(&self, batch: u64, statement: &Statement) -> Result<(), AuditError> {
        let settled = self.history.settlements.get(&batch).map_or(&[][..], Vec::as_slice);
        for settled in settled {
            let rollup = settled.rollup;
            let computed = statement.transitions.iter().find(|it| it.rollup == rollup);
            let unknown = L1Lie::SettledAlone { batch, rollup };
            check_transition(batch, settled, computed.ok_or(unknown)?)?;
        }
        let is_settled = |it: &&Transition| settled.iter().any(|other| other.rollup == it.rollup);
        if let Some(left) = statement.transitions.iter().find(|it| !is_settled(it)) {
            return Err(L1Lie::LeftOut { batch, rollup: left.rollup }.into());
        }
        Ok(())
    }
}

fn check_transition(
    batch: u64,
    settled: &RollupSettled,
    computed: &Transition,
) -> Result<(), AuditError> {
    let (there, here) = (&settled.outcome, &computed.post);
    let number = |number: u64| B256::from(U256::from(number));
    let fields = [
        ("block hash", there.block_hash, here.block_hash),
        ("state root", there.state_root, here.state_root),
        ("block number", number(there.block_number), number(here.block_number)),
        ("exit root", there.exit_root, here.exit_root),
        ("accounting root", there.accounting_root, here.accounting_root),
        ("heads root", there.heads_root, here.heads_root),
        ("proposal root", settled.proposal_root, computed.proposal_root),
        ("outcome root", settled.outcome_root, computed.outcome_root),
    ];
    match fields.into_iter().find(|(_, declared, computed)| declared != computed) {
        Some((what, declared, computed)) => {
            let rollup = settled.rollup;
            Err(L1Lie::Settled { batch, rollup, what, declared, computed }.into())
        }
        None => Ok(()),
    }
}

/// Returns what a rollup is made of, by its registration and the realm's configuration.
fn genesis_of(realm: &RealmConfig, registered: &Registered) -> Result<RollupGenesis, AuditError> {
    let rollup = registered.rollup;
    let lie = |what| AuditError::from(L1Lie::Registration { rollup, what });
    let wrong = |error: CodecError| L1Error::Registration { rollup, why: error.to_string() };
    let own = rollup.checked_sub(1).and_then(|index| realm.rollups.get(index as usize));
    let genesis = match Registration::decode(&registered.config).map_err(wrong)? {
        Registration::Realm { config, .. } if rollup == 1 && *config == *realm => own.cloned(),
        Registration::Realm { .. } => return Err(lie("it names another realm")),
        Registration::Rollup { realm: hash, .. } if hash != realm.hash() => {
            return Err(lie("it names another realm"));
        }
        Registration::Rollup { genesis, .. } if own.is_none_or(|own| *own == genesis) => {
            Some(genesis)
        }
        Registration::Rollup { .. } => return Err(lie("the realm begins with another rollup")),
    };
    let genesis = genesis.ok_or_else(|| lie("the realm begins without it"))?;
    if u64::from(genesis.chain_id) == registered.chain_id {
        Ok(genesis)
    } else {
        Err(lie("it has another chain id"))
    }
}

fn check_genesis(registered: &Registered, genesis: &RollupGenesis) -> Result<(), AuditError> {
    let (declared, rollup) = (registered.genesis_commitment, registered.rollup);
    let computed = genesis_outcome(genesis).commitment();
    if declared == computed {
        Ok(())
    } else {
        Err(L1Lie::Genesis { rollup, declared, computed }.into())
    }
}

/// Returns the running hash over registrations after one more.
pub fn register(domain: &Domain, before: &B256, registered: &Registered) -> B256 {
    let mut out = Writer::default();
    out.hash(before).u32(registered.rollup).u64(registered.chain_id);
    out.address(&registered.policy).hash(&registered.genesis_commitment);
    out.hash(&registered.config_hash).u256(U256::from(registered.value));
    domain.hash(Tag::Registry, out.as_slice())
}

/// Checks the accumulators of all entries, and reads them.
fn entries(domain: &Domain, all: &[Entry]) -> Result<Vec<InboxEntry>, AuditError> {
    let mut before = Accumulator::ZERO;
    let mut items = Vec::with_capacity(all.len());
    for (index, entry) in (0..).zip(all) {
        let (block, hash) = (entry.block.number as u32, keccak256(&entry.payload));
        before = accumulate(domain, &before, index, block, &hash);
        let declared = B256::right_padding_from(entry.accumulator.as_slice());
        let computed = B256::right_padding_from(before.as_slice());
        same_hash(|| format!("inbox up to entry {index}"), declared, computed)?;
        let unix_ms = entry.block.unix_s.saturating_mul(1000);
        items.push(InboxEntry::of_payload(unix_ms, entry.origin, &entry.payload));
    }
    Ok(items)
}

fn same_hash(
    what: impl FnOnce() -> String,
    declared: B256,
    computed: B256,
) -> Result<(), AuditError> {
    if declared == computed {
        return Ok(());
    }
    Err(L1Lie::Running { what: what(), declared, computed }.into())
}

fn same<T: PartialEq + ToString>(
    batch: u64,
    what: &'static str,
    declared: &T,
    computed: &T,
) -> Result<(), AuditError> {
    if declared == computed {
        return Ok(());
    }
    let (declared, computed) = (declared.to_string(), computed.to_string());
    Err(L1Lie::Header { batch, what, declared, computed }.into())
}
