//! Transactions and their senders: most of the work of derivation, and the part that can be done ahead.

use alloc::vec;
use weft_batch::WireLeg;
use weft_types::{SignedTx, item::InvalidLeg};

/// Gives the transactions of a batch with their senders, in the order of [`weft_batch::Batch::legs`].
pub trait Legs {
    /// Decodes a leg and recovers its sender.
    ///
    /// # Errors
    ///
    /// Any [`InvalidLeg`].
    fn next(&mut self, leg: &WireLeg) -> Result<SignedTx, InvalidLeg>;
}

/// Recovers every sender when it is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recover;

impl Legs for Recover {
    fn next(&mut self, leg: &WireLeg) -> Result<SignedTx, InvalidLeg> {
        SignedTx::decode(leg.raw.clone())
    }
}

/// What somebody decoded ahead, in order.
#[derive(Debug)]
pub struct Recovered(vec::IntoIter<Result<SignedTx, InvalidLeg>>);

impl Recovered {
    /// Takes every leg of a batch, in the order of [`weft_batch::Batch::legs`].
    pub fn new(legs: vec::Vec<Result<SignedTx, InvalidLeg>>) -> Self {
        Self(legs.into_iter())
    }
}

impl Legs for Recovered {
    fn next(&mut self, leg: &WireLeg) -> Result<SignedTx, InvalidLeg> {
        let next = self.0.next();
        let is_its = |tx: &Result<SignedTx, InvalidLeg>| match tx {
            Ok(tx) => tx.raw() == &leg.raw,
            Err(_) => true,
        };
        // Whoever decoded ahead and lost count has cost time and nothing else.
        next.filter(is_its).unwrap_or_else(|| SignedTx::decode(leg.raw.clone()))
    }
}
