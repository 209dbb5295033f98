//! Bundles of several users, who do not show each other their legs: each seals its own (P3, P18).
//!
//! ```text
//!  HiddenLeg::commitment -> everybody ─► PartedShape -> everybody
//!                                          HiddenLeg::marked_data -> wallet ─► HiddenLeg::part -> Realm::seal_and_send
//! ```

use crate::error::ClientError;
use alloy_primitives::{B256, Bytes};
use std::fmt;
use weft_types::{Domain, Item, Leg, LegShape, Part, PartedShape, SignedTx};

/// A leg that its user shows to nobody before the order is fixed.
///
/// Its blinding hides it: who knows that and guesses the leg can compare. Keep both until the bundle has run.
#[derive(Clone, PartialEq, Eq)]
pub struct HiddenLeg {
    shape: LegShape,
    blinding: B256,
}

impl fmt::Debug for HiddenLeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HiddenLeg(..)")
    }
}

impl HiddenLeg {
    /// Hides a leg behind random bytes.
    ///
    /// # Errors
    ///
    /// [`ClientError::Sealing`] where the system has none.
    pub fn new(shape: LegShape) -> Result<Self, ClientError> {
        let mut blinding = B256::ZERO;
        getrandom::fill(&mut blinding.0)
            .map_err(|error| ClientError::Sealing(format!("no random bytes: {error}")))?;
        Ok(Self { shape, blinding })
    }

    /// Takes up a leg that was hidden before.
    pub const fn of(shape: LegShape, blinding: B256) -> Self {
        Self { shape, blinding }
    }

    /// Returns the leg.
    pub const fn shape(&self) -> &LegShape {
        &self.shape
    }

    /// Returns what hides it.
    pub const fn blinding(&self) -> B256 {
        self.blinding
    }

    /// Returns what the other users of the bundle have to know of it.
    pub fn commitment(&self, domain: &Domain) -> B256 {
        self.shape.commitment(domain, &self.blinding)
    }

    /// Returns the call data that its sender signs: those of the leg, and the marker of the bundle. A creation carries the
    /// bundle's id in its access list instead, as a key of [`weft_types::RESERVED`].
    pub fn marked_data(&self, domain: &Domain, bundle: &PartedShape) -> Bytes {
        [self.shape.data.as_ref(), &bundle.id(domain).suffix()].concat().into()
    }

    /// Returns what its user seals, once the transaction is signed.
    ///
    /// # Errors
    ///
    /// [`ClientError::Sealing`] when the bundle does not commit to this leg, or another transaction was signed.
    pub fn part(
        &self,
        domain: &Domain,
        bundle: &PartedShape,
        raw: Bytes,
    ) -> Result<Item, ClientError> {
        let wrong = |why: &str| ClientError::Sealing(why.to_owned());
        let commitment = self.commitment(domain);
        let index = bundle.commitments.iter().position(|other| *other == commitment);
        let index = index.ok_or_else(|| wrong("the bundle does not commit to this leg"))?;
        let tx = SignedTx::decode(raw)
            .map_err(|error| ClientError::Sealing(format!("not a transaction: {error}")))?;
        let (network, may_revert) = (self.shape.network, self.shape.may_revert);
        if tx.chain_id() != Some(u64::from(network.get())) {
            return Err(wrong("the transaction is signed for another chain than its leg's"));
        }
        let leg = Leg { network, tx, may_revert };
        if LegShape::of(&leg) != self.shape {
            return Err(wrong("the transaction is another than the leg, or somebody else's"));
        }
        let part = Part::new(domain, bundle, index as u16, self.blinding, leg);
        part.map(Item::Part)
            .ok_or_else(|| wrong("the transaction does not carry the marker of this bundle"))
    }
}
