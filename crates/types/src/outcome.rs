//! What became of an item (P4).

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    ids::NetworkId,
};
use alloc::string::String;
use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// Its transactions are in the closed blocks.
    Included,
    /// It is in no closed block.
    Removed(Removal),
}

/// Why an item is not in the closed blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// Cause, as the protocol counts it.
    pub cause: RemovalCause,
    /// Rollup on which it failed.
    pub network: NetworkId,
    /// Leg that failed, from 0.
    pub leg: u16,
    /// Transaction hash of the leg that failed, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<B256>,
    /// What went wrong, for people.
    pub reason: String,
    /// Why the leg was not valid, when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid: Option<InvalidReason>,
    /// Revert data of the leg, unchanged.
    pub revert_data: Bytes,
}

/// Cause of a removal. One byte in every encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum RemovalCause {
    /// It ran and reverted or halted.
    Failed = 0,
    /// Another leg of its bundle failed.
    Sibling = 1,
    /// Its ciphertext opens to nothing.
    Undecryptable = 2,
    /// Its plaintext is not an item, or breaks its own declarations.
    Malformed = 3,
    /// It could not start: nonce, balance, fee, block space, dead hash.
    Invalid = 4,
    /// It was not under a closed head in time (P17).
    Late = 5,
    /// Its rollup is not available (P8).
    Unavailable = 6,
    /// Its L1 block is not canonical any more (P48).
    Reorged = 7,
}

/// Why a leg could not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InvalidReason {
    /// Its nonce was used.
    NonceTooLow,
    /// Its nonce is ahead of the account's.
    NonceTooHigh,
    /// The sender cannot pay gas and value.
    InsufficientFunds,
    /// It pays less than the base fee.
    FeeTooLow,
    /// The block has no room for its gas limit.
    BlockFull,
    /// It failed before and was removed for it (P4).
    Dead,
    /// Its signature is for another chain.
    WrongChainId,
    /// The rollup is not in the realm.
    UnknownRollup,
    /// It carries a marker and is not in its bundle (P18).
    Unbundled,
    /// It breaks another rule of the EVM, named in the reason.
    Rule,
}

impl RemovalCause {
    /// All causes, each at its byte.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Sibling,
        Self::Undecryptable,
        Self::Malformed,
        Self::Invalid,
        Self::Late,
        Self::Unavailable,
        Self::Reorged,
    ];
}

impl Encode for RemovalCause {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(*self as u8);
    }
}

impl Decode for RemovalCause {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let found = input.u8()?;
        let known = Self::ALL.get(usize::from(found));
        known.copied().ok_or(CodecError::Tag { what: "cause of a removal", found })
    }
}

impl Removal {
    /// Returns true when a leg ran and failed, so that the item is dead (P4).
    pub fn is_failed(&self) -> bool {
        self.cause == RemovalCause::Failed
    }

    /// Stands for a removal that was decided elsewhere, of which only the death counts here.
    pub const fn elsewhere(is_failed: bool) -> Self {
        Self {
            cause: if is_failed { RemovalCause::Failed } else { RemovalCause::Invalid },
            network: NetworkId::L1,
            leg: 0,
            tx_hash: None,
            reason: String::new(),
            invalid: None,
            revert_data: Bytes::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_stands_at_its_byte() {
        for (byte, cause) in (0..).zip(RemovalCause::ALL) {
            let mut out = Writer::default();
            out.put(&cause);
            assert_eq!(out.finish(), [byte]);
            assert_eq!(Reader::new(&[byte]).get(), Ok(cause));
        }
        let unknown = Reader::new(&[RemovalCause::ALL.len() as u8]).get::<RemovalCause>();
        assert!(matches!(unknown, Err(CodecError::Tag { .. })), "{unknown:?}");
    }
}
