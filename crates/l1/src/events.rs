//! What the contracts of a realm say on L1.

use crate::{
    block::{L1Block, PlacedLog},
    error::L1Error,
};
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use alloy_sol_types::SolEvent as _;
use weft_contracts::{Hub, Inbox, SequencerRegistry};
use weft_settlement::{BatchHeader, Outcome, inbox::Accumulator};
use weft_types::L1Ref;

/// The contracts of a realm that nodes listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contracts {
    /// `Hub`.
    pub hub: Address,
    /// `Inbox`.
    pub inbox: Address,
    /// `SequencerRegistry`.
    pub registry: Address,
}

impl Contracts {
    /// Returns all of them.
    pub(crate) const fn all(&self) -> [Address; 3] {
        [self.hub, self.inbox, self.registry]
    }
}

/// A rollup joined the realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Number in the realm, from 1.
    pub rollup: u32,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Contract that accepts its settlements.
    pub policy: Address,
    /// Hash of the outcome that its genesis is.
    pub genesis_commitment: B256,
    /// Hash of `config`.
    pub config_hash: B256,
    /// Wei in escrow for its genesis balances.
    pub value: U256,
    /// Running hash over all registrations.
    pub registry_hash: B256,
    /// What it is made of ([`crate::Registration`]).
    pub config: Bytes,
    /// L1 block.
    pub block: L1Block,
}

/// A batch was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// What it says of itself.
    pub header: BatchHeader,
    /// Its hash.
    pub hash: B256,
    /// Who signed it; zero for an inbox-only one.
    pub signer: Address,
    /// Running hash over registrations when it was posted.
    pub registry_hash: B256,
    /// Inbox accumulator at its cursor.
    pub accumulator: Accumulator,
    /// Versioned hashes of its blobs.
    pub blobs: Vec<B256>,
    /// Transaction that posted it, as an endpoint says: good for finding the blobs, which have hashes of their own.
    pub transaction: B256,
    /// L1 block.
    pub block: L1Block,
}

/// Batches were settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Last one.
    pub last_batch: u64,
    /// Its hash.
    pub batch_hash: B256,
    /// Digest of the statement.
    pub digest: B256,
    /// Last slot.
    pub last_slot: u64,
    /// Inbox entries consumed.
    pub inbox_cursor: u64,
    /// Root over the rollups' exit roots.
    pub rollup_exit_root: B256,
    /// L1 block.
    pub block: L1Block,
}

/// A rollup advanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupSettled {
    /// Number in the realm.
    pub rollup: u32,
    /// Root over its proposal blocks.
    pub proposal_root: B256,
    /// Root over the outcomes of its transactions.
    pub outcome_root: B256,
    /// What holds now.
    pub outcome: Outcome,
    /// L1 block.
    pub block: L1Block,
}

/// Batches were voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voided {
    /// Last batch that stands.
    pub last_settled: u64,
    /// Last one that was posted.
    pub last_posted: u64,
    /// Entries that the next batch must consume.
    pub inbox_cursor: u64,
    /// L1 block.
    pub block: L1Block,
}

/// An entry of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Number, from 0.
    pub index: u64,
    /// Rollup that it is for; zero for a bundle.
    pub network: u32,
    /// Who added it.
    pub sender: Address,
    /// Accumulator after it.
    pub accumulator: Accumulator,
    /// Where it was born.
    pub origin: L1Ref,
    /// Encoded event.
    pub payload: Bytes,
    /// L1 block.
    pub block: L1Block,
}

/// Somebody holds the seat from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatTaken {
    /// Operator.
    pub operator: Address,
    /// The key that signs batches.
    pub key: Address,
    /// L1 block.
    pub block: L1Block,
}

/// A key speaks for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAdded {
    /// Key.
    pub key: Address,
    /// Operator.
    pub operator: Address,
    /// 1 for a sequencer's, 2 for a member's.
    pub role: u8,
    /// L1 block.
    pub block: L1Block,
}

/// What happened to a realm on L1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A rollup joined.
    Registered(Box<Registered>),
    /// A batch was posted.
    Posted(Box<Posted>),
    /// Batches were settled.
    Settled(Settled),
    /// A rollup advanced.
    RollupSettled(Box<RollupSettled>),
    /// Batches were voided.
    Voided(Voided),
    /// The inbox has a new entry.
    Entry(Entry),
    /// The seat changed hands.
    SeatTaken(SeatTaken),
    /// A key was added.
    KeyAdded(KeyAdded),
}

/// Reads a log; nothing for events that no node needs.
pub(crate) fn read(
    contracts: &Contracts,
    block: L1Block,
    placed: &PlacedLog,
) -> Result<Option<Happening>, L1Error> {
    let (log, topic) = (&placed.log, placed.log.topics().first().copied());
    let Some(topic) = topic else { return Ok(None) };
    let read = if log.address == contracts.hub {
        hub(block, placed, topic)
    } else if log.address == contracts.inbox {
        inbox(block, placed, topic)
    } else if log.address == contracts.registry {
        registry(block, log, topic)
    } else {
        Ok(None)
    };
    let (address, number) = (log.address, block.number);
    read.map_err(|error| L1Error::Event { address, block: number, why: error.to_string() })
}

type Read = Result<Option<Happening>, alloy_sol_types::Error>;

fn hub(block: L1Block, placed: &PlacedLog, topic: B256) -> Read {
    let log = &placed.log;
    Ok(Some(match topic {
        Hub::RollupRegistered::SIGNATURE_HASH => registered(block, log)?,
        Hub::BatchPosted::SIGNATURE_HASH => posted(block, log, placed.transaction)?,
        Hub::BatchesSettled::SIGNATURE_HASH => {
            let it = Hub::BatchesSettled::decode_log(log)?.data;
            Happening::Settled(Settled {
                last_batch: it.lastBatch,
                batch_hash: it.batchHash,
                digest: it.digest,
                last_slot: it.lastSlot,
                inbox_cursor: it.inboxCursor,
                rollup_exit_root: it.rollupExitRoot,
                block,
            })
        }
        Hub::RollupSettled::SIGNATURE_HASH => rollup_settled(block, log)?,
        Hub::BatchesVoided::SIGNATURE_HASH => {
            let it = Hub::BatchesVoided::decode_log(log)?.data;
            let (last_settled, last_posted) = (it.lastSettled, it.lastPosted);
            let inbox_cursor = it.inboxCursor;
            Happening::Voided(Voided { last_settled, last_posted, inbox_cursor, block })
        }
        _ => return Ok(None),
    }))
}

fn registered(block: L1Block, log: &Log) -> Result<Happening, alloy_sol_types::Error> {
    let it = Hub::RollupRegistered::decode_log(log)?.data;
    Ok(Happening::Registered(Box::new(Registered {
        rollup: it.rollup,
        chain_id: it.chainId,
        policy: it.policy,
        genesis_commitment: it.genesisCommitment,
        config_hash: it.configHash,
        value: it.value,
        registry_hash: it.registryHash,
        config: it.config,
        block,
    })))
}

fn posted(
    block: L1Block,
    log: &Log,
    transaction: B256,
) -> Result<Happening, alloy_sol_types::Error> {
    let it = Hub::BatchPosted::decode_log(log)?.data;
    let header = BatchHeader {
        number: it.header.number,
        parent: it.header.parent,
        first_slot: it.header.firstSlot,
        last_slot: it.header.lastSlot,
        inbox_cursor: it.header.inboxCursor,
        l1_number: it.header.l1Number,
        l1_hash: it.header.l1Hash,
        rollups: it.header.rollups,
        lane_root: it.header.laneRoot,
        content: it.header.content,
    };
    Ok(Happening::Posted(Box::new(Posted {
        header,
        hash: it.hash,
        signer: it.signer,
        registry_hash: it.registryHash,
        accumulator: it.inboxAccumulator,
        blobs: it.blobs,
        transaction,
        block,
    })))
}

fn rollup_settled(block: L1Block, log: &Log) -> Result<Happening, alloy_sol_types::Error> {
    let it = Hub::RollupSettled::decode_log(log)?.data;
    let outcome = Outcome {
        state_root: it.outcome.stateRoot,
        block_hash: it.outcome.blockHash,
        block_number: it.outcome.blockNumber,
        exit_root: it.outcome.exitRoot,
        accounting_root: it.outcome.accountingRoot,
        heads_root: it.outcome.headsRoot,
    };
    Ok(Happening::RollupSettled(Box::new(RollupSettled {
        rollup: it.rollup,
        proposal_root: it.proposalRoot,
        outcome_root: it.outcomeRoot,
        outcome,
        block,
    })))
}

fn inbox(block: L1Block, placed: &PlacedLog, topic: B256) -> Read {
    if topic != Inbox::EntryAdded::SIGNATURE_HASH {
        return Ok(None);
    }
    let it = Inbox::EntryAdded::decode_log(&placed.log)?.data;
    Ok(Some(Happening::Entry(Entry {
        index: it.index,
        network: it.network,
        sender: it.sender,
        accumulator: it.accumulator,
        origin: L1Ref { block_hash: block.hash, log_index: placed.index },
        payload: it.payload,
        block,
    })))
}

fn registry(block: L1Block, log: &Log, topic: B256) -> Read {
    Ok(Some(match topic {
        SequencerRegistry::SeatTaken::SIGNATURE_HASH => {
            let it = SequencerRegistry::SeatTaken::decode_log(log)?.data;
            Happening::SeatTaken(SeatTaken { operator: it.operator, key: it.key, block })
        }
        SequencerRegistry::KeyAdded::SIGNATURE_HASH => {
            let it = SequencerRegistry::KeyAdded::decode_log(log)?.data;
            let (key, operator, role) = (it.key, it.operator, it.role);
            Happening::KeyAdded(KeyAdded { key, operator, role, block })
        }
        _ => return Ok(None),
    }))
}
