//! What one rollup alone needs to be executed again, written while the realm is.
//!
//! ```text
//! file    magic 8 | start | frames
//! frame   length 4 | kind 1 | body
//! ```
//!
//! Kinds: 0 the rollup with its genesis, first; 1 a rollup joined the realm; 2 a slot opened; 3 an item of it; 4 it closed.
//! Slots that left the rollup nothing are left out.

use crate::record::Joined;
use std::{
    fmt,
    io::{self, BufWriter, Write},
};
use weft_evm::{Applied, replay::ReplayItem};
use weft_types::{Domain, Encode, Item, NetworkId, SlotHeader, codec::Writer};

/// First bytes of the file.
pub(super) const MAGIC: &[u8; 8] = b"WEFTRPL\x01";
/// Kinds of frames.
pub(super) const START: u8 = 0;
pub(super) const JOINED: u8 = 1;
pub(super) const OPENED: u8 = 2;
pub(super) const ITEM: u8 = 3;
pub(super) const CLOSED: u8 = 4;

/// Writes what happens to one rollup.
pub(crate) struct Recording {
    network: NetworkId,
    out: BufWriter<Box<dyn Write + Send>>,
    has_begun: bool,
    /// Frames of the open slot.
    open: Vec<(u8, Vec<u8>)>,
    failure: Option<io::Error>,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("network", &self.network).finish_non_exhaustive()
    }
}

impl Recording {
    pub(crate) fn new(network: NetworkId, out: Box<dyn Write + Send>) -> Self {
        let out = BufWriter::new(out);
        Self { network, out, has_begun: false, open: Vec::new(), failure: None }
    }

    pub(crate) const fn network(&self) -> NetworkId {
        self.network
    }

    /// Notes a rollup that is in the realm from now on; `others` were before.
    pub(crate) fn joined(&mut self, domain: &Domain, joined: &Joined, others: &[NetworkId]) {
        if joined.rollup.network() == self.network {
            let mut body = Writer::default();
            body.put(domain).put(&joined.rollup).u64(joined.timestamp).list(others);
            self.put_all(MAGIC);
            self.frame(START, &body.finish());
            self.has_begun = true;
        } else if self.has_begun {
            self.frame(JOINED, &joined.rollup.network().encode());
        }
    }

    pub(crate) fn opened(&mut self, header: &SlotHeader) {
        self.open = vec![(OPENED, header.encode())];
    }

    pub(crate) fn applied(&mut self, item: &Item, applied: &Applied) {
        let is_local = item.legs().iter().any(|leg| leg.network == self.network);
        let replayed = ReplayItem::of(self.network, item.clone(), applied);
        if is_local || !replayed.inbound.is_empty() {
            self.open.push((ITEM, replayed.encode()));
        }
    }

    /// Notes the end of a slot; `has_block` says whether the rollup has a block of it.
    pub(crate) fn closed(&mut self, has_block: bool) {
        let frames = std::mem::take(&mut self.open);
        if !self.has_begun || (frames.len() <= 1 && !has_block) {
            return;
        }
        for (kind, body) in frames {
            self.frame(kind, &body);
        }
        self.frame(CLOSED, &[]);
    }

    /// Writes everything out, and says what went wrong on the way.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn frame(&mut self, kind: u8, body: &[u8]) {
        let length = u32::try_from(body.len()).expect("records of the log are shorter");
        self.put_all(&length.to_be_bytes());
        self.put_all(&[kind]);
        self.put_all(body);
    }

    fn put_all(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.failure = self.out.write_all(bytes).err();
        }
    }
}
