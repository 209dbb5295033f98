//! `weft export`: the blocks of a rollup or the batches of a realm, out of the data directory of a node that is stopped.

use super::keys;
use crate::{
    log,
    progress::{self, Progress},
    say::say,
    settings::{Flags, Settings},
};
use clap::Args;
use eyre::{Result, WrapErr, bail, ensure};
use serde_json::json;
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};
use weft_node::{Archive, BatchDir, BatchLimits, DataOf, export_batches};

/// Writes the blocks of a rollup, or the batches of the realm, to files
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft export --data-dir /var/lib/weft --rollup 901 901.rlp
  weft export --data-dir /var/lib/weft --rollup 901 --replay 901.replay 901.rlp
  weft import --replay 901.replay 901.rlp     checks every block of them
  weft export --data-dir /var/lib/weft --batches archive
  weft verify --archive archive               derives every block of them

The node must be stopped, or the directory a snapshot. The blocks are in RLP,
from genesis on, as go-ethereum exports them. Their transactions alone do not
lead to them: the replay file holds the slots and what other rollups sent.
Batches hold what the sequencer was given, for all rollups; it signs them with
--key, or with the key of development nodes.")]
pub(crate) struct Export {
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Configuration of a realm that is on L1
    #[arg(long, value_name = "FILE", env = "WEFT_CONFIG", hide_env = true)]
    config: Option<PathBuf>,
    /// Rollup by its EIP-155 id
    #[arg(long, value_name = "CHAIN", required_unless_present = "batches")]
    rollup: Option<u32>,
    /// Empty directory for the batches of all closed slots
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rollup", "replay", "out"])]
    batches: Option<PathBuf>,
    /// Key file of the sequencer, that signs the batches
    #[arg(long, value_name = "FILE", requires = "batches")]
    key: Option<PathBuf>,
    /// File whose first line is the key's passphrase
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase: Option<PathBuf>,
    /// Most slots of a batch
    #[arg(long, value_name = "N", default_value_t = 3000, requires = "batches")]
    slots: u16,
    /// File for what `weft import` checks the blocks with
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// File to write; it must not exist
    #[arg(value_name = "OUT", required_unless_present = "batches")]
    out: Option<PathBuf>,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

impl Export {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        if let Some(batches) = &self.batches {
            return self.write_batches(batches);
        }
        let (Some(rollup), Some(out)) = (self.rollup, &self.out) else {
            bail!("name a rollup and a file, or a directory with --batches");
        };
        for file in self.replay.iter().chain([out]) {
            ensure!(!file.exists(), "{} exists; no export is written over it", file.display());
        }
        let replay = self.replay.as_deref().map(create).transpose()?;
        let replay = replay.map(|file| Box::new(file) as Box<dyn Write + Send>);
        let shown = Some(progress::of_recovery());
        let done = Archive::open(self.data()?, rollup, replay, shown)
            .wrap_err("cannot export")
            .and_then(|archive| write(&archive, out));
        if done.is_err() {
            // What is not whole is worth nothing.
            for file in self.replay.iter().chain([out]) {
                let _ = fs::remove_file(file);
            }
        }
        let blocks = done?;
        let out = out.display().to_string();
        if self.json {
            say(json!({"event": "exported", "chainId": rollup, "blocks": blocks, "file": out}));
        } else {
            say(format_args!("exported {blocks} blocks of {rollup} to {out}"));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn data(&self) -> Result<DataOf> {
        let settings = Settings::resolve(&Flags::with_file(self.config.clone()))?;
        Ok(DataOf { dir: self.data_dir.clone(), domain: settings.domain()? })
    }

    fn write_batches(&self, path: &Path) -> Result<ExitCode> {
        let signer = match &self.key {
            Some(file) => keys::open(file, self.passphrase.as_deref())?,
            None => weft_node::development_sequencer(),
        };
        let dir = BatchDir::create(path).wrap_err("cannot write batches")?;
        let limits = BatchLimits { slots: self.slots.max(1).into(), ..BatchLimits::default() };
        let shown = Some(progress::of_recovery());
        let (sink, signer) = (Box::new(dir), Box::new(signer));
        let batches = export_batches(self.data()?, sink, signer, limits, shown);
        let batches = batches.wrap_err("cannot export")?;
        let out = path.display().to_string();
        if self.json {
            say(json!({"event": "exported", "batches": batches, "directory": out}));
        } else {
            say(format_args!("exported {batches} batches to {out}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(archive: &Archive, path: &Path) -> Result<u64> {
    let cannot = || format!("cannot write {}", path.display());
    let mut out = BufWriter::new(create(path)?);
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

fn create(path: &Path) -> Result<File> {
    File::create_new(path).wrap_err_with(|| format!("cannot write {}", path.display()))
}
