// S2: the same arbitrage as a bundle of two plain transactions, one for each rollup, without any contract of ours.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { decodeFunctionResult, encodeErrorResult, parseAbi, parseEther } from "viem";
import { BOUGHT, EARNED, SPENT, arbitrage, fund, holdings } from "../lib/arbitrage.mjs";
import { bundleId, markedLegs, outcome, plainLegs, sendBundle, shapeOf } from "../lib/bundle.mjs";
import { accounts, chains } from "../lib/chain.mjs";
import { CrossChainToken, UniswapV2Router02 } from "../lib/code.mjs";
import { A, B, C, devnet } from "../lib/devnet.mjs";
import { Ledger, sameSlot } from "../lib/invariants.mjs";
import { DEADLINE, RESERVE_TUSDC, RESERVE_WETH, markets, reserves, tusdc } from "../lib/market.mjs";

const PROFIT = EARNED - SPENT;

const [owner, alice, bob] = accounts;
const chain = chains(await devnet());
const market = await markets(chain, owner);
const { a, b } = market;
await fund(market, owner, [alice, bob]);
const ledger = new Ledger(chain, [{ [A]: a.token, [B]: b.token }]);
const slippage = encodeErrorResult({
  abi: parseAbi(["error Error(string)"]),
  args: ["UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT"],
});

// Every test starts from the same prices: a snapshot covers all rollups at once.
let snapshot = await chain[A].rpc("evm_snapshot");
beforeEach(async () => {
  assert.equal(await chain[C].rpc("evm_revert", snapshot), true);
  snapshot = await chain[A].rpc("evm_snapshot");
  for (const rollup of Object.values(chain)) rollup.forgetNonces();
  assert.deepEqual(await reserves(a), { weth: RESERVE_WETH, token: RESERVE_TUSDC[A] });
  assert.deepEqual(await reserves(b), { weth: RESERVE_WETH, token: RESERVE_TUSDC[B] });
});

test("a protected bundle earns 2,914.604116 TUSDC over two rollups in one slot", async () => {
  const { id, legs } = await markedLegs(arbitrage(market, alice));
  await earns(legs, { id, isProtected: true });
});

test("an unmarked bundle earns the same and is shown as unprotected", async () => {
  const legs = await plainLegs(arbitrage(market, alice));
  const id = bundleId(await Promise.all(legs.map(shapeOf)));
  await earns(legs, { id, isProtected: false });
});

test("a bundle is the same whichever rollup takes it", async () => {
  const { id, legs } = await markedLegs(arbitrage(market, alice));
  const sent = await sendBundle(chain[C], legs);
  assert.equal(sent.bundleId, id);
  for (const rollup of Object.values(chain)) assert.equal((await outcome(rollup, id)).outcome, "included");
});

test("the preview over all rollups predicts outputs and gas of the execution", async () => {
  const { id, legs } = await markedLegs(arbitrage(market, alice));
  const preview = await chain[A].rpc("weft_simulateBundle", { legs });
  assert.equal(preview.included, true);
  const untouched = { tokens: SPENT, weth: parseEther("20") };
  assert.deepEqual(await holdings(market, alice), untouched, "a preview changes nothing");
  const amounts = preview.legs.map(({ output }) =>
    decodeFunctionResult({ abi: UniswapV2Router02.abi, functionName: "swapExactTokensForTokens", data: output }),
  );
  assert.deepEqual(amounts, [
    [SPENT, BOUGHT],
    [BOUGHT, EARNED],
  ]);
  const { txHashes } = await sendBundle(chain[A], legs);
  assert.equal((await outcome(chain[A], id)).outcome, "included");
  for (const [index, rollup] of [chain[A], chain[B]].entries()) {
    const receipt = await rollup.done(txHashes[index]);
    assert.equal(receipt.gasUsed, BigInt(preview.legs[index].gasUsed), "gas");
  }
});

test("the preview of a bundle that fails names chain, leg, reason and revert data", async () => {
  const { legs } = await markedLegs(arbitrage(market, alice, { earned: EARNED + 1n }));
  const preview = await chain[A].rpc("weft_simulateBundle", { legs });
  assert.equal(preview.included, false);
  assertRemoved({ ...preview, outcome: "removed" }, { chainId: B, leg: 1 });
});

test("a competing bundle that comes second is removed with chain, leg and reason, and pays nothing", async () => {
  const first = await markedLegs(arbitrage(market, alice));
  const second = await markedLegs(arbitrage(market, bob));
  const mark = await ledger.mark();
  await sendBundle(chain[A], first.legs);
  const sent = await sendBundle(chain[B], second.legs);
  assert.equal((await outcome(chain[A], first.id)).outcome, "included");
  assertRemoved(await outcome(chain[A], second.id), { chainId: A, leg: 0 });
  await leavesNoTrace(sent.txHashes, bob, mark);
  await ledger.conserved(mark);
});

test("a leg that fails on the second rollup takes the first one's leg with it", async () => {
  const sale = [parseEther("1"), 0n, [b.weth, b.token], bob.address, DEADLINE];
  await chain[B].done(chain[B].call(bob, b.router, UniswapV2Router02, "swapExactTokensForTokens", sale));
  const mark = await ledger.mark();
  const { id, legs } = await markedLegs(arbitrage(market, alice));
  const { txHashes } = await sendBundle(chain[A], legs);
  assertRemoved(await outcome(chain[B], id), { chainId: B, leg: 1 });
  await leavesNoTrace(txHashes, alice, mark);
  await ledger.absent(mark);
  await ledger.untouched(mark);
});

test("a marked leg takes no effect without its bundle", async () => {
  const mark = await ledger.mark();
  const { id, legs } = await markedLegs(arbitrage(market, alice));
  const alone = chain[A].rpc("eth_sendRawTransaction", legs[0].raw);
  await assert.rejects(alone, ({ data }) => data.name === "UnknownBundle");
  await nextBlocks();
  await ledger.untouched(mark, { [A]: [bob.address], [B]: [bob.address] });
  await sendBundle(chain[A], legs);
  assert.equal((await outcome(chain[A], id)).outcome, "included");
});

test("marked legs of a bundle that was announced wait for each other", async () => {
  const drafts = arbitrage(market, alice);
  const shapes = drafts.map(({ chain: { id: chainId }, to, data }) => ({ chainId, from: alice.address, to, data }));
  const prepared = await chain[A].rpc("weft_prepareBundle", { legs: shapes });
  const { id, legs } = await markedLegs(drafts);
  assert.equal(prepared.bundleId, id);

  const hashes = [await chain[A].rpc("eth_sendRawTransaction", legs[0].raw)];
  await nextBlocks();
  assert.equal(await chain[A].rpc("eth_getTransactionReceipt", hashes[0]), null);
  hashes.push(await chain[B].rpc("eth_sendRawTransaction", legs[1].raw));
  assert.equal((await outcome(chain[A], id)).outcome, "included");
  await sameSlot([chain[A], await chain[A].done(hashes[0])], [chain[B], await chain[B].done(hashes[1])]);
});

test("a marked bundle of which a leg failed is dead, so that nobody can replay it at a better moment", async () => {
  const { id, legs } = await markedLegs(arbitrage(market, alice, { earned: EARNED + 1n }));
  await sendBundle(chain[A], legs);
  assertRemoved(await outcome(chain[A], id), { chainId: B, leg: 1 });
  await raisePriceOnB();
  await assert.rejects(sendBundle(chain[A], legs), ({ data }) => data.name === "Replayed");
  await nextBlocks();
  assert.equal((await holdings(market, alice)).tokens, SPENT);
});

test("an unmarked leg of a bundle that failed can be lifted out, as its label says", async () => {
  const legs = await plainLegs(arbitrage(market, alice, { earned: EARNED + 1n }));
  const sent = await sendBundle(chain[A], legs);
  assert.equal(sent.protected, false);
  assertRemoved(await outcome(chain[A], sent.bundleId), { chainId: B, leg: 1 });
  await chain[A].done(chain[A].rpc("eth_sendRawTransaction", legs[0].raw));
});

test("a leg that may revert does not hold up its bundle", async () => {
  const [buy, sell] = arbitrage(market, alice, { earned: EARNED + 1n });
  const { id, legs } = await markedLegs([buy, { ...sell, mayRevert: true }]);
  const { txHashes } = await sendBundle(chain[A], legs);
  assert.equal((await outcome(chain[A], id)).outcome, "included");
  await chain[A].done(txHashes[0]);
  assert.equal((await chain[B].receipt(txHashes[1])).status, "reverted");
});

async function earns(legs, { id, isProtected }) {
  const mark = await ledger.mark();
  const before = await holdings(market, alice);
  const sent = await sendBundle(chain[A], legs);
  assert.equal(sent.bundleId, id);
  assert.equal(sent.protected, isProtected);
  const known = await outcome(chain[A], id);
  assert.equal(known.outcome, "included");

  const receipts = [await chain[A].done(sent.txHashes[0]), await chain[B].done(sent.txHashes[1])];
  await sameSlot([chain[A], receipts[0]], [chain[B], receipts[1]]);
  const after = await holdings(market, alice);
  assert.deepEqual([after.tokens - before.tokens, after.weth - before.weth], [PROFIT, 0n]);
  assert.deepEqual(await reserves(a), { weth: RESERVE_WETH - BOUGHT, token: RESERVE_TUSDC[A] + SPENT });
  assert.deepEqual(await reserves(b), { weth: RESERVE_WETH + BOUGHT, token: RESERVE_TUSDC[B] - EARNED });
  await ledger.conserved(mark);
  await ledger.absent(mark, sent.txHashes);
}

function assertRemoved(known, { chainId, leg }) {
  assert.deepEqual(
    [known.outcome, known.cause, known.chainId, known.leg, known.revertData],
    ["removed", "Failed", chainId, leg, slippage],
  );
  assert.match(known.reason, /INSUFFICIENT_OUTPUT_AMOUNT/);
}

/** Makes ether so dear on B that any sale there succeeds. */
async function raisePriceOnB() {
  const spent = tusdc("100000");
  const purchase = [spent, 0n, [b.token, b.weth], owner.address, DEADLINE];
  await chain[B].done(chain[B].call(owner, b.token, CrossChainToken, "mint", [owner.address, spent]));
  await chain[B].done(chain[B].call(owner, b.router, UniswapV2Router02, "swapExactTokensForTokens", purchase));
}

/** No receipt, and neither fee nor nonce taken. */
async function leavesNoTrace(txHashes, { address }, { accounts: before }) {
  for (const [index, id] of [A, B].entries()) {
    assert.equal(await chain[id].rpc("eth_getTransactionReceipt", txHashes[index]), null);
    const { balance, nonce } = before[id][address.toLowerCase()];
    assert.equal(await chain[id].balance(address), BigInt(balance));
    assert.equal(await chain[id].client.getTransactionCount({ address, blockTag: "pending" }), nonce);
  }
}

/** Lets a block pass on every rollup. */
async function nextBlocks() {
  const { address } = bob;
  await Promise.all([A, B].map((id) => chain[id].done(chain[id].send(bob, { to: address, gas: 21_000n }))));
}
