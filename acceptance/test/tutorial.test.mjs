// docs/tutorials/first-hour.md as its reader has it: the blocks marked <!-- test --> are typed one after the other into a shell in an
// empty directory. The node is another for those below `weft dev --sealed`, the ports are free ones, and viem is that of these stories.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { A, B, C, binary, devnetOnL1, start, until } from "../lib/devnet.mjs";

const PAGE = new URL("../../docs/tutorials/first-hour.md", import.meta.url);
const LIMIT_MS = 5 * 60_000;

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "weft-tutorial-"));
after(() => rmSync(dir, { recursive: true, force: true }));
symlinkSync(fileURLToPath(new URL("../node_modules", import.meta.url)), join(dir, "node_modules"));
mkdirSync(join(dir, "bin"));
writeFileSync(join(dir, "package.json"), "{}");

const [clear, sealed] = shells(readFileSync(PAGE, "utf8"));
const [first, ...rest] = clear;

test("steps 1 to 5: promises, bundles, calls between rollups, L1", async () => {
  const node = await devnetOnL1();
  const output = await type(node, portsOf(node), [first, ...rest]);
  await node.stop();
  for (const line of [
    /^valid {2}signed by 0x/m,
    /^error: altered\.json is refused/m,
    /^included {2}0x/m,
    /^removed {2}0x/m,
    /Error\("Multicall3: value mismatch"\)/,
    /"reason": "revert: Multicall3: value mismatch"/,
    /^error: weft_sendBundle: Replayed/m,
    /^chain 901: Bob has 10003; chain 902: Bob has 10002$/m,
    /^Bob has 10005 on 902$/m,
    /"kind":"return".*"status":"ok"/,
    /^ {2}✓ profit/m,
    /^0x0{35}ca401 has 1 ETH there$/m,
    /^claimed exit 0 in L1 transaction 0x/m,
  ]) {
    assert.match(output, line);
  }
});

test("step 6: sealed", async () => {
  const node = await devnetOnL1("--sealed");
  const [fund, ...send] = sealed;
  // The wallet of step 2 names the node's port, which is another one here.
  const wallet = clear.find((block) => block.includes("> pay.mjs"));
  const ports = portsOf(node);
  await type(node, ports, [first, wallet, fund]);
  const paths = ["--key", join(dir, "payer.json"), "--passphrase", join(dir, "pass"), "--dir", join(dir, "shield")];
  const shield = start(["shield", "--port", "0", "--rpc", node.urls[A], ...paths]);
  const { url } = await until("the shield is ready", () => {
    const [line, more] = shield.output().split("\n", 2);
    return more === undefined ? null : JSON.parse(line);
  });
  const output = await type(node, { ...ports, 8645: new URL(url).port }, [first, ...send]);
  await shield.stop();
  await node.stop();
  assert.match(output, /can the node read it\? false$/m);
  assert.match(output, /has position \d+\.1\.0 for good$/m);
  assert.match(output, /at position \d+\.3\.0 it is included:$/m);
});

/** Returns the marked blocks above the one that starts the sealed node, and those below. */
function shells(text) {
  const [above, below, ...more] = text.split("\n```sh\nweft dev --sealed\n```\n");
  assert.ok(below !== undefined && more.length === 0, "one block starts the sealed node");
  const marked = (part) => [...part.matchAll(/^<!-- test -->\n```sh\n(.*?)^```$/gms)].map(([, script]) => script);
  return [marked(above), marked(below)];
}

/** Returns the ports of the page with those of `node` in their place. */
function portsOf({ urls, l1 }) {
  const port = (url) => new URL(url).port;
  return { 9545: port(urls[A]), 9546: port(urls[B]), 9547: port(urls[C]), 8545: port(l1.url) };
}

/** Types `blocks` into a shell and returns what it printed. */
async function type({ urls, l1 }, ports, blocks) {
  // What the commands have by default in `weft dev`.
  const weft = `#!/bin/bash
case "$1 $2" in
  "promise get" | "bundle "* | "sealed deposit") set -- "$@" --rpc ${urls[A]} ;;
  "deposit "* | "withdraw "*) set -- "$@" --rpc ${urls[A]} --l1 ${l1.url} --hub ${l1.hub} ;;
esac
exec ${binary()} "$@"
`;
  writeFileSync(join(dir, "bin", "weft"), weft);
  chmodSync(join(dir, "bin", "weft"), 0o755);
  const script = blocks.join("\n").replace(/\b(9545|9546|9547|8545|8645)\b/g, (port) => ports[port]);
  const env = { ...process.env, PATH: [join(dir, "bin"), process.env.PATH].join(delimiter) };
  const { stdout, stderr } = await run("bash", ["-euo", "pipefail", "-c", script], { cwd: dir, env, timeout: LIMIT_MS });
  return stdout + stderr;
}
