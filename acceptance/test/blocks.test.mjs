// T14: stock clients decode blocks with system transactions and recompute what their headers commit to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonRpcProvider } from "ethers";
import { getAddress, keccak256, recoverTransactionAddress } from "viem";
import { accounts, chains } from "../lib/chain.mjs";
import { Counter, MANAGER, Manager, SYSTEM_SENDER } from "../lib/code.mjs";
import { A, B, C, CHAIN_IDS, devnet } from "../lib/devnet.mjs";
import { inboundReceipts } from "../lib/invariants.mjs";
import { blockHash, bloomOf, encodeTransaction, receiptsRoot, transactionsRoot } from "../lib/roots.mjs";

const [owner, user] = accounts;
const chain = chains(await devnet());
const counters = await Promise.all(CHAIN_IDS.map((id) => chain[id].deploy(owner, Counter)));
const counter = Object.fromEntries(CHAIN_IDS.map((id, index) => [id, counters[index].address]));
await Promise.all(counters.map(({ hash }, index) => chain[CHAIN_IDS[index]].done(hash)));

// A -> B -> A -> C: every chain has work of its own and of others.
const path = [await proxy(A, B), await proxy(B, A), await proxy(A, C)];
const trip = await chain[A].done(chain[A].call(user, counter[A], Counter, "incrementAlong", [path]));
await Promise.all(
  [B, C].map((id) => chain[id].done(chain[id].call(user, counter[id], Counter, "increment"))),
);

test("A -> B -> A -> C: logs of A appear once, in A's own transaction", async () => {
  const events = await chain[A].client.getContractEvents({
    address: counter[A],
    abi: Counter.abi,
    eventName: "Incremented",
    fromBlock: "earliest",
  });
  assert.deepEqual(events.map(({ args }) => args.value), [1n, 2n]);
  assert.deepEqual(new Set(events.map(({ transactionHash }) => transactionHash)), new Set([trip.transactionHash]));
  const [onB, onC] = await inboundReceipts(chain, A, trip, [B, C]);
  for (const [receipt, id] of [[onB, B], [onC, C]]) {
    // The manager tells of the caller's proxy, deployed at its first crossing.
    const logs = receipt.logs.filter(({ address }) => address !== MANAGER);
    assert.deepEqual(logs.map(({ address }) => address), [counter[id].toLowerCase()]);
  }
});

for (const id of CHAIN_IDS) {
  test(`viem decodes the blocks of ${id} and recomputes roots, bloom and hash`, async () => {
    let system = 0;
    for (const block of await blocks(id)) {
      const computed = await transactionsRoot(block.transactions);
      assert.equal(computed, block.transactionsRoot, `transactions of ${block.number}`);
      const receipts = await Promise.all(
        block.transactions.map(({ hash }) => chain[id].client.getTransactionReceipt({ hash })),
      );
      assert.equal(await receiptsRoot(receipts), block.receiptsRoot, `receipts of ${block.number}`);
      assert.equal(bloomOf(receipts), block.logsBloom);
      assert.equal(receipts.at(-1)?.cumulativeGasUsed ?? 0n, block.gasUsed);
      const raw = await chain[id].rpc("eth_getBlockByNumber", `0x${block.number.toString(16)}`, false);
      assert.equal(blockHash(raw), block.hash);
      for (const transaction of block.transactions) {
        const serializedTransaction = encodeTransaction(transaction);
        assert.equal(keccak256(serializedTransaction), transaction.hash);
        if (transaction.from === SYSTEM_SENDER) system += 1;
        else assert.equal(await recoverTransactionAddress({ serializedTransaction }), getAddress(transaction.from));
      }
    }
    assert.equal(system, id === A ? 0 : 1);
  });

  test(`ethers decodes the blocks of ${id}`, async (t) => {
    const provider = new JsonRpcProvider(chain[id].url);
    t.after(() => provider.destroy());
    let system = 0;
    for (const { number, hash, transactions } of await blocks(id)) {
      const block = await provider.getBlock(Number(number), true);
      assert.equal(block.hash, hash);
      const decoded = block.prefetchedTransactions;
      const hashes = transactions.map((transaction) => transaction.hash);
      assert.deepEqual(decoded.map((transaction) => transaction.hash), hashes);
      for (const transaction of decoded) {
        const receipt = await provider.getTransactionReceipt(transaction.hash);
        assert.equal(receipt.status, 1);
        assert.equal(transaction.chainId, BigInt(id));
        if (transaction.from.toLowerCase() !== SYSTEM_SENDER) continue;
        assert.deepEqual([transaction.type, transaction.gasPrice, transaction.value], [0, 0n, 0n]);
        assert.equal(transaction.signature.legacyChainId, BigInt(id));
        assert.equal(transaction.to.toLowerCase(), MANAGER);
        system += 1;
      }
    }
    assert.equal(system, id === A ? 0 : 1);
  });

  test(`headers of ${id} follow each other`, async () => {
    const all = await chain[id].blocksAfter(-1n);
    for (const [index, block] of all.entries()) {
      assert.equal(block.number, BigInt(index));
      if (index === 0) continue;
      assert.equal(block.parentHash, all[index - 1].hash);
      assert.ok(block.timestamp >= all[index - 1].timestamp);
      assert.equal(BigInt(block.extraData) / 1000n, block.timestamp, "milliseconds in extraData");
    }
  });
}

test("a system transaction cannot be sent from outside", async () => {
  const [{ transactionHash }] = await inboundReceipts(chain, A, trip, [B]);
  const raw = encodeTransaction(await chain[B].client.getTransaction({ hash: transactionHash }));
  await assert.rejects(chain[B].rpc("eth_sendRawTransaction", raw), { reason: /signature/ });
});

function blocks(id) {
  return chain[id].blocksAfter(-1n);
}

/** Returns the proxy on `from` of the counter on `to`. */
async function proxy(from, to) {
  const args = [counter[to], BigInt(to)];
  await chain[from].done(chain[from].call(owner, MANAGER, Manager, "createCrossChainProxy", args));
  return chain[from].read(MANAGER, Manager, "computeCrossChainProxyAddress", ...args);
}
