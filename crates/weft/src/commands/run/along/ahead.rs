//! Ahead of L1: slots come from the sequencer as it closes them. Nothing that it does or leaves stands in the way of what L1 holds.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use weft_l1::Entry;
use weft_node::{
    EngineHandle, FollowError, L1Block, L1Entry, NoSlots, Sequencer, ServedSlots, SlotsAhead,
};
use weft_types::Domain;

/// Between two looks at a sequencer that has nothing new.
const LOOK: Duration = Duration::from_millis(200);
/// Before one is asked again that does not answer.
const AGAIN: Duration = Duration::from_secs(2);
/// Before one is asked again whose slots are not what it signed.
const AFTER_A_LIE: Duration = Duration::from_secs(60);
/// Last entries of the inbox that are at hand: more than may wait for their positions.
const MAX_ENTRIES: usize = 1 << 13;

/// What L1 holds of the inbox, for whoever runs slots that no batch holds yet. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Inbox(Arc<Mutex<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    /// Whether the node has what L1 holds, and L1 is heard of.
    is_there: bool,
    /// The last entries, in order.
    entries: Vec<Entry>,
}

impl Inbox {
    /// Takes note of what L1 holds, once all batches ran.
    pub(super) fn show(&self, entries: &[Entry]) {
        let last = &entries[entries.len().saturating_sub(MAX_ENTRIES)..];
        let mut shown = self.shown();
        // Entries come behind others, unless L1 went back.
        if shown.entries != last {
            shown.entries = last.to_vec();
        }
        shown.is_there = true;
    }

    /// Takes note that nothing is known of L1 now, or not all of it ran.
    pub(super) fn hide(&self) {
        self.shown().is_there = false;
    }

    /// Returns the blocks with entries from `first` on; nothing while L1 is not there.
    fn from(&self, first: u64) -> Option<Vec<(L1Block, Vec<L1Entry>)>> {
        let shown = self.shown();
        shown.is_there.then(|| blocks_of(shown.entries.iter().filter(|it| it.index >= first)))
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts entries into the blocks that hold them.
pub(super) fn blocks_of<'a>(
    entries: impl Iterator<Item = &'a Entry>,
) -> Vec<(L1Block, Vec<L1Entry>)> {
    let mut blocks: Vec<(L1Block, Vec<L1Entry>)> = Vec::new();
    for entry in entries {
        let block = super::ours(entry.block);
        let one = L1Entry {
            index: entry.index,
            log_index: entry.origin.log_index,
            payload: entry.payload.clone(),
        };
        match blocks.last_mut() {
            Some((known, entries)) if *known == block => entries.push(one),
            _ => blocks.push((block, vec![one])),
        }
    }
    blocks
}

/// A sequencer that is followed ahead of L1.
pub(super) struct Ahead<'a> {
    pub(super) engine: &'a EngineHandle,
    pub(super) sequencer: Sequencer,
    /// The rollup by whose way it is asked.
    pub(super) chain_id: u64,
    pub(super) domain: Domain,
    pub(super) inbox: Inbox,
}

/// Why no slot runs now.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Sequencer(#[from] NoSlots),
    #[error(transparent)]
    Node(#[from] FollowError),
}

impl Trouble {
    /// Returns how long to wait, and whether a person should know.
    const fn pause(&self) -> (Duration, bool) {
        match self {
            // L1 brought it first, or the node starts again.
            Self::Node(FollowError::NotNext { .. } | FollowError::Undone { .. }) => (LOOK, false),
            Self::Node(FollowError::Node(_)) => (AGAIN, false),
            Self::Node(FollowError::Waits { .. }) => (AGAIN, true),
            Self::Node(FollowError::Ahead { .. } | FollowError::TooDeep { .. }) => {
                (AFTER_A_LIE, true)
            }
            Self::Node(FollowError::Wrong { .. }) | Self::Sequencer(_) => (AGAIN, true),
        }
    }
}

impl Ahead<'_> {
    /// Follows until the node ends.
    pub(super) async fn run(self) -> Infallible {
        let mut known = None;
        loop {
            let (pause, why) = match self.once().await {
                Ok(has_more) => (if has_more { Duration::ZERO } else { LOOK }, None),
                Err(trouble) => {
                    let (pause, is_told) = trouble.pause();
                    (pause, is_told.then(|| trouble.to_string()))
                }
            };
            self.tell(&mut known, why).await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Says once why the node does not go on ahead of L1.
    async fn tell(&self, known: &mut Option<String>, why: Option<String>) {
        if *known == why {
            return;
        }
        match &why {
            Some(why) => {
                tracing::warn!(why, "nothing comes from the sequencer now: L1 alone is followed")
            }
            None => tracing::info!("the node goes on ahead of L1"),
        }
        // A node that ended needs no note.
        let _ = self.engine.ahead_trouble(why.clone()).await;
        *known = why;
    }

    /// Runs the slots that come next; returns true when there may be more.
    async fn once(&self) -> Result<bool, Trouble> {
        let standing = self.engine.followed().await?;
        // Before L1 is known it is not known who signs.
        let Some(blocks) = self.inbox.from(standing.next_entry) else { return Ok(false) };
        let served = self.sequencer.slots(self.chain_id, standing.next_slot).await?;
        let Some(ServedSlots { slots, checkpoint }) = served else { return Ok(false) };
        let (domain, from) = (self.domain, standing.next_slot);
        let read = move || SlotsAhead::read(&domain, from, &slots, &checkpoint, blocks);
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|error| FollowError::Node(error.to_string()))??;
        self.engine.follow_ahead(read).await?;
        Ok(true)
    }
}
