//! The contracts of a realm on L1, ready to be deployed by one account one after the other.
//!
//! They name each other, so their addresses are those of the deployer's next nonces. [`deployment`] computes everything;
//! whoever deploys sends the init codes in order and compares the addresses.

use crate::bindings::{
    AttestationPolicy, Escape, Hub, Inbox, Judge, L1Bridge, OrderVerifier, SequencerRegistry,
    Slasher,
};
use alloc::{vec, vec::Vec};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolConstructor as _;

/// What is chosen for a realm, for good. Windows and delays are in L1 blocks, amounts in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Config {
    /// Number of the realm.
    pub realm: u64,
    /// Who may register rollups; zero for anybody.
    pub registrar: Address,
    /// Age at which an inbox entry must be consumed.
    pub force_window: u64,
    /// Silence after which anybody posts inbox-only batches.
    pub silence_window: u64,
    /// Time without a settlement after which accounts leave.
    pub exit_window: u64,
    /// Least bond of an operator.
    pub minimum_bond: U256,
    /// How long a bond answers after its operator left.
    pub unbonding_blocks: u64,
    /// Who holds the seat at first.
    pub operator: Address,
    /// The operator's key.
    pub sequencer: Address,
    /// The operator's bond, paid by the deployer.
    pub bond: U256,
    /// Penalty for a fault of safety.
    pub safety_penalty: U256,
    /// Penalty for a missed deadline.
    pub liveness_penalty: U256,
    /// Time after a deadline before missing it is punished.
    pub grace_blocks: u64,
    /// Universal Registry Contract; zero for none.
    pub urc: Address,
    /// What the URC slashes in addition.
    pub urc_penalty: U256,
}

/// Addresses of a realm's contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L1Addresses {
    /// `Inbox`.
    pub inbox: Address,
    /// `Hub`, the settlement contract of the realm's domain.
    pub hub: Address,
    /// `L1Bridge`.
    pub bridge: Address,
    /// `Escape`.
    pub escape: Address,
    /// `SequencerRegistry`.
    pub registry: Address,
    /// `Slasher`.
    pub slasher: Address,
    /// `Judge`.
    pub judge: Address,
    /// `OrderVerifier`.
    pub order_verifier: Address,
}

/// One contract to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// Name of the contract.
    pub name: &'static str,
    /// Address that it gets.
    pub address: Address,
    /// Creation bytecode with constructor arguments.
    pub init_code: Bytes,
    /// Wei that go with it.
    pub value: U256,
}

impl L1Addresses {
    /// Returns the addresses that eight creations by `deployer` from `nonce` on get.
    pub fn of(deployer: Address, nonce: u64) -> Self {
        let [inbox, hub, bridge, escape, registry, slasher, judge, order_verifier] =
            core::array::from_fn(|index| deployer.create(nonce + index as u64));
        Self { inbox, hub, bridge, escape, registry, slasher, judge, order_verifier }
    }
}

/// Returns the contracts of a realm in the order in which `deployer` creates them from `nonce` on.
pub fn deployment(
    config: &L1Config,
    deployer: Address,
    nonce: u64,
) -> (L1Addresses, Vec<Creation>) {
    let to = L1Addresses::of(deployer, nonce);
    let creation = |name, address, code: &Bytes, arguments: Vec<u8>| Creation {
        name,
        address,
        init_code: [code.as_ref(), &arguments].concat().into(),
        value: U256::ZERO,
    };
    let inbox = Inbox::constructorCall {
        hub_: to.hub,
        bridge_: to.bridge,
        escape_: to.escape,
        realm_: config.realm,
    };
    let bridge = L1Bridge::constructorCall { hub_: to.hub, inbox_: to.inbox, escape_: to.escape };
    let escape = Escape::constructorCall { hub_: to.hub, bridge_: to.bridge, inbox_: to.inbox };
    let judge = Judge::constructorCall { hub_: to.hub, realm_: config.realm };
    let creations = vec![
        creation("Inbox", to.inbox, &Inbox::BYTECODE, inbox.abi_encode()),
        creation("Hub", to.hub, &Hub::BYTECODE, hub(config, &to).abi_encode()),
        creation("L1Bridge", to.bridge, &L1Bridge::BYTECODE, bridge.abi_encode()),
        creation("Escape", to.escape, &Escape::BYTECODE, escape.abi_encode()),
        Creation {
            value: config.bond,
            ..creation(
                "SequencerRegistry",
                to.registry,
                &SequencerRegistry::BYTECODE,
                registry(config, &to).abi_encode(),
            )
        },
        creation("Slasher", to.slasher, &Slasher::BYTECODE, slasher(config, &to).abi_encode()),
        creation("Judge", to.judge, &Judge::BYTECODE, judge.abi_encode()),
        creation("OrderVerifier", to.order_verifier, &OrderVerifier::BYTECODE, Vec::new()),
    ];
    (to, creations)
}

/// Returns the init code of a policy of `threshold` out of `attesters`, whose addresses increase.
pub fn attestation_policy(program_id: B256, threshold: U256, attesters: Vec<Address>) -> Bytes {
    let arguments = AttestationPolicy::constructorCall {
        programId_: program_id,
        threshold_: threshold,
        attesters_: attesters,
    };
    [AttestationPolicy::BYTECODE.as_ref(), &arguments.abi_encode()].concat().into()
}

fn hub(config: &L1Config, to: &L1Addresses) -> Hub::constructorCall {
    let config = Hub::HubConfig {
        realm: config.realm,
        inbox: to.inbox,
        bridge: to.bridge,
        sequencers: to.registry,
        escape: to.escape,
        registrar: config.registrar,
        forceWindow: config.force_window,
        silenceWindow: config.silence_window,
        exitWindow: config.exit_window,
    };
    Hub::constructorCall { config }
}

fn registry(config: &L1Config, to: &L1Addresses) -> SequencerRegistry::constructorCall {
    SequencerRegistry::constructorCall {
        hub_: to.hub,
        slasher_: to.slasher,
        realm_: config.realm,
        minimumBond_: config.minimum_bond,
        unbondingBlocks_: U256::from(config.unbonding_blocks),
        firstOperator: config.operator,
        firstKey: config.sequencer,
    }
}

fn slasher(config: &L1Config, to: &L1Addresses) -> Slasher::constructorCall {
    let config = Slasher::SlasherConfig {
        hub: to.hub,
        judge: to.judge,
        registry: to.registry,
        realm: config.realm,
        safetyPenalty: config.safety_penalty,
        livenessPenalty: config.liveness_penalty,
        urc: config.urc,
        urcPenalty: config.urc_penalty,
        graceBlocks: config.grace_blocks,
    };
    Slasher::constructorCall { config }
}

/// Returns what a contract on L1 refused with, by the data of its revert: the error's name and values.
pub fn error_name(data: &[u8]) -> Option<alloc::string::String> {
    use crate::bindings::{Escape as E, Hub as H, Inbox as I, L1Bridge as B};
    use alloc::format;
    use alloy_sol_types::SolInterface as _;
    let hub = || H::HubErrors::abi_decode(data).ok().map(|error| format!("{error:?}"));
    let inbox = || I::InboxErrors::abi_decode(data).ok().map(|error| format!("{error:?}"));
    let bridge = || B::L1BridgeErrors::abi_decode(data).ok().map(|error| format!("{error:?}"));
    let escape = || E::EscapeErrors::abi_decode(data).ok().map(|error| format!("{error:?}"));
    let named = hub().or_else(inbox).or_else(bridge).or_else(escape)?;
    // `NotNext(NotNext { .. })`: the name is said once.
    let inner = named.split_once('(').map(|(_, inner)| inner.strip_suffix(')').unwrap_or(inner));
    Some(inner.unwrap_or(&named).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_sol_types::SolError as _;

    #[test]
    fn refusals_are_named_with_their_values() {
        let refused = Hub::NotSilent { from: U256::from(77) }.abi_encode();
        assert_eq!(error_name(&refused).as_deref(), Some("NotSilent { from: 77 }"));
        let refused = Inbox::WrongGas { gas: 5 }.abi_encode();
        assert_eq!(error_name(&refused).as_deref(), Some("WrongGas { gas: 5 }"));
        assert_eq!(error_name(&[1, 2, 3]), None);
    }
}
