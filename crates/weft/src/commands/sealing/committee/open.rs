//! `weft committee open`.

use super::{
    super::{
        file,
        key::{read_list, secret_json},
    },
    roster::{RosterArgs, read_release},
};
use alloy_primitives::B256;
use clap::Args;
use eyre::{Result, bail};
use std::path::PathBuf;
use weft_crypto::{MemberId, Release, ReleaseVerdict};

/// Makes the secret of an epoch of what all of its members released
#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Key list of the epoch
    #[arg(value_name = "LIST")]
    list: PathBuf,
    /// Hash of the closing record of the epoch's last slot
    #[arg(long, value_name = "HASH")]
    head: B256,
    #[command(flatten)]
    committee: RosterArgs,
    /// Releases of `weft committee release`
    #[arg(value_name = "RELEASE", required = true)]
    releases: Vec<PathBuf>,
}

impl Open {
    /// Runs the command.
    pub(super) fn run(self) -> Result<()> {
        let (_, list) = read_list(&self.list)?;
        let roster = self.committee.read()?;
        let mut releases = Vec::new();
        for path in &self.releases {
            let (member, secret) = read_release(path, &list, &self.head, &roster)?;
            releases.push(Release { member, received_unix_ms: 0, secret });
        }
        let (verdicts, secret) = list.collect(&releases, 0);
        let Some(secret) = secret else {
            let unfit =
                verdicts.iter().filter(|(_, verdict)| **verdict != ReleaseVerdict::Accepted);
            let unfit: Vec<String> =
                unfit.map(|(member, verdict)| in_words(*member, *verdict)).collect();
            bail!("the epoch stays shut: {}; `weft solve` opens it all the same", unfit.join(", "))
        };
        file::print(&secret_json(&list, &secret))
    }
}

fn in_words(member: MemberId, verdict: ReleaseVerdict) -> String {
    let what = match verdict {
        ReleaseVerdict::Wrong => "released another secret",
        _ => "released nothing",
    };
    format!("member {member} {what}")
}
