// Every method that a rollup of a development node serves has an answer of the documented shape: each in a row of its own, so
// that a method without one fails. Refusals of all of them are told in the node's tests.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keccak256, parseEther, toHex } from "viem";
import { sendBundle, markedLegs } from "../lib/bundle.mjs";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { Counter, WETH9 } from "../lib/code.mjs";
import { A, B, devnet, until } from "../lib/devnet.mjs";

const [owner, user, friend, stranger] = accounts;
const chain = chains(await devnet());
const home = chain[A];
// One that takes sealed items commits to the order of its slots, and does not go back in time. It writes batches.
const directory = mkdtempSync(join(tmpdir(), "weft-methods-"));
const kept = ["--data-dir", join(directory, "data"), "--batches", join(directory, "batches")];
const sealing = chains(await devnet("--sealed", ...kept))[A];

// What stories of their own tell, with keys, members or a WebSocket: `sealed`, `shield`, `sockets`.
const ELSEWHERE = [
  "eth_subscribe",
  "eth_unsubscribe",
  "weft_announceShare",
  "weft_openEpoch",
  "weft_promiseBundle",
  "weft_releaseSecret",
  "weft_sendSealed",
  "weft_subscribe",
  "weft_unsubscribe",
];

// Asked of the realm that takes sealed items.
const OF_SEALING = [
  "weft_committee",
  "weft_getEpoch",
  "weft_getEpochNotice",
  "weft_getOrderOpening",
  "weft_getSlotCommitment",
  "weft_getSlotRecord",
  "weft_getSlots",
  "weft_keyList",
];

const shape = (pattern, name) => Object.defineProperty((it) => pattern.test(it), "name", { value: name });
const quantity = shape(/^0x(0|[1-9a-f][0-9a-f]*)$/, "quantity");
const hash = shape(/^0x[0-9a-f]{64}$/, "hash");
const hex = shape(/^0x([0-9a-f]{2})*$/, "bytes");
const address = shape(/^0x[0-9a-fA-F]{40}$/, "address");
const text = shape(/./, "text");
const flag = (it) => typeof it === "boolean";
const nothing = (it) => it === null;
const is = (expected) => (it) => JSON.stringify(it) === JSON.stringify(expected);
const or = (...checks) => (it) => checks.some((check) => check(it));
const all = (check) => (it) => Array.isArray(it) && it.length > 0 && it.every(check);
const some = (check) => (it) => Array.isArray(it) && it.every(check);
const has = (keys) => (it) => Object.entries(keys).every(([key, check]) => it?.[key] !== undefined && check(it[key]));
const any = () => true;
// Other development nodes say one or the other.
const done = or(nothing, flag);

const block = has({ number: quantity, hash, parentHash: hash, stateRoot: hash, transactions: all(any) });
const transaction = has({ hash, from: address, nonce: quantity, type: quantity, r: hex });
const receipt = has({ transactionHash: hash, status: is("0x1"), gasUsed: quantity, weftFinality: is("executed"), logs: some(any) });
const log = has({ address, topics: all(hash), data: hex, blockNumber: quantity });
const trace = has({ type: is("CALL"), from: address, gasUsed: quantity });

/** What the rows are about: a contract with storage and logs, a transaction with a log, and a bundle over two rollups. */
async function world() {
  const weth = await home.deploy(owner, WETH9);
  await home.done(weth.hash);
  const there = await chain[B].deploy(owner, Counter);
  await chain[B].done(there.hash);
  const deposit = await home.done(home.call(user, weth.address, WETH9, "deposit", [], { value: parseEther("1") }));
  const plain = await home.client.getTransaction({ hash: deposit.transactionHash });
  const drafts = [
    { chain: home, account: user, to: friend.address, value: 1n, gas: 100_000n },
    { chain: chain[B], account: user, to: friend.address, value: 1n, gas: 100_000n },
  ];
  const bundle = await markedLegs(drafts);
  await sendBundle(home, bundle.legs);
  await home.done(keccak256(bundle.legs[0].raw));
  const names = { weth: weth.address, created: weth.hash, tx: deposit.transactionHash, bundle: bundle.id };
  return { ...names, at: toHex(deposit.blockNumber), in: deposit.blockHash, index: toHex(plain.transactionIndex) };
}

/** Returns a slot of the other realm with something in it, once that is closed and committed to. */
async function slotWithItems() {
  const { transactionHash } = await sealing.done(sealing.send(user, { to: friend.address, gas: 21_000n }));
  const { slot } = (await sealing.rpc("weft_getOutcome", transactionHash)).position;
  await until("a commitment", () => sealing.rpc("weft_getSlotCommitment", slot));
  return slot;
}

const it = await world();
const slot = await slotWithItems();
const call = { to: it.weth, data: encode(WETH9, "balanceOf", [user.address]) };
const transfer = { from: stranger.address, to: friend.address, value: "0x1", gas: "0x5208" };
const logs = { fromBlock: it.at, toBlock: it.at };
const caller = { tracer: "callTracer" };
const raw = () => home.sign(friend, { to: friend.address, gas: 21_000n });
const leg = async () => ({ legs: [{ chainId: A, raw: await raw() }] });
const filter = (kind, ...params) => home.rpc(kind, ...params);
const position = has({ slot: any, section: any, index: any });

/** Method, parameters (or what makes them), and what the answer is. */
const ROWS = [
  ["eth_accounts", [], all(address)],
  ["eth_blobBaseFee", [], quantity],
  ["eth_blockNumber", [], quantity],
  ["eth_call", [call, "latest"], shape(/^0x0{48}0de0b6b3a7640000$/, "one ether")],
  ["eth_capabilities", [], has({ head: any })],
  ["eth_chainId", [], is("0x385")],
  ["eth_coinbase", [], address],
  ["eth_config", [], has({ current: has({ chainId: is("0x385") }) })],
  ["eth_createAccessList", [call], has({ accessList: all(has({ address, storageKeys: all(hash) })), gasUsed: quantity })],
  ["eth_estimateGas", [transfer], is("0x5208")],
  ["eth_feeHistory", ["0x2", "latest", [50]], has({ baseFeePerGas: all(quantity), reward: all(all(quantity)) })],
  ["eth_gasPrice", [], quantity],
  ["eth_getBalance", [it.weth, "latest"], is(toHex(parseEther("1")))],
  ["eth_getBlockByHash", [it.in, true], block],
  ["eth_getBlockByNumber", [it.at, false], block],
  ["eth_getBlockReceipts", [it.at], all(receipt)],
  ["eth_getBlockTransactionCountByHash", [it.in], quantity],
  ["eth_getBlockTransactionCountByNumber", [it.at], quantity],
  ["eth_getCode", [it.weth, "latest"], shape(/^0x60/, "code")],
  ["eth_getFilterChanges", async () => [await filter("eth_newFilter", logs)], some(log)],
  ["eth_getFilterLogs", async () => [await filter("eth_newFilter", logs)], all(log)],
  ["eth_getHeaderByHash", [it.in], has({ hash: is(it.in), number: is(it.at) })],
  ["eth_getHeaderByNumber", [it.at], has({ hash: is(it.in), number: is(it.at) })],
  ["eth_getLogs", [logs], all(log)],
  ["eth_getProof", [it.weth, ["0x0"], "latest"], has({ accountProof: all(hex), storageProof: all(has({ proof: all(hex) })) })],
  ["eth_getRawTransactionByBlockHashAndIndex", [it.in, it.index], shape(/^0x02f8/, "a raw transaction")],
  ["eth_getRawTransactionByBlockNumberAndIndex", [it.at, it.index], shape(/^0x02f8/, "a raw transaction")],
  ["eth_getRawTransactionByHash", [it.tx], (raw) => keccak256(raw) === it.tx],
  ["eth_getStorageAt", [it.weth, "0x2", "latest"], is(toHex(18, { size: 32 }))],
  ["eth_getStorageValues", [{ [it.weth]: [toHex(2, { size: 32 })] }, "latest"], (got) => JSON.stringify(got).includes(toHex(18, { size: 32 }))],
  ["eth_getTransactionByBlockHashAndIndex", [it.in, it.index], transaction],
  ["eth_getTransactionByBlockNumberAndIndex", [it.at, it.index], transaction],
  ["eth_getTransactionByHash", [it.tx], transaction],
  ["eth_getTransactionCount", [owner.address, "latest"], is("0x1")],
  ["eth_getTransactionReceipt", [it.tx], receipt],
  ["eth_getUncleByBlockHashAndIndex", [it.in, "0x0"], nothing],
  ["eth_getUncleByBlockNumberAndIndex", [it.at, "0x0"], nothing],
  ["eth_getUncleCountByBlockHash", [it.in], is("0x0")],
  ["eth_getUncleCountByBlockNumber", [it.at], is("0x0")],
  ["eth_maxPriorityFeePerGas", [], quantity],
  ["eth_mining", [], is(false)],
  ["eth_newBlockFilter", [], quantity],
  ["eth_newFilter", [logs], quantity],
  ["eth_newPendingTransactionFilter", [], quantity],
  ["eth_sendRawTransaction", async () => [await raw()], hash],
  ["eth_sendRawTransactionConditional", async () => [await raw(), {}], hash],
  ["eth_sendRawTransactionSync", async () => [await raw()], receipt],
  ["eth_sendTransaction", [transfer], hash],
  ["eth_signTransaction", [{ ...transfer, nonce: "0x9", maxFeePerGas: "0x174876e800", maxPriorityFeePerGas: "0x1" }], has({ raw: hex, tx: has({ hash, nonce: is("0x9"), r: hex }) })],
  ["eth_simulateV1", [{ blockStateCalls: [{ calls: [call] }] }, "latest"], all(has({ calls: all(has({ status: is("0x1") })) }))],
  ["eth_syncing", [], is(false)],
  ["eth_uninstallFilter", async () => [await filter("eth_newBlockFilter")], is(true)],
  ["net_listening", [], is(true)],
  ["net_peerCount", [], is("0x0")],
  ["net_version", [], is("901")],
  ["rpc.discover", [], has({ openrpc: text, methods: all(has({ name: text, params: some(has({ name: text, schema: any })) })) })],
  ["web3_clientVersion", [], shape(/^weft\//i, "a version")],
  ["web3_sha3", ["0x"], is(keccak256("0x"))],
  ["txpool_content", [], has({ pending: any, queued: any })],
  ["txpool_contentFrom", [owner.address], has({ pending: any, queued: any })],
  ["txpool_inspect", [], has({ pending: any, queued: any })],
  ["txpool_status", [], has({ pending: quantity, queued: quantity })],
  ["debug_executionWitness", [it.at], has({ state: any, codes: any })],
  ["debug_getRawBlock", [it.at], shape(/^0xf9/, "a block")],
  ["debug_getRawHeader", [it.at], (raw) => keccak256(raw) === it.in],
  ["debug_getRawReceipts", [it.at], all(hex)],
  ["debug_getRawTransaction", [it.tx], (raw) => keccak256(raw) === it.tx],
  ["debug_traceBlockByHash", [it.in, caller], all(has({ result: trace }))],
  ["debug_traceBlockByNumber", [it.at, caller], all(has({ result: trace }))],
  ["debug_traceCall", [call, "latest", caller], trace],
  ["debug_traceTransaction", [it.tx, caller], trace],
  ["ots_getApiLevel", [], is(8)],
  ["ots_getBlockDetails", [it.at], has({ block: any, issuance: any, totalFees: any })],
  ["ots_getBlockDetailsByHash", [it.in], has({ block: any, issuance: any, totalFees: any })],
  ["ots_getBlockTransactions", [it.at, 0, 10], has({ fullblock: any, receipts: all(any) })],
  ["ots_getContractCreator", [it.weth], has({ hash: is(it.created), creator: (who) => who.toLowerCase() === owner.address.toLowerCase() })],
  ["ots_getInternalOperations", [it.tx], some(any)],
  ["ots_getTransactionBySenderAndNonce", [owner.address, 0], is(it.created)],
  ["ots_getTransactionError", [it.tx], is("0x")],
  ["ots_hasCode", [it.weth, "latest"], is(true)],
  ["ots_searchTransactionsAfter", [user.address, 0, 10], has({ txs: all(transaction), receipts: all(any) })],
  ["ots_searchTransactionsBefore", [user.address, 0, 10], has({ txs: all(transaction), receipts: all(any) })],
  ["ots_traceTransaction", [it.tx], all(has({ type: text, depth: any }))],
  ["weft_chains", [], has({ bridge: address, chains: all(has({ chainId: Number.isInteger, url: text, available: is(true) })) })],
  ["weft_committee", [], has({ coming: any, delaySquarings: Number.isInteger, domain: any })],
  ["weft_escrow", [], all(has({ chainId: Number.isInteger, token: address, balance: quantity }))],
  ["weft_getBundle", [it.bundle], has({ legs: all(any) })],
  ["weft_getEpoch", [], has({ epoch: Number.isInteger, keyList: hash, members: all(Number.isInteger), feeVault: address })],
  ["weft_getEpochNotice", [], has({ epoch: Number.isInteger, keyList: hash, signature: any, encoding: hex })],
  ["weft_getOrderOpening", [slot, "plaintext", 0], has({ siblings: some(hash), encoding: hex, commitment: any })],
  ["weft_getOutcome", [it.bundle], has({ outcome: is("included"), position })],
  ["weft_getPromise", [it.tx], has({ order: any, execution: any })],
  ["weft_getPromiseKey", [], has({ key: any })],
  ["weft_getProxy", [it.weth, B], has({ address, deployed: flag })],
  ["weft_getSlotCommitment", [slot], has({ slot: is(slot), root: hash, encoding: hex })],
  ["weft_getSlotRecord", [slot], has({ slot: is(slot), hash, header: hex, record: hex })],
  ["weft_getSlots", [1], has({ from: is(1), count: Number.isInteger, slots: hex, checkpoint: hex })],
  ["weft_getThread", [it.bundle], has({ hops: all(has({ kind: text, from: Number.isInteger, to: Number.isInteger, thread: hash })) })],
  ["weft_health", [], has({ ok: is(true) })],
  ["weft_keyList", [], has({ id: hash, list: hex, setup: hex })],
  ["weft_prepareBundle", [{ legs: [{ chainId: A, from: user.address, to: friend.address, value: "0x1", data: "0x" }] }], has({ bundleId: hash, legs: all(has({ data: hex })) })],
  ["weft_sendBundle", async () => [await leg()], has({ bundleId: hash, txHashes: all(hash) })],
  ["eth_sendBundle", async () => [{ txs: [await raw()] }], has({ bundleHash: hash })],
  ["weft_simulate", [{ [A]: { blockStateCalls: [{ calls: [call] }] } }], has({ "0x385": all(has({ calls: all(has({ status: is("0x1") })) })) })],
  ["weft_simulateBundle", async () => [await leg()], has({ included: is(true), legs: all(has({ success: is(true) })) })],
  // From here on what a development node lets everybody do to its realm.
  ["anvil_setBalance", [it.weth, "0x1"], done],
  ["hardhat_setBalance", [it.weth, toHex(parseEther("1"))], done],
  ["anvil_setCode", [friend.address, "0x00"], done],
  ["hardhat_setCode", [friend.address, "0x"], done],
  ["anvil_setNonce", [accounts[8].address, "0x7"], done],
  ["hardhat_setNonce", [accounts[8].address, "0x8"], done],
  ["anvil_setStorageAt", [it.weth, "0x63", toHex(1, { size: 32 })], done],
  ["hardhat_setStorageAt", [it.weth, "0x63", toHex(2, { size: 32 })], done],
  ["anvil_snapshot", [], quantity],
  ["evm_snapshot", [], quantity],
  ["anvil_revert", async () => [await home.rpc("evm_snapshot")], is(true)],
  ["evm_revert", async () => [await home.rpc("evm_snapshot")], is(true)],
  ["anvil_impersonateAccount", [it.weth], done],
  ["anvil_stopImpersonatingAccount", [it.weth], done],
  ["hardhat_impersonateAccount", [it.weth], done],
  ["hardhat_stopImpersonatingAccount", [it.weth], done],
  ["anvil_autoImpersonateAccount", [false], done],
  ["anvil_getAutomine", [], is(true)],
  ["hardhat_getAutomine", [], is(true)],
  ["anvil_setAutomine", [false], done],
  ["evm_setAutomine", [true], done],
  ["anvil_setIntervalMining", [1], done],
  ["anvil_getIntervalMining", [], is(1)],
  ["evm_setIntervalMining", [200], done],
  ["anvil_dropTransaction", [it.tx], nothing],
  ["hardhat_dropTransaction", [it.tx], nothing],
  ["anvil_setNextBlockBaseFeePerGas", ["0x3b9aca00"], nothing],
  ["hardhat_setNextBlockBaseFeePerGas", ["0x3b9aca00"], nothing],
  ["anvil_nodeInfo", [], has({ currentBlockNumber: any })],
  ["hardhat_metadata", [], has({ chainId: any })],
  ["anvil_increaseTime", [10], or(Number.isInteger, quantity)],
  ["evm_increaseTime", [10], or(Number.isInteger, quantity)],
  ["anvil_mine", [2], nothing],
  ["hardhat_mine", ["0x2"], done],
  ["evm_mine", [], or(quantity, is("0x0"), is("0"))],
  ["anvil_setNextBlockTimestamp", async () => [await later(100)], done],
  ["evm_setNextBlockTimestamp", async () => [await later(1_000)], done],
  ["anvil_dumpState", [], or(hex, has({ chains: any }))],
  ["anvil_loadState", async () => [await home.rpc("anvil_dumpState")], is(true)],
  ["weft_dumpState", [], has({ chains: all(has({ accounts: any })) })],
  ["weft_loadState", async () => [await home.rpc("weft_dumpState")], done],
];

async function later(seconds) {
  const { timestamp } = await home.client.getBlock();
  return Number(timestamp) + 10_000 + seconds;
}

test("every method that is described has a row, and none twice", async () => {
  const { methods } = await home.rpc("rpc.discover");
  const named = [...ROWS.map(([method]) => method), ...ELSEWHERE];
  assert.deepEqual(named.toSorted(), methods.map(({ name }) => name).toSorted());
});

test("every method answers as its row says", async (t) => {
  for (const [method, params, check] of ROWS) {
    await t.test(method, async () => {
      const on = OF_SEALING.includes(method) ? sealing : home;
      const answer = await on.rpc(method, ...(Array.isArray(params) ? params : await params()));
      assert.ok(check(answer), `${method}: ${JSON.stringify(answer)?.slice(0, 600)}`);
    });
  }
});
