//! Whether a promised place was kept, by what its slot is committed to (P15).

use crate::upstream::Upstream;
use alloy_primitives::{Address, Bytes};
use eyre::{Result, eyre};
use serde_json::{Value, json};
use weft_commitment::{Element, Opening, SignedCommitment};
use weft_evidence::{OpenedAt, Proof, Shown};
use weft_types::{Decode as _, OrderPromise, Position, Section, SignedPromise};

/// What a slot's commitment shows about a promised place.
#[derive(Debug)]
pub(crate) enum Place {
    /// There is no commitment (yet).
    Unknown,
    /// The place and everything before it are as promised.
    Kept,
    /// They are not; one of these proofs may convict.
    Broken(Vec<Proof>),
}

/// Holds a promise of a position against what its slot is committed to.
pub(crate) async fn place(
    node: &Upstream,
    sequencer: Address,
    promise: &SignedPromise,
    order: &OrderPromise,
) -> Result<Place> {
    let (Position { slot, section, index }, domain) = (order.position, &promise.domain);
    let name = if section == Section::Sealed { "sealed" } else { "plaintext" };
    let mut openings = Vec::new();
    let mut signed = None;
    for at in index.saturating_sub(1)..=index {
        let told = node.call("weft_getOrderOpening", json!([slot, name, at])).await?;
        if told.is_null() {
            return Ok(Place::Unknown);
        }
        let commitment = SignedCommitment::decode(&bytes(&told["commitment"]["encoding"])?)?;
        if commitment.signer(domain) != Some(sequencer) {
            return Err(eyre!("a commitment that the sequencer did not sign"));
        }
        if let Some(text) = told.get("encoding") {
            let opening = Opening::decode(&bytes(text)?)?;
            if !commitment.commitment.opens(domain, section, at, &opening) {
                return Err(eyre!("an opening that does not open its commitment"));
            }
            openings.push(OpenedAt { index: at, opening });
        }
        signed = Some(commitment);
    }
    let found = openings.iter().find(|opened| opened.index == index);
    if found.is_some_and(|opened| opened.opening.element == Element::of(&order.chain)) {
        return Ok(Place::Kept);
    }
    let shown = signed.map(|signed| Shown::Openings(signed, openings));
    let shown = shown.ok_or_else(|| eyre!("nothing was opened"))?;
    let (promise, shown) = (Box::new(promise.clone()), Box::new(shown));
    let omission = Proof::Omission(promise.clone(), shown.clone());
    Ok(Place::Broken(vec![omission, Proof::Insertion(promise, shown)]))
}

fn bytes(value: &Value) -> Result<Bytes> {
    serde_json::from_value(value.clone()).map_err(|_| eyre!("unexpected answer: {value}"))
}
