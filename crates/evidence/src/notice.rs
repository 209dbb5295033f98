//! What the sequencer and the members sign about an epoch's key, as far as evidence needs it.

use alloy_primitives::{Address, B256};
use weft_crypto::{
    MemberId, Point,
    curve::POINT_BYTES,
    epoch::release_digest,
    share::{SHARE_BYTES, announcement_digest},
};
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

/// A member's announcement of its share of an epoch's key. It deals one share for each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareNotice {
    /// Name of the setup.
    pub setup: B256,
    /// Epoch.
    pub epoch: u64,
    /// Member.
    pub member: MemberId,
    /// The encoded share, as it was signed; whether its proof holds is nobody's question here.
    pub share: [u8; SHARE_BYTES],
}

impl ShareNotice {
    /// Returns the point of the share, with which the encoding begins; nothing when that is none.
    pub fn point(&self) -> Option<Point> {
        Point::decode(&self.share[..POINT_BYTES]).ok()
    }
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
        let mut out = Writer::default();
        self.encode_to(&mut out);
        domain.hash(Tag::EpochNotice, out.as_slice())
    }
}

impl Notice for ShareNotice {
    fn digest(&self, domain: &Domain) -> B256 {
        announcement_digest(domain, &self.setup, self.epoch, self.member, &self.share)
    }
}

impl Notice for Release {
    fn digest(&self, domain: &Domain) -> B256 {
        release_digest(domain, &self.list, self.member, &self.head)
    }
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
        out.hash(&self.setup).u64(self.epoch).u32(self.member).raw(&self.share);
    }
}

impl Decode for ShareNotice {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (setup, epoch, member) = (input.hash()?, input.u64()?, input.u32()?);
        let mut share = [0; SHARE_BYTES];
        share.copy_from_slice(input.raw(SHARE_BYTES)?);
        Ok(Self { setup, epoch, member, share })
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
