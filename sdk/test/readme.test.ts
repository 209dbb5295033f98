// The example of the README is the file that runs here.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { A, repositoryFile, start } from "./lib/node.js";

const EXAMPLE = new URL("../examples/two-chains.js", import.meta.url).pathname;
const { urls } = await start();

for (const page of ["sdk/README.md", "docs/reference/sdk.md"]) {
  test(`${page} shows the example as it is`, () => {
    assert.ok(repositoryFile(page).includes(repositoryFile("sdk/examples/two-chains.ts").trim()));
  });
}

test("the example includes a bundle", async () => {
  const env = { ...process.env, WEFT_URL: urls[A] };
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], { env, timeout: 30_000 });
  assert.match(stdout, /included in slot \d+: \[\s*'901 0x[0-9a-f]{64}',\s*'902 0x[0-9a-f]{64}'\s*\]/);
});
