//! The first block of a chain in this process: every fork up to Osaka, the contracts that the forks call, and the accounts of
//! the settings beside the development accounts.

use crate::{error::DevL1Error, settings::Settings};
use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
};
use alloy_primitives::{Address, Bytes, U256, address, bytes};
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use weft_ethereum::Genesis;
use weft_node::DEV_ACCOUNTS;

/// Gas limit of every block, in units, as anvil has it.
const GAS_LIMIT: u64 = 30_000_000;
/// Wei of each development account that the settings say nothing of: 10,000 ether.
const BALANCE: u128 = 10_000_000_000_000_000_000_000;
/// Deploys by CREATE2 at addresses that every chain has in common (Arachnid's proxy), as anvil has it.
const DEPLOYER: (Address, Bytes) = (
    address!("0x4e59b44847b379578588920cA78FbF26c0B4956C"),
    bytes!(
        "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
    ),
);

/// Returns the genesis of a chain that begins now.
pub(crate) fn genesis(settings: &Settings) -> Result<Genesis, DevL1Error> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    genesis_at(settings, since.as_secs())
}

/// Returns the genesis of a chain that began at a time, in seconds since the Unix epoch.
pub(crate) fn genesis_at(settings: &Settings, timestamp: u64) -> Result<Genesis, DevL1Error> {
    let file = json!({
        "config": config(settings.chain_id),
        "timestamp": format!("{timestamp:#x}"),
        "gasLimit": format!("{GAS_LIMIT:#x}"),
        "difficulty": "0x0",
        "nonce": "0x0",
        "extraData": "0x",
        "alloc": accounts(settings),
    });
    let genesis = weft_ethereum::genesis(file.to_string().as_bytes());
    genesis.map_err(|why| DevL1Error::Node(why.to_string()))
}

/// Every fork up to Osaka is there from the beginning.
fn config(chain_id: u64) -> Value {
    let mut config = json!({
        "chainId": chain_id,
        "terminalTotalDifficulty": 0,
        "terminalTotalDifficultyPassed": true,
        "blobSchedule": {
            "cancun": { "target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477 },
            "prague": { "target": 6, "max": 9, "baseFeeUpdateFraction": 5_007_716 },
            "osaka": { "target": 6, "max": 9, "baseFeeUpdateFraction": 5_007_716 },
        },
    });
    let by_number = ["homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople"];
    let later = ["petersburg", "istanbul", "muirGlacier", "berlin", "london"];
    for fork in by_number.iter().chain(&later) {
        config[format!("{fork}Block")] = json!(0);
    }
    for fork in ["shanghai", "cancun", "prague", "osaka"] {
        config[format!("{fork}Time")] = json!(0);
    }
    config
}

fn accounts(settings: &Settings) -> Value {
    let mut accounts = Map::new();
    for (address, code) in [
        (BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE.clone()),
        (HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE.clone()),
        (WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE.clone()),
        (CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE.clone()),
        DEPLOYER,
    ] {
        let account = json!({ "balance": "0x0", "nonce": "0x1", "code": code });
        accounts.insert(address.to_string(), account);
    }
    let known = DEV_ACCOUNTS.iter().map(|account| (account.address, U256::from(BALANCE)));
    for (address, wei) in known.chain(settings.funded.iter().copied()) {
        accounts.insert(address.to_string(), json!({ "balance": wei }));
    }
    Value::Object(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backend;
    use alloy_primitives::{b256, keccak256};
    use weft_evm::State as _;

    #[test]
    fn the_deployer_is_the_one_that_every_chain_has() {
        let hash = b256!("0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989");
        assert_eq!(keccak256(DEPLOYER.1), hash);
    }

    #[test]
    fn what_is_funded_is_there_and_the_rules_are_those_of_osaka() {
        let funded = (Address::repeat_byte(7), U256::from(5));
        let mut settings = Settings::new(Backend::Embedded, "blobs".into());
        settings.funded = vec![funded];
        let mut genesis = genesis(&settings).unwrap();
        let balance = |address| genesis.state.account(&address).unwrap().info.balance;
        assert_eq!(balance(funded.0), funded.1);
        assert_eq!(balance(DEV_ACCOUNTS[9].address), U256::from(BALANCE));
        assert_eq!(genesis.schedule.chain_id(), 900);
        let rules = genesis.schedule.rules_of(&genesis.header);
        assert!(rules.is_merged && rules.blob.is_some_and(|blob| blob.max_blobs_per_tx == 6));
        let Ok(root) = genesis.state.root();
        assert_eq!(root, genesis.header.state_root);
    }
}
