//! The hub's side: the realm reaches rollups that run elsewhere.

use crate::message::{self, FromExecutor, Start, ToExecutor, Until};
use alloy_primitives::B256;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    io::{Read, Write},
    rc::Rc,
    time::{Duration, Instant},
};
use weft_evm::{Remote, RemoteLost};
use weft_types::{Hop, HopBody, Item, NetworkId, Position, Removal, SlotHeader};

/// A byte stream to an executor. Reads must time out by themselves, for example by `set_read_timeout`.
pub trait Link: Read + Write + fmt::Debug {}

impl<T: Read + Write + fmt::Debug> Link for T {}

/// All executors of a realm.
#[derive(Debug, Default)]
pub struct Hub {
    links: BTreeMap<NetworkId, Box<dyn Link>>,
    /// Rollups of the legs of the item in progress.
    legs: Vec<NetworkId>,
    /// Executor whose turn it is to speak.
    speaker: Option<NetworkId>,
    /// How long an item may take.
    patience: Option<Duration>,
    /// When the item in progress is over at the latest.
    deadline: Option<Instant>,
    /// Executor that spoke last.
    heard: Option<NetworkId>,
    ended: Option<Removal>,
}

/// The hub, shared between the realm and whoever runs the lane. One thread owns both.
#[derive(Debug, Clone, Default)]
pub struct HubHandle(Rc<RefCell<Hub>>);

impl HubHandle {
    /// Gives a rollup to the executor at the other end of `link`.
    ///
    /// # Errors
    ///
    /// [`RemoteLost`] when the executor does not come up with the rollup's last block.
    pub fn connect(
        &self,
        network: NetworkId,
        link: Box<dyn Link>,
        start: Start,
        head: B256,
    ) -> Result<(), RemoteLost> {
        self.0.borrow_mut().links.insert(network, link);
        self.start(network, start, head)
    }

    /// Gives a connected executor its rollup anew, between two slots.
    ///
    /// # Errors
    ///
    /// [`RemoteLost`] when the executor does not come up with the rollup's last block; it is dropped then.
    pub fn start(&self, network: NetworkId, start: Start, head: B256) -> Result<(), RemoteLost> {
        let mut hub = self.0.borrow_mut();
        let message = ToExecutor::Start(Box::new(start));
        let answer = hub.say(network, &message).and_then(|()| hub.listen(network));
        let lost = match answer {
            Ok(FromExecutor::Ready(found)) if found == head => return Ok(()),
            Ok(other) => RemoteLost {
                network,
                why: format!("expected to be ready at {head}, got {other:?}"),
            },
            Err(lost) => lost,
        };
        hub.links.remove(&network);
        Err(lost)
    }

    /// Returns the rollups with an executor.
    pub fn networks(&self) -> Vec<NetworkId> {
        self.0.borrow().links.keys().copied().collect()
    }

    /// Bounds the time that an item may take, from its beginning; without a bound only each read has one.
    pub fn set_patience(&self, patience: Duration) {
        self.0.borrow_mut().patience = Some(patience);
    }

    /// Returns the executor that was listened to last in the item in progress.
    pub fn last_speaker(&self) -> Option<NetworkId> {
        self.0.borrow().heard
    }

    /// Returns the realm's way to the executors.
    pub fn remote(&self) -> Box<dyn Remote> {
        Box::new(self.clone())
    }

    /// Opens a slot everywhere; returns the rollups that were lost.
    pub fn open_slot(&self, header: &SlotHeader) -> Vec<RemoteLost> {
        self.0.borrow_mut().deadline = None;
        self.broadcast(&ToExecutor::OpenSlot(header.clone()))
    }

    /// Starts an item everywhere; returns the rollups that were lost.
    pub fn begin_item(&self, position: Position, item: &Item) -> Vec<RemoteLost> {
        {
            let mut hub = self.0.borrow_mut();
            let homes = item.legs().iter().map(|leg| leg.network);
            hub.legs = homes.chain(item.delivered_to()).collect();
            (hub.speaker, hub.heard, hub.ended) = (None, None, None);
            hub.deadline = hub.patience.map(|patience| Instant::now() + patience);
        }
        self.broadcast(&ToExecutor::Item(position, Box::new(item.clone())))
    }

    /// Starts a simulation everywhere; [`Self::end_simulation`] must follow.
    pub fn begin_simulation(&self) -> Vec<RemoteLost> {
        (self.0.borrow_mut().speaker, self.0.borrow_mut().ended) = (None, None);
        self.broadcast(&ToExecutor::Simulate)
    }

    /// Ends a simulation everywhere.
    pub fn end_simulation(&self) -> Vec<RemoteLost> {
        self.broadcast(&ToExecutor::EndLeg(0, None))
    }

    /// Lets everybody forget the item in progress; returns the rollups that were lost.
    pub fn abandon_item(&self) -> Vec<RemoteLost> {
        self.broadcast(&ToExecutor::Abandon)
    }

    /// Drops a lost executor without a word to the others.
    pub fn forget(&self, network: NetworkId) {
        self.0.borrow_mut().links.remove(&network);
    }

    /// Drops a lost executor and tells the others that its rollup is unavailable (P8).
    pub fn drop_executor(&self, network: NetworkId) -> Vec<RemoteLost> {
        self.0.borrow_mut().links.remove(&network);
        self.broadcast(&ToExecutor::Available(network, false))
    }

    /// Closes the slot everywhere; returns each rollup's last block, or why it is lost.
    pub fn close_slot(&self) -> BTreeMap<NetworkId, Result<B256, RemoteLost>> {
        self.0.borrow_mut().deadline = None;
        let mut out: BTreeMap<_, _> = self
            .broadcast(&ToExecutor::CloseSlot)
            .into_iter()
            .map(|lost| (lost.network, Err(lost)))
            .collect();
        for network in self.networks() {
            let answer = match self.0.borrow_mut().listen(network) {
                Ok(FromExecutor::Closed(head)) => Ok(head),
                Ok(other) => Err(RemoteLost { network, why: format!("unexpected {other:?}") }),
                Err(lost) => Err(lost),
            };
            if answer.is_err() {
                self.0.borrow_mut().links.remove(&network);
            }
            out.insert(network, answer);
        }
        out
    }

    /// Says something to every executor; those that cannot be reached are dropped and returned.
    fn broadcast(&self, message: &ToExecutor) -> Vec<RemoteLost> {
        let mut hub = self.0.borrow_mut();
        let networks: Vec<_> = hub.links.keys().copied().collect();
        let mut lost = Vec::new();
        for network in networks {
            if let Err(error) = hub.say(network, message) {
                hub.links.remove(&network);
                lost.push(error);
            }
        }
        lost
    }
}

impl Hub {
    fn link(&mut self, network: NetworkId) -> Result<&mut Box<dyn Link>, RemoteLost> {
        let why = || RemoteLost { network, why: "it has no executor".into() };
        self.links.get_mut(&network).ok_or_else(why)
    }

    fn say(&mut self, network: NetworkId, message: &ToExecutor) -> Result<(), RemoteLost> {
        let written = message::write(self.link(network)?, message);
        written.map_err(|error| RemoteLost { network, why: error.to_string() })
    }

    fn listen(&mut self, network: NetworkId) -> Result<FromExecutor, RemoteLost> {
        let deadline = self.deadline;
        let read = message::read(&mut Until::new(self.link(network)?, deadline));
        self.heard = Some(network);
        read.map_err(|error| RemoteLost { network, why: error.to_string() })
    }

    fn say_to_others(
        &mut self,
        except: Option<NetworkId>,
        message: &ToExecutor,
    ) -> Result<(), RemoteLost> {
        let networks: Vec<_> = self.links.keys().copied().collect();
        for network in networks.into_iter().filter(|network| Some(*network) != except) {
            self.say(network, message)?;
        }
        Ok(())
    }
}

impl Remote for HubHandle {
    fn send(&mut self, hop: &Hop) -> Result<(), RemoteLost> {
        let mut hub = self.0.borrow_mut();
        hub.say(hop.to, &ToExecutor::Hop(Box::new(hop.clone())))?;
        if matches!(hop.body, HopBody::Call(_) | HopBody::Return(_)) {
            hub.speaker = Some(hop.to);
        }
        Ok(())
    }

    fn receive(
        &mut self,
        _: Position,
        leg: u16,
        from: Option<NetworkId>,
    ) -> Result<Option<Hop>, RemoteLost> {
        let mut hub = self.0.borrow_mut();
        let home = hub.legs.get(usize::from(leg)).copied();
        let Some(speaker) = from.or(hub.speaker).or(home) else {
            let why = "nobody's turn to speak".into();
            return Err(RemoteLost { network: NetworkId::L1, why });
        };
        match hub.listen(speaker)? {
            FromExecutor::Hop(hop) if hop.from == speaker => Ok(Some(*hop)),
            // What L1 calls and answers is made by the rollup that it is for.
            FromExecutor::Hop(hop) if hop.from == NetworkId::L1 && hop.to == speaker => {
                Ok(Some(*hop))
            }
            FromExecutor::EndLeg(ended, removal) if ended == leg && home == Some(speaker) => {
                hub.say_to_others(Some(speaker), &ToExecutor::EndLeg(leg, removal.clone()))?;
                (hub.ended, hub.speaker) = (removal, None);
                Ok(None)
            }
            other => Err(RemoteLost { network: speaker, why: format!("unexpected {other:?}") }),
        }
    }

    fn end_leg(&mut self, leg: u16, removal: Option<&Removal>) -> Result<(), RemoteLost> {
        let mut hub = self.0.borrow_mut();
        hub.speaker = None;
        // A removal is told once, by the decision.
        if removal.is_some() {
            return Ok(());
        }
        hub.say_to_others(None, &ToExecutor::EndLeg(leg, None))
    }

    fn leg_result(&mut self, _: u16) -> Result<Option<Removal>, RemoteLost> {
        Ok(self.0.borrow_mut().ended.take())
    }

    fn decide(&mut self, own: Option<&Removal>) -> Result<Option<Removal>, RemoteLost> {
        let message = ToExecutor::Decide(own.cloned());
        self.0.borrow_mut().say_to_others(None, &message)?;
        Ok(own.cloned())
    }
}
