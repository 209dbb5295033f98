//! Mailbox heads: one running hash per ordered pair of chains (P22).

use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::{B256, Keccak256};
use weft_types::{Domain, NetworkId, Tag, Writer};

/// Running hashes of everything that went from one chain to another.
///
/// A head folds every hop of an included item, rolled back and static ones too; it is taken back only with a
/// whole item. Two of them are equal when all their heads are, wherever their last items began.
#[derive(Debug, Clone, Default)]
pub struct Heads {
    heads: BTreeMap<(NetworkId, NetworkId), B256>,
    undo: Vec<((NetworkId, NetworkId), Option<B256>)>,
}

impl PartialEq for Heads {
    fn eq(&self, other: &Self) -> bool {
        self.heads == other.heads
    }
}

impl Eq for Heads {}

impl Heads {
    /// Returns the head of the mailbox from `from` to `to`.
    pub fn get(&self, domain: &Domain, from: NetworkId, to: NetworkId) -> B256 {
        self.heads.get(&(from, to)).copied().unwrap_or_else(|| empty_head(domain, from, to))
    }

    /// Returns the heads of the mailboxes that `network` sends to or receives from.
    pub fn of(&self, network: NetworkId) -> Self {
        let own = self.heads.iter().filter(|((from, to), _)| *from == network || *to == network);
        Self { heads: own.map(|(pair, head)| (*pair, *head)).collect(), undo: Vec::new() }
    }

    /// Folds the hash of a hop from `from` to `to`.
    pub fn fold(&mut self, domain: &Domain, from: NetworkId, to: NetworkId, hop: &B256) {
        let old = self.heads.get(&(from, to)).copied();
        let mut hasher = Keccak256::new();
        hasher.update(old.unwrap_or_else(|| empty_head(domain, from, to)));
        hasher.update(hop);
        self.undo.push(((from, to), old));
        self.heads.insert((from, to), hasher.finalize());
    }

    /// Starts an item: what is folded from here on can be taken back with [`Self::undo_item`].
    pub fn begin_item(&mut self) {
        self.undo.clear();
    }

    /// Takes back everything folded since [`Self::begin_item`].
    pub fn undo_item(&mut self) {
        while let Some((pair, old)) = self.undo.pop() {
            match old {
                Some(head) => self.heads.insert(pair, head),
                None => self.heads.remove(&pair),
            };
        }
    }

    /// Returns the pairs of chains that ever exchanged a hop, with their heads, in order.
    pub fn iter(&self) -> impl Iterator<Item = ((NetworkId, NetworkId), B256)> + '_ {
        self.heads.iter().map(|(pair, head)| (*pair, *head))
    }
}

impl FromIterator<((NetworkId, NetworkId), B256)> for Heads {
    /// Puts heads together that were kept from [`Heads::iter`].
    fn from_iter<I: IntoIterator<Item = ((NetworkId, NetworkId), B256)>>(heads: I) -> Self {
        Self { heads: heads.into_iter().collect(), undo: Vec::new() }
    }
}

fn empty_head(domain: &Domain, from: NetworkId, to: NetworkId) -> B256 {
    let mut out = Writer::with_capacity(8);
    out.put(&from).put(&to);
    domain.hash(Tag::Head, out.as_slice())
}
