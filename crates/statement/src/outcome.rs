//! What holds of a rollup after a batch.

use alloy_primitives::{B256, U256};
use weft_batch::RollupGenesis;
use weft_evm::{Heads, Realm, State};
use weft_settlement::{BalanceTree, NullifierTree, Outcome, PessimisticRoot, Token};
use weft_types::{BRIDGE, Domain, NetworkId, Tag, Writer};

/// Returns the outcome that a rollup begins with, as its registration on L1 names it.
pub fn genesis_outcome(genesis: &RollupGenesis) -> Outcome {
    let rollup = weft_derive::rollup(genesis);
    Outcome {
        state_root: rollup.head.state_root,
        block_hash: rollup.head_hash,
        ..Outcome::default()
    }
}

/// Returns the outcome of a rollup after `batch`, the last one that named it; nothing for a rollup that is not there.
///
/// # Errors
///
/// That of reading its state.
pub fn outcome_of<S: State>(
    realm: &Realm<S>,
    network: NetworkId,
    batch: u64,
) -> Result<Option<Outcome>, S::Error> {
    let Some((head, block_hash)) = realm.head(network) else { return Ok(None) };
    let (exit_root, exits) = exits(realm, network)?;
    Ok(Some(Outcome {
        state_root: head.state_root,
        block_hash,
        block_number: head.number,
        exit_root,
        accounting_root: accounting_root(realm, network, exits, batch),
        heads_root: heads_root(realm.domain(), realm.heads(), network),
    }))
}

/// Slot of the bridge with the root of its exits; zero before the first one.
const EXIT_ROOT: U256 = U256::ONE;
/// Slot of the bridge with the number of its exits: behind the root and the 32 branches of the tree.
const EXIT_COUNT: U256 = U256::from_limbs([34, 0, 0, 0]);

/// Returns root and number of the exits of a rollup, which its bridge keeps.
fn exits<S: State>(realm: &Realm<S>, network: NetworkId) -> Result<(B256, u32), S::Error> {
    let Some(state) = realm.state(network) else { return Ok(Default::default()) };
    let (root, count) =
        (state.storage_ref(BRIDGE, EXIT_ROOT)?, state.storage_ref(BRIDGE, EXIT_COUNT)?);
    Ok((root.into(), count.saturating_to()))
}

/// Returns AggLayer's pessimistic root v3: what the rollup holds of foreign tokens, no nullifiers, because the inbox has a
/// cursor instead, the number of its exits, and the last batch that named it as its height (P42).
fn accounting_root<S: State>(
    realm: &Realm<S>,
    network: NetworkId,
    exits: u32,
    height: u64,
) -> B256 {
    let mut balances = BalanceTree::default();
    for (_, token, balance) in realm.escrow().iter().filter(|(owner, ..)| *owner == network) {
        let token = Token { network: token.network.get(), address: token.token };
        balances.set(&token, balance);
    }
    let root = PessimisticRoot {
        balances: balances.root(),
        nullifiers: NullifierTree::default().root(),
        exits,
        height,
        network: network.get(),
    };
    root.v3()
}

/// Returns `H(70, sender, receiver and head of each of the rollup's mailboxes)`, in order; zero without any (P27).
pub fn heads_root(domain: &Domain, heads: &Heads, network: NetworkId) -> B256 {
    let mut out = Writer::default();
    for ((from, to), head) in heads.of(network).iter() {
        out.u32(from.get()).u32(to.get()).hash(&head);
    }
    match out.as_slice() {
        [] => B256::ZERO,
        mailboxes => domain.hash(Tag::SettledHeads, mailboxes),
    }
}
