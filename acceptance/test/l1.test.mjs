// Ether and a token between L1 and a rollup with nothing but viem and the bridge's standard ABI: `bridgeAsset` on both sides,
// `claimAsset` on L1. Nobody starts anything but `weft dev`: its L1, its poster and its attester are in its process.
import assert from "node:assert/strict";
import { test } from "node:test";
import { maxUint256, parseEther, zeroAddress } from "viem";
import { Chain, accounts, chains } from "../lib/chain.mjs";
import { BRIDGE, Bridge, CrossChainToken, Hub, L1Bridge, WETH9 } from "../lib/code.mjs";
import { A, CHAIN_IDS, devnetOnL1, until } from "../lib/devnet.mjs";
import { claimOf, exitOf, leafOf, path } from "../lib/exits.mjs";

const AMOUNT = parseEther("5");
const PART = parseEther("2");
const PATIENCE_MS = 120_000;
const TARGET = "0x00000000000000000000000000000000000000e7";

const user = accounts[3];
const devnet = await devnetOnL1();
const chain = chains(devnet);
const l1 = new Chain(devnet.l1.chainId, devnet.l1.url);
const { bridge, hub } = devnet.l1;
const id = await until("the rollup is registered", registered, PATIENCE_MS);
const exits = [];

test("the L1 is an ordinary chain with the bridge on it", async () => {
  assert.equal(Number(await l1.rpc("eth_chainId")), devnet.l1.chainId);
  // The genesis balances of the rollup are backed by ether in the bridge.
  assert.equal(await l1.read(bridge, L1Bridge, "escrowOf", A, 0, zeroAddress), 10n * parseEther("10000"));
});

test("ether goes to a rollup and comes home", async () => {
  const args = [A, TARGET, AMOUNT, zeroAddress, true, "0x"];
  await l1.done(l1.call(user, bridge, L1Bridge, "bridgeAsset", args, { value: AMOUNT }));
  await until("the deposit is there", async () => same(await chain[A].balance(TARGET), AMOUNT), PATIENCE_MS);

  const back = [0, TARGET, PART, zeroAddress, false, "0x"];
  const receipt = await chain[A].done(
    chain[A].call(user, BRIDGE, Bridge, "bridgeAsset", back, { value: PART }),
  );
  await claim(exitOf(receipt));
  assert.equal(await l1.balance(TARGET), PART);
});

test("a token of L1 goes to a rollup and comes home", async () => {
  const weth = await l1.deploy(user, WETH9);
  await l1.done(weth.hash);
  await l1.done(l1.call(user, weth.address, WETH9, "deposit", [], { value: AMOUNT }));
  await l1.done(l1.call(user, weth.address, WETH9, "approve", [bridge, maxUint256]));
  const args = [A, user.address, AMOUNT, weth.address, true, "0x"];
  await l1.done(l1.call(user, bridge, L1Bridge, "bridgeAsset", args));
  const wrapped = await chain[A].read(BRIDGE, Bridge, "wrappedTokenAddress", 0, weth.address);
  const held = async () => {
    const code = await chain[A].client.getCode({ address: wrapped, blockTag: "pending" });
    return code ? chain[A].read(wrapped, CrossChainToken, "balanceOf", user.address) : 0n;
  };
  await until("the token is there", async () => same(await held(), AMOUNT), PATIENCE_MS);

  const back = [0, TARGET, PART, wrapped, false, "0x"];
  const receipt = await chain[A].done(chain[A].call(user, BRIDGE, Bridge, "bridgeAsset", back));
  assert.equal(await held(), AMOUNT - PART);
  await claim(exitOf(receipt));
  assert.equal(await l1.read(weth.address, WETH9, "balanceOf", TARGET), PART);
  assert.equal(await l1.read(weth.address, WETH9, "balanceOf", bridge), AMOUNT - PART);
});

/** Waits until L1 has settled an exit, claims it, and sees that nobody can do that twice. */
async function claim(exit) {
  exits.push(exit);
  const { root } = path(exits.map(leafOf), 0);
  assert.equal(await chain[A].read(BRIDGE, Bridge, "getRoot"), root);
  const settled = async () => same(await l1.read(bridge, L1Bridge, "exitRootOf", id), root);
  await until("the exit is settled", settled, PATIENCE_MS);
  const args = await claimOf(l1, bridge, id, CHAIN_IDS.length, exits, exit);
  await l1.done(l1.call(user, bridge, L1Bridge, "claimAsset", args));
  const again = await l1.receipt(await l1.call(user, bridge, L1Bridge, "claimAsset", args));
  assert.equal(again.status, "reverted");
}

async function registered() {
  if (!(await l1.client.getCode({ address: hub }))) return null;
  const number = await l1.read(hub, Hub, "idOf", A);
  return number === 0 ? null : number;
}

function same(found, expected) {
  return found === expected ? found : null;
}
