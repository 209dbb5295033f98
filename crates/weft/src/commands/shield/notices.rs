//! What the sequencer says beside promises: keys of epochs, and what the order of slots is committed to (P15, P47).

use super::{disk::Kept, sealer::Sealer, upstream::Upstream};
use alloy_primitives::{B256, Bytes};
use eyre::{Result, eyre};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use weft_commitment::{Element, Opening, SignedCommitment};
use weft_crypto::Envelope;
use weft_evidence::{Content, EpochNotice, OpenedAt, Proof, SealedContent, Shown, Signed};
use weft_types::{Decode as _, OrderPromise, Position, Section, SignedPromise};

/// Epochs whose notices are remembered.
const MAX_EPOCHS: usize = 1 << 12;

/// The first word about each epoch.
#[derive(Debug, Default)]
pub(super) struct Notices(BTreeMap<u64, Signed<EpochNotice>>);

impl Notices {
    /// Takes a notice whose signature was checked; returns the one that it contradicts.
    pub(super) fn hear(&mut self, notice: &Signed<EpochNotice>) -> Option<Signed<EpochNotice>> {
        let known = *self.0.entry(notice.notice.epoch).or_insert(*notice);
        while self.0.len() > MAX_EPOCHS {
            self.0.pop_first();
        }
        (known.notice != notice.notice).then_some(known)
    }
}

/// Reads a notice that the sequencer signed, beside the item's envelope.
pub(super) fn read(
    sealer: &Sealer,
    kept: &Kept,
    encoded: &Bytes,
) -> Option<(Signed<EpochNotice>, Envelope)> {
    let notice = Signed::<EpochNotice>::decode(encoded).ok()?;
    let is_own = notice.signer(sealer.realm.domain()) == Some(sealer.setting.sequencer);
    is_own.then_some((notice, Envelope::decode(&kept.envelope).ok()?))
}

/// Asks the node for its word about the key of an item.
pub(super) async fn ask(sealer: &Sealer, kept: &Kept) -> Result<Option<Bytes>> {
    let epoch = Envelope::decode(&kept.envelope)?.carriage.epoch;
    let node = Upstream::new(sealer.realm.rollup(sealer.chain_id())?.url())?;
    let told = node.call("weft_getEpochNotice", json!([epoch])).await?;
    Ok(serde_json::from_value(told["encoding"].clone()).unwrap_or_default())
}

/// Returns the proofs that a promised result of an item may be refuted by: whether one holds is for evidence to say.
pub(super) fn refutations(kept: &Kept, result: &SignedPromise) -> Option<[Proof; 3]> {
    let notice = Signed::<EpochNotice>::decode(kept.notice.as_ref()?).ok()?;
    let envelope = Envelope::decode(&kept.envelope).ok()?;
    let seed = kept.seed?;
    let content = || {
        let (envelope, notice) = (envelope.clone(), notice);
        Content::Sealed(Box::new(SealedContent { envelope, notice, seed }))
    };
    let result = || Box::new(result.clone());
    Some([
        Proof::FalseVerdict(result(), content()),
        Proof::WrongLeg(result(), content()),
        Proof::Unbundling(result(), content()),
    ])
}

/// What a slot's commitment shows about a promised place.
#[derive(Debug)]
pub(super) enum Place {
    /// There is no commitment (yet).
    Unknown,
    /// The place and everything before it are as promised.
    Kept,
    /// They are not; one of these proofs may convict.
    Broken(Vec<Proof>),
}

/// Holds a promise of a position against what its slot is committed to.
pub(super) async fn place(
    sealer: &Sealer,
    promise: &SignedPromise,
    order: &OrderPromise,
) -> Result<Place> {
    let Position { slot, section, index } = order.position;
    let name = if section == Section::Sealed { "sealed" } else { "plaintext" };
    let node = Upstream::new(sealer.realm.rollup(sealer.chain_id())?.url())?;
    let mut openings = Vec::new();
    let mut signed = None;
    for at in index.saturating_sub(1)..=index {
        let told = node.call("weft_getOrderOpening", json!([slot, name, at])).await?;
        if told.is_null() {
            return Ok(Place::Unknown);
        }
        let commitment = SignedCommitment::decode(&bytes(&told["commitment"]["encoding"])?)?;
        if commitment.signer(sealer.realm.domain()) != Some(sealer.setting.sequencer) {
            return Err(eyre!("a commitment that the sequencer did not sign"));
        }
        if let Some(text) = told.get("encoding") {
            let opening = Opening::decode(&bytes(text)?)?;
            if !commitment.commitment.opens(sealer.realm.domain(), section, at, &opening) {
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

/// Returns the execution promise about an item, among what a node tells.
pub(super) fn result_of(item: B256, promise: &SignedPromise) -> bool {
    matches!(&promise.statement, weft_types::Statement::Execution(told) if told.item == item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_crypto::curve::Secret;
    use weft_evidence::{Evidence, Registry, notice::Notice as _};
    use weft_promise::{LocalSigner, Signer as _};
    use weft_types::Domain;

    #[test]
    fn two_words_about_one_epoch_convict_whoever_signed_both() {
        let mut key = LocalSigner::new(&B256::repeat_byte(1)).unwrap();
        let mut notice = |epoch: u64, list: u8| {
            let point = Secret::from_bytes(&[7; 32]).unwrap().public();
            let notice = EpochNotice { epoch, list: B256::repeat_byte(list), key: point };
            let signature = key.sign(notice.digest(&Domain::dev())).unwrap();
            Signed { notice, signature }
        };
        let mut notices = Notices::default();
        assert_eq!(notices.hear(&notice(3, 1)), None);
        assert_eq!(notices.hear(&notice(3, 1)), None, "the same again");
        assert_eq!(notices.hear(&notice(4, 2)), None);
        let other = notice(3, 2);
        let known = notices.hear(&other).unwrap();
        let evidence = Evidence::new(Domain::dev(), Proof::EpochNotices(Box::new([known, other])));
        let registry = Registry::new(Domain::dev(), known.signer(&Domain::dev()).unwrap());
        evidence.check(&registry).unwrap();
    }
}
