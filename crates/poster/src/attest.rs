//! Attesters: they derive everything again, compare it with what L1 says, and sign (P44).

use crate::error::PostError;
use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use weft_batch::{SignedBatch, blobs};
use weft_derive::Recovered;
use weft_evm::{Begin, MemoryState};
use weft_l1::{Audit, AuditError, BlobSource, History, Posted, versioned_hash};
use weft_settlement::Statement;
use weft_statement::Ledger;
use weft_types::{Domain, NetworkId};

/// Most transfers of a statement that spans several batches. L1 books each for 26,000 gas, and a transaction there has at most
/// 16,777,216 (EIP-7825).
const MAX_TRANSFERS: usize = 512;

/// One attester's signature over a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// First batch of the statement.
    pub first_batch: u64,
    /// Last batch of the statement.
    pub last_batch: u64,
    /// Digest of the statement.
    pub digest: B256,
    /// Who says that it signed.
    pub attester: Address,
    /// `r || s || parity`.
    pub signature: Bytes,
}

/// Derives batches and knows what to say of them.
#[derive(Debug)]
pub struct Attester<S: Begin = MemoryState> {
    audit: Audit<S>,
    ledger: Ledger,
}

impl Attester {
    /// Begins before the first batch of a realm, with what L1 says of all; states are kept in memory.
    ///
    /// # Errors
    ///
    /// [`PostError::Audit`] when registrations or the inbox contradict the hub's running hashes.
    pub fn new(history: History) -> Result<Self, PostError> {
        Self::begin(history)
    }
}

impl<S: Begin> Attester<S> {
    /// Begins before the first batch of a realm, with what L1 says of all.
    ///
    /// # Errors
    ///
    /// [`PostError::Audit`] when registrations or the inbox contradict the hub's running hashes.
    pub fn begin(history: History) -> Result<Self, PostError> {
        let ledger = Ledger::new(&history.realm);
        Ok(Self { audit: Audit::begin(history)?, ledger })
    }

    /// Returns every rollup with its state, to change what it shows.
    pub fn states(&mut self) -> impl Iterator<Item = (NetworkId, &mut S)> {
        self.audit.derivation_mut().realm_mut().rebase()
    }

    /// Returns what is known of the batches so far.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Returns what was read from L1.
    pub const fn history(&self) -> &History {
        self.audit.history()
    }

    /// Tells whether L1 has a settlement less than was noted: it was taken back, and what is said of batches begins behind it.
    pub fn is_ahead_of(&self, history: &History) -> bool {
        self.ledger.span().0 > settled(history)
    }

    /// Goes on with what L1 says later.
    ///
    /// # Errors
    ///
    /// As [`Self::new`], and [`PostError::Audit`] when batches that were derived are not there any more.
    pub fn renew(&mut self, history: History) -> Result<(), PostError> {
        Ok(self.audit.renew(history)?)
    }

    /// Returns the posted batch that is derived next: its number, and true when it is inbox-only (P46).
    pub fn next(&self) -> Option<(u64, bool)> {
        self.audit.next().map(|posted| (posted.header.number, posted.blobs.is_empty()))
    }

    /// Derives the next batch, which is inbox-only.
    ///
    /// # Errors
    ///
    /// [`PostError::Audit`] when something that L1 says of it is not so.
    ///
    /// # Panics
    ///
    /// When there is no next batch.
    pub fn take_forced(&mut self) -> Result<(), PostError> {
        let number = self.audit.next().expect("there is a next batch").header.number;
        let derived = self.audit.apply_forced(&mut |_| {})?;
        let taken = self.ledger.take_forced(self.audit.derivation(), number, &derived);
        taken.map_err(unread)?;
        Ok(())
    }

    /// Derives the next batch; `payload` is what its blobs have to hold.
    ///
    /// # Errors
    ///
    /// [`PostError::Header`] when L1 has other blobs, [`PostError::Audit`] when something else that it says
    /// of the batch is not so: its hash included, which binds it to the inbox and the registrations that it was derived from.
    ///
    /// # Panics
    ///
    /// When there is no next batch.
    pub fn take(
        &mut self,
        payload: &[u8],
        recover: impl FnOnce(&SignedBatch) -> Recovered,
    ) -> Result<(), PostError> {
        let posted = self.audit.next().expect("there is a next batch");
        let content = blobs_of(payload, posted)?;
        self.take_content(&content, recover)
    }

    /// Derives the next batch, whatever it is, from L1 alone: its content is what a source has under the hashes on L1.
    ///
    /// # Errors
    ///
    /// [`PostError::Missing`] when the source does not have it; [`PostError::Audit`] as above.
    ///
    /// # Panics
    ///
    /// When there is no next batch.
    pub async fn take_from(
        &mut self,
        source: &dyn BlobSource,
        recover: impl FnOnce(&SignedBatch) -> Recovered,
    ) -> Result<(), PostError> {
        let posted = self.audit.next().expect("there is a next batch");
        // Only what nobody signed has no blobs: the hub sees to that.
        if posted.blobs.is_empty() {
            return self.take_forced();
        }
        let content = source.blobs(posted).await?;
        self.take_content(&content, recover)
    }

    fn take_content(
        &mut self,
        content: &[Bytes],
        recover: impl FnOnce(&SignedBatch) -> Recovered,
    ) -> Result<(), PostError> {
        let batch = self.audit.open(content)?;
        let derived = self.audit.apply(&batch, recover(&batch), &mut |_| {})?;
        let taken = self.ledger.take(self.audit.derivation(), &batch, &derived);
        taken.map_err(unread)?;
        Ok(())
    }

    /// Returns how many batches are on L1.
    pub const fn posted(&self) -> u64 {
        self.audit.history().batches.len() as u64
    }

    const fn domain(&self) -> Domain {
        self.audit.history().realm.domain
    }

    /// Notes what L1 settled.
    pub fn follow_settlement(&mut self) {
        self.ledger.settle(settled(self.audit.history()));
    }

    /// Returns the last batch of the statement that is to be made now, nothing when everything is settled. Whoever derived the
    /// same batches says the same.
    pub fn reach(&self) -> Option<u64> {
        self.ledger.reach(MAX_TRANSFERS)
    }

    /// Returns the statement that settles everything up to batch `last`, by the hash that was computed of it.
    ///
    /// # Errors
    ///
    /// [`PostError::Statement`].
    pub fn statement(&self, last: u64, program_id: B256) -> Result<Statement, PostError> {
        let batches = &self.audit.history().batches;
        let posted = batches.iter().find(|posted| posted.header.number == last);
        // The ledger refuses what is not there.
        let hash = posted.map(|posted| posted.hash).unwrap_or_default();
        Ok(self.ledger.statement(last, hash, program_id)?)
    }

    /// Signs a statement. It must be one that this attester made: a digest from somebody else is never signed.
    ///
    /// # Errors
    ///
    /// As [`Self::statement`], and [`PostError::Sign`].
    pub fn attest(
        &self,
        last: u64,
        program_id: B256,
        signer: &mut dyn weft_promise::Signer,
    ) -> Result<Attestation, PostError> {
        let statement = self.statement(last, program_id)?;
        let digest = statement.digest(&self.domain());
        let signature = signer.sign(digest).map_err(|error| PostError::Sign(error.to_string()))?;
        Ok(Attestation {
            first_batch: statement.first_batch,
            last_batch: statement.last_batch,
            digest,
            attester: signer.address(),
            signature: signature.to_bytes().into(),
        })
    }
}

fn unread(error: impl std::fmt::Display) -> PostError {
    AuditError::State(error.to_string()).into()
}

/// Returns the last batch that L1 settled.
fn settled(history: &History) -> u64 {
    history.settlements.keys().next_back().copied().unwrap_or_default()
}

/// Returns the blobs that a payload makes, which have to be those of the batch: what others derive from are the blobs, and the
/// hub binds them to no content.
fn blobs_of(payload: &[u8], posted: &Posted) -> Result<Vec<Bytes>, PostError> {
    if posted.blobs.is_empty() {
        // An inbox-only batch has none.
        return Ok(Vec::new());
    }
    let packed = blobs::pack(payload).map_err(|why| PostError::Blobs(why.to_string()))?;
    let hashes: Option<Vec<B256>> = packed.iter().map(|blob| versioned_hash(blob)).collect();
    if hashes.as_ref() != Some(&posted.blobs) {
        return Err(PostError::Header { number: posted.header.number, what: "list of blobs" });
    }
    Ok(packed.into_iter().map(Bytes::from).collect())
}
