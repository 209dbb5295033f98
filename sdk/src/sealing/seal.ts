// Sealing and opening, the same for every scheme (P10, P11): all randomness of a ciphertext comes from a seed that it
// hides, so whoever has the seed computes the whole ciphertext again, and each has exactly one verdict.
import { type Hex, bytesToHex } from "viem";
import { FalseClaimError } from "../claim.js";
import type { Domain } from "../marker.js";
import { type BytesLike, bytesOf, sameBytes, xor } from "../bytes.js";
import { type Carriage, type Envelope, type Scheme, pad, readableHash, sizeFor, unpad } from "./envelope.js";
import { PART, type Part, Transcript, expand } from "./hash.js";

export { FalseClaimError };

const SEED_BYTES = 32;

/** What an envelope turned out to be. `seed` proves the first two to everybody; the third is shown with the key. */
export type Verdict =
  | { verdict: "opened"; plaintext: Uint8Array; seed: Hex }
  | { verdict: "malformed"; seed: Hex }
  | { verdict: "undecryptable" };

/** The envelope is sealed to another key, so nothing can be said about it here. */
export class ForeignEnvelopeError extends Error {
  override readonly name = "ForeignEnvelopeError";
}

/** What is sealed to a key: the carriage, whose size bucket is the smallest one when absent. */
export type SealedCarriage = Omit<Carriage, "size"> & { size?: number | undefined };

/** A key to seal to, and what opens its envelopes. `Opener` is a key's secret or a puzzle's solution. */
export abstract class Sealer<Opener> {
  abstract readonly scheme: Scheme;
  /** Name of the key. */
  abstract readonly key: Hex;
  abstract readonly domain: Domain;

  /** Returns the head of some coins. */
  protected abstract head(coins: Uint8Array): Uint8Array;
  /** Returns what the head of these coins hides. */
  protected abstract shared(coins: Uint8Array): Uint8Array;
  /** Returns what a head hides; nothing for bytes that are no head. */
  protected abstract uncover(head: Uint8Array, opener: Opener): Uint8Array | undefined;

  /** Seals a plaintext. `entropy` is 32 bytes that nobody else knows: drawn here, given only in tests. */
  seal(carriage: SealedCarriage, plaintext: BytesLike, entropy: Uint8Array = drawn()): Envelope {
    if (entropy.length !== SEED_BYTES) throw new RangeError(`entropy has ${entropy.length} bytes, expected ${SEED_BYTES}`);
    const bytes = bytesOf(plaintext);
    const { scheme, key } = this;
    const sealed = { scheme, key, carriage: { ...carriage, size: carriage.size ?? sizeFor(bytes.length) } };
    const padded = pad(bytes, sealed.carriage.size);
    const readable = readableHash(this.domain, sealed);
    const seed = this.#hash(PART.seed, entropy, readable, padded);
    const coins = this.#hash(PART.coins, readable, seed, padded);
    const head = this.head(coins);
    const maskedSeed = xor(this.#hash(PART.seedMask, readable, head, this.shared(coins)), seed);
    return { ...sealed, head, maskedSeed, body: this.#stream(readable, seed, padded) };
  }

  /** Opens an envelope; throws `ForeignEnvelopeError` when it is not sealed to this key. */
  open(envelope: Envelope, opener: Opener): Verdict {
    this.own(envelope);
    const shared = this.uncover(envelope.head, opener);
    if (!shared) return { verdict: "undecryptable" };
    const readable = readableHash(this.domain, envelope);
    const seed = xor(this.#hash(PART.seedMask, readable, envelope.head, shared), envelope.maskedSeed);
    const padded = this.#stream(readable, seed, envelope.body);
    // The head is the only part left to compare: seed and body were taken out of the rest.
    const head = this.head(this.#hash(PART.coins, readable, seed, padded));
    return sameBytes(head, envelope.head) ? judged(padded, seed) : { verdict: "undecryptable" };
  }

  /** Opens an envelope with its seed alone; throws `FalseClaimError` when the seed gives another ciphertext. */
  verifyOpening(envelope: Envelope, seed: BytesLike): Verdict {
    const bytes = bytesOf(seed);
    return judged(this.reseal(envelope, bytes).padded, bytes);
  }

  /** Checks a claimed verdict; throws `FalseClaimError` when it is another one. Only `undecryptable` needs an opener. */
  checkVerdict(envelope: Envelope, claimed: Verdict, opener?: Opener): void {
    if (claimed.verdict === "undecryptable" && opener === undefined) {
      throw new FalseClaimError("only the key or the solution shows that an envelope is undecryptable");
    }
    const found = "seed" in claimed ? this.verifyOpening(envelope, claimed.seed) : this.open(envelope, opener!);
    if (!sameVerdict(found, claimed)) throw new FalseClaimError(`the envelope is ${found.verdict}, not as claimed`);
  }

  /** Throws `ForeignEnvelopeError` unless the envelope is sealed to this key. */
  own({ scheme, key }: Envelope): void {
    if (scheme === this.scheme && key === this.key) return;
    throw new ForeignEnvelopeError(`envelope is sealed by scheme ${scheme} to ${key}, not to ${this.key}`);
  }

  /** Computes the ciphertext of a seed again, and returns its coins and padded plaintext. */
  protected reseal(envelope: Envelope, seed: Uint8Array): { coins: Uint8Array; padded: Uint8Array } {
    this.own(envelope);
    if (seed.length !== SEED_BYTES) throw new FalseClaimError(`a seed has ${SEED_BYTES} bytes`);
    const readable = readableHash(this.domain, envelope);
    const padded = this.#stream(readable, seed, envelope.body);
    const coins = this.#hash(PART.coins, readable, seed, padded);
    const head = this.head(coins);
    const masked = xor(this.#hash(PART.seedMask, readable, head, this.shared(coins)), seed);
    const same = sameBytes(head, envelope.head) && sameBytes(masked, envelope.maskedSeed);
    if (!same) throw new FalseClaimError("seed does not give this ciphertext");
    return { coins, padded };
  }

  #hash(part: Part, ...fields: Uint8Array[]): Uint8Array {
    return fields.reduce((hash, field) => hash.put(field), Transcript.ofRealm(this.domain, part)).finish();
  }

  /** Puts the padded plaintext under the stream of the seed, or takes it out again. */
  #stream(readable: Uint8Array, seed: Uint8Array, body: Uint8Array): Uint8Array {
    return xor(body, expand(this.#hash(PART.stream, readable, seed), body.length));
  }
}

/** Returns 32 bytes from the system's source of randomness. */
export function drawn(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(SEED_BYTES));
}

function judged(padded: Uint8Array, bytes: Uint8Array): Verdict {
  const [plaintext, seed] = [unpad(padded), bytesToHex(bytes)];
  return plaintext ? { verdict: "opened", plaintext, seed } : { verdict: "malformed", seed };
}

function sameVerdict(left: Verdict, right: Verdict): boolean {
  if (left.verdict !== right.verdict) return false;
  return left.verdict !== "opened" || right.verdict !== "opened" || sameBytes(left.plaintext, right.plaintext);
}
