// The same verdict as in Rust for whatever bytes somebody submits: the stored cases, and thousands that Rust prints now.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { type Hex, hexToBytes } from "viem";
import {
  EncodingError,
  type Envelope,
  EpochSealer,
  ForeignEnvelopeError,
  KeyList,
  PuzzleSealer,
  SCHEME,
  Setup,
  type Verdict,
  decodeEnvelope,
  encodeEnvelope,
} from "@weft/sdk/sealing";
import { repositoryFile } from "./lib/node.js";

const DEV = { version: 1, l1ChainId: 0, settlement: `0x${"00".repeat(20)}` as Hex, realm: 0 };
// Others in every run; CORPUS_SEED repeats one.
const { CORPUS_BIN, CORPUS_SEED = String(randomInt(2 ** 47)), CORPUS_COUNT = "3200" } = process.env;

interface Corpus {
  setup: Hex;
  keyList: Hex;
  secret: Hex;
  vectors: { bytes: Hex; verdict: string; plaintext: Hex | null; seed: Hex | null }[];
}

/** Judges every case; returns how often each verdict came. */
function judge({ setup: encoded, keyList, secret, vectors }: Corpus): Map<string, number> {
  const setup = Setup.decode(encoded);
  const list = KeyList.decode(setup, DEV, keyList);
  const [epochs, puzzles, opener] = [new EpochSealer(list), new PuzzleSealer(DEV, setup), list.secret(secret)];
  const opened = (envelope: Envelope): Verdict =>
    envelope.scheme === SCHEME.epochKey
      ? epochs.open(envelope, opener)
      : puzzles.open(envelope, puzzles.solve(envelope));
  const seedOnly = (envelope: Envelope, seed: Hex): Verdict =>
    (envelope.scheme === SCHEME.epochKey ? epochs : puzzles).verifyOpening(envelope, seed);
  const counts = new Map<string, number>();
  for (const [index, { bytes, verdict, plaintext, seed }] of vectors.entries()) {
    const found = verdictOf(bytes, opened);
    assert.equal(found.verdict, verdict, `case ${index}: ${bytes}`);
    if (plaintext !== null) assert.deepEqual("plaintext" in found && found.plaintext, hexToBytes(plaintext), `case ${index}`);
    if (seed !== null) {
      assert.equal("seed" in found && found.seed, seed, `case ${index}`);
      assert.deepEqual(seedOnly(decodeEnvelope(bytes), seed), found, `case ${index}`);
    }
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  return counts;
}

function verdictOf(bytes: Hex, opened: (envelope: Envelope) => Verdict): Verdict | { verdict: string } {
  try {
    const envelope = decodeEnvelope(bytes);
    assert.equal(encodeEnvelope(envelope), bytes, "one encoding for each envelope");
    return opened(envelope);
  } catch (error) {
    if (error instanceof EncodingError) return { verdict: "refused" };
    if (error instanceof ForeignEnvelopeError) return { verdict: "foreign" };
    throw error;
  }
}

test("stored byte strings have the verdicts that Rust gives", () => {
  const counts = judge(JSON.parse(repositoryFile("vectors/sealing/verdicts.json")) as Corpus);
  assert.equal(counts.size, 5, "every verdict occurs");
});

test("thousands of byte strings have the verdicts that Rust gives", (t) => {
  t.diagnostic(`CORPUS_SEED=${CORPUS_SEED} repeats these`);
  assert.ok(CORPUS_BIN, "CORPUS_BIN names the built example `corpus` of weft-crypto; sdk/test.sh builds it");
  const printed = execFileSync(CORPUS_BIN, [CORPUS_SEED, CORPUS_COUNT], { maxBuffer: 1 << 28, encoding: "utf8" });
  const counts = judge(JSON.parse(printed) as Corpus);
  assert.equal([...counts.values()].reduce((sum, count) => sum + count), Number(CORPUS_COUNT));
  for (const [verdict, count] of counts) assert.ok(count > 50, `${count} of seed ${CORPUS_SEED} are ${verdict}`);
  assert.equal(counts.size, 5, "every verdict occurs");
});
