//! Why a request was not answered with what was asked for.

use alloy_primitives::{Address, B256};
use alloy_transport::{RpcError, TransportErrorKind};
use std::time::Duration;
use thiserror::Error;
use weft_types::{Domain, InvalidBundle, PromiseError};

/// Why a request was not answered with what was asked for.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The node cannot be reached, or refuses the request. [`Self::code`] returns what it says.
    #[error(transparent)]
    Rpc(#[from] RpcError<TransportErrorKind>),
    /// The URL cannot be used.
    #[error("cannot use {url}: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The chain is not in the realm.
    #[error("chain {chain_id} is not in the realm; its chains are {known:?}")]
    UnknownChain {
        /// EIP-155 id.
        chain_id: u64,
        /// EIP-155 ids of the realm.
        known: Vec<u64>,
    },
    /// An address has no proxy on its own rollup.
    #[error("an address of chain {0} needs no proxy there")]
    SameChain(u64),
    /// The legs cannot belong together.
    #[error(transparent)]
    Bundle(#[from] InvalidBundle),
    /// A creation cannot carry its marker behind its code.
    #[error("leg {0} creates a contract; its marker goes into the access list")]
    MarkedCreation(usize),
    /// A leg was signed and is no transaction.
    #[error("leg {leg} cannot be signed: {why}")]
    Unsigned {
        /// The leg, from 0.
        leg: usize,
        /// What is missing.
        why: String,
    },
    /// The key cannot or does not want to sign.
    #[error("cannot sign")]
    Signer(#[from] alloy_signer::Error),
    /// The node refused the bundle or envelope by name.
    #[error("{name} ({code}): {message}", name = .0.name, code = .0.code, message = .0.message)]
    Refused(RefusedBundle),
    /// Nothing is sealed to this key, or this cannot be sealed.
    #[error("cannot seal: {0}")]
    Sealing(String),
    /// The node took an envelope and gave no promise of its position that holds. It may be ordered all the same.
    #[error("no promise for {id}: {why}")]
    NoPromise {
        /// Envelope.
        id: B256,
        /// What is wrong.
        why: String,
    },
    /// The node calls the bundle otherwise than its markers do.
    #[error("the node calls the bundle {told}, its markers say {computed}")]
    OtherBundle {
        /// What the node says.
        told: B256,
        /// What was computed.
        computed: B256,
    },
    /// Nothing was decided in time; the item may still be included.
    #[error("{id} is undecided after {} ms; it may still be included", .waited.as_millis())]
    Undecided {
        /// Bundle or transaction.
        id: B256,
        /// How long was waited.
        waited: Duration,
    },
    /// The answer is not what the method answers with.
    #[error("the node answers with something else than expected: {0}")]
    Answer(String),
    /// The promise binds nobody, or another key.
    #[error("the promise is refused: {0}")]
    Promise(#[from] PromiseError),
    /// The promise is about another realm.
    #[error("the promise is about another realm: {found:?}, expected {expected:?}")]
    OtherDomain {
        /// Realm that was expected.
        expected: Box<Domain>,
        /// Realm that the promise names.
        found: Box<Domain>,
    },
    /// The promise is about something else.
    #[error("the promise does not name {asked}")]
    OtherSubject {
        /// What was asked about.
        asked: B256,
    },
    /// The feed ended. Whoever needs every promise has to begin again.
    #[error("the feed ended")]
    FeedEnded,
    /// A proxy that was created is not where it must be.
    #[error("there is no proxy at {0} although its creation succeeded")]
    NoProxy(Address),
}

/// A refusal of a bundle or envelope: its codes are in `docs/reference/json-rpc.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedBundle {
    /// Code, -38001 and below.
    pub code: i64,
    /// Name, such as `WrongChainId`.
    pub name: String,
    /// For people.
    pub message: String,
}

impl ClientError {
    /// Returns the code with which the node refused.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Rpc(error) => error.as_error_resp().map(|error| error.code),
            Self::Refused(refused) => Some(refused.code),
            _ => None,
        }
    }

    /// Tells refusals that have a name from others.
    pub(crate) fn of_bundle(error: RpcError<TransportErrorKind>) -> Self {
        let Some(payload) = error.as_error_resp() else { return Self::Rpc(error) };
        let data: Option<serde_json::Value> =
            payload.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
        let name = data.as_ref().and_then(|data| data.get("name")).and_then(|name| name.as_str());
        let Some(name) = name else { return Self::Rpc(error) };
        let message = payload.message.strip_prefix(name).unwrap_or(&payload.message);
        Self::Refused(RefusedBundle {
            code: payload.code,
            name: name.to_owned(),
            message: message.trim_start_matches(": ").to_owned(),
        })
    }
}
