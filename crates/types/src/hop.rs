//! Hops: what crosses between chains, and how it is hashed (P22, ADR 0001).

use crate::{
    bundle::BundleId,
    codec::{CodecError, Decode, Encode, Reader, Writer},
    ids::{NetworkId, Place},
    status::Status,
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

/// One crossing from one chain to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Place of the hop.
    pub place: Place,
    /// Chain that sends it.
    pub from: NetworkId,
    /// Chain that it is addressed to.
    pub to: NetworkId,
    /// Thread hash *before* the hop. Through it a hop commits to its domain, its item and all that came before.
    pub thread: B256,
    /// What crosses.
    pub body: HopBody,
}

/// What crosses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HopBody {
    /// A contract calls.
    Call(HopCall),
    /// A call comes back.
    Return(HopReturn),
    /// A frame of the sending chain reverted: undo everything since hop `to_hop`, that hop included (P23).
    Rollback {
        /// Number of the first hop to undo.
        to_hop: u32,
    },
    /// A leg's result, after the last leg of a bundle.
    Verdict(Verdict),
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopCall {
    /// Sender of the leg on the leg's own chain; ORIGIN at the callee is its proxy (P20).
    pub origin: Address,
    /// Chain of the leg.
    pub origin_network: NetworkId,
    /// Effective gas price of the leg in wei, compared with the callee's base fee (P29).
    pub gas_price: u128,
    /// Contract that calls, on the sending chain.
    pub caller: Address,
    /// Contract that is called.
    pub target: Address,
    /// Wei that moves with the call.
    pub value: U256,
    /// Token that moves with the call, accounted at the hop (P24).
    pub token: Option<TokenMove>,
    /// Gas handed over, in units.
    pub gas: u64,
    /// True inside a static context; such a hop does not advance the thread.
    pub is_static: bool,
    /// Call data.
    pub data: Bytes,
}

/// A token that the bridge moves with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenMove {
    /// Network where the token is native.
    pub network: NetworkId,
    /// Its address there.
    pub token: Address,
    /// Amount in the token's smallest unit.
    pub amount: U256,
}

/// A call's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopReturn {
    /// How the call ended.
    pub status: Status,
    /// True when the call was static.
    pub is_static: bool,
    /// Gas spent, in units.
    pub gas_used: u64,
    /// Refund counter of the callee's frame.
    pub refund: i64,
    /// Wei held by the caller's proxy that goes home with the return (P20).
    pub value: U256,
    /// First hop into each other chain that the call touched, by chain; what a later rollback must undo.
    pub touched: Vec<Touched>,
    /// Return or revert data.
    pub data: Bytes,
}

/// A chain with effects below a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// The chain.
    pub network: NetworkId,
    /// First hop into it that still stands.
    pub first_hop: u32,
}

/// A leg's result as its chain tells it to the other chains of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The bundle.
    pub bundle: BundleId,
    /// The leg.
    pub leg: u16,
    /// True when the leg stands.
    pub ok: bool,
}

impl Hop {
    /// Returns true when one of its ends is L1.
    pub fn touches_l1(&self) -> bool {
        self.from == NetworkId::L1 || self.to == NetworkId::L1
    }

    /// Returns `keccak(kind || thread || place || from || to || body)`.
    pub fn hash(&self) -> B256 {
        let mut out = Writer::with_capacity(272);
        self.hash_into(&mut out)
    }

    /// Returns the hash, building the preimage in `scratch`.
    pub fn hash_into(&self, scratch: &mut Writer) -> B256 {
        scratch.clear();
        scratch.u8(self.kind()).hash(&self.thread).put(&self.place).put(&self.from).put(&self.to);
        self.body.encode_to(scratch);
        keccak256(scratch.as_slice())
    }

    /// Returns true when the thread moves on to this hop's hash.
    pub const fn advances(&self) -> bool {
        match &self.body {
            HopBody::Call(call) => !call.is_static,
            HopBody::Return(ret) => !ret.is_static && matches!(ret.status, Status::Ok),
            HopBody::Rollback { .. } | HopBody::Verdict(_) => false,
        }
    }

    const fn kind(&self) -> u8 {
        match self.body {
            HopBody::Call(_) => 1,
            HopBody::Return(_) => 2,
            HopBody::Rollback { .. } => 3,
            HopBody::Verdict(_) => 4,
        }
    }
}

impl Encode for Hop {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(self.kind()).hash(&self.thread).put(&self.place).put(&self.from).put(&self.to);
        self.body.encode_to(out);
    }
}

impl Decode for Hop {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let kind = input.u8()?;
        let thread = input.hash()?;
        let (place, from, to) = (input.get()?, input.get()?, input.get()?);
        let body = match kind {
            1 => HopBody::Call(input.get()?),
            2 => HopBody::Return(input.get()?),
            3 => HopBody::Rollback { to_hop: input.number()? },
            4 => HopBody::Verdict(input.get()?),
            found => return Err(CodecError::Tag { what: "hop kind", found }),
        };
        Ok(Self { place, from, to, thread, body })
    }
}

impl HopBody {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Call(call) => out.put(call),
            Self::Return(ret) => out.put(ret),
            Self::Rollback { to_hop } => out.number(*to_hop),
            Self::Verdict(verdict) => out.put(verdict),
        };
    }
}

impl Encode for HopCall {
    fn encode_to(&self, out: &mut Writer) {
        out.address(&self.origin).put(&self.origin_network).number(self.gas_price);
        out.address(&self.caller).address(&self.target).number256(self.value);
        out.bool(self.token.is_some());
        if let Some(token) = &self.token {
            out.put(token);
        }
        out.number(self.gas).bool(self.is_static).bytes(&self.data);
    }
}

impl Decode for HopCall {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            origin: input.address()?,
            origin_network: input.get()?,
            gas_price: input.number()?,
            caller: input.address()?,
            target: input.address()?,
            value: input.number()?,
            token: if input.bool()? { Some(input.get()?) } else { None },
            gas: input.number()?,
            is_static: input.bool()?,
            data: input.bytes()?,
        })
    }
}

impl Encode for TokenMove {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.network).address(&self.token).number256(self.amount);
    }
}

impl Decode for TokenMove {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { network: input.get()?, token: input.address()?, amount: input.number()? })
    }
}

impl Encode for HopReturn {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.status).bool(self.is_static).number(self.gas_used).number(self.refund as u64);
        out.number256(self.value).list(&self.touched).bytes(&self.data);
    }
}

impl Decode for HopReturn {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let ret = Self {
            status: input.get()?,
            is_static: input.bool()?,
            gas_used: input.number()?,
            refund: input.number::<u64>()? as i64,
            value: input.number()?,
            touched: input.list()?,
            data: input.bytes()?,
        };
        if ret.touched.windows(2).any(|pair| pair[0].network >= pair[1].network) {
            return Err(CodecError::NotCanonical("touched chains are not in increasing order"));
        }
        Ok(ret)
    }
}

impl Encode for Touched {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.network).number(self.first_hop);
    }
}

impl Decode for Touched {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { network: input.get()?, first_hop: input.number()? })
    }
}

impl Encode for Verdict {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.bundle.hash()).number(self.leg).bool(self.ok);
    }
}

impl Decode for Verdict {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { bundle: BundleId::new(input.hash()?), leg: input.number()?, ok: input.bool()? })
    }
}
