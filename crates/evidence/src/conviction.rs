//! Who is convicted, of what.

use alloy_primitives::{Address, B256};
use core::fmt;
use weft_crypto::MemberId;
use weft_types::{Domain, Encode, Position, SlotNumber, Tag, Writer, promise::Claim};

/// What somebody did. All of these but a missed deadline are faults of safety, which cost more than faults of liveness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fault {
    /// Signed two orders.
    OrderEquivocation = 1,
    /// Signed two results of one item.
    ResultEquivocation = 2,
    /// Left an item out of its promised place.
    Omission = 3,
    /// Put something before an item that was not before it when its place was promised.
    Insertion = 4,
    /// Moved an item from its promised place.
    Reordering = 5,
    /// Ran a leg without its bundle, or a bundle without one of its legs (P18).
    Unbundling = 6,
    /// Promised as a leg of an item what is none.
    WrongResult = 7,
    /// Called an envelope undecryptable that a seed opens (P11).
    FalseVerdict = 8,
    /// Ran something else than the envelope holds (P11).
    WrongPlaintext = 9,
    /// Ordered an envelope after the last slot that its payer allowed.
    StaleInclusion = 10,
    /// Named two keys of one epoch.
    KeyListEquivocation = 11,
    /// A member dealt two shares for one epoch.
    ShareEquivocation = 12,
    /// A member's secret of an open epoch is known (P17).
    EarlyLeak = 13,
    /// A member released its secret for two closing heads (P17).
    ReleaseEquivocation = 14,
    /// Promised as one of a bundle's an envelope of another epoch (P14).
    WrongEpoch = 15,
    /// Did not have a slot on L1 by the time that it promised (P14). L1 holds the promise against the last slot that it has.
    MissedDeadline = 128,
    /// Promised a result that is not what was settled. Signatures alone show it nowhere: L1 holds the promise against the
    /// settlement.
    WrongOutcome = 129,
}

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Convicted {
    /// The sequencer with this key.
    Sequencer(Address),
    /// A member of the committee.
    Member {
        /// Number.
        member: MemberId,
        /// Key.
        key: Address,
    },
}

/// What the fault is about. Two evidences of one fault have one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What two orders disagree about.
    Claim(Claim),
    /// The order of a slot.
    Slot(SlotNumber),
    /// A position that was promised.
    Position(Position),
    /// An epoch.
    Epoch(u64),
    /// A key list, by name.
    KeyList(B256),
}

/// Somebody broke its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conviction {
    /// Who.
    pub convicted: Convicted,
    /// Of what.
    pub fault: Fault,
    /// About what.
    pub subject: Subject,
}

impl Conviction {
    /// Returns the name under which a punishment is noted, so that nobody is punished twice for one fault:
    /// `H(domain, tag 44, fault || convicted || subject)`.
    pub fn id(&self, domain: &Domain) -> B256 {
        let mut out = Writer::default();
        out.u8(self.fault as u8).put(&self.convicted).put(&self.subject);
        domain.hash(Tag::Conviction, out.as_slice())
    }
}

impl Encode for Convicted {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Sequencer(key) => out.u8(0).address(key),
            Self::Member { member, key } => out.u8(1).u32(*member).address(key),
        };
    }
}

impl Encode for Subject {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Claim(Claim::Chain(slot, section, count)) => {
                out.u8(0).u64(slot.get()).u8(*section as u8).u32(*count)
            }
            Self::Claim(Claim::Parent(slot)) => out.u8(1).u64(slot.get()),
            Self::Claim(Claim::Item(position)) => put_position(out.u8(2), position),
            Self::Slot(slot) => out.u8(3).u64(slot.get()),
            Self::Position(position) => put_position(out.u8(4), position),
            Self::Epoch(epoch) => out.u8(5).u64(*epoch),
            Self::KeyList(list) => out.u8(6).hash(list),
        };
    }
}

fn put_position<'w>(out: &'w mut Writer, position: &Position) -> &'w mut Writer {
    out.u64(position.slot.get()).u8(position.section as u8).u32(position.index)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OrderEquivocation => "order equivocation",
            Self::ResultEquivocation => "result equivocation",
            Self::Omission => "omission",
            Self::Insertion => "insertion",
            Self::Reordering => "reordering",
            Self::Unbundling => "unbundling",
            Self::WrongResult => "wrong result",
            Self::FalseVerdict => "false verdict",
            Self::WrongPlaintext => "wrong plaintext",
            Self::StaleInclusion => "stale inclusion",
            Self::KeyListEquivocation => "key list equivocation",
            Self::ShareEquivocation => "share equivocation",
            Self::EarlyLeak => "early leak",
            Self::ReleaseEquivocation => "release equivocation",
            Self::WrongEpoch => "wrong epoch",
            Self::MissedDeadline => "missed deadline",
            Self::WrongOutcome => "wrong outcome",
        })
    }
}

impl fmt::Display for Convicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequencer(key) => write!(f, "sequencer {key}"),
            Self::Member { member, key } => write!(f, "committee member {member} ({key})"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(Claim::Chain(slot, section, count)) => {
                write!(f, "the first {count} items of section {} of slot {slot}", *section as u8)
            }
            Self::Claim(Claim::Parent(slot)) => write!(f, "the past of slot {slot}"),
            Self::Claim(Claim::Item(position)) => write!(f, "the item at position {position}"),
            Self::Slot(slot) => write!(f, "the order of slot {slot}"),
            Self::Position(position) => write!(f, "position {position}"),
            Self::Epoch(epoch) => write!(f, "epoch {epoch}"),
            Self::KeyList(list) => write!(f, "key list {list}"),
        }
    }
}
