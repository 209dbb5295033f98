//! A realm that takes sealed items, and who seals them.

use super::Times;
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use revm::DatabaseRef as _;
use std::{sync::LazyLock, thread, time::Instant};
use weft_contracts::{fee_vault, fee_vault_slot};
use weft_crypto::{
    Announcement, Carriage, DelayScheme as _, Envelope, EpochKeyScheme, EpochSecret, GasBucket,
    KeyList, Release, Setup, ShareContext, SizeBucket, Verdict, deal, setup::RSA_2048,
};
use weft_evm::{ChainSpec, Escrow, GenesisAccount, Heads, MemoryState, Realm, genesis};
use weft_lane::{
    Effect, Input, KeyAnnouncement, Lane, LaneConfig, Rejection, SealedSubmission, SealingConfig,
    Turn,
};
use weft_promise::{Guard, Issuer, LocalSigner};
use weft_types::{
    Decode as _, Domain, Encode as _, ExecutionPromise, FEE_VAULT, Item, Leg, NetworkId, Opening,
    OrderPromise, Outcome, PromisedRemoval, Sealed as SealedItem, Signature, SignedTx, SlotNumber,
    Statement, Terms,
};

/// Where items run and deposits lie.
const HOME: NetworkId = NetworkId::new(901);
const GENESIS_TIME: u64 = 1_700_000_000;
const SLOT_MS: u64 = 1_000;
/// Accounts that send, and that pay.
const USERS: usize = 512;
const PAYERS: usize = 8;
/// Members of a committee.
const MEMBERS: u32 = 3;
/// Statements under one signature.
const GROUP: usize = 256;
/// Threads, as many as the promise is about.
const THREADS: usize = 2;

static SETUP: LazyLock<Setup> =
    LazyLock::new(|| Setup::prepare(&RSA_2048, 1 << 10).expect("the parameters are sound"));

fn keys(role: &str, count: usize) -> Vec<PrivateKeySigner> {
    let key = |index: usize| {
        let secret = keccak256(format!("sealed bench {role} {index}"));
        PrivateKeySigner::from_bytes(&secret).expect("a hash is a key")
    };
    (0..count).map(key).collect()
}

fn sign(key: &PrivateKeySigner, digest: &B256) -> Signature {
    let signature = key.sign_hash_sync(digest).expect("local keys sign");
    Signature::new(signature).expect("signatures of the library are canonical")
}

/// An epoch's key, and what opens it.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub(crate) list: KeyList,
    releases: Vec<Release>,
}

impl Epoch {
    /// Deals a key and checks every share.
    pub(crate) fn deal(number: u64) -> Self {
        let dealt: Vec<_> = (1..=MEMBERS)
            .map(|member| {
                let context = ShareContext { domain: Domain::dev(), epoch: number, member };
                (member, deal(&SETUP, &context, &keccak256([number as u8, member as u8])))
            })
            .collect();
        let announcements: Vec<_> = dealt
            .iter()
            .map(|(member, (_, share))| Announcement {
                member: *member,
                received_unix_ms: 0,
                share: *share,
            })
            .collect();
        let committee = (1..=MEMBERS).collect();
        let list = KeyList::assemble(&SETUP, &Domain::dev(), number, &committee, &announcements, 0);
        let (list, _) = list.expect("the shares were just dealt");
        let release = |(member, (secret, _))| Release { member, received_unix_ms: 0, secret };
        Self { list, releases: dealt.into_iter().map(release).collect() }
    }
}

/// An envelope as it arrives.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) bytes: Vec<u8>,
    pub(crate) signature: [u8; 65],
}

/// Users and payers.
#[derive(Debug)]
pub(crate) struct Sealer {
    users: Vec<PrivateKeySigner>,
    pub(crate) payers: Vec<PrivateKeySigner>,
    sent: usize,
}

impl Sealer {
    pub(crate) fn new() -> Self {
        Self { users: keys("user", USERS), payers: keys("payer", PAYERS), sent: 0 }
    }

    /// Seals `count` transfers.
    pub(crate) fn seal(&mut self, epoch: &Epoch, count: usize) -> Vec<Arrived> {
        (0..count).map(|_| self.one(epoch)).collect()
    }

    pub(crate) fn one(&mut self, epoch: &Epoch) -> Arrived {
        let at = self.sent;
        self.sent += 1;
        let tx = TxEip1559 {
            chain_id: u64::from(HOME.get()),
            nonce: (at / USERS) as u64,
            gas_limit: 21_000,
            max_fee_per_gas: 1_000_000_000_000,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(Address::repeat_byte(0xee)),
            value: U256::from(1),
            access_list: Default::default(),
            input: Bytes::new(),
        };
        let signature = self.users[at % USERS].sign_hash_sync(&tx.signature_hash());
        let tx = tx.into_signed(signature.expect("local keys sign"));
        let raw: Bytes = TxEnvelope::from(tx).encoded_2718().into();
        let tx = SignedTx::decode(raw).expect("just signed");
        let item = Item::Transaction(Leg { network: HOME, tx, may_revert: false });
        let payer = &self.payers[at % PAYERS];
        let plaintext = item.encode();
        let entropy = keccak256((at as u64).to_be_bytes());
        let scheme = EpochKeyScheme::new(&epoch.list);
        let carriage = carriage(epoch.list.epoch(), payer.address(), plaintext.len());
        let envelope = scheme.encrypt(&carriage, &plaintext, &entropy).expect("it fits");
        arrived(&envelope, payer)
    }
}

/// Returns what an envelope of this payer declares.
pub(crate) fn carriage(epoch: u64, payer: Address, len: usize) -> Carriage {
    Carriage {
        payer,
        deposit: HOME,
        rollup: None,
        epoch,
        valid_until: SlotNumber::new(u64::MAX),
        size: SizeBucket::for_len(len).expect("it is small"),
        gas: GasBucket::new(0).expect("there is one"),
        max_fee_wei: u128::MAX,
    }
}

/// Signs an envelope as it arrives.
pub(crate) fn arrived(envelope: &Envelope, payer: &PrivateKeySigner) -> Arrived {
    let signature = sign(payer, &envelope.id(&Domain::dev()));
    Arrived { bytes: envelope.encode(), signature: signature.to_bytes() }
}

/// Lane, fold and promises.
#[derive(Debug)]
pub(crate) struct Sealed {
    lane: Lane,
    realm: Realm<MemoryState>,
    issuer: Issuer,
    sealing: SealingConfig,
    now_ms: u64,
    envelopes: Vec<Envelope>,
    waiting: Vec<Statement>,
    /// Items of the epoch that ran.
    ran: usize,
}

/// Why an envelope is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Encoding,
    Signature,
    Lane(Rejection),
}

impl Sealed {
    /// Makes a realm whose epochs hold `items`.
    pub(crate) fn new(items: usize) -> Self {
        let user = |key: &PrivateKeySigner| GenesisAccount {
            address: key.address(),
            balance: U256::from(10_u128.pow(24)),
            ..GenesisAccount::default()
        };
        let vault = fee_vault();
        let deposit = U256::from(10_u128.pow(20));
        let deposits = keys("payer", PAYERS);
        let vault = GenesisAccount {
            address: vault.address,
            nonce: vault.nonce,
            code: vault.code,
            balance: deposit * U256::from(PAYERS),
            storage: deposits.iter().map(|key| (fee_vault_slot(key.address()), deposit)).collect(),
        };
        let users = keys("user", USERS);
        let accounts: Vec<_> = users.iter().map(user).chain([vault]).collect();
        let spec = ChainSpec { block_gas_limit: 1 << 50, ..ChainSpec::dev(HOME.get()) };
        let rollups = vec![genesis(spec, GENESIS_TIME, &accounts)];
        let sealing = SealingConfig {
            max_items: items as u32 + 64,
            lead_slots: 0,
            ..SealingConfig::new(HOME, 1)
        };
        let config =
            LaneConfig { sealing: Some(sealing.clone()), ..LaneConfig::new(SLOT_MS, vec![HOME]) };
        let signer = LocalSigner::new(&B256::repeat_byte(7)).expect("a valid key");
        let mut sealed = Self {
            lane: Lane::new(Domain::dev(), config).expect("the bounds are sound"),
            realm: Realm::new(Domain::dev(), rollups, Escrow::default(), Heads::default()),
            issuer: Issuer::new(Domain::dev(), Box::new(signer), Guard::in_memory()),
            sealing,
            now_ms: GENESIS_TIME * 1_000 + SLOT_MS,
            envelopes: Vec::new(),
            waiting: Vec::new(),
            ran: 0,
        };
        sealed.step(Input::Tick).expect("time passes");
        sealed
    }

    /// Returns the next epoch: each has one slot.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.lane.open_slot().map_or(1, |header| header.number.get() + 1)
    }

    /// Gives the next epoch its key and lets it begin.
    pub(crate) fn announce(&mut self, epoch: &Epoch) {
        let list = &epoch.list;
        let key = KeyAnnouncement {
            epoch: list.epoch(),
            list: list.id(),
            members: list.shares().keys().copied().collect(),
            close_at_ms: u64::MAX,
        };
        self.step(Input::Announce(key)).expect("it is in time");
        self.step(Input::Close).expect("slots can be closed");
        self.step(Input::Tick).expect("time passes");
    }

    /// Takes envelopes: decoded and checked on all threads, ordered on one, promised in groups.
    pub(crate) fn take(&mut self, arrived: &[Arrived], times: &mut Times) {
        for group in arrived.chunks(GROUP) {
            let start = Instant::now();
            let checked = on_threads(group, |one| check(one).expect("it is signed"));
            times.payers += start.elapsed();
            let start = Instant::now();
            for (envelope, item) in checked {
                self.order(envelope, item).expect("it is taken");
            }
            self.promise();
            times.order += start.elapsed();
        }
    }

    /// Checks and orders one envelope.
    pub(crate) fn take_one(&mut self, arrived: &Arrived) -> Result<(), Refused> {
        let (envelope, item) = check(arrived)?;
        self.order(envelope, item).map_err(Refused::Lane)
    }

    fn order(&mut self, envelope: Envelope, item: B256) -> Result<(), Rejection> {
        let carriage = &envelope.carriage;
        let state = self.realm.state(HOME).expect("it runs here");
        let Ok(word) = state.storage_ref(FEE_VAULT, fee_vault_slot(carriage.payer));
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
            deposit_wei: (word & U256::from(u128::MAX)).to(),
        };
        self.step(Input::Seal(submission))?;
        self.envelopes.push(envelope);
        Ok(())
    }

    /// Closes the epoch, opens it and lets its items run; all of them are included.
    pub(crate) fn run(&mut self, epoch: &Epoch, count: usize, times: &mut Times) {
        let start = Instant::now();
        self.step(Input::Close).expect("slots can be closed");
        self.step(Input::Tick).expect("time passes");
        let (_, secret) = epoch.list.collect(&epoch.releases, u64::MAX);
        let secret = secret.expect("all have released");
        let envelopes = std::mem::take(&mut self.envelopes);
        let items = open(&epoch.list, &secret, &envelopes, &self.sealing);
        times.open += start.elapsed();
        let start = Instant::now();
        let (number, list) = (epoch.list.epoch(), epoch.list.id());
        let mut turns =
            self.step(Input::Reveal { epoch: number, list }).expect("its secret is known");
        let mut items = items.iter();
        loop {
            for (turn, item) in turns.iter().zip(items.by_ref().take(turns.len())) {
                self.turn(turn, item);
            }
            self.promise();
            if self.lane.sealing().opening().is_none() {
                break;
            }
            self.step(Input::Close).expect("slots can be closed");
            turns = self.step(Input::Tick).expect("time passes");
        }
        assert_eq!((items.len(), self.ran), (0, count), "every item has its turn");
        self.ran = 0;
        self.step(Input::Close).expect("slots can be closed");
        self.step(Input::Tick).expect("time passes");
        times.fold += start.elapsed();
    }

    fn turn(&mut self, turn: &Turn, item: &Item) {
        let applied = self.realm.apply(turn.position, item).expect("memory does not fail");
        assert_eq!(applied.outcome, Outcome::Included);
        self.ran += 1;
        self.waiting.push(result(turn, &applied.outcome));
        if self.waiting.len() == GROUP {
            self.promise();
        }
    }

    fn promise(&mut self) {
        let statements = std::mem::take(&mut self.waiting);
        if !statements.is_empty() {
            self.issuer.issue(statements, self.now_ms).expect("nothing is signed twice");
        }
    }

    /// Gives the lane an input; returns the turns of items that it lets run.
    fn step(&mut self, input: Input) -> Result<Vec<Turn>, Rejection> {
        let mut effects = Vec::new();
        self.lane.step(self.now_ms, input, &mut effects)?;
        let mut ran = Vec::new();
        for effect in effects {
            match effect {
                Effect::Opened(header) => {
                    self.realm.open_slot(header).expect("memory does not fail");
                }
                Effect::Closed { .. } => {
                    self.realm.close_slot().expect("memory does not fail");
                }
                Effect::Positioned { position, item, prev_chain, chain } => {
                    self.waiting.push(Statement::Order(OrderPromise {
                        position,
                        item,
                        prev_chain,
                        chain,
                        unix_ms: self.now_ms,
                        l1_deadline: 0,
                        bundle: None,
                    }));
                }
                Effect::Opening { turns, .. } => ran = turns,
                Effect::EpochClosed { .. } => {}
            }
        }
        Ok(ran)
    }

    /// Signs what was promised one by one.
    pub(crate) fn flush(&mut self) {
        self.promise();
    }
}

/// Reads an envelope and checks its payer's signature.
fn check(arrived: &Arrived) -> Result<(Envelope, B256), Refused> {
    let envelope = Envelope::decode(&arrived.bytes).map_err(|_| Refused::Encoding)?;
    let item = envelope.id(&Domain::dev());
    let signature = Signature::from_bytes(&arrived.signature).ok_or(Refused::Signature)?;
    match signature.signer(item) == Some(envelope.carriage.payer) {
        true => Ok((envelope, item)),
        false => Err(Refused::Signature),
    }
}

fn open(
    list: &KeyList,
    secret: &EpochSecret,
    envelopes: &[Envelope],
    sealing: &SealingConfig,
) -> Vec<Item> {
    let scheme = EpochKeyScheme::new(list);
    on_threads(envelopes, |envelope| {
        let opening = match scheme.open(envelope, secret).expect("it is sealed to this key") {
            Verdict::Opened { plaintext, .. } => {
                let item = Item::from_plaintext(&plaintext).expect("it was sealed as an item");
                Opening::Opened(Box::new(item))
            }
            verdict => panic!("an honest envelope is {verdict:?}"),
        };
        let carriage = &envelope.carriage;
        let (size, gas_limit) = (carriage.size.bytes() as u64, carriage.gas.gas_limit());
        let (size_fee_wei, gas_fee_wei) = sealing.fees_wei(size, gas_limit);
        let terms = Terms {
            payer: carriage.payer,
            deposit: carriage.deposit,
            rollup: carriage.rollup,
            gas_limit,
            size_fee_wei,
            gas_fee_wei,
        };
        let (envelope, listed) = (envelope.id(&Domain::dev()), vec![HOME]);
        Item::Sealed(SealedItem { envelope, terms, listed, opening })
    })
}

fn result(turn: &Turn, outcome: &Outcome) -> Statement {
    Statement::Execution(ExecutionPromise {
        position: turn.position,
        item: turn.item,
        chain: turn.chain,
        l1_origin: B256::ZERO,
        legs: Vec::new(),
        removal: match outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(PromisedRemoval::from(removal)),
        },
    })
}

fn on_threads<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let parts = all.chunks(all.len().div_ceil(THREADS).max(1));
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("no part panics")).collect()
    })
}
