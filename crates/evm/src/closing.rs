//! Closing a slot: the calls that end blocks, their roots, their headers (P9).
//!
//! Roots take most of it, and no rollup's needs another's, so they may be computed on several threads.

use crate::{
    block::{self, ClosedBlock, OpenBlock},
    chain::Chain,
    joint::ExecError,
    realm::{Realm, Tip, system_call_from},
    roots::{Roots, RunningRoots},
    sealed,
    state::State,
    working::StateChange,
};
use alloc::vec::Vec;
use alloy_primitives::B256;
use alloy_sol_types::SolCall;
use revm::context::BlockEnv;
use weft_contracts::DeadRegistry;
use weft_types::{DEAD_REGISTRY, NetworkId, SYSTEM_SENDER, SlotHeader};

/// Dead hashes recorded by one closing call: a new entry with its event costs 25,000 of the 30,000,000 units that a
/// system call has.
const DEAD_PER_CALL: usize = 1_000;
/// Transactions from which on a thread of their own pays off.
#[cfg(feature = "std")]
const MANY: usize = 128;

/// A block all of whose transactions and calls have run.
struct Closing<'a, D> {
    network: NetworkId,
    env: BlockEnv,
    changes: StateChange,
    state: &'a mut D,
    tip: &'a mut Tip,
    open: OpenBlock,
}

impl<D: State> Realm<D> {
    /// Closes the slot: one block for every rollup that has a transaction, a dead entry or a charge, or whose last
    /// block is too old (P9).
    ///
    /// # Errors
    ///
    /// A state's error, after which the realm is of no use.
    ///
    /// # Panics
    ///
    /// Panics when no slot is open.
    pub fn close_slot(&mut self) -> Result<Vec<ClosedBlock>, ExecError<D>> {
        let slot = self.slot.take().expect("a slot is open");
        let hash = slot.hash(&self.joint.domain);
        let blocks = self.closing(&slot)?;
        blocks
            .into_iter()
            .map(|mut block| {
                let roots = block.roots();
                block.finish(roots, &slot, hash)
            })
            .collect()
    }

    /// Runs what ends the blocks of a slot.
    fn closing(&mut self, slot: &SlotHeader) -> Result<Vec<Closing<'_, D>>, ExecError<D>> {
        let mut blocks = Vec::new();
        for (chain, tip) in self.joint.chains.iter_mut().zip(&mut self.tips) {
            let age = slot.timestamp().saturating_sub(tip.head.timestamp);
            let due = chain.spec.max_block_interval != 0 && age >= chain.spec.max_block_interval;
            if tip.open.is_empty() && !due {
                chain.working_mut().rebase();
                continue;
            }
            blocks.push(Closing::begin(chain, tip)?);
        }
        Ok(blocks)
    }
}

#[cfg(feature = "std")]
impl<D> Realm<D>
where
    D: State + Send,
    D::Error: Send,
{
    /// Closes the slot as [`Self::close_slot`] does, roots on up to `threads` threads. The blocks are the same.
    ///
    /// # Errors
    ///
    /// A state's error, after which the realm is of no use.
    ///
    /// # Panics
    ///
    /// Panics when no slot is open.
    pub fn close_slot_on(&mut self, threads: usize) -> Result<Vec<ClosedBlock>, ExecError<D>> {
        let slot = self.slot.take().expect("a slot is open");
        let hash = slot.hash(&self.joint.domain);
        let mut blocks = self.closing(&slot)?;
        let roots = roots_on(&mut blocks, threads);
        let finished = blocks.into_iter().zip(roots);
        finished.map(|(block, roots)| block.finish(roots, &slot, hash)).collect()
    }
}

/// Computes the roots of all blocks, where several have much to do on several threads.
#[cfg(feature = "std")]
fn roots_on<D>(blocks: &mut [Closing<'_, D>], threads: usize) -> Vec<Rooted<D>>
where
    D: State + Send,
    D::Error: Send,
{
    let is_large = |block: &&Closing<'_, D>| block.open.transactions.len() >= MANY;
    if threads < 2 || blocks.iter().filter(is_large).count() < 2 {
        return blocks.iter_mut().map(Closing::roots).collect();
    }
    let share = blocks.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut shares = blocks.chunks_mut(share);
        let own = shares.next().into_iter().flatten();
        let others: Vec<_> = shares
            .map(|share| scope.spawn(|| share.iter_mut().map(Closing::roots).collect::<Vec<_>>()))
            .collect();
        let mut roots: Vec<_> = own.map(Closing::roots).collect();
        let joined = others.into_iter().map(|other| other.join().expect("roots can be computed"));
        roots.extend(joined.flatten());
        roots
    })
}

/// Root of the state, and those of the transactions.
type Rooted<D> = (Result<B256, <D as revm::DatabaseRef>::Error>, Roots);

impl<'a, D: State> Closing<'a, D> {
    /// Makes the calls that close a block.
    fn begin(chain: &'a mut Chain<D>, tip: &'a mut Tip) -> Result<Self, ExecError<D>> {
        let open = tip.open.take();
        for hashes in open.dead.chunks(DEAD_PER_CALL) {
            let call = DeadRegistry::recordCall { hashes: hashes.to_vec() };
            system_call_from(chain, SYSTEM_SENDER, DEAD_REGISTRY, call.abi_encode().into())?;
        }
        sealed::collect(chain, &open.charges)?;
        let changes = chain.working().changes().map_err(ExecError::<D>::Database)?;
        let (network, env) = (chain.network(), chain.evm.ctx.block.clone());
        Ok(Self { network, env, changes, state: chain.working_mut().rebase(), tip, open })
    }

    /// Writes what the block changed and computes its roots.
    fn roots(&mut self) -> Rooted<D> {
        let running = core::mem::take(&mut self.open.roots);
        let (state, changes) = (&mut *self.state, &self.changes);
        beside(running, &self.open.transactions, || {
            state.apply(changes)?;
            state.root()
        })
    }

    fn finish(
        self,
        (root, roots): Rooted<D>,
        slot: &SlotHeader,
        slot_hash: B256,
    ) -> Result<ClosedBlock, ExecError<D>> {
        let Self { network, env, changes, state, tip, open } = self;
        let root = root.map_err(ExecError::<D>::Database)?;
        let header =
            block::header(&env, tip.head_hash, slot, slot_hash, root, roots, open.gas_used);
        let hash = header.hash_slow();
        state.insert_block_hash(header.number, hash).map_err(ExecError::<D>::Database)?;
        (tip.head, tip.head_hash) = (header.clone(), hash);
        Ok(ClosedBlock {
            network,
            header,
            hash,
            slot: slot.number.get(),
            transactions: open.transactions,
            dead: open.dead,
            changes,
        })
    }
}

/// Finishes the roots of a block's transactions while `work` is done.
#[cfg(feature = "std")]
fn beside<T>(
    running: RunningRoots,
    transactions: &[block::BlockTx],
    work: impl FnOnce() -> T,
) -> (T, Roots) {
    if transactions.len() < running.len() + MANY {
        return (work(), running.finish(transactions));
    }
    std::thread::scope(|scope| {
        let roots = scope.spawn(|| running.finish(transactions));
        (work(), roots.join().expect("roots of transactions can be computed"))
    })
}

#[cfg(not(feature = "std"))]
fn beside<T>(
    running: RunningRoots,
    transactions: &[block::BlockTx],
    work: impl FnOnce() -> T,
) -> (T, Roots) {
    (work(), running.finish(transactions))
}
