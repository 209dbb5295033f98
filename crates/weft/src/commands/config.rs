//! `weft config`: what a configuration says, and what is wrong with it.

use crate::{
    say::say,
    settings::{Flags, Settings},
};
use clap::{Args, Subcommand};
use eyre::Result;
use std::{path::PathBuf, process::ExitCode};

/// Checks and shows the configuration of a node
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  weft config check weft.toml
  weft config print --config weft.toml --slot 1s

Keys, variables and defaults are in docs/reference/config.md.")]
pub(crate) enum Config {
    Check(Check),
    Print(Print),
}

/// Shows everything that is wrong with a file and the rollups it names
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Configuration file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Shows what holds and where it comes from; secrets as ***
#[derive(Debug, Args)]
pub(crate) struct Print {
    #[command(flatten)]
    flags: Flags,
}

impl Config {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Check(Check { file }) => {
                let problems = Settings::problems_of(&file);
                problems.iter().for_each(|problem| eprintln!("{problem}"));
                if !problems.is_empty() {
                    return Ok(ExitCode::FAILURE);
                }
                say(format_args!("{} is good", file.display()));
                let missing = Settings::missing_of(&file);
                if !missing.is_empty() {
                    say(format_args!("`weft node` needs beside it: {}", missing.join(", ")));
                }
            }
            Self::Print(Print { flags }) => say(Settings::resolve(&flags)?.shown().trim_end()),
        }
        Ok(ExitCode::SUCCESS)
    }
}
