//! Executors elsewhere (P7, P8): one rollup's execution behind a byte stream.
//!
//! The hub is the process that runs the lane. A [`worker`] runs one rollup in another process with the same fold
//! over the same items; hops travel as [`message`]s at their lane position, so that the result is that of joint
//! execution. Every item is decided before the next one begins: nothing is speculative and nothing runs twice
//! unless an executor is lost. See ADR 0006.
//!
//! A lost executor (closed stream, silence over the time limit, nonsense) is an error that names its rollup; the
//! caller restarts the item without it.

pub mod hub;
pub mod message;
pub mod process;
pub mod state_codec;
pub mod worker;

pub use hub::{Hub, HubHandle, Link};
pub use message::{FromExecutor, ToExecutor};
pub use worker::{WorkerError, work};
