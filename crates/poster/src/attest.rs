//! Attesters: they derive everything again, compare it with what L1 says, and sign (P44).

use crate::{
    error::PostError,
    l1::{L1, OnL1},
};
use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use weft_batch::{RealmConfig, SignedBatch, blobs, payload};
use weft_derive::{Derivation, InboxEntry, InvalidRealm, Legs};
use weft_l1::versioned_hash;
use weft_settlement::Statement;
use weft_statement::{Ledger, Origin, header_of};

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
pub struct Attester {
    derivation: Derivation,
    ledger: Ledger,
}

impl Attester {
    /// Begins before the first batch of a realm.
    ///
    /// # Errors
    ///
    /// [`InvalidRealm`].
    pub fn new(config: RealmConfig) -> Result<Self, InvalidRealm> {
        let ledger = Ledger::new(&config);
        Ok(Self { derivation: Derivation::new(config)?, ledger })
    }

    /// Returns what is known of the batches so far.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Derives the next batch, which stands on L1 as `posted`; `payload` is what its blobs have to hold.
    ///
    /// # Errors
    ///
    /// [`PostError::Header`] when L1 says something of it that is not so, or has other blobs; [`PostError::Lie`].
    pub fn take(
        &mut self,
        batch: &SignedBatch,
        payload: &[u8],
        posted: &OnL1,
        inbox: &[InboxEntry],
        legs: &mut dyn Legs,
    ) -> Result<(), PostError> {
        self.check_header(batch, posted)?;
        check_blobs(batch, payload, posted)?;
        let derived = self.derivation.apply(batch, inbox, legs, &mut |_| {})?;
        self.ledger.take(&self.derivation, batch, &derived);
        Ok(())
    }

    fn check_header(&self, batch: &SignedBatch, posted: &OnL1) -> Result<(), PostError> {
        let mut rollups = self.ledger.rollups().to_vec();
        let joined = batch.batch.slots.iter().flat_map(|slot| &slot.joined);
        rollups.extend(joined.map(weft_batch::RollupGenesis::network));
        let expected =
            header_of(&self.derivation.config().domain, batch, &rollups, &Origin::default());
        let found = &posted.header;
        for (is_same, what) in [
            (found.number == expected.number, "number"),
            (found.firstSlot == expected.first_slot, "first slot"),
            (found.lastSlot == expected.last_slot, "last slot"),
            (found.inboxCursor == expected.inbox_cursor, "inbox cursor"),
            (found.rollups == expected.rollups, "set of rollups"),
            (found.laneRoot == expected.lane_root, "lane root"),
            (found.content == expected.content, "content"),
        ] {
            if !is_same {
                return Err(PostError::Header { number: expected.number, what });
            }
        }
        Ok(())
    }

    /// Notes what L1 settled.
    ///
    /// # Errors
    ///
    /// [`PostError`] when L1 cannot be asked.
    pub async fn follow_settlement(&mut self, l1: &L1) -> Result<(), PostError> {
        self.ledger.settle(l1.settled().await?);
        Ok(())
    }

    /// Returns the statement that settles everything up to batch `last`, which stands on L1 as `batch_hash`.
    ///
    /// # Errors
    ///
    /// [`PostError::Statement`].
    pub fn statement(
        &self,
        last: u64,
        batch_hash: B256,
        program_id: B256,
    ) -> Result<Statement, PostError> {
        Ok(self.ledger.statement(last, batch_hash, program_id)?)
    }

    /// Signs a statement. It must be one that this attester made: a digest from somebody else is never signed.
    ///
    /// # Errors
    ///
    /// As [`Self::statement`], and [`PostError::Sign`].
    pub fn attest(
        &self,
        last: u64,
        batch_hash: B256,
        program_id: B256,
        signer: &mut dyn weft_promise::Signer,
    ) -> Result<Attestation, PostError> {
        let statement = self.statement(last, batch_hash, program_id)?;
        let digest = statement.digest(&self.derivation.config().domain);
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

/// What others derive from are the blobs: the hub binds them to no content, so that they are made again and compared.
fn check_blobs(batch: &SignedBatch, payload: &[u8], posted: &OnL1) -> Result<(), PostError> {
    let wrong = |why: &dyn std::fmt::Display| PostError::Blobs(why.to_string());
    let number = batch.batch.number;
    if payload::unpack(payload).map_err(|why| wrong(&why))? != batch.encode() {
        return Err(wrong(&format!("the payload of batch {number} holds another one")));
    }
    let packed = blobs::pack(payload).map_err(|why| wrong(&why))?;
    let hashes: Option<Vec<B256>> = packed.iter().map(|blob| versioned_hash(blob)).collect();
    if hashes.as_ref() == Some(&posted.blobs) {
        return Ok(());
    }
    Err(PostError::Header { number, what: "list of blobs" })
}
