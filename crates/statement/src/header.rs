//! What L1 is told of a batch when it is posted (P40).

use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};
use weft_batch::{Batch, SignedBatch};
use weft_settlement::BatchHeader;
use weft_types::{Domain, NetworkId, Tag, Writer};

/// What a header says that its batch does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// Hash of the batch before, as L1 knows it.
    pub parent: B256,
    /// L1 block on which the batch rests.
    pub number: u64,
    /// Hash of that block.
    pub hash: B256,
}

/// Returns the header with which a batch is posted; `rollups` are those of the realm in the order of their registration.
pub fn header_of(
    domain: &Domain,
    signed: &SignedBatch,
    rollups: &[NetworkId],
    origin: &Origin,
) -> BatchHeader {
    let batch = &signed.batch;
    BatchHeader {
        number: batch.number,
        parent: origin.parent,
        first_slot: batch.first.get(),
        last_slot: batch.last().get(),
        inbox_cursor: batch.inbox_cursor,
        l1_number: origin.number,
        l1_hash: origin.hash,
        rollups: rollups_of(batch, rollups),
        lane_root: lane_root(domain, batch),
        content: keccak256(signed.encode()),
    }
}

/// Returns the rollups that have a new block in a batch: bit `id - 1` for each, whose id is its place among `rollups`.
pub fn rollups_of(batch: &Batch, rollups: &[NetworkId]) -> u128 {
    let is_named = |network| batch.heads.iter().any(|head| head.network == network);
    let named = rollups.iter().take(128).enumerate().filter(|(_, network)| is_named(**network));
    named.fold(0, |bits, (place, _)| bits | 1 << place)
}

/// Returns the root over the commitments to the order of a batch's slots, zero when none has any (P15). The leaf of a slot is
/// `H(75, slot u64 || Merkle root || KZG commitments)`.
pub fn lane_root(domain: &Domain, batch: &Batch) -> B256 {
    let slots = (batch.first.get()..).zip(&batch.slots);
    let leaf = |(number, slot): (u64, &weft_batch::Slot)| {
        let order = slot.order.as_ref()?;
        let mut out = Writer::default();
        out.u64(number).hash(&order.root);
        order.kzg.iter().for_each(|commitment| _ = out.raw(commitment.as_ref()));
        Some(domain.hash(Tag::SettledLane, out.as_slice()))
    };
    let leaves: Vec<_> = slots.filter_map(leaf).collect();
    crate::list_root(domain, &leaves)
}
