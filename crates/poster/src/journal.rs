//! What was signed and sent, on disk before anybody hears of it.

use crate::{error::PostError, fees::Fees};
use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Form of the file.
const VERSION: u32 = 1;
/// Nonces that are remembered: as many as a reorg may give back.
const REMEMBERED: usize = 128;
/// Most bytes of the file.
const MAX_BYTES: u64 = 4 << 20;

/// One nonce, and what was sent with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InFlight {
    /// Nonce of the account.
    pub nonce: u64,
    /// Number of the batch.
    pub number: u64,
    /// Batch before, as L1 knows it.
    pub parent: B256,
    /// L1 block on which the batch rests.
    pub l1_number: u64,
    /// Hash of that block.
    pub l1_hash: B256,
    /// Hash of the batch's encoding; another batch of the number is signed for again.
    #[serde(default)]
    pub content: B256,
    /// The sequencer's signature over the header.
    pub signature: Bytes,
    /// Transactions with this nonce, each dearer than the one before.
    pub attempts: Vec<Attempt>,
}

/// One transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its hash.
    pub hash: B256,
    /// What it offers.
    pub fees: Fees,
    /// L1 block after which it was sent.
    pub after: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    version: u32,
    chain_id: u64,
    hub: Address,
    account: Address,
    /// By nonce.
    sent: Vec<InFlight>,
}

/// The journal of one account at one hub. One process at a time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Held as long as the journal is open.
    _lock: fs::File,
}

impl Journal {
    /// Opens the journal in `dir`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`PostError::File`]; [`PostError::Journal`] for one of another account or hub, or that another process has open.
    pub fn open(
        dir: &Path,
        chain_id: u64,
        hub: Address,
        account: Address,
    ) -> Result<Self, PostError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| PostError::File { path, source }
        };
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let path = dir.join("poster.json");
        let wrong = |why: String| PostError::Journal { path: path.clone(), why };
        let lock_path = dir.join("poster.lock");
        let lock = fs::File::create(&lock_path).map_err(failed(&lock_path))?;
        if lock.try_lock().is_err() {
            return Err(wrong("another process posts from here".to_owned()));
        }
        let new = File { version: VERSION, chain_id, hub, account, sent: Vec::new() };
        let file = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => new,
            Err(error) => return Err(failed(&path)(error)),
            Ok(found) if found.len() > MAX_BYTES => return Err(wrong("it is too long".to_owned())),
            Ok(_) => {
                let text = fs::read(&path).map_err(failed(&path))?;
                let file: File =
                    serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
                let of = |file: &File| (file.version, file.chain_id, file.hub, file.account);
                if of(&file) != of(&new) {
                    let (version, chain, hub, account) = of(&file);
                    let why = format!(
                        "version {version} of account {account} at hub {hub} on chain {chain}"
                    );
                    return Err(wrong(why));
                }
                file
            }
        };
        Ok(Self { path, file, _lock: lock })
    }

    /// Returns what was sent with a nonce.
    pub fn at(&self, nonce: u64) -> Option<&InFlight> {
        self.file.sent.iter().find(|sent| sent.nonce == nonce)
    }

    /// Returns everything that is remembered, by nonce.
    pub fn sent(&self) -> &[InFlight] {
        &self.file.sent
    }

    /// Notes what is about to be sent with its nonce; on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`PostError::File`]; nothing may be sent then.
    pub fn note(&mut self, flight: InFlight) -> Result<(), PostError> {
        let mut file = self.file.clone();
        file.sent.retain(|sent| sent.nonce != flight.nonce);
        file.sent.push(flight);
        file.sent.sort_by_key(|sent| sent.nonce);
        let over = file.sent.len().saturating_sub(REMEMBERED);
        file.sent.drain(..over);
        self.write(&file).map_err(|source| PostError::File { path: self.path.clone(), source })?;
        self.file = file;
        Ok(())
    }

    /// Writes the file whole or not at all.
    fn write(&self, file: &File) -> io::Result<()> {
        let part = self.path.with_extension("part");
        let mut out = fs::File::create(&part)?;
        out.write_all(&serde_json::to_vec_pretty(file)?)?;
        out.sync_all()?;
        fs::rename(&part, &self.path)?;
        self.path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: Address = Address::repeat_byte(1);
    const ACCOUNT: Address = Address::repeat_byte(2);

    fn flight(nonce: u64) -> InFlight {
        let fees = Fees { max_fee: 1, tip: 1, blob_fee: u128::MAX };
        InFlight {
            nonce,
            number: nonce + 1,
            parent: B256::repeat_byte(3),
            l1_number: 9,
            content: B256::ZERO,
            l1_hash: B256::repeat_byte(4),
            signature: Bytes::from_static(&[5; 65]),
            attempts: vec![Attempt { hash: B256::repeat_byte(6), fees, after: 8 }],
        }
    }

    #[test]
    fn what_was_noted_is_there_after_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), 1, HUB, ACCOUNT).unwrap();
        assert!(Journal::open(dir.path(), 1, HUB, ACCOUNT).is_err(), "it is open already");
        (0..200).for_each(|nonce| journal.note(flight(nonce)).unwrap());
        drop(journal);
        let journal = Journal::open(dir.path(), 1, HUB, ACCOUNT).unwrap();
        assert_eq!(journal.at(199), Some(&flight(199)));
        assert_eq!((journal.at(71), journal.sent().len()), (None, REMEMBERED));
    }

    #[test]
    fn a_journal_of_somebody_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Journal::open(dir.path(), 1, HUB, ACCOUNT).unwrap().note(flight(1)).unwrap();
        assert!(matches!(
            Journal::open(dir.path(), 2, HUB, ACCOUNT),
            Err(PostError::Journal { .. })
        ));
        assert!(matches!(
            Journal::open(dir.path(), 1, ACCOUNT, ACCOUNT),
            Err(PostError::Journal { .. })
        ));
        assert!(matches!(Journal::open(dir.path(), 1, HUB, HUB), Err(PostError::Journal { .. })));
        fs::write(dir.path().join("poster.json"), "{").unwrap();
        assert!(matches!(
            Journal::open(dir.path(), 1, HUB, ACCOUNT),
            Err(PostError::Journal { .. })
        ));
    }
}
