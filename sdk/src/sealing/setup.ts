// What everybody agrees on before the first puzzle: modulus, delay, bases, and the base after the delay.
import { type Hex, bytesToHex } from "viem";
import { type BytesLike, EncodingError, Reader, bytesOf, numberOf } from "../bytes.js";
import { Group, jacobi, power } from "./group.js";
import { PART, Transcript, expand } from "./hash.js";
import { MAX_SQUARINGS, verifySquarings } from "./squarings.js";

const BITS = 2048;

/** The RSA-2048 number: made in 1991, its factors said to be destroyed, never factored. */
export const RSA_2048 = BigInt(
  "0xc7970ceedcc3b0754490201a7aa613cd73911081c790f5f1a8726f463550bb5b" +
    "7ff0db8e1ea1189ec72f93d1650011bd721aeeacc2acde32a04107f0648c2813" +
    "a31f5b0b7765ff8b44b4b6ffc93384b646eb09c7cf5e8592d40ea33c80039f35" +
    "b4f14a04b51f7bfd781be4d1673164ba8eb991c2c4d730bbbe35f592bdef524a" +
    "f7e8daefd26c66fc02c479af89d64d373f442709439de66ceb955f3ea37d5159" +
    "f6135809f85334b5cb1813addc80cd05609f10ac6a95ad65872c909525bdad32" +
    "bc729592642920f24c61dc5b3c3b7923e56b16a4d9d373d8721f24a3fc0f1b31" +
    "31f55615172866bccc30f95054c824e733a5eb6817f7bc16399d48c6361cc7e5",
);

/** Modulus, delay and bases; the delayed base is proven. */
export class Setup {
  /** g. */
  readonly base: bigint;
  readonly id: Hex;
  /** The group modulo N^2, in which shares hide their numbers. */
  readonly wide: Group;
  readonly #bases = new Map<number, bigint>();
  #hiding: bigint | undefined;

  private constructor(
    readonly group: Group,
    /** T, in squarings. */
    readonly delaySquarings: bigint,
    /** h = g^(2^T). */
    readonly delayed: bigint,
  ) {
    const root = hashedBase(group, 0);
    this.base = group.multiply(root, root);
    this.wide = new Group(group.modulus * group.modulus, 2 * BITS);
    this.id = bytesToHex(this.#name());
  }

  /**
   * Reads a setup and checks its proof, in some ten milliseconds however long the delay is. Which modulus and delay
   * are acceptable is for the caller to say; `modulus` is refused when it is another one.
   */
  static decode(input: BytesLike, { modulus = RSA_2048 }: { modulus?: bigint | "any" } = {}): Setup {
    const reader = new Reader(bytesOf(input));
    const found = numberOf(reader.raw(BITS / 8));
    if (modulus !== "any" && found !== modulus) throw new EncodingError("setup has another modulus than the one expected");
    const group = new Group(found, BITS);
    const squarings = reader.uint(8);
    if (squarings < 1n || squarings > MAX_SQUARINGS) {
      throw new EncodingError(`delay of ${squarings} squarings is out of range`);
    }
    const delayed = group.decode(reader.raw(BITS / 8));
    const proof = group.decode(reader.raw(BITS / 8));
    reader.finish();
    const setup = new Setup(group, squarings, delayed);
    verifySquarings(group, { base: setup.base, output: delayed, squarings }, proof);
    return setup;
  }

  /** k and f, which bind a number: bases 1 and 2. */
  binding(index: 1 | 2): bigint {
    const known = this.#bases.get(index) ?? hashedBase(this.group, index);
    this.#bases.set(index, known);
    return known;
  }

  /** `h^N` modulo N^2. */
  get hiding(): bigint {
    this.#hiding ??= power(this.delayed, this.group.modulus, this.wide.modulus);
    return this.#hiding;
  }

  #name(): Uint8Array {
    return Transcript.ofNumbers(PART.setup)
      .put(this.group.encode(this.group.modulus))
      .number(this.delaySquarings)
      .put(this.group.encode(this.delayed))
      .finish();
  }
}

/** Returns base number `index`: the first hash that is an element of Jacobi symbol one. */
function hashedBase(group: Group, index: number): bigint {
  const start = Transcript.ofNumbers(PART.base).put(group.encode(group.modulus)).number(index);
  for (let counter = 0; ; counter++) {
    const value = numberOf(expand(start.number(counter).finish(), 2 * group.size)) % group.modulus;
    // The symbol is zero exactly where the value shares a factor with the modulus.
    if (jacobi(value, group.modulus) === 1) return group.canonical(value);
  }
}
