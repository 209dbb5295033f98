//! The most that any node could do with the same processors: signatures recovered on every thread, and plain revm.

use alloy_primitives::{Address, Bytes, U256};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    context::result::EVMError,
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};
use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use thiserror::Error;
use weft_evm::tx_env;
use weft_types::{InvalidLeg, SignedTx};

/// Transactions that a thread takes at once.
const PART: usize = 64;
/// Parts that wait to be run.
const WAITING: usize = 64;

/// Why transactions could not be measured.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// One cannot be decoded.
    #[error("transaction {index} of a part: {source}")]
    Undecodable {
        /// Index in its part.
        index: usize,
        /// What is wrong with it.
        source: InvalidLeg,
    },
    /// One cannot be run.
    #[error("transaction {index} cannot run: {why}")]
    Invalid {
        /// Index.
        index: usize,
        /// What revm says.
        why: String,
    },
    /// One failed.
    #[error("transaction {index} failed")]
    Failed {
        /// Index.
        index: usize,
    },
}

/// Decodes, recovers and runs `transactions` in order over a cache in memory, after `setup` by `funder`; returns how long
/// that took, without the setup.
///
/// # Errors
///
/// Any [`PipelineError`].
pub fn run(
    chain_id: u64,
    funder: Address,
    setup: &[Bytes],
    transactions: &[Bytes],
    threads: usize,
) -> Result<Duration, PipelineError> {
    let mut db = CacheDB::new(EmptyDB::default());
    let rich = AccountInfo::from_balance(U256::from(10_u128.pow(24)));
    db.insert_account_info(funder, rich);
    let mut ctx = Context::mainnet().with_db(db);
    ctx.cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
    ctx.cfg.chain_id = chain_id;
    ctx.block.basefee = 1_000_000_000;
    ctx.block.gas_limit = 1 << 50;
    let mut evm = ctx.build_mainnet();
    let mut index = 0;
    let mut execute = |tx: &SignedTx| {
        let result = evm.transact_commit(tx_env(tx));
        let result = result.map_err(|error: EVMError<_, _>| PipelineError::Invalid {
            index,
            why: format!("{error:?}"),
        })?;
        if !result.is_success() {
            return Err(PipelineError::Failed { index });
        }
        index += 1;
        Ok(())
    };
    recover(setup)?.iter().try_for_each(&mut execute)?;
    let begun = Instant::now();
    recovered(transactions, threads, |part| part.iter().try_for_each(&mut execute))?;
    Ok(begun.elapsed())
}

/// A part with its number.
type Part = (usize, Result<Vec<SignedTx>, PipelineError>);

/// Recovers parts on `threads` threads and hands them over in order.
fn recovered(
    transactions: &[Bytes],
    threads: usize,
    mut take: impl FnMut(&[SignedTx]) -> Result<(), PipelineError>,
) -> Result<(), PipelineError> {
    let parts: Vec<&[Bytes]> = transactions.chunks(PART).collect();
    let next = AtomicUsize::new(0);
    let (done, parts_done) = sync_channel::<Part>(WAITING);
    thread::scope(|scope| {
        for _ in 0..threads {
            let done = done.clone();
            let (parts, next) = (&parts, &next);
            scope.spawn(move || {
                while let Some((number, part)) = part_after(parts, next)
                    && done.send((number, recover(part))).is_ok()
                {}
            });
        }
        drop(done);
        in_order(parts_done, &mut take)
    })
}

fn part_after<'a>(parts: &[&'a [Bytes]], next: &AtomicUsize) -> Option<(usize, &'a [Bytes])> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, parts.get(number).copied()?))
}

fn in_order(
    parts: Receiver<Part>,
    take: &mut impl FnMut(&[SignedTx]) -> Result<(), PipelineError>,
) -> Result<(), PipelineError> {
    let (mut early, mut next) = (BTreeMap::new(), 0);
    for (number, part) in parts {
        early.insert(number, part?);
        while let Some(part) = early.remove(&next) {
            take(&part)?;
            next += 1;
        }
    }
    Ok(())
}

fn recover(part: &[Bytes]) -> Result<Vec<SignedTx>, PipelineError> {
    let decode = |(index, raw): (usize, &Bytes)| {
        SignedTx::decode(raw.clone()).map_err(|source| PipelineError::Undecodable { index, source })
    };
    part.iter().enumerate().map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{transfers::signed, world::World};

    #[test]
    fn everything_runs_once_and_in_order() {
        let mut world = World::new(1, 1_000);
        let transfers = signed(&mut world, 2_500);
        // Every thousandth is of the first account, which is the only one with ether.
        let own: Vec<Bytes> = transfers.into_iter().step_by(1_000).collect();
        let funder = world.keys[0].address();
        for threads in [1, 3] {
            run(901, funder, &own[..1], &own[1..], threads).unwrap();
        }
        let reversed: Vec<Bytes> = own.iter().rev().cloned().collect();
        let error = run(901, funder, &[], &reversed, 2).unwrap_err();
        assert!(matches!(error, PipelineError::Invalid { index: 0, .. }), "{error}");
        let error = run(901, funder, &[], &[Bytes::from_static(b"x")], 2).unwrap_err();
        assert!(matches!(error, PipelineError::Undecodable { index: 0, .. }), "{error}");
    }
}
