//! The same verdict about whatever bytes somebody submits: by the fast way, by making the whole ciphertext again, and by the
//! file `vectors/sealing/threshold-verdicts.json` that other implementations are compared with.

use crate::{
    committee::{EPOCH, carriage, committee, opener, scheme},
    vectors::{self, Json},
};
use alloy_primitives::{Address, B256, keccak256};
use commonware_codec::Encode as _;
use commonware_cryptography::bls12381::tle::{self, Block};
use commonware_utils::test_rng;
use std::collections::BTreeMap;
use weft_crypto::{
    Carriage, DelayScheme, Envelope, GasBucket, SchemeId, SizeBucket, Verdict,
    seal::{Coins, Shared},
};
use weft_threshold::{HEAD_BYTES, MinPk, Opener, ThresholdScheme};
use weft_types::{Decode as _, Domain, Encode as _, NetworkId, SlotNumber, domain::Tag};

/// The scheme without its shortcut.
struct Slow(ThresholdScheme);

impl DelayScheme for Slow {
    type Opener = Opener;

    fn scheme(&self) -> SchemeId {
        self.0.scheme()
    }

    fn key_id(&self) -> B256 {
        self.0.key_id()
    }

    fn domain(&self) -> &Domain {
        self.0.domain()
    }

    fn head(&self, coins: &Coins) -> Vec<u8> {
        self.0.head(coins)
    }

    fn shared(&self, coins: &Coins) -> Shared {
        self.0.shared(coins)
    }

    fn uncover(&self, head: &[u8], opener: &Opener) -> Option<Shared> {
        self.0.uncover(head, opener)
    }
}

/// Numbers of a seed.
pub(crate) struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn hash(&mut self) -> B256 {
        self.drawn += 1;
        keccak256([self.seed.to_be_bytes(), self.drawn.to_be_bytes()].concat())
    }

    pub(crate) fn number(&mut self) -> u64 {
        u64::from_be_bytes(*self.hash().0.first_chunk().unwrap())
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let start = self.hash();
        stream(&start).take(count).collect()
    }
}

fn stream(key: &B256) -> impl Iterator<Item = u8> + use<> {
    let key = *key;
    (0_u32..).flat_map(move |counter| keccak256([&key[..], &counter.to_be_bytes()].concat()))
}

fn of_realm(part: u8, fields: &[&[u8]]) -> B256 {
    let mut hasher = Domain::dev().hasher(Tag::Sealing);
    hasher.update([part]);
    for field in fields {
        hasher.update((field.len() as u32).to_be_bytes());
        hasher.update(field);
    }
    hasher.finalize()
}

fn some_carriage(size: SizeBucket, dice: &mut Dice) -> Carriage {
    Carriage {
        payer: Address::from_slice(&dice.bytes(20)),
        deposit: NetworkId::new(dice.below(3) as u32),
        rollup: (dice.below(2) == 0).then(|| NetworkId::new(900 + dice.below(5) as u32)),
        epoch: EPOCH,
        valid_until: SlotNumber::new(dice.number()),
        size,
        gas: GasBucket::new(dice.below(11) as u8).unwrap(),
        max_fee_wei: u128::from(dice.number()) << dice.below(65),
    }
}

/// Makes one byte string; the kinds take turns.
fn submitted(index: usize, dice: &mut Dice) -> Vec<u8> {
    let len = dice.below(500);
    let plaintext = dice.bytes(len);
    let carriage = some_carriage(carriage(len).size, dice);
    let mut envelope = scheme().encrypt(&carriage, &plaintext, &dice.hash()).unwrap();
    let mut bytes = envelope.encode();
    let flip = |bytes: &mut [u8], dice: &mut Dice| {
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
    };
    match index % 16 {
        0 | 1 => return bytes,
        2 => {
            flip(&mut bytes, dice);
            return bytes;
        }
        3 => {
            bytes.truncate(dice.below(bytes.len()));
            return bytes;
        }
        4 => {
            bytes.push(0);
            return bytes;
        }
        5 => bytes[1] = dice.below(6) as u8,
        6 => {
            let len = dice.below(600);
            return dice.bytes(len);
        }
        7 => envelope.head = odd_head(&envelope.head, dice),
        8 => flip(&mut envelope.head[48..], dice),
        9 => flip(&mut envelope.body, dice),
        10 => flip(&mut envelope.masked_seed.0, dice),
        11 => envelope.carriage = some_carriage(envelope.carriage.size, dice),
        12 => envelope.key = dice.hash(),
        13 => envelope = odd_padding(&envelope.carriage, dice),
        14 => envelope = chosen(&envelope, dice, true),
        _ => envelope = chosen(&envelope, dice, false),
    }
    if index % 16 == 5 { bytes } else { envelope.encode() }
}

/// Returns a head whose point is at the edges of what is one.
fn odd_head(head: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut point = head[..48].to_vec();
    match dice.below(6) {
        0 => point = [&[0xc0][..], &[0; 47]].concat(),
        1 => point = committee().0.public().encode().to_vec(),
        2 => point[0] ^= 0x20,
        3 => point[0] ^= 1 << (5 + dice.below(3)),
        // On the curve every other time, and hardly ever in the group.
        4 => {
            point = dice.bytes(48);
            point[0] = 0x80 | (point[0] % 0x1a);
        }
        _ => point = dice.bytes(48),
    }
    [&point[..], &head[48..]].concat()
}

fn odd_padding(carriage: &Carriage, dice: &mut Dice) -> Envelope {
    let mut padded = vec![0; carriage.size.bytes()];
    let length = match dice.below(3) {
        0 => u32::MAX,
        1 => padded.len() as u32 - 3,
        _ => dice.below(padded.len() - 4) as u32,
    };
    padded[..4].copy_from_slice(&length.to_be_bytes());
    let at = dice.below(padded.len() - 4) + 4;
    padded[at] |= dice.below(2) as u8;
    scheme().rebuild(carriage, &padded, &dice.hash())
}

/// Makes an envelope whose head is a right ciphertext of the library, and all above it right for it, with a randomness of the
/// author's own: the block is that of the coins (`right`), or is any.
fn chosen(like: &Envelope, dice: &mut Dice, right: bool) -> Envelope {
    let (seed, scheme) = (dice.hash(), scheme());
    let padded = scheme.rebuild(&like.carriage, &vec![0; like.body.len()], &seed);
    let readable =
        [&[like.scheme as u8], like.key.as_slice(), &like.carriage.encode()[1..]].concat();
    let readable = of_realm(11, &[&readable]);
    let coins = of_realm(14, &[&readable[..], &seed[..], &vec![0; like.body.len()]]);
    let block = of_realm(26, &[&scheme.key_id()[..], &coins[..]]);
    let block = if right { block } else { dice.hash() };
    let head = tle::encrypt::<_, MinPk>(
        &mut test_rng(),
        *scheme.key(),
        (b"weft threshold epoch 1", scheme.key_id().as_slice()),
        &Block::new(block.0),
    );
    let head = head.unwrap().encode().to_vec();
    let mask = of_realm(15, &[&readable[..], &head, &block[..]]);
    Envelope { head, masked_seed: mask ^ seed, ..padded }
}

/// Returns the verdict about some bytes, after all ways to it have agreed.
fn judged(bytes: &[u8], opener: &Opener) -> (&'static str, Option<Vec<u8>>, Option<B256>) {
    let Ok(envelope) = Envelope::decode(bytes) else { return ("refused", None, None) };
    assert_eq!(envelope.encode(), bytes, "one encoding for each envelope");
    let (fast, slow) = (scheme(), Slow(scheme()));
    let found = fast.open(&envelope, opener);
    assert_eq!(found, slow.open(&envelope, opener), "{envelope:?}");
    let Ok(verdict) = found else { return ("foreign", None, None) };
    assert_eq!(fast.verdict(&envelope, &verdict, opener), Ok(()));
    match verdict {
        Verdict::Opened { plaintext, seed } => ("opened", Some(plaintext.to_vec()), Some(seed)),
        Verdict::Malformed { seed } => ("malformed", None, Some(seed)),
        Verdict::Undecryptable => ("undecryptable", None, None),
    }
}

#[test]
fn p11_verdicts_of_arbitrary_bytes_agree() {
    let (mut dice, opener) = (Dice::new(1), opener([0, 1, 2]));
    let mut counts = BTreeMap::new();
    let cases: Vec<_> = (0..128)
        .map(|index| {
            let bytes = submitted(index, &mut dice);
            let (verdict, plaintext, seed) = judged(&bytes, &opener);
            *counts.entry(verdict).or_insert(0) += 1;
            assert!(index % 16 < 14 || verdict == "undecryptable", "a randomness of its author's");
            Json::object([
                ("bytes", bytes.into()),
                ("verdict", verdict.into()),
                ("plaintext", plaintext.into()),
                ("seed", seed.into()),
            ])
        })
        .collect();
    assert_eq!(counts.len(), 5, "{counts:?}");
    assert!(counts.values().all(|count| *count >= 4), "{counts:?}");
    let document = Json::object([
        ("rule", "verdict of bytes as an envelope, given the committee's signature".into()),
        ("publicKey", committee().0.public().encode().to_vec().into()),
        ("epoch", EPOCH.into()),
        ("opener", opener.to_bytes().to_vec().into()),
        ("vectors", Json::list(cases)),
    ]);
    vectors::check("sealing/threshold-verdicts.json", &document);
}

#[test]
fn p11_verdicts_of_thousands_of_bytes_agree() {
    let count = std::env::var("WEFT_CASES").map_or(1_024, |text| text.parse().unwrap());
    let (mut dice, opener) = (Dice::new(2), opener([1, 2, 3]));
    let mut counts = BTreeMap::new();
    for index in 0..count {
        let bytes = submitted(index, &mut dice);
        *counts.entry(judged(&bytes, &opener).0).or_insert(0) += 1;
    }
    assert!(counts.len() == 5 && HEAD_BYTES == 112, "{counts:?}");
}
