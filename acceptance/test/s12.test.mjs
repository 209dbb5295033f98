// S12: a thousand pairs of bundles race for one pool.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hexToNumber, hexToString, parseEther, slice } from "viem";
import { BOUGHT, arbitrage, fund } from "../lib/arbitrage.mjs";
import { markedLegs, outcome, sendBundle } from "../lib/bundle.mjs";
import { account, accounts, chains } from "../lib/chain.mjs";
import { A, B, C, devnet } from "../lib/devnet.mjs";
import { Ledger } from "../lib/invariants.mjs";
import { amountOut, markets, reserves, tusdc } from "../lib/market.mjs";

const PAIRS = 1_000;
const SPENT = tusdc("10");
const FIRST_TRADER = 10;
const CROWD = 60;
// Longest time between two blocks of the contested rollup while bundles come in.
const PAUSE_MS = 2_000;

const [owner] = accounts;
const chain = chains(await devnet());
const market = await markets(chain, owner);
const { a, b } = market;
// A loser's nonces stay free, so two traders are enough: whoever lost signs the same nonces again.
const traders = [account(FIRST_TRADER), account(FIRST_TRADER + 1)];
const crowd = Array.from({ length: CROWD }, (_, index) => account(FIRST_TRADER + 2 + index));
await Promise.all(
  [...traders, ...crowd].flatMap((trader) =>
    [A, B].map((id) => chain[id].send(owner, { to: trader.address, value: 10n ** 20n, gas: 21_000n })),
  ),
);
await fund(market, owner, traders, { tokens: SPENT * BigInt(PAIRS), weth: BOUGHT });
await fund(market, owner, crowd, { tokens: SPENT * 10n, weth: parseEther("1") });
const nonces = await Promise.all(
  traders.map(({ address }) =>
    Promise.all([A, B].map((id) => chain[id].client.getTransactionCount({ address, blockTag: "pending" }))),
  ),
);
const ledger = new Ledger(chain, [{ [A]: a.token, [B]: b.token }]);

test("in a crowd the committed order alone decides who trades", async () => {
  const mark = await ledger.mark();
  const pools = { a: await reserves(a), b: await reserves(b) };
  const bundles = await Promise.all(
    crowd.map(async (trader, index) => {
      // Everybody accepts a price that so many purchases before spoil; the last ones are the patient ones.
      const spent = SPENT * BigInt(1 + (index % 7));
      const bought = outOf(pools.a, spent, SPENT * 2n * BigInt(index));
      const terms = { spent, bought, sold: bought, earned: 0n };
      return { terms, ...(await markedLegs(arbitrage(market, trader, terms))) };
    }),
  );
  await Promise.all(bundles.map(({ legs }, index) => sendBundle(chain[[A, B, C][index % 3]], legs)));
  const known = await Promise.all(bundles.map(({ id }) => outcome(chain[A], id)));
  const decided = bundles.map(({ terms }, index) => ({ terms, ...known[index] }));
  decided.sort((first, second) => (before(first.position, second.position) ? -1 : 1));
  let won = 0;
  for (const { terms, outcome: fate, leg, revertData } of decided) {
    const got = amountOut(terms.spent, pools.a.token, pools.a.weth);
    assert.equal(fate, got >= terms.bought ? "included" : "removed");
    if (fate === "removed") {
      assert.deepEqual([leg, revertText(revertData)], [0, "UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT"]);
      continue;
    }
    won += 1;
    pools.a = { weth: pools.a.weth - got, token: pools.a.token + terms.spent };
    const earned = amountOut(terms.sold, pools.b.weth, pools.b.token);
    pools.b = { weth: pools.b.weth + terms.sold, token: pools.b.token - earned };
  }
  assert.ok(won > 0 && won < crowd.length, `${won} of ${crowd.length} won`);
  assert.deepEqual({ a: await reserves(a), b: await reserves(b) }, pools);
  await ledger.conserved(mark);
});

test("of 1,000 pairs the bundle that comes first wins, and the other is removed with a reason", async (t) => {
  const mark = await ledger.mark();
  const began = Date.now();
  const model = { a: await reserves(a), b: await reserves(b) };
  const wins = [0, 0];
  const winners = { [A]: [], [B]: [] };
  for (let pair = 0; pair < PAIRS; pair++) {
    const terms = next(model);
    const bundles = await Promise.all(
      traders.map(async (trader) => markedLegs(await withNonces(trader, arbitrage(market, trader, terms)))),
    );
    // Two connections, to different rollups: which bundle gets the earlier position is up to the sequencer.
    const order = pair % 2 === 0 ? [0, 1] : [1, 0];
    const requests = order.map((who) => [who, sendBundle(chain[who === 0 ? A : B], bundles[who].legs)]);
    const sent = await Promise.all(requests.sort().map(([, request]) => request));
    const known = await Promise.all(bundles.map(({ id }) => outcome(chain[A], id)));
    const winner = known.findIndex((one) => one.outcome === "included");
    const loser = 1 - winner;
    assert.notEqual(winner, -1, `pair ${pair}: ${JSON.stringify(known)}`);
    const { cause, chainId, leg, reason, revertData } = known[loser];
    assert.deepEqual([known[loser].outcome, cause, chainId, leg], ["removed", "Failed", A, 0], `pair ${pair}`);
    assert.match(`${reason} ${revertText(revertData)}`, /INSUFFICIENT_OUTPUT_AMOUNT/);
    assert.ok(before(known[winner].position, known[loser].position), `pair ${pair}: the winner's position is earlier`);
    wins[winner] += 1;
    [A, B].forEach((id, index) => winners[id].push(sent[winner].txHashes[index]));
    nonces[winner] = nonces[winner].map((nonce) => nonce + 1);
  }
  const took = Date.now() - began;
  t.diagnostic(`${PAIRS} pairs in ${took} ms, wins ${wins.join(" : ")}`);

  // The pools and the blocks hold the winners, in committed order, and nothing else.
  await Promise.all([A, B].map((id) => chain[id].done(winners[id].at(-1))));
  assert.deepEqual(await reserves(a), model.a);
  assert.deepEqual(await reserves(b), model.b);
  for (const id of [A, B]) {
    const blocks = await chain[id].blocksAfter(mark.numbers[id]);
    assert.deepEqual(blocks.flatMap(({ transactions }) => transactions.map(({ hash }) => hash)), winners[id]);
    const times = blocks.map(({ extraData }) => Number(BigInt(slice(extraData, 0, 8))));
    const pauses = times.slice(1).map((time, index) => time - times[index]);
    assert.ok(Math.max(...pauses) <= PAUSE_MS, `longest pause of ${id}: ${Math.max(...pauses)} ms`);
  }
  for (const [index, trader] of traders.entries()) {
    for (const [place, id] of [A, B].entries()) {
      const count = await chain[id].client.getTransactionCount({ address: trader.address });
      assert.equal(count, nonces[index][place], "a removed bundle takes no nonce");
    }
  }
  await ledger.conserved(mark);
});

function withNonces(trader, legs) {
  const own = nonces[traders.indexOf(trader)];
  return legs.map((leg, index) => ({ ...leg, nonce: own[index] }));
}

/** Takes one trade at exactly the pools' prices; whoever comes second gets less and fails. */
function next({ a: poolA, b: poolB }) {
  const bought = amountOut(SPENT, poolA.token, poolA.weth);
  const earned = amountOut(bought, poolB.weth, poolB.token);
  poolA.token += SPENT;
  poolA.weth -= bought;
  poolB.weth += bought;
  poolB.token -= earned;
  return { spent: SPENT, bought, earned };
}

/** Returns what `amount` buys after others have spent `earlier`. */
function outOf({ weth, token }, amount, earlier) {
  return amountOut(amount, token + earlier, weth - amountOut(earlier, token, weth));
}

/** Compares positions of the same section. */
function before(first, second) {
  assert.equal(first.section, second.section);
  return first.slot < second.slot || (first.slot === second.slot && first.index < second.index);
}

function revertText(data) {
  return hexToString(slice(data, 68, 68 + hexToNumber(slice(data, 36, 68))));
}
