//! Hashes of threshold sealing (scheme 3); the workspace `threshold/` holds the rest, because it needs a pairing.

use crate::{
    hash::{Part, Transcript},
    seal::Coins,
};
use alloy_primitives::B256;
use weft_types::Domain;
use zeroize::Zeroizing;

/// Returns the name of a committee's encoded public key and an epoch: what envelopes carry, and what members sign.
///
/// It does not depend on who has shares of the key: a committee that passes them on opens what was sealed before.
pub fn name(domain: &Domain, public_key: &[u8], epoch: u64) -> B256 {
    Transcript::of_realm(domain, Part::ThresholdName).put(public_key).number(epoch).finish()
}

/// Returns what the head of some coins hides.
pub fn shared(domain: &Domain, name: &B256, coins: &Coins) -> Zeroizing<[u8; 32]> {
    of_coins(domain, Part::ThresholdShared, name, coins)
}

/// Returns all randomness of the head of some coins.
pub fn sigma(domain: &Domain, name: &B256, coins: &Coins) -> Zeroizing<[u8; 32]> {
    of_coins(domain, Part::ThresholdSigma, name, coins)
}

fn of_coins(domain: &Domain, part: Part, name: &B256, coins: &Coins) -> Zeroizing<[u8; 32]> {
    let hash = Transcript::of_realm(domain, part).put(name.as_slice()).put(coins.as_bytes());
    Zeroizing::new(hash.finish().0)
}
