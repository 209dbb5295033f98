//! What auditors need beside promises: commitments to the order of closed slots (P15), and the keys of epochs.
//!
//! ```text
//!  engine ─► running hashes, on disk ─► committer (apart, behind others) ─┐
//!         └► key list, on disk ────────────────────────────────────────────┴─► worker signs ─► shelf, feed, database
//! ```

mod committer;
mod json;
mod shelf;

pub(crate) use committer::{Committer, Running};
pub(crate) use json::{commitment_json, notice_json, opening_json};
pub(crate) use shelf::{Committed, Fresh, Shelf};

use weft_commitment::{SlotCommitment, SlotVector};
use weft_evidence::{EpochNotice, notice::Notice as _};
use weft_promise::Word;
use weft_types::{Domain, SlotNumber};

/// Something to be said, before it is signed.
#[derive(Debug)]
pub(crate) enum Saying {
    /// What the order of a slot is committed to.
    Commitment(SlotVector, SlotCommitment),
    /// The key of an epoch, and the first slot in which it can have been announced.
    Epoch(EpochNotice, SlotNumber),
}

impl Saying {
    /// Returns what is signed, for the guard.
    pub(crate) fn word(&self, domain: &Domain) -> Word {
        match self {
            Self::Commitment(vector, commitment) => {
                Word::Commitment { slot: vector.slot(), digest: commitment.hash(domain) }
            }
            Self::Epoch(notice, since) => {
                Word::Epoch { epoch: notice.epoch, since: *since, digest: notice.digest(domain) }
            }
        }
    }
}
