//! Primes from hashes.

use crate::hash::Transcript;
use crypto_bigint::{Limb, NonZero, U64, U256};
use crypto_primes::{Flavor, is_prime};

/// Product of the odd primes up to 53, the most that fit one word.
const SMALL_PRIMES: u64 = 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29 * 31 * 37 * 41 * 43 * 47 * 53;

/// Returns the first prime among `H(statement, 0), H(statement, 1), ..`, each with its highest and lowest bit set.
///
/// The first one, not any: a prover who may choose among several primes could look for a convenient one. Primes are
/// told by the test of Baillie, Pomerance, Selfridge and Wagstaff, for which no false prime is known.
pub(crate) fn prime(statement: &Transcript) -> U256 {
    (0..)
        .map(|counter| candidate(statement, counter))
        .find(|candidate| !has_small_factor(candidate) && is_prime(Flavor::Any, candidate))
        .expect("one candidate in ninety is prime")
}

fn candidate(statement: &Transcript, counter: u64) -> U256 {
    let hash = statement.clone().number(counter).finish();
    U256::from_be_slice(hash.as_slice()) | (U256::ONE << 255) | U256::ONE
}

/// Spares six candidates in seven the dear test.
fn has_small_factor(candidate: &U256) -> bool {
    let product = NonZero::new(U64::from_u64(SMALL_PRIMES)).expect("a product of primes");
    let rest = candidate.rem_vartime(&product);
    let factors = [3_u64, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];
    factors.iter().any(|prime| {
        let prime = NonZero::new(Limb::from(*prime as u32)).expect("primes are not zero");
        rest.rem_limb(prime) == Limb::ZERO
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Part;

    #[test]
    fn the_first_prime_is_taken() {
        for seed in 0..20 {
            let statement = Transcript::of_numbers(Part::Prime).number(seed);
            let found = prime(&statement);
            let first = (0..)
                .map(|counter| candidate(&statement, counter))
                .find(|candidate| is_prime(Flavor::Any, candidate));
            assert_eq!(Some(found), first);
            assert_eq!(found.bits(), 256);
        }
    }

    #[test]
    fn small_factors_are_found() {
        for prime in [3_u64, 47, 53] {
            assert!(has_small_factor(&U256::from_u64(prime * 1_000_003)));
        }
        assert!(!has_small_factor(&U256::from_u64(59 * 61)));
    }
}
