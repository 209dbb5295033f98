//! `weft committee release`.

use super::{
    super::{
        file,
        key::read_list,
        secret::{KeyArgs, create, released_of},
    },
    roster::release_json,
};
use alloy_primitives::B256;
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure, eyre};
use std::{fs, path::PathBuf};
use weft_crypto::{KeyList, MemberId, Secret};
use weft_promise::{Signer as _, keystore};

/// Prints a member's secret, signed for the closing head of the epoch
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft committee release --member <NUMBER> --head <HASH> --secret <FILE>
                              --key <KEY> [OPTIONS] <LIST>",
    after_help = "\
Release only when the last slot of the epoch is closed, under its closing head:
what is released early can be read before its order is fixed.
FILE.released keeps list and head beside the secret; others are refused."
)]
pub(crate) struct ReleaseCommand {
    /// Key list of the epoch
    #[arg(value_name = "LIST")]
    list: PathBuf,
    /// Number of the member
    #[arg(long, value_name = "NUMBER")]
    member: MemberId,
    /// Hash of the closing record of the epoch's last slot
    #[arg(long, value_name = "HASH")]
    head: B256,
    /// File of the secret, from `weft committee deal`
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    #[command(flatten)]
    signer: KeyArgs,
}

impl ReleaseCommand {
    /// Runs the command.
    pub(super) fn run(self) -> Result<()> {
        let (_, list) = read_list(&self.list)?;
        let share = list.shares().get(&self.member);
        let share = share.ok_or_else(|| {
            eyre!("{} has no share of member {}", self.list.display(), self.member)
        })?;
        let secret = self.secret()?;
        ensure!(
            secret.public() == *share.point(),
            "{} is the secret of another epoch or member",
            self.secret.display()
        );
        let mut signer = self.signer.open()?;
        // What is signed for one head is on disk before the signature leaves.
        self.claim(&list)?;
        let signature = signer.sign(list.release_digest(self.member, &self.head))?;
        file::print(&release_json(&list, self.member, &self.head, &secret, &signature))
    }

    fn secret(&self) -> Result<Secret> {
        let number = keystore::read(&self.secret, &self.signer.passphrase()?)?;
        Secret::from_bytes(&number)
            .ok_or_else(|| eyre!("{} holds no secret of a share", self.secret.display()))
    }

    /// Notes list and head; others are refused.
    fn claim(&self, list: &KeyList) -> Result<()> {
        let (path, line) = (released_of(&self.secret), format!("{} {}\n", list.id(), self.head));
        if create(&path, line.as_bytes())? {
            return Ok(());
        }
        let found = fs::read_to_string(&path)
            .wrap_err_with(|| format!("cannot read {}", path.display()))?;
        if found != line {
            bail!(
                "{} was released for key list and closing head {}",
                self.secret.display(),
                found.trim()
            )
        }
        Ok(())
    }
}
