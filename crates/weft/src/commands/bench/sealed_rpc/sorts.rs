//! The sorts of junk, and batches of them in which no two requests are the same, but for what is sent again on purpose.

use super::sealing::{Epoch, envelope};
use crate::load::http;
use alloy_primitives::{Address, B256, hex, keccak256};
use alloy_signer::k256::{
    AffinePoint, ProjectivePoint, Scalar, U256,
    elliptic_curve::{
        PrimeField as _, ops::Reduce, point::AffineCoordinates as _, scalar::IsHigh as _,
    },
};
use alloy_signer_local::PrivateKeySigner;
use eyre::Result;
use std::fmt::Write as _;
use weft_crypto::Envelope;
use weft_types::{Domain, Encode as _, SlotNumber};

/// Requests in a batch.
pub(super) const BATCH: usize = 100;
/// Of them copies of what is taken, behind it.
pub(super) const AGAIN: usize = 14;
/// A body that is longer than its carriage says, or shorter, by this.
const OFF_BY: usize = 32;

/// A sort of junk. Whoever sends it wants it to cost more than it costs to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Its payer did not sign it.
    Unsigned,
    /// Its payer has no deposit.
    Poor,
    /// It is sealed to a key list that nobody announced.
    OtherKey,
    /// It is for another epoch.
    OtherEpoch,
    /// It may not be ordered any more.
    Expired,
    /// Its body is longer or shorter than its bucket.
    WrongSize,
    /// It was taken before.
    Again,
}

impl Sort {
    pub(super) const ALL: [Self; 7] = [
        Self::Unsigned,
        Self::Poor,
        Self::OtherKey,
        Self::OtherEpoch,
        Self::Expired,
        Self::WrongSize,
        Self::Again,
    ];

    /// Returns the sort of a request of a batch; nothing for the first one, which is paid for.
    pub(super) const fn at(index: usize) -> Option<Self> {
        match index {
            0 => None,
            1..=AGAIN => Some(Self::Again),
            _ => Some(Self::ALL[index % (Self::ALL.len() - 1)]),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unsigned => "not signed by its payer",
            Self::Poor => "payer without a deposit",
            Self::OtherKey => "key list of nobody",
            Self::OtherEpoch => "another epoch",
            Self::Expired => "expired",
            Self::WrongSize => "body of a wrong size",
            Self::Again => "taken before",
        }
    }

    /// Returns the name under which a node refuses it; none for what is no envelope.
    pub(super) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Unsigned => Some("Signature"),
            Self::Poor => Some("Deposit"),
            Self::OtherKey => Some("OtherList"),
            Self::OtherEpoch => Some("OtherEpoch"),
            Self::Expired => Some("Expired"),
            Self::WrongSize => None,
            Self::Again => Some("Duplicate"),
        }
    }
}

/// Who makes junk.
#[derive(Debug)]
pub(super) struct Pest {
    host: String,
    /// Has a deposit.
    rich: Quick,
    poor: Quick,
}

/// A batch of junk.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) request: Vec<u8>,
    /// What its first envelope is named, which is paid for.
    pub(super) paid: B256,
}

/// Junk for an epoch: an envelope that would be taken, to make others from.
#[derive(Debug)]
pub(super) struct Aim {
    model: Envelope,
}

impl Aim {
    pub(super) fn new(epoch: &Epoch, payer: &PrivateKeySigner) -> Result<Self> {
        Ok(Self { model: envelope(epoch, payer, b"junk", 0)? })
    }
}

impl Pest {
    /// Makes junk for the node at `url`; `payer` has a deposit.
    pub(super) fn new(url: &str, payer: &PrivateKeySigner) -> Self {
        let secret = keccak256("weft bench payer without a deposit");
        let poor = PrivateKeySigner::from_bytes(&secret).expect("a hash is a key");
        let host = url.trim_start_matches("http://").to_owned();
        Self { host, rich: Quick::new(payer), poor: Quick::new(&poor) }
    }

    pub(super) const fn payer(&self) -> Address {
        self.rich.address
    }

    /// Makes the batch of this number; no other number has an envelope of it.
    pub(super) fn batch(&self, aim: &Aim, number: u64) -> Batch {
        let paid = self.paid(aim, number);
        let mut body = String::with_capacity(BATCH * 1_200);
        for index in 0..BATCH {
            body.push(if index == 0 { '[' } else { ',' });
            let (encoded, signature) = match Sort::at(index) {
                None | Some(Sort::Again) => self.signed(&paid),
                Some(sort) => self.junk(aim, sort, number, index),
            };
            let [encoded, signature] = [encoded, signature].map(hex::encode_prefixed);
            write!(
                body,
                r#"{{"jsonrpc":"2.0","id":{index},"method":"weft_sendSealed","params":["{encoded}","{signature}"]}}"#
            )
            .expect("text takes all text");
        }
        body.push(']');
        Batch { request: http::prepare(&self.host, &body), paid: paid.id(&Domain::dev()) }
    }

    /// Makes what is taken, charged, and opens to nothing: one time in two its head is no point.
    fn paid(&self, aim: &Aim, number: u64) -> Envelope {
        let mut paid = distinct(aim, number, 0);
        if number.is_multiple_of(2) {
            paid.head.fill(0xff);
        }
        paid
    }

    fn junk(&self, aim: &Aim, sort: Sort, number: u64, index: usize) -> (Vec<u8>, Vec<u8>) {
        let mut junk = distinct(aim, number, index);
        match sort {
            Sort::Unsigned => return (junk.encode(), self.rich.sign(&B256::ZERO)),
            Sort::Poor => {
                junk.carriage.payer = self.poor.address;
                let signature = self.poor.sign(&junk.id(&Domain::dev()));
                return (junk.encode(), signature);
            }
            Sort::OtherKey => junk.key = junk.masked_seed,
            Sort::OtherEpoch => junk.carriage.epoch -= 1,
            Sort::Expired => junk.carriage.valid_until = SlotNumber::new(1),
            Sort::WrongSize => {
                let bytes = junk.carriage.size.bytes();
                let by = if number.is_multiple_of(2) { bytes - OFF_BY } else { bytes + OFF_BY };
                junk.body.resize(by, 0);
            }
            Sort::Again => unreachable!("what is sent again is not made again"),
        }
        self.signed(&junk)
    }

    fn signed(&self, envelope: &Envelope) -> (Vec<u8>, Vec<u8>) {
        (envelope.encode(), self.rich.sign(&envelope.id(&Domain::dev())))
    }
}

/// Returns an envelope that nobody else makes, and that opens to nothing.
fn distinct(aim: &Aim, number: u64, index: usize) -> Envelope {
    let mut envelope = aim.model.clone();
    envelope.masked_seed = keccak256([number.to_be_bytes(), (index as u64).to_be_bytes()].concat());
    envelope
}

/// A signer that uses one nonce for everything, which gives its key away and makes a signature cost a microsecond: else
/// whoever sends junk would be busier than the node.
#[derive(Debug)]
struct Quick {
    address: Address,
    secret: Scalar,
    /// x of the nonce's point, and whether its y is odd.
    r: Scalar,
    is_odd: bool,
    inverse: Scalar,
}

impl Quick {
    fn new(signer: &PrivateKeySigner) -> Self {
        let nonce = scalar(&keccak256("weft bench nonce"));
        let point: AffinePoint = (ProjectivePoint::GENERATOR * nonce).to_affine();
        Self {
            address: signer.address(),
            secret: scalar(&signer.to_bytes()),
            r: scalar(&B256::from_slice(&point.x())),
            is_odd: bool::from(point.y_is_odd()),
            inverse: nonce.invert().expect("a hash is not zero"),
        }
    }

    fn sign(&self, hash: &B256) -> Vec<u8> {
        let s = self.inverse * (scalar(hash) + self.r * self.secret);
        let is_high = bool::from(s.is_high());
        let s = if is_high { -s } else { s };
        let parity = u8::from(self.is_odd ^ is_high);
        [&self.r.to_repr()[..], &s.to_repr()[..], &[27 + parity]].concat()
    }
}

fn scalar(bytes: &B256) -> Scalar {
    <Scalar as Reduce<U256>>::reduce_bytes(&bytes.0.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Signature;
    use serde_json::Value;
    use std::collections::BTreeSet;
    use weft_crypto::{Carriage, GasBucket, SchemeId, SizeBucket};
    use weft_types::{Decode as _, NetworkId};

    fn signer() -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap()
    }

    fn aim() -> Aim {
        let carriage = Carriage {
            payer: signer().address(),
            deposit: NetworkId::new(901),
            rollup: None,
            epoch: 7,
            valid_until: SlotNumber::new(99),
            size: SizeBucket::new(0).unwrap(),
            gas: GasBucket::new(0).unwrap(),
            max_fee_wei: 1,
        };
        let (key, masked_seed) = (B256::ZERO, B256::ZERO);
        let (head, body) = (vec![2; 33], vec![0; 256]);
        let scheme = SchemeId::EpochKey;
        Aim { model: Envelope { scheme, key, carriage, head, masked_seed, body } }
    }

    /// Returns the parameters of every request of a batch.
    fn params(batch: &Batch) -> Vec<[Vec<u8>; 2]> {
        let text = std::str::from_utf8(&batch.request).unwrap();
        let calls: Vec<Value> =
            serde_json::from_str(&text[text.find("\r\n\r\n").unwrap()..]).unwrap();
        let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        calls.iter().map(|call| [0, 1].map(|at| bytes(&call["params"][at]))).collect()
    }

    #[test]
    fn quick_signatures_are_their_signers() {
        let quick = Quick::new(&signer());
        for number in 0..32_u8 {
            let hash = keccak256([number]);
            let signature = Signature::try_from(quick.sign(&hash).as_slice()).unwrap();
            let found = signature.recover_address_from_prehash(&hash).unwrap();
            assert_eq!(found, signer().address());
            assert_eq!(signature.normalize_s(), None, "the lower of the two");
        }
    }

    #[test]
    fn requests_are_distinct_but_for_copies_of_what_is_paid_for() {
        let pest = Pest::new("http://127.0.0.1:1", &signer());
        let batches: Vec<_> =
            (0..4).flat_map(|number| params(&pest.batch(&aim(), number))).collect();
        let distinct: BTreeSet<_> = batches.iter().map(|[envelope, _]| envelope).collect();
        assert_eq!((batches.len(), distinct.len()), (4 * BATCH, 4 * (BATCH - AGAIN)));
    }

    #[test]
    fn sorts_are_what_they_are_called() {
        let pest = Pest::new("http://127.0.0.1:1", &signer());
        let batch = pest.batch(&aim(), 1);
        for (index, [envelope, signature]) in params(&batch).iter().enumerate() {
            let sort = Sort::at(index);
            let Ok(envelope) = Envelope::decode(envelope) else {
                assert_eq!(sort, Some(Sort::WrongSize), "{index}");
                continue;
            };
            let (id, carriage) = (envelope.id(&Domain::dev()), &envelope.carriage);
            let signature = Signature::try_from(signature.as_slice()).unwrap();
            let is_signed =
                signature.recover_address_from_prehash(&id).ok() == Some(carriage.payer);
            assert_eq!(is_signed, sort != Some(Sort::Unsigned), "{index}");
            assert_eq!(carriage.payer != signer().address(), sort == Some(Sort::Poor), "{index}");
            assert_eq!(envelope.key != B256::ZERO, sort == Some(Sort::OtherKey), "{index}");
            assert_eq!(carriage.epoch != 7, sort == Some(Sort::OtherEpoch), "{index}");
            assert_eq!(carriage.valid_until.get() < 99, sort == Some(Sort::Expired), "{index}");
            let is_paid = sort.is_none() || sort == Some(Sort::Again);
            assert_eq!(id == batch.paid, is_paid, "{index}");
        }
    }
}
