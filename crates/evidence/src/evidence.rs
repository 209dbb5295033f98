//! The evidence itself, and its one encoding.

use crate::{
    content::{Content, Unopenable},
    notice::{EpochNotice, Release, ShareNotice, Signed},
    order::{Shown, get_promise, put_promise},
};
use alloc::boxed::Box;
use alloy_primitives::B256;
use weft_commitment::SignedCommitment;
use weft_crypto::Envelope;
use weft_types::{CodecError, Decode, Domain, Encode, Reader, SignedPromise, Statement, Writer};

/// Something that convicts, if it holds: see [`Evidence::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    domain: Domain,
    proof: Proof,
}

/// What shows the fault. Boxed where large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Two promises of one key that cannot both be kept.
    Promises(Box<[SignedPromise; 2]>),
    /// Two commitments of one key to one slot.
    Commitments(Box<[SignedCommitment; 2]>),
    /// A promised place that went to another item, or to none.
    Omission(Box<SignedPromise>, Box<Shown>),
    /// A promised place before which something else stands.
    Insertion(Box<SignedPromise>, Box<Shown>),
    /// A promised place whose item stands elsewhere: at this index, after this running hash.
    Reordering(Box<SignedPromise>, Box<Shown>, u32, B256),
    /// A promised result in which a leg stands alone, or failed while its bundle did not.
    Unbundling(Box<SignedPromise>, Content),
    /// A promised result that names a leg which is none of the item's.
    WrongLeg(Box<SignedPromise>, Content),
    /// A promised removal as undecryptable, of an envelope that opens; or as malformed, of one that is well formed.
    FalseVerdict(Box<SignedPromise>, Content),
    /// A promised place of an envelope after its last slot.
    StaleInclusion(Box<SignedPromise>, Box<Envelope>),
    /// Two keys of one epoch.
    EpochNotices(Box<[Signed<EpochNotice>; 2]>),
    /// Two shares of one member in one epoch.
    ShareNotices(Box<[Signed<ShareNotice>; 2]>),
    /// The secret of a share whose epoch is open. It is as public as the evidence.
    EarlyLeak(Box<Signed<ShareNotice>>, [u8; 32]),
    /// Two releases of one member under one key list.
    Releases(Box<[Signed<Release>; 2]>),
    /// A promised result of an envelope that opens to nothing.
    FalseOpening(Box<SignedPromise>, Box<Unopenable>),
}

impl Evidence {
    /// Makes evidence of a proof; pairs are put into their one order. It convicts nobody before it is checked.
    pub fn new(domain: Domain, mut proof: Proof) -> Self {
        match &mut proof {
            Proof::Promises(pair) => pair.sort_by_cached_key(bare),
            Proof::Commitments(pair) => pair.sort_by_cached_key(Encode::encode),
            Proof::EpochNotices(pair) => pair.sort_by_cached_key(Encode::encode),
            Proof::ShareNotices(pair) => pair.sort_by_cached_key(Encode::encode),
            Proof::Releases(pair) => pair.sort_by_cached_key(Encode::encode),
            _ => {}
        }
        Self { domain, proof }
    }

    /// Returns the realm.
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns true when it rests on the promise of a bundle of several envelopes, which no contract on L1 reads.
    pub fn rests_on_bundle(&self) -> bool {
        let is_bundle = |promise: &SignedPromise| matches!(promise.statement, Statement::Bundle(_));
        match &self.proof {
            Proof::Promises(pair) => pair.iter().any(is_bundle),
            Proof::Omission(promise, shown)
            | Proof::Insertion(promise, shown)
            | Proof::Reordering(promise, shown, ..) => {
                let by = match &**shown {
                    Shown::Items(ending, _) => is_bundle(&ending.word),
                    Shown::Openings(..) => false,
                };
                is_bundle(promise) || by
            }
            Proof::StaleInclusion(promise, _) => is_bundle(promise),
            _ => false,
        }
    }

    /// Returns the number of its kind, as the encoding has it.
    pub const fn kind(&self) -> u8 {
        match &self.proof {
            Proof::Promises(_) => 1,
            Proof::Commitments(_) => 2,
            Proof::Omission(..) => 3,
            Proof::Insertion(..) => 4,
            Proof::Reordering(..) => 5,
            Proof::Unbundling(..) => 6,
            Proof::WrongLeg(..) => 7,
            Proof::FalseVerdict(..) => 8,
            Proof::StaleInclusion(..) => 9,
            Proof::EpochNotices(_) => 10,
            Proof::ShareNotices(_) => 11,
            Proof::EarlyLeak(..) => 12,
            Proof::Releases(_) => 13,
            Proof::FalseOpening(..) => 14,
        }
    }

    /// Returns what shows the fault.
    pub const fn proof(&self) -> &Proof {
        &self.proof
    }
}

fn bare(promise: &SignedPromise) -> alloc::vec::Vec<u8> {
    let mut out = Writer::default();
    put_promise(&mut out, promise);
    out.finish()
}

impl Encode for Evidence {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.domain).u8(self.kind());
        match &self.proof {
            Proof::Promises(pair) => {
                pair.iter().for_each(|promise| put_promise(out, promise));
            }
            Proof::Commitments(pair) => put_pair(out, pair),
            Proof::Omission(promise, shown) => put_shown(out, promise, shown),
            Proof::Insertion(promise, shown) => put_shown(out, promise, shown),
            Proof::Reordering(promise, shown, index, before) => {
                put_shown(out, promise, shown);
                out.number(*index).hash(before);
            }
            Proof::Unbundling(promise, content) => put_content(out, promise, content),
            Proof::WrongLeg(promise, content) => put_content(out, promise, content),
            Proof::FalseVerdict(promise, content) => put_content(out, promise, content),
            Proof::StaleInclusion(promise, envelope) => {
                put_promise(out, promise);
                out.put(&**envelope);
            }
            Proof::EpochNotices(pair) => put_pair(out, pair),
            Proof::ShareNotices(pair) => put_pair(out, pair),
            Proof::EarlyLeak(notice, secret) => {
                out.put(&**notice).raw(secret);
            }
            Proof::Releases(pair) => put_pair(out, pair),
            Proof::FalseOpening(promise, unopenable) => {
                put_promise(out, promise);
                out.put(&**unopenable);
            }
        }
    }
}

fn put_pair<T: Encode>(out: &mut Writer, pair: &[T; 2]) {
    out.put(&pair[0]).put(&pair[1]);
}

fn put_shown(out: &mut Writer, promise: &SignedPromise, shown: &Shown) {
    put_promise(out, promise);
    shown.encode_to(out);
}

fn put_content(out: &mut Writer, promise: &SignedPromise, content: &Content) {
    put_promise(out, promise);
    out.put(content);
}

impl Decode for Evidence {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let domain = input.get()?;
        let proof = Proof::decode_from(input, &domain)?;
        let evidence = Self::new(domain, proof.clone());
        if evidence.proof == proof {
            Ok(evidence)
        } else {
            Err(CodecError::NotCanonical("pair out of order"))
        }
    }
}

impl Proof {
    fn decode_from(input: &mut Reader<'_>, domain: &Domain) -> Result<Self, CodecError> {
        let kind = input.u8()?;
        Ok(match kind {
            1 => {
                Self::Promises(Box::new([get_promise(input, domain)?, get_promise(input, domain)?]))
            }
            2 => Self::Commitments(pair(input)?),
            3..=9 => {
                let promise = Box::new(get_promise(input, domain)?);
                match kind {
                    3 => Self::Omission(promise, shown(input, domain)?),
                    4 => Self::Insertion(promise, shown(input, domain)?),
                    5 => {
                        let shown = shown(input, domain)?;
                        Self::Reordering(promise, shown, input.number()?, input.hash()?)
                    }
                    6 => Self::Unbundling(promise, input.get()?),
                    7 => Self::WrongLeg(promise, input.get()?),
                    8 => Self::FalseVerdict(promise, input.get()?),
                    _ => Self::StaleInclusion(promise, Box::new(input.get()?)),
                }
            }
            10 => Self::EpochNotices(pair(input)?),
            11 => Self::ShareNotices(pair(input)?),
            12 => Self::EarlyLeak(Box::new(input.get()?), input.hash()?.0),
            13 => Self::Releases(pair(input)?),
            14 => {
                let promise = Box::new(get_promise(input, domain)?);
                Self::FalseOpening(promise, Box::new(input.get()?))
            }
            found => return Err(CodecError::Tag { what: "evidence", found }),
        })
    }
}

fn pair<T: Decode>(input: &mut Reader<'_>) -> Result<Box<[T; 2]>, CodecError> {
    Ok(Box::new([input.get()?, input.get()?]))
}

fn shown(input: &mut Reader<'_>, domain: &Domain) -> Result<Box<Shown>, CodecError> {
    Shown::decode_from(input, domain).map(Box::new)
}
