// S3: 25,000 TUSDC are burned on A and minted on B by one signature.
import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, encodeErrorResult, numberToHex } from "viem";
import { outcome, plainLegs, sendBundle } from "../lib/bundle.mjs";
import { accounts, chains, encode } from "../lib/chain.mjs";
import { CrossChainToken, MANAGER, Manager, RESERVED, Status } from "../lib/code.mjs";
import { A, B, C, CHAIN_IDS, RpcError, devnet } from "../lib/devnet.mjs";
import { Ledger, inboundReceipts } from "../lib/invariants.mjs";
import { tusdc } from "../lib/market.mjs";

const SENT = tusdc("25000");
const MINTED = tusdc("100000");

const [owner, user, receiver, thief] = accounts;
const chain = chains(await devnet());
const forms = await Promise.all(
  CHAIN_IDS.map((id) => chain[id].deploy(owner, CrossChainToken, "Test USDC", "TUSDC", 6)),
);
const token = Object.fromEntries(CHAIN_IDS.map((id, index) => [id, forms[index].address]));
await Promise.all(forms.map(({ hash }, index) => chain[CHAIN_IDS[index]].done(hash)));
await Promise.all([
  // A knows the form on C, but the form on C does not know that on A and mints nothing for it.
  chain[A].done(chain[A].call(owner, token[A], CrossChainToken, "setPeer", [BigInt(B), token[B]])),
  chain[A].done(chain[A].call(owner, token[A], CrossChainToken, "setPeer", [BigInt(C), token[C]])),
  chain[B].done(chain[B].call(owner, token[B], CrossChainToken, "setPeer", [BigInt(A), token[A]])),
  chain[A].done(chain[A].call(owner, token[A], CrossChainToken, "mint", [user.address, MINTED])),
]);
const ledger = new Ledger(chain, [token]);
let signed;

test("one signature burns 25,000 TUSDC on A and mints them on B in the same slot", async () => {
  const mark = await ledger.mark();
  signed = await chain[A].sign(user, { to: token[A], data: send(B, SENT) });
  const hash = await chain[A].rpc("eth_sendRawTransaction", signed);
  const receipt = await chain[A].done(hash);
  assert.equal(await supply(A), MINTED - SENT);
  assert.equal(await supply(B), SENT);
  assert.equal(await balance(B, receiver), SENT);
  await inboundReceipts(chain, A, receipt, [B]);
  await ledger.conserved(mark);
});

test("the same signature is refused on B, on C and, a second time, on A", async () => {
  const mark = await ledger.mark();
  for (const id of [B, C]) {
    await refuses(chain[id].rpc("eth_sendRawTransaction", signed), /chain id/i);
  }
  await refuses(chain[A].rpc("eth_sendRawTransaction", signed), /nonce too low|already known/i);
  await ledger.absent(mark);
  await ledger.untouched(mark);
});

test("the same signature is refused as a leg for another rollup", async () => {
  for (const id of [B, C]) {
    const sent = sendBundle(chain[A], [{ chainId: id, raw: signed }]);
    await assert.rejects(sent, ({ data }) => data.name === "WrongChainId");
  }
  assert.equal(await supply(B), SENT);
});

test("a signature for a chain with another id, or for none, is refused everywhere", async () => {
  const draft = { to: token[A], data: send(B, SENT), gas: 1_000_000n, nonce: 1, maxFeePerGas: 10n ** 11n };
  const foreign = await user.signTransaction({ ...draft, type: "eip1559", chainId: 999 });
  for (const id of CHAIN_IDS) await refuses(chain[id].rpc("eth_sendRawTransaction", foreign), /chain id/i);
  const { maxFeePerGas: gasPrice, ...rest } = draft;
  const unbound = await user.signTransaction({ ...rest, gasPrice, type: "legacy" });
  for (const id of CHAIN_IDS) {
    await refuses(chain[id].rpc("eth_sendRawTransaction", unbound), /replay-protected|EIP-155|chain id/i);
  }
});

test("a burn that reverts mints nothing", async () => {
  await vanishes(send(B, MINTED), "InsufficientBalance", [user.address, MINTED - SENT, MINTED]);
});

test("a mint that reverts undoes the burn", async () => {
  const proxyOnC = await chain[C].read(MANAGER, Manager, "computeCrossChainProxyAddress", token[A], BigInt(A));
  await vanishes(send(C, SENT), "OnlyPeer", [proxyOnC]);
});

test("nobody mints by calling the token, its proxy's form or the reserved address", async () => {
  const mint = encode(CrossChainToken, "receiveFrom", [user.address, thief.address, SENT]);
  const mark = await ledger.mark();
  const direct = await chain[B].receipt(await chain[B].send(thief, { to: token[B], data: mint }));
  assert.equal(direct.status, "reverted");

  // A tryCall is honest about its source: the thief, not the token.
  const attempt = [BigInt(B), token[B], mint];
  const { result } = await chain[A].client.simulateContract({
    account: thief,
    address: MANAGER,
    abi: Manager.abi,
    functionName: "tryCall",
    args: attempt,
  });
  assert.equal(result[0], Status.Reverted);
  await chain[A].done(chain[A].call(thief, MANAGER, Manager, "tryCall", attempt));

  // T10: the reserved address takes orders from the manager and from registered proxies only.
  const source = token[A];
  const forged = concat([numberToHex(0, { size: 1 }), numberToHex(B, { size: 8 }), token[B], source, mint]);
  const reserved = await chain[A].receipt(await chain[A].send(thief, { to: RESERVED, data: forged }));
  assert.equal(reserved.status, "reverted");

  const asProxy = concat([numberToHex(2, { size: 1 }), source, mint]);
  const pretended = await chain[A].receipt(await chain[A].send(thief, { to: RESERVED, data: asProxy }));
  assert.equal(pretended.status, "reverted");

  assert.equal(await supply(B), SENT);
  assert.equal(await balance(B, thief), 0n);
  await ledger.untouched(mark, { [A]: [thief.address], [B]: [thief.address] });
  await ledger.conserved(mark);
});

/** Fails with this error, as a single transaction and as a bundle, and changes nothing. */
async function vanishes(data, errorName, args) {
  const mark = await ledger.mark();
  const legs = await plainLegs([{ chain: chain[A], account: user, to: token[A], data }]);
  const { bundleId } = await sendBundle(chain[A], legs);
  const known = await outcome(chain[A], bundleId);
  const revertData = encodeErrorResult({ abi: CrossChainToken.abi, errorName, args });
  assert.deepEqual([known.outcome, known.cause, known.revertData], ["removed", "Failed", revertData]);
  await ledger.absent(mark);
  await ledger.untouched(mark);

  // Unmarked legs stay reusable: the same signature now fails as a transaction, and stays in the block.
  const receipt = await chain[A].receipt(await chain[A].rpc("eth_sendRawTransaction", legs[0].raw));
  assert.equal(receipt.status, "reverted");
  await ledger.untouched(mark, { [A]: [user.address] });
  await ledger.conserved(mark);
}

async function refuses(request, message) {
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof RpcError, String(error));
    assert.match(error.reason, message);
    assert.ok([-32000, -32003, -32602].includes(error.code), `code ${error.code}`);
    return true;
  });
}

function send(network, amount) {
  return encode(CrossChainToken, "send", [BigInt(network), receiver.address, amount]);
}

function supply(id) {
  return chain[id].read(token[id], CrossChainToken, "totalSupply");
}

function balance(id, { address }) {
  return chain[id].read(token[id], CrossChainToken, "balanceOf", address);
}
