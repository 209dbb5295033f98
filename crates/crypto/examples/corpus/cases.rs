//! Byte strings that somebody could submit as envelopes, and what this crate says about each.

use alloy_primitives::{Address, B256, Keccak256, keccak256};
use crypto_bigint::{U256, U2048};
use k256::{AffinePoint, Scalar, elliptic_curve::PrimeField, elliptic_curve::group::GroupEncoding};
use weft_crypto::{
    Announcement, Carriage, DelayScheme, Envelope, EpochKeyScheme, EpochSecret, GasBucket, KeyList,
    PuzzleScheme, Release, SchemeId, Secret, Setup, ShareContext, SizeBucket, Verdict, deal,
    setup::RSA_2048,
};
use weft_types::{Decode, Domain, Encode, NetworkId, SlotNumber, domain::Tag};

/// Squarings of the setup, so few that every puzzle is solved.
const DELAY: u64 = 64;
const EPOCH: u64 = 7;
/// Of so many cases one is large; no number of turns of the kinds, so that every kind comes to be large.
const LARGE_EVERY: usize = 101;
/// Cases in the beginning of which none is large: stored vectors hold them.
const ALL_SMALL: usize = 128;
/// Size buckets above the smallest, which take turns.
const LARGE_SIZES: usize = 9;

/// Keys, and what is to be judged with them.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) setup: Setup,
    pub(crate) list: KeyList,
    pub(crate) secret: EpochSecret,
    pub(crate) cases: Vec<Case>,
}

/// One byte string.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) bytes: Vec<u8>,
    /// One of refused, foreign, opened, malformed, undecryptable.
    pub(crate) verdict: &'static str,
    pub(crate) plaintext: Option<Vec<u8>>,
    pub(crate) seed: Option<B256>,
}

/// What envelopes are judged with.
#[derive(Debug)]
pub(crate) struct Keys {
    setup: Setup,
    list: KeyList,
    /// The secret as members release it, and as anybody solves it.
    secrets: [EpochSecret; 2],
}

impl Keys {
    #[allow(dead_code, reason = "for those who bring bytes of their own")]
    pub(crate) fn new(seed: u64) -> Self {
        Self::draw(&mut Dice { seed, drawn: 0 })
    }

    fn draw(dice: &mut Dice) -> Self {
        let setup = Setup::prepare(&RSA_2048, DELAY).expect("the modulus is usable");
        let (list, collected) = keys(&setup, dice);
        let solution = setup.solve(*list.puzzle()).finish();
        let recovered = list.recover(&setup, &solution).expect("the puzzle holds the secret");
        Self { setup, list, secrets: [collected, recovered] }
    }

    /// Returns who gives verdicts.
    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge {
            epochs: EpochKeyScheme::new(&self.list),
            puzzles: PuzzleScheme::new(Domain::dev(), &self.setup),
            secrets: &self.secrets,
        }
    }
}

/// Makes `count` cases of a seed.
pub(crate) fn corpus(seed: u64, count: usize) -> Corpus {
    let mut dice = Dice { seed, drawn: 0 };
    let keys = Keys::draw(&mut dice);
    let cases = {
        let maker = Maker { judge: keys.judge(), setup: &keys.setup, list: &keys.list };
        let bytes = (0..count).map(|index| maker.bytes(index, &mut dice));
        bytes.map(|bytes| maker.judge.judged(bytes)).collect()
    };
    let Keys { setup, list, secrets: [secret, _] } = keys;
    Corpus { setup, list, secret, cases }
}

fn keys(setup: &Setup, dice: &mut Dice) -> (KeyList, EpochSecret) {
    let domain = Domain::dev();
    let dealt = [1, 2, 3].map(|member| {
        let context = ShareContext { domain, epoch: EPOCH, member };
        (member, deal(setup, &context, &dice.hash()))
    });
    let announcements = dealt.each_ref().map(|(member, (_, share))| Announcement {
        member: *member,
        received_unix_ms: 0,
        share: *share,
    });
    let releases =
        dealt.map(|(member, (secret, _))| Release { member, received_unix_ms: 0, secret });
    let (list, _) = KeyList::assemble(setup, &domain, EPOCH, &[1, 2, 3].into(), &announcements, 0)
        .expect("all shares hold");
    let secret = list.collect(&releases, 0).1.expect("all secrets fit");
    (list, secret)
}

struct Maker<'s> {
    judge: Judge<'s>,
    setup: &'s Setup,
    list: &'s KeyList,
}

impl Maker<'_> {
    /// Makes one byte string; the kinds take turns.
    fn bytes(&self, index: usize, dice: &mut Dice) -> Vec<u8> {
        let mut envelope = self.sealed(&plaintext(index, dice), dice);
        let mut bytes = envelope.encode();
        match index % 16 {
            0 | 1 => return bytes,
            2 => flip(&mut bytes, dice),
            3 => (0..dice.below(4)).for_each(|_| flip(&mut bytes, dice)),
            4 => bytes.truncate(dice.below(bytes.len())),
            5 => bytes.extend(dice.bytes(1)),
            6 => bytes = dice.some_bytes(700),
            7 | 8 => {
                envelope.head = self.head(envelope.scheme, dice);
                bytes = envelope.encode();
            }
            9 => {
                flip(&mut envelope.body, dice);
                bytes = envelope.encode();
            }
            10 => {
                flip(&mut envelope.masked_seed.0, dice);
                bytes = envelope.encode();
            }
            11 => {
                envelope.carriage = carriage(envelope.carriage.size, dice);
                bytes = envelope.encode();
            }
            12 => {
                envelope.key = dice.hash();
                bytes = envelope.encode();
            }
            13 | 14 => bytes = self.odd_padding(&envelope, dice).encode(),
            _ => bytes[1] = dice.bytes(1)[0] % 5,
        }
        bytes
    }

    fn sealed(&self, plaintext: &[u8], dice: &mut Dice) -> Envelope {
        let size = SizeBucket::for_len(plaintext.len()).expect("short");
        let (carriage, entropy) = (carriage(size, dice), dice.hash());
        let sealed = match dice.below(2) {
            0 => self.judge.epochs.encrypt(&carriage, plaintext, &entropy),
            _ => self.judge.puzzles.encrypt(&carriage, plaintext, &entropy),
        };
        sealed.expect("the bucket fits")
    }

    /// Returns a head at the edges of what is one.
    fn head(&self, scheme: SchemeId, dice: &mut Dice) -> Vec<u8> {
        match scheme {
            SchemeId::EpochKey => self.point(dice),
            SchemeId::Puzzle | SchemeId::Proven => self.element(dice),
            SchemeId::Threshold => unreachable!("this crate seals to no committee's signature"),
        }
    }

    fn point(&self, dice: &mut Dice) -> Vec<u8> {
        let mut head = match dice.below(5) {
            0 => vec![0; 33],
            1 => vec![0xff; 33],
            2 => self.list.key().to_bytes().to_vec(),
            _ => dice.bytes(33),
        };
        if dice.below(4) > 0 {
            head[0] = 2 + dice.below(2) as u8;
        } else {
            head[0] = dice.below(8) as u8;
        }
        head
    }

    fn element(&self, dice: &mut Dice) -> Vec<u8> {
        let modulus = self.setup.group().modulus();
        let number = match dice.below(9) {
            0 => U2048::ZERO,
            1 => U2048::ONE,
            2 => modulus.shr_vartime(1),
            3 => modulus.shr_vartime(1).wrapping_add(&U2048::ONE),
            4 => modulus.wrapping_sub(&U2048::ONE),
            5 => *modulus,
            6 => modulus.wrapping_add(&U2048::ONE),
            7 => *self.setup.base().value(),
            _ => U2048::from_be_slice(&dice.bytes(256)),
        };
        number.to_be_bytes().as_ref().to_vec()
    }

    /// Seals something that is not padded as it must be: a length or zeros that are wrong, now and then right.
    fn odd_padding(&self, like: &Envelope, dice: &mut Dice) -> Envelope {
        let bytes = like.body.len();
        let mut padded = vec![0; bytes];
        let length = match dice.below(4) {
            0 => u32::MAX,
            1 => bytes as u32 - 3,
            2 => bytes as u32 - 4,
            _ => dice.below(bytes - 4) as u32,
        };
        padded[..4].copy_from_slice(&length.to_be_bytes());
        if dice.below(4) > 0 {
            let at = 4 + dice.below(bytes - 4);
            padded[at] = 1;
        }
        self.of_padded(like, &padded, &dice.hash())
    }

    /// Seals a padded plaintext as it is, from the description.
    fn of_padded(&self, like: &Envelope, padded: &[u8], seed: &B256) -> Envelope {
        let carriage = like.carriage.encode();
        let readable = [&[like.scheme as u8], like.key.as_slice(), &carriage[1..]].concat();
        let readable = of_realm(11, &[&readable]);
        let coins = of_realm(14, &[&readable[..], &seed[..], padded]);
        let (head, shared) = self.head_and_shared(like.scheme, &coins);
        let mask = of_realm(15, &[&readable[..], &head, &shared]);
        let key = of_realm(16, &[&readable[..], &seed[..]]);
        let body = padded.iter().zip(stream(&key)).map(|(byte, under)| byte ^ under).collect();
        Envelope { head, masked_seed: mask ^ *seed, body, ..like.clone() }
    }

    fn head_and_shared(&self, scheme: SchemeId, coins: &B256) -> (Vec<u8>, Vec<u8>) {
        match scheme {
            SchemeId::EpochKey => {
                let head = Secret::from_bytes(&coins.0).expect("a hash is below the order");
                let key = AffinePoint::from_bytes(&self.list.key().to_bytes().into());
                let scalar = Scalar::from_repr(coins.0.into());
                let shared = (key.expect("a point") * scalar.expect("as above")).to_affine();
                (head.public().to_bytes().to_vec(), shared.to_bytes().to_vec())
            }
            SchemeId::Puzzle | SchemeId::Proven => {
                let exponent = U256::from_be_slice(&coins.0);
                let power = |base| self.setup.group().power_vartime(base, &exponent).to_vec();
                (power(self.setup.base()), power(self.setup.delayed()))
            }
            SchemeId::Threshold => unreachable!("this crate seals to no committee's signature"),
        }
    }
}

/// Gives verdicts, each in every way that there is.
pub(crate) struct Judge<'s> {
    epochs: EpochKeyScheme,
    puzzles: PuzzleScheme<'s>,
    secrets: &'s [EpochSecret; 2],
}

impl Judge<'_> {
    /// Judges bytes as an envelope.
    ///
    /// # Panics
    ///
    /// Panics when two ways to open them disagree (P11).
    pub(crate) fn judged(&self, bytes: Vec<u8>) -> Case {
        let verdict = Envelope::decode(&bytes).ok().map(|envelope| self.open(&envelope));
        let (verdict, plaintext, seed) = match verdict {
            None => ("refused", None, None),
            Some(None) => ("foreign", None, None),
            Some(Some(Verdict::Opened { plaintext, seed })) => {
                ("opened", Some(plaintext.to_vec()), Some(seed))
            }
            Some(Some(Verdict::Malformed { seed })) => ("malformed", None, Some(seed)),
            Some(Some(Verdict::Undecryptable)) => ("undecryptable", None, None),
        };
        Case { bytes, verdict, plaintext, seed }
    }

    fn open(&self, envelope: &Envelope) -> Option<Verdict> {
        if envelope.scheme == SchemeId::EpochKey {
            let [collected, recovered] =
                self.secrets.each_ref().map(|secret| self.epochs.open(envelope, secret).ok());
            assert_eq!(collected, recovered, "released and solved, of {envelope:?}");
            return shown(&self.epochs, envelope, collected);
        }
        self.puzzles.own(envelope).ok()?;
        let mut chain = self.puzzles.solve(envelope).ok();
        if let Some(chain) = &mut chain {
            chain.finish();
        }
        let solution = self.puzzles.solution(envelope, chain.as_ref())?;
        shown(&self.puzzles, envelope, self.puzzles.open(envelope, &solution).ok())
    }
}

/// Checks that the seed of a verdict shows the same to whoever has neither secret nor solution.
fn shown<S: DelayScheme>(
    scheme: &S,
    envelope: &Envelope,
    said: Option<Verdict>,
) -> Option<Verdict> {
    if let Some(verdict @ (Verdict::Opened { seed, .. } | Verdict::Malformed { seed })) = &said {
        assert_eq!(scheme.verify_opening(envelope, seed).ok().as_ref(), Some(verdict));
    }
    said
}

/// Draws what case `index` seals: mostly little, for large buckets are slow; now and then what needs one of them, up to its
/// last byte.
fn plaintext(index: usize, dice: &mut Dice) -> Vec<u8> {
    if index < ALL_SMALL || !index.is_multiple_of(LARGE_EVERY) {
        return dice.some_bytes(500);
    }
    let bucket = 1 + index / LARGE_EVERY % LARGE_SIZES;
    let [least, most] = [(256 << (bucket - 1)) - 3, (256 << bucket) - 4];
    let count = if dice.below(3) == 0 { most } else { least + dice.below(most - least) };
    dice.bytes(count)
}

fn carriage(size: SizeBucket, dice: &mut Dice) -> Carriage {
    Carriage {
        payer: Address::from_slice(&dice.bytes(20)),
        deposit: NetworkId::new(dice.below(3) as u32),
        rollup: (dice.below(2) == 0).then(|| NetworkId::new(900 + dice.below(5) as u32)),
        epoch: EPOCH,
        valid_until: SlotNumber::new(dice.number()),
        size,
        gas: GasBucket::new(dice.below(11) as u8).expect("a bucket"),
        max_fee_wei: u128::from(dice.number()) << dice.below(65),
    }
}

fn flip(bytes: &mut [u8], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    bytes[at] ^= 1 << dice.below(8);
}

fn of_realm(part: u8, fields: &[&[u8]]) -> B256 {
    let mut hasher: Keccak256 = Domain::dev().hasher(Tag::Sealing);
    hasher.update([part]);
    for field in fields {
        hasher.update((field.len() as u32).to_be_bytes());
        hasher.update(field);
    }
    hasher.finalize()
}

fn stream(key: &B256) -> impl Iterator<Item = u8> {
    (0_u32..).flat_map(move |counter| keccak256([&key[..], &counter.to_be_bytes()].concat()))
}

/// Numbers of a seed: hashes of seed and counter.
#[derive(Debug)]
struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    fn hash(&mut self) -> B256 {
        self.drawn += 1;
        keccak256([self.seed.to_be_bytes(), self.drawn.to_be_bytes()].concat())
    }

    fn number(&mut self) -> u64 {
        self.hash().0.first_chunk().copied().map(u64::from_be_bytes).expect("a hash is longer")
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let start = self.hash();
        stream(&start).take(count).collect()
    }

    /// Returns up to `most` bytes; short ones are as frequent as long ones.
    fn some_bytes(&mut self, most: usize) -> Vec<u8> {
        let most = 1 + self.below(most);
        let count = self.below(most);
        self.bytes(count)
    }
}
