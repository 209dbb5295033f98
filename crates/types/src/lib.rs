//! The words of the Weft protocol: ids, domains, items, bundles, hops, slots and outcomes, with their one
//! canonical binary encoding and their hashes.
//!
//! Everything here is a value. The crate never reads a clock, does no I/O, draws no randomness and iterates
//! over nothing whose order is not fixed. Shapes and rule numbers: `docs/reference/protocol.md`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod bundle;
pub mod chain;
pub mod codec;
pub mod domain;
pub mod hop;
pub mod ids;
pub mod item;
pub mod outcome;
pub mod parts;
pub mod promise;
pub mod sealed;
pub mod slot;
pub mod status;

pub use bundle::{Bundle, BundleId, BundleShape, InvalidBundle, LegShape, Marker, SafetyLevel};
pub use chain::{chain_next, chain_start};
pub use codec::{CodecError, Decode, Encode, Reader, Writer};
pub use domain::{Domain, Tag};
pub use hop::{Hop, HopBody, HopCall, HopReturn, TokenMove, Touched, Verdict};
pub use ids::{NetworkId, Place, Position, Section, SlotNumber};
pub use item::{Deposit, Exit, InvalidLeg, Item, L1Born, L1Event, L1Ref, Leg, Session, SignedTx};
pub use outcome::{InvalidReason, Outcome, Removal, RemovalCause};
pub use parts::{Part, PartedShape, Parts};
pub use promise::{
    BundlePromise, Checkpoint, Equivocation, ExecutionPromise, OrderPromise, PromiseError,
    PromisedLeg, PromisedPlace, PromisedRemoval, Signature, SignedGroup, SignedPromise, Statement,
};
pub use sealed::{Breach, Joined, Opening, Sealed, Terms};
pub use slot::{Halt, SlotHeader, SlotRecord, halts_hash};
pub use status::Status;

/// Address that the executor intercepts; the only change to the EVM (P21).
pub const RESERVED: alloy_primitives::Address =
    alloy_primitives::address!("0x5745465400000000000000000000000000000000");
/// Manager predeploy that proxies talk to (P21).
pub const MANAGER: alloy_primitives::Address =
    alloy_primitives::address!("0x5745465400000000000000000000000000000001");
/// Bridge predeploy, the only source of accounted token moves (P24).
pub const BRIDGE: alloy_primitives::Address =
    alloy_primitives::address!("0x5745465400000000000000000000000000000002");
/// Predeploy that stores dead hashes (P4).
pub const DEAD_REGISTRY: alloy_primitives::Address =
    alloy_primitives::address!("0x5745465400000000000000000000000000000003");
/// Vault predeploy of the home rollup, from which the carriage of sealed items is paid (P13).
pub const FEE_VAULT: alloy_primitives::Address =
    alloy_primitives::address!("0x5745465400000000000000000000000000000004");
/// Sender of inbound system transactions and of the closing call (P29).
pub const SYSTEM_SENDER: alloy_primitives::Address =
    alloy_primitives::address!("0x57454654000000000000000000000000000000fF");
