// Sealing to a committee's threshold signature (P10, scheme 3): Boneh and Franklin's encryption to an identity over
// BLS12-381, as commonware's `tle` has it, around the value that the envelope's seed lies under.
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { type Hex, bytesToHex, concat, sha256, stringToBytes } from "viem";
import type { Domain } from "../marker.js";
import { type BytesLike, EncodingError, bytesOf, sameBytes, xor } from "../bytes.js";
import { SCHEME } from "./envelope.js";
import { PART, type Part, Transcript } from "./hash.js";
import { FalseClaimError, Sealer } from "./seal.js";

type G1 = InstanceType<typeof bls12_381.G1.Point>;
type G2 = InstanceType<typeof bls12_381.G2.Point>;
type Fp12 = ReturnType<typeof bls12_381.pairing>;

const { G1, G2, fields } = bls12_381;
const KEY_BYTES = 48;
const SIGNATURE_BYTES = 96;
const HEAD_BYTES = 112;
const NAMESPACE = stringToBytes("weft threshold epoch 1");
const TO_G2 = { DST: "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_" };
const TO_SCALAR = { DST: "TLE_BLS12381_XMD:SHA-256_SSWU_RO_H3_" };

/** The committee's signature over an epoch; `ThresholdSealer.opener` makes it and knows that it is right. */
export class ThresholdOpener {
  constructor(
    readonly name: Hex,
    readonly signature: G2,
  ) {}
}

/** Seals to a committee's public key and to an epoch. */
export class ThresholdSealer extends Sealer<ThresholdOpener> {
  readonly scheme = SCHEME.threshold;
  readonly key: Hex;
  readonly #public: G1;
  readonly #identity: G2;

  /** Throws `EncodingError` for bytes that are no public key. */
  constructor(
    readonly domain: Domain,
    publicKey: BytesLike,
    readonly epoch: bigint,
  ) {
    super();
    const bytes = bytesOf(publicKey);
    const point = decodePoint(bytes);
    if (!point || point.is0()) throw new EncodingError("not the public key of a committee");
    this.#public = point;
    const name = Transcript.ofRealm(domain, PART.thresholdName).put(bytes).number(epoch).finish();
    this.key = bytesToHex(name);
    const message = concat([Uint8Array.of(NAMESPACE.length), NAMESPACE, name]);
    this.#identity = G2.Point.fromAffine(G2.hashToCurve(message, TO_G2).toAffine());
  }

  /** Takes the committee's signature over the epoch; throws `FalseClaimError` when it does not hold. */
  opener(signature: BytesLike): ThresholdOpener {
    const point = decodeSignature(bytesOf(signature));
    const holds = point && sameGt(bls12_381.pairing(G1.Point.BASE, point), bls12_381.pairing(this.#public, this.#identity));
    if (!holds) throw new FalseClaimError("the signature is not the committee's over this epoch");
    return new ThresholdOpener(this.key, point);
  }

  protected head(coins: Uint8Array): Uint8Array {
    const sigma = this.#ofCoins(PART.thresholdSigma, coins);
    const block = this.shared(coins);
    const r = scalar(sigma, block);
    const mask = ofGt(bls12_381.pairing(this.#public.multiply(r), this.#identity));
    return concat([G1.Point.BASE.multiply(r).toBytes(true), xor(sigma, mask), xor(block, ofSigma(sigma))]);
  }

  protected shared(coins: Uint8Array): Uint8Array {
    return this.#ofCoins(PART.thresholdShared, coins);
  }

  protected uncover(head: Uint8Array, { name, signature }: ThresholdOpener): Uint8Array | undefined {
    if (name !== this.key) throw new FalseClaimError("the signature is over another epoch, or another committee's");
    const point = head.length === HEAD_BYTES ? decodePoint(head.subarray(0, KEY_BYTES)) : undefined;
    if (!point || point.is0()) return undefined;
    const sigma = xor(head.subarray(KEY_BYTES, KEY_BYTES + 32), ofGt(bls12_381.pairing(point, signature)));
    const block = xor(head.subarray(KEY_BYTES + 32), ofSigma(sigma));
    const same = G1.Point.BASE.multiply(scalar(sigma, block)).equals(point);
    return same ? block : undefined;
  }

  #ofCoins(part: Part, coins: Uint8Array): Uint8Array {
    return Transcript.ofRealm(this.domain, part).put(bytesOf(this.key)).put(coins).finish();
  }
}

/** Reads a point of G1 in its one compressed form; nothing for other bytes. */
function decodePoint(bytes: Uint8Array): G1 | undefined {
  if (bytes.length !== KEY_BYTES) return undefined;
  return checked(() => G1.Point.fromBytes(bytes), bytes);
}

function decodeSignature(bytes: Uint8Array): G2 | undefined {
  if (bytes.length !== SIGNATURE_BYTES) return undefined;
  const point = checked(() => G2.Point.fromBytes(bytes), bytes);
  return point?.is0() ? undefined : point;
}

function checked<P extends { assertValidity(): void; is0(): boolean; toBytes(compressed: boolean): Uint8Array }>(
  read: () => P,
  bytes: Uint8Array,
): P | undefined {
  try {
    const point = read();
    if (!point.is0()) point.assertValidity();
    return sameBytes(point.toBytes(true), bytes) ? point : undefined;
  } catch {
    return undefined;
  }
}

function scalar(sigma: Uint8Array, block: Uint8Array): bigint {
  return G1.hashToScalar(concat([sigma, block]), TO_SCALAR);
}

function ofSigma(sigma: Uint8Array): Uint8Array {
  return sha256(concat([stringToBytes("h4"), sigma]), "bytes");
}

/** The hash of an element of the target group: its twelve coordinates in the order of `blst`. */
function ofGt({ c0, c1 }: Fp12): Uint8Array {
  const pairs = [c0.c0, c1.c0, c0.c1, c1.c1, c0.c2, c1.c2];
  return sha256(concat([stringToBytes("h2"), ...pairs.map((pair) => fields.Fp2.toBytes(pair))]), "bytes");
}

function sameGt(left: Fp12, right: Fp12): boolean {
  return fields.Fp12.eql(left, right);
}
