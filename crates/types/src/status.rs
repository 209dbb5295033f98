//! Result of a hop as its caller sees it (P25).

use crate::codec::{CodecError, Decode, Encode, Reader, Writer};
use serde::{Deserialize, Serialize};

/// Status of a crossing; the order is that of the `Status` enum of the manager contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Status {
    /// The callee returned.
    #[default]
    Ok = 0,
    /// The callee reverted; its revert data travels unchanged.
    Reverted = 1,
    /// The callee, or the crossing itself, ran out of gas or halted.
    OutOfGas = 2,
    /// The callee's rollup is not available in this slot (P8).
    Unavailable = 3,
    /// The network is outside the realm, or no table has an answer.
    NotProvisioned = 4,
    /// The leg pays less than the callee's base fee (P29).
    FeeTooLow = 5,
    /// The callee's block has less gas left than the hop brings (P29).
    Full = 6,
    /// The caller's rollup does not hold what it sends (P24).
    InsufficientEscrow = 7,
}

impl Status {
    /// Returns the byte used in hops and by the manager contract.
    pub const fn byte(self) -> u8 {
        self as u8
    }
}

impl Encode for Status {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(self.byte());
    }
}

impl Decode for Status {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => Self::Ok,
            1 => Self::Reverted,
            2 => Self::OutOfGas,
            3 => Self::Unavailable,
            4 => Self::NotProvisioned,
            5 => Self::FeeTooLow,
            6 => Self::Full,
            7 => Self::InsufficientEscrow,
            found => return Err(CodecError::Tag { what: "status", found }),
        })
    }
}
