//! One dealer in the place of a distributed key generation, for development and tests.

use crate::{MinPk, Share, Sharing};
use commonware_cryptography::bls12381::{
    dkg::feldman_desmedt::deal_anonymous, primitives::sharing::Mode,
};
use commonware_utils::N3f1;
use core::num::NonZeroU32;
use rand_core::CryptoRng;
use thiserror::Error;
use weft_types::Domain;

/// The realm is not the one of development.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a key that one dealer knows is for the development realm alone")]
pub struct NotDevelopment;

/// Deals the key of a committee of `members`, of which more than two thirds must sign.
///
/// **Whoever runs this has every share, and opens every epoch alone and at once**, so it does so for the realm of
/// development only. A committee that hides anything from its dealer runs the library's distributed key generation
/// (`dkg::feldman_desmedt`), whose outcome everything else here takes as it is.
///
/// # Errors
///
/// [`NotDevelopment`].
pub fn deal(
    domain: &Domain,
    rng: impl CryptoRng,
    members: NonZeroU32,
) -> Result<(Sharing<MinPk>, Vec<Share>), NotDevelopment> {
    if *domain != Domain::dev() {
        return Err(NotDevelopment);
    }
    Ok(deal_anonymous::<MinPk, N3f1>(rng, Mode::NonZeroCounter, members))
}
