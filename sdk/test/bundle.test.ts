// Bundles, outcomes, and how they fail.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWalletClient, custom, http, parseEther } from "viem";
import {
  InvalidBundleError,
  NotIncludedError,
  RefusedError,
  SignerError,
  UndecidedError,
  UnknownChainError,
  bundle,
  getOutcome,
  realm,
  waitForOutcome,
} from "@weft/sdk";
import { A, B, C, NOWHERE, count, counterAbi, deploy, friend, owner, poor, start, user } from "./lib/node.js";
import { routed } from "./lib/wallet.js";

const { weft, urls } = await start();
const counters = { [A]: await deploy(weft, A, "Counter"), [B]: await deploy(weft, B, "Counter") };
const balance = (chainId: number, address = friend.address) =>
  weft.rollup(chainId).client.getBalance({ address, blockTag: "pending" });
const pay = (chainId: number, value = 1n) => ({ chainId, account: user, to: friend.address, value });
const increment = (chainId: number) => ({
  chainId,
  account: user,
  abi: counterAbi,
  address: counters[chainId]!,
  functionName: "increment" as const,
});

test("a realm knows its rollups", async () => {
  assert.deepEqual(weft.rollups.map(({ chainId }) => chainId), [A, B, C]);
  for (const { chainId, client, chain } of weft.rollups) {
    assert.equal(await client.getChainId(), chainId);
    assert.equal(chain.id, chainId);
  }
  const own = await realm(urls[B]!, { urls: { [A]: urls[A]! } });
  assert.equal(await own.rollup(A).client.getChainId(), A);
  assert.throws(() => weft.rollup(NOWHERE), UnknownChainError);
  await assert.rejects(realm("http://127.0.0.1:1"), /fetch|HTTP/);
});

test("legs on three rollups, several of one account", async () => {
  const before = await Promise.all([A, B, C].map((id) => balance(id)));
  const sent = await bundle(weft).leg(pay(A)).call(increment(B)).leg(pay(B, 2n)).leg(pay(C, 3n)).send();
  const outcome = await sent.wait();
  assert.equal(outcome.protected, true);
  assert.deepEqual(outcome.siblings.map(({ txHash }) => txHash), sent.hashes);
  const receipts = await sent.receipts();
  assert.deepEqual(receipts.map(({ status }) => status), Array(4).fill("success"));
  const after = await Promise.all([A, B, C].map((id) => balance(id)));
  assert.deepEqual(after.map((now, index) => now - before[index]!), [1n, 2n, 3n]);
});

test("a leg that reverts takes the others along, and says why", async () => {
  const before = [await balance(A), await count(weft, B, counters[B]!)];
  const sent = await bundle(weft)
    .leg(pay(A))
    .call({ ...increment(B), functionName: "incrementAndRevert" })
    .send();
  const error = await sent.wait().catch((error: unknown) => error);
  assert.ok(error instanceof NotIncludedError, String(error));
  assert.ok(error.outcome.outcome === "removed");
  const { cause, leg, chainId } = error.outcome;
  assert.deepEqual({ cause, leg, chainId }, { cause: "Failed", leg: 1, chainId: B });
  assert.equal(error.decoded?.errorName, "Refused");
  assert.match(error.message, /removed: Failed at leg 1 on 902: Refused\(\d+\)/);
  const sibling = await getOutcome(weft, sent.hashes[0]!);
  assert.equal(sibling?.outcome === "removed" && sibling.cause, "Sibling");
  assert.deepEqual([await balance(A), await count(weft, B, counters[B]!)], before);
});

test("a leg that may revert does not", async () => {
  const sent = await bundle(weft)
    .leg(pay(A))
    .call({ ...increment(B), functionName: "incrementAndRevert", mayRevert: true })
    .send();
  const { siblings } = await sent.wait();
  assert.deepEqual(siblings.map(({ success }) => success), [true, false]);
});

test("later legs may need what earlier ones do", async () => {
  const sent = await bundle(weft)
    .leg({ chainId: A, account: user, to: poor.address, value: parseEther("1") })
    .leg({ chainId: A, account: poor, to: friend.address, value: 1n, gas: 60_000n })
    .send();
  await sent.wait();
});

test("simulation tells the future and keeps nothing", async () => {
  const before = await count(weft, B, counters[B]!);
  const good = await bundle(weft).leg(pay(A)).call(increment(B)).sign();
  const seen = await good.simulate();
  assert.equal(seen.included, true);
  assert.equal(BigInt(seen.legs[1]!.output!), before + 1n);
  assert.equal(await count(weft, B, counters[B]!), before);
  const bad = await bundle(weft).call({ ...increment(B), functionName: "incrementAndRevert" }).sign();
  assert.equal((await bad.simulate()).cause, "Failed");
  await (await good.send()).wait();
  assert.equal(await count(weft, B, counters[B]!), before + 1n);
});

test("a bundle cannot be sent twice", async () => {
  const again = await bundle(weft, { salt: `0x${"07".repeat(32)}` }).leg(pay(A)).sign();
  await (await again.send()).wait();
  await assert.rejects(again.send(), (error: unknown) => {
    assert.ok(error instanceof RefusedError);
    assert.equal(error.refusal, "Replayed", error.message);
    return true;
  });
});

test("not enough funds", async () => {
  const draft = bundle(weft).leg(pay(A)).leg({ chainId: B, account: poor, to: friend.address, value: parseEther("1") });
  await assert.rejects(draft.send(), /funds/i);
  const sent = bundle(weft)
    .leg(pay(A))
    .leg({ chainId: B, account: poor, to: friend.address, value: parseEther("1"), gas: 60_000n })
    .send()
    .then((sent) => sent.wait());
  await assert.rejects(sent, /funds/i);
});

test("what cannot be a bundle", async () => {
  assert.throws(() => bundle(weft).leg(pay(NOWHERE)), UnknownChainError);
  assert.throws(() => bundle(weft).leg({ chainId: A, account: user }), InvalidBundleError);
  assert.throws(() => bundle(weft).leg({ chainId: A, account: user, data: "0x00", marker: "suffix" }), InvalidBundleError);
  const wallet = createWalletClient({ transport: http(urls[A]) });
  assert.throws(() => bundle(weft).leg({ ...pay(A), account: wallet }), SignerError);
  await assert.rejects(bundle(weft).send(), InvalidBundleError);
  const full = bundle(weft);
  for (let leg = 0; leg < 64; leg++) full.leg(pay(A));
  assert.throws(() => full.leg(pay(A)), InvalidBundleError);
});

test("waiting ends", async () => {
  const nobody = `0x${"ab".repeat(32)}` as const;
  assert.equal(await getOutcome(weft, nobody), null);
  await assert.rejects(waitForOutcome(weft, nobody, { timeoutMs: 60 }), UndecidedError);
  await assert.rejects(waitForOutcome(weft, nobody, { signal: AbortSignal.abort() }), /abort/i);
  await assert.rejects(getOutcome(weft, "0x12"), RefusedError);
});

test("wallets that sign elsewhere: the node holds their legs until the last one", async () => {
  const wallet = createWalletClient({ account: owner.address, transport: custom(routed(urls)) });
  const before = await Promise.all([A, B].map((id) => balance(id)));
  const draft = bundle(weft).leg({ ...pay(A), account: wallet }).leg({ ...pay(B), account: wallet }).leg(pay(B));
  await assert.rejects(draft.sign(), SignerError);
  const sent = await draft.send();
  assert.equal(await wallet.getChainId(), A, "the wallet is back on its chain");
  assert.equal((await sent.wait()).protected, true);
  const after = await Promise.all([A, B].map((id) => balance(id)));
  assert.deepEqual(after.map((now, index) => now - before[index]!), [1n, 2n]);
});
