//! What a durable node keeps in its database, so that it starts where it stood.
//!
//! ```text
//!  engine ─ closed slots ─► News ─► keeper: waits for the log, fills a batch, commits ─► Done ─► engine
//! ```
//!
//! After a slot, about once a second, everything that the log led to since the last time is in one batch: states,
//! blocks, outcomes, what waits, and the number of the last record that it covers. A start reads the [`Moment`] of the last batch that is safe, and repeats the log
//! from there. The engine builds news at the cost of some pointers; bytes are made by the keeper.

mod codec;
mod keeper;
mod mirror;
mod moment;
mod news;
mod places;
mod shelf;
mod tables;
#[cfg(test)]
mod tests;
mod unwind;
mod waiting;

pub(crate) use keeper::{Done, Keeper, Order};
pub(crate) use mirror::Mirror;
pub(crate) use moment::{Moment, Restored, put_accounts};
pub(crate) use news::News;
pub(crate) use shelf::Shelf;
pub(crate) use tables::{
    BATCHED, BATCHING, BUNDLES, COMMITMENTS, ELEMENTS, FACTS, MOMENT, NOTICES,
};
pub(crate) use unwind::{UndoRow, Undos, stands, unwind};
pub(crate) use waiting::put as put_waiting;
