//! Keys and secrets: in encrypted files, for their owner alone, and never shown.

use crate::commands::keys::{open, passphrase};
use clap::Args;
use eyre::{Result, WrapErr};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use weft_promise::{LocalSigner, Passphrase};
use zeroize::Zeroizing;

/// A key in a file.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// Encrypted key file, as of `weft keys new`
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// File whose first line is the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
}

impl KeyArgs {
    /// Opens the key.
    pub(super) fn open(&self) -> Result<LocalSigner> {
        open(&self.key, self.passphrase.as_deref())
    }

    /// Returns the passphrase, which a member's secrets have too.
    pub(super) fn passphrase(&self) -> Result<Passphrase> {
        passphrase(self.passphrase.as_deref())
    }
}

/// Returns 32 bytes from the operating system.
pub(super) fn entropy() -> Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut bytes[..])
        .map_err(|error| eyre::eyre!("the operating system gives no random bytes: {error}"))?;
    Ok(bytes)
}

/// Returns the file beside a secret that says for which closing head it was released.
pub(super) fn released_of(secret: &Path) -> PathBuf {
    beside(secret, ".released")
}

/// Replaces a file in one step: its owner finds the old content or the new one, whole.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let aside = beside(path, ".new");
    write_private(&aside, content)
        .and_then(|()| fs::rename(&aside, path))
        .wrap_err_with(|| format!("cannot write {}", path.display()))
}

/// Makes a file in one step, for its owner alone. Returns false when it exists.
pub(super) fn create(path: &Path, content: &[u8]) -> Result<bool> {
    let aside = beside(path, ".new");
    let made = write_private(&aside, content).and_then(|()| fs::hard_link(&aside, path));
    // What is left of a crash is written anew the next time.
    let _ = fs::remove_file(&aside);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        made => made.map(|()| true).wrap_err_with(|| format!("cannot write {}", path.display())),
    }
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
