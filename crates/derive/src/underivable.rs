//! Why a batch cannot be derived.

use crate::lie::Lie;
use core::{convert::Infallible, fmt::Debug};
use revm::context::result::EVMError;
use thiserror::Error;
use weft_evm::FoldError;

/// Reason for there being no blocks of a batch, over states that are read with errors `E`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Underivable<E: Debug> {
    /// The batch says something that is not so.
    #[error(transparent)]
    Lie(#[from] Lie),
    /// A state could not be read, which says nothing about the batch.
    #[error("a state could not be read: {0:?}")]
    State(E),
}

impl<E: Debug> Underivable<E> {
    /// Returns what kept the EVM from a slot.
    pub(crate) fn of(error: EVMError<E>) -> Self {
        match error {
            EVMError::Database(error) => Self::State(error),
            error => unreachable!("the EVM fails for items only: {error:?}"),
        }
    }

    /// Returns what kept the fold from an item.
    pub(crate) fn of_fold(error: FoldError<E>) -> Self {
        match error {
            FoldError::State(error) => Self::State(error),
            FoldError::Stopped(stop) => unreachable!("nothing runs elsewhere: {stop:?}"),
        }
    }
}

impl From<Underivable<Infallible>> for Lie {
    fn from(error: Underivable<Infallible>) -> Self {
        match error {
            Underivable::Lie(lie) => lie,
            Underivable::State(never) => match never {},
        }
    }
}
