//! Encrypted key files: Web3 secret storage, version 3, as other Ethereum tools read and write them.

use crate::signer::LocalSigner;
use alloy_primitives::B256;
use eth_keystore::{EthKeystore, KdfparamsType};
use std::{
    env, fmt,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// Most bytes of a key file or passphrase file.
const MAX_FILE: u64 = 64 * 1024;
/// Most memory that opening a key file may take, in bytes.
const MAX_MEMORY: u64 = 512 << 20;
/// Most rounds of PBKDF2.
const MAX_ROUNDS: u32 = 10_000_000;

/// A passphrase. It is not shown by `Debug`.
#[derive(Clone)]
pub struct Passphrase(String);

/// Why a key file is of no use.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// A file cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// File.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The file is not an encrypted key.
    #[error("{0} is not an encrypted key file of version 3: {1}")]
    Format(PathBuf, String),
    /// The passphrase is wrong, or the file was altered.
    #[error("wrong passphrase for {0}, or the file was altered")]
    Passphrase(PathBuf),
    /// There is no passphrase.
    #[error("no passphrase: {0}")]
    NoPassphrase(String),
    /// The file exists already.
    #[error("{0} exists; a key file is never overwritten")]
    Exists(PathBuf),
}

impl Passphrase {
    /// Takes a passphrase; an empty one is refused.
    ///
    /// # Errors
    ///
    /// [`KeystoreError::NoPassphrase`] when it is empty.
    pub fn new(text: String) -> Result<Self, KeystoreError> {
        if text.is_empty() {
            return Err(KeystoreError::NoPassphrase("it is empty".to_owned()));
        }
        Ok(Self(text))
    }

    /// Reads the first line of a file.
    ///
    /// # Errors
    ///
    /// [`KeystoreError`] when there is none.
    pub fn read(path: &Path) -> Result<Self, KeystoreError> {
        let text = read_bounded(path)?;
        Self::new(text.lines().next().unwrap_or_default().to_owned())
    }

    /// Takes the value of an environment variable.
    ///
    /// # Errors
    ///
    /// [`KeystoreError::NoPassphrase`] when it is not set, or empty.
    pub fn from_env(name: &str) -> Result<Self, KeystoreError> {
        let value = env::var(name);
        let unset = |_| KeystoreError::NoPassphrase(format!("{name} is not set"));
        Self::new(value.map_err(unset)?)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Makes a key and writes it, encrypted, to a file that must not exist and that only its owner may read.
///
/// # Errors
///
/// [`KeystoreError`] when nothing was written.
pub fn create(path: &Path, passphrase: &Passphrase) -> Result<LocalSigner, KeystoreError> {
    let key = B256::from(rand_08::random::<[u8; 32]>());
    write(path, &key, passphrase)
}

/// Writes a key, encrypted, to a file that must not exist and that only its owner may read.
///
/// # Errors
///
/// [`KeystoreError`] when nothing was written.
pub fn write(
    path: &Path,
    key: &B256,
    passphrase: &Passphrase,
) -> Result<LocalSigner, KeystoreError> {
    let signer = LocalSigner::new(key)
        .ok_or_else(|| KeystoreError::Format(path.into(), "not a private key".to_owned()))?;
    claim(path)?;
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let name = path.file_name().and_then(|name| name.to_str());
    let mut rng = rand_08::rngs::OsRng;
    eth_keystore::encrypt_key(directory, &mut rng, key, &passphrase.0, name)
        .map_err(|error| KeystoreError::Format(path.into(), error.to_string()))?;
    let flushed = fs::File::open(path).and_then(|file| file.sync_all());
    flushed.map_err(|why| KeystoreError::File { path: path.into(), why })?;
    Ok(signer)
}

/// Makes the file, empty, for its owner alone.
fn claim(path: &Path) -> Result<(), KeystoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(KeystoreError::Exists(path.into()))
        }
        Err(why) => Err(KeystoreError::File { path: path.into(), why }),
    }
}

/// Opens an encrypted key.
///
/// # Errors
///
/// [`KeystoreError`] when the file or the passphrase is not right.
pub fn open(path: &Path, passphrase: &Passphrase) -> Result<LocalSigner, KeystoreError> {
    let key = read(path, passphrase)?;
    LocalSigner::new(&B256::new(*key))
        .ok_or_else(|| KeystoreError::Format(path.into(), "not a private key".to_owned()))
}

/// Reads an encrypted secret of 32 bytes, for who does not sign with it.
///
/// # Errors
///
/// [`KeystoreError`] when the file or the passphrase is not right.
pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
    let text = read_bounded(path)?;
    let wrong = |why: String| KeystoreError::Format(path.into(), why);
    let keystore: EthKeystore =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    check(&keystore).map_err(|why| wrong(why.to_owned()))?;
    let key = eth_keystore::decrypt_key(path, &passphrase.0).map_err(|error| match error {
        eth_keystore::KeystoreError::MacMismatch => KeystoreError::Passphrase(path.into()),
        error => wrong(error.to_string()),
    })?;
    let key = Zeroizing::new(key);
    let key = key.as_slice().try_into().map_err(|_| wrong("the key has no 32 bytes".into()))?;
    Ok(Zeroizing::new(key))
}

/// Checks what would end in a panic or take all memory.
fn check(keystore: &EthKeystore) -> Result<(), &'static str> {
    let crypto = &keystore.crypto;
    if keystore.version != 3 || crypto.cipher != "aes-128-ctr" {
        return Err("another version or cipher");
    }
    if crypto.cipherparams.iv.len() != 16 || crypto.ciphertext.len() != 32 {
        return Err("wrong length of the key or of its vector");
    }
    match &crypto.kdfparams {
        KdfparamsType::Pbkdf2 { c, dklen: 32, .. } if *c <= MAX_ROUNDS => Ok(()),
        KdfparamsType::Scrypt { dklen: 32, n, p, r, .. }
            if n.is_power_of_two()
                && *n > 1
                && *p <= 16
                && u64::from(*n) * u64::from(*r) * 128 <= MAX_MEMORY =>
        {
            Ok(())
        }
        _ => Err("parameters of the key derivation are out of bounds"),
    }
}

fn read_bounded(path: &Path) -> Result<String, KeystoreError> {
    use io::Read as _;
    let failed = |why| KeystoreError::File { path: path.into(), why };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
