//! What a shield keeps of an item, read by who wants to check its promise.

use super::disk::Kept;
use alloy_primitives::Address;
use eyre::{Result, WrapErr, ensure, eyre};
use weft_crypto::Envelope;
use weft_types::{Decode as _, SignedPromise, Statement};

/// Reads the promise in a file of a shield's directory, and the key that the shield held it to; nothing when the text is no
/// such file.
pub(crate) fn kept_promise(text: &str) -> Option<Result<(SignedPromise, Option<Address>)>> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    Some(promise_of(&kept))
}

fn promise_of(kept: &Kept) -> Result<(SignedPromise, Option<Address>)> {
    let item = kept.item;
    let bytes = kept.promise.as_ref();
    let bytes = bytes.ok_or_else(|| eyre!("the shield was promised nothing about {item}"))?;
    let promise = SignedPromise::decode(bytes).wrap_err("its promise cannot be read")?;
    let envelope = Envelope::decode(&kept.envelope).wrap_err("its envelope cannot be read")?;
    let Statement::Order(order) = &promise.statement else {
        return Err(eyre!("its promise is not one of a position"));
    };
    let is_of_it = order.item == item && Some(order.position) == kept.position;
    let is_whole = is_of_it && envelope.id(&promise.domain) == item;
    ensure!(is_whole, "its promise is about something else than its words: it was altered");
    Ok((promise, kept.sequencer))
}
