//! From block to block: forward, and back when blocks were replaced.

use crate::{
    block::{CheckedHeader, L1Block},
    client::{L1Client, Sureness},
    error::L1Error,
    events::{self, Contracts, Happening},
};
use std::collections::VecDeque;
use tokio::time::{Instant, sleep};

/// Deepest reorg that is followed, in blocks (P48).
pub const MAX_REORG: usize = 64;

/// One step along L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next block, with what happened in it. Far below the last final block those without happenings are left out.
    Forward {
        /// The block.
        block: L1Block,
        /// What happened, in order.
        happenings: Vec<Happening>,
    },
    /// The blocks after this one are no longer in the chain.
    Back {
        /// Last block that still is.
        to: L1Block,
    },
    /// Up to here the chain is safe.
    Safe(L1Block),
    /// Up to here it is final.
    Finalized(L1Block),
}

/// What is followed, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Following {
    /// The realm's contracts.
    pub contracts: Contracts,
    /// First block whose happenings count.
    pub from: u64,
    /// Blocks that must follow a block before it is told.
    pub confirmations: u64,
}

/// Follows L1.
///
/// [`Self::next`] can be dropped at any time and called again; after an error it goes on where it was.
#[derive(Debug)]
pub struct Follower {
    client: L1Client,
    following: Following,
    /// Blocks that may still be replaced, oldest first; at most one more than the deepest reorg.
    tail: VecDeque<L1Block>,
    /// Steps that are ready.
    ready: VecDeque<Step>,
    safe: Option<L1Block>,
    finalized: Option<L1Block>,
    /// Height of the chain when it last grew, and when that was.
    grown: (u64, Instant),
    /// Height at which safe and final blocks were asked for.
    looked: u64,
}

impl Follower {
    /// Begins before block `following.from`.
    pub fn new(client: L1Client, following: Following) -> Self {
        Self {
            client,
            following,
            tail: VecDeque::new(),
            ready: VecDeque::new(),
            safe: None,
            finalized: None,
            grown: (0, Instant::now()),
            looked: u64::MAX,
        }
    }

    /// Goes on behind blocks that were told before, oldest first; the last ones of the same chain, as many as may have been
    /// replaced meanwhile.
    #[must_use]
    pub fn resume(mut self, known: impl IntoIterator<Item = L1Block>) -> Self {
        for block in known {
            self.keep(block);
        }
        self
    }

    /// Returns the client.
    pub const fn client(&self) -> &L1Client {
        &self.client
    }

    /// Returns the next step, and waits for it.
    ///
    /// # Errors
    ///
    /// [`L1Error`]. The caller decides whether to try again; only [`L1Error::ReorgTooDeep`] and
    /// [`L1Error::FinalReplaced`] can never heal.
    pub async fn next(&mut self) -> Result<Step, L1Error> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(step);
            }
            let height = self.client.height(Sureness::Latest).await?;
            if self.step(height).await? {
                continue;
            }
            self.check_growth(height)?;
            sleep(self.client.patience().poll).await;
        }
    }

    /// Takes a step if there is one to take.
    async fn step(&mut self, height: u64) -> Result<bool, L1Error> {
        if self.tail.is_empty() && self.following.from > 0 {
            let Some(anchor) = self.client.block(self.following.from - 1).await? else {
                return Ok(false);
            };
            self.keep(anchor.block);
        }
        let target = height.saturating_sub(self.following.confirmations);
        let next = self.tail.back().map_or(self.following.from, |last| last.number + 1);
        if next <= target {
            return self.forward(next, target, height).await;
        }
        Ok(self.back(height).await? || self.look_at_finality(height).await?)
    }

    async fn forward(&mut self, next: u64, target: u64, height: u64) -> Result<bool, L1Error> {
        let finalized = self.client.height(Sureness::Finalized).await?.min(target);
        // What is final is asked for in ranges; that they begin behind our last block shows there.
        if next < finalized {
            return Ok(self.back(height).await? || self.leap(next, finalized).await?);
        }
        let Some(header) = self.client.block(next).await? else { return Ok(false) };
        if self.tail.back().is_some_and(|last| last.hash != header.block.parent) {
            return self.back(height).await;
        }
        let happenings = self.happenings(&header).await?;
        self.keep(header.block);
        self.ready.push_back(Step::Forward { block: header.block, happenings });
        Ok(true)
    }

    /// Goes over blocks that are final.
    async fn leap(&mut self, from: u64, to: u64) -> Result<bool, L1Error> {
        let addresses = self.following.contracts.all();
        let (mut blocks, reached) = self.client.blocks_with_logs(from, to, &addresses).await?;
        blocks.insert(reached);
        let mut steps = Vec::with_capacity(blocks.len());
        for number in blocks {
            let header = self.client.existing(number).await?;
            let happenings = self.happenings(&header).await?;
            steps.push((header.block, happenings));
        }
        self.tail.clear();
        for (block, happenings) in steps {
            if block.number == reached {
                self.keep(block);
            }
            self.ready.push_back(Step::Forward { block, happenings });
        }
        Ok(true)
    }

    /// Goes back to where our blocks and the chain part, if they do.
    async fn back(&mut self, height: u64) -> Result<bool, L1Error> {
        let Some(to) = self.fork(height).await? else { return Ok(false) };
        self.tail.retain(|block| block.number < to.number);
        self.keep(to);
        self.looked = u64::MAX;
        self.ready.push_back(Step::Back { to });
        Ok(true)
    }

    /// Returns the last block of ours that is still in the chain, when our last one is not.
    async fn fork(&self, height: u64) -> Result<Option<L1Block>, L1Error> {
        // A chain that only got shorter grows again; what was replaced shows at its height.
        let Some(top) = self.tail.iter().rev().find(|block| block.number <= height) else {
            return Ok(None);
        };
        let Some(theirs) = self.client.block(top.number).await? else { return Ok(None) };
        if theirs.block == *top {
            return Ok(None);
        }
        for ours in self.tail.iter().rev().filter(|block| block.number < top.number) {
            if self.client.existing(ours.number).await?.block == *ours {
                return self.above_final(*ours).await.map(Some);
            }
        }
        let oldest = self.tail.front().map_or(0, |block| block.number);
        // Before the first block that counts, nothing was told that would have to be undone.
        if oldest.checked_add(1) == Some(self.following.from) {
            return Ok(Some(self.client.existing(oldest).await?.block));
        }
        Err(L1Error::ReorgTooDeep { oldest, bound: MAX_REORG })
    }

    /// Checks that going back to a block replaces none that is final.
    async fn above_final(&self, to: L1Block) -> Result<L1Block, L1Error> {
        let Some(was) = self.finalized.filter(|block| block.number > to.number) else {
            return Ok(to);
        };
        let now = self.client.existing(was.number).await?.block.hash;
        Err(L1Error::FinalReplaced { number: was.number, was: was.hash, now })
    }

    async fn look_at_finality(&mut self, height: u64) -> Result<bool, L1Error> {
        if self.looked == height {
            return Ok(false);
        }
        let safe = self.sure(Sureness::Safe, self.safe).await?;
        let finalized = self.sure(Sureness::Finalized, self.finalized).await?;
        self.looked = height;
        (self.safe, self.finalized) = (safe.or(self.safe), finalized.or(self.finalized));
        self.ready.extend(safe.map(Step::Safe));
        self.ready.extend(finalized.map(Step::Finalized));
        Ok(!self.ready.is_empty())
    }

    /// Returns the last block that is so sure, when it was told and is another than `before`.
    async fn sure(
        &self,
        sureness: Sureness,
        before: Option<L1Block>,
    ) -> Result<Option<L1Block>, L1Error> {
        let Some(last) = self.tail.back() else { return Ok(None) };
        let number = self.client.height(sureness).await?.min(last.number);
        if number < self.following.from || before.is_some_and(|block| block.number >= number) {
            return Ok(None);
        }
        let block = self.client.existing(number).await?.block;
        let ours = self.tail.iter().find(|ours| ours.number == number);
        Ok(ours.is_none_or(|ours| *ours == block).then_some(block))
    }

    async fn happenings(&self, header: &CheckedHeader) -> Result<Vec<Happening>, L1Error> {
        let contracts = &self.following.contracts;
        let logs = self.client.logs(header, &contracts.all()).await?;
        let read = logs.iter().map(|log| events::read(contracts, header.block, log));
        read.filter_map(Result::transpose).collect()
    }

    fn keep(&mut self, block: L1Block) {
        self.tail.push_back(block);
        if self.tail.len() > MAX_REORG + 1 {
            self.tail.pop_front();
        }
    }

    fn check_growth(&mut self, height: u64) -> Result<(), L1Error> {
        let (head, since) = self.grown;
        if height != head {
            self.grown = (height, Instant::now());
            return Ok(());
        }
        let after = since.elapsed();
        if after < self.client.patience().stall {
            return Ok(());
        }
        self.grown.1 = Instant::now();
        Err(L1Error::Stalled { head, after })
    }
}
