//! How a sequencer breaks its word, once in a history.

use super::{cast::domain, core::Ran, words::Words};
use crate::rng::Rng;
use alloy_primitives::B256;
use weft_evidence::Fault;
use weft_types::{
    ExecutionPromise, NetworkId, PromisedLeg, PromisedRemoval, RemovalCause, Statement,
    promise::logs_hash,
};

/// What a sequencer does once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lie {
    /// Promises a place and gives it to nobody, or to the next.
    Omit,
    /// Lets the next item go first.
    Reorder,
    /// Puts an item of its own before promised ones.
    Insert,
    /// Promises one place twice.
    TwoOrders,
    /// Orders an envelope after its last slot.
    Stale,
    /// Names two keys of an epoch.
    TwoKeys,
    /// Calls undecryptable what opens.
    FalseUndecryptable,
    /// Calls malformed what is well formed.
    FalseMalformed,
    /// Runs something else.
    WrongPlaintext,
    /// Lets junk turn out to be what it likes.
    FromJunk,
    /// Says junk failed, where it opens to nothing.
    FailedJunk,
    /// Promises two results.
    TwoResults,
    /// Lets a leg fail that may not.
    Unbundle,
    /// Says of what ran that it was removed, or another cause.
    OtherCause,
    /// Says that it had another effect.
    OtherEffect,
    /// Commits to two orders of a slot.
    TwoCommitments,
    /// Signs another closing head, once members release for the first one (T12).
    TwoClosings,
    /// Signs the closing head of a slot again, with a halt that it wrote when it had read the epoch (T1).
    LateHalt,
    /// Says that a rollup which was away at the close is back, and that what was sealed runs there (T1).
    ComesBack,
    /// Promises the envelopes of a bundle places that they do not have.
    FalseBundle,
}

impl Lie {
    const ALL: [Self; 20] = [
        Self::Omit,
        Self::Reorder,
        Self::Insert,
        Self::TwoOrders,
        Self::Stale,
        Self::TwoKeys,
        Self::FalseUndecryptable,
        Self::FalseMalformed,
        Self::WrongPlaintext,
        Self::FromJunk,
        Self::FailedJunk,
        Self::TwoResults,
        Self::Unbundle,
        Self::OtherCause,
        Self::OtherEffect,
        Self::TwoCommitments,
        Self::TwoClosings,
        Self::LateHalt,
        Self::ComesBack,
        Self::FalseBundle,
    ];

    /// Draws one, or honesty.
    pub(crate) fn draw(rng: &mut Rng) -> Option<Self> {
        rng.chance(60).then(|| rng.pick(&Self::ALL))
    }

    /// Tells whether it is about the order of items.
    pub(crate) const fn is_of_order(self) -> bool {
        matches!(self, Self::Omit | Self::Reorder | Self::Insert | Self::TwoOrders | Self::Stale)
    }

    /// Tells whether signatures alone show it nowhere, so that it is held against what is settled.
    pub(crate) const fn is_settled(self) -> bool {
        matches!(self, Self::OtherCause | Self::OtherEffect | Self::ComesBack)
    }

    /// Returns of what it convicts.
    pub(crate) const fn fault(self) -> Fault {
        match self {
            Self::Omit => Fault::Omission,
            Self::Reorder => Fault::Reordering,
            Self::Insert => Fault::Insertion,
            Self::TwoOrders
            | Self::TwoCommitments
            | Self::TwoClosings
            | Self::LateHalt
            | Self::FalseBundle => Fault::OrderEquivocation,
            Self::Stale => Fault::StaleInclusion,
            Self::TwoKeys => Fault::KeyListEquivocation,
            Self::FalseUndecryptable | Self::FalseMalformed | Self::FailedJunk => {
                Fault::FalseVerdict
            }
            Self::WrongPlaintext | Self::FromJunk => Fault::WrongPlaintext,
            Self::TwoResults => Fault::ResultEquivocation,
            Self::Unbundle => Fault::Unbundling,
            Self::OtherCause | Self::OtherEffect | Self::ComesBack => Fault::WrongOutcome,
        }
    }

    /// Returns what a sequencer says of an item that ran, when it can lie about it.
    pub(crate) fn result(self, ran: &Ran, honest: &ExecutionPromise) -> Option<ExecutionPromise> {
        let cause = honest.removal.as_ref().map(|removal| removal.cause);
        let removed = |cause| ExecutionPromise {
            legs: Vec::new(),
            removal: Some(removal(cause)),
            ..honest.clone()
        };
        let runs = |tx_hash| ExecutionPromise {
            legs: vec![leg(tx_hash, honest)],
            removal: None,
            ..honest.clone()
        };
        match (self, cause) {
            (Self::OtherCause, found) if !ran.networks.is_empty() => {
                let cause = CAUSES[usize::from(ran.item[0]) % CAUSES.len()];
                return Some(removed(cause)).filter(|_| found != Some(cause));
            }
            (Self::OtherEffect, None) => return other_effect(ran, honest),
            (Self::ComesBack, Some(_)) => {
                let (network, tx_hash) = ran.left_out()?;
                let legs = vec![PromisedLeg { network, ..leg(tx_hash, honest) }];
                return Some(ExecutionPromise { legs, removal: None, ..honest.clone() });
            }
            _ => {}
        }
        ran.turn?;
        match (self, cause) {
            (Self::Unbundle, None) if honest.legs.len() > 1 => Some(failing(honest)),
            (Self::FalseUndecryptable, None) => Some(removed(RemovalCause::Undecryptable)),
            (Self::FalseMalformed, None) => Some(removed(RemovalCause::Malformed)),
            (Self::WrongPlaintext, None | Some(RemovalCause::Malformed)) => {
                Some(runs(B256::repeat_byte(0xbd)))
            }
            (Self::FromJunk, Some(RemovalCause::Undecryptable)) => {
                Some(runs(B256::repeat_byte(0xbd)))
            }
            (Self::FailedJunk, Some(RemovalCause::Undecryptable)) => {
                Some(removed(RemovalCause::Failed))
            }
            (Self::TwoResults, None) => Some(removed(RemovalCause::Invalid)),
            _ => None,
        }
    }

    /// Signs the lie; beside the truth when it says both.
    pub(crate) fn say(self, lie: ExecutionPromise, words: &mut Words) -> bool {
        words.forge(Statement::Execution(lie));
        self == Self::TwoResults
    }
}

/// Why something was removed, as far as no envelope refutes it.
const CAUSES: [RemovalCause; 4] =
    [RemovalCause::Failed, RemovalCause::Invalid, RemovalCause::Late, RemovalCause::Unavailable];

/// Another effect of the first leg.
fn other_effect(ran: &Ran, honest: &ExecutionPromise) -> Option<ExecutionPromise> {
    let mut lie = honest.clone();
    let leg = lie.legs.first_mut()?;
    match ran.item[1] % 3 {
        0 => leg.gas_used += 1,
        1 => leg.output_hash = B256::repeat_byte(0xef),
        _ => leg.logs_hash = B256::repeat_byte(0xef),
    }
    Some(lie)
}

/// The same with a last leg that failed.
fn failing(honest: &ExecutionPromise) -> ExecutionPromise {
    let mut lie = honest.clone();
    lie.legs.iter_mut().next_back().into_iter().for_each(|leg| leg.success = false);
    lie
}

fn removal(cause: RemovalCause) -> PromisedRemoval {
    PromisedRemoval { cause, network: NetworkId::new(901), leg: 0, output_hash: B256::ZERO }
}

/// A leg that is none of the item's.
fn leg(tx_hash: B256, honest: &ExecutionPromise) -> PromisedLeg {
    PromisedLeg {
        leg: 0,
        network: honest.legs.first().map_or(NetworkId::new(901), |leg| leg.network),
        tx_hash,
        success: true,
        gas_used: 21_000,
        output_hash: B256::ZERO,
        logs_hash: logs_hash(&domain(), &[]),
        block_number: 1,
        parent_hash: B256::ZERO,
    }
}
