//! Merkle-Patricia tries over stored leaves and stored branches.
//!
//! The branches kept are those that [`HashBuilder`] calls updates: every branch that has a branch below it, with the
//! hashes of those. A lowest branch is made again from its leaves, so that most of the trie need not be kept.
//!
//! [`HashBuilder`]: alloy_trie::HashBuilder

mod node;
mod walk;

pub(crate) use node::encode;
pub(crate) use walk::{Trie, Update, on_the_way};
