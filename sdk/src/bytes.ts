// Bytes and numbers, and the canonical encoding of the repository (`weft-types`): big-endian, one form for each value.
import { type Hex, bytesToHex, concat, hexToBytes, isHex } from "viem";

/** Bytes, or their hexadecimal text. */
export type BytesLike = Uint8Array | Hex;

/** The bytes are not the one encoding of anything that is expected here. */
export class EncodingError extends Error {
  override readonly name = "EncodingError";
}

/** Returns the bytes of either form. */
export function bytesOf(value: BytesLike): Uint8Array {
  if (typeof value !== "string") return value;
  if (!isHex(value) || value.length % 2 !== 0) throw new EncodingError("text is not hexadecimal with two digits a byte");
  return hexToBytes(value);
}

/** Reads a big-endian number of any length. */
export function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(bytesToHex(bytes));
}

/** Writes a number in so many bytes. */
export function numberBytes(value: bigint, size: number): Uint8Array {
  // Nothing is left of zero.
  const digits = (value === 0n ? "" : value.toString(16)).padStart(2 * size, "0");
  if (value < 0n || digits.length > 2 * size) throw new RangeError(`number does not fit ${size} bytes`);
  return hexToBytes(`0x${digits}`);
}

/** Tells whether two byte strings are the same. Time depends on them: for values that are public when it matters. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** Returns the exclusive or of two byte strings of one length. */
export function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ right[index]!);
}

/** Grows an encoding. */
export class Writer {
  readonly #parts: Uint8Array[] = [];

  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  hex(value: Hex, size: number): this {
    const bytes = bytesOf(value);
    if (bytes.length !== size) throw new RangeError(`value has ${bytes.length} bytes, expected ${size}`);
    return this.raw(bytes);
  }

  uint(value: number | bigint, size: number): this {
    return this.raw(numberBytes(BigInt(value), size));
  }

  bool(value: boolean): this {
    return this.uint(Number(value), 1);
  }

  /** A number without leading zeros, behind its length in bytes. */
  counted(value: number | bigint): this {
    const size = BigInt(value) === 0n ? 0 : Math.ceil(value.toString(16).length / 2);
    return this.uint(size, 1).uint(value, size);
  }

  /** Bytes behind their length. */
  bytes(value: Uint8Array): this {
    return this.counted(value.length).raw(value);
  }

  finish(): Uint8Array {
    return concat(this.#parts);
  }
}

/** Takes an encoding apart. */
export class Reader {
  #at = 0;

  constructor(readonly input: Uint8Array) {}

  raw(size: number): Uint8Array {
    const end = this.#at + size;
    if (end > this.input.length) throw new EncodingError(`input ends ${end - this.input.length} bytes early`);
    const bytes = this.input.slice(this.#at, end);
    this.#at = end;
    return bytes;
  }

  hex(size: number): Hex {
    return bytesToHex(this.raw(size));
  }

  byte(): number {
    return this.raw(1)[0]!;
  }

  uint(size: number): bigint {
    return numberOf(this.raw(size));
  }

  u32(): number {
    return Number(this.uint(4));
  }

  bool(): boolean {
    const found = this.byte();
    if (found > 1) throw new EncodingError(`byte ${found} is not a valid boolean`);
    return found === 1;
  }

  /** A number that `Writer.counted` wrote, of at most so many bytes. */
  number(most: number): bigint {
    const size = this.byte();
    if (size > most) throw new EncodingError(`number of ${size} bytes is over the bound ${most}`);
    const digits = this.raw(size);
    if (digits[0] === 0) throw new EncodingError("number with a leading zero");
    return numberOf(digits);
  }

  /** A length that `Writer.counted` wrote, at most `bound`. */
  counted(bound: number): number {
    const found = Number(this.number(4));
    if (found > bound) throw new EncodingError(`length ${found} is over the bound ${bound}`);
    return found;
  }

  /** How many bytes were read. */
  get at(): number {
    return this.#at;
  }

  finish(): void {
    const left = this.input.length - this.#at;
    if (left > 0) throw new EncodingError(`${left} bytes follow the value`);
  }
}
