//! An author with a prover of its own: it puts what it likes on every wire and into every part of a proof, and knows exponent
//! and solution. Scheme 2 lets it prove a right puzzle over junk (`both` in the tests of `weft-crypto`); here it cannot.

use crate::{
    cipher::{self, decode, encode},
    circuit::{Circuit, Statement},
    keys::ProvingKey,
    poseidon::Plain,
    proof::{Proof, Refused},
    scheme::{Opening, ProvenScheme},
};
use alloy_primitives::{Address, B256};
use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, R1CS_PREDICATE_LABEL};
use ark_serialize::CanonicalSerialize;
use crypto_bigint::{U256, U576, U2048};
use std::sync::LazyLock;
use weft_crypto::{
    Carriage, Element, Envelope, GasBucket, PuzzleProof, Setup, SizeBucket, proven as hashes,
    setup::RSA_2048,
};
use weft_types::{Domain, NetworkId, SlotNumber, Tag};

/// What the body would hold if it opened.
const BAIT: &[u8] = b"swap";

/// An envelope whose body its author chose, and what the author knows of it.
struct Author {
    envelope: Envelope,
    exponent: [u8; 32],
    solution: Element,
}

#[test]
fn the_prover_written_here_proves_what_opens() {
    let author = Author::honest();
    let (bytes, square) =
        (author.pairing(author.solution.value(), &author.square()), author.square());
    assert_eq!(author.verified(bytes, &square), Ok(()));
    assert_eq!(author.opening(), Opening::Opened(BAIT.into()));
}

#[test]
fn an_author_cannot_prove_a_junk_body() {
    let mut author = Author::honest();
    author.envelope.body.fill(7);
    assert_eq!(author.opening(), Opening::Undecryptable);
    // Every wire as in the proof that holds, but for the body that is not what they give.
    let bytes = author.pairing(author.solution.value(), &author.square());
    assert_eq!(author.verified(bytes, &author.square()), Err(Refused::Content));
    let bytes = Author::honest().pairing(author.solution.value(), &author.square());
    assert_eq!(author.verified(bytes, &author.square()), Err(Refused::Content), "another's proof");
}

#[test]
fn a_body_under_the_opposite_number_cannot_be_proven() {
    // What the published scheme falls for: the opposite has the same square, and other masks.
    let opposite = RSA_2048.wrapping_sub(Author::honest().solution.value());
    let author = Author::masking_with(&opposite);
    assert_eq!(author.opening(), Opening::Undecryptable);
    let bytes = author.pairing(&opposite, &author.square());
    assert_eq!(author.verified(bytes, &author.square()), Err(Refused::Content));
}

#[test]
fn a_body_under_a_number_of_ones_own_cannot_be_proven() {
    let own = *setup().delayed();
    let author = Author::masking_with(own.value());
    assert_eq!(author.opening(), Opening::Undecryptable);
    // All constraints hold for the square of that number, so the circuit's part is right; the puzzle's part is not.
    let square = setup().group().square(&own);
    let bytes = author.pairing(own.value(), &square);
    let statement = author.statement(&square);
    assert_eq!(crate::proof::check(keys().verifying_key(), &statement, &bytes), Ok(()));
    assert!(matches!(author.verified(bytes, &square), Err(Refused::Puzzle(_))));
    assert_eq!(author.verified(bytes, &author.square()), Err(Refused::Content));
}

impl Author {
    fn honest() -> Self {
        let sealed = scheme().seal(&carriage(), BAIT, &B256::repeat_byte(5)).unwrap();
        let exponent = *sealed.exponent();
        let solution = setup().group().power(setup().delayed(), &U256::from_be_slice(&exponent));
        Self { envelope: sealed.envelope().clone(), exponent, solution }
    }

    /// Masks the bait with a number that is not the solution.
    fn masking_with(number: &U2048) -> Self {
        let mut author = Self::honest();
        let key = cipher::key(&author.envelope.readable(&Domain::dev()), number);
        let masked = cipher::mask(&mut Plain, &key[..], &cipher::plain(&padded()));
        author.envelope.body = encode(&masked.body);
        author.envelope.masked_seed = B256::from_slice(&encode(&[masked.tag]));
        author
    }

    fn opening(&self) -> Opening {
        scheme().open_with(&self.envelope, &self.exponent).unwrap()
    }

    fn square(&self) -> Element {
        setup().group().square(&self.solution)
    }

    fn statement(&self, square: &Element) -> Statement {
        let body = decode(&self.envelope.body).unwrap();
        let [tag] = decode(self.envelope.masked_seed.as_slice()).unwrap().try_into().unwrap();
        let readable = self.envelope.readable(&Domain::dev());
        Statement { readable, square: *square.value(), masked: cipher::Masked { body, tag } }
    }

    /// Makes the circuit's part from the wires of `number` and the bait, whether or not the constraints hold. The library's
    /// prover asks that first, in a build with assertions.
    fn pairing(&self, number: &U2048, square: &Element) -> [u8; 128] {
        let (modulus, statement) = (RSA_2048, self.statement(square));
        let circuit = Circuit { modulus, statement, solution: *number, padded: padded() };
        let system = ConstraintSystem::new_ref();
        circuit.generate_constraints(system.clone()).unwrap();
        system.finalize();
        let wires =
            [system.instance_assignment().unwrap(), system.witness_assignment().unwrap()].concat();
        let proof = Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
            &keys().pairing,
            Fr::from(11_u64),
            Fr::from(12_u64),
            &system.to_matrices().unwrap()[R1CS_PREDICATE_LABEL],
            system.num_instance_variables(),
            system.num_constraints(),
            &wires,
        );
        let mut bytes = [0; 128];
        proof.unwrap().serialize_compressed(&mut bytes[..]).unwrap();
        bytes
    }

    /// Binds a circuit's part to the envelope with a square of the author's choice, and asks whether the whole holds.
    fn verified(&self, pairing: [u8; 128], square: &Element) -> Result<(), Refused> {
        let key = keys().verifying_key();
        let statement = hashes::statement(&Domain::dev(), &self.envelope, &key.digest(), &pairing);
        let puzzle = self.puzzle(&statement, square);
        scheme().verify(key, &self.envelope, &Proof { pairing, puzzle })
    }

    /// Makes the puzzle's part from its description; [`PuzzleProof::bound`] leaves nobody a choice of the square.
    fn puzzle(&self, statement: &B256, square: &Element) -> PuzzleProof {
        let group = setup().group();
        let mask = U576::ONE.shl_vartime(519).wrapping_add(&U576::from_u8(99));
        let commitments = [
            group.power(setup().base(), &mask),
            group.square(&group.power(setup().delayed(), &mask)),
        ];
        let [first, second] = commitments.map(|commitment| commitment.to_vec());
        let (id, square) = (setup().id(), square.to_vec());
        let challenge =
            &challenge(&[id.as_slice(), statement.as_slice(), &square, &first, &second])[..16];
        let response = mask.wrapping_sub(&number(challenge).wrapping_mul(&number(&self.exponent)));
        let bytes = [&square, challenge, &response.to_be_bytes().as_ref()[7..]].concat();
        PuzzleProof::decode(setup(), &bytes).unwrap()
    }
}

/// Hash 21 of the sealing reference.
fn challenge(fields: &[&[u8]]) -> B256 {
    let mut hasher = Domain::dev().hasher(Tag::Sealing);
    hasher.update([21]);
    for field in fields {
        hasher.update((field.len() as u32).to_be_bytes());
        hasher.update(field);
    }
    hasher.finalize()
}

fn number(bytes: &[u8]) -> U576 {
    U576::from_be_slice(&[&[0; 72][bytes.len()..], bytes].concat())
}

fn padded() -> zeroize::Zeroizing<Vec<u8>> {
    cipher::pad(BAIT, size()).unwrap()
}

fn size() -> SizeBucket {
    SizeBucket::new(0).unwrap()
}

fn carriage() -> Carriage {
    Carriage {
        payer: Address::repeat_byte(0xaa),
        deposit: NetworkId::L1,
        rollup: None,
        epoch: 7,
        valid_until: SlotNumber::new(99),
        size: size(),
        gas: GasBucket::new(3).unwrap(),
        max_fee_wei: 1_000_000,
    }
}

fn scheme() -> ProvenScheme<'static> {
    ProvenScheme::new(Domain::dev(), setup())
}

fn setup() -> &'static Setup {
    static SETUP: LazyLock<Setup> = LazyLock::new(|| Setup::prepare(&RSA_2048, 100).unwrap());
    &SETUP
}

fn keys() -> &'static ProvingKey {
    static KEYS: LazyLock<ProvingKey> =
        LazyLock::new(|| ProvingKey::insecure_development(&RSA_2048, size()).unwrap());
    &KEYS
}
