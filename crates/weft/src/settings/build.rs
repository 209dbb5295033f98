//! From the configuration to what the node is started with.

use super::{Settings, read_rollup};
use crate::commands::keys;
use eyre::{Result, bail, eyre};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};
use weft_node::{
    AdminConfig, BatchLimits, BatchOptions, DevConfig, GuardFile, Limits, Origins, Priority,
    RollupConfig, SigningKey,
};
use weft_promise::Passphrase;

/// How long a signer program may take to answer.
const SIGNER_PATIENCE: Duration = Duration::from_secs(5);
/// Name of the file with the admin port's token, in the data directory.
const TOKEN_FILE: &str = "admin.token";

/// What the configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Well-known accounts, helpers that change state, a public key for promises.
    Development,
    /// Nothing of that; a data directory and a key of its own.
    Production,
}

impl Settings {
    /// Returns what the node is started with.
    ///
    /// # Errors
    ///
    /// What is missing or does not go together, with its key.
    pub(crate) fn node(&self, profile: Profile, guard_restored: bool) -> Result<DevConfig> {
        let is_dev = profile == Profile::Development;
        let listed = self.rollups()?;
        let defaults = DevConfig::default();
        let config = DevConfig {
            rollups: if is_dev && listed.is_empty() { defaults.rollups } else { 0 },
            listed,
            has_cheats: is_dev,
            host: self.host("node.host"),
            origins: self.origins(is_dev)?,
            domain: self.domain()?,
            genesis_unix_s: self.number("realm.genesis"),
            common_port: self.port("node.common_port"),
            slot_ms: milliseconds(self.time("realm.slot")),
            priority: self.priority(),
            accounts: if is_dev { defaults.accounts.clone() } else { Vec::new() },
            data_dir: self.path("node.data_dir").map(Into::into),
            archive: self.switch("node.archive")?,
            keep_log: self.switch("node.keep_log")?,
            executors: self.numbers("executors.chains").to_vec(),
            executor_timeout_ms: milliseconds(self.time("executors.timeout")),
            promise_key: self.signing_key(profile, guard_restored)?,
            commits: match self.get("promise.commitments") {
                Some(_) => self.is_on("promise.commitments"),
                None => !is_dev || self.sealing(profile)?.is_some(),
            },
            l1_deadline_blocks: self.number("promise.deadline").unwrap_or_default(),
            batches: self.batches(),
            follows: self.follows()?,
            sequencer: self.text("node.sequencer").map(str::to_owned),
            l1_confirmations: self.number("l1.confirmations").unwrap_or(defaults.l1_confirmations),
            safe_is_settled: self.text("l1.safe") == Some("settled"),
            limits: self.limits(),
            admin: self.admin()?,
            save_figures_every: self.time("node.save_figures_every"),
            drain_timeout: self.time("node.drain_timeout"),
            sealing: self.sealing(profile)?,
            ..defaults
        };
        match profile {
            Profile::Development => {
                if config.follows {
                    return Err(
                        self.wrong("node.follow", "`weft node` follows, `weft dev` does not")
                    );
                }
                let promise_key = config.promise_key.or(Some(SigningKey::Development));
                Ok(DevConfig { promise_key, ..config })
            }
            Profile::Production => complete(config),
        }
    }

    pub(super) fn batches(&self) -> Option<BatchOptions> {
        let dir = self.path("node.batches")?.into();
        let limits = BatchLimits::default();
        let ms = milliseconds(self.time("node.batch_time"));
        Some(BatchOptions { dir, limits: BatchLimits { ms, ..limits }, is_volatile: false })
    }

    /// Returns whether the node follows, and what it must not have then.
    pub(super) fn follows(&self) -> Result<bool> {
        let wrong = |why| self.wrong("node.follow", why);
        if self.text("node.follow").is_none() {
            if self.text("node.sequencer").is_some() {
                let why = "a node that follows has a sequencer: set `node.follow` as well";
                return Err(self.wrong("node.sequencer", why));
            }
            return Ok(false);
        }
        if self.path("promise.key").is_some() || self.text("promise.signer").is_some() {
            return Err(wrong("a node that follows signs nothing: take the promise key out"));
        }
        if self.path("node.batches").is_some() {
            return Err(wrong("a node that follows writes no batches: take `node.batches` out"));
        }
        Ok(true)
    }

    pub(super) fn rollups(&self) -> Result<Vec<RollupConfig>> {
        let mut rollups: Vec<RollupConfig> = Vec::new();
        let (mut ids, mut ports) = (BTreeSet::new(), BTreeSet::new());
        for path in self.paths("realm.rollups") {
            let rollup = read_rollup(path).map_err(|problems| match problems.as_slice() {
                [first, others @ ..] if !others.is_empty() => {
                    eyre!("{first} (and {} more; `weft config check` shows all)", others.len())
                }
                only => eyre!("{}", only.concat()),
            })?;
            if !ids.insert(rollup.chain_id) {
                let id = rollup.chain_id;
                return Err(self.wrong("realm.rollups", format_args!("two files for rollup {id}")));
            }
            if rollup.port != 0 && !ports.insert(rollup.port) {
                let port = rollup.port;
                let why = format_args!("two rollups at port {port}");
                return Err(self.wrong("realm.rollups", why));
            }
            rollups.push(rollup);
        }
        rollups.sort_by_key(|rollup| rollup.chain_id);
        Ok(rollups)
    }

    /// Returns a switch of what is in the data directory.
    pub(super) fn switch(&self, path: &str) -> Result<bool> {
        let is_on = self.is_on(path);
        if is_on && self.path("node.data_dir").is_none() {
            return Err(self.wrong(path, "needs `node.data_dir` (--data-dir)"));
        }
        Ok(is_on)
    }

    pub(super) fn origins(&self, is_dev: bool) -> Result<Origins> {
        // Pages talk to a development node directly.
        let text = self.text("node.origins").unwrap_or(if is_dev { "*" } else { "" });
        Origins::read(text).map_err(|error| self.wrong("node.origins", error))
    }

    pub(super) fn priority(&self) -> Priority {
        match self.text("realm.priority") {
            Some("fees") => Priority::Fees,
            _ => Priority::Fcfs,
        }
    }

    pub(super) fn is_on(&self, path: &str) -> bool {
        matches!(self.get(path), Some(super::Value::Switch(true)))
    }

    fn port(&self, path: &str) -> Option<u16> {
        let port = self.number(path)?;
        Some(u16::try_from(port).expect("the table bounds ports"))
    }

    pub(super) fn admin(&self) -> Result<Option<AdminConfig>> {
        let Some(port) = self.port("admin.port") else { return Ok(None) };
        let beside = self.path("node.data_dir").map(|dir| dir.join(TOKEN_FILE));
        let token_file = self.path("admin.token_file").map(PathBuf::from).or(beside);
        let Some(token_file) = token_file else {
            let why = "the admin port needs a place for its token: set `admin.token_file`";
            return Err(self.wrong("admin.port", why));
        };
        let host = self.host("admin.host");
        Ok(Some(AdminConfig { host, ..AdminConfig::local(port, token_file) }))
    }

    /// Checks that at most one thing holds the key, with what belongs to it.
    pub(super) fn key_choice(&self) -> Result<()> {
        let guard = self.path("promise.guard");
        match (self.text("promise.signer"), self.path("promise.key")) {
            (Some(_), Some(_)) => {
                Err(self.wrong("promise.signer", "cannot be used with `promise.key`"))
            }
            (Some(_), None) if guard.is_none() => {
                Err(self.wrong("promise.signer", "needs `promise.guard` (--guard)"))
            }
            (None, None) if self.path("promise.passphrase_file").is_some() => {
                Err(self.wrong("promise.passphrase_file", "needs `promise.key` (--promise-key)"))
            }
            _ => Ok(()),
        }
    }

    fn signing_key(&self, profile: Profile, is_restored: bool) -> Result<Option<SigningKey>> {
        self.key_choice()?;
        let guard = |file: PathBuf| GuardFile { file, is_restored };
        match (self.text("promise.signer"), self.path("promise.key")) {
            (Some(program), _) => Ok(Some(SigningKey::Program {
                program: program.to_owned(),
                args: Vec::new(),
                patience: SIGNER_PATIENCE,
                guard: guard(self.path("promise.guard").map(PathBuf::from).unwrap_or_default()),
            })),
            (None, Some(file)) => {
                if profile == Profile::Production {
                    self.check_owned()?;
                }
                Ok(Some(SigningKey::Keystore {
                    file: file.into(),
                    passphrase: self.passphrase()?,
                    guard: guard(self.guard_of(file)),
                }))
            }
            (None, None) => Ok(None),
        }
    }

    /// Returns where the guard of a key lies.
    pub(super) fn guard_of(&self, key: &Path) -> PathBuf {
        self.path("promise.guard").map_or_else(|| keys::guard_of(key), PathBuf::from)
    }

    /// Refuses a key or passphrase that others may read.
    pub(super) fn check_owned(&self) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        for key in ["promise.key", "promise.passphrase_file"] {
            let Some(path) = self.path(key) else { continue };
            // What is not there is named by whoever reads it.
            let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
            if mode & 0o077 != 0 {
                let why = format_args!("others may read {}; run chmod 600 on it", path.display());
                return Err(self.wrong(key, why));
            }
        }
        Ok(())
    }

    /// Returns true when somebody says a passphrase, or where it stands.
    pub(super) fn has_passphrase(&self) -> bool {
        self.path("promise.passphrase_file").is_some() || self.text("promise.passphrase").is_some()
    }

    pub(super) fn passphrase(&self) -> Result<Passphrase> {
        match (self.path("promise.passphrase_file"), self.text("promise.passphrase")) {
            (Some(file), _) => keys::passphrase(Some(file)),
            (None, Some(text)) => Ok(Passphrase::new(text.to_owned())?),
            (None, None) => keys::passphrase(None),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        let number = |path| self.number(path).expect("limits have defaults");
        let size = |path| usize::try_from(number(path)).expect("the table bounds sizes");
        let narrow = |path| u32::try_from(number(path)).expect("the table bounds counts");
        Limits {
            max_bundle_legs: size("limits.bundle_legs"),
            max_bundle_bytes: size("limits.bundle_bytes"),
            max_prepared: size("limits.prepared"),
            prepared_ttl: self.time("limits.prepared_ttl"),
            max_pending: size("limits.pending"),
            max_pending_bytes: size("limits.pending_bytes"),
            max_gapped: size("limits.gapped"),
            max_pending_per_sender: size("limits.pending_per_sender"),
            max_sender_bytes: size("limits.sender_bytes"),
            pending_ttl: self.time("limits.pending_ttl"),
            max_body_bytes: narrow("limits.body_bytes"),
            max_response_bytes: narrow("limits.response_bytes"),
            max_batch: narrow("limits.batch"),
            max_connections: narrow("limits.connections"),
            max_subscriptions: narrow("limits.subscriptions"),
            message_buffer: narrow("limits.message_buffer"),
            event_backlog: size("limits.event_backlog"),
            subscriber_patience: self.time("limits.subscriber_patience"),
            max_intake: size("limits.intake"),
            max_intake_bytes: size("limits.intake_bytes"),
            max_queued_requests: size("limits.queued_requests"),
            max_filters: size("limits.filters"),
            filter_ttl: self.time("limits.filter_ttl"),
            max_log_blocks: number("limits.log_blocks"),
            max_logs: size("limits.logs"),
            max_outcomes: size("limits.outcomes"),
            max_outcome_bytes: size("limits.outcome_bytes"),
            removed_gas: number("limits.removed_gas"),
            removed_gas_of_all: number("limits.removed_gas_of_all"),
            max_promises: size("limits.promises"),
            sync_send_timeout: self.time("limits.sync_send_timeout"),
            call_gas: number("limits.call_gas"),
            ..Limits::default()
        }
    }

    /// Returns the form of the log and what is logged; `None` for the level when nobody says.
    pub(crate) fn log(&self) -> (bool, Option<&str>) {
        let is_json = self.text("log.format") == Some("json");
        let is_said = *self.source("log.level") != super::Source::Default;
        (is_json, self.text("log.level").filter(|_| is_said))
    }

    /// Says that log lines are JSON unless somebody says otherwise.
    pub(crate) fn prefer_json_log(&mut self) {
        self.set_default("log.format", super::Value::Text("json".to_owned()));
    }
}

/// Checks that nothing is missing that a node in production needs.
fn complete(config: DevConfig) -> Result<DevConfig> {
    if config.data_dir.is_none() {
        bail!("no data directory: set `node.data_dir` (--data-dir)");
    }
    if config.follows {
        return Ok(config);
    }
    if config.promise_key.is_none() {
        bail!("no key for promises: set `promise.key` (--promise-key) or `promise.signer`");
    }
    if config.listed.is_empty() {
        bail!("no rollups: list their files in `realm.rollups`");
    }
    Ok(config)
}

/// Writes a bounded time in milliseconds.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("the table bounds times")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Flags;

    #[test]
    fn limits_of_the_table_are_those_of_the_node() {
        let (settings, problems) = Settings::layered(&Flags::default(), Default::default());
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(format!("{:?}", settings.limits()), format!("{:?}", Limits::default()));
    }
}
