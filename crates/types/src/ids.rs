//! Networks, slots, positions and places.

use crate::codec::{CodecError, Decode, Encode, Reader, Writer};
use core::{cmp::Ordering, fmt};
use serde::{Deserialize, Serialize};

/// A chain inside the protocol: 0 is L1, everything else a rollup of the realm. Not an EIP-155 id.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NetworkId(u32);

impl NetworkId {
    /// The settlement layer.
    pub const L1: Self = Self(0);

    /// Names network `id`.
    pub const fn new(id: u32) -> Self {
        Self(id)
    }

    /// Returns the number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a slot of the shared sequencer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SlotNumber(u64);

impl SlotNumber {
    /// Names slot `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the slot after this one.
    ///
    /// # Panics
    ///
    /// Panics after 2^64 slots.
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("slot numbers do not run out"))
    }
}

impl fmt::Display for SlotNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Part of a slot (P2); ordered like execution, which is not the order of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Section {
    /// Items born on L1, by inbox cursor.
    L1Born = 0,
    /// Sealed items that got their order in this slot. They run elsewhere: in the section of the opened.
    Sealed = 1,
    /// Plaintext items.
    #[default]
    Plaintext = 2,
    /// Sealed items of closed epochs, opened in this slot, in the order in which they were sealed. They run before
    /// anything that got its position in the slot.
    Opened = 3,
}

impl Section {
    /// Returns the section's turn in a slot.
    const fn turn(self) -> u8 {
        match self {
            Self::L1Born => 0,
            Self::Opened => 1,
            Self::Sealed => 2,
            Self::Plaintext => 3,
        }
    }

    pub(crate) fn from_byte(found: u8) -> Result<Self, CodecError> {
        match found {
            0 => Ok(Self::L1Born),
            1 => Ok(Self::Sealed),
            2 => Ok(Self::Plaintext),
            3 => Ok(Self::Opened),
            _ => Err(CodecError::Tag { what: "section", found }),
        }
    }
}

impl PartialOrd for Section {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Section {
    fn cmp(&self, other: &Self) -> Ordering {
        self.turn().cmp(&other.turn())
    }
}

/// Position of an item in the lane; ordered like execution. A sealed item has one where it was ordered and one where it
/// runs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Position {
    /// Slot.
    pub slot: SlotNumber,
    /// Section of the slot.
    pub section: Section,
    /// Index inside the section, from 0.
    pub index: u32,
}

impl Position {
    /// Returns the place of hop `k` of leg `leg` of the item at this position.
    pub const fn place(self, leg: u16, k: u32) -> Place {
        Place { position: self, leg, k }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.slot, self.section as u8, self.index)
    }
}

/// Place of a hop (P22): position, leg and number of the hop within the leg, counted over all chains.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Place {
    /// Position of the item.
    #[serde(flatten)]
    pub position: Position,
    /// Leg of the item, from 0; one past the last leg for verdicts.
    pub leg: u16,
    /// Number of the hop within the leg, from 0.
    pub k: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.position, self.leg, self.k)
    }
}

/// Tells whether networks stand in the one order in which a list of them is encoded.
pub(crate) fn is_increasing(networks: &[NetworkId]) -> bool {
    networks.is_sorted_by(|one, next| one < next)
}

impl Encode for NetworkId {
    fn encode_to(&self, out: &mut Writer) {
        out.number(self.0);
    }
}

impl Decode for NetworkId {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.number().map(Self)
    }
}

impl Encode for Position {
    fn encode_to(&self, out: &mut Writer) {
        out.number(self.slot.0).u8(self.section as u8).number(self.index);
    }
}

impl Decode for Position {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            slot: SlotNumber(input.number()?),
            section: Section::from_byte(input.u8()?)?,
            index: input.number()?,
        })
    }
}

impl Encode for Place {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.position).number(self.leg).number(self.k);
    }
}

impl Decode for Place {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { position: input.get()?, leg: input.number()?, k: input.number()? })
    }
}
