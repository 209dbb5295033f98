//! Value that moved between rollups, as L1 books it.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use alloy_primitives::U256;
use weft_evm::{Net, TokenId};
use weft_settlement::Transfer;
use weft_types::NetworkId;

/// Returns the transfers that lead from what rollups had to what they have: of each token those who gave more than they
/// got give, in order, to those who got more than they gave.
///
/// No rollup both gives and gets the same token, so L1 can book them one after the other: nobody gives what it has yet to
/// get (ADR 0041).
pub fn transfers(moved: &BTreeMap<(NetworkId, TokenId), Net>) -> Vec<Transfer> {
    let tokens: BTreeSet<_> = moved.keys().map(|(_, token)| *token).collect();
    let mut all: Vec<_> = tokens.into_iter().flat_map(|token| matched(moved, token)).collect();
    all.sort_unstable();
    all
}

fn matched(moved: &BTreeMap<(NetworkId, TokenId), Net>, token: TokenId) -> Vec<Transfer> {
    let mut nets: BTreeMap<_, _> = moved
        .iter()
        .filter(|((_, of), _)| *of == token)
        .map(|((at, _), net)| (*at, *net))
        .collect();
    if token.network != NetworkId::L1 {
        nets.insert(token.network, home(&nets));
    }
    let side = |is_given| {
        let some = nets.iter().filter(move |(_, net)| net.is_given == is_given);
        some.map(|(at, net)| (*at, net.amount)).filter(|(_, amount)| !amount.is_zero())
    };
    let mut getters = side(false).peekable();
    let mut transfers = Vec::new();
    let (mut got, mut left) = (U256::ZERO, U256::ZERO);
    for (from, amount) in side(true) {
        left = left.saturating_add(amount);
        while !left.is_zero() {
            let Some((to, wanted)) = getters.peek() else { break };
            let amount = left.min(*wanted - got);
            transfers.push(Transfer {
                from: from.get(),
                to: to.get(),
                origin_network: token.network.get(),
                origin_token: token.token,
                amount,
            });
            (left, got) = (left - amount, got + amount);
            if got == *wanted {
                (got, _) = (U256::ZERO, getters.next());
            }
        }
    }
    transfers
}

/// Returns what a token's own rollup gave or got: the others' together, the other way round.
fn home(nets: &BTreeMap<NetworkId, Net>) -> Net {
    nets.values().fold(Net::default(), |sum, net| sum.after(!net.is_given, net.amount))
}
