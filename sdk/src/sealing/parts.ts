// Bundles of several users, who do not show each other their legs: each seals its own (P3, P18).
import {
  type Hex,
  type TransactionSerialized,
  bytesToHex,
  isAddressEqual,
  parseTransaction,
  recoverTransactionAddress,
  size,
  slice,
} from "viem";
import { RESERVED } from "../abi.js";
import { type Domain, type PartedBundle, legCommitment, partedBundleId, suffixOf } from "../marker.js";
import { Writer } from "../bytes.js";
import { type SealedLeg, putLeg } from "./plaintext.js";

const VERSION = 1;
const KIND = 5;
const MARKER_BYTES = 40;
const MAX_LEGS = 64;

/** One leg of a bundle, as one user seals it. */
export interface SealedPart {
  bundle: PartedBundle;
  /** Number of the leg, from 0. */
  index: number;
  /** What hides the leg in its commitment. */
  blinding: Hex;
  leg: SealedLeg;
}

/** The transaction is none that the bundle commits to. */
export class InvalidPartError extends Error {
  override readonly name = "InvalidPartError";
}

/**
 * Makes the part of a bundle out of the signed transaction: its leg must be the one that was committed to with this
 * blinding, and sign the bundle's marker.
 */
export async function sealedPart(
  domain: Domain,
  bundle: PartedBundle,
  blinding: Hex,
  leg: SealedLeg,
): Promise<SealedPart> {
  const { length } = bundle.commitments;
  if (length < 2 || length > MAX_LEGS) throw new InvalidPartError(`a bundle in parts has 2 to ${MAX_LEGS} legs, not ${length}`);
  const id = partedBundleId(domain, bundle);
  const { to, value = 0n, data: input = "0x", accessList = [], chainId } = parseTransaction(leg.raw);
  if (chainId !== leg.network) throw new InvalidPartError(`the transaction is signed for chain ${chainId}, its leg is on ${leg.network}`);
  const suffix = suffixOf(input);
  const listed = accessList.filter(({ address }) => isAddressEqual(address, RESERVED)).flatMap(({ storageKeys }) => storageKeys);
  // Also the marker of another bundle makes it malformed, and the same one twice.
  const markers = suffix ? [suffix, ...listed] : listed;
  if (markers.length !== 1 || markers[0] !== id) {
    throw new InvalidPartError("the transaction does not carry the marker of this bundle, and no other, once");
  }
  const end = size(input) - (suffix ? MARKER_BYTES : 0);
  const data = end === 0 ? "0x" : slice(input, 0, end);
  const sender = await recoverTransactionAddress({ serializedTransaction: leg.raw as TransactionSerialized });
  const { network, mayRevert = false } = leg;
  const commitment = legCommitment(domain, { network, sender, to: to ?? null, value, data, mayRevert }, blinding);
  const index = bundle.commitments.indexOf(commitment);
  if (index < 0) throw new InvalidPartError("the bundle does not commit to this transaction, or hides it otherwise");
  return { bundle, index, blinding, leg };
}

/** Returns the plaintext of a part. */
export function partPlaintext({ bundle, index, blinding, leg }: SealedPart): Hex {
  const { salt, level, epoch, commitments } = bundle;
  const head = new Writer().uint(VERSION, 1).uint(KIND, 1).hex(salt, 32).uint(level, 1).counted(epoch).counted(index);
  const others = commitments.filter((_, at) => at !== index);
  const out = others.reduce((to, other) => to.hex(other, 32), head.hex(blinding, 32).counted(others.length));
  return bytesToHex(putLeg(out, leg).finish());
}
