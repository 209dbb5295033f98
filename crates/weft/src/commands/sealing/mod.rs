//! Sealing from the command line: `weft seal`, `weft unseal`, `weft solve` and `weft committee`, all without network;
//! `weft sealed`, between them and a node.

mod committee;
mod content;
mod deposit;
mod file;
mod key;
mod node;
mod parts;
mod seal;
mod secret;
mod solve;
mod together;
mod unseal;

pub(super) use committee::Committee;
pub(crate) use committee::read_roster;
pub(super) use content::read as read_item;
pub(crate) use key::read_setup_bytes;
pub(super) use node::Sealed;
pub(super) use parts::{Agree, Commit, Mark};
pub(super) use seal::Seal;
pub(crate) use secret::replace;
pub(super) use solve::Solve;
pub(super) use together::PromiseBundle;
pub(super) use unseal::Unseal;
