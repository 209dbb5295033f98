//! The running head of the feed.

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    ids::{Section, SlotNumber},
};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Running head of the feed, signed every 100 ms (P16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Open slot.
    pub slot: SlotNumber,
    /// Hash of the previous slot's closing record, which binds every slot before.
    pub parent: B256,
    /// Section.
    pub section: Section,
    /// Items of the section that are promised so far.
    pub count: u32,
    /// Running hash of the section after them.
    pub chain: B256,
    /// When it was signed, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

impl Encode for Checkpoint {
    fn encode_to(&self, out: &mut Writer) {
        out.number(self.slot.get()).hash(&self.parent).u8(self.section as u8);
        out.number(self.count).hash(&self.chain).number(self.unix_ms);
    }
}

impl Decode for Checkpoint {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            slot: SlotNumber::new(input.number()?),
            parent: input.hash()?,
            section: Section::from_byte(input.u8()?)?,
            count: input.number()?,
            chain: input.hash()?,
            unix_ms: input.number()?,
        })
    }
}
