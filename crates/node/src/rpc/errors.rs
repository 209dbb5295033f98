//! JSON-RPC errors with the codes that stock clients know, and the named ones of bundles.
//!
//! | code | name | when |
//! |---|---|---|
//! | -38001 | `DuplicateBundle` | the bundle is on its way, or had its turn: it was included, or failed and is dead |
//! | -38002 | `BundleTooLarge` | more legs or bytes than the node accepts |
//! | -38003 | `Contradictory` | legs or markers that cannot belong together |
//! | -38004 | `Replayed` | the bundle, or one of its legs, was included before, or failed and is dead |
//! | -38005 | `UnknownRollup` | a chain id outside the realm |
//! | -38006 | `WrongChainId` | a leg is signed for another chain than it names |
//! | -38007 | `UnknownBundle` | a marker names a bundle that nobody prepared here, or that expired or made room |
//! | -38008 | `NotALeg` | a marked transaction that its bundle does not contain |
//! | -38009 | `TooManyBundles` | too many bundles wait for their last legs |
//! | -38010 | `LevelUnavailable` | a safety level that this node cannot give (P30) |
//! | -38011 | `EmptyBundle` | a bundle without legs |
//! | -38012 | `SameNetwork` | the proxy of an address on its own rollup |
//! | -38013 | `NonceTooHigh` | the nonce of a bundle's leg is ahead of its sender's; with the gap closed it may come again |
//! | -38020 | `NoSealing`, `NoKey`, .. | an envelope is not taken; the name says why |
//! | -38021 | `NoCommittee`, `UnknownMember`, .. | what a member of the committee says is refused; the name says why |
//! | -38050 | `NotAccepting` | intake is paused, the node is shutting down, or it follows |

use alloy_primitives::Bytes;
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::{Value, json};
use std::time::Duration;
use weft_types::{BundleId, InvalidBundle, InvalidLeg, InvalidReason, Removal};

/// Result of an RPC method.
pub(crate) type RpcResult<T = Value> = Result<T, RpcError>;

/// An error as the client sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RpcError {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) data: Option<Value>,
}

impl RpcError {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The parameters are not what the method takes.
    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    /// The node refuses; the code of nearly all of go-ethereum's errors.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    /// What was asked for does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(-32001, message)
    }

    /// The node has no room just now; the same request may work after `retry_after`.
    pub(crate) fn busy(message: impl Into<String>, retry_after: Duration) -> Self {
        let millis = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX).max(1);
        Self::limit(message).with(json!({ "retryAfterMs": millis }))
    }

    /// A bound of the node was reached.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(-32005, message)
    }

    /// A call reverted.
    pub(crate) fn reverted(output: &Bytes) -> Self {
        let reason = alloy_sol_types::decode_revert_reason(output);
        let message = match reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => {
                let reason = reason.strip_prefix("revert: ").unwrap_or(&reason).to_owned();
                format!("execution reverted: {reason}")
            }
            None => "execution reverted".to_owned(),
        };
        Self::new(3, message).with(json!(output))
    }

    pub(crate) fn with(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    pub(crate) fn named(code: i32, name: &str, message: impl std::fmt::Display) -> Self {
        Self::new(code, format!("{name}: {message}")).with(json!({ "name": name }))
    }

    /// An envelope is not taken.
    pub(crate) fn sealed_refused(name: &str, why: impl std::fmt::Display) -> Self {
        Self::named(-38020, name, why)
    }

    /// What a member of the committee says is refused, or what somebody says in its place.
    pub(crate) fn committee_refused(name: &str, why: impl std::fmt::Display) -> Self {
        Self::named(-38021, name, why)
    }

    pub(crate) fn not_accepting(why: &str) -> Self {
        Self::named(-38050, "NotAccepting", why)
    }

    pub(crate) fn duplicate_bundle(id: BundleId, why: impl std::fmt::Display) -> Self {
        Self::named(-38001, "DuplicateBundle", format_args!("bundle {id} {why}"))
    }

    pub(crate) fn bundle_too_large(why: impl std::fmt::Display) -> Self {
        Self::named(-38002, "BundleTooLarge", why)
    }

    pub(crate) fn contradictory(why: impl std::fmt::Display) -> Self {
        Self::named(-38003, "Contradictory", why)
    }

    pub(crate) fn replayed(why: impl std::fmt::Display) -> Self {
        Self::named(-38004, "Replayed", why)
    }

    pub(crate) fn unknown_rollup(chain_id: u64) -> Self {
        Self::named(-38005, "UnknownRollup", format_args!("rollup {chain_id} is not in the realm"))
    }

    pub(crate) fn wrong_chain_id(leg: usize, named: u64, signed: Option<u64>) -> Self {
        let signed = signed.map_or_else(|| "no chain".to_owned(), |id| format!("chain {id}"));
        let why = format!("leg {leg} is for chain {named} and signed for {signed}");
        Self::named(-38006, "WrongChainId", why)
    }

    pub(crate) fn unknown_bundle(id: BundleId) -> Self {
        let why = format!("bundle {id} was not prepared here, has expired or made room for others");
        Self::named(-38007, "UnknownBundle", why)
    }

    pub(crate) fn not_a_leg(id: BundleId) -> Self {
        let why = format!("bundle {id} has no leg with this sender, receiver, value and data");
        Self::named(-38008, "NotALeg", why)
    }

    pub(crate) fn too_many_bundles(limit: usize) -> Self {
        Self::named(-38009, "TooManyBundles", format_args!("{limit} bundles wait for their legs"))
    }

    pub(crate) fn level_unavailable(level: &str) -> Self {
        let why = format!(
            "level {level} is not offered yet; what is promised is of level reputation (P30)"
        );
        Self::named(-38010, "LevelUnavailable", why)
    }

    pub(crate) fn same_network(chain_id: u64) -> Self {
        let why = format!("an address of chain {chain_id} has no proxy on chain {chain_id}");
        Self::named(-38012, "SameNetwork", why)
    }

    pub(crate) fn nonce_too_high(leg: usize, nonce: u64, expected: u64) -> Self {
        let why =
            format!("nonce too high: bundle leg {leg} has nonce {nonce}, expected {expected}");
        Self::named(-38013, "NonceTooHigh", why)
    }

    /// Says why a removed item cannot be answered for otherwise.
    pub(crate) fn removed(removal: &Removal, chain_id: Option<u64>) -> Self {
        let message = match removal.invalid {
            Some(InvalidReason::NonceTooLow) => format!("nonce too low: {}", removal.reason),
            Some(InvalidReason::NonceTooHigh) => format!("nonce too high: {}", removal.reason),
            Some(InvalidReason::InsufficientFunds) => {
                format!("insufficient funds for gas * price + value: {}", removal.reason)
            }
            Some(InvalidReason::FeeTooLow) => {
                format!("max fee per gas less than block base fee: {}", removal.reason)
            }
            _ => removal.reason.clone(),
        };
        let code = if removal.revert_data.is_empty() { -32000 } else { 3 };
        let data = json!({
            "cause": removal.cause,
            "chainId": chain_id,
            "leg": removal.leg,
            "txHash": removal.tx_hash,
            "reason": removal.reason,
            "invalid": removal.invalid,
            "revertData": removal.revert_data,
        });
        Self::new(code, message).with(data)
    }
}

impl From<InvalidLeg> for RpcError {
    fn from(error: InvalidLeg) -> Self {
        match error {
            InvalidLeg::Undecodable(_) => Self::params(error.to_string()),
            InvalidLeg::Signature => Self::params("invalid sender: invalid signature"),
            InvalidLeg::Blob => Self::refused(format!("transaction type not supported: {error}")),
            InvalidLeg::Oversized { size, limit } => {
                Self::refused(format!("oversized data: transaction size {size}, limit {limit}"))
            }
        }
    }
}

impl From<InvalidBundle> for RpcError {
    fn from(error: InvalidBundle) -> Self {
        match error {
            InvalidBundle::Empty => Self::named(-38011, "EmptyBundle", error),
            InvalidBundle::TooManyLegs { .. } => Self::bundle_too_large(error),
            _ => Self::contradictory(error),
        }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        Self::owned(error.code, error.message, error.data)
    }
}

impl From<weft_state::StoreError> for RpcError {
    fn from(error: weft_state::StoreError) -> Self {
        match error {
            weft_state::StoreError::NotKept { .. } => {
                Self::refused(format!("historical state unavailable: {error}"))
            }
            _ => Self::new(-32603, format!("state unavailable: {error}")),
        }
    }
}
