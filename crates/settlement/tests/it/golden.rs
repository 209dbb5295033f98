//! The file `vectors/settlement/hashes.json`, to which the contracts are held as well.

use crate::vectors::{self, Json};
use alloy_primitives::{Address, B256, U256, keccak256};
use weft_settlement::{
    BatchHeader, Outcome, Statement, Transfer, Transition, genesis_hash,
    inbox::{Accumulator, accumulate},
    rollup_exit_root,
};
use weft_types::Domain;

fn domain() -> Domain {
    Domain { version: 1, l1_chain_id: 1, settlement: Address::repeat_byte(0x5e), realm: 7 }
}

/// Word number `n` of the vectors.
fn word(n: u8) -> B256 {
    keccak256([n])
}

fn header() -> BatchHeader {
    BatchHeader {
        number: 3,
        parent: word(1),
        first_slot: 61,
        last_slot: 120,
        inbox_cursor: 5,
        l1_number: 1000,
        l1_hash: word(2),
        rollups: 0b1011,
        lane_root: word(3),
        content: word(4),
    }
}

fn outcome(i: u8) -> Outcome {
    Outcome {
        state_root: word(10 + i),
        block_hash: word(20 + i),
        block_number: 100 + u64::from(i),
        exit_root: word(30 + i),
        accounting_root: word(40 + i),
        heads_root: word(50 + i),
    }
}

fn statement() -> Statement {
    let transition = |i: u8| Transition {
        rollup: u32::from(i) + 1,
        pre: word(60 + i),
        proposal_root: word(70 + i),
        outcome_root: word(80 + i),
        post: outcome(i),
    };
    let ether = U256::from(10).pow(U256::from(18));
    let transfers = [
        Transfer { from: 901, to: 902, amount: ether, ..Transfer::default() },
        Transfer {
            from: 902,
            to: 901,
            origin_network: 901,
            origin_token: Address::from_word(word(90)),
            amount: U256::from(7),
        },
    ];
    Statement {
        first_batch: 2,
        last_batch: 3,
        batch_hash: word(1),
        program_id: word(9),
        transitions: [0, 1].map(transition).into(),
        transfers: transfers.into(),
    }
}

#[test]
fn p44_hashes_are_those_of_the_vectors() {
    let (domain, header, blobs) = (domain(), header(), [word(5), word(6)]);
    let accumulator = Accumulator::from_slice(&word(8)[..28]);
    let next = accumulate(&domain, &accumulator, 7, 1234, &word(9));
    let roots = (1..=11).map(|rollup| (rollup, word(100 + rollup as u8))).collect();
    let document = Json::object([
        ("rule", "inputs are those of crates/settlement/tests/it/golden.rs and contracts/test/l1/Hashes.t.sol; word n is the hash of the byte n".into()),
        ("genesisHash", genesis_hash(&domain).into()),
        ("batchDigest", header.digest(&domain, &blobs).into()),
        ("batchHash", header.hash(&domain, &blobs, &word(7), &accumulator).into()),
        ("outcomeCommitment", outcome(0).commitment().into()),
        ("statementDigest", statement().digest(&domain).into()),
        ("emptyStatementDigest", Statement::default().digest(&domain).into()),
        ("accumulator", next.to_vec().into()),
        ("rollupExitRoot", rollup_exit_root(&roots).into()),
    ]);
    vectors::check("settlement/hashes.json", &document);
}
