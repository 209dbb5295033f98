//! The schemes of this crate: epoch keys and puzzles of an envelope's own (P10).

use crate::{
    chain::Chain,
    curve::{Point, Secret, reduce},
    envelope::{Envelope, SchemeId},
    epoch::{EpochSecret, KeyList},
    product,
    seal::{Coins, DelayScheme, FalseClaim, Shared},
    setup::Setup,
    units::{Element, InvalidElement},
    wesolowski::{InvalidProof, Proof},
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use core::fmt;
use k256::Scalar;
use weft_types::Domain;
use zeroize::Zeroizing;

/// Sealing to an epoch's key: `head = r G`, `shared = r K` for the key K.
#[derive(Debug, Clone)]
pub struct EpochKeyScheme {
    domain: Domain,
    key: Point,
    id: B256,
}

impl EpochKeyScheme {
    /// Seals to the key of `list`.
    pub const fn new(list: &KeyList) -> Self {
        Self { domain: *list.domain(), key: *list.key(), id: list.id() }
    }

    /// Seals to `key`, which somebody else says is that of the list named `list`: enough to check a seed.
    pub const fn of_key(domain: Domain, key: Point, list: B256) -> Self {
        Self { domain, key, id: list }
    }

    /// Returns the exponent of some coins; never zero, but for one pair of coins that nobody can find.
    fn exponent(coins: &Coins) -> Zeroizing<Scalar> {
        Zeroizing::new(reduce(coins.as_bytes()))
    }
}

impl DelayScheme for EpochKeyScheme {
    type Opener = EpochSecret;

    fn scheme(&self) -> SchemeId {
        SchemeId::EpochKey
    }

    fn key_id(&self) -> B256 {
        self.id
    }

    fn domain(&self) -> &Domain {
        &self.domain
    }

    fn head(&self, coins: &Coins) -> Vec<u8> {
        product::base(&Self::exponent(coins)).to_vec()
    }

    fn shared(&self, coins: &Coins) -> Shared {
        let shared = product::product(&self.key, &Self::exponent(coins));
        Shared::new(Zeroizing::new(shared.to_vec()))
    }

    fn uncover(&self, head: &[u8], opener: &EpochSecret) -> Option<Shared> {
        assert_eq!(opener.list(), self.id, "the secret is that of the key");
        let secret: &Secret = opener.secret();
        // The secret is public by the time that anybody opens envelopes with it.
        let shared = product::product_vartime(head, secret.scalar())?;
        Some(Shared::new(Zeroizing::new(shared.to_vec())))
    }
}

/// Sealing to a puzzle of the envelope's own: `head = g^r`, `shared = h^r`. Costs a chain of squarings for each envelope
/// that its user does not open.
#[derive(Debug, Clone)]
pub struct PuzzleScheme<'s> {
    domain: Domain,
    setup: &'s Setup,
    id: B256,
}

/// The solution of one envelope's puzzle, computed or proven; or the certainty that it has none.
#[derive(Clone, PartialEq, Eq)]
pub struct Solution {
    /// Another modulus or delay makes another puzzle of the same head.
    setup: B256,
    head: Vec<u8>,
    value: Option<Element>,
}

impl<'s> PuzzleScheme<'s> {
    /// Seals to puzzles of `setup`.
    pub fn new(domain: Domain, setup: &'s Setup) -> Self {
        Self { domain, setup, id: setup.id() }
    }

    /// Returns the puzzle of an envelope: what must be squared.
    ///
    /// # Errors
    ///
    /// [`InvalidElement`] when the head is none, or one that hides nothing. The verdict is `Undecryptable` then, and
    /// there is nothing to solve: a sequencer refuses such an envelope before it gets a position.
    pub fn puzzle(&self, envelope: &Envelope) -> Result<Element, InvalidElement> {
        puzzle(self.setup, &envelope.head)
    }

    pub(crate) const fn setup(&self) -> &'s Setup {
        self.setup
    }

    /// Returns the coins of an envelope, given its seed.
    pub(crate) fn coins_of(&self, envelope: &Envelope, seed: &B256) -> Result<Coins, FalseClaim> {
        self.reseal(envelope, seed).map(|(coins, _)| coins)
    }

    /// Starts solving an envelope's puzzle.
    ///
    /// # Errors
    ///
    /// As [`Self::puzzle`].
    pub fn solve(&self, envelope: &Envelope) -> Result<Chain<'s>, InvalidElement> {
        Ok(self.setup.solve(self.puzzle(envelope)?))
    }

    /// Takes the result of a complete chain, or the certainty that the envelope has no puzzle.
    ///
    /// A chain that was resumed must be able to prove its result, which costs a fifth of the squarings: a changed
    /// checkpoint would make a false `Undecryptable` of it. Nothing is returned when it cannot; square anew.
    pub fn solution(&self, envelope: &Envelope, chain: Option<&Chain<'_>>) -> Option<Solution> {
        match (self.puzzle(envelope), chain) {
            (Err(_), _) => Some(self.solved(envelope, None)),
            (Ok(puzzle), Some(chain)) => {
                let value = self.result(&puzzle, chain)?;
                Some(self.solved(envelope, Some(value)))
            }
            (Ok(_), None) => None,
        }
    }

    /// Returns the result of a chain, if it squared `puzzle` as often as it takes in the right group.
    fn result(&self, puzzle: &Element, chain: &Chain<'_>) -> Option<Element> {
        let (group, squarings) = (self.setup.group(), self.setup.delay_squarings());
        let right =
            chain.base() == puzzle && chain.progress().total == squarings && chain.group() == group;
        let value = chain.result().filter(|_| right)?;
        let sound = !chain.is_resumed()
            || Proof::new(chain).verify(group, puzzle, &value, squarings).is_ok();
        sound.then_some(value)
    }

    /// Returns the element that solves the puzzle `head`, or nothing when there is no puzzle.
    ///
    /// # Panics
    ///
    /// Panics when the solution belongs to another setup or head, which its owner knows.
    pub fn solved_value(&self, head: &[u8], solution: &Solution) -> Option<Element> {
        assert_eq!(solution.setup, self.id, "the solution is that of the setup");
        assert_eq!(solution.head, head, "the solution is that of the envelope");
        solution.value
    }

    fn solved(&self, envelope: &Envelope, value: Option<Element>) -> Solution {
        Solution { setup: self.id, head: envelope.head.clone(), value }
    }

    /// Takes somebody else's solution with its proof.
    ///
    /// # Errors
    ///
    /// [`InvalidProof`] when it does not hold, or when the envelope has no puzzle.
    pub fn verify_solution(
        &self,
        envelope: &Envelope,
        value: &Element,
        proof: &Proof,
    ) -> Result<Solution, InvalidProof> {
        let puzzle = self.puzzle(envelope)?;
        proof.verify(self.setup.group(), &puzzle, value, self.setup.delay_squarings())?;
        Ok(self.solved(envelope, Some(*value)))
    }
}

fn puzzle(setup: &Setup, head: &[u8]) -> Result<Element, InvalidElement> {
    let puzzle = setup.group().decode(head)?;
    if puzzle.is_identity() { Err(InvalidElement::Identity) } else { Ok(puzzle) }
}

impl DelayScheme for PuzzleScheme<'_> {
    type Opener = Solution;

    fn scheme(&self) -> SchemeId {
        SchemeId::Puzzle
    }

    fn key_id(&self) -> B256 {
        self.id
    }

    fn domain(&self) -> &Domain {
        &self.domain
    }

    fn head(&self, coins: &Coins) -> Vec<u8> {
        self.setup.base_power(coins.as_bytes()).to_vec()
    }

    fn shared(&self, coins: &Coins) -> Shared {
        Shared::new(Zeroizing::new(self.setup.delayed_power(coins.as_bytes()).to_vec()))
    }

    fn uncover(&self, head: &[u8], opener: &Solution) -> Option<Shared> {
        Some(Shared::new(Zeroizing::new(self.solved_value(head, opener)?.to_vec())))
    }
}

/// Shows nothing: before the time is over a solution is a key.
impl fmt::Debug for Solution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Solution(..)")
    }
}
