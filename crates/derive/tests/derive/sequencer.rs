//! A sequencer of its own: lane and fold by hand, batches as the format says.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use std::collections::{BTreeMap, BTreeSet};
use weft_batch::{
    AnnouncedKey, Batch, ClaimedHead, ClaimedRemoval, EpochOpening, Opened, Ordered, RealmConfig,
    Revealed, RollupGenesis, SealingRealm, SignedBatch, Slot, WireItem, tag,
};
use weft_contracts::FeeVault;
use weft_crypto::{
    Announcement, Carriage, DelayScheme as _, Envelope, EpochKeyScheme, GasBucket, KeyList,
    Release, Setup, ShareContext, SizeBucket, Verdict, curve::Secret, deal, setup::RSA_2048,
};
use weft_derive::{
    Derivation, Derived, ForcedBatch, InboxEntry, Lie, Recover, is_dead, rollup, submission, terms,
};
use weft_evm::{Escrow, Heads, MemoryState, Realm, TokenId};
use weft_lane::{
    Effect, Input, KeyAnnouncement, Lane, LaneConfig, SealedSubmission, SealingConfig, Turn,
};
use weft_types::{
    Bundle, BundleShape, Domain, FEE_VAULT, Halt, Item, L1Event, Leg, LegShape, NetworkId, Opening,
    Outcome, Part, PartedShape, Parts, Position, SafetyLevel, Sealed, Section, Signature, SignedTx,
    SlotNumber,
};

pub(crate) const A: NetworkId = NetworkId::new(901);
pub(crate) const B: NetworkId = NetworkId::new(902);
pub(crate) const ETHER: u128 = 1_000_000_000_000_000_000;
/// Time of the genesis blocks, in seconds.
const GENESIS: u64 = 1_700_000_000;
const SLOT_MS: u64 = 200;
/// Slots of an epoch.
pub(crate) const EPOCH: u64 = 4;
/// Account that pays for sealed items.
pub(crate) const PAYER: usize = 3;

/// Returns a funded key.
pub(crate) fn key(index: usize) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256((index as u64).to_be_bytes())).unwrap()
}

pub(crate) fn address(index: usize) -> Address {
    key(index).address()
}

/// A transaction before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) network: NetworkId,
    pub(crate) key: usize,
    pub(crate) nonce: u64,
    pub(crate) to: TxKind,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
    pub(crate) gas: u64,
}

impl Draft {
    pub(crate) fn pay(network: NetworkId, key: usize, nonce: u64, wei: u128) -> Self {
        let to = TxKind::Call(Address::repeat_byte(0x99));
        Self { network, key, nonce, to, value: U256::from(wei), data: Bytes::new(), gas: 60_000 }
    }

    /// A creation whose code reverts at once.
    pub(crate) fn failing(network: NetworkId, key: usize, nonce: u64) -> Self {
        let data = Bytes::from_static(&[0x5f, 0x5f, 0xfd]);
        Self { to: TxKind::Create, data, ..Self::pay(network, key, nonce, 0) }
    }

    pub(crate) fn raw(&self) -> Bytes {
        let tx = TxEip1559 {
            chain_id: u64::from(self.network.get()),
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: 20_000_000_000,
            max_priority_fee_per_gas: 1,
            to: self.to,
            value: self.value,
            access_list: Default::default(),
            input: self.data.clone(),
        };
        let signature = key(self.key).sign_hash_sync(&tx.signature_hash()).unwrap();
        TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into()
    }

    pub(crate) fn leg(&self) -> Leg {
        let tx = SignedTx::decode(self.raw()).unwrap();
        Leg { network: self.network, tx, may_revert: false }
    }

    pub(crate) fn item(&self) -> Item {
        Item::Transaction(self.leg())
    }
}

/// Makes a marked bundle of drafts.
pub(crate) fn bundle(drafts: &[Draft]) -> Bundle {
    let (salt, level) = (B256::repeat_byte(7), SafetyLevel::Reputation);
    let legs = drafts.iter().map(|draft| LegShape::of(&draft.leg())).collect();
    let id = BundleShape { salt, level, legs }.id(&Domain::dev());
    let marked = drafts.iter().map(|draft| {
        let data = [draft.data.as_ref(), &id.suffix()].concat().into();
        Draft { data, ..draft.clone() }.leg()
    });
    Bundle::new(&Domain::dev(), salt, level, marked.collect()).unwrap()
}

/// Makes the parts of a bundle; leg i is hidden by `keccak(i)`.
pub(crate) fn parted(salt: u8, epoch: u64, drafts: &[Draft]) -> Vec<Part> {
    let domain = Domain::dev();
    let blinding = |index: usize| keccak256([index as u8]);
    let commit = |(index, draft): (usize, &Draft)| {
        LegShape::of(&draft.leg()).commitment(&domain, &blinding(index))
    };
    let shape = PartedShape {
        salt: B256::repeat_byte(salt),
        level: SafetyLevel::Reputation,
        epoch,
        commitments: drafts.iter().enumerate().map(commit).collect(),
    };
    let suffix = shape.id(&domain).suffix();
    let part = |(index, draft): (usize, &Draft)| {
        let data = [draft.data.as_ref(), &suffix].concat().into();
        let leg = Draft { data, ..draft.clone() }.leg();
        Part::new(&domain, &shape, index as u16, blinding(index), leg).unwrap()
    };
    drafts.iter().enumerate().map(part).collect()
}

/// An epoch with a key.
struct Epoch {
    list: KeyList,
    secret: Secret,
    envelopes: Vec<Envelope>,
    parts: Parts,
}

/// An honest sequencer.
pub(crate) struct Sequencer {
    pub(crate) config: RealmConfig,
    lane: Lane,
    realm: Realm<MemoryState>,
    slot: Slot,
    has_items: bool,
    number: u64,
    parent: B256,
    first: SlotNumber,
    slots: Vec<Slot>,
    now_ms: u64,
    end: B256,
    cursor: u64,
    heads: BTreeMap<NetworkId, ClaimedHead>,
    setup: Option<Setup>,
    epochs: BTreeMap<u64, Epoch>,
    /// How the next epoch that is opened came to light.
    pub(crate) revealed: Revealed,
    /// Halts, after reading, a rollup before this item of the next epoch that runs, in its slot.
    pub(crate) veto: Option<Halt>,
    /// Rollups that there are for what is opened.
    listed: Vec<NetworkId>,
    /// Those that there are by a liar's word.
    pub(crate) forged: Option<Vec<NetworkId>>,
    /// Every entry of the inbox.
    pub(crate) inbox: Vec<InboxEntry>,
    /// Every block so far.
    pub(crate) blocks: Vec<(NetworkId, u64, B256)>,
    /// Every item that had its turn, in order: where the lane put it, its hash, itself, and what the fold said.
    pub(crate) turns: Vec<(Position, B256, Item, Outcome)>,
}

fn genesis(network: NetworkId, is_home: bool) -> RollupGenesis {
    let mut allocations: Vec<_> =
        (0..8).map(|index| (address(index), U256::from(1_000 * ETHER))).collect();
    allocations.sort_unstable();
    RollupGenesis {
        chain_id: network.get(),
        timestamp: GENESIS,
        gas_limit: 60_000_000,
        base_fee: 1_000_000_000,
        is_home,
        removes_failed: false,
        allocations,
    }
}

/// A realm of two rollups.
pub(crate) fn config(is_sealed: bool) -> RealmConfig {
    let networks = vec![A, B];
    let sealing = is_sealed.then(|| SealingConfig::new(A, EPOCH));
    let setup = is_sealed.then(|| Setup::prepare(&RSA_2048, 16).unwrap());
    RealmConfig {
        domain: Domain::dev(),
        sequencer: key(9).address(),
        lane: LaneConfig { sealing, ..LaneConfig::new(SLOT_MS, networks) },
        sealing: setup
            .map(|setup| SealingRealm { setup: setup.encode().into(), members: Vec::new() }),
        inbox_window_ms: 10_000,
        rollups: vec![genesis(A, is_sealed), genesis(B, false)],
    }
}

impl Sequencer {
    pub(crate) fn new() -> Self {
        Self::with(config(false))
    }

    pub(crate) fn with(config: RealmConfig) -> Self {
        let mut escrow = Escrow::default();
        let rollups: Vec<_> = config.rollups.iter().map(rollup).collect();
        for rollup in &rollups {
            escrow.set(rollup.spec.network, TokenId::ETHER, U256::from(8_000 * ETHER));
        }
        let setup = config.sealing.as_ref().map(|sealing| Setup::decode(&sealing.setup).unwrap());
        let mut sequencer = Self {
            lane: Lane::new(config.domain, config.lane.clone()).unwrap(),
            realm: Realm::new(config.domain, rollups, escrow, Heads::default()),
            config,
            slot: Slot::default(),
            has_items: false,
            number: 0,
            parent: B256::ZERO,
            first: SlotNumber::new(1),
            slots: Vec::new(),
            now_ms: GENESIS * 1000 + 1_000,
            end: B256::ZERO,
            cursor: 0,
            heads: BTreeMap::new(),
            setup,
            epochs: BTreeMap::new(),
            revealed: Revealed::default(),
            veto: None,
            listed: Vec::new(),
            forged: None,
            inbox: Vec::new(),
            blocks: Vec::new(),
            turns: Vec::new(),
        };
        sequencer.open();
        sequencer
    }

    pub(crate) fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.lane.step(self.now_ms, input, &mut effects).unwrap();
        effects
    }

    fn open(&mut self) {
        let effects = self.step(Input::Tick);
        let Some(Effect::Opened(header)) = effects.first() else { panic!("{effects:?}") };
        self.slot = Slot { unix_ms: header.unix_ms, ..Slot::default() };
        self.has_items = false;
        self.realm.open_slot(header.clone()).unwrap();
        for effect in &effects[1..] {
            let Effect::Opening { epoch, is_late, listed, turns } = effect else { panic!() };
            self.listed.clone_from(listed);
            if !is_late {
                self.run(*epoch, turns);
                continue;
            }
            let epoch = self.epochs.remove(epoch).unwrap();
            for (turn, envelope) in turns.iter().zip(&epoch.envelopes) {
                self.turn(turn.position, turn.item, &envelope.carriage, Opening::Late);
            }
        }
    }

    fn apply(&mut self, position: Position, item: &Item, hash: B256) -> Outcome {
        self.has_items = true;
        let outcome = self.realm.apply(position, item).unwrap().outcome;
        if let Outcome::Removed(removal) = &outcome {
            let Position { section, index, .. } = position;
            self.slot.removals.push(ClaimedRemoval { section, index, cause: removal.cause });
            if !is_dead(removal, item.bundle().is_none_or(Bundle::is_marked)) {
                self.step(Input::Release { item: hash });
            }
        }
        self.turns.push((position, hash, item.clone(), outcome.clone()));
        outcome
    }

    /// Gives an item the next position and runs it.
    pub(crate) fn submit(&mut self, item: &Item) -> Outcome {
        let hash = item.hash(&self.config.domain);
        let effects = self.step(Input::Submit(submission(item, hash)));
        let [Effect::Positioned { position, .. }] = effects[..] else { panic!("{effects:?}") };
        match WireItem::of(item) {
            Some(wire) => self.slot.plaintext.push(wire),
            None => self.slot.l1_born += 1,
        }
        self.apply(position, item, hash)
    }

    /// Takes the next entries of the inbox, but for exits.
    pub(crate) fn take_inbox(&mut self, count: usize) {
        self.pass_exits();
        for _ in 0..count {
            let entry = self.inbox[self.cursor as usize].item.clone();
            self.submit(&Item::L1Born(entry));
            self.cursor += 1;
            self.pass_exits();
        }
    }

    /// Burns the exits among the next entries of the inbox.
    pub(crate) fn take_exits(&mut self) {
        let waiting = &self.inbox[self.cursor as usize..];
        let exits: Vec<_> = waiting.iter().filter(|entry| is_exit(entry)).cloned().collect();
        for exit in exits {
            assert_eq!(self.submit(&Item::L1Born(exit.item)), Outcome::Included);
        }
        self.pass_exits();
    }

    fn pass_exits(&mut self) {
        while self.inbox.get(self.cursor as usize).is_some_and(is_exit) {
            self.cursor += 1;
        }
    }

    /// Returns what an account has.
    pub(crate) fn balance(&self, network: NetworkId, account: Address) -> U256 {
        let state = self.realm.state(network).unwrap();
        state.account(&account).map(|account| account.info.balance).unwrap_or_default()
    }

    /// Returns the ether that a rollup may take out.
    pub(crate) fn escrow(&self, network: NetworkId) -> U256 {
        self.realm.escrow().balance(network, TokenId::ETHER)
    }

    /// Takes an entry of an L1 block that is gone.
    pub(crate) fn take_reorged(&mut self, entry: &InboxEntry) {
        let hash = Item::L1Born(entry.item.clone()).hash(&self.config.domain);
        let (origin, index) = (entry.item.origin, self.slot.l1_born);
        self.slot.reorged.push(weft_batch::ReorgedEntry { index, origin, item: hash });
        let event = weft_types::L1Event::Reorged(hash);
        self.submit(&Item::L1Born(weft_types::L1Born { origin, event }));
    }

    /// Stops a rollup before the next plaintext item.
    pub(crate) fn halt(&mut self, network: NetworkId) {
        let halt = self.next_halt(network);
        self.step(Input::Halt(halt));
        self.claim_halt(halt);
    }

    fn next_halt(&self, network: NetworkId) -> Halt {
        let index = self.slot.plaintext.len() as u32;
        Halt { section: Section::Plaintext, index, network }
    }

    /// Says that a rollup stopped before the next plaintext item, whatever the lane holds of it.
    pub(crate) fn lie_of_halt(&mut self, network: NetworkId) {
        self.claim_halt(self.next_halt(network));
    }

    fn claim_halt(&mut self, halt: Halt) {
        let network = halt.network;
        self.step(Input::SetAvailable { network, available: false });
        self.realm.set_available(network, false);
        self.slot.halts.push(halt);
    }

    /// Closes the slot `ms` after it opened and opens the next one.
    pub(crate) fn close_after(&mut self, ms: u64) {
        let listed = self.lane.open_slot().unwrap().available.clone();
        self.now_ms += ms;
        for effect in self.step(Input::Close) {
            match effect {
                Effect::Closed { hash, .. } => self.end = hash,
                Effect::EpochClosed { items: 1.., is_late, .. } => self.slot.is_late = is_late,
                _ => {}
            }
        }
        self.slot.record = self.has_items.then(|| tag(&self.end));
        for block in self.realm.close_slot().unwrap() {
            let (network, number, hash) = (block.network, block.header.number, block.hash);
            self.slot.blocks.push(tag(&hash));
            self.blocks.push((network, number, hash));
            self.heads.insert(network, ClaimedHead { network, number, hash });
        }
        self.slots.push(std::mem::take(&mut self.slot));
        self.open();
        let now = self.lane.open_slot().unwrap().available.clone();
        self.slot.available = (now != listed).then_some(now);
    }

    pub(crate) fn close(&mut self) {
        self.close_after(SLOT_MS);
    }

    /// Ends the batch with the slots that are closed.
    pub(crate) fn batch(&mut self) -> SignedBatch {
        let slots = std::mem::take(&mut self.slots);
        self.number += 1;
        let batch = Batch {
            number: self.number,
            parent: self.parent,
            config: self.config.hash(),
            first: self.first,
            slots,
            inbox_cursor: self.cursor,
            end: self.end,
            heads: std::mem::take(&mut self.heads).into_values().collect(),
        };
        self.first = batch.last().next();
        self.parent = batch.hash(&self.config.domain);
        sign(batch)
    }
}

/// Sealed items.
impl Sequencer {
    /// Gives an epoch a key.
    pub(crate) fn announce(&mut self, epoch: u64, close_at_ms: u64) {
        let (setup, domain) = (self.setup.as_ref().unwrap(), self.config.domain);
        let sealing = self.config.sealing.as_ref().unwrap();
        let mut committee: BTreeSet<_> = sealing.members.iter().map(|(id, _)| *id).collect();
        if committee.is_empty() {
            committee.insert(0);
        }
        let (mut announcements, mut releases) = (Vec::new(), Vec::new());
        for member in committee.iter().copied() {
            let context = ShareContext { domain, epoch, member };
            let entropy = keccak256((epoch + u64::from(member)).to_be_bytes());
            let (secret, share) = deal(setup, &context, &entropy);
            announcements.push(Announcement { member, received_unix_ms: 0, share });
            releases.push(Release { member, received_unix_ms: 0, secret });
        }
        let list = KeyList::assemble(setup, &domain, epoch, &committee, &announcements, 1);
        let list = list.unwrap().0;
        let secret = list.collect(&releases, 1).1.unwrap().secret().clone();
        let key = KeyAnnouncement { epoch, list: list.id(), members: committee, close_at_ms };
        self.step(Input::Announce(key));
        self.slot.keys.push(AnnouncedKey { close_at_ms, list: list.encode().into() });
        self.epochs.insert(
            epoch,
            Epoch { list, secret, envelopes: Vec::new(), parts: Parts::new(Domain::dev(), epoch) },
        );
    }

    /// Takes the parts of an epoch for those of another.
    pub(crate) fn collect_as(&mut self, epoch: u64, other: u64) {
        self.epochs.get_mut(&epoch).unwrap().parts = Parts::new(Domain::dev(), other);
    }

    pub(crate) fn nonces<const N: usize>(&self, of: [(NetworkId, Address); N]) -> [u64; N] {
        of.map(|(network, address)| {
            let account = self.realm.state(network).unwrap().account(&address);
            account.map_or(0, |account| account.info.nonce)
        })
    }

    /// Returns the key list of a closed epoch, and its closing head.
    pub(crate) fn closed(&self, epoch: u64) -> (&KeyList, B256) {
        (&self.epochs[&epoch].list, self.lane.sealing().closed(epoch).unwrap().head)
    }

    pub(crate) fn setup(&self) -> &Setup {
        self.setup.as_ref().unwrap()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Pays into the vault.
    pub(crate) fn deposit(&mut self, nonce: u64) {
        let call = FeeVault::depositCall { payer: address(PAYER) };
        let data = call.abi_encode().into();
        let draft = Draft::pay(A, 7, nonce, ETHER);
        let draft = Draft { to: TxKind::Call(FEE_VAULT), data, gas: 500_000, ..draft };
        assert_eq!(self.submit(&draft.item()), Outcome::Included);
    }

    /// Seals a plaintext to the open epoch.
    pub(crate) fn seal(&self, plaintext: &[u8], salt: u64) -> Envelope {
        let epoch = self.lane.open_slot().unwrap().epoch;
        let carriage = Carriage {
            payer: address(PAYER),
            deposit: A,
            rollup: None,
            epoch,
            valid_until: SlotNumber::new(u64::MAX),
            size: SizeBucket::for_len(plaintext.len()).unwrap(),
            gas: GasBucket::new(6).unwrap(),
            max_fee_wei: ETHER,
        };
        let scheme = EpochKeyScheme::new(&self.epochs[&epoch].list);
        scheme.encrypt(&carriage, plaintext, &keccak256(salt.to_be_bytes())).unwrap()
    }

    /// Gives an envelope its order.
    pub(crate) fn order(&mut self, envelope: Envelope) {
        let carriage = envelope.carriage;
        let item = envelope.id(&self.config.domain);
        let submission = SealedSubmission {
            item,
            epoch: carriage.epoch,
            list: envelope.key,
            valid_until: carriage.valid_until,
            payer: carriage.payer,
            home: carriage.deposit,
            size_bytes: carriage.size.bytes() as u64,
            gas_limit: carriage.gas.gas_limit(),
            max_fee_wei: carriage.max_fee_wei,
            deposit_wei: ETHER,
        };
        self.step(Input::Seal(submission));
        self.has_items = true;
        let payer = (0..32).map(key).find(|key| key.address() == carriage.payer).unwrap();
        let signature = Signature::new(payer.sign_hash_sync(&item).unwrap()).unwrap();
        self.slot.sealed.push(Ordered { envelope: item, carriage, signature });
        self.epochs.get_mut(&carriage.epoch).unwrap().envelopes.push(envelope);
    }

    /// Gives up what is ordered and not opened, as who has lost it.
    pub(crate) fn give_up(&mut self) {
        self.step(Input::GiveUp);
        let lane = self.lane.sealing();
        self.epochs.retain(|epoch, _| lane.open(*epoch).is_some());
        self.epochs.values_mut().for_each(|epoch| epoch.envelopes.clear());
    }

    /// Does what an inbox-only batch of the next entries does, and goes on behind it.
    pub(crate) fn pass_forced(&mut self, entries: usize, hash: B256) -> ForcedBatch {
        self.give_up();
        self.take_inbox(entries);
        self.close();
        let batch = self.batch().batch;
        self.parent = hash;
        let [Slot { unix_ms, .. }] = batch.slots[..] else { panic!("it has one slot") };
        let (number, slot, inbox_cursor) = (batch.number, batch.first, batch.inbox_cursor);
        ForcedBatch { number, slot, inbox_cursor, unix_ms, hash }
    }

    /// Returns what a payer's items may cost.
    pub(crate) fn reserved(&self) -> u128 {
        self.lane.sealing().reserved_wei(&address(PAYER))
    }

    /// Opens a closed epoch in the open slot, which is empty. What is too much for it runs in the next ones.
    pub(crate) fn reveal(&mut self, number: u64) {
        let list = self.epochs[&number].list.id();
        let effects = self.step(Input::Reveal { epoch: number, list });
        let [Effect::Opening { listed, turns, .. }] = &effects[..] else { panic!("{effects:?}") };
        self.listed.clone_from(listed);
        self.run(number, turns);
    }

    fn run(&mut self, number: u64, turns: &[Turn]) {
        let mut epoch = self.epochs.remove(&number).unwrap();
        let rest = epoch.envelopes.split_off(turns.len());
        let envelopes = epoch.envelopes.clone();
        let items = turns.iter().zip(&envelopes);
        let run = |(turn, envelope)| self.run_turn(&mut epoch, turn, envelope);
        let items = items.map(run).collect();
        let secret = B256::new(epoch.secret.to_bytes());
        let revealed = std::mem::take(&mut self.revealed);
        self.slot.opening = Some(EpochOpening { epoch: number, secret, revealed, items });
        if !rest.is_empty() {
            self.epochs.insert(number, Epoch { envelopes: rest, ..epoch });
        }
    }

    fn run_turn(&mut self, epoch: &mut Epoch, turn: &Turn, envelope: &Envelope) -> Opened {
        let scheme = EpochKeyScheme::new(&epoch.list);
        let secret = epoch.list.fitting(&epoch.secret).unwrap();
        let (opening, opened) = match scheme.open(envelope, &secret).unwrap() {
            Verdict::Opened { plaintext, seed } => {
                let item = Item::from_plaintext(&plaintext);
                let opening = item.map_or(Opening::Malformed, |i| Opening::Opened(Box::new(i)));
                (opening, Opened::of_plaintext(seed, plaintext))
            }
            Verdict::Malformed { seed } => {
                let padded = scheme.reseal(envelope, &seed).unwrap().1.to_vec().into();
                (Opening::Malformed, Opened::Malformed { seed, padded })
            }
            Verdict::Undecryptable => {
                let head = alloy_primitives::FixedBytes::from_slice(&envelope.head);
                let (masked_seed, body) = (envelope.masked_seed, envelope.body.clone().into());
                (Opening::Undecryptable, Opened::Undecryptable { head, masked_seed, body })
            }
        };
        let terms = terms(self.config.lane.sealing.as_ref().unwrap(), &envelope.carriage);
        let opening = epoch.parts.turn(&terms, opening);
        let Position { section, index, .. } = turn.position;
        if let Some(halt) = self.veto.take_if(|halt| (halt.section, halt.index) <= (section, index))
        {
            self.claim_halt(halt);
        }
        self.turn(turn.position, turn.item, &envelope.carriage, opening);
        opened
    }

    fn turn(&mut self, position: Position, envelope: B256, carriage: &Carriage, opening: Opening) {
        let config = self.config.lane.sealing.clone().unwrap();
        let terms = terms(&config, carriage);
        let listed = self.forged.clone().unwrap_or_else(|| self.listed.clone());
        let sealed = Sealed { envelope, terms, listed, opening };
        self.apply(position, &Item::Sealed(sealed), envelope);
    }
}

fn is_exit(entry: &InboxEntry) -> bool {
    matches!(entry.item.event, L1Event::Exit(_))
}

/// Signs a batch as the sequencer does.
pub(crate) fn sign(batch: Batch) -> SignedBatch {
    let signature = key(9).sign_hash_sync(&batch.hash(&Domain::dev())).unwrap();
    SignedBatch { batch, signature: Signature::new(signature).unwrap() }
}

/// Derives batches from nothing; returns every block.
#[expect(clippy::type_complexity, reason = "what two tests compare")]
pub(crate) fn derive(
    config: &RealmConfig,
    inbox: &[InboxEntry],
    batches: &[SignedBatch],
) -> Result<(Vec<(NetworkId, u64, B256)>, Vec<Derived>), Lie> {
    let mut derivation = Derivation::new(config.clone()).unwrap();
    let (mut blocks, mut derived) = (Vec::new(), Vec::new());
    for batch in batches {
        // What travels is bytes.
        let batch = SignedBatch::decode(&batch.encode()).unwrap();
        let mut out = |block: &weft_evm::ClosedBlock| {
            blocks.push((block.network, block.header.number, block.hash));
        };
        derived.push(derivation.apply(&batch, inbox, &mut Recover, &mut out)?);
    }
    Ok((blocks, derived))
}
