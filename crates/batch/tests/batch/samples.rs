//! A batch in which everything occurs.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use weft_batch::{
    AnnouncedKey, Batch, ClaimedHead, ClaimedRemoval, EpochOpening, Opened, OrderCommitment,
    Ordered, ReorgedEntry, Revealed, RollupGenesis, SignedBatch, SignedRelease, Slot, Squared,
    WireBundle, WireItem, WireLeg,
};
use weft_crypto::{Carriage, GasBucket, SizeBucket};
use weft_types::{
    Halt, L1Ref, NetworkId, RemovalCause, SafetyLevel, Section, Signature, SlotNumber,
};

pub(crate) const A: NetworkId = NetworkId::new(901);
pub(crate) const B: NetworkId = NetworkId::new(902);

fn hash(seed: u8) -> B256 {
    keccak256([seed])
}

/// A leg whose bytes end like a transaction; the codec looks no further.
pub(crate) fn leg(network: NetworkId, seed: u8) -> WireLeg {
    let mut raw = vec![2, 0xf8, 0x6b, seed];
    for part in [hash(seed), hash(seed.wrapping_add(1))] {
        raw.push(0xa0);
        raw.extend_from_slice(part.as_slice());
    }
    WireLeg { network, may_revert: seed.is_multiple_of(2), raw: raw.into() }
}

/// A leg that does not end in two strings of 32 bytes.
fn odd_leg() -> WireLeg {
    WireLeg { network: B, may_revert: false, raw: Bytes::from_static(&[1, 2, 3]) }
}

fn carriage() -> Carriage {
    Carriage {
        payer: Address::repeat_byte(5),
        deposit: A,
        rollup: Some(B),
        epoch: 3,
        valid_until: SlotNumber::new(99),
        size: SizeBucket::new(1).unwrap(),
        gas: GasBucket::new(2).unwrap(),
        max_fee_wei: 7,
    }
}

fn signature() -> Signature {
    let text = "0x000000000000000000000000000000000000000000000000000000000000000a000000000000000000000000000000000000000000000000000000000000000b00";
    Signature::try_from(text.to_owned()).unwrap()
}

fn full_slot() -> Slot {
    Slot {
        unix_ms: 1_700_000_000_200,
        joined: vec![RollupGenesis {
            chain_id: 903,
            timestamp: 1_700_000_000,
            gas_limit: 60_000_000,
            base_fee: 7,
            is_home: false,
            removes_failed: false,
            allocations: vec![(Address::repeat_byte(1), U256::from(9))],
        }],
        available: Some(vec![A, B]),
        keys: vec![AnnouncedKey { close_at_ms: 5, list: Bytes::from_static(b"a list") }],
        opening: Some(EpochOpening {
            epoch: 2,
            secret: hash(9),
            revealed: Revealed {
                releases: [1, 300]
                    .map(|member| SignedRelease { member, signature: signature() })
                    .into(),
                squared: Some(Squared {
                    value: FixedBytes::repeat_byte(5),
                    proof: FixedBytes::repeat_byte(6),
                }),
            },
            items: vec![
                Opened::Transaction { seed: hash(10), leg: leg(A, 11) },
                Opened::Other { seed: hash(12), plaintext: Bytes::from_static(b"text") },
                Opened::Malformed { seed: hash(13), padded: vec![1; 256].into() },
                Opened::Undecryptable {
                    head: FixedBytes::repeat_byte(2),
                    masked_seed: hash(14),
                    body: vec![3; 256].into(),
                },
            ],
        }),
        l1_born: 2,
        reorged: vec![ReorgedEntry {
            index: 1,
            origin: L1Ref { block_hash: hash(31), log_index: 4 },
            item: hash(32),
        }],
        sealed: vec![Ordered { envelope: hash(15), carriage: carriage(), signature: signature() }],
        plaintext: vec![
            WireItem::Transaction(leg(A, 20)),
            WireItem::Bundle(WireBundle {
                salt: hash(21),
                level: SafetyLevel::Cryptographic,
                legs: vec![leg(A, 22), leg(B, 23), odd_leg()],
            }),
        ],
        halts: vec![Halt { section: Section::Plaintext, index: 1, network: B }],
        removals: vec![
            ClaimedRemoval { section: Section::Opened, index: 1, cause: RemovalCause::Malformed },
            ClaimedRemoval { section: Section::Plaintext, index: 0, cause: RemovalCause::Failed },
        ],
        blocks: vec![[1, 2, 3, 4], [5, 6, 7, 8]],
        record: Some([9; 4]),
        order: Some(OrderCommitment { root: hash(30), kzg: vec![FixedBytes::repeat_byte(4)] }),
        is_late: true,
    }
}

/// Returns batches by name.
pub(crate) fn batches() -> Vec<(&'static str, SignedBatch)> {
    let signature = signature();
    let empty = |unix_ms| Slot { unix_ms, ..Slot::default() };
    let small = Batch {
        number: 1,
        parent: B256::ZERO,
        config: hash(1),
        first: SlotNumber::new(1),
        slots: vec![empty(1_700_000_000_000)],
        inbox_cursor: 0,
        end: hash(2),
        heads: Vec::new(),
    };
    let full = Batch {
        number: 300,
        parent: hash(3),
        first: SlotNumber::new(70_000),
        slots: vec![empty(1_700_000_000_000), full_slot(), empty(1_700_000_000_400)],
        inbox_cursor: 12,
        heads: vec![
            ClaimedHead { network: A, number: 9, hash: hash(4) },
            ClaimedHead { network: B, number: 400, hash: hash(5) },
        ],
        ..small
    };
    [("empty", small), ("full", full)]
        .map(|(name, batch)| (name, SignedBatch { batch, signature }))
        .into()
}
