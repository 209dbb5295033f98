//! What items in clear may waste (P13, ADR 0032). Nobody can be made to pay for one that is removed, because nobody
//! signed for that; so what they take of slots is bounded, for each signer and for all together.

use alloy_primitives::{Address, B256};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};
use weft_types::Item;

/// Seconds of its rate that may be wasted at once.
const BURST: u64 = 5;
/// Most signers that are remembered.
const MAX_SIGNERS: usize = 1 << 14;
/// Removed items that are remembered.
const MAX_REMOVED: usize = 1 << 14;

/// Gas that removed items may declare in a second, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Of one signer; also of all items together that nobody signed as a whole.
    pub(crate) own: u64,
    /// Of all.
    pub(crate) all: u64,
}

/// Gas that leaks away at a rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: u64,
    at: Instant,
}

/// What was removed lately.
#[derive(Debug, Clone)]
pub(crate) struct Removals {
    rates: Rates,
    all: Bucket,
    /// Items that nobody signed as a whole, and removed items that come again.
    nobody: Bucket,
    signers: BTreeMap<Address, Bucket>,
    removed: BTreeSet<B256>,
    /// The same, the oldest first.
    age: VecDeque<B256>,
}

impl Bucket {
    const fn new(at: Instant) -> Self {
        Self { level: 0, at }
    }

    fn leak(&mut self, rate: u64, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_millis();
        let gone = u128::from(rate).saturating_mul(passed) / 1_000;
        if gone > 0 {
            self.level = self.level.saturating_sub(u64::try_from(gone).unwrap_or(u64::MAX));
            self.at = now;
        }
    }

    /// Returns how long it takes until there is room.
    fn wait(&mut self, rate: u64, now: Instant) -> Duration {
        self.leak(rate, now);
        let over = self.level.saturating_sub(rate.saturating_mul(BURST));
        Duration::from_millis(over.saturating_mul(1_000).div_ceil(rate.max(1)))
    }
}

impl Removals {
    pub(crate) fn new(rates: Rates, now: Instant) -> Self {
        let bucket = Bucket::new(now);
        let (signers, removed, age) = Default::default();
        Self { rates, all: bucket, nobody: bucket, signers, removed, age }
    }

    /// Returns how long an item has to wait because of what was removed; nothing when it need not.
    pub(crate) fn wait(&mut self, item: &Item, id: B256, now: Instant) -> Option<Duration> {
        let Rates { own, all } = self.rates;
        let bucket = match self.signer(item, &id) {
            Some(signer) => self.signers.get_mut(&signer)?,
            None => &mut self.nobody,
        };
        let of_own = bucket.wait(own, now);
        // Who wasted nothing lately does not stand behind those who did.
        let has_wasted = bucket.level > 0;
        let wait = self.all.wait(all, now).max(of_own);
        (has_wasted && !wait.is_zero()).then_some(wait)
    }

    /// Counts an item that was removed, with the gas that its legs declare.
    pub(crate) fn count(&mut self, item: &Item, id: B256, gas: u64, now: Instant) {
        let Rates { own, all } = self.rates;
        let signer = self.signer(item, &id);
        let of_own = match signer {
            Some(signer) => self.signers.entry(signer).or_insert_with(|| Bucket::new(now)),
            None => &mut self.nobody,
        };
        for (bucket, rate) in [(of_own, own), (&mut self.all, all)] {
            bucket.leak(rate, now);
            bucket.level = bucket.level.saturating_add(gas);
        }
        self.remember(id);
        self.prune(now);
    }

    /// Returns who signed the whole item: the sender of a transaction, or of the first leg of a bundle whose legs all name
    /// it (P18). Legs without marks are anybody's to copy, and so is an item that was removed and comes again.
    fn signer(&self, item: &Item, id: &B256) -> Option<Address> {
        if self.removed.contains(id) || item.bundle().is_some_and(|bundle| !bundle.is_marked()) {
            return None;
        }
        Some(item.legs().first()?.tx.sender())
    }

    fn remember(&mut self, id: B256) {
        if self.removed.insert(id) {
            self.age.push_back(id);
        }
        while self.age.len() > MAX_REMOVED
            && let Some(oldest) = self.age.pop_front()
        {
            self.removed.remove(&oldest);
        }
    }

    fn prune(&mut self, now: Instant) {
        if self.signers.len() <= MAX_SIGNERS {
            return;
        }
        let own = self.rates.own;
        self.signers.retain(|_, bucket| {
            bucket.leak(own, now);
            bucket.level > 0
        });
        // With so many at once the bound of all holds them.
        while self.signers.len() > MAX_SIGNERS {
            self.signers.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEV_ACCOUNTS;
    use alloy_consensus::{TxEip1559, TypedTransaction};
    use alloy_eips::eip2718::Encodable2718 as _;
    use weft_types::{Bundle, Domain, Leg, NetworkId, SafetyLevel, SignedTx};

    const RATES: Rates = Rates { own: 100, all: 1_000 };

    fn leg(account: usize, chain_id: u64) -> Leg {
        let tx = TxEip1559 { chain_id, gas_limit: 21_000, ..TxEip1559::default() };
        let signed = DEV_ACCOUNTS[account].sign(TypedTransaction::Eip1559(tx)).unwrap();
        let tx = SignedTx::decode(signed.encoded_2718().into()).unwrap();
        Leg { network: NetworkId::new(chain_id as u32), tx, may_revert: false }
    }

    fn unmarked(account: usize) -> Item {
        let legs = vec![leg(account, 901), leg(account, 902)];
        let (domain, level) = (Domain::dev(), SafetyLevel::Reputation);
        Item::Bundle(Bundle::new(&domain, B256::ZERO, level, legs).unwrap())
    }

    fn id(byte: u8) -> B256 {
        B256::repeat_byte(byte)
    }

    #[test]
    fn p13_who_wastes_waits_and_nobody_else_does() {
        let start = Instant::now();
        let mut removals = Removals::new(RATES, start);
        let (one, other) = (Item::Transaction(leg(0, 901)), Item::Transaction(leg(1, 901)));
        removals.count(&one, id(1), 500, start);
        assert_eq!(removals.wait(&one, id(2), start), None, "the burst is for it");
        removals.count(&one, id(2), 100, start);
        assert_eq!(removals.wait(&one, id(3), start), Some(Duration::from_secs(1)));
        assert_eq!(removals.wait(&other, id(4), start), None);
        let later = start + Duration::from_secs(1);
        assert_eq!(removals.wait(&one, id(3), later), None, "it leaks away");
        removals.count(&other, id(5), 6_000, later);
        assert!(removals.wait(&one, id(3), later).is_some(), "all that waste are bounded together");
        let innocent = Item::Transaction(leg(2, 901));
        assert_eq!(removals.wait(&innocent, id(6), later), None, "whoever wastes nothing goes on");
    }

    #[test]
    fn t13_copies_and_repetitions_are_counted_for_nobody_who_signed() {
        let now = Instant::now();
        let mut removals = Removals::new(RATES, now);
        let copied = unmarked(0);
        removals.count(&copied, id(1), 600, now);
        let own = Item::Transaction(leg(0, 901));
        assert_eq!(removals.wait(&own, id(2), now), None, "legs without marks are anybody's");
        assert!(removals.wait(&unmarked(1), id(3), now).is_some(), "they share one bound");
        // The same item again and again, by whoever has seen it.
        let now = now + Duration::from_secs(60);
        removals.count(&own, id(4), 400, now);
        for _ in 0..3 {
            removals.count(&own, id(4), 400, now);
        }
        assert_eq!(removals.wait(&own, id(5), now), None);
        assert!(removals.wait(&own, id(4), now).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut removals = Removals::new(Rates { own: 1, all: u64::MAX }, now);
        let item = Item::Transaction(leg(0, 901));
        for index in 0..2 * MAX_REMOVED as u64 {
            removals.count(&item, alloy_primitives::keccak256(index.to_be_bytes()), 1, now);
        }
        assert_eq!(removals.removed.len(), MAX_REMOVED);
        assert_eq!(removals.age.len(), MAX_REMOVED);
    }
}
