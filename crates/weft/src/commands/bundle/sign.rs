//! `weft bundle sign`.

use super::{
    DEFAULT_RPC,
    file::{self, BundleFile, LegFile},
};
use crate::{accounts, realm::Realm, rpc::Rpc};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, TxKind, U64, U128};
use alloy_signer_local::PrivateKeySigner;
use clap::Args;
use eyre::{Result, WrapErr, bail};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

/// Part by which a gas estimate is raised: state may differ when the bundle executes.
const HEADROOM_PERCENT: u64 = 30;

/// Signs legs; nonces, gas and fees come from the node
#[derive(Debug, Args)]
#[command(after_help = "\
Legs of other senders stay as they are, so that several people can sign one
after the other. Fees are those that the node suggests.")]
pub(crate) struct Sign {
    /// Private key of a sender; repeat for several
    #[arg(long = "key", value_name = "HEX", env = "WEFT_KEY", hide_env_values = true)]
    #[arg(required = true, value_delimiter = ',')]
    keys: Vec<PrivateKeySigner>,
    /// Any rollup of the realm
    #[arg(long, value_name = "URL", default_value = DEFAULT_RPC)]
    rpc: String,
    /// Gas limit of a leg that fails without the legs before it
    #[arg(long, value_name = "GAS", default_value_t = 1_000_000)]
    gas_limit: u64,
    /// Bundle from `weft bundle build`; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
}

/// Checks that legs are signed for the realm that will run them.
fn check_domain(bundle: &BundleFile, realm: &Realm) -> Result<()> {
    let Some(served) = realm.domain().filter(|served| **served != bundle.domain()) else {
        return Ok(());
    };
    let (url, l1, hub, id) =
        (realm.entry().url(), served.l1_chain_id, served.settlement, served.realm);
    bail!(
        "the bundle is for another realm than that of {url}, which would not take it: \
         build it again with --rpc {url}, or --domain {l1}:{hub}:{id}"
    )
}

impl Sign {
    /// Runs the command.
    pub(super) async fn run(self) -> Result<ExitCode> {
        let mut bundle: BundleFile = serde_json::from_value(file::read(
            &self.file,
            "name the output of `weft bundle build`",
        )?)
        .wrap_err_with(|| {
            format!("{} is no output of `weft bundle build`", file::name(&self.file))
        })?;
        bundle.check()?;
        let realm = Realm::connect(&self.rpc).await?;
        check_domain(&bundle, &realm)?;
        let mut nonces = Nonces::default();
        let mut signed = 0;
        for (index, leg) in bundle.legs.iter_mut().enumerate() {
            let Some(key) = self.keys.iter().find(|key| key.address() == leg.from) else {
                continue;
            };
            let rollup = realm.rollup(leg.chain_id).wrap_err_with(|| format!("leg {index}"))?;
            let signing = sign_leg(leg, key, rollup, self.gas_limit, &mut nonces).await;
            if let Some(why) = signing.wrap_err_with(|| format!("leg {index} is not signed"))? {
                let (id, gas) = (leg.chain_id, self.gas_limit);
                eprintln!(
                    "leg {index} on {id} is signed with {gas} gas (--gas-limit): its gas cannot be \
                     estimated, for by itself it fails ({why}), as a leg may that needs those before"
                );
            }
            signed += 1;
        }
        if signed == 0 {
            let own = listed(self.keys.iter().map(PrivateKeySigner::address));
            let senders: BTreeSet<_> = bundle.legs.iter().map(|leg| leg.from).collect();
            let senders = listed(senders.into_iter());
            bail!("nothing is signed: --key is that of {own}, and the legs are from {senders}");
        }
        for (index, leg) in bundle.legs.iter().enumerate() {
            if leg.raw.is_none() {
                eprintln!("leg {index} on {} still needs the key of {}", leg.chain_id, leg.from);
            }
        }
        file::print(&bundle)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Next nonces of senders, counted on over the legs of one bundle.
#[derive(Debug, Default)]
struct Nonces(BTreeMap<(u64, Address), u64>);

impl Nonces {
    async fn next(&mut self, rpc: &Rpc, chain_id: u64, account: Address) -> Result<u64> {
        let nonce = match self.0.get(&(chain_id, account)) {
            Some(nonce) => *nonce,
            None => rpc.nonce(account).await?,
        };
        self.0.insert((chain_id, account), nonce + 1);
        Ok(nonce)
    }
}

/// Signs a leg; returns why its gas could not be estimated, if so.
async fn sign_leg(
    leg: &mut LegFile,
    key: &PrivateKeySigner,
    rpc: &Rpc,
    gas_limit: u64,
    nonces: &mut Nonces,
) -> Result<Option<String>> {
    let found = rpc.chain_id().await?;
    if found != leg.chain_id {
        bail!("{} has chain id {found}, the leg is for {}", rpc.url(), leg.chain_id);
    }
    let gas_price = rpc.request::<U128>("eth_gasPrice", json!([])).await?.to::<u128>();
    let tip = rpc.request::<U128>("eth_maxPriorityFeePerGas", json!([])).await?.to::<u128>();
    let estimated = match leg.gas {
        Some(gas) => Ok(gas),
        None => estimate(leg, rpc).await?,
    };
    let (gas, why) = match estimated {
        Ok(gas) => (gas, None),
        Err(why) => (gas_limit, Some(why)),
    };
    let tx = TxEip1559 {
        chain_id: leg.chain_id,
        nonce: nonces.next(rpc, leg.chain_id, leg.from).await?,
        gas_limit: gas,
        max_fee_per_gas: (2 * gas_price).max(tip),
        max_priority_fee_per_gas: tip,
        to: leg.to.map_or(TxKind::Create, TxKind::Call),
        value: leg.value,
        access_list: leg.access_list.clone().unwrap_or_default(),
        input: leg.data.clone(),
    };
    leg.gas = Some(tx.gas_limit);
    let (raw, hash) = accounts::sign(key, tx)?;
    (leg.raw, leg.tx_hash) = (Some(raw), Some(hash));
    Ok(why)
}

/// Returns the gas that the leg needs when it is executed alone, with headroom; why it fails, when it does.
async fn estimate(leg: &LegFile, rpc: &Rpc) -> Result<Result<u64, String>> {
    let call = json!([{
        "from": leg.from,
        "to": leg.to,
        "value": leg.value,
        "data": leg.data,
        "accessList": leg.access_list.clone().unwrap_or_default(),
    }]);
    let estimated = rpc.ask::<U64>("eth_estimateGas", call).await?;
    let estimated = estimated.map_err(|refused| refused.message);
    Ok(estimated.map(|gas| gas.to::<u64>() * (100 + HEADROOM_PERCENT) / 100))
}

fn listed(addresses: impl Iterator<Item = Address>) -> String {
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(" or ")
}
