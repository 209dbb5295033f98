//! What the node writes to its log before it promises anything.
//!
//! Records hold inputs, never results: recovery feeds them to the same lane and the same fold again. The exception is
//! [`Record::Closed`], against which the result is checked. Encodings are canonical, behind a version byte.

use crate::{
    accounts::DevAccount,
    config::DevConfig,
    engine::{L1Block, put_list, read_list, read_secret},
    rollup::RollupConfig,
    sealing::SealingOptions,
};
use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256};
use weft_batch::{Revealed, SignedRelease, Squared};
use weft_crypto::{Carriage, Envelope, curve::Secret, units::ELEMENT_BYTES};
use weft_lane::KeyAnnouncement;
use weft_types::{
    Bundle, BundleId, BundleShape, Domain, Item, Leg, LegShape, NetworkId, SafetyLevel, Signature,
    bundle::MAX_LEGS,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// Most rollups, blocks or accounts in one record.
const MAX_LIST: usize = 4096;

/// One input of the node, or a check.
#[allow(clippy::large_enum_variant, reason = "records are written and read one by one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record {
    /// What the realm is made of; the first record.
    Genesis(Genesis),
    /// The lane closed or opened a slot, with the clock or by request.
    Turn { now_ms: u64, is_close: bool },
    /// An item has a position.
    Item { now_ms: u64, item: Item },
    /// A slot is closed, and these blocks with it.
    Closed(Closed),
    /// A transaction waits for its nonce.
    Queued(Leg),
    /// An item waits for the next slot.
    Deferred(Item),
    /// A bundle waits for its legs.
    Prepared(BundleShape),
    /// A leg waits for the rest of its bundle.
    Held(Leg),
    /// A rollup joined the realm between two slots.
    Joined(Joined),
    /// An epoch has a key.
    KeyList { now_ms: u64, key: KeyAnnouncement, bytes: Bytes },
    /// An envelope has a position; its payer signed it.
    Sealed { now_ms: u64, envelope: Envelope, signature: Signature },
    /// A member released its secret of a closed epoch; one in a process of its own signed for the closing head.
    Released {
        now_ms: u64,
        epoch: u64,
        member: u32,
        head: B256,
        secret: Secret,
        signature: Option<Signature>,
    },
    /// The secret of a closed epoch is known; its items run. `squared` is there when somebody had to show how it was found.
    Revealed { now_ms: u64, epoch: u64, secret: Secret, squared: Option<Box<Squared>> },
    /// The secret of a closed epoch stands on L1, and how it came to light; its items run again.
    Opened { now_ms: u64, epoch: u64, secret: Secret, revealed: Revealed },
    /// An envelope has a position of which L1 holds no more than hash and carriage.
    Named { now_ms: u64, item: B256, carriage: Carriage, signature: Signature },
    /// What is ordered and not opened is given up.
    GiveUp,
    /// The open slot closed too late for its epoch, and its time was over; none opened.
    Expired { now_ms: u64 },
    /// Nobody seals any more to the keys of epochs up to this one.
    LeaveKeys { epoch: u64 },
    /// L1 has one more block, with these entries of the inbox: index of the log, and payload.
    L1Forward { block: L1Block, entries: Vec<(u32, Bytes)> },
    /// L1 has none of the blocks after this one.
    L1Back { to: u64 },
    /// The first entry that waits has a position, in this slot.
    L1Item { now_ms: u64, slot: u64 },
    /// The exits among the inbox entries before this one go before everything else, and the next batch consumes all of these.
    ExitsFirst { reach: u64 },
    /// A slot that somebody else ordered runs from here on, in a node that follows; the hash of its encoding in a batch.
    Followed { slot: B256 },
    /// Everything up to this slot is in batches up to this one; in a node that follows.
    Posted(PostedMark),
    /// The records from this one on are void: L1 holds something else. In a node that follows.
    Void { from: u64 },
    /// What an envelope of an epoch holds that was known by its carriage alone, by its place in the epoch's order.
    Supplied { epoch: u64, index: u32, envelope: Envelope },
    /// What waited waits no more and never had a position.
    Dropped { bundle: Option<BundleId>, protected: bool, legs: Vec<Leg>, why: String },
}

/// A batch of L1 all of which ran here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PostedMark {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Hash of its content; that of the batch when nobody signed it.
    pub(crate) hash: B256,
    /// Number of the L1 block that holds it.
    pub(crate) block: u64,
    /// Its last slot.
    pub(crate) last_slot: u64,
}

/// What a realm is made of before its first slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Genesis {
    pub(crate) rollups: u32,
    pub(crate) first_chain_id: u32,
    pub(crate) slot_ms: u64,
    pub(crate) seed: Option<u64>,
    pub(crate) accounts: Vec<Address>,
    pub(crate) balance: U256,
    /// Time of the genesis blocks, in seconds since the Unix epoch.
    pub(crate) timestamp: u64,
    /// Hashes of the genesis blocks.
    pub(crate) heads: Vec<B256>,
    /// Rollups with a genesis of their own.
    pub(crate) listed: Vec<RollupConfig>,
    /// How sealed items are taken.
    pub(crate) sealing: Option<SealingOptions>,
}

/// A rollup that joined the realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) rollup: RollupConfig,
    /// Time of its genesis block, in seconds since the Unix epoch.
    pub(crate) timestamp: u64,
    /// Hash of its genesis block.
    pub(crate) head: B256,
}

/// What closing a slot led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    /// Hash of the slot's closing record.
    pub(crate) record: B256,
    /// Blocks that closed with it.
    pub(crate) blocks: Vec<(NetworkId, B256)>,
}

impl Record {
    /// Tells from its encoding whether a record is about L1, without reading the rest.
    pub(crate) fn is_of_l1(bytes: &[u8]) -> bool {
        matches!(bytes.get(1), Some(17 | 18 | 20 | 21 | 31))
    }

    /// Reads a record of the log of `domain`.
    pub(crate) fn read(bytes: &[u8], domain: &Domain) -> Result<Self, CodecError> {
        let record = Self::decode(bytes)?;
        match &record {
            // What L1 forces may call itself anything; the fold removes it.
            Self::Item { item: item @ Item::Bundle(_), .. } | Self::Deferred(item)
                if item.bundle().is_some_and(|bundle: &Bundle| !bundle.recheck(domain)) =>
            {
                Err(CodecError::NotCanonical("bundle id"))
            }
            _ => Ok(record),
        }
    }
}

impl Encode for Record {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Genesis(genesis @ Genesis { sealing: Some(sealing), .. }) => {
                out.u8(11).put(genesis).list(&genesis.listed).put(sealing)
            }
            Self::Genesis(genesis) if genesis.listed.is_empty() => out.u8(0).put(genesis),
            Self::Genesis(genesis) => out.u8(9).put(genesis).list(&genesis.listed),
            Self::Turn { now_ms, is_close } => out.u8(1).u64(*now_ms).bool(*is_close),
            Self::Item { now_ms, item } => out.u8(2).u64(*now_ms).put(item),
            Self::Closed(closed) => out.u8(3).put(closed),
            Self::Queued(leg) => out.u8(4).put(leg),
            Self::Deferred(item) => out.u8(5).put(item),
            Self::Prepared(shape) => {
                out.u8(6).hash(&shape.salt).put(&shape.level).list(&shape.legs)
            }
            Self::Held(leg) => out.u8(7).put(leg),
            Self::Joined(joined) => {
                out.u8(10).put(&joined.rollup).u64(joined.timestamp).hash(&joined.head)
            }
            Self::KeyList { now_ms, key, bytes } => {
                out.u8(12).u64(*now_ms);
                put_list(out, key, bytes);
                out
            }
            Self::Sealed { now_ms, envelope, signature } => {
                out.u8(16).u64(*now_ms).put(envelope).put(signature)
            }
            Self::Released { now_ms, epoch, member, head, secret, signature } => {
                out.u8(if signature.is_some() { 23 } else { 14 });
                out.u64(*now_ms).u64(*epoch).u32(*member).hash(head).raw(&secret.to_bytes());
                signature.iter().for_each(|signature| {
                    out.put(signature);
                });
                out
            }
            Self::Revealed { now_ms, epoch, secret, squared } => {
                out.u8(if squared.is_some() { 22 } else { 15 });
                out.u64(*now_ms).u64(*epoch).raw(&secret.to_bytes());
                squared.iter().for_each(|squared| put_squared(out, squared));
                out
            }
            Self::Opened { now_ms, epoch, secret, revealed } => {
                out.u8(24).u64(*now_ms).u64(*epoch).raw(&secret.to_bytes());
                put_revealed(out, revealed);
                out
            }
            Self::Named { now_ms, item, carriage, signature } => {
                out.u8(25).u64(*now_ms).hash(item).put(carriage).put(signature)
            }
            Self::GiveUp => out.u8(26),
            Self::Expired { now_ms } => out.u8(27).u64(*now_ms),
            Self::LeaveKeys { epoch } => out.u8(28).u64(*epoch),
            Self::L1Forward { block, entries } => {
                out.u8(17);
                put_block(out, block);
                out.len(entries.len());
                for (log_index, payload) in entries {
                    out.u32(*log_index).bytes(payload);
                }
                out
            }
            Self::L1Back { to } => out.u8(18).u64(*to),
            Self::L1Item { now_ms, slot } => out.u8(20).u64(*now_ms).u64(*slot),
            Self::ExitsFirst { reach } => out.u8(21).u64(*reach),
            Self::Followed { slot } => out.u8(29).hash(slot),
            Self::Posted(mark) => out.u8(30).put(mark),
            Self::Void { from } => out.u8(31).u64(*from),
            Self::Supplied { epoch, index, envelope } => {
                out.u8(32).u64(*epoch).u32(*index).put(envelope)
            }
            Self::Dropped { bundle, protected, legs, why } => {
                out.u8(8).bool(bundle.is_some());
                if let Some(id) = bundle {
                    out.hash(&id.hash());
                }
                out.bool(*protected).list(legs).bytes(why.as_bytes())
            }
        };
    }
}

impl Decode for Record {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match input.u8()? {
            0 => Self::Genesis(input.get()?),
            1 => Self::Turn { now_ms: input.u64()?, is_close: input.bool()? },
            2 => Self::Item { now_ms: input.u64()?, item: input.get()? },
            3 => Self::Closed(input.get()?),
            4 => Self::Queued(input.get()?),
            5 => Self::Deferred(input.get()?),
            6 => Self::Prepared(read_shape(input)?),
            7 => Self::Held(input.get()?),
            8 => read_dropped(input)?,
            9 => Self::Genesis(read_listed(input)?),
            10 => Self::Joined(Joined {
                rollup: input.get()?,
                timestamp: input.u64()?,
                head: input.hash()?,
            }),
            11 => {
                let (genesis, listed): (Genesis, _) = (input.get()?, input.bounded_list(MAX_LIST)?);
                Self::Genesis(Genesis { listed, sealing: Some(input.get()?), ..genesis })
            }
            12 => {
                let now_ms = input.u64()?;
                let (key, bytes) = read_list(input)?;
                Self::KeyList { now_ms, key, bytes }
            }
            16 => Self::Sealed {
                now_ms: input.u64()?,
                envelope: input.get()?,
                signature: input.get()?,
            },
            kind @ (14 | 23) => Self::Released {
                now_ms: input.u64()?,
                epoch: input.u64()?,
                member: input.u32()?,
                head: input.hash()?,
                secret: read_secret(input)?,
                signature: if kind == 23 { Some(input.get()?) } else { None },
            },
            kind @ (15 | 22) => Self::Revealed {
                now_ms: input.u64()?,
                epoch: input.u64()?,
                secret: read_secret(input)?,
                squared: if kind == 22 { Some(Box::new(read_squared(input)?)) } else { None },
            },
            24 => Self::Opened {
                now_ms: input.u64()?,
                epoch: input.u64()?,
                secret: read_secret(input)?,
                revealed: read_revealed(input)?,
            },
            25 => Self::Named {
                now_ms: input.u64()?,
                item: input.hash()?,
                carriage: input.get()?,
                signature: input.get()?,
            },
            26 => Self::GiveUp,
            27 => Self::Expired { now_ms: input.u64()? },
            28 => Self::LeaveKeys { epoch: input.u64()? },
            17 => {
                let block = read_block(input)?;
                let count = input.bounded_len(MAX_LIST)?;
                let entries = (0..count).map(|_| Ok((input.u32()?, input.bytes()?)));
                Self::L1Forward { block, entries: entries.collect::<Result<_, CodecError>>()? }
            }
            18 => Self::L1Back { to: input.u64()? },
            20 => Self::L1Item { now_ms: input.u64()?, slot: input.u64()? },
            21 => Self::ExitsFirst { reach: input.u64()? },
            29 => Self::Followed { slot: input.hash()? },
            30 => Self::Posted(input.get()?),
            31 => Self::Void { from: input.u64()? },
            32 => {
                Self::Supplied { epoch: input.u64()?, index: input.u32()?, envelope: input.get()? }
            }
            found => return Err(CodecError::Tag { what: "record kind", found }),
        })
    }
}

impl Encode for PostedMark {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.number).hash(&self.hash).u64(self.block).u64(self.last_slot);
    }
}

impl Decode for PostedMark {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (number, hash) = (input.u64()?, input.hash()?);
        Ok(Self { number, hash, block: input.u64()?, last_slot: input.u64()? })
    }
}

pub(crate) fn put_block(out: &mut Writer, block: &L1Block) {
    out.u64(block.number).hash(&block.hash).hash(&block.parent).u64(block.unix_s);
}

pub(crate) fn read_block(input: &mut Reader<'_>) -> Result<L1Block, CodecError> {
    Ok(L1Block {
        number: input.u64()?,
        hash: input.hash()?,
        parent: input.hash()?,
        unix_s: input.u64()?,
    })
}

fn put_squared(out: &mut Writer, squared: &Squared) {
    out.raw(squared.value.as_slice()).raw(squared.proof.as_slice());
}

fn put_revealed(out: &mut Writer, revealed: &Revealed) {
    out.len(revealed.releases.len());
    for SignedRelease { member, signature } in &revealed.releases {
        out.u32(*member).put(signature);
    }
    out.bool(revealed.squared.is_some());
    revealed.squared.iter().for_each(|squared| put_squared(out, squared));
}

fn read_revealed(input: &mut Reader<'_>) -> Result<Revealed, CodecError> {
    let count = input.bounded_len(MAX_LIST)?;
    let one = |_| Ok(SignedRelease { member: input.u32()?, signature: input.get()? });
    let releases = (0..count).map(one).collect::<Result<_, CodecError>>()?;
    let squared = if input.bool()? { Some(read_squared(input)?) } else { None };
    Ok(Revealed { releases, squared })
}

fn read_squared(input: &mut Reader<'_>) -> Result<Squared, CodecError> {
    let value = FixedBytes::from_slice(input.raw(ELEMENT_BYTES)?);
    Ok(Squared { value, proof: FixedBytes::from_slice(input.raw(ELEMENT_BYTES)?) })
}

fn read_shape(input: &mut Reader<'_>) -> Result<BundleShape, CodecError> {
    let (salt, level): (_, SafetyLevel) = (input.hash()?, input.get()?);
    let count = input.bounded_len(MAX_LEGS)?;
    let legs = (0..count).map(|_| read_leg_shape(input)).collect::<Result<_, _>>()?;
    Ok(BundleShape { salt, level, legs })
}

fn read_leg_shape(input: &mut Reader<'_>) -> Result<LegShape, CodecError> {
    Ok(LegShape {
        network: input.get()?,
        sender: input.address()?,
        to: if input.bool()? { Some(input.address()?) } else { None },
        value: input.u256()?,
        data: input.bytes()?,
        may_revert: input.bool()?,
    })
}

fn read_listed(input: &mut Reader<'_>) -> Result<Genesis, CodecError> {
    let genesis: Genesis = input.get()?;
    let listed: Vec<RollupConfig> = input.bounded_list(MAX_LIST)?;
    if listed.is_empty() {
        return Err(CodecError::NotCanonical("a genesis that lists no rollup"));
    }
    Ok(Genesis { listed, ..genesis })
}

fn read_dropped(input: &mut Reader<'_>) -> Result<Record, CodecError> {
    let bundle = if input.bool()? { Some(BundleId::new(input.hash()?)) } else { None };
    let (protected, legs) = (input.bool()?, input.bounded_list(MAX_LEGS)?);
    let why = String::from_utf8(input.bytes()?.into());
    let why = why.map_err(|_| CodecError::NotCanonical("reason is not text"))?;
    Ok(Record::Dropped { bundle, protected, legs, why })
}

impl Genesis {
    /// Makes a configuration that of the realm, but for the keys of its accounts.
    pub(crate) fn adopt(&self, config: &mut DevConfig) {
        let account = |address: &Address| DevAccount { address: *address, key: B256::ZERO };
        (config.rollups, config.first_chain_id) = (self.rollups, self.first_chain_id);
        (config.slot_ms, config.seed, config.balance) = (self.slot_ms, self.seed, self.balance);
        config.accounts = self.accounts.iter().map(account).collect();
        config.listed = self.listed.clone();
        config.sealing = self.sealing.clone().map(|made| {
            let asked = config.sealing.clone().unwrap_or_default();
            SealingOptions {
                silent: asked.silent,
                patience: asked.patience,
                solves: asked.solves,
                setup: asked.setup,
                ..made
            }
        });
    }
}

impl Encode for Genesis {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.rollups).u32(self.first_chain_id).u64(self.slot_ms);
        out.bool(self.seed.is_some()).u64(self.seed.unwrap_or_default());
        out.len(self.accounts.len());
        self.accounts.iter().for_each(|address| {
            out.address(address);
        });
        out.u256(self.balance).u64(self.timestamp).len(self.heads.len());
        self.heads.iter().for_each(|hash| {
            out.hash(hash);
        });
    }
}

impl Decode for Genesis {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (rollups, first_chain_id, slot_ms) = (input.u32()?, input.u32()?, input.u64()?);
        let (has_seed, seed) = (input.bool()?, input.u64()?);
        let count = input.bounded_len(MAX_LIST)?;
        let accounts = (0..count).map(|_| input.address()).collect::<Result<_, _>>()?;
        let (balance, timestamp) = (input.u256()?, input.u64()?);
        let count = input.bounded_len(MAX_LIST)?;
        let heads = (0..count).map(|_| input.hash()).collect::<Result<_, _>>()?;
        let seed = has_seed.then_some(seed);
        Ok(Self {
            rollups,
            first_chain_id,
            slot_ms,
            seed,
            accounts,
            balance,
            timestamp,
            heads,
            listed: Vec::new(),
            sealing: None,
        })
    }
}

impl Encode for Closed {
    fn encode_to(&self, out: &mut Writer) {
        out.hash(&self.record).len(self.blocks.len());
        for (network, hash) in &self.blocks {
            out.put(network).hash(hash);
        }
    }
}

impl Decode for Closed {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let record = input.hash()?;
        let count = input.bounded_len(MAX_LIST)?;
        let blocks = (0..count).map(|_| Ok((input.get()?, input.hash()?)));
        Ok(Self { record, blocks: blocks.collect::<Result<_, CodecError>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEV_ACCOUNTS;
    use alloy_consensus::{TxEip1559, TypedTransaction};
    use alloy_eips::eip2718::Encodable2718;
    use alloy_primitives::hex;
    use std::collections::BTreeMap;
    use weft_crypto::{GasBucket, SchemeId, SizeBucket};
    use weft_types::{SignedTx, SlotNumber};

    fn leg(chain: u64) -> Leg {
        let tx = TxEip1559 { chain_id: chain, gas_limit: 21_000, ..TxEip1559::default() };
        let signed = DEV_ACCOUNTS[0].sign(TypedTransaction::Eip1559(tx)).unwrap();
        let tx = SignedTx::decode(signed.encoded_2718().into()).unwrap();
        Leg { network: NetworkId::new(chain as u32), tx, may_revert: false }
    }

    fn secret() -> Secret {
        Secret::from_bytes(&[7; 32]).unwrap()
    }

    fn signature() -> Signature {
        Signature::from_bytes(&[1; 65]).unwrap()
    }

    fn envelope() -> Envelope {
        let carriage = Carriage {
            payer: DEV_ACCOUNTS[0].address,
            deposit: NetworkId::new(901),
            rollup: None,
            epoch: 2,
            valid_until: SlotNumber::new(9),
            size: SizeBucket::new(0).unwrap(),
            gas: GasBucket::new(3).unwrap(),
            max_fee_wei: 5,
        };
        Envelope {
            scheme: SchemeId::EpochKey,
            key: B256::repeat_byte(5),
            carriage,
            head: vec![2; 33],
            masked_seed: B256::repeat_byte(6),
            body: vec![8; 256],
        }
    }

    fn bundle(domain: &Domain) -> Item {
        let legs = vec![leg(901), leg(902)];
        Item::Bundle(Bundle::new(domain, B256::ZERO, SafetyLevel::Reputation, legs).unwrap())
    }

    fn released(signature: Option<Signature>) -> Record {
        let (head, secret) = (B256::ZERO, secret());
        Record::Released { now_ms: 7, epoch: 2, member: 1, head, secret, signature }
    }

    fn samples() -> Vec<Record> {
        let shapes = [leg(901), leg(902)].iter().map(LegShape::of).collect();
        let shape = BundleShape { salt: B256::ZERO, level: SafetyLevel::Reputation, legs: shapes };
        let id = shape.id(&Domain::dev());
        let genesis = Genesis {
            rollups: 1,
            first_chain_id: 901,
            slot_ms: 200,
            seed: Some(7),
            accounts: vec![DEV_ACCOUNTS[0].address],
            balance: U256::from(5),
            timestamp: 1_700_000_000,
            heads: vec![B256::repeat_byte(1)],
            listed: Vec::new(),
            sealing: None,
        };
        let rollup = RollupConfig {
            allocations: vec![(DEV_ACCOUNTS[1].address, U256::ONE)],
            ..RollupConfig::new(904)
        };
        vec![
            Record::Genesis(genesis.clone()),
            Record::Turn { now_ms: 258, is_close: true },
            Record::Item { now_ms: 1, item: Item::Transaction(leg(901)) },
            Record::Closed(Closed {
                record: B256::repeat_byte(2),
                blocks: vec![(NetworkId::new(901), B256::repeat_byte(3))],
            }),
            Record::Queued(leg(901)),
            Record::Deferred(bundle(&Domain::dev())),
            Record::Prepared(shape),
            Record::Held(leg(902)),
            Record::Dropped {
                bundle: Some(id),
                protected: true,
                legs: vec![leg(901)],
                why: "expired".to_owned(),
            },
            Record::Genesis(Genesis { listed: vec![rollup.clone()], ..genesis.clone() }),
            Record::Genesis(Genesis { sealing: Some(SealingOptions::default()), ..genesis }),
            Record::KeyList {
                now_ms: 5,
                key: KeyAnnouncement {
                    epoch: 2,
                    list: B256::repeat_byte(5),
                    members: [1, 3].into(),
                    close_at_ms: 9,
                },
                bytes: Bytes::from_static(b"list"),
            },
            Record::Sealed { now_ms: 6, envelope: envelope(), signature: signature() },
            released(None),
            released(Some(signature())),
            Record::Revealed { now_ms: 8, epoch: 2, secret: secret(), squared: None },
            Record::Revealed {
                now_ms: 8,
                epoch: 2,
                secret: secret(),
                squared: Some(Box::new(Squared {
                    value: FixedBytes::repeat_byte(1),
                    proof: FixedBytes::repeat_byte(2),
                })),
            },
            Record::Opened {
                now_ms: 8,
                epoch: 2,
                secret: secret(),
                revealed: Revealed {
                    releases: vec![SignedRelease { member: 3, signature: signature() }],
                    squared: Some(Squared {
                        value: FixedBytes::repeat_byte(1),
                        proof: FixedBytes::repeat_byte(2),
                    }),
                },
            },
            Record::Named {
                now_ms: 8,
                item: B256::repeat_byte(9),
                carriage: envelope().carriage,
                signature: signature(),
            },
            Record::GiveUp,
            Record::Expired { now_ms: 8 },
            Record::LeaveKeys { epoch: 3 },
            Record::Joined(Joined { rollup, timestamp: 7, head: B256::repeat_byte(4) }),
            Record::L1Forward {
                block: L1Block {
                    number: 5,
                    hash: B256::repeat_byte(6),
                    parent: B256::repeat_byte(7),
                    unix_s: 9,
                },
                entries: vec![(3, Bytes::from_static(b"entry"))],
            },
            Record::L1Back { to: 4 },
            Record::L1Item { now_ms: 8, slot: 3 },
            Record::ExitsFirst { reach: 9 },
            Record::Followed { slot: B256::repeat_byte(1) },
            Record::Posted(PostedMark {
                number: 3,
                hash: B256::repeat_byte(2),
                block: 77,
                last_slot: 12,
            }),
            Record::Void { from: 5 },
            Record::Supplied { epoch: 2, index: 1, envelope: envelope() },
        ]
    }

    #[test]
    fn records_are_read_back_and_no_part_of_one_is() {
        for record in samples() {
            let bytes = record.encode();
            assert_eq!(Record::read(&bytes, &Domain::dev()), Ok(record));
            for end in 0..bytes.len() {
                assert!(Record::read(&bytes[..end], &Domain::dev()).is_err());
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert!(Record::read(&longer, &Domain::dev()).is_err());
        }
    }

    #[test]
    fn a_kind_of_record_stands_for_one_thing() {
        let mut kinds = BTreeMap::new();
        for record in samples() {
            let variant = std::mem::discriminant(&record);
            let known = *kinds.entry(record.encode()[1]).or_insert(variant);
            assert_eq!(known, variant, "{record:?}");
        }
    }

    #[test]
    fn altered_records_are_refused_or_differ() {
        for record in samples() {
            let bytes = record.encode();
            for at in 0..bytes.len() {
                let mut altered = bytes.clone();
                altered[at] ^= 1;
                assert_ne!(Record::read(&altered, &Domain::dev()).as_ref(), Ok(&record));
            }
        }
    }

    #[test]
    fn bundles_of_another_realm_are_refused() {
        let other = Domain { realm: 9, ..Domain::dev() };
        let bytes = Record::Deferred(bundle(&other)).encode();
        assert!(Record::read(&bytes, &Domain::dev()).is_err());
    }

    #[test]
    fn bytes_of_records_are_fixed() {
        let closed = &samples()[3].encode();
        // Lengths and network ids are numbers with their own length in front.
        let expected = format!("0103{}0101020385{}", "02".repeat(32), "03".repeat(32));
        assert_eq!(hex::encode(closed), expected);
        assert_eq!(hex::encode(samples()[1].encode()), "0101000000000000010201");
    }
}
