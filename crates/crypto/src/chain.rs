//! Repeated squaring: the work that takes time and cannot be shared out.

use crate::units::{ELEMENT_BYTES, Element, Group, InvalidElement};
use alloc::vec::Vec;
use core::fmt;
use crypto_bigint::{U2048, modular::FixedMontyForm};
use thiserror::Error;
use weft_types::{CodecError, Reader, Writer};

/// Values kept on the way, at most; they make the proof of the result cheap (256 B each).
pub const MAX_TRAIL: usize = 1 << 14;
/// Longest chain, in squarings: an hour on any processor, and its proof needs half a gibibyte.
pub const MAX_SQUARINGS: u64 = 1 << 32;
/// Squarings between two looks at the outside world, at most; about 10 ms.
const BATCH: u64 = 1 << 13;

/// What does the squarings. Every engine gives the same values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// Pure Rust.
    #[default]
    Portable,
    /// The system's GMP.
    #[cfg(feature = "gmp")]
    Gmp,
}

/// How far a chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Squarings done.
    pub done: u64,
    /// Squarings wanted.
    pub total: u64,
}

impl Progress {
    /// Tells whether nothing is left to do.
    pub const fn is_complete(self) -> bool {
        self.done == self.total
    }
}

/// A computation of `base^(2^total)`, which may be left and taken up again.
#[derive(Clone)]
pub struct Chain<'g> {
    group: &'g Group,
    engine: Engine,
    base: Element,
    progress: Progress,
    /// Squarings between two entries of `trail`.
    stride: u64,
    /// `base^(2^(stride * i))` for i = 0, 1, ..
    trail: Vec<Element>,
    value: FixedMontyForm<{ U2048::LIMBS }>,
    /// It was taken up from a [`Checkpoint`], so its values are somebody's word.
    resumed: bool,
}

/// A chain at rest, for a disk.
///
/// It is not authenticated: whoever can change it makes the solver waste its time, and the wrong result is found
/// when it does not fit the key or its proof. Its values may become a key, so nothing shows them but
/// [`Self::as_bytes`].
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint(Vec<u8>);

/// Reason for refusing a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidCheckpoint {
    /// The bytes have no such form.
    #[error("checkpoint is malformed")]
    Codec(#[from] CodecError),
    /// A value is no element of this group.
    #[error("checkpoint holds no element of this group")]
    Element(#[from] InvalidElement),
    /// The numbers contradict each other.
    #[error("checkpoint at {done} of {total} squarings with {trail} values at stride {stride}")]
    Inconsistent {
        /// Squarings done.
        done: u64,
        /// Squarings wanted.
        total: u64,
        /// Squarings between two values.
        stride: u64,
        /// Values kept.
        trail: usize,
    },
}

impl<'g> Chain<'g> {
    /// Starts squaring `base`, `total` times.
    ///
    /// # Panics
    ///
    /// Panics when `total` is over [`MAX_SQUARINGS`]; a setup never asks for that many.
    pub fn new(group: &'g Group, base: Element, total: u64) -> Self {
        assert!(total <= MAX_SQUARINGS, "{total} squarings are over the bound");
        let progress = Progress { done: 0, total };
        Self {
            group,
            engine: Engine::default(),
            base,
            progress,
            stride: stride(total),
            trail: [base].into(),
            value: group.lift(&base),
            resumed: false,
        }
    }

    /// Squares with `engine` from here on.
    pub const fn with_engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Squares `squarings` times more, or until the end. Costs about a microsecond each.
    pub fn advance(&mut self, squarings: u64) -> Progress {
        let stop = self.progress.done.saturating_add(squarings).min(self.progress.total);
        while self.progress.done < stop {
            let to_trail = self.stride - self.progress.done % self.stride;
            let batch = to_trail.min(stop - self.progress.done).min(BATCH);
            self.value = self.squared(batch as u32);
            self.progress.done += batch;
            if self.progress.done.is_multiple_of(self.stride) {
                self.trail.push(self.group.settle(&self.value));
            }
        }
        self.progress
    }

    /// Squares to the end and returns the result.
    pub fn finish(&mut self) -> Element {
        self.advance(u64::MAX);
        self.group.settle(&self.value)
    }

    /// Returns how far the chain is.
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Returns what is squared.
    pub const fn base(&self) -> &Element {
        &self.base
    }

    /// Returns the result, once the chain is complete.
    pub fn result(&self) -> Option<Element> {
        self.progress.is_complete().then(|| self.group.settle(&self.value))
    }

    pub(crate) const fn group(&self) -> &'g Group {
        self.group
    }

    /// Tells whether values of a checkpoint went into this chain.
    pub(crate) const fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Returns the values on the way and the squarings between them.
    pub(crate) fn trail(&self) -> (&[Element], u64) {
        (&self.trail, self.stride)
    }

    fn squared(&self, squarings: u32) -> FixedMontyForm<{ U2048::LIMBS }> {
        match self.engine {
            Engine::Portable => self.value.square_repeat_vartime(squarings),
            #[cfg(feature = "gmp")]
            Engine::Gmp => gmp::squared(self.group, &self.value, squarings),
        }
    }

    /// Returns the state, to be resumed later.
    pub fn checkpoint(&self) -> Checkpoint {
        let mut out = Writer::with_capacity((self.trail.len() + 1) * ELEMENT_BYTES + 32);
        out.u64(self.progress.total).u64(self.progress.done).u64(self.stride);
        out.raw(&self.group.settle(&self.value).to_vec());
        for value in &self.trail {
            out.raw(&value.to_vec());
        }
        Checkpoint(out.finish())
    }

    /// Takes a chain up again.
    ///
    /// # Errors
    ///
    /// [`InvalidCheckpoint`]; start anew.
    pub fn resume(group: &'g Group, checkpoint: &Checkpoint) -> Result<Self, InvalidCheckpoint> {
        let mut input = Reader::new(&checkpoint.0);
        let (total, done, stride) = (input.u64()?, input.u64()?, input.u64()?);
        let value = group.decode(input.raw(ELEMENT_BYTES)?)?;
        let count = trail_len(total, done, stride).ok_or(InvalidCheckpoint::Inconsistent {
            done,
            total,
            stride,
            trail: checkpoint.0.len() / ELEMENT_BYTES - 1,
        })?;
        let mut trail = Vec::new();
        for _ in 0..count {
            trail.push(group.decode(input.raw(ELEMENT_BYTES)?)?);
        }
        input.finish()?;
        let progress = Progress { done, total };
        let engine = Engine::default();
        Ok(Self {
            group,
            engine,
            base: trail[0],
            progress,
            stride,
            trail,
            value: group.lift(&value),
            resumed: true,
        })
    }
}

impl Checkpoint {
    /// Takes bytes that a checkpoint gave; they are checked when a chain is resumed.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Returns the squarings between two kept values.
pub(crate) fn stride(total: u64) -> u64 {
    let (digit_bits, group) = crate::wesolowski::shape(total);
    u64::from(digit_bits) * group
}

/// Returns how many values a chain has kept, or nothing when its numbers contradict each other.
fn trail_len(total: u64, done: u64, found_stride: u64) -> Option<u64> {
    let fits = total <= MAX_SQUARINGS && done <= total && found_stride == stride(total);
    fits.then(|| done / found_stride + 1)
}

/// Says how far it is, and no values: they may become a key.
impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({} bytes)", self.0.len())
    }
}

#[cfg(feature = "gmp")]
mod gmp {
    use super::{FixedMontyForm, Group, U2048};
    use alloc::vec::Vec;
    use rug::{Integer, integer::Order};

    /// Squares with GMP: one call of its modular power, whose exponent is a power of two.
    pub(super) fn squared(
        group: &Group,
        value: &FixedMontyForm<{ U2048::LIMBS }>,
        squarings: u32,
    ) -> FixedMontyForm<{ U2048::LIMBS }> {
        let modulus = integer(group.modulus());
        let exponent = Integer::from(1) << squarings;
        let power = integer(&value.retrieve())
            .pow_mod(&exponent, &modulus)
            .expect("a positive exponent needs no inverse");
        let bytes: Vec<u8> = power.to_digits(Order::Msf);
        let mut padded = [0; U2048::BYTES];
        padded[U2048::BYTES - bytes.len()..].copy_from_slice(&bytes);
        FixedMontyForm::new(&U2048::from_be_slice(&padded), group.params())
    }

    fn integer(value: &U2048) -> Integer {
        Integer::from_digits(value.to_be_bytes().as_ref(), Order::Msf)
    }
}
