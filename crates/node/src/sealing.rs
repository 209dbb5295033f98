//! How a node takes sealed items, and the committee that a development node has in process.

mod committee;
mod options;
mod unseal;

pub(crate) use committee::{Answer, Ask, Committee};
pub use options::SealingOptions;
pub(crate) use unseal::{Found, Known, Unsealing};

use crate::error::NodeError;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use weft_crypto::{Setup, setup::RSA_2048};

/// Squarings from which on somebody who waits wants to know why: a few seconds.
const LONG: u64 = 1 << 22;

/// Returns the setup of a realm: read where it was made before, else made.
pub(crate) fn setup_of(options: &SealingOptions) -> Result<Arc<Setup>, NodeError> {
    let Some(bytes) = &options.setup else { return setup(options.delay_squarings) };
    let wrong = |why: String| NodeError::Config(format!("sealing: the setup is refused: {why}"));
    let setup = Setup::decode(bytes).map_err(|error| wrong(error.to_string()))?;
    if *setup.group().modulus() != RSA_2048 {
        // Whoever made another modulus may know its factors.
        return Err(wrong("its modulus is not RSA-2048".to_owned()));
    }
    let (made, asked) = (setup.delay_squarings(), options.delay_squarings);
    if made != asked {
        return Err(wrong(format!("it is for {made} squarings, the realm has {asked}")));
    }
    Ok(Arc::new(setup))
}

/// Returns the setup of a delay, made once in a process: it costs as many squarings as the delay has.
fn setup(delay_squarings: u64) -> Result<Arc<Setup>, NodeError> {
    static MADE: Mutex<BTreeMap<u64, Arc<Setup>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(setup) = made.get(&delay_squarings) {
        return Ok(setup.clone());
    }
    if delay_squarings >= LONG {
        tracing::info!(
            squarings = delay_squarings,
            "squaring once for the setup of sealing; a file of `weft committee setup` saves that"
        );
    }
    let setup = Setup::prepare(&RSA_2048, delay_squarings)
        .map_err(|error| NodeError::Config(format!("sealing: {error}")))?;
    let setup = Arc::new(setup);
    made.insert(delay_squarings, setup.clone());
    Ok(setup)
}
