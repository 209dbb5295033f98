// S7: a payment to a rollup whose executor, a process of its own, was killed goes to another rollup.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeErrorResult, parseEther, parseEventLogs } from "viem";
import { outcome, plainLegs, sendBundle } from "../lib/bundle.mjs";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { Counter, MANAGER, Manager, Payer, Status } from "../lib/code.mjs";
import { A, B, C, devnet } from "../lib/devnet.mjs";
import { Ledger, inboundReceipts } from "../lib/invariants.mjs";

const AMOUNT = parseEther("1");
const BOUND_MS = 10_000;
const NOWHERE = 999n;

test("S7", async (t) => {
  const chain = chains(await devnet("--executor", String(C)));
  const [owner, user] = accounts;
  const payee = "0x00000000000000000000000000000000000000a1";
  const payer = await chain[A].deploy(owner, Payer);
  const counterB = await chain[B].deploy(owner, Counter);
  const counterC = await chain[C].deploy(owner, Counter);
  await chain[A].done(payer.hash);
  await chain[B].done(counterB.hash);
  await chain[C].done(counterC.hash);
  await chain[A].done(
    chain[A].call(owner, MANAGER, Manager, "createCrossChainProxy", [counterC.address, BigInt(C)]),
  );
  const proxyOfC = await chain[A].read(MANAGER, Manager, "computeCrossChainProxyAddress", counterC.address, BigInt(C));
  const ledger = new Ledger(chain);
  const pay = () => chain[A].call(user, payer.address, Payer, "pay", [BigInt(C), BigInt(B), payee], { value: AMOUNT });

  await t.test("while C runs, it is paid there", async () => {
    const mark = await ledger.mark();
    const receipt = await chain[A].done(pay());
    assert.equal(paidOn(receipt), BigInt(C));
    assert.equal(await chain[C].balance(payee), AMOUNT);
    await inboundReceipts(chain, A, receipt, [C]);
    await ledger.conserved(mark);
  });

  const { chains: realm } = await chain[A].rpc("weft_chains");
  process.kill(realm.find(({ chainId }) => chainId === C).executorPid, "SIGKILL");

  await t.test("tryCall answers Unavailable within the bound, and the contract pays on B", async () => {
    const mark = await ledger.mark();
    const began = Date.now();
    const receipt = await chain[A].done(pay());
    assert.ok(Date.now() - began < BOUND_MS, `took ${Date.now() - began} ms`);
    assert.equal(paidOn(receipt), BigInt(B));
    assert.equal(await chain[B].balance(payee), AMOUNT);
    assert.equal(await chain[A].balance(payer.address), 0n);
    await inboundReceipts(chain, A, receipt, [B]);
    await ledger.conserved(mark);
  });

  await t.test("it is told from a callee that reverts and from a network that is not there", async () => {
    const increment = encode(Counter, "incrementAndRevert");
    const status = async (network, target) =>
      (await chain[A].read(MANAGER, Manager, "tryStaticCall", network, target, increment))[0];
    assert.equal(await status(BigInt(C), counterC.address), Status.Unavailable);
    assert.equal(await status(BigInt(B), counterB.address), Status.OutOfGas, "a static frame may not write");
    assert.equal(await status(NOWHERE, counterB.address), Status.NotProvisioned);
    const args = [BigInt(B), counterB.address, increment];
    const { result } = await chain[A].client.simulateContract({
      account: user,
      address: MANAGER,
      abi: Manager.abi,
      functionName: "tryCall",
      args,
    });
    const refused = encodeErrorResult({ abi: Counter.abi, errorName: "Refused", args: [1n] });
    assert.deepEqual(result, [Status.Reverted, refused]);
  });

  await t.test("without tryCall the call fails within the bound and leaves no state", async () => {
    const mark = await ledger.mark();
    const unavailable = encodeErrorResult({ abi: Manager.abi, errorName: "Unavailable", args: [BigInt(C)] });
    const call = { chain: chain[A], account: user, to: proxyOfC, data: encode(Counter, "increment") };
    const began = Date.now();
    const legs = await plainLegs([call]);
    const { bundleId } = await sendBundle(chain[A], legs);
    const known = await outcome(chain[A], bundleId);
    assert.ok(Date.now() - began < BOUND_MS, `took ${Date.now() - began} ms`);
    assert.deepEqual([known.outcome, known.cause, known.revertData], ["removed", "Failed", unavailable]);
    await ledger.absent(mark);
    await ledger.untouched(mark);
  });

  await t.test("a bundle with a leg on C is removed as unavailable, on all rollups", async () => {
    chain[A].forgetNonces();
    const mark = await ledger.mark();
    const nonce = 1_000;
    const draft = { account: user, to: user.address, gas: 100_000n };
    const legs = await plainLegs([
      { ...draft, chain: chain[B] },
      { ...draft, chain: chain[C], nonce },
    ]);
    const known = await sendBundle(chain[A], legs).then(({ bundleId }) => outcome(chain[A], bundleId));
    assert.deepEqual([known.outcome, known.cause, known.chainId, known.leg], ["removed", "Unavailable", C, 1]);
    chain[B].forgetNonces();
    await ledger.absent(mark);
    await ledger.untouched(mark);
  });

  await t.test("the other rollups never pause", async () => {
    const mark = await ledger.mark();
    for (const id of [A, B]) await chain[id].done(chain[id].send(user, { to: user.address, gas: 21_000n }));
    await ledger.conserved(mark);
  });
});

function paidOn({ logs }) {
  const [paid] = parseEventLogs({ abi: Payer.abi, eventName: "Paid", logs });
  return paid.args.network;
}
