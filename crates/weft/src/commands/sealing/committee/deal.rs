//! `weft committee deal`.

use super::{
    super::{
        file,
        key::read_setup,
        secret::{KeyArgs, entropy},
    },
    roster::announcement_json,
};
use crate::domain::parse_domain;
use alloy_primitives::B256;
use clap::Args;
use eyre::Result;
use std::path::PathBuf;
use weft_crypto::{MemberId, ShareContext, deal};
use weft_promise::{Signer as _, keystore};
use weft_types::Domain;

/// Makes a member's share of an epoch's key
#[derive(Debug, Args)]
#[command(
    override_usage = "\
weft committee deal --setup <FILE> --epoch <EPOCH> --member <NUMBER>
                           --secret <FILE> --key <KEY> [OPTIONS]",
    after_help = "\
The secret goes into a new file, encrypted under the passphrase of the key, for
its owner alone. Keep it until the epoch is closed: without it the epoch opens
later, after the squarings. Who has it and all others reads the epoch at once."
)]
pub(crate) struct Deal {
    /// Setup of the realm
    #[arg(long, value_name = "FILE")]
    setup: PathBuf,
    /// Epoch
    #[arg(long)]
    epoch: u64,
    /// Number of the member
    #[arg(long, value_name = "NUMBER")]
    member: MemberId,
    /// New file for the secret
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    #[command(flatten)]
    signer: KeyArgs,
    /// Realm
    #[arg(long, value_name = "L1:ADDRESS:REALM", value_parser = parse_domain)]
    domain: Option<Domain>,
}

impl Deal {
    /// Runs the command.
    pub(super) fn run(self) -> Result<()> {
        let setup = read_setup(&self.setup)?;
        let mut signer = self.signer.open()?;
        let domain = self.domain.unwrap_or_else(Domain::dev);
        let context = ShareContext { domain, epoch: self.epoch, member: self.member };
        let entropy = entropy()?;
        let (secret, share) = deal(&setup, &context, &B256::new(*entropy));
        let signature = signer.sign(share.announcement_digest(&setup, &context))?;
        // Nothing is announced whose secret could be lost.
        let number = B256::new(secret.to_bytes());
        keystore::write(&self.secret, &number, &self.signer.passphrase()?)?;
        file::print(&announcement_json(&setup, &context, &share, &signature))
    }
}
