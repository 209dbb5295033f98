// Requests that cannot be served: standard codes, clear messages, and errors that stock clients recognise.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FeeCapTooLowError,
  InsufficientFundsError,
  NonceTooLowError,
  decodeErrorResult,
  encodeErrorResult,
  parseEther,
  parseTransaction,
  serializeTransaction,
} from "viem";
import { bundleId, markedLegs, outcome, plainLegs, sendBundle } from "../lib/bundle.mjs";
import { account, accounts, chains, encode } from "../lib/chain.mjs";
import { Counter, MANAGER, Manager, Status } from "../lib/code.mjs";
import { A, B, C, CHAIN_IDS, RpcError, devnet, post } from "../lib/devnet.mjs";

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INVALID_INPUT = -32000;
const REJECTED = -32003;
const EXECUTION_REVERTED = 3;
const NOWHERE = 999;
const BUNDLE_ERRORS = {
  DuplicateBundle: -38001,
  BundleTooLarge: -38002,
  Contradictory: -38003,
  Replayed: -38004,
  UnknownRollup: -38005,
  WrongChainId: -38006,
  UnknownBundle: -38007,
  LevelUnavailable: -38010,
  EmptyBundle: -38011,
  NonceTooHigh: -38013,
};

const [owner, user, friend] = accounts;
const chain = chains(await devnet());
const counter = await chain[B].deploy(owner, Counter);
await chain[B].done(counter.hash);
const transfer = { to: friend.address, value: 1n, gas: 21_000n };

test("a request that is not JSON-RPC", async () => {
  const errors = [
    ["{", PARSE_ERROR],
    ["", PARSE_ERROR],
    ["[]", INVALID_REQUEST],
    ['{"jsonrpc":"2.0","id":1}', INVALID_REQUEST],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_noSuchMethod","params":[]}', METHOD_NOT_FOUND],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["0x12","latest"]}', INVALID_PARAMS],
    ['{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[]}', INVALID_PARAMS],
    ['{"jsonrpc":"2.0","id":1,"method":"weft_getOutcome","params":[7]}', INVALID_PARAMS],
  ];
  for (const [text, code] of errors) {
    const { body } = await post(chain[A].url, text);
    assert.equal(body?.error?.code, code, `${text} -> ${JSON.stringify(body)}`);
    assert.ok(body.error.message.length > 0);
  }
});

test("bytes that are no transaction", async () => {
  for (const raw of ["0x", "0x00", "0xdeadbeef", "0x02c0", "0x7f0102"]) {
    await refuses(sendRaw(A, raw), /transaction|decod|rlp/i);
  }
  const raw = await chain[A].sign(user, { ...transfer, nonce: 0 });
  await refuses(sendRaw(A, `${raw}00`), /decod|trailing|rlp|length/i);
  await refuses(sendRaw(A, "0xzz"), /./, [INVALID_PARAMS]);
});

test("a signature for another chain", async () => {
  for (const id of CHAIN_IDS) {
    const raw = await user.signTransaction({ ...transfer, chainId: NOWHERE, nonce: 0, gasPrice: 10n ** 10n });
    await refuses(sendRaw(id, raw), new RegExp(`chain id.*${NOWHERE}|${NOWHERE}.*chain id`, "i"));
  }
});

test("a signature that belongs to nobody", async () => {
  const raw = await chain[A].sign(user, { ...transfer, nonce: 0 });
  const { r, s, yParity, ...transaction } = parseTransaction(raw);
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const hex = (value) => `0x${value.toString(16).padStart(64, "0")}`;
  const broken = [
    { r: hex(0n), s, yParity },
    { r, s: hex(0n), yParity },
    { r: hex(order), s, yParity },
    // EIP-2: the other s of the same signature.
    { r, s: hex(order - BigInt(s)), yParity: 1 - yParity },
  ];
  for (const signature of broken) {
    await refuses(sendRaw(A, serializeTransaction(transaction, signature)), /signature/i);
  }
});

test("nonces, fees and funds that viem recognises", async () => {
  const cases = [
    [{ nonce: 0 }, NonceTooLowError],
    [{ maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }, FeeCapTooLowError],
    [{ value: parseEther("20000") }, InsufficientFundsError],
  ];
  const wallet = chain[A].wallet(user);
  await chain[A].done(wallet.sendTransaction(transfer));
  for (const [change, kind] of cases) {
    const request = wallet.sendTransaction({ ...transfer, ...change });
    await assert.rejects(request, (error) => {
      assert.ok(error.walk((cause) => cause instanceof kind), `${kind.name}: ${error.details}`);
      return true;
    });
  }
});

test("a transaction ahead of its nonce waits and is executed when the gap closes", async () => {
  const nonce = await chain[C].client.getTransactionCount({ address: user.address, blockTag: "pending" });
  const ahead = await sendRaw(C, await chain[C].sign(user, { ...transfer, nonce: nonce + 1 }));
  await chain[C].done(chain[C].wallet(owner).sendTransaction(transfer));
  assert.equal(await chain[C].rpc("eth_getTransactionReceipt", ahead), null);
  assert.equal((await chain[C].rpc("eth_getTransactionByHash", ahead)).blockHash, null);
  await sendRaw(C, await chain[C].sign(user, { ...transfer, nonce }));
  await chain[C].done(ahead);
});

test("an account without ether", async () => {
  const raw = await chain[A].sign(account(77), { ...transfer, nonce: 0 });
  await refuses(sendRaw(A, raw), /insufficient funds/i);
});

test("a transaction sent twice", async () => {
  const nonce = await chain[C].client.getTransactionCount({ address: user.address, blockTag: "pending" });
  const raw = await chain[C].sign(user, { ...transfer, nonce });
  const hash = await sendRaw(C, raw);
  await refuses(sendRaw(C, raw), /already known|nonce too low/i);
  await chain[C].done(hash);
  await refuses(sendRaw(C, raw), /already known|nonce too low/i);
});

test("transactions that are too large", async () => {
  const nonce = await chain[A].client.getTransactionCount({ address: user.address, blockTag: "pending" });
  const sign = (draft) => chain[A].sign(user, { nonce, ...draft });
  const oversized = await sign({ to: friend.address, data: `0x${"00".repeat(128 * 1024)}`, gas: 10_000_000n });
  await refuses(sendRaw(A, oversized), /over the limit|oversized|too large/i);
  const code = await sign({ data: `0x${"00".repeat(49_153)}`, gas: 10_000_000n });
  await refuses(sendRaw(A, code), /init ?code/i);
  const gas = await sign({ to: friend.address, gas: 100_000_000n });
  await refuses(sendRaw(A, gas), /gas limit|gas cap|exceeds/i);
  const tooLittle = await sign({ to: friend.address, gas: 20_999n });
  await refuses(sendRaw(A, tooLittle), /intrinsic gas/i);
});

test("blob transactions", async () => {
  const raw = serializeTransaction(
    {
      type: "eip4844",
      chainId: A,
      to: friend.address,
      blobVersionedHashes: [`0x01${"00".repeat(31)}`],
      maxFeePerBlobGas: 1n,
      maxFeePerGas: 10n ** 10n,
    },
    { r: `0x${"11".repeat(32)}`, s: `0x${"11".repeat(32)}`, yParity: 0 },
  );
  await refuses(sendRaw(A, raw), /blob|type 3|decod/i);
});

test("bundles with a fault of form", async () => {
  const nonces = {};
  for (const id of [A, B]) nonces[id] = await chain[id].client.getTransactionCount({ address: user.address });
  const draft = (id) => ({ ...transfer, chain: chain[id], account: user, nonce: nonces[id], gas: 100_000n });
  const [plainA, plainB] = await plainLegs([draft(A), draft(B)]);
  const { legs: markedBoth } = await markedLegs([draft(A), draft(B)]);
  const { legs: markedAlone } = await markedLegs([draft(A)]);
  const { legs: salted } = await markedLegs([draft(A), draft(B)], { salt: `0x${"01".repeat(32)}` });
  const many = await plainLegs(Array.from({ length: 65 }, (_, index) => ({ ...draft(A), nonce: nonces[A] + index })));
  const faults = [
    [[], "EmptyBundle"],
    [[plainA, plainA], "Contradictory"],
    [many, "BundleTooLarge"],
    [[markedBoth[0], plainB], "Contradictory"],
    [[markedBoth[0]], "Contradictory"],
    [[markedBoth[1], markedBoth[0]], "Contradictory"],
    [[...markedAlone, markedBoth[1]], "Contradictory"],
    [salted, "Contradictory"],
    [[{ ...plainA, chainId: NOWHERE }], "UnknownRollup"],
    [[{ ...plainA, chainId: 0 }], "UnknownRollup"],
    [[{ ...plainA, chainId: B }], "WrongChainId"],
  ];
  for (const [legs, name] of faults) await refusesNamed(sendBundle(chain[A], legs), name);
  await refuses(sendBundle(chain[A], [{ ...plainA, raw: "0xdeadbeef" }]), /decod/i);
  await refusesNamed(sendBundle(chain[A], [plainA], { level: "cryptographic" }), "LevelUnavailable");
  await refusesNamed(sendRaw(A, markedBoth[0].raw), "UnknownBundle");
  await refuses(chain[A].rpc("weft_sendBundle", { legs: "no" }), /./, [INVALID_PARAMS]);
  await refuses(chain[A].rpc("weft_sendBundle"), /./, [INVALID_PARAMS]);
  assert.equal(await chain[A].rpc("weft_getOutcome", bundleId([])), null);
});

test("a bundle sent twice", async () => {
  const { id, legs } = await markedLegs([{ ...transfer, chain: chain[B], account: friend, gas: 100_000n }]);
  await sendBundle(chain[A], legs);
  assert.equal((await outcome(chain[A], id)).outcome, "included");
  await refusesNamed(sendBundle(chain[A], legs), "Replayed");
});

test("a bundle leg ahead of its nonce is refused", async () => {
  const nonce = await chain[B].client.getTransactionCount({ address: user.address, blockTag: "pending" });
  const legs = await plainLegs([{ ...transfer, chain: chain[B], account: user, nonce: nonce + 3 }]);
  await refusesNamed(sendBundle(chain[A], legs), "NonceTooHigh");
});

test("a bundle leg that cannot start when its turn comes is removed as invalid, and says why", async () => {
  const account = accounts[8];
  const all = { chain: chain[B], account, to: friend.address, value: parseEther("6000"), gas: 21_000n };
  const { bundleId: id } = await sendBundle(chain[A], await plainLegs([all, all]));
  const known = await outcome(chain[A], id);
  assert.deepEqual([known.outcome, known.cause, known.chainId, known.leg], ["removed", "Invalid", B, 1]);
  assert.equal(known.invalid, "insufficientFunds");
  assert.match(known.reason, /funds/i);
});

test("a call that leaves the realm", async () => {
  const args = [counter.address, BigInt(NOWHERE)];
  await chain[A].done(chain[A].call(owner, MANAGER, Manager, "createCrossChainProxy", args));
  const proxy = await chain[A].read(MANAGER, Manager, "computeCrossChainProxyAddress", ...args);
  const notProvisioned = encodeErrorResult({ abi: Manager.abi, errorName: "NotProvisioned", args: [BigInt(NOWHERE)] });
  const call = { to: proxy, data: encode(Counter, "increment") };
  await assert.rejects(chain[A].rpc("eth_call", call, "latest"), {
    code: EXECUTION_REVERTED,
    data: notProvisioned,
    reason: /execution reverted/,
  });
  await assert.rejects(chain[A].rpc("eth_estimateGas", call), { code: EXECUTION_REVERTED, data: notProvisioned });
  const [status] = await chain[A].read(MANAGER, Manager, "tryStaticCall", BigInt(NOWHERE), counter.address, "0x");
  assert.equal(status, Status.NotProvisioned);
  const own = encode(Manager, "createCrossChainProxy", [proxy, BigInt(A)]);
  await assert.rejects(
    chain[A].rpc("eth_call", { to: MANAGER, data: own }, "latest"),
    ({ data }) => decodeErrorResult({ abi: Manager.abi, data }).errorName === "SameNetwork",
  );
});

test("revert data of another rollup reaches the caller as it is", async () => {
  const args = [counter.address, BigInt(B)];
  await chain[A].done(chain[A].call(owner, MANAGER, Manager, "createCrossChainProxy", args));
  const proxy = await chain[A].read(MANAGER, Manager, "computeCrossChainProxyAddress", ...args);
  await assert.rejects(chain[A].rpc("eth_call", { to: proxy, data: encode(Counter, "incrementAndRevert") }, "latest"), {
    code: EXECUTION_REVERTED,
    data: encodeErrorResult({ abi: Counter.abi, errorName: "Refused", args: [1n] }),
  });
});

test("the node still serves after all that", async () => {
  for (const id of CHAIN_IDS) await chain[id].done(chain[id].wallet(owner).sendTransaction(transfer));
});

function sendRaw(id, raw) {
  return chain[id].rpc("eth_sendRawTransaction", raw);
}

async function refuses(request, message, codes = [INVALID_INPUT, INVALID_PARAMS, REJECTED]) {
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof RpcError, String(error));
    assert.match(error.reason, message);
    assert.ok(codes.includes(error.code), `code ${error.code} of "${error.reason}"`);
    return true;
  });
}

async function refusesNamed(request, name) {
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof RpcError, String(error));
    assert.deepEqual([error.data?.name, error.code], [name, BUNDLE_ERRORS[name]], error.message);
    return true;
  });
}
