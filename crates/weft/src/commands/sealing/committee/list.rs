//! `weft committee list`.

use super::{
    super::{
        file,
        key::{list_json, read_setup},
    },
    roster::{RosterArgs, read_announcement},
};
use crate::domain::parse_domain;
use clap::Args;
use eyre::{Result, ensure};
use std::{collections::BTreeSet, path::PathBuf};
use weft_crypto::{Announcement, KeyList, ShareVerdict};
use weft_types::Domain;

/// Makes an epoch's key of what the members announced in time
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft committee list --setup <FILE> --epoch <EPOCH> --committee <FILE>
                           [OPTIONS] <ANNOUNCEMENT>...",
    after_help = "\
Files that are given count as having come in time. What is not signed by its
member is an error; a share whose proof does not hold is left out, and so is a
member without announcement."
)]
pub(crate) struct List {
    /// Setup of the realm
    #[arg(long, value_name = "FILE")]
    setup: PathBuf,
    /// Epoch
    #[arg(long)]
    epoch: u64,
    #[command(flatten)]
    committee: RosterArgs,
    /// Realm
    #[arg(long, value_name = "L1:ADDRESS:REALM", value_parser = parse_domain)]
    domain: Option<Domain>,
    /// Announcements of `weft committee deal`
    #[arg(value_name = "ANNOUNCEMENT", required = true)]
    announcements: Vec<PathBuf>,
}

impl List {
    /// Runs the command.
    pub(super) fn run(self) -> Result<()> {
        let setup = read_setup(&self.setup)?;
        let roster = self.committee.read()?;
        let domain = self.domain.unwrap_or_else(Domain::dev);
        let (mut announced, mut seen) = (Vec::new(), BTreeSet::new());
        for path in &self.announcements {
            let (member, share) = read_announcement(path, &setup, &domain, self.epoch, &roster)?;
            ensure!(seen.insert(member), "{}: member {member} twice", path.display());
            announced.push(Announcement { member, received_unix_ms: 0, share });
        }
        let committee = roster.members.keys().copied().collect();
        let (list, verdicts) =
            KeyList::assemble(&setup, &domain, self.epoch, &committee, &announced, 0)?;
        for (member, verdict) in verdicts {
            match verdict {
                ShareVerdict::Accepted => {}
                ShareVerdict::Wrong(why) => eprintln!("member {member} is left out: {why}"),
                ShareVerdict::Missing => eprintln!("member {member} announced nothing"),
                ShareVerdict::Late { by_ms } => eprintln!("member {member} is {by_ms} ms late"),
            }
        }
        file::print(&list_json(&setup, &list))
    }
}
