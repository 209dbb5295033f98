//! The `weft` command: one order for many rollups.
//!
//! Each file of [`commands`] is one command. The exit code is 0 when the command did what it says, 1 for an error,
//! which is one line on standard error; `weft bundle` adds 2 for a removed bundle and 3 for one not decided yet.

mod accounts;
mod address;
mod amount;
mod commands;
mod court;
mod delay;
mod domain;
mod explain;
mod load;
mod log;
mod progress;
mod realm;
mod rpc;
mod say;
mod settings;
mod style;
mod tower;
mod upstream;
mod utc;
mod victim;

use clap::Parser;
use commands::Command;
use std::process::ExitCode;

// Rollups that run in parallel make and drop many small values on several threads.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// One order for many EVM rollups, atomic bundles and calls between them
#[derive(Debug, Parser)]
#[command(
    version,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  weft demo flash-loan     a flash loan over two rollups, in one transaction
  weft dev                 rollups 901, 902, 903 at ports 9545, 9546, 9547
  weft node --help         the same in production
  weft bundle --help       bundles step by step
"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Says what an address or a hash has to look like, where the decoder knows only that a length is wrong.
fn worded(error: &clap::Error) -> Option<String> {
    let text = error.to_string();
    let unclear = ["invalid string length", "odd number of digits"];
    let unclear = unclear.into_iter().find(|words| text.contains(words))?;
    let digits = if text.contains("<ADDRESS>") { 40 } else { 64 };
    Some(text.replace(unclear, &format!("write 0x and {digits} hex digits")))
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Clap's own code for wrong usage, 2, means `removed` here.
            let code = if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
            // Nobody is left to tell when the terminal is gone.
            let _ = match worded(&error) {
                Some(words) => std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes()),
                None => error.print(),
            };
            return code;
        }
    };
    match cli.command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
