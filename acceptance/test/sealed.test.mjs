// I6: S1 and S2 once more, sealed: nobody could read them before their order was fixed, and the numbers are the same.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keccak256, parseEther } from "viem";
import { BOUGHT, EARNED, SPENT, arbitrage, fund, holdings } from "../lib/arbitrage.mjs";
import { markedLegs } from "../lib/bundle.mjs";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { CrossChainToken, FlashArb, FlashLender } from "../lib/code.mjs";
import { A, B, CHAIN_IDS, devnet, rpc } from "../lib/devnet.mjs";
import { Ledger, inboundReceipts, sameSlot } from "../lib/invariants.mjs";
import { LENT, RESERVE_TUSDC, RESERVE_WETH, flashLoans, markets, reserves, tusdc } from "../lib/market.mjs";
import { Payer, bundleFile, decided, derivedTwice } from "../lib/sealing.mjs";

const LOAN = tusdc("50000");
const PROFIT = EARNED - SPENT;
const UNTOUCHED = { tokens: SPENT, weth: parseEther("20") };

const [owner, alice, bob, borrower, recipient, rich] = accounts;

/** A realm that takes sealed items, with the pools of F0 as they are at first. */
async function world() {
  const directory = mkdtempSync(join(tmpdir(), "weft-realm-"));
  const node = await devnet("--sealed", "--data-dir", directory);
  const chain = chains(node);
  const { a, b } = await markets(chain, owner);
  const payer = await Payer.create(chain, node, rich);
  const ledger = new Ledger(chain, [{ [A]: a.token, [B]: b.token }]);
  const { feeVault } = await rpc(node.urls[A], "weft_getEpoch");
  return { node, directory, chain, a, b, payer, ledger, feeVault };
}

// One for each story, so that both find the pools of F0.
const [loans, bundles] = [await world(), await world()];

/** Seals and sends; checks that nobody sees what is inside while it waits. Returns what became of it, with its promises. */
async function sealed({ chain, payer }, content, hashes) {
  const order = await payer.send(content);
  for (const { id, hash } of hashes) assert.equal(await chain[id].rpc("eth_getTransactionByHash", hash), null, "hidden");
  const told = await decided(chain[A], order.promise.item);
  const promised = await chain[A].rpc("weft_getPromise", order.promise.item);
  assert.equal(promised.order.encoding, order.encoding, "I4: the position is the promised one");
  assert.ok(promised.execution, "I4: the result is promised");
  return told;
}

test("S1 sealed: a flash loan crosses two rollups in one slot with a profit of 2,914.604116 TUSDC", async (t) => {
  const { chain, a, b, ledger, feeVault } = loans;
  const home = chain[A];
  const { lender, arb, route } = await flashLoans(chain, owner, { a, b });
  const flash = async (minOut) => {
    const data = encode(FlashArb, "run", [LOAN, minOut, recipient.address]);
    const raw = await home.sign(borrower, { to: arb.address, gas: 3_000_000n, data });
    return { raw, hash: keccak256(raw) };
  };
  const send = ({ raw, hash }) => sealed(loans, raw, [{ id: A, hash }]);
  const untouched = async () => {
    assert.equal(await home.read(a.token, CrossChainToken, "balanceOf", recipient.address), 0n);
    assert.equal(await home.read(a.token, CrossChainToken, "balanceOf", lender.address), LENT);
    assert.deepEqual(await reserves(a), { weth: RESERVE_WETH, token: RESERVE_TUSDC[A] });
    assert.deepEqual(await reserves(b), { weth: RESERVE_WETH, token: RESERVE_TUSDC[B] });
  };

  const fee = (points) => home.done(home.call(owner, lender.address, FlashLender, "setFee", [points]));
  const twins = [
    { name: "a bound on B that does not hold", buyRemote: false, minOut: EARNED + 1n },
    { name: "the reverse direction", buyRemote: true, minOut: 0n },
    // Another bound than before: the same bytes would be refused as dead.
    { name: "a lender's fee of 6 %", buyRemote: false, minOut: 1n, points: 600n },
  ];
  for (const { name, buyRemote, minOut, points = 0n } of twins) {
    await t.test(`${name} leaves both rollups untouched, and what was shown is dead`, async () => {
      await route(buyRemote);
      await fee(points);
      const mark = await ledger.mark();
      const failing = await flash(minOut);
      const { outcome, cause } = await send(failing);
      assert.deepEqual([outcome, cause], ["removed", "Failed"]);
      await untouched();
      // T7: everybody has read it by now, and nobody can send it again.
      await assert.rejects(home.rpc("eth_sendRawTransaction", failing.raw), /failed before/);
      assert.equal(await home.rpc("eth_getTransactionReceipt", failing.hash), null);
      // I2, I3: nothing changed but what the payer of its carriage has in the vault.
      await ledger.untouched(mark, { [A]: [feeVault] });
      await ledger.absent(mark);
      await ledger.conserved(mark);
      home.forgetNonces();
    });
  }

  await route(false);
  await fee(0n);
  const mark = await ledger.mark();
  const loan = await flash(EARNED);
  assert.equal((await send(loan)).outcome, "included");
  const receipt = await home.done(loan.hash);
  await inboundReceipts(chain, A, receipt, [B]);
  assert.equal(await home.read(a.token, CrossChainToken, "balanceOf", recipient.address), PROFIT);
  assert.equal(await home.read(a.token, CrossChainToken, "balanceOf", lender.address), LENT);
  assert.deepEqual(await reserves(a), { weth: RESERVE_WETH - BOUGHT, token: RESERVE_TUSDC[A] + LOAN });
  assert.deepEqual(await reserves(b), { weth: RESERVE_WETH + BOUGHT, token: RESERVE_TUSDC[B] - EARNED });
  await ledger.conserved(mark);
});

test("S2 sealed: of two bundles for one opportunity the first ordered has it, the other leaves no trace", async () => {
  const { chain, a, b, payer, ledger } = bundles;
  await fund({ a, b }, owner, [alice, bob]);
  const [first, second] = [await markedLegs(arbitrage({ a, b }, alice)), await markedLegs(arbitrage({ a, b }, bob))];
  const mark = await ledger.mark();
  const items = [];
  for (const [account, bundle] of [[alice, first], [bob, second]]) {
    items.push((await payer.send(bundleFile(account, bundle))).promise.item);
  }
  const [one, other] = [await decided(chain[A], items[0]), await decided(chain[A], items[1])];
  assert.equal(one.outcome, "included");
  assert.deepEqual([other.outcome, other.cause, other.chainId, other.leg], ["removed", "Failed", A, 0]);
  assert.match(other.reason, /INSUFFICIENT_OUTPUT_AMOUNT/);

  const hashes = first.legs.map(({ raw }) => keccak256(raw));
  const receipts = [await chain[A].done(hashes[0]), await chain[B].done(hashes[1])];
  await sameSlot([chain[A], receipts[0]], [chain[B], receipts[1]]);
  assert.deepEqual(await holdings({ a, b }, alice), { ...UNTOUCHED, tokens: SPENT + PROFIT });
  assert.deepEqual(await holdings({ a, b }, bob), UNTOUCHED);
  for (const [index, id] of [A, B].entries()) {
    assert.equal(await chain[id].rpc("eth_getTransactionReceipt", keccak256(second.legs[index].raw)), null);
    const { balance, nonce } = mark.accounts[id][bob.address.toLowerCase()];
    assert.equal(await chain[id].balance(bob.address), BigInt(balance), "no fee");
    assert.equal(await chain[id].client.getTransactionCount({ address: bob.address, blockTag: "pending" }), nonce);
  }
  await ledger.conserved(mark);
});

test("I5: batches alone lead to the same blocks, whoever derives them", async () => {
  for (const { node, directory, chain } of [loans, bundles]) {
    const blocks = [];
    for (const id of CHAIN_IDS) {
      const own = await chain[id].blocksAfter(0n);
      // How many depends on how fast the machine is: all that a slot holds is one block. C had nothing to do.
      if (id === A || id === B) assert.ok(own.length > 0, `${id} has blocks`);
      for (const { number, hash } of own) blocks.push(`${id} ${number} ${hash}`);
    }
    await node.stop();
    const derived = await derivedTwice(directory);
    assert.deepEqual(derived[0], derived[1]);
    // The node goes on for some blocks between the questions and its end.
    const known = new Set(derived[0]);
    assert.deepEqual(blocks.filter((block) => !known.has(block)), []);
  }
});
