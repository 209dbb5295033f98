//! The attack that binding a share's secret as a whole number stops.
//!
//! The exponent of `1 + N` is taken modulo N, that of the generator of the curve modulo its order. A prover with an odd
//! x puts `x / 2 mod N` into the puzzle and `x / 2 mod q` into the point. Every second challenge is even, and then
//! `b - c x / 2` is a whole number that satisfies both equations: the proof without `b` accepts it. The puzzle then
//! opens to `(x + N) / 2`, which is not the logarithm of the point, and nobody can open the epoch.

use crate::{
    known::setup,
    model::{self, Residue, WideResidue},
};
use crypto_bigint::{U128, U256, U576, U2048, U4096};
use k256::{
    ProjectivePoint, Scalar,
    elliptic_curve::{group::GroupEncoding, ops::Reduce},
};
use weft_crypto::{InvalidShare, Share, ShareContext, setup::RSA_2048};
use weft_types::Domain;

const CONTEXT: ShareContext = ShareContext { domain: Domain::dev(), epoch: 1, member: 1 };

/// Arithmetic of the attacker, from public values.
struct Attacker {
    /// g, and the bases k and f.
    bases: [Residue; 3],
    /// `h^N` modulo N^2.
    mask: WideResidue,
}

/// S, u, v, b, encoded.
type Values = [Vec<u8>; 4];

impl Attacker {
    fn new() -> Self {
        let params = model::modulo(&RSA_2048);
        let wide = model::modulo(&RSA_2048.concatenating_square());
        let residue = |value: &U2048| Residue::new(value, &params);
        let bases = [*setup().base().value(), model::base(&RSA_2048, 1), model::base(&RSA_2048, 2)];
        let delayed = WideResidue::new(&setup().delayed().value().resize(), &wide);
        Self { bases: bases.map(|base| residue(&base)), mask: delayed.pow_vartime(&RSA_2048) }
    }

    /// Returns the four values for exponents r and s, where s is `bound` in b, `hidden` in v and `scalar` in S.
    fn values(&self, r: &U576, bound: &U576, hidden: &U2048, scalar: &Scalar) -> Values {
        let [g, k, f] = &self.bases;
        let canonical = |residue: Residue| {
            let value = residue.retrieve();
            value.min(RSA_2048.wrapping_sub(&value)).to_be_bytes().as_ref().to_vec()
        };
        let power = hidden.resize::<{ U4096::LIMBS }>().wrapping_mul(&RSA_2048);
        let number = WideResidue::new(&power.wrapping_add(&U4096::ONE), self.mask.params());
        let v = self.mask.pow_vartime(r).mul(&number).retrieve();
        let v = v.min(self.mask.params().modulus().as_ref().wrapping_sub(&v));
        [
            (ProjectivePoint::GENERATOR * scalar).to_bytes().to_vec(),
            canonical(g.pow_vartime(r)),
            v.to_be_bytes().as_ref().to_vec(),
            canonical(k.pow_vartime(r).mul(&f.pow_vartime(bound))),
        ]
    }
}

fn scalar(value: &U576) -> Scalar {
    let order =
        U256::from_be_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    Scalar::reduce(&value.rem_vartime(&order.to_nz().unwrap()))
}

fn tail(value: &U576) -> Vec<u8> {
    value.to_be_bytes().as_ref()[7..].to_vec()
}

/// Returns a proof for x / 2, and the values it is for.
fn forge(attacker: &Attacker, x: &U256) -> (Values, Vec<u8>) {
    let half = Scalar::reduce(x) * Scalar::from(2_u64).invert().unwrap();
    // (x + N) / 2 is x / 2 modulo N.
    let hidden = x.resize::<{ U2048::LIMBS }>().wrapping_add(&RSA_2048).shr_vartime(1);
    let r = U576::from_u64(0x1234_5678_9abc_def1);
    // No whole number is x / 2; this one is the nearest below.
    let bound = x.resize::<{ U576::LIMBS }>().shr_vartime(1);
    let values = attacker.values(&r, &bound, &hidden, &half);
    let mut mask = U576::ONE.shl_vartime(519);
    loop {
        mask = mask.wrapping_add(&U576::from_u64(0x0123_4567));
        let commitments = attacker.values(&mask, &mask, &mask.resize(), &scalar(&mask));
        let member = u64::from(CONTEXT.member).to_be_bytes();
        let epoch = CONTEXT.epoch.to_be_bytes();
        let id = setup().id();
        let mut fields: Vec<&[u8]> = vec![id.as_slice(), &epoch, &member];
        fields.extend(values.iter().chain(&commitments).map(Vec::as_slice));
        let challenge = &model::of_realm(&CONTEXT.domain, 8, &fields)[..16];
        let c = U128::from_be_slice(challenge).resize::<{ U576::LIMBS }>();
        if !bool::from(c.is_odd()) {
            let response = mask.wrapping_sub(&c.wrapping_mul(&r));
            let halves =
                mask.wrapping_sub(&c.shr_vartime(1).wrapping_mul(&x.resize::<{ U576::LIMBS }>()));
            return (values, [challenge, &tail(&response), &tail(&halves)].concat());
        }
    }
}

#[test]
fn p10_halves_pass_every_equation_but_the_binding_one() {
    let attacker = Attacker::new();
    let x = U256::from_be_hex("5555555555555555555555555555555555555555555555555555555555555555");
    let (values, proof) = forge(&attacker, &x);
    let number = |bytes: &[u8]| U576::from_be_slice(&[&[0; 72][bytes.len()..], bytes].concat());
    let (c, z_r, z_s) = (number(&proof[..16]), number(&proof[16..81]), number(&proof[81..]));
    // What the verifier computes: base^response * value^c.
    let powers = attacker.values(&z_r, &z_s, &z_s.resize(), &scalar(&z_s));
    let mask = U576::ONE.shl_vartime(519);
    let commitment = |power: &[u8], value: &[u8], wide: bool| -> Vec<u8> {
        let modulus = if wide { RSA_2048.concatenating_square() } else { RSA_2048.resize() };
        let params = model::modulo(&modulus);
        let lift = |bytes: &[u8]| {
            let padded = [&[0; 512][bytes.len()..], bytes].concat();
            WideResidue::new(&U4096::from_be_slice(&padded), &params)
        };
        let product = lift(power).mul(&lift(value).pow_vartime(&c)).retrieve();
        let canonical = product.min(modulus.wrapping_sub(&product));
        canonical.to_be_bytes().as_ref()[512 - value.len()..].to_vec()
    };
    // The masks that the forger committed to, found again from the response for r.
    let r = U576::from_u64(0x1234_5678_9abc_def1);
    let used = z_r.wrapping_add(&c.wrapping_mul(&r));
    assert!(used > mask);
    let committed = attacker.values(&used, &used, &used.resize(), &scalar(&used));
    let half = Scalar::reduce(&x) * Scalar::from(2_u64).invert().unwrap();
    let point =
        ProjectivePoint::GENERATOR * scalar(&z_s) + ProjectivePoint::GENERATOR * half * scalar(&c);
    assert_eq!(point.to_bytes().to_vec(), committed[0], "the point's equation holds");
    assert_eq!(commitment(&powers[1], &values[1], false), committed[1], "the puzzle's holds");
    assert_eq!(commitment(&powers[2], &values[2], true), committed[2], "what it hides holds");
    assert_ne!(commitment(&powers[3], &values[3], false), committed[3], "the binding one fails");
}

#[test]
fn p10_shares_of_halves_are_refused_and_could_not_be_opened() {
    let attacker = Attacker::new();
    let x = U256::from_be_hex("5555555555555555555555555555555555555555555555555555555555555555");
    let (values, proof) = forge(&attacker, &x);
    let bytes = [values.concat(), proof].concat();
    let share = Share::decode(setup(), &bytes).unwrap();
    assert_eq!(share.verify(setup(), &CONTEXT), Err(InvalidShare::Proof));
    // What the puzzle gives, had the share been taken: (x + N) / 2, of which the point knows nothing.
    let u = setup().group().decode(&values[1]).unwrap();
    let w = setup().solve(u).finish();
    let params = attacker.mask.params();
    let mask = WideResidue::new(&w.value().resize(), params).pow_vartime(&RSA_2048);
    let v = WideResidue::new(&U4096::from_be_slice(&values[2]), params);
    let opened = v.mul(&mask.invert().unwrap()).retrieve();
    let opened = [opened, params.modulus().as_ref().wrapping_sub(&opened)];
    let modulus = RSA_2048.resize::<{ U4096::LIMBS }>().to_nz().unwrap();
    let number = opened.iter().find_map(|value| {
        let (number, rest) = value.div_rem_vartime(&modulus);
        (rest == U4096::ONE).then_some(number)
    });
    let expected = x.resize::<{ U4096::LIMBS }>().wrapping_add(&RSA_2048.resize()).shr_vartime(1);
    assert_eq!(number, Some(expected));
    let order =
        U256::from_be_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let secret = Scalar::reduce(&expected.rem_vartime(&order.to_nz().unwrap()));
    assert_ne!((ProjectivePoint::GENERATOR * secret).to_bytes().to_vec(), values[0]);
}
