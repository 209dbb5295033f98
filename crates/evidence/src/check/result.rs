//! Results that are not those of the item, and places that an item cannot have.

use super::promised;
use crate::{
    content::{Content, Legs, OtherLeg, Unopenable},
    conviction::{Convicted, Conviction, Fault, Subject},
    error::NotEvidence,
    registry::Registry,
};
use alloy_primitives::{Address, B256};
use weft_crypto::{Envelope, Verdict};
use weft_types::{
    BundlePromise, Domain, ExecutionPromise, Leg, LegShape, Marker, Part, Position, PromisedLeg,
    RemovalCause, Section, SignedPromise, Statement,
};

/// P18: a leg that stands alone, or a leg that failed in a bundle that did not.
///
/// An honest fold removes a marked transaction that is an item of its own, and a bundle of which a leg fails that may not.
/// That a leg is not named says nothing: it may run elsewhere (P7).
pub(super) fn unbundling(
    domain: &Domain,
    registry: &Registry,
    promise: &SignedPromise,
    content: &Content,
) -> Result<Conviction, NotEvidence> {
    let (key, promise) = execution(domain, registry, promise)?;
    is_item(domain, &promise.item, content)?;
    let broken = match content.legs(domain, key)? {
        Legs::Single(leg) => !promise.legs.is_empty() && !matches!(Marker::of(&leg.tx), Ok(None)),
        Legs::Bundle(legs) => promise.legs.iter().any(|named| {
            let leg = legs.get(usize::from(named.leg));
            !named.success && leg.is_some_and(|leg| is_leg(leg, named) && !leg.may_revert)
        }),
        Legs::Part(part) => failed_part(domain, promise, &part, content)?,
        Legs::None => false,
    };
    convict_if(broken, key, Fault::Unbundling, promise.position)
}

/// A leg in a block that is none of the item's. An honest fold runs the item's own legs under their own numbers.
pub(super) fn wrong_leg(
    domain: &Domain,
    registry: &Registry,
    promise: &SignedPromise,
    content: &Content,
) -> Result<Conviction, NotEvidence> {
    let (key, promise) = execution(domain, registry, promise)?;
    is_item(domain, &promise.item, content)?;
    let legs = content.legs(domain, key)?;
    let is_wrong = match &legs {
        Legs::Single(leg) => names_others(promise, core::slice::from_ref(leg)),
        Legs::Bundle(legs) => names_others(promise, legs),
        Legs::Part(part) => is_wrong_part(domain, promise, part, content)?,
        Legs::None => !promise.legs.is_empty(),
    };
    let fault = match content {
        Content::Clear(_) => Fault::WrongResult,
        Content::Sealed(_) | Content::Part(_) => Fault::WrongPlaintext,
    };
    convict_if(is_wrong, key, fault, promise.position)
}

fn names_others(promise: &ExecutionPromise, legs: &[Leg]) -> bool {
    let is_own = |named: &PromisedLeg| {
        legs.get(usize::from(named.leg)).is_some_and(|leg| is_leg(leg, named))
    };
    !promise.legs.iter().all(is_own)
}

/// P18: a result of a part names a leg under its number that is not its own, one with a number that its bundle does not have,
/// or another's that cannot be one of the bundle.
///
/// Only the last part of a bundle has a result with legs. Legs of others are theirs: who holds one envelope alone cannot
/// say what they are, and who holds all of them cannot either, for a number may have been sealed twice, of which the first
/// counts. What the id binds is the same in all: the marker, and what the commitment covers.
fn is_wrong_part(
    domain: &Domain,
    promise: &ExecutionPromise,
    part: &Part,
    content: &Content,
) -> Result<bool, NotEvidence> {
    let is_own = |named: &PromisedLeg| match named.leg {
        index if index == part.index() => is_leg(part.leg(), named),
        index => usize::from(index) < part.count(),
    };
    if !promise.legs.iter().all(is_own) {
        return Ok(true);
    }
    let Some((named, other)) = other_leg(domain, promise, part, content)? else { return Ok(false) };
    let is_marked = matches!(Marker::of(&other.tx), Ok(Some(it)) if it.bundle() == part.id());
    let keeps_to = |committed: &Part| {
        let Leg { network, may_revert, .. } = *committed.leg();
        let shown = Leg { network, may_revert, tx: other.tx.clone() };
        named.network == network && LegShape::of(&shown) == LegShape::of(committed.leg())
    };
    Ok(!is_marked || !other.part.as_ref().is_none_or(keeps_to))
}

/// A leg failed that may not, as its own part says, and its bundle stands.
fn failed_part(
    domain: &Domain,
    promise: &ExecutionPromise,
    part: &Part,
    content: &Content,
) -> Result<bool, NotEvidence> {
    let is_own = |named: &&PromisedLeg| named.leg == part.index() && is_leg(part.leg(), named);
    let own = promise.legs.iter().find(is_own);
    if own.is_some_and(|named| !named.success && !part.leg().may_revert) {
        return Ok(true);
    }
    let Some((named, other)) = other_leg(domain, promise, part, content)? else { return Ok(false) };
    let may_not = other.part.as_ref().is_some_and(|committed| !committed.leg().may_revert);
    Ok(!named.success && may_not)
}

/// Returns the leg that stands in a result for another part, with what is shown of it.
fn other_leg<'a>(
    domain: &Domain,
    promise: &'a ExecutionPromise,
    part: &Part,
    content: &'a Content,
) -> Result<Option<(&'a PromisedLeg, &'a OtherLeg)>, NotEvidence> {
    let Content::Part(other) = content else { return Ok(None) };
    let index = match &other.part {
        // Both hold what makes one id, so they say the same of all legs.
        Some(committed) if committed.id() != part.id() || !committed.recheck(domain) => {
            return Err(NotEvidence::Unrelated("parts of two bundles"));
        }
        Some(committed) => Some(committed.index()),
        None => None,
    };
    let is_named = |named: &&PromisedLeg| {
        named.tx_hash == other.tx.hash()
            && named.leg != part.index()
            && index.is_none_or(|index| index == named.leg)
    };
    let named = promise.legs.iter().find(is_named);
    named.map(|named| Some((named, &**other))).ok_or(NotEvidence::Unrelated("no such leg"))
}

/// P11: a seed that gives the ciphertext. With it there is no key under which the envelope is undecryptable, and an
/// honest sequencer opens it with the key that it named itself.
pub(super) fn false_verdict(
    domain: &Domain,
    registry: &Registry,
    promise: &SignedPromise,
    content: &Content,
) -> Result<Conviction, NotEvidence> {
    let (key, promise) = execution(domain, registry, promise)?;
    is_item(domain, &promise.item, content)?;
    let Content::Sealed(sealed) = content else {
        return Err(NotEvidence::Unrelated("the item is not sealed"));
    };
    let opens = sealed.verdict(domain, key)? != Verdict::Undecryptable;
    let is_false = match promise.removal.as_ref().map(|removal| removal.cause) {
        Some(RemovalCause::Undecryptable) => opens,
        Some(RemovalCause::Malformed) => sealed.is_well_formed(domain, key)?,
        _ => false,
    };
    convict_if(is_false, key, Fault::FalseVerdict, promise.position)
}

/// P11: the secret of the key that the sequencer named itself, under which the envelope opens to nothing. Whoever could say
/// otherwise would choose the content after everybody else's was read.
///
/// An honest sequencer removes such an envelope as undecryptable, or unread as late.
pub(super) fn false_opening(
    domain: &Domain,
    registry: &Registry,
    promise: &SignedPromise,
    unopenable: &Unopenable,
) -> Result<Conviction, NotEvidence> {
    let (key, promise) = execution(domain, registry, promise)?;
    check_item(&promise.item, unopenable.envelope.id(domain))?;
    if unopenable.verdict(domain, key)? != Verdict::Undecryptable {
        return Err(NotEvidence::Unrelated("the envelope opens"));
    }
    let (fault, is_false) = match promise.removal.as_ref().map(|removal| removal.cause) {
        None => (Fault::WrongPlaintext, true),
        Some(RemovalCause::Undecryptable | RemovalCause::Late | RemovalCause::Reorged) => {
            (Fault::FalseVerdict, false)
        }
        Some(_) => (Fault::FalseVerdict, true),
    };
    convict_if(is_false, key, fault, promise.position)
}

/// A place in the sealed section after the last slot that the payer allowed. An honest lane refuses such an envelope.
pub(super) fn stale(
    domain: &Domain,
    registry: &Registry,
    promise: &SignedPromise,
    envelope: &Envelope,
) -> Result<Conviction, NotEvidence> {
    let key = promised(domain, registry, promise)?;
    let position = match &promise.statement {
        Statement::Order(order) => {
            check_item(&order.item, envelope.id(domain))?;
            order.position
        }
        Statement::Bundle(bundle) => return in_bundle(domain, key, bundle, envelope),
        _ => return Err(NotEvidence::Unrelated("not the promise of a position")),
    };
    // Where the item runs after it was opened is not where it was ordered.
    if position.section != Section::Sealed {
        return Err(NotEvidence::Unrelated("not a place in the sealed section"));
    }
    let is_stale = position.slot > envelope.carriage.valid_until;
    convict_if(is_stale, key, Fault::StaleInclusion, position)
}

/// P14: one of a bundle's envelopes stands where its payer does not allow it, or names another epoch than the bundle's. An
/// honest sequencer promises as a bundle what one epoch took.
fn in_bundle(
    domain: &Domain,
    key: Address,
    bundle: &BundlePromise,
    envelope: &Envelope,
) -> Result<Conviction, NotEvidence> {
    let id = envelope.id(domain);
    let place = bundle.places.iter().find(|place| place.item == id);
    let place = place.ok_or(NotEvidence::Unrelated("the bundle has no such envelope"))?;
    if place.position.slot > envelope.carriage.valid_until {
        return convict_if(true, key, Fault::StaleInclusion, place.position);
    }
    let is_other = envelope.carriage.epoch != bundle.epoch;
    convict_if(is_other, key, Fault::WrongEpoch, place.position)
}

fn execution<'p>(
    domain: &Domain,
    registry: &Registry,
    promise: &'p SignedPromise,
) -> Result<(Address, &'p ExecutionPromise), NotEvidence> {
    let key = promised(domain, registry, promise)?;
    match &promise.statement {
        Statement::Execution(execution) => Ok((key, execution)),
        _ => Err(NotEvidence::Unrelated("not the promise of a result")),
    }
}

fn is_item(domain: &Domain, declared: &B256, content: &Content) -> Result<(), NotEvidence> {
    check_item(declared, content.id(domain))
}

fn check_item(declared: &B256, computed: B256) -> Result<(), NotEvidence> {
    let declared = *declared;
    if declared == computed { Ok(()) } else { Err(NotEvidence::OtherItem { declared, computed }) }
}

/// Tells whether a promised leg is this one.
fn is_leg(leg: &Leg, named: &PromisedLeg) -> bool {
    leg.network == named.network && leg.tx.hash() == named.tx_hash
}

fn convict_if(
    broken: bool,
    key: Address,
    fault: Fault,
    position: Position,
) -> Result<Conviction, NotEvidence> {
    let subject = Subject::Position(position);
    let conviction = Conviction { convicted: Convicted::Sequencer(key), fault, subject };
    if broken { Ok(conviction) } else { Err(NotEvidence::Consistent) }
}
