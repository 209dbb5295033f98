// Sealing in a browser: bundled for one, run where nothing but what browsers have exists.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import vm from "node:vm";
import { build } from "esbuild";
import { repositoryFile } from "./lib/node.js";

const ENTRY = fileURLToPath(new URL("../../dist/sealing/index.js", import.meta.url));

/** What a page of a browser has, as far as sealing asks for it; no `process`, no `require`, no `Buffer`. */
const { TextEncoder, TextDecoder, crypto } = globalThis;

/** Bundles the package as a dApp does. A module of Node anywhere in it fails. */
async function bundled(): Promise<string> {
  const options = { bundle: true, minify: true, write: false, platform: "browser", format: "iife" } as const;
  const { outputFiles } = await build({ ...options, entryPoints: [ENTRY], globalName: "sealing", logLevel: "silent" });
  return outputFiles[0]!.text;
}

test("the package seals and opens with what a browser has", async () => {
  const page = vm.createContext({ TextEncoder, TextDecoder, crypto });
  vm.runInContext(await bundled(), page);
  const vectors = JSON.parse(repositoryFile("vectors/sealing/verdicts.json"));
  page["given"] = JSON.stringify({ setup: vectors.setup, keyList: vectors.keyList, secret: vectors.secret });
  const told = vm.runInContext(SEALS, page) as string;
  assert.deepEqual(JSON.parse(told), ["opened", 5, "opened", 5]);
});

const SEALS = `
  const { setup: encoded, keyList, secret } = JSON.parse(given);
  const domain = { version: 1, l1ChainId: 0, settlement: "0x" + "00".repeat(20), realm: 0 };
  const setup = sealing.Setup.decode(encoded);
  const list = sealing.KeyList.decode(setup, domain, keyList);
  const carriage = { payer: "0x" + "aa".repeat(20), deposit: 0, epoch: list.epoch, validUntil: 9n, gas: 0, maxFeeWei: 1n };
  const epochs = new sealing.EpochSealer(list);
  const puzzles = new sealing.PuzzleSealer(domain, setup);
  const one = epochs.open(epochs.seal(carriage, "0x0102030405"), list.secret(secret));
  const envelope = puzzles.seal(carriage, "0x0102030405");
  const two = puzzles.open(envelope, puzzles.solve(envelope));
  JSON.stringify([one.verdict, one.plaintext.length, two.verdict, two.plaintext.length]);
`;
