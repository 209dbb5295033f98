//! Messages between the hub and an executor: a 32-bit length, then the canonical encoding.

use std::{
    io::{self, Read, Write},
    time::Instant,
};
use weft_types::{
    CodecError, Decode, Domain, Encode, Hop, Item, NetworkId, Position, Reader, Removal,
    SlotHeader, Writer,
};

/// Longest message, in bytes. A rollup's state travels in one.
pub const MAX_MESSAGE: usize = 1 << 28;

/// What the hub says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToExecutor {
    /// Become this rollup.
    Start(Box<Start>),
    /// A slot opens.
    OpenSlot(SlotHeader),
    /// Another rollup stopped, or came back.
    Available(NetworkId, bool),
    /// The next item of the lane.
    Item(Position, Box<Item>),
    /// A hop addressed to the executor's rollup.
    Hop(Box<Hop>),
    /// A leg at home elsewhere is over.
    EndLeg(u16, Option<Removal>),
    /// What becomes of the item: stays, or goes.
    Decide(Option<Removal>),
    /// Forget the item; it starts again.
    Abandon,
    /// Serve a simulated leg and forget it.
    Simulate,
    /// The slot closes.
    CloseSlot,
}

/// A rollup as an executor takes it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Domain.
    pub domain: Domain,
    /// Networks of the realm.
    pub realm: Vec<NetworkId>,
    /// The rollup, in the encoding of [`crate::state_codec`].
    pub rollup: Vec<u8>,
}

/// What an executor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromExecutor {
    /// The rollup is up; hash of its last block.
    Ready(alloy_primitives::B256),
    /// A hop from the executor's rollup.
    Hop(Box<Hop>),
    /// A leg at home here is over, and takes its item down if it says why.
    EndLeg(u16, Option<Removal>),
    /// The slot is closed; hash of the rollup's last block.
    Closed(alloy_primitives::B256),
}

/// Writes one message.
pub fn write(out: &mut impl Write, message: &impl Encode) -> io::Result<()> {
    let body = message.encode();
    let len = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    out.write_all(&len.to_be_bytes())?;
    out.write_all(&body)?;
    out.flush()
}

/// Reads one message.
pub fn read<T: Decode>(input: &mut impl Read) -> io::Result<T> {
    let mut len = [0; 4];
    input.read_exact(&mut len)?;
    let len = u32::from_be_bytes(len) as usize;
    if len > MAX_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message over the size limit"));
    }
    let mut body = Vec::new();
    input.take(len as u64).read_to_end(&mut body)?;
    if body.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    T::decode(&body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A stream that gives up for good at a point in time, however slowly it drips.
#[derive(Debug)]
pub struct Until<'a, S> {
    stream: &'a mut S,
    deadline: Option<Instant>,
}

impl<'a, S> Until<'a, S> {
    /// Reads from `stream` up to `deadline`, if there is one.
    pub const fn new(stream: &'a mut S, deadline: Option<Instant>) -> Self {
        Self { stream, deadline }
    }
}

impl<S: Read> Read for Until<'_, S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the item took too long"));
        }
        self.stream.read(out)
    }
}

impl Encode for ToExecutor {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Start(start) => {
                out.u8(0).put(&start.domain).list(&start.realm).bytes(&start.rollup)
            }
            Self::OpenSlot(header) => out.u8(1).put(header),
            Self::Available(network, available) => out.u8(2).put(network).bool(*available),
            Self::Item(position, item) => out.u8(3).put(position).put(item.as_ref()),
            Self::Hop(hop) => out.u8(4).put(hop.as_ref()),
            Self::EndLeg(leg, removal) => put_removal(out.u8(5).u16(*leg), removal),
            Self::Decide(removal) => put_removal(out.u8(6), removal),
            Self::Abandon => out.u8(7),
            Self::Simulate => out.u8(8),
            Self::CloseSlot => out.u8(9),
        };
    }
}

impl Decode for ToExecutor {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => {
                let (domain, realm) = (input.get()?, input.list()?);
                let len = input.bounded_len(MAX_MESSAGE)?;
                let rollup = input.raw(len)?.to_vec();
                Self::Start(Box::new(Start { domain, realm, rollup }))
            }
            1 => Self::OpenSlot(input.get()?),
            2 => Self::Available(input.get()?, input.bool()?),
            3 => Self::Item(input.get()?, Box::new(input.get()?)),
            4 => Self::Hop(Box::new(input.get()?)),
            5 => Self::EndLeg(input.u16()?, get_removal(input)?),
            6 => Self::Decide(get_removal(input)?),
            7 => Self::Abandon,
            8 => Self::Simulate,
            9 => Self::CloseSlot,
            found => return Err(CodecError::Tag { what: "message to an executor", found }),
        })
    }
}

impl Encode for FromExecutor {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Ready(head) => out.u8(0).hash(head),
            Self::Hop(hop) => out.u8(1).put(hop.as_ref()),
            Self::EndLeg(leg, removal) => put_removal(out.u8(2).u16(*leg), removal),
            Self::Closed(head) => out.u8(3).hash(head),
        };
    }
}

impl Decode for FromExecutor {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => Self::Ready(input.hash()?),
            1 => Self::Hop(Box::new(input.get()?)),
            2 => Self::EndLeg(input.u16()?, get_removal(input)?),
            3 => Self::Closed(input.hash()?),
            found => return Err(CodecError::Tag { what: "message from an executor", found }),
        })
    }
}

// A removal is never hashed; its JSON form is the one that people see.
fn put_removal<'a>(out: &'a mut Writer, removal: &Option<Removal>) -> &'a mut Writer {
    let json = removal.as_ref().map(|removal| serde_json::to_vec(removal).expect("plain data"));
    out.bytes(json.as_deref().unwrap_or_default())
}

fn get_removal(input: &mut Reader<'_>) -> Result<Option<Removal>, CodecError> {
    let json = input.bytes()?;
    if json.is_empty() {
        return Ok(None);
    }
    let removal = serde_json::from_slice(&json);
    removal.map(Some).map_err(|_| CodecError::NotCanonical("removal"))
}
