//! The scheme: a head that a committee's signature uncovers.

use crate::{MinPk, Opener};
use alloy_primitives::B256;
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_cryptography::{
    Hasher as _, Sha256,
    bls12381::{
        primitives::variant::Variant,
        tle::{self, Block, Ciphertext},
    },
};
use commonware_math::algebra::Additive as _;
use core::{convert::Infallible, fmt};
use rand_core::{TryCryptoRng, TryRng};
use thiserror::Error;
use weft_crypto::{
    SchemeId,
    seal::{Coins, DelayScheme, Shared},
    threshold,
};
use weft_types::Domain;
use zeroize::Zeroizing;

/// What members sign is under this name and nothing else.
pub(crate) const NAMESPACE: &[u8] = b"weft threshold epoch 1";
/// Bytes of a committee's public key: a compressed point of G1.
pub const KEY_BYTES: usize = 48;
/// Bytes of a head: a point of 48, and two blocks of 32.
pub const HEAD_BYTES: usize = 112;

/// A committee's public key, in G1.
pub type PublicKey = <MinPk as Variant>::Public;

/// The bytes are no public key: no point of the group in its one encoding, or infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not the public key of a committee")]
pub struct InvalidKey;

/// Sealing to one committee's key and one epoch.
#[derive(Clone)]
pub struct ThresholdScheme {
    domain: Domain,
    key: PublicKey,
    epoch: u64,
    id: B256,
}

impl ThresholdScheme {
    /// Seals to a committee's public key and to an epoch.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] for infinity, to which everybody has the secret.
    pub fn new(domain: Domain, key: PublicKey, epoch: u64) -> Result<Self, InvalidKey> {
        if key == PublicKey::zero() {
            return Err(InvalidKey);
        }
        let id = threshold::name(&domain, &key.encode(), epoch);
        Ok(Self { domain, key, epoch, id })
    }

    /// Seals to an encoded public key.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`].
    pub fn of_bytes(domain: Domain, key: &[u8], epoch: u64) -> Result<Self, InvalidKey> {
        let point = PublicKey::decode(key.to_vec()).map_err(|_| InvalidKey)?;
        if point.encode() != key { Err(InvalidKey) } else { Self::new(domain, point, epoch) }
    }

    /// Returns the epoch.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the committee's public key.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl DelayScheme for ThresholdScheme {
    type Opener = Opener;

    fn scheme(&self) -> SchemeId {
        SchemeId::Threshold
    }

    fn key_id(&self) -> B256 {
        self.id
    }

    fn domain(&self) -> &Domain {
        &self.domain
    }

    fn head(&self, coins: &Coins) -> Vec<u8> {
        let sigma = threshold::sigma(&self.domain, &self.id, coins);
        let hidden = threshold::shared(&self.domain, &self.id, coins);
        let target = (NAMESPACE, self.id.as_slice());
        let block = Block::new(*hidden);
        let sealed = tle::encrypt::<_, MinPk>(&mut Once(Some(sigma)), self.key, target, &block);
        sealed.expect("the key is not infinity").encode().to_vec()
    }

    fn shared(&self, coins: &Coins) -> Shared {
        let hidden = threshold::shared(&self.domain, &self.id, coins);
        Shared::new(Zeroizing::new(hidden.to_vec()))
    }

    fn uncover(&self, head: &[u8], opener: &Opener) -> Option<Shared> {
        assert_eq!(opener.name(), self.id, "the opener is that of the committee and epoch");
        let ciphertext = Ciphertext::<MinPk>::decode(head.to_vec()).ok()?;
        if ciphertext.encode() != head {
            return None;
        }
        let block = tle::decrypt::<MinPk>(opener.signature(), &ciphertext)?;
        Some(Shared::new(Zeroizing::new(block.as_ref().to_vec())))
    }

    /// To uncover a head the library computes `(sigma, block)` and `U = H3(sigma, block) G` again, so the head is that of
    /// these two and of no others. Left to compare are the two with those of the coins: sigma by the mask that it lies
    /// under, `W = block xor H4(sigma)`. That saves a pairing.
    fn is_head(&self, head: &[u8], uncovered: &Shared, coins: &Coins) -> bool {
        let sigma = threshold::sigma(&self.domain, &self.id, coins);
        let hidden = threshold::shared(&self.domain, &self.id, coins);
        let mask = Sha256::hash(&[b"h4", &sigma[..]]);
        let masked = hidden.iter().zip(mask.as_ref()).map(|(block, mask)| block ^ mask);
        uncovered.as_bytes() == &hidden[..] && head.iter().skip(HEAD_BYTES - 32).copied().eq(masked)
    }
}

/// The randomness that the library draws, which is that of the coins, so that a seed gives the same head again.
struct Once(Option<Zeroizing<[u8; 32]>>);

impl TryRng for Once {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the library draws 32 bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the library draws 32 bytes")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let sigma = self.0.take().expect("the library draws once");
        out.copy_from_slice(&sigma[..]);
        Ok(())
    }
}

impl TryCryptoRng for Once {}

impl fmt::Debug for ThresholdScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThresholdScheme({}, epoch {})", self.id, self.epoch)
    }
}
