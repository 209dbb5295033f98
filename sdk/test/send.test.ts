// Seal and send in one call, against a node that takes sealed items; and promises that bind nobody.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, encodeFunctionData, hexToBytes, parseAbi, parseEther } from "viem";
import { RefusedError } from "@weft/sdk";
import { SECTION, readOrderPromise, sealAndSend, sealingKey } from "@weft/sdk/sealing";
import { A, friend, owner, start, user } from "./lib/node.js";

const PATIENCE_MS = 60_000;
const VAULT = parseAbi(["function deposit(address payer) payable"]);

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((wake) => setTimeout(wake, 50))) {
    const found = await ask();
    if (found !== undefined) return found;
  }
  throw new Error(`${what}: not in time`);
}

test("P14: a sealed transaction has a checked promise before anybody can read it", async () => {
  const { weft } = await start("--sealed");
  const { client, chain } = weft.rollup(A);
  const { feeVault } = await weft.request<{ feeVault: Hex }>("weft_getEpoch");
  const fees = await client.estimateFeesPerGas();
  const sign = (from: typeof user, nonce: number, to: Hex, value: bigint, data: Hex = "0x", gas = 100_000n) =>
    from.signTransaction({ chainId: chain.id, type: "eip1559", nonce, gas, to, value, data, ...fees });
  const raw = await sign(user, 0, friend.address, 5n, "0x", 21_000n);

  // Without a deposit nothing is taken.
  await until("a key", async () => (await sealingKey(weft)) ?? undefined);
  await assert.rejects(sealAndSend(weft, owner, { raw }), (error) => {
    assert(error instanceof RefusedError);
    assert.equal((error.data as { name: string }).name, "Deposit");
    return true;
  });
  const data = encodeFunctionData({ abi: VAULT, functionName: "deposit", args: [owner.address] });
  const hash = await client.sendRawTransaction({
    serializedTransaction: await sign(friend, 0, feeVault, parseEther("1"), data),
  });
  await client.waitForTransactionReceipt({ hash, pollingInterval: 50 });

  await assert.rejects(sealAndSend(weft, owner, { raw }, { maxFeeWei: 1n }), RangeError);
  const sent = await sealAndSend(weft, owner, { raw });
  assert.equal(sent.promise.item, sent.item);
  assert.equal(sent.promise.section, SECTION.sealed);
  const outcome = await until("the outcome", async () => {
    const found = await weft.request<{ outcome: string } | null>("weft_getOutcome", sent.item);
    return found && found.outcome !== "sealed" ? found : undefined;
  });
  assert.equal(outcome.outcome, "included");

  // Every altered byte binds nobody.
  const { key } = await weft.request<{ key: Hex }>("weft_getPromiseKey");
  const bytes = hexToBytes(sent.encoding);
  for (let at = 0; at < bytes.length; at += 7) {
    const altered = bytes.slice();
    altered[at]! ^= 1;
    await assert.rejects(readOrderPromise(weft.domain, altered, key), `byte ${at}`);
  }
  await assert.rejects(readOrderPromise({ ...weft.domain, realm: 9 }, bytes, key));
  await assert.rejects(readOrderPromise(weft.domain, bytes, friend.address));
});
