//! Tries of which only some nodes are known.

use alloy_primitives::{B256, Bytes, keccak256, map::B256Map};
use alloy_rlp::Decodable as _;
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles, TrieMask,
    nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode, TrieNode},
};

/// A node, with as much below it as was needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Node {
    /// Nothing.
    #[default]
    Empty,
    /// Known by its hash.
    Hash(B256),
    /// The rest of a key with its value.
    Leaf(Nibbles, Vec<u8>),
    /// A piece of path that all keys below share.
    Extension(Nibbles, Box<Self>),
    /// A child for each next digit of the path.
    Branch(Box<[Self; 16]>),
}

/// Why a trie cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blind {
    /// A node is needed and not there.
    Missing { path: Nibbles, hash: B256 },
    /// A node is there and is none.
    Malformed { hash: B256 },
    /// A trie goes on below a whole key.
    TooDeep,
}

/// Nodes by hash.
pub(crate) type Nodes = B256Map<Bytes>;

impl Node {
    /// Returns the trie with a root.
    pub(crate) fn rooted(root: B256) -> Self {
        if root == EMPTY_ROOT_HASH { Self::Empty } else { Self::Hash(root) }
    }

    /// Returns the value at a key.
    pub(crate) fn get(&self, nodes: &Nodes, key: &Nibbles) -> Result<Option<Vec<u8>>, Blind> {
        self.find(nodes, key, 0)
    }

    fn find(&self, nodes: &Nodes, key: &Nibbles, depth: usize) -> Result<Option<Vec<u8>>, Blind> {
        let rest = key.slice(depth..);
        match self {
            Self::Hash(_) => {
                let node = self.clone().seen(nodes, || key.slice(..depth))?;
                node.find(nodes, key, depth)
            }
            Self::Leaf(path, value) if *path == rest => Ok(Some(value.clone())),
            Self::Extension(path, child) if rest.starts_with(path) => {
                child.find(nodes, key, depth + path.len())
            }
            Self::Branch(children) => match rest.first() {
                Some(next) => children[usize::from(next)].find(nodes, key, depth + 1),
                None => Ok(None),
            },
            Self::Empty | Self::Leaf(..) | Self::Extension(..) => Ok(None),
        }
    }

    /// Writes a value; none takes the key out.
    pub(crate) fn put(
        &mut self,
        nodes: &Nodes,
        key: &Nibbles,
        value: Option<Vec<u8>>,
    ) -> Result<(), Blind> {
        let at = Place { nodes, key };
        let node = std::mem::take(self);
        *self = match value {
            Some(value) => at.insert(node, 0, value)?,
            None => at.remove(node, 0)?,
        };
        Ok(())
    }

    /// Returns the root.
    pub(crate) fn root(&self) -> B256 {
        match self {
            Self::Empty => EMPTY_ROOT_HASH,
            Self::Hash(hash) => *hash,
            node => keccak256(node.encode()),
        }
    }

    /// Returns what is behind a hash, and other nodes as they are.
    fn seen(self, nodes: &Nodes, path: impl FnOnce() -> Nibbles) -> Result<Self, Blind> {
        let Self::Hash(hash) = self else { return Ok(self) };
        let bytes = nodes.get(&hash).ok_or_else(|| Blind::Missing { path: path(), hash })?;
        Self::decode(bytes).ok_or(Blind::Malformed { hash })
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let node = TrieNode::decode(&mut bytes).ok().filter(|_| bytes.is_empty())?;
        Some(match node {
            TrieNode::EmptyRoot => Self::Empty,
            TrieNode::Leaf(leaf) => Self::Leaf(leaf.key, leaf.value),
            TrieNode::Extension(extension) => {
                Self::Extension(extension.key, Box::new(Self::child(&extension.child)?))
            }
            TrieNode::Branch(branch) => {
                let mut children: Box<[Self; 16]> = Box::default();
                for (index, child) in branch.as_ref().children() {
                    if let Some(child) = child {
                        children[usize::from(index)] = Self::child(child)?;
                    }
                }
                Self::Branch(children)
            }
        })
    }

    /// Reads a child: a hash, or a whole node that is shorter than one.
    fn child(node: &RlpNode) -> Option<Self> {
        node.as_hash().map_or_else(|| Self::decode(node.as_slice()), |hash| Some(Self::Hash(hash)))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Empty | Self::Hash(_) => unreachable!("only nodes that were written are encoded"),
            Self::Leaf(path, value) => {
                LeafNodeRef::new(path, value).rlp(&mut out);
            }
            Self::Extension(path, child) => {
                ExtensionNodeRef::new(path, child.as_child().as_slice()).rlp(&mut out);
            }
            Self::Branch(children) => {
                let mut mask = TrieMask::default();
                let mut stack = Vec::new();
                for (index, child) in (0..).zip(children.iter()) {
                    if *child != Self::Empty {
                        mask.set_bit(index);
                        stack.push(child.as_child());
                    }
                }
                BranchNodeRef::new(&stack, mask).rlp(&mut out);
            }
        }
        out
    }

    fn as_child(&self) -> RlpNode {
        match self {
            Self::Hash(hash) => RlpNode::word_rlp(hash),
            node => RlpNode::from_rlp(&node.encode()),
        }
    }

    /// Puts a piece of path in front.
    fn behind(self, path: Nibbles) -> Self {
        if path.is_empty() {
            return self;
        }
        match self {
            Self::Leaf(rest, value) => Self::Leaf(joined(&path, &rest), value),
            Self::Extension(rest, child) => Self::Extension(joined(&path, &rest), child),
            Self::Empty => Self::Empty,
            node => Self::Extension(path, Box::new(node)),
        }
    }
}

fn joined(path: &Nibbles, rest: &Nibbles) -> Nibbles {
    let mut whole = *path;
    whole.extend(rest);
    whole
}

/// A key on its way down.
struct Place<'a> {
    nodes: &'a Nodes,
    key: &'a Nibbles,
}

impl Place<'_> {
    fn insert(&self, node: Node, depth: usize, value: Vec<u8>) -> Result<Node, Blind> {
        let rest = self.key.slice(depth..);
        match node.seen(self.nodes, || self.key.slice(..depth))? {
            Node::Empty => Ok(Node::Leaf(rest, value)),
            Node::Leaf(path, _) if path == rest => Ok(Node::Leaf(rest, value)),
            Node::Leaf(path, old) => {
                fork(&path, Node::Leaf(Nibbles::default(), old), &rest, value).ok_or(Blind::TooDeep)
            }
            Node::Extension(path, child) if rest.starts_with(&path) => {
                let child = self.insert(*child, depth + path.len(), value)?;
                Ok(Node::Extension(path, Box::new(child)))
            }
            Node::Extension(path, child) => fork(&path, *child, &rest, value).ok_or(Blind::TooDeep),
            Node::Branch(mut children) => {
                let child = &mut children[self.digit(depth)?];
                *child = self.insert(std::mem::take(child), depth + 1, value)?;
                Ok(Node::Branch(children))
            }
            Node::Hash(_) => unreachable!("a node that was looked at is no hash"),
        }
    }

    fn remove(&self, node: Node, depth: usize) -> Result<Node, Blind> {
        let rest = self.key.slice(depth..);
        match node.seen(self.nodes, || self.key.slice(..depth))? {
            Node::Leaf(path, _) if path == rest => Ok(Node::Empty),
            Node::Extension(path, child) if rest.starts_with(&path) => {
                Ok(self.remove(*child, depth + path.len())?.behind(path))
            }
            Node::Branch(mut children) => {
                let child = &mut children[self.digit(depth)?];
                *child = self.remove(std::mem::take(child), depth + 1)?;
                self.collapsed(children, depth)
            }
            other => Ok(other),
        }
    }

    /// Returns the digit of the key at a depth.
    fn digit(&self, depth: usize) -> Result<usize, Blind> {
        self.key.get(depth).map(usize::from).ok_or(Blind::TooDeep)
    }

    /// Returns a branch, or what takes its place when one child is left: that child has to be known then.
    fn collapsed(&self, mut children: Box<[Node; 16]>, depth: usize) -> Result<Node, Blind> {
        let mut left = (0..).zip(children.iter()).filter(|(_, child)| **child != Node::Empty);
        let (Some((index, _)), None) = (left.next(), left.next()) else {
            return Ok(Node::Branch(children));
        };
        let path = || {
            let mut path = self.key.slice(..depth);
            path.push(index);
            path
        };
        let child = std::mem::take(&mut children[usize::from(index)]).seen(self.nodes, path)?;
        Ok(child.behind(Nibbles::from_nibbles([index])))
    }
}

/// Makes a branch where a new key leaves the `path` to an old node; none when one of the two ends there.
fn fork(path: &Nibbles, old: Node, rest: &Nibbles, value: Vec<u8>) -> Option<Node> {
    let shared = path.common_prefix_length(rest);
    let (there, here) = (path.get(shared)?, rest.get(shared)?);
    let mut children: Box<[Node; 16]> = Box::default();
    children[usize::from(there)] = old.behind(path.slice(shared + 1..));
    children[usize::from(here)] = Node::Leaf(rest.slice(shared + 1..), value);
    Some(Node::Branch(children).behind(path.slice(..shared)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_trie::{
        HashBuilder,
        proof::{ProofNodes, ProofRetainer},
    };
    use proptest::{collection::vec, prelude::*};
    use std::collections::BTreeMap;

    type Leaves = BTreeMap<B256, Vec<u8>>;

    /// Keys that share long prefixes, so that every shape comes up.
    fn key(seed: u16) -> B256 {
        let mut key = B256::ZERO;
        for (index, byte) in key.iter_mut().enumerate() {
            *byte = if index < 30 { (seed >> 12) as u8 & 3 } else { 0 };
        }
        key[0] = (seed & 3) as u8 * 16;
        key[16] = (seed >> 2) as u8 & 15;
        key[31] = (seed >> 6) as u8 & 63;
        key
    }

    /// Builds a trie with alloy's own builder.
    fn built(leaves: &Leaves, targets: &[B256]) -> (B256, ProofNodes) {
        let retainer = ProofRetainer::from_iter(targets.iter().map(Nibbles::unpack));
        let mut builder = HashBuilder::default().with_proof_retainer(retainer);
        leaves.iter().for_each(|(key, value)| builder.add_leaf(Nibbles::unpack(key), value));
        (builder.root(), builder.take_proof_nodes())
    }

    fn hashed(nodes: ProofNodes) -> Nodes {
        nodes.into_inner().into_values().map(|node| (keccak256(&node), node)).collect()
    }

    /// Takes in whatever a change needs, as a maker of witnesses does; returns how many nodes it took.
    fn change(
        trie: &mut Node,
        nodes: &mut Nodes,
        before: &Leaves,
        key: &B256,
        value: Option<Vec<u8>>,
    ) -> usize {
        for rounds in 0.. {
            let mut next = trie.clone();
            match next.put(nodes, &Nibbles::unpack(key), value.clone()) {
                Ok(()) => {
                    *trie = next;
                    return rounds;
                }
                Err(Blind::Missing { path, .. }) => {
                    let mut target = B256::ZERO;
                    for (index, nibble) in path.iter().enumerate() {
                        target[index / 2] |= if index % 2 == 0 { nibble << 4 } else { nibble };
                    }
                    nodes.extend(hashed(built(before, &[target]).1));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        unreachable!()
    }

    proptest! {
        #[test]
        fn changes_have_the_root_of_the_whole_trie(
            first in vec((any::<u16>(), 1_u8..200), 0..40),
            changes in vec((any::<u16>(), 0_u8..200), 1..20),
        ) {
            let long = |byte: u8| vec![byte; usize::from(byte) / 3 + 1];
            let before: Leaves = first.into_iter().map(|(seed, byte)| (key(seed), long(byte))).collect();
            let changed: Vec<B256> = changes.iter().map(|(seed, _)| key(*seed)).collect();
            let (root, proof) = built(&before, &changed);
            let (mut nodes, mut trie) = (hashed(proof), Node::rooted(root));
            let mut after = before.clone();
            for key in &changed {
                let found = trie.get(&nodes, &Nibbles::unpack(key)).unwrap();
                prop_assert_eq!(found.as_ref(), before.get(key));
            }
            for (seed, byte) in changes {
                let key = key(seed);
                let value = (byte > 60).then(|| long(byte));
                change(&mut trie, &mut nodes, &before, &key, value.clone());
                match value.clone() {
                    Some(value) => drop(after.insert(key, value)),
                    None => drop(after.remove(&key)),
                }
                prop_assert_eq!(trie.root(), built(&after, &[]).0);
                prop_assert_eq!(trie.get(&nodes, &Nibbles::unpack(key)).unwrap(), value);
            }
        }

        #[test]
        fn nonsense_is_no_node(bytes: Vec<u8>) {
            let _ = Node::decode(&bytes);
        }
    }

    #[test]
    fn a_branch_that_loses_all_but_one_child_needs_to_know_it() {
        let leaves: Leaves =
            [0x10, 0x20].map(|byte| (B256::repeat_byte(byte), vec![byte; 40])).into();
        let gone = B256::repeat_byte(0x10);
        let (root, proof) = built(&leaves, &[gone]);
        let mut nodes = hashed(proof);
        let mut trie = Node::rooted(root);
        let error = trie.clone().put(&nodes, &Nibbles::unpack(gone), None).unwrap_err();
        assert!(matches!(&error, Blind::Missing { path, .. } if path.len() == 1), "{error:?}");
        assert_eq!(change(&mut trie, &mut nodes, &leaves, &gone, None), 1);
        let left: Leaves = leaves.into_iter().filter(|(key, _)| *key != gone).collect();
        assert_eq!(trie.root(), built(&left, &[]).0);
    }
}
