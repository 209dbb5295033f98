//! The bijection check: whether the views of several chains are projections of one history (P27).

use alloc::{collections::BTreeMap, vec::Vec};
use thiserror::Error;
use weft_types::{Hop, NetworkId, Place};

/// What one chain says it sent and received, each in the order in which it did so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainView {
    /// Hops that the chain emitted.
    pub sent: Vec<Hop>,
    /// Hops that the chain consumed.
    pub received: Vec<Hop>,
}

/// Why views do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// A chain consumed (T4's shape) or emitted hops out of order, or one of them twice.
    #[error("network {network} has hop {later} before hop {earlier}")]
    NotMonotone {
        /// The chain.
        network: NetworkId,
        /// Place that comes second in the chain's view.
        earlier: Place,
        /// Place that comes first in the chain's view.
        later: Place,
    },
    /// A chain lists a hop that is not its own.
    #[error("network {network} lists hop {place} from {from} to {to}")]
    Foreign {
        /// The chain.
        network: NetworkId,
        /// Place of the hop.
        place: Place,
        /// Sender named by the hop.
        from: NetworkId,
        /// Receiver named by the hop.
        to: NetworkId,
    },
    /// A hop was emitted and never consumed, or consumed and never emitted, or differs.
    #[error("hop number {index} from {from} to {to} differs between its two ends")]
    Unmatched {
        /// Sender.
        from: NetworkId,
        /// Receiver.
        to: NetworkId,
        /// Number of the hop in this mailbox, from 0.
        index: usize,
    },
    /// Two hops claim the same place.
    #[error("two hops claim place {place}")]
    DuplicatePlace {
        /// The place.
        place: Place,
    },
}

/// Checks that every hop emitted by one chain is consumed by exactly one other, and that each chain consumed
/// in strictly increasing place. Chains absent from `views` are taken to have sent and received nothing.
///
/// # Errors
///
/// The first [`HistoryError`] in chain order.
pub fn check_history(views: &BTreeMap<NetworkId, ChainView>) -> Result<(), HistoryError> {
    for (network, view) in views {
        check_own(*network, view)?;
        check_monotone(*network, &view.received)?;
        check_monotone(*network, &view.sent)?;
    }
    check_places(views)?;
    check_mailboxes(views)
}

fn check_own(network: NetworkId, view: &ChainView) -> Result<(), HistoryError> {
    let sent = view.sent.iter().find(|hop| hop.from != network || hop.to == network);
    let received = view.received.iter().find(|hop| hop.to != network || hop.from == network);
    match sent.or(received) {
        Some(hop) => {
            Err(HistoryError::Foreign { network, place: hop.place, from: hop.from, to: hop.to })
        }
        None => Ok(()),
    }
}

/// Checks that places strictly increase.
pub fn check_monotone(network: NetworkId, hops: &[Hop]) -> Result<(), HistoryError> {
    match hops.windows(2).find(|pair| pair[0].place >= pair[1].place) {
        Some(pair) => {
            Err(HistoryError::NotMonotone { network, earlier: pair[1].place, later: pair[0].place })
        }
        None => Ok(()),
    }
}

fn check_places(views: &BTreeMap<NetworkId, ChainView>) -> Result<(), HistoryError> {
    let mut places: Vec<Place> =
        views.values().flat_map(|view| view.sent.iter().map(|hop| hop.place)).collect();
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(HistoryError::DuplicatePlace { place: pair[0] }),
        None => Ok(()),
    }
}

fn check_mailboxes(views: &BTreeMap<NetworkId, ChainView>) -> Result<(), HistoryError> {
    let mut sent: BTreeMap<(NetworkId, NetworkId), Vec<&Hop>> = BTreeMap::new();
    let mut received = sent.clone();
    for view in views.values() {
        view.sent.iter().for_each(|hop| sent.entry((hop.from, hop.to)).or_default().push(hop));
        view.received.iter().for_each(|hop| {
            received.entry((hop.from, hop.to)).or_default().push(hop);
        });
    }
    let pairs: Vec<_> = sent.keys().chain(received.keys()).copied().collect();
    for (from, to) in pairs {
        let (left, right) = (sent.get(&(from, to)), received.get(&(from, to)));
        let (left, right) =
            (left.map_or(&[][..], Vec::as_slice), right.map_or(&[][..], Vec::as_slice));
        if let Some(index) = first_difference(left, right) {
            return Err(HistoryError::Unmatched { from, to, index });
        }
    }
    Ok(())
}

fn first_difference(left: &[&Hop], right: &[&Hop]) -> Option<usize> {
    if left == right {
        return None;
    }
    let common = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    Some(common)
}
