// Promises of bundles of several envelopes, byte for byte as Rust's `vectors/types/bundle-promises.json` has them (P14).
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, type Hex, hexToBytes } from "viem";
import type { Domain } from "@weft/sdk";
import { SECTION, readBundlePromise, readOrderPromise } from "@weft/sdk/sealing";
import { repositoryFile } from "./lib/node.js";

interface Vectors {
  domain: { version: number; l1ChainId: string | number; settlement: Address; realm: string | number };
  vectors: {
    statement: { epoch: string | number; places: { item: Hex; chain: Hex }[]; unixMs: string | number };
    signer: Address;
    encoding: Hex;
  }[];
}

const told = JSON.parse(repositoryFile("vectors/types/bundle-promises.json")) as Vectors;
const { settlement } = told.domain;
const domain: Domain = { ...told.domain, l1ChainId: BigInt(told.domain.l1ChainId), realm: BigInt(told.domain.realm) };

test("P14: the promise of a bundle reads as Rust wrote it, and no altered byte does", async () => {
  for (const { statement, signer, encoding } of told.vectors) {
    const promise = await readBundlePromise(domain, encoding, signer);
    assert.equal(promise.epoch, BigInt(statement.epoch));
    assert.equal(promise.unixMs, BigInt(statement.unixMs));
    assert.deepEqual(
      promise.places.map(({ item, chain, section }) => [item, chain, section]),
      statement.places.map(({ item, chain }) => [item, chain, SECTION.sealed]),
    );
    const bytes = hexToBytes(encoding);
    for (const at of bytes.keys()) {
      const altered = bytes.slice();
      altered[at]! ^= 1 << at % 8;
      await assert.rejects(readBundlePromise(domain, altered, signer), `byte ${at}`);
    }
    await assert.rejects(readBundlePromise({ ...domain, realm: 9n }, encoding, signer));
    await assert.rejects(readBundlePromise(domain, encoding, settlement));
    await assert.rejects(readOrderPromise(domain, encoding, signer));
  }
});
