//! The broken step of the scheme that was published as PVDE: its proof that a puzzle is one, as far as the attacks need
//! it. Exponent and mask have 128 bits, the challenge has 254 and covers the commitments only, elements are taken as
//! they come.

use crate::model;
use alloy_primitives::{B256, keccak256};
use crypto_bigint::{U256, U576, U2048, Uint};
use weft_crypto::{Element, Group, Setup, setup::RSA_2048};

/// The published scheme over a setup.
#[derive(Debug)]
pub(crate) struct Published<'s> {
    setup: &'s Setup,
}

/// What a user makes; only the last three are sent.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) exponent: U256,
    pub(crate) key: Element,
    pub(crate) puzzle: Element,
    pub(crate) square: Element,
    pub(crate) proof: PublishedProof,
}

/// Commitments and the response `r + s c`.
#[derive(Debug, Clone)]
pub(crate) struct PublishedProof {
    commitments: [Element; 2],
    pub(crate) response: U576,
}

impl PublishedProof {
    /// The hash of the commitments, and of nothing else.
    pub(crate) fn challenge(&self) -> U576 {
        let [first, second] = &self.commitments;
        let hash = keccak256([first.to_vec(), second.to_vec()].concat());
        U256::from_be_slice(hash.as_slice()).shr_vartime(2).resize()
    }
}

impl<'s> Published<'s> {
    pub(crate) const fn new(setup: &'s Setup) -> Self {
        Self { setup }
    }

    /// Returns a user with an exponent of 128 bits.
    pub(crate) fn user(&self, number: u64) -> User {
        self.user_with(&short(number, b"exponent"))
    }

    /// Returns a user with this exponent.
    pub(crate) fn user_with(&self, exponent: &U256) -> User {
        let group = self.group();
        let (base, key_base) = (self.setup.base(), self.setup.delayed());
        let key = group.power(key_base, exponent);
        let mask = short(exponent.as_words()[0], b"mask");
        let mut proof = PublishedProof {
            commitments: [group.power(base, &mask), group.square(&group.power(key_base, &mask))],
            response: U576::ZERO,
        };
        let product = proof.challenge().wrapping_mul(&exponent.resize::<{ U576::LIMBS }>());
        proof.response = mask.resize::<{ U576::LIMBS }>().wrapping_add(&product);
        let (puzzle, square) = (group.power(base, exponent), group.square(&key));
        User { exponent: *exponent, key, puzzle, square, proof }
    }

    /// Checks a proof; the ciphertext plays no part.
    pub(crate) fn verify(
        &self,
        puzzle: &Element,
        square: &Element,
        proof: &PublishedProof,
        _ciphertext: &[u8],
    ) -> bool {
        let group = self.group();
        let challenge = proof.challenge();
        let holds = |base: &Element, commitment, value| {
            let left = group.power(base, &proof.response);
            left == group.multiply(commitment, &group.power(value, &challenge))
        };
        holds(self.setup.base(), &proof.commitments[0], puzzle)
            && holds(&group.square(self.setup.delayed()), &proof.commitments[1], square)
    }

    /// Returns the puzzle `u g^d` of somebody else's u, with a right proof.
    ///
    /// The commitments stay, so the challenge stays, and the response moves by `c d`.
    pub(crate) fn shifted(&self, user: &User) -> (Element, Element, PublishedProof) {
        let group = self.group();
        let shift = U256::from_u8(77);
        let puzzle = group.multiply(&user.puzzle, &group.power(self.setup.base(), &shift));
        let key = group.power(self.setup.delayed(), &shift);
        let square = group.multiply(&user.square, &group.square(&key));
        let mut proof = user.proof.clone();
        let moved = proof.challenge().wrapping_mul(&shift.resize::<{ U576::LIMBS }>());
        proof.response = proof.response.wrapping_add(&moved);
        (puzzle, square, proof)
    }

    /// The statement of the circuit: `k^2 = square` modulo N, for whatever k.
    pub(crate) fn square_is_right(&self, key: &U2048, square: &Element) -> bool {
        let params = model::modulo(&RSA_2048);
        let found = model::Residue::new(key, &params).square().retrieve();
        self.group().element(&found) == Ok(*square)
    }

    /// The same for a witness of one limb more.
    pub(crate) fn long_square_is_right(&self, key: &Uint<33>, square: &Element) -> bool {
        let modulus = RSA_2048.to_nz().unwrap();
        self.square_is_right(&key.rem_vartime(&modulus), square)
    }

    /// Whether a value is taken for a puzzle: every number below N is.
    pub(crate) fn accepts_element(value: &U2048) -> bool {
        *value < RSA_2048
    }

    fn group(&self) -> &'s Group {
        self.setup.group()
    }
}

/// The key of the symmetric cipher: a hash of the number, not of the element.
pub(crate) fn symmetric_key(key: &U2048) -> B256 {
    keccak256(key.to_be_bytes().as_ref())
}

fn short(number: u64, name: &[u8]) -> U256 {
    let hash = keccak256([&number.to_be_bytes(), name].concat());
    U256::from_be_slice(hash.as_slice()).shr_vartime(128)
}
