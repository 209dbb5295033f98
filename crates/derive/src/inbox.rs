//! The inbox: what L1 puts into the lane, whatever the sequencer wants (P46).

use weft_types::L1Born;

/// One entry of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// Time of its L1 block, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// What happened there.
    pub item: L1Born,
}
