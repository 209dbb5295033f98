// Proofs that a value is the result of many squarings: Wesolowski, "Efficient verifiable delay functions", section 3.
import { EncodingError, numberOf } from "../bytes.js";
import { type Group, power } from "./group.js";
import { PART, Transcript } from "./hash.js";

/** Longest chain, in squarings. */
export const MAX_SQUARINGS = 1n << 32n;

/** Bases of the test for primes. Candidates are hashes, so a false prime for all of them is not found by searching. */
const WITNESSES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n, 43n, 47n, 53n, 59n, 61n, 67n, 71n];

/** What is proven: `output = base^(2^squarings)`. */
export interface Squarings {
  base: bigint;
  output: bigint;
  squarings: bigint;
}

/** Checks a proof, an element of the group; throws when it does not hold. */
export function verifySquarings(group: Group, { base, output, squarings }: Squarings, proof: bigint): void {
  if (squarings > MAX_SQUARINGS) throw new EncodingError(`${squarings} squarings are over the bound`);
  const statement = Transcript.ofNumbers(PART.prime)
    .put(group.encode(group.modulus))
    .put(group.encode(base))
    .put(group.encode(output))
    .number(squarings);
  const challenge = firstPrime(statement);
  const rest = power(2n, squarings, challenge);
  const computed = group.multiply(group.power(proof, challenge), group.power(base, rest));
  if (computed !== output) throw new EncodingError("proof of the squarings does not hold");
}

/** Returns the first prime among the hashes of a statement by counter, their highest and lowest bits set. */
export function firstPrime(statement: Transcript): bigint {
  for (let counter = 0n; ; counter++) {
    const candidate = numberOf(statement.number(counter).finish()) | (1n << 255n) | 1n;
    if (isPrime(candidate)) return candidate;
  }
}

/** The test of Miller and Rabin for a large odd number. */
function isPrime(candidate: bigint): boolean {
  if (WITNESSES.some((prime) => candidate % prime === 0n)) return false;
  let [odd, twos] = [candidate - 1n, 0];
  while ((odd & 1n) === 0n) [odd, twos] = [odd >> 1n, twos + 1];
  return WITNESSES.every((witness) => {
    let value = power(witness, odd, candidate);
    if (value === 1n) return true;
    for (let square = 0; square < twos; square++) {
      if (value === candidate - 1n) return true;
      value = (value * value) % candidate;
    }
    return false;
  });
}
