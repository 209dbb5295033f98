// Hashes of sealing: one kind of input per part, and every field behind its length.
import { concat, keccak256, stringToBytes } from "viem";
import type { Domain } from "../marker.js";
import { Writer, numberBytes } from "../bytes.js";

const SEALING_TAG = 30;

/** What a hash stands for, as numbered in the reference. */
export const PART = {
  base: 1,
  prime: 2,
  setup: 3,
  mask: 4,
  shareChallenge: 8,
  keyList: 9,
  release: 10,
  readable: 11,
  envelope: 12,
  seed: 13,
  coins: 14,
  seedMask: 15,
  stream: 16,
  relationMask: 17,
  relationChallenge: 18,
  announcement: 19,
  thresholdName: 25,
  thresholdShared: 26,
  thresholdSigma: 27,
} as const;

/** A part of the table. */
export type Part = (typeof PART)[keyof typeof PART];

/** A hash under construction. */
export class Transcript {
  private constructor(private readonly parts: readonly Uint8Array[]) {}

  /** Starts a hash about numbers alone, which is the same in every realm. */
  static ofNumbers(part: Part): Transcript {
    return new Transcript([stringToBytes("weft numbers"), Uint8Array.of(part)]);
  }

  /** Starts a hash of something that belongs to a realm (P1). */
  static ofRealm({ version, l1ChainId, settlement, realm }: Domain, part: Part): Transcript {
    const place = new Writer().raw(stringToBytes("weft")).uint(SEALING_TAG, 1).uint(version, 2).uint(l1ChainId, 8);
    return new Transcript([place.hex(settlement, 20).uint(realm, 8).uint(part, 1).finish()]);
  }

  /** Appends a field. */
  put(field: Uint8Array): Transcript {
    return new Transcript([...this.parts, numberBytes(BigInt(field.length), 4), field]);
  }

  /** Appends a number. */
  number(value: number | bigint): Transcript {
    return this.put(numberBytes(BigInt(value), 8));
  }

  /** Returns the hash. */
  finish(): Uint8Array {
    return keccak256(concat([...this.parts]), "bytes");
  }
}

/** Returns `keccak(seed || 0) || keccak(seed || 1) || ..`, cut to so many bytes. */
export function expand(seed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const block = new Uint8Array(36);
  block.set(seed);
  const counter = new DataView(block.buffer);
  for (let at = 0; at < size; at += 32) {
    counter.setUint32(32, at / 32);
    out.set(keccak256(block, "bytes").subarray(0, size - at), at);
  }
  return out;
}
