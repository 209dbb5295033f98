//! Why something about sealed items is refused.

use alloy_primitives::{Address, B256};
use thiserror::Error;
use weft_types::{NetworkId, SlotNumber};

/// Why something about sealed items is refused. Nothing of it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealedRejection {
    /// The realm takes no sealed items.
    #[error("the realm takes no sealed items")]
    NoSealing,
    /// Nobody announced a key for the epoch, so nothing can be sealed to it. Another epoch may have one.
    #[error("epoch {epoch} has no key list: no member announced a share in time")]
    NoKey {
        /// The epoch.
        epoch: u64,
    },
    /// The item is sealed for another epoch than the one that takes items now.
    #[error("sealed for epoch {declared}, epoch {current} takes items now")]
    OtherEpoch {
        /// Epoch of the item.
        declared: u64,
        /// Epoch of the open slot.
        current: u64,
    },
    /// The key list is not the epoch's: two lists for one epoch are two keys.
    #[error("epoch {epoch} has key list {known}, not {declared}")]
    OtherList {
        /// The epoch.
        epoch: u64,
        /// List named.
        declared: B256,
        /// List of the epoch.
        known: B256,
    },
    /// The item may not be ordered any more.
    #[error("valid until slot {valid_until}, slot {slot} is open")]
    Expired {
        /// Last slot in which it might have been ordered.
        valid_until: SlotNumber,
        /// The open slot.
        slot: SlotNumber,
    },
    /// The epoch should be closed by now, so what comes would only be late (P17).
    #[error("epoch {epoch} had to be closed by {close_at_ms}, now is {now_ms}")]
    TooLate {
        /// The epoch.
        epoch: u64,
        /// When its order had to stand, in milliseconds since the Unix epoch.
        close_at_ms: u64,
        /// Now, in milliseconds since the Unix epoch.
        now_ms: u64,
    },
    /// The deposit lies elsewhere.
    #[error("deposit on network {declared}, deposits lie on {home}")]
    OtherHome {
        /// Network named.
        declared: NetworkId,
        /// Network of deposits.
        home: NetworkId,
    },
    /// The user agreed to less than the fee.
    #[error("carriage costs {fee_wei} wei, at most {max_fee_wei} are agreed to")]
    FeeTooHigh {
        /// Fee for both buckets.
        fee_wei: u128,
        /// What the payer signed.
        max_fee_wei: u128,
    },
    /// The deposit does not cover the fee beside what is reserved (T8).
    #[error(
        "deposit of {payer} is {deposit_wei} wei with {reserved_wei} reserved, carriage costs {fee_wei}"
    )]
    Deposit {
        /// Who pays.
        payer: Address,
        /// Its deposit after the last closed slot.
        deposit_wei: u128,
        /// What its other items may cost.
        reserved_wei: u128,
        /// What this one may cost.
        fee_wei: u128,
    },
    /// The epoch is full. The item may be sealed for the next one.
    #[error("epoch {epoch} is full: {what} would be {asked}, over {bound}")]
    EpochFull {
        /// The epoch.
        epoch: u64,
        /// What there is too much of.
        what: &'static str,
        /// How much there would be.
        asked: u64,
        /// How much there may be.
        bound: u64,
    },
    /// The payer's part of the epoch is full (P9). The item may be sealed for the next one.
    #[error("{payer} has its part of epoch {epoch}: {what} would be {asked}, over {bound}")]
    PayerFull {
        /// The epoch.
        epoch: u64,
        /// Who pays.
        payer: Address,
        /// What there is too much of.
        what: &'static str,
        /// How much there would be.
        asked: u64,
        /// How much there may be.
        bound: u64,
    },
    /// The key list comes after its deadline.
    #[error("key list of epoch {epoch} comes in slot {slot}, its deadline was slot {deadline}")]
    ListTooLate {
        /// The epoch.
        epoch: u64,
        /// Last slot that opened.
        slot: SlotNumber,
        /// Slot before which it had to come.
        deadline: SlotNumber,
    },
    /// The key list is for an epoch far ahead.
    #[error("key list of epoch {epoch} comes in epoch {current}, more than two ahead")]
    ListTooEarly {
        /// The epoch.
        epoch: u64,
        /// Epoch of the last slot that opened.
        current: u64,
    },
    /// The epoch has another key list already, which is evidence against whoever made both (P47).
    #[error("epoch {epoch} has key list {known} already")]
    KnownList {
        /// The epoch.
        epoch: u64,
        /// List that it has.
        known: B256,
    },
    /// The key list names nobody.
    #[error("key list of epoch {epoch} has no members")]
    NoMembers {
        /// The epoch.
        epoch: u64,
    },
    /// Too many closed epochs wait for their secrets.
    #[error("{waiting} closed epochs wait for their secrets")]
    TooManyWaiting {
        /// How many.
        waiting: u32,
    },
    /// An epoch that can be read runs to its end first (P2).
    #[error("epoch {epoch} is being opened: the rest of it comes first")]
    Opening {
        /// The epoch.
        epoch: u64,
    },
    /// Items of the epoch may have been read and have not run, so no rollup that they may need halts (P8, T1). Who executes it
    /// cannot go on: somebody else does.
    #[error("rollup {network} cannot halt: epoch {epoch} may have been read and did not run yet")]
    Readable {
        /// The rollup.
        network: NetworkId,
        /// The epoch.
        epoch: u64,
    },
    /// The epoch is over, was opened, or never had items.
    #[error("epoch {epoch} does not wait for a secret")]
    NotWaiting {
        /// The epoch.
        epoch: u64,
    },
    /// The order of the epoch does not stand yet, so its secret must not be known (P17). Evidence against whoever let
    /// it out.
    #[error("epoch {epoch} is not closed: its secret came to light too early")]
    NotClosed {
        /// The epoch.
        epoch: u64,
    },
    /// The secret was released for another order than the one that stands (P17, T12).
    #[error("released for closing head {declared}, epoch {epoch} closed with {closed}")]
    OtherHead {
        /// The epoch.
        epoch: u64,
        /// Closing head named.
        declared: B256,
        /// Closing head of the epoch.
        closed: B256,
    },
    /// The member has no share in the epoch's key.
    #[error("member {member} has no share in the key of epoch {epoch}")]
    UnknownMember {
        /// The epoch.
        epoch: u64,
        /// The member.
        member: u32,
    },
    /// The member released its secret already.
    #[error("member {member} released its secret of epoch {epoch} already")]
    Released {
        /// The epoch.
        epoch: u64,
        /// The member.
        member: u32,
    },
}
