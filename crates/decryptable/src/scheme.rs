//! Sealing, proving, checking and opening.

use crate::{
    cipher::{self, Masked, decode, elements, encode, pad, plain, unmask, unpad},
    circuit::{Circuit, Statement},
    keys::{ProvingKey, VerifyingKey},
    poseidon::Plain,
    proof::{Proof, Refused},
};
use alloy_primitives::{B256, Bytes};
use core::fmt;
use thiserror::Error;
use weft_crypto::{
    Carriage, Element, Envelope, InvalidElement, PuzzleProof, PuzzleScheme, SchemeId, Setup,
    Solution, TooLong, proven,
};
use weft_types::Domain;
use zeroize::Zeroizing;

/// Sealing to puzzles whose content is proven: `head = g^r`, masks from `h^r`.
#[derive(Debug, Clone)]
pub struct ProvenScheme<'s> {
    domain: Domain,
    setup: &'s Setup,
}

/// An envelope and what its author keeps: the exponent and the padded plaintext. Erased when dropped.
pub struct Sealed {
    envelope: Envelope,
    exponent: Zeroizing<[u8; 32]>,
    padded: Zeroizing<Vec<u8>>,
}

/// What an envelope turned out to be. Whoever has its exponent or its solution finds the same.
#[derive(Clone, PartialEq, Eq)]
pub enum Opening {
    /// It holds this. Of an envelope with a proof it is certain that it opens so.
    Opened(Bytes),
    /// Its author, who knew the solution, padded wrongly.
    Malformed,
    /// The head is no puzzle, the body is no elements, or the tag is none of the solution's.
    Undecryptable,
}

/// Reason why an envelope cannot be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unprovable {
    /// The key is for another size of bodies.
    #[error("proving key is for bodies of {found} bytes, the envelope has {expected}")]
    Size {
        /// Bytes found.
        found: usize,
        /// Bytes wanted.
        expected: usize,
    },
    /// The proof that came out does not hold: the key is for another modulus, or the solution is one of the 2^-223 that
    /// the circuit leaves out.
    #[error("the proof that came out does not hold")]
    Refused(#[from] Refused),
}

impl<'s> ProvenScheme<'s> {
    /// Seals to puzzles of `setup`.
    pub const fn new(domain: Domain, setup: &'s Setup) -> Self {
        Self { domain, setup }
    }

    /// Seals a plaintext. `entropy` is 32 bytes that nobody else knows.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when the bucket is too small; see [`crate::capacity`].
    pub fn seal(
        &self,
        carriage: &Carriage,
        plaintext: &[u8],
        entropy: &B256,
    ) -> Result<Sealed, TooLong> {
        let padded = pad(plaintext, carriage.size)?;
        let mut envelope = Envelope {
            scheme: SchemeId::Proven,
            key: self.setup.id(),
            carriage: *carriage,
            head: Vec::new(),
            masked_seed: B256::ZERO,
            body: Vec::new(),
        };
        let readable = envelope.readable(&self.domain);
        let exponent = proven::exponent(&self.domain, &readable, &padded, entropy);
        let (head, solution) = self.puzzle_of(&exponent);
        let key = cipher::key(&readable, solution.value());
        let masked = cipher::mask(&mut Plain, &key[..], &plain(&padded));
        envelope.head = head.to_vec();
        envelope.masked_seed = B256::from_slice(&encode(&[masked.tag]));
        envelope.body = encode(&masked.body);
        Ok(Sealed { envelope, exponent, padded })
    }

    /// Returns `g^r` and `h^r`.
    fn puzzle_of(&self, exponent: &[u8; 32]) -> (Element, Element) {
        let exponent = crypto_bigint::U256::from_be_slice(exponent);
        let group = self.setup.group();
        let power = |base| group.power(base, &exponent);
        (power(self.setup.base()), power(self.setup.delayed()))
    }

    /// Proves that an envelope opens. Costs half a second. `entropy` is 32 bytes that nobody else knows.
    ///
    /// # Errors
    ///
    /// [`Unprovable`].
    pub fn prove(
        &self,
        key: &ProvingKey,
        sealed: &Sealed,
        entropy: &B256,
    ) -> Result<Proof, Unprovable> {
        let envelope = &sealed.envelope;
        let (found, expected) = (key.verifying.size.bytes(), envelope.carriage.size.bytes());
        if found != expected {
            return Err(Unprovable::Size { found, expected });
        }
        let (_, solution) = self.puzzle_of(&sealed.exponent);
        let square = self.setup.group().square(&solution);
        let circuit = Circuit {
            modulus: *self.setup.group().modulus(),
            statement: self.statement(envelope, &square)?,
            solution: *solution.value(),
            padded: sealed.padded.clone(),
        };
        let seed = proven::blinding(&self.domain, envelope, &sealed.exponent, entropy);
        let pairing = crate::proof::pairing(key, circuit, &seed);
        let statement =
            proven::statement(&self.domain, envelope, &key.verifying.digest(), &pairing);
        let puzzle =
            PuzzleProof::bound(self.setup, &self.domain, &statement, &sealed.exponent, entropy);
        let proof = Proof { pairing, puzzle };
        self.verify(&key.verifying, envelope, &proof)?;
        Ok(proof)
    }

    /// Checks that an envelope opens, whoever solves it. Costs a few milliseconds.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn verify(
        &self,
        key: &VerifyingKey,
        envelope: &Envelope,
        proof: &Proof,
    ) -> Result<(), Refused> {
        self.own(envelope)?;
        if key.size != envelope.carriage.size {
            return Err(Refused::Size);
        }
        let puzzle = self.puzzle(envelope)?;
        let statement = proven::statement(&self.domain, envelope, &key.digest(), &proof.pairing);
        proof.puzzle.verify_bound(self.setup, &self.domain, &statement, &puzzle)?;
        let statement = self.statement(envelope, proof.puzzle.square())?;
        crate::proof::check(key, &statement, &proof.pairing)
    }

    /// Opens an envelope with the solution of its puzzle, found by [`PuzzleScheme::solve`] or proven to it.
    ///
    /// # Errors
    ///
    /// [`Refused::Foreign`] when it is not sealed by this scheme to this setup.
    ///
    /// # Panics
    ///
    /// Panics when the solution is that of another setup or envelope, which its owner knows.
    pub fn open(&self, envelope: &Envelope, solution: &Solution) -> Result<Opening, Refused> {
        self.own(envelope)?;
        let solved = self.puzzles().solved_value(&envelope.head, solution);
        Ok(solved.map_or(Opening::Undecryptable, |solution| self.opened(envelope, &solution)))
    }

    /// Opens an envelope with the exponent that its author shows.
    ///
    /// # Errors
    ///
    /// [`Refused::Foreign`], or [`Refused::Exponent`] when the head has another.
    pub fn open_with(&self, envelope: &Envelope, exponent: &[u8; 32]) -> Result<Opening, Refused> {
        self.own(envelope)?;
        let (head, solution) = self.puzzle_of(exponent);
        if head.is_identity() || head.to_vec() != envelope.head {
            return Err(Refused::Exponent);
        }
        Ok(self.opened(envelope, &solution))
    }

    /// Returns the scheme that solves the puzzles.
    pub fn puzzles(&self) -> PuzzleScheme<'s> {
        PuzzleScheme::new(self.domain, self.setup)
    }

    fn puzzle(&self, envelope: &Envelope) -> Result<Element, InvalidElement> {
        self.puzzles().puzzle(envelope)
    }

    fn opened(&self, envelope: &Envelope, solution: &Element) -> Opening {
        let Some(masked) = masked(envelope) else { return Opening::Undecryptable };
        let key = cipher::key(&envelope.readable(&self.domain), solution.value());
        match unmask(&key[..], &masked) {
            None => Opening::Undecryptable,
            Some(plain) => unpad(&plain).map_or(Opening::Malformed, Opening::Opened),
        }
    }

    fn statement(&self, envelope: &Envelope, square: &Element) -> Result<Statement, Refused> {
        let masked = masked(envelope).ok_or(Refused::Body)?;
        let readable = envelope.readable(&self.domain);
        Ok(Statement { readable, square: *square.value(), masked })
    }

    fn own(&self, envelope: &Envelope) -> Result<(), Refused> {
        let own = envelope.scheme == SchemeId::Proven && envelope.key == self.setup.id();
        if own { Ok(()) } else { Err(Refused::Foreign) }
    }
}

/// Returns body and tag of an envelope; nothing when they are no elements, or not as many as the carriage says.
fn masked(envelope: &Envelope) -> Option<Masked<ark_bn254::Fr>> {
    let body = decode(&envelope.body)?;
    let [tag] = decode(envelope.masked_seed.as_slice())?.try_into().ok()?;
    (body.len() == elements(envelope.carriage.size)).then_some(Masked { body, tag })
}

impl Sealed {
    /// Returns the envelope.
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns what opens the envelope at once: keep it, or show it when a verdict is false.
    pub fn exponent(&self) -> &[u8; 32] {
        &self.exponent
    }
}

/// Shows the envelope only.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("envelope", &self.envelope).finish_non_exhaustive()
    }
}

/// Tells the kind only: plaintexts do not belong into logs.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opened(_) => "Opened(..)",
            Self::Malformed => "Malformed",
            Self::Undecryptable => "Undecryptable",
        })
    }
}
