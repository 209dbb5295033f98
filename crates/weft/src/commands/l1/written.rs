//! The section `[l1]` of a configuration file, written without touching anything else in it.

use eyre::{Result, WrapErr, bail, ensure};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use toml_edit::{DocumentMut, Item, Table, value};
use weft_l1::Deployed;

/// A file that waits for its section.
#[derive(Debug)]
pub(crate) struct Waiting {
    path: PathBuf,
    document: DocumentMut,
}

impl Waiting {
    /// Reads a file, which must not name a hub yet.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).wrap_err_with(|| format!("cannot read {shown}"))?;
        let document: DocumentMut =
            text.parse().wrap_err_with(|| format!("{shown} is no configuration"))?;
        for (section, key) in [("l1", "hub"), ("l1", "chain_id"), ("realm", "genesis")] {
            let is_there = document.get(section).and_then(|table| table.get(key)).is_some();
            ensure!(
                !is_there,
                "{shown} has `{section}.{key}`: its realm is deployed; a realm has one hub for good"
            );
        }
        Ok(Self { path: path.into(), document })
    }

    /// Begins with nothing; [`Self::at`] says where it goes.
    pub(crate) fn empty() -> Self {
        Self { path: PathBuf::new(), document: DocumentMut::new() }
    }

    /// Leaves the file as it is, and writes another one.
    pub(crate) fn at(self, path: &Path) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Writes where the realm is; comments and everything else stay as they are.
    pub(crate) fn write(mut self, deployed: &Deployed, urls: &[String]) -> Result<()> {
        let whole = |number: u64| i64::try_from(number).map(value);
        let l1 = self.section("l1")?;
        if !urls.is_empty() {
            l1.insert("urls", value(urls.join(",")));
        }
        l1.insert("chain_id", whole(deployed.chain_id)?);
        l1.insert("hub", value(deployed.contracts.hub.to_string()));
        l1.insert("from", whole(deployed.from)?);
        let genesis = deployed.realm.rollups.first().map(|rollup| rollup.timestamp);
        let genesis = whole(genesis.unwrap_or_default())?;
        self.section("realm")?.insert("genesis", genesis);
        self.save().wrap_err_with(|| format!("cannot write {}", self.path.display()))
    }

    fn section(&mut self, name: &str) -> Result<&mut dyn toml_edit::TableLike> {
        let item = self.document.entry(name).or_insert_with(|| Item::Table(Table::new()));
        match item.as_table_like_mut() {
            Some(table) => Ok(table),
            None => bail!("`{name}` is no section"),
        }
    }

    /// Writes the file whole or not at all, with the rights that it has; a new one is its owner's.
    fn save(&self) -> Result<()> {
        let rights = fs::metadata(&self.path).map(|known| known.permissions());
        let rights = rights.unwrap_or_else(|_| fs::Permissions::from_mode(0o600));
        let part = self.path.with_extension("part");
        let mut file = fs::File::create(&part)?;
        file.set_permissions(rights)?;
        file.write_all(self.document.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(part, &self.path)?;
        Ok(())
    }
}
