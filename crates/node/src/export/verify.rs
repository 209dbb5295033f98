//! One rollup alone, from its two files: executed again and compared with its blocks.

use super::recording::{CLOSED, ITEM, JOINED, MAGIC, OPENED, START};
use crate::{rollup::RollupConfig, store::StoredBlock};
use alloy_primitives::B256;
use std::io::{self, Read};
use thiserror::Error;
use weft_ethereum::BlockReader;
use weft_evm::{ClosedBlock, Escrow, Heads, MemoryState, Realm, TokenId, replay::ReplayItem};
use weft_types::{
    Decode as _, Domain, NetworkId, SlotHeader,
    codec::{CodecError, Reader},
};

/// Most bytes of a frame: the longest record that a log takes.
const MAX_FRAME: u32 = 64 << 20;
/// Most rollups that a realm may have had before.
const MAX_REALM: usize = 4096;

/// What was found to be as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// EIP-155 id of the rollup.
    pub chain_id: u64,
    /// Number of the last block.
    pub head: u64,
    /// Its hash.
    pub hash: B256,
}

/// Why files of a rollup are refused.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("cannot read the files")]
    Read(#[from] io::Error),
    /// A frame of the replay file is not what it should be.
    #[error("frame {frame} of the replay file: {why}")]
    Frame {
        /// Frame, from 0.
        frame: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A block is not the one that execution leads to.
    #[error("block {number}: {why}")]
    Block {
        /// Number of the block.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Executes a rollup alone and compares every block; `passed` hears the number of each.
///
/// # Errors
///
/// [`VerifyError`] at the first difference.
pub fn verify(
    replay: impl Read,
    blocks: impl Read,
    passed: impl FnMut(u64),
) -> Result<Verified, VerifyError> {
    let mut frames = Frames { stream: replay, number: 0 };
    let mut magic = [0; 8];
    frames.stream.read_exact(&mut magic)?;
    if magic != *MAGIC {
        return Err(VerifyError::Frame { frame: 0, why: "the file is no replay file".to_owned() });
    }
    let first = frames.next()?.filter(|(kind, _)| *kind == START);
    let (_, start) = first.ok_or_else(|| frames.wrong("the first one begins no rollup"))?;
    let mut check = begin(&frames, &start, BlockReader::new(blocks), passed)?;
    while let Some((kind, body)) = frames.next()? {
        check.step(&frames, kind, &body)?;
    }
    check.end()
}

/// Frames of a replay file.
struct Frames<R> {
    stream: R,
    number: u64,
}

impl<R: Read> Frames<R> {
    fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>, VerifyError> {
        let mut length = [0; 4];
        if self.stream.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.stream.read_exact(&mut length[1..])?;
        let length = u32::from_be_bytes(length);
        if length > MAX_FRAME {
            return Err(self.wrong(&format!("{length} bytes, over {MAX_FRAME}")));
        }
        let mut kind = [0];
        self.stream.read_exact(&mut kind)?;
        let mut body = Vec::new();
        let taken = (&mut self.stream).take(length.into()).read_to_end(&mut body)?;
        if taken < length as usize {
            return Err(self.wrong("the file ends inside it"));
        }
        Ok(Some((kind[0], body)))
    }

    fn wrong(&self, why: &str) -> VerifyError {
        VerifyError::Frame { frame: self.number.saturating_sub(1), why: why.to_owned() }
    }

    fn codec(&self, error: CodecError) -> VerifyError {
        self.wrong(&error.to_string())
    }
}

/// A rollup on its way through its files.
struct Check<B: Read, P> {
    realm: Realm<MemoryState>,
    chain_id: u64,
    blocks: BlockReader<B>,
    passed: P,
    head: u64,
    hash: B256,
}

fn begin<R: Read, B: Read, P: FnMut(u64)>(
    frames: &Frames<R>,
    start: &[u8],
    blocks: BlockReader<B>,
    passed: P,
) -> Result<Check<B, P>, VerifyError> {
    let mut input = Reader::new(start);
    let read = |input: &mut Reader<'_>| -> Result<_, CodecError> {
        let (domain, config): (Domain, RollupConfig) = (input.get()?, input.get()?);
        let (timestamp, others) = (input.u64()?, input.bounded_list(MAX_REALM)?);
        Ok((domain, config, timestamp, others))
    };
    let (domain, config, timestamp, others): (_, _, _, Vec<NetworkId>) =
        read(&mut input).map_err(|error| frames.codec(error))?;
    input.finish().map_err(|error| frames.codec(error))?;
    config.check().map_err(|error| frames.wrong(&error.to_string()))?;
    let rollup = config.genesis(timestamp);
    let (network, hash) = (config.network(), rollup.head_hash);
    let genesis = StoredBlock::new(rollup.head.clone(), hash, 0, Vec::new());
    let ether = config.allocations.iter().map(|(_, wei)| *wei).sum();
    let mut escrow = Escrow::default();
    escrow.set(network, TokenId::ETHER, ether);
    let realm = Realm::alone(domain, rollup, &escrow, &Heads::default(), others);
    let mut check =
        Check { realm, chain_id: u64::from(config.chain_id), blocks, passed, head: 0, hash };
    check.compare(&genesis)?;
    Ok(check)
}

impl<B: Read, P: FnMut(u64)> Check<B, P> {
    fn step<R: Read>(
        &mut self,
        frames: &Frames<R>,
        kind: u8,
        body: &[u8],
    ) -> Result<(), VerifyError> {
        let is_open = self.realm.slot().is_some();
        let codec = |error| frames.codec(error);
        match kind {
            JOINED => self.realm.add_remote(NetworkId::decode(body).map_err(codec)?),
            OPENED if !is_open => {
                let header = SlotHeader::decode(body).map_err(codec)?;
                self.realm.open_slot(header).map_err(|error| frames.wrong(&error.to_string()))?;
            }
            ITEM if is_open => {
                let item = ReplayItem::decode(body).map_err(codec)?;
                self.realm.replay(&item).map_err(|error| frames.wrong(&format!("{error:?}")))?;
            }
            CLOSED if is_open && body.is_empty() => {
                let closed = self.realm.close_slot();
                for block in closed.map_err(|error| frames.wrong(&error.to_string()))? {
                    self.compare(&stored(block))?;
                }
            }
            _ => return Err(frames.wrong(&format!("kind {kind} does not belong here"))),
        }
        Ok(())
    }

    /// Compares a block with the next one of the file.
    fn compare(&mut self, computed: &StoredBlock) -> Result<(), VerifyError> {
        let number = computed.header.number;
        let wrong = |why: String| VerifyError::Block { number, why };
        let found = self.blocks.next().ok_or_else(|| wrong("it is missing".to_owned()))?;
        let found = found.map_err(|error| wrong(error.to_string()))?;
        if found != alloy_rlp::encode(computed.ethereum()) {
            return Err(wrong(format!("it is not {}, which execution leads to", computed.hash)));
        }
        (self.head, self.hash) = (number, computed.hash);
        (self.passed)(number);
        Ok(())
    }

    fn end(mut self) -> Result<Verified, VerifyError> {
        let Self { chain_id, head, hash, .. } = self;
        match self.blocks.next() {
            None => Ok(Verified { chain_id, head, hash }),
            Some(_) => {
                let why = "the replay file does not lead to it".to_owned();
                Err(VerifyError::Block { number: head + 1, why })
            }
        }
    }
}

fn stored(block: ClosedBlock) -> StoredBlock {
    StoredBlock::new(block.header, block.hash, block.slot, block.transactions)
}
