//! How often somebody may come without the token.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Refusals at once that are answered as such.
const BURST: u32 = 10;
/// Time after which one more is.
const REFILL: Duration = Duration::from_secs(1);
/// Most addresses that are remembered; the one that was quiet longest makes room.
const MAX_PEERS: usize = 1024;

/// Refused requests by address.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<BTreeMap<IpAddr, Spent>>);

#[derive(Debug, Clone, Copy)]
struct Spent {
    /// Refusals that are not paid back yet.
    count: u32,
    since: Instant,
}

impl Failures {
    /// Counts a refusal; false when there were too many from this address.
    pub(super) fn may_fail(&self, peer: IpAddr, now: Instant) -> bool {
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !peers.contains_key(&peer) && peers.len() >= MAX_PEERS {
            let oldest = peers.iter().min_by_key(|(_, spent)| spent.since).map(|(peer, _)| *peer);
            oldest.map(|oldest| peers.remove(&oldest));
        }
        let spent = peers.entry(peer).or_insert(Spent { count: 0, since: now });
        let passed = now.saturating_duration_since(spent.since).as_nanos() / REFILL.as_nanos();
        let paid = u32::try_from(passed).unwrap_or(u32::MAX);
        if paid > 0 {
            *spent = Spent { count: spent.count.saturating_sub(paid), since: now };
        }
        if spent.count >= BURST {
            return false;
        }
        spent.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_burst_is_answered_and_then_one_a_second() {
        let (failures, now) = (Failures::default(), Instant::now());
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let answered = (0..50).filter(|_| failures.may_fail(peer, now)).count();
        assert_eq!(answered, 10);
        let later = now + Duration::from_secs(3);
        assert_eq!((0..50).filter(|_| failures.may_fail(peer, later)).count(), 3);
        // Another address has a count of its own.
        assert!(failures.may_fail(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), later));
    }

    #[test]
    fn memory_is_bounded() {
        let (failures, now) = (Failures::default(), Instant::now());
        for index in 0..5_000u32 {
            failures.may_fail(IpAddr::V4(Ipv4Addr::from(index)), now);
        }
        assert_eq!(failures.0.lock().unwrap().len(), MAX_PEERS);
    }
}
