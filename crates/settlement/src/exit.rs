//! Exits: what leaves a network through its bridge.

use alloy_primitives::{Address, B256, Keccak256, U256};

/// What kind of exit it is; the numbers are AggLayer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LeafType {
    /// Tokens or ether.
    Transfer = 0,
    /// A call with ether.
    Message = 1,
}

/// Something that left a network, as a leaf of that network's exit tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Kind.
    pub leaf_type: LeafType,
    /// Network on which the token is native; for a message the network of the sender.
    pub origin_network: u32,
    /// Address of the token there, zero for ether; for a message the sender.
    pub origin_address: Address,
    /// Network that it is for.
    pub destination_network: u32,
    /// Receiver there.
    pub destination_address: Address,
    /// Amount; for a message in wei.
    pub amount: U256,
    /// Keccak of the metadata.
    pub metadata_hash: B256,
}

impl Exit {
    /// Returns the hash that is the leaf of the tree, over 113 bytes.
    pub fn hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        hasher.update([self.leaf_type as u8]);
        hasher.update(self.origin_network.to_be_bytes());
        hasher.update(self.origin_address);
        hasher.update(self.destination_network.to_be_bytes());
        hasher.update(self.destination_address);
        hasher.update(self.amount.to_be_bytes::<32>());
        hasher.update(self.metadata_hash);
        hasher.finalize()
    }

    /// Returns the token that is accounted for: a message moves L1's ether.
    pub const fn token(&self) -> crate::Token {
        match self.leaf_type {
            LeafType::Transfer => {
                crate::Token { network: self.origin_network, address: self.origin_address }
            }
            LeafType::Message => crate::Token::ETHER,
        }
    }
}
