//! What opens an epoch: the committee's signature over its name, made of its members'.

use crate::{
    MinPk, PartialSignature, Share, Sharing, ThresholdScheme,
    scheme::{KEY_BYTES, NAMESPACE},
};
use alloy_primitives::B256;
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_cryptography::bls12381::primitives::{
    self,
    ops::{
        self,
        threshold::{recover, sign_message, verify_message},
    },
    variant::Variant,
};
use commonware_parallel::Sequential;
use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;
use weft_crypto::seal::DelayScheme as _;

/// A committee's signature, in G2.
pub type Signature = <MinPk as Variant>::Signature;

/// Reason for refusing an opener.
#[derive(Debug, Error)]
pub enum Refused {
    /// The committee has another key than the scheme.
    #[error("the committee has another key")]
    Committee,
    /// Too few members' signatures hold.
    #[error(
        "signatures of {holding} members hold, {required} are needed; of members {wrong:?} they do not"
    )]
    TooFew {
        /// Distinct members whose signatures hold.
        holding: usize,
        /// Members that are needed.
        required: usize,
        /// Members that sent some that do not.
        wrong: BTreeSet<u32>,
    },
    /// Signatures that hold make none of the committee: the committee is not what it says.
    #[error("signatures make none of the committee")]
    Recovery(#[source] primitives::Error),
    /// The committee's signature does not hold.
    #[error("signature of the committee does not hold")]
    Signature,
}

/// What members' signatures come to.
#[derive(Debug)]
pub struct Collected {
    /// Opens every envelope of the epoch.
    pub opener: Opener,
    /// Members that sent signatures that do not hold: each is named, and none stops the others.
    pub wrong: BTreeSet<u32>,
}

/// The committee's signature over an epoch; it cannot be made without holding.
#[derive(Clone, PartialEq, Eq)]
pub struct Opener {
    signature: Signature,
    name: B256,
}

impl ThresholdScheme {
    /// Signs the epoch as a member. **Only after its order is closed**: t such signatures open everything.
    pub fn sign(&self, share: &Share) -> PartialSignature<MinPk> {
        sign_message::<MinPk>(share, NAMESPACE, self.key_id().as_slice())
    }

    /// Tells whether a signature is the one of its member over this epoch.
    pub fn holds(&self, sharing: &Sharing<MinPk>, partial: &PartialSignature<MinPk>) -> bool {
        sharing.public() == self.key()
            && verify_message::<MinPk>(sharing, NAMESPACE, self.key_id().as_slice(), partial)
                .is_ok()
    }

    /// Makes the opener of members' signatures. Each is checked, and wrong ones are named and left out, so that nobody
    /// keeps an epoch shut by a wrong one, or by a right one twice, while t members' right ones are there.
    ///
    /// # Errors
    ///
    /// [`Refused::Committee`]; [`Refused::TooFew`], with the members whose signatures are wrong; [`Refused::Recovery`].
    pub fn collect(
        &self,
        sharing: &Sharing<MinPk>,
        partials: &[PartialSignature<MinPk>],
    ) -> Result<Collected, Refused> {
        if sharing.public() != self.key() {
            return Err(Refused::Committee);
        }
        let (mut right, mut wrong) = (BTreeMap::new(), BTreeSet::new());
        for partial in partials {
            // There is one right signature of a member, so which of two copies is taken does not matter.
            if right.get(&partial.index) == Some(partial) {
                continue;
            }
            if self.holds(sharing, partial) {
                right.insert(partial.index, partial.clone());
            } else {
                wrong.insert(partial.index.get());
            }
        }
        let required = sharing.required() as usize;
        if right.len() < required {
            return Err(Refused::TooFew { holding: right.len(), required, wrong });
        }
        let signature = recover::<MinPk, _>(sharing, right.values(), &Sequential);
        let opener = self.opener(signature.map_err(Refused::Recovery)?)?;
        Ok(Collected { opener, wrong })
    }

    /// Takes the committee's signature that somebody else made.
    ///
    /// # Errors
    ///
    /// [`Refused::Signature`].
    pub fn opener(&self, signature: Signature) -> Result<Opener, Refused> {
        let name = self.key_id();
        ops::verify_message::<MinPk>(self.key(), NAMESPACE, name.as_slice(), &signature)
            .map_err(|_| Refused::Signature)?;
        Ok(Opener { signature, name })
    }

    /// Takes the committee's signature, encoded.
    ///
    /// # Errors
    ///
    /// [`Refused::Signature`].
    pub fn opener_of_bytes(&self, bytes: &[u8]) -> Result<Opener, Refused> {
        let signature = Signature::decode(bytes.to_vec()).map_err(|_| Refused::Signature)?;
        self.opener(signature)
    }
}

impl Opener {
    /// Returns the committee's signature.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Returns the name of what this opens.
    pub const fn name(&self) -> B256 {
        self.name
    }

    /// Returns the committee's signature, encoded: a compressed point of G2.
    pub fn to_bytes(&self) -> [u8; 2 * KEY_BYTES] {
        let encoded = self.signature.encode();
        encoded.as_ref().try_into().expect("a point of G2 has 96 bytes")
    }
}

/// Shows nothing: before the epoch is closed it is a key.
impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(..)")
    }
}
