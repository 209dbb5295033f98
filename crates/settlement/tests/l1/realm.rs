//! A realm on L1: its contracts, keys and users.

use crate::{
    chain::{Chain, L1},
    model::{EXIT, FORCE, Model, SILENCE},
};
use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::sol;
use weft_contracts::l1::{L1Addresses, L1Config, attestation_policy, deployment};
use weft_settlement::Statement;
use weft_types::Domain;

sol!(
    #[allow(missing_docs)]
    OddToken,
    "../../contracts/artifacts/OddToken.json"
);

/// Program whose results the attesters sign.
pub(crate) const PROGRAM: B256 = B256::repeat_byte(9);
pub(crate) const USERS: [Address; 3] = [
    address!("00000000000000000000000000000000000a11ce"),
    address!("0000000000000000000000000000000000000b0b"),
    address!("000000000000000000000000000000000000ca01"),
];
const DEPLOYER: Address = address!("00000000000000000000000000000000000de010");
const REALM: u64 = 7;
const FIRST_BLOCK: u64 = 1000;

/// m of n attesters, and where their policy is.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) address: Address,
    pub(crate) threshold: usize,
    pub(crate) keys: Vec<PrivateKeySigner>,
}

/// What does not change in the course of a history.
#[derive(Debug, Clone)]
pub(crate) struct Realm {
    pub(crate) at: L1Addresses,
    pub(crate) sequencer: PrivateKeySigner,
    /// Three of five, and one of one.
    pub(crate) policies: [Policy; 2],
    pub(crate) tokens: [Address; 2],
}

/// Returns a chain with the contracts on it.
pub(crate) fn deploy() -> (Chain, Realm, Model) {
    let mut chain = Chain::default();
    chain.number = FIRST_BLOCK;
    let wealth = U256::from(10).pow(U256::from(30));
    USERS.iter().chain([&DEPLOYER]).for_each(|user| chain.fund(*user, wealth));
    let sequencer = key(1);
    let config = L1Config {
        realm: REALM,
        registrar: Address::ZERO,
        force_window: FORCE,
        silence_window: SILENCE,
        exit_window: EXIT,
        minimum_bond: U256::from(1),
        unbonding_blocks: 30,
        operator: DEPLOYER,
        sequencer: sequencer.address(),
        bond: U256::from(10),
        safety_penalty: U256::from(8),
        liveness_penalty: U256::from(1),
        grace_blocks: 5,
        urc: Address::ZERO,
        urc_penalty: U256::ZERO,
    };
    let (at, creations) = deployment(&config, DEPLOYER, 0);
    for creation in creations {
        let made = chain.create(DEPLOYER, creation.init_code, creation.value);
        assert_eq!(made, creation.address, "{} is where the others look for it", creation.name);
    }
    let policies = [(3, 5), (1, 1)].map(|(threshold, count)| policy(&mut chain, threshold, count));
    let tokens = [0, 1].map(|_| chain.create(DEPLOYER, OddToken::BYTECODE.clone(), U256::ZERO));
    let domain = Domain { version: 1, l1_chain_id: L1, settlement: at.hub, realm: REALM };
    let realm = Realm { at, sequencer, policies, tokens };
    (chain, realm, Model::new(domain, FIRST_BLOCK))
}

fn policy(chain: &mut Chain, threshold: usize, count: u8) -> Policy {
    let mut keys: Vec<_> = (0..count).map(|number| key(100 + number)).collect();
    keys.sort_by_key(PrivateKeySigner::address);
    let attesters = keys.iter().map(PrivateKeySigner::address).collect();
    let code = attestation_policy(PROGRAM, U256::from(threshold), attesters);
    Policy { address: chain.create(DEPLOYER, code, U256::ZERO), threshold, keys }
}

/// Returns a key that everybody knows.
pub(crate) fn key(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(number)).expect("a scalar")
}

/// Signs as L1 takes signatures: `r || s || parity`.
pub(crate) fn sign(by: &PrivateKeySigner, digest: &B256) -> Bytes {
    let mut bytes = by.sign_hash_sync(digest).expect("signs").as_bytes();
    bytes[64] -= 27;
    Bytes::copy_from_slice(&bytes)
}

impl Policy {
    /// Returns the signatures of the first `count` attesters.
    pub(crate) fn proof(&self, digest: &B256, count: usize) -> Bytes {
        let one = |(place, key): (usize, &PrivateKeySigner)| {
            [&[place as u8][..], &sign(key, digest)].concat()
        };
        self.keys.iter().enumerate().take(count).flat_map(one).collect::<Vec<_>>().into()
    }
}

/// Returns a statement as the contract takes it.
pub(crate) fn encoded(statement: &Statement) -> weft_contracts::Hub::Statement {
    use weft_contracts::Hub;
    let outcome = |post: &weft_settlement::Outcome| Hub::Outcome {
        stateRoot: post.state_root,
        blockHash: post.block_hash,
        blockNumber: post.block_number,
        exitRoot: post.exit_root,
        accountingRoot: post.accounting_root,
        headsRoot: post.heads_root,
    };
    let transition = |step: &weft_settlement::Transition| Hub::Transition {
        rollup: step.rollup,
        pre: step.pre,
        proposalRoot: step.proposal_root,
        outcomeRoot: step.outcome_root,
        post: outcome(&step.post),
    };
    let transfer = |moved: &weft_settlement::Transfer| Hub::Transfer {
        from: moved.from,
        to: moved.to,
        originNetwork: moved.origin_network,
        originToken: moved.origin_token,
        amount: moved.amount,
    };
    Hub::Statement {
        firstBatch: statement.first_batch,
        lastBatch: statement.last_batch,
        batchHash: statement.batch_hash,
        programId: statement.program_id,
        transitions: statement.transitions.iter().map(transition).collect(),
        transfers: statement.transfers.iter().map(transfer).collect(),
    }
}
