//! What everybody agrees on before the first puzzle: the modulus, the bases, and the base after the delay.

use crate::{
    chain::{Chain, MAX_SQUARINGS},
    hash::{Part, Transcript, expand},
    table::Table,
    units::{
        ELEMENT_BYTES, Element, Group, InvalidElement, InvalidModulus, WideElement, WideGroup,
    },
    wesolowski::{InvalidProof, Proof},
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use core::fmt;
use crypto_bigint::{JacobiSymbol, NonZero, U2048, U4096, modular::FixedMontyForm};
use thiserror::Error;
use weft_types::{CodecError, Reader, Writer};
use zeroize::Zeroize;

/// The RSA-2048 number of the RSA factoring challenge: made in 1991, its factors said to be destroyed, never factored.
pub const RSA_2048: U2048 = U2048::from_be_hex(concat!(
    "c7970ceedcc3b0754490201a7aa613cd73911081c790f5f1a8726f463550bb5b",
    "7ff0db8e1ea1189ec72f93d1650011bd721aeeacc2acde32a04107f0648c2813",
    "a31f5b0b7765ff8b44b4b6ffc93384b646eb09c7cf5e8592d40ea33c80039f35",
    "b4f14a04b51f7bfd781be4d1673164ba8eb991c2c4d730bbbe35f592bdef524a",
    "f7e8daefd26c66fc02c479af89d64d373f442709439de66ceb955f3ea37d5159",
    "f6135809f85334b5cb1813addc80cd05609f10ac6a95ad65872c909525bdad32",
    "bc729592642920f24c61dc5b3c3b7923e56b16a4d9d373d8721f24a3fc0f1b31",
    "31f55615172866bccc30f95054c824e733a5eb6817f7bc16399d48c6361cc7e5",
));

/// Squarings that an ordinary processor does in a second; figures are in docs/reference/performance.md.
const SPEED: u64 = 1_400_000;

/// How often faster than an ordinary processor the fastest solver is taken to be, unless somebody says otherwise.
pub const ADVANTAGE: u64 = 30;

/// Returns the squarings that somebody `advantage` times as fast as an ordinary processor does in a time: what a delay has to have
/// at least to hide something so long (P17).
pub const fn least_delay(window_ms: u64, advantage: u64) -> u64 {
    window_ms.saturating_mul(SPEED / 1_000).saturating_mul(advantage)
}

/// Bytes of the longest exponent of a base: a secret, times a challenge, under a mask.
pub(crate) const EXPONENT_BYTES: usize = 65;

/// Reason for refusing a setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidSetup {
    /// The bytes have no such form.
    #[error("setup is malformed")]
    Codec(#[from] CodecError),
    /// The modulus cannot be used.
    #[error("setup has no usable modulus")]
    Modulus(#[from] InvalidModulus),
    /// The delayed base is no element.
    #[error("delayed base is not an element")]
    Element(#[from] InvalidElement),
    /// The delayed base is not what the squarings give.
    #[error("delayed base is not proven")]
    Proof(#[from] InvalidProof),
    /// The delay is zero or longer than any chain.
    #[error("delay of {0} squarings is out of range")]
    Delay(u64),
}

/// Modulus, delay, bases and the proof of the delayed base.
#[derive(Clone)]
pub struct Setup {
    group: Group,
    wide: WideGroup,
    delay_squarings: u64,
    base: Element,
    delayed: Element,
    proof: Proof,
    tables: Tables,
}

/// Powers of the bases.
#[derive(Clone)]
struct Tables {
    base: Table<{ U2048::LIMBS }>,
    delayed: Table<{ U2048::LIMBS }>,
    /// k and f, which bind a number.
    blinding: Table<{ U2048::LIMBS }>,
    bound: Table<{ U2048::LIMBS }>,
    /// `h^N` modulo N^2.
    wide: Table<{ U4096::LIMBS }>,
}

impl Tables {
    fn new(group: &Group, wide: &WideGroup, generator: &Element, delayed: &Element) -> Self {
        let table = |element| Table::new(&group.lift(element), EXPONENT_BYTES);
        let lifted = FixedMontyForm::new(&delayed.value().resize(), wide.params());
        Self {
            base: table(generator),
            delayed: table(delayed),
            blinding: table(&base(group, 1)),
            bound: table(&base(group, 2)),
            wide: Table::new(&lifted.pow_vartime(group.modulus()), EXPONENT_BYTES),
        }
    }
}

impl Setup {
    /// Makes a setup by doing the squarings once.
    ///
    /// # Errors
    ///
    /// [`InvalidSetup::Modulus`] or [`InvalidSetup::Delay`].
    pub fn prepare(modulus: &U2048, delay_squarings: u64) -> Result<Self, InvalidSetup> {
        let group = Group::new(modulus)?;
        let base = generator(&group);
        check_delay(delay_squarings)?;
        let mut chain = Chain::new(&group, base, delay_squarings);
        let delayed = chain.finish();
        let proof = Proof::new(&chain);
        Ok(Self::assemble(group, delay_squarings, base, delayed, proof))
    }

    /// Reads a setup and checks it, in a few milliseconds however long the delay is.
    ///
    /// # Errors
    ///
    /// Any [`InvalidSetup`]. Which modulus and delay are acceptable is for the caller to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidSetup> {
        let mut input = Reader::new(bytes);
        let group = Group::new(&U2048::from_be_slice(input.raw(ELEMENT_BYTES)?))?;
        let delay_squarings = input.u64()?;
        check_delay(delay_squarings)?;
        let delayed = group.decode(input.raw(ELEMENT_BYTES)?)?;
        let proof = Proof::decode(&group, input.raw(ELEMENT_BYTES)?)?;
        input.finish()?;
        let base = generator(&group);
        proof.verify(&group, &base, &delayed, delay_squarings)?;
        Ok(Self::assemble(group, delay_squarings, base, delayed, proof))
    }

    fn assemble(
        group: Group,
        delay_squarings: u64,
        base: Element,
        delayed: Element,
        proof: Proof,
    ) -> Self {
        let wide = group.squared();
        let tables = Tables::new(&group, &wide, &base, &delayed);
        Self { group, wide, delay_squarings, base, delayed, proof, tables }
    }

    /// Returns the encoding: N, T, the delayed base and its proof, 776 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(3 * ELEMENT_BYTES + 8);
        out.raw(self.group.modulus().to_be_bytes().as_ref()).u64(self.delay_squarings);
        out.raw(&self.delayed.to_vec()).raw(&self.proof.to_vec());
        out.finish()
    }

    /// Returns the name of the setup. The proof is not part of it.
    pub fn id(&self) -> B256 {
        Transcript::of_numbers(Part::Setup)
            .put(self.group.modulus().to_be_bytes().as_ref())
            .number(self.delay_squarings)
            .put(&self.delayed.to_vec())
            .finish()
    }

    /// Returns the group.
    pub const fn group(&self) -> &Group {
        &self.group
    }

    /// Returns T, in squarings.
    pub const fn delay_squarings(&self) -> u64 {
        self.delay_squarings
    }

    /// Returns g.
    pub const fn base(&self) -> &Element {
        &self.base
    }

    /// Returns `h = g^(2^T)`.
    pub const fn delayed(&self) -> &Element {
        &self.delayed
    }

    /// Starts the squarings that turn `g^r` into `h^r`.
    pub fn solve(&self, puzzle: Element) -> Chain<'_> {
        Chain::new(&self.group, puzzle, self.delay_squarings)
    }

    /// Returns the group modulo N^2.
    pub(crate) const fn wide(&self) -> &WideGroup {
        &self.wide
    }

    /// Returns `g^exponent` for a secret exponent; exponents are big-endian, here and below.
    pub(crate) fn base_power(&self, exponent: &[u8]) -> Element {
        self.group.settle(&self.tables.base.power(exponent))
    }

    /// Returns `g^exponent` for a public exponent.
    pub(crate) fn base_power_vartime(&self, exponent: &[u8]) -> Element {
        self.group.settle(&self.tables.base.power_vartime(exponent))
    }

    /// Returns `h^exponent` for a secret exponent.
    pub(crate) fn delayed_power(&self, exponent: &[u8]) -> Element {
        self.group.settle(&self.tables.delayed.power(exponent))
    }

    /// Returns `h^exponent` for a public exponent.
    pub(crate) fn delayed_power_vartime(&self, exponent: &[u8]) -> Element {
        self.group.settle(&self.tables.delayed.power_vartime(exponent))
    }

    /// Returns `k^random f^number`, which binds a secret number.
    pub(crate) fn bind(&self, random: &[u8], number: &[u8]) -> Element {
        let Tables { blinding, bound, .. } = &self.tables;
        self.group.settle(&blinding.power(random).mul(&bound.power(number)))
    }

    /// Returns the same for public exponents.
    pub(crate) fn bind_vartime(&self, random: &[u8], number: &[u8]) -> Element {
        let Tables { blinding, bound, .. } = &self.tables;
        self.group.settle(&blinding.power_vartime(random).mul(&bound.power_vartime(number)))
    }

    /// Returns `h^(random N) (1 + N)^number` modulo N^2, which hides a secret number until `g^random` is solved.
    pub(crate) fn hide(&self, random: &[u8], number: &[u8]) -> WideElement {
        self.wide.settle(&self.tables.wide.power(random).mul(&self.one_plus_n_power(number)))
    }

    /// Returns the same for public exponents.
    pub(crate) fn hide_vartime(&self, random: &[u8], number: &[u8]) -> WideElement {
        let power = self.tables.wide.power_vartime(random);
        self.wide.settle(&power.mul(&self.one_plus_n_power(number)))
    }

    /// Returns `(1 + N)^number`, which is `1 + number N` modulo N^2; the number is shorter than N.
    fn one_plus_n_power(&self, number: &[u8]) -> FixedMontyForm<{ U4096::LIMBS }> {
        let mut padded = [0; U4096::BYTES];
        padded[U4096::BYTES - number.len()..].copy_from_slice(number);
        let product = U4096::from_be_slice(&padded).wrapping_mul(self.group.modulus());
        padded.zeroize();
        FixedMontyForm::new(&product.wrapping_add(&U4096::ONE), self.wide.params())
    }
}

fn check_delay(squarings: u64) -> Result<(), InvalidSetup> {
    let fits = (1..=MAX_SQUARINGS).contains(&squarings);
    if fits { Ok(()) } else { Err(InvalidSetup::Delay(squarings)) }
}

/// Returns g: the square of a hash, so that puzzles and their solutions are squares and show no character.
fn generator(group: &Group) -> Element {
    group.square(&base(group, 0))
}

/// Returns base number `index` of the group: a hash, so nobody knows its order, how it is a power of another base, or
/// **any root of it**. A binding base must not be a square whose root is known: that root would bind halves.
///
/// Its Jacobi symbol is one, so that powers do not show whether their exponent is odd.
fn base(group: &Group, index: u64) -> Element {
    let modulus = NonZero::new(*group.modulus()).expect("moduli are odd");
    let residue = |counter: u64| {
        let seed = Transcript::of_numbers(Part::Base)
            .put(group.modulus().to_be_bytes().as_ref())
            .number(index)
            .number(counter)
            .finish();
        // Twice the length of the modulus leaves no bias worth naming.
        let mut wide = [0; U4096::BYTES];
        expand(&seed, &mut wide);
        U4096::from_be_slice(&wide).rem_vartime(&modulus)
    };
    (0..)
        .filter_map(|counter| group.element(&residue(counter)).ok())
        .find(|element| group.lift(element).jacobi_symbol_vartime() == JacobiSymbol::One)
        .expect("half of the residues have this symbol")
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("id", &self.id())
            .field("delay_squarings", &self.delay_squarings)
            .finish_non_exhaustive()
    }
}
