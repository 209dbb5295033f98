// S1: a flash loan over two rollups, with WETH9 and Uniswap v2 as published.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeErrorResult, keccak256, parseAbi, parseEther, parseEventLogs } from "viem";
import { outcome, plainLegs, sendBundle } from "../lib/bundle.mjs";
import { accounts, chains, encode } from "../lib/chain.mjs";
import {
  CrossChainToken,
  FlashArb,
  FlashLender,
  MANAGER,
  Manager,
  PAIR_INIT_CODE_HASH,
  UniswapV2Pair,
} from "../lib/code.mjs";
import { A, B, CHAIN_IDS, devnet } from "../lib/devnet.mjs";
import { Ledger, inboundReceipts } from "../lib/invariants.mjs";
import { LENT, RESERVE_TUSDC, RESERVE_WETH, amountOut, flashLoans, markets, reserves, tusdc } from "../lib/market.mjs";

const LOAN = tusdc("50000");
const BOUGHT = parseEther("16.345066150794301359");
const SOLD = tusdc("52914.604116");
const FORWARD = false;
const REVERSE = true;

const [owner, borrower, recipient] = accounts;
const chain = chains(await devnet());
const { a, b } = await markets(chain, owner);
const home = chain[A];
const { lender, arb, trader, route } = await flashLoans(chain, owner, { a, b });
await route(FORWARD);

const proxies = {
  [A]: [await proxy(A, trader.address, B), await proxy(A, b.token, B)],
  [B]: [await proxy(B, arb.address, A), await proxy(B, a.token, A)],
};
const ledger = new Ledger(chain, [{ [A]: a.token, [B]: b.token }]);

const unprofitable = (balance, due) =>
  encodeErrorResult({ abi: FlashArb.abi, errorName: "Unprofitable", args: [balance, due] });
const slippage = encodeErrorResult({
  abi: parseAbi(["error Error(string)"]),
  args: ["UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT"],
});

test("the pair is the one that the published router computes addresses for", () => {
  assert.equal(keccak256(UniswapV2Pair.bytecode), PAIR_INIT_CODE_HASH);
});

test("the formula of the pools gives the numbers of the story", () => {
  assert.equal(amountOut(LOAN, RESERVE_TUSDC[A], RESERVE_WETH), BOUGHT);
  assert.equal(amountOut(BOUGHT, RESERVE_WETH, RESERVE_TUSDC[B]), SOLD);
});

// The twins come first: they leave the pools as they are.
const twins = [
  {
    name: "the reverse direction loses 6,140.862684 TUSDC and vanishes on both rollups",
    before: () => route(REVERSE),
    minOut: 0n,
    revertData: unprofitable(LOAN - tusdc("6140.862684"), LOAN),
    after: () => route(FORWARD),
  },
  {
    name: "a slippage bound that fails on B leaves A untouched",
    minOut: SOLD + 1n,
    revertData: slippage,
  },
  {
    name: "a lender's fee of 6 % is more than the profit",
    before: () => home.done(home.call(owner, lender.address, FlashLender, "setFee", [600n])),
    minOut: 0n,
    revertData: unprofitable(SOLD, LOAN + tusdc("3000")),
    after: () => home.done(home.call(owner, lender.address, FlashLender, "setFee", [0n])),
  },
];

for (const { name, before, minOut, revertData, after } of twins) {
  test(name, async () => {
    await before?.();
    await failsAsTransaction(minOut, revertData);
    await failsAsBundle(minOut, revertData);
    await after?.();
  });
}

test("a flash loan crosses two rollups in one slot with a profit of 2,914.604116 TUSDC", async () => {
  const mark = await ledger.mark();
  const hash = await home.wallet(borrower).writeContract({
    address: arb.address,
    abi: FlashArb.abi,
    functionName: "run",
    args: [LOAN, SOLD, recipient.address],
  });
  const receipt = await home.done(hash);

  assert.equal(await home.read(a.token, CrossChainToken, "balanceOf", recipient.address), tusdc("2914.604116"));
  assert.equal(await home.read(a.token, CrossChainToken, "balanceOf", lender.address), LENT);
  assert.deepEqual(await reserves(a), { weth: RESERVE_WETH - BOUGHT, token: RESERVE_TUSDC[A] + LOAN });
  assert.deepEqual(await reserves(b), { weth: RESERVE_WETH + BOUGHT, token: RESERVE_TUSDC[B] - SOLD });
  assert.equal(await home.balance(a.weth), RESERVE_WETH - BOUGHT);
  assert.equal(await chain[B].balance(b.weth), RESERVE_WETH + BOUGHT);
  for (const address of [arb.address, ...proxies[A]]) assert.equal(await home.balance(address), 0n);
  for (const address of [trader.address, ...proxies[B]]) assert.equal(await chain[B].balance(address), 0n);

  const [there] = await inboundReceipts(chain, A, receipt, [B]);
  assert.deepEqual(swapped(receipt, a), [LOAN, BOUGHT], "the receipt on A tells the swap on A, and no other");
  assert.deepEqual(swapped(there, b), [BOUGHT, SOLD], "the receipt on B tells the swap on B, and no other");
  await ledger.conserved(mark);
  await ledger.untouched(mark, {
    [A]: [borrower.address, MANAGER, a.weth, a.token, a.pair, arb.address, ...proxies[A]],
    [B]: [MANAGER, b.weth, b.token, b.pair, ...proxies[B]],
  });
});

/** A single transaction stays in the blocks, reverted on A and paid for there, without effect on any account. */
async function failsAsTransaction(minOut, revertData) {
  const mark = await ledger.mark();
  const data = run(minOut);
  await assert.rejects(home.client.call({ account: borrower, to: arb.address, data }), (error) => {
    assert.equal(error.walk(({ data }) => data !== undefined).data, revertData);
    return true;
  });
  const hash = await home.send(borrower, { to: arb.address, data });
  const receipt = await home.receipt(hash);
  assert.equal(receipt.status, "reverted");
  assert.deepEqual(receipt.logs, []);
  const before = mark.accounts[A][borrower.address.toLowerCase()];
  const fee = receipt.gasUsed * receipt.effectiveGasPrice;
  assert.equal(await home.balance(borrower.address), BigInt(before.balance) - fee);
  const [there] = await inboundReceipts(chain, A, receipt, [B]);
  assert.deepEqual(there.logs, []);
  await ledger.absent(mark, [hash, there.transactionHash]);
  await ledger.untouched(mark, { [A]: [borrower.address] });
  await ledger.conserved(mark);
}

/** As a bundle it is removed: no receipt, no fee, no nonce used. */
async function failsAsBundle(minOut, revertData) {
  const mark = await ledger.mark();
  const legs = await plainLegs([{ chain: home, account: borrower, to: arb.address, data: run(minOut) }]);
  const { bundleId, txHashes } = await sendBundle(home, legs);
  const removed = await outcome(home, bundleId);
  assert.deepEqual(
    [removed.outcome, removed.cause, removed.chainId, removed.leg, removed.revertData],
    ["removed", "Failed", A, 0, revertData],
  );
  for (const id of CHAIN_IDS) {
    assert.equal(await chain[id].rpc("eth_getTransactionReceipt", txHashes[0]), null);
  }
  await ledger.absent(mark);
  await ledger.untouched(mark);
  home.forgetNonces();
}

/** Returns what went in and out of the one swap that a receipt tells. */
function swapped({ logs }, { pair }) {
  const swaps = parseEventLogs({ abi: UniswapV2Pair.abi, eventName: "Swap", logs });
  assert.deepEqual(swaps.map(({ address }) => address), [pair.toLowerCase()]);
  const { amount0In, amount0Out, amount1In, amount1Out } = swaps[0].args;
  return [amount0In + amount1In, amount0Out + amount1Out];
}

function run(minOut) {
  return encode(FlashArb, "run", [LOAN, minOut, recipient.address]);
}

function proxy(id, original, network) {
  return chain[id].read(MANAGER, Manager, "computeCrossChainProxyAddress", original, BigInt(network));
}
