//! `weft keys`: keys that sign promises.

use crate::say::say;
use alloy_primitives::Address;
use clap::{Args, Subcommand};
use eyre::{Result, WrapErr, ensure, eyre};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};
use weft_promise::{Guard, KeystoreError, LocalSigner, Passphrase, Signer as _, keystore};

/// Variable that holds the passphrase where no file is named.
pub(super) const PASSPHRASE: &str = "WEFT_PASSPHRASE";

/// Keys that sign promises, in encrypted files
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft keys new promise.json --passphrase secret
  weft keys show promise.json --passphrase secret
  weft dev --promise-key promise.json --passphrase secret

The passphrase is the first line of the file, or WEFT_PASSPHRASE.

Beside the key lies KEY.guard, in which a node notes what it has promised, so
that it never signs two things for one position. A key that promises for a
sequencer needs it: keep both together, on one machine. A key that only pays,
such as that of `weft shield`, never needs its guard.")]
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
                check_free(&file, &guard)?;
                let address = keystore::create(&file, &secret)?.address();
                Guard::create(&guard, address, now_ms())?;
                eprintln!(
                    "the key is in {}; a sequencer notes in {} what it promised: keep both together",
                    file.display(),
                    guard.display()
                );
                address
            }
            Self::Guard(NewGuard { file, key }) => {
                Guard::create(&file, key, now_ms())?;
                key
            }
            Self::Show(Show { file, passphrase: secret }) => {
                open(&file, secret.as_deref())?.address()
            }
        };
        say(address);
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes sure that a new key finds nothing in its place.
fn check_free(file: &Path, guard: &Path) -> Result<()> {
    let (key, guard_name) = (file.display(), guard.display());
    ensure!(!file.exists(), "{key} exists; a key file is never overwritten: take another name");
    ensure!(
        !guard.exists(),
        "{guard_name} exists without its key: it notes what a key that was in {key} has promised; \
         bring that key back, or take another name"
    );
    Ok(())
}

/// Opens the key in a file, with the passphrase from another or from the environment.
pub(crate) fn open(file: &Path, secret: Option<&Path>) -> Result<LocalSigner> {
    check_is_file(file)?;
    Ok(keystore::open(file, &passphrase(secret)?)?)
}

/// Makes sure that a key is named by its file. One that stands there itself is not repeated on a screen or in a log.
pub(crate) fn check_is_file(file: &Path) -> Result<()> {
    let name = file.to_string_lossy();
    let digits = name.strip_prefix("0x").unwrap_or(&name);
    let is_secret = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(
        !is_secret,
        "--key: write the name of an encrypted key file here (`weft keys new` makes one), and no key"
    );
    ensure!(file.exists(), "there is no key file {name}; `weft keys new {name}` makes one");
    Ok(())
}

/// Returns the passphrase from a file, or from the environment.
pub(crate) fn passphrase(file: Option<&Path>) -> Result<Passphrase> {
    let Some(file) = file else {
        let hint = "name a file with --passphrase whose first line it is, or set the variable";
        return Passphrase::from_env(PASSPHRASE).wrap_err(hint);
    };
    let name = file.display();
    Passphrase::read(file).map_err(|error| match error {
        KeystoreError::File { why, .. } => eyre!(
            "no passphrase in {name}: {why}; --passphrase names a file whose first line it is"
        ),
        KeystoreError::NoPassphrase(_) => {
            eyre!("the first line of {name} is empty; the passphrase stands there")
        }
        error => error.into(),
    })
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
