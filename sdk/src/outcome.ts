// What becomes of a bundle or transaction.
import type { Abi, Hash, Hex } from "viem";
import { type DecodedError, decodeError } from "./abi.js";
import type { Realm } from "./realm.js";

/** Why something that had a position is in no block. */
export type RemovalCause =
  | "Failed"
  | "Sibling"
  | "Undecryptable"
  | "Malformed"
  | "Invalid"
  | "Late"
  | "Unavailable"
  | "Reorged";

/** A leg with its result. */
export interface LegOutcome {
  leg: number;
  chainId: number;
  txHash: Hash;
  mayRevert: boolean;
  /** Null when the leg did not run. */
  success: boolean | null;
  gasUsed: Hex | null;
  /** What the call returned or reverted with. */
  output: Hex | null;
}

interface Common {
  bundleId: Hex | null;
  /** False when the legs could be lifted out of their bundle; null for a single transaction. */
  protected: boolean | null;
  siblings: LegOutcome[];
  system: { chainId: number; txHash: Hash }[];
}

/** In a block of every rollup concerned. */
export interface Included extends Common {
  outcome: "included";
  slot: number;
}

/** Had a position and is in no block; nothing of it is left. */
export interface Removed extends Common {
  outcome: "removed";
  slot: number;
  cause: RemovalCause;
  /** The leg that failed. */
  leg: number;
  chainId: number;
  txHash: Hash;
  reason: string;
  /** Why the leg could not start, when `cause` is `Invalid`. */
  invalid: string | null;
  revertData: Hex;
}

/** Never had a turn: it had no position, or was sealed and given up before it was opened. */
export interface Dropped extends Common {
  outcome: "dropped";
  reason: string;
}

/** A leg of a bundle that was sealed in parts, opened before another one: it did nothing. The bundle's id says what became of all. */
export interface OpenedPart extends Common {
  outcome: "part";
  slot: number;
  bundleId: Hex;
  /** Number of the leg, from 0. */
  leg: number;
  /** How many there are. */
  legs: number;
}

/** What became of a bundle or transaction. */
export type Outcome = Included | Removed | Dropped | OpenedPart;

/** Settings of a wait. */
export interface WaitOptions {
  /** Milliseconds until the wait is given up; the bundle may still be included later. */
  timeoutMs?: number;
  /** Milliseconds between two looks. */
  pollingMs?: number;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** A bundle was removed or dropped. */
export class NotIncludedError extends Error {
  override readonly name = "NotIncludedError";
  /** The revert data in words, where they are known. */
  readonly decoded: DecodedError | undefined;

  constructor(
    readonly outcome: Removed | Dropped | OpenedPart,
    abi: Abi = [],
  ) {
    const decoded = outcome.outcome === "removed" ? decodeError(outcome.revertData, abi) : undefined;
    super(describe(outcome, decoded));
    this.decoded = decoded;
  }
}

/** Nothing was decided in time. */
export class UndecidedError extends Error {
  override readonly name = "UndecidedError";

  constructor(
    readonly id: Hex,
    readonly timeoutMs: number,
  ) {
    super(`${id} is undecided after ${timeoutMs} ms; it may still be included`);
  }
}

/** Returns what became of a bundle or transaction; null while that is undecided or when the node never saw it. */
export function getOutcome(realm: Realm, id: Hex): Promise<Outcome | null> {
  return realm.request("weft_getOutcome", id);
}

/** Waits until it is decided what becomes of a bundle or transaction. */
export async function waitForOutcome(realm: Realm, id: Hex, options: WaitOptions = {}): Promise<Outcome> {
  return poll(() => getOutcome(realm, id), id, options);
}

/** Asks until there is an answer. */
export async function poll<T>(ask: () => Promise<T | null>, id: Hex, options: WaitOptions): Promise<T> {
  const { timeoutMs = 60_000, pollingMs = 50, signal } = options;
  const end = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() >= end) throw new UndecidedError(id, timeoutMs);
    await new Promise((resolve) => setTimeout(resolve, pollingMs));
  }
}

function describe(outcome: Removed | Dropped | OpenedPart, decoded: DecodedError | undefined): string {
  if (outcome.outcome === "part") return `not complete: leg ${outcome.leg} of ${outcome.legs} is there`;
  if (outcome.outcome === "dropped") return `dropped: ${outcome.reason}`;
  const { cause, leg, chainId, reason, invalid } = outcome;
  const words = decoded ? `${decoded.errorName}(${decoded.args.join(", ")})` : (invalid ?? reason);
  return `removed: ${cause} at leg ${leg} on ${chainId}: ${words}`;
}
