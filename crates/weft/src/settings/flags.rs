//! Flags, read off the table of keys.

use super::{
    keys::{KEYS, Key},
    value::{Kind, Value},
};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use std::path::{Path, PathBuf};

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    file: Option<PathBuf>,
    /// Path of the key, name of the flag, value.
    values: Vec<(&'static str, &'static str, Value)>,
}

/// Name of the flag, and of the variable, for the file.
const CONFIG: &str = "config";

impl Flags {
    /// Returns the configuration file.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns what a command line says that names a file and nothing else.
    pub(crate) fn with_file(file: Option<PathBuf>) -> Self {
        Self { file, values: Vec::new() }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&'static str, &'static str, &Value)> {
        self.values.iter().map(|(path, name, value)| (*path, *name, value))
    }

    #[cfg(test)]
    pub(super) fn of(
        file: Option<PathBuf>,
        values: &[(&'static str, &'static str, Value)],
    ) -> Self {
        Self { file, values: values.to_vec() }
    }
}

/// Returns the keys that have a flag, with its name and its value's.
fn flagged() -> impl Iterator<Item = (&'static Key, &'static str, &'static str)> {
    KEYS.iter().filter_map(|key| key.flag.map(|(name, value)| (key, name, value)))
}

fn arg(key: &'static Key, name: &'static str, value: &'static str) -> Arg {
    let kind = key.kind;
    let parse = move |text: &str| kind.parse(text);
    let default = match key.default {
        "" | "false" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let action = if kind == Kind::Numbers { ArgAction::Append } else { ArgAction::Set };
    let arg = Arg::new(name).long(name).value_name(value).action(action).value_parser(parse);
    let arg = match kind {
        Kind::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => arg,
    };
    arg.help(format!("{}{default}", key.help))
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG).long(CONFIG).value_name("FILE").env("WEFT_CONFIG");
        let config = config.hide_env(true).value_parser(clap::value_parser!(PathBuf));
        let command =
            command.arg(config.help("Configuration file; flags and variables come first"));
        flagged().fold(command, |command, (key, name, value)| command.arg(arg(key, name, value)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self { file: matches.get_one(CONFIG).cloned(), values: Vec::new() };
        for (key, name, _) in flagged() {
            let given: Vec<&Value> = matches.get_many(name).into_iter().flatten().collect();
            if let Some(value) = joined(&given) {
                flags.values.push((key.path, name, value));
            }
        }
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns what a flag says, and all of it when it was repeated.
fn joined(given: &[&Value]) -> Option<Value> {
    let numbers = |value: &&Value| match value {
        Value::Numbers(numbers) => numbers.clone(),
        _ => Vec::new(),
    };
    match given {
        [] => None,
        [Value::Numbers(_), ..] => Some(Value::Numbers(given.iter().flat_map(numbers).collect())),
        [.., last] => Some((*last).clone()),
    }
}
