//! The file `vectors/settlement/statements.json`, to which the contracts are held as well.

use crate::{
    Attester, bridging,
    sequencer::{A, B, Draft, Sequencer},
    vectors::{self, Json},
};
use alloy_primitives::{Address, B256};
use alloy_sol_types::SolValue as _;
use weft_contracts::Hub;
use weft_settlement::Statement;
use weft_types::Domain;

/// The realm of `vectors/settlement/hashes.json`.
pub(crate) fn domain() -> Domain {
    Domain { version: 1, l1_chain_id: 1, settlement: Address::repeat_byte(0x5e), realm: 7 }
}

/// Returns `abi.encode(statement)`.
fn encoded(statement: &Statement) -> Vec<u8> {
    let transitions = statement.transitions.iter().map(|step| Hub::Transition {
        rollup: step.rollup,
        pre: step.pre,
        proposalRoot: step.proposal_root,
        outcomeRoot: step.outcome_root,
        post: Hub::Outcome {
            stateRoot: step.post.state_root,
            blockHash: step.post.block_hash,
            blockNumber: step.post.block_number,
            exitRoot: step.post.exit_root,
            accountingRoot: step.post.accounting_root,
            headsRoot: step.post.heads_root,
        },
    });
    let transfers = statement.transfers.iter().map(|transfer| Hub::Transfer {
        from: transfer.from,
        to: transfer.to,
        originNetwork: transfer.origin_network,
        originToken: transfer.origin_token,
        amount: transfer.amount,
    });
    let statement = Hub::Statement {
        firstBatch: statement.first_batch,
        lastBatch: statement.last_batch,
        batchHash: statement.batch_hash,
        programId: statement.program_id,
        transitions: transitions.collect(),
        transfers: transfers.collect(),
    };
    statement.abi_encode()
}

fn vector(statement: &Statement) -> Json {
    Json::object([
        ("encoded", encoded(statement).into()),
        ("digest", statement.digest(&domain()).into()),
    ])
}

#[test]
fn p44_statements_of_derived_batches_are_those_of_the_vectors() {
    let mut sequencer = Sequencer::new();
    let mut attester = Attester::new(&sequencer);
    for number in 0..2 {
        sequencer.submit(&Draft::pay(A, 0, number, 5).item());
        sequencer.submit(&bridging(A, B, 1, number, 3 + u128::from(number)).item());
        sequencer.submit(&Draft::pay(B, 3, 9, 1).item());
        sequencer.close();
        attester.take(&sequencer.batch());
    }
    let statement = |last| {
        let (batch, program) = (B256::repeat_byte(last as u8), B256::repeat_byte(0x99));
        attester.ledger.statement(last, batch, program).unwrap()
    };
    let document = Json::object([
        ("rule", "statements of the batches of crates/statement/tests/it/golden.rs, as abi.encode gives them, and their digests in the realm of hashes.json".into()),
        ("statements", Json::list([1, 2].map(|last| vector(&statement(last))))),
    ]);
    vectors::check("settlement/statements.json", &document);
}
