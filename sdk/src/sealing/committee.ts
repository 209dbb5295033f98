// Whose shares make a key: the node chooses them, and one honest member of a list is all that keeps it shut (P10, P17).
import { type Address, type Hex, isAddressEqual } from "viem";
import { isSigner } from "./payer.js";
import { bytesOf } from "../bytes.js";
import type { KeyList } from "./keys.js";
import { FalseClaimError } from "./seal.js";

/** Whom a user trusts to keep keys: at least one of them has to be honest. The node cannot choose them. */
export interface Committee {
  /** Keys by which members sign their shares, by the members' numbers. */
  members: Readonly<Record<number, Address>>;
  /** Fewest members whose shares make a key that is sealed to; by default all, since the node chooses who is in a list. */
  least?: number;
  /** Fewest squarings that anybody needs to open a key (P17): with a short delay the node reads before it orders. */
  leastDelay: bigint;
}

/** Checks whose shares make a key, and how long it stays shut; throws `FalseClaimError` when it is not to be trusted. */
export async function checkCommittee(
  { members, least, leastDelay }: Committee,
  list: KeyList,
  signatures: Readonly<Record<number, Hex>>,
): Promise<void> {
  for (const member of list.shares.keys()) {
    const key = Object.hasOwn(members, member) ? members[member] : undefined;
    if (!key) throw new FalseClaimError(`member ${member} is not of the committee`);
    const signature = Object.hasOwn(signatures, member) ? signatures[member] : undefined;
    const digest = list.announcementDigest(member);
    if (!signature || !(await isSigner(key, digest, bytesOf(signature)))) {
      throw new FalseClaimError(`the share of member ${member} is not signed by ${key}`);
    }
  }
  const keys = Object.values(members);
  if (keys.some((key, at) => keys.slice(0, at).some((other) => isAddressEqual(key, other)))) {
    throw new RangeError("two members of the committee have the same key");
  }
  const delay = list.setup.delaySquarings;
  if (delay < leastDelay) throw new FalseClaimError(`the delay is ${delay} squarings, at least ${leastDelay} are asked for`);
  const [found, enough] = [list.shares.size, least ?? keys.length];
  if (found < enough) throw new FalseClaimError(`${found} members made the key, at least ${enough} are asked for`);
}
