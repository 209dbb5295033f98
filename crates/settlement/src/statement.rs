//! What is attested or proven of batches (P44).

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256, keccak256};
use weft_types::{Domain, Tag, Writer};

/// What is settled of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// State root of its last block.
    pub state_root: B256,
    /// Hash of that block.
    pub block_hash: B256,
    /// Number of that block.
    pub block_number: u64,
    /// Root of the tree of its exits; zero as long as there is none.
    pub exit_root: B256,
    /// Pessimistic root v3 (P42).
    pub accounting_root: B256,
    /// Hash over its mailbox heads (P27).
    pub heads_root: B256,
}

/// One rollup's part of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transition {
    /// Id of the rollup: 1 for the first that was registered.
    pub rollup: u32,
    /// Hash of its outcome before.
    pub pre: B256,
    /// Root over its proposal blocks.
    pub proposal_root: B256,
    /// Root over the outcomes of its transactions.
    pub outcome_root: B256,
    /// What holds afterwards.
    pub post: Outcome,
}

/// Value that moved between two rollups, netted per pair and token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Transfer {
    /// Chain id of the rollup that gave.
    pub from: u32,
    /// Chain id of the rollup that got.
    pub to: u32,
    /// Network on which the token is native: a chain id, 0 for L1.
    pub origin_network: u32,
    /// The token there.
    pub origin_token: Address,
    /// How much.
    pub amount: U256,
}

/// The statement; what the last batch's hash binds is not said twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// First batch.
    pub first_batch: u64,
    /// Last batch.
    pub last_batch: u64,
    /// Hash of the last batch.
    pub batch_hash: B256,
    /// Program whose result this is.
    pub program_id: B256,
    /// Rollups that advance, in increasing order.
    pub transitions: Vec<Transition>,
    /// Value that moved between them, in increasing order.
    pub transfers: Vec<Transfer>,
}

impl Outcome {
    /// Returns the hash by which L1 knows the outcome: `keccak(abi.encode(outcome))`.
    pub fn commitment(&self) -> B256 {
        let mut out = Writer::default();
        self.words(&mut out);
        keccak256(out.as_slice())
    }

    fn words(&self, out: &mut Writer) {
        out.hash(&self.state_root).hash(&self.block_hash).u256(U256::from(self.block_number));
        out.hash(&self.exit_root).hash(&self.accounting_root).hash(&self.heads_root);
    }
}

impl Statement {
    /// Returns what attesters sign and proofs show.
    pub fn digest(&self, domain: &Domain) -> B256 {
        let mut out = Writer::default();
        out.u256(U256::from(self.first_batch)).u256(U256::from(self.last_batch));
        out.hash(&self.batch_hash).hash(&self.program_id);
        out.hash(&array_hash(&self.transitions, transition_words));
        out.hash(&self.transfers_hash());
        domain.hash(Tag::SettlementStatement, out.as_slice())
    }

    /// Returns `keccak(abi.encode(transfers))`, which stands for them in the digest.
    pub fn transfers_hash(&self) -> B256 {
        array_hash(&self.transfers, transfer_words)
    }
}

/// Returns `keccak(abi.encode(values))` for a list of structs without dynamic parts.
fn array_hash<T>(values: &[T], words: impl Fn(&T, &mut Writer)) -> B256 {
    let mut out = Writer::default();
    out.u256(U256::from(32)).u256(U256::from(values.len()));
    values.iter().for_each(|value| words(value, &mut out));
    keccak256(out.as_slice())
}

fn transition_words(transition: &Transition, out: &mut Writer) {
    out.u256(U256::from(transition.rollup)).hash(&transition.pre);
    out.hash(&transition.proposal_root).hash(&transition.outcome_root);
    transition.post.words(out);
}

fn transfer_words(transfer: &Transfer, out: &mut Writer) {
    out.u256(U256::from(transfer.from)).u256(U256::from(transfer.to));
    out.u256(U256::from(transfer.origin_network)).hash(&transfer.origin_token.into_word());
    out.u256(transfer.amount);
}
