// The figures that docs/reference/l1-contracts.md promises, as receipts of transactions: anvil and the committed artifacts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { concat, parseEther, slice, zeroAddress } from "viem";
import { accounts } from "../lib/chain.mjs";
import { Inbox, L1Bridge, OrderVerifier, WETH9 } from "../lib/code.mjs";
import { leafOf, path } from "../lib/exits.mjs";
import { realmOnAnvil, word } from "../lib/realm.mjs";

const ALL = [1, 2, 3, 4, 5, 6, 7, 8];
const ONE = [1];
// Places of batches that wait: after so many no batch writes a word that is new.
const RING = 256;
const EXITS = 1_400;
const AMOUNT = parseEther("0.001");

const realm = await realmOnAnvil(ALL.length);
const { l1, owner, bridge } = realm;

test("a batch of eight rollups with three of five attesters costs at most 350,000 gas", async () => {
  await realm.postForced(RING - 1);
  await realm.settle(ALL);
  // The 2nd, 4th, 8th.. settlement writes a new word in the list of all.
  for (let settlement = 2; settlement <= 4; settlement += 1) {
    await realm.postForced(1);
    await realm.settle(ALL);
  }
  const eight = await batch(ALL);
  const one = await batch(ONE);
  console.log(`eight rollups: ${eight.join(" + ")}, one: ${one.join(" + ")}`);
  assert.ok(sum(eight) <= 350_000);
  // Of what eight batches of their own cost at most a quarter.
  assert.ok(4 * sum(eight) <= 8 * sum(one));
});

test("forcing a transaction costs at most 80,000 gas", async () => {
  const transaction = slice(concat([word(), word(), word(), word()]), 0, 110);
  const force = () => realm.send(realm.inbox, Inbox, "forceTransaction", [901, transaction]);
  await force();
  atMost(80_000, "a forced transaction of 110 bytes", await force());
});

test("opening a slot's commitment costs at most 90,000 gas", async () => {
  const json = readFileSync(new URL("../../vectors/commitment/slots.json", import.meta.url), "utf8");
  const { kzg, openings } = JSON.parse(json).vectors[4];
  const { at, element, proof } = openings[1];
  const verifier = await l1.deploy(owner, OrderVerifier);
  await l1.done(verifier.hash);
  const args = [concat(kzg), BigInt(at), element, proof];
  assert.equal(await l1.read(verifier.address, OrderVerifier, "isUnderKzg", ...args), true);
  atMost(90_000, "an opening by KZG", await realm.send(verifier.address, OrderVerifier, "isUnderKzg", args));
});

test("claims cost at most what is promised", async () => {
  const token = await bridged(4n * AMOUNT);
  const exits = Array.from({ length: EXITS }, () => exitTo(stranger()));
  const known = accounts[5].address;
  // Each run of 256 exits shares a word, which the first claim in it writes anew.
  exits[300].destinationAddress = known;
  exits[600].destinationAddress = known;
  exits[1_100] = exitTo(stranger(), token);
  await realm.post(ALL);
  await realm.settle(ALL, path(exits.map(leafOf), 0).root);
  const standard = await standardClaims(exits);
  const claim = (index) => realm.send(bridge, L1Bridge, "claimAsset", standard(index));
  const compact = (index) => realm.send(bridge, L1Bridge, "claimCompact", compactClaim(exits, index));

  atMost(130_000, "ether, the first of 256", await claim(300));
  atMost(130_000, "ether, to a new account", await claim(301));
  atMost(142_000, "ether, the first of 256 to a new account", await claim(100));
  atMost(100_000, "ether, compact, the first of 256", await compact(600));
  atMost(100_000, "ether, compact, to a new account", await compact(601));
  atMost(110_000, "ether, compact, the first of 256 to a new account", await compact(800));
  atMost(165_000, "an ERC-20 token, the first of 256 to a new holder", await claim(1_100));
});

/** What posting and settling a batch of these rollups costs. */
async function batch(ids) {
  const posted = await realm.post(ids);
  return [posted, await realm.settle(ids)].map(gas);
}

/** An ERC-20 token of which rollup 901 has `amount` in escrow. */
async function bridged(amount) {
  const { address, hash } = await l1.deploy(owner, WETH9);
  await l1.done(hash);
  await realm.send(address, WETH9, "deposit", [], { value: amount });
  await realm.send(address, WETH9, "approve", [bridge, amount]);
  await realm.send(bridge, L1Bridge, "bridgeAsset", [901, owner.address, amount, address, true, "0x"]);
  return address;
}

function exitTo(destinationAddress, originAddress = zeroAddress) {
  const places = { originNetwork: 0, originAddress, destinationNetwork: 0, destinationAddress };
  return { leafType: 0, ...places, amount: AMOUNT, metadata: "0x" };
}

/** Returns what gives the arguments of `claimAsset` for an exit of rollup 901 by its index. */
async function standardClaims(exits) {
  const roots = [];
  for (const id of ALL) roots.push(await l1.read(bridge, L1Bridge, "exitRootOf", id));
  const rollups = path(roots, 0);
  const mainnet = await l1.read(bridge, L1Bridge, "getRoot");
  const leaves = exits.map(leafOf);
  return (index) => {
    const { originNetwork, originAddress, destinationNetwork, destinationAddress, amount, metadata } = exits[index];
    const proofs = [path(leaves, index).siblings, rollups.siblings, BigInt(index), mainnet, rollups.root];
    return [...proofs, originNetwork, originAddress, destinationNetwork, destinationAddress, amount, metadata];
  };
}

function compactClaim(exits, index) {
  const { originNetwork, originAddress, destinationAddress, amount, metadata } = exits[index];
  const siblings = path(exits.map(leafOf), index).siblings.slice(0, Math.ceil(Math.log2(exits.length)));
  return [siblings, BigInt(index), originNetwork, originAddress, destinationAddress, amount, metadata];
}

function stranger() {
  return slice(word(), 0, 20);
}

function atMost(limit, what, receipt) {
  console.log(`${what}: ${gas(receipt)}`);
  assert.ok(gas(receipt) <= limit, `${what} costs ${gas(receipt)}`);
}

function sum([left, right]) {
  return left + right;
}

function gas({ gasUsed }) {
  return Number(gasUsed);
}
