// Identity of bundles and the markers that keep their legs together, byte for byte as the node computes them (P18).
import { type AccessList, type Address, type Hex, concat, keccak256, numberToHex, size, slice, stringToHex } from "viem";
import { RESERVED } from "./abi.js";

const MAGIC = "0xef776566740001ef";
const BUNDLE_TAG = 2;
const LEG_COMMITMENT_TAG = 15;
const PARTED_BUNDLE_TAG = 16;

/** The realm that hashes and signatures are bound to (P1). */
export interface Domain {
  version: number;
  l1ChainId: number | bigint;
  settlement: Address;
  realm: number | bigint;
}

/** What a bundle's identity says about a leg. */
export interface LegShape {
  /** Network of the rollup, see `Rollup.network`. */
  network: number;
  sender: Address;
  /** Absent in a creation. */
  to?: Address | null | undefined;
  value: bigint;
  /** Call data without marker. */
  data: Hex;
  mayRevert: boolean;
}

/** What a bundle's identity covers besides legs. */
export interface BundleHead {
  domain: Domain;
  salt: Hex;
  /** Safety level as a number: 0 reputation, 1 cryptoeconomic, 2 cryptographic (P30). */
  level: number;
}

/** Returns a bundle's identity. */
export function bundleId(legs: readonly LegShape[], { domain, salt, level }: BundleHead): Hex {
  return hash(domain, BUNDLE_TAG, [salt, uint(level, 1), counted(legs.length), ...legs.map(encodeLeg)]);
}

/** What several users agree on who seal a leg each and show it to nobody. */
export interface PartedBundle {
  salt: Hex;
  /** Safety level as a number, see `BundleHead.level`. */
  level: number;
  /** The only epoch in which it can run: what came of it can be read afterwards. */
  epoch: bigint;
  /** `legCommitment` of every leg, in execution order. */
  commitments: readonly Hex[];
}

/** Returns what the others know of a leg: it binds to it, and says nothing while nobody else knows the blinding, 32 random bytes. */
export function legCommitment(domain: Domain, leg: LegShape, blinding: Hex): Hex {
  if (size(blinding) !== 32) throw new RangeError("a blinding has 32 bytes");
  return hash(domain, LEG_COMMITMENT_TAG, [blinding, encodeLeg(leg)]);
}

/** Returns the identity of a bundle in parts, which every leg signs as its marker. */
export function partedBundleId(domain: Domain, { salt, level, epoch, commitments }: PartedBundle): Hex {
  const head = [salt, uint(level, 1), counted(epoch), counted(commitments.length)];
  return hash(domain, PARTED_BUNDLE_TAG, [...head, ...commitments]);
}

function hash({ version, l1ChainId, settlement, realm }: Domain, tag: number, body: readonly Hex[]): Hex {
  const place = [uint(version, 2), uint(l1ChainId, 8), settlement, uint(realm, 8)];
  return keccak256(concat([stringToHex("weft"), uint(tag, 1), ...place, ...body]));
}

/** Returns call data with the marker of bundle `id` behind it. */
export function withSuffix(data: Hex, id: Hex): Hex {
  return concat([data, MAGIC, id]);
}

/** Returns the bundle that call data names at its end, if it does. */
export function suffixOf(data: Hex): Hex | undefined {
  const start = size(data) - size(MAGIC) - 32;
  if (start < 0 || slice(data, start, start + size(MAGIC)) !== MAGIC) return undefined;
  return slice(data, start + size(MAGIC));
}

/** Returns the marker of bundle `id` for legs whose target takes no further call data. */
export function markerList(id: Hex): AccessList {
  return [{ address: RESERVED, storageKeys: [id] }];
}

function encodeLeg({ network, sender, to, value, data, mayRevert }: LegShape): Hex {
  const receiver: Hex[] = to ? [uint(1, 1), to] : [uint(0, 1)];
  const call: Hex[] = [uint(value, 32), counted(size(data)), data, uint(Number(mayRevert), 1)];
  return concat([counted(network), sender, ...receiver, ...call]);
}

function uint(value: number | bigint, bytes: number): Hex {
  return numberToHex(value, { size: bytes });
}

/** Returns a number without leading zeros, behind its length in bytes. */
function counted(value: number | bigint): Hex {
  if (value === 0 || value === 0n) return "0x00";
  const digits = numberToHex(value, { size: Math.ceil(value.toString(16).length / 2) });
  return concat([uint(size(digits), 1), digits]);
}
