// The group Z_M^*/{+-1}: x and -x are one element, written as the smaller of the two.
//
// Numbers are BigInts, whose time depends on their values: an observer who times a browser to the microsecond may learn
// something about an exponent. Members of a committee use `weft committee`, which does not have this leak.
import { EncodingError, numberBytes, numberOf } from "../bytes.js";

/** The bytes are no element of the group. */
export class InvalidElementError extends EncodingError {}

/** A group modulo an odd number. Elements are BigInts between 1 and `half`. */
export class Group {
  readonly size: number;
  readonly half: bigint;

  constructor(
    readonly modulus: bigint,
    bits: number,
  ) {
    const found = modulus.toString(2).length;
    if (found !== bits) throw new EncodingError(`modulus has ${found} bits, expected ${bits}`);
    if (modulus % 2n === 0n) throw new EncodingError("modulus is even");
    this.size = bits / 8;
    this.half = modulus >> 1n;
  }

  /** Returns the element that a residue stands for. */
  element(value: bigint): bigint {
    if (value === 0n) throw new InvalidElementError("element is zero");
    if (value >= this.modulus) throw new InvalidElementError("element is not below the modulus");
    if (gcd(this.modulus, value) !== 1n) throw new InvalidElementError("element is not coprime to the modulus");
    return this.canonical(value);
  }

  /** Reads an element. */
  decode(bytes: Uint8Array): bigint {
    if (bytes.length !== this.size) {
      throw new InvalidElementError(`element has ${bytes.length} bytes, expected ${this.size}`);
    }
    const value = numberOf(bytes);
    if (this.element(value) !== value) throw new InvalidElementError("element is in the upper half of its range");
    return value;
  }

  /** Reads an element that hides something, which the identity does not. */
  decodePuzzle(bytes: Uint8Array): bigint {
    const element = this.decode(bytes);
    if (element === 1n) throw new InvalidElementError("element is the identity");
    return element;
  }

  encode(element: bigint): Uint8Array {
    return numberBytes(element, this.size);
  }

  multiply(left: bigint, right: bigint): bigint {
    return this.canonical((left * right) % this.modulus);
  }

  power(base: bigint, exponent: bigint): bigint {
    return this.canonical(power(base, exponent, this.modulus));
  }

  /** Returns `base^(2^squarings)`: takes as long as it sounds. */
  squared(base: bigint, squarings: bigint): bigint {
    let value = base;
    for (let done = 0n; done < squarings; done++) value = (value * value) % this.modulus;
    return this.canonical(value);
  }

  canonical(value: bigint): bigint {
    return value > this.half ? this.modulus - value : value;
  }
}

/** Returns `base^exponent` modulo an odd number, the exponent taken four bits at a time. */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  const window = [1n % modulus];
  for (let digit = 1; digit < 16; digit++) window.push((window[digit - 1]! * base) % modulus);
  let value = window[0]!;
  for (const digit of exponent.toString(16)) {
    for (let square = 0; square < 4; square++) value = (value * value) % modulus;
    value = (value * window[Number.parseInt(digit, 16)]!) % modulus;
  }
  return value;
}

/** Returns the inverse of a number that is coprime to the modulus. */
export function invert(value: bigint, modulus: bigint): bigint {
  let [left, right] = [modulus, value % modulus];
  let [before, after] = [0n, 1n];
  while (right !== 0n) {
    const quotient = left / right;
    [left, right] = [right, left - quotient * right];
    [before, after] = [after, before - quotient * after];
  }
  if (left !== 1n) throw new InvalidElementError("element is not coprime to the modulus");
  return before < 0n ? before + modulus : before;
}

/** Returns the Jacobi symbol of a number over an odd modulus. */
export function jacobi(value: bigint, modulus: bigint): -1 | 0 | 1 {
  let [top, bottom] = [value % modulus, modulus];
  let symbol: -1 | 1 = 1;
  const flip = () => (symbol = symbol === 1 ? -1 : 1);
  while (top !== 0n) {
    while ((top & 1n) === 0n) {
      top >>= 1n;
      const rest = bottom & 7n;
      if (rest === 3n || rest === 5n) flip();
    }
    [top, bottom] = [bottom, top];
    if ((top & 3n) === 3n && (bottom & 3n) === 3n) flip();
    top %= bottom;
  }
  return bottom === 1n ? symbol : 0;
}

function gcd(left: bigint, right: bigint): bigint {
  while (right !== 0n) [left, right] = [right, left % right];
  return left;
}
