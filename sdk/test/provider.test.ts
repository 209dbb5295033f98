// wagmi's actions over the provider: what `useSendCalls`, `useCallsStatus` and `useWaitForCallsStatus` call.
import assert from "node:assert/strict";
import { test } from "node:test";
import { getCallsStatus, getCapabilities, sendCalls, showCallsStatus, waitForCallsStatus } from "@wagmi/core";
import { encodeFunctionData, parseEther } from "viem";
import { severalChains, weftProvider } from "@weft/sdk";
import { A, B, C, NOWHERE, count, counterAbi, deploy, friend, owner, start, user } from "./lib/node.js";
import { connected } from "./lib/wagmi.js";
import { routed } from "./lib/wallet.js";

const { weft, urls } = await start();
const counter = await deploy(weft, B, "Counter");
const shown: string[] = [];
const provider = weftProvider(weft, { accounts: [user], onShow: (id) => shown.push(id) });
const config = await connected(weft, provider);
const balance = (chainId: number) => weft.rollup(chainId).client.getBalance({ address: friend.address, blockTag: "pending" });
const incrementData = encodeFunctionData({ abi: counterAbi, functionName: "increment" });
const revertData = encodeFunctionData({ abi: counterAbi, functionName: "incrementAndRevert" });
const pay = { to: friend.address, value: 5n };

function raw(body: object) {
  const common = { version: "2.0.0", chainId: "0x385", atomicRequired: true };
  return provider.request({ method: "wallet_sendCalls", params: [{ ...common, ...body }] });
}

test("every rollup can do it atomically", async () => {
  const all = await getCapabilities(config, {});
  assert.deepEqual(Object.keys(all).map(Number), [A, B, C]);
  assert.equal((await getCapabilities(config, { chainId: B })).atomic?.status, "supported");
});

test("calls of one chain", async () => {
  const before = await balance(A);
  const { id } = await sendCalls(config, { forceAtomic: true, chainId: A, calls: [pay, pay] });
  const status = await waitForCallsStatus(config, { id, pollingInterval: 50 });
  assert.deepEqual([status.status, status.atomic, status.chainId], ["success", true, A]);
  assert.deepEqual(status.receipts?.map(({ status }) => status), ["success", "success"]);
  assert.equal(await balance(A), before + 10n);
  await showCallsStatus(config, { id });
  assert.deepEqual(shown, [id]);
});

test("calls over several chains are one bundle", async () => {
  const before = [await balance(A), await count(weft, B, counter), await balance(C)];
  const { id } = await sendCalls(config, {
    forceAtomic: true,
    ...severalChains([
      { chainId: A, ...pay },
      { chainId: B, to: counter, data: incrementData },
      { chainId: C, ...pay },
    ]),
  });
  const status = await waitForCallsStatus(config, { id, pollingInterval: 50 });
  assert.deepEqual([status.status, status.statusCode], ["success", 200]);
  const chains = status.receipts!.map((receipt) => Number((receipt as unknown as { chainId: string }).chainId));
  assert.deepEqual(chains, [A, B, C]);
  const after = [await balance(A), await count(weft, B, counter), await balance(C)];
  assert.deepEqual(after.map((now, index) => now - before[index]!), [5n, 1n, 5n]);
});

test("one call that reverts undoes those on other chains", async () => {
  const before = [await balance(A), await count(weft, B, counter)];
  const calls = severalChains([{ chainId: A, ...pay }, { chainId: B, to: counter, data: revertData }]);
  const { id } = await sendCalls(config, { forceAtomic: true, ...calls });
  const status = await waitForCallsStatus(config, { id, pollingInterval: 50 });
  assert.deepEqual([status.status, status.statusCode, status.receipts], ["failure", 500, []]);
  const again = await getCallsStatus(config, { id });
  assert.equal((again.capabilities as any).severalChains.leg, 1);
  assert.deepEqual([await balance(A), await count(weft, B, counter)], before);
});

test("more money than there is", async () => {
  const before = await balance(A);
  const calls = severalChains([{ chainId: A, ...pay }, { chainId: B, to: friend.address, value: parseEther("999999") }]);
  await assert.rejects(sendCalls(config, { ...calls }), /funds/i);
  assert.equal(await balance(A), before);
});

test("an id of the dApp's own is taken once", async () => {
  const calls = [{ to: friend.address, value: "0x1" }];
  assert.equal((await raw({ id: "mine", calls })).id, "mine");
  await assert.rejects(raw({ id: "mine", calls }), { code: 5720 });
  const status = await waitForCallsStatus(config, { id: "mine", pollingInterval: 50 });
  assert.equal(status.status, "success");
});

test("bad requests have codes", async () => {
  const call = { to: friend.address, value: "0x1" };
  const cases: [object, number][] = [
    [{ calls: [] }, -32602],
    [{ calls: "all" }, -32602],
    [{ calls: [null] }, -32602],
    [{ calls: [{ to: "0x12" }] }, -32602],
    [{ calls: [{ ...call, data: "0x123" }] }, -32602],
    [{ calls: [{ ...call, value: 1 }] }, -32602],
    [{ calls: [{ value: "0x1" }] }, -32602],
    [{ calls: [call], from: "somebody" }, -32602],
    [{ calls: [call], chainId: "901" }, -32602],
    [{ calls: [call], capabilities: { severalChains: { chainIds: [] } } }, -32602],
    [{ calls: [call], from: owner.address }, 4100],
    [{ calls: [call], capabilities: { paymasterService: { url: "https://example.org" } } }, 5700],
    [{ calls: [{ ...call, capabilities: { other: {} } }] }, 5700],
    [{ calls: [call], chainId: `0x${NOWHERE.toString(16)}` }, 5710],
    [{ calls: [{ ...call, chainId: `0x${NOWHERE.toString(16)}` }] }, 5710],
    [{ calls: Array(65).fill(call) }, 5740],
  ];
  for (const [body, code] of cases) await assert.rejects(raw(body), { code }, JSON.stringify(body).slice(0, 100));
  await assert.rejects(provider.request({ method: "wallet_sendCalls" }), { code: -32602 });
  for (const id of ["nobody", `0x${"12".repeat(32)}`, 7]) {
    await assert.rejects(provider.request({ method: "wallet_getCallsStatus", params: [id] }), { code: 5730 });
  }
  await assert.rejects(provider.request({ method: "wallet_getCapabilities", params: ["me"] }), { code: -32602 });
  await assert.rejects(provider.request({ method: "wallet_getCapabilities", params: [owner.address] }), { code: 4100 });
  await assert.rejects(
    provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: "0x1" }] }),
    { code: 4902 },
  );
});

test("an optional capability that nobody knows is ignored", async () => {
  const call = { to: friend.address, value: "0x1" };
  const { id } = await raw({ calls: [call], capabilities: { other: { optional: true } } });
  assert.equal((await waitForCallsStatus(config, { id, pollingInterval: 50 })).status, "success");
});

test("everything else goes to the rollup", async () => {
  assert.equal(Number(await provider.request({ method: "net_version" })), A);
  await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: `0x${B.toString(16)}` }] });
  assert.equal(Number(await provider.request({ method: "net_version" })), B);
  await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: `0x${A.toString(16)}` }] });
});

test("around a wallet that signs and sends by itself", async () => {
  const wrapped = await connected(weft, weftProvider(weft, { wallet: routed(urls) as never }));
  const before = [await balance(A), await balance(B)];
  const calls = severalChains([{ chainId: A, ...pay }, { chainId: B, ...pay }]);
  const { id } = await sendCalls(wrapped, { account: owner.address, forceAtomic: true, ...calls });
  assert.equal((await waitForCallsStatus(wrapped, { id, pollingInterval: 50 })).status, "success");
  assert.deepEqual([await balance(A), await balance(B)], before.map((one) => one + 5n));
});
