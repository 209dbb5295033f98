//! Files of what is sealed to: setups and key lists; and of what opens: secrets and openings.

use super::file::Document;
use alloy_primitives::{B256, Bytes, FixedBytes};
use eyre::{Result, WrapErr, bail, ensure};
use serde_json::{Value, json};
use std::path::Path;
use weft_crypto::{EpochSecret, KeyList, Secret, Setup, setup::RSA_2048};
use weft_types::Domain;

/// Field of a key list's file in which a node says where deposits lie. No key depends on it.
pub(super) const HOME: &str = "home";

/// What is sealed to.
#[derive(Debug)]
pub(super) enum Key {
    /// The key of an epoch.
    List(Box<(Setup, KeyList)>),
    /// A puzzle of each envelope's own.
    Puzzle(Box<Setup>),
}

impl Key {
    /// Reads a setup or a key list, and where the node that gave it says that deposits lie.
    pub(super) fn read(path: &Path) -> Result<(Self, Option<u32>)> {
        let mut document = Document::read(path)?;
        match document.kind() {
            "setup" => Ok((Self::Puzzle(Box::new(setup_of(&document)?)), None)),
            "keyList" => {
                let home = document.note(HOME)?;
                Ok((Self::List(Box::new(list_of(&document)?)), home))
            }
            found => bail!(
                "{} is a file of kind `{found}`, expected `setup` or `keyList`",
                document.name()
            ),
        }
    }

    /// Returns the name that envelopes carry.
    pub(super) fn id(&self) -> B256 {
        match self {
            Self::List(key) => key.1.id(),
            Self::Puzzle(setup) => setup.id(),
        }
    }

    pub(super) const fn setup(&self) -> &Setup {
        match self {
            Self::List(key) => &key.0,
            Self::Puzzle(setup) => setup,
        }
    }
}

/// Reads a setup.
pub(super) fn read_setup(path: &Path) -> Result<Setup> {
    setup_of(&Document::of_kind(path, "setup")?)
}

/// Reads a setup, as its encoding.
pub(crate) fn read_setup_bytes(path: &Path) -> Result<Bytes> {
    Ok(Bytes::from(read_setup(path)?.encode()))
}

/// Reads a key list with its setup, and checks every share.
pub(super) fn read_list(path: &Path) -> Result<(Setup, KeyList)> {
    let mut document = Document::of_kind(path, "keyList")?;
    document.note::<Value>(HOME)?;
    list_of(&document)
}

/// Writes a setup.
pub(super) fn setup_json(setup: &Setup) -> Value {
    json!({
        "kind": "setup",
        "id": setup.id(),
        "delaySquarings": setup.delay_squarings(),
        "encoding": Bytes::from(setup.encode()),
    })
}

/// Writes a key list.
pub(super) fn list_json(setup: &Setup, list: &KeyList) -> Value {
    json!({
        "kind": "keyList",
        "id": list.id(),
        "domain": list.domain(),
        "epoch": list.epoch(),
        "key": Bytes::copy_from_slice(&list.key().to_bytes()),
        "members": list.shares().keys().collect::<Vec<_>>(),
        "delaySquarings": setup.delay_squarings(),
        "setup": Bytes::from(setup.encode()),
        "encoding": Bytes::from(list.encode()),
    })
}

/// Writes the secret of an epoch, which is public by then.
pub(super) fn secret_json(list: &KeyList, secret: &EpochSecret) -> Value {
    json!({
        "kind": "epochSecret",
        "list": list.id(),
        "epoch": list.epoch(),
        "secret": FixedBytes::new(secret.secret().to_bytes()),
    })
}

/// Reads the secret of a key list's epoch.
pub(super) fn read_secret(path: &Path, list: &KeyList) -> Result<EpochSecret> {
    let document = Document::of_kind(path, "epochSecret")?;
    let found: B256 = document.field("list")?;
    ensure!(found == list.id(), "{} opens list {found}, not {}", document.name(), list.id());
    let number: B256 = document.field("secret")?;
    let secret = Secret::from_bytes(&number.0).and_then(|secret| list.fitting(&secret));
    let Some(secret) = secret else {
        bail!("the secret in {} is not that of the key", document.name())
    };
    document.says(&secret_json(list, &secret))?;
    Ok(secret)
}

fn setup_of(document: &Document) -> Result<Setup> {
    let setup = decoded(document, "encoding")?;
    document.says(&setup_json(&setup))?;
    Ok(setup)
}

fn list_of(document: &Document) -> Result<(Setup, KeyList)> {
    let setup = decoded(document, "setup")?;
    let domain: Domain = document.field("domain")?;
    let list = KeyList::decode(&setup, &domain, &document.bytes("encoding")?)
        .wrap_err_with(|| format!("{} is refused", document.name()))?;
    document.says(&list_json(&setup, &list))?;
    Ok((setup, list))
}

fn decoded(document: &Document, field: &str) -> Result<Setup> {
    let refused = || format!("{} is refused", document.name());
    let setup = Setup::decode(&document.bytes(field)?).wrap_err_with(refused)?;
    // Whoever made another modulus may know its factors, and read everything.
    ensure!(*setup.group().modulus() == RSA_2048, "{}: its modulus is not RSA-2048", refused());
    Ok(setup)
}
