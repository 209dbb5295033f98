// The golden vectors of the repository: identities that the Rust side computed.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address, Hex } from "viem";
import { type Domain, bundleId, markerList, withSuffix } from "@weft/sdk";
import { repositoryFile } from "./lib/node.js";

interface Vectors {
  domain: { version: number; l1ChainId: string; settlement: Address; realm: string };
  vectors: {
    name: string;
    salt: Hex;
    level: number;
    legs: { network: number; sender: Address; to: Address | null; value: string; data: Hex; mayRevert: boolean }[];
    id: Hex;
    suffix: Hex;
  }[];
}

const { domain: told, vectors } = JSON.parse(repositoryFile("vectors/types/bundles.json")) as Vectors;
const domain: Domain = { ...told, l1ChainId: BigInt(told.l1ChainId), realm: BigInt(told.realm) };

test("identities and suffixes are those of the golden vectors", () => {
  assert.ok(vectors.length >= 3);
  for (const { name, salt, level, legs, id, suffix } of vectors) {
    const shapes = legs.map((leg) => ({ ...leg, value: BigInt(leg.value) }));
    assert.equal(bundleId(shapes, { domain, salt, level }), id, name);
    assert.equal(withSuffix("0x", id), suffix, name);
    assert.deepEqual(markerList(id)[0]!.storageKeys, [id]);
  }
});

test("whatever identity covers changes it", () => {
  const { salt, level, legs } = vectors[0]!;
  const shapes = legs.map((leg) => ({ ...leg, value: BigInt(leg.value) }));
  const [first, ...rest] = shapes;
  const head = { domain, salt, level };
  const ids = [
    bundleId(shapes, head),
    bundleId(shapes, { ...head, level: level + 1 }),
    bundleId(shapes, { ...head, salt: `0x${"11".repeat(32)}` }),
    bundleId(shapes, { ...head, domain: { ...domain, realm: 8n } }),
    bundleId(rest, head),
    bundleId([...rest, first!], head),
    ...[{ network: 902 }, { value: 1n }, { data: "0x00" as Hex }, { mayRevert: true }, { to: null }].map((change) =>
      bundleId([{ ...first!, ...change }, ...rest], head),
    ),
  ];
  assert.equal(new Set(ids).size, ids.length);
});
