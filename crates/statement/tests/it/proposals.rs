//! What was proposed to a rollup is what the lane gave a position and names it, and nothing else; its blocks hold a part of that.
//! Expected is what the sequencer's lane and fold said, and what stands in blocks; the ledger has it from the derivation.

use crate::{
    Attester, bridging,
    sequencer::{A, B, Draft, EPOCH, Sequencer, bundle, config},
};
use alloy_primitives::{B256, keccak256};
use std::collections::BTreeSet;
use weft_batch::{SignedBatch, WireLeg};
use weft_derive::{Fate, Recover};
use weft_evm::{BlockTx, ClosedBlock};
use weft_settlement::Statement;
use weft_statement::{fate_leaf, list_root, proposal_leaf};
use weft_types::{
    Domain, Encode as _, Item, NetworkId, Outcome, Position, PromisedLeg, PromisedRemoval,
    RemovalCause, promise::logs_hash,
};

const ROOT: B256 = B256::repeat_byte(8);
/// Histories that are tried.
const SEEDS: u64 = 12;
/// Sealed items of a history; and plaintext ones while they are ordered, and behind them where they run.
const ITEMS: u64 = 6;

/// Numbers of a seed.
struct Dice(B256);

impl Dice {
    fn of(seed: u64) -> Self {
        Self(keccak256(seed.to_be_bytes()))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = keccak256(self.0);
        u64::from_be_bytes(self.0[..8].try_into().unwrap()) % bound
    }

    fn rollup(&mut self) -> NetworkId {
        [A, B][self.below(2) as usize]
    }
}

/// What a seed led to: the order and the results of the sequencer, the blocks, and what is said of both on L1.
struct History {
    sequencer: Sequencer,
    blocks: Vec<ClosedBlock>,
    statement: Statement,
}

impl History {
    fn of(seed: u64) -> Self {
        let (sequencer, batch) = honest(&mut Dice::of(seed));
        let mut attester = Attester::new(&sequencer);
        let mut blocks = Vec::new();
        let mut out = |block: &ClosedBlock| blocks.push(block.clone());
        let derived = attester.derivation.apply(&batch, &[], &mut Recover, &mut out).unwrap();
        attester.ledger.take(&attester.derivation, &batch, &derived);
        let statement = attester.ledger.statement(1, ROOT, ROOT).unwrap();
        Self { sequencer, blocks, statement }
    }

    /// Returns the transactions of an item in blocks, those that no user signed included.
    fn transactions(
        &self,
        position: Position,
    ) -> impl Iterator<Item = (&ClosedBlock, &BlockTx)> + Clone {
        let all = self
            .blocks
            .iter()
            .flat_map(|block| block.transactions.iter().map(move |tx| (block, tx)));
        all.filter(move |(_, tx)| tx.position == position)
    }

    /// Returns what became of every item that had its turn, from the sequencer's order and the blocks.
    fn fates(&self) -> Vec<Fate> {
        let turns = self.sequencer.turns.iter();
        turns
            .map(|(position, hash, item, outcome)| self.fate(*position, *hash, item, outcome))
            .collect()
    }

    fn fate(&self, position: Position, hash: B256, item: &Item, outcome: &Outcome) -> Fate {
        let transactions = self.transactions(position);
        let touched = transactions.clone().map(|(block, _)| block.network);
        let named = item.legs().iter().map(|leg| leg.network);
        let networks: BTreeSet<_> = touched.chain(named).collect();
        let own = transactions.filter(|(_, tx)| !tx.is_system);
        let mut legs: Vec<_> = own.map(|(block, tx)| promised(block, tx)).collect();
        legs.sort_by_key(|leg| leg.leg);
        let removal = match outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(PromisedRemoval::from(removal)),
        };
        Fate { position, item: hash, networks: networks.into_iter().collect(), legs, removal }
    }
}

fn promised(block: &ClosedBlock, tx: &BlockTx) -> PromisedLeg {
    PromisedLeg {
        leg: tx.leg,
        network: block.network,
        tx_hash: *tx.tx.tx_hash(),
        success: tx.success,
        gas_used: tx.gas_used,
        output_hash: keccak256(&tx.output),
        logs_hash: logs_hash(&Domain::dev(), &tx.logs),
        block_number: block.header.number,
        parent_hash: block.header.parent_hash,
    }
}

/// An honest sequencer's batch of sealed and plaintext items, many of which are removed.
fn honest(dice: &mut Dice) -> (Sequencer, SignedBatch) {
    let mut sequencer = Sequencer::with(config(true));
    sequencer.announce(2, u64::MAX);
    sequencer.deposit(0);
    (0..EPOCH).for_each(|_| sequencer.close());
    let ends = dice.below(ITEMS);
    for number in 0..ITEMS {
        seal(&mut sequencer, dice, number);
        submit(&mut sequencer, dice, number);
        if number == ends {
            sequencer.close();
        }
    }
    (1..EPOCH).for_each(|_| sequencer.close());
    sequencer.reveal(2);
    (ITEMS..2 * ITEMS).for_each(|number| submit(&mut sequencer, dice, number));
    sequencer.close();
    let batch = sequencer.batch();
    (sequencer, batch)
}

/// Submits a payment, one whose number is not reached, one that crosses, a failure, or a bundle of which a leg may be too early.
fn submit(sequencer: &mut Sequencer, dice: &mut Dice, number: u64) {
    let (network, key) = (dice.rollup(), dice.below(3) as usize);
    let address = crate::sequencer::address(key);
    let nonces @ [nonce, _] = sequencer.nonces([(network, address), (other(network), address)]);
    // No two are the same: what was removed once may be dead.
    let wei = u128::from(number + 1);
    let pay = |network, nonce| Draft::pay(network, key, nonce, wei);
    let both = |late| bundle(&[pay(network, nonces[0]), pay(other(network), nonces[1] + late)]);
    let item = match dice.below(6) {
        0 => pay(network, nonce + 1 + number).item(),
        1 => bridging(network, other(network), key, nonce, wei).item(),
        2 => Draft { gas: 60_000 + number, ..Draft::failing(network, key, nonce) }.item(),
        3 => Item::Bundle(both(0)),
        4 => Item::Bundle(both(1 + number)),
        _ => pay(network, nonce).item(),
    };
    sequencer.submit(&item);
}

/// Orders an envelope of a payment, of a failure, of a bundle, of no item, or one that opens to nothing.
fn seal(sequencer: &mut Sequencer, dice: &mut Dice, number: u64) {
    let (network, key) = (dice.rollup(), 4 + dice.below(3) as usize);
    let wei = u128::from(100 + number);
    let pay = |network| Draft::pay(network, key, 0, wei);
    let failing = Draft { gas: 60_000 + number, ..Draft::failing(network, key, 0) };
    let plaintext = match dice.below(5) {
        0 => WireLeg::of(&failing.leg()).plaintext(),
        1 => Item::Bundle(bundle(&[pay(A), pay(B)])).encode(),
        2 => b"no item".to_vec(),
        _ => WireLeg::of(&pay(network).leg()).plaintext(),
    };
    let mut envelope = sequencer.seal(&plaintext, number);
    if dice.below(4) == 0 {
        envelope.body[3] ^= 1;
    }
    sequencer.order(envelope);
}

fn other(network: NetworkId) -> NetworkId {
    if network == A { B } else { A }
}

#[test]
fn p40_the_leaves_of_a_proposal_are_the_promised_items_with_their_fates() {
    let domain = Domain::dev();
    for seed in 0..SEEDS {
        let history = History::of(seed);
        let fates = history.fates();
        let moved: BTreeSet<_> = history.blocks.iter().map(|block| block.network).collect();
        let steps = &history.statement.transitions;
        assert_eq!(steps.len(), moved.len(), "seed {seed}");
        for (step, network) in steps.iter().zip(moved) {
            let named = || fates.iter().filter(|fate| fate.networks.contains(&network));
            let proposed: Vec<_> = named().map(|fate| proposal_leaf(&domain, fate)).collect();
            let settled: Vec<_> = named().map(|fate| fate_leaf(&domain, network, fate)).collect();
            assert_eq!(step.proposal_root, list_root(&domain, &proposed), "seed {seed}, {network}");
            assert_eq!(step.outcome_root, list_root(&domain, &settled), "seed {seed}, {network}");
        }
    }
}

#[test]
fn p40_a_block_is_a_part_of_what_was_proposed() {
    for seed in 0..SEEDS {
        let history = History::of(seed);
        for (position, _, item, outcome) in &history.sequencer.turns {
            let own = history.transactions(*position).filter(|(_, tx)| !tx.is_system);
            let mut ran: Vec<_> =
                own.map(|(block, tx)| (tx.leg, block.network, *tx.tx.tx_hash())).collect();
            ran.sort_unstable();
            let legs = (0..).zip(item.legs());
            let legs: Vec<_> = legs.map(|(leg, it)| (leg, it.network, it.tx.hash())).collect();
            match outcome {
                Outcome::Included => assert_eq!(ran, legs, "seed {seed}, {position:?}"),
                Outcome::Removed(_) => assert_eq!(ran, [], "seed {seed}, {position:?}"),
            }
        }
        let proposed: BTreeSet<_> = history.sequencer.turns.iter().map(|turn| turn.0).collect();
        let signed = history.blocks.iter().flat_map(|block| &block.transactions);
        let mut signed = signed.filter(|tx| !tx.is_system);
        assert!(signed.all(|tx| proposed.contains(&tx.position)), "seed {seed}");
    }
}

#[test]
fn the_histories_hold_every_kind_of_fate() {
    let mut found = BTreeSet::new();
    for seed in 0..SEEDS {
        let (sequencer, _) = honest(&mut Dice::of(seed));
        found.extend(sequencer.turns.iter().map(|(position, _, _, outcome)| match outcome {
            Outcome::Included => (position.section as u8, None),
            Outcome::Removed(removal) => (position.section as u8, Some(removal.cause as u8)),
        }));
    }
    let [plain, opened] = [weft_types::Section::Plaintext, weft_types::Section::Opened];
    for (section, cause) in [
        (plain, None),
        (plain, Some(RemovalCause::Invalid)),
        (opened, None),
        (opened, Some(RemovalCause::Failed)),
        (opened, Some(RemovalCause::Invalid)),
        (opened, Some(RemovalCause::Malformed)),
        (opened, Some(RemovalCause::Undecryptable)),
    ] {
        let kind = (section as u8, cause.map(|cause| cause as u8));
        assert!(found.contains(&kind), "{section:?} {cause:?}");
    }
}
