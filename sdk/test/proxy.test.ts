// Contracts of other rollups, simulation over several, promises.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, encodeErrorResult, encodeFunctionData, getAddress } from "viem";
import {
  MethodMissingError,
  UnknownChainError,
  bundle,
  decodeError,
  decodeTryCall,
  ensureProxy,
  getPromises,
  managerAbi,
  proxyAddress,
  remoteContract,
  simulate,
  simulateTryCall,
  tryCall,
} from "@weft/sdk";
import { A, B, NOWHERE, count, counterAbi, deploy, start, user } from "./lib/node.js";

const { weft } = await start();
const here = await deploy(weft, A, "Counter");
const remote = { address: await deploy(weft, B, "Counter"), chainId: B };
const incrementData = encodeFunctionData({ abi: counterAbi, functionName: "increment" });
const revertData = encodeFunctionData({ abi: counterAbi, functionName: "incrementAndRevert" });

test("a proxy is deployed once and stands for its contract", async () => {
  const address = await proxyAddress(weft, remote, A);
  const told = () => weft.request<{ address: Address; deployed: boolean }>("weft_getProxy", remote.address, B);
  const { address: named, deployed } = await told();
  assert.deepEqual([getAddress(named), deployed], [address, false]);
  const { client } = weft.rollup(A);
  assert.equal(await client.getCode({ address, blockTag: "pending" }), undefined);
  assert.equal(await ensureProxy(weft, remote, A, user), address);
  assert.equal((await told()).deployed, true);
  const nonce = await client.getTransactionCount({ address: user.address, blockTag: "pending" });
  assert.equal(await ensureProxy(weft, remote, A, user), address);
  assert.equal(await client.getTransactionCount({ address: user.address, blockTag: "pending" }), nonce);

  const before = await count(weft, B, remote.address);
  const call = { chainId: A, account: user, abi: counterAbi, address: here, functionName: "incrementVia" as const };
  await (await bundle(weft).call({ ...call, args: [address], gas: 3_000_000n }).send()).wait();
  assert.equal(await count(weft, B, remote.address), before + 1n);
  const contract = await remoteContract(weft, remote, A, counterAbi);
  assert.equal(await contract.read.get({ blockTag: "pending" }), before + 1n);
});

test("no proxy at home, none outside the realm", async () => {
  await assert.rejects(proxyAddress(weft, remote, B), RangeError);
  await assert.rejects(proxyAddress(weft, { ...remote, chainId: NOWHERE }, A), UnknownChainError);
  await assert.rejects(proxyAddress(weft, remote, NOWHERE), UnknownChainError);
});

test("tryCall says what became of the call", async () => {
  const before = await count(weft, B, remote.address);
  const good = await tryCall(weft, { remote, on: A, account: user, data: incrementData, gas: 3_000_000n });
  assert.equal(good.status, "Ok");
  assert.equal(BigInt(good.data), before + 1n);
  const bad = await tryCall(weft, { remote, on: A, account: user, data: revertData, gas: 3_000_000n });
  assert.equal(bad.status, "Reverted");
  assert.deepEqual(decodeError(bad.data, counterAbi), { errorName: "Refused", args: [before + 2n] });
  assert.equal(await count(weft, B, remote.address), before + 1n);
  const seen = await simulateTryCall(weft, { remote, on: A, account: user, data: incrementData });
  assert.deepEqual([seen.status, BigInt(seen.data)], ["Ok", before + 2n]);
  assert.throws(() => decodeTryCall("0x"));
});

test("errors in words", () => {
  const data = encodeErrorResult({ abi: managerAbi, errorName: "FeeTooLow", args: [902n] });
  assert.deepEqual(decodeError(data), { errorName: "FeeTooLow", args: [902n] });
  assert.equal(decodeError("0xdeadbeef"), undefined);
  assert.equal(decodeError("0x"), undefined);
});

test("calls on several rollups are simulated", async () => {
  const before = await count(weft, B, remote.address);
  const call = { chainId: B, from: user.address, to: remote.address, data: incrementData };
  const { results } = await simulate(weft, [
    call,
    { chainId: A, from: user.address, to: here, data: revertData },
  ]);
  assert.deepEqual(results.map(({ chainId, success }) => [chainId, success]), [[B, true], [A, false]]);
  assert.equal(BigInt(results[0]!.output), before + 1n);
  assert.equal(decodeError(results[1]!.output, counterAbi)?.errorName, "Refused");
  assert.equal(await count(weft, B, remote.address), before);
  const two = await simulate(weft, [call, call]);
  assert.equal(BigInt(two.results[1]!.output), before + (two.joint ? 2n : 1n));
  await assert.rejects(simulate(weft, []), RangeError);
  await assert.rejects(simulate(weft, [{ ...call, chainId: NOWHERE }]), UnknownChainError);
});

test("promises are asked for where nodes give them", async () => {
  const sent = await bundle(weft).leg({ chainId: A, account: user, to: here, data: incrementData }).send();
  await sent.wait();
  const promises = await getPromises(weft, sent.id).catch((error: unknown) => error);
  if (promises instanceof Error) assert.ok(promises instanceof MethodMissingError, promises.message);
  else assert.ok(promises && typeof promises === "object" && "order" in promises);
});
