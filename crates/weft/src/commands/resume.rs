//! `weft resume`: a node's data directory from what L1 holds.

use super::{
    l1::L1Args,
    on_l1::{self, Read},
};
use crate::{
    log, progress,
    settings::{Flags, L1Settings, Profile, Settings},
};
use clap::Args;
use eyre::{Result, WrapErr, ensure, eyre};
use std::{process::ExitCode, time::Duration};
use weft_l1::{Audit, Sureness};
use weft_node::DevConfig;

/// Between two looks at L1.
const AGAIN: Duration = Duration::from_secs(2);

/// Makes the data directory of a node from L1 alone
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft resume --config weft.toml
  weft resume --config weft.toml --blobs http://beacon:5052

Everything is derived as `weft verify --l1` does and put where the node looks
for it; what is there goes to `void-N` beside it. `weft node` goes on behind the
last batch on L1: behind the last settled one when somebody left by state proof
since, and burns what left first. It waits until 64 blocks follow what it rests
on. Sealed items that were opened run again; what was not is given up behind an
inbox-only batch or such an exit, and stands in the way otherwise. What was
ordered and is in no batch on L1 is gone, and its slots are numbered again: the
first start has to be with --guard-restored, so that the key promises nothing
about slots for which it may have signed.")]
pub(crate) struct Resume {
    /// Of a development realm
    #[arg(long)]
    dev: bool,
    /// Replaces what is in the data directory
    #[arg(long)]
    replace: bool,
    /// Where blobs are; default: the L1 endpoint
    #[arg(long, value_name = "DIR|URL")]
    blobs: Option<String>,
    #[command(flatten)]
    flags: Flags,
}

impl Resume {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let settings = Settings::resolve(&self.flags)?;
        log::start(&settings)?;
        let profile = if self.dev { Profile::Development } else { Profile::Production };
        let config = settings.node(profile, false)?;
        let data =
            config.data_dir.clone().ok_or_else(|| eyre!("no data directory (--data-dir)"))?;
        let is_empty = !data.join("log").exists();
        ensure!(
            is_empty || self.replace,
            "{} holds a realm; --replace puts it aside",
            data.display()
        );
        resume(&settings.l1()?, self.blobs.as_ref(), &config).await?;
        tracing::info!("`weft node --guard-restored` goes on from here");
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes the directories of a configuration from what L1 holds, as soon as it takes nothing of that back.
pub(super) async fn resume(
    place: &L1Settings,
    blobs: Option<&String>,
    config: &DevConfig,
) -> Result<()> {
    let l1 =
        L1Args { urls: place.urls.clone(), hub: place.hub, from: Some(place.from), config: None };
    let blobs = blobs.or(place.blobs.as_ref());
    let mut told = 0;
    let Read { history, blobs, .. } = loop {
        let read = on_l1::read(&l1, blobs, Sureness::Latest).await?;
        let missing = on_l1::missing(&read.history);
        if missing == 0 {
            break read;
        }
        if missing != told {
            tracing::info!(missing, "waiting for L1 blocks");
            told = missing;
        }
        tokio::time::sleep(AGAIN).await;
    };
    let mut audit = Audit::new(history.clone())?;
    let batches = on_l1::derive(&mut audit, blobs.as_ref(), u64::MAX).await?;
    let (count, must_reach) = (batches.len(), history.must_reach());
    let on_l1 = on_l1::gather(&history, batches);
    let (mut config, realm) = (config.clone(), history.realm);
    config.progress = Some(progress::of_adoption(count as u64));
    let made = tokio::task::spawn_blocking(move || weft_node::resume(&config, &realm, on_l1));
    made.await?.wrap_err("the realm does not go on from L1")?;
    tracing::info!(batches = count, must_reach, "the data directory is made from L1");
    Ok(())
}
