//! Two markets for ether, one per rollup, with the amounts of fixture F0.

use super::{
    report::Report,
    stage::{Account, Stage},
};
use crate::{
    amount::{grouped, thousands},
    style::chain,
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolConstructor;
use eyre::{Result, ensure};
use std::collections::BTreeMap;
use weft_contracts::{CrossChainToken, FlashArb, FlashLender, Pool, RemoteTrader, Weth};

/// One whole ether in wei.
pub(super) const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
/// One whole TUSDC.
pub(super) const TUSDC: U256 = U256::from_limbs([1_000_000, 0, 0, 0]);
/// Decimals of TUSDC.
pub(super) const TUSDC_DECIMALS: u8 = 6;

/// Ether in each pool, whole.
const POOL_ETHER: u64 = 1_000;
/// TUSDC in the pool of the first rollup, whole.
const POOL_TUSDC_A: u64 = 3_000_000;
/// TUSDC in the pool of the second rollup, whole.
const POOL_TUSDC_B: u64 = 3_300_000;
/// TUSDC that the lender has, whole.
const LENDER_TUSDC: u64 = 1_000_000;
/// Ether that the owner has over to refill a pool, whole.
const SPARE_ETHER: u64 = 50;

/// Gas limit of a deployment.
const DEPLOY_GAS: u64 = 2_500_000;
/// Gas limit of a call that prepares.
const CALL_GAS: u64 = 250_000;

/// The part of the market on one rollup.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) weth: Address,
    pub(super) token: Address,
    pub(super) pool: Address,
    /// TUSDC that the pool begins with.
    pub(super) reserve: U256,
}

/// The contracts of a story.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) a: Side,
    pub(super) b: Side,
    /// Lends TUSDC on the first rollup.
    pub(super) lender: Address,
    /// Borrows there and trades.
    pub(super) arb: Address,
    /// Trades for it on the second rollup.
    pub(super) trader: Address,
}

impl Market {
    /// Deploys everything and fills the pools. All transactions of a rollup are sent at once.
    pub(super) async fn deploy(stage: &mut Stage) -> Result<Self> {
        let owner = Account::OWNER;
        let (a_id, b_id) = (stage.a, stage.b);
        for id in [a_id, b_id] {
            let balance = stage.rpc(id)?.balance(owner.address()).await?;
            let needed = whole(POOL_ETHER + SPARE_ETHER + 1, ETHER);
            ensure!(
                balance >= needed,
                "account 0 has less than {needed} wei left on {id}: restart the node, each demo \
                 leaves 1,000 ETH in its pool"
            );
        }
        let a = deploy_side(stage, a_id, whole(POOL_TUSDC_A, TUSDC)).await?;
        let b = deploy_side(stage, b_id, whole(POOL_TUSDC_B, TUSDC)).await?;
        let lender = deploy(
            stage,
            a_id,
            &FlashLender::BYTECODE,
            FlashLender::constructorCall { token_: a.token, feeBps_: U256::ZERO },
        )
        .await?;
        let arb = deploy(
            stage,
            a_id,
            &FlashArb::BYTECODE,
            FlashArb::constructorCall { weth_: a.weth, token_: a.token },
        )
        .await?;
        let venue = RemoteTrader::Venue { target: b.pool, isRouter: false };
        let trader = deploy(
            stage,
            b_id,
            &RemoteTrader::BYTECODE,
            RemoteTrader::constructorCall { weth_: b.weth, token_: b.token, venue_: venue },
        )
        .await?;
        let market = Self { a, b, lender, arb, trader };
        market.connect(stage).await?;
        stage.settle().await?;
        Ok(market)
    }

    /// Tells the contracts of each other.
    async fn connect(&self, stage: &mut Stage) -> Result<()> {
        let (owner, a, b) = (Account::OWNER, stage.a, stage.b);
        let peer = |network: u64, token| CrossChainToken::setPeerCall { network, token };
        stage.prepare(owner, a, self.a.token, peer(b, self.b.token)).await?;
        stage.prepare(owner, b, self.b.token, peer(a, self.a.token)).await?;
        let amount = whole(LENDER_TUSDC, TUSDC);
        let mint = CrossChainToken::mintCall { to: self.lender, amount };
        stage.prepare(owner, a, self.a.token, mint).await?;
        self.set_route(stage, false).await
    }

    /// Chooses where the flash loan buys: on its own rollup, or on the other one.
    pub(super) async fn set_route(&self, stage: &mut Stage, buy_remote: bool) -> Result<()> {
        let route = FlashArb::Route {
            lender: self.lender,
            venue: FlashArb::Venue { target: self.a.pool, isRouter: false },
            network: stage.b,
            trader: self.trader,
            buyRemote: buy_remote,
        };
        let call = FlashArb::setRouteCall { route_: route };
        stage.prepare(Account::OWNER, stage.a, self.arb, call).await
    }

    /// Sets the lender's fee in hundredths of a percent.
    pub(super) async fn set_fee(&self, stage: &mut Stage, fee_bps: u64) -> Result<()> {
        let call = FlashLender::setFeeCall { feeBps_: U256::from(fee_bps) };
        stage.prepare(Account::OWNER, stage.a, self.lender, call).await
    }

    /// Gives both pools the amounts that they began with.
    pub(super) async fn refill(&self, stage: &mut Stage) -> Result<()> {
        for (id, side) in [(stage.a, self.a), (stage.b, self.b)] {
            refill_side(stage, id, &side).await?;
        }
        stage.settle().await
    }

    /// Prints what there is to trade.
    pub(super) fn print(&self, stage: &Stage, report: &mut Report) {
        report.heading("Two rollups", &stage.place());
        for (id, side) in [(stage.a, self.a), (stage.b, self.b)] {
            let ether = thousands(&POOL_ETHER.to_string());
            let tusdc = grouped(side.reserve, TUSDC_DECIMALS);
            let lender = if id == stage.a { "             lender 1,000,000 TUSDC" } else { "" };
            report.line(format_args!("  {}  pool {ether} WETH / {tusdc} TUSDC{lender}", chain(id)));
        }
    }

    /// Returns the names of the contracts and accounts.
    pub(super) fn names(&self, stage: &Stage) -> BTreeMap<(u64, Address), &'static str> {
        let mut names = BTreeMap::new();
        for (id, side) in [(stage.a, self.a), (stage.b, self.b)] {
            names.insert((id, side.weth), "WETH");
            names.insert((id, side.token), "TUSDC");
            names.insert((id, side.pool), "Pool");
            for account in Account::ALL {
                names.insert((id, account.address()), account.name());
            }
        }
        names.insert((stage.a, self.lender), "FlashLender");
        names.insert((stage.a, self.arb), "FlashArb");
        names.insert((stage.b, self.trader), "RemoteTrader");
        names
    }
}

impl Side {
    /// Returns the call that fills the pool.
    fn add_liquidity(&self) -> Pool::addLiquidityCall {
        let to = Account::OWNER.address();
        Pool::addLiquidityCall { amount0: whole(POOL_ETHER, ETHER), amount1: self.reserve, to }
    }
}

/// Gives the pool of one rollup the amounts that it began with.
pub(super) async fn refill_side(stage: &mut Stage, id: u64, side: &Side) -> Result<()> {
    let owner = Account::OWNER;
    let shares = stage.rpc(id)?.view(side.pool, Pool::totalSharesCall {}).await?;
    let to = owner.address();
    stage.prepare(owner, id, side.pool, Pool::removeLiquidityCall { shares, to }).await?;
    let mint = CrossChainToken::mintCall { to, amount: side.reserve };
    stage.prepare(owner, id, side.token, mint).await?;
    stage.prepare(owner, id, side.pool, side.add_liquidity()).await
}

/// Deploys the tokens and the pool of one rollup and fills the pool.
pub(super) async fn deploy_side(stage: &mut Stage, id: u64, reserve: U256) -> Result<Side> {
    let owner = Account::OWNER;
    let weth = deploy(stage, id, &Weth::BYTECODE, Weth::constructorCall {}).await?;
    let token = CrossChainToken::constructorCall {
        name_: "Test USDC".to_owned(),
        symbol_: "TUSDC".to_owned(),
        decimals_: TUSDC_DECIMALS,
    };
    let token = deploy(stage, id, &CrossChainToken::BYTECODE, token).await?;
    let pool = Pool::constructorCall { token0_: weth, token1_: token };
    let pool = deploy(stage, id, &Pool::BYTECODE, pool).await?;
    let side = Side { weth, token, pool, reserve };
    let ether = whole(POOL_ETHER + SPARE_ETHER, ETHER);
    stage.pay(owner, id, weth, ether, Weth::depositCall {}, CALL_GAS).await?;
    let mint = CrossChainToken::mintCall { to: owner.address(), amount: reserve };
    stage.prepare(owner, id, token, mint).await?;
    stage.approve(owner, id, weth, pool).await?;
    stage.approve(owner, id, token, pool).await?;
    stage.prepare(owner, id, pool, side.add_liquidity()).await?;
    Ok(side)
}

async fn deploy<C: SolConstructor>(
    stage: &mut Stage,
    id: u64,
    code: &[u8],
    arguments: C,
) -> Result<Address> {
    let init = [code, &arguments.abi_encode()].concat();
    stage.create(Account::OWNER, id, init.into(), DEPLOY_GAS).await
}

/// Returns `amount` whole units in the smallest one.
pub(super) fn whole(amount: u64, unit: U256) -> U256 {
    U256::from(amount) * unit
}
