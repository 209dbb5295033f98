// Threshold sealing: byte for byte as in Rust, and the same verdict about whatever bytes somebody submits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, bytesToHex, hexToBytes } from "viem";
import {
  EncodingError,
  ForeignEnvelopeError,
  type Verdict,
  decodeEnvelope,
  encodeEnvelope,
  envelopeId,
} from "@weft/sdk/sealing";
import { ThresholdSealer } from "@weft/sdk/sealing/threshold";
import { repositoryFile } from "./lib/node.js";

const DEV = { version: 1, l1ChainId: 0, settlement: `0x${"00".repeat(20)}` as Hex, realm: 0 };

interface Golden {
  publicKey: Hex;
  epoch: string;
  name: Hex;
  partials: Hex[];
  opener: Hex;
  vectors: { entropy: Hex; plaintext: Hex; envelope: Hex; id: Hex; seed: Hex }[];
}

interface Verdicts extends Omit<Golden, "vectors"> {
  vectors: { bytes: Hex; verdict: string; plaintext: Hex | null; seed: Hex | null }[];
}

function read<T>(name: string): T {
  return JSON.parse(repositoryFile(`vectors/sealing/${name}.json`)) as T;
}

const golden = read<Golden>("threshold");
const sealer = new ThresholdSealer(DEV, golden.publicKey, BigInt(golden.epoch));
const opener = sealer.opener(golden.opener);

test("envelopes are sealed byte for byte as in Rust, and open", () => {
  assert.equal(sealer.key, golden.name);
  for (const { entropy, plaintext, envelope, id, seed } of golden.vectors) {
    const sealed = decodeEnvelope(envelope);
    assert.equal(encodeEnvelope(sealer.seal(sealed.carriage, plaintext, hexToBytes(entropy))), envelope);
    assert.equal(envelopeId(DEV, sealed), id);
    const expected = { verdict: "opened", plaintext: hexToBytes(plaintext), seed };
    assert.deepEqual(sealer.open(sealed, opener), expected);
    assert.deepEqual(sealer.verifyOpening(sealed, seed), expected);
    assert.throws(() => sealer.checkVerdict(sealed, { verdict: "undecryptable" }, opener), /is opened/);
  }
});

test("byte strings have the verdicts that Rust gives", () => {
  const told = read<Verdicts>("threshold-verdicts");
  const judge = new ThresholdSealer(DEV, told.publicKey, BigInt(told.epoch));
  const key = judge.opener(told.opener);
  const counts = new Map<string, number>();
  for (const [index, { bytes, verdict, plaintext, seed }] of told.vectors.entries()) {
    const found = verdictOf(bytes, judge, key);
    assert.equal(found.verdict, verdict, `case ${index}: ${bytes}`);
    if (plaintext !== null) assert.deepEqual("plaintext" in found && found.plaintext, hexToBytes(plaintext));
    if (seed !== null) assert.deepEqual(judge.verifyOpening(decodeEnvelope(bytes), seed), found, `case ${index}`);
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  assert.equal(counts.size, 5, "every verdict occurs");
});

test("nothing but the committee's signature over this epoch opens", () => {
  const later = new ThresholdSealer(DEV, golden.publicKey, sealer.epoch + 1n);
  const elsewhere = new ThresholdSealer({ ...DEV, realm: 1 }, golden.publicKey, sealer.epoch);
  assert.equal(new Set([sealer.key, later.key, elsewhere.key]).size, 3);
  for (const other of [later, elsewhere]) assert.throws(() => other.opener(golden.opener), /not the committee's/);
  // A member's own signature stands behind its number.
  for (const partial of golden.partials) {
    assert.throws(() => sealer.opener(`0x${partial.slice(-192)}`), /not the committee's/);
  }
  const infinity = bytesToHex(Uint8Array.of(0xc0, ...new Uint8Array(95)));
  for (const bytes of [infinity, "0x", `0x${"ff".repeat(96)}`] as Hex[]) assert.throws(() => sealer.opener(bytes), /not the/);
  const envelope = decodeEnvelope(golden.vectors[0]!.envelope);
  assert.throws(() => later.open(envelope, opener), ForeignEnvelopeError);
  assert.throws(() => later.open({ ...envelope, key: later.key }, opener), /another epoch/);
});

test("keys that are none are refused", () => {
  const infinity = bytesToHex(Uint8Array.of(0xc0, ...new Uint8Array(47)));
  const long = `${golden.publicKey}00` as Hex;
  for (const bytes of [infinity, long, "0x", `0x${"ff".repeat(48)}`] as Hex[]) {
    assert.throws(() => new ThresholdSealer(DEV, bytes, 1n), EncodingError);
  }
});

function verdictOf(bytes: Hex, judge: ThresholdSealer, key: typeof opener): Verdict | { verdict: string } {
  try {
    const envelope = decodeEnvelope(bytes);
    assert.equal(encodeEnvelope(envelope), bytes, "one encoding for each envelope");
    return judge.open(envelope, key);
  } catch (error) {
    if (error instanceof EncodingError) return { verdict: "refused" };
    if (error instanceof ForeignEnvelopeError) return { verdict: "foreign" };
    throw error;
  }
}
