//! The thread: the position of a leg in its cross-chain execution, the mailbox heads between chains, and the
//! check that several chains' views are projections of one history (P22, P27).
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod heads;
pub mod history;
pub mod thread;

pub use heads::Heads;
pub use history::{ChainView, HistoryError, check_history};
pub use thread::{advance, thread_start, verdict_place};
