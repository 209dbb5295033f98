//! A realm as L1 alone says it is: read, and derived batch after batch.

use super::l1::{L1Args, no_hub};
use crate::progress::Progress;
use alloy_primitives::{Address, Bytes};
use eyre::{Result, WrapErr, ensure};
use tokio::task::{JoinHandle, spawn_blocking};
use weft_batch::SignedBatch;
use weft_derive::{Derived, Recovered};
use weft_l1::{
    Audit, BeaconBlobs, BlobDir, BlobError, BlobSource, ClientBlobs, History, L1Client, Posted,
    Sureness,
};
use weft_node::{OnL1, PostedBatch, recover};

/// Where a realm is on L1, and where its blobs are.
pub(super) struct Place {
    client: L1Client,
    hub: Address,
    /// Block to read from.
    from: u64,
    at: Sureness,
    pub(super) blobs: Box<dyn BlobSource>,
    /// Endpoint for what is sent.
    pub(super) url: String,
}

impl Place {
    /// Connects to L1; `blobs` is where they are, by default what the configuration says or L1.
    pub(super) async fn connect(l1: &L1Args, blobs: Option<&String>, at: Sureness) -> Result<Self> {
        let (client, settings) = l1.connect().await?;
        let hub = settings.hub.ok_or_else(no_hub)?;
        let blobs = blobs.or(settings.blobs.as_ref());
        let blobs = source(blobs.map(String::as_str), &client).await?;
        Ok(Self { client, hub, from: settings.from, at, blobs, url: settings.urls[0].clone() })
    }

    /// Reads everything that L1 says of the realm.
    pub(super) async fn history(&self) -> Result<History> {
        let (from, to) = (self.from, self.client.height(self.at).await?);
        ensure!(from <= to, "block {from} is not on L1 yet; its last block is {to}");
        let progress = Progress::new("reading L1", to - from + 1);
        let mut passed = |number: u64| {
            progress.at((number + 1).saturating_sub(from), &format!("L1 block {number}"));
        };
        let history = History::read(&self.client, self.hub, from, to, &mut passed).await;
        let history = history.wrap_err("cannot read the realm from L1")?;
        progress.end();
        Ok(history)
    }

    /// Reads what L1 says behind what was read, or everything again when L1 took some of that back.
    pub(super) async fn history_behind(&self, known: &History) -> Result<History> {
        let to = self.client.height(self.at).await?;
        let read = known.extend(&self.client, to, &mut |_| {}).await;
        match read.wrap_err("cannot read on from L1")? {
            Some(history) => Ok(history),
            None => self.history().await,
        }
    }
}

/// What is on L1, and where its blobs are.
pub(super) struct Read {
    pub(super) history: History,
    pub(super) blobs: Box<dyn BlobSource>,
    /// Endpoint for what is sent.
    pub(super) url: String,
}

/// Reads everything that L1 says of a realm; `blobs` is where they are, by default what the configuration says or L1.
pub(super) async fn read(l1: &L1Args, blobs: Option<&String>, at: Sureness) -> Result<Read> {
    let place = Place::connect(l1, blobs, at).await?;
    Ok(Read { history: place.history().await?, blobs: place.blobs, url: place.url })
}

/// Returns where blobs come from, by what was named.
pub(super) async fn source(named: Option<&str>, client: &L1Client) -> Result<Box<dyn BlobSource>> {
    Ok(match named {
        None => Box::new(ClientBlobs(client.clone())),
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            Box::new(BeaconBlobs::connect(url).await.wrap_err("cannot use the source of blobs")?)
        }
        Some(path) => {
            ensure!(std::path::Path::new(path).is_dir(), "`{path}` is no directory of blobs");
            Box::new(BlobDir::new(path))
        }
    })
}

/// Derives the batches up to `last`; returns them.
pub(super) async fn derive(
    audit: &mut Audit,
    blobs: &dyn BlobSource,
    last: u64,
) -> Result<Vec<PostedBatch>> {
    let mut all = Vec::new();
    let count = audit.history().batches.len() as u64;
    let progress = Progress::new("deriving", last.min(count));
    let mut ahead = Ahead::new(blobs);
    while let Some(posted) = audit.next().filter(|posted| posted.header.number <= last).cloned() {
        all.push(derive_one(audit, &mut ahead, &posted).await?.0);
        progress.at(posted.header.number, &format!("batch {}", posted.header.number));
    }
    progress.end();
    Ok(all)
}

/// Derives the next batch; returns it, and what follows from it.
pub(super) async fn derive_one(
    audit: &mut Audit,
    ahead: &mut Ahead<'_>,
    posted: &Posted,
) -> Result<(PostedBatch, Derived)> {
    // Only what nobody signed has no blobs: the hub sees to that.
    if posted.blobs.is_empty() {
        let derived = audit.apply_forced(&mut |_| {})?;
        return Ok((PostedBatch::Forced(posted.forced()), derived));
    }
    let (content, legs) = ahead.take(audit.history(), posted).await?;
    let signed = audit.open(&content)?;
    let derived = audit.apply(&signed, legs, &mut |_| {})?;
    let payload = weft_batch::blobs::unpack(&content)?;
    Ok((PostedBatch::Signed(Box::new(signed), payload.into()), derived))
}

/// Reads the content of batches and recovers the senders in it, while the batch before is derived.
pub(super) struct Ahead<'a> {
    blobs: &'a dyn BlobSource,
    /// The batch behind the last one that was taken.
    next: Option<Begun>,
}

/// A batch whose senders somebody recovers.
struct Begun {
    number: u64,
    content: Vec<Bytes>,
    legs: JoinHandle<Recovered>,
}

impl<'a> Ahead<'a> {
    pub(super) const fn new(blobs: &'a dyn BlobSource) -> Self {
        Self { blobs, next: None }
    }

    /// Returns the content of a batch with its senders, and begins with the one behind it.
    pub(super) async fn take(
        &mut self,
        history: &History,
        posted: &Posted,
    ) -> Result<(Vec<Bytes>, Recovered)> {
        let number = posted.header.number;
        let begun = self.next.take().filter(|begun| begun.number == number);
        let Begun { content, legs, .. } = match begun {
            Some(begun) => begun,
            None => self.begin(posted).await.wrap_err("cannot read the blobs")?,
        };
        let behind = history.batches.iter().find(|it| it.header.number == number + 1);
        if let Some(behind) = behind.filter(|behind| !behind.blobs.is_empty()) {
            // What fails is tried again in its turn: the first lie stands before what is missing behind it.
            self.next = self.begin(behind).await.ok();
        }
        Ok((content, legs.await?))
    }

    async fn begin(&self, posted: &Posted) -> Result<Begun, BlobError> {
        let content = self.blobs.blobs(posted).await?;
        let read = content.clone();
        let legs = spawn_blocking(move || recovered(&read));
        Ok(Begun { number: posted.header.number, content, legs })
    }
}

/// Recovers the senders of what blobs hold. Whether that is a batch is somebody else's question: without one there are none.
fn recovered(content: &[Bytes]) -> Recovered {
    let read = || {
        let bytes = weft_batch::blobs::unpack(content).ok()?;
        SignedBatch::decode(&weft_batch::payload::unpack(&bytes).ok()?).ok()
    };
    read().map_or_else(|| Recovered::new(Vec::new()), |signed| recover(&signed))
}

/// L1 blocks behind one that it does not take back.
pub(super) const DEPTH: u64 = 64;

/// Brings together what a node goes on from: `batches` are all that stand, derived.
pub(super) fn gather(history: &History, batches: Vec<PostedBatch>) -> OnL1 {
    let mut blocks: Vec<(weft_node::L1Block, Vec<weft_node::L1Entry>)> = Vec::new();
    let last = history.to.number.saturating_sub(DEPTH);
    for entry in history.entries.iter().take_while(|entry| entry.block.number <= last) {
        let block = super::run::ours(entry.block);
        let one = weft_node::L1Entry {
            index: entry.index,
            log_index: entry.origin.log_index,
            payload: entry.payload.clone(),
        };
        match blocks.last_mut() {
            Some((known, entries)) if *known == block => entries.push(one),
            _ => blocks.push((block, vec![one])),
        }
    }
    OnL1 { blocks, batches, must_reach: history.must_reach() }
}

/// Returns how many blocks are missing until L1 takes back nothing of what the realm goes on from.
pub(super) fn missing(history: &History) -> u64 {
    let last = history.batches.iter().map(|posted| posted.block.number);
    let voided = history.voided.iter().map(|voided| voided.block.number);
    let last = last.chain(voided).max().unwrap_or_default();
    (last + DEPTH).saturating_sub(history.to.number)
}
