//! Everything that a story could change, to show that a failed one changes nothing.

use super::{
    market::Market,
    stage::{Account, Stage},
};
use alloy_primitives::U256;
use eyre::Result;
use std::collections::BTreeMap;
use weft_contracts::{CrossChainToken, Pool, Weth, addresses::SYSTEM_SENDER};

/// Balances, reserves, supplies and nonces at the last closed blocks, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holdings(BTreeMap<String, U256>);

impl Holdings {
    /// Reads what belongs to `account` on both rollups.
    pub(super) async fn of_account(
        stage: &Stage,
        market: &Market,
        account: Account,
    ) -> Result<Self> {
        let mut all = BTreeMap::new();
        let who = account.address();
        for (id, side) in [(stage.a, market.a), (stage.b, market.b)] {
            let rpc = stage.rpc(id)?;
            let mut put = |what, amount| all.insert(format!("{id} {what}"), amount);
            put("ether of the sender", rpc.balance(who).await?);
            put("nonce of the sender", U256::from(rpc.nonce(who).await?));
            let balance = CrossChainToken::balanceOfCall { account: who };
            put("TUSDC of the sender", rpc.view(side.token, balance).await?);
            let balance = Weth::balanceOfCall { account: who };
            put("WETH of the sender", rpc.view(side.weth, balance).await?);
        }
        Ok(Self(all))
    }

    /// Reads what belongs to `account`, the pools, the lender and the traders, and how much inbound work the second
    /// rollup has done.
    pub(super) async fn of_story(stage: &Stage, market: &Market, account: Account) -> Result<Self> {
        let Self(mut all) = Self::of_account(stage, market, account).await?;
        for (id, side) in [(stage.a, market.a), (stage.b, market.b)] {
            let rpc = stage.rpc(id)?;
            let mut put = |what, amount| all.insert(format!("{id} {what}"), amount);
            put("WETH of the pool", rpc.view(side.pool, Pool::reserve0Call {}).await?);
            put("TUSDC of the pool", rpc.view(side.pool, Pool::reserve1Call {}).await?);
            let supply = rpc.view(side.token, CrossChainToken::totalSupplyCall {}).await?;
            put("TUSDC in existence", supply);
            put("inbound work", U256::from(rpc.nonce(SYSTEM_SENDER).await?));
        }
        let (a, b) = (stage.rpc(stage.a)?, stage.rpc(stage.b)?);
        let balance = CrossChainToken::balanceOfCall { account: market.lender };
        let lender = a.view(market.a.token, balance).await?;
        all.insert(format!("{} TUSDC of the lender", stage.a), lender);
        all.insert(format!("{} ether of FlashArb", stage.a), a.balance(market.arb).await?);
        all.insert(format!("{} ether of RemoteTrader", stage.b), b.balance(market.trader).await?);
        Ok(Self(all))
    }

    /// Returns the amount called `name`.
    ///
    /// # Panics
    ///
    /// Panics when nothing is called so.
    pub(super) fn get(&self, id: u64, name: &str) -> U256 {
        self.0[&format!("{id} {name}")]
    }

    /// Returns how many amounts there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the names of what differs, or `nothing`.
    pub(super) fn changes_to(&self, later: &Self) -> String {
        let changed: Vec<&str> = self
            .0
            .iter()
            .filter(|(name, amount)| later.0.get(*name) != Some(amount))
            .map(|(name, _)| name.as_str())
            .collect();
        if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") }
    }
}
