// Golden vectors that Rust writes hold for the JavaScript of these stories.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bundleId, marked } from "../lib/bundle.mjs";

const bundles = JSON.parse(readFileSync(new URL("../../vectors/types/bundles.json", import.meta.url), "utf8"));

test("there are vectors", () => assert.ok(bundles.vectors.length >= 3));

for (const { name, legs, salt, level, id, suffix } of bundles.vectors) {
  test(`bundle "${name}"`, () => {
    const shapes = legs.map(({ network, value, ...leg }) => ({ ...leg, chainId: network, value: BigInt(value) }));
    assert.equal(bundleId(shapes, { salt, level, domain: bundles.domain }), id);
    assert.equal(marked("0x", id), suffix);
  });
}
