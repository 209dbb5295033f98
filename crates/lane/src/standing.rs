//! A lane between two items, so that it can be kept elsewhere and set up again.

use crate::{
    config::InvalidConfig, config::LaneConfig, lane::Lane, recent::Recent, sealed::Sealing,
    slot::OpenSlot,
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use thiserror::Error;
use weft_types::{
    Domain, NetworkId, Position, SlotHeader, SlotNumber,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// What the next header needs to know about the last closed slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedSlot {
    /// Number.
    pub number: SlotNumber,
    /// Start, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Hash of its closing record.
    pub hash: B256,
}

/// Everything that a lane is while its open slot holds nothing, but for the items of recent slots and its
/// [`Sealing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Latest time seen, in milliseconds since the Unix epoch.
    pub clock_ms: u64,
    /// The last closed slot.
    pub last: Option<ClosedSlot>,
    /// Header of the open slot.
    pub open: Option<SlotHeader>,
    /// Rollups that are available in slots to come, in increasing order.
    pub available: Vec<NetworkId>,
    /// L1 inbox entries consumed by closed slots.
    pub inbox_cursor: u64,
}

/// Reason for not setting up a lane.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidStanding {
    /// The configuration makes no lane.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// A rollup is available that the realm does not have, or is named out of order.
    #[error("available rollups are not among the realm's: {0:?}")]
    Available(Vec<NetworkId>),
    /// The open slot does not follow the last closed one.
    #[error("open slot {open} does not follow closed slot {closed:?}")]
    Order {
        /// The open slot.
        open: SlotNumber,
        /// The last closed slot.
        closed: Option<SlotNumber>,
    },
    /// An item has two positions, or two items have one, or a position is in a slot that is not closed.
    #[error("item {item} cannot have position {position}")]
    Position {
        /// The item.
        item: B256,
        /// Its position.
        position: Position,
    },
}

impl Standing {
    fn check(&self, config: &LaneConfig) -> Result<(), InvalidStanding> {
        config.check()?;
        let in_order = self.available.windows(2).all(|pair| pair[0] < pair[1]);
        let known = |network: &NetworkId| config.rollups.binary_search(network).is_ok();
        if !in_order || !self.available.iter().all(known) {
            return Err(InvalidStanding::Available(self.available.clone()));
        }
        let Some(open) = &self.open else { return Ok(()) };
        let (expected, parent) = match self.last {
            Some(last) => (last.number.get().checked_add(1), last.hash),
            None => (Some(1), B256::ZERO),
        };
        if Some(open.number.get()) != expected || open.parent != parent {
            let closed = self.last.map(|last| last.number);
            return Err(InvalidStanding::Order { open: open.number, closed });
        }
        Ok(())
    }
}

impl Lane {
    /// Returns what the lane is; `None` while an item has a position in the open slot or a rollup stopped in it, or an epoch is
    /// half opened.
    pub fn standing(&self) -> Option<Standing> {
        if self.open.as_ref().is_some_and(OpenSlot::is_begun) || self.sealing.opening().is_some() {
            return None;
        }
        Some(Standing {
            clock_ms: self.clock_ms,
            last: self.last,
            open: self.open_slot().cloned(),
            available: self.available.iter().copied().collect(),
            inbox_cursor: self.inbox_cursor,
        })
    }

    /// Goes on with the epochs of a lane that stood.
    pub fn with_sealing(mut self, sealing: Sealing) -> Self {
        self.sealing = sealing;
        self
    }

    /// Returns the items of a recent slot that were not released, in the order of their positions.
    pub fn recent_in(&self, slot: SlotNumber) -> impl Iterator<Item = (Position, B256)> + '_ {
        self.recent.of(slot)
    }

    /// Sets up a lane that goes on where another one stood; `recent` are the items of its recent slots, in order.
    ///
    /// # Errors
    ///
    /// [`InvalidStanding`] when no lane stands like this.
    pub fn resume(
        domain: Domain,
        config: LaneConfig,
        standing: Standing,
        recent: impl IntoIterator<Item = (Position, B256)>,
    ) -> Result<Self, InvalidStanding> {
        standing.check(&config)?;
        let last = standing.last.map(|last| last.number);
        let (mut known, mut before) = (Recent::default(), None);
        for (position, item) in recent {
            let follows = before < Some(position) && Some(position.slot) <= last;
            if !follows || known.position(&item).is_some() {
                return Err(InvalidStanding::Position { item, position });
            }
            known.insert(item, position);
            before = Some(position);
        }
        Ok(Self {
            domain,
            config,
            clock_ms: standing.clock_ms,
            open: standing.open.map(|header| OpenSlot::new(&domain, header)),
            last: standing.last,
            available: standing.available.into_iter().collect(),
            inbox_cursor: standing.inbox_cursor,
            sealing: Sealing::default(),
            recent: known,
        })
    }
}

impl Encode for ClosedSlot {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.number.get()).u64(self.unix_ms).hash(&self.hash);
    }
}

impl Decode for ClosedSlot {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (number, unix_ms) = (SlotNumber::new(input.u64()?), input.u64()?);
        Ok(Self { number, unix_ms, hash: input.hash()? })
    }
}

impl Encode for Standing {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.clock_ms);
        put_option(out, self.last.as_ref());
        put_option(out, self.open.as_ref());
        // Once the epoch, which follows from the slot's number.
        out.list(&self.available).u64(self.inbox_cursor).u64(0);
    }
}

impl Decode for Standing {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let standing = Self {
            clock_ms: input.u64()?,
            last: get_option(input)?,
            open: get_option(input)?,
            available: input.list()?,
            inbox_cursor: input.u64()?,
        };
        match input.u64()? {
            0 => Ok(standing),
            _ => Err(CodecError::NotCanonical("a standing names an epoch")),
        }
    }
}

fn put_option<T: Encode>(out: &mut Writer, value: Option<&T>) {
    out.bool(value.is_some());
    if let Some(value) = value {
        out.put(value);
    }
}

fn get_option<T: Decode>(input: &mut Reader<'_>) -> Result<Option<T>, CodecError> {
    Ok(if input.bool()? { Some(input.get()?) } else { None })
}
