//! `weft committee`: the keys of epochs, from the setup to the secret.

mod deal;
mod list;
mod open;
mod release;
mod roster;
mod serve;
mod setup;

pub(crate) use roster::read_roster;

use clap::Subcommand;
use eyre::Result;
use std::process::ExitCode;

/// Makes and opens the keys that epochs are sealed to
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft committee setup --squarings 200000000 > setup.json
  weft committee deal --setup setup.json --epoch 7 --member 1 \\
      --secret epoch-7.secret --key member.json --passphrase pass > a1.json
  weft committee list --setup setup.json --epoch 7 \\
      --committee committee.json a1.json a2.json a3.json > epoch-7.json
  weft committee release epoch-7.json --member 1 --head 0x1f6e.. \\
      --secret epoch-7.secret --key member.json --passphrase pass > r1.json
  weft committee open epoch-7.json --head 0x1f6e.. \\
      --committee committee.json r1.json r2.json r3.json > secret-7.json
  weft committee serve --member 1 --dir member-1 --rpc http://node:9545 \\
      --key member.json --passphrase pass

committee.json says who is who: {\"members\": {\"1\": \"0x7099..\", \"2\": \"0x3C44..\"}}
A member deals before the epoch and releases after its last slot is closed, for
that closing head and no other. Without a member's release the epoch is opened
by `weft solve`.")]
pub(crate) enum Committee {
    Setup(setup::SetupCommand),
    Deal(deal::Deal),
    List(list::List),
    Release(release::ReleaseCommand),
    Open(open::Open),
    Serve(Box<serve::Serve>),
}

impl Committee {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Setup(command) => command.run()?,
            Self::Deal(command) => command.run()?,
            Self::List(command) => command.run()?,
            Self::Release(command) => command.run()?,
            Self::Open(command) => command.run()?,
            Self::Serve(command) => command.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
