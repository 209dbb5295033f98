//! What a realm is made of: everything that its batches do not say. Its hash stands on L1 (P41).

use crate::slot::increasing;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, U256};
use weft_crypto::epoch::MAX_MEMBERS;
use weft_lane::{LaneConfig, SealingConfig};
use weft_types::{
    Domain, NetworkId, Tag,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// Most rollups of a realm at genesis.
const MAX_ROLLUPS: usize = 4096;
/// Most allocations of one genesis.
const MAX_ALLOCATIONS: usize = 1 << 16;

/// What a realm is made of before its first slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmConfig {
    /// The realm that everything signed and hashed belongs to.
    pub domain: Domain,
    /// Who signs batches.
    pub sequencer: Address,
    /// Rules of the lane; its rollups are those of `rollups`.
    pub lane: LaneConfig,
    /// What sealed items are opened with, when they are taken.
    pub sealing: Option<SealingRealm>,
    /// Age that no inbox entry may reach before it is in the lane, in milliseconds; zero for no bound (P46).
    pub inbox_window_ms: u64,
    /// Rollups in the order of their ids.
    pub rollups: Vec<RollupGenesis>,
}

/// What sealed items are opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingRealm {
    /// Encoding of the setup of the delay.
    pub setup: Bytes,
    /// Keys of the members of the committee, by number, in whose hands it lies when an epoch opens (P17). None for a committee in
    /// the sequencer's own process, which signs nothing.
    pub members: Vec<(u32, Address)>,
}

/// What one rollup is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupGenesis {
    /// EIP-155 id, and network id inside the protocol.
    pub chain_id: u32,
    /// Time of the genesis block, in seconds since the Unix epoch.
    pub timestamp: u64,
    /// Gas limit of a block, in units.
    pub gas_limit: u64,
    /// Base fee of the genesis block, in wei per unit of gas.
    pub base_fee: u64,
    /// True when deposits for sealed items lie here (P13).
    pub is_home: bool,
    /// True when a transaction in clear that fails is removed, and not kept reverted (P5).
    pub removes_failed: bool,
    /// Accounts that have ether at genesis, in wei, by address.
    pub allocations: Vec<(Address, U256)>,
}

impl RealmConfig {
    /// Returns the hash that names the realm's configuration.
    pub fn hash(&self) -> B256 {
        self.domain.hash(Tag::RealmConfig, &self.encode())
    }
}

impl RollupGenesis {
    /// Returns the id inside the protocol.
    pub const fn network(&self) -> NetworkId {
        NetworkId::new(self.chain_id)
    }
}

impl Encode for RealmConfig {
    fn encode_to(&self, out: &mut Writer) {
        out.put(&self.domain).address(&self.sequencer);
        let LaneConfig { slot_ms, max_items_per_slot, max_slot_gas, .. } = self.lane;
        out.u64(slot_ms).u32(max_items_per_slot).u64(max_slot_gas);
        out.u64(self.lane.max_origin_gas).u64(self.lane.recent_slots);
        out.bool(self.sealing.is_some());
        if let (Some(sealing), Some(lane)) = (&self.sealing, &self.lane.sealing) {
            out.bytes(&sealing.setup).len(sealing.members.len());
            for (member, key) in &sealing.members {
                out.u32(*member).address(key);
            }
            put_sealing(out, lane);
        }
        out.u64(self.inbox_window_ms).list(&self.rollups);
    }
}

impl Decode for RealmConfig {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (domain, sequencer) = (input.get()?, input.address()?);
        let mut lane = LaneConfig {
            slot_ms: input.u64()?,
            max_items_per_slot: input.u32()?,
            max_slot_gas: input.u64()?,
            max_origin_gas: input.u64()?,
            recent_slots: input.u64()?,
            rollups: Vec::new(),
            sealing: None,
        };
        let mut sealing = None;
        if input.bool()? {
            sealing = Some(SealingRealm { setup: input.bytes()?, members: members_of(input)? });
            lane.sealing = Some(sealing_of(input)?);
        }
        let inbox_window_ms = input.u64()?;
        let rollups: Vec<RollupGenesis> = input.bounded_list(MAX_ROLLUPS)?;
        increasing(rollups.iter().map(|rollup| rollup.chain_id), "rollups are not in order")?;
        lane.rollups = rollups.iter().map(RollupGenesis::network).collect();
        Ok(Self { domain, sequencer, lane, sealing, inbox_window_ms, rollups })
    }
}

fn members_of(input: &mut Reader<'_>) -> Result<Vec<(u32, Address)>, CodecError> {
    let count = input.bounded_len(MAX_MEMBERS)?;
    let members = (0..count).map(|_| Ok((input.u32()?, input.address()?)));
    let members = members.collect::<Result<Vec<_>, CodecError>>()?;
    increasing(members.iter().map(|(member, _)| member), "members are not in order")?;
    Ok(members)
}

fn put_sealing(out: &mut Writer, config: &SealingConfig) {
    out.u64(config.epoch_slots).u64(config.lead_slots).u32(config.max_items);
    out.u64(config.max_bytes).u64(config.max_gas).u32(config.payer_share).u32(config.max_waiting);
    out.number(config.wei_per_byte).number(config.wei_per_gas).put(&config.home);
}

fn sealing_of(input: &mut Reader<'_>) -> Result<SealingConfig, CodecError> {
    Ok(SealingConfig {
        epoch_slots: input.u64()?,
        lead_slots: input.u64()?,
        max_items: input.u32()?,
        max_bytes: input.u64()?,
        max_gas: input.u64()?,
        payer_share: input.u32()?,
        max_waiting: input.u32()?,
        wei_per_byte: input.number()?,
        wei_per_gas: input.number()?,
        home: input.get()?,
    })
}

impl Encode for RollupGenesis {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.chain_id).u64(self.timestamp).u64(self.gas_limit).u64(self.base_fee);
        out.u8(u8::from(self.is_home) | u8::from(self.removes_failed) << 1);
        out.len(self.allocations.len());
        for (address, wei) in &self.allocations {
            out.address(address).number256(*wei);
        }
    }
}

impl Decode for RollupGenesis {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (chain_id, timestamp) = (input.u32()?, input.u64()?);
        let (gas_limit, base_fee, flags) = (input.u64()?, input.u64()?, input.u8()?);
        if flags > 3 {
            return Err(CodecError::NotCanonical("unknown flags of a rollup"));
        }
        let (is_home, removes_failed) = (flags & 1 == 1, flags & 2 == 2);
        let count = input.bounded_len(MAX_ALLOCATIONS)?;
        let mut allocations = Vec::new();
        for _ in 0..count {
            allocations.push((input.address()?, input.number()?));
        }
        increasing(allocations.iter().map(|(address, _)| address), "allocations are not in order")?;
        Ok(Self { chain_id, timestamp, gas_limit, base_fee, is_home, removes_failed, allocations })
    }
}
