//! Batches and settlements by chance: mostly right ones.

use crate::{
    chain::Sent,
    history::History,
    model::Batch,
    realm::{PROGRAM, USERS, encoded, key, sign},
    settle::{Approved, Behind},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use weft_contracts::Hub;
use weft_settlement::{
    BatchHeader, Exit, ExitTree, LeafType, Outcome, Statement, Transfer, Transition,
};

/// A batch with its signature, ready to be posted.
struct Prepared {
    header: BatchHeader,
    blobs: Vec<B256>,
    signature: Bytes,
    signer: Option<Address>,
    known: B256,
}

/// A statement with what stands behind it.
struct Claim {
    statement: Statement,
    approvals: Vec<Hub::Approval>,
    approved: Approved,
    behind: Behind,
}

impl History {
    pub(crate) fn post(&mut self) {
        let prepared = self.prepare();
        let call = Hub::postBatchCall {
            header: header(&prepared.header),
            signature: prepared.signature.clone(),
        };
        let sent =
            Sent { blobs: prepared.blobs.clone(), ..Sent::new(USERS[0], self.realm.at.hub, &call) };
        let sequencer = self.realm.sequencer.address();
        self.apply("post", &sent, |model| {
            let Prepared { header, blobs, signer, known, .. } = prepared;
            model.post(&header, &blobs, signer, sequencer, known)
        });
    }

    pub(crate) fn post_forced(&mut self) {
        let most = self.model.entries.len() + 2;
        let cursor = if self.dice.one_in(3) {
            self.dice.below(most)
        } else {
            self.model.entries.len().saturating_sub(self.dice.below(2))
        };
        let known = self.chain.hash_of(self.chain.number - 1);
        let call = Hub::postForcedCall { inboxCursor: cursor as u64 };
        let sent = Sent::new(USERS[1], self.realm.at.hub, &call);
        self.apply("post inbox-only", &sent, |model| model.post_forced(cursor as u64, known));
    }

    pub(crate) fn settle(&mut self) {
        let waiting = self.model.waiting.clone();
        let Some(last) = waiting.get(self.dice.below(waiting.len().max(1))).copied() else {
            return;
        };
        let claim = self.claim_of(last);
        let call = Hub::settleCall {
            statement: encoded(&claim.statement),
            approvals: claim.approvals.clone(),
        };
        let sent = Sent::new(USERS[2], self.realm.at.hub, &call);
        self.apply("settle", &sent, |model| {
            model.settle(&claim.statement, &claim.approved, &claim.behind)
        });
    }

    pub(crate) fn post_and_settle(&mut self) {
        let prepared = self.prepare();
        let sequencer = self.realm.sequencer.address();
        // What the batch will be, if it is taken.
        let mut next = self.model.clone();
        let (signer, known) = (prepared.signer, prepared.known);
        let posted = next.post(&prepared.header, &prepared.blobs, signer, sequencer, known);
        let last = match posted {
            Ok(()) => next.last(),
            Err(_) => Batch { number: prepared.header.number, ..self.model.last() },
        };
        let before = std::mem::replace(&mut self.model.waiting, next.waiting);
        let claim = self.claim_of(last);
        self.model.waiting = before;
        let call = Hub::postAndSettleCall {
            header: header(&prepared.header),
            signature: prepared.signature.clone(),
            statement: encoded(&claim.statement),
            approvals: claim.approvals.clone(),
        };
        let sent =
            Sent { blobs: prepared.blobs.clone(), ..Sent::new(USERS[0], self.realm.at.hub, &call) };
        self.apply("post and settle", &sent, |model| {
            model.post(&prepared.header, &prepared.blobs, signer, sequencer, known)?;
            if claim.statement.last_batch != prepared.header.number {
                return Err(crate::chain::refusal(Hub::WrongBatches {
                    firstBatch: claim.statement.first_batch,
                    lastBatch: claim.statement.last_batch,
                }));
            }
            model.settle(&claim.statement, &claim.approved, &claim.behind)
        });
    }

    /// Returns the next batch; in one of six something about it is wrong.
    fn prepare(&mut self) -> Prepared {
        let last = self.model.last();
        let number = self.chain.number;
        let known_entries = self.entries_before(number);
        let mut header = BatchHeader {
            number: last.number + 1,
            parent: last.hash,
            first_slot: last.last_slot + 1,
            last_slot: last.last_slot + 1 + self.dice.below(60) as u64,
            inbox_cursor: known_entries,
            l1_number: number - 1,
            l1_hash: self.chain.hash_of(number - 1),
            rollups: self.some_rollups(),
            lane_root: self.dice.word(),
            content: self.dice.word(),
        };
        let mut blobs = vec![blob(1), blob(2)];
        let mut signing = self.realm.sequencer.clone();
        if self.dice.one_in(6) {
            match self.dice.below(12) {
                0 => header.number += 1,
                1 => header.parent = self.dice.word(),
                2 => header.first_slot += 1,
                3 => header.last_slot = header.first_slot - 1,
                4 => header.rollups = 0,
                5 => header.rollups |= 1 << self.model.rollups.len(),
                6 => header.l1_hash = self.dice.word(),
                7 => header.l1_number -= 256,
                8 => header.inbox_cursor = self.dice.below(self.model.entries.len() + 3) as u64,
                9 => header.l1_number = self.dice.below(number as usize) as u64,
                10 => signing = key(99),
                _ => blobs.clear(),
            }
        }
        let digest = header.digest(&self.model.domain, &blobs);
        let signature = sign(&signing, &digest);
        // Somebody posts other blobs with it: the signature is then anybody's.
        if self.dice.one_in(30) && !blobs.is_empty() {
            blobs.push(blob(3));
        }
        let found = alloy_primitives::Signature::new(
            U256::from_be_slice(&signature[..32]),
            U256::from_be_slice(&signature[32..64]),
            signature[64] == 1,
        );
        let signer =
            found.recover_address_from_prehash(&header.digest(&self.model.domain, &blobs)).ok();
        let known = self.chain.hash_of(header.l1_number);
        Prepared { header, blobs, signature, signer, known }
    }

    fn entries_before(&self, block: u64) -> u64 {
        let known = self.model.entries.iter().filter(|entry| u64::from(entry.1) < block);
        known.count() as u64
    }

    fn some_rollups(&mut self) -> u128 {
        let all = (1_u128 << self.model.rollups.len()) - 1;
        let some = u128::from(self.dice.next()) & all;
        if some == 0 || self.dice.one_in(3) { all } else { some }
    }

    /// Returns a statement about the batches up to `last`; in one of six something about it is wrong.
    fn claim_of(&mut self, last: Batch) -> Claim {
        let first = self.model.settled.number + 1;
        let batches: Vec<_> = self
            .model
            .waiting
            .iter()
            .filter(|batch| batch.number <= last.number)
            .copied()
            .collect();
        let named = batches.iter().fold(0, |named, batch| named | batch.rollups);
        let mut behind = Behind::new();
        let mut transitions = Vec::new();
        for id in (1..=self.model.rollups.len() as u32).filter(|id| (named >> (id - 1)) & 1 == 1) {
            transitions.push(self.transition(id, &mut behind));
        }
        let mut statement = Statement {
            first_batch: first,
            last_batch: last.number,
            batch_hash: last.hash,
            program_id: PROGRAM,
            transitions,
            transfers: self.transfers(),
        };
        if self.dice.one_in(6) {
            self.spoil(&mut statement);
        }
        let digest = statement.digest(&self.model.domain);
        let (approvals, approved) = self.approvals(&digest, statement.program_id);
        Claim { statement, approvals, approved, behind }
    }

    fn transition(&mut self, id: u32, behind: &mut Behind) -> Transition {
        self.add_exits(id);
        let place = id as usize - 1;
        let leaves = self.exits[place].iter().map(Exit::hash).collect::<Vec<_>>();
        let exits = ExitTree::new(leaves);
        let state = self.some_state(id);
        let post = Outcome {
            state_root: state.root(),
            block_hash: self.dice.word(),
            block_number: self.dice.next(),
            exit_root: if exits.leaves().is_empty() { B256::ZERO } else { exits.root() },
            accounting_root: self.dice.word(),
            heads_root: self.dice.word(),
        };
        behind.insert(id, (state, exits));
        Transition {
            rollup: id,
            pre: self.model.rollups[place].outcome.commitment(),
            proposal_root: self.dice.word(),
            outcome_root: self.dice.word(),
            post,
        }
    }

    fn add_exits(&mut self, id: u32) {
        for _ in 0..self.dice.below(3) {
            let (mut origin_network, origin_address) = self.some_token();
            let leaf_type =
                if self.dice.one_in(4) { LeafType::Message } else { LeafType::Transfer };
            // A message in the name of somebody elsewhere is refused.
            if leaf_type == LeafType::Message && origin_network == 0 {
                origin_network = self.model.rollups[id as usize - 1].network;
            }
            let exit = Exit {
                leaf_type,
                origin_network,
                origin_address,
                destination_network: if self.dice.one_in(8) { 901 } else { 0 },
                destination_address: self.user(),
                amount: self.amount(),
                metadata_hash: alloy_primitives::keccak256([]),
            };
            self.exits[id as usize - 1].push(exit);
        }
    }

    /// Ether, a token of L1, one of a rollup, or one that cannot be.
    pub(crate) fn some_token(&mut self) -> (u32, Address) {
        let native = Address::repeat_byte(1 + self.dice.below(2) as u8);
        match self.dice.below(8) {
            0..=3 => (0, Address::ZERO),
            4 | 5 => (0, self.realm.tokens[self.dice.below(2)]),
            6 if self.dice.one_in(6) => (self.network(), Address::ZERO),
            _ => (self.network().max(1), native),
        }
    }

    fn transfers(&mut self) -> Vec<Transfer> {
        let count = self.dice.below(4).saturating_sub(1);
        let mut some: Vec<_> = (0..count).map(|_| self.transfer()).collect();
        if !self.dice.one_in(10) {
            some.sort();
        }
        some
    }

    fn transfer(&mut self) -> Transfer {
        let held: Vec<_> =
            self.model.escrow.iter().map(|(key, balance)| (*key, *balance)).collect();
        if held.is_empty() || self.dice.one_in(10) {
            let ((origin_network, origin_token), amount) = (self.some_token(), self.amount());
            return Transfer {
                from: self.network(),
                to: self.network(),
                origin_network,
                origin_token,
                amount,
            };
        }
        let ((from, token), balance) = held[self.dice.below(held.len())];
        let amount = balance / U256::from(1 + self.dice.below(3));
        let (origin_network, origin_token) = (token.network, token.address);
        let to = self.other_than(from);
        Transfer { from, to, origin_network, origin_token, amount }
    }

    /// Mostly another rollup; sometimes the same, or none.
    fn other_than(&mut self, network: u32) -> u32 {
        let first = self.network();
        if first == network { self.network() } else { first }
    }

    fn spoil(&mut self, statement: &mut Statement) {
        match self.dice.below(9) {
            0 => statement.first_batch += 1,
            1 => statement.last_batch += 1,
            2 => statement.batch_hash = self.dice.word(),
            3 => _ = statement.transitions.pop(),
            4 => statement.transitions.reverse(),
            5 => statement.transitions.extend(statement.transitions.clone()),
            6 => {
                let word = self.dice.word();
                statement.transitions.iter_mut().for_each(|step| step.pre = word);
            }
            7 => statement.transitions.iter_mut().for_each(|step| step.rollup += 1),
            _ => statement.program_id = self.dice.word(),
        }
    }

    /// Returns what both policies say; sometimes too few sign, or one is not asked.
    fn approvals(&mut self, digest: &B256, program: B256) -> (Vec<Hub::Approval>, Approved) {
        let (mut approvals, mut approved) = (Vec::new(), Approved::new());
        for policy in self.realm.policies.clone() {
            if self.dice.one_in(20) {
                continue;
            }
            let count = policy.threshold - usize::from(self.dice.one_in(30));
            let signed = if self.dice.one_in(30) { self.dice.word() } else { *digest };
            let accepts = count == policy.threshold && signed == *digest && program == PROGRAM;
            let proof = policy.proof(&signed, count);
            approvals.push(Hub::Approval { policy: policy.address, proof });
            approved.push((policy.address, accepts));
        }
        (approvals, approved)
    }
}

fn blob(number: u8) -> B256 {
    let mut hash = B256::with_last_byte(number);
    hash[0] = 1;
    hash
}

pub(crate) fn header(header: &BatchHeader) -> Hub::BatchHeader {
    Hub::BatchHeader {
        number: header.number,
        parent: header.parent,
        firstSlot: header.first_slot,
        lastSlot: header.last_slot,
        inboxCursor: header.inbox_cursor,
        l1Number: header.l1_number,
        l1Hash: header.l1_hash,
        rollups: header.rollups,
        laneRoot: header.lane_root,
        content: header.content,
    }
}
