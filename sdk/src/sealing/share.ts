// A member's share of an epoch key: a point, its logarithm inside a puzzle, and the proof that it is the same number.
import { type Hex, bytesToHex } from "viem";
import { type BytesLike, EncodingError, Reader, bytesOf, numberBytes, numberOf, sameBytes } from "../bytes.js";
import type { Domain } from "../marker.js";
import { type CurvePoint, POINT_BYTES, decodePoint, encodePoint, reduced, sum, timesPublic } from "./curve.js";
import { power } from "./group.js";
import { PART, Transcript } from "./hash.js";
import type { Setup } from "./setup.js";

/** Bytes of a challenge, and of a response. */
export const CHALLENGE_BYTES = 16;
export const RESPONSE_BYTES = 65;
const ELEMENT_BYTES = 256;
const WIDE_BYTES = 512;
/** Bytes of an encoded share. */
export const SHARE_BYTES = POINT_BYTES + 2 * ELEMENT_BYTES + WIDE_BYTES + CHALLENGE_BYTES + 2 * RESPONSE_BYTES;

/** What a share is for. */
export interface ShareContext {
  domain: Domain;
  epoch: bigint;
  member: number;
}

/** Returns what a member signs when it announces a share: under a setup, for an epoch, in its own name. */
export function announcementDigest(setup: Hex, { domain, epoch, member }: ShareContext, share: BytesLike): Hex {
  const start = Transcript.ofRealm(domain, PART.announcement).put(bytesOf(setup)).number(epoch).number(member);
  return bytesToHex(start.put(bytesOf(share)).finish());
}

/** The four values of a share, or the four commitments of its proof. */
interface Values {
  /** S = s G */
  point: CurvePoint;
  /** u = g^r */
  puzzle: bigint;
  /** v = h^(r N) (1 + N)^s modulo N^2 */
  hidden: bigint;
  /** b = k^r f^s */
  binding: bigint;
}

/** A share as announced. */
export interface Share extends Values {
  challenge: Uint8Array;
  random: Uint8Array;
  secret: Uint8Array;
  encoding: Uint8Array;
}

/** Reads a share; `verifyShare` checks it. */
export function decodeShare(setup: Setup, input: BytesLike): Share {
  const encoding = bytesOf(input);
  const reader = new Reader(encoding);
  const share = {
    point: decodePoint(reader.raw(POINT_BYTES)),
    puzzle: setup.group.decode(reader.raw(ELEMENT_BYTES)),
    hidden: setup.wide.decode(reader.raw(WIDE_BYTES)),
    binding: setup.group.decode(reader.raw(ELEMENT_BYTES)),
    challenge: reader.raw(CHALLENGE_BYTES),
    random: reader.raw(RESPONSE_BYTES),
    secret: reader.raw(RESPONSE_BYTES),
    encoding,
  };
  reader.finish();
  return share;
}

/** Checks a share for a member and an epoch, in some tens of milliseconds; throws when it does not hold. */
export function verifyShare(setup: Setup, context: ShareContext, share: Share): void {
  if (share.puzzle === 1n) throw new EncodingError("element is the identity");
  const committed = commitments(setup, share);
  if (committed.point.is0()) throw new EncodingError("proof of the share does not hold");
  const computed = challengeOf(setup, context, share, committed);
  if (!sameBytes(computed, share.challenge)) throw new EncodingError("proof of the share does not hold");
}

/** Returns the first part of a hash as a challenge. */
export function challengeBytes(transcript: Transcript): Uint8Array {
  return transcript.finish().slice(0, CHALLENGE_BYTES);
}

/** Returns the commitments that make the responses right. */
function commitments(setup: Setup, share: Share): Values {
  const { group, wide } = setup;
  const [c, random, secret] = [share.challenge, share.random, share.secret].map(numberOf) as [bigint, bigint, bigint];
  const bound = group.multiply(group.power(setup.binding(1), random), group.power(setup.binding(2), secret));
  const number = (1n + secret * group.modulus) % wide.modulus;
  const hidden = wide.canonical((power(setup.hiding, random, wide.modulus) * number) % wide.modulus);
  return {
    point: sum([timesPublic(reduced(share.secret)), timesPublic(reduced(share.challenge), share.point)]),
    puzzle: group.multiply(group.power(setup.base, random), group.power(share.puzzle, c)),
    hidden: wide.multiply(hidden, wide.power(share.hidden, c)),
    binding: group.multiply(bound, group.power(share.binding, c)),
  };
}

function challengeOf(setup: Setup, { domain, epoch, member }: ShareContext, values: Values, committed: Values) {
  const statement = Transcript.ofRealm(domain, PART.shareChallenge).put(bytesOf(setup.id)).number(epoch).number(member);
  return challengeBytes([values, committed].reduce((transcript, each) => put(setup, transcript, each), statement));
}

function put({ group, wide }: Setup, transcript: Transcript, { point, puzzle, hidden, binding }: Values): Transcript {
  const elements = transcript.put(encodePoint(point)).put(numberBytes(puzzle, group.size));
  return elements.put(numberBytes(hidden, wide.size)).put(numberBytes(binding, group.size));
}
