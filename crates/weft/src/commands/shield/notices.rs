//! What the sequencer says beside promises: keys of epochs, and what the order of slots is committed to (P15, P47).

use super::{disk::Kept, sealer::Sealer};
use crate::upstream::Upstream;
use alloy_primitives::{B256, Bytes};
use eyre::Result;
use serde_json::json;
use weft_crypto::Envelope;
use weft_evidence::{Content, EpochNotice, Proof, SealedContent, Signed};
use weft_types::{Decode as _, SignedPromise};

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

/// Returns the execution promise about an item, among what a node tells.
pub(super) fn result_of(item: B256, promise: &SignedPromise) -> bool {
    matches!(&promise.statement, weft_types::Statement::Execution(told) if told.item == item)
}
