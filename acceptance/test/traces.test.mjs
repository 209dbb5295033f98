// Traces: a call through a proxy shows what it did on the other rollup; a simulation tells the same beforehand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { numberToHex, parseEther } from "viem";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { MANAGER, Manager, WETH9 } from "../lib/code.mjs";
import { A, B, devnet } from "../lib/devnet.mjs";
import { inboundReceipts } from "../lib/invariants.mjs";

const ETHER = parseEther("1");
const TRACER = { tracer: "callTracer" };

const [owner, user] = accounts;
const chain = chains(await devnet());
const weth = await chain[B].deploy(owner, WETH9);
await chain[B].done(weth.hash);
await chain[A].done(chain[A].call(owner, MANAGER, Manager, "createCrossChainProxy", [weth.address, BigInt(B)]));
const proxy = await chain[A].read(MANAGER, Manager, "computeCrossChainProxyAddress", weth.address, BigInt(B));
const sender = await chain[B].read(MANAGER, Manager, "computeCrossChainProxyAddress", user.address, BigInt(A));

const frames = (frame) => [frame, ...(frame.calls ?? []).flatMap(frames)];
const lower = (address) => address.toLowerCase();

test("a simulated deposit is what the deposit does", async () => {
  const call = { account: user.address, to: proxy, value: ETHER, data: encode(WETH9, "deposit"), gas: 3_000_000n };
  const [block] = await chain[A].client.simulateBlocks({ blocks: [{ calls: [call] }], traceTransfers: true });
  const [{ gasUsed, status, logs }] = block.calls;
  assert.equal(status, "success");
  assert.deepEqual(logs.map(({ address }) => address)[0], "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
  const receipt = await chain[A].done(chain[A].call(user, proxy, WETH9, "deposit", [], { value: ETHER }));
  assert.equal(receipt.gasUsed, gasUsed);
});

test("the call tree shows the deposit on the other rollup", async () => {
  const receipt = await chain[A].done(chain[A].call(user, proxy, WETH9, "deposit", [], { value: ETHER }));
  const tree = await chain[A].rpc("debug_traceTransaction", receipt.transactionHash, TRACER);
  assert.equal(BigInt(tree.gasUsed), receipt.gasUsed);
  assert.deepEqual([tree.from, tree.to], [user.address, proxy].map(lower));
  const there = frames(tree).filter(({ chainId }) => chainId === numberToHex(B));
  const deposit = there.find(({ to }) => to === lower(weth.address));
  assert.deepEqual([deposit.from, deposit.value, deposit.input], [lower(sender), numberToHex(ETHER), encode(WETH9, "deposit")]);

  const [inbound] = await inboundReceipts(chain, A, receipt, [B]);
  const system = await chain[B].rpc("debug_traceTransaction", inbound.transactionHash, TRACER);
  assert.equal(BigInt(system.gasUsed), BigInt(inbound.gasUsed));
  const own = frames(system).find(({ to }) => to === lower(weth.address));
  assert.equal(own.chainId, undefined);
});

test("a call tree can be had without sending", async () => {
  const call = { from: user.address, to: proxy, data: encode(WETH9, "withdraw", [ETHER]) };
  const tree = await chain[A].rpc("debug_traceCall", call, "latest", TRACER);
  const back = frames(tree).filter(({ to, value }) => to === lower(sender) && value === numberToHex(ETHER));
  assert.equal(back.length, 1);
  assert.equal(back[0].chainId, numberToHex(B));
});
