//! What can be wrong with L1, as seen through endpoints.

use alloy_primitives::{Address, B256};
use std::time::Duration;
use thiserror::Error;

/// Something that an endpoint said and that its own hashes contradict.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Lie {
    /// The header has another hash.
    #[error("header {number} is said to be {declared}, its hash is {computed}")]
    Header {
        /// Block.
        number: u64,
        /// What was said.
        declared: B256,
        /// What the header hashes to.
        computed: B256,
    },
    /// The receipts are not those of the block.
    #[error("the receipts of block {number} have root {computed}, its header says {declared}")]
    Receipts {
        /// Block.
        number: u64,
        /// Root in the header.
        declared: B256,
        /// Root of what was given.
        computed: B256,
    },
    /// Another block was given than was asked for.
    #[error("asked for block {asked}, got block {number}")]
    OtherBlock {
        /// What was asked for.
        asked: u64,
        /// What came.
        number: u64,
    },
    /// The answer is not what the method returns.
    #[error("cannot read the answer to {method}: {why}")]
    Answer {
        /// Method.
        method: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// Why one endpoint is of no use now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// There was no answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// It wants fewer requests, also after waiting.
    #[error("refuses for being asked too often, {0} times")]
    Limited(u32),
    /// The request did not get there, or no answer came back.
    #[error("{0}")]
    Unreachable(String),
    /// It refuses the request.
    #[error("{message} (code {code})")]
    Refused {
        /// Code of JSON-RPC.
        code: i64,
        /// What it says.
        message: String,
    },
    /// What it says cannot be.
    #[error(transparent)]
    Lie(#[from] Lie),
}

/// Why nothing can be said about L1 now. Endpoints are named without what follows their host, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum L1Error {
    /// No endpoint was named.
    #[error("no L1 endpoint")]
    NoEndpoint,
    /// This is no address of an endpoint.
    #[error("cannot use {url}: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Endpoints serve several chains.
    #[error("endpoints are of different chains: {}", listed(.0))]
    Chains(Vec<(String, u64)>),
    /// Endpoints keep saying different things about one block. Nobody but a person can know which is right.
    #[error("endpoints disagree about block {number}: {}", listed(answers))]
    Disagreement {
        /// Block.
        number: u64,
        /// Hash by endpoint.
        answers: Vec<(String, B256)>,
    },
    /// Too few endpoints answer.
    #[error("{answered} endpoints answer, {needed} must: {}", listed(failures))]
    TooFew {
        /// Those that answer.
        answered: usize,
        /// How many must.
        needed: usize,
        /// What is wrong with the others.
        failures: Vec<(String, EndpointError)>,
    },
    /// No endpoint has seen a new block for long.
    #[error("no new block after {head} for {after:?}")]
    Stalled {
        /// Last block.
        head: u64,
        /// Time without a new one.
        after: Duration,
    },
    /// More blocks were replaced than anything here can undo.
    #[error("a reorg replaced block {oldest} and all after it, more than {bound} blocks")]
    ReorgTooDeep {
        /// Oldest block that is known.
        oldest: u64,
        /// Deepest reorg that is followed.
        bound: usize,
    },
    /// A block that was final was replaced.
    #[error("block {number} was final as {was} and is {now} now")]
    FinalReplaced {
        /// Block.
        number: u64,
        /// Its hash before.
        was: B256,
        /// Its hash now.
        now: B256,
    },
    /// A block that must be there is not.
    #[error("block {0} is not there")]
    Missing(u64),
    /// A contract said something that it never says.
    #[error("contract {address} emitted an event that cannot be read in block {block}: {why}")]
    Event {
        /// Contract.
        address: Address,
        /// Block.
        block: u64,
        /// What is wrong.
        why: String,
    },
    /// The hub has no rollup, so there is no realm.
    #[error("no rollup is registered at {0} up to block {1}")]
    NoRealm(Address, u64),
    /// What the hub says of the realm makes none.
    #[error("the registration of rollup {rollup} is none: {why}")]
    Registration {
        /// Number of the rollup.
        rollup: u32,
        /// What is wrong.
        why: String,
    },
}

fn listed<T: std::fmt::Display>(all: &[(String, T)]) -> String {
    let one = |(who, what): &(String, T)| format!("{who}: {what}");
    all.iter().map(one).collect::<Vec<_>>().join("; ")
}
