//! Promises as JSON: in answers of the node, on the feed, and in files.

use alloy_primitives::{Address, Bytes};
use serde_json::{Value, json};
use thiserror::Error;
use weft_types::{Decode as _, Encode as _, PromiseError, SignedPromise};

/// Why a file holds no promise.
#[derive(Debug, Error)]
pub enum NotAPromise {
    /// It is not JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// A field is missing or is not what it should be.
    #[error("field `{0}` is missing or malformed")]
    Field(&'static str),
    /// The encoding is not a promise, or nobody signed it.
    #[error(transparent)]
    Promise(#[from] PromiseError),
    /// What people read is not what was signed.
    #[error("the text differs from what is signed: it was altered, or written by another program")]
    Altered,
}

/// Returns a promise as JSON: in words, and `encoding`, which is what counts.
pub fn promise_json(promise: &SignedPromise, key: Address) -> Value {
    json!({
        "key": key,
        "domain": promise.domain,
        "promise": promise.statement,
        "group": { "index": promise.path.index, "count": promise.path.count },
        "signature": promise.signature,
        "encoding": Bytes::from(promise.encode()),
    })
}

/// Reads a promise and the key that the text names, and checks the signature.
///
/// A text is accepted as the node answers it, or as JSON tools print it (two spaces), and in no other form: the words of
/// a promise cannot say anything else than what is signed.
///
/// # Errors
///
/// [`NotAPromise`] for every text that differs in any byte.
pub fn read_promise(text: &str) -> Result<(SignedPromise, Address), NotAPromise> {
    let json: Value = serde_json::from_str(text)?;
    let encoding: Bytes = field(&json, "encoding")?;
    let key: Address = field(&json, "key")?;
    let promise = SignedPromise::decode(&encoding).map_err(PromiseError::from)?;
    promise.verify(key)?;
    let written = promise_json(&promise, key);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let forms = [serde_json::to_string(&written)?, serde_json::to_string_pretty(&written)?];
    let is_same = forms.iter().any(|form| form == text);
    if is_same { Ok((promise, key)) } else { Err(NotAPromise::Altered) }
}

fn field<T: serde::de::DeserializeOwned>(
    json: &Value,
    name: &'static str,
) -> Result<T, NotAPromise> {
    let value = json.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|_| NotAPromise::Field(name))
}
