//! `weft executor`: the execution of one rollup, for a node at the other end of standard input.

use clap::Args;
use eyre::{Result, WrapErr, bail};
use std::{
    io::{self, IsTerminal},
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
};

/// Runs one rollup's execution for a node in another process
#[derive(Debug, Args)]
#[command(after_help = "\
`weft dev --executor 903` starts one and hands it a socket as standard input.")]
pub(crate) struct Executor {
    /// Rollup that the node hands over; shown in process lists
    #[arg(long, value_name = "CHAIN")]
    rollup: Option<u64>,
}

impl Executor {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let rollup =
            self.rollup.map_or_else(|| "the rollup".to_owned(), |id| format!("rollup {id}"));
        let stdin = io::stdin();
        if stdin.is_terminal() {
            bail!("standard input is a terminal; `weft dev --executor 903` starts executors");
        }
        let socket = stdin.as_fd().try_clone_to_owned().wrap_err("cannot take standard input")?;
        weft_executor::work(UnixStream::from(socket))
            .wrap_err_with(|| format!("{rollup} stops"))?;
        Ok(ExitCode::SUCCESS)
    }
}
