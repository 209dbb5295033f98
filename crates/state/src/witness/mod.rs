//! What a block can be executed on without the rest of the state: the nodes, codes and headers that it looks at.

mod make;
mod showing;
mod sparse;
mod state;

pub use make::{Accessed, Watched};
pub use showing::Showing;
pub use state::{WitnessError, WitnessState};

use alloy_primitives::Bytes;

/// Everything that the execution of one block looks at, in the form of go-ethereum and reth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witness {
    /// Nodes of the state trie and of storage tries before the block, in no order.
    pub state: Vec<Bytes>,
    /// Codes.
    pub codes: Vec<Bytes>,
    /// Addresses and slots whose hashes are keys of those tries.
    pub keys: Vec<Bytes>,
    /// Headers before the block in RLP, oldest first; the last one is its parent.
    pub headers: Vec<Bytes>,
}
