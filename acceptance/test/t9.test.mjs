// T9: whoever withdraws from the published WETH9 across rollups gets the ether home, though WETH9 pays with 2,300 gas.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAbi, parseEther } from "viem";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { MANAGER, MULTICALL3, Manager, WETH9 } from "../lib/code.mjs";
import { A, B, devnet } from "../lib/devnet.mjs";
import { Ledger, etherEscrow, inboundReceipts } from "../lib/invariants.mjs";

const ETHER = parseEther("1");
const multicall = {
  abi: parseAbi([
    "struct Call { address target; bool allowFailure; uint256 value; bytes callData; }",
    "struct Result { bool success; bytes returnData; }",
    "function aggregate3Value(Call[] calls) payable returns (Result[])",
  ]),
};

const [owner, user] = accounts;
const chain = chains(await devnet());
const weth = await chain[B].deploy(owner, WETH9);
await chain[B].done(weth.hash);
await chain[A].done(chain[A].call(owner, MANAGER, Manager, "createCrossChainProxy", [weth.address, BigInt(B)]));
const proxy = await chain[A].read(MANAGER, Manager, "computeCrossChainProxyAddress", weth.address, BigInt(B));
const proxies = await Promise.all([proxyOnB(user.address), proxyOnB(MULTICALL3)]);
const ledger = new Ledger(chain);

test("an account deposits and withdraws across rollups", async () => {
  const mark = await ledger.mark();
  const escrow = await etherEscrow(chain[A]);
  const before = await chain[A].balance(user.address);

  const deposit = await chain[A].done(chain[A].call(user, proxy, WETH9, "deposit", [], { value: ETHER }));
  assert.equal(await chain[B].read(weth.address, WETH9, "balanceOf", proxies[0]), ETHER);
  assert.equal(await chain[B].balance(weth.address), ETHER);
  const moved = await etherEscrow(chain[A]);
  assert.deepEqual([moved[A] - escrow[A], moved[B] - escrow[B]], [-ETHER, ETHER]);
  await ledger.conserved(mark);

  const withdrawal = await chain[A].done(chain[A].call(user, proxy, WETH9, "withdraw", [ETHER]));
  assert.equal(await chain[A].balance(user.address), before - fee(deposit) - fee(withdrawal));
  assert.equal(await chain[B].balance(weth.address), 0n);
  assert.equal(await chain[B].balance(proxies[0]), 0n);
  assert.deepEqual(await etherEscrow(chain[A]), escrow);
  const [there] = await inboundReceipts(chain, A, withdrawal, [B]);
  assert.deepEqual(there.logs.map(({ address }) => address), [weth.address.toLowerCase()]);
  await ledger.conserved(mark);
});

test("a contract deposits and withdraws within one transaction, and the ether comes home to it", async () => {
  const mark = await ledger.mark();
  const calls = [
    { target: proxy, allowFailure: false, value: ETHER, callData: encode(WETH9, "deposit") },
    { target: proxy, allowFailure: false, value: 0n, callData: encode(WETH9, "withdraw", [ETHER]) },
  ];
  const receipt = await chain[A].done(
    chain[A].call(user, MULTICALL3, multicall, "aggregate3Value", [calls], { value: ETHER }),
  );
  assert.equal(await chain[A].balance(MULTICALL3), ETHER);
  assert.equal(await chain[B].balance(proxies[1]), 0n);
  assert.equal(await chain[B].read(weth.address, WETH9, "totalSupply"), 0n);
  await inboundReceipts(chain, A, receipt, [B]);
  await ledger.conserved(mark);
});

test("withdrawing more than was deposited reverts and moves nothing", async () => {
  const mark = await ledger.mark();
  const receipt = await chain[A].receipt(await chain[A].call(user, proxy, WETH9, "withdraw", [ETHER]));
  assert.equal(receipt.status, "reverted");
  await ledger.untouched(mark, { [A]: [user.address] });
  await ledger.conserved(mark);
});

function proxyOnB(original) {
  return chain[B].read(MANAGER, Manager, "computeCrossChainProxyAddress", original, BigInt(A));
}

function fee({ gasUsed, effectiveGasPrice }) {
  return gasUsed * effectiveGasPrice;
}
