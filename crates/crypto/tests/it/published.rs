//! The scheme that was published as PVDE, written down so that attacks run against it: a puzzle per transaction over the
//! residues modulo N, a ciphertext under a hash of its solution, a proof that the puzzle is one, and a proof by circuit
//! about the square of the solution. Exponent and mask have 128 bits, the challenge has 254 and covers the commitments
//! only. The circuit is taken to be perfect: who has no witness has no proof, and a proof is good for its public inputs alone.

use crate::model::{self, Residue};
use alloy_primitives::{Address, B256, keccak256};
use crypto_bigint::{U256, U576, U2048, Uint, modular::FixedMontyParams};

/// What every transaction begins with, so that a solver knows one.
pub(crate) const MARK: &[u8] = b"tx ";

/// The published scheme over a modulus, a base and a number of squarings.
#[derive(Debug)]
pub(crate) struct Published {
    modulus: U2048,
    params: FixedMontyParams<{ U2048::LIMBS }>,
    base: Residue,
    delayed: Residue,
    squarings: u64,
}

/// What a user sends. Who pays stands beside it, and nothing binds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) payer: Address,
    pub(crate) puzzle: U2048,
    pub(crate) square: U2048,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) proof: PuzzleProof,
    pub(crate) circuit: CircuitProof,
}

/// Commitments and the response `r + s c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PuzzleProof {
    commitments: [U2048; 2],
    pub(crate) response: U576,
}

/// Says that somebody knows `k` with `k^2 = square` whose hash opens the ciphertext to a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CircuitProof {
    square: U2048,
    ciphertext: Vec<u8>,
}

/// A solution as limbs of the circuit, of which there is one more than N needs.
pub(crate) type Witness = Uint<33>;

impl PuzzleProof {
    /// The hash of the commitments, and of nothing else.
    pub(crate) fn challenge(&self) -> U576 {
        let hash = keccak256(self.commitments.map(|number| bytes(&number)).concat());
        U256::from_be_slice(hash.as_slice()).shr_vartime(2).resize()
    }
}

impl Published {
    pub(crate) fn new(modulus: &U2048, base: &U2048, squarings: u64) -> Self {
        let params = model::modulo(modulus);
        let base = Residue::new(base, &params);
        let delayed = (0..squarings).fold(base, |power, _| power.square());
        Self { modulus: *modulus, params, base, delayed, squarings }
    }

    /// Encrypts as an honest user does, with an exponent of 128 bits.
    pub(crate) fn encrypt(&self, payer: Address, plaintext: &[u8], number: u64) -> Message {
        self.encrypt_with(&short(number, b"exponent"), payer, plaintext)
    }

    pub(crate) fn encrypt_with(&self, s: &U256, payer: Address, plaintext: &[u8]) -> Message {
        let key = self.delayed.pow(s).retrieve();
        self.seal(s, &key.resize(), payer, plaintext).expect("the witness is right")
    }

    /// Makes a message with a witness of the user's choice; `None` when the circuit does not hold.
    pub(crate) fn seal(
        &self,
        s: &U256,
        witness: &Witness,
        payer: Address,
        plaintext: &[u8],
    ) -> Option<Message> {
        let (puzzle, square, proof) = self.statement(s);
        let ciphertext = cipher(witness, plaintext);
        let circuit = self.prove(witness, &square, &ciphertext)?;
        Some(Message { payer, puzzle, square, ciphertext, proof, circuit })
    }

    /// Returns `g^s`, `h^2s` and their proof.
    pub(crate) fn statement(&self, s: &U256) -> (U2048, U2048, PuzzleProof) {
        let bases = [self.base, self.delayed.square()];
        let [puzzle, square] = bases.map(|base| base.pow(s).retrieve());
        let mask = short(s.as_words()[0], b"mask");
        let commitments = bases.map(|base| base.pow(&mask).retrieve());
        let mut proof = PuzzleProof { commitments, response: mask.resize() };
        let product = proof.challenge().wrapping_mul(&s.resize::<{ U576::LIMBS }>());
        proof.response = proof.response.wrapping_add(&product);
        (puzzle, square, proof)
    }

    /// The circuit: it knows N, squares, and no order of numbers.
    pub(crate) fn prove(
        &self,
        witness: &Witness,
        square: &U2048,
        ciphertext: &[u8],
    ) -> Option<CircuitProof> {
        let is_transaction = cipher(witness, ciphertext).starts_with(MARK);
        let proof = CircuitProof { square: *square, ciphertext: ciphertext.to_vec() };
        (is_transaction && self.is_root(witness, square)).then_some(proof)
    }

    /// Whether the square of `witness` modulo N is `square`.
    pub(crate) fn is_root(&self, witness: &Witness, square: &U2048) -> bool {
        let long = self.modulus.resize::<33>().to_nz().unwrap();
        let reduced: U2048 = witness.rem_vartime(&long).resize();
        self.residue(&reduced).square().retrieve() == *square
    }

    /// What a sequencer checks before it takes a message.
    pub(crate) fn accepts(&self, message: &Message) -> bool {
        let Message { square, ciphertext, circuit, .. } = message;
        message.puzzle < self.modulus
            && self.verify(&message.puzzle, square, &message.proof)
            && (circuit.square, &circuit.ciphertext) == (*square, ciphertext)
    }

    /// Checks that a puzzle is one.
    pub(crate) fn verify(&self, puzzle: &U2048, square: &U2048, proof: &PuzzleProof) -> bool {
        let challenge = proof.challenge();
        let holds = |base: Residue, commitment, value| {
            let right = self.residue(commitment).mul(&self.residue(value).pow(&challenge));
            base.pow(&proof.response).retrieve() == right.retrieve()
        };
        holds(self.base, &proof.commitments[0], puzzle)
            && holds(self.delayed.square(), &proof.commitments[1], square)
    }

    /// Squares.
    pub(crate) fn solve(&self, puzzle: &U2048) -> U2048 {
        let puzzle = self.residue(puzzle);
        (0..self.squarings).fold(puzzle, |power, _| power.square()).retrieve()
    }

    /// Solves and decrypts; `None` when no transaction comes out.
    pub(crate) fn decrypt(&self, message: &Message) -> Option<Vec<u8>> {
        self.open(message, &self.solve(&message.puzzle).resize())
    }

    /// Decrypts with a solution that somebody shows, checked against what the proofs are about: its square.
    pub(crate) fn open(&self, message: &Message, solution: &Witness) -> Option<Vec<u8>> {
        assert!(self.is_root(solution, &message.square), "nobody would believe this solution");
        Some(cipher(solution, &message.ciphertext)).filter(|plain| plain.starts_with(MARK))
    }

    /// Returns the exponent, from what everybody sees: the challenge is longer than the mask.
    pub(crate) fn stolen_exponent(message: &Message) -> U256 {
        let challenge = message.proof.challenge().to_nz().unwrap();
        message.proof.response.div_rem_vartime(&challenge).0.resize()
    }

    /// Returns the solution to an exponent, without a squaring.
    pub(crate) fn solution(&self, s: &U256) -> U2048 {
        self.delayed.pow(s).retrieve()
    }

    /// Returns `-k`.
    pub(crate) fn opposite(&self, key: &U2048) -> U2048 {
        self.modulus.wrapping_sub(key)
    }

    /// Returns `k + N`.
    pub(crate) fn shifted(&self, key: &U2048) -> Witness {
        key.resize::<33>().wrapping_add(&self.modulus.resize())
    }

    /// Returns the puzzle `u g^d` of somebody else's u, with its square and a right proof.
    ///
    /// The commitments stay, so the challenge stays, and the response moves by `c d`.
    pub(crate) fn multiplied(&self, theirs: &Message, d: u8) -> (U2048, U2048, PuzzleProof) {
        let times = |number: &U2048, base: Residue| {
            self.residue(number).mul(&base.pow(&U256::from_u8(d))).retrieve()
        };
        let puzzle = times(&theirs.puzzle, self.base);
        let square = times(&theirs.square, self.delayed.square());
        let mut proof = theirs.proof.clone();
        let moved = proof.challenge().wrapping_mul(&U576::from_u8(d));
        proof.response = proof.response.wrapping_add(&moved);
        (puzzle, square, proof)
    }

    /// Returns a message whose puzzle is a number with powers that everybody knows, with a right proof if there is one.
    pub(crate) fn trivial(&self, puzzle: &U2048, plaintext: &[u8]) -> Message {
        let solution = self.solve(puzzle);
        let square = self.residue(&solution).square().retrieve();
        let ciphertext = cipher(&solution.resize(), plaintext);
        let circuit = self.prove(&solution.resize(), &square, &ciphertext).unwrap();
        // The powers of the puzzle are one for even challenges, and it takes two tries to have one.
        let mut tries = (0..64).map(|number| self.statement_of_nothing(number));
        let proof = tries.find(|proof| self.verify(puzzle, &square, proof));
        let proof = proof.unwrap_or_else(|| self.statement_of_nothing(0));
        let payer = Address::ZERO;
        Message { payer, puzzle: *puzzle, square, ciphertext, proof, circuit }
    }

    /// Proves knowledge of the exponent 0.
    fn statement_of_nothing(&self, number: u64) -> PuzzleProof {
        let mask = short(number, b"nothing");
        let commitments = [self.base, self.delayed.square()].map(|base| base.pow(&mask).retrieve());
        PuzzleProof { commitments, response: mask.resize() }
    }

    fn residue(&self, number: &U2048) -> Residue {
        Residue::new(number, &self.params)
    }
}

/// The cipher, which is its own inverse; its key is a hash of the number, not of what the number stands for.
pub(crate) fn cipher(key: &Witness, text: &[u8]) -> Vec<u8> {
    let stream = model::stream(&symmetric_key(key), text.len());
    stream.iter().zip(text).map(|(mask, byte)| mask ^ byte).collect()
}

/// Returns the key of the cipher.
fn symmetric_key(key: &Witness) -> B256 {
    keccak256(key.to_be_bytes().as_ref())
}

fn bytes(number: &U2048) -> Vec<u8> {
    number.to_be_bytes().as_ref().to_vec()
}

fn short(number: u64, name: &[u8]) -> U256 {
    let hash = keccak256([&number.to_be_bytes(), name].concat());
    U256::from_be_slice(hash.as_slice()).shr_vartime(128)
}
