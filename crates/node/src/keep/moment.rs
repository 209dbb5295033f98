//! Where a realm stands between two slots, and reading that from the database.

use super::{
    codec::{Keep, decoded},
    tables::{self, ESCROW, FACTS, GENESIS, HEADS, MOMENT, OUTCOMES, RECENT},
    waiting::Waiting,
};
use crate::{
    engine::{KeptEpochs, L1, Marks},
    outcomes::Record,
    record::{self, Genesis},
    rollup::RollupConfig,
};
use alloy_primitives::{Address, B256, U256};
use std::collections::BTreeMap;
use weft_evm::{Escrow, Heads, TokenId};
use weft_lane::Standing;
use weft_state::{Batch, Pair, Read, StoreError, Table, under};
use weft_types::{
    NetworkId, Position,
    codec::{CodecError, Reader, Writer},
};

/// Version of what the node keeps: outcomes and places of transactions in rows.
const VERSION: u8 = 3;
/// The same with epochs behind the rest.
const WITH_EPOCHS: u8 = 4;
/// The same with L1 behind them, as it was kept before nodes could rewind.
const WITH_L1: u8 = 5;
const WITH_BOTH: u8 = 6;
/// The same with L1 behind them, as it was kept before anybody left by state proof.
const WITH_PLACED: u8 = 7;
const WITH_PLACED_AND_EPOCHS: u8 = 8;
/// The same with L1 behind them.
const WITH_EXITS: u8 = 9;
const WITH_ALL: u8 = 10;
/// That of a node that follows, with what ran there behind the rest.
const FOLLOWS: u8 = 11;
const FOLLOWS_WITH_EPOCHS: u8 = 12;

/// Where a realm stands between two slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Last record of the log that led here.
    pub(crate) sequence: u64,
    /// Time of the last turn, in milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
    pub(crate) lane: Standing,
    /// Last block of each rollup.
    pub(crate) blocks: Vec<(NetworkId, u64)>,
    /// Number of the outcome that comes next.
    pub(crate) next_outcome: u64,
    /// Slots that are kept with their items.
    pub(crate) slots: Vec<u64>,
    /// Rollups that joined after genesis.
    pub(crate) joined: Vec<RollupConfig>,
    /// Sealed items and their epochs, in a realm that takes them.
    pub(crate) epochs: Option<KeptEpochs>,
    /// L1, for a node that follows it.
    pub(crate) l1: Option<L1>,
    /// What ran that others ordered, for a node that follows them.
    pub(crate) marks: Option<Marks>,
}

impl Keep for Moment {
    fn write_to(&self, out: &mut Writer) {
        out.u8(match (&self.epochs, &self.l1) {
            (None, _) if self.marks.is_some() => FOLLOWS,
            (Some(_), _) if self.marks.is_some() => FOLLOWS_WITH_EPOCHS,
            (None, None) => VERSION,
            (Some(_), None) => WITH_EPOCHS,
            (None, Some(_)) => WITH_EXITS,
            (Some(_), Some(_)) => WITH_ALL,
        });
        self.sequence.write_to(out);
        self.now_ms.write_to(out);
        self.lane.write_to(out);
        self.blocks.write_to(out);
        self.next_outcome.write_to(out);
        self.slots.write_to(out);
        self.joined.write_to(out);
        self.epochs.iter().for_each(|epochs| {
            out.bytes(&epochs.0);
        });
        match &self.marks {
            None => self.l1.iter().for_each(|l1| l1.write_to(out)),
            Some(marks) => {
                self.l1.clone().unwrap_or_default().write_to(out);
                marks.write_to(out);
            }
        }
    }

    fn read_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let version = input.u8()?;
        let has_marks = matches!(version, FOLLOWS | FOLLOWS_WITH_EPOCHS);
        let has_exits = has_marks || matches!(version, WITH_EXITS | WITH_ALL);
        let has_placed = has_exits || matches!(version, WITH_PLACED | WITH_PLACED_AND_EPOCHS);
        let (has_epochs, has_l1) = match version {
            VERSION => (false, false),
            WITH_EPOCHS => (true, false),
            WITH_L1 | WITH_PLACED | WITH_EXITS | FOLLOWS => (false, true),
            WITH_BOTH | WITH_PLACED_AND_EPOCHS | WITH_ALL | FOLLOWS_WITH_EPOCHS => (true, true),
            found => return Err(CodecError::Tag { what: "version of the state", found }),
        };
        Ok(Self {
            sequence: u64::read_from(input)?,
            now_ms: u64::read_from(input)?,
            lane: Standing::read_from(input)?,
            blocks: Vec::read_from(input)?,
            next_outcome: u64::read_from(input)?,
            slots: Vec::read_from(input)?,
            joined: Vec::read_from(input)?,
            epochs: if has_epochs { Some(KeptEpochs(input.bytes()?.into())) } else { None },
            l1: if has_l1 { Some(L1::read_from(input, has_placed, has_exits)?) } else { None },
            marks: if has_marks { Some(Marks::read_from(input)?) } else { None },
        })
    }
}

/// What the last batch held beside states and blocks.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) genesis: Genesis,
    pub(crate) moment: Moment,
    pub(crate) recent: Vec<(Position, B256)>,
    pub(crate) escrow: Escrow,
    pub(crate) heads: Heads,
    /// Outcomes, by rows.
    pub(crate) outcomes: Vec<Vec<(u64, Record)>>,
    pub(crate) waiting: Waiting,
}

impl Restored {
    /// Reads the last batch; `None` when there is none yet.
    pub(crate) fn read(view: &dyn Read) -> Result<Option<Self>, StoreError> {
        let Some(moment) = view.get(FACTS, MOMENT)? else { return Ok(None) };
        let genesis = view.get(FACTS, GENESIS)?;
        let genesis = genesis.ok_or_else(|| StoreError::Corrupt("no genesis".to_owned()))?;
        let recent = |(_, value): &(Vec<u8>, Vec<u8>)| Vec::<(Position, B256)>::from_bytes(value);
        let recent: Vec<_> = all(view, RECENT)?.iter().map(recent).collect::<Result<_, _>>()?;
        Ok(Some(Self {
            genesis: read_genesis(&genesis)?,
            moment: Moment::from_bytes(&moment)?,
            recent: recent.concat(),
            escrow: read_escrow(view)?,
            heads: read_heads(view)?,
            outcomes: all(view, OUTCOMES)?
                .iter()
                .map(|(_, row)| Vec::from_bytes(row))
                .collect::<Result<_, StoreError>>()?,
            waiting: Waiting::read(view)?,
        }))
    }
}

fn read_genesis(bytes: &[u8]) -> Result<Genesis, StoreError> {
    match decoded(bytes)? {
        record::Record::Genesis(genesis) => Ok(genesis),
        other => Err(StoreError::Corrupt(format!("no genesis: {other:?}"))),
    }
}

fn all(view: &dyn Read, table: Table) -> Result<Vec<Pair>, StoreError> {
    under(view, table, &[])
}

type Rows<'a> = BTreeMap<Vec<u8>, (B256, Box<dyn FnOnce() -> Vec<u8> + 'a>)>;

/// Puts into `batch` what changed of escrow and mailbox heads.
pub(crate) fn put_accounts(
    mirrors: &mut (super::Mirror, super::Mirror),
    escrow: &Escrow,
    heads: &Heads,
    batch: &mut Batch,
) {
    let word = |word: B256| (word, Box::new(move || word.to_vec()) as Box<dyn FnOnce() -> Vec<u8>>);
    let balances: Rows<'_> = escrow
        .iter()
        .map(|(holder, token, wei)| (tables::escrow(holder, &token), word(wei.into())))
        .collect();
    mirrors.0.turn_into(ESCROW, balances, batch);
    let heads: Rows<'_> =
        heads.iter().map(|((from, to), head)| (tables::head(from, to), word(head))).collect();
    mirrors.1.turn_into(HEADS, heads, batch);
}

fn network(key: &[u8], at: usize) -> Result<NetworkId, StoreError> {
    let bytes = key.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| StoreError::Corrupt("a network".to_owned()))?;
    Ok(NetworkId::new(u32::from_be_bytes(bytes)))
}

fn read_escrow(view: &dyn Read) -> Result<Escrow, StoreError> {
    let mut escrow = Escrow::default();
    for (key, value) in all(view, ESCROW)? {
        let token = key.get(8..).and_then(|bytes| Address::try_from(bytes).ok());
        let token = token.ok_or_else(|| StoreError::Corrupt("a token".to_owned()))?;
        let token = TokenId { network: network(&key, 4)?, token };
        escrow.set(network(&key, 0)?, token, U256::from_be_bytes(B256::from_bytes(&value)?.0));
    }
    Ok(escrow)
}

fn read_heads(view: &dyn Read) -> Result<Heads, StoreError> {
    let head = |(key, value): (Vec<u8>, Vec<u8>)| {
        Ok(((network(&key, 0)?, network(&key, 4)?), B256::from_bytes(&value)?))
    };
    all(view, HEADS)?.into_iter().map(head).collect::<Result<Heads, StoreError>>()
}
