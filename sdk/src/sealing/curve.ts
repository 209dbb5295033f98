// The curve secp256k1.
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { EncodingError, numberOf } from "../bytes.js";

const { Point } = secp256k1;

/** A point of the curve. */
export type CurvePoint = InstanceType<typeof Point>;

/** Bytes of an encoded point. */
export const POINT_BYTES = 33;
/** The order of the curve. */
export const ORDER = Point.CURVE().n;

/** Reads a point in compressed form; infinity has none. */
export function decodePoint(bytes: Uint8Array): CurvePoint {
  const compressed = bytes.length === POINT_BYTES && (bytes[0] === 2 || bytes[0] === 3);
  try {
    if (compressed) return Point.fromBytes(bytes);
  } catch {
    // x is not below the field's prime, or no point has it.
  }
  throw new EncodingError("not a point of secp256k1 in compressed form");
}

/** Returns the encoding of a point; of infinity, which is no head, zeros. */
export function encodePoint(point: CurvePoint): Uint8Array {
  return point.is0() ? new Uint8Array(POINT_BYTES) : point.toBytes(true);
}

/** Multiplies the generator, or another point, by a secret number. */
export function times(scalar: bigint, point: CurvePoint = Point.BASE): CurvePoint {
  return scalar === 0n ? Point.ZERO : point.multiply(scalar);
}

/** Multiplies by a public number. */
export function timesPublic(scalar: bigint, point: CurvePoint = Point.BASE): CurvePoint {
  return point.multiplyUnsafe(scalar);
}

/** Adds points. */
export function sum(points: readonly CurvePoint[]): CurvePoint {
  return points.reduce((total, point) => total.add(point), Point.ZERO);
}

/** Reduces a number of any length modulo the order of the curve. */
export function reduced(bytes: Uint8Array): bigint {
  return numberOf(bytes) % ORDER;
}
