//! The executor's side: one rollup, driven by messages.

use crate::{
    message::{self, FromExecutor, ToExecutor},
    state_codec,
};
use std::{
    cell::RefCell,
    io::{self, Read, Write},
    rc::Rc,
};
use thiserror::Error;
use weft_evm::{FoldError, Heads, MemoryState, Realm, Remote, RemoteLost, Stop};
use weft_types::{Hop, NetworkId, Position, Removal};

/// Why an executor stops.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The stream broke.
    #[error("the hub is gone: {0}")]
    Stream(#[from] io::Error),
    /// The hub said something that does not fit.
    #[error("the hub broke the protocol: {0}")]
    Protocol(String),
}

/// The stream, shared between the message loop and the machine that runs an item.
type Shared<S> = Rc<RefCell<Line<S>>>;

#[derive(Debug)]
struct Line<S> {
    stream: S,
    /// A decision that came while the machine waited for something else.
    decided: Option<Decision>,
    ended: Option<Removal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    Stands,
    Goes(Removal),
    Again,
}

/// Runs one rollup for the hub at the other end of `stream` until the stream ends.
///
/// # Errors
///
/// [`WorkerError`]; a stream that ends between two messages is the ordinary end and no error.
pub fn work<S: Read + Write + std::fmt::Debug + 'static>(stream: S) -> Result<(), WorkerError> {
    let line = Rc::new(RefCell::new(Line { stream, decided: None, ended: None }));
    let mut realm = None;
    loop {
        let message = match line.borrow_mut().next() {
            Ok(message) => message,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match (message, &mut realm) {
            (ToExecutor::Start(start), realm) => *realm = Some(begin(&line, *start)?),
            (message, Some(realm)) => serve(&line, realm, message)?,
            (message, None) => {
                return Err(WorkerError::Protocol(format!("{message:?} before the start")));
            }
        }
    }
}

fn begin<S: Read + Write + std::fmt::Debug + 'static>(
    line: &Shared<S>,
    start: message::Start,
) -> Result<Realm<MemoryState>, WorkerError> {
    let moved = state_codec::decode(&start.rollup)
        .map_err(|error| WorkerError::Protocol(error.to_string()))?;
    let head = moved.rollup.head_hash;
    let heads = Heads::default();
    let mut realm = Realm::alone(start.domain, moved.rollup, &moved.escrow, &heads, start.realm);
    realm.set_remote(Some(Box::new(Wire(Rc::clone(line)))));
    line.borrow_mut().say(&FromExecutor::Ready(head))?;
    Ok(realm)
}

fn serve<S: Read + Write>(
    line: &Shared<S>,
    realm: &mut Realm<MemoryState>,
    message: ToExecutor,
) -> Result<(), WorkerError> {
    match message {
        ToExecutor::OpenSlot(header) => {
            realm.open_slot(header).map_err(|error| WorkerError::Protocol(format!("{error:?}")))
        }
        ToExecutor::Available(network, available) => {
            realm.set_available(network, available);
            Ok(())
        }
        ToExecutor::Item(position, item) => run(line, realm, position, &item),
        ToExecutor::Simulate => match realm.serve_simulation() {
            Ok(()) | Err(FoldError::Stopped(Stop::Lost(_))) => Ok(()),
            Err(error) => Err(WorkerError::Protocol(error.to_string())),
        },
        ToExecutor::CloseSlot => {
            realm.close_slot().map_err(|error| WorkerError::Protocol(format!("{error:?}")))?;
            let network = realm.specs().next().expect("one rollup").network;
            let (_, head) = realm.head(network).expect("one rollup");
            Ok(line.borrow_mut().say(&FromExecutor::Closed(head))?)
        }
        // The rest of an item that ended early here, or of a simulation that never crossed.
        ToExecutor::Abandon | ToExecutor::EndLeg(..) => Ok(()),
        message => Err(WorkerError::Protocol(format!("unexpected {message:?}"))),
    }
}

fn run<S: Read + Write>(
    line: &Shared<S>,
    realm: &mut Realm<MemoryState>,
    position: Position,
    item: &weft_types::Item,
) -> Result<(), WorkerError> {
    {
        let mut line = line.borrow_mut();
        (line.decided, line.ended) = (None, None);
    }
    match realm.apply(position, item) {
        Ok(_) => Ok(()),
        Err(FoldError::Stopped(Stop::Lost(lost))) => match line.borrow_mut().decided.take() {
            Some(Decision::Again) => Ok(()),
            Some(Decision::Goes(removal)) => {
                realm.apply_removed(item, &removal);
                Ok(())
            }
            _ => Err(WorkerError::Stream(io::Error::other(lost.why))),
        },
        Err(error) => Err(WorkerError::Protocol(error.to_string())),
    }
}

impl<S: Read + Write> Line<S> {
    fn next(&mut self) -> io::Result<ToExecutor> {
        message::read(&mut self.stream)
    }

    fn say(&mut self, message: &FromExecutor) -> io::Result<()> {
        message::write(&mut self.stream, message)
    }
}

/// The hub as the machine sees it.
#[derive(Debug)]
struct Wire<S>(Shared<S>);

fn lost(why: impl ToString) -> RemoteLost {
    RemoteLost { network: NetworkId::L1, why: why.to_string() }
}

impl<S: Read + Write + std::fmt::Debug> Remote for Wire<S> {
    fn send(&mut self, hop: &Hop) -> Result<(), RemoteLost> {
        self.0.borrow_mut().say(&FromExecutor::Hop(Box::new(hop.clone()))).map_err(lost)
    }

    fn receive(
        &mut self,
        _: Position,
        leg: u16,
        _: Option<NetworkId>,
    ) -> Result<Option<Hop>, RemoteLost> {
        let mut line = self.0.borrow_mut();
        match line.next().map_err(lost)? {
            ToExecutor::Hop(hop) => Ok(Some(*hop)),
            ToExecutor::EndLeg(ended, removal) if ended == leg => {
                line.ended = removal;
                Ok(None)
            }
            ToExecutor::Decide(removal) => {
                line.decided = Some(removal.map_or(Decision::Stands, Decision::Goes));
                Err(lost("decided early"))
            }
            ToExecutor::Abandon => {
                line.decided = Some(Decision::Again);
                Err(lost("abandoned"))
            }
            message => Err(lost(format!("unexpected {message:?}"))),
        }
    }

    fn end_leg(&mut self, leg: u16, removal: Option<&Removal>) -> Result<(), RemoteLost> {
        let message = FromExecutor::EndLeg(leg, removal.cloned());
        self.0.borrow_mut().say(&message).map_err(lost)
    }

    fn leg_result(&mut self, _: u16) -> Result<Option<Removal>, RemoteLost> {
        Ok(self.0.borrow_mut().ended.take())
    }

    fn decide(&mut self, _: Option<&Removal>) -> Result<Option<Removal>, RemoteLost> {
        let mut line = self.0.borrow_mut();
        match line.next().map_err(lost)? {
            ToExecutor::Decide(removal) => Ok(removal),
            ToExecutor::Abandon => {
                line.decided = Some(Decision::Again);
                Err(lost("abandoned"))
            }
            message => Err(lost(format!("unexpected {message:?}"))),
        }
    }
}
