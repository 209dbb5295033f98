//! Tables of the node beside those of states, and their keys.

use alloy_primitives::B256;
use weft_evm::TokenId;
use weft_state::Table;
use weft_types::NetworkId;

/// Facts about the realm, by name.
pub(crate) const FACTS: Table = Table::new(16, "facts");
/// Blocks by network and number.
pub(crate) const BLOCKS: Table = Table::new(17, "blocks");
/// Numbers of blocks by network and hash.
pub(crate) const BLOCK_NUMBERS: Table = Table::new(18, "block numbers");
/// Rows of where transactions stand, by network, run and last hash.
pub(crate) const PLACES: Table = Table::new(19, "places of transactions");
/// Blooms of the blocks that have logs, by network and number.
pub(crate) const BLOOMS: Table = Table::new(20, "blooms");
/// What became of items, in order, some in a row, which stands at the number of its first.
pub(crate) const OUTCOMES: Table = Table::new(21, "outcomes");
/// Recent slots with their items, by slot.
pub(crate) const SLOTS: Table = Table::new(22, "slots");
/// Positions of the items of recent slots, by slot.
pub(crate) const RECENT: Table = Table::new(23, "recent items");
/// Escrow balances by holder and token.
pub(crate) const ESCROW: Table = Table::new(24, "escrow");
/// Mailbox heads by sender and receiver.
pub(crate) const HEADS: Table = Table::new(25, "mailbox heads");
/// What waits, by kind.
pub(crate) const WAITING: Table = Table::new(26, "waiting");

/// Runs of the rows of where transactions stand, by network.
pub(crate) const RUNS: Table = Table::new(27, "runs of places");

/// Signed commitments to the order of slots, by slot.
pub(crate) const COMMITMENTS: Table = Table::new(28, "slot commitments");
/// The elements that commitments to recent slots are opened with, by slot.
pub(crate) const ELEMENTS: Table = Table::new(29, "elements of slots");
/// Notices of the keys of epochs, by epoch.
pub(crate) const NOTICES: Table = Table::new(30, "epoch notices");

/// Promises of bundles of several envelopes, by epoch and envelopes.
pub(crate) const BUNDLES: Table = Table::new(33, "promises of bundles");

/// Closed slots that are in no written batch yet, by number.
pub(crate) const BATCHED: Table = Table::new(31, "slots for batches");

/// What batches of the database overwrote, in their order.
pub(crate) const UNDO: Table = Table::new(32, "way back");

/// Fact: the last record of the log because of which the database was taken back.
pub(crate) const REWOUND: &[u8] = b"rewound";
/// Fact: where batches stand beside closed slots.
pub(crate) const BATCHING: &[u8] = b"batching";
/// Fact: what the realm is made of.
pub(crate) const GENESIS: &[u8] = b"genesis";
/// Fact: where the realm stands.
pub(crate) const MOMENT: &[u8] = b"moment";

/// Returns the key of a block.
pub(crate) fn block(network: NetworkId, number: u64) -> Vec<u8> {
    [network.get().to_be_bytes().as_slice(), &number.to_be_bytes()].concat()
}

/// Returns the key of something of a rollup that has a hash.
pub(crate) fn hashed(network: NetworkId, hash: &B256) -> Vec<u8> {
    [network.get().to_be_bytes().as_slice(), hash.as_slice()].concat()
}

/// Returns the key of what there is once of a rollup.
pub(crate) const fn network(network: NetworkId) -> [u8; 4] {
    network.get().to_be_bytes()
}

/// Returns the key of a row of where transactions stand.
pub(crate) fn row(network: NetworkId, run: u64, last: &[u8]) -> Vec<u8> {
    [network.get().to_be_bytes().as_slice(), &run.to_be_bytes(), last].concat()
}

/// Returns the key of an escrow balance.
pub(crate) fn escrow(holder: NetworkId, token: &TokenId) -> Vec<u8> {
    let networks = [holder.get().to_be_bytes(), token.network.get().to_be_bytes()].concat();
    [networks.as_slice(), token.token.as_slice()].concat()
}

/// Returns the key of a mailbox head.
pub(crate) fn head(from: NetworkId, to: NetworkId) -> Vec<u8> {
    [from.get().to_be_bytes(), to.get().to_be_bytes()].concat()
}
