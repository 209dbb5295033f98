// Contracts of other rollups, simulation over several, promises.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, type Hex, bytesToHex, encodeErrorResult, encodeFunctionData, getAddress, hexToBytes, keccak256 } from "viem";
import {
  FalseClaimError,
  MethodMissingError,
  SECTION,
  UnknownChainError,
  bundle,
  decodeError,
  decodeTryCall,
  ensureProxy,
  getPromiseKey,
  getPromises,
  itemHash,
  logsHash,
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
  const { joint, results } = await simulate(weft, [
    call,
    { chainId: A, from: user.address, to: here, data: revertData },
  ]);
  assert.equal(joint, true);
  assert.deepEqual(results.map(({ chainId, success }) => [chainId, success]), [[B, true], [A, false]]);
  assert.equal(BigInt(results[0]!.output), before + 1n);
  assert.equal(decodeError(results[1]!.output, counterAbi)?.errorName, "Refused");
  assert.equal(await count(weft, B, remote.address), before);
  const two = await simulate(weft, [call, call]);
  assert.equal(two.joint, true);
  assert.equal(BigInt(two.results[1]!.output), before + 2n);
  await assert.rejects(simulate(weft, []), RangeError);
  await assert.rejects(simulate(weft, [{ ...call, chainId: NOWHERE }]), UnknownChainError);
});

test("without weft_simulate each call runs alone, and the answer says so", async () => {
  const before = await count(weft, B, remote.address);
  const call = { chainId: B, from: user.address, to: remote.address, data: incrementData };
  const lacking = { ...weft, request: () => Promise.reject(new MethodMissingError("weft_simulate")) };
  const { joint, results } = await simulate(lacking, [call, call, { ...call, data: revertData }]);
  assert.deepEqual([joint, results.map(({ success }) => success)], [false, [true, true, false]]);
  assert.deepEqual(results.slice(0, 2).map(({ output }) => BigInt(output)), [before + 1n, before + 1n]);
  await assert.rejects(weft.request("weft_noSuchMethod"), MethodMissingError);
});

test("promises about a bundle are checked here, and bind about nothing else", async () => {
  const sent = await bundle(weft)
    .leg({ chainId: A, account: user, to: here, data: incrementData })
    .leg({ chainId: B, account: user, to: remote.address, data: incrementData })
    .send();
  const { slot, siblings } = await sent.wait();
  const receipts = await sent.receipts();
  const { key, signing } = await getPromiseKey(weft);
  assert.ok(signing);
  const promises = await getPromises(weft, sent.id, key);
  assert.ok(promises?.order && promises.execution && promises.named);
  const [order, execution] = [promises.order.promise, promises.execution.promise];
  assert.deepEqual([order.bundle, order.slot, order.section], [sent.id, BigInt(slot), SECTION.plaintext]);
  assert.deepEqual([execution.item, execution.chain, execution.removal], [order.item, order.chain, undefined]);
  const networks = [A, B].map((id) => weft.rollup(id).network);
  assert.deepEqual(execution.legs.map(({ network }) => network), networks);
  for (const [index, leg] of execution.legs.entries()) {
    const { gasUsed, blockNumber, logs, transactionHash } = receipts[index]!;
    assert.deepEqual([leg.txHash, leg.success, leg.gasUsed, leg.blockNumber], [transactionHash, true, gasUsed, blockNumber]);
    assert.equal(leg.logsHash, logsHash(weft.domain, logs));
    assert.equal(leg.outputHash, keccak256(siblings[index]!.output!));
  }
  assert.deepEqual(await getPromises(weft, sent.hashes[1]!, key), promises);
  assert.deepEqual(await getPromises(weft, order.item, key), promises);

  // Of no other key, in no other realm, about nothing else, and not with any byte altered.
  await assert.rejects(getPromises(weft, sent.id, user.address), FalseClaimError);
  await assert.rejects(getPromises({ ...weft, domain: { ...weft.domain, realm: 9 } }, sent.id, key), FalseClaimError);
  const told = await weft.request<{ order: Told; execution: Told }>("weft_getPromise", sent.id);
  const telling = (answer: unknown) => getPromises({ ...weft, request: async () => answer as never }, sent.id, key);
  assert.deepEqual(await telling(told), promises);
  for (const name of ["order", "execution"] as const) {
    const bytes = hexToBytes(told[name].encoding);
    for (let at = 0; at < bytes.length; at += 5) {
      const altered = bytes.slice();
      altered[at]! ^= 1;
      await assert.rejects(telling({ ...told, [name]: { encoding: bytesToHex(altered) } }), `${name}, byte ${at}`);
    }
  }
  await assert.rejects(telling({ order: told.execution, execution: told.order }), FalseClaimError);
  const other = await (await bundle(weft).leg({ chainId: A, account: user, to: here, data: incrementData }).send()).id;
  const others = await weft.request<typeof told>("weft_getPromise", other);
  await assert.rejects(telling(others), /about something else/);
  await assert.rejects(telling({ ...told, order: others.order }), /about something else/);
  assert.equal((await telling({ ...others, execution: null }))?.named, false);
  assert.equal((await telling({ ...told, execution: null }))?.named, true);
  assert.equal(await getPromises(weft, `0x${"ab".repeat(32)}`, key), null);
});

test("promises about a transaction are found by its item, included or removed", async () => {
  const { key } = await getPromiseKey(weft);
  const { client, network } = weft.rollup(A);
  const sign = async (data: Hex) =>
    user.signTransaction({
      chainId: A,
      type: "eip1559",
      to: here,
      data,
      gas: 100_000n,
      nonce: await client.getTransactionCount({ address: user.address, blockTag: "pending" }),
      ...(await client.estimateFeesPerGas()),
    });
  for (const [data, success] of [[incrementData, true], [revertData, false]] as const) {
    const raw = await sign(data);
    await client.request({ method: "eth_sendRawTransactionSync", params: [raw] } as never);
    const item = itemHash(weft.domain, { network, raw });
    const promises = await getPromises(weft, item, key);
    assert.deepEqual([promises?.order?.promise.item, promises?.execution?.promise.item], [item, item]);
    const legs = promises!.execution!.promise.legs.map(({ txHash, success }) => [txHash, success]);
    assert.deepEqual(legs, [[keccak256(raw), success]]);
  }
});

interface Told {
  encoding: Hex;
}
