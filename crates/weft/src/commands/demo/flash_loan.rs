//! S1: a flash loan over two rollups in one transaction.

use super::{
    holdings::Holdings,
    market::{Market, TUSDC_DECIMALS},
    receipts,
    report::Report,
    stage::{Account, LegCall, STORY_GAS, Stage},
    story_tree,
    thread::Thread,
    twin::Twin,
};
use crate::{amount::grouped, explain};
use alloy_primitives::{B256, U256};
use alloy_sol_types::{SolCall, SolError};
use eyre::{Result, ensure};
use weft_contracts::{FlashArb, Pool};

/// TUSDC borrowed.
pub(super) const LOAN: U256 = U256::from_limbs([50_000_000_000, 0, 0, 0]);
/// Wei bought with the loan on the first rollup.
pub(super) const BOUGHT: U256 = U256::from_limbs([16_345_066_150_794_301_359, 0, 0, 0]);
/// TUSDC that the second rollup gives for it.
pub(super) const SOLD: U256 = U256::from_limbs([52_914_604_116, 0, 0, 0]);
/// TUSDC that the trade loses in the other direction.
const LOSS: U256 = U256::from_limbs([6_140_862_684, 0, 0, 0]);
/// Fee of the lender in the last twin, in hundredths of a percent.
const DEAR_FEE_BPS: u64 = 600;

/// Tells the story.
pub(super) async fn tell(stage: &mut Stage, report: &mut Report) -> Result<()> {
    let market = Market::deploy(stage).await?;
    market.print(stage, report);
    let before = Holdings::of_story(stage, &market, Account::TRADER).await?;
    let hash = borrow(stage, &market).await?;
    let after = Holdings::of_story(stage, &market, Account::TRADER).await?;
    show(stage, report, &market, hash).await?;
    check_numbers(stage, report, &before, &after);
    market.refill(stage).await?;
    report.heading("The same, failing", "sent as bundles of one leg: removed, no fee");
    reverse(stage, report, &market).await?;
    slip(stage, report, &market).await?;
    pay_too_much(stage, report, &market).await
}

fn run(min_out: U256) -> FlashArb::runCall {
    FlashArb::runCall { amount: LOAN, minOut: min_out, recipient: Account::TRADER.address() }
}

/// Sends the transaction and waits for its receipt.
async fn borrow(stage: &mut Stage, market: &Market) -> Result<B256> {
    let (to, call) = (market.arb, run(SOLD));
    let hash = stage.pay(Account::TRADER, stage.a, to, U256::ZERO, call, STORY_GAS).await?;
    stage.settle().await?;
    Ok(hash)
}

/// Prints the call tree and the receipts.
async fn show(stage: &Stage, report: &mut Report, market: &Market, hash: B256) -> Result<()> {
    let thread = Thread::of(stage, hash).await?;
    let on_a = stage.rpc(stage.a)?.wait_receipt(hash).await?;
    let on_b = receipts::inbound(stage, hash, stage.b).await?;
    report.heading("Calls", &thread.summary());
    let tree = story_tree::build(stage, market, &thread, &on_a, &on_b)?;
    tree.print(report);
    report.set("tree", tree.to_json());
    report.set("thread", thread.json());
    let (a, b) = (stage.a, stage.b);
    receipts::print(stage, report, [(a, &on_a, "transaction"), (b, &on_b, "inbound work")]).await
}

fn check_numbers(stage: &Stage, report: &mut Report, before: &Holdings, after: &Holdings) {
    report.heading("Numbers", "");
    let (a, b) = (stage.a, stage.b);
    let less = |id, name: &str| before.get(id, name).saturating_sub(after.get(id, name));
    let more = |id, name: &str| after.get(id, name).saturating_sub(before.get(id, name));
    let bought = less(a, "WETH of the pool");
    report.amount(&format!("bought on {a}"), bought, BOUGHT, 18, "WETH");
    report.amount(&format!("sold on {b}"), more(b, "WETH of the pool"), BOUGHT, 18, "WETH");
    let mut tusdc = |label: String, found, expected| {
        report.amount(&label, found, expected, TUSDC_DECIMALS, "TUSDC");
    };
    tusdc(format!("received on {b}"), less(b, "TUSDC of the pool"), SOLD);
    tusdc("profit".to_owned(), more(a, "TUSDC of the sender"), SOLD - LOAN);
    let lender = "TUSDC of the lender";
    tusdc("lender, before and after".to_owned(), after.get(a, lender), before.get(a, lender));
    let supply = |holdings: &Holdings| {
        holdings.get(a, "TUSDC in existence") + holdings.get(b, "TUSDC in existence")
    };
    tusdc(format!("supply on {a} and {b}"), supply(after), supply(before));
}

/// Buys on the second rollup, where ether is dear, and sells on the first.
async fn reverse(stage: &mut Stage, report: &mut Report, market: &Market) -> Result<()> {
    market.set_route(stage, true).await?;
    let error = FlashArb::Unprofitable { balance: LOAN - LOSS, due: LOAN };
    let because = format!("it loses {} TUSDC", grouped(LOSS, TUSDC_DECIMALS));
    fail(stage, report, market, "reverse direction", U256::ZERO, &error, because).await?;
    market.set_route(stage, false).await
}

/// Asks the second pool for a millionth of a TUSDC too much.
async fn slip(stage: &mut Stage, report: &mut Report, market: &Market) -> Result<()> {
    let min_out = SOLD + U256::from(1);
    let error = Pool::Slippage { amountOut: SOLD, minOut: min_out };
    let because = "0.000001 TUSDC short".to_owned();
    fail(stage, report, market, &format!("bound on {} not met", stage.b), min_out, &error, because)
        .await
}

/// Borrows at 6 %.
async fn pay_too_much(stage: &mut Stage, report: &mut Report, market: &Market) -> Result<()> {
    market.set_fee(stage, DEAR_FEE_BPS).await?;
    let due = LOAN + LOAN * U256::from(DEAR_FEE_BPS) / U256::from(10_000);
    let error = FlashArb::Unprofitable { balance: SOLD, due };
    let because = "more than the profit".to_owned();
    fail(stage, report, market, "lender's fee of 6 %", SOLD, &error, because).await
}

/// Sends the trade as a bundle of one leg and checks that it is removed with `error`.
async fn fail(
    stage: &mut Stage,
    report: &mut Report,
    market: &Market,
    title: &str,
    min_out: U256,
    error: &impl SolError,
    because: String,
) -> Result<()> {
    stage.settle().await?;
    let account = Account::TRADER;
    let before = Holdings::of_story(stage, market, account).await?;
    let data = run(min_out).abi_encode();
    let leg = LegCall { account, chain_id: stage.a, to: market.arb, data };
    let signed = stage.sign_bundle(&[leg]).await?;
    let bundle = stage.send_bundle(&signed).await?;
    ensure!(bundle.protected, "the node calls a marked bundle unprotected");
    let error = explain::revert(&error.abi_encode()).expect("the error is known");
    let twin = Twin { title, chain_id: stage.a, leg: 0, error, because };
    let after = async || Holdings::of_story(stage, market, account).await;
    twin.check(stage, report, &bundle, &before, after).await
}
