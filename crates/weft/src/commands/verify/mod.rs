//! `weft verify`: every block of every rollup from batches alone, or the first thing in them that is not so (P41). The
//! batches are in a directory, or on L1.

mod l1;

use super::l1::L1Args;
use crate::{log, progress::Progress, say::say};
use clap::Args;
use eyre::{Result, WrapErr};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};
use weft_node::{BatchDir, VerifiedBatches, Verifier};

/// Derives every block of a realm from its batches, or names the first lie
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weft verify --archive archive
  weft verify --archive archive --hashes hashes.txt   to compare with a node
  weft verify --l1 http://l1:8545 --hub 0x5FbD.. --blobs http://beacon:5052

The directory is what `weft export --batches` writes: what the realm is made of
and its batches. On L1 that is in the events of the hub and the inbox, and in
blobs, which need not be trusted. Nothing else is read. Every header, signature,
chain, key, opening, removal and block is derived again; on L1 also what the
contracts hashed. A lie ends it with exit code 1, named with its batch, position
and rollup.")]
pub(crate) struct Verify {
    /// Directory of batches
    #[arg(long, value_name = "DIR", conflicts_with_all = ["urls", "hub", "from", "blobs", "at"])]
    archive: Option<PathBuf>,
    #[command(flatten)]
    l1: L1Args,
    /// Where blobs are; default: the L1 endpoint
    #[arg(long, value_name = "DIR|URL")]
    blobs: Option<String>,
    /// Last block: latest, safe or finalized
    #[arg(long, value_name = "WORD", default_value = "latest", hide_possible_values = true)]
    at: At,
    /// File for rollup, number and hash of every block
    #[arg(long, value_name = "FILE")]
    hashes: Option<PathBuf>,
    /// Prints JSON instead of text
    #[arg(long)]
    json: bool,
}

/// How sure the last L1 block must be.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum At {
    /// The last one
    Latest,
    /// Half of the validators saw it
    Safe,
    /// It can no longer be replaced
    Finalized,
}

impl Verify {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        log::start_plain(self.json);
        let began = Instant::now();
        let mut hashes = self.hashes.as_deref().map(Hashes::create).transpose()?;
        let done = match &self.archive {
            Some(archive) => Self::archive(archive, &mut hashes)?,
            None => super::block_on(self.on_l1(&mut hashes))?,
        };
        hashes.map_or(Ok(()), Hashes::finish)?;
        self.tell(&done, began);
        Ok(ExitCode::SUCCESS)
    }

    fn archive(path: &Path, hashes: &mut Option<Hashes>) -> Result<VerifiedBatches> {
        let dir = BatchDir::open(path);
        let mut verifier = Verifier::new(dir.realm().wrap_err("cannot read the realm")?)?;
        let progress = Progress::new("verifying", dir.count());
        verifier.apply_all(
            &dir,
            &mut |batch| progress.at(batch, &format!("batch {batch}")),
            &mut |block| hashes.iter_mut().for_each(|hashes| hashes.write(block)),
        )?;
        progress.end();
        Ok(verifier.done().clone())
    }

    fn tell(&self, done: &VerifiedBatches, began: Instant) {
        let (took, derived) = (began.elapsed(), &done.derived);
        if self.json {
            let heads = derived.heads.iter().map(|(network, (number, hash))| {
                json!({"chainId": network.get(), "number": number, "hash": hash})
            });
            say(json!({
                "event": "verified",
                "batches": done.batches,
                "slots": derived.slots,
                "items": derived.items,
                "removed": derived.removed,
                "transactions": derived.transactions,
                "blocks": derived.blocks,
                "heads": heads.collect::<Vec<Value>>(),
                "ms": took.as_millis() as u64,
            }));
            return;
        }
        for (network, (number, hash)) in &derived.heads {
            say(format_args!("rollup {network}: block {number} is {hash}"));
        }
        say(format_args!(
            "verified {} batches in {took:.1?}: {} slots, {} items of which {} removed, {} blocks",
            done.batches, derived.slots, derived.items, derived.removed, derived.blocks,
        ));
    }
}

/// Writes the hash of every block.
struct Hashes {
    path: PathBuf,
    out: BufWriter<File>,
    failure: Option<std::io::Error>,
}

impl Hashes {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create_new(path);
        let file = file.wrap_err_with(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.into(), out: BufWriter::new(file), failure: None })
    }

    fn write(&mut self, block: &weft_evm::ClosedBlock) {
        let (network, number, hash) = (block.network, block.header.number, block.hash);
        if let Err(error) = writeln!(self.out, "{network} {number} {hash}") {
            self.failure.get_or_insert(error);
        }
    }

    fn finish(mut self) -> Result<()> {
        let flushed = self.failure.map_or_else(|| self.out.flush(), Err);
        flushed.wrap_err_with(|| format!("cannot write {}", self.path.display()))
    }
}
