//! Separation of signed and hashed objects (P1).

use crate::codec::{CodecError, Decode, Encode, Reader, Writer};
use alloy_primitives::{Address, B256, Keccak256};
use serde::{Deserialize, Serialize};

/// Version of the protocol that these types speak.
pub const PROTOCOL_VERSION: u16 = 1;

/// What a hash stands for. No two kinds of object share a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// An item of the lane.
    Item = 1,
    /// A bundle's identity.
    Bundle = 2,
    /// A slot header.
    SlotHeader = 3,
    /// The closing record of a slot.
    SlotRecord = 4,
    /// The start of a section's running chain.
    LaneChain = 5,
    /// The start of a leg's thread.
    Thread = 6,
    /// The start of a mailbox head.
    Head = 7,
    /// Randomness of a block.
    Randao = 8,
    /// An order promise (P14).
    OrderPromise = 9,
    /// An execution promise.
    ExecutionPromise = 10,
    /// A checkpoint of the feed (P16).
    Checkpoint = 11,
    /// An inner node of the tree over a group of promises (P14).
    PromiseNode = 12,
    /// What the signature of a group of promises covers (P14).
    PromiseGroup = 13,
    /// The logs of a transaction, as an execution promise names them.
    Logs = 14,
    /// What stands for a leg in the id of a bundle that is sealed in parts (P18).
    LegCommitment = 15,
    /// The identity of such a bundle.
    PartedBundle = 16,
    /// A promise of all positions of a bundle of several envelopes (P14).
    BundlePromise = 17,
    /// The halts of a slot, as its closing record names them (P8).
    Halts = 18,
    /// The log of a data directory.
    Log = 20,
    /// Anything of the sealed lane; a second byte says what (`weft-crypto`).
    Sealing = 30,
    /// An inner node of the tree over a slot's running hashes (P15).
    CommitmentNode = 40,
    /// The commitment to a slot's order (P15).
    SlotCommitment = 41,
    /// What the sequencer says of an epoch's key (P47).
    EpochNotice = 42,
    /// A conviction, so that nobody is punished twice (P47).
    Conviction = 44,
    /// A batch of slots (P40).
    Batch = 50,
    /// What a realm is made of (P41).
    RealmConfig = 51,
    /// What the sequencer signs of a batch (P40).
    BatchHeader = 60,
    /// A batch as L1 knows it.
    PostedBatch = 61,
    /// What attesters sign and proofs show of batches (P44).
    SettlementStatement = 62,
    /// The registrations of a realm.
    Registry = 63,
    /// An entry of the inbox on L1 (P46).
    InboxEntry = 64,
    /// An operator's claim to a key.
    OperatorKey = 65,
    /// The mailbox heads of a rollup, as a settled outcome names them.
    SettledHeads = 70,
    /// An item that was proposed to a rollup.
    SettledProposal = 71,
    /// What became of an item on a rollup.
    SettledFate = 72,
    /// An inner node of the tree over either.
    SettledNode = 73,
    /// Number of leaves and top of such a tree.
    SettledList = 74,
    /// The commitment to one slot's order, as a batch header names it (P15).
    SettledLane = 75,
}

/// The realm that an object belongs to; folded into everything signed or hashed (P1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Protocol version.
    pub version: u16,
    /// EIP-155 id of L1; zero in a realm without L1.
    pub l1_chain_id: u64,
    /// Settlement contract on L1; zero in a realm without L1.
    pub settlement: Address,
    /// Number of the realm at its settlement contract.
    pub realm: u64,
}

impl Domain {
    /// Returns the domain of a development realm without L1.
    pub const fn dev() -> Self {
        Self { version: PROTOCOL_VERSION, l1_chain_id: 0, settlement: Address::ZERO, realm: 0 }
    }

    /// Starts a hash of kind `tag` in this domain.
    pub fn hasher(&self, tag: Tag) -> Keccak256 {
        let mut hasher = Keccak256::new();
        hasher.update(b"weft");
        hasher.update([tag as u8]);
        hasher.update(self.version.to_be_bytes());
        hasher.update(self.l1_chain_id.to_be_bytes());
        hasher.update(self.settlement);
        hasher.update(self.realm.to_be_bytes());
        hasher
    }

    /// Returns `keccak("weft" || tag || domain || body)`.
    pub fn hash(&self, tag: Tag, body: &[u8]) -> B256 {
        let mut hasher = self.hasher(tag);
        hasher.update(body);
        hasher.finalize()
    }
}

impl Encode for Domain {
    fn encode_to(&self, out: &mut Writer) {
        out.u16(self.version).u64(self.l1_chain_id).address(&self.settlement).u64(self.realm);
    }
}

impl Decode for Domain {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            version: input.u16()?,
            l1_chain_id: input.u64()?,
            settlement: input.address()?,
            realm: input.u64()?,
        })
    }
}
