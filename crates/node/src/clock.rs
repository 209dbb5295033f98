//! The node's clock: the wall's, or a simulated one that gives the same times in every run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Genesis of seeded realms, in seconds since the Unix epoch.
const SEEDED_GENESIS: u64 = 1_700_000_000;

/// The node's clock, in milliseconds since the Unix epoch.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// Added to the wall's time by development helpers.
    offset_ms: u64,
    simulated: Option<Simulated>,
}

/// Time that moves by one slot for every slot with items.
#[derive(Debug, Clone)]
struct Simulated {
    now_ms: u64,
    slot: Duration,
    next_turn: Instant,
}

impl Clock {
    pub(crate) fn new(seed: Option<u64>, slot_ms: u64) -> Self {
        let slot = Duration::from_millis(slot_ms);
        let simulated = seed.map(|seed| Simulated {
            now_ms: (SEEDED_GENESIS + seed % 100_000_000) * 1000,
            slot,
            next_turn: Instant::now() + slot,
        });
        Self { offset_ms: 0, simulated }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        match &self.simulated {
            Some(simulated) => simulated.now_ms.saturating_add(self.offset_ms),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let wall = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
                wall.saturating_add(self.offset_ms)
            }
        }
    }

    /// Lets simulated time go on at `now_ms`, where it stood when the node stopped.
    pub(crate) fn resume(&mut self, now_ms: u64) {
        if let Some(simulated) = &mut self.simulated {
            simulated.now_ms = simulated.now_ms.max(now_ms);
        }
    }

    /// Moves the time forward.
    pub(crate) const fn increase(&mut self, by_ms: u64) {
        self.offset_ms = self.offset_ms.saturating_add(by_ms);
    }

    /// Lets simulated time pass when a slot's length has gone by; a slot without items takes no time.
    pub(crate) fn turn(&mut self, has_items: bool) {
        let Some(simulated) = &mut self.simulated else { return };
        let now = Instant::now();
        if now < simulated.next_turn {
            return;
        }
        simulated.next_turn = now + simulated.slot;
        if has_items {
            self.slot_over();
        }
    }

    /// Lets one slot of simulated time pass.
    pub(crate) fn slot_over(&mut self) {
        if let Some(simulated) = &mut self.simulated {
            let slot_ms = u64::try_from(simulated.slot.as_millis()).unwrap_or(u64::MAX);
            simulated.now_ms = simulated.now_ms.saturating_add(slot_ms);
        }
    }

    /// Returns how long to wait for the next turn; `closes_at_ms` is when the open slot expires.
    pub(crate) fn until_turn(&self, closes_at_ms: u64) -> Duration {
        match &self.simulated {
            Some(simulated) => simulated.next_turn.saturating_duration_since(Instant::now()),
            None => Duration::from_millis(closes_at_ms.saturating_sub(self.now_ms())),
        }
    }
}
