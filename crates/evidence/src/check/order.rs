//! Orders that contradict each other.

use super::{promised, same};
use crate::{
    conviction::{Convicted, Conviction, Fault, Subject},
    error::NotEvidence,
    order::{Order, Shown},
    registry::Registry,
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use weft_commitment::{Element, SignedCommitment};
use weft_types::{
    Domain, Equivocation, OrderPromise, Position, Section, SignedPromise, Statement,
    promise::{Contradiction, NoEvidence},
};

/// Two promises. An honest key signs each position once (ADR 0010), so its statements agree on every claim.
pub(super) fn promises(
    domain: &Domain,
    registry: &Registry,
    pair: &[SignedPromise; 2],
) -> Result<Conviction, NotEvidence> {
    let [one, other] = pair;
    let key = same(promised(domain, registry, one)?, promised(domain, registry, other)?)?;
    let contradiction = Equivocation::new(one.clone(), other.clone())
        .map_err(|error| match error {
            NoEvidence::Promise(error) => error.into(),
            NoEvidence::Keys(one, other) => NotEvidence::Keys(one, other),
            NoEvidence::Domains => NotEvidence::Domain,
            NoEvidence::Consistent => NotEvidence::Consistent,
        })?
        .contradiction();
    let (fault, subject) = match (contradiction, &one.statement) {
        (Contradiction::Order(claim), _) => (Fault::OrderEquivocation, Subject::Claim(claim)),
        (Contradiction::Result, Statement::Execution(promise)) => {
            (Fault::ResultEquivocation, Subject::Position(promise.position))
        }
        (Contradiction::Result, _) => return Err(NotEvidence::Consistent),
    };
    Ok(Conviction { convicted: Convicted::Sequencer(key), fault, subject })
}

/// Two commitments. A slot has one order, so an honest key signs one commitment to it.
pub(super) fn commitments(
    domain: &Domain,
    registry: &Registry,
    pair: &[SignedCommitment; 2],
) -> Result<Conviction, NotEvidence> {
    let [one, other] = pair;
    let signer = |part: &SignedCommitment| part.signer(domain).ok_or(NotEvidence::Signature);
    let key = registry.sequencer(same(signer(one)?, signer(other)?)?)?;
    let (one, other) = (&one.commitment, &other.commitment);
    if one.slot() != other.slot() {
        return Err(NotEvidence::Unrelated("commitments to two slots"));
    }
    if one == other {
        return Err(NotEvidence::Consistent);
    }
    Ok(Conviction {
        convicted: Convicted::Sequencer(key),
        fault: Fault::OrderEquivocation,
        subject: Subject::Slot(one.slot()),
    })
}

/// An order promise beside an order of the same key that may not keep it.
///
/// An honest key promises positions of the order that it commits to and closes. Then every running hash that anybody can
/// show under its word is the promised one, because running hashes, Merkle paths and records have one preimage each; so
/// none of the three faults finds the difference that it needs.
pub(super) struct Broken<'e> {
    key: Address,
    promise: OrderPromise,
    order: Order<'e>,
}

impl<'e> Broken<'e> {
    /// Returns the conviction that `fault` comes to for a promised place; of the places of a bundle the first one counts.
    pub(super) fn convict_by(
        domain: &'e Domain,
        registry: &Registry,
        promise: &'e SignedPromise,
        shown: &'e Shown,
        fault: impl Fn(Self) -> Result<Conviction, NotEvidence>,
    ) -> Result<Conviction, NotEvidence> {
        let key = promised(domain, registry, promise)?;
        let places = match &promise.statement {
            Statement::Order(order) => Vec::from([order.clone()]),
            Statement::Bundle(bundle) => {
                bundle.places.iter().map(|place| place.order(bundle.unix_ms)).collect()
            }
            _ => return Err(NotEvidence::Unrelated("not the promise of a position")),
        };
        // A promise that binds somebody has a place.
        let mut found = Err(NotEvidence::Unrelated("not the promise of a position"));
        for place in places {
            found = Self::new(domain, key, place, shown).and_then(&fault);
            if found.is_ok() {
                break;
            }
        }
        found
    }

    fn new(
        domain: &'e Domain,
        key: Address,
        promise: OrderPromise,
        shown: &'e Shown,
    ) -> Result<Self, NotEvidence> {
        let Position { slot, section, .. } = promise.position;
        if !matches!(section, Section::Sealed | Section::Plaintext) {
            return Err(NotEvidence::Unrelated("a section without a chain"));
        }
        let order = shown.check(domain, slot, section)?;
        same(key, order.signer)?;
        Ok(Self { key, promise, order })
    }

    /// The place is behind the end of a closed section; or everything before it is as promised, and another item has it.
    pub(super) fn omission(self) -> Result<Conviction, NotEvidence> {
        let index = self.promise.position.index;
        if index >= self.order.count {
            return match self.order.is_closed {
                true => Ok(self.convict(Fault::Omission)),
                false => Err(NotEvidence::NotShown("that the section ends before the item")),
            };
        }
        let before = self.before()?;
        if before != Element::of(&self.promise.prev_chain) {
            return Err(NotEvidence::NotShown("that everything before the item is as promised"));
        }
        self.differs_at_place()?;
        Ok(self.convict(Fault::Omission))
    }

    /// What stands before the place is not what was promised.
    pub(super) fn insertion(self) -> Result<Conviction, NotEvidence> {
        if self.before()? == Element::of(&self.promise.prev_chain) {
            return Err(NotEvidence::Consistent);
        }
        Ok(self.convict(Fault::Insertion))
    }

    /// The item stands elsewhere in the section, and its place is not as promised.
    pub(super) fn reordering(self, index: u32, before: &B256) -> Result<Conviction, NotEvidence> {
        let promised = self.promise.position.index;
        if index == promised {
            return Err(NotEvidence::Unrelated("the place is the promised one"));
        }
        if !self.order.holds(&self.promise.item, index, before) {
            return Err(NotEvidence::NotShown("that the item stands there"));
        }
        // An item may be ordered again after it was removed: it has moved only if its first place is not its own.
        self.differs_at_place()?;
        Ok(self.convict(Fault::Reordering))
    }

    /// Returns the running hash before the promised place.
    fn before(&self) -> Result<Element, NotEvidence> {
        let shown = self.order.after(self.promise.position.index);
        shown.ok_or(NotEvidence::NotShown("what stands before the item"))
    }

    /// Checks that the running hash after the promised place is another one, or that the closed section ends before it.
    fn differs_at_place(&self) -> Result<(), NotEvidence> {
        let index = self.promise.position.index;
        if index >= self.order.count && self.order.is_closed {
            return Ok(());
        }
        let after = index.checked_add(1).and_then(|count| self.order.after(count));
        match after.ok_or(NotEvidence::NotShown("what stands at the promised place"))? {
            found if found == Element::of(&self.promise.chain) => Err(NotEvidence::Consistent),
            _ => Ok(()),
        }
    }

    fn convict(&self, fault: Fault) -> Conviction {
        let subject = Subject::Position(self.promise.position);
        Conviction { convicted: Convicted::Sequencer(self.key), fault, subject }
    }
}
