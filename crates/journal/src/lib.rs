//! A write-ahead log with group commit.
//!
//! ```text
//!  append ──► waiting records ──► writer thread: write all, one sync, mark ──► tickets resolve
//! ```
//!
//! [`Journal::open`] is the entry point: it hands over every record that the log holds and then takes new ones. A
//! [`Ticket`] resolves once its record is on disk; whatever a record causes may be told to others only then. After
//! the first error of the disk the log is poisoned for good: an operating system that failed to write a page
//! may call it clean afterwards, so trying again proves nothing.
//!
//! The log knows nothing about its records and never reads the clock.

pub mod disk;
mod error;
mod format;
mod journal;
mod open;
mod scan;
mod shared;
pub mod sim;
mod writer;

pub use disk::{DirDisk, Disk, DiskFile};
pub use error::{OpenError, Poisoned};
pub use format::MAX_RECORD_BYTES;
pub use journal::{Journal, Options};
pub use shared::Ticket;
