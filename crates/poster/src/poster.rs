//! The poster: looks at L1, takes the next step.

use crate::{
    error::PostError,
    fees::{Fees, Limits},
    journal::{Attempt, InFlight, Journal},
    l1::{Head, L1, PostedHead, Refusal},
    sidecar::{Form, Sidecar},
};
use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction as _, TxEip4844, TxEip4844WithSidecar,
};
use alloy_eips::{eip2718::Encodable2718 as _, eip7594::BlobTransactionSidecarVariant};
use alloy_network::TransactionBuilder as _;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall as _;
use std::fmt;
use weft_batch::SignedBatch;
use weft_contracts::Hub;
use weft_settlement::BatchHeader;
use weft_statement::{Origin, header_of};
use weft_types::{Domain, NetworkId};

/// L1 blocks that a header may be old, less some for the way into a block; the hub knows 256.
const MAX_ORIGIN_AGE: u64 = 240;
/// Gas for a dry run that said too little: the first of 256 batches writes new words.
const GAS_MARGIN_PERCENT: u64 = 130;
/// Blob gas of one blob.
const GAS_PER_BLOB: u128 = 131_072;

/// Where batches come from.
pub trait Source: Send {
    /// Returns batch `number` and its payload; nothing while there is none.
    ///
    /// # Errors
    ///
    /// [`PostError::Source`].
    fn batch(&mut self, number: u64) -> Result<Option<(SignedBatch, Vec<u8>)>, PostError>;

    /// Returns the rollups in the order of their registration, with those that joined up to batch `number`.
    ///
    /// # Errors
    ///
    /// [`PostError::Source`].
    fn rollups(&mut self, number: u64) -> Result<Vec<NetworkId>, PostError>;

    /// Returns the hash of batch `number` on L1 when that is an inbox-only one, and the batches behind it follow it.
    ///
    /// # Errors
    ///
    /// [`PostError::Source`].
    fn forced(&mut self, _: u64) -> Result<Option<B256>, PostError> {
        Ok(None)
    }

    /// Returns on which blocks of L1 the batches rest, as far as L1 may take them back: nothing, unless somebody knows.
    ///
    /// # Errors
    ///
    /// [`PostError::Source`].
    fn rests(&mut self) -> Result<Rests, PostError> {
        Ok(Rests::default())
    }
}

/// On which blocks of L1 batches rest, by number and hash (P48).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rests {
    /// L1 has to have these.
    pub on: Vec<(u64, B256)>,
    /// L1 must not have these.
    pub not_on: Vec<(u64, B256)>,
}

/// What a turn did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Everything there is stands on L1.
    Idle {
        /// Last posted batch.
        posted: u64,
    },
    /// A transaction was sent.
    Sent {
        /// Batch.
        number: u64,
        /// Transaction.
        hash: B256,
        /// What it offers.
        fees: Fees,
        /// How many there are with its nonce.
        attempts: usize,
    },
    /// A transaction waits for a block.
    Waiting {
        /// Batch.
        number: u64,
        /// Transaction.
        hash: B256,
    },
    /// L1 asks for more than the ceilings allow.
    Dear {
        /// Batch.
        number: u64,
        /// What L1 asks for: wei per gas, wei per blob gas.
        asked: (u128, u128),
    },
    /// Somebody else was faster, or L1 changed meanwhile; the next turn sees what is there.
    Overtaken {
        /// Batch.
        number: u64,
    },
}

/// Points at which a poster may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is on disk yet.
    BeforeNote,
    /// The attempt is on disk, nobody has it.
    Noted,
    /// L1 has it, its answer was not seen.
    Sent,
}

/// Posts batches from one account.
pub struct Poster {
    l1: L1,
    domain: Domain,
    source: Box<dyn Source>,
    journal: Journal,
    account: PrivateKeySigner,
    sequencer: Box<dyn weft_promise::Signer>,
    limits: Limits,
    form: Form,
    /// Last batch on L1 whose content was compared with ours.
    compared: u64,
    /// The last blobs, by the hash of their payload: their proofs are dear. A number may have another batch later.
    made: Option<(B256, Form, Sidecar)>,
    /// The realm's inbox, once a batch took an entry of it.
    inbox: Option<Address>,
    planted: Option<Step>,
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poster").field("account", &self.account.address()).finish_non_exhaustive()
    }
}

/// What is posted.
struct Posting {
    header: BatchHeader,
    signature: Bytes,
    sidecar: Sidecar,
    form: Form,
    /// Hash of what the blobs hold.
    payload: B256,
}

impl Posting {
    fn call(&self) -> Bytes {
        let header = Hub::BatchHeader {
            number: self.header.number,
            parent: self.header.parent,
            firstSlot: self.header.first_slot,
            lastSlot: self.header.last_slot,
            inboxCursor: self.header.inbox_cursor,
            l1Number: self.header.l1_number,
            l1Hash: self.header.l1_hash,
            rollups: self.header.rollups,
            laneRoot: self.header.lane_root,
            content: self.header.content,
        };
        Hub::postBatchCall { header, signature: self.signature.clone() }.abi_encode().into()
    }
}

impl Poster {
    /// Puts a poster together; `account` pays, `sequencer` signs headers.
    pub fn new(
        l1: L1,
        domain: Domain,
        source: Box<dyn Source>,
        journal: Journal,
        account: PrivateKeySigner,
        sequencer: Box<dyn weft_promise::Signer>,
        limits: Limits,
    ) -> Self {
        Self {
            l1,
            domain,
            source,
            journal,
            account,
            sequencer,
            limits,
            form: Form::Cells,
            compared: 0,
            made: None,
            inbox: None,
            planted: None,
        }
    }

    /// Lets the next turn end at a point.
    #[doc(hidden)]
    pub const fn plant(&mut self, step: Step) {
        self.planted = Some(step);
    }

    /// Returns the journal.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Looks at L1 and takes the next step, if there is one to take.
    ///
    /// # Errors
    ///
    /// [`PostError`]; after [`PostError::L1`] the next turn may work.
    pub async fn turn(&mut self) -> Result<Turn, PostError> {
        let (head, posted) = (self.l1.head().await?, self.l1.posted().await?);
        let number = posted.number + 1;
        let rests = self.source.rests()?;
        match self.compare(&posted).await {
            // L1 here is still on a branch that the batches left already, or the other way round.
            Err(PostError::PostedOtherwise { .. }) if !self.has(&rests).await? => {
                return Ok(Turn::Overtaken { number });
            }
            // Somebody posted for a silent sequencer, and the node does not know it yet.
            Ok(false) => return Ok(Turn::Overtaken { number }),
            Ok(true) => {}
            Err(error) => return Err(error),
        }
        let Some((batch, payload)) = self.source.batch(number)? else {
            return Ok(Turn::Idle { posted: posted.number });
        };
        if self.source.rests()? != rests {
            // Batches are being written again.
            return Ok(Turn::Overtaken { number });
        }
        let nonce = self.l1.nonce(self.account.address()).await?;
        let known = self.journal.at(nonce).cloned();
        // The origin has to know all entries that the batch took (P46), and is a block before the last one.
        let least = self.block_before(batch.batch.inbox_cursor).await?;
        // Nor is it before what the batches rest on, on an L1 that makes no blocks by itself either.
        let least = rests.on.iter().map(|(number, _)| *number).fold(least, u64::max);
        if least >= head.number {
            return Ok(Turn::Overtaken { number });
        }
        let posting =
            self.posting(&batch, &payload, &head, (&posted, least), known.as_ref()).await?;
        if !self.stands(&rests, &posting.header).await? {
            return Ok(Turn::Overtaken { number });
        }
        let asked = (head.base_fee, self.l1.blob_base_fee().await?);
        let market = Fees::first(asked.0, asked.1, &self.limits);
        let Some(known) = known else {
            if !market.pay(asked.0, asked.1) {
                return Ok(Turn::Dear { number, asked });
            }
            let flight = flight(nonce, &posting, Vec::new());
            return self.attempt(flight, posting, market, &head).await;
        };
        self.follow(known, posting, market, asked, &head).await
    }

    /// Tells whether L1 has what the batches rest on, on the branch of the block that a header names. A header can be posted
    /// on that branch alone, so a batch of another one never is (P48).
    async fn stands(&self, rests: &Rests, header: &BatchHeader) -> Result<bool, PostError> {
        let is_later = rests.on.iter().all(|(number, _)| *number <= header.l1_number);
        // The second question last: L1 may change between the answers.
        Ok(is_later
            && self.has(rests).await?
            && self.l1.block_hash(header.l1_number).await? == Some(header.l1_hash))
    }

    /// Tells whether L1 has what the batches rest on.
    async fn has(&self, rests: &Rests) -> Result<bool, PostError> {
        for (number, hash) in &rests.on {
            if self.l1.block_hash(*number).await? != Some(*hash) {
                return Ok(false);
            }
        }
        for (number, hash) in &rests.not_on {
            if self.l1.block_hash(*number).await? == Some(*hash) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Goes on with a nonce that was used for an attempt which is in no block.
    async fn follow(
        &mut self,
        known: InFlight,
        posting: Posting,
        market: Fees,
        asked: (u128, u128),
        head: &Head,
    ) -> Result<Turn, PostError> {
        let number = posting.header.number;
        let is_same = flight(known.nonce, &posting, Vec::new())
            == InFlight { attempts: Vec::new(), ..known.clone() };
        let Some(last) = known.attempts.last().copied() else {
            return self
                .attempt(flight(known.nonce, &posting, Vec::new()), posting, market, head)
                .await;
        };
        let is_patient = head.number < last.after.saturating_add(self.limits.patience);
        if is_same && is_patient {
            return self.again(&posting, known.nonce, last).await;
        }
        match last.fees.replacing(&market, &self.limits) {
            // One that no block can take would only make the next one dearer.
            Some(fees) if !fees.pay(asked.0, asked.1) => Ok(Turn::Dear { number, asked }),
            Some(fees) => {
                let flight = flight(known.nonce, &posting, known.attempts);
                self.attempt(flight, posting, fees, head).await
            }
            // What stands stays; it may be lost, so it is sent again.
            None if is_same => match last.fees.pay(asked.0, asked.1) {
                true => self.again(&posting, known.nonce, last).await,
                false => Ok(Turn::Dear { number, asked }),
            },
            None if self.l1.knows(last.hash).await? => {
                Ok(Turn::Waiting { number: known.number, hash: last.hash })
            }
            None => {
                let flight = flight(known.nonce, &posting, Vec::new());
                self.attempt(flight, posting, market, head).await
            }
        }
    }

    /// Waits for an attempt, and sends it again when nobody knows it.
    async fn again(
        &mut self,
        posting: &Posting,
        nonce: u64,
        last: Attempt,
    ) -> Result<Turn, PostError> {
        let number = posting.header.number;
        if !self.l1.knows(last.hash).await? {
            let gas = match self.dry_run(posting, &last.fees).await? {
                Some(gas) => gas,
                None => return Ok(Turn::Overtaken { number }),
            };
            let (_, raw) = self.sign(posting, nonce, last.fees, gas)?;
            if let Err(why) = self.l1.send(&raw).await? {
                tracing::debug!(%why, number, "an attempt was not taken again");
            }
        }
        Ok(Turn::Waiting { number, hash: last.hash })
    }

    /// Notes an attempt and sends it.
    async fn attempt(
        &mut self,
        mut flight: InFlight,
        mut posting: Posting,
        fees: Fees,
        head: &Head,
    ) -> Result<Turn, PostError> {
        let number = posting.header.number;
        let Some(gas) = self.dry_run(&posting, &fees).await? else {
            return Ok(Turn::Overtaken { number });
        };
        self.check_funds(gas, &fees, posting.sidecar.hashes.len()).await?;
        self.reach(Step::BeforeNote)?;
        let before = flight.attempts.clone();
        loop {
            let (hash, raw) = self.sign(&posting, flight.nonce, fees, gas)?;
            flight.attempts = before.clone();
            flight.attempts.push(Attempt { hash, fees, after: head.number });
            self.journal.note(flight.clone())?;
            self.reach(Step::Noted)?;
            let sent = self.l1.send(&raw).await?;
            self.reach(Step::Sent)?;
            match sent {
                Ok(_) => {
                    let attempts = flight.attempts.len();
                    return Ok(Turn::Sent { number, hash, fees, attempts });
                }
                Err(why) if is_known(&why) => return Ok(Turn::Waiting { number, hash }),
                Err(why) if is_stale(&why) => return Ok(Turn::Overtaken { number }),
                Err(why) if is_cheap(&why) => {
                    let asked = (head.base_fee, fees.blob_fee);
                    return Ok(Turn::Dear { number, asked });
                }
                // The form of the proofs is L1's to choose; before Osaka it wants the other one.
                Err(why) if posting.form == Form::Cells && self.form == Form::Cells => {
                    tracing::info!(%why, "L1 does not take proofs of cells; trying proofs of blobs");
                    self.form = Form::Blobs;
                    let payload = self.source.batch(number)?.map(|(_, payload)| payload);
                    let payload = payload.filter(|payload| keccak256(payload) == posting.payload);
                    if payload.is_none() {
                        return Ok(Turn::Overtaken { number });
                    }
                    posting.sidecar = self.sidecar(&payload.unwrap_or_default())?;
                    posting.form = Form::Blobs;
                }
                Err(why) => return Err(PostError::Refused(why)),
            }
        }
    }

    fn reach(&mut self, step: Step) -> Result<(), PostError> {
        match self.planted.take_if(|planted| *planted == step) {
            Some(step) => Err(PostError::Planted(step)),
            None => Ok(()),
        }
    }

    /// Makes what is posted: with the header that was signed before when it still holds, else with a new one.
    async fn posting(
        &mut self,
        batch: &SignedBatch,
        payload: &[u8],
        head: &Head,
        (posted, least): (&PostedHead, u64),
        known: Option<&InFlight>,
    ) -> Result<Posting, PostError> {
        let number = batch.batch.number;
        let rollups = self.source.rollups(number)?;
        let (sidecar, hash) = (self.sidecar(payload)?, keccak256(payload));
        let (form, content) = (self.form, keccak256(batch.encode()));
        let header = |origin: &Origin| header_of(&self.domain, batch, &rollups, origin);
        if let Some(known) = known.filter(|known| known.l1_number >= least)
            && let Some(origin) = self.standing(known, (number, content), head, posted).await?
        {
            let signature = known.signature.clone();
            let header = header(&origin);
            return Ok(Posting { header, signature, sidecar, form, payload: hash });
        }
        let origin = self.origin(head, posted, least).await?;
        let header = header(&origin);
        let digest = header.digest(&self.domain, &sidecar.hashes);
        let signature = self.sequencer.sign(digest);
        let signature = signature.map_err(|error| PostError::Sign(error.to_string()))?;
        let signature = signature.to_bytes().into();
        Ok(Posting { header, signature, sidecar, form, payload: hash })
    }

    /// Returns the origin that was signed before, when the header with it can still be posted.
    async fn standing(
        &self,
        known: &InFlight,
        (number, content): (u64, B256),
        head: &Head,
        posted: &PostedHead,
    ) -> Result<Option<Origin>, PostError> {
        let is_next = (known.number, known.parent, known.content) == (number, posted.hash, content);
        let is_young = head.number.saturating_sub(known.l1_number) < MAX_ORIGIN_AGE;
        if !is_next
            || !is_young
            || self.l1.block_hash(known.l1_number).await? != Some(known.l1_hash)
        {
            return Ok(None);
        }
        let (parent, number, hash) = (known.parent, known.l1_number, known.l1_hash);
        Ok(Some(Origin { parent, number, hash }))
    }

    /// Returns the L1 block of the last inbox entry before a cursor; zero when L1 shows none.
    async fn block_before(&mut self, cursor: u64) -> Result<u64, PostError> {
        let Some(index) = cursor.checked_sub(1) else { return Ok(0) };
        if self.inbox.is_none() {
            self.inbox = self.l1.inbox().await?;
        }
        match self.inbox {
            Some(inbox) => self.l1.block_of_entry(inbox, index).await,
            None => Ok(0),
        }
    }

    /// Chooses the block on which a header rests: some blocks back, so that most reorgs leave it, and not before `least`.
    async fn origin(
        &self,
        head: &Head,
        posted: &PostedHead,
        least: u64,
    ) -> Result<Origin, PostError> {
        // A dry run on the last block does not know that block's own hash.
        let newest = head.number.saturating_sub(1);
        let deep = head.number.saturating_sub(self.limits.origin_depth.max(1));
        let number = deep.max(least).min(newest);
        let hash = self.l1.block_hash(number).await?;
        let hash = hash.ok_or_else(|| PostError::Answer(format!("no block {number}")))?;
        Ok(Origin { parent: posted.hash, number, hash })
    }

    fn sidecar(&mut self, payload: &[u8]) -> Result<Sidecar, PostError> {
        let key = keccak256(payload);
        if let Some((of, form, sidecar)) = &self.made
            && (*of, *form) == (key, self.form)
        {
            return Ok(sidecar.clone());
        }
        let sidecar = Sidecar::new(payload, self.form)?;
        self.made = Some((key, self.form, sidecar.clone()));
        Ok(sidecar)
    }

    /// Runs a posting on the last block; returns the gas it may use, or nothing when L1 moved on.
    async fn dry_run(&self, posting: &Posting, fees: &Fees) -> Result<Option<u64>, PostError> {
        let request = self.l1.request(self.account.address(), posting.call());
        let request = L1::with_blobs(request, &posting.sidecar.hashes, fees.blob_fee)
            .with_max_fee_per_gas(fees.max_fee)
            .with_max_priority_fee_per_gas(fees.tip);
        match self.l1.dry_run(request).await {
            Ok(gas) => Ok(Some(gas.saturating_mul(GAS_MARGIN_PERCENT) / 100)),
            Err(refusal) if is_overtaken(&refusal) => Ok(None),
            Err(refusal) => Err(refusal.fatal()),
        }
    }

    async fn check_funds(&self, gas: u64, fees: &Fees, blobs: usize) -> Result<(), PostError> {
        let account = self.account.address();
        let blob_gas = GAS_PER_BLOB.saturating_mul(blobs as u128);
        let needs = u128::from(gas)
            .saturating_mul(fees.max_fee)
            .saturating_add(blob_gas.saturating_mul(fees.blob_fee));
        let has = self.l1.balance(account).await?.min(U256::from(u128::MAX)).to();
        if has < needs { Err(PostError::Funds { account, has, needs }) } else { Ok(()) }
    }

    fn sign(
        &self,
        posting: &Posting,
        nonce: u64,
        fees: Fees,
        gas_limit: u64,
    ) -> Result<(B256, Vec<u8>), PostError> {
        let tx = TxEip4844 {
            chain_id: self.l1.chain_id(),
            nonce,
            gas_limit,
            max_fee_per_gas: fees.max_fee,
            max_priority_fee_per_gas: fees.tip,
            to: self.l1.hub(),
            value: U256::ZERO,
            access_list: Default::default(),
            blob_versioned_hashes: posting.sidecar.hashes.clone(),
            max_fee_per_blob_gas: fees.blob_fee,
            input: posting.call(),
        };
        let signature = self.account.sign_hash_sync(&tx.signature_hash());
        let signature = signature.map_err(|error| PostError::Sign(error.to_string()))?;
        let with = TxEip4844WithSidecar { tx, sidecar: posting.sidecar.variant.clone() };
        let envelope: EthereumTxEnvelope<TxEip4844WithSidecar<BlobTransactionSidecarVariant>> =
            EthereumTxEnvelope::Eip4844(with.into_signed(signature));
        Ok((*envelope.tx_hash(), envelope.encoded_2718()))
    }

    /// Sees that what others posted is what we have; false where we do not know yet what somebody posted for a silent sequencer.
    async fn compare(&mut self, posted: &PostedHead) -> Result<bool, PostError> {
        let number = posted.number;
        if number == 0 || number == self.compared {
            return Ok(true);
        }
        let Some(found) = self.l1.batch(number).await? else { return Ok(true) };
        if found.header.content.is_zero() {
            return Ok(self.source.forced(number)? == Some(found.hash));
        }
        let Some((batch, _)) = self.source.batch(number)? else { return Ok(true) };
        let expected = keccak256(batch.encode());
        if found.hash == posted.hash && found.header.content != expected {
            let found = found.header.content;
            return Err(PostError::PostedOtherwise { number, found, expected });
        }
        self.compared = number;
        Ok(true)
    }
}

fn flight(nonce: u64, posting: &Posting, attempts: Vec<Attempt>) -> InFlight {
    InFlight {
        nonce,
        number: posting.header.number,
        parent: posting.header.parent,
        l1_number: posting.header.l1_number,
        l1_hash: posting.header.l1_hash,
        content: posting.header.content,
        signature: posting.signature.clone(),
        attempts,
    }
}

/// Tells whether the hub refuses because L1 moved on since it was looked at.
fn is_overtaken(refusal: &Refusal) -> bool {
    // Of an entry that is overdue the hub speaks when batches were voided, until the node goes on behind the settled one.
    use Hub::HubErrors::{EntryOverdue, NotNext, WrongOrigin, WrongSlots};
    matches!(refusal.hub(), Some(NotNext(_) | WrongOrigin(_) | WrongSlots(_) | EntryOverdue(_)))
}

/// Tells whether a pool has the transaction already, or one with this nonce that it does not replace; or one of this account that
/// is of another kind (geth keeps those with blobs apart: "address already reserved"), after which it takes ours.
fn is_known(why: &str) -> bool {
    let why = why.to_lowercase();
    let words = ["already known", "already imported", "underpriced", "already reserved"];
    words.iter().any(|word| why.contains(word))
}

/// Tells whether the nonce was used meanwhile.
fn is_stale(why: &str) -> bool {
    why.to_lowercase().contains("nonce too low")
}

/// Tells whether L1 asks for more since it was looked at.
fn is_cheap(why: &str) -> bool {
    let why = why.to_lowercase();
    ["less than block base fee", "less than block blob", "blob fee cap"]
        .iter()
        .any(|word| why.contains(word))
}
