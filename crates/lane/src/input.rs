//! What goes into the lane and what comes out.

use crate::{
    admit::Submission,
    sealed::{KeyAnnouncement, SealedSubmission, Turn},
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use weft_types::{Halt, NetworkId, Position, SlotHeader, SlotRecord};

/// What goes into the lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// An item asks for a position.
    Submit(Submission),
    /// An item was removed and stays reusable (P4), so it may have another position; an unknown item is ignored. Its
    /// old position and the running chain stay as they are.
    Release {
        /// Hash of the item.
        item: B256,
    },
    /// Time has passed: an expired slot closes and the next one opens.
    Tick,
    /// A rollup becomes available or stops being so, from the next slot header on (P8).
    SetAvailable {
        /// The rollup.
        network: NetworkId,
        /// Whether later headers list it.
        available: bool,
    },
    /// A rollup stops before the next item of the open slot, and later headers leave it out (P8). Refused while it would be a
    /// veto of whoever may have read an epoch: from the epoch's close to the end of the slot in which the last of it runs (T1).
    /// The closing record names it with its place, which its caller knows: an item may have its position and start again.
    Halt(Halt),
    /// A rollup joins the realm, from the next slot header on.
    Join {
        /// The rollup.
        network: NetworkId,
    },
    /// An epoch gets its key.
    Announce(KeyAnnouncement),
    /// An envelope asks for an order.
    Seal(SealedSubmission),
    /// A member released its secret of a closed epoch. The secret itself is its caller's matter.
    MemberReleased {
        /// The epoch.
        epoch: u64,
        /// The member.
        member: u32,
        /// Closing head for which it did.
        head: B256,
    },
    /// The secret of a closed epoch is known, released or solved; its caller has checked that it fits the key. The open
    /// slot closes unless it is empty, and the epoch's items run in the next one.
    Reveal {
        /// The epoch.
        epoch: u64,
        /// Its key list.
        list: B256,
    },
    /// What is ordered and not opened is given up, for L1 went on without whoever holds it: those items have no turn, and
    /// nothing of them is charged. Epochs that are open keep their keys and take other items; what is closed is over.
    GiveUp,
    /// The open slot closes now, which it does once if it has expired too; with none open, an empty slot opens and closes. Used
    /// for on-demand blocks.
    Close,
}

/// What comes out of the lane, to be signed, stored and sent by its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A slot opened. Next: positions, or its closing record.
    Opened(SlotHeader),
    /// An item has a position; with the domain this is the content of its order promise (P14).
    Positioned {
        /// Position.
        position: Position,
        /// Hash of the item.
        item: B256,
        /// Running hash of the section before the item; zero in section 0, which has no chain (P2).
        prev_chain: B256,
        /// Running hash of the section after the item; zero in section 0.
        chain: B256,
    },
    /// The last slot of an epoch closed behind its record, so that its order stands. Next: its members release their
    /// secrets for `head`, and nobody before; or nothing, when it has no items or is late.
    EpochClosed {
        /// The epoch.
        epoch: u64,
        /// Hash of the closing record.
        head: B256,
        /// Its items.
        items: u32,
        /// True when it closed too late, so that its items are removed (P17).
        is_late: bool,
    },
    /// Items of a closed epoch run, in this order, before anything that gets a position in the open slot. What is too much for
    /// one slot comes with the next ones; until then nothing else gets a position.
    Opening {
        /// The epoch.
        epoch: u64,
        /// True when they are only removed.
        is_late: bool,
        /// Rollups that the last header of the epoch listed: those that there are for its items, whatever the headers of the
        /// slots say in which they run (P8, T1).
        listed: Vec<NetworkId>,
        /// Its items, or the next of them.
        turns: Vec<Turn>,
    },
    /// The open slot closed.
    Closed {
        /// Its closing record.
        record: SlotRecord,
        /// Hash of the record: the parent of the next header.
        hash: B256,
    },
}
