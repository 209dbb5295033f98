// What is sealed: a transaction or a bundle, in the encoding of the lane's items.
import { type Hex, bytesToHex } from "viem";
import { Writer, bytesOf } from "../bytes.js";

const VERSION = 1;

/** A signed transaction for a rollup. */
export interface SealedLeg {
  /** Network of the rollup, see `Rollup.network`. */
  network: number;
  /** The signed transaction. */
  raw: Hex;
  mayRevert?: boolean | undefined;
}

/** A signed bundle. */
export interface SealedBundle {
  id: Hex;
  salt: Hex;
  /** Safety level as a number, see `BundleHead.level`. */
  level: number;
  legs: readonly SealedLeg[];
}

/** Returns the plaintext of one transaction. */
export function transactionPlaintext(leg: SealedLeg): Hex {
  return bytesToHex(putLeg(new Writer().uint(VERSION, 1).uint(0, 1), leg).finish());
}

/** Returns the plaintext of a bundle. */
export function bundlePlaintext({ id, salt, level, legs }: SealedBundle): Hex {
  const start = new Writer().uint(VERSION, 1).uint(1, 1).hex(salt, 32).uint(level, 1).hex(id, 32).counted(legs.length);
  return bytesToHex(legs.reduce(putLeg, start).finish());
}

/** Appends a leg. */
export function putLeg(out: Writer, { network, raw, mayRevert = false }: SealedLeg): Writer {
  return out.counted(network).bool(mayRevert).bytes(bytesOf(raw));
}
