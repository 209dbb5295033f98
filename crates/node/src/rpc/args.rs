//! Positional parameters.

use super::errors::{RpcError, RpcResult};
use alloy_primitives::B256;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Positional parameters of a call.
#[derive(Debug, Default)]
pub(crate) struct Args(Vec<Value>);

impl Args {
    /// Reads the `params` of a request; none at all counts as an empty list.
    pub(crate) fn parse(params: Option<&str>) -> RpcResult<Self> {
        let Some(params) = params else { return Ok(Self::default()) };
        match serde_json::from_str(params) {
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
            Some(value) => T::deserialize(value)
                .map(Some)
                .map_err(|error| RpcError::params(format!("invalid argument {index}: {error}"))),
        }
    }

    /// Returns 32 bytes, which must be written with a prefix and in full.
    pub(crate) fn hash(&self, index: usize) -> RpcResult<B256> {
        let text: String = self.required(index)?;
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64);
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
            RpcError::params(format!("invalid argument {index}: not a hash of 32 bytes with 0x"))
        })
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

/// Reads a number in any of the forms that clients send.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        },
        _ => None,
    }
}
