// A proof, before the order is fixed, that an envelope's puzzle is one: its author knows r with u = g^r, and the solution
// is the one element whose square is published. It does not prove that the envelope opens to anything.
import { type Hex, bytesToHex, concat } from "viem";
import { type BytesLike, EncodingError, Reader, bytesOf, numberBytes, numberOf, sameBytes } from "../bytes.js";
import { type Envelope, envelopeId } from "./envelope.js";
import { PART, type Part, Transcript, expand } from "./hash.js";
import type { PuzzleSealer } from "./schemes.js";
import { drawn } from "./seal.js";
import { CHALLENGE_BYTES, RESPONSE_BYTES, challengeBytes } from "./share.js";

const ELEMENT_BYTES = 256;

/** Proves the puzzle of an envelope to whose author `seed` belongs; 337 bytes. */
export function provePuzzle(sealer: PuzzleSealer, envelope: Envelope, seed: BytesLike, entropy = drawn()): Hex {
  const { group, base, delayed } = sealer.setup;
  const random = numberOf(sealer.coinsOf(envelope, seed));
  const nonce = statement(sealer, envelope, PART.relationMask).put(entropy).put(bytesOf(seed)).finish();
  const mask = maskOf(nonce);
  const square = group.power(delayed, 2n * random);
  const commitments = [group.power(base, mask), group.power(delayed, 2n * mask)];
  const challenge = challengeOf(sealer, envelope, [square, ...commitments]);
  const response = mask - numberOf(challenge) * random;
  return bytesToHex(concat([group.encode(square), challenge, numberBytes(response, RESPONSE_BYTES)]));
}

/** Checks the proof of an envelope's puzzle; throws when it does not hold. */
export function verifyPuzzleProof(sealer: PuzzleSealer, envelope: Envelope, proof: BytesLike): void {
  const { group, base, delayed } = sealer.setup;
  const reader = new Reader(bytesOf(proof));
  const square = group.decodePuzzle(reader.raw(ELEMENT_BYTES));
  const challenge = reader.raw(CHALLENGE_BYTES);
  const response = numberOf(reader.raw(RESPONSE_BYTES));
  reader.finish();
  const puzzle = sealer.puzzle(envelope);
  if (puzzle === undefined) throw new EncodingError("the envelope has no puzzle");
  const commitment = (left: bigint, right: bigint) => group.multiply(left, group.power(right, numberOf(challenge)));
  const commitments = [
    commitment(group.power(base, response), puzzle),
    commitment(group.power(delayed, 2n * response), square),
  ];
  const computed = challengeOf(sealer, envelope, [square, ...commitments]);
  if (!sameBytes(computed, challenge)) throw new EncodingError("proof of the puzzle does not hold");
}

/** Returns a number between 2^519 and 2^520: the highest bit is set, so that no response is negative. */
function maskOf(nonce: Uint8Array): bigint {
  const mask = expand(Transcript.ofNumbers(PART.mask).put(nonce).number(0).finish(), RESPONSE_BYTES);
  mask[0]! |= 0x80;
  return numberOf(mask);
}

function statement({ domain, key }: PuzzleSealer, envelope: Envelope, part: Part): Transcript {
  return Transcript.ofRealm(domain, part).put(bytesOf(key)).put(bytesOf(envelopeId(domain, envelope)));
}

function challengeOf(sealer: PuzzleSealer, envelope: Envelope, values: readonly bigint[]): Uint8Array {
  const start = statement(sealer, envelope, PART.relationChallenge);
  return challengeBytes(values.reduce((hash, value) => hash.put(sealer.setup.group.encode(value)), start));
}
