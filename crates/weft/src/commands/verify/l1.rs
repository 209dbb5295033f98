//! Batches from L1.

use super::{At, Hashes, Verify};
use crate::{
    commands::on_l1::{self, Ahead},
    progress::Progress,
};
use eyre::Result;
use weft_l1::{Audit, BlobSource, History, Sureness};
use weft_node::VerifiedBatches;

impl Verify {
    /// Derives everything from what L1 says.
    pub(super) async fn on_l1(&self, hashes: &mut Option<Hashes>) -> Result<VerifiedBatches> {
        let read = on_l1::read(&self.l1, self.blobs.as_ref(), self.at.into()).await?;
        derive(read.history, read.blobs.as_ref(), hashes).await
    }
}

async fn derive(
    history: History,
    blobs: &dyn BlobSource,
    hashes: &mut Option<Hashes>,
) -> Result<VerifiedBatches> {
    let progress = Progress::new("verifying", history.batches.len() as u64);
    let mut audit = Audit::new(history)?;
    let (mut done, mut ahead) = (VerifiedBatches::default(), Ahead::new(blobs));
    while let Some(posted) = audit.next().cloned() {
        let number = posted.header.number;
        let mut heard = |block: &_| hashes.iter_mut().for_each(|hashes| hashes.write(block));
        // Only what nobody signed has no blobs: the hub sees to that.
        let derived = if posted.blobs.is_empty() {
            audit.apply_forced(&mut heard)?
        } else {
            let (content, legs) = ahead.take(audit.history(), &posted).await?;
            let signed = audit.open(&content)?;
            audit.apply(&signed, legs, &mut heard)?
        };
        done.add(derived);
        progress.at(done.batches, &format!("batch {number}"));
    }
    Ok(done)
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
