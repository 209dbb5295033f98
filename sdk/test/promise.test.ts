// Promises, checked without the node that gave them: Rust's `vectors/types/promises.json` (P14), and what binds nobody.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, type Hex, concat, hexToBytes, keccak256, numberToHex, slice, stringToHex, zeroHash } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  type Domain,
  EncodingError,
  FalseClaimError,
  SECTION,
  type Statement,
  itemHash,
  logsHash,
  readExecutionPromise,
  readOrderPromise,
  readPromise,
} from "@weft/sdk";
import { repositoryFile } from "./lib/node.js";

interface ToldDomain {
  version: number;
  l1ChainId: string;
  settlement: Address;
  realm: string;
}

interface Vectors {
  domain: ToldDomain;
  noLogs: Hex;
  logs: Hex;
  vectors: { statement: any; signer: Address; encoding: Hex }[];
}

const { vectors, ...told } = JSON.parse(repositoryFile("vectors/types/promises.json")) as Vectors;
const domain = domainOf(told.domain);
const KINDS = ["order", "execution", "checkpoint", "bundle"] as const;

test("P14: promises say what the golden vectors say", async () => {
  for (const { statement, signer, encoding } of vectors) {
    assert.deepEqual(inWords(await readPromise(domain, encoding, signer)), statement);
  }
  assert.deepEqual(new Set(vectors.map(({ statement }) => statement.kind)), new Set([0, 1, 2]));
});

test("each kind has a reader that takes no other", async () => {
  const readers = [readOrderPromise, readExecutionPromise];
  for (const { statement, signer, encoding } of vectors) {
    for (const [kind, read] of readers.entries()) {
      const answer = read(domain, encoding, signer);
      if (kind === statement.kind) assert.equal((await answer).kind, KINDS[kind]);
      else await assert.rejects(answer, FalseClaimError);
    }
  }
});

test("P14: every altered byte binds nobody, and so does every part", async () => {
  // One of a bundle's position, of a result, of a removal, and a checkpoint.
  for (const { signer, encoding } of [1, 3, 4, 5].map((index) => vectors[index]!)) {
    const bytes = hexToBytes(encoding);
    for (let at = 0; at < bytes.length; at++) {
      const altered = bytes.slice();
      altered[at]! ^= 1 << (at % 8);
      await refused(readPromise(domain, altered, signer), `byte ${at}`);
      await refused(readPromise(domain, bytes.slice(0, at), signer), `${at} bytes`);
    }
    await refused(readPromise(domain, concat([encoding, "0x00"]), signer), "a byte more");
  }
});

test("P1: a promise binds its key, in its realm", async () => {
  const [{ signer, encoding }] = vectors as [Vectors["vectors"][number]];
  const others: Domain[] = [
    { ...domain, version: 2 },
    { ...domain, l1ChainId: 1 },
    { ...domain, settlement: signer },
    { ...domain, realm: 8n },
  ];
  for (const other of others) await assert.rejects(readPromise(other, encoding, signer), /about another realm/);
  await assert.rejects(readPromise(domain, encoding, told.domain.settlement), /signed by 0x.*, expected/);
});

test("logs and items have the hashes of the golden vectors", () => {
  const address = `0x${"10".repeat(20)}` as const;
  const topic = vectors.find(({ statement }) => statement.kind === 2)!.statement.parent;
  assert.equal(logsHash(domain, []), told.noLogs);
  const logs = [
    { address, topics: [topic], data: stringToHex("data") },
    { address, topics: [], data: "0x" as Hex },
  ];
  assert.equal(logsHash(domain, logs), told.logs);
  assert.notEqual(logsHash(domain, logs.slice().reverse()), told.logs);

  const items = JSON.parse(repositoryFile("vectors/types/items.json")) as {
    domain: ToldDomain;
    vectors: { item: { kind: number; leg: { network: number; raw: Hex; mayRevert: boolean } }; hash: Hex }[];
  };
  const transactions = items.vectors.filter(({ item }) => item.kind === 0);
  assert.ok(transactions.length > 0);
  for (const { item, hash } of transactions) assert.equal(itemHash(domainOf(items.domain), item.leg), hash);
});

test("what nobody can keep or write binds nobody, though it is signed", async () => {
  const start = hash(5, concat([fixed(9, 8), fixed(SECTION.plaintext, 1)]));
  const kept: [number, Hex][] = [
    [0, order({ index: 0, from: start })],
    [0, order({})],
    [0, order({ section: SECTION.l1Born, from: zeroHash, to: zeroHash })],
    [1, execution([], "0x00")],
    [1, execution([leg(0), leg(2)], "0x00")],
    [1, execution([], removal(7))],
    [2, checkpoint(0, start)],
    [2, checkpoint(1, ITEM)],
  ];
  for (const [kind, body] of kept) {
    assert.equal((await readPromise(domain, await signed(kind, body), signer.address)).kind, KINDS[kind]);
  }
  const broken: [string, number, Hex][] = [
    ["a first item that does not follow the start", 0, order({ index: 0 })],
    ["a chain that does not follow", 0, order({ to: ITEM })],
    ["a chain of another index", 0, order({ to: links(6, ITEM) })],
    ["an item born on L1 with a chain", 0, order({ section: SECTION.l1Born })],
    ["a section that there is not", 0, order({ section: 4 })],
    ["a number with a leading zero", 0, order({ slot: "0x020009" })],
    ["a number of nine bytes", 0, order({ slot: "0x09010000000000000000" })],
    ["a flag that is none", 0, order({ bundle: "0x02" })],
    ["a removed item with legs", 1, execution([leg(0)], removal(0))],
    ["a removal without a cause", 1, execution([], removal(8))],
    ["legs out of order", 1, execution([leg(1), leg(0)], "0x00")],
    ["a leg twice", 1, execution([leg(0), leg(0)], "0x00")],
    ["an empty section that does not end where it starts", 2, checkpoint(0, ITEM)],
    ["a kind that there is not", 4, checkpoint(1, ITEM)],
  ];
  for (const [why, kind, body] of broken) {
    await refused(signed(kind, body).then((encoding) => readPromise(domain, encoding, signer.address)), why);
  }
});

test("paths that no group has, and signatures in another form, bind nobody", async () => {
  const encoding = await signed(0, order({}));
  const [promise, signature] = [slice(encoding, 0, -70), slice(encoding, -65)];
  const read = (path: Hex, by: Hex = signature) => readPromise(domain, concat([promise, path, by]), signer.address);
  const alone = "0x0000000100";
  assert.equal((await read(alone)).kind, "order");
  const paths: Hex[] = ["0x0001000100", "0x0000000000", "0x0000000200", "0x0000100100", `0x000000010101${"00".repeat(32)}`];
  for (const path of paths) await refused(read(path), path);
  // The last of 4,096 has a sibling on every level, the last of one more is alone until the top.
  const largest = signedIn(4_096, Array(12).fill(ITEM), 0, order({}));
  assert.equal((await readPromise(domain, await largest, signer.address)).kind, "order");
  const larger = signedIn(4_097, [ITEM], 0, order({}));
  await assert.rejects(readPromise(domain, await larger, signer.address), /fits no group/);
  const curveOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const [r, s, parity] = [slice(signature, 0, 32), BigInt(slice(signature, 32, 64)), Number(slice(signature, 64))];
  await assert.rejects(read(alone, concat([r, fixed(curveOrder - s, 32), fixed(1 - parity, 1)])), EncodingError);
  await assert.rejects(read(alone, concat([r, fixed(s, 32), fixed(27 + parity, 1)])), EncodingError);
});

const signer = privateKeyToAccount(`0x${"77".repeat(32)}`);

async function refused(answer: Promise<unknown>, why: string): Promise<void> {
  await assert.rejects(answer, (error) => error instanceof EncodingError || error instanceof FalseClaimError, why);
}

/** Signs a statement alone in its group. */
function signed(kind: number, body: Hex): Promise<Hex> {
  return signedIn(1, [], kind, body);
}

/** Signs a statement as the last one of a group, with the siblings of its path, all to its left. */
async function signedIn(count: number, siblings: Hex[], kind: number, body: Hex): Promise<Hex> {
  const leaf = hash([9, 10, 11][kind] ?? 9, body);
  const root = siblings.reduce((node, sibling) => hash(12, concat([sibling, node])), leaf);
  const signature = await signer.sign({ hash: hash(13, concat([fixed(count, 2), root])) });
  const parity = fixed(Number(slice(signature, 64)) - 27, 1);
  const path = concat([fixed(count - 1, 2), fixed(count, 2), counted(siblings.length), ...siblings]);
  return concat(["0x01", domainBytes(), fixed(kind, 1), body, path, slice(signature, 0, 64), parity]);
}

const ITEM = keccak256("0x01");

interface Order {
  slot?: Hex;
  section?: number;
  index?: number;
  from?: Hex;
  to?: Hex;
  bundle?: Hex;
}

function order({ slot = counted(9), section = 2, index = 5, from = ITEM, to = links(index, from), bundle = "0x00" }: Order): Hex {
  return concat([slot, fixed(section, 1), counted(index), ITEM, from, to, counted(1), counted(0), bundle]);
}

function execution(legs: Hex[], removal: Hex): Hex {
  const place = concat([counted(9), fixed(SECTION.plaintext, 1), counted(5)]);
  return concat([place, ITEM, ITEM, zeroHash, counted(legs.length), ...legs, removal]);
}

function leg(index: number): Hex {
  return concat([counted(index), counted(901), ITEM, "0x01", counted(21_000), ITEM, ITEM, counted(77), ITEM]);
}

function removal(cause: number): Hex {
  return concat(["0x01", fixed(cause, 1), counted(902), counted(1), ITEM]);
}

function checkpoint(count: number, chain: Hex): Hex {
  return concat([counted(9), zeroHash, fixed(SECTION.plaintext, 1), counted(count), chain, counted(1)]);
}

function links(index: number, from: Hex): Hex {
  return keccak256(concat([from, fixed(index, 4), ITEM]));
}

function fixed(value: number | bigint, bytes: number): Hex {
  return numberToHex(value, { size: bytes });
}

function counted(value: number): Hex {
  if (value === 0) return "0x00";
  const digits = fixed(value, Math.ceil(value.toString(16).length / 2));
  return concat([fixed(digits.length / 2 - 1, 1), digits]);
}

function hash(tag: number, body: Hex): Hex {
  return keccak256(concat([stringToHex("weft"), fixed(tag, 1), domainBytes(), body]));
}

function domainBytes(): Hex {
  const { version, l1ChainId, settlement, realm } = domain;
  return concat([fixed(version, 2), fixed(l1ChainId, 8), settlement, fixed(realm, 8)]);
}

function domainOf({ version, l1ChainId, settlement, realm }: ToldDomain): Domain {
  return { version, l1ChainId: BigInt(l1ChainId), settlement, realm: BigInt(realm) };
}

/** Writes a statement as the golden vectors do: kinds and causes as numbers, 64 bits as text, a position in one field. */
function inWords(statement: Statement): unknown {
  const { kind, ...fields } = statement;
  const words: any = { kind: KINDS.indexOf(kind), ...fields };
  if (kind !== "checkpoint") {
    const { slot, section, index } = words;
    Object.assign(words, { position: { slot, section, index } });
    for (const name of ["slot", "section", "index"]) delete words[name];
  }
  const absent = kind === "order" ? "bundle" : "removal";
  if (kind !== "checkpoint") words[absent] ??= null;
  if (words.removal) words.removal = { ...words.removal, cause: ["Failed"].indexOf(words.removal.cause) };
  return JSON.parse(JSON.stringify(words, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
}
