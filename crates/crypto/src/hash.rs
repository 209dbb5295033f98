//! Hashes of the sealed lane: one kind of input per [`Part`], and every field behind its length.

use alloy_primitives::{B256, Keccak256, keccak256};
use weft_types::{Domain, domain::Tag};

/// What a hash of this crate stands for. No two kinds share a number.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Part {
    /// A base of a group, of unknown order and unknown relation to other bases.
    Base = 1,
    /// The prime challenge of a proof of squarings.
    Prime = 2,
    /// A setup's identity.
    Setup = 3,
    /// Masks of a proof.
    Mask = 4,
    /// A member's secret, from its entropy.
    ShareSecret = 5,
    /// The exponent of a share's puzzle, from the same entropy.
    ShareRandom = 6,
    /// The seed of the masks of a share's proof.
    ShareMasks = 7,
    /// The challenge of a share's proof.
    ShareChallenge = 8,
    /// A key list's identity.
    KeyList = 9,
    /// What a member signs when it releases its secret.
    Release = 10,
    /// What everybody can read of an envelope.
    Readable = 11,
    /// An envelope's identity.
    Envelope = 12,
    /// An envelope's seed, from the user's entropy.
    Seed = 13,
    /// All randomness of an envelope.
    Coins = 14,
    /// What the seed lies under.
    SeedMask = 15,
    /// The key of the stream that the plaintext lies under.
    Stream = 16,
    /// The seed of the mask of a puzzle's proof.
    RelationMask = 17,
    /// The challenge of a puzzle's proof.
    RelationChallenge = 18,
    /// What a member signs when it announces its share.
    Announcement = 19,
    /// The seed of the mask of a puzzle's proof that belongs to something else than an [`crate::Envelope`]'s id.
    BoundMask = 20,
    /// The challenge of such a proof.
    BoundChallenge = 21,
    /// The exponent of a puzzle whose content is proven.
    ProvenExponent = 22,
    /// What the proof of such a puzzle is bound to.
    ProvenStatement = 23,
    /// The seed of what hides the secrets in a circuit's proof.
    ProvenBlinding = 24,
    /// The name of a committee's key and an epoch.
    ThresholdName = 25,
    /// What a head for a committee hides.
    ThresholdShared = 26,
    /// The randomness of such a head.
    ThresholdSigma = 27,
}

/// A hash under construction.
#[derive(Clone)]
pub(crate) struct Transcript(Keccak256);

impl Transcript {
    /// Starts a hash about numbers alone, which is the same in every realm: whether `y = x^(2^T)` mod N depends on
    /// nobody's settlement contract.
    pub(crate) fn of_numbers(part: Part) -> Self {
        let mut hasher = Keccak256::new();
        hasher.update(b"weft numbers");
        hasher.update([part as u8]);
        Self(hasher)
    }

    /// Starts a hash of something that belongs to a realm (P1).
    pub(crate) fn of_realm(domain: &Domain, part: Part) -> Self {
        let mut hasher = domain.hasher(Tag::Sealing);
        hasher.update([part as u8]);
        Self(hasher)
    }

    /// Appends a field.
    ///
    /// # Panics
    ///
    /// Panics when the field has 4 GiB or more, which no bounded value reaches.
    pub(crate) fn put(mut self, field: &[u8]) -> Self {
        let len = u32::try_from(field.len()).expect("bounded lengths fit 32 bits");
        self.0.update(len.to_be_bytes());
        self.0.update(field);
        self
    }

    /// Appends a number.
    pub(crate) fn number(self, value: u64) -> Self {
        self.put(&value.to_be_bytes())
    }

    /// Returns the hash.
    pub(crate) fn finish(self) -> B256 {
        self.0.finalize()
    }
}

/// Fills `out` with the stream `keccak(seed || 0) || keccak(seed || 1) || ..`, counters being four bytes.
pub(crate) fn expand(seed: &B256, out: &mut [u8]) {
    let mut block = [0; 36];
    block[..32].copy_from_slice(seed.as_slice());
    for (counter, chunk) in (0_u32..).zip(out.chunks_mut(32)) {
        block[32..].copy_from_slice(&counter.to_be_bytes());
        chunk.copy_from_slice(&keccak256(block)[..chunk.len()]);
    }
    zeroize::Zeroize::zeroize(&mut block);
}
