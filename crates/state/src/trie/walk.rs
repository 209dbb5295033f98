//! Going through a trie where something changed, or where a proof leads.

use super::node;
use crate::{
    error::StoreError,
    keys,
    read::{Read, under},
    table::Table,
};
use alloy_primitives::{B256, Bytes};
use alloy_trie::{
    BranchNodeCompact, HashBuilder, Nibbles,
    proof::{ProofNodes, ProofRetainer},
};
use std::{collections::BTreeMap, ops::Bound};

/// What an empty trie has in place of a root.
const EMPTY_NODE: u8 = alloy_rlp::EMPTY_STRING_CODE;

/// A trie in two tables: leaves by hashed key, branches by path.
#[derive(Debug, Clone)]
pub(crate) struct Trie<'a> {
    pub(crate) read: &'a dyn Read,
    /// Table of the leaves.
    pub(crate) leaves: Table,
    /// Table of the branches.
    pub(crate) nodes: Table,
    /// What the keys of both begin with.
    pub(crate) prefix: Vec<u8>,
    /// Writes a leaf's entry as the trie holds it.
    pub(crate) rlp: fn(&[u8], &mut Vec<u8>) -> Result<(), StoreError>,
}

/// What became of a trie.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) root: B256,
    /// Branches to keep, and paths without one any more.
    pub(crate) nodes: Vec<(Nibbles, Option<BranchNodeCompact>)>,
}

impl Trie<'_> {
    /// Returns root and branches after the leaves at `changed` were written; the branches kept are those of before.
    pub(crate) fn update(&self, changed: Vec<B256>) -> Result<Update, StoreError> {
        let mut walk = self.walk(HashBuilder::default().with_updates(true));
        let root = walk.run(changed)?;
        let (_, updated) = walk.builder.split();
        let mut nodes: BTreeMap<_, _> = walk.seen.into_iter().map(|path| (path, None)).collect();
        nodes.extend(updated.into_iter().map(|(path, node)| (path, Some(node))));
        Ok(Update { root, nodes: nodes.into_iter().collect() })
    }

    /// Returns the root and the nodes on the way to each of `targets`.
    pub(crate) fn prove(&self, targets: Vec<B256>) -> Result<(B256, ProofNodes), StoreError> {
        let retainer = ProofRetainer::from_iter(targets.iter().map(Nibbles::unpack));
        let mut walk = self.walk(HashBuilder::default().with_proof_retainer(retainer));
        let root = walk.run(targets)?;
        Ok((root, walk.builder.take_proof_nodes()))
    }

    fn walk(&self, builder: HashBuilder) -> Walk<'_> {
        Walk { trie: self, builder, seen: Vec::new(), rlp: Vec::new() }
    }
}

/// A walk through a trie from left to right.
///
/// Invariant: between two steps `builder` has taken every leaf left of the present path, as itself or within a branch.
struct Walk<'a> {
    trie: &'a Trie<'a>,
    builder: HashBuilder,
    /// Paths of the branches that were walked into.
    seen: Vec<Nibbles>,
    rlp: Vec<u8>,
}

/// Neighbouring children whose leaves are read together.
///
/// Reading begins and ends at children without a known hash. Those in between that have one, and few leaves, are read
/// past, which is cheaper than beginning anew behind them.
#[derive(Default)]
struct Run {
    first: Option<Nibbles>,
    last: Nibbles,
    hashed: Vec<(Nibbles, B256)>,
}

impl Run {
    fn push(&mut self, child: Nibbles) {
        self.first.get_or_insert(child);
        self.last = child;
    }

    /// Takes a child that needs no reading into the run; false when none is being read.
    fn push_hashed(&mut self, child: Nibbles, hash: B256) -> bool {
        let is_running = self.first.is_some();
        if is_running {
            self.hashed.push((child, hash));
        }
        is_running
    }

    fn hash_above(&self, leaf: &Nibbles) -> Option<(Nibbles, B256)> {
        self.hashed.iter().find(|(child, _)| leaf.starts_with(child)).copied()
    }
}

impl Walk<'_> {
    fn run(&mut self, mut targets: Vec<B256>) -> Result<B256, StoreError> {
        targets.sort_unstable();
        targets.dedup();
        let targets: Vec<_> = targets.iter().map(Nibbles::unpack).collect();
        self.enter(Nibbles::new(), &targets)?;
        Ok(self.builder.root())
    }

    /// Walks through what lies below `path`, towards `targets`, all of which begin with it.
    fn enter(&mut self, path: Nibbles, targets: &[Nibbles]) -> Result<(), StoreError> {
        let stored = self.trie.read.get(self.trie.nodes, &keys::node(&self.trie.prefix, &path))?;
        match stored {
            Some(bytes) => {
                self.seen.push(path);
                self.branch(path, &node::decode(&bytes)?, targets)
            }
            None => self.rebuild(path),
        }
    }

    /// Walks through a branch: children that are no target are taken by their hash where the branch has it.
    fn branch(
        &mut self,
        path: Nibbles,
        node: &BranchNodeCompact,
        mut targets: &[Nibbles],
    ) -> Result<(), StoreError> {
        let mut run = Run::default();
        for nibble in 0..16 {
            let mut child = path;
            child.push(nibble);
            let count = targets.partition_point(|target| target.starts_with(&child));
            let (inside, rest) = targets.split_at(count);
            targets = rest;
            if !inside.is_empty() && node.tree_mask.is_bit_set(nibble) {
                self.leaves(std::mem::take(&mut run))?;
                self.enter(child, inside)?;
            } else if inside.is_empty() && node.hash_mask.is_bit_set(nibble) {
                let (hash, is_stored) =
                    (node.hash_for_nibble(nibble), node.tree_mask.is_bit_set(nibble));
                if is_stored || !run.push_hashed(child, hash) {
                    self.leaves(std::mem::take(&mut run))?;
                    self.builder.add_branch(child, hash, is_stored);
                }
            } else if !inside.is_empty() || node.state_mask.is_bit_set(nibble) {
                run.push(child);
            }
        }
        self.leaves(run)
    }

    /// Makes everything below `path` again, where no branch is kept: few leaves, or a long common path above a
    /// branch, which takes leaves whose hashes are alike at their beginnings.
    fn rebuild(&mut self, path: Nibbles) -> Result<(), StoreError> {
        let prefix = &self.trie.prefix;
        let below = keys::node(prefix, &path);
        for (key, _) in under(self.trie.read, self.trie.nodes, &below)? {
            self.seen.push(Nibbles::from_nibbles(&key[prefix.len()..]));
        }
        self.leaves(Run { first: Some(path), last: path, ..Run::default() })
    }

    /// Takes the leaves of neighbouring children one by one, and children with a known hash whole.
    fn leaves(&mut self, run: Run) -> Result<(), StoreError> {
        let Some(first) = run.first else { return Ok(()) };
        let Trie { read, leaves, prefix, rlp, .. } = self.trie;
        let (from, to) = keys::leaves(prefix, &first, &run.last);
        for pair in read.range(*leaves, (Bound::Included(&from), Bound::Included(&to)))? {
            let (key, value) = pair?;
            let path = Nibbles::unpack(&key[prefix.len()..]);
            if let Some((child, hash)) = run.hash_above(&path) {
                if self.builder.key != child {
                    self.builder.add_branch(child, hash, false);
                }
                continue;
            }
            self.rlp.clear();
            rlp(&value, &mut self.rlp)?;
            self.builder.add_leaf(path, &self.rlp);
        }
        for (child, hash) in run.hashed.into_iter().filter(|(child, _)| *child > run.last) {
            self.builder.add_branch(child, hash, false);
        }
        Ok(())
    }
}

/// Returns the nodes of a proof that lead towards `target`.
///
/// What others answer: nothing for an empty trie, and no node of its own for one that its parent holds whole.
pub(crate) fn on_the_way(nodes: &ProofNodes, target: &B256) -> Vec<Bytes> {
    let nodes = nodes.matching_nodes_sorted(&Nibbles::unpack(target)).into_iter();
    let has_hash = |(path, node): &(Nibbles, Bytes)| path.is_empty() || node.len() >= 32;
    nodes
        .filter(has_hash)
        .map(|(_, node)| node)
        .filter(|node| node.as_ref() != [EMPTY_NODE])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        database::Database,
        keys::Keys,
        overlay::Overlay,
        table::{SLOT_NODES, SLOTS},
        trie::encode,
    };
    use alloy_trie::proof::verify_proof;
    use proptest::prelude::*;
    use weft_types::NetworkId;

    type Leaves = BTreeMap<B256, Vec<u8>>;
    type Nodes = BTreeMap<Nibbles, BranchNodeCompact>;

    fn prefix() -> Vec<u8> {
        Keys::new(NetworkId::new(7)).of(&[b"tries"])
    }

    fn trie(overlay: &Overlay) -> Trie<'_> {
        let rlp = |entry: &[u8], out: &mut Vec<u8>| {
            out.extend(entry);
            Ok(())
        };
        Trie { read: overlay, leaves: SLOTS, nodes: SLOT_NODES, prefix: prefix(), rlp }
    }

    fn from_scratch(leaves: &Leaves) -> (B256, Nodes) {
        let mut builder = HashBuilder::default().with_updates(true);
        leaves.iter().for_each(|(key, value)| builder.add_leaf(Nibbles::unpack(key), value));
        let root = builder.root();
        (root, builder.split().1.into_iter().map(|(path, node)| (path, bare(node))).collect())
    }

    fn bare(mut node: BranchNodeCompact) -> BranchNodeCompact {
        node.root_hash = None;
        node
    }

    fn stored(overlay: &Overlay) -> Nodes {
        let nodes = under(overlay, SLOT_NODES, &prefix()).unwrap();
        let path = |key: &[u8]| Nibbles::from_nibbles(&key[prefix().len()..]);
        nodes.iter().map(|(key, node)| (path(key), node::decode(node).unwrap())).collect()
    }

    fn write(overlay: &mut Overlay, leaves: &mut Leaves, writes: &[(B256, Option<u8>)]) {
        for (key, value) in writes {
            let entry = [prefix().as_slice(), key.as_slice()].concat();
            match value {
                Some(value) => {
                    let value = vec![*value; 1 + usize::from(value % 40)];
                    overlay.put(SLOTS, entry, value.clone());
                    leaves.insert(*key, value);
                }
                None => {
                    overlay.delete(SLOTS, entry).unwrap();
                    leaves.remove(key);
                }
            }
        }
    }

    fn update(overlay: &mut Overlay, writes: &[(B256, Option<u8>)]) -> B256 {
        let changed = writes.iter().map(|(key, _)| *key).collect();
        let update = trie(overlay).update(changed).unwrap();
        for (path, node) in &update.nodes {
            let key = keys::node(&prefix(), path);
            match node {
                Some(node) => overlay.put(SLOT_NODES, key, encode(node)),
                None => overlay.delete(SLOT_NODES, key).unwrap(),
            }
        }
        update.root
    }

    /// Keys that share long beginnings: few different nibbles, and a tail that is all alike.
    fn key() -> impl Strategy<Value = B256> {
        let nibbles = prop::collection::vec(prop_oneof![4 => 0_u8..2, 1 => 0_u8..16], 0..8);
        (nibbles, prop_oneof![Just(0), Just(62), 0_usize..63]).prop_map(|(nibbles, at)| {
            let mut path = vec![0; 64];
            for (place, nibble) in nibbles.into_iter().enumerate() {
                path[(at + place) % 64] = nibble;
            }
            B256::from_slice(&Nibbles::from_nibbles(path).pack())
        })
    }

    fn batches() -> impl Strategy<Value = Vec<Vec<(B256, Option<u8>)>>> {
        let write = (key(), prop::option::weighted(0.6, 1_u8..255));
        prop::collection::vec(prop::collection::vec(write, 0..30), 1..10)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn tries_follow_changes(batches in batches()) {
            let mut overlay = Overlay::new(Database::memory().view().unwrap());
            let mut leaves = Leaves::new();
            for writes in &batches {
                write(&mut overlay, &mut leaves, writes);
                let (root, nodes) = from_scratch(&leaves);
                prop_assert_eq!(update(&mut overlay, writes), root);
                prop_assert_eq!(stored(&overlay), nodes);
            }
            // Taking everything away ends with nothing.
            let all: Vec<_> = leaves.keys().map(|key| (*key, None)).collect();
            write(&mut overlay, &mut leaves, &all);
            prop_assert_eq!(update(&mut overlay, &all), alloy_trie::EMPTY_ROOT_HASH);
            prop_assert_eq!(stored(&overlay), Nodes::new());
        }

        #[test]
        fn proofs_hold(writes in prop::collection::vec((key(), 1_u8..255), 1..60), absent in prop::collection::vec(key(), 1..10)) {
            let mut overlay = Overlay::new(Database::memory().view().unwrap());
            let mut leaves = Leaves::new();
            let writes: Vec<_> = writes.into_iter().map(|(key, value)| (key, Some(value))).collect();
            write(&mut overlay, &mut leaves, &writes);
            let root = update(&mut overlay, &writes);
            let targets: Vec<_> = absent.into_iter().chain(leaves.keys().copied().take(8)).collect();
            let (proven, nodes) = trie(&overlay).prove(targets.clone()).unwrap();
            prop_assert_eq!(proven, root);
            for target in targets {
                let path = Nibbles::unpack(target);
                let proof = on_the_way(&nodes, &target);
                let value = leaves.get(&target).cloned();
                prop_assert!(verify_proof(root, path, value, &proof).is_ok(), "{target} of {leaves:?}");
                prop_assert!(verify_proof(root, path, Some(vec![0; 50]), &proof).is_err());
            }
        }
    }
}
