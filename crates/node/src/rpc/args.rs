//! Positional parameters.

use super::errors::{RpcError, RpcResult};
use alloy_primitives::{Address, B256, Bytes};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::str::FromStr;

/// Positional parameters of a call.
#[derive(Debug, Default)]
pub(crate) struct Args(Vec<Value>);

impl Args {
    /// Reads the `params` of a request, `most` at most; none at all counts as an empty list.
    pub(crate) fn parse(params: Option<&str>, most: usize) -> RpcResult<Self> {
        let Some(params) = params else { return Ok(Self::default()) };
        match serde_json::from_str(params) {
            Ok(Value::Array(args)) if args.len() > most => {
                Err(RpcError::params(format!("too many arguments, want at most {most}")))
            }
            Ok(Value::Array(args)) => Ok(Self(args)),
            Ok(Value::Null) => Ok(Self::default()),
            Ok(_) => Err(RpcError::params("params must be a list")),
            Err(error) => Err(RpcError::params(format!("invalid params: {error}"))),
        }
    }

    /// Returns a parameter that must be there.
    pub(crate) fn required<T: DeserializeOwned>(&self, index: usize) -> RpcResult<T> {
        let missing = || RpcError::params(format!("missing value for required argument {index}"));
        self.optional(index)?.ok_or_else(missing)
    }

    /// Returns a parameter that may be missing or null.
    pub(crate) fn optional<T: DeserializeOwned>(&self, index: usize) -> RpcResult<Option<T>> {
        match self.0.get(index) {
            None | Some(Value::Null) => Ok(None),
            // The parsers of block numbers take a sign after the prefix.
            Some(Value::String(text)) if is_bad_hex(text) => {
                Err(RpcError::params(format!("invalid argument {index}: no hex digits after 0x")))
            }
            Some(value) => T::deserialize(value)
                .map(Some)
                .map_err(|error| RpcError::params(format!("invalid argument {index}: {error}"))),
        }
    }

    /// Returns 32 bytes, which must be written with a prefix and in full.
    pub(crate) fn hash(&self, index: usize) -> RpcResult<B256> {
        self.hex(index, Some(64), "a hash of 32 bytes")
    }

    /// Returns 20 bytes, which must be written with a prefix and in full.
    pub(crate) fn address(&self, index: usize) -> RpcResult<Address> {
        self.hex(index, Some(40), "an address of 20 bytes")
    }

    /// Returns bytes, which must be written with a prefix.
    pub(crate) fn bytes(&self, index: usize) -> RpcResult<Bytes> {
        self.hex(index, None, "bytes")
    }

    fn hex<T: FromStr>(&self, index: usize, length: Option<usize>, what: &str) -> RpcResult<T> {
        let text: String = self.required(index)?;
        prefixed(&text, length).ok_or_else(|| {
            RpcError::params(format!("invalid argument {index}: not {what} with 0x"))
        })
    }

    /// Returns a list of hashes, each written as for [`Self::hash`].
    pub(crate) fn hashes(&self, index: usize) -> RpcResult<Vec<B256>> {
        let texts: Vec<String> = self.required(index)?;
        read_all(index, &texts, Some(64), "a hash of 32 bytes")
    }

    /// Returns a list of bytes, each written as for [`Self::bytes`]; none when it is missing.
    pub(crate) fn all_bytes(&self, index: usize) -> RpcResult<Vec<Bytes>> {
        let texts: Option<Vec<String>> = self.optional(index)?;
        read_all(index, &texts.unwrap_or_default(), None, "bytes")
    }

    /// Returns a number that must be there, in any form of [`Self::number`].
    pub(crate) fn required_number(&self, index: usize) -> RpcResult<u64> {
        let missing = || RpcError::params(format!("missing value for required argument {index}"));
        self.number(index)?.ok_or_else(missing)
    }

    /// Returns a number that may come as a hex or decimal string or as a JSON number.
    pub(crate) fn number(&self, index: usize) -> RpcResult<Option<u64>> {
        let Some(value) = self.0.get(index).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        number(value)
            .map(Some)
            .ok_or_else(|| RpcError::params(format!("invalid argument {index}: {value}")))
    }
}

fn read_all<T: FromStr>(
    index: usize,
    texts: &[String],
    length: Option<usize>,
    what: &str,
) -> RpcResult<Vec<T>> {
    let wrong = |at| {
        RpcError::params(format!("invalid argument {index}: number {at} is not {what} with 0x"))
    };
    let read = |(at, text): (_, &String)| prefixed(text, length).ok_or_else(|| wrong(at));
    texts.iter().enumerate().map(read).collect()
}

/// Returns true when what follows `0x` is no hex digit.
fn is_bad_hex(text: &str) -> bool {
    let digits = text.strip_prefix("0x");
    digits.is_some_and(|digits| !digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Reads hex digits with a prefix, `length` of them if that is fixed.
pub(crate) fn prefixed<T: FromStr>(text: &str, length: Option<usize>) -> Option<T> {
    let digits = text.strip_prefix("0x")?;
    let is_long = length.is_none_or(|length| digits.len() == length);
    // The parsers of alloy take a second prefix.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_long && is_hex).then(|| digits.parse().ok()).flatten()
}

/// Reads a number in any of the forms that clients send.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            let (digits, radix) = match text.strip_prefix("0x") {
                Some(hex) => (hex, 16),
                None => (text.as_str(), 10),
            };
            // The standard library takes a sign.
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
            is_plain.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
        }
        _ => None,
    }
}
