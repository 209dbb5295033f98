//! Products of points on secp256k1, encoded: those that sealing and opening consist of.
//!
//! With the standard library they are computed by libsecp256k1, without it by `k256`. The values are the same.

use crate::curve::POINT_BYTES;
use k256::Scalar;

/// A point in compressed form; of infinity, which is no head, zeros.
pub(crate) type Encoded = [u8; POINT_BYTES];

#[cfg(not(feature = "std"))]
pub(crate) use portable::{base, product, product_vartime};

#[cfg(feature = "std")]
pub(crate) use native::{base, product, product_vartime};

#[cfg(feature = "std")]
mod native {
    use super::{Encoded, Scalar};
    use crate::curve::{POINT_BYTES, Point};
    use secp256k1::{PublicKey, SECP256K1, SecretKey, ecdh::shared_secret_point};
    use zeroize::Zeroizing;

    /// Multiplies the generator; time does not depend on `scalar`.
    pub(crate) fn base(scalar: &Scalar) -> Encoded {
        let product = |key: &Key| PublicKey::from_secret_key(SECP256K1, &key.0).serialize();
        Key::new(scalar).as_ref().map_or([0; POINT_BYTES], product)
    }

    /// Multiplies a point; time does not depend on `scalar`.
    pub(crate) fn product(point: &Point, scalar: &Scalar) -> Encoded {
        let point = PublicKey::from_slice(&point.to_bytes()).expect("it is a point");
        let product = |key: &Key| {
            let product = Zeroizing::new(shared_secret_point(&point, &key.0));
            let mut encoded = [0; POINT_BYTES];
            encoded[0] = 2 + (product[63] & 1);
            encoded[1..].copy_from_slice(&product[..32]);
            encoded
        };
        Key::new(scalar).as_ref().map_or([0; POINT_BYTES], product)
    }

    /// Multiplies an encoded point by a public number; nothing when `point` is none in compressed form.
    pub(crate) fn product_vartime(point: &[u8], scalar: &Scalar) -> Option<Encoded> {
        let point: &Encoded = point.try_into().ok()?;
        let point = PublicKey::from_slice(point).ok()?;
        let scalar = secp256k1::Scalar::from_be_bytes(scalar.to_bytes().into());
        let scalar = scalar.expect("both are below the same order");
        // Only zero times a point is infinity.
        let product = point.mul_tweak(SECP256K1, &scalar);
        Some(product.map_or([0; POINT_BYTES], |point| point.serialize()))
    }

    /// A number that is erased when dropped.
    struct Key(SecretKey);

    impl Key {
        /// Nothing for zero.
        fn new(scalar: &Scalar) -> Option<Self> {
            let bytes = Zeroizing::new(<[u8; 32]>::from(scalar.to_bytes()));
            SecretKey::from_slice(&bytes[..]).ok().map(Self)
        }
    }

    impl Drop for Key {
        fn drop(&mut self) {
            self.0.non_secure_erase();
        }
    }
}

#[cfg(any(not(feature = "std"), test))]
mod portable {
    use super::{Encoded, Scalar};
    use crate::curve::{POINT_BYTES, Point};
    use k256::ProjectivePoint;

    fn encoded(point: ProjectivePoint) -> Encoded {
        Point::new(point).map_or([0; POINT_BYTES], Point::to_bytes)
    }

    /// Multiplies the generator; time does not depend on `scalar`.
    pub(crate) fn base(scalar: &Scalar) -> Encoded {
        encoded(ProjectivePoint::mul_by_generator(scalar))
    }

    /// Multiplies a point; time does not depend on `scalar`.
    pub(crate) fn product(point: &Point, scalar: &Scalar) -> Encoded {
        encoded(point.times(scalar))
    }

    /// Multiplies an encoded point by a public number; nothing when `point` is none in compressed form.
    pub(crate) fn product_vartime(point: &[u8], scalar: &Scalar) -> Option<Encoded> {
        let point = Point::decode(point).ok()?;
        Some(encoded(point.times_vartime(scalar)))
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::{native, portable};
    use crate::curve::{Point, reduce};
    use k256::Scalar;
    use proptest::prelude::*;

    fn scalar() -> impl Strategy<Value = Scalar> {
        let edges = prop_oneof![Just(Scalar::ZERO), Just(Scalar::ONE), Just(-Scalar::ONE)];
        prop_oneof![4 => any::<[u8; 40]>().prop_map(|bytes| reduce(&bytes)), 1 => edges]
    }

    fn point() -> impl Strategy<Value = [u8; 33]> {
        any::<[u8; 32]>().prop_map(|bytes| portable::base(&(reduce(&bytes) + Scalar::ONE)))
    }

    proptest! {
        #[test]
        fn both_libraries_give_the_same_products(scalar in scalar(), point in point()) {
            prop_assert_eq!(native::base(&scalar), portable::base(&scalar));
            prop_assert_eq!(
                native::product_vartime(&point, &scalar),
                portable::product_vartime(&point, &scalar)
            );
            let point = Point::decode(&point).unwrap();
            prop_assert_eq!(native::product(&point, &scalar), portable::product(&point, &scalar));
        }

        #[test]
        fn both_libraries_take_the_same_bytes_for_points(
            mut bytes in prop::collection::vec(any::<u8>(), 0..70),
            tag in 0_u8..8,
            length in prop_oneof![Just(33_usize), Just(65), 0_usize..70],
            scalar in scalar(),
        ) {
            bytes.resize(length, 0);
            bytes.first_mut().into_iter().for_each(|first| *first = tag);
            prop_assert_eq!(
                native::product_vartime(&bytes, &scalar),
                portable::product_vartime(&bytes, &scalar)
            );
        }
    }

    #[test]
    fn coordinates_that_are_no_numbers_of_the_field_are_no_points() {
        for last in 0..=u8::MAX {
            // From below the modulus 2^256 - 2^32 - 977 up to all ones.
            let mut bytes = [0xff; 33];
            (bytes[0], bytes[28], bytes[31], bytes[32]) = (2, 0xfe, 0xfc, last);
            let of = |bytes: &[u8]| {
                let native = native::product_vartime(bytes, &Scalar::ONE);
                assert_eq!(native, portable::product_vartime(bytes, &Scalar::ONE), "{bytes:?}");
                native.is_some()
            };
            of(&bytes);
            bytes[28] = 0xff;
            assert!(!of(&bytes));
        }
    }
}
