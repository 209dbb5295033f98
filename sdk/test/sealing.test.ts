// The golden vectors of sealing, byte for byte, and what must be refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Hex, bytesToHex, createWalletClient, custom, hexToBytes, recoverAddress } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import {
  EpochSealer,
  KeyList,
  announcementDigest,
  checkCommittee,
  PuzzleSealer,
  RSA_2048,
  SCHEME,
  Setup,
  Solution,
  bundlePlaintext,
  decodeEnvelope,
  decodeShare,
  encodeEnvelope,
  envelopeId,
  type SealedBundle,
  type SealedLeg,
  gasFor,
  keyBytes,
  provePuzzle,
  signEnvelope,
  sizeFor,
  transactionPlaintext,
  verifyPayer,
  verifyPuzzleProof,
  verifyShare,
  verifySquarings,
} from "@weft/sdk/sealing";
import { repositoryFile } from "./lib/node.js";

const DEV = { version: 1, l1ChainId: 0, settlement: `0x${"00".repeat(20)}` as Hex, realm: 0 };

function vectors<T>(name: string): T {
  return JSON.parse(repositoryFile(`vectors/${name}`)) as T;
}

interface Envelopes {
  setup: Hex;
  keyList: Hex;
  vectors: { scheme: number; key: Hex; entropy: Hex; plaintext: Hex; envelope: Hex; id: Hex; seed: Hex }[];
}

const sealed = vectors<Envelopes>("sealing/envelopes.json");
const setup = Setup.decode(sealed.setup);
const list = KeyList.decode(setup, DEV, sealed.keyList);
const [epochs, puzzles] = [new EpochSealer(list), new PuzzleSealer(DEV, setup)];
const solved = list.recover(setup.group.encode(setup.group.squared(list.puzzle, setup.delaySquarings)));

function flipped(bytes: Hex | Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(typeof bytes === "string" ? hexToBytes(bytes) : bytes);
  changed[at]! ^= 1;
  return changed;
}

test("setups and proofs of squarings hold, and no others", () => {
  interface Squarings {
    modulus: Hex;
    generator: Hex;
    delaySquarings: string;
    setup: Hex;
    setupId: Hex;
    vectors: { squarings: string; base: Hex; output: Hex; proof: Hex }[];
  }
  const told = vectors<Squarings>("sealing/squarings.json");
  const read = Setup.decode(told.setup);
  const { group } = read;
  assert.equal(BigInt(told.modulus), RSA_2048);
  assert.equal(read.base, BigInt(told.generator));
  assert.equal(read.id, told.setupId);
  assert.equal(read.delaySquarings, BigInt(told.delaySquarings));
  assert.ok(told.vectors.length >= 4);
  for (const vector of told.vectors) {
    const [base, output, proof] = [vector.base, vector.output, vector.proof].map((hex) => group.decode(hexToBytes(hex)));
    const statement = { base: base!, output: output!, squarings: BigInt(vector.squarings) };
    verifySquarings(group, statement, proof!);
    assert.equal(group.squared(base!, statement.squarings), output);
    assert.throws(() => verifySquarings(group, { ...statement, squarings: statement.squarings + 1n }, proof!), /hold/);
    assert.throws(() => verifySquarings(group, { ...statement, output: base! }, proof!), /hold/);
  }
  // N, T, h and the proof: one bit of each.
  for (const at of [255, 256 + 7, 264 + 255, 520 + 255]) assert.throws(() => Setup.decode(flipped(told.setup, at)), `byte ${at}`);
  assert.throws(() => Setup.decode(told.setup, { modulus: RSA_2048 - 2n }), /another modulus/);
  assert.throws(() => Setup.decode(`${told.setup}00`), /follow/);
  assert.throws(() => Setup.decode(told.setup.slice(0, -2) as Hex), /early/);
});

test("shares hold for their member and epoch, and make the key, its name, and its secret by both ways", () => {
  interface EpochKey {
    setupId: Hex;
    epoch: number;
    key: Hex;
    id: Hex;
    solution: Hex;
    secret: Hex;
    vectors: { member: number; secret: Hex; share: Hex }[];
  }
  const told = vectors<EpochKey>("sealing/epoch-key.json");
  assert.equal(told.setupId, setup.id);
  const epoch = BigInt(told.epoch);
  for (const { member, share } of told.vectors) {
    const read = decodeShare(setup, share);
    verifyShare(setup, { domain: DEV, epoch, member }, read);
    assert.throws(() => verifyShare(setup, { domain: DEV, epoch: epoch + 1n, member }, read), /hold/);
    assert.throws(() => verifyShare(setup, { domain: DEV, epoch, member: member + 1 }, read), /hold/);
    assert.throws(() => verifyShare(setup, { domain: { ...DEV, realm: 1 }, epoch, member }, read), /hold/);
  }
  const encoding = listOf(told.epoch, told.vectors);
  const list = KeyList.decode(setup, DEV, encoding);
  assert.equal(list.id, told.id);
  assert.equal(keyBytes(list), told.key);
  assert.equal(KeyList.decode(setup, DEV, encoding, { id: told.id }).id, told.id);
  assert.throws(() => KeyList.decode(setup, DEV, encoding, { id: setup.id }), /not the expected/);
  assert.equal(list.recover(told.solution).secret, BigInt(told.secret));
  assert.equal(list.collect(told.vectors).secret, BigInt(told.secret));
  assert.equal(list.secret(told.secret).list, told.id);
  assert.throws(() => list.secret(told.vectors[0]!.secret), /not that of the key/);
  assert.throws(() => list.secret(`0x${"00".repeat(32)}`), /not that of the key/);
  assert.throws(() => list.collect(told.vectors.slice(1)), /no fitting secret of member 1/);
  assert.throws(() => list.collect(told.vectors.map((vector) => ({ ...vector, secret: told.secret }))), /member 1, 2/);
  assert.throws(() => list.recover(setup.group.encode(setup.base)), /does not open/);
  const [one, two] = told.vectors;
  assert.throws(() => KeyList.decode(setup, DEV, listOf(told.epoch, [two!, one!])), /out of order/);
  assert.throws(() => KeyList.decode(setup, DEV, listOf(told.epoch, [one!, one!])), /out of order/);
  assert.throws(() => KeyList.decode(setup, DEV, listOf(told.epoch, [])), /no share/);
  assert.throws(() => KeyList.decode(setup, DEV, listOf(told.epoch + 1, told.vectors)), /hold/);
});

test("no byte of a share can change", () => {
  const share = hexToBytes(sealed.keyList).slice(8 + 2 + 4, 8 + 2 + 4 + 1203);
  verifyShare(setup, { domain: DEV, epoch: list.epoch, member: [...list.shares.keys()][0]! }, decodeShare(setup, share));
  for (let at = 0; at < share.length; at += 41) {
    const changed = flipped(share, at);
    const member = [...list.shares.keys()][0]!;
    assert.throws(() => verifyShare(setup, { domain: DEV, epoch: list.epoch, member }, decodeShare(setup, changed)), `byte ${at}`);
  }
});

test("a key is that of a committee only with every member's signature, and a long enough delay", async () => {
  const numbers = [...list.shares.keys()];
  const accounts = numbers.map((member) => privateKeyToAccount(`0x${member.toString(16).padStart(64, "7")}`));
  const members = Object.fromEntries(numbers.map((member, at) => [member, accounts[at]!.address]));
  const sign = async (member: number, by: PrivateKeyAccount) => by.sign!({ hash: list.announcementDigest(member) });
  const signed = await Promise.all(numbers.map(async (member, at) => [member, await sign(member, accounts[at]!)] as const));
  const [signatures, leastDelay] = [Object.fromEntries(signed), setup.delaySquarings];
  await checkCommittee({ members, leastDelay }, list, signatures);
  const [first, second] = numbers as [number, number];
  const refused = (committee: object, own: Record<number, Hex>, why: RegExp) =>
    assert.rejects(checkCommittee({ members, leastDelay, ...committee }, list, own), why);
  await refused({ leastDelay: leastDelay + 1n }, signatures, /squarings, at least/);
  await refused({}, { ...signatures, [first]: signatures[second]! }, /is not signed/);
  await refused({}, { [second]: signatures[second]! }, /is not signed/);
  await refused({}, { ...signatures, [first]: await sign(second, accounts[0]!) }, /is not signed/);
  await refused({ members: { [second]: members[second]! } }, signatures, /not of the committee/);
  const absent = { ...members, 99: carriage().payer };
  await refused({ members: absent }, signatures, /members made the key, at least/);
  await checkCommittee({ members: absent, least: numbers.length, leastDelay }, list, signatures);
  await assert.rejects(checkCommittee({ members: { ...absent, 98: absent[99]! }, least: 1, leastDelay }, list, signatures), /same key/);
  assert.throws(() => list.announcementDigest(99), /no share/);
});

test("what a member signs is what Rust's members sign", async () => {
  interface Evidence {
    vectors: { name: string; key: Hex; encoding: Hex }[];
  }
  const told = vectors<Evidence>("evidence/evidence.json").vectors.find(({ name }) => name === "two shares")!;
  const bytes = hexToBytes(told.encoding);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const domain = {
    version: view.getUint16(1),
    l1ChainId: Number(view.getBigUint64(3)),
    settlement: bytesToHex(bytes.slice(11, 31)),
    realm: Number(view.getBigUint64(31)),
  };
  for (const at of [40, 40 + 1312]) {
    const [epoch, member] = [view.getBigUint64(at + 32), view.getUint32(at + 40)];
    const share = bytes.slice(at + 44, at + 44 + 1203);
    const digest = announcementDigest(bytesToHex(bytes.slice(at, at + 32)), { domain, epoch, member }, share);
    const signature = bytes.slice(at + 1247, at + 1312);
    assert.equal((await recoverAddress({ hash: digest, signature })).toLowerCase(), told.key);
  }
});

test("envelopes are sealed byte for byte as in Rust, and open", () => {
  assert.ok(sealed.vectors.length >= 6);
  for (const { scheme, key, entropy, plaintext, envelope, id, seed } of sealed.vectors) {
    const read = decodeEnvelope(envelope);
    assert.equal(encodeEnvelope(read), envelope);
    assert.equal(envelopeId(DEV, read), id);
    assert.deepEqual([read.scheme, read.key], [scheme, key]);
    const expected = { verdict: "opened", plaintext: hexToBytes(plaintext), seed };
    if (scheme === SCHEME.epochKey) {
      assert.equal(encodeEnvelope(epochs.seal(read.carriage, plaintext, hexToBytes(entropy))), envelope);
      assert.deepEqual(epochs.open(read, solved), expected);
      assert.deepEqual(epochs.verifyOpening(read, seed), expected);
      assert.throws(() => puzzles.verifyOpening(read, seed), /not to/);
    } else {
      assert.equal(encodeEnvelope(puzzles.seal(read.carriage, plaintext, hexToBytes(entropy))), envelope);
      assert.deepEqual(puzzles.open(read, puzzles.solve(read)), expected);
      assert.deepEqual(puzzles.verifyOpening(read, seed), expected);
    }
  }
});

test("proofs of puzzles are made byte for byte as in Rust, and hold for their envelope alone", () => {
  interface Proofs {
    vectors: { envelope: Hex; seed: Hex; entropy: Hex; proof: Hex }[];
  }
  const told = vectors<Proofs>("sealing/puzzle-proofs.json").vectors;
  for (const { envelope, seed, entropy, proof } of told) {
    const read = decodeEnvelope(envelope);
    assert.equal(provePuzzle(puzzles, read, seed, hexToBytes(entropy)), proof);
    verifyPuzzleProof(puzzles, read, proof);
    for (const at of [255, 256, 336]) assert.throws(() => verifyPuzzleProof(puzzles, read, flipped(proof, at)), `byte ${at}`);
    assert.throws(() => verifyPuzzleProof(puzzles, { ...read, body: flipped(read.body, 0) }, proof), /hold/);
  }
  assert.throws(() => verifyPuzzleProof(puzzles, decodeEnvelope(told[0]!.envelope), told[1]!.proof), /hold/);
  assert.throws(() => provePuzzle(puzzles, decodeEnvelope(told[0]!.envelope), told[1]!.seed), /does not give/);
});

test("claims are checked by the seed, or by the key", () => {
  const envelope = epochs.seal(carriage(), "0x1234");
  const verdict = epochs.open(envelope, solved);
  assert.ok(verdict.verdict === "opened");
  epochs.checkVerdict(envelope, verdict);
  assert.throws(() => epochs.checkVerdict(envelope, { verdict: "malformed", seed: verdict.seed }), /is opened/);
  assert.throws(() => epochs.checkVerdict(envelope, { ...verdict, plaintext: Uint8Array.of(1) }), /is opened/);
  assert.throws(() => epochs.checkVerdict(envelope, { verdict: "undecryptable" }, solved), /is opened/);
  assert.throws(() => epochs.checkVerdict(envelope, { verdict: "undecryptable" }), /only the key/);
  assert.throws(() => epochs.checkVerdict(envelope, { ...verdict, seed: setup.id }), /does not give/);
  const broken = { ...envelope, maskedSeed: flipped(envelope.maskedSeed, 3) };
  epochs.checkVerdict(broken, { verdict: "undecryptable" }, solved);
});

test("what an opener does not belong to is said, not guessed", () => {
  const [epoch, puzzle] = [epochs.seal(carriage(), "0x01"), puzzles.seal(carriage(), "0x01")];
  assert.throws(() => epochs.open(puzzle, solved), /not to/);
  assert.throws(() => puzzles.open(epoch, puzzles.solve(puzzle)), /not to/);
  assert.throws(() => epochs.open(epoch, { ...solved, list: setup.id }), /another key list/);
  assert.throws(() => puzzles.open(puzzle, puzzles.solve(puzzles.seal(carriage(), "0x01"))), /another envelope/);
  // Whoever squared under another setup knows another value.
  const { head, value } = puzzles.solve(puzzle);
  assert.throws(() => puzzles.open(puzzle, new Solution(list.id, head, value)), /another setup/);
});

test("entropy is drawn anew for every envelope", () => {
  const heads = Array.from({ length: 8 }, () => bytesToHex(epochs.seal(carriage(), "0x01").head));
  assert.equal(new Set(heads).size, heads.length);
  assert.throws(() => epochs.seal(carriage(), "0x01", new Uint8Array(31)), /31 bytes/);
});

test("buckets hold what they say, and no more", () => {
  for (const [bytes, size] of [[0, 0], [252, 0], [253, 1], [508, 1], [509, 2], [131_068, 9]] as const) {
    assert.equal(sizeFor(bytes), size);
    const plaintext = new Uint8Array(bytes).fill(7);
    const envelope = epochs.seal(carriage(), plaintext);
    assert.equal(envelope.body.length, 256 << size);
    const verdict = epochs.open(decodeEnvelope(encodeEnvelope(envelope)), solved);
    assert.ok(verdict.verdict === "opened");
    assert.deepEqual(verdict.plaintext, plaintext);
  }
  assert.throws(() => sizeFor(131_069), /over the largest/);
  assert.throws(() => epochs.seal({ ...carriage(), size: 0 }, new Uint8Array(253)), /over the bucket's 252/);
  assert.throws(() => epochs.seal({ ...carriage(), size: 10 }, "0x"), /size bucket/);
  assert.deepEqual([gasFor(21_000), gasFor(32_768), gasFor(32_769n), gasFor(1 << 25)], [0, 0, 1, 10]);
  assert.throws(() => gasFor((1 << 25) + 1), /over the largest/);
});

test("the payer signs the envelope's name, and nobody else can", async () => {
  const [account, other] = [privateKeyToAccount(`0x${"11".repeat(32)}`), privateKeyToAccount(`0x${"22".repeat(32)}`)];
  const envelope = epochs.seal({ ...carriage(), payer: account.address }, "0x01");
  const signed = await signEnvelope(DEV, envelope, account);
  assert.equal(signed.id, envelopeId(DEV, envelope));
  assert.ok(hexToBytes(signed.signature)[64]! <= 1);
  await verifyPayer(DEV, decodeEnvelope(signed.envelope), signed.signature);
  const wallet = createWalletClient({ account: account.address, transport: custom({ request: personally(account) }) });
  const message = await signEnvelope(DEV, envelope, wallet);
  assert.notEqual(message.signature, signed.signature);
  await verifyPayer(DEV, envelope, message.signature);
  await assert.rejects(signEnvelope(DEV, envelope, other), /the payer is/);
  await assert.rejects(verifyPayer({ ...DEV, realm: 1 }, envelope, signed.signature), /not that of/);
  await assert.rejects(verifyPayer(DEV, { ...envelope, body: flipped(envelope.body, 0) }, signed.signature), /not that of/);
  await assert.rejects(verifyPayer(DEV, envelope, hexToBytes(signed.signature).slice(1)), /one accepted form/);
  const parity = hexToBytes(signed.signature);
  parity[64]! += 27;
  await assert.rejects(verifyPayer(DEV, envelope, parity), /one accepted form/);
});

test("plaintexts are the lane's own encoding of items", () => {
  interface Items {
    vectors: {
      item: {
        kind: number;
        leg?: SealedLeg;
        bundle?: SealedBundle;
      };
      encoding: Hex;
    }[];
  }
  let checked = 0;
  for (const { item, encoding } of vectors<Items>("types/items.json").vectors) {
    if (item.kind === 0) assert.equal(transactionPlaintext(item.leg!), encoding);
    else if (item.kind === 1) assert.equal(bundlePlaintext(item.bundle!), encoding);
    else continue;
    checked++;
  }
  assert.ok(checked >= 4, `${checked} items`);
});

/** A wallet that signs messages alone, as those of browsers do. */
function personally(account: PrivateKeyAccount) {
  return async ({ method, params }: { method: string; params?: unknown }) => {
    assert.equal(method, "personal_sign");
    return account.signMessage({ message: { raw: (params as [Hex])[0] } });
  };
}

function carriage() {
  const payer = `0x${"aa".repeat(20)}` as Hex;
  return { payer, deposit: 0, epoch: list.epoch, validUntil: 99n, gas: 3, maxFeeWei: 1_000_000n };
}

/** Writes a key list. */
function listOf(epoch: number, shares: readonly { member: number; share: Hex }[]): Hex {
  const number = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, "0");
  const count = shares.length === 0 ? "00" : `01${number(shares.length, 1)}`;
  return `0x${number(epoch, 8)}${count}${shares.map(({ member, share }) => number(member, 4) + share.slice(2)).join("")}`;
}
