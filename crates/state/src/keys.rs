//! Keys of one rollup's entries: its network first, then what names the entry.

use alloy_primitives::{Address, B256, U256};
use alloy_trie::Nibbles;
use weft_types::NetworkId;

/// Bytes of a network id.
pub(crate) const NETWORK: usize = 4;

/// Makes the keys of one rollup.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys(NetworkId);

impl Keys {
    pub(crate) const fn new(network: NetworkId) -> Self {
        Self(network)
    }

    pub(crate) const fn network(self) -> NetworkId {
        self.0
    }

    /// Concatenates the network and `parts`.
    pub(crate) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut key = Vec::with_capacity(NETWORK + length);
        key.extend(self.0.get().to_be_bytes());
        parts.iter().for_each(|part| key.extend_from_slice(part));
        key
    }

    pub(crate) fn account(self, hashed: &B256) -> Vec<u8> {
        self.of(&[hashed.as_slice()])
    }

    pub(crate) fn slot(self, account: &B256, hashed: &B256) -> Vec<u8> {
        self.of(&[account.as_slice(), hashed.as_slice()])
    }

    pub(crate) fn block(self, number: u64) -> Vec<u8> {
        self.of(&[&number.to_be_bytes()])
    }

    pub(crate) fn account_block(self, address: Address, number: u64) -> Vec<u8> {
        self.of(&[address.as_slice(), &number.to_be_bytes()])
    }

    pub(crate) fn slot_block(self, address: Address, key: U256, number: u64) -> Vec<u8> {
        self.of(&[address.as_slice(), &key.to_be_bytes::<32>(), &number.to_be_bytes()])
    }
}

/// Returns the key of the branch at `path`: one nibble a byte, so that a path precedes those that it begins.
pub(crate) fn node(prefix: &[u8], path: &Nibbles) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + path.len());
    key.extend_from_slice(prefix);
    key.extend(path.iter());
    key
}

/// Returns the first and the last key of leaves whose paths lie between those that begin with `first` and those that
/// begin with `last`.
pub(crate) fn leaves(prefix: &[u8], first: &Nibbles, last: &Nibbles) -> (Vec<u8>, Vec<u8>) {
    let (mut from, mut to) = (prefix.to_vec(), prefix.to_vec());
    from.resize(prefix.len() + 32, 0);
    to.resize(prefix.len() + 32, 0xff);
    fill(&mut from[prefix.len()..], first, 0);
    fill(&mut to[prefix.len()..], last, 0xf);
    (from, to)
}

/// Writes `path` at the beginning of `bytes`; half a byte left over becomes `rest`.
fn fill(bytes: &mut [u8], path: &Nibbles, rest: u8) {
    for (index, byte) in bytes.iter_mut().take(path.len().div_ceil(2)).enumerate() {
        let low = path.get(2 * index + 1).unwrap_or(rest);
        *byte = path.get_unchecked(2 * index) << 4 | low;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_leaves_span_the_path() {
        let path = Nibbles::from_nibbles([0xa, 0xb, 0xc]);
        let (from, to) = leaves(b"x", &path, &path);
        assert_eq!(from[..4], [b'x', 0xab, 0xc0, 0]);
        assert_eq!(to[..4], [b'x', 0xab, 0xcf, 0xff]);
        assert_eq!((from.len(), to.len()), (33, 33));
        let all = leaves(b"", &Nibbles::new(), &Nibbles::new());
        assert_eq!(all, (vec![0; 32], vec![0xff; 32]));
    }
}
