//! The Merkle tree over a vector. A node without a sibling moves up as it is, as in groups of promises.

use crate::element::Element;
use alloc::vec::Vec;
use alloy_primitives::B256;
use weft_types::{Domain, Tag};

/// Merkle tree over the elements of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Leaves first, root last; none for an empty vector.
    levels: Vec<Vec<B256>>,
}

impl Tree {
    /// Builds the tree. Costs one hash an element.
    pub fn new(domain: &Domain, elements: &[Element]) -> Self {
        let mut level: Vec<B256> = elements.iter().map(|element| *element.word()).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => node(domain, left, right),
                alone => alone[0],
            });
            let above = above.collect();
            levels.push(core::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// Returns the root; zero for an empty vector.
    pub fn root(&self) -> B256 {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }

    /// Returns the siblings of element `index` from the leaf up; nothing when there is no such element.
    pub fn siblings(&self, index: u32) -> Option<Vec<B256>> {
        let mut at = index as usize;
        self.levels.first()?.get(at)?;
        let mut siblings = Vec::new();
        for level in &self.levels {
            siblings.extend(level.get(at ^ 1));
            at /= 2;
        }
        Some(siblings)
    }
}

/// Returns the root of the tree of `count` elements in which `element` has these siblings; nothing when no such tree
/// has a path of this length.
pub fn root_of(
    domain: &Domain,
    element: &Element,
    index: u32,
    count: u32,
    siblings: &[B256],
) -> Option<B256> {
    if index >= count {
        return None;
    }
    let (mut at, mut width) = (index, count);
    let mut siblings = siblings.iter();
    let mut hash = *element.word();
    while width > 1 {
        if at ^ 1 < width {
            let sibling = siblings.next()?;
            let (left, right) =
                if at.is_multiple_of(2) { (&hash, sibling) } else { (sibling, &hash) };
            hash = node(domain, left, right);
        }
        (at, width) = (at / 2, width.div_ceil(2));
    }
    siblings.next().is_none().then_some(hash)
}

/// Returns `H(domain, tag 40, left || right)`. Index and count fix the depth of every leaf, so a node never passes for one.
fn node(domain: &Domain, left: &B256, right: &B256) -> B256 {
    let mut hasher = domain.hasher(Tag::CommitmentNode);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize()
}
