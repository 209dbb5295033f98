//! Roots over lists: a Merkle tree whose node without a sibling moves up as it is, and the number of leaves on top.

use alloc::vec::Vec;
use alloy_primitives::B256;
use weft_types::{Domain, Tag, Writer};

/// Returns `H(74, number of leaves u64 || top)`; zero for an empty list.
pub fn list_root(domain: &Domain, leaves: &[B256]) -> B256 {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = above(domain, &level);
    }
    level.first().map_or(B256::ZERO, |top| crown(domain, leaves.len() as u64, top))
}

/// Returns the siblings of leaf `index` from the leaf up; nothing when there is no such leaf.
pub fn opening(domain: &Domain, leaves: &[B256], index: usize) -> Option<Vec<B256>> {
    leaves.get(index)?;
    let (mut level, mut at) = (leaves.to_vec(), index);
    let mut siblings = Vec::new();
    while level.len() > 1 {
        siblings.extend(level.get(at ^ 1));
        level = above(domain, &level);
        at /= 2;
    }
    Some(siblings)
}

/// Returns the root of the list of `count` leaves in which `leaf` has these siblings; nothing when no list has such a path.
pub fn opened_root(
    domain: &Domain,
    leaf: B256,
    index: u64,
    count: u64,
    siblings: &[B256],
) -> Option<B256> {
    if index >= count {
        return None;
    }
    let (mut at, mut width, mut hash) = (index, count, leaf);
    let mut siblings = siblings.iter();
    while width > 1 {
        if at ^ 1 < width {
            let sibling = siblings.next()?;
            let (left, right) = if at & 1 == 0 { (&hash, sibling) } else { (sibling, &hash) };
            hash = node(domain, left, right);
        }
        (at, width) = (at / 2, width.div_ceil(2));
    }
    siblings.next().is_none().then(|| crown(domain, count, &hash))
}

fn above(domain: &Domain, level: &[B256]) -> Vec<B256> {
    let pair = |pair: &[B256]| match pair {
        [left, right] => node(domain, left, right),
        alone => alone[0],
    };
    level.chunks(2).map(pair).collect()
}

fn node(domain: &Domain, left: &B256, right: &B256) -> B256 {
    let mut out = Writer::with_capacity(64);
    out.hash(left).hash(right);
    domain.hash(Tag::SettledNode, out.as_slice())
}

/// Index and count fix the depth of every leaf, so a node never passes for one.
fn crown(domain: &Domain, count: u64, top: &B256) -> B256 {
    let mut out = Writer::with_capacity(40);
    out.u64(count).hash(top);
    domain.hash(Tag::SettledList, out.as_slice())
}
