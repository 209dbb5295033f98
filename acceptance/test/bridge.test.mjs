// Tokens of the Bridge predeploy: locked where they are native, minted elsewhere, never more out than in (P24).
import assert from "node:assert/strict";
import { test } from "node:test";
import { maxUint256, parseEther } from "viem";
import { accounts, chains } from "../lib/chain.mjs";
import { BRIDGE, Bridge, CrossChainToken, WETH9 } from "../lib/code.mjs";
import { A, B, C, devnet } from "../lib/devnet.mjs";
import { Ledger, etherEscrow, inboundReceipts } from "../lib/invariants.mjs";

const AMOUNT = parseEther("7");

const [owner, user] = accounts;
const chain = chains(await devnet());
const weth = await chain[A].deploy(owner, WETH9);
await chain[A].done(weth.hash);
await chain[A].done(chain[A].call(user, weth.address, WETH9, "deposit", [], { value: AMOUNT }));
await chain[A].done(chain[A].call(user, weth.address, WETH9, "approve", [BRIDGE, maxUint256]));
const wrapped = await chain[B].read(BRIDGE, Bridge, "wrappedTokenAddress", A, weth.address);
const ledger = new Ledger(chain);

test("the published WETH9 of A goes to B, on to C, and home", async () => {
  const mark = await ledger.mark();
  const steps = [
    { from: A, to: B, token: weth.address, held: { [A]: AMOUNT, [B]: AMOUNT, [C]: 0n } },
    { from: B, to: C, token: wrapped, held: { [A]: AMOUNT, [B]: 0n, [C]: AMOUNT } },
    { from: C, to: A, token: wrapped, held: { [A]: 0n, [B]: 0n, [C]: 0n } },
  ];
  for (const { from, to, token, held } of steps) {
    const args = [BigInt(to), token, user.address, AMOUNT];
    const receipt = await chain[from].done(chain[from].call(user, BRIDGE, Bridge, "bridgeToken", args));
    await inboundReceipts(chain, from, receipt, [to]);
    assert.equal(await chain[A].read(weth.address, WETH9, "balanceOf", BRIDGE), held[A]);
    for (const id of [B, C]) {
      assert.equal(await supply(id), held[id], `supply on ${id}`);
      assert.equal(await escrowed(id), held[id], `escrow of ${id}`);
    }
    await ledger.conserved(mark);
  }
  assert.equal(await chain[A].read(weth.address, WETH9, "balanceOf", user.address), AMOUNT);
  assert.equal(await chain[B].read(wrapped, CrossChainToken, "name"), "Wrapped Ether");
});

test("what a rollup does not hold it cannot send", async () => {
  const mark = await ledger.mark();
  const args = [BigInt(A), wrapped, user.address, 1n];
  const receipt = await chain[B].receipt(await chain[B].call(user, BRIDGE, Bridge, "bridgeToken", args));
  assert.equal(receipt.status, "reverted");
  await ledger.untouched(mark, { [B]: [user.address] });
});

test("ether crosses the bridge, and escrow with it", async () => {
  const mark = await ledger.mark();
  const escrow = await etherEscrow(chain[A]);
  const target = "0x00000000000000000000000000000000000000e1";
  const args = [BigInt(C), target];
  await chain[A].done(chain[A].call(user, BRIDGE, Bridge, "bridgeEther", args, { value: AMOUNT }));
  assert.equal(await chain[C].balance(target), AMOUNT);
  const moved = await etherEscrow(chain[A]);
  assert.deepEqual([moved[A] - escrow[A], moved[C] - escrow[C]], [-AMOUNT, AMOUNT]);
  await ledger.conserved(mark);
});

async function supply(id) {
  const code = await chain[id].client.getCode({ address: wrapped, blockTag: "pending" });
  return code ? chain[id].read(wrapped, CrossChainToken, "totalSupply") : 0n;
}

async function escrowed(id) {
  const entries = await chain[id].rpc("weft_escrow", id);
  const entry = entries.find(({ tokenNetwork, token }) => tokenNetwork === A && BigInt(token) === BigInt(weth.address));
  return BigInt(entry?.balance ?? 0);
}
