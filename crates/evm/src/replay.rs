//! Replay of one rollup alone, from its items and the hops addressed to it (P27).
//!
//! The same machine runs; the other rollups are a [`Tape`]. What the rollup emits is computed, never read: a
//! replay that reaches the recorded blocks and heads has checked both.

use crate::{
    escrow::Escrow,
    fold::{Applied, FoldError, FoldErrorOf},
    joint::Stop,
    realm::{Realm, Rollup},
    remote::Tape,
    state::State,
};
use alloc::{boxed::Box, vec::Vec};
use weft_thread::{ChainView, Heads};
use weft_types::{
    CodecError, Decode, Domain, Encode, Hop, Item, NetworkId, Outcome, Position, Reader, Removal,
    RemovalCause, Writer,
};

/// What one rollup needs to know about one position of the lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayItem {
    /// Position.
    pub position: Position,
    /// The item.
    pub item: Item,
    /// True when the item was removed.
    pub is_removed: bool,
    /// True when it was removed because a leg ran and failed, so that it is dead (P4).
    pub is_failed: bool,
    /// True when it was sealed and its removal costs nothing (P13).
    pub is_free: bool,
    /// Hops addressed to the rollup, in order.
    pub inbound: Vec<Hop>,
}

impl ReplayItem {
    /// Projects what the joint fold did onto one rollup.
    pub fn of(network: NetworkId, item: Item, applied: &Applied) -> Self {
        let removal = match &applied.outcome {
            Outcome::Included => None,
            Outcome::Removed(removal) => Some(removal),
        };
        let inbound = match removal {
            None => applied.hops.iter().filter(|hop| is_told(hop, network)).cloned().collect(),
            Some(_) => Vec::new(),
        };
        Self {
            position: applied.position,
            item,
            is_removed: removal.is_some(),
            is_failed: removal.is_some_and(Removal::is_failed),
            is_free: removal.is_some_and(is_free),
            inbound,
        }
    }
}

impl Encode for ReplayItem {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.position).put(&self.item).bool(self.is_removed);
        out.u8(if self.is_free { 2 } else { u8::from(self.is_failed) });
        out.list(&self.inbound);
    }
}

impl Decode for ReplayItem {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (position, item, is_removed) = (input.get()?, input.get()?, input.bool()?);
        let (is_failed, is_free) = match input.u8()? {
            0 => (false, false),
            1 => (true, false),
            2 => (false, true),
            found => return Err(CodecError::Tag { what: "removal", found }),
        };
        Ok(Self { position, item, is_removed, is_failed, is_free, inbound: input.list()? })
    }
}

/// Returns true when nobody is charged for a sealed item that was removed like this.
pub fn is_free(removal: &Removal) -> bool {
    matches!(removal.cause, RemovalCause::Late | RemovalCause::Unavailable)
}

/// Returns true for a hop to `network` that it cannot make up itself; what comes from L1 is in items, or always the same.
fn is_told(hop: &Hop, network: NetworkId) -> bool {
    hop.to == network && hop.from != NetworkId::L1
}

/// Returns what one chain sent and received according to a list of hops.
pub fn view(network: NetworkId, hops: &[Hop]) -> ChainView {
    let sent = hops.iter().filter(|hop| hop.from == network).cloned().collect();
    let received = hops.iter().filter(|hop| hop.to == network).cloned().collect();
    ChainView { sent, received }
}

impl<D: State> Realm<D> {
    /// Starts one rollup of a realm alone, with its own part of escrow and heads.
    pub fn alone(
        domain: Domain,
        rollup: Rollup<D>,
        escrow: &Escrow,
        heads: &Heads,
        realm: impl IntoIterator<Item = NetworkId>,
    ) -> Self {
        let network = rollup.spec.network;
        let mut alone =
            Self::new(domain, Vec::from([rollup]), escrow.of(network), heads.of(network));
        realm.into_iter().for_each(|network| alone.add_remote(network));
        alone
    }

    /// Applies one position of the lane from what others recorded.
    ///
    /// # Errors
    ///
    /// [`FoldError::Stopped`] with [`Stop::BadHop`] when the hops do not fit what the rollup does.
    ///
    /// # Panics
    ///
    /// Panics when no slot is open.
    pub fn replay(&mut self, replayed: &ReplayItem) -> Result<Applied, FoldErrorOf<D>> {
        let ReplayItem { position, item, is_removed, is_failed, is_free, inbound } = replayed;
        if *is_removed {
            let mut removal = Removal::elsewhere(*is_failed);
            if *is_free {
                removal.cause = RemovalCause::Unavailable;
            }
            self.apply_removed(item, &removal);
            return Ok(Applied::nothing(*position, Outcome::Removed(removal)));
        }
        let on = item.legs().iter().map(|leg| leg.network).chain(item.delivered_to());
        let local = on.into_iter().any(|network| self.joint.index_of(network).is_some());
        if !local && inbound.is_empty() {
            self.charge(item, None);
            return Ok(Applied::nothing(*position, Outcome::Included));
        }
        self.set_remote(Some(Box::new(Tape::new(inbound.iter().cloned()))));
        let applied = self.apply(*position, item);
        self.set_remote(None);
        let applied = applied?;
        let own = self.joint.specs().next().map(|spec| spec.network);
        let consumed = applied.hops.iter().filter(|hop| own.is_some_and(|own| is_told(hop, own)));
        if consumed.count() != inbound.len() {
            let why = alloc::format!("the rollup did not consume every hop at {position}");
            return Err(FoldError::Stopped(Stop::BadHop(why)));
        }
        Ok(applied)
    }
}

impl Applied {
    /// An item that did nothing on the rollups here.
    pub(crate) const fn nothing(position: Position, outcome: Outcome) -> Self {
        Self { position, outcome, transactions: Vec::new(), hops: Vec::new(), legs: Vec::new() }
    }
}
