//! Batches and settlements, as plain values.

use crate::{
    chain::{Refusal, refusal},
    model::{Batch, FORCE, Model, SILENCE},
    tries::State,
};
use alloy_primitives::{Address, B256, U256};
use std::collections::{BTreeMap, BTreeSet};
use weft_contracts::{Hub, L1Bridge};
use weft_settlement::{BatchHeader, ExitTree, Statement, Token};

/// What is approved: by which policy, and whether it accepts.
pub(crate) type Approved = Vec<(Address, bool)>;

/// What stands behind a transition: the state and the exits of the rollup with this id.
pub(crate) type Behind = BTreeMap<u32, (State, ExitTree)>;

impl Model {
    /// A batch that `signer` signed.
    pub(crate) fn post(
        &mut self,
        header: &BatchHeader,
        blobs: &[B256],
        signer: Option<Address>,
        sequencer: Address,
        known: B256,
    ) -> Result<(), Refusal> {
        if blobs.is_empty() {
            return Err(refusal(Hub::NoBlobs {}));
        }
        if signer != Some(sequencer) {
            let signer = signer.unwrap_or_default();
            return Err(refusal(Hub::NotTheSequencer { signer }));
        }
        self.append_batch(header, blobs, known)?;
        self.heard = self.block;
        Ok(())
    }

    pub(crate) fn post_forced(&mut self, cursor: u64, known: B256) -> Result<(), Refusal> {
        let from = self.heard + SILENCE + 1;
        if self.block < from {
            return Err(refusal(Hub::NotSilent { from: U256::from(from) }));
        }
        let last = self.last();
        if cursor <= last.cursor {
            return Err(refusal(Hub::NothingToDo {}));
        }
        let header = BatchHeader {
            number: last.number + 1,
            parent: last.hash,
            first_slot: last.last_slot + 1,
            last_slot: last.last_slot + 1,
            inbox_cursor: cursor,
            l1_number: self.block - 1,
            l1_hash: known,
            rollups: (1 << self.rollups.len()) - 1,
            // The clock of this chain stands still.
            content: B256::with_last_byte(1),
            ..BatchHeader::default()
        };
        self.append_batch(&header, &[], known)?;
        self.renumbered.push((header.first_slot, self.block));
        Ok(())
    }

    /// `known` is the hash that the EVM gives the header's L1 block.
    fn append_batch(
        &mut self,
        header: &BatchHeader,
        blobs: &[B256],
        known: B256,
    ) -> Result<(), Refusal> {
        let last = self.last();
        if header.number != last.number + 1 || header.parent != last.hash {
            return Err(refusal(Hub::NotNext { number: last.number, parent: last.hash }));
        }
        if header.first_slot != last.last_slot + 1 || header.last_slot < header.first_slot {
            return Err(refusal(Hub::WrongSlots { last: last.last_slot }));
        }
        if header.rollups == 0 || header.rollups >> self.rollups.len() != 0 {
            return Err(refusal(Hub::UnknownRollups { rollups: header.rollups }));
        }
        if header.l1_hash.is_zero() || known != header.l1_hash {
            let (number, hash) = (header.l1_number, header.l1_hash);
            return Err(refusal(Hub::WrongOrigin { l1Number: number, l1Hash: hash }));
        }
        let cursor = header.inbox_cursor;
        let (accumulator, before, next) = self.mark(cursor)?;
        if cursor < last.cursor || before > header.l1_number {
            return Err(refusal(Hub::WrongCursor { cursor }));
        }
        let is_overdue = next != 0 && next + FORCE < self.block;
        if is_overdue || cursor < self.must_reach {
            return Err(refusal(Hub::EntryOverdue { cursor }));
        }
        self.waiting.push(Batch {
            number: header.number,
            hash: header.hash(&self.domain, blobs, &self.registry_hash, &accumulator),
            rollups: header.rollups,
            cursor,
            last_slot: header.last_slot,
        });
        Ok(())
    }

    pub(crate) fn settle(
        &mut self,
        statement: &Statement,
        approved: &Approved,
        behind: &Behind,
    ) -> Result<(), Refusal> {
        let (first, last) = (statement.first_batch, statement.last_batch);
        if first != self.settled.number + 1 || last < first || last > self.last().number {
            return Err(refusal(Hub::WrongBatches { firstBatch: first, lastBatch: last }));
        }
        let count = (last - self.settled.number) as usize;
        let named = self.waiting[..count].iter().fold(0, |named, batch| named | batch.rollups);
        let end = self.waiting[count - 1];
        if end.hash != statement.batch_hash {
            return Err(refusal(Hub::WrongBatch { found: end.hash }));
        }
        self.check_approvals(approved, named)?;
        self.advance(statement, named, behind)?;
        self.move_escrow(statement, named)?;
        self.waiting.drain(..count);
        (self.settled, self.settled_block) = (end, self.block);
        self.digests.push(statement.digest(&self.domain));
        self.update_rollups();
        Ok(())
    }

    fn check_approvals(&self, approved: &Approved, named: u128) -> Result<(), Refusal> {
        if let Some((policy, _)) = approved.iter().find(|(_, accepts)| !accepts) {
            return Err(refusal(Hub::Refused { policy: *policy }));
        }
        let given: BTreeSet<Address> = approved.iter().map(|(policy, _)| *policy).collect();
        let missing = |id: &u32| {
            let is_named = (named >> (id - 1)) & 1 == 1;
            is_named && !given.contains(&self.rollups[*id as usize - 1].policy)
        };
        match (1..=self.rollups.len() as u32).find(missing) {
            Some(rollup) => Err(refusal(Hub::NotApproved { rollup })),
            None => Ok(()),
        }
    }

    fn advance(
        &mut self,
        statement: &Statement,
        named: u128,
        behind: &Behind,
    ) -> Result<(), Refusal> {
        let (mut rest, mut before) = (named, 0);
        for step in &statement.transitions {
            let id = step.rollup;
            let is_next = id > before && id <= 128 && (rest >> (id - 1)) & 1 == 1;
            if !is_next {
                return Err(refusal(Hub::WrongRollups { named }));
            }
            (rest, before) = (rest ^ (1 << (id - 1)), id);
            let rollup = &mut self.rollups[id as usize - 1];
            let found = rollup.outcome.commitment();
            if found != step.pre {
                return Err(refusal(Hub::WrongPreState { rollup: id, found }));
            }
            rollup.outcome = step.post;
            if let Some((state, exits)) = behind.get(&id) {
                (rollup.state, rollup.exits) = (state.clone(), exits.clone());
            }
        }
        if rest == 0 { Ok(()) } else { Err(refusal(Hub::WrongRollups { named })) }
    }

    fn move_escrow(&mut self, statement: &Statement, named: u128) -> Result<(), Refusal> {
        for transfer in &statement.transfers {
            for network in [transfer.from, transfer.to] {
                if self.id_of(network) == 0 {
                    return Err(refusal(Hub::UnknownNetwork { network }));
                }
            }
            let rollup = self.id_of(transfer.from);
            if (named >> (rollup - 1)) & 1 == 0 {
                return Err(refusal(Hub::NotApproved { rollup }));
            }
        }
        for (index, transfer) in statement.transfers.iter().enumerate() {
            let key = |at: usize| {
                let other = &statement.transfers[at];
                (other.from, other.to, other.origin_network, other.origin_token)
            };
            let is_ordered = index == 0 || key(index - 1) < key(index);
            if !is_ordered || transfer.from == transfer.to || transfer.amount.is_zero() {
                let index = U256::from(index);
                return Err(refusal(L1Bridge::InvalidTransfer { index }));
            }
            let token = Token { network: transfer.origin_network, address: transfer.origin_token };
            self.debit(transfer.from, token, transfer.amount)?;
            self.credit(transfer.to, token, transfer.amount);
        }
        Ok(())
    }
}
