//! Bundles that name when they may run, as searchers send them to block builders (`eth_sendBundle`).
//!
//! They wait in memory alone: nothing is promised for them before they run.

use super::Engine;
use crate::rpc::errors::{RpcError, RpcResult};
use weft_types::{Bundle, NetworkId};

/// When a bundle may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The rollup whose blocks are counted.
    pub(crate) network: NetworkId,
    /// Number of the block that it is for; the one that is open when none is named.
    pub(crate) block: Option<u64>,
    /// First and last time of that block, in seconds since the Unix epoch.
    pub(crate) from_s: Option<u64>,
    pub(crate) until_s: Option<u64>,
}

/// What can become of a bundle in the block that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Chance {
    Now,
    Later,
    Gone(String),
}

impl Terms {
    /// Says what can become of a bundle in block `open`, of time `time_s`.
    fn chance(&self, open: u64, time_s: u64) -> Chance {
        match (self.block, self.until_s) {
            (Some(block), _) if block < open => {
                Chance::Gone(format!("block {block} is over, {open} is open"))
            }
            (_, Some(until)) if until < time_s => {
                Chance::Gone(format!("maxTimestamp {until} is over, it is {time_s}"))
            }
            (Some(block), _) if block > open => Chance::Later,
            _ if self.from_s.is_some_and(|from| from > time_s) => Chance::Later,
            _ => Chance::Now,
        }
    }
}

/// Bundles whose block is still to come, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Targeted(Vec<(Terms, Bundle)>);

impl Targeted {
    fn has(&self, bundle: &Bundle) -> bool {
        self.0.iter().any(|(_, other)| other.id() == bundle.id())
    }
}

impl Engine {
    /// Takes a bundle that names when it may run: it runs now, waits, or is refused because its time is over.
    pub(crate) fn send_targeted(&mut self, terms: Terms, bundle: Bundle) -> RpcResult<()> {
        self.tick();
        self.durably()?;
        self.check_bundle(&bundle)?;
        match self.chance(&terms) {
            Chance::Now => self.take_bundle(bundle),
            Chance::Later => self.wait_for_block(terms, bundle),
            Chance::Gone(why) => Err(RpcError::refused(format!("bundle too late: {why}"))),
        }
    }

    fn wait_for_block(&mut self, terms: Terms, bundle: Bundle) -> RpcResult<()> {
        self.check_replay(&bundle)?;
        let most = self.limits().max_prepared;
        if self.targeted.has(&bundle) {
            return Err(RpcError::duplicate_bundle(bundle.id(), "waits for its block already"));
        }
        if self.targeted.0.len() >= most {
            return Err(RpcError::too_many_bundles(most));
        }
        self.targeted.0.push((terms, bundle));
        Ok(())
    }

    /// Runs the bundles whose block is open, and lets those go whose time is over.
    pub(super) fn run_targeted(&mut self) {
        for (terms, bundle) in std::mem::take(&mut self.targeted.0) {
            let refused = match self.chance(&terms) {
                Chance::Later => {
                    self.targeted.0.push((terms, bundle));
                    continue;
                }
                Chance::Now => self.take_bundle(bundle.clone()).err().map(|error| error.message),
                Chance::Gone(why) => Some(why),
            };
            if let Some(why) = refused {
                self.drop_legs(Some(bundle.id()), bundle.is_marked(), bundle.legs(), why);
            }
        }
    }

    fn chance(&self, terms: &Terms) -> Chance {
        let open = self.chain(terms.network).store.head_number().saturating_add(1);
        let slot_ms = self.realm.slot().map_or(self.now_ms, |slot| slot.unix_ms);
        terms.chance(open, slot_ms / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(block: Option<u64>, from_s: Option<u64>, until_s: Option<u64>) -> Terms {
        Terms { network: NetworkId::new(1), block, from_s, until_s }
    }

    #[test]
    fn a_block_is_met_once() {
        let at = terms(Some(7), None, None);
        assert_eq!(at.chance(6, 0), Chance::Later);
        assert_eq!(at.chance(7, 0), Chance::Now);
        assert!(matches!(at.chance(8, 0), Chance::Gone(_)));
        assert_eq!(terms(None, None, None).chance(8, 0), Chance::Now);
    }

    #[test]
    fn times_are_those_of_the_block_and_both_ends_count() {
        let between = terms(None, Some(10), Some(12));
        assert_eq!(between.chance(1, 9), Chance::Later);
        assert_eq!(between.chance(1, 10), Chance::Now);
        assert_eq!(between.chance(1, 12), Chance::Now);
        assert!(matches!(between.chance(1, 13), Chance::Gone(_)));
        // Too late counts before too early.
        assert!(matches!(terms(Some(2), Some(20), Some(12)).chance(1, 13), Chance::Gone(_)));
    }
}
