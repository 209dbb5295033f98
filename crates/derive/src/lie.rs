//! What is found to be untrue, and where.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use alloy_primitives::{Address, B256, hex};
use core::fmt;
use thiserror::Error;
use weft_lane::Rejection;
use weft_types::{
    InvalidBundle, L1Ref, NetworkId, Position, RemovalCause, SlotNumber, item::InvalidLeg,
};

/// The first thing in a batch that is not as it says, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct Lie {
    /// Number of the batch.
    pub batch: u64,
    /// Slot, when it is about one.
    pub slot: Option<SlotNumber>,
    /// Position, when it is about one.
    pub position: Option<Position>,
    /// Rollup, when it is about one.
    pub network: Option<NetworkId>,
    /// What is wrong.
    pub kind: Box<LieKind>,
}

/// Names who signed.
fn signer(found: Option<&Address>) -> String {
    found.map_or_else(|| "nobody".into(), alloc::string::ToString::to_string)
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LieKind {
    /// Nobody signed the batch whom the realm knows.
    #[error("signed by {}, the sequencer is {expected}", signer(found.as_ref()))]
    Signature {
        /// Who signed it.
        found: Option<Address>,
        /// Who should have.
        expected: Address,
    },
    /// The batch is for another realm.
    #[error("made for configuration {found}, this realm's is {expected}")]
    Config {
        /// Configuration that it names.
        found: B256,
        /// That of the realm.
        expected: B256,
    },
    /// The batch does not follow the one before.
    #[error("does not follow the batch before: {what}")]
    Sequence {
        /// In what.
        what: &'static str,
    },
    /// The lane would not have opened a slot at this time (P9).
    #[error("starts at {claimed} ms, the lane opens it at {derived} ms")]
    Time {
        /// Time in the batch.
        claimed: u64,
        /// Time that the lane gives.
        derived: u64,
    },
    /// The header lists other rollups than it must (P8).
    #[error("lists rollups {}, the lane lists {}", list(.claimed), list(.derived))]
    Availability {
        /// In the batch.
        claimed: alloc::vec::Vec<NetworkId>,
        /// By the lane.
        derived: alloc::vec::Vec<NetworkId>,
    },
    /// The lane would not have taken this input.
    #[error("the lane refuses: {0}")]
    Lane(Rejection),
    /// A transaction is none.
    #[error("leg is no valid transaction: {0}")]
    Leg(InvalidLeg),
    /// A bundle is none.
    #[error("no bundle: {0}")]
    Bundle(InvalidBundle),
    /// A marked leg stands outside its bundle and is said to be included (P18).
    #[error("unbundled leg: transaction {tx} is valid only in its bundle")]
    Unbundled {
        /// The transaction.
        tx: B256,
    },
    /// An item has another fate than the batch says (P4).
    #[error("false removal: said to be {}, is {}{}", fate(*claimed), fate(*derived), because(.reason))]
    Removal {
        /// Cause in the batch; nothing when it says that the item is included.
        claimed: Option<RemovalCause>,
        /// Cause that the fold gives.
        derived: Option<RemovalCause>,
        /// What the fold says about it.
        reason: String,
    },
    /// A removal is claimed of an item that there is not.
    #[error("a removal of no item: section {section}, index {index}")]
    NoItem {
        /// Section.
        section: u8,
        /// Index.
        index: u32,
    },
    /// The slot's order is another one than its closing record names (P2).
    #[error("order: the closing record is {derived}, the batch names {}", tag(*.claimed))]
    Order {
        /// Tag in the batch.
        claimed: Option<[u8; 4]>,
        /// Record that the lane gives.
        derived: B256,
    },
    /// The slot's order is another one than was committed to (P15).
    #[error("order: the commitment is to another vector: {0}")]
    Commitment(&'static str),
    /// A key list does not hold (P10).
    #[error("key list: {0}")]
    KeyList(String),
    /// The payer did not sign for the envelope that is ordered at its cost (P13).
    #[error("envelope {envelope} is not signed by its payer {payer}")]
    Payer {
        /// Envelope.
        envelope: B256,
        /// Payer.
        payer: Address,
    },
    /// The realm takes no sealed items.
    #[error("sealed items in a realm that takes none")]
    NoSealing,
    /// A secret does not fit its epoch's key.
    #[error("epoch {epoch}: the secret does not fit its key")]
    Secret {
        /// The epoch.
        epoch: u64,
    },
    /// An opening is not of the envelope that was ordered.
    #[error("opening makes envelope {found}, {ordered} was ordered")]
    Envelope {
        /// Envelope that the opening makes.
        found: B256,
        /// Envelope that has the position.
        ordered: B256,
    },
    /// An envelope has another verdict (P11).
    #[error("false verdict: said to be {claimed}, the epoch's secret says otherwise")]
    Verdict {
        /// What the batch says.
        claimed: &'static str,
    },
    /// A member did not release its secret for the order that stands, or is no member (P17, T12).
    #[error("epoch {epoch} is not released by member {member} for its closing head {head}")]
    Release {
        /// The epoch.
        epoch: u64,
        /// The member.
        member: u32,
        /// Hash of the closing record of the epoch's last slot.
        head: B256,
    },
    /// An epoch is opened that not all members released and nobody squared (P17).
    #[error(
        "epoch {epoch}: member {missing} released nothing, and the puzzle is not shown to be solved"
    )]
    Unsolved {
        /// The epoch.
        epoch: u64,
        /// The first member without a release.
        missing: u32,
    },
    /// An epoch is opened with more or fewer items than it has, or not where it can be.
    #[error("epoch {epoch}: {why}")]
    Epoch {
        /// The epoch.
        epoch: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// An inbox entry is not on L1.
    #[error("inbox entry {entry} is not on L1")]
    NoEntry {
        /// Its number.
        entry: u64,
    },
    /// An inbox entry stands in a slot whose blocks have too little left for it (P46).
    #[error("inbox entry {entry} has no room in this slot and runs first in the next one")]
    Crowded {
        /// Its number.
        entry: u64,
    },
    /// Something runs, or a batch ends, before an exit that L1 paid is burned (P46).
    #[error(
        "inbox entry {entry}, which left by a state proof, is not burned before everything else"
    )]
    ExitsFirst {
        /// Its number.
        entry: u64,
    },
    /// An inbox entry is said to be reorged and is on L1 (P48).
    #[error("said to be reorged: log {} of L1 block {} is canonical", origin.log_index, origin.block_hash)]
    Canonical {
        /// Where it was born.
        origin: L1Ref,
    },
    /// An inbox entry is older than the window and not in the lane (P46).
    #[error("skipped inbox entry {entry}: {age_ms} ms old, the window is {window_ms} ms")]
    Skipped {
        /// Its number.
        entry: u64,
        /// Its age, in milliseconds.
        age_ms: u64,
        /// The window, in milliseconds.
        window_ms: u64,
    },
    /// The inbox cursor is another one.
    #[error("inbox cursor is {derived}, the batch says {claimed}")]
    Cursor {
        /// In the batch.
        claimed: u64,
        /// By the slots.
        derived: u64,
    },
    /// A slot closes more or fewer blocks than the batch says.
    #[error("closes {derived} blocks, the batch says {claimed}")]
    Blocks {
        /// In the batch.
        claimed: usize,
        /// By the fold.
        derived: usize,
    },
    /// A block is another one: a wrong root, or anything else of its header.
    #[error("block {number} is {derived}, the batch says otherwise")]
    Block {
        /// Number of the block.
        number: u64,
        /// Hash that the fold gives.
        derived: B256,
    },
    /// The last block of a rollup is another one.
    #[error("last block is {}, the batch says {}", head(*.derived), head(*.claimed))]
    Head {
        /// Number and hash in the batch.
        claimed: Option<(u64, B256)>,
        /// By the fold.
        derived: Option<(u64, B256)>,
    },
    /// A rollup joins that cannot.
    #[error("a rollup joins that cannot: {0}")]
    Join(&'static str),
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {}", self.batch)?;
        match (self.position, self.slot) {
            (Some(position), _) => write!(f, ", position {position}")?,
            (None, Some(slot)) => write!(f, ", slot {slot}")?,
            (None, None) => {}
        }
        if let Some(network) = self.network {
            write!(f, ", rollup {network}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

/// Says what became of an item.
fn fate(cause: Option<RemovalCause>) -> String {
    match cause {
        None => String::from("included"),
        Some(cause) => format!("removed as {cause:?}"),
    }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

impl LieKind {
    /// Names the place of this.
    pub(crate) fn at(self, batch: u64, slot: SlotNumber) -> Lie {
        Lie { batch, slot: Some(slot), position: None, network: None, kind: Box::new(self) }
    }

    /// Names the batch of this.
    pub(crate) fn of(self, batch: u64) -> Lie {
        Lie { batch, slot: None, position: None, network: None, kind: Box::new(self) }
    }
}

impl Lie {
    /// Names the position as well.
    pub(crate) fn position(self, position: Position) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Names the rollup as well.
    pub(crate) fn network(self, network: NetworkId) -> Self {
        Self { network: Some(network), ..self }
    }
}

/// Returns what a reader is told of a last block.
fn head(head: Option<(u64, B256)>) -> String {
    head.map_or_else(|| "none".into(), |(number, hash)| format!("{number} ({hash})"))
}

/// Returns what a reader is told of the first bytes of a record.
fn tag(tag: Option<[u8; 4]>) -> String {
    tag.map_or_else(|| "none".into(), |tag| format!("0x{}..", hex::encode(tag)))
}

/// Returns rollups as a reader is told of them.
fn list(rollups: &[NetworkId]) -> String {
    let names: Vec<_> = rollups.iter().map(NetworkId::to_string).collect();
    if names.is_empty() { "none".into() } else { names.join(" and ") }
}
