// The sequencer's promise of a position (P14), checked here: its one encoding, its chain, its group and its signature.
import { type Address, type Hex, bytesToHex, concat, hexToBytes, isAddressEqual, keccak256, recoverAddress, stringToBytes } from "viem";
import type { Domain } from "./marker.js";
import { type BytesLike, EncodingError, Reader, Writer, bytesOf, numberBytes, numberOf, sameBytes } from "./bytes.js";
import { ORDER } from "./sealing/curve.js";
import { FalseClaimError } from "./sealing/seal.js";

const TAG = { laneChain: 5, order: 9, node: 12, group: 13 } as const;
const ORDER_KIND = 0;
const MAX_GROUP = 4_096;
const MAX_SIBLINGS = 12;

/** Sections of a slot. */
export const SECTION = { l1Born: 0, sealed: 1, plaintext: 2, opened: 3 } as const;

/** That an item has a position, and nothing else has it. */
export interface OrderPromise {
  slot: bigint;
  /** One of `SECTION`. */
  section: number;
  index: number;
  item: Hex;
  prevChain: Hex;
  chain: Hex;
  unixMs: bigint;
  l1Deadline: bigint;
  bundle: Hex | undefined;
}

/**
 * Reads a signed promise of a position and checks that `key` made it in this realm; throws `EncodingError` or
 * `FalseClaimError` when it binds nobody.
 */
export async function readOrderPromise(domain: Domain, input: BytesLike, key: Address): Promise<OrderPromise> {
  const reader = new Reader(bytesOf(input));
  if (reader.byte() !== 1) throw new EncodingError("not version 1 of a promise");
  if (!sameBytes(reader.raw(38), domainBytes(domain))) throw new FalseClaimError("the promise is about another realm");
  if (reader.byte() !== ORDER_KIND) throw new FalseClaimError("the promise is not one of a position");
  const promise = readOrder(reader);
  const leaf = hash(domain, TAG.order, putOrder(new Writer(), promise).finish());
  const digest = readPath(reader, domain, leaf);
  const signature = reader.raw(65);
  reader.finish();
  checkChain(domain, promise);
  if (signature[64]! > 1 || numberOf(signature.slice(32, 64)) > ORDER / 2n) {
    throw new EncodingError("not a signature in its one accepted form");
  }
  const signer = await recoverAddress({ hash: bytesToHex(digest), signature }).catch(() => undefined);
  if (signer && isAddressEqual(signer, key)) return promise;
  throw new FalseClaimError(`the promise is signed by ${signer ?? "nobody"}, expected ${key}`);
}

function readOrder(reader: Reader): OrderPromise {
  const [slot, section, index] = [number(reader, 8), reader.byte(), Number(number(reader, 4))];
  const [item, prevChain, chain] = [reader.hex(32), reader.hex(32), reader.hex(32)];
  const [unixMs, l1Deadline] = [number(reader, 8), number(reader, 8)];
  const bundle = reader.bool() ? reader.hex(32) : undefined;
  return { slot, section, index, item, prevChain, chain, unixMs, l1Deadline, bundle };
}

function putOrder(out: Writer, promise: OrderPromise): Writer {
  putNumber(putNumber(out, promise.slot).uint(promise.section, 1), BigInt(promise.index));
  out.hex(promise.item, 32).hex(promise.prevChain, 32).hex(promise.chain, 32);
  putNumber(putNumber(out, promise.unixMs), promise.l1Deadline).bool(promise.bundle !== undefined);
  return promise.bundle === undefined ? out : out.hex(promise.bundle, 32);
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

function checkChain(domain: Domain, { slot, section, index, item, prevChain, chain }: OrderPromise): void {
  const start = hash(domain, TAG.laneChain, new Writer().uint(slot, 8).uint(section, 1).finish());
  const follows = keccak256(concat([hexToBytes(prevChain), numberBytes(BigInt(index), 4), hexToBytes(item)]));
  const starts = index > 0 || prevChain === bytesToHex(start);
  if (section === SECTION.l1Born || !starts || follows !== chain) {
    throw new FalseClaimError("the promise contradicts itself");
  }
}

/** A number without leading zeros, behind its length in bytes. */
function number(reader: Reader, most: number): bigint {
  const size = reader.byte();
  if (size > most) throw new EncodingError(`number of ${size} bytes is over the bound ${most}`);
  const digits = reader.raw(size);
  if (digits[0] === 0) throw new EncodingError("number with a leading zero");
  return numberOf(digits);
}

function putNumber(out: Writer, value: bigint): Writer {
  if (value === 0n) return out.uint(0, 1);
  const size = Math.ceil(value.toString(16).length / 2);
  return out.uint(size, 1).uint(value, size);
}

function hash(domain: Domain, tag: number, body: Uint8Array): Uint8Array {
  return keccak256(concat([stringToBytes("weft"), Uint8Array.of(tag), domainBytes(domain), body]), "bytes");
}

function domainBytes({ version, l1ChainId, settlement, realm }: Domain): Uint8Array {
  return new Writer().uint(version, 2).uint(l1ChainId, 8).hex(settlement, 20).uint(realm, 8).finish();
}
