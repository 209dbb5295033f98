//! Hops to and from chains that run elsewhere.

use alloc::{collections::VecDeque, vec::Vec};
use thiserror::Error;
use weft_types::{Hop, NetworkId, Position, Removal};

/// The other side does not answer, or not with what it owes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("rollup {network} is lost: {why}")]
pub struct RemoteLost {
    /// The rollup.
    pub network: NetworkId,
    /// What happened.
    pub why: alloc::string::String,
}

/// Carries hops between this machine and chains that it does not run.
///
/// Control is with one chain at a time: a `Call` or `Return` hands it over, so that after sending one the next
/// thing to do is to receive.
pub trait Remote: core::fmt::Debug {
    /// Sends a hop to a chain that runs elsewhere.
    fn send(&mut self, hop: &Hop) -> Result<(), RemoteLost>;

    /// Waits for the next hop of leg `leg` of the item at `position` to a chain that runs here; `None` when the
    /// leg is over. `from` names the sender when it is known beforehand.
    fn receive(
        &mut self,
        position: Position,
        leg: u16,
        from: Option<NetworkId>,
    ) -> Result<Option<Hop>, RemoteLost>;

    /// Tells the other side that a leg that is at home here is over, and why it takes its item down, if so.
    fn end_leg(&mut self, leg: u16, removal: Option<&Removal>) -> Result<(), RemoteLost>;

    /// Returns why a leg that is at home elsewhere takes its item down, if so; asked after it is over.
    fn leg_result(&mut self, leg: u16) -> Result<Option<Removal>, RemoteLost>;

    /// Agrees with the other side on what becomes of the item, of which this side would say `own`.
    fn decide(&mut self, own: Option<&Removal>) -> Result<Option<Removal>, RemoteLost>;
}

/// A recorded thread: plays the hops addressed to one chain and keeps those that the chain sends.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    inbound: VecDeque<Hop>,
    sent: Vec<Hop>,
}

impl Tape {
    /// Plays `inbound` in order.
    pub fn new(inbound: impl IntoIterator<Item = Hop>) -> Self {
        Self { inbound: inbound.into_iter().collect(), sent: Vec::new() }
    }

    /// Returns what was sent so far.
    pub fn sent(&self) -> &[Hop] {
        &self.sent
    }

    /// Returns true when every inbound hop was consumed.
    pub fn is_consumed(&self) -> bool {
        self.inbound.is_empty()
    }
}

impl Remote for Tape {
    fn send(&mut self, hop: &Hop) -> Result<(), RemoteLost> {
        self.sent.push(hop.clone());
        Ok(())
    }

    fn receive(
        &mut self,
        position: Position,
        leg: u16,
        _: Option<NetworkId>,
    ) -> Result<Option<Hop>, RemoteLost> {
        let next = |hop: &mut Hop| hop.place.position == position && hop.place.leg == leg;
        Ok(self.inbound.pop_front_if(next))
    }

    fn end_leg(&mut self, _: u16, _: Option<&Removal>) -> Result<(), RemoteLost> {
        Ok(())
    }

    fn leg_result(&mut self, _: u16) -> Result<Option<Removal>, RemoteLost> {
        // Only included items are recorded.
        Ok(None)
    }

    fn decide(&mut self, own: Option<&Removal>) -> Result<Option<Removal>, RemoteLost> {
        Ok(own.cloned())
    }
}
