//! Load for a node in a process of its own: signed transactions, a client that keeps its connections, and what the
//! processes use meanwhile. The same client drives every node that it compares.

pub(crate) mod chain;
pub(crate) mod crowd;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod pump;
pub(crate) mod setup;
pub(crate) mod stats;
pub(crate) mod traffic;
