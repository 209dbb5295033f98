//! The configuration of a node: flags before variables before the file before what holds by default.

mod build;
mod check;
mod file;
mod flags;
mod keys;
mod l1;
#[cfg(test)]
mod reference;
mod rollup;
mod sealing;
mod value;

pub(crate) use build::Profile;
pub(crate) use flags::Flags;
pub(crate) use l1::L1Settings;
pub(crate) use rollup::read_rollup;

use eyre::{Result, bail, eyre};
use file::{Problem, suggestion};
use keys::{KEYS, Key};
use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use value::Value;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag(&'static str),
    Variable(String),
    File(PathBuf, usize),
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// What holds, by path of the key. Keys without a value are not in it.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, (Value, Source)>,
}

/// Returns what holds when nobody says otherwise.
fn defaults() -> BTreeMap<&'static str, (Value, Source)> {
    let keys = KEYS.iter().filter(|key| !key.default.is_empty());
    let parse = |key: &Key| key.kind.parse(key.default).expect("defaults can be read");
    keys.map(|key| (key.path, (parse(key), Source::Default))).collect()
}

impl Settings {
    /// Brings together what flags, variables and the file say.
    ///
    /// # Errors
    ///
    /// All problems, one a line.
    pub(crate) fn resolve(flags: &Flags) -> Result<Self> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let (settings, problems) = Self::layered(flags, variables.collect());
        match problems.as_slice() {
            [] => Ok(settings),
            [only] => bail!("{only}"),
            [first, others @ ..] => {
                bail!("{first} (and {} more; `weft config check` shows all)", others.len())
            }
        }
    }

    fn layered(flags: &Flags, variables: BTreeMap<String, String>) -> (Self, Vec<String>) {
        let (mut values, mut problems) = (defaults(), Vec::new());
        if let Some(path) = flags.file() {
            let read = file::read(path, KEYS, None);
            problems.extend(read.problems.iter().map(Problem::to_string));
            problems.extend(open_secrets(path, &read.values));
            for (key, placed) in read.values {
                values.insert(key, (placed.value, Source::File(path.into(), placed.line)));
            }
        }
        problems.extend(unknown_variables(&variables));
        for key in KEYS {
            let name = key.variable();
            let Some(text) = variables.get(&name).filter(|text| !text.is_empty()) else { continue };
            match key.kind.parse(text) {
                Ok(value) => drop(values.insert(key.path, (value, Source::Variable(name)))),
                Err(_) if key.is_secret => problems.push(format!("{name}: cannot be read")),
                Err(why) => problems.push(format!("{name}: {why}")),
            }
        }
        for (path, name, value) in flags.values() {
            values.insert(path, (value.clone(), Source::Flag(name)));
        }
        (Self { values }, problems)
    }

    /// Returns everything that is wrong with a file, its rollups included.
    pub(crate) fn problems_of(path: &Path) -> Vec<String> {
        let read = file::read(path, KEYS, None);
        let mut problems: Vec<_> = read.problems.iter().map(Problem::to_string).collect();
        problems.extend(open_secrets(path, &read.values));
        if let Some(Value::Paths(paths)) = read.values.get("realm.rollups").map(|p| &p.value) {
            for path in paths {
                problems.extend(read_rollup(path).err().into_iter().flatten());
            }
        }
        if problems.is_empty() {
            problems.extend(Self::of_file(path, read.values).contradictions());
        }
        problems
    }

    /// Returns what a file alone says.
    fn of_file(path: &Path, read: BTreeMap<&'static str, file::Placed>) -> Self {
        let mut values = defaults();
        for (key, placed) in read {
            values.insert(key, (placed.value, Source::File(path.into(), placed.line)));
        }
        Self { values }
    }

    /// Returns the keys that `weft node` needs beside what a file says, with their flags.
    pub(crate) fn missing_of(path: &Path) -> Vec<String> {
        Self::of_file(path, file::read(path, KEYS, None).values).missing()
    }

    /// Returns what holds, as a file with the source of every line; secrets are not shown.
    pub(crate) fn shown(&self) -> String {
        let mut out = String::new();
        let mut section = "";
        for key in KEYS {
            let (in_section, name) = key.path.split_once('.').unwrap_or(("", key.path));
            if in_section != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                out += &format!("{gap}[{in_section}]\n");
                section = in_section;
            }
            out += &match self.values.get(key.path) {
                Some((_, source)) if key.is_secret => format!("{name} = \"***\"  # {source}\n"),
                Some((value, source)) => format!("{name} = {value}  # {source}\n"),
                None => format!("# {name} is not set\n"),
            };
        }
        out
    }

    /// Sets what holds unless somebody says otherwise: a command's own default.
    pub(crate) fn set_default(&mut self, path: &'static str, value: Value) {
        let is_said = self.values.get(path).is_some_and(|(_, source)| *source != Source::Default);
        if !is_said {
            self.values.insert(path, (value, Source::Default));
        }
    }

    fn get(&self, path: &str) -> Option<&Value> {
        assert!(KEYS.iter().any(|key| key.path == path), "{path} is in the table of keys");
        self.values.get(path).map(|(value, _)| value)
    }

    fn source(&self, path: &str) -> &Source {
        self.values.get(path).map_or(&Source::Default, |(_, source)| source)
    }

    /// Returns an error that names a key and where it was set.
    fn wrong(&self, path: &str, why: impl fmt::Display) -> eyre::Report {
        match self.source(path) {
            Source::Default => eyre!("`{path}`: {why}"),
            source => eyre!("{source}: `{path}`: {why}"),
        }
    }

    fn text(&self, path: &str) -> Option<&str> {
        match self.get(path)? {
            Value::Text(text) => Some(text),
            other => unreachable!("{path} is text: {other:?}"),
        }
    }

    fn path(&self, path: &str) -> Option<&Path> {
        match self.get(path)? {
            Value::Path(found) => Some(found),
            other => unreachable!("{path} is a path: {other:?}"),
        }
    }

    fn paths(&self, path: &str) -> &[PathBuf] {
        match self.get(path) {
            Some(Value::Paths(found)) => found,
            None => &[],
            other => unreachable!("{path} is a list of paths: {other:?}"),
        }
    }

    fn number(&self, path: &str) -> Option<u64> {
        match self.get(path)? {
            Value::Number(number) => Some(*number),
            other => unreachable!("{path} is a number: {other:?}"),
        }
    }

    fn numbers(&self, path: &str) -> &[u64] {
        match self.get(path) {
            Some(Value::Numbers(found)) => found,
            None => &[],
            other => unreachable!("{path} is a list of numbers: {other:?}"),
        }
    }

    fn time(&self, path: &str) -> Duration {
        match self.get(path) {
            Some(Value::Time(time)) => *time,
            other => unreachable!("{path} is a time and has a default: {other:?}"),
        }
    }

    fn host(&self, path: &str) -> IpAddr {
        match self.get(path) {
            Some(Value::Host(host)) => *host,
            other => unreachable!("{path} is an address and has a default: {other:?}"),
        }
    }
}

/// Returns a problem for each secret in a file that others may read.
fn open_secrets(path: &Path, values: &BTreeMap<&'static str, file::Placed>) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    if mode & 0o077 == 0 {
        return Vec::new();
    }
    let secret = |key: &&Key| key.is_secret && values.contains_key(key.path);
    let why = "others may read this file; run chmod 600 on it";
    let problem = |key: &Key| {
        let line = values[key.path].line;
        Problem::new(path, line, format!("`{}`: {why}", key.path)).to_string()
    };
    KEYS.iter().filter(secret).map(problem).collect()
}

/// Returns a problem for each variable that begins like one of ours and is none.
fn unknown_variables(variables: &BTreeMap<String, String>) -> Vec<String> {
    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let sections = KEYS.iter().filter_map(|key| key.path.split_once('.'));
    let begins: Vec<String> =
        sections.map(|(section, _)| format!("WEFT_{}_", section.to_uppercase())).collect();
    let is_ours = |name: &&String| begins.iter().any(|begin| name.starts_with(begin.as_str()));
    let unknown = variables.keys().filter(is_ours).filter(|name| !known.contains(name));
    let problem = |name: &String| {
        let hint = suggestion(name, known.iter().map(String::as_str));
        format!("unknown variable {name}{hint}")
    };
    unknown.map(problem).collect()
}

#[cfg(test)]
mod tests;
