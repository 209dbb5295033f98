//! The thread hash (P22, ADR 0001).

use alloy_primitives::B256;
use weft_types::{Domain, Encode, Hop, Place, Position, Tag, Writer};

/// Returns the thread hash at which leg `leg` of the item with hash `item` starts.
pub fn thread_start(domain: &Domain, position: Position, leg: u16, item: &B256) -> B256 {
    let mut out = Writer::with_capacity(47);
    position.encode_to(&mut out);
    out.u16(leg).hash(item);
    domain.hash(Tag::Thread, out.as_slice())
}

/// Returns the thread hash after `hop`, whose hash is `hash`: the hop's hash when it advances the thread,
/// else the hash before it. A hop commits to the thread before it, so its hash can stand for the whole past.
pub const fn advance(hop: &Hop, hash: B256) -> B256 {
    if hop.advances() { hash } else { hop.thread }
}

/// Returns the place of verdict `k` of a bundle of `legs` legs at `position`.
pub const fn verdict_place(position: Position, legs: u16, k: u32) -> Place {
    position.place(legs, k)
}
