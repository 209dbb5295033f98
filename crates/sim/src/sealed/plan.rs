//! What users seal, and what they know about it.

use super::{
    cast::{CAST, HOME, PAYERS, ROLLUPS, Tx, USERS, domain, sign},
    model::Model,
    sweep::Bug,
};
use crate::rng::Rng;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use weft_contracts::FeeVault;
use weft_crypto::{
    Carriage, DelayScheme as _, Envelope, EpochKeyScheme, GasBucket, KeyList, SizeBucket,
};
use weft_types::{
    Bundle, Encode as _, FEE_VAULT, Item, Leg, LegShape, NetworkId, Part, PartedShape, SafetyLevel,
    Signature, SlotNumber,
};

/// Largest size bucket: five of them are too much for one slot.
const LARGEST: u8 = 9;

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pay,
    WrongNonce,
    Reverts,
    Bundle,
    BadBundle,
    /// A leg of a bundle of two users, for the first or the second time.
    Part,
    /// In a bucket that is too small.
    GreedyPart,
    /// Of a bundle for the epoch after.
    LaterPart,
    NoItem,
    Trailing,
    TooMuchGas,
    OtherRollup,
    BadSeed,
    BadHead,
    BadBody,
    OtherFee,
    OtherPayer,
}

/// One leg, as far as its fate depends on it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedLeg {
    pub(crate) network: NetworkId,
    pub(crate) sender: Address,
    pub(crate) nonce: u64,
    pub(crate) reverts: bool,
    pub(crate) hash: B256,
}

/// What the user knows of its envelope beyond what everybody sees.
#[derive(Debug, Clone)]
pub(crate) enum Inside {
    /// Nothing opens it.
    Nothing,
    /// No item, or one that breaks its carriage.
    Malformed,
    /// An item.
    Legs(Vec<PlannedLeg>),
    /// One leg of this bundle of so many, by its number.
    Part { bundle: B256, index: usize, count: usize, leg: PlannedLeg },
}

/// An envelope on its way.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) kind: Kind,
    pub(crate) envelope: Envelope,
    pub(crate) id: B256,
    pub(crate) payer: usize,
    pub(crate) signature: Signature,
    pub(crate) inside: Inside,
    pub(crate) item: Option<Item>,
    pub(crate) fee_wei: u128,
}

const KINDS: &[(u64, Kind)] = &[
    (8, Kind::Pay),
    (1, Kind::WrongNonce),
    (2, Kind::Reverts),
    (3, Kind::Bundle),
    (1, Kind::BadBundle),
    (1, Kind::NoItem),
    (1, Kind::Trailing),
    (1, Kind::TooMuchGas),
    (1, Kind::OtherRollup),
    (1, Kind::BadSeed),
    (1, Kind::BadHead),
    (1, Kind::BadBody),
    (1, Kind::OtherFee),
    (1, Kind::OtherPayer),
    (6, Kind::Part),
    (1, Kind::GreedyPart),
    (1, Kind::LaterPart),
];

/// A part of a bundle that may be sealed.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    part: Part,
    leg: PlannedLeg,
}

/// Whom envelopes are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'l> {
    pub(crate) list: &'l KeyList,
    pub(crate) bug: Option<Bug>,
}

impl Target<'_> {
    fn scheme(&self) -> EpochKeyScheme {
        let list = self.list;
        match list.shares().values().next() {
            Some(first) if self.bug == Some(Bug::KeyOfOne) => {
                EpochKeyScheme::of_key(domain(), *first.point(), list.id())
            }
            _ => EpochKeyScheme::new(list),
        }
    }
}

/// Draws an envelope to the key of a list.
pub(crate) fn draw(
    rng: &mut Rng,
    target: Target<'_>,
    model: &Model,
    ready: &mut Vec<Ready>,
) -> Sent {
    // Parts alone are not always the last of their slot: here most envelopes are parts.
    if is_large(target.list) && rng.chance(60) {
        return of_part(rng, Kind::Part, target, model, ready);
    }
    match rng.weighted(KINDS) {
        kind @ (Kind::Part | Kind::GreedyPart | Kind::LaterPart) => {
            of_part(rng, kind, target, model, ready)
        }
        kind => of_kind(rng, kind, target, model),
    }
}

/// Tells whether the envelopes of an epoch are so large that they run in several slots.
fn is_large(list: &KeyList) -> bool {
    list.id()[0] < 0x60
}

fn size(list: &KeyList, len: usize) -> SizeBucket {
    let largest = SizeBucket::new(LARGEST).filter(|_| is_large(list));
    largest.or(SizeBucket::for_len(len).ok()).expect("items are small")
}

/// Seals a part of a bundle: of one that is about, or of a new one. Some are sealed twice, and some never.
fn of_part(
    rng: &mut Rng,
    kind: Kind,
    target: Target<'_>,
    model: &Model,
    ready: &mut Vec<Ready>,
) -> Sent {
    let list = target.list;
    let epoch = list.epoch() + u64::from(kind == Kind::LaterPart);
    ready.retain(|it| it.part.epoch() >= list.epoch());
    let mut of_epoch: Vec<usize> =
        (0..ready.len()).filter(|at| ready[*at].part.epoch() == epoch).collect();
    if of_epoch.is_empty() || rng.chance(25) {
        of_epoch = vec![ready.len() + rng.below(2)];
        ready.extend(pair(rng, model, epoch));
    }
    let at = rng.pick(&of_epoch);
    let Ready { part, leg } =
        if rng.chance(80) { ready.swap_remove(at) } else { ready[at].clone() };
    let item = Item::Part(part.clone());
    let plaintext = item.encode();
    let payer = rng.below(PAYERS);
    let carriage = Carriage {
        payer: CAST.payers[payer].address(),
        deposit: HOME,
        rollup: rng.chance(30).then_some(leg.network),
        epoch: list.epoch(),
        valid_until: SlotNumber::new(u64::MAX),
        size: size(list, plaintext.len()),
        gas: GasBucket::new(if kind == Kind::GreedyPart { 0 } else { 3 }).expect("there is one"),
        max_fee_wei: 1 << 100,
    };
    let entropy = B256::from(U256::from(rng.next()));
    let envelope = target.scheme().encrypt(&carriage, &plaintext, &entropy);
    let inside = match kind {
        Kind::Part => Inside::Part {
            bundle: part.id().hash(),
            index: usize::from(part.index()),
            count: part.count(),
            leg,
        },
        _ => Inside::Malformed,
    };
    finish(kind, envelope.expect("the bucket was chosen for it"), payer, inside, Some(item))
}

/// Two users agree on a bundle, with a leg on each rollup.
fn pair(rng: &mut Rng, model: &Model, epoch: u64) -> Vec<Ready> {
    let first = rng.below(USERS);
    let users = [first, (first + 1 + rng.below(USERS - 1)) % USERS];
    let blindings = [rng.next(), rng.next()].map(|number| keccak256(number.to_be_bytes()));
    let drafts: Vec<_> = users
        .iter()
        .zip(ROLLUPS)
        .map(|(user, network)| {
            let key = &CAST.users[*user];
            let nonce = model.next_nonce(network, key.address());
            let wei = u128::from(rng.next() % 1_000);
            (key, Tx { gas: 40_000, ..Tx::pay(network, nonce, wei) })
        })
        .collect();
    let commit = |((key, tx), blinding): (&(&_, Tx), &B256)| {
        LegShape::of(&tx.sign(key)).commitment(&domain(), blinding)
    };
    let shape = PartedShape {
        salt: keccak256(rng.next().to_be_bytes()),
        level: SafetyLevel::Reputation,
        epoch,
        commitments: drafts.iter().zip(&blindings).map(commit).collect(),
    };
    let input = Bytes::copy_from_slice(&shape.id(&domain()).suffix());
    let ready = |(index, (key, tx)): (usize, (&PrivateKeySigner, Tx))| {
        let tx = Tx { input: input.clone(), ..tx };
        let (leg, planned) = planned(tx.sign(key), key.address(), tx.nonce, false);
        let part = Part::new(&domain(), &shape, index as u16, blindings[index], leg);
        Ready { part: part.expect("it is what was agreed on"), leg: planned }
    };
    drafts.into_iter().enumerate().map(ready).collect()
}

/// Makes an envelope of one kind.
pub(crate) fn of_kind(rng: &mut Rng, kind: Kind, target: Target<'_>, model: &Model) -> Sent {
    let list = target.list;
    let payer = rng.below(PAYERS);
    let (item, planned) = item(rng, kind, model);
    let mut plaintext = item.as_ref().map_or_else(|| b"no item".to_vec(), |item| item.encode());
    if kind == Kind::Trailing {
        plaintext.push(0);
    }
    let other_rollup =
        ROLLUPS.iter().find(|network| planned.iter().all(|leg| leg.network != **network));
    let carriage = Carriage {
        payer: CAST.payers[payer].address(),
        deposit: HOME,
        rollup: match kind {
            Kind::OtherRollup => other_rollup.copied(),
            _ if rng.chance(30) && planned.len() == 1 => Some(planned[0].network),
            _ => None,
        },
        epoch: list.epoch(),
        valid_until: SlotNumber::new(u64::MAX),
        size: size(list, plaintext.len()),
        gas: GasBucket::new(if kind == Kind::TooMuchGas { 0 } else { 3 }).expect("there is one"),
        max_fee_wei: 1 << 100,
    };
    let entropy = B256::from(U256::from(rng.next()));
    let envelope = target.scheme().encrypt(&carriage, &plaintext, &entropy);
    let mut envelope = envelope.expect("the bucket was chosen for it");
    let payer = spoil(kind, &mut envelope, payer);
    let is_spoilt = matches!(
        kind,
        Kind::BadSeed | Kind::BadHead | Kind::BadBody | Kind::OtherFee | Kind::OtherPayer
    );
    let inside = match kind {
        _ if is_spoilt => Inside::Nothing,
        Kind::NoItem | Kind::Trailing | Kind::TooMuchGas | Kind::OtherRollup => Inside::Malformed,
        _ => Inside::Legs(planned),
    };
    let item = item.filter(|_| !is_spoilt);
    finish(kind, envelope, payer, inside, item)
}

/// Signs the envelope as its payer.
fn finish(
    kind: Kind,
    envelope: Envelope,
    payer: usize,
    inside: Inside,
    item: Option<Item>,
) -> Sent {
    let id = envelope.id(&domain());
    let signature = sign(&CAST.payers[payer], &id);
    let config = super::core::config().sealing.expect("the realm takes sealed items");
    let carriage = &envelope.carriage;
    let (size_fee_wei, gas_fee_wei) =
        config.fees_wei(carriage.size.bytes() as u64, carriage.gas.gas_limit());
    let fee_wei = size_fee_wei + gas_fee_wei;
    Sent { kind, envelope, id, payer, signature, inside, item, fee_wei }
}

impl Sent {
    /// Returns the same envelope with another last slot, sealed as if it had been so from the start: dead, but signed.
    pub(crate) fn until(mut self, slot: SlotNumber) -> Self {
        self.envelope.carriage.valid_until = slot;
        finish(self.kind, self.envelope, self.payer, Inside::Nothing, None)
    }

    /// Returns the same envelope for another epoch: dead, but signed.
    pub(crate) fn at(mut self, epoch: u64) -> Self {
        self.envelope.carriage.epoch = epoch;
        finish(self.kind, self.envelope, self.payer, Inside::Nothing, None)
    }

    /// Tells whether the payer signed the envelope.
    pub(crate) fn is_signed(&self) -> bool {
        self.signature.signer(self.id) == Some(self.envelope.carriage.payer)
    }
}

/// Changes a ciphertext so that nothing opens it; returns who pays for it.
fn spoil(kind: Kind, envelope: &mut Envelope, payer: usize) -> usize {
    match kind {
        Kind::BadSeed => envelope.masked_seed ^= B256::with_last_byte(1),
        Kind::BadHead => envelope.head = [&[2], [0xff; 32].as_slice()].concat(),
        Kind::BadBody => envelope.body[7] ^= 1,
        Kind::OtherFee => envelope.carriage.max_fee_wei -= 1,
        Kind::OtherPayer => {
            let other = (payer + 1) % PAYERS;
            envelope.carriage.payer = CAST.payers[other].address();
            return other;
        }
        _ => {}
    }
    payer
}

fn item(rng: &mut Rng, kind: Kind, model: &Model) -> (Option<Item>, Vec<PlannedLeg>) {
    let user = rng.below(USERS);
    match kind {
        Kind::NoItem => (None, Vec::new()),
        Kind::Bundle | Kind::BadBundle => {
            let legs: Vec<_> = ROLLUPS
                .iter()
                .map(|network| {
                    let gap = u64::from(kind == Kind::BadBundle && *network != HOME) * 7;
                    leg(model, user, *network, gap, rng.next())
                })
                .collect();
            let (legs, planned): (Vec<Leg>, Vec<PlannedLeg>) = legs.into_iter().unzip();
            let salt = keccak256(rng.next().to_be_bytes());
            let bundle = Bundle::new(&domain(), salt, SafetyLevel::Reputation, legs);
            (Some(Item::Bundle(bundle.expect("two legs make a bundle"))), planned)
        }
        Kind::Reverts => {
            let (leg, planned) = reverting(model, user, rng.next());
            (Some(Item::Transaction(leg)), vec![planned])
        }
        _ => {
            let network = rng.pick(&ROLLUPS);
            let gap = if kind == Kind::WrongNonce { 1 + rng.next() % 3 } else { 0 };
            let (leg, planned) = leg(model, user, network, gap, rng.next());
            (Some(Item::Transaction(leg)), vec![planned])
        }
    }
}

fn leg(model: &Model, user: usize, network: NetworkId, gap: u64, wei: u64) -> (Leg, PlannedLeg) {
    let key = &CAST.users[user];
    let nonce = model.next_nonce(network, key.address()) + gap;
    let leg = Tx { gas: 40_000, ..Tx::pay(network, nonce, u128::from(wei % 1_000)) }.sign(key);
    planned(leg, key.address(), nonce, false)
}

fn reverting(model: &Model, user: usize, salt: u64) -> (Leg, PlannedLeg) {
    let key = &CAST.users[user];
    let nonce = model.next_nonce(HOME, key.address());
    let call = FeeVault::beginWithdrawalCall { amount: U256::MAX - U256::from(salt) };
    let input = Bytes::from(call.abi_encode());
    let tx = Tx { gas: 80_000, to: FEE_VAULT, input, ..Tx::pay(HOME, nonce, 0) };
    planned(tx.sign(key), key.address(), nonce, true)
}

fn planned(leg: Leg, sender: Address, nonce: u64, reverts: bool) -> (Leg, PlannedLeg) {
    let hash = leg.tx.hash();
    let planned = PlannedLeg { network: leg.network, sender, nonce, reverts, hash };
    (leg, planned)
}
