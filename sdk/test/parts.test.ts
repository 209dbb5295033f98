// Bundles in parts, byte for byte as Rust's `vectors/types/parts.json` has them (P18).
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, type Hex, keccak256 } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Domain, RESERVED, legCommitment, partedBundleId, withSuffix } from "@weft/sdk";
import { InvalidPartError, partPlaintext, sealedPart } from "@weft/sdk/sealing";
import { repositoryFile } from "./lib/node.js";

interface Vectors {
  domain: { version: number; l1ChainId: string; settlement: Address; realm: string };
  salt: Hex;
  level: number;
  epoch: string | number;
  commitments: Hex[];
  id: Hex;
  vectors: {
    index: number;
    blinding: Hex;
    leg: { network: number; sender: Address; to: Address | null; value: string; data: Hex; mayRevert: boolean };
    raw: Hex;
    commitment: Hex;
    encoding: Hex;
  }[];
}

const told = JSON.parse(repositoryFile("vectors/types/parts.json")) as Vectors;
const domain: Domain = { ...told.domain, l1ChainId: BigInt(told.domain.l1ChainId), realm: BigInt(told.domain.realm) };
const bundle = { salt: told.salt, level: told.level, epoch: BigInt(told.epoch), commitments: told.commitments };

test("commitments and the id are those of the golden vectors", () => {
  assert.equal(partedBundleId(domain, bundle), told.id);
  for (const { leg, blinding, commitment } of told.vectors) {
    assert.equal(legCommitment(domain, { ...leg, value: BigInt(leg.value) }, blinding), commitment);
  }
  const others = [
    { ...bundle, level: 0 },
    { ...bundle, epoch: bundle.epoch + 1n },
    { ...bundle, salt: keccak256("0x") },
    { ...bundle, commitments: bundle.commitments.slice(1) },
    { ...bundle, commitments: [...bundle.commitments].reverse() },
  ];
  const ids = [bundle, ...others].map((shape) => partedBundleId(domain, shape));
  assert.equal(new Set(ids).size, ids.length);
  assert.throws(() => legCommitment(domain, { ...told.vectors[0]!.leg, value: 0n }, "0x01"), RangeError);
});

test("a part is the plaintext of the golden vectors", async () => {
  assert.ok(told.vectors.length >= 3);
  for (const { index, leg, raw, blinding, encoding } of told.vectors) {
    const part = await sealedPart(domain, bundle, blinding, { network: leg.network, raw, mayRevert: leg.mayRevert });
    assert.equal(part.index, index);
    assert.equal(partPlaintext(part), encoding);
  }
});

test("a part is made of nothing else", async () => {
  const [first, second] = told.vectors;
  const { leg, raw, blinding } = first!;
  const own = { network: leg.network, raw, mayRevert: leg.mayRevert };
  const refused = (why: RegExp, ...[shape = bundle, by = blinding, signed = own]: Partial<Parameters<typeof part>>) =>
    assert.rejects(part(shape, by, signed), (error) => error instanceof InvalidPartError && why.test(error.message));
  const part = (shape: typeof bundle, by: Hex, signed: typeof own) => sealedPart(domain, shape, by, signed);
  await refused(/does not commit/, bundle, keccak256("0x01"));
  await refused(/does not commit/, bundle, second!.blinding);
  await refused(/does not commit/, bundle, blinding, { ...own, mayRevert: !own.mayRevert });
  await refused(/marker/, { ...bundle, epoch: bundle.epoch + 1n });
  await refused(/chain/, bundle, blinding, { ...own, network: 77 });
  await refused(/2 to 64/, { ...bundle, commitments: [told.commitments[0]!] });
  assert.notEqual(withSuffix("0x", told.id), withSuffix("0x", told.salt));
});

test("a transaction with a second marker, whatever it names, is no part", async () => {
  const owner = privateKeyToAccount(keccak256("0x07"));
  const [network, to, value] = [901, owner.address, 1n];
  const blinding = keccak256("0x08");
  const leg = { network, sender: owner.address, to, value, data: "0x" as Hex, mayRevert: false };
  const shape = { ...bundle, commitments: [legCommitment(domain, leg, blinding), keccak256("0x09")] };
  const id = partedBundleId(domain, shape);
  const other = keccak256("0x0a");
  const part = async (data: Hex, ...storageKeys: Hex[]) => {
    const accessList = [{ address: RESERVED, storageKeys }];
    const common = { chainId: network, to, value, data, gas: 100_000n, maxFeePerGas: 1n, nonce: 0 };
    return sealedPart(domain, shape, blinding, { network, raw: await owner.signTransaction({ ...common, accessList }) });
  };
  const [own, foreign] = [withSuffix("0x", id), withSuffix("0x", other)];
  assert.equal((await part(own)).index, 0);
  assert.equal((await part("0x", id)).index, 0);
  // Rust: `Marker::of` finds each of these contradictory.
  const contradictory = [part(own, other), part("0x", id, id), part(foreign, id), part(own, id)];
  const without = [part("0x"), part(foreign), part("0x", other)];
  for (const made of [...contradictory, ...without]) {
    await assert.rejects(made, (error) => error instanceof InvalidPartError && /marker/.test(error.message));
  }
});
