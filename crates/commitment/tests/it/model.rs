//! The slow model: everything written out from the description, with nothing shared with the crate.

use alloy_primitives::{B256, U256, keccak256};
use weft_types::Domain;

/// `"weft" || tag || domain`.
fn prefix(domain: &Domain, tag: u8) -> Vec<u8> {
    let mut out = b"weft".to_vec();
    out.push(tag);
    out.extend(domain.version.to_be_bytes());
    out.extend(domain.l1_chain_id.to_be_bytes());
    out.extend(domain.settlement);
    out.extend(domain.realm.to_be_bytes());
    out
}

/// The running hashes of a section.
pub(crate) fn chains(domain: &Domain, slot: u64, section: u8, items: &[B256]) -> Vec<B256> {
    let mut body = prefix(domain, 5);
    body.extend(slot.to_be_bytes());
    body.push(section);
    let mut chain = keccak256(body);
    let mut out = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let index = (index as u32).to_be_bytes();
        chain = keccak256([chain.as_slice(), &index, item.as_slice()].concat());
        out.push(chain);
    }
    out
}

/// A running hash modulo 2^248.
pub(crate) fn element(chain: &B256) -> B256 {
    let modulus = U256::from(1) << 248;
    B256::from(U256::from_be_bytes(chain.0) % modulus)
}

/// The root over elements: the largest power of two below the count goes left.
pub(crate) fn root(domain: &Domain, elements: &[B256]) -> B256 {
    match elements {
        [] => B256::ZERO,
        [one] => *one,
        many => {
            let left = many.len().next_power_of_two() / 2;
            let mut body = prefix(domain, 40);
            body.extend(root(domain, &many[..left]));
            body.extend(root(domain, &many[left..]));
            keccak256(body)
        }
    }
}

/// The hash of a commitment.
pub(crate) fn hash(domain: &Domain, slot: u64, counts: [u32; 2], root: B256, kzg: &[u8]) -> B256 {
    let mut body = prefix(domain, 41);
    body.extend(slot.to_be_bytes());
    body.extend(counts[0].to_be_bytes());
    body.extend(counts[1].to_be_bytes());
    body.extend(root);
    body.extend(kzg);
    keccak256(body)
}

/// The 4,096 points of a blob, in its order: powers of the root by repeated multiplication, then sorted by reversed bits.
pub(crate) fn points() -> Vec<U256> {
    let field = "0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
    let field: U256 = field.parse().unwrap();
    let root = U256::from(7).pow_mod((field - U256::from(1)) / U256::from(4_096), field);
    let mut powers = vec![U256::from(1)];
    while powers.len() < 4_096 {
        powers.push(powers[powers.len() - 1].mul_mod(root, field));
    }
    let reversed = |index: usize| {
        let bits = format!("{index:012b}").chars().rev().collect::<String>();
        usize::from_str_radix(&bits, 2).unwrap()
    };
    (0..4_096).map(|index| powers[reversed(index)]).collect()
}
