//! What the sequencer and the members sign about an epoch's key, as far as evidence needs it.

use alloy_primitives::{Address, B256};
use weft_crypto::{MemberId, Point, curve::POINT_BYTES, epoch::release_digest};
use weft_types::{CodecError, Decode, Domain, Encode, Reader, Signature, Tag, Writer};

/// The sequencer's word about the key of an epoch. It has one key for each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochNotice {
    /// Epoch.
    pub epoch: u64,
    /// Name of the key list (`KeyList::id`), which envelopes carry.
    pub list: B256,
    /// Key of the list.
    pub key: Point,
}

/// A member's word about its share of an epoch's key. It deals one share for each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareNotice {
    /// Epoch.
    pub epoch: u64,
    /// Member.
    pub member: MemberId,
    /// Point of the share: the secret times the generator.
    pub point: Point,
    /// Keccak of the encoded share, of which the point is a part.
    pub share: B256,
}

/// What a member signs with its secret: it is released for this closing head and no other (P17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// Key list.
    pub list: B256,
    /// Member.
    pub member: MemberId,
    /// Closing head of the epoch.
    pub head: B256,
}

/// Something that is signed by itself.
pub trait Notice: Encode + Decode {
    /// Returns what the signature covers (P1).
    fn digest(&self, domain: &Domain) -> B256;
}

/// A notice with its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<T> {
    /// What is said.
    pub notice: T,
    /// Signature over [`Notice::digest`].
    pub signature: Signature,
}

impl<T: Notice> Signed<T> {
    /// Returns whose notice this is; nothing when nobody can have signed it. Any signature fits *some* key.
    pub fn signer(&self, domain: &Domain) -> Option<Address> {
        self.signature.signer(self.notice.digest(domain))
    }
}

impl Notice for EpochNotice {
    fn digest(&self, domain: &Domain) -> B256 {
        tagged(domain, Tag::EpochNotice, self)
    }
}

impl Notice for ShareNotice {
    fn digest(&self, domain: &Domain) -> B256 {
        tagged(domain, Tag::ShareNotice, self)
    }
}

impl Notice for Release {
    fn digest(&self, domain: &Domain) -> B256 {
        release_digest(domain, &self.list, self.member, &self.head)
    }
}

fn tagged(domain: &Domain, tag: Tag, notice: &impl Encode) -> B256 {
    let mut out = Writer::default();
    notice.encode_to(&mut out);
    domain.hash(tag, out.as_slice())
}

fn point(input: &mut Reader<'_>) -> Result<Point, CodecError> {
    let point = Point::decode(input.raw(POINT_BYTES)?);
    point.map_err(|_| CodecError::NotCanonical("not a point of secp256k1 in compressed form"))
}

impl Encode for EpochNotice {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.epoch).hash(&self.list).raw(&self.key.to_bytes());
    }
}

impl Decode for EpochNotice {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { epoch: input.u64()?, list: input.hash()?, key: point(input)? })
    }
}

impl Encode for ShareNotice {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.epoch).u32(self.member).raw(&self.point.to_bytes()).hash(&self.share);
    }
}

impl Decode for ShareNotice {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (epoch, member) = (input.u64()?, input.u32()?);
        Ok(Self { epoch, member, point: point(input)?, share: input.hash()? })
    }
}

impl Encode for Release {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.list).u32(self.member).hash(&self.head);
    }
}

impl Decode for Release {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { list: input.hash()?, member: input.u32()?, head: input.hash()? })
    }
}

impl<T: Notice> Encode for Signed<T> {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.notice).put(&self.signature);
    }
}

impl<T: Notice> Decode for Signed<T> {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { notice: input.get()?, signature: input.get()? })
    }
}
