//! A swap that a bot reads before its turn, and the same swap sealed.
//!
//! The realm auctions its slots (ADR 0016), as most do: who waits can be read, and who pays more goes first. The bot reads
//! the swap, buys before it as much as the swap's own limit allows, and sells after it. Sealed, it looks at whatever is public
//! (the pool of transactions, envelope, promise, hash) and finds no swap until the order is fixed. Then it trades all the same,
//! behind the swap (P2), and loses.

use super::{
    market::{self, ETHER, Side, TUSDC, TUSDC_DECIMALS, whole},
    report::Report,
    stage::{Account, Stage},
};
use crate::{accounts, amount::grouped, style::short};
use alloy_primitives::{B256, Bytes, U64, U256};
use alloy_sol_types::SolCall;
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};
use std::time::Duration;
use weft_client::{Realm, SealingTerms};
use weft_contracts::{CrossChainToken, FeeVault, Pool, Weth, addresses::FEE_VAULT};
use weft_node::{DevConfig, Priority, SealingOptions};
use weft_types::Encode as _;

/// TUSDC that the victim sells, whole.
const SOLD: u64 = 50_000;
/// Percent of the price that the victim risks: what wallets propose.
const SLIPPAGE: u64 = 2;
/// TUSDC that the bot has, whole.
const BOT_TUSDC: u64 = 100_000;
/// TUSDC in the pool, whole.
const POOL_TUSDC: u64 = 3_000_000;
/// Ether in the pool, whole.
const POOL_ETHER: u64 = 1_000;

/// What the swap buys when nobody is in front of it.
pub(super) const FAIR: U256 = U256::from_limbs([16_345_066_150_794_301_359, 0, 0, 0]);
/// What it buys in the sandwich: its limit and a few wei.
const SQUEEZED: U256 = U256::from_limbs([16_018_164_827_783_078_823, 0, 0, 0]);
/// What the bot earns in TUSDC.
const PROFIT: U256 = U256::from_limbs([827_896_785, 0, 0, 0]);
/// What the same trade loses in TUSDC behind the swap: the pool's fees, twice.
const LOSS: U256 = U256::from_limbs([182_425_435, 0, 0, 0]);

/// Returns a node whose slots are auctioned and that takes sealed items.
pub(super) fn config() -> DevConfig {
    let sealing = SealingOptions { epoch_slots: 4, ..SealingOptions::default() };
    DevConfig {
        rollups: 2,
        port: 0,
        slot_ms: 500,
        priority: Priority::Fees,
        sealing: Some(sealing),
        ..DevConfig::default()
    }
}

/// Tells the story.
pub(super) async fn tell(stage: &mut Stage, report: &mut Report) -> Result<()> {
    let id = stage.a;
    // Without an auction nobody gets in front, and without envelopes nobody hides.
    ensure!(
        stage.realm.is_auction() && stage.realm.is_sealed(),
        "{} cannot play it; it needs weft dev --sealed --priority fees",
        stage.place()
    );
    let side = market::deploy_side(stage, id, whole(POOL_TUSDC, TUSDC)).await?;
    fund(stage, &side).await?;
    let pool = format!("{POOL_ETHER} WETH / 3,000,000 TUSDC, fee 0.3 %");
    report.heading("One pool", &stage.place());
    report.line(format_args!("  {pool}"));
    report.line(format_args!(
        "  the victim sells {} TUSDC and takes {SLIPPAGE} % less if it must",
        grouped(whole(SOLD, TUSDC), TUSDC_DECIMALS)
    ));
    plaintext(stage, report, &side).await?;
    market::refill_side(stage, id, &side).await?;
    stage.settle().await?;
    sealed(stage, report, &side).await
}

/// Gives both what they trade with, and the payer of carriage a deposit.
async fn fund(stage: &mut Stage, side: &Side) -> Result<()> {
    let (id, owner) = (stage.a, Account::OWNER);
    for (account, amount) in [(Account::TRADER, 2 * SOLD), (Account::RIVAL, BOT_TUSDC)] {
        let amount = whole(amount, TUSDC);
        let mint = CrossChainToken::mintCall { to: account.address(), amount };
        stage.prepare(owner, id, side.token, mint).await?;
        stage.approve(account, id, side.token, side.pool).await?;
        stage.approve(account, id, side.weth, side.pool).await?;
    }
    let deposit = FeeVault::depositCall { payer: owner.address() };
    stage.pay(owner, id, FEE_VAULT, ETHER, deposit, 100_000).await?;
    stage.settle().await
}

fn swap(
    side: &Side,
    account: Account,
    buys_ether: bool,
    amount: U256,
    least: U256,
) -> Pool::swapCall {
    let token_in = if buys_ether { side.token } else { side.weth };
    Pool::swapCall { tokenIn: token_in, amountIn: amount, minOut: least, to: account.address() }
}

fn victims_swap(side: &Side) -> Pool::swapCall {
    let least = FAIR * U256::from(100 - SLIPPAGE) / U256::from(100);
    swap(side, Account::TRADER, true, whole(SOLD, TUSDC), least)
}

/// What an account has.
struct Purse {
    tusdc: U256,
    ether: U256,
}

async fn purse(stage: &Stage, side: &Side, account: Account) -> Result<Purse> {
    let (rpc, account) = (stage.rpc(stage.a)?, account.address());
    Ok(Purse {
        tusdc: rpc.view(side.token, Weth::balanceOfCall { account }).await?,
        ether: rpc.view(side.weth, Weth::balanceOfCall { account }).await?,
    })
}

/// In plaintext: the bot reads, and is on both sides of the swap.
async fn plaintext(stage: &mut Stage, report: &mut Report, side: &Side) -> Result<()> {
    report.heading("In plaintext", "everybody reads what waits for its turn");
    let before = purse(stage, side, Account::RIVAL).await?;
    let had = purse(stage, side, Account::TRADER).await?;
    let fair = fair(stage, side).await?;
    next_slot(stage).await?;
    let tx = stage.bid(Account::TRADER, side.pool, victims_swap(side).abi_encode(), 2).await?;
    let read = seen(stage, side).await?.ok_or_else(|| eyre!("the bot found nothing to read"))?;
    ensure!(read.amountIn == whole(SOLD, TUSDC), "the bot read something else");
    let (front, bought, back) = sandwich(&read)?;
    let buy = swap(side, Account::RIVAL, true, front, bought);
    let sell = swap(side, Account::RIVAL, false, bought, U256::ZERO);
    let first = stage.bid(Account::RIVAL, side.pool, buy.abi_encode(), 3).await?;
    let last = stage.bid(Account::RIVAL, side.pool, sell.abi_encode(), 1).await?;
    let mut places = Vec::new();
    for hash in [first, tx, last] {
        let receipt = stage.rpc(stage.a)?.wait_receipt(hash).await?;
        ensure!(receipt.status == U64::from(1), "transaction {hash} reverted");
        places.push((receipt.block_number, receipt.transaction_hash));
    }
    ensure!(places[0].0 == places[2].0, "the slot ended before the bot was done: once more");
    report.line(format_args!("  the bot reads {} in the pool of transactions", short(tx)));
    report.line(format_args!(
        "  it buys for {} TUSDC before, and sells after",
        grouped(front, TUSDC_DECIMALS)
    ));
    let (after, has) =
        (purse(stage, side, Account::RIVAL).await?, purse(stage, side, Account::TRADER).await?);
    ensure!(after.ether == before.ether, "the bot keeps no ether");
    ensure!(after.tusdc == before.tusdc + back - front, "the bot computed another price");
    report.amount("the victim gets", has.ether - had.ether, SQUEEZED, 18, "WETH");
    report.amount("of a fair", fair, FAIR, 18, "WETH");
    report.amount("the bot earns", after.tusdc - before.tusdc, PROFIT, TUSDC_DECIMALS, "TUSDC");
    report.set("plaintext", json!({ "victim": tx, "front": first, "back": last }));
    Ok(())
}

/// Asks the pool what the swap buys with nobody in front of it.
async fn fair(stage: &Stage, side: &Side) -> Result<U256> {
    let rpc = stage.rpc(stage.a)?;
    let [first, second] = [
        rpc.view(side.pool, Pool::reserve0Call {}).await?,
        rpc.view(side.pool, Pool::reserve1Call {}).await?,
    ];
    let is_first = rpc.view(side.pool, Pool::token0Call {}).await? == side.token;
    let (reserve_in, reserve_out) = if is_first { (first, second) } else { (second, first) };
    let amount_in = whole(SOLD, TUSDC);
    let asked = Pool::getAmountOutCall {
        amountIn: amount_in,
        reserveIn: reserve_in,
        reserveOut: reserve_out,
    };
    rpc.view(side.pool, asked).await
}

/// Sealed: there is nothing to read, and afterwards it is too late.
async fn sealed(stage: &mut Stage, report: &mut Report, side: &Side) -> Result<()> {
    report.heading("Sealed", "the order is fixed before anybody can read");
    let before = purse(stage, side, Account::RIVAL).await?;
    let had = purse(stage, side, Account::TRADER).await?;
    let realm = Realm::connect(stage.rpc(stage.a)?.url()).await?;
    let raw = stage.signed(Account::TRADER, side.pool, victims_swap(side).abi_encode(), 2).await?;
    let item = realm.item_of(raw)?;
    let hash = item.legs()[0].tx.hash();
    let payer = accounts::signer(0);
    let sent = realm.seal_and_send(&item, &payer, &SealingTerms::default()).await?;
    report.line(format_args!("  promised {}, item {}", sent.position, short(sent.sealed.id)));
    let public = [sent.sealed.envelope.encode(), sent.promise.signed().encode()];
    let seen = watch(stage, side, sent.sealed.id, &public).await?;
    report.expect("swaps that the bot could read", &u64::from(seen).to_string(), "0");
    let receipt = stage.rpc(stage.a)?.wait_receipt(hash).await?;
    ensure!(receipt.status == U64::from(1), "the sealed swap reverted");
    report.line("  the bot looks at pool, envelope, promise and hash, and finds no swap");
    let front = too_late(stage, side, &before).await?;
    report.line(format_args!(
        "  it reads the swap where it ran, buys for {} TUSDC, and sells",
        grouped(front, TUSDC_DECIMALS)
    ));
    let (after, has) =
        (purse(stage, side, Account::RIVAL).await?, purse(stage, side, Account::TRADER).await?);
    report.amount("the victim gets", has.ether - had.ether, FAIR, 18, "WETH");
    report.expect("the bot keeps ether", &(after.ether != before.ether).to_string(), "false");
    match before.tusdc.checked_sub(after.tusdc) {
        Some(lost) => report.amount("the bot loses", lost, LOSS, TUSDC_DECIMALS, "TUSDC"),
        None => {
            let earned = after.tusdc - before.tusdc;
            report.amount("the bot earns", earned, U256::ZERO, TUSDC_DECIMALS, "TUSDC");
        }
    }
    report.set("sealed", json!({ "item": sent.sealed.id, "position": sent.position }));
    Ok(())
}

/// Lets the bot trade around a swap that ran: it buys and sells as it would have, at whatever price there is; returns for how
/// much it bought.
async fn too_late(stage: &mut Stage, side: &Side, before: &Purse) -> Result<U256> {
    let (front, ..) = sandwich(&victims_swap(side))?;
    let buy = swap(side, Account::RIVAL, true, front, U256::ZERO);
    bid_and_wait(stage, side, buy).await?;
    let bought = purse(stage, side, Account::RIVAL).await?.ether - before.ether;
    let sell = swap(side, Account::RIVAL, false, bought, U256::ZERO);
    bid_and_wait(stage, side, sell).await?;
    Ok(front)
}

async fn bid_and_wait(stage: &mut Stage, side: &Side, swap: Pool::swapCall) -> Result<()> {
    let hash = stage.bid(Account::RIVAL, side.pool, swap.abi_encode(), 3).await?;
    let receipt = stage.rpc(stage.a)?.wait_receipt(hash).await?;
    ensure!(receipt.status == U64::from(1), "transaction {hash} reverted");
    Ok(())
}

/// Lets the bot look until the item is decided; returns whether it ever saw a swap that it could be in front of.
async fn watch(stage: &Stage, side: &Side, item: B256, public: &[Vec<u8>]) -> Result<bool> {
    let mut has_seen = public.iter().any(|bytes| hidden_swap(bytes).is_some());
    for _ in 0..3_000 {
        // What is executed shows itself as well, so the outcome is asked for first: what it has by then is its own.
        let outcome: Value = stage.rpc(stage.a)?.request("weft_getOutcome", json!([item])).await?;
        if outcome["outcome"] == "included" {
            return Ok(has_seen);
        }
        ensure!(
            outcome.is_null() || outcome["outcome"] == "sealed",
            "the sealed swap is removed: {outcome}"
        );
        let swap = seen(stage, side).await?;
        let promise: Value = stage.rpc(stage.a)?.request("weft_getPromise", json!([item])).await?;
        let told = [outcome.to_string(), promise.to_string()];
        let swap = swap.or_else(|| told.iter().find_map(|text| swap_in_words(text)));
        let decided: Value = stage.rpc(stage.a)?.request("weft_getOutcome", json!([item])).await?;
        has_seen |= swap.is_some() && decided["outcome"] == "sealed";
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(eyre!("the epoch never opened"))
}

/// Returns a swap of somebody else that waits for its turn: what the bot lives on.
async fn seen(stage: &Stage, side: &Side) -> Result<Option<Pool::swapCall>> {
    let content: Value = stage.rpc(stage.a)?.request("txpool_content", json!([])).await?;
    let senders = content["pending"].as_object();
    let txs = senders.into_iter().flatten().filter_map(|(_, txs)| txs.as_object()).flatten();
    let pool = json!(side.pool);
    for (_, tx) in txs {
        let is_pool =
            tx["to"].as_str().map(str::to_lowercase) == pool.as_str().map(str::to_lowercase);
        let input: Bytes = serde_json::from_value(tx["input"].clone()).unwrap_or_default();
        if let (true, true, Ok(swap)) =
            (is_pool, tx["blockHash"].is_null(), Pool::swapCall::abi_decode(&input))
        {
            return Ok(Some(swap));
        }
    }
    Ok(None)
}

/// Returns a swap that stands anywhere in bytes.
fn hidden_swap(bytes: &[u8]) -> Option<Pool::swapCall> {
    let calls = bytes.windows(4).enumerate().filter(|(_, word)| **word == Pool::swapCall::SELECTOR);
    calls.map(|(at, _)| &bytes[at..]).find_map(|call| {
        let whole = call.get(..4 + 4 * 32)?;
        Pool::swapCall::abi_decode(whole).ok()
    })
}

/// Returns a swap that stands anywhere in a text, as digits.
fn swap_in_words(text: &str) -> Option<Pool::swapCall> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != 'x');
    let bytes = words.filter_map(|word| word.strip_prefix("0x")?.parse::<Bytes>().ok());
    bytes.into_iter().find_map(|bytes| hidden_swap(&bytes))
}

/// Returns what to put in front of a swap, what it buys, and what that sells for behind it: the most that the swap's own
/// limit allows.
fn sandwich(victim: &Pool::swapCall) -> Result<(U256, U256, U256)> {
    let (ether, tusdc) = (whole(POOL_ETHER, ETHER), whole(POOL_TUSDC, TUSDC));
    let price = |front: U256| {
        let bought = out(front, tusdc, ether);
        let (left, there) = (ether - bought, tusdc + front);
        let squeezed = out(victim.amountIn, there, left);
        (bought, squeezed, there + victim.amountIn, left - squeezed)
    };
    let (mut low, mut high) = (U256::ZERO, whole(BOT_TUSDC, TUSDC));
    while low < high {
        let middle = (low + high + U256::from(1)) / U256::from(2);
        if price(middle).1 >= victim.minOut {
            low = middle;
        } else {
            high = middle - U256::from(1);
        }
    }
    let (bought, _, there, left) = price(low);
    let back = out(bought, left, there);
    ensure!(back > low, "there is nothing to earn");
    Ok((low, bought, back))
}

/// `Pool.getAmountOut`.
fn out(amount: U256, from: U256, to: U256) -> U256 {
    let with_fee = amount * U256::from(997);
    with_fee * to / (from * U256::from(1_000) + with_fee)
}

/// Waits for the start of a slot, so that three transactions wait for the same auction.
async fn next_slot(stage: &Stage) -> Result<()> {
    let rpc = stage.rpc(stage.a)?;
    let slot = async || {
        Ok::<_, eyre::Report>(rpc.request::<Value>("weft_chains", json!([])).await?["slot"].clone())
    };
    let begun = slot().await?;
    while slot().await? == begun {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bot_finds_a_swap_wherever_it_stands() {
        let victim = Pool::swapCall {
            tokenIn: Default::default(),
            amountIn: whole(SOLD, TUSDC),
            minOut: U256::ZERO,
            to: Default::default(),
        };
        let bytes = [&[7; 9], victim.abi_encode().as_slice(), &[8; 65]].concat();
        assert_eq!(hidden_swap(&bytes).unwrap().amountIn, victim.amountIn);
        let text = json!({ "item": { "raw": Bytes::from(bytes.clone()) } }).to_string();
        assert_eq!(swap_in_words(&text).unwrap().amountIn, victim.amountIn);
        assert!(hidden_swap(&bytes[..80]).is_none());
    }

    #[test]
    fn behind_the_swap_the_same_trade_loses() {
        let victim = Pool::swapCall {
            tokenIn: Default::default(),
            amountIn: whole(SOLD, TUSDC),
            minOut: FAIR * U256::from(98) / U256::from(100),
            to: Default::default(),
        };
        let (front, ..) = sandwich(&victim).unwrap();
        let (tusdc, ether) = (whole(POOL_TUSDC + SOLD, TUSDC), whole(POOL_ETHER, ETHER) - FAIR);
        let bought = out(front, tusdc, ether);
        assert_eq!(front - out(bought, ether - bought, tusdc + front), LOSS);
    }

    #[test]
    fn the_sandwich_takes_what_the_limit_allows_and_no_wei_more() {
        let victim = Pool::swapCall {
            tokenIn: Default::default(),
            amountIn: whole(SOLD, TUSDC),
            minOut: FAIR * U256::from(98) / U256::from(100),
            to: Default::default(),
        };
        let (front, bought, back) = sandwich(&victim).unwrap();
        assert_eq!(back - front, PROFIT);
        let (ether, tusdc) = (whole(POOL_ETHER, ETHER), whole(POOL_TUSDC, TUSDC));
        assert_eq!(out(victim.amountIn, tusdc, ether), FAIR);
        let squeezed =
            |front: U256| out(victim.amountIn, tusdc + front, ether - out(front, tusdc, ether));
        assert_eq!((squeezed(front), out(front, tusdc, ether)), (SQUEEZED, bought));
        assert!(squeezed(front + U256::from(1)) < victim.minOut);
    }
}
