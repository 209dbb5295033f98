//! Sealing: what lets a sequencer fix the order of transactions before anybody can read them (P10-P13).
//!
//! ```text
//!  before the epoch         members: deal -> Share ──► KeyList::assemble ──► the epoch's key
//!  in the epoch             users: DelayScheme::encrypt ──► Envelope ──► (order fixed by the lane)
//!  after it is closed       members: Release ──► KeyList::collect ──┐
//!                           or anybody: Chain ──► KeyList::recover ─┴─► EpochSecret
//!  then                     everybody: DelayScheme::open ──► Verdict, the same for all
//! ```
//!
//! A [`Setup`] is where to begin; [`EpochKeyScheme`] is the default, [`PuzzleScheme`] needs no committee. The crate does
//! not order, charge or sign: that is for the lane, the fold and the promises.
//!
//! Everything here is a value. The crate never reads a clock, does no I/O, has no threads and draws no randomness:
//! whoever seals or deals passes 32 bytes of entropy. Formats, soundness and assumptions:
//! `docs/reference/sealing.md`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod chain;
pub mod curve;
pub mod envelope;
pub mod epoch;
mod hash;
mod prime;
mod product;
pub mod proven;
pub mod relation;
mod schemes;
pub mod seal;
pub mod setup;
pub mod share;
mod table;
pub mod threshold;
pub mod units;
pub mod wesolowski;

pub use chain::{Chain, Checkpoint, Engine, InvalidCheckpoint, Progress};
pub use curve::{InvalidPoint, Point, Secret};
pub use envelope::{Carriage, Envelope, GasBucket, SchemeId, SizeBucket, TooLong};
pub use epoch::{
    Announcement, EpochSecret, InvalidKeyList, KeyList, Release, ReleaseVerdict, ShareVerdict,
    Unrecoverable,
};
pub use relation::{InvalidRelation, PuzzleProof};
pub use schemes::{EpochKeyScheme, PuzzleScheme, Solution};
pub use seal::{DelayScheme, FalseClaim, Foreign, Verdict};
pub use setup::{InvalidSetup, Setup};
pub use share::{InvalidShare, MemberId, Share, ShareContext, deal};
pub use units::{Element, Group, InvalidElement, InvalidModulus, Unit, Units};
pub use wesolowski::{InvalidProof, Proof};
