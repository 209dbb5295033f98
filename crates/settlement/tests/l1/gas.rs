//! What batches cost, as whole transactions with blobs.

use crate::{
    chain::Sent,
    lane::header,
    realm::{PROGRAM, USERS, deploy, encoded, sign},
    settle::{Approved, Behind},
};
use alloy_primitives::{B256, Bytes, U256, keccak256};
use weft_contracts::Hub;
use weft_settlement::{BatchHeader, Outcome, Statement, Transition};

/// Eight rollups advance with three of five attesters: the first batch of a realm, whose words are new, and a later one.
#[test]
fn p44_a_batch_of_eight_rollups_is_settled_within_350_000_gas() {
    let (mut chain, realm, mut model) = deploy();
    for network in 901..=908 {
        let outcome = Outcome::default();
        let call = Hub::registerCall {
            chainId: network,
            policy: realm.policies[0].address,
            genesisStateRoot: B256::ZERO,
            genesisBlockHash: B256::ZERO,
            config: Bytes::new(),
        };
        chain.send(&Sent::new(USERS[0], realm.at.hub, &call)).expect("registers");
        model.register(network, realm.policies[0].address, outcome, &[], U256::ZERO).unwrap();
    }
    let mut costs = Vec::new();
    for round in 0..4_u8 {
        chain.number += 1;
        model.block = chain.number;
        let last = model.last();
        let next = BatchHeader {
            number: last.number + 1,
            parent: last.hash,
            first_slot: last.last_slot + 1,
            last_slot: last.last_slot + 60,
            inbox_cursor: 0,
            l1_number: chain.number - 1,
            l1_hash: chain.hash_of(chain.number - 1),
            rollups: 0xff,
            lane_root: keccak256([round, 1]),
            content: keccak256([round, 2]),
        };
        let blobs: Vec<B256> = [1, 2]
            .map(|number| {
                let mut hash = keccak256([round, number]);
                hash[0] = 1;
                hash
            })
            .into();
        let signature = sign(&realm.sequencer, &next.digest(&model.domain, &blobs));
        let sequencer = realm.sequencer.address();
        model.post(&next, &blobs, Some(sequencer), sequencer, next.l1_hash).unwrap();
        let word = |id: u32, place: u8| keccak256([round, place, id as u8]);
        let transition = |id: u32| Transition {
            rollup: id,
            pre: model.rollups[id as usize - 1].outcome.commitment(),
            proposal_root: word(id, 1),
            outcome_root: word(id, 2),
            post: Outcome {
                state_root: word(id, 3),
                block_hash: word(id, 4),
                block_number: 1_000_000 + u64::from(round),
                exit_root: word(id, 5),
                accounting_root: word(id, 6),
                heads_root: word(id, 7),
            },
        };
        let statement = Statement {
            first_batch: next.number,
            last_batch: next.number,
            batch_hash: model.last().hash,
            program_id: PROGRAM,
            transitions: (1..=8).map(transition).collect(),
            transfers: Vec::new(),
        };
        let policy = &realm.policies[0];
        let proof = policy.proof(&statement.digest(&model.domain), 3);
        let call = Hub::postAndSettleCall {
            header: header(&next),
            signature,
            statement: encoded(&statement),
            approvals: vec![Hub::Approval { policy: policy.address, proof }],
        };
        let sent = Sent { blobs, ..Sent::new(USERS[0], realm.at.hub, &call) };
        costs.push(chain.send(&sent).expect("settles"));
        let approved: Approved = vec![(policy.address, true)];
        model.settle(&statement, &approved, &Behind::new()).unwrap();
    }
    println!("post and settle 8 rollups, 3 of 5: {costs:?}");
    assert!(costs[1..].iter().all(|cost| *cost <= 350_000), "{costs:?}");
}
