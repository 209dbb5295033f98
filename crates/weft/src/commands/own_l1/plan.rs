//! What is deployed on a development L1, and a chain on which it is.

use super::{
    chain::Wanted,
    roles::{self, Roles},
};
use alloy_primitives::{Address, B256, U256};
use eyre::Result;
use std::path::Path;
use weft_batch::RealmConfig;
use weft_contracts::l1::L1Config;
use weft_devl1::DevL1;
use weft_l1::{Deployed, Plan};

/// Returns how a realm is deployed that `sequencer` orders.
pub(super) fn of(realm: RealmConfig, sequencer: Address, roles: &Roles, is_backed: bool) -> Plan {
    let payer = roles.deployer.address();
    let l1 = L1Config {
        realm: realm.domain.realm,
        registrar: payer,
        force_window: roles::FORCE_WINDOW,
        silence_window: 2 * roles::FORCE_WINDOW,
        exit_window: 7 * roles::FORCE_WINDOW,
        minimum_bond: roles::BOND,
        unbonding_blocks: 14 * roles::FORCE_WINDOW,
        operator: payer,
        sequencer,
        bond: roles::BOND,
        safety_penalty: roles::BOND,
        liveness_penalty: roles::BOND / U256::from(10),
        grace_blocks: 300,
        urc: Address::ZERO,
        urc_penalty: U256::ZERO,
    };
    Plan {
        l1,
        threshold: 1,
        attesters: vec![roles.attester.address()],
        program_id: B256::ZERO,
        realm,
        is_backed,
    }
}

/// A chain with a realm's contracts.
#[derive(Debug)]
pub(in crate::commands) struct Standing {
    /// The chain.
    pub(in crate::commands) chain: Box<dyn DevL1>,
    /// What is on it.
    pub(in crate::commands) deployed: Deployed,
}

/// Starts a chain and deploys a realm on it, the genesis balances of which are backed; `realm` makes it of the chain's id and
/// the hub's address.
pub(in crate::commands) async fn stand(
    wanted: Wanted,
    home: &Path,
    sequencer: Address,
    realm: impl FnOnce(u64, Address) -> Result<RealmConfig>,
) -> Result<Standing> {
    let chain = wanted.start(home).await?;
    let roles = Roles::new(chain.url(), false).await?;
    let realm = realm(roles.chain_id, roles.contracts.hub)?;
    let plan = of(realm, sequencer, &roles, true);
    let deployed = roles.deploy(chain.url(), &plan).await?;
    Ok(Standing { chain, deployed })
}
