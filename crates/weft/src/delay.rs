//! How long a puzzle has to be, for whoever checks that: a node's configuration, members of a committee, a shield (P17).

use weft_crypto::setup::least_delay;
use weft_types::Domain;

/// Epochs from the first share of a key to the end of its epoch: two in which shares are taken, and its own.
pub(crate) const EPOCHS: u64 = 3;

/// Returns the squarings that cover the epochs of a key against a solver `advantage` times as fast as a processor.
pub(crate) const fn least_delay_of(epoch_ms: u64, advantage: u64) -> u64 {
    least_delay(epoch_ms.saturating_mul(EPOCHS), advantage)
}

/// Returns true for a realm on no L1 or on one of development, where nothing is to be hidden for long.
pub(crate) const fn is_development(domain: &Domain) -> bool {
    matches!(domain.l1_chain_id, 0 | 900 | 1_337 | 31_337)
}
