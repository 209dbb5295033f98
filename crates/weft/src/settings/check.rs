//! What is wrong with a configuration, found without starting anything: all that the start of a node looks at before it
//! touches the machine.

use super::{Profile, Settings, build::milliseconds};
use crate::log::check_level;
use eyre::Result;
use std::{fs, path::Path};
use weft_node::DevConfig;
use weft_promise::keystore;

impl Settings {
    /// Returns what does not go together, is out of range or is not there; each thing once.
    pub(super) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut note = |checked: Result<()>| {
            found.extend(checked.err().map(|error| format!("{error:#}")));
        };
        note(self.domain().map(drop));
        note(self.endpoints().map(drop));
        note(self.rollups().map(drop));
        note(self.origins(false).map(drop));
        note(self.switch("node.archive").map(drop));
        note(self.switch("node.keep_log").map(drop));
        note(self.admin().map(drop));
        note(self.follows().map(drop));
        note(self.sealing(Profile::Production).map(drop));
        note(self.keys());
        note(self.level());
        if found.is_empty() {
            found.extend(self.together().err().map(|error| format!("{error:#}")));
        }
        found
    }

    /// Returns what a node needs and nobody says here.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.path("node.data_dir").is_none() {
            missing.push("`node.data_dir` (--data-dir)".to_owned());
        }
        if self.text("node.follow").is_some() {
            return missing;
        }
        if self.path("promise.key").is_none() && self.text("promise.signer").is_none() {
            missing.push("`promise.key` (--promise-key)".to_owned());
        }
        if self.paths("realm.rollups").is_empty() {
            missing.push("`realm.rollups`".to_owned());
        }
        missing
    }

    fn level(&self) -> Result<()> {
        let (_, level) = self.log();
        check_level(level.unwrap_or_default()).map_err(|why| self.wrong("log.level", why))
    }

    /// Looks at the key that signs promises and at its guard. A key whose passphrase only the start knows is not opened.
    fn keys(&self) -> Result<()> {
        self.key_choice()?;
        let Some(key) = self.path("promise.key") else { return Ok(()) };
        self.readable("promise.key", key)?;
        let guard = self.guard_of(key);
        self.readable("promise.guard", &guard)?;
        self.check_owned()?;
        if self.has_passphrase() {
            let opened = keystore::open(key, &self.passphrase()?);
            opened.map_err(|error| self.wrong("promise.key", error))?;
        }
        Ok(())
    }

    fn readable(&self, key: &str, path: &Path) -> Result<()> {
        let tried = fs::File::open(path).map(drop);
        tried.map_err(|error| self.wrong(key, format_args!("{}: {error}", path.display())))
    }

    /// Lets the node look at everything together. What only flags say may be missing.
    fn together(&self) -> Result<()> {
        let listed = self.rollups()?;
        let config = DevConfig {
            rollups: u32::from(listed.is_empty()),
            executors: match listed.is_empty() {
                true => Vec::new(),
                false => self.numbers("executors.chains").to_vec(),
            },
            data_dir: Some(self.path("node.data_dir").unwrap_or(Path::new(".")).into()),
            listed,
            domain: self.domain()?,
            slot_ms: milliseconds(self.time("realm.slot")),
            priority: self.priority(),
            limits: self.limits(),
            batches: self.batches(),
            sealing: self.sealing(Profile::Production)?,
            ..DevConfig::default()
        };
        Ok(config.check()?)
    }
}
