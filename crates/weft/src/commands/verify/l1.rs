//! Batches from L1.

use super::{At, Hashes, Verify};
use crate::{commands::l1::no_hub, progress::Progress};
use eyre::{Result, WrapErr, ensure};
use weft_l1::{Audit, BeaconBlobs, BlobDir, BlobSource, ClientBlobs, History, L1Client, Sureness};
use weft_node::{VerifiedBatches, recover};

impl Verify {
    /// Derives everything from what L1 says.
    pub(super) async fn on_l1(&self, hashes: &mut Option<Hashes>) -> Result<VerifiedBatches> {
        let (client, settings) = self.l1.connect().await?;
        let hub = settings.hub.ok_or_else(no_hub)?;
        let to = client.height(self.at.into()).await?;
        let from = settings.from;
        ensure!(from <= to, "block {from} is not on L1 yet; its last block is {to}");
        let blobs = self.blobs.as_ref().or(settings.blobs.as_ref());
        let blobs = source(blobs.map(String::as_str), &client).await?;
        let progress = Progress::new("reading L1", to - from + 1);
        let mut passed = |number: u64| {
            progress.at((number + 1).saturating_sub(from), &format!("L1 block {number}"));
        };
        let history = History::read(&client, hub, from, to, &mut passed).await;
        let history = history.wrap_err("cannot read the realm from L1")?;
        progress.end();
        derive(history, blobs.as_ref(), hashes).await
    }
}

async fn derive(
    history: History,
    blobs: &dyn BlobSource,
    hashes: &mut Option<Hashes>,
) -> Result<VerifiedBatches> {
    let progress = Progress::new("verifying", history.batches.len() as u64);
    let mut audit = Audit::new(history)?;
    let mut done = VerifiedBatches::default();
    while let Some(posted) = audit.next() {
        let number = posted.header.number;
        let mut heard = |block: &_| hashes.iter_mut().for_each(|hashes| hashes.write(block));
        // Only what nobody signed has no blobs: the hub sees to that.
        let derived = if posted.blobs.is_empty() {
            audit.apply_forced(&mut heard)?
        } else {
            let content = blobs.blobs(posted).await.wrap_err("cannot read the blobs")?;
            let signed = audit.open(&content)?;
            let legs = recover(&signed);
            audit.apply(&signed, legs, &mut heard)?
        };
        done.add(derived);
        progress.at(done.batches, &format!("batch {number}"));
    }
    Ok(done)
}

/// Returns where blobs come from, by what was named.
pub(in crate::commands) async fn source(
    named: Option<&str>,
    client: &L1Client,
) -> Result<Box<dyn BlobSource>> {
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

impl From<At> for Sureness {
    fn from(at: At) -> Self {
        match at {
            At::Latest => Self::Latest,
            At::Safe => Self::Safe,
            At::Finalized => Self::Finalized,
        }
    }
}
