//! `weft keys`: keys that sign promises.

use crate::say::say;
use alloy_primitives::Address;
use clap::{Args, Subcommand};
use eyre::{Result, WrapErr, eyre};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};
use weft_promise::{Guard, Passphrase, Signer as _, keystore};

/// Variable that holds the passphrase where no file is named.
pub(super) const PASSPHRASE: &str = "WEFT_PASSPHRASE";

/// Keys that sign promises, in encrypted files
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft keys new promise.json --passphrase secret
  weft keys show promise.json --passphrase secret
  weft dev --promise-key promise.json --passphrase secret

The passphrase is the first line of the file, or WEFT_PASSPHRASE. Beside the key
lies KEY.guard: what was signed. Keep it with the key, never on two machines.")]
pub(crate) enum Keys {
    New(New),
    Show(Show),
    Guard(NewGuard),
}

/// Makes the guard file of a key that has signed nothing
#[derive(Debug, Args)]
pub(crate) struct NewGuard {
    /// File to write; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Address of the key, such as a signer program names it
    #[arg(long, value_name = "ADDRESS")]
    key: Address,
}

/// Makes a key and its guard file
#[derive(Debug, Args)]
pub(crate) struct New {
    /// File to write; it must not exist
    #[arg(value_name = "KEY")]
    file: PathBuf,
    /// File whose first line is the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
}

/// Prints the address of a key
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Key file
    #[arg(value_name = "KEY")]
    file: PathBuf,
    /// File whose first line is the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
}

impl Keys {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let address = match self {
            Self::New(New { file, passphrase: secret }) => {
                let secret = passphrase(secret.as_deref())?;
                let guard = guard_of(&file);
                if guard.exists() {
                    return Err(eyre!("{} exists; it belongs to another key", guard.display()));
                }
                let address = keystore::create(&file, &secret)?.address();
                Guard::create(&guard, address, now_ms())?;
                address
            }
            Self::Guard(NewGuard { file, key }) => {
                Guard::create(&file, key, now_ms())?;
                key
            }
            Self::Show(Show { file, passphrase: secret }) => {
                keystore::open(&file, &passphrase(secret.as_deref())?)?.address()
            }
        };
        say(address);
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns the passphrase from a file, or from the environment.
pub(crate) fn passphrase(file: Option<&Path>) -> Result<Passphrase> {
    match file {
        Some(file) => Ok(Passphrase::read(file)?),
        None => Passphrase::from_env(PASSPHRASE)
            .wrap_err("name a file with --passphrase, or set the variable"),
    }
}

/// Returns where the guard of a key lies.
pub(crate) fn guard_of(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".guard");
    name.into()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
