//! Groups of statements under one signature (P14).

use crate::{
    codec::{CodecError, Decode, Encode, Reader, Writer},
    domain::{Domain, Tag},
};
use alloc::vec::Vec;
use alloy_primitives::B256;

/// Most statements under one signature.
pub const MAX_GROUP: usize = 1 << 12;

/// Merkle tree over the leaves of a group. A node without a sibling moves up as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    domain: Domain,
    /// Leaves first, root last.
    levels: Vec<Vec<B256>>,
}

/// Way from a leaf to the signed root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Number of the leaf in its group.
    pub index: u16,
    /// Leaves of the group.
    pub count: u16,
    /// Siblings from the leaf up.
    pub siblings: Vec<B256>,
}

impl Group {
    /// Builds the tree over `leaves`; `None` when there are none, or more than [`MAX_GROUP`].
    pub fn new(domain: Domain, leaves: Vec<B256>) -> Option<Self> {
        if leaves.is_empty() || leaves.len() > MAX_GROUP {
            return None;
        }
        let mut levels = Vec::from([leaves]);
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => node(&domain, left, right),
                alone => alone[0],
            });
            levels.push(above.collect());
        }
        Some(Self { domain, levels })
    }

    /// Returns what is signed.
    pub fn digest(&self) -> B256 {
        digest(&self.domain, self.count(), &self.levels[self.levels.len() - 1][0])
    }

    /// Returns the path of leaf `index`; `None` when the group has no such leaf.
    pub fn path(&self, index: u16) -> Option<Path> {
        if index >= self.count() {
            return None;
        }
        let mut at = usize::from(index);
        let mut siblings = Vec::new();
        for level in &self.levels {
            siblings.extend(level.get(at ^ 1));
            at /= 2;
        }
        Some(Path { index, count: self.count(), siblings })
    }

    fn count(&self) -> u16 {
        self.levels[0].len() as u16
    }
}

impl Path {
    /// Returns the digest of the group in which `leaf` has this path; `None` for a path that no group has.
    pub fn digest(&self, domain: &Domain, leaf: B256) -> Option<B256> {
        let (mut at, mut width) = (usize::from(self.index), usize::from(self.count));
        if at >= width || width > MAX_GROUP {
            return None;
        }
        let mut siblings = self.siblings.iter();
        let mut hash = leaf;
        while width > 1 {
            if at ^ 1 < width {
                let sibling = siblings.next()?;
                let (left, right) = if at % 2 == 0 { (&hash, sibling) } else { (sibling, &hash) };
                hash = node(domain, left, right);
            }
            (at, width) = (at / 2, width.div_ceil(2));
        }
        siblings.next().is_none().then(|| digest(domain, self.count, &hash))
    }
}

fn node(domain: &Domain, left: &B256, right: &B256) -> B256 {
    let mut hasher = domain.hasher(Tag::PromiseNode);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize()
}

fn digest(domain: &Domain, count: u16, root: &B256) -> B256 {
    let mut hasher = domain.hasher(Tag::PromiseGroup);
    hasher.update(count.to_be_bytes());
    hasher.update(root);
    hasher.finalize()
}

impl Encode for Path {
    fn encode_to(&self, out: &mut Writer) {
        out.u16(self.index).u16(self.count).len(self.siblings.len());
        for sibling in &self.siblings {
            out.hash(sibling);
        }
    }
}

impl Decode for Path {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (index, count) = (input.u16()?, input.u16()?);
        let len = input.bounded_len(MAX_GROUP.ilog2() as usize)?;
        let siblings = (0..len).map(|_| input.hash()).collect::<Result<_, _>>()?;
        Ok(Self { index, count, siblings })
    }
}
