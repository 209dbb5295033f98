//! The inbox: what L1 puts into the lane, whatever the sequencer wants (P46).

use weft_types::{L1Born, L1Event, L1Ref};

/// One entry of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// Time of its L1 block, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// What happened there.
    pub item: L1Born,
}

impl InboxEntry {
    /// Makes an entry of what its event on L1 holds. Every payload has a position; one that cannot be read is removed there.
    pub fn of_payload(unix_ms: u64, origin: L1Ref, payload: &[u8]) -> Self {
        Self { unix_ms, item: L1Born { origin, event: L1Event::of_payload(payload) } }
    }
}
