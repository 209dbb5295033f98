// What the sequencer promises of items (P14, P16), checked here: its one encoding, its chain, its group and its signature.
import {
  type Address,
  type Hex,
  bytesToHex,
  concat,
  hexToBytes,
  isAddressEqual,
  keccak256,
  recoverAddress,
  stringToBytes,
  zeroHash,
} from "viem";
import { type BytesLike, EncodingError, Reader, Writer, bytesOf, numberBytes, numberOf, sameBytes } from "./bytes.js";
import { FalseClaimError } from "./claim.js";
import type { Domain } from "./marker.js";
import type { RemovalCause } from "./outcome.js";
import { type SealedLeg, transactionPlaintext } from "./sealing/plaintext.js";

const TAG = { item: 1, laneChain: 5, order: 9, execution: 10, checkpoint: 11, node: 12, group: 13, logs: 14, bundle: 17 } as const;
const DOMAIN_BYTES = 38;
const MAX_GROUP = 4_096;
const MAX_SIBLINGS = 12;
const MAX_LEGS = 1_024;
const MAX_PLACES = 64;
/** Half the order of secp256k1. */
const MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** Sections of a slot. */
export const SECTION = { l1Born: 0, sealed: 1, plaintext: 2, opened: 3 } as const;

/** Causes of a removal, each at its byte. */
const CAUSES: readonly RemovalCause[] = [
  "Failed",
  "Sibling",
  "Undecryptable",
  "Malformed",
  "Invalid",
  "Late",
  "Unavailable",
  "Reorged",
];

/** Where an item is in the one order. */
export interface Position {
  slot: bigint;
  /** One of `SECTION`. */
  section: number;
  index: number;
}

/** That an item has a position, and nothing else has it. */
export interface OrderPromise extends Position {
  kind: "order";
  item: Hex;
  /** Running hash of the section before the item, and after it. */
  prevChain: Hex;
  chain: Hex;
  unixMs: bigint;
  /** L1 block by which the slot is there; zero when no time is promised. */
  l1Deadline: bigint;
  /** Id of the bundle that the item is. */
  bundle: Hex | undefined;
}

/** That an item has a result: in blocks with these transactions, or removed. */
export interface ExecutionPromise extends Position {
  kind: "execution";
  item: Hex;
  chain: Hex;
  /** L1 block on which the result rests: void when that is not canonical (P48). */
  l1Origin: Hex;
  /** Empty when it was removed. */
  legs: PromisedLeg[];
  removal: PromisedRemoval | undefined;
}

/** Promised result of one transaction. */
export interface PromisedLeg {
  leg: number;
  /** Network of the rollup, see `Rollup.network`. */
  network: number;
  txHash: Hex;
  success: boolean;
  gasUsed: bigint;
  /** Keccak of what it returned or reverted with. */
  outputHash: Hex;
  /** See `logsHash`. */
  logsHash: Hex;
  blockNumber: bigint;
  parentHash: Hex;
}

/** Promised cause of a removal. */
export interface PromisedRemoval {
  cause: RemovalCause;
  network: number;
  leg: number;
  /** Keccak of the revert data. */
  outputHash: Hex;
}

/** How far a section of the open slot got. */
export interface Checkpoint {
  kind: "checkpoint";
  slot: bigint;
  /** Hash of the previous slot's closing record. */
  parent: Hex;
  section: number;
  count: number;
  chain: Hex;
  unixMs: bigint;
}

/** Position of one envelope of a bundle. */
export type PromisedPlace = Pick<OrderPromise, "slot" | "section" | "index" | "item" | "prevChain" | "chain">;

/** That all envelopes of a bundle have positions in one epoch. */
export interface BundlePromise {
  kind: "bundle";
  epoch: bigint;
  /** Ascending. */
  places: PromisedPlace[];
  unixMs: bigint;
}

/** What a signature can be about. */
export type Statement = OrderPromise | ExecutionPromise | Checkpoint | BundlePromise;

/** Kinds of statements at their bytes: the tag of the leaf, and what reads one. */
const KINDS = [
  { tag: TAG.order, read: readOrder },
  { tag: TAG.execution, read: readExecution },
  { tag: TAG.checkpoint, read: readCheckpoint },
  { tag: TAG.bundle, read: readBundle },
] as const;

/**
 * Reads a signed promise and checks that `key` made it in this realm; throws `EncodingError` or `FalseClaimError` when it
 * binds nobody.
 */
export async function readPromise(domain: Domain, input: BytesLike, key: Address): Promise<Statement> {
  const reader = new Reader(bytesOf(input));
  if (reader.byte() !== 1) throw new EncodingError("not version 1 of a promise");
  const isOurs = sameBytes(reader.raw(DOMAIN_BYTES), domainBytes(domain));
  if (!isOurs) throw new FalseClaimError("the promise is about another realm");
  const { statement, leaf } = readStatement(reader, domain);
  const digest = readPath(reader, domain, leaf);
  const signature = readSignature(reader);
  reader.finish();
  const flaw = flawOf(domain, statement);
  if (flaw) throw new FalseClaimError(`the promise contradicts itself: ${flaw}`);
  const signer = await recoverAddress({ hash: bytesToHex(digest), signature }).catch(() => undefined);
  if (signer && isAddressEqual(signer, key)) return statement;
  throw new FalseClaimError(`the promise is signed by ${signer ?? "nobody"}, expected ${key}`);
}

/** The same for a promise of a position. */
export async function readOrderPromise(domain: Domain, input: BytesLike, key: Address): Promise<OrderPromise> {
  const promise = await readPromise(domain, input, key);
  if (promise.kind === "order") return promise;
  throw new FalseClaimError("the promise is not one of a position");
}

/** The same for a promise of a result. */
export async function readExecutionPromise(domain: Domain, input: BytesLike, key: Address): Promise<ExecutionPromise> {
  const promise = await readPromise(domain, input, key);
  if (promise.kind === "execution") return promise;
  throw new FalseClaimError("the promise is not one of a result");
}

/** The same for a promise of all positions of a bundle. That its envelopes are parts of one bundle shows when they are opened. */
export async function readBundlePromise(domain: Domain, input: BytesLike, key: Address): Promise<BundlePromise> {
  const promise = await readPromise(domain, input, key);
  if (promise.kind === "bundle") return promise;
  throw new FalseClaimError("the promise is not one of a bundle");
}

/** A log, as far as promises name it. */
export interface PromisedLog {
  address: Address;
  topics: readonly Hex[];
  data: Hex;
}

/** Returns the hash by which an execution promise names the logs of a transaction, those of its receipt in their order. */
export function logsHash(domain: Domain, logs: readonly PromisedLog[]): Hex {
  const out = new Writer().counted(logs.length);
  for (const { address, topics, data } of logs) {
    out.hex(address, 20).counted(topics.length);
    for (const topic of topics) out.hex(topic, 32);
    out.bytes(bytesOf(data));
  }
  return bytesToHex(hash(domain, TAG.logs, out.finish()));
}

/** Returns the hash by which promises name a single transaction that was sent as it is. */
export function itemHash(domain: Domain, leg: SealedLeg): Hex {
  // The version byte of an encoding is not hashed.
  return bytesToHex(hash(domain, TAG.item, hexToBytes(transactionPlaintext(leg)).slice(1)));
}

function readStatement(reader: Reader, domain: Domain): { statement: Statement; leaf: Uint8Array } {
  const byte = reader.byte();
  const kind = KINDS[byte];
  if (!kind) throw new EncodingError(`byte ${byte} is not a kind of promise`);
  const start = reader.at;
  const statement = kind.read(reader);
  // A statement has one encoding, so that the bytes which were read are those that were signed.
  return { statement, leaf: hash(domain, kind.tag, reader.input.slice(start, reader.at)) };
}

function readPlace(reader: Reader): PromisedPlace {
  const place = readPosition(reader);
  return { ...place, item: reader.hex(32), prevChain: reader.hex(32), chain: reader.hex(32) };
}

function readBundle(reader: Reader): BundlePromise {
  const epoch = reader.number(8);
  const places = Array.from({ length: reader.counted(MAX_PLACES) }, () => readPlace(reader));
  return { kind: "bundle", epoch, places, unixMs: reader.number(8) };
}

function readOrder(reader: Reader): OrderPromise {
  const place = readPlace(reader);
  const [unixMs, l1Deadline] = [reader.number(8), reader.number(8)];
  const bundle = reader.bool() ? reader.hex(32) : undefined;
  return { kind: "order", ...place, unixMs, l1Deadline, bundle };
}

function readExecution(reader: Reader): ExecutionPromise {
  const place = readPosition(reader);
  const [item, chain, l1Origin] = [reader.hex(32), reader.hex(32), reader.hex(32)];
  const count = reader.counted(MAX_LEGS);
  const legs: PromisedLeg[] = [];
  while (legs.length < count) legs.push(readLeg(reader, legs.at(-1)?.leg ?? -1));
  const removal = reader.bool() ? readRemoval(reader) : undefined;
  return { kind: "execution", ...place, item, chain, l1Origin, legs, removal };
}

function readLeg(reader: Reader, before: number): PromisedLeg {
  const leg = Number(reader.number(2));
  if (leg <= before) throw new EncodingError("legs are not in increasing order");
  const [network, txHash, success] = [Number(reader.number(4)), reader.hex(32), reader.bool()];
  const [gasUsed, outputHash, logs] = [reader.number(8), reader.hex(32), reader.hex(32)];
  const [blockNumber, parentHash] = [reader.number(8), reader.hex(32)];
  return { leg, network, txHash, success, gasUsed, outputHash, logsHash: logs, blockNumber, parentHash };
}

function readRemoval(reader: Reader): PromisedRemoval {
  const byte = reader.byte();
  const cause = CAUSES[byte];
  if (!cause) throw new EncodingError(`byte ${byte} is not a cause of a removal`);
  return { cause, network: Number(reader.number(4)), leg: Number(reader.number(2)), outputHash: reader.hex(32) };
}

function readCheckpoint(reader: Reader): Checkpoint {
  const [slot, parent, section] = [reader.number(8), reader.hex(32), readSection(reader)];
  const [count, chain, unixMs] = [Number(reader.number(4)), reader.hex(32), reader.number(8)];
  return { kind: "checkpoint", slot, parent, section, count, chain, unixMs };
}

function readPosition(reader: Reader): Position {
  return { slot: reader.number(8), section: readSection(reader), index: Number(reader.number(4)) };
}

function readSection(reader: Reader): number {
  const section = reader.byte();
  if (section > SECTION.opened) throw new EncodingError(`byte ${section} is not a section`);
  return section;
}

/** Reads a signature in its one accepted form: `r || s || parity`, s in the lower half. */
function readSignature(reader: Reader): Uint8Array {
  const signature = reader.raw(65);
  if (signature[64]! <= 1 && numberOf(signature.slice(32, 64)) <= MAX_S) return signature;
  throw new EncodingError("not a signature in its one accepted form");
}

/** Walks from the leaf to what was signed; throws for a path that no group has. */
function readPath(reader: Reader, domain: Domain, leaf: Uint8Array): Uint8Array {
  const [index, count] = [Number(reader.uint(2)), Number(reader.uint(2))];
  const siblings = Array.from({ length: reader.counted(MAX_SIBLINGS) }, () => reader.raw(32));
  if (index >= count || count > MAX_GROUP) throw new FalseClaimError("the path fits no group");
  let [at, node] = [index, leaf];
  for (let width = count; width > 1; width = Math.ceil(width / 2), at = Math.floor(at / 2)) {
    // A node without a sibling moves up as it is.
    if ((at ^ 1) >= width) continue;
    const sibling = siblings.shift();
    if (!sibling) throw new FalseClaimError("the path fits no group");
    node = hash(domain, TAG.node, concat(at % 2 === 0 ? [node, sibling] : [sibling, node]));
  }
  if (siblings.length > 0) throw new FalseClaimError("the path fits no group");
  return hash(domain, TAG.group, concat([numberBytes(BigInt(count), 2), node]));
}

/** Returns why nobody can keep a promise. */
function flawOf(domain: Domain, statement: Statement): string | undefined {
  if (statement.kind === "order") return orderFlaw(domain, statement);
  if (statement.kind === "bundle") return bundleFlaw(domain, statement.places);
  if (statement.kind === "execution") {
    const isTorn = statement.removal !== undefined && statement.legs.length > 0;
    return isTorn ? "a removed item has no legs in blocks" : undefined;
  }
  const { slot, section, count, chain } = statement;
  if (count > 0 || chain === chainStart(domain, slot, section)) return undefined;
  return "an empty section does not end where its chain starts";
}

function bundleFlaw(domain: Domain, places: PromisedPlace[]): string | undefined {
  if (places.length < 2) return "a bundle has two envelopes or more";
  if (new Set(places.map(({ item }) => item)).size < places.length) return "an envelope is named twice";
  for (const [at, place] of places.entries()) {
    if (place.section !== SECTION.sealed) return "envelopes are ordered in the sealed section";
    const flaw = orderFlaw(domain, place);
    if (flaw) return flaw;
    const before = places[at - 1];
    if (!before || before.slot < place.slot) continue;
    if (before.slot > place.slot || before.index >= place.index) return "positions are not in ascending order";
    if (before.index + 1 === place.index && before.chain !== place.prevChain) return "neighbours have two chains";
  }
  return undefined;
}

function orderFlaw(domain: Domain, { slot, section, index, item, prevChain, chain }: PromisedPlace): string | undefined {
  if (section === SECTION.l1Born) {
    return prevChain === zeroHash && chain === zeroHash ? undefined : "items born on L1 have no chain";
  }
  if (index === 0 && prevChain !== chainStart(domain, slot, section)) {
    return "the first item of a section does not follow the start of its chain";
  }
  const follows = keccak256(concat([hexToBytes(prevChain), numberBytes(BigInt(index), 4), hexToBytes(item)]));
  return follows === chain ? undefined : "the chain does not follow from the item";
}

/** Returns the running hash of an empty section (P2). */
function chainStart(domain: Domain, slot: bigint, section: number): Hex {
  return bytesToHex(hash(domain, TAG.laneChain, new Writer().uint(slot, 8).uint(section, 1).finish()));
}

function hash(domain: Domain, tag: number, body: Uint8Array): Uint8Array {
  return keccak256(concat([stringToBytes("weft"), Uint8Array.of(tag), domainBytes(domain), body]), "bytes");
}

function domainBytes({ version, l1ChainId, settlement, realm }: Domain): Uint8Array {
  return new Writer().uint(version, 2).uint(l1ChainId, 8).hex(settlement, 20).uint(realm, 8).finish();
}
