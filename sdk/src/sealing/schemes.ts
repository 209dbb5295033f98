// The schemes: the key of an epoch, and a puzzle of an envelope's own (P10).
import type { Hex } from "viem";
import type { Domain } from "../marker.js";
import { type BytesLike, bytesOf, numberOf, sameBytes } from "../bytes.js";
import { decodePoint, encodePoint, reduced, times, timesPublic } from "./curve.js";
import { type Envelope, SCHEME } from "./envelope.js";
import { InvalidElementError } from "./group.js";
import type { EpochSecret, KeyList } from "./keys.js";
import { FalseClaimError, Sealer } from "./seal.js";
import type { Setup } from "./setup.js";
import { verifySquarings } from "./squarings.js";

/** Seals to the key of an epoch: the head is `r G`, and hides `r K`. */
export class EpochSealer extends Sealer<EpochSecret> {
  readonly scheme = SCHEME.epochKey;
  readonly key: Hex;
  readonly domain: Domain;

  constructor(readonly list: KeyList) {
    super();
    this.key = list.id;
    this.domain = list.domain;
  }

  protected head(coins: Uint8Array): Uint8Array {
    return encodePoint(times(reduced(coins)));
  }

  protected shared(coins: Uint8Array): Uint8Array {
    return encodePoint(times(reduced(coins), this.list.key));
  }

  protected uncover(head: Uint8Array, { list, secret }: EpochSecret): Uint8Array | undefined {
    if (list !== this.key) throw new FalseClaimError("the secret is that of another key list");
    try {
      // The secret is public by the time that anybody opens envelopes with it.
      return encodePoint(timesPublic(secret, decodePoint(head)));
    } catch {
      return undefined;
    }
  }
}

/** The solution of one envelope's puzzle, computed or proven; without value when it has no puzzle. */
export class Solution {
  /** Made by `PuzzleSealer`, which knows that it is right under the setup of this name: others square a head otherwise. */
  constructor(
    readonly setup: Hex,
    readonly head: Uint8Array,
    readonly value: Uint8Array | undefined,
  ) {}
}

/** Seals to a puzzle of the envelope's own: the head is `g^r`, and hides `h^r`. */
export class PuzzleSealer extends Sealer<Solution> {
  readonly scheme = SCHEME.puzzle;
  readonly key: Hex;

  constructor(
    readonly domain: Domain,
    readonly setup: Setup,
  ) {
    super();
    this.key = setup.id;
  }

  /** Returns what must be squared; nothing when the head is no element, or hides nothing. */
  puzzle(envelope: Envelope): bigint | undefined {
    this.own(envelope);
    try {
      return this.setup.group.decodePuzzle(envelope.head);
    } catch (error) {
      if (error instanceof InvalidElementError) return undefined;
      throw error;
    }
  }

  /** Does the squarings. They take the time that the setup says and block the thread: `weft solve` is the better tool. */
  solve(envelope: Envelope): Solution {
    const { group, delaySquarings } = this.setup;
    const puzzle = this.puzzle(envelope);
    const value = puzzle === undefined ? undefined : group.encode(group.squared(puzzle, delaySquarings));
    return new Solution(this.setup.id, envelope.head, value);
  }

  /** Takes somebody else's solution with its proof; throws when it does not hold. */
  verifySolution(envelope: Envelope, value: BytesLike, proof: BytesLike): Solution {
    const base = this.puzzle(envelope);
    if (base === undefined) throw new FalseClaimError("the envelope has no puzzle");
    const { group, delaySquarings: squarings } = this.setup;
    const output = group.decode(bytesOf(value));
    verifySquarings(group, { base, output, squarings }, group.decode(bytesOf(proof)));
    return new Solution(this.setup.id, envelope.head, group.encode(output));
  }

  /** Returns the coins of an envelope, given its seed. */
  coinsOf(envelope: Envelope, seed: BytesLike): Uint8Array {
    return this.reseal(envelope, bytesOf(seed)).coins;
  }

  protected head(coins: Uint8Array): Uint8Array {
    return this.#power(this.setup.base, coins);
  }

  protected shared(coins: Uint8Array): Uint8Array {
    return this.#power(this.setup.delayed, coins);
  }

  protected uncover(head: Uint8Array, solution: Solution): Uint8Array | undefined {
    if (solution.setup !== this.setup.id) throw new FalseClaimError("the solution is that of another setup");
    if (!sameBytes(solution.head, head)) throw new FalseClaimError("the solution is that of another envelope");
    return solution.value;
  }

  #power(base: bigint, coins: Uint8Array): Uint8Array {
    return this.setup.group.encode(this.setup.group.power(base, numberOf(coins)));
  }
}
