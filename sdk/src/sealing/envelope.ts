// The envelope: what a user submits, and the parts of it that everybody can read (P12, P13).
import { type Address, type Hex, bytesToHex } from "viem";
import type { Domain } from "../marker.js";
import { type BytesLike, EncodingError, Reader, Writer, bytesOf } from "../bytes.js";
import { PART, Transcript } from "./hash.js";

const VERSION = 1;
const LENGTH_BYTES = 4;
const MAX_SIZE = 9;
const MAX_GAS = 10;

/** What sealed an envelope: the key of an epoch, or a puzzle of its own; proven ones are read here, and not opened. */
export const SCHEME = { epochKey: 1, puzzle: 2, threshold: 3, proven: 4 } as const;
/** One of `SCHEME`. */
export type Scheme = (typeof SCHEME)[keyof typeof SCHEME];

/** What the sequencer must know before it can read an envelope. All of it is bound. */
export interface Carriage {
  /** Who pays the carriage fee. */
  payer: Address;
  /** Network where the payer's deposit lies; 0 is L1. */
  deposit: number;
  /** The target, when it is left in clear. */
  rollup?: number | undefined;
  /** Epoch in which it is ordered. */
  epoch: bigint;
  /** Last slot in which it may be ordered. */
  validUntil: bigint;
  /** Size bucket: the padded plaintext has `256 << size` bytes. */
  size: number;
  /** Gas bucket: the content may use `32768 << gas` gas. */
  gas: number;
  /** Highest fee for both buckets. */
  maxFeeWei: bigint;
}

/** A sealed item. */
export interface Envelope {
  scheme: Scheme;
  /** Name of the key list or of the setup that it is sealed to. */
  key: Hex;
  carriage: Carriage;
  /** The scheme's own part; any bytes at all. */
  head: Uint8Array;
  /** The seed, masked by what the head hides. */
  maskedSeed: Uint8Array;
  /** The padded plaintext under the seed's stream. */
  body: Uint8Array;
}

/** Returns the smallest size bucket for a plaintext of so many bytes. */
export function sizeFor(bytes: number): number {
  return bucketFor(bytes + LENGTH_BYTES, 256, MAX_SIZE, `plaintext of ${bytes} bytes is over the largest bucket`);
}

/** Returns the smallest gas bucket for so much gas. */
export function gasFor(gas: number | bigint): number {
  return bucketFor(Number(gas), 32_768, MAX_GAS, `${gas} gas are over the largest bucket`);
}

/** Writes an envelope. */
export function encodeEnvelope(envelope: Envelope): Hex {
  return bytesToHex(envelopeBytes(envelope));
}

/** Reads an envelope; there is one encoding of each. */
export function decodeEnvelope(input: BytesLike): Envelope {
  const reader = new Reader(bytesOf(input));
  const version = reader.byte();
  if (version !== VERSION) throw new EncodingError(`byte ${version} is not a valid encoding version`);
  const scheme = decodeScheme(reader.byte());
  const key = reader.hex(32);
  const carriage = decodeCarriage(reader);
  const head = reader.raw(headBytes(scheme));
  const maskedSeed = reader.raw(32);
  const body = reader.raw(256 << carriage.size);
  reader.finish();
  return { scheme, key, carriage, head, maskedSeed, body };
}

/** Returns an envelope's name: hash 12, which its payer signs. */
export function envelopeId(domain: Domain, envelope: Envelope): Hex {
  return bytesToHex(Transcript.ofRealm(domain, PART.envelope).put(envelopeBytes(envelope)).finish());
}

/** Returns the hash of what is readable; it goes into every mask. */
export function readableHash(domain: Domain, { scheme, key, carriage }: Omit<Envelope, "head" | "maskedSeed" | "body">) {
  const readable = new Writer().uint(scheme, 1).hex(key, 32).raw(encodeCarriage(carriage)).finish();
  return Transcript.ofRealm(domain, PART.readable).put(readable).finish();
}

/** Pads a plaintext: its length, itself, zeros. */
export function pad(plaintext: Uint8Array, size: number): Uint8Array {
  const bound = (256 << size) - LENGTH_BYTES;
  if (plaintext.length > bound) throw new RangeError(`plaintext of ${plaintext.length} bytes is over the bucket's ${bound}`);
  const padded = new Uint8Array(256 << size);
  new DataView(padded.buffer).setUint32(0, plaintext.length);
  padded.set(plaintext, LENGTH_BYTES);
  return padded;
}

/** Returns the plaintext of a padded one; nothing when its length or its zeros are wrong. */
export function unpad(padded: Uint8Array): Uint8Array | undefined {
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  const end = LENGTH_BYTES + length;
  if (end > padded.length || padded.subarray(end).some((byte) => byte !== 0)) return undefined;
  return padded.slice(LENGTH_BYTES, end);
}

function envelopeBytes({ scheme, key, carriage, head, maskedSeed, body }: Envelope): Uint8Array {
  const start = new Writer().uint(VERSION, 1).uint(scheme, 1).hex(key, 32).raw(encodeCarriage(carriage));
  return start.raw(head).raw(maskedSeed).raw(body).finish();
}

function headBytes(scheme: Scheme): number {
  if (scheme === SCHEME.threshold) return 112;
  return scheme === SCHEME.epochKey ? 33 : 256;
}

function decodeScheme(found: number): Scheme {
  const scheme = Object.values(SCHEME).find((known) => known === found);
  if (scheme !== undefined) return scheme;
  throw new EncodingError(`byte ${found} is not a valid sealing scheme`);
}

function encodeCarriage({ payer, deposit, rollup, epoch, validUntil, size, gas, maxFeeWei }: Carriage): Uint8Array {
  const out = new Writer().hex(payer, 20).uint(deposit, 4).bool(rollup !== undefined);
  if (rollup !== undefined) out.uint(rollup, 4);
  out.uint(epoch, 8).uint(validUntil, 8).uint(bucket(size, MAX_SIZE, "size"), 1);
  return out.uint(bucket(gas, MAX_GAS, "gas"), 1).uint(maxFeeWei, 16).finish();
}

function decodeCarriage(reader: Reader): Carriage {
  const payer = reader.hex(20);
  const deposit = reader.u32();
  const rollup = reader.bool() ? reader.u32() : undefined;
  const [epoch, validUntil] = [reader.uint(8), reader.uint(8)];
  const size = bucket(reader.byte(), MAX_SIZE, "size");
  const gas = bucket(reader.byte(), MAX_GAS, "gas");
  return { payer, deposit, rollup, epoch, validUntil, size, gas, maxFeeWei: reader.uint(16) };
}

function bucket(found: number, most: number, what: string): number {
  if (Number.isInteger(found) && found >= 0 && found <= most) return found;
  throw new EncodingError(`byte ${found} is not a valid ${what} bucket`);
}

function bucketFor(amount: number, unit: number, most: number, tooMuch: string): number {
  for (let index = 0; index <= most; index++) if (unit * 2 ** index >= amount) return index;
  throw new RangeError(tooMuch);
}
