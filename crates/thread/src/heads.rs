//! Mailbox heads: one running hash per ordered pair of chains (P22).

use alloc::collections::BTreeMap;
use alloy_primitives::{B256, Keccak256};
use weft_types::{Domain, NetworkId, Tag, Writer};

/// Running hashes of everything that went from one chain to another.
///
/// A head folds every hop of an included item, rolled back and static ones too. It moves once for each item,
/// since an item stands or falls whole: `head' = keccak(head || hash of each hop of the item, in order)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    heads: BTreeMap<(NetworkId, NetworkId), B256>,
}

impl Heads {
    /// Returns the head of the mailbox from `from` to `to`.
    pub fn get(&self, domain: &Domain, from: NetworkId, to: NetworkId) -> B256 {
        self.heads.get(&(from, to)).copied().unwrap_or_else(|| empty_head(domain, from, to))
    }

    /// Returns the heads of the mailboxes that `network` sends to or receives from.
    pub fn of(&self, network: NetworkId) -> Self {
        self.iter().filter(|((from, to), _)| *from == network || *to == network).collect()
    }

    /// Folds the hops of one item, given as sender, receiver and hash, in the order in which they were made.
    pub fn fold_item(
        &mut self,
        domain: &Domain,
        hops: impl IntoIterator<Item = (NetworkId, NetworkId, B256)>,
    ) {
        let mut mailboxes: BTreeMap<_, Keccak256> = BTreeMap::new();
        for (from, to, hash) in hops {
            let mailbox = mailboxes.entry((from, to)).or_insert_with(|| {
                let mut hasher = Keccak256::new();
                hasher.update(self.get(domain, from, to));
                hasher
            });
            mailbox.update(hash);
        }
        let moved = mailboxes.into_iter().map(|(pair, hasher)| (pair, hasher.finalize()));
        self.heads.extend(moved);
    }

    /// Returns the pairs of chains that ever exchanged a hop, with their heads, in order.
    pub fn iter(&self) -> impl Iterator<Item = ((NetworkId, NetworkId), B256)> + '_ {
        self.heads.iter().map(|(pair, head)| (*pair, *head))
    }
}

impl FromIterator<((NetworkId, NetworkId), B256)> for Heads {
    /// Puts heads together that were kept from [`Heads::iter`].
    fn from_iter<I: IntoIterator<Item = ((NetworkId, NetworkId), B256)>>(heads: I) -> Self {
        Self { heads: heads.into_iter().collect() }
    }
}

fn empty_head(domain: &Domain, from: NetworkId, to: NetworkId) -> B256 {
    let mut out = Writer::with_capacity(8);
    out.put(&from).put(&to);
    domain.hash(Tag::Head, out.as_slice())
}
