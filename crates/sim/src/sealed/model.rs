//! What must become of everything, computed from what users know: nonces, dead hashes, deposits. It shares no code with
//! lane, fold or vault.

use super::plan::{Inside, PlannedLeg, Sent};
use alloy_primitives::{Address, B256};
use std::collections::{BTreeMap, BTreeSet};
use weft_types::{NetworkId, RemovalCause};

/// An item that was ordered and did not run.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) epoch: u64,
    pub(crate) payer: Address,
    inside: Inside,
    fee_wei: u128,
}

/// A payer's account in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Account {
    pub(crate) deposited: u128,
    pub(crate) leaving: u128,
}

/// What a payer does in clear.
#[derive(Debug, Clone, Copy)]
enum Move {
    Deposit(u128),
    Withdrawal(u128),
}

/// What is expected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    nonces: BTreeMap<(NetworkId, Address), u64>,
    /// Nonces that sealed items on their way will use.
    planned: BTreeMap<(NetworkId, Address), u64>,
    dead: BTreeSet<B256>,
    pub(crate) accounts: BTreeMap<Address, Account>,
    pub(crate) earned: u128,
    /// Deposits and withdrawals of the open slot.
    moves: Vec<(Address, Move)>,
    charges: Vec<(Address, u128)>,
    pub(crate) waiting: BTreeMap<B256, Waiting>,
    settling: Vec<(Address, u128)>,
    /// Whether the last item that had its turn was for a rollup that was known to be away.
    pub(crate) was_away: bool,
    /// Parts that had their turn, by bundle and number.
    parts: BTreeMap<B256, BTreeMap<usize, PlannedLeg>>,
    /// Transactions that ran in the turn of a part: those of all parts in that of the last, else none.
    pub(crate) joined: BTreeMap<B256, Vec<B256>>,
    /// Whether the last part that had its turn found its place taken.
    pub(crate) was_taken: bool,
}

impl Model {
    /// Returns the nonce after everything that is on its way.
    pub(crate) fn next_nonce(&self, network: NetworkId, sender: Address) -> u64 {
        let at = (network, sender);
        let of = |map: &BTreeMap<_, u64>| map.get(&at).copied().unwrap_or(0);
        of(&self.nonces) + of(&self.planned)
    }

    /// Notes that an envelope was ordered.
    pub(crate) fn ordered(&mut self, sent: &Sent) {
        for leg in sent.legs() {
            *self.planned.entry((leg.network, leg.sender)).or_default() += 1;
        }
        let waiting = Waiting {
            epoch: sent.envelope.carriage.epoch,
            payer: sent.envelope.carriage.payer,
            inside: sent.inside.clone(),
            fee_wei: sent.fee_wei,
        };
        self.waiting.insert(sent.id, waiting);
    }

    /// Returns what items on their way may cost a payer, in wei.
    pub(crate) fn reserved(&self, payer: Address) -> u128 {
        let waiting = self.waiting.values().filter(|item| item.payer == payer);
        let settling = self.settling.iter().filter(|(of, _)| *of == payer);
        waiting.map(|item| item.fee_wei).chain(settling.map(|(_, wei)| *wei)).sum()
    }

    /// Lets an ordered item run; returns why it must be removed, if it must, or nothing when it is not known.
    pub(crate) fn run(
        &mut self,
        item: &B256,
        available: &[NetworkId],
        is_late: bool,
    ) -> Option<Option<RemovalCause>> {
        let id = *item;
        let item = self.waiting.remove(item)?;
        self.was_taken = false;
        for leg in item.inside.legs() {
            let planned = self.planned.entry((leg.network, leg.sender)).or_default();
            *planned = planned.saturating_sub(1);
        }
        let cause = match &item.inside {
            _ if is_late => Some(RemovalCause::Late),
            Inside::Nothing => Some(RemovalCause::Undecryptable),
            Inside::Malformed => Some(RemovalCause::Malformed),
            Inside::Legs(legs) => self.legs(legs, available),
            Inside::Part { bundle, index, count, leg } => {
                self.part(id, *bundle, (*index, *count), leg, available)
            }
        };
        // What the last header of the epoch does not list was away when that closed, as everybody knew.
        self.was_away = cause == Some(RemovalCause::Unavailable);
        let cause = if self.was_away { Some(RemovalCause::Invalid) } else { cause };
        let wei = match cause {
            Some(RemovalCause::Late) => 0,
            None | Some(_) => item.fee_wei,
        };
        self.charges.push((item.payer, wei));
        self.settling.push((item.payer, item.fee_wei));
        Some(cause)
    }

    /// Lets a part have its turn: the last one of its bundle runs all.
    fn part(
        &mut self,
        item: B256,
        bundle: B256,
        (index, count): (usize, usize),
        leg: &PlannedLeg,
        available: &[NetworkId],
    ) -> Option<RemovalCause> {
        let there = self.parts.entry(bundle).or_default();
        if there.contains_key(&index) {
            self.was_taken = true;
            return Some(RemovalCause::Invalid);
        }
        there.insert(index, leg.clone());
        let legs: Vec<PlannedLeg> = there.values().cloned().collect();
        if legs.len() < count {
            self.joined.insert(item, Vec::new());
            return None;
        }
        self.joined.insert(item, legs.iter().map(|leg| leg.hash).collect());
        self.legs(&legs, available)
    }

    /// Runs legs as one unit.
    pub(crate) fn legs(
        &mut self,
        legs: &[PlannedLeg],
        available: &[NetworkId],
    ) -> Option<RemovalCause> {
        let before = self.nonces.clone();
        for leg in legs {
            let cause = self.leg(leg, available);
            if cause.is_some() {
                self.nonces = before;
                if cause == Some(RemovalCause::Failed) && legs.len() == 1 {
                    self.dead.insert(leg.hash);
                }
                return cause;
            }
        }
        None
    }

    fn leg(&mut self, leg: &PlannedLeg, available: &[NetworkId]) -> Option<RemovalCause> {
        if !available.contains(&leg.network) {
            return Some(RemovalCause::Unavailable);
        }
        let nonce = self.nonces.entry((leg.network, leg.sender)).or_default();
        if self.dead.contains(&leg.hash) || *nonce != leg.nonce {
            return Some(RemovalCause::Invalid);
        }
        if leg.reverts {
            return Some(RemovalCause::Failed);
        }
        *nonce += 1;
        None
    }

    /// Notes a deposit in the open slot; it counts when that closes.
    pub(crate) fn deposit(&mut self, payer: Address, wei: u128) {
        *self.nonces.entry((super::cast::HOME, payer)).or_default() += 1;
        self.moves.push((payer, Move::Deposit(wei)));
    }

    /// Notes a withdrawal in the open slot.
    pub(crate) fn withdraw(&mut self, payer: Address, wei: u128) {
        self.moves.push((payer, Move::Withdrawal(wei)));
    }

    /// Returns what a payer can begin to withdraw in the open slot, in wei.
    pub(crate) fn free_to_leave(&self, payer: Address) -> u128 {
        let deposited = self.accounts.get(&payer).map_or(0, |account| account.deposited);
        let moved = self.moves.iter().filter(|(of, _)| *of == payer);
        moved.fold(deposited, |left, (_, moved)| match moved {
            Move::Deposit(_) => left,
            Move::Withdrawal(wei) => left.saturating_sub(*wei),
        })
    }

    /// Lets a slot close: what ran in it is charged.
    pub(crate) fn close(&mut self) {
        self.settling.clear();
        for (payer, moved) in std::mem::take(&mut self.moves) {
            let account = self.accounts.entry(payer).or_default();
            match moved {
                Move::Deposit(wei) => account.deposited += wei,
                Move::Withdrawal(wei) => {
                    account.deposited -= wei;
                    account.leaving += wei;
                }
            }
        }
        for (payer, wei) in std::mem::take(&mut self.charges) {
            let account = self.accounts.entry(payer).or_default();
            let stays = wei.min(account.deposited);
            let leaves = (wei - stays).min(account.leaving);
            account.deposited -= stays;
            account.leaving -= leaves;
            self.earned += stays + leaves;
        }
    }
}

impl Inside {
    pub(crate) fn legs(&self) -> &[PlannedLeg] {
        match self {
            Self::Legs(legs) => legs,
            Self::Part { leg, .. } => core::slice::from_ref(leg),
            Self::Nothing | Self::Malformed => &[],
        }
    }
}

impl Sent {
    pub(crate) fn legs(&self) -> &[PlannedLeg] {
        self.inside.legs()
    }
}
