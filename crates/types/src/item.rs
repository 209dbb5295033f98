//! Items: what a position of the lane holds.

use crate::{
    bundle::{Bundle, SafetyLevel},
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::{Domain, Tag},
    ids::NetworkId,
    parts::Part,
    sealed::Sealed,
};
use alloc::sync::Arc;
use alloy_consensus::{Transaction as _, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use thiserror::Error;

/// Longest signed transaction, in bytes, as in go-ethereum's pool.
pub const MAX_TX_BYTES: usize = 128 * 1024;

/// What a position of the lane holds (P2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// One signed transaction for one rollup. Next: executed at once.
    Transaction(Leg),
    /// Several legs that are included together or not at all (P3).
    Bundle(Bundle),
    /// What an envelope turned out to be, after its order was fixed. Next: executed, or removed with a verdict.
    Sealed(Sealed),
    /// An item whose thread passes through L1 (P32).
    Session(Session),
    /// An item that L1 puts into the lane (P46, P48).
    L1Born(L1Born),
    /// One leg of a bundle whose legs are sealed apart; only in envelopes. Next: collected with the others of its epoch.
    Part(Part),
}

/// One transaction of an item, for one rollup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Rollup that runs it.
    pub network: NetworkId,
    /// The transaction.
    pub tx: SignedTx,
    /// True when the bundle stands even if this leg reverts (P3).
    pub may_revert: bool,
}

/// A signed transaction whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTx {
    envelope: Arc<TxEnvelope>,
    sender: Address,
    raw: Bytes,
}

/// Reason for refusing a signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidLeg {
    /// The bytes are no EIP-2718 transaction.
    #[error("undecodable transaction: {0}")]
    Undecodable(alloc::string::String),
    /// Blob transactions have no place on a rollup (P9).
    #[error("blob transactions (type 3) are not accepted on a rollup")]
    Blob,
    /// The signature belongs to nobody.
    #[error("invalid signature")]
    Signature,
    /// The transaction is longer than the bound.
    #[error("transaction of {size} bytes is over the limit of {limit}")]
    Oversized {
        /// Size in bytes.
        size: usize,
        /// Bound in bytes.
        limit: usize,
    },
}

impl SignedTx {
    /// Decodes an EIP-2718 transaction and recovers its sender.
    ///
    /// # Errors
    ///
    /// Any [`InvalidLeg`].
    pub fn decode(raw: Bytes) -> Result<Self, InvalidLeg> {
        if raw.len() > MAX_TX_BYTES {
            return Err(InvalidLeg::Oversized { size: raw.len(), limit: MAX_TX_BYTES });
        }
        let envelope = TxEnvelope::decode_2718_exact(raw.as_ref())
            .map_err(|error| InvalidLeg::Undecodable(alloc::format!("{error}")))?;
        if envelope.is_eip4844() {
            return Err(InvalidLeg::Blob);
        }
        let sender = envelope.recover_signer().map_err(|_| InvalidLeg::Signature)?;
        // Known from now on to every copy.
        let _ = envelope.tx_hash();
        Ok(Self { envelope: Arc::new(envelope), sender, raw })
    }

    /// Takes a transaction as if `sender` had signed it, whatever its signature is: for helpers of development nodes, whose blocks
    /// nobody else derives. Whoever decodes its bytes recovers somebody else, or nobody.
    pub fn impersonated(envelope: TxEnvelope, sender: Address) -> Self {
        let raw = envelope.encoded_2718().into();
        let _ = envelope.tx_hash();
        Self { envelope: Arc::new(envelope), sender, raw }
    }

    /// Returns the transaction.
    pub fn envelope(&self) -> &TxEnvelope {
        &self.envelope
    }

    /// Returns the transaction for somebody who keeps it.
    pub fn shared(&self) -> Arc<TxEnvelope> {
        self.envelope.clone()
    }

    /// Returns the signer.
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// Returns the transaction hash.
    pub fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }

    /// Returns the EIP-155 id that the signature is bound to, if any.
    pub fn chain_id(&self) -> Option<u64> {
        self.envelope.chain_id()
    }

    /// Returns the EIP-2718 bytes.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }
}

/// An item whose thread passes through L1 (P32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Signed L1 transaction that starts it.
    pub l1_transaction: Bytes,
    /// First L1 block that may hold it.
    pub not_before: u64,
    /// Last L1 block that may hold it.
    pub not_after: u64,
    /// Safety asked of the settlement.
    pub level: SafetyLevel,
}

/// Where on L1 an item was born (P48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct L1Ref {
    /// L1 block.
    pub block_hash: B256,
    /// Index of the log in the block.
    pub log_index: u32,
}

/// An item that L1 puts into the lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L1Born {
    /// Where it was born.
    pub origin: L1Ref,
    /// What happened there.
    pub event: L1Event,
}

/// What happened on L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum L1Event {
    /// A call from L1 into a rollup, with value: a hop from network 0.
    Deposit(Deposit),
    /// A transaction that the sequencer may not skip.
    Forced(Leg),
    /// A bundle that the sequencer may not skip.
    ForcedBundle(Bundle),
    /// Something left a rollup by a state proof (P46). Next: what is left of it there is burned.
    Exit(Exit),
    /// An entry that is nothing of these, by the hash of its payload. Next: removed as malformed.
    Junk(B256),
    /// An item whose L1 block is not canonical any more, by its hash. Next: removed as reorged (P48).
    Reorged(B256),
}

/// A call from L1 into a rollup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// Rollup.
    pub network: NetworkId,
    /// Sender on L1.
    pub from: Address,
    /// Receiver on the rollup.
    pub to: Address,
    /// Wei.
    pub value: U256,
    /// Gas, in units.
    pub gas: u64,
    /// Call data.
    pub data: Bytes,
}

/// What left a rollup on L1, by a proof of the rollup's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Rollup.
    pub network: NetworkId,
    /// Whose it was.
    pub account: Address,
    /// Network on which the token is native; L1 for ether.
    pub origin_network: NetworkId,
    /// The token there; zero for ether.
    pub token: Address,
    /// Amount, in wei or the token's units.
    pub amount: U256,
}

impl L1Event {
    /// Reads what the payload of an inbox entry says. Bytes that are no event become [`Self::Junk`]: every entry has its
    /// position, whatever it holds.
    pub fn of_payload(payload: &[u8]) -> Self {
        // Contracts write no version byte.
        let mut input = Reader::new(payload);
        let read = Self::decode_from(&mut input);
        match read.and_then(|event| input.finish().map(|()| event)) {
            Ok(Self::Junk(_) | Self::Reorged(_)) | Err(_) => Self::Junk(keccak256(payload)),
            Ok(event) => event,
        }
    }
}

impl Item {
    /// Returns the item's identity in the lane; of a sealed item that is the hash of its envelope, and what was reorged keeps
    /// the one that it had.
    pub fn hash(&self, domain: &Domain) -> B256 {
        match self {
            Self::Sealed(sealed) => return sealed.envelope,
            Self::L1Born(L1Born { event: L1Event::Reorged(hash), .. }) => return *hash,
            _ => {}
        }
        let mut out = Writer::default();
        self.encode_to(&mut out);
        domain.hash(Tag::Item, out.as_slice())
    }

    /// Returns the legs that can be read.
    pub fn legs(&self) -> &[Leg] {
        match self {
            Self::Transaction(leg) => core::slice::from_ref(leg),
            Self::L1Born(L1Born { event: L1Event::Forced(leg), .. }) => core::slice::from_ref(leg),
            Self::Bundle(bundle)
            | Self::L1Born(L1Born { event: L1Event::ForcedBundle(bundle), .. }) => bundle.legs(),
            Self::Sealed(sealed) => sealed.opened().map_or(&[], Self::legs),
            Self::Part(part) => core::slice::from_ref(part.leg()),
            Self::Session(_) | Self::L1Born(_) => &[],
        }
    }

    /// Returns the rollup on which L1 does something, when the item is a delivery or an exit.
    pub const fn delivered_to(&self) -> Option<NetworkId> {
        match self {
            Self::L1Born(L1Born { event: L1Event::Deposit(deposit), .. }) => Some(deposit.network),
            Self::L1Born(L1Born { event: L1Event::Exit(exit), .. }) => Some(exit.network),
            _ => None,
        }
    }

    /// Returns the bundle, when the item is one.
    pub fn bundle(&self) -> Option<&Bundle> {
        match self {
            Self::Bundle(bundle)
            | Self::L1Born(L1Born { event: L1Event::ForcedBundle(bundle), .. }) => Some(bundle),
            Self::Sealed(sealed) => sealed.opened().and_then(Self::bundle),
            _ => None,
        }
    }
}

impl Encode for Item {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Transaction(leg) => out.u8(0).put(leg),
            Self::Bundle(bundle) => out.u8(1).put(bundle),
            Self::Sealed(sealed) => out.u8(2).put(sealed),
            Self::Session(session) => out.u8(3).put(session),
            Self::L1Born(born) => out.u8(4).put(born),
            Self::Part(part) => out.u8(5).put(part),
        };
    }
}

impl Decode for Item {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => Self::Transaction(input.get()?),
            1 => Self::Bundle(input.get()?),
            2 => Self::Sealed(input.get()?),
            3 => Self::Session(input.get()?),
            4 => Self::L1Born(input.get()?),
            5 => Self::Part(input.get()?),
            found => return Err(CodecError::Tag { what: "item kind", found }),
        })
    }
}

impl Encode for Leg {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.network).bool(self.may_revert).bytes(self.tx.raw());
    }
}

impl Decode for Leg {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (network, may_revert) = (input.get()?, input.bool()?);
        let tx = SignedTx::decode(input.bytes()?)
            .map_err(|_| CodecError::NotCanonical("leg is not a valid signed transaction"))?;
        Ok(Self { network, tx, may_revert })
    }
}

impl Encode for Session {
    fn encode_to(&self, out: &mut Writer) {
        out.bytes(&self.l1_transaction).u64(self.not_before).u64(self.not_after).put(&self.level);
    }
}

impl Decode for Session {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            l1_transaction: input.bytes()?,
            not_before: input.u64()?,
            not_after: input.u64()?,
            level: input.get()?,
        })
    }
}

impl Encode for L1Born {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.origin.block_hash).u32(self.origin.log_index).put(&self.event);
    }
}

impl Decode for L1Born {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let origin = L1Ref { block_hash: input.hash()?, log_index: input.u32()? };
        Ok(Self { origin, event: input.get()? })
    }
}

impl Encode for L1Event {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Deposit(deposit) => out.u8(0).put(deposit),
            Self::Forced(leg) => out.u8(1).put(leg),
            Self::ForcedBundle(bundle) => out.u8(2).put(bundle),
            Self::Exit(exit) => out.u8(3).put(exit),
            Self::Junk(hash) => out.u8(4).hash(hash),
            Self::Reorged(hash) => out.u8(5).hash(hash),
        };
    }
}

impl Decode for L1Event {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => Self::Deposit(input.get()?),
            1 => Self::Forced(input.get()?),
            2 => Self::ForcedBundle(input.get()?),
            3 => Self::Exit(input.get()?),
            4 => Self::Junk(input.hash()?),
            5 => Self::Reorged(input.hash()?),
            found => return Err(CodecError::Tag { what: "L1 event", found }),
        })
    }
}

impl Encode for Exit {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.network).address(&self.account).put(&self.origin_network);
        out.address(&self.token).u256(self.amount);
    }
}

impl Decode for Exit {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            network: input.get()?,
            account: input.address()?,
            origin_network: input.get()?,
            token: input.address()?,
            amount: input.u256()?,
        })
    }
}

impl Encode for Deposit {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.network).address(&self.from).address(&self.to).u256(self.value);
        out.u64(self.gas).bytes(&self.data);
    }
}

impl Decode for Deposit {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            network: input.get()?,
            from: input.address()?,
            to: input.address()?,
            value: input.u256()?,
            gas: input.u64()?,
            data: input.bytes()?,
        })
    }
}
