//! Bundles whose legs several users seal apart: what each seals, and how they come together (P3, P18).
//!
//! ```text
//!  before:  commitments of all legs -> PartedShape::id -> every leg signs its marker
//!  sealed:  Part: one leg, what hides it, the commitments of the others
//!  opened:  Parts::turn for every envelope of an epoch in its turn; the last part lets the bundle run
//! ```
//!
//! The id of an ordinary bundle is made of its legs, so whoever makes it reads them all. This one is made of commitments to
//! them: nobody needs another's leg to sign its own, and every part alone shows that its leg is the one that was agreed on.

use crate::{
    bundle::{Blinded, Bundle, BundleId, LegShape, MAX_LEGS, Marker, SafetyLevel},
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::{Domain, Tag},
    item::{Item, Leg},
    sealed::{Joined, Opening, Terms},
};
use alloc::{boxed::Box, collections::BTreeMap, vec, vec::Vec};
use alloy_primitives::B256;

/// Fewest legs of a bundle that is sealed in parts.
pub const MIN_PARTS: usize = 2;

/// What all users of a bundle in parts agree on before anybody signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartedShape {
    /// Distinguishes bundles that are otherwise the same.
    pub salt: B256,
    /// Safety asked for.
    pub level: SafetyLevel,
    /// The only epoch in which it can run. In a later one everybody has read what came.
    pub epoch: u64,
    /// [`LegShape::commitment`] of every leg, in execution order.
    pub commitments: Vec<B256>,
}

impl PartedShape {
    /// Returns `H(domain, 16, salt || level || epoch || commitments)`, which every leg signs as its marker.
    pub fn id(&self, domain: &Domain) -> BundleId {
        let mut out = Writer::default();
        out.hash(&self.salt).put(&self.level).number(self.epoch);
        put_hashes(&mut out, &self.commitments);
        BundleId::new(domain.hash(Tag::PartedBundle, out.as_slice()))
    }
}

impl LegShape {
    /// Returns `H(domain, 15, blinding || shape)`: binds to the leg, and says nothing of it while `blinding` is 32 bytes that
    /// nobody else knows.
    pub fn commitment(&self, domain: &Domain, blinding: &B256) -> B256 {
        let mut out = Writer::default();
        out.hash(blinding).put(self);
        domain.hash(Tag::LegCommitment, out.as_slice())
    }
}

/// One leg of a bundle in parts, as one user seals it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    salt: B256,
    level: SafetyLevel,
    epoch: u64,
    index: u16,
    blinding: B256,
    /// Commitments of the other legs, in their order.
    siblings: Vec<B256>,
    leg: Leg,
    /// The marker of the leg.
    id: BundleId,
}

impl Part {
    /// Makes part `index` of a bundle. Nothing when its leg is not the one that `shape` commits to, or does not sign its id.
    pub fn new(
        domain: &Domain,
        shape: &PartedShape,
        index: u16,
        blinding: B256,
        leg: Leg,
    ) -> Option<Self> {
        let at = usize::from(index);
        if !(MIN_PARTS..=MAX_LEGS).contains(&shape.commitments.len())
            || at >= shape.commitments.len()
        {
            return None;
        }
        let mut siblings = shape.commitments.clone();
        let own = siblings.remove(at);
        let id = Marker::of(&leg.tx).ok()??.bundle();
        let (salt, level, epoch) = (shape.salt, shape.level, shape.epoch);
        let part = Self { salt, level, epoch, index, blinding, siblings, leg, id };
        (part.own_commitment(domain) == own && part.recheck(domain)).then_some(part)
    }

    /// Returns the bundle that the leg signs to belong to.
    pub const fn id(&self) -> BundleId {
        self.id
    }

    /// Returns the number of the leg, from 0.
    pub const fn index(&self) -> u16 {
        self.index
    }

    /// Returns how many legs the bundle has.
    pub const fn count(&self) -> usize {
        self.siblings.len() + 1
    }

    /// Returns the only epoch in which the bundle can run.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the safety asked for.
    pub const fn level(&self) -> SafetyLevel {
        self.level
    }

    /// Returns what hides the leg in its commitment.
    pub const fn blinding(&self) -> B256 {
        self.blinding
    }

    /// Returns the leg.
    pub const fn leg(&self) -> &Leg {
        &self.leg
    }

    /// Returns what the users of the bundle agreed on.
    pub fn shape(&self, domain: &Domain) -> PartedShape {
        let mut commitments = self.siblings.clone();
        commitments.insert(usize::from(self.index), self.own_commitment(domain));
        PartedShape { salt: self.salt, level: self.level, epoch: self.epoch, commitments }
    }

    /// Returns true when the leg is the one that its bundle commits to. Decoded parts need this check.
    pub fn recheck(&self, domain: &Domain) -> bool {
        self.shape(domain).id(domain) == self.id
    }

    fn own_commitment(&self, domain: &Domain) -> B256 {
        LegShape::of(&self.leg).commitment(domain, &self.blinding)
    }
}

/// Parts of the bundles of one epoch that had their turn.
///
/// It holds no more than the envelopes did that were opened, and is dropped with its epoch.
#[derive(Debug, Clone)]
pub struct Parts {
    domain: Domain,
    epoch: u64,
    bundles: BTreeMap<BundleId, Vec<Option<Part>>>,
}

impl Parts {
    /// Begins with an epoch.
    pub const fn new(domain: Domain, epoch: u64) -> Self {
        Self { domain, epoch, bundles: BTreeMap::new() }
    }

    /// Returns what an envelope turns out to be in its turn, behind all envelopes of the epoch before it. `opening` is what it
    /// holds itself.
    ///
    /// The last part lets the bundle run. One before it waits, which is no effect at all; so does one that keeps to its
    /// bundle and not to its own `terms`, which the fold removes.
    pub fn turn(&mut self, terms: &Terms, opening: Opening) -> Opening {
        let Opening::Opened(item) = opening else { return opening };
        let Item::Part(part) = *item else { return Opening::Opened(item) };
        if part.epoch != self.epoch || !part.recheck(&self.domain) {
            return Opening::Malformed;
        }
        let item = Item::Part(part.clone());
        if item.breach(terms.gas_limit, terms.rollup).is_some() {
            return Opening::Opened(Box::new(item));
        }
        // All parts of an id name as many legs: it binds them.
        let parts = self.bundles.entry(part.id).or_insert_with(|| vec![None; part.count()]);
        let at = usize::from(part.index);
        let has_tx = |other: &Part| other.leg.tx.hash() == part.leg.tx.hash();
        if parts[at].is_some() || parts.iter().flatten().any(has_tx) {
            return Opening::Repeated(Box::new(part));
        }
        let index = part.index;
        parts[at] = Some(part);
        if parts.iter().any(Option::is_none) {
            return Opening::Opened(Box::new(item));
        }
        // They stay, so that what comes after them finds its place taken.
        let joined = Bundle::of_parts(&parts.iter().flatten().cloned().collect::<Vec<_>>());
        Opening::Joined(Box::new(Joined::new(index, joined)))
    }
}

impl Bundle {
    /// Puts the parts of one bundle together, which are all there and in their order.
    fn of_parts(parts: &[Part]) -> Self {
        let first = &parts[0];
        let blindings = parts.iter().map(|part| part.blinding).collect();
        let legs = parts.iter().map(|part| part.leg.clone()).collect();
        let blinded = Blinded { epoch: first.epoch, blindings };
        Self::joined(first.salt, first.level, legs, first.id, blinded)
    }
}

fn put_hashes(out: &mut Writer, hashes: &[B256]) {
    out.len(hashes.len());
    hashes.iter().for_each(|hash| {
        out.hash(hash);
    });
}

impl Encode for Part {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.salt).put(&self.level).number(self.epoch).number(self.index);
        out.hash(&self.blinding);
        put_hashes(out, &self.siblings);
        out.put(&self.leg);
    }
}

impl Decode for Part {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (salt, level) = (input.hash()?, input.get()?);
        let (epoch, index) = (input.number()?, input.number()?);
        let blinding = input.hash()?;
        let count = input.bounded_len(MAX_LEGS - 1)?;
        let siblings = (0..count).map(|_| input.hash()).collect::<Result<Vec<_>, _>>()?;
        if siblings.len() + 1 < MIN_PARTS || usize::from(index) > siblings.len() {
            return Err(CodecError::NotCanonical("number of a part"));
        }
        let leg: Leg = input.get()?;
        let marker = Marker::of(&leg.tx).ok().flatten();
        let id = marker.ok_or(CodecError::NotCanonical("part without marker"))?.bundle();
        Ok(Self { salt, level, epoch, index, blinding, siblings, leg, id })
    }
}
