//! What one rollup is made of, and its genesis.

use crate::{accounts::DevAccount, error::NodeError};
use alloy_primitives::{Address, U256};
use std::{collections::BTreeSet, ops::RangeInclusive};
use weft_contracts::{fee_vault, predeploys};
use weft_evm::{
    ChainSpec, FailedPolicy, GENESIS_BASE_FEE, GenesisAccount, MemoryState, Rollup,
    genesis_with_fee,
};
use weft_types::{
    NetworkId,
    codec::{CodecError, Decode, Encode, Reader, Writer},
};

/// Most allocations of a genesis.
pub const MAX_ALLOCATIONS: usize = 4096;
/// Most bytes of a rollup's name.
const MAX_NAME: usize = 64;
/// Gas limits that a block may have: with less, the deployment of a contract may fit into none; the lane gives no more to
/// a whole slot.
pub(crate) const GAS_LIMITS: RangeInclusive<u64> = 5_000_000..=4_000_000_000;
/// Highest base fee of a genesis: one ether for a unit of gas.
const MAX_BASE_FEE: u64 = 1_000_000_000_000_000_000;

/// What one rollup is made of.
///
/// Everything but name and port is part of its genesis and can never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupConfig {
    /// EIP-155 id, and network id inside the protocol.
    pub chain_id: u32,
    /// Name for people.
    pub name: String,
    /// Port of its JSON-RPC; 0 for any free one.
    pub port: u16,
    /// Gas limit of a block.
    pub gas_limit: u64,
    /// Base fee of the genesis block, in wei per unit of gas.
    pub base_fee: u64,
    /// Whether a transaction in clear that fails is removed, and not kept reverted (P5).
    pub removes_failed: bool,
    /// Accounts that have ether at genesis, in wei.
    pub allocations: Vec<(Address, U256)>,
}

impl RollupConfig {
    /// Returns a rollup without allocations, with the gas limit and the base fee of a development realm.
    pub fn new(chain_id: u32) -> Self {
        Self {
            chain_id,
            name: format!("rollup {chain_id}"),
            port: 0,
            gas_limit: ChainSpec::dev(chain_id).block_gas_limit,
            base_fee: GENESIS_BASE_FEE,
            removes_failed: false,
            allocations: Vec::new(),
        }
    }

    /// Returns a rollup of a development realm.
    pub(crate) fn dev(chain_id: u32, port: u16, accounts: &[DevAccount], wei: U256) -> Self {
        let allocations = accounts.iter().map(|account| (account.address, wei)).collect();
        Self { port, allocations, ..Self::new(chain_id) }
    }

    /// Checks everything that does not depend on other rollups.
    ///
    /// # Errors
    ///
    /// [`NodeError::Config`] with the value that is out of range.
    pub fn check(&self) -> Result<(), NodeError> {
        let id = self.chain_id;
        let wrong = |why: String| Err(NodeError::Config(format!("rollup {id}: {why}")));
        if id == 0 {
            return wrong("chain id 0 is L1".to_owned());
        }
        let is_plain = |letter: char| letter.is_alphanumeric() || " -_.".contains(letter);
        if self.name.is_empty() || self.name.len() > MAX_NAME || !self.name.chars().all(is_plain) {
            return wrong(format!(
                "name {:?}, expected 1 to {MAX_NAME} letters, digits, spaces, `-`, `_`, `.`",
                self.name
            ));
        }
        if !GAS_LIMITS.contains(&self.gas_limit) {
            let (gas, (least, most)) = (self.gas_limit, GAS_LIMITS.into_inner());
            return wrong(format!("gas limit {gas}, expected {least} to {most}"));
        }
        if !(1..=MAX_BASE_FEE).contains(&self.base_fee) {
            return wrong(format!("base fee {} wei, expected 1 to {MAX_BASE_FEE}", self.base_fee));
        }
        self.check_allocations().or_else(wrong)
    }

    fn check_allocations(&self) -> Result<(), String> {
        let count = self.allocations.len();
        if count > MAX_ALLOCATIONS {
            return Err(format!("{count} allocations, over the limit of {MAX_ALLOCATIONS}"));
        }
        let distinct: BTreeSet<_> = self.allocations.iter().map(|(address, _)| address).collect();
        if distinct.len() != count {
            return Err("an address has two allocations".to_owned());
        }
        // An allocation would replace the contract.
        let taken = predeploys(self.chain_id).into_iter().map(|predeploy| predeploy.address);
        let mut taken = taken.chain([fee_vault().address]);
        if let Some(address) = taken.find(|address| distinct.contains(address)) {
            return Err(format!("{address} is a contract of every rollup"));
        }
        let mut wei = self.allocations.iter().map(|(_, wei)| *wei);
        let sum = wei.try_fold(U256::ZERO, U256::checked_add);
        // Ether of all rollups together must fit 256 bits, wherever it goes.
        sum.filter(|sum| sum.bit_len() <= 192)
            .map(|_| ())
            .ok_or_else(|| "allocations of 2^192 wei or more".to_owned())
    }

    /// Returns the id inside the protocol.
    pub(crate) const fn network(&self) -> NetworkId {
        NetworkId::new(self.chain_id)
    }

    /// Returns the first thing in which the genesis of `other` differs: what, here, there.
    pub(crate) fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let text = |config: &Self| {
            [
                ("gas limit", config.gas_limit.to_string()),
                ("base fee", config.base_fee.to_string()),
                ("failed", config.spec().failed.name().to_owned()),
                ("allocations", format!("{:?}", sorted(&config.allocations))),
            ]
        };
        let mut pairs = text(self).into_iter().zip(text(other));
        let ((what, here), (_, there)) = pairs.find(|((_, here), (_, there))| here != there)?;
        Some((what, here, there))
    }

    /// Returns the facts about the rollup that never change.
    pub(crate) fn spec(&self) -> ChainSpec {
        let failed = FailedPolicy::removing(self.removes_failed);
        ChainSpec { block_gas_limit: self.gas_limit, failed, ..ChainSpec::dev(self.chain_id) }
    }

    /// Builds the rollup as it stands before its first block; `timestamp` is in seconds since the Unix epoch.
    pub(crate) fn genesis(&self, timestamp: u64) -> Rollup<MemoryState> {
        self.genesis_with(timestamp, None)
    }

    /// Builds it with the vault from which sealed items are paid (P13).
    pub(crate) fn home_genesis(&self, timestamp: u64) -> Rollup<MemoryState> {
        let vault = fee_vault();
        let (address, nonce, code) = (vault.address, vault.nonce, vault.code);
        let vault = GenesisAccount { address, nonce, code, ..GenesisAccount::default() };
        self.genesis_with(timestamp, Some(vault))
    }

    fn genesis_with(&self, timestamp: u64, vault: Option<GenesisAccount>) -> Rollup<MemoryState> {
        let account = |(address, balance): &(Address, U256)| GenesisAccount {
            address: *address,
            balance: *balance,
            ..GenesisAccount::default()
        };
        let accounts: Vec<_> = self.allocations.iter().map(account).chain(vault).collect();
        genesis_with_fee(self.spec(), timestamp, self.base_fee, &accounts)
    }
}

fn sorted(allocations: &[(Address, U256)]) -> Vec<(Address, U256)> {
    let mut sorted = allocations.to_vec();
    sorted.sort_unstable();
    sorted
}

impl Encode for RollupConfig {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.chain_id).bytes(self.name.as_bytes()).u16(self.port);
        out.u64(self.gas_limit).u64(self.base_fee).bool(self.removes_failed);
        out.len(self.allocations.len());
        for (address, wei) in &self.allocations {
            out.address(address).u256(*wei);
        }
    }
}

impl Decode for RollupConfig {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let chain_id = input.u32()?;
        let name = String::from_utf8(input.bytes()?.into());
        let name = name.map_err(|_| CodecError::NotCanonical("name is not text"))?;
        let (port, gas_limit, base_fee) = (input.u16()?, input.u64()?, input.u64()?);
        let removes_failed = input.bool()?;
        let count = input.bounded_len(MAX_ALLOCATIONS)?;
        let allocations = (0..count).map(|_| Ok((input.address()?, input.u256()?)));
        let allocations = allocations.collect::<Result<_, CodecError>>()?;
        Ok(Self { chain_id, name, port, gas_limit, base_fee, removes_failed, allocations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEV_ACCOUNTS;

    fn sample() -> RollupConfig {
        RollupConfig::dev(904, 9548, &DEV_ACCOUNTS, U256::from(7))
    }

    #[test]
    fn a_rollup_is_read_back_and_no_part_of_one_is() {
        let bytes = sample().encode();
        assert_eq!(RollupConfig::decode(&bytes), Ok(sample()));
        for end in 0..bytes.len() {
            assert!(RollupConfig::decode(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        assert!(sample().check().is_ok());
        let twice = [sample().allocations, sample().allocations].concat();
        let huge = vec![(Address::ZERO, U256::MAX), (Address::repeat_byte(1), U256::ONE)];
        let manager = vec![(weft_contracts::addresses::MANAGER, U256::ONE)];
        for (config, part) in [
            (RollupConfig { chain_id: 0, ..sample() }, "chain id 0"),
            (RollupConfig { name: String::new(), ..sample() }, "name"),
            (RollupConfig { name: "a\nb".to_owned(), ..sample() }, "name"),
            (RollupConfig { name: "a".repeat(65), ..sample() }, "name"),
            (RollupConfig { gas_limit: 21_000, ..sample() }, "gas limit 21000"),
            (RollupConfig { gas_limit: u64::MAX, ..sample() }, "gas limit"),
            (RollupConfig { base_fee: 0, ..sample() }, "base fee 0"),
            (RollupConfig { allocations: twice, ..sample() }, "two allocations"),
            (RollupConfig { allocations: manager, ..sample() }, "a contract of every rollup"),
            (RollupConfig { allocations: huge, ..sample() }, "2^192"),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn gas_limit_and_base_fee_stand_in_the_genesis_block() {
        let config = RollupConfig { gas_limit: 30_000_000, base_fee: 5, ..sample() };
        let rollup = config.genesis(1_700_000_000);
        assert_eq!(rollup.head.gas_limit, 30_000_000);
        assert_eq!(rollup.head.base_fee_per_gas, Some(5));
        assert_eq!(rollup.head.timestamp, 1_700_000_000);
        assert_ne!(rollup.head_hash, sample().genesis(1_700_000_000).head_hash);
    }

    #[test]
    fn names_and_ports_are_no_part_of_the_genesis() {
        let other = RollupConfig { name: "other".to_owned(), port: 1, ..sample() };
        assert_eq!(sample().difference(&other), None);
        let mut turned = sample();
        turned.allocations.reverse();
        assert_eq!(sample().difference(&turned), None);
        let dear = RollupConfig { base_fee: 9, ..sample() };
        assert_eq!(sample().difference(&dear).unwrap().0, "base fee");
    }
}
