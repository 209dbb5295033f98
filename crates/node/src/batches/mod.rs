//! Batches: written while a realm runs or is repeated, kept in a directory, and verified from there (P40, P41).
//!
//! ```text
//!  engine ─► Recorder: slots ─► batch, signed ─► files: realm.weft, batch-00000001.weft, ..
//!                                                          │
//!                      verify: a thread reads and recovers ┴─► Derivation ─► every block, or the first lie
//! ```

mod compress;
mod files;
mod live;
mod moves;
mod orders;
mod realm;
mod recorder;
mod shelf;
mod verify;

pub use compress::Brotli;
pub use files::{BatchDir, BatchFileError, RestsOn};
pub use live::BatchOptions;
pub use realm::realm_config;
pub use recorder::{BatchLimits, BatchSink};
pub use verify::{VerifiedBatches, Verifier, VerifyBatchesError, recover};

/// Returns the key with which development nodes sign, and which everybody knows.
///
/// # Panics
///
/// Never: it is a key.
pub fn development_sequencer() -> weft_promise::LocalSigner {
    let signer = weft_promise::LocalSigner::new(&crate::accounts::PROMISE_KEY);
    signer.expect("the development key is a key")
}

pub(crate) use live::LiveBatches;
pub(crate) use realm::genesis_of;
pub(crate) use recorder::{Recorder, Resumed, SlotBytes, slot_of, travelling};
