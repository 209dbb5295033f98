//! What an attester keeps of rollups: their states, or no more than what somebody shows it of them (P44).

use eyre::{Result, WrapErr, ensure};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};
use weft_evm::{Begin, MemoryState};
use weft_poster::{Attester, BatchWitness, MAX_WITNESS_BYTES};
use weft_state::{Showing, WitnessState};
use weft_types::{Decode as _, Encode as _};

/// A kind of state that attesters derive on.
pub(in crate::commands) trait Kept: Begin {
    /// Gets ready for the next batch.
    fn before(_: &mut Attester<Self>, _: Option<&Path>, _: u64) -> Result<()> {
        Ok(())
    }

    /// Does what is left to do when a batch was derived.
    fn after(_: &mut Attester<Self>, _: Option<&Path>, _: u64) -> Result<()> {
        Ok(())
    }
}

impl Kept for MemoryState {}

/// Keeps nothing: everything is in witnesses.
impl Kept for WitnessState {
    fn before(attester: &mut Attester<Self>, witnesses: Option<&Path>, number: u64) -> Result<()> {
        let witness = read(directory(witnesses), number)?;
        let expected = hash_of(attester, number);
        ensure!(
            (witness.number, witness.batch) == (number, expected),
            "the witness of batch {number} is of batch {} with hash {}, on L1 it is {expected}",
            witness.number,
            witness.batch
        );
        attester.show(&witness);
        Ok(())
    }

    fn after(attester: &mut Attester<Self>, _: Option<&Path>, _: u64) -> Result<()> {
        attester.forget();
        Ok(())
    }
}

/// Keeps everything, and writes witnesses of it.
impl Kept for Showing {
    fn after(attester: &mut Attester<Self>, witnesses: Option<&Path>, number: u64) -> Result<()> {
        let batch = hash_of(attester, number);
        let witness = attester.shown(number, batch)?;
        let dir = directory(witnesses);
        ensure!(!dir.is_file(), "{} is a file", dir.display());
        fs::create_dir_all(dir).wrap_err_with(|| format!("cannot make {}", dir.display()))?;
        write_whole(&file(dir, number), &witness.encode())
    }
}

fn directory(witnesses: Option<&Path>) -> &Path {
    witnesses.expect("attesters of this kind have a directory")
}

fn hash_of<S: Begin>(attester: &Attester<S>, number: u64) -> alloy_primitives::B256 {
    let mut batches = attester.history().batches.iter();
    let posted = batches.find(|posted| posted.header.number == number);
    posted.expect("what is derived is on L1").hash
}

fn file(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("batch-{number:08}.witness"))
}

fn read(dir: &Path, number: u64) -> Result<BatchWitness> {
    let path = file(dir, number);
    let cannot = || format!("cannot read the witness of batch {number}: {}", path.display());
    let found = fs::metadata(&path).wrap_err_with(cannot)?;
    ensure!(found.is_file(), "{} is no file", path.display());
    ensure!(found.len() <= MAX_WITNESS_BYTES as u64, "{} is too long", path.display());
    let bytes = fs::read(&path).wrap_err_with(cannot)?;
    BatchWitness::decode(&bytes).wrap_err_with(cannot)
}

/// Writes a file that is there as a whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let part = path.with_extension("part");
    let mut file = fs::File::create(&part).wrap_err_with(cannot)?;
    file.write_all(bytes).wrap_err_with(cannot)?;
    file.sync_all().wrap_err_with(cannot)?;
    fs::rename(&part, path).wrap_err_with(cannot)
}
