//! What a rollup registers with: everything that a stranger needs besides the batches (P41).
//!
//! ```text
//! version 1 | 0 | addresses of the contracts, 8 x 20 | configuration of the realm, in full     the first rollup
//! version 1 | 1 | hash of the realm's configuration  | genesis of the rollup                   every other
//! ```

use alloy_primitives::{Address, B256};
use weft_batch::{RealmConfig, RollupGenesis};
use weft_contracts::l1::L1Addresses;
use weft_types::codec::{CodecError, Decode, Encode, Reader, Writer};

/// What a rollup registers with, the `config` of `RollupRegistered`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// The first rollup of a realm names everything.
    Realm {
        /// The realm's contracts.
        contracts: L1Addresses,
        /// What the realm is made of, all rollups that it begins with included.
        config: Box<RealmConfig>,
    },
    /// Every other one names itself.
    Rollup {
        /// Hash of the realm's configuration.
        realm: B256,
        /// The rollup.
        genesis: RollupGenesis,
    },
}

impl Registration {
    /// Returns the rollup that it is of.
    pub fn into_genesis(self) -> Option<RollupGenesis> {
        match self {
            Self::Realm { config, .. } => config.rollups.into_iter().next(),
            Self::Rollup { genesis, .. } => Some(genesis),
        }
    }
}

impl Encode for Registration {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Realm { contracts, config } => {
                out.u8(0);
                places(contracts).iter().for_each(|address| {
                    out.address(address);
                });
                out.put(&**config);
            }
            Self::Rollup { realm, genesis } => {
                out.u8(1).hash(realm).put(genesis);
            }
        }
    }
}

impl Decode for Registration {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8()? {
            0 => Ok(Self::Realm { contracts: contracts(input)?, config: Box::new(input.get()?) }),
            1 => Ok(Self::Rollup { realm: input.hash()?, genesis: input.get()? }),
            found => Err(CodecError::Tag { what: "registration", found }),
        }
    }
}

/// In the order in which they are created.
const fn places(it: &L1Addresses) -> [Address; 8] {
    let L1Addresses { inbox, hub, bridge, escape, registry, slasher, judge, order_verifier } = *it;
    [inbox, hub, bridge, escape, registry, slasher, judge, order_verifier]
}

fn contracts(input: &mut Reader<'_>) -> Result<L1Addresses, CodecError> {
    Ok(L1Addresses {
        inbox: input.address()?,
        hub: input.address()?,
        bridge: input.address()?,
        escape: input.address()?,
        registry: input.address()?,
        slasher: input.address()?,
        judge: input.address()?,
        order_verifier: input.address()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_lane::LaneConfig;
    use weft_types::{Domain, NetworkId};

    fn realm() -> RealmConfig {
        let rollup = |chain_id| RollupGenesis {
            chain_id,
            timestamp: 1,
            gas_limit: 30_000_000,
            base_fee: 7,
            is_home: false,
            removes_failed: false,
            allocations: Vec::new(),
        };
        let lane = LaneConfig {
            slot_ms: 200,
            max_items_per_slot: 10,
            max_slot_gas: 1,
            max_origin_gas: 1,
            recent_slots: 5,
            rollups: vec![NetworkId::new(901), NetworkId::new(902)],
            sealing: None,
        };
        RealmConfig {
            domain: Domain { l1_chain_id: 900, ..Domain::dev() },
            sequencer: Address::repeat_byte(1),
            lane,
            sealing: None,
            inbox_window_ms: 0,
            rollups: vec![rollup(901), rollup(902)],
        }
    }

    #[test]
    fn registrations_are_read_as_they_were_written() {
        let contracts = L1Addresses::of(Address::repeat_byte(7), 3);
        let config = realm();
        let genesis = config.rollups[1].clone();
        for registration in [
            Registration::Rollup { realm: config.hash(), genesis },
            Registration::Realm { contracts, config: Box::new(config) },
        ] {
            let encoded = registration.encode();
            assert_eq!(Registration::decode(&encoded), Ok(registration));
            assert!(Registration::decode(&encoded[..encoded.len() - 1]).is_err());
        }
        assert!(Registration::decode(&[1, 2]).is_err());
    }
}
