//! The curve secp256k1: chosen because L1 can check products of its points with the `ecrecover` precompile.

use alloy_primitives::B256;
use core::fmt;
use k256::{
    AffinePoint, ProjectivePoint, Scalar, U256,
    elliptic_curve::{
        Group, PrimeField,
        group::GroupEncoding,
        ops::{MulVartime, Reduce, ReduceNonZero},
    },
};
use thiserror::Error;
use zeroize::Zeroize;

/// Bytes of an encoded point.
pub const POINT_BYTES: usize = 33;

/// The bytes are no point, infinity, or not the compressed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a point of secp256k1 in compressed form")]
pub struct InvalidPoint;

/// A point of the curve other than infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point(AffinePoint);

impl Point {
    /// Reads a point: a byte 2 or 3 and the x coordinate, big-endian.
    ///
    /// # Errors
    ///
    /// [`InvalidPoint`].
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidPoint> {
        let bytes: [u8; POINT_BYTES] = bytes.try_into().map_err(|_| InvalidPoint)?;
        let point: Option<AffinePoint> = AffinePoint::from_bytes(&bytes.into()).into();
        // The library reads other forms as well, infinity among them; only one encoding is ours.
        let point = Self::new(point.ok_or(InvalidPoint)?.into()).ok_or(InvalidPoint)?;
        if point.to_bytes() == bytes { Ok(point) } else { Err(InvalidPoint) }
    }

    /// Returns the encoding.
    pub fn to_bytes(self) -> [u8; POINT_BYTES] {
        self.0.to_bytes().into()
    }

    /// Adds points; nothing when the sum is infinity.
    pub fn sum<'a>(points: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        Self::new(points.into_iter().map(|point| ProjectivePoint::from(point.0)).sum())
    }

    /// Makes a point of a value of the library, unless it is infinity.
    pub(crate) fn new(point: ProjectivePoint) -> Option<Self> {
        let finite = !bool::from(point.is_identity());
        finite.then(|| Self(point.to_affine()))
    }

    /// Multiplies; time does not depend on `scalar`.
    #[cfg(any(not(feature = "std"), test))]
    pub(crate) fn times(&self, scalar: &Scalar) -> ProjectivePoint {
        ProjectivePoint::from(self.0) * scalar
    }

    /// Multiplies by a public number.
    pub(crate) fn times_vartime(&self, scalar: &Scalar) -> ProjectivePoint {
        self.0.mul_vartime(scalar)
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Point({})", alloy_primitives::hex::encode(self.to_bytes()))
    }
}

/// A secret number below the order of the curve, not zero. It is erased when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Scalar);

impl Secret {
    /// Makes a secret of a hash.
    pub(crate) fn from_hash(hash: &B256) -> Self {
        Self(Scalar::reduce_nonzero(&U256::from_be_slice(hash.as_slice())))
    }

    /// Reads a secret: 32 bytes, big-endian; nothing when it is zero or the order or more.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let scalar: Option<Scalar> = Scalar::from_repr((*bytes).into()).into();
        scalar.and_then(Self::new)
    }

    /// Returns the secret's bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes().into()
    }

    /// Returns the point that the secret is the logarithm of.
    pub fn public(&self) -> Point {
        let point = ProjectivePoint::mul_by_generator(&self.0);
        Point::new(point).expect("a secret is not zero")
    }

    pub(crate) fn new(scalar: Scalar) -> Option<Self> {
        (scalar != Scalar::ZERO).then_some(Self(scalar))
    }

    pub(crate) const fn scalar(&self) -> &Scalar {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Shows nothing.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Reduces a number of any length, big-endian, modulo the order of the curve.
pub(crate) fn reduce(bytes: &[u8]) -> Scalar {
    let shift = Scalar::reduce(&U256::MAX) + Scalar::ONE;
    let digit = |chunk: &[u8]| {
        let mut padded = [0; 32];
        padded[32 - chunk.len()..].copy_from_slice(chunk);
        Scalar::reduce(&U256::from_be_slice(&padded))
    };
    let (head, tail) = bytes.split_at(bytes.len() % 32);
    tail.chunks(32).fold(digit(head), |sum, chunk| sum * shift + digit(chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_reduced() {
        assert_eq!(reduce(&[]), Scalar::ZERO);
        assert_eq!(reduce(&[7]), Scalar::from(7_u64));
        // 2^256 + 5 in 33 bytes, against 2^128 squared.
        let mut bytes = [0; 33];
        (bytes[0], bytes[32]) = (1, 5);
        let half = Scalar::from(1_u128 << 127) + Scalar::from(1_u128 << 127);
        assert_eq!(reduce(&bytes), half * half + Scalar::from(5_u64));
        let mut long = [0; 65];
        long[0] = 3;
        assert_eq!(reduce(&long), half * half * half * half * Scalar::from(3_u64));
    }

    #[test]
    fn secrets_out_of_range_are_refused() {
        assert_eq!(Secret::from_bytes(&[0; 32]), None);
        assert_eq!(Secret::from_bytes(&[0xff; 32]), None);
        let order_minus_one = (-Scalar::ONE).to_bytes();
        assert!(Secret::from_bytes(&order_minus_one.into()).is_some());
    }

    #[test]
    fn points_have_one_encoding() {
        let bytes = Secret::from_bytes(&[7; 32]).unwrap().public().to_bytes();
        assert_eq!(Point::decode(&bytes).unwrap().to_bytes(), bytes);
        let with_tag = |tag| {
            let mut changed = bytes;
            changed[0] = tag;
            Point::decode(&changed)
        };
        for tag in [0, 1, 4, 5, 6, 0xff] {
            assert_eq!(with_tag(tag), Err(InvalidPoint), "tag {tag}");
        }
        assert_ne!(with_tag(bytes[0] ^ 1).unwrap().to_bytes(), bytes);
        assert_eq!(Point::decode(&[0; 33]), Err(InvalidPoint));
        assert_eq!(Point::decode(&bytes[..32]), Err(InvalidPoint));
        assert_eq!(Point::decode(&[0xff; 33]), Err(InvalidPoint));
    }
}
