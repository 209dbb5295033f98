//! `weft export`: the blocks of a rollup, out of the data directory of a node that is stopped.

use crate::{
    log,
    progress::{self, Progress},
    say::say,
};
use clap::Args;
use eyre::{Result, WrapErr, ensure};
use serde_json::json;
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};
use weft_node::Archive;

/// Writes the blocks of a rollup to a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft export --data-dir /var/lib/weft --rollup 901 901.rlp
  weft export --data-dir /var/lib/weft --rollup 901 --replay 901.replay 901.rlp
  weft import --replay 901.replay 901.rlp     checks every block of them

The node must be stopped, or the directory a snapshot. The blocks are in RLP,
from genesis on, as go-ethereum exports them. Their transactions alone do not
lead to them: the replay file holds the slots and what other rollups sent.")]
pub(crate) struct Export {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Rollup by its EIP-155 id
    #[arg(long, value_name = "CHAIN")]
    rollup: u32,
    /// File for what `weft import` checks the blocks with
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// File to write; it must not exist
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Export {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        for file in self.replay.iter().chain([&self.out]) {
            ensure!(!file.exists(), "{} exists; no export is written over it", file.display());
        }
        let replay = self.replay.as_deref().map(create).transpose()?;
        let replay = replay.map(|file| Box::new(file) as Box<dyn Write + Send>);
        let shown = Some(progress::of_recovery());
        let done = Archive::open(&self.data_dir, self.rollup, replay, shown)
            .wrap_err("cannot export")
            .and_then(|archive| self.write(&archive));
        if done.is_err() {
            // What is not whole is worth nothing.
            for file in self.replay.iter().chain([&self.out]) {
                let _ = fs::remove_file(file);
            }
        }
        let blocks = done?;
        let out = self.out.display().to_string();
        if self.json {
            say(
                json!({"event": "exported", "chainId": self.rollup, "blocks": blocks, "file": out}),
            );
        } else {
            say(format_args!("exported {blocks} blocks of {} to {out}", self.rollup));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn write(&self, archive: &Archive) -> Result<u64> {
        let cannot = || format!("cannot write {}", self.out.display());
        let mut out = BufWriter::new(create(&self.out)?);
        let progress = Progress::new("exporting", archive.head() + 1);
        for block in archive.blocks() {
            let (number, block) = block?;
            out.write_all(&block).wrap_err_with(cannot)?;
            progress.at(number + 1, &format!("block {number}"));
        }
        let file = out.into_inner().map_err(|error| error.into_error()).wrap_err_with(cannot)?;
        file.sync_all().wrap_err_with(cannot)?;
        Ok(archive.head() + 1)
    }
}

fn create(path: &Path) -> Result<File> {
    File::create_new(path).wrap_err_with(|| format!("cannot write {}", path.display()))
}
