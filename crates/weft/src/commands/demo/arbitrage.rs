//! S2: the same trade from own funds, as a bundle with one leg per rollup.

use super::{
    flash_loan::{BOUGHT, LOAN, SOLD},
    holdings::Holdings,
    market::{ETHER, Market, TUSDC_DECIMALS, whole},
    receipts,
    report::Report,
    stage::{Account, LegCall, Stage},
    tree::Step,
    twin::Twin,
};
use crate::{
    amount::{grouped, thousands},
    style::short,
};
use alloy_primitives::{B256, U256};
use alloy_sol_types::{SolCall, SolError};
use eyre::{Result, bail, ensure};
use serde_json::{Value, json};
use weft_contracts::{CrossChainToken, Pool, Weth};

/// Ether that each trader wraps on the second rollup, whole.
const OWN_ETHER: u64 = 20;
/// Gas limit of a call that prepares.
const CALL_GAS: u64 = 250_000;

/// Tells the story.
pub(super) async fn tell(stage: &mut Stage, report: &mut Report) -> Result<()> {
    let market = Market::deploy(stage).await?;
    for account in [Account::TRADER, Account::RIVAL] {
        fund(stage, &market, account).await?;
    }
    stage.settle().await?;
    market.print(stage, report);
    let signed = stage.sign_bundle(&legs(stage, &market, Account::TRADER, BOUGHT)).await?;
    predict(stage, report, &signed).await?;
    trade(stage, report, &market, &signed).await?;
    market.refill(stage).await?;
    fund(stage, &market, Account::TRADER).await?;
    stage.settle().await?;
    lose_the_race(stage, report, &market).await
}

/// Gives `account` what the trade needs on both rollups, and lets the pools take it.
async fn fund(stage: &mut Stage, market: &Market, account: Account) -> Result<()> {
    let (a, b) = (stage.a, stage.b);
    let mint = CrossChainToken::mintCall { to: account.address(), amount: LOAN };
    stage.prepare(Account::OWNER, a, market.a.token, mint).await?;
    stage.approve(account, a, market.a.token, market.a.pool).await?;
    let ether = whole(OWN_ETHER, ETHER);
    stage.pay(account, b, market.b.weth, ether, Weth::depositCall {}, CALL_GAS).await?;
    stage.approve(account, b, market.b.weth, market.b.pool).await
}

/// Returns the two legs of `account`: buy ether on the first rollup for at least `least_bought`, sell as much as the
/// loan story bought on the second one for at least `SOLD`.
fn legs(stage: &Stage, market: &Market, account: Account, least_bought: U256) -> [LegCall; 2] {
    let to = account.address();
    let buy = Pool::swapCall { tokenIn: market.a.token, amountIn: LOAN, minOut: least_bought, to };
    let sell = Pool::swapCall { tokenIn: market.b.weth, amountIn: BOUGHT, minOut: SOLD, to };
    [
        LegCall { account, chain_id: stage.a, to: market.a.pool, data: buy.abi_encode() },
        LegCall { account, chain_id: stage.b, to: market.b.pool, data: sell.abi_encode() },
    ]
}

/// Asks what the legs would give, over both rollups at once.
async fn predict(stage: &Stage, report: &mut Report, signed: &Value) -> Result<()> {
    report.heading("Simulation", "weft_simulateBundle");
    let outputs = stage.simulate_bundle(signed).await?;
    let [bought, sold] = &outputs[..] else {
        bail!("weft_simulateBundle answered {} legs for 2", outputs.len());
    };
    let bought = Pool::swapCall::abi_decode_returns(bought)?;
    let sold = Pool::swapCall::abi_decode_returns(sold)?;
    report.amount("leg 0 will buy", bought, BOUGHT, 18, "WETH");
    report.amount("leg 1 will get", sold, SOLD, TUSDC_DECIMALS, "TUSDC");
    Ok(())
}

/// Sends the bundle and checks what it earned.
async fn trade(stage: &Stage, report: &mut Report, market: &Market, signed: &Value) -> Result<()> {
    let trader = Account::TRADER;
    let before = Holdings::of_account(stage, market, trader).await?;
    let bundle = stage.send_bundle(signed).await?;
    let outcome = stage.realm.wait_outcome(bundle.bundle_id).await?;
    ensure!(outcome["outcome"] == "included", "the bundle was not included: {outcome}");
    let [first, second] = bundle.tx_hashes[..] else {
        bail!("weft_sendBundle named {} transactions for 2 legs", bundle.tx_hashes.len());
    };
    let bought_on_a = stage.rpc(stage.a)?.wait_receipt(first).await?;
    let sold_on_b = stage.rpc(stage.b)?.wait_receipt(second).await?;
    let after = Holdings::of_account(stage, market, trader).await?;

    report.heading("Bundle", if bundle.protected { "protected" } else { "unprotected" });
    let gas = |used: u64| format!("{} gas", thousands(&used.to_string()));
    let leg = |index: u8, id: u64, into: &str, out: String, used: u64| {
        Step::new(id, format!("leg {index}: trader calls Pool.swap"), gas(used))
            .with(vec![Step::new(id, into, out)])
    };
    let tree = [
        leg(
            0,
            stage.a,
            "50,000 TUSDC in, WETH out",
            format!("{} WETH", grouped(gained(&before, &after, stage.a, "WETH"), 18)),
            bought_on_a.gas_used.to(),
        ),
        leg(
            1,
            stage.b,
            "16.345066150794301359 WETH in, TUSDC out",
            format!("{} TUSDC", grouped(gained(&before, &after, stage.b, "TUSDC"), TUSDC_DECIMALS)),
            sold_on_b.gas_used.to(),
        ),
    ];
    for leg in &tree {
        leg.print(report);
        report.push("tree", leg.to_json());
    }
    report.set("bundle", json!({"id": bundle.bundle_id, "protected": bundle.protected}));
    let (a, b) = (stage.a, stage.b);
    receipts::print(stage, report, [(a, &bought_on_a, "leg 0"), (b, &sold_on_b, "leg 1")]).await?;
    check_numbers(stage, report, &before, &after, bundle.bundle_id);
    Ok(())
}

/// Checks what the trader has more and less of.
fn check_numbers(
    stage: &Stage,
    report: &mut Report,
    before: &Holdings,
    after: &Holdings,
    bundle: B256,
) {
    report.heading("Numbers", &format!("bundle {}", short(bundle)));
    let (a, b) = (stage.a, stage.b);
    report.amount(&format!("bought on {a}"), gained(before, after, a, "WETH"), BOUGHT, 18, "WETH");
    report.amount(&format!("sold on {b}"), gained(after, before, b, "WETH"), BOUGHT, 18, "WETH");
    let (paid, got) = (gained(after, before, a, "TUSDC"), gained(before, after, b, "TUSDC"));
    report.amount(&format!("paid on {a}"), paid, LOAN, TUSDC_DECIMALS, "TUSDC");
    report.amount(&format!("received on {b}"), got, SOLD, TUSDC_DECIMALS, "TUSDC");
    report.amount("profit", got.saturating_sub(paid), SOLD - LOAN, TUSDC_DECIMALS, "TUSDC");
}

/// Returns how much more of `token` the sender has on rollup `id`; zero if less.
fn gained(before: &Holdings, after: &Holdings, id: u64, token: &str) -> U256 {
    let name = format!("{token} of the sender");
    after.get(id, &name).saturating_sub(before.get(id, &name))
}

/// Lets a rival make the same trade first, so that the second leg of ours gets too little.
async fn lose_the_race(stage: &mut Stage, report: &mut Report, market: &Market) -> Result<()> {
    report.heading("The same after a rival's bundle", "removed, no fee");
    let trader = Account::TRADER;
    let before = Holdings::of_account(stage, market, trader).await?;
    let rival = stage.sign_bundle(&legs(stage, market, Account::RIVAL, BOUGHT)).await?;
    // Any price is good enough for the first leg, so that it succeeds and is then undone.
    let ours = stage.sign_bundle(&legs(stage, market, trader, U256::ZERO)).await?;
    let rival = stage.send_bundle(&rival).await?;
    let ours = stage.send_bundle(&ours).await?;
    let outcome = stage.realm.wait_outcome(rival.bundle_id).await?;
    report.expect("outcome of the rival", outcome["outcome"].as_str().unwrap_or("?"), "included");
    let less = sold_after(market.b.reserve);
    let error = Pool::Slippage { amountOut: less, minOut: SOLD };
    let twin = Twin {
        title: "the price has moved",
        chain_id: stage.b,
        leg: 1,
        error: crate::explain::revert(&error.abi_encode()).expect("the error is known"),
        because: format!("leg 1 would get {} TUSDC only", grouped(less, TUSDC_DECIMALS)),
    };
    let after = async || Holdings::of_account(stage, market, trader).await;
    twin.check(stage, report, &ours, &before, after).await
}

/// Returns what the second leg gets after somebody else's second leg (`Pool.getAmountOut`).
fn sold_after(reserve: U256) -> U256 {
    let with_fee = BOUGHT * U256::from(997);
    let (ether, tusdc) = (whole(1_000, ETHER) + BOUGHT, reserve - SOLD);
    with_fee * tusdc / (ether * U256::from(1_000) + with_fee)
}
